// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A line of the source is read whole before the next one, a line of panels written whole: copies of single
// elements to and fro take three times as long.
#include "PackWeights.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

using namespace weft::cpu;

/// Input channels at once: of 1x1 weights of f32, a line of cache.
static constexpr int64_t block = 16;
static constexpr int64_t mostColumns = 64;

/// Element `index` of a file's bytes, which are not aligned.
template <typename T> static T load(const std::byte *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * int64_t(sizeof value), sizeof value);
  return value;
}

template <typename T> static void packAs(const WeightSource &from, const WeightPanels &to) {
  std::array<std::array<T, mostColumns>, block> tile;
  for (int64_t first = 0; first < to.outer; first += to.width) {
    const int64_t columns = std::min(to.width, to.outer - first);
    T *panel = reinterpret_cast<T *>(to.data) + first * to.taps * to.inner;
    for (int64_t low = 0; low < to.inner; low += block) {
      const int64_t rows = std::min(block, to.inner - low);
      for (int64_t tap = 0; tap < to.taps; ++tap) {
        for (int64_t j = 0; j < columns; ++j) {
          const int64_t line = (first + j) * from.strideO + low * from.strideI + tap * from.strideTap;
          for (int64_t i = 0; i < rows; ++i)
            tile[i][j] = load<T>(from.data, line + i * from.strideI);
        }
        for (int64_t i = 0; i < rows; ++i)
          std::memcpy(panel + (tap * to.inner + low + i) * to.width, tile[i].data(), columns * sizeof(T));
      }
    }
  }
}

void weft::cpu::packPanels(const WeightSource &from, size_t elementBytes, const WeightPanels &to) {
  assert(to.width <= mostColumns && "panels of more columns");
  switch (elementBytes) {
  case 1:
    return packAs<uint8_t>(from, to);
  case 2:
    return packAs<uint16_t>(from, to);
  default:
    assert(elementBytes == 4 && "no weights have such elements");
    packAs<uint32_t>(from, to);
  }
}

namespace {
/// A value of each column of a panel: loops over them are vectors.
using Row = std::array<double, mostColumns>;

/// G of m = 4 or 2, times a column of three values, in front of which the ones of the same kind lie.
template <int m> void transform(const Row *w, int64_t step, int64_t columns, Row *to) {
  const Row &w0 = w[0], &w1 = w[step], &w2 = w[2 * step];
  for (int64_t j = 0; j < columns; ++j) {
    const double x = w0[j], y = w1[j], z = w2[j];
    if constexpr (m == 4) {
      const double outer = (x + z) * (-1. / 6), inner = y * (1. / 6);
      const double steep = x * (1. / 24) + z * (1. / 6), flat = y * (1. / 12);
      to[0][j] = x * (1. / 4);
      to[1][j] = outer - inner;
      to[2][j] = outer + inner;
      to[3][j] = steep + flat;
      to[4][j] = steep - flat;
    } else {
      const double outer = (x + z) * 0.5, inner = y * 0.5;
      to[0][j] = x;
      to[1][j] = outer + inner;
      to[2][j] = outer - inner;
    }
    to[m + 1][j] = z;
  }
}
} // namespace

template <int m> static void transformAs(const WeightSource &from, const WeightPanels &to) {
  constexpr int64_t a = m + 2;
  auto *target = reinterpret_cast<float *>(to.data);
  const int64_t panels = (to.outer + to.width - 1) / to.width, panelSize = to.inner * to.width;
  std::array<Row, 9> w;
  std::array<std::array<Row, a>, 3> half; // of each column of taps
  std::array<Row, a> whole;
  std::array<float, mostColumns> rounded;
  for (int64_t p = 0; p < panels; ++p)
    for (int64_t i = 0; i < to.inner; ++i) {
      const int64_t columns = std::min(to.width, to.outer - p * to.width);
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t taps = (p * to.width + j) * from.strideO + i * from.strideI;
        for (int64_t tap = 0; tap < 9; ++tap)
          w[tap][j] = load<float>(from.data, taps + tap * from.strideTap);
      }
      for (int64_t x = 0; x < 3; ++x)
        transform<m>(&w[x], 3, columns, half[x].data());
      for (int64_t y = 0; y < a; ++y) {
        transform<m>(&half[0][y], a, columns, whole.data());
        for (int64_t x = 0; x < a; ++x) {
          for (int64_t j = 0; j < columns; ++j)
            rounded[j] = static_cast<float>(whole[x][j]);
          std::memcpy(target + ((y * a + x) * panels + p) * panelSize + i * to.width, rounded.data(),
                      columns * sizeof(float));
        }
      }
    }
}

void weft::cpu::transformPanels(const WeightSource &from, int64_t m, const WeightPanels &to) {
  assert(to.width <= mostColumns && "panels of more columns");
  if (m == 4)
    return transformAs<4>(from, to);
  assert(m == 2 && "no transform for other tiles");
  transformAs<2>(from, to);
}
