// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elementwise family: inference by unit broadcasting, verifiers, and the folds that need no evaluation.
#include "weft/Dialect/Weft/ElementwiseOps.h"

#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Result: the unit broadcast of all operands with the element type of operand `like`.
#define INFER_LIKE(Op, like)                                                                                 \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Op::Adaptor adaptor,        \
                                     SmallVectorImpl<Type> &inferred) {                                      \
    ValueRange operands = adaptor.getOperands();                                                             \
    auto type = inferUnitBroadcast(loc, operands, getElementTypeOrSelf(operands[like]));                     \
    if (failed(type))                                                                                        \
      return failure();                                                                                      \
    inferred.push_back(*type);                                                                               \
    return success();                                                                                        \
  }                                                                                                          \
  bool Op::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

#define FOR_EACH_UNARY(F)                                                                                    \
  F(AbsOp)                                                                                                   \
  F(NegOp)                                                                                                   \
  F(SignOp)                                                                                                  \
  F(CeilOp)                                                                                                  \
  F(FloorOp)                                                                                                 \
  F(TruncOp)                                                                                                 \
  F(ExpOp)                                                                                                   \
  F(Expm1Op)                                                                                                 \
  F(LogOp)                                                                                                   \
  F(Log1pOp)                                                                                                 \
  F(SqrtOp)                                                                                                  \
  F(RsqrtOp)                                                                                                 \
  F(CbrtOp)                                                                                                  \
  F(SinOp)                                                                                                   \
  F(CosOp)                                                                                                   \
  F(TanOp)                                                                                                   \
  F(AsinOp)                                                                                                  \
  F(AcosOp)                                                                                                  \
  F(AtanOp)                                                                                                  \
  F(SinhOp)                                                                                                  \
  F(CoshOp)                                                                                                  \
  F(TanhOp)                                                                                                  \
  F(AsinhOp)                                                                                                 \
  F(AcoshOp)                                                                                                 \
  F(AtanhOp) F(ErfOp) F(ErfcOp) F(ErfInvOp) F(LogisticOp) F(LgammaOp) F(ReluOp) F(NotOp) F(PopcntOp) F(ClzOp)
#define FOR_EACH_BINARY(F)                                                                                   \
  F(AddOp)                                                                                                   \
  F(SubOp)                                                                                                   \
  F(MulOp) F(DivOp) F(RemOp) F(PowOp) F(MaxOp) F(MinOp) F(Atan2Op) F(AndOp) F(OrOp) F(XorOp) F(ShlOp) F(ShrOp)

#define INFER_AS_FIRST(Op) INFER_LIKE(Op, 0)
FOR_EACH_UNARY(INFER_AS_FIRST)
FOR_EACH_BINARY(INFER_AS_FIRST)
INFER_LIKE(RoundOp, 0)
INFER_LIKE(PolygammaOp, 0)
INFER_LIKE(ClampOp, 0)
INFER_LIKE(SelectOp, 1)

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          CompareOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = inferUnitBroadcast(loc, adaptor.getOperands(), IntegerType::get(context, 1));
  if (failed(type))
    return failure();
  inferred.push_back(*type);
  return success();
}
bool CompareOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

//===-- Verifiers
//---------------------------------------------------------------------------------------------===//

LogicalResult CompareOp::verify() {
  Type l = getLhs().getType().getElementType(), r = getRhs().getType().getElementType();
  if (l != r)
    return emitOpError("compares ") << l << " with " << r << ", wanted equal element types";
  return success();
}

LogicalResult SelectOp::verify() {
  Type t = getOnTrue().getType().getElementType(), f = getOnFalse().getType().getElementType();
  if (t != f)
    return emitOpError("chooses between ") << t << " and " << f << ", wanted equal element types";
  return success();
}

LogicalResult BitcastConvertOp::verify() {
  auto from = cast<RankedTensorType>(getOperand().getType()), to = getType();
  int64_t fromBits = from.getElementTypeBitWidth(), toBits = to.getElementTypeBitWidth();
  if ((fromBits == 1) != (toBits == 1))
    return emitOpError("reinterprets ")
           << from.getElementType() << " as " << to.getElementType() << ", wanted neither or both to be i1";
  ArrayRef<int64_t> longer = from.getShape(), shorter = to.getShape();
  int64_t factor = 1;
  if (fromBits > toBits) {
    std::swap(longer, shorter);
    factor = fromBits / toBits;
  } else if (fromBits < toBits) {
    factor = toBits / fromBits;
  }
  if (fromBits != toBits) {
    if (longer.size() != shorter.size() + 1)
      return emitOpError("goes from ") << from << " to " << to << ", wanted the narrower type to have one "
                                       << "trailing dimension of extent " << factor << " more";
    if (!ShapedType::isDynamic(longer.back()) && longer.back() != factor)
      return emitOpError("has trailing extent ") << longer.back() << ", wanted " << factor;
    longer = longer.drop_back();
  }
  if (failed(verifyCompatibleShape(longer, shorter)))
    return emitOpError("goes from ") << from << " to " << to << ", wanted the same leading extents";
  return success();
}

//===-- Folds
//-------------------------------------------------------------------------------------------------===//

/// Whether the value is a constant whose every element is `number`.
static bool isSplatOf(Value value, double number) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return false;
  std::optional<HostTensor> splat = getSplat(constant.getValue());
  return splat && splat->asDouble(0) == number;
}
/// Whether the value is a splat of +0 or an integer 0 whose sign cannot matter.
static bool isZero(Value value) { return isSplatOf(value, 0); }
static bool isOne(Value value) { return isSplatOf(value, 1); }
static bool isFloatTensor(Value value) { return isa<FloatType>(getElementTypeOrSelf(value)); }
static bool isNegativeZero(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  std::optional<HostTensor> splat = constant ? getSplat(constant.getValue()) : std::nullopt;
  return splat && splat->asDouble(0) == 0 && std::signbit(splat->asDouble(0));
}

/// `value` where it may replace a result of type `result`: the types must be equal.
static OpFoldResult asResult(Value value, Type result) {
  return value.getType() == result ? OpFoldResult(value) : OpFoldResult();
}

#define NO_FOLD(Op)                                                                                          \
  OpFoldResult Op::fold(FoldAdaptor) { return {}; }
NO_FOLD(SignOp)
NO_FOLD(ExpOp)
NO_FOLD(Expm1Op)
NO_FOLD(LogOp)
NO_FOLD(Log1pOp)
NO_FOLD(SqrtOp)
NO_FOLD(RsqrtOp)
NO_FOLD(CbrtOp)
NO_FOLD(SinOp)
NO_FOLD(CosOp)
NO_FOLD(TanOp)
NO_FOLD(AsinOp)
NO_FOLD(AcosOp)
NO_FOLD(AtanOp)
NO_FOLD(SinhOp)
NO_FOLD(CoshOp)
NO_FOLD(TanhOp)
NO_FOLD(AsinhOp)
NO_FOLD(AcoshOp)
NO_FOLD(AtanhOp)
NO_FOLD(ErfOp)
NO_FOLD(ErfcOp)
NO_FOLD(ErfInvOp)
NO_FOLD(LogisticOp)
NO_FOLD(LgammaOp)
NO_FOLD(PopcntOp)
NO_FOLD(ClzOp)
NO_FOLD(RemOp)
NO_FOLD(Atan2Op)

/// f(f(x)) = f(x).
template <typename Op> static OpFoldResult foldIdempotent(Op op) {
  if (op.getOperand().template getDefiningOp<Op>())
    return asResult(op.getOperand(), op.getType());
  return {};
}
OpFoldResult AbsOp::fold(FoldAdaptor) { return foldIdempotent(*this); }
OpFoldResult CeilOp::fold(FoldAdaptor) { return foldIdempotent(*this); }
OpFoldResult FloorOp::fold(FoldAdaptor) { return foldIdempotent(*this); }
OpFoldResult TruncOp::fold(FoldAdaptor) { return foldIdempotent(*this); }
OpFoldResult ReluOp::fold(FoldAdaptor) { return foldIdempotent(*this); }

OpFoldResult NegOp::fold(FoldAdaptor) {
  if (auto inner = getOperand().getDefiningOp<NegOp>())
    return asResult(inner.getOperand(), getType());
  return {};
}
OpFoldResult NotOp::fold(FoldAdaptor) {
  if (auto inner = getOperand().getDefiningOp<NotOp>())
    return asResult(inner.getOperand(), getType());
  return {};
}

OpFoldResult AddOp::fold(FoldAdaptor) {
  // x + (+0) turns -0 into +0, so only -0 is neutral for floats.
  if (isFloatTensor(getRhs()) ? isNegativeZero(getRhs()) : isZero(getRhs()))
    return asResult(getLhs(), getType());
  if (isFloatTensor(getLhs()) ? isNegativeZero(getLhs()) : isZero(getLhs()))
    return asResult(getRhs(), getType());
  return {};
}
OpFoldResult SubOp::fold(FoldAdaptor) {
  if (isZero(getRhs()) && !(isFloatTensor(getRhs()) && isNegativeZero(getRhs())))
    return asResult(getLhs(), getType());
  return {};
}
OpFoldResult MulOp::fold(FoldAdaptor) {
  if (isOne(getRhs()))
    return asResult(getLhs(), getType());
  if (isOne(getLhs()))
    return asResult(getRhs(), getType());
  return {};
}
OpFoldResult DivOp::fold(FoldAdaptor) { return isOne(getRhs()) ? asResult(getLhs(), getType()) : nullptr; }
OpFoldResult PowOp::fold(FoldAdaptor) { return isOne(getRhs()) ? asResult(getLhs(), getType()) : nullptr; }
OpFoldResult ShlOp::fold(FoldAdaptor) { return isZero(getRhs()) ? asResult(getLhs(), getType()) : nullptr; }
OpFoldResult ShrOp::fold(FoldAdaptor) { return isZero(getRhs()) ? asResult(getLhs(), getType()) : nullptr; }

/// op(x, x) = x.
template <typename Op> static OpFoldResult foldSame(Op op) {
  return op.getLhs() == op.getRhs() ? asResult(op.getLhs(), op.getType()) : OpFoldResult();
}
OpFoldResult MaxOp::fold(FoldAdaptor) { return foldSame(*this); }
OpFoldResult MinOp::fold(FoldAdaptor) { return foldSame(*this); }
OpFoldResult AndOp::fold(FoldAdaptor) { return foldSame(*this); }
OpFoldResult OrOp::fold(FoldAdaptor) { return foldSame(*this); }
OpFoldResult XorOp::fold(FoldAdaptor) { return isZero(getRhs()) ? asResult(getLhs(), getType()) : nullptr; }

OpFoldResult CompareOp::fold(FoldAdaptor) {
  // x == x is false for NaN, so only integers fold.
  auto type = getType();
  if (getLhs() != getRhs() || isFloatTensor(getLhs()) || !type.hasStaticShape())
    return {};
  bool holds = getRelation() == CompareKind::eq || getRelation() == CompareKind::le ||
               getRelation() == CompareKind::ge;
  return DenseElementsAttr::get(type, holds);
}

OpFoldResult SelectOp::fold(FoldAdaptor) {
  if (getOnTrue() == getOnFalse())
    return asResult(getOnTrue(), getType());
  if (auto constant = getPredicate().getDefiningOp<ConstantOp>())
    if (std::optional<HostTensor> splat = getSplat(constant.getValue()))
      return asResult(splat->asInt(0) ? getOnTrue() : getOnFalse(), getType());
  return {};
}

OpFoldResult ConvertOp::fold(FoldAdaptor) { return asResult(getOperand(), getType()); }

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ElementwiseOps.cpp.inc"
