// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the constant right operand of a matrix product lies in memory, and what is known of its values.
#include "MatrixTile.h"
#include "MultiplyStep.h"

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

std::vector<std::byte> weft::cpu::packB(std::span<const std::byte> source, size_t elementBytes,
                                        const PackedB &packed, int64_t strideK, int64_t strideN) {
  SmallVector<int64_t> shape = packed.shape();
  int64_t group = packed.group, width = packed.panelWidth;
  std::vector<std::byte> result(shape[0] * shape[1] * shape[2] * elementBytes);
  for (int64_t p = 0; p < shape[0]; ++p) {
    std::byte *panel = result.data() + p * shape[1] * shape[2] * elementBytes;
    int64_t columns = std::min(width, packed.n - p * width);
    for (int64_t row = 0; row < packed.k; ++row) {
      int64_t first = row / group * width * group + row % group;
      for (int64_t j = 0; j < columns; ++j) {
        size_t from = (row * strideK + (p * width + j) * strideN) * elementBytes;
        size_t to = (first + j * group) * elementBytes;
        std::copy_n(source.begin() + from, elementBytes, panel + to);
      }
    }
    if (packed.correction == 0)
      continue;
    for (int64_t j = 0; j < columns; ++j) {
      uint32_t sum = 0; // wraps as the product's sums do
      for (int64_t row = 0; row < packed.k; ++row) {
        auto bits = std::to_integer<uint8_t>(source[row * strideK + (p * width + j) * strideN]);
        sum += packed.isUnsigned ? uint32_t(bits) : uint32_t(int32_t(int8_t(bits)));
      }
      sum *= uint32_t(packed.correction);
      std::memcpy(panel + (shape[1] - 1) * shape[2] + j * sizeof sum, &sum, sizeof sum);
    }
  }
  return result;
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
