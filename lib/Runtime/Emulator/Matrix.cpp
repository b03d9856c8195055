// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix units of a warp: ldmatrix, stmatrix, mma.sync. Lane l has group g = l / 4 and place t = l % 4; the
// fragments' places in the matrices follow from those. Products and sums are in f32 (f64, s32): the order and
// rounding inside a tensor core are not emulated.
#include "Matrix.h"

#include "Lanes.h"
#include "weft/Support/DType.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace weft::runtime::emulator {

template <class T> static T loadAs(const void *array, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(array) + index * sizeof(T), sizeof value);
  return value;
}

float elementAt(uint8_t type, const void *array, size_t index) {
  switch (type) {
  case WEFT_F16:
    return f16ToFloat(loadAs<uint16_t>(array, index));
  case WEFT_BF16:
    return bf16ToFloat(loadAs<uint16_t>(array, index));
  case WEFT_TF32: {
    // The low bits of the register are not looked at.
    uint32_t bits = loadAs<uint32_t>(array, index) & ~0x1fffu;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  case WEFT_E4M3:
    return f8E4M3FNToFloat(loadAs<uint8_t>(array, index));
  case WEFT_E5M2:
    return f8E5M2ToFloat(loadAs<uint8_t>(array, index));
  case WEFT_S8:
    return loadAs<int8_t>(array, index);
  case WEFT_U8:
    return loadAs<uint8_t>(array, index);
  default:
    return loadAs<float>(array, index);
  }
}

static int32_t integerAt(uint8_t type, const void *array, size_t index) {
  return type == WEFT_S8 ? loadAs<int8_t>(array, index) : loadAs<uint8_t>(array, index);
}

namespace {

struct MatrixArgument {
  char *row;
  uint32_t count, transpose;
  void *registers;
};

/// All lanes of a warp must be there for a matrix op.
constexpr uint32_t allLanes = 0xffffffff;

void needWholeWarp(Thread &thread, const char *site) {
  if (thread.warp->alive != allLanes)
    thread.cluster->stop(thread, ErrorKind::Divergent, site,
                         concat(siteOp(site), " needs all 32 lanes of the warp of ", thread.name(), "; ",
                                __builtin_popcount(thread.warp->alive), " are there"));
}

/// The lane that holds element `column` of a row, and which half of its register.
void placeOf(uint32_t row, uint32_t column, bool transpose, uint32_t &lane, uint32_t &half) {
  if (transpose)
    std::swap(row, column);
  lane = row * 4 + column / 2;
  half = column % 2;
}

template <bool isLoad> void moveMatrices(Warp &warp, uint32_t, const char *site) {
  const auto &shape = warp.argument<MatrixArgument>(0);
  for (uint32_t m = 0; m < shape.count; ++m)
    for (uint32_t row = 0; row < 8; ++row) {
      Thread &owner = *warp.lanes[m * 8 + row];
      char *memory = warp.argument<MatrixArgument>(m * 8 + row).row;
      if (owner.cluster->checks() &&
          !owner.cluster->access(owner, memory, 16, 16, isLoad ? WEFT_ACCESS_READ : WEFT_ACCESS_WRITE, site))
        memory = owner.cluster->sink;
      for (uint32_t column = 0; column < 8; ++column) {
        uint32_t lane, half;
        placeOf(row, column, shape.transpose, lane, half);
        char *reg = static_cast<char *>(warp.argument<MatrixArgument>(lane).registers) + m * 4 + half * 2;
        std::memcpy(isLoad ? reg : memory + column * 2, isLoad ? memory + column * 2 : reg, 2);
      }
    }
}

struct MmaArgument {
  const WeftMma *shape;
  const void *a, *b, *c;
  void *d;
};

/// Calls `place(element, row, k)` for the elements of A that a lane holds, and `(element, k, column)` for B.
/// A register holds 4 / size elements side by side in k; registers go first over halves of the rows, then
/// over k.
template <class F> void eachOfA(const WeftMma &shape, uint32_t lane, uint32_t perRegister, F &&place) {
  const uint32_t g = lane / 4, t = lane % 4, total = shape.m * shape.k / warpSize, halves = shape.m / 8;
  for (uint32_t i = 0; i < total; ++i) {
    uint32_t reg = i / perRegister, sub = i % perRegister;
    place(i, g + 8 * (reg % halves), t * perRegister + sub + 4 * perRegister * (reg / halves));
  }
}
template <class F> void eachOfB(const WeftMma &shape, uint32_t lane, uint32_t perRegister, F &&place) {
  const uint32_t g = lane / 4, t = lane % 4, total = shape.n * shape.k / warpSize;
  for (uint32_t i = 0; i < total; ++i)
    place(i, t * perRegister + i % perRegister + 4 * perRegister * (i / perRegister), g);
}
template <class F> void eachOfC(const WeftMma &shape, uint32_t lane, F &&place) {
  const uint32_t g = lane / 4, t = lane % 4, total = shape.m * shape.n / warpSize;
  for (uint32_t i = 0; i < total; ++i)
    place(i, g + 8 * (i / 2), t * 2 + i % 2);
}

/// D = A * B + C in T, with elements read and written by the given functions.
template <class T, class Read, class ReadC, class Write>
void multiplyWarp(Warp &warp, const WeftMma &shape, uint32_t perRegister, Read &&read, ReadC &&readC,
                  Write &&write) {
  T a[16][32], b[32][8], c[16][8];
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    const auto &argument = warp.argument<MmaArgument>(lane);
    eachOfA(shape, lane, perRegister,
            [&](uint32_t i, uint32_t row, uint32_t k) { a[row][k] = read(shape.a, argument.a, i); });
    eachOfB(shape, lane, perRegister,
            [&](uint32_t i, uint32_t k, uint32_t column) { b[k][column] = read(shape.b, argument.b, i); });
    eachOfC(shape, lane,
            [&](uint32_t i, uint32_t row, uint32_t column) { c[row][column] = readC(argument.c, i); });
  }
  for (uint32_t row = 0; row < shape.m; ++row)
    for (uint32_t k = 0; k < shape.k; ++k)
      for (uint32_t column = 0; column < 8; ++column)
        c[row][column] += a[row][k] * b[k][column];
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    auto &argument = warp.argument<MmaArgument>(lane);
    eachOfC(shape, lane,
            [&](uint32_t i, uint32_t row, uint32_t column) { write(argument.d, i, c[row][column]); });
  }
}

template <class T> void storeAs(void *array, size_t index, T value) {
  std::memcpy(static_cast<char *>(array) + index * sizeof(T), &value, sizeof value);
}

void multiplyLanes(Warp &warp, uint32_t, const char *) {
  const WeftMma &shape = *warp.argument<MmaArgument>(0).shape;
  switch (shape.a) {
  case WEFT_F64:
    return multiplyWarp<double>(
        warp, shape, 1, [](uint8_t, const void *p, uint32_t i) { return loadAs<double>(p, i); },
        [](const void *p, uint32_t i) { return loadAs<double>(p, i); },
        [](void *p, uint32_t i, double v) { storeAs(p, i, v); });
  case WEFT_S8:
  case WEFT_U8:
    return multiplyWarp<int64_t>(
        warp, shape, 4,
        [](uint8_t type, const void *p, uint32_t i) { return int64_t(integerAt(type, p, i)); },
        [](const void *p, uint32_t i) { return int64_t(loadAs<int32_t>(p, i)); },
        [&](void *p, uint32_t i, int64_t v) {
          if (shape.saturate)
            v = std::clamp<int64_t>(v, std::numeric_limits<int32_t>::min(),
                                    std::numeric_limits<int32_t>::max());
          storeAs(p, i, int32_t(v));
        });
  default:
    return multiplyWarp<float>(
        warp, shape, 4 / elementBytesOf(WeftElementType(shape.a)), elementAt,
        [&](const void *p, uint32_t i) { return elementAt(shape.c, p, i); },
        [&](void *p, uint32_t i, float v) {
          if (shape.d == WEFT_F16)
            storeAs(p, i, floatToF16(v));
          else
            storeAs(p, i, v);
        });
  }
}

} // namespace

void loadMatrix(Thread &thread, void *row, uint32_t count, uint32_t transpose, void *result,
                const char *site) {
  needWholeWarp(thread, site);
  MatrixArgument argument{static_cast<char *>(row), count, transpose, result};
  thread.cluster->meetLanes(thread, allLanes, Exchange::LoadMatrix, &argument, moveMatrices<true>, site);
}

void storeMatrix(Thread &thread, void *row, uint32_t count, uint32_t transpose, const void *values,
                 const char *site) {
  needWholeWarp(thread, site);
  MatrixArgument argument{static_cast<char *>(row), count, transpose, const_cast<void *>(values)};
  thread.cluster->meetLanes(thread, allLanes, Exchange::StoreMatrix, &argument, moveMatrices<false>, site);
}

void multiply(Thread &thread, const WeftMma *shape, const void *a, const void *b, const void *c, void *d,
              const char *site) {
  needWholeWarp(thread, site);
  MmaArgument argument{shape, a, b, c, d};
  thread.cluster->meetLanes(thread, allLanes, Exchange::Mma, &argument, multiplyLanes, site);
}

} // namespace weft::runtime::emulator
