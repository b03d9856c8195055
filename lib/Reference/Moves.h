// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moving elements without looking at them: any type, by the width of its elements.
#ifndef WEFT_LIB_REFERENCE_MOVES_H
#define WEFT_LIB_REFERENCE_MOVES_H

#include "Evaluate.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::reference {

/// Makes a tensor of `type` and `shape` by `move`, which sees `xs` (all of that type) and the result with at
/// least a byte per element: types narrower than that are spread over ui8 tensors and packed afterwards.
mlir::FailureOr<HostTensor>
moveElements(mlir::Operation *op, DType type, llvm::ArrayRef<HostTensor> xs, llvm::ArrayRef<int64_t> shape,
             llvm::function_ref<void(llvm::ArrayRef<HostTensor> xs, HostTensor &result)> move);

/// Calls f with an unsigned integer as wide as the elements of x (a byte or more).
template <class F> decltype(auto) withWidth(const HostTensor &x, F f) {
  switch (byteWidth(x.dtype())) {
  case 8:
    return f(uint64_t());
  case 4:
    return f(uint32_t());
  case 2:
    return f(uint16_t());
  default:
    return f(uint8_t());
  }
}

/// Copies `extents` elements from offset and strides in x to offset and strides in y (all counted in
/// elements).
void copyStrided(llvm::ArrayRef<int64_t> extents, const HostTensor &x, int64_t fromOffset,
                 llvm::ArrayRef<int64_t> fromStrides, HostTensor &y, int64_t toOffset,
                 llvm::ArrayRef<int64_t> toStrides);
/// y[i, j, ..] = x[positions[0][i], positions[1][j], ..]; where a position is -1 y keeps what it has.
void copyPositions(const HostTensor &x, llvm::ArrayRef<std::vector<int64_t>> positions, HostTensor &y);
/// Every element of y becomes that of the rank-0 (or one-element) x.
void fillWith(const HostTensor &x, HostTensor &y);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_MOVES_H
