// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// conv as one generic for any layout, dilation, reversal and grouping: the way of what has no generator.
// Stage: tensor. Loops: batch, output feature, output positions; then window positions and input features of
// the group, reduced.
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

class ConvLowering : public OpConversionPattern<ir::ConvOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ConvOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX(), w = adaptor.getW();
    Type xType = op.getX().getType().getElementType(), wType = op.getW().getType().getElementType();
    Type resultType = op.getResult().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    auto windowShape = cast<RankedTensorType>(w.getType());
    int64_t spatial = op.getNumSpatialDims(), rank = type.getRank(), total = rank + spatial + 1;
    ArrayRef<int64_t> xDims = op.getXDims(), wDims = op.getWDims(), yDims = op.getYDims();

    // The first `rank` loops are the result's dimensions in its order, so that stores run through memory.
    SmallVector<AffineExpr> wExprs(rank), resultExprs;
    SmallVector<int64_t> reduced;
    wExprs[wDims[0]] = b.getAffineDimExpr(yDims[1]);
    for (int64_t i = 0; i < spatial; ++i)
      wExprs[wDims[2 + i]] = b.getAffineDimExpr(rank + i);
    wExprs[wDims[1]] = b.getAffineDimExpr(total - 1);
    for (int64_t i = 0; i < rank; ++i)
      resultExprs.push_back(b.getAffineDimExpr(i));
    for (int64_t i = rank; i < total; ++i)
      reduced.push_back(i);

    Scalars outer(b, loc);
    auto windowSize = [&](int64_t dim) { return asIndex(b, loc, getSize(b, loc, w, dim)); };
    SmallVector<Value> extents, windowExtents;
    SmallVector<WindowDim> window; // sizes that are not known are in windowExtents alone
    SmallVector<OpFoldResult> sizes(rank);
    sizes[yDims[0]] = getSize(b, loc, x, xDims[0]);
    sizes[yDims[1]] = getSize(b, loc, w, wDims[0]);
    for (int64_t i = 0; i < spatial; ++i) {
      extents.push_back(asIndex(b, loc, getSize(b, loc, x, xDims[2 + i])));
      window.push_back({windowShape.getDimSize(wDims[2 + i]), op.getStrides()[i], op.getPaddingLow()[i],
                        op.getPaddingHigh()[i], op.getInputDilation()[i], op.getKernelDilation()[i]});
      windowExtents.push_back(windowSize(wDims[2 + i]));
      sizes[yDims[2 + i]] = getExtent(outer, type, yDims[2 + i], window[i], extents[i], windowExtents[i]);
    }
    Value groupOut, groupIn; // features of a group
    if (op.getFeatureGroups() > 1) {
      groupOut =
          b.createOrFold<arith::DivSIOp>(loc, windowSize(wDims[0]), outer.index(op.getFeatureGroups()));
      groupOut = b.createOrFold<arith::MaxSIOp>(loc, groupOut, outer.index(1));
      groupIn = windowSize(wDims[1]);
    }
    Type held = computeType(resultType);
    Value init = createFilled(b, loc, outer.integer(held, 0), sizes);
    SmallVector<AffineMap> maps{AffineMap::get(total, 0, wExprs, b.getContext()),
                                AffineMap::get(total, 0, resultExprs, b.getContext())};
    auto body = [&](const Scalars &s, ValueRange args) -> SmallVector<Value> {
      auto loop = [&](int64_t i) -> Value { return linalg::IndexOp::create(s.b, s.loc, i); };
      SmallVector<Value> index(rank);
      index[xDims[0]] = loop(yDims[0]);
      Value feature = loop(total - 1);
      if (groupOut) {
        Value group = arith::DivUIOp::create(s.b, s.loc, loop(yDims[1]), groupOut);
        feature = s.add(feature, s.mul(group, groupIn));
      }
      index[xDims[1]] = feature;
      Value inside;
      for (int64_t i = 0; i < spatial; ++i) {
        Value k = loop(rank + i);
        if (op.isReversed(i))
          k = s.sub(s.sub(windowExtents[i], s.index(1)), k);
        auto [position, ok] = windowRead(s, window[i], loop(yDims[2 + i]), k, extents[i]);
        index[xDims[2 + i]] = position;
        if (ok)
          inside = inside ? s.conjunction(inside, ok) : ok;
      }
      Type memory = cast<RankedTensorType>(x.getType()).getElementType();
      Value value = s.load(readIf(s, inside, x, index, s.integer(memory, 0)), xType);
      Type productType = isa<FloatType>(resultType) ? held : resultType;
      Value product = s.mul(s.convert(value, xType, productType, false),
                            s.convert(s.load(args[0], wType), wType, productType, false));
      // An infinite weight meets no padding: what is outside adds nothing.
      Value sum = s.add(args[1], product, true);
      return {inside ? s.select(inside, sum, args[1]) : sum};
    };
    Value sum = createGeneric(b, loc, w, init, maps, reduced, body).getResult(0);
    if (type.getElementType() != held) {
      AffineMap map = b.getMultiDimIdentityMap(rank);
      Value empty = createEmpty(b, loc, sizes, type.getElementType());
      sum = createGeneric(b, loc, sum, empty, {map, map}, {}, [&](const Scalars &s, ValueRange args) {
              return SmallVector<Value>{s.store(args[0], resultType)};
            }).getResult(0);
    }
    b.replaceOp(op, castTo(b, loc, sum, type));
    return success();
  }

private:
  static OpFoldResult getExtent(const Scalars &s, RankedTensorType type, int64_t axis, const WindowDim &dim,
                                Value extent, Value windowExtent) {
    if (!type.isDynamicDim(axis))
      return s.b.getIndexAttr(type.getDimSize(axis));
    Value zero = s.index(0), one = s.index(1);
    Value dilated = s.add(s.mul(s.sub(extent, one), s.index(dim.baseDilation)), one);
    dilated = arith::MaxSIOp::create(s.b, s.loc, dilated, zero);
    // (size - 1) * dilation + 1 elements; 0 of none.
    Value reach = s.add(s.mul(s.sub(windowExtent, one), s.index(dim.windowDilation)), one);
    reach = arith::MaxSIOp::create(s.b, s.loc, reach, zero);
    Value room = s.sub(s.add(dilated, s.index(dim.low + dim.high)), reach);
    Value count = s.add(arith::FloorDivSIOp::create(s.b, s.loc, room, s.index(dim.stride)), one);
    return arith::MaxSIOp::create(s.b, s.loc, count, zero).getResult();
  }
};

} // namespace

void lowering::populateConv(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ConvLowering>(converter, patterns.getContext());
}
