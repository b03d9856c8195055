// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// dot_general as one generic: the way of every type and layout that has no generator. Stage: tensor. 16-bit
// inputs accumulate in f32; integers in the result's type.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

namespace {

class DotGeneralLowering : public OpConversionPattern<ir::DotGeneralOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::DotGeneralOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    Type lhsType = op.getLhs().getType().getElementType(), rhsType = op.getRhs().getType().getElementType();
    Type resultType = op.getResult().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<int64_t> lhsFree = op.getLhsFree(), rhsFree = op.getRhsFree();
    int64_t rank = type.getRank(), total = rank + op.getLhsContract().size();

    // Loops: batch, lhs free, rhs free (the result's dimensions), then the contracted ones.
    SmallVector<AffineExpr> lhsDims(cast<RankedTensorType>(lhs.getType()).getRank());
    SmallVector<AffineExpr> rhsDims(cast<RankedTensorType>(rhs.getType()).getRank()), resultDims;
    SmallVector<OpFoldResult> sizes;
    SmallVector<int64_t> reduced;
    int64_t next = 0;
    for (auto [l, r] : llvm::zip(op.getLhsBatch(), op.getRhsBatch())) {
      lhsDims[l] = rhsDims[r] = b.getAffineDimExpr(next++);
      sizes.push_back(getSize(b, loc, lhs, l));
    }
    for (int64_t l : lhsFree) {
      lhsDims[l] = b.getAffineDimExpr(next++);
      sizes.push_back(getSize(b, loc, lhs, l));
    }
    for (int64_t r : rhsFree) {
      rhsDims[r] = b.getAffineDimExpr(next++);
      sizes.push_back(getSize(b, loc, rhs, r));
    }
    for (auto [l, r] : llvm::zip(op.getLhsContract(), op.getRhsContract())) {
      reduced.push_back(next);
      lhsDims[l] = rhsDims[r] = b.getAffineDimExpr(next++);
    }
    for (int64_t i = 0; i < rank; ++i)
      resultDims.push_back(b.getAffineDimExpr(i));
    SmallVector<AffineMap> maps{AffineMap::get(total, 0, lhsDims, b.getContext()),
                                AffineMap::get(total, 0, rhsDims, b.getContext()),
                                AffineMap::get(total, 0, resultDims, b.getContext())};
    Type held = computeType(resultType);
    Value init = createFilled(b, loc, Scalars(b, loc).integer(held, 0), sizes);
    Value sum =
        createGeneric(b, loc, {lhs, rhs}, init, maps, reduced, [&](const Scalars &s, ValueRange args) {
          Value x = s.convert(s.load(args[0], lhsType), lhsType, heldFor(resultType), false);
          Value y = s.convert(s.load(args[1], rhsType), rhsType, heldFor(resultType), false);
          return SmallVector<Value>{s.add(args[2], s.mul(x, y), true)};
        }).getResult(0);
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
  /// The element type products are taken in: the result's, f32 for narrower floats.
  static Type heldFor(Type resultType) {
    return isa<FloatType>(resultType) ? computeType(resultType) : resultType;
  }
};

} // namespace

void lowering::populateContract(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<DotGeneralLowering>(converter, patterns.getContext());
}
