// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the families' patterns share: types in memory and in registers, scalar arithmetic, and makers of
// linalg ops.
#ifndef WEFT_LIB_CONVERSION_WEFTTOLINALG_LOWERING_H
#define WEFT_LIB_CONVERSION_WEFTTOLINALG_LOWERING_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Weft/WeftOps.h"

namespace weft::lowering {
using namespace mlir;

/// The type scalars of an element type are computed in: f16, bf16 and 8-bit floats in f32, booleans in i1,
/// unsigned integers in the signless type, the rest as they are.
Type computeType(Type elementType);
inline bool isUnsigned(Type type) { return type.isUnsignedInteger() || type.isInteger(1); }

/// Arithmetic on scalars of any type with one name per operation, so that bodies read as formulas. Integer
/// variants take `isUnsigned` from the original element type where it matters.
class Scalars {
public:
  Scalars(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value constant(Type type, double value) const;
  Value integer(Type type, int64_t value) const;
  Value index(int64_t value) const { return arith::ConstantIndexOp::create(b, loc, value); }
  Value boolean(bool value) const { return arith::ConstantIntOp::create(b, loc, value, 1); }
  /// +inf or -inf of a float, the greatest or least of an integer (or boolean).
  Value extreme(Type type, bool highest, bool isUnsigned) const;

  Value add(Value x, Value y, bool reassociate = false) const;
  Value sub(Value x, Value y) const;
  Value mul(Value x, Value y, bool reassociate = false) const;
  /// Division of floats.
  Value divide(Value x, Value y) const { return arith::DivFOp::create(b, loc, x, y); }
  /// NaN propagates; the sign of a zero is unspecified.
  Value max(Value x, Value y, bool isUnsigned, bool reassociate = false) const;
  Value min(Value x, Value y, bool isUnsigned, bool reassociate = false) const;
  /// Ordered comparison (`ne`: unordered) for floats; by signedness for integers.
  Value compare(ir::CompareKind kind, Value x, Value y, bool isUnsigned = false) const;
  Value select(Value p, Value x, Value y) const { return arith::SelectOp::create(b, loc, p, x, y); }
  Value conjunction(Value p, Value q) const { return arith::AndIOp::create(b, loc, p, q); }
  Value disjunction(Value p, Value q) const { return arith::OrIOp::create(b, loc, p, q); }
  Value negation(Value p) const { return arith::XOrIOp::create(b, loc, p, boolean(true)); }
  Value isNaN(Value x) const { return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x); }
  Value toIndex(Value x) const;
  Value fromIndex(Value x, Type type) const;
  /// min(max(x, low), high) on index or signed integers.
  Value clamp(Value x, Value low, Value high) const;

  /// A scalar as it lies in memory, to the compute type of its original element type; and back.
  Value load(Value memory, Type elementType) const;
  Value store(Value value, Type elementType) const;
  /// Conversion of a compute value between element types by the rules of weft.convert.
  Value convert(Value value, Type from, Type to, bool saturate) const;

  OpBuilder &b;
  Location loc;

private:
  Value narrowFloat(Value value, FloatType to) const;
  Value floatToInteger(Value value, Type to) const;
};

/// Decoding and encoding of floats of at most 8 bits held in i8 (Float8.cpp).
Value decodeFloat8(const Scalars &s, Value bits, Type elementType);
Value encodeFloat8(const Scalars &s, Value value, Type elementType, bool saturate);

/// One scalar of an elementwise op (everything with the Elementwise trait); operands and result in compute
/// types. Null when the op has no scalar form.
Value emitElementwise(const Scalars &s, Operation *op, ValueRange operands);
Value emitErfInv(const Scalars &s, Value x);
Value emitLgamma(const Scalars &s, Value x);
Value emitPolygamma(const Scalars &s, Value x, int64_t n);
bool hasElementwiseLowering(Operation *op);

/// Combines two scalars by a kind; `add`... carry fastmath<reassoc>: reductions may be regrouped.
Value combine(const Scalars &s, ir::ReduceKind kind, Value x, Value y, bool isUnsigned);
/// The identity of a kind as a scalar of `type`.
Value identity(const Scalars &s, ir::ReduceKind kind, Type type, bool isUnsigned);

/// The type a reduction accumulates elements in. Booleans accumulate as the bytes 0 and 1, on which the
/// bitwise kinds are the logical ones.
Type accumulatorType(Type elementType);
/// The identity of a kind in that type.
Value accumulatorIdentity(const Scalars &s, ir::ReduceKind kind, Type elementType);

/// Extents of a lowered tensor as static integers or tensor.dim values.
SmallVector<OpFoldResult> getSizes(OpBuilder &b, Location loc, Value tensor);
OpFoldResult getSize(OpBuilder &b, Location loc, Value tensor, int64_t axis);
Value asIndex(OpBuilder &b, Location loc, OpFoldResult size);
/// A mixed list (numbers with holes filled by rank-0 i64 tensors, already lowered) as indices.
SmallVector<OpFoldResult> getMixedList(OpBuilder &b, Location loc, ArrayRef<int64_t> statics,
                                       ValueRange values);
Value createEmpty(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, Type elementType);
/// An empty tensor of a result type; dynamic extents are taken from `sizes`.
Value createEmpty(OpBuilder &b, Location loc, RankedTensorType type, ArrayRef<OpFoldResult> sizes);
Value createFilled(OpBuilder &b, Location loc, Value scalar, ArrayRef<OpFoldResult> sizes);

using Body = llvm::function_ref<SmallVector<Value>(const Scalars &, ValueRange)>;
/// A linalg.generic; `reduced` loops are reductions, the others parallel.
linalg::GenericOp createGeneric(OpBuilder &b, Location loc, ValueRange ins, ValueRange outs,
                                ArrayRef<AffineMap> maps, ArrayRef<int64_t> reduced, Body body);
/// A generic without inputs over the extents `sizes`; the body gets one index per dimension.
Value createFromIndices(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, Type elementType,
                        llvm::function_ref<Value(const Scalars &, ValueRange)> body);
/// The tensor without the dimensions in `dropped`, all of extent 1.
Value dropUnitDims(OpBuilder &b, Location loc, Value tensor, ArrayRef<bool> dropped);
/// The tensor with unit dimensions at the (result) positions `axes`.
Value addUnitDims(OpBuilder &b, Location loc, Value tensor, ArrayRef<int64_t> axes);
/// The rank-0 scalar of a lowered tensor.
Value extractScalar(OpBuilder &b, Location loc, Value tensor);
/// `tensor` as `type` (extents better or less known).
Value castTo(OpBuilder &b, Location loc, Value tensor, Type type);

/// Whether several elements of a type share a byte at a kernel's boundary.
inline bool isPacked(Type elementType) {
  return !elementType.isIndex() && !elementType.isInteger(1) && elementType.getIntOrFloatBitWidth() < 8;
}
/// The form of a tensor type at a kernel's boundary: a row of bytes, several elements in each, for types
/// narrower than a byte (not booleans); null for the others.
RankedTensorType getPackedType(Type type);
/// Gives the arguments and results of `func` (converted, of `original` type before) that are packed their
/// packed types, and unpacks and packs them.
LogicalResult packBoundary(func::FuncOp func, FunctionType original);

void populateElementwise(RewritePatternSet &patterns, const TypeConverter &converter);
void populateShape(RewritePatternSet &patterns, const TypeConverter &converter);
void populatePad(RewritePatternSet &patterns, const TypeConverter &converter);
void populateIndex(RewritePatternSet &patterns, const TypeConverter &converter);
void populateReduce(RewritePatternSet &patterns, const TypeConverter &converter);
void populatePool(RewritePatternSet &patterns, const TypeConverter &converter);
void populateContract(RewritePatternSet &patterns, const TypeConverter &converter);
void populateConv(RewritePatternSet &patterns, const TypeConverter &converter);
void populateRandom(RewritePatternSet &patterns, const TypeConverter &converter);
void populateQuant(RewritePatternSet &patterns, const TypeConverter &converter);

} // namespace weft::lowering

#endif // WEFT_LIB_CONVERSION_WEFTTOLINALG_LOWERING_H
