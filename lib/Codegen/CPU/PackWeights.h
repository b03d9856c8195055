// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops that put weights of convolutions and products into panels; no MLIR in them.
#ifndef WEFT_LIB_CODEGEN_CPU_PACKWEIGHTS_H
#define WEFT_LIB_CODEGEN_CPU_PACKWEIGHTS_H

#include <cstddef>
#include <cstdint>

namespace weft::cpu {

/// Weights of a convolution as they come: the element of output channel o, input channel i and tap t lies at
/// o * strideO + i * strideI + t * strideTap elements. A matrix [K, N] has N output and K input channels and
/// one tap.
struct WeightSource {
  const std::byte *data;
  int64_t strideO, strideI, strideTap;
};

/// Panels of `width` output channels: [panels][taps][inner][width]. Columns that no channel fills stay as
/// they are.
struct WeightPanels {
  std::byte *data;
  int64_t outer, inner, taps, width;
};

/// Copies elements of 1, 2 or 4 bytes to panels at most 64 wide.
void packPanels(const WeightSource &from, size_t elementBytes, const WeightPanels &to);

/// Transforms f32 weights of 3x3 taps for minimal filtering with output tiles of m x m, 4 or 2, in f64,
/// and rounds them once: [(m + 2)^2][panels][inner][width], at most 64 wide (Lavin and Gray, Fast Algorithms
/// for Convolutional Neural Networks, 2015, section 4).
void transformPanels(const WeightSource &from, int64_t m, const WeightPanels &to);

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_PACKWEIGHTS_H
