// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantize and dequantize. Stage: tensor. A scale per tensor or axis is an operand of the generic; one per
// block is read at index / block.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

/// How a generic over x reads a scale or zero point: by a map, or (blocks) by tensor.extract.
class Parameter {
public:
  Parameter(OpBuilder &b, Value tensor, int64_t rank, int64_t axis, int64_t block)
      : tensor(tensor), axis(axis), block(block) {
    int64_t own = cast<RankedTensorType>(tensor.getType()).getRank();
    SmallVector<AffineExpr> dims;
    if (own == 1 && block == 0)
      dims.push_back(b.getAffineDimExpr(axis));
    map = AffineMap::get(rank, 0, dims, b.getContext());
    byIndex = block != 0;
    this->rank = rank;
  }

  /// The scalar in memory; `argument` is the body's argument when read by a map.
  Value read(const Scalars &s, Value argument) const {
    if (!byIndex)
      return argument;
    SmallVector<Value> index;
    for (int64_t i = 0; i < rank; ++i)
      index.push_back(linalg::IndexOp::create(s.b, s.loc, i));
    index[axis] = arith::DivUIOp::create(s.b, s.loc, index[axis], s.index(block));
    return tensor::ExtractOp::create(s.b, s.loc, tensor, index);
  }

  Value tensor;
  AffineMap map;
  bool byIndex = false;

private:
  int64_t axis, block, rank;
};

/// One generic over x with scale and zero point; the body gets the three memory scalars (the last may be
/// null).
template <typename Fn>
Value build(OpBuilder &b, Location loc, Value x, Value scale, Value zeroPoint, int64_t axis, int64_t block,
            Type memory, Fn fn) {
  int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
  SmallVector<Value> ins{x};
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps{all};
  SmallVector<Parameter> parameters;
  for (Value parameter : {scale, zeroPoint}) {
    if (!parameter)
      continue;
    parameters.emplace_back(b, parameter, rank, axis, block);
    if (!parameters.back().byIndex) {
      ins.push_back(parameter);
      maps.push_back(parameters.back().map);
    }
  }
  maps.push_back(all);
  Value empty = createEmpty(b, loc, getSizes(b, loc, x), memory);
  return createGeneric(b, loc, ins, empty, maps, {},
                       [&](const Scalars &s, ValueRange args) {
                         SmallVector<Value> scalars{args[0]};
                         for (auto [i, parameter] : llvm::enumerate(parameters))
                           scalars.push_back(parameter.read(s, parameter.byIndex ? Value() : args[1 + i]));
                         scalars.resize(3);
                         return SmallVector<Value>{fn(s, scalars)};
                       })
      .getResult(0);
}

class QuantizeLowering : public OpConversionPattern<ir::QuantizeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::QuantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type xType = op.getX().getType().getElementType(), scaleType = op.getScale().getType().getElementType();
    Type quantised = op.getResult().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    Type zeroType = op.getZeroPoint() ? getElementTypeOrSelf(op.getZeroPoint().getType()) : Type();
    Value result =
        build(b, loc, adaptor.getX(), adaptor.getScale(), adaptor.getZeroPoint(), op.getAxis(), op.getBlock(),
              type.getElementType(), [&](const Scalars &s, ArrayRef<Value> in) -> Value {
                Value x = s.load(in[0], xType);
                Value scale = s.convert(s.load(in[1], scaleType), scaleType, computeType(xType), false);
                Value ratio = s.divide(x, scale);
                Type held = ratio.getType();
                Value zero =
                    in[2] ? s.convert(s.load(in[2], zeroType), zeroType, held, false) : s.constant(held, 0);
                if (isa<FloatType>(quantised)) {
                  Value sum = s.add(ratio, zero);
                  Value encoded = s.convert(sum, held, quantised, /*saturate=*/true);
                  return s.store(encoded, quantised);
                }
                Value sum = s.add(math::RoundEvenOp::create(s.b, s.loc, ratio), zero);
                sum = s.select(s.isNaN(ratio), zero, sum);
                return s.store(s.convert(sum, held, quantised, false), quantised); // saturates
              });
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }
};

class DequantizeLowering : public OpConversionPattern<ir::DequantizeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::DequantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type quantised = op.getQ().getType().getElementType(),
         scaleType = op.getScale().getType().getElementType();
    Type resultType = op.getResult().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    Type zeroType = op.getZeroPoint() ? getElementTypeOrSelf(op.getZeroPoint().getType()) : Type();
    Value result =
        build(b, loc, adaptor.getQ(), adaptor.getScale(), adaptor.getZeroPoint(), op.getAxis(), op.getBlock(),
              type.getElementType(), [&](const Scalars &s, ArrayRef<Value> in) -> Value {
                Type held = computeType(resultType);
                Value q = s.load(in[0], quantised), zero = in[2] ? s.load(in[2], zeroType) : Value();
                Value difference;
                if (isa<FloatType>(quantised)) {
                  difference = s.convert(q, quantised, held, false);
                  if (zero)
                    difference = s.sub(difference, s.convert(zero, zeroType, held, false));
                } else {
                  Type i32 = s.b.getI32Type();
                  Value whole = s.convert(q, quantised, i32, false);
                  if (zero)
                    whole = s.sub(whole, s.convert(zero, zeroType, i32, false));
                  difference = s.convert(whole, i32, held, false);
                }
                Value scale = s.convert(s.load(in[1], scaleType), scaleType, held, false);
                return s.store(s.mul(difference, scale), resultType);
              });
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }
};

} // namespace

void lowering::populateQuant(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<QuantizeLowering, DequantizeLowering>(converter, patterns.getContext());
}
