// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one description that all layouts come down to: a linear map over bits. Every bit of a register's
// number, of a lane's and of a warp's contributes a fixed vector to the coordinates, and contributions are
// combined by exclusive or. A bit that contributes nothing says that several threads hold the same element.
#ifndef WEFT_DIALECT_TILE_LINEARLAYOUT_H
#define WEFT_DIALECT_TILE_LINEARLAYOUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace weft::tile {

using Coordinates = llvm::SmallVector<int64_t, 2>;

struct LinearLayout {
  llvm::SmallVector<Coordinates> registers, lanes, warps; ///< per bit, the lowest first

  int64_t numRegisters() const { return int64_t(1) << registers.size(); }
  /// The part of the coordinates that a register's number contributes.
  Coordinates ofRegister(int64_t number) const;
  /// The coordinates of a register of a thread; threads are numbered warp by warp.
  Coordinates at(int64_t reg, int64_t thread) const;
  /// How many registers from 0 on lie side by side along `dim`: a power of two, at most `limit`.
  int64_t contiguous(int64_t dim, int64_t limit) const;
  /// Bits of the thread's number that contribute nothing: threads that differ in them alone hold the same
  /// elements.
  int64_t replicatedThreadBits() const;
  bool operator==(const LinearLayout &other) const = default;
  /// Whether every thread holds the same elements as by the other layout, if perhaps in other registers.
  bool holdsAlike(const LinearLayout &other) const;

  /// Without a dimension; registers that hold the same element then are one.
  LinearLayout without(int64_t dim) const;
  /// The layout in other coordinates, of which `map` is a linear function: it is asked for each basis. With
  /// places in memory as the only coordinate it is a thread's addresses.
  LinearLayout mapped(llvm::function_ref<Coordinates(const Coordinates &)> map) const;
};

} // namespace weft::tile

#endif // WEFT_DIALECT_TILE_LINEARLAYOUT_H
