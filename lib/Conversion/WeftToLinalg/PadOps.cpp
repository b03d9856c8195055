// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft.pad. Stage: tensor. Plain constant padding becomes tensor.pad; interior, negative and dynamic widths
// and the other modes become a generic that computes where each element comes from.
#include "Lowering.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

class PadLowering : public OpConversionPattern<ir::PadOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::PadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<OpFoldResult> low = getMixedList(b, loc, op.getStaticLow(), adaptor.getLow());
    SmallVector<OpFoldResult> high = getMixedList(b, loc, op.getStaticHigh(), adaptor.getHigh());
    auto isNatural = [](OpFoldResult width) {
      std::optional<int64_t> value = getConstantIntValue(width);
      return value && *value >= 0;
    };
    bool plain = op.getMode() == ir::PadMode::constant && llvm::all_of(low, isNatural) &&
                 llvm::all_of(high, isNatural) &&
                 llvm::all_of(op.getInterior(), [](int64_t n) { return n == 0; });
    Value result;
    if (plain) {
      Value value = extractScalar(b, loc, adaptor.getValue());
      result = tensor::PadOp::create(b, loc, Type(), adaptor.getX(), low, high, value);
    } else {
      result = lowerByIndices(op, adaptor.getX(), adaptor.getValue(), low, high, type, b);
    }
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }

private:
  static Value lowerByIndices(ir::PadOp op, Value x, Value value, ArrayRef<OpFoldResult> low,
                              ArrayRef<OpFoldResult> high, RankedTensorType type, OpBuilder &b) {
    Location loc = op.getLoc();
    Scalars outer(b, loc);
    SmallVector<OpFoldResult> extents = getSizes(b, loc, x), sizes;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (!type.isDynamicDim(i)) {
        sizes.push_back(b.getIndexAttr(type.getDimSize(i)));
        continue;
      }
      int64_t step = op.getInterior()[i] + 1;
      Value extent = asIndex(b, loc, extents[i]), zero = outer.index(0);
      Value span = outer.add(outer.mul(outer.sub(extent, outer.index(1)), outer.index(step)), outer.index(1));
      span = outer.select(outer.compare(CompareKind::eq, extent, zero), zero, span);
      Value total = outer.add(outer.add(span, asIndex(b, loc, low[i])), asIndex(b, loc, high[i]));
      sizes.push_back(arith::MaxSIOp::create(b, loc, total, zero).getResult());
    }
    Value padding = extractScalar(b, loc, value);
    return createFromIndices(
        b, loc, sizes, type.getElementType(), [&](const Scalars &s, ValueRange at) -> Value {
          SmallVector<Value> index;
          Value inside;
          for (auto [i, position] : llvm::enumerate(at)) {
            std::optional<int64_t> lowWidth = getConstantIntValue(low[i]),
                                   highWidth = getConstantIntValue(high[i]);
            int64_t step = op.getInterior()[i] + 1;
            if (lowWidth == 0 && highWidth == 0 && step == 1) {
              index.push_back(position);
              continue;
            }
            Value extent = asIndex(b, loc, extents[i]);
            Value from = s.sub(position, asIndex(b, loc, low[i]));
            if (op.getMode() != ir::PadMode::constant) {
              index.push_back(fold(s, op.getMode(), from, extent));
              continue;
            }
            Value ok = s.compare(CompareKind::ge, from, s.index(0));
            if (step != 1) {
              Value rest = arith::RemSIOp::create(s.b, s.loc, from, s.index(step));
              ok = s.conjunction(ok, s.compare(CompareKind::eq, rest, s.index(0)));
              from = arith::DivSIOp::create(s.b, s.loc, from, s.index(step));
            }
            ok = s.conjunction(ok, s.compare(CompareKind::lt, from, extent));
            inside = inside ? s.conjunction(inside, ok) : ok;
            index.push_back(from);
          }
          if (!inside)
            return tensor::ExtractOp::create(s.b, s.loc, x, index);
          auto choice = scf::IfOp::create(
              s.b, s.loc, inside,
              [&](OpBuilder &nested, Location at) {
                scf::YieldOp::create(nested, at, Value(tensor::ExtractOp::create(nested, at, x, index)));
              },
              [&](OpBuilder &nested, Location at) { scf::YieldOp::create(nested, at, padding); });
          return choice.getResult(0);
        });
  }

  /// The index within [0, extent) that a position outside mirrors, repeats or wraps to.
  static Value fold(const Scalars &s, ir::PadMode mode, Value from, Value extent) {
    Value zero = s.index(0), one = s.index(1);
    if (mode == ir::PadMode::edge)
      return s.clamp(from, zero, s.sub(extent, one));
    Value period = extent;
    if (mode == ir::PadMode::reflect)
      period = arith::MaxSIOp::create(s.b, s.loc, s.mul(s.sub(extent, one), s.index(2)), one);
    Value rest = arith::RemSIOp::create(s.b, s.loc, from, period);
    rest = s.select(s.compare(CompareKind::lt, rest, zero), s.add(rest, period), rest);
    if (mode == ir::PadMode::wrap)
      return rest;
    return s.select(s.compare(CompareKind::lt, rest, extent), rest, s.sub(period, rest));
  }
};

} // namespace

void lowering::populatePad(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<PadLowering>(converter, patterns.getContext());
}
