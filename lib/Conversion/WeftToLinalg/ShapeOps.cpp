// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make, move and rearrange elements. Stage: tensor. What upstream has a tensor op for becomes that
// op, so that it folds; the rest is a generic that reads elsewhere.
#include "Lowering.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

namespace {

class ConstantLowering : public OpConversionPattern<ir::ConstantOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ConstantOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!elements)
      return op.emitOpError("found elements outside the IR, wanted them as an argument of the kernel");
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    Type from = elements.getElementType();
    DenseElementsAttr lowered;
    if (from.getIntOrFloatBitWidth() < 8) {
      // One byte each, extended by sign.
      SmallVector<APInt> bytes;
      auto add = [&](Attribute element) {
        if (auto number = dyn_cast<FloatAttr>(element))
          bytes.push_back(number.getValue().bitcastToAPInt().zext(8));
        else if (isUnsigned(from))
          bytes.push_back(cast<IntegerAttr>(element).getValue().zext(8));
        else
          bytes.push_back(cast<IntegerAttr>(element).getValue().sext(8));
      };
      if (elements.isSplat())
        add(elements.getSplatValue<Attribute>());
      else
        for (Attribute element : elements.getValues<Attribute>())
          add(element);
      lowered = DenseElementsAttr::get(type, bytes);
    } else {
      lowered = DenseElementsAttr::getFromRawBuffer(type, elements.getRawData());
    }
    b.replaceOpWithNewOp<arith::ConstantOp>(op, lowered);
    return success();
  }
};

class IotaLowering : public OpConversionPattern<ir::IotaOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::IotaOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type elementType = op.getResult().getType().getElementType();
    Type memory = getMemoryElementType(elementType);
    SmallVector<OpFoldResult> sizes = getMixedList(b, loc, op.getStaticSizes(), adaptor.getSizes());
    Value result = createFromIndices(b, loc, sizes, memory, [&](const Scalars &s, ValueRange at) {
      return s.store(s.fromIndex(at[op.getAxis()], computeType(elementType)), elementType);
    });
    b.replaceOp(op, castTo(b, loc, result, getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }
};

class DimLowering : public OpConversionPattern<ir::DimOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::DimOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value size = asIndex(b, loc, getSize(b, loc, adaptor.getX(), op.getAxis()));
    Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), size);
    b.replaceOpWithNewOp<tensor::FromElementsOp>(op, RankedTensorType::get({}, b.getI64Type()), wide);
    return success();
  }
};

/// The groups of dimensions that one shape's row-major order shares with the other, coarser one; nothing when
/// the extents do not say so statically.
std::optional<SmallVector<ReassociationIndices>> getGroups(RankedTensorType fine, RankedTensorType coarse) {
  if (coarse.getRank() == 0) {
    if (!fine.hasStaticShape() || fine.getNumElements() != 1)
      return std::nullopt;
    return SmallVector<ReassociationIndices>{};
  }
  if (fine.getNumDynamicDims() != coarse.getNumDynamicDims() || coarse.getNumDynamicDims() > 1)
    return std::nullopt;
  if (fine.getRank() < coarse.getRank() || (fine.hasStaticShape() && fine.getNumElements() == 0))
    return std::nullopt;
  return getReassociationIndicesForReshape(fine, coarse);
}

class ReshapeLowering : public OpConversionPattern<ir::ReshapeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ReshapeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    auto from = cast<RankedTensorType>(x.getType());
    auto to = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    if (from == to) {
      b.replaceOp(op, x);
      return success();
    }
    if (from.getRank() > to.getRank())
      if (auto groups = getGroups(from, to)) {
        b.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, to, x, *groups);
        return success();
      }
    SmallVector<OpFoldResult> sizes = getMixedList(b, loc, op.getStaticSizes(), adaptor.getSizes());
    if (from.getRank() < to.getRank())
      if (auto groups = getGroups(to, from)) {
        b.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, to, x, *groups, resolve(b, loc, x, to, sizes));
        return success();
      }
    // By way of one dimension.
    Value flat = x;
    if (from.getRank() != 1) {
      int64_t count = from.hasStaticShape() ? from.getNumElements() : ShapedType::kDynamic;
      SmallVector<ReassociationIndices> all;
      auto flatType = RankedTensorType::get({count}, from.getElementType());
      if (from.getRank() == 0) {
        flat = tensor::ExpandShapeOp::create(b, loc, flatType, x, all,
                                             SmallVector<OpFoldResult>{b.getIndexAttr(1)});
      } else {
        all.push_back(llvm::to_vector(llvm::seq<int64_t>(0, from.getRank())));
        flat = tensor::CollapseShapeOp::create(b, loc, flatType, x, all);
      }
    }
    if (to.getRank() == 1) {
      b.replaceOp(op, castTo(b, loc, flat, to));
      return success();
    }
    if (to.getRank() == 0) {
      flat = castTo(b, loc, flat, RankedTensorType::get({1}, to.getElementType()));
      b.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, to, flat, SmallVector<ReassociationIndices>{});
      return success();
    }
    SmallVector<ReassociationIndices> all{llvm::to_vector(llvm::seq<int64_t>(0, to.getRank()))};
    int64_t count = to.hasStaticShape() ? to.getNumElements() : ShapedType::kDynamic;
    flat = castTo(b, loc, flat, RankedTensorType::get({count}, to.getElementType()));
    b.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, to, flat, all, resolve(b, loc, x, to, sizes));
    return success();
  }

private:
  /// The sizes with static extents of the type, and a hole of -1 (inferred) computed from the element count.
  static SmallVector<OpFoldResult> resolve(OpBuilder &b, Location loc, Value x, RankedTensorType to,
                                           ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> resolved;
    for (auto [i, extent] : llvm::enumerate(to.getShape())) {
      if (!ShapedType::isDynamic(extent)) {
        resolved.push_back(b.getIndexAttr(extent));
        continue;
      }
      std::optional<int64_t> known = getConstantIntValue(sizes[i]);
      if (!known || *known >= 0) {
        resolved.push_back(sizes[i]);
        continue;
      }
      Value count = arith::ConstantIndexOp::create(b, loc, 1), others = count;
      for (OpFoldResult size : getSizes(b, loc, x))
        count = arith::MulIOp::create(b, loc, count, asIndex(b, loc, size));
      for (auto [j, size] : llvm::enumerate(sizes))
        if (j != i)
          others = arith::MulIOp::create(b, loc, others, asIndex(b, loc, size));
      Value one = arith::ConstantIndexOp::create(b, loc, 1);
      others = arith::MaxSIOp::create(b, loc, others, one);
      resolved.push_back(arith::DivUIOp::create(b, loc, count, others).getResult());
    }
    return resolved;
  }
};

class TransposeLowering : public OpConversionPattern<ir::TransposeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::TransposeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<OpFoldResult> sizes;
    SmallVector<AffineExpr> dims(type.getRank());
    for (auto [i, from] : llvm::enumerate(op.getPermutation())) {
      sizes.push_back(getSize(b, loc, x, from));
      dims[from] = b.getAffineDimExpr(i);
    }
    SmallVector<AffineMap> maps{AffineMap::get(type.getRank(), 0, dims, b.getContext()),
                                b.getMultiDimIdentityMap(type.getRank())};
    auto generic =
        createGeneric(b, loc, x, createEmpty(b, loc, type, sizes), maps, {},
                      [](const Scalars &, ValueRange args) { return SmallVector<Value>{args[0]}; });
    b.replaceOp(op, castTo(b, loc, generic.getResult(0), type));
    return success();
  }
};

class BroadcastLowering : public OpConversionPattern<ir::BroadcastOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::BroadcastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    auto from = cast<RankedTensorType>(x.getType());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<OpFoldResult> sizes = getMixedList(b, loc, op.getStaticSizes(), adaptor.getSizes());
    SmallVector<ir::Dim> before = ir::getDims(op.getX()), after = ir::getDims(op.getResult());
    SmallVector<bool> dropped(from.getRank(), false), unknown(from.getRank(), false);
    for (auto [i, to] : llvm::enumerate(op.getDims())) {
      dropped[i] = from.getDimSize(i) == 1;
      unknown[i] = from.isDynamicDim(i) && before[i] != after[to];
    }
    Value result;
    if (llvm::is_contained(unknown, true)) {
      // A dimension that is 1 or equal, known only when running: index 0 or the result's.
      SmallVector<OpFoldResult> extents = getSizes(b, loc, x);
      result = createFromIndices(b, loc, sizes, type.getElementType(), [&](const Scalars &s, ValueRange at) {
        SmallVector<Value> index;
        for (auto [i, to] : llvm::enumerate(op.getDims())) {
          Value zero = s.index(0);
          if (dropped[i])
            index.push_back(zero);
          else if (!unknown[i])
            index.push_back(at[to]);
          else
            index.push_back(s.select(s.compare(ir::CompareKind::eq, asIndex(b, loc, extents[i]), s.index(1)),
                                     zero, at[to]));
        }
        return Value(tensor::ExtractOp::create(s.b, s.loc, x, index));
      });
    } else {
      SmallVector<AffineExpr> dims;
      for (auto [i, to] : llvm::enumerate(op.getDims()))
        if (!dropped[i])
          dims.push_back(b.getAffineDimExpr(to));
      SmallVector<AffineMap> maps{AffineMap::get(type.getRank(), 0, dims, b.getContext()),
                                  b.getMultiDimIdentityMap(type.getRank())};
      Value empty = createEmpty(b, loc, type, sizes);
      result = createGeneric(b, loc, dropUnitDims(b, loc, x, dropped), empty, maps, {},
                             [](const Scalars &, ValueRange args) { return SmallVector<Value>{args[0]}; })
                   .getResult(0);
    }
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }
};

/// min(max(start, 0), extent - span): where a window of `span` may begin.
OpFoldResult clampStart(OpBuilder &b, Location loc, OpFoldResult start, OpFoldResult extent,
                        OpFoldResult span) {
  std::optional<int64_t> s = getConstantIntValue(start), e = getConstantIntValue(extent),
                         n = getConstantIntValue(span);
  if (s && e && n)
    return b.getIndexAttr(std::max<int64_t>(0, std::min(*s, *e - *n)));
  if (s && *s == 0)
    return start;
  Scalars scalars(b, loc);
  Value room = scalars.sub(asIndex(b, loc, extent), asIndex(b, loc, span));
  Value low = arith::MinSIOp::create(b, loc, asIndex(b, loc, start), room);
  return arith::MaxSIOp::create(b, loc, low, scalars.index(0)).getResult();
}

class SliceLowering : public OpConversionPattern<ir::SliceOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::SliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<OpFoldResult> starts = getMixedList(b, loc, op.getStaticStarts(), adaptor.getStarts());
    SmallVector<OpFoldResult> sizes = getMixedList(b, loc, op.getStaticSizes(), adaptor.getSizes());
    SmallVector<OpFoldResult> extents = getSizes(b, loc, x), strides;
    Scalars s(b, loc);
    for (auto [i, stride] : llvm::enumerate(op.getStrides())) {
      strides.push_back(b.getIndexAttr(stride));
      std::optional<int64_t> start = getConstantIntValue(starts[i]), size = getConstantIntValue(sizes[i]),
                             extent = getConstantIntValue(extents[i]);
      if (start && size && extent)
        continue; // verified
      if (!size) {
        // As many elements as the extent holds: at most ceil(extent / stride).
        Value most = asIndex(b, loc, extents[i]);
        if (stride != 1)
          most = arith::CeilDivUIOp::create(b, loc, most, s.index(stride));
        sizes[i] = s.clamp(asIndex(b, loc, sizes[i]), s.index(0), most);
      }
      OpFoldResult span = sizes[i];
      if (stride != 1) {
        if (size) {
          span = b.getIndexAttr(*size == 0 ? 0 : (*size - 1) * stride + 1);
        } else {
          Value count = asIndex(b, loc, sizes[i]);
          Value reach = s.add(s.mul(s.sub(count, s.index(1)), s.index(stride)), s.index(1));
          span = arith::MaxSIOp::create(b, loc, reach, s.index(0)).getResult();
        }
      }
      starts[i] = clampStart(b, loc, starts[i], extents[i], span);
    }
    Value slice = tensor::ExtractSliceOp::create(b, loc, x, starts, sizes, strides);
    b.replaceOp(op, castTo(b, loc, slice, type));
    return success();
  }
};

class UpdateSliceLowering : public OpConversionPattern<ir::UpdateSliceOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::UpdateSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX(), update = adaptor.getUpdate();
    SmallVector<OpFoldResult> starts = getMixedList(b, loc, op.getStaticStarts(), adaptor.getStarts());
    SmallVector<OpFoldResult> extents = getSizes(b, loc, x), sizes = getSizes(b, loc, update);
    for (auto [start, extent, size] : llvm::zip(starts, extents, sizes))
      start = clampStart(b, loc, start, extent, size);
    SmallVector<OpFoldResult> strides(starts.size(), b.getIndexAttr(1));
    Value result = tensor::InsertSliceOp::create(b, loc, update, x, starts, sizes, strides);
    b.replaceOp(op, castTo(b, loc, result, getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }
};

class ConcatLowering : public OpConversionPattern<ir::ConcatOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ConcatOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    int64_t axis = op.getAxis(), rank = type.getRank();
    SmallVector<OpFoldResult> offsets, total = getSizes(b, loc, adaptor.getXs().front());
    OpFoldResult sum = b.getIndexAttr(0);
    auto add = [&](OpFoldResult x, OpFoldResult y) -> OpFoldResult {
      std::optional<int64_t> p = getConstantIntValue(x), q = getConstantIntValue(y);
      if (p && q)
        return b.getIndexAttr(*p + *q);
      return arith::AddIOp::create(b, loc, asIndex(b, loc, x), asIndex(b, loc, y)).getResult();
    };
    for (Value x : adaptor.getXs()) {
      offsets.push_back(sum);
      sum = add(sum, getSize(b, loc, x, axis));
    }
    total[axis] = sum;
    Value result = createEmpty(b, loc, type, total);
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    for (auto [x, offset] : llvm::zip(adaptor.getXs(), offsets)) {
      SmallVector<OpFoldResult> starts(rank, b.getIndexAttr(0));
      starts[axis] = offset;
      // All operands have the first one's extents but along the axis: said so, loops over parts can be one.
      SmallVector<OpFoldResult> sizes = total;
      sizes[axis] = getSize(b, loc, x, axis);
      result = tensor::InsertSliceOp::create(b, loc, x, result, starts, sizes, strides);
    }
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }
};

class ReverseLowering : public OpConversionPattern<ir::ReverseOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ReverseOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    SmallVector<OpFoldResult> sizes = getSizes(b, loc, x);
    Type elementType = cast<RankedTensorType>(x.getType()).getElementType();
    Value result = createFromIndices(b, loc, sizes, elementType, [&](const Scalars &s, ValueRange at) {
      SmallVector<Value> index(at);
      for (int64_t axis : op.getAxes()) {
        std::optional<int64_t> extent = getConstantIntValue(sizes[axis]);
        Value last = extent ? s.index(*extent - 1) : s.sub(asIndex(b, loc, sizes[axis]), s.index(1));
        index[axis] = s.sub(last, at[axis]);
      }
      return Value(tensor::ExtractOp::create(s.b, s.loc, x, index));
    });
    b.replaceOp(op, castTo(b, loc, result, getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }
};

class CastShapeLowering : public OpConversionPattern<ir::CastShapeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::CastShapeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Type type = getTypeConverter()->convertType(op.getResult().getType());
    b.replaceOp(op, castTo(b, op.getLoc(), adaptor.getX(), type));
    return success();
  }
};

/// Identities once nothing asks for their meaning any more.
template <typename Op> class IdentityLowering : public OpConversionPattern<Op> {
public:
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, adaptor.getOperands());
    return success();
  }
};

} // namespace

void lowering::populateShape(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ConstantLowering, IotaLowering, DimLowering, ReshapeLowering, TransposeLowering,
               BroadcastLowering, SliceLowering, UpdateSliceLowering, ConcatLowering, ReverseLowering,
               CastShapeLowering, IdentityLowering<ir::StopGradientOp>, IdentityLowering<ir::BarrierOp>>(
      converter, patterns.getContext());
}
