// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplies quantised values as bytes, and writes the rest of quantisation as arithmetic that fuses. Stage:
// graph, for CPUs. Before and after: Passes.td.
#include "weft/Transforms/Passes.h"

#include "Decompose/Formula.h"
#include "weft/Dialect/Weft/Constants.h"

using namespace mlir;
using namespace weft::ir;
using weft::decompose::elementType;
using weft::decompose::Formula;
using weft::decompose::rankOf;

namespace weft {
#define GEN_PASS_DEF_LOWERQUANTIZATIONPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

bool isByte(Value x) {
  auto type = dyn_cast<IntegerType>(elementType(x));
  return type && type.getWidth() == 8;
}
bool isNarrowFloat(Value x) {
  return elementType(x).isF32() || elementType(x).isF16() || elementType(x).isBF16();
}

bool isZero(Value zeroPoint) {
  if (!zeroPoint)
    return true;
  std::optional<HostTensor> tensor = getConstantTensor(zeroPoint);
  if (!tensor)
    return false;
  for (int64_t i = 0; i < tensor->numElements(); ++i)
    if (tensor->asInt(i) != 0)
      return false;
  return true;
}

/// A rank-0 or rank-1 parameter as something that broadcasts against `rank` dimensions, along `axis`.
Value alongAxis(Formula &g, Value x, int64_t axis, int64_t rank) {
  SmallVector<OpFoldResult> sizes(rank, g.b.getI64IntegerAttr(1));
  if (rankOf(x) == 1)
    sizes[axis] = g.size(x, 0);
  return g.reshape(x, sizes);
}

/// The sums of a constant over its contracted dimensions, in i32: a product with ones, which folds.
Value sumContracted(Formula &g, Value q, ArrayRef<int64_t> contract) {
  auto type = cast<RankedTensorType>(q.getType());
  SmallVector<int64_t> extents, dims;
  for (auto [i, d] : llvm::enumerate(contract)) {
    extents.push_back(type.getDimSize(d));
    dims.push_back(i);
  }
  Value ones = createSplat(g.b, g.loc, RankedTensorType::get(extents, type.getElementType()), 1);
  return DotGeneralOp::create(g.b, g.loc, ones, q, ArrayRef<int64_t>{}, ArrayRef<int64_t>{}, dims, contract,
                              g.b.getI32Type());
}

/// The product of dequantised bytes as a product of bytes; null when it is none.
Value multiplyBytes(DotGeneralOp dot) {
  auto lhs = dot.getLhs().getDefiningOp<DequantizeOp>(), rhs = dot.getRhs().getDefiningOp<DequantizeOp>();
  if (!lhs || !rhs || lhs.getBlock() || rhs.getBlock() || !elementType(lhs).isF32() ||
      !elementType(rhs).isF32() || !elementType(dot).isF32() || !isByte(lhs.getQ()) || !isByte(rhs.getQ()))
    return {};
  // Bytes that come at run time have no generator; f32 has.
  auto rhsType = cast<RankedTensorType>(rhs.getQ().getType());
  if (!rhs.getQ().getDefiningOp<ConstantOp>() || !dot.getRhsBatch().empty() || !isZero(rhs.getZeroPoint()) ||
      rankOf(lhs.getScale()) != 0 || !rhsType.hasStaticShape())
    return {};
  SmallVector<int64_t> free = dot.getRhsFree();
  const auto *column = llvm::find(free, rhs.getAxis());
  if (rankOf(rhs.getScale()) != 0 && column == free.end())
    return {};

  OpBuilder b(dot);
  Formula g(b, dot.getLoc());
  int64_t rank = rankOf(dot), firstColumn = rank - free.size();
  Value sum = DotGeneralOp::create(b, g.loc, lhs.getQ(), rhs.getQ(), ArrayRef<int64_t>{}, ArrayRef<int64_t>{},
                                   dot.getLhsContract(), dot.getRhsContract(), b.getI32Type());
  if (!isZero(lhs.getZeroPoint())) {
    Value columns = sumContracted(g, rhs.getQ(), dot.getRhsContract());
    SmallVector<OpFoldResult> sizes(rank, b.getI64IntegerAttr(1));
    for (auto [i, d] : llvm::enumerate(free))
      sizes[firstColumn + i] = b.getI64IntegerAttr(rhsType.getDimSize(d));
    Value zero = g.convert(alongAxis(g, lhs.getZeroPoint(), 0, rank), b.getI32Type());
    sum = g.binary<SubOp>(sum, g.binary<MulOp>(zero, g.reshape(columns, sizes)));
  }
  Value scales = g.binary<MulOp>(
      alongAxis(g, g.convert(lhs.getScale(), b.getF32Type()), 0, rank),
      alongAxis(g, g.convert(rhs.getScale(), b.getF32Type()), firstColumn + (column - free.begin()), rank));
  return g.binary<MulOp>(g.convert(sum, b.getF32Type()), scales);
}

/// A NaN converts to the integer 0, to which the zero point is added: so integers add it, not floats.
Value asArithmetic(QuantizeOp op) {
  if (op.getBlock() || !isByte(op.getResult()) || !isNarrowFloat(op.getX()))
    return {};
  OpBuilder b(op);
  Formula g(b, op.getLoc());
  int64_t rank = rankOf(op.getX());
  Value x = g.widen(op.getX());
  Value scale = g.convert(alongAxis(g, op.getScale(), op.getAxis(), rank), elementType(x));
  Value steps = RoundOp::create(b, g.loc, g.binary<DivOp>(x, scale), RoundKind::even);
  bool isUnsigned = elementType(op.getResult()).isUnsignedInteger();
  Value low = g.splat(steps, isUnsigned ? 0 : -128), high = g.splat(steps, isUnsigned ? 255 : 127);
  if (isZero(op.getZeroPoint()))
    return g.convert(ClampOp::create(b, g.loc, low, steps, high), elementType(op.getResult()));
  Value zero = alongAxis(g, op.getZeroPoint(), op.getAxis(), rank);
  Value shift = g.convert(zero, elementType(x));
  Value clamped = ClampOp::create(b, g.loc, g.binary<SubOp>(low, shift), steps, g.binary<SubOp>(high, shift));
  Type i32 = b.getI32Type();
  return g.convert(g.binary<AddOp>(g.convert(clamped, i32), g.convert(zero, i32)),
                   elementType(op.getResult()));
}

/// Constants are left to be dequantised as one op.
Value asArithmetic(DequantizeOp op) {
  if (op.getBlock() || !isByte(op.getQ()) || !isNarrowFloat(op.getResult()) ||
      op.getQ().getDefiningOp<ConstantOp>())
    return {};
  OpBuilder b(op);
  Formula g(b, op.getLoc());
  int64_t rank = rankOf(op.getQ());
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  Value q = g.convert(op.getQ(), i32);
  if (!isZero(op.getZeroPoint()))
    q = g.binary<SubOp>(q, g.convert(alongAxis(g, op.getZeroPoint(), op.getAxis(), rank), i32));
  Value scale = g.convert(alongAxis(g, op.getScale(), op.getAxis(), rank), f32);
  return g.convert(g.binary<MulOp>(g.convert(q, f32), scale), elementType(op.getResult()));
}

struct LowerQuantization : impl::LowerQuantizationPassBase<LowerQuantization> {
  using LowerQuantizationPassBase::LowerQuantizationPassBase;

  void runOnOperation() override {
    SmallVector<DotGeneralOp> products;
    SmallVector<Operation *> others;
    getOperation()->walk([&](Operation *op) {
      if (auto dot = dyn_cast<DotGeneralOp>(op))
        products.push_back(dot);
      else if (isa<QuantizeOp, DequantizeOp>(op))
        others.push_back(op);
    });
    if (!exact)
      for (DotGeneralOp dot : products)
        replace(dot, multiplyBytes(dot));
    // Users first: what only products read is gone.
    for (Operation *op : llvm::reverse(others)) {
      if (op->use_empty())
        op->erase();
      else if (auto quantize = dyn_cast<QuantizeOp>(op))
        replace(op, asArithmetic(quantize));
      else
        replace(op, asArithmetic(cast<DequantizeOp>(op)));
    }
  }

  void replace(Operation *op, Value by) {
    if (!by)
      return;
    op->replaceAllUsesWith(ValueRange(by));
    op->erase();
  }
};

} // namespace
} // namespace weft
