// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds and rewrites of the shape family that need no evaluation: identities, compositions, known extents.
// Where a rewrite knows more of an extent than the type it replaces, weft.cast_shape keeps the type.
#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "weft/Dialect/Weft/Create.h"
#include "weft/Dialect/Weft/ShapeOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace weft::ir;

/// The splat `x` under another type of elements; nothing for what is no splat.
static OpFoldResult foldSplat(Attribute x, Type result) {
  auto splat = dyn_cast_or_null<SplatElementsAttr>(x);
  auto type = cast<RankedTensorType>(result);
  if (!splat || !type.hasStaticShape() || type.getEncoding() || type.getNumElements() == 0)
    return {};
  return splat.resizeSplat(type);
}

/// `value` where it may replace a result of type `result`: the types must be equal.
static OpFoldResult asResult(Value value, Type result) {
  return value.getType() == result ? OpFoldResult(value) : OpFoldResult();
}

/// Whether the list is 0, 1, 2, ...
static bool isIdentity(ArrayRef<int64_t> list) {
  return llvm::equal(list, llvm::seq<int64_t>(0, int64_t(list.size())));
}

static bool isEach(ArrayRef<int64_t> list, int64_t number) {
  return llvm::all_of(list, [=](int64_t entry) { return entry == number; });
}

/// Whether a mixed list of sizes is known to be the extents of x, except for entries that `skip` names.
static bool areExtentsOf(ArrayRef<int64_t> statics, ValueRange values, Value x, int64_t skip = -1) {
  SmallVector<Dim> dims = getDims(x);
  if (statics.size() != dims.size())
    return false;
  for (auto [i, value] : llvm::enumerate(valuePerEntry(statics, values)))
    if (int64_t(i) != skip && !(value ? isExtentOf(value, x, i) : dims[i].is(statics[i])))
      return false;
  return true;
}

//===-- constant, dim -----------------------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

/// The value that a mixed list of sizes gives the extent of an op's result along an axis.
template <typename Op> static Value sizeOf(Op op, int64_t axis) {
  return valuePerEntry(op.getStaticSizes(), op.getSizes())[axis];
}

OpFoldResult DimOp::fold(FoldAdaptor) {
  int64_t axis = getAxis();
  Dim extent = getDim(getX(), axis);
  if (extent.isStatic())
    return DenseElementsAttr::get(getType(), extent.getStatic());
  Operation *source = getX().getDefiningOp();
  if (!source)
    return {};
  // The value that the extent was made of.
  Value size;
  if (auto op = dyn_cast<IotaOp>(source))
    size = sizeOf(op, axis);
  else if (auto op = dyn_cast<ReshapeOp>(source))
    size = sizeOf(op, axis);
  else if (auto op = dyn_cast<BroadcastOp>(source))
    size = sizeOf(op, axis);
  if (size && (extent.isUnknown() || getDimOf(size) == extent))
    return size;
  // The same extent, nearer to where it comes from: what is called equal by its name, or by the op's meaning.
  auto moveTo = [&](Value from, int64_t fromAxis) -> OpFoldResult {
    getXMutable().assign(from);
    setAxis(fromAxis);
    return getResult();
  };
  for (Value operand : source->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      for (auto [i, dim] : llvm::enumerate(getDims(operand)))
        if (dim == extent)
          return moveTo(operand, i);
  if (!extent.isUnknown())
    return {};
  if (auto op = dyn_cast<TransposeOp>(source))
    return moveTo(op.getX(), op.getPermutation()[axis]);
  if (isa<CastShapeOp, ReverseOp, UpdateSliceOp>(source))
    return moveTo(source->getOperand(0), axis);
  if (source->hasTrait<weft::ir::Elementwise>())
    for (Value operand : source->getOperands())
      if (!getDim(operand, axis).is(1)) // what is not 1 does not stretch
        return moveTo(operand, axis);
  return {};
}

//===-- reshape -----------------------------------------------------------------------------------------===//

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  ArrayRef<int64_t> statics = getStaticSizes();
  int64_t hole = llvm::find(statics, -1) - statics.begin();
  if (getX().getType() == getType() && areExtentsOf(statics, getSizes(), getX(), hole))
    return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldSplat(adaptor.getX(), getType());
}

//===-- transpose, broadcast ----------------------------------------------------------------------------===//

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (isIdentity(getPermutation()) && getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t from : getPermutation())
      composed.push_back(inner.getPermutation()[from]);
    setPermutation(composed);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldSplat(adaptor.getX(), getType());
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (isIdentity(getDims()) && getX().getType() == getType() &&
      areExtentsOf(getStaticSizes(), getSizes(), getX()))
    return getX();
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t place : inner.getDims())
      composed.push_back(getDims()[place]);
    setDims(composed);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldSplat(adaptor.getX(), getType());
}

//===-- slice, update_slice -----------------------------------------------------------------------------===//

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  // A window as long as the extent starts at 0, whatever its start says.
  if (isEach(getStrides(), 1) && getX().getType() == getType() &&
      areExtentsOf(getStaticSizes(), getSizes(), getX()))
    return getX();
  return foldSplat(adaptor.getX(), getType());
}

OpFoldResult UpdateSliceOp::fold(FoldAdaptor) {
  SmallVector<Dim> dims = weft::ir::getDims(getX()), update = weft::ir::getDims(getUpdate());
  if (llvm::any_of(update, [](const Dim &dim) { return dim.is(0); }))
    return asResult(getX(), getType());
  if (dims == update)
    return asResult(getUpdate(), getType());
  return {};
}

//===-- concat, pad, reverse, cast_shape ----------------------------------------------------------------===//

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getXs().size() == 1 ? asResult(getXs().front(), getType()) : OpFoldResult();
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  if (isEach(getStaticLow(), 0) && isEach(getStaticHigh(), 0) && isEach(getInterior(), 0))
    return asResult(getX(), getType());
  return {};
}

OpFoldResult ReverseOp::fold(FoldAdaptor adaptor) {
  SmallVector<Dim> dims = getDims(getX());
  if (llvm::all_of(getAxes(), [&](int64_t axis) { return dims[axis].is(0) || dims[axis].is(1); }))
    return asResult(getX(), getType());
  if (auto inner = getX().getDefiningOp<ReverseOp>()) {
    SmallVector<int64_t> once;
    for (int64_t axis = 0; axis < int64_t(dims.size()); ++axis)
      if (llvm::is_contained(getAxes(), axis) != llvm::is_contained(inner.getAxes(), axis))
        once.push_back(axis);
    setAxes(once);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldSplat(adaptor.getX(), getType());
}

OpFoldResult CastShapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<CastShapeOp>()) {
    // Each check of the inner cast must be one of the outer's, or none.
    for (auto [from, between, to] : llvm::zip(getDims(inner.getX()), getDims(inner), getDims(getResult())))
      if (!between.isUnknown() && between != from && between != to)
        return {};
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

//===-- Rewrites ----------------------------------------------------------------------------------------===//

namespace {
/// Values of a mixed list of sizes that are known become numbers.
template <typename Op> struct KnownSizes : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    bool changed = false;
    MixedList sizes = foldMixed(op.getStaticSizes(), op.getSizes(), 0, changed);
    if (!changed)
      return failure();
    if constexpr (std::is_same_v<Op, IotaOp>) {
      auto type = makeTensorType(getMixedDims(sizes.statics, sizes.values), op.getType().getElementType());
      replaceWithCast(rewriter, op,
                      IotaOp::create(rewriter, op.getLoc(), type, sizes.values, sizes.statics, op.getAxis()));
      return success();
    } else if constexpr (std::is_same_v<Op, BroadcastOp>) {
      return replace(op, rewriter, op.getX(), sizes.values, ArrayRef<int64_t>(sizes.statics), op.getDims());
    } else {
      return replace(op, rewriter, op.getX(), sizes.values, ArrayRef<int64_t>(sizes.statics));
    }
  }

  template <typename... Args> LogicalResult replace(Op op, PatternRewriter &rewriter, Args &&...args) const {
    FailureOr<Op> made = createIfValid<Op>(rewriter, op.getLoc(), std::nullopt, std::forward<Args>(args)...);
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// An op that moves nothing, but whose result is less or differently known than its operand, is a cast_shape.
template <typename Op> struct IdentityToCast : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Value x = op->getOperand(0);
    if (x.getType() == op.getType() || !isIdentityOp(op))
      return failure();
    replaceWithCast(rewriter, op, x);
    return success();
  }

  static bool isIdentityOp(TransposeOp op) { return isIdentity(op.getPermutation()); }
  static bool isIdentityOp(ReverseOp op) { return op.getAxes().empty(); }
  static bool isIdentityOp(ConcatOp op) { return op.getXs().size() == 1; }
  static bool isIdentityOp(PadOp op) {
    return isEach(op.getStaticLow(), 0) && isEach(op.getStaticHigh(), 0) && isEach(op.getInterior(), 0);
  }
  static bool isIdentityOp(SliceOp op) {
    return isEach(op.getStrides(), 1) && areExtentsOf(op.getStaticSizes(), op.getSizes(), op.getX());
  }
  static bool isIdentityOp(BroadcastOp op) {
    return isIdentity(op.getDims()) && areExtentsOf(op.getStaticSizes(), op.getSizes(), op.getX());
  }
  static bool isIdentityOp(ReshapeOp op) {
    return !llvm::is_contained(op.getStaticSizes(), -1) &&
           areExtentsOf(op.getStaticSizes(), op.getSizes(), op.getX());
  }
};

/// A size to infer that has come to be known becomes a number.
struct InferredSize : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    SmallVector<int64_t> statics(op.getStaticSizes());
    auto *hole = llvm::find(statics, -1);
    if (hole == statics.end())
      return failure();
    SmallVector<Type> types;
    if (failed(ReshapeOp::inferReturnTypes(op.getContext(), std::nullopt, op->getOperands(),
                                           op->getAttrDictionary(), op->getPropertiesStorage(),
                                           op->getRegions(), types)))
      return failure();
    Dim known = getDims(types[0])[hole - statics.begin()];
    if (!known.isStatic())
      return failure();
    *hole = known.getStatic();
    auto made = createIfValid<ReshapeOp>(rewriter, op.getLoc(), std::nullopt, op.getX(), op.getSizes(),
                                         ArrayRef<int64_t>(statics));
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// A broadcast that stretches nothing and keeps the order of dimensions only adds unit ones: a reshape, which
/// is free.
struct BroadcastToReshape : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    if (!llvm::is_sorted(op.getDims()))
      return failure();
    SmallVector<Value> values = valuePerEntry(op.getStaticSizes(), op.getSizes());
    for (int64_t i = 0; i < int64_t(values.size()); ++i) {
      const int64_t *from = llvm::find(op.getDims(), i);
      bool kept = false;
      if (from == op.getDims().end())
        kept = op.getStaticSizes()[i] == 1;
      else if (values[i])
        kept = isExtentOf(values[i], op.getX(), from - op.getDims().begin());
      else
        kept = getDim(op.getX(), from - op.getDims().begin()).is(op.getStaticSizes()[i]);
      if (!kept)
        return failure();
    }
    auto made = createIfValid<ReshapeOp>(rewriter, op.getLoc(), std::nullopt, op.getX(), op.getSizes(),
                                         op.getStaticSizes());
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// Starts and sizes that are known become numbers, clamped as they would be at run time.
struct KnownWindow : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    bool changed = false;
    MixedList starts, sizes;
    SmallVector<Value> startValues = valuePerEntry(op.getStaticStarts(), op.getStarts());
    SmallVector<Value> sizeValues = valuePerEntry(op.getStaticSizes(), op.getSizes());
    for (auto [i, dim] : llvm::enumerate(getDims(op.getX()))) {
      int64_t stride = op.getStrides()[i];
      Dim size = sizeValues[i] ? getDimOf(sizeValues[i]) : Dim(op.getStaticSizes()[i]);
      Dim start = startValues[i] ? getDimOf(startValues[i]) : Dim(op.getStaticStarts()[i]);
      if (sizeValues[i] && size.isStatic() && dim.isStatic()) {
        int64_t holds = dim.getStatic() == 0 ? 0 : (dim.getStatic() - 1) / stride + 1;
        size = Dim(std::clamp<int64_t>(size.getStatic(), 0, holds));
        changed = true;
        sizeValues[i] = Value();
      }
      if (startValues[i] && start.isStatic()) {
        if (!sizeValues[i] && dim.isStatic()) {
          int64_t reach = size.is(0) ? 0 : (size.getStatic() - 1) * stride + 1;
          start =
              Dim(std::clamp<int64_t>(start.getStatic(), 0, std::max<int64_t>(dim.getStatic() - reach, 0)));
          changed = true;
          startValues[i] = Value();
        } else if (start.is(0)) {
          changed = true;
          startValues[i] = Value();
        }
      }
      startValues[i] ? starts.push(startValues[i]) : starts.push(start.getStatic());
      sizeValues[i] ? sizes.push(sizeValues[i]) : sizes.push(size.getStatic());
    }
    if (!changed)
      return failure();
    auto made = createIfValid<SliceOp>(rewriter, op.getLoc(), std::nullopt, op.getX(), starts.values,
                                       sizes.values, ArrayRef<int64_t>(starts.statics),
                                       ArrayRef<int64_t>(sizes.statics), op.getStrides());
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// A window in a window, both of numbers, is one window, where the inner is known not to be clamped.
struct SliceOfSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<SliceOp>();
    if (!inner || !inner.isStaticWindow() || !op.isStaticWindow())
      return failure();
    SmallVector<int64_t> starts, strides;
    for (auto [start, stride, innerStart, innerStride, extent] :
         llvm::zip(op.getStaticStarts(), op.getStrides(), inner.getStaticStarts(), inner.getStrides(),
                   getDims(inner.getX()))) {
      int64_t offset, sum, step;
      if ((innerStart != 0 && !extent.isStatic()) || llvm::MulOverflow(start, innerStride, offset) ||
          llvm::AddOverflow(offset, innerStart, sum) || llvm::MulOverflow(stride, innerStride, step))
        return failure();
      starts.push_back(sum);
      strides.push_back(step);
    }
    auto made =
        createIfValid<SliceOp>(rewriter, op.getLoc(), std::nullopt, inner.getX(), ValueRange(), ValueRange(),
                               ArrayRef<int64_t>(starts), op.getStaticSizes(), ArrayRef<int64_t>(strides));
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// Operands without elements go; concats along the same axis become one.
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    SmallVector<Value> parts;
    for (Value x : op.getXs()) {
      auto inner = x.getDefiningOp<ConcatOp>();
      if (inner && inner.getAxis() == op.getAxis() && x.hasOneUse())
        llvm::append_range(parts, inner.getXs());
      else if (!getDim(x, op.getAxis()).is(0) || op.getXs().size() == 1)
        parts.push_back(x);
    }
    if (parts.empty())
      parts.push_back(op.getXs().front());
    if (llvm::equal(parts, op.getXs()))
      return failure();
    auto made = createIfValid<ConcatOp>(rewriter, op.getLoc(), std::nullopt, ValueRange(parts), op.getAxis());
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};

/// Widths that are known become numbers.
struct KnownWidths : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    bool changed = false;
    MixedList low = foldMixed(op.getStaticLow(), op.getLow(), -maxWindowNumber, changed);
    MixedList high = foldMixed(op.getStaticHigh(), op.getHigh(), -maxWindowNumber, changed);
    if (!changed)
      return failure();
    auto made = createIfValid<PadOp>(rewriter, op.getLoc(), std::nullopt, op.getX(), op.getValue(),
                                     low.values, high.values, ArrayRef<int64_t>(low.statics),
                                     ArrayRef<int64_t>(high.statics), op.getInterior(), op.getMode());
    if (failed(made))
      return failure();
    replaceWithCast(rewriter, op, *made);
    return success();
  }
};
} // namespace

void IotaOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownSizes<IotaOp>>(context);
}
void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownSizes<ReshapeOp>, IdentityToCast<ReshapeOp>, InferredSize>(context);
}
void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<IdentityToCast<TransposeOp>>(context);
}
void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownSizes<BroadcastOp>, IdentityToCast<BroadcastOp>, BroadcastToReshape>(context);
}
void SliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownWindow, SliceOfSlice, IdentityToCast<SliceOp>>(context);
}
void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<FlattenConcat, IdentityToCast<ConcatOp>>(context);
}
void PadOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownWidths, IdentityToCast<PadOp>>(context);
}
void ReverseOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<IdentityToCast<ReverseOp>>(context);
}
