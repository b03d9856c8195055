// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one rank spends on an op: arithmetic and bytes, as far as extents are numbers.
#ifndef WEFT_LIB_PARTITION_COST_H
#define WEFT_LIB_PARTITION_COST_H

#include "Places.h"

namespace weft::dist {

struct Cost {
  double flops = 0, bytes = 0;
  /// One number to balance by: a byte of memory takes about as long as this many operations.
  static constexpr double flopsPerByte = 8;
  double weight() const { return flops + flopsPerByte * bytes; }
  Cost &operator+=(const Cost &other) {
    flops += other.flops;
    bytes += other.bytes;
    return *this;
  }
};

Cost costOf(mlir::Operation *op, Places &places, MeshAttr mesh);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_COST_H
