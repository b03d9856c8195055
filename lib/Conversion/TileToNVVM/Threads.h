// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the conversion of tiles to one thread's code is made of: a tile becomes its registers of this thread,
// in the order of its linear layout; of factors of matrix instructions those of 16 bits are pairs.
#ifndef WEFT_LIB_CONVERSION_TILETONVVM_THREADS_H
#define WEFT_LIB_CONVERSION_TILETONVVM_THREADS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/DialectConversion.h"
#include "weft/Dialect/Tile/TileDialect.h"

namespace weft::tile {
using namespace mlir;

/// Tiles to their registers, buffers to pointers.
class ThreadTypeConverter : public TypeConverter {
public:
  ThreadTypeConverter();
};

/// Emits index arithmetic of one thread.
class ThreadCode {
public:
  ThreadCode(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value scale(Value x, int64_t factor) {
    return factor == 1 ? x : Value(arith::MulIOp::create(b, loc, x, index(factor)));
  }
  /// The number of this thread in its block.
  Value threadId();
  /// Bits [first, first + count) of the thread's number.
  Value threadBits(int64_t first, int64_t count);
  /// The coordinates of each register of this thread in a tile.
  SmallVector<SmallVector<Value>> coordinates(RankedTensorType tile);
  /// Those of the thread's register 0.
  SmallVector<Value> base(const LinearLayout &layout, int64_t rank);
  /// Whether all of these bits of the thread's number are 0; null for no bits: always.
  Value bitsAreZero(int64_t bits);
  /// The address of element `position` of memory at `pointer`.
  Value address(Value pointer, Type element, Value position);

  OpBuilder &b;
  Location loc;
};

/// Runs `body` where the condition holds; always, if there is none.
void onlyWhere(OpBuilder &b, Location loc, Value condition, llvm::function_ref<void(OpBuilder &)> body);
/// What `body` gives where the condition holds (always, if there is none), else `otherwise`.
SmallVector<Value> valuesWhere(OpBuilder &b, Location loc, Value condition,
                               llvm::function_ref<SmallVector<Value>(OpBuilder &)> body,
                               llvm::function_ref<SmallVector<Value>()> otherwise);

/// Copies a combiner's code for two groups of scalars.
SmallVector<Value> inlineCombiner(OpBuilder &b, Region &combiner, ValueRange x, ValueRange y);

/// The position in shared memory of an element, its row's swizzle applied; `row` is added to the point's
/// first index.
Value positionOf(ThreadCode code, SharedType buffer, ArrayRef<Value> point, Value row = {});
/// Loads `count` neighbours at an address that their size divides.
SmallVector<Value> loadGroup(OpBuilder &b, Location loc, Value address, Type element, int64_t count);

/// The addresses of a thread's registers in shared memory: `bytes` is a layout whose only coordinate is the
/// place in bytes. The thread's part is computed once; a register adds a constant.
class SharedAddresses {
public:
  SharedAddresses(ThreadCode code, Value pointer, const LinearLayout &bytes);
  /// Of the register of this number, or of a place (in bytes) that the map adds.
  Value ofRegister(int64_t number) { return at(number == 0 ? 0 : bytes.ofRegister(number)[0]); }
  Value at(int64_t offset);

private:
  ThreadCode code;
  Value pointer;
  LinearLayout bytes;
  Value thread;        ///< null: nothing
  int64_t reached = 0; ///< bits of the address that threads differ in
};
/// The layout of a tile as places in a buffer of its shape, or of the shape turned.
LinearLayout placesIn(SharedType buffer, const LinearLayout &layout, bool transposed);

/// How many registers of a tile one access to global memory takes.
int64_t groupOf(Type tile, Type element, int64_t contiguous);
void storeGroup(OpBuilder &b, Location loc, Value address, ValueRange values);

/// Per family of ops.
void populateElementwise(RewritePatternSet &patterns, const TypeConverter &converter);
void populateMemory(RewritePatternSet &patterns, const TypeConverter &converter);
void populateExchange(RewritePatternSet &patterns, const TypeConverter &converter);
void populateCopy(RewritePatternSet &patterns, const TypeConverter &converter);
void populateMatrix(RewritePatternSet &patterns, const TypeConverter &converter);

} // namespace weft::tile

#endif // WEFT_LIB_CONVERSION_TILETONVVM_THREADS_H
