// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes graphs of weft ops as formulas, for the decompositions.
#ifndef WEFT_LIB_TRANSFORMS_DECOMPOSE_FORMULA_H
#define WEFT_LIB_TRANSFORMS_DECOMPOSE_FORMULA_H

#include "weft/Dialect/Weft/WeftOps.h"

namespace weft::decompose {
using namespace mlir;

class Formula {
public:
  Formula(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  template <typename Op> Value unary(Value x) { return Op::create(b, loc, x); }
  template <typename Op> Value binary(Value x, Value y) { return Op::create(b, loc, x, y); }
  /// Every element `value`, of unit extents and the rank and type of `like`.
  Value splat(Value like, double value);
  Value compare(ir::CompareKind kind, Value x, Value y) { return ir::CompareOp::create(b, loc, kind, x, y); }
  Value select(Value p, Value x, Value y) { return ir::SelectOp::create(b, loc, p, x, y); }
  Value convert(Value x, Type elementType);
  /// f32 for 16-bit floats, else as it is.
  Value widen(Value x);
  /// exp of x <= 0: see nonPositiveMark.
  Value expNonPositive(Value x);
  /// A reduction that keeps its axes with extent 1.
  /// `ignoresNaN`: see ignoresNaNMark.
  Value reduce(ir::ReduceKind kind, Value x, ArrayRef<int64_t> axes, bool ignoresNaN = false);
  /// `x` with other extents (an extent is a number or a rank-0 i64 value).
  Value reshape(Value x, ArrayRef<OpFoldResult> sizes);
  Value iota(Type elementType, ArrayRef<OpFoldResult> sizes, int64_t axis);
  /// The extent of an axis: a number, or a weft.dim.
  OpFoldResult size(Value x, int64_t axis);
  SmallVector<OpFoldResult> sizes(Value x);
  OpFoldResult multiply(OpFoldResult x, OpFoldResult y);
  /// Rounding down; 0 by a number 0.
  OpFoldResult divide(OpFoldResult x, OpFoldResult y);
  Value asValue(OpFoldResult size);

  OpBuilder &b;
  Location loc;
};

inline Type elementType(Value x) { return cast<RankedTensorType>(x.getType()).getElementType(); }
inline int64_t rankOf(Value x) { return cast<RankedTensorType>(x.getType()).getRank(); }

void attachNormOps(MLIRContext &context);
void attachAttentionOps(MLIRContext &context);
void attachContractOps(MLIRContext &context);

/// The external model of an op whose decomposition is the function `fn`.
template <typename Op, FailureOr<SmallVector<Value>> (*fn)(Op, Formula &)>
struct Model : ir::DecomposableOpInterface::ExternalModel<Model<Op, fn>, Op> {
  FailureOr<SmallVector<Value>> decompose(Operation *op, OpBuilder &b) const {
    Formula builder(b, op->getLoc());
    return fn(cast<Op>(op), builder);
  }
};

} // namespace weft::decompose

#endif // WEFT_LIB_TRANSFORMS_DECOMPOSE_FORMULA_H
