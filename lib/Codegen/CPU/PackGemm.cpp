// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the constant right operand of a matrix product lies in memory, and what is known of its values.
#include "MatrixTile.h"
#include "MultiplyStep.h"
#include "PackWeights.h"

#include "weft/Codegen/CPU/GenerateGemm.h"

#include <cstring>

using namespace mlir;
using namespace weft::cpu;

int64_t weft::cpu::packedPanelWidth(const TargetInfo &target, int64_t n) {
  int64_t lanes = target.lanes();
  if (!ShapedType::isDynamic(n) && n <= lanes)
    return lanes;
  if (!target.isX86)
    return 3 * lanes;
  // 9 x 3 of 32 registers take fewer loads than 14 x 2, where that leaves no panel half empty.
  bool threeFit = target.vectorRegisters >= 32 && !ShapedType::isDynamic(n) && n % (3 * lanes) == 0;
  return threeFit ? 3 * lanes : 2 * lanes;
}

PackedB weft::cpu::packedB(const GemmSpec &spec, const TargetInfo &target) {
  MultiplyStep step = MultiplyStep::choose(spec, target);
  int64_t width = spec.panelWidth ? spec.panelWidth : packedPanelWidth(target, spec.n);
  if (!spec.panelWidth && step.group > 1)
    width = std::min<int64_t>(width, step.mostVectors() * target.lanes());
  return {spec.k, spec.n, width, step.group, step.correction(), step.bUnsigned};
}

SmallVector<int64_t> PackedB::shape() const {
  // Matrix registers take 16 rows at once.
  int64_t rows = ceilDivide(k, group), multiple = group > 1 ? MatrixTile::stepsOfRegister : 1;
  return {ceilDivide(n, panelWidth), ceilDivide(rows, multiple) * multiple + (correction != 0),
          panelWidth * group};
}

namespace {

/// Copies elements of `bytes` bytes to their panels.
template <size_t bytes>
void packElements(const std::byte *from, const PackedB &packed, int64_t panelSize, int64_t strideK,
                  int64_t strideN, std::byte *to) {
  // A block of rows for all panels before the next: what a panel reads of a row, the next one continues.
  constexpr int64_t block = 64;
  const int64_t group = packed.group, width = packed.panelWidth;
  for (int64_t low = 0; low < packed.k; low += block)
    for (int64_t p = 0, high = std::min(low + block, packed.k); p * width < packed.n; ++p) {
      const int64_t columns = std::min(width, packed.n - p * width);
      const std::byte *source = from + p * width * strideN * bytes;
      std::byte *panel = to + p * panelSize * bytes;
      const auto copy = [&](int64_t row, int64_t j) {
        const int64_t index = (row / group * width + j) * group + row % group;
        std::memcpy(panel + index * bytes, source + (row * strideK + j * strideN) * bytes, bytes);
      };
      if (strideN == 1 && group == 1) {
        for (int64_t row = low; row < high; ++row)
          std::memcpy(panel + row * width * bytes, source + row * strideK * bytes, columns * bytes);
      } else if (strideN < strideK) {
        for (int64_t row = low; row < high; ++row)
          for (int64_t j = 0; j < columns; ++j)
            copy(row, j);
      } else {
        for (int64_t j = 0; j < columns; ++j)
          for (int64_t row = low; row < high; ++row)
            copy(row, j);
      }
    }
}

} // namespace

void weft::cpu::packB(std::span<const std::byte> source, size_t elementBytes, const PackedB &whole,
                      int64_t strideK, int64_t strideN, size_t firstPanel, std::span<std::byte> to) {
  const SmallVector<int64_t> shape = whole.shape();
  const int64_t panelSize = shape[1] * shape[2], width = whole.panelWidth;
  if (to.empty())
    return;
  const int64_t panels = int64_t(to.size() / elementBytes) / panelSize, first = int64_t(firstPanel) * width;
  assert(to.size() == size_t(panels * panelSize) * elementBytes && "not whole panels");
  PackedB packed = whole;
  packed.n = std::min(whole.n - first, panels * width);
  source = source.subspan(size_t(first * strideN) * elementBytes);
  if (panels * panelSize != packed.k * packed.n)
    std::ranges::fill(to, std::byte(0));
  if (packed.group == 1 && strideN != 1)
    return packPanels({source.data(), strideN, strideK, 0}, elementBytes,
                      {to.data(), packed.n, packed.k, 1, width});
  switch (elementBytes) {
  case 1:
    packElements<1>(source.data(), packed, panelSize, strideK, strideN, to.data());
    break;
  case 2:
    packElements<2>(source.data(), packed, panelSize, strideK, strideN, to.data());
    break;
  default:
    assert(elementBytes == 4 && "no product packs such elements");
    packElements<4>(source.data(), packed, panelSize, strideK, strideN, to.data());
  }
  if (packed.correction == 0)
    return;
  for (int64_t column = 0; column < packed.n; ++column) {
    uint32_t sum = 0; // wraps as the product's sums do
    for (int64_t row = 0; row < packed.k; ++row) {
      auto bits = std::to_integer<uint8_t>(source[row * strideK + column * strideN]);
      sum += packed.isUnsigned ? uint32_t(bits) : uint32_t(int32_t(int8_t(bits)));
    }
    sum *= uint32_t(packed.correction);
    std::byte *panel = to.data() + column / width * panelSize;
    std::memcpy(panel + (shape[1] - 1) * shape[2] + column % width * sizeof sum, &sum, sizeof sum);
  }
}

bool weft::cpu::pairsFitWords(std::span<const std::byte> source, bool isUnsigned, int64_t k, int64_t n,
                              int64_t strideK, int64_t strideN) {
  // 255 times 128 and -128 are words, 255 times one more is not.
  constexpr int64_t most = 128;
  auto at = [&](int64_t row, int64_t column) -> int64_t {
    auto bits = std::to_integer<uint8_t>(source[row * strideK + column * strideN]);
    return isUnsigned ? int64_t(bits) : int64_t(int8_t(bits));
  };
  for (int64_t row = 0; row < k; row += 2)
    for (int64_t column = 0; column < n; ++column) {
      int64_t x = at(row, column), y = row + 1 < k ? at(row + 1, column) : 0;
      if (std::max(x, y) > 127 || std::max<int64_t>(x, 0) + std::max<int64_t>(y, 0) > most ||
          std::min<int64_t>(x, 0) + std::min<int64_t>(y, 0) < -most)
        return false;
    }
  return true;
}
