// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplies quantised values as bytes, and writes the rest of quantisation as arithmetic that fuses. Stage:
// graph, for CPUs. Before and after: Passes.td.
#include "weft/Transforms/Passes.h"

#include "Decompose/Formula.h"
#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/GatherWindows.h"
#include "weft/Dialect/Weft/Quantised.h"

using namespace mlir;
using namespace weft::ir;
using weft::decompose::elementType;
using weft::decompose::Formula;
using weft::decompose::rankOf;

namespace weft {
#define GEN_PASS_DEF_LOWERQUANTIZATIONPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

bool isNarrowFloat(Value x) {
  return elementType(x).isF32() || elementType(x).isF16() || elementType(x).isBF16();
}

bool isZero(Value zeroPoint) {
  if (!zeroPoint)
    return true;
  std::optional<HostTensor> tensor = getConstantTensor(zeroPoint);
  return tensor && isAllZero(*tensor);
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

/// The factors of a product of dequantised bytes that a product of bytes can take the place of.
struct Factors {
  DequantizeOp value, weights;
};
std::optional<Factors> takeFactors(Value lhs, Value rhs, Value result) {
  Factors f = {lhs.getDefiningOp<DequantizeOp>(), rhs.getDefiningOp<DequantizeOp>()};
  for (DequantizeOp op : {f.value, f.weights})
    if (!op || op.getBlock() || !elementType(op).isF32() || !isByte(elementType(op.getQ())))
      return std::nullopt;
  // Bytes that come at run time have no generator; f32 has.
  auto type = cast<RankedTensorType>(f.weights.getQ().getType());
  if (!elementType(result).isF32() || rankOf(f.value.getScale()) != 0 || !isZero(f.weights.getZeroPoint()) ||
      !f.weights.getQ().getDefiningOp<ConstantOp>() || !type.hasStaticShape() || type.getNumElements() == 0)
    return std::nullopt;
  return f;
}

/// The product of x, which is bytes of the value, and w, which is the weights, over the dimensions
/// `xContract` and `wContract`: less what the value's zero point adds, times both scales. The scales of
/// weights that have several vary along free dimension number `column` of w.
Value multiplyBytes(Formula &g, Factors f, Value x, ArrayRef<int64_t> xContract, Value w,
                    ArrayRef<int64_t> wContract, int64_t column) {
  Type i32 = g.b.getI32Type(), f32 = g.b.getF32Type();
  Value sum = DotGeneralOp::create(g.b, g.loc, x, w, ArrayRef<int64_t>{}, ArrayRef<int64_t>{}, xContract,
                                   wContract, i32);
  int64_t rank = rankOf(sum), columns = rankOf(w) - wContract.size(), firstColumn = rank - columns;
  if (!isZero(f.value.getZeroPoint())) {
    Value sums = sumContracted(g, w, wContract);
    SmallVector<OpFoldResult> sizes(rank, g.b.getI64IntegerAttr(1));
    for (int64_t i = 0; i < columns; ++i)
      sizes[firstColumn + i] = g.size(sums, i);
    Value zero = g.convert(alongAxis(g, f.value.getZeroPoint(), 0, rank), i32);
    sum = g.binary<SubOp>(sum, g.binary<MulOp>(zero, g.reshape(sums, sizes)));
  }
  Value scales =
      g.binary<MulOp>(alongAxis(g, g.convert(f.value.getScale(), f32), 0, rank),
                      alongAxis(g, g.convert(f.weights.getScale(), f32), firstColumn + column, rank));
  return g.binary<MulOp>(g.convert(sum, f32), scales);
}

/// The product of dequantised bytes as a product of bytes; null when it is none.
Value multiplyBytes(DotGeneralOp dot) {
  std::optional<Factors> f = takeFactors(dot.getLhs(), dot.getRhs(), dot);
  if (!f || !dot.getRhsBatch().empty())
    return {};
  SmallVector<int64_t> free = dot.getRhsFree();
  const auto *column = llvm::find(free, f->weights.getAxis());
  if (rankOf(f->weights.getScale()) != 0 && column == free.end())
    return {};
  OpBuilder b(dot);
  Formula g(b, dot.getLoc());
  return multiplyBytes(g, *f, f->value.getQ(), dot.getLhsContract(), f->weights.getQ(), dot.getRhsContract(),
                       column - free.begin());
}

/// A convolution of dequantised bytes as a product of bytes, the windows' elements side by side; null when it
/// is none. Windows over few channels are gathered slower than f32 is convolved.
Value multiplyBytes(ConvOp conv) {
  constexpr int64_t leastChannels = 8;
  std::optional<Factors> f = takeFactors(conv.getX(), conv.getW(), conv);
  if (!f || conv.getFeatureGroups() != 1)
    return {};
  auto xType = cast<RankedTensorType>(conv.getX().getType()),
       wType = cast<RankedTensorType>(conv.getW().getType());
  ArrayRef<int64_t> xDims = conv.getXDims(), wDims = conv.getWDims(), yDims = conv.getYDims();
  int64_t size = conv.getNumSpatialDims(), rank = size + 2;
  if ((rankOf(f->weights.getScale()) != 0 && f->weights.getAxis() != uint64_t(wDims[0])) ||
      xType.isDynamicDim(xDims[1]) || xType.getDimSize(xDims[1]) < leastChannels)
    return {};
  SmallVector<int64_t> low(rank, 0), high(rank, 0), window, space;
  bool pads = false;
  for (int64_t i = 0; i < size; ++i) {
    int64_t in = xType.getDimSize(xDims[2 + i]);
    low[1 + i] = conv.getPaddingLow()[i];
    high[1 + i] = conv.getPaddingHigh()[i];
    window.push_back(wType.getDimSize(wDims[2 + i]));
    space.push_back(in + low[1 + i] + high[1 + i]);
    pads |= low[1 + i] != 0 || high[1 + i] != 0;
    if (ShapedType::isDynamic(in) || low[1 + i] < 0 || high[1 + i] < 0 || conv.getInputDilation()[i] != 1 ||
        conv.isReversed(i))
      return {};
  }
  if (!canGatherWindows(space, window, conv.getStrides(), conv.getKernelDilation()))
    return {};

  OpBuilder b(conv);
  Formula g(b, conv.getLoc());
  SmallVector<int64_t> xOrder{xDims[0]}, wOrder(wDims.drop_front(2)), yOrder(rank);
  llvm::append_range(xOrder, xDims.drop_front(2));
  xOrder.push_back(xDims[1]);
  wOrder.append({wDims[1], wDims[0]});
  yOrder[yDims[0]] = 0;
  yOrder[yDims[1]] = rank - 1;
  for (int64_t i = 0; i < size; ++i)
    yOrder[yDims[2 + i]] = 1 + i;

  Value x = TransposeOp::create(b, g.loc, f->value.getQ(), xOrder);
  if (pads) { // with what stands for 0
    Value zero = f->value.getZeroPoint();
    x = PadOp::create(b, g.loc, x, zero ? zero : createUnitSplat(b, g.loc, elementType(x), 0, 0), low, high);
  }
  x = gatherWindows(b, g.loc, x, window, conv.getStrides(), conv.getKernelDilation());
  int64_t outputs = wType.getDimSize(wDims[0]);
  Value w = TransposeOp::create(b, g.loc, f->weights.getQ(), wOrder);
  w = ReshapeOp::create(b, g.loc, w, ArrayRef<int64_t>{wType.getNumElements() / outputs, outputs});
  return TransposeOp::create(b, g.loc, multiplyBytes(g, *f, x, {rank - 1}, w, {0}, 0), yOrder);
}

/// The conversion to bytes saturates, and takes NaN to 0: with a zero point, which stands for 0, before that
/// is added.
Value asArithmetic(QuantizeOp op) {
  if (op.getBlock() || !isByte(elementType(op.getResult())) || !isNarrowFloat(op.getX()))
    return {};
  OpBuilder b(op);
  Formula g(b, op.getLoc());
  int64_t rank = rankOf(op.getX());
  Value x = g.widen(op.getX());
  Value scale = g.convert(alongAxis(g, op.getScale(), op.getAxis(), rank), elementType(x));
  Value steps = RoundOp::create(b, g.loc, g.binary<DivOp>(x, scale), RoundKind::even);
  if (!isZero(op.getZeroPoint())) {
    Value zero = g.convert(alongAxis(g, op.getZeroPoint(), op.getAxis(), rank), elementType(x));
    Value isNumber = g.compare(CompareKind::eq, steps, steps);
    steps = g.binary<AddOp>(g.select(isNumber, steps, g.splat(steps, 0)), zero);
  }
  return g.convert(steps, elementType(op.getResult()));
}

/// Constants are left to be dequantised as one op.
Value asArithmetic(DequantizeOp op) {
  if (op.getBlock() || !isByte(elementType(op.getQ())) || !isNarrowFloat(op.getResult()) ||
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
    SmallVector<Operation *> products, others;
    getOperation()->walk([&](Operation *op) {
      if (isa<DotGeneralOp, ConvOp>(op))
        products.push_back(op);
      else if (isa<QuantizeOp, DequantizeOp>(op))
        others.push_back(op);
    });
    if (!exact)
      for (Operation *op : products) {
        auto dot = dyn_cast<DotGeneralOp>(op);
        replace(op, dot ? multiplyBytes(dot) : multiplyBytes(cast<ConvOp>(op)));
      }
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
