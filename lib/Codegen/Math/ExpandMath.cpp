// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces every op that would become a library call: the math dialect by the functions of VectorMath.h,
// remainders, integer powers, and f16 and bf16 arithmetic by f32 with own conversions.
#include "weft/Codegen/Math/ExpandMath.h"

#include "VectorMath.h"

#include "weft/Dialect/Marks.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace weft::codegen;

namespace {

bool isNarrow(Type type) { return isa<Float16Type, BFloat16Type>(elementOf(type)); }
bool isWide(Type type) { return elementOf(type).isF32() || elementOf(type).isF64(); }

/// `emit` takes the operand, or the op, whose marks it reads, and the operand.
template <typename Op, auto emit> struct ExpandUnary : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isWide(op.getType()))
      return failure();
    V x(rewriter, op.getLoc(), op.getOperand());
    if constexpr (std::is_invocable_v<decltype(emit), V>)
      rewriter.replaceOp(op, emit(x).value);
    else
      rewriter.replaceOp(op, emit(op, x).value);
    return success();
  }
};

template <typename Op, V (*emit)(V, V)> struct ExpandBinary : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type element = elementOf(op.getType());
    if (isa<FloatType>(element) && !element.isF32() && !element.isF64())
      return failure();
    V a(rewriter, op.getLoc(), op->getOperand(0)), b(rewriter, op.getLoc(), op->getOperand(1));
    rewriter.replaceOp(op, emit(a, b).value);
    return success();
  }
};

/// The number where the other operand is NaN. LLVM's own way calls fmin for some types.
V emitMinNum(V a, V b) { return select(isNaN(a), b, select(lt(b, a), b, a)); }
V emitMaxNum(V a, V b) { return select(isNaN(a), b, select(gt(b, a), b, a)); }

V emitRsqrt(V x) { return x.c(1.0) / sqrt(x); }

/// Whether x is not positive, or NaN: by a mark of the op that takes it, or by how it is made.
bool isNonPositive(Operation *op, Value x) {
  if (op->hasAttr(weft::nonPositiveMark))
    return true;
  auto negation = x.getDefiningOp<arith::NegFOp>();
  if (!negation)
    return false;
  Value y = negation.getOperand();
  auto square = y.getDefiningOp<arith::MulFOp>();
  return y.getDefiningOp<math::AbsFOp>() || (square && square.getLhs() == square.getRhs());
}

V emitExpOf(Operation *op, V x) { return isNonPositive(op, x.value) ? emitExpNonPositive(x) : emitExp(x); }

V emitExp2Of(Operation *op, V x) {
  bool flushes = !x.is64() && op->hasAttr(weft::nonPositiveMark) && op->hasAttr(weft::flushesMark);
  return flushes ? emitExp2Flushed(x) : emitExp2(x);
}

/// tanh of f32 under --numerics=fast.
struct ExpandTanhApproximately : OpRewritePattern<math::TanhOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::TanhOp op, PatternRewriter &rewriter) const override {
    if (!elementOf(op.getType()).isF32())
      return failure();
    rewriter.replaceOp(op, emitTanhApproximate(V(rewriter, op.getLoc(), op.getOperand())).value);
    return success();
  }
};

/// pow by a constant that is a multiplication or two, else the general function.
struct ExpandPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    Type element = elementOf(op.getType());
    if (!element.isF32() && !element.isF64())
      return failure();
    V x(rewriter, op.getLoc(), op.getLhs()), y(rewriter, op.getLoc(), op.getRhs());
    Attribute constant;
    if (matchPattern(op.getRhs(), m_Constant(&constant))) {
      if (auto splat = dyn_cast<SplatElementsAttr>(constant))
        constant = splat.getSplatValue<Attribute>();
      if (auto scalar = dyn_cast<FloatAttr>(constant)) {
        double value = scalar.getValueAsDouble();
        if (value == 1.0 || value == 2.0 || value == 3.0 || value == -1.0) {
          V r = value == 1.0 ? x : value == 2.0 ? x * x : value == 3.0 ? x * x * x : 1.0 / x;
          rewriter.replaceOp(op, r.value);
          return success();
        }
      }
    }
    rewriter.replaceOp(op, emitPow(x, y).value);
    return success();
  }
};

struct ExpandLdexp : OpRewritePattern<LLVM::CallIntrinsicOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LLVM::CallIntrinsicOp op, PatternRewriter &rewriter) const override {
    if (op.getIntrin() != "llvm.ldexp")
      return failure();
    V p(rewriter, op.getLoc(), op.getArgs()[0]), n = p.with(op.getArgs()[1]);
    rewriter.replaceOp(op, scaleInSteps(p, n).value);
    return success();
  }
};

struct ExpandFPowI : OpRewritePattern<math::FPowIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FPowIOp op, PatternRewriter &rewriter) const override {
    Value y = arith::SIToFPOp::create(rewriter, op.getLoc(), op.getType(), op.getRhs());
    rewriter.replaceOpWithNewOp<math::PowFOp>(op, op.getLhs(), y);
    return success();
  }
};

struct ExpandClamp : OpRewritePattern<math::ClampFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ClampFOp op, PatternRewriter &rewriter) const override {
    Value atLeast = arith::MaximumFOp::create(rewriter, op.getLoc(), op.getValue(), op.getMin());
    rewriter.replaceOpWithNewOp<arith::MinimumFOp>(op, atLeast, op.getMax());
    return success();
  }
};

struct ExpandSinCos : OpRewritePattern<math::SincosOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::SincosOp op, PatternRewriter &rewriter) const override {
    Value s = math::SinOp::create(rewriter, op.getLoc(), op.getOperand());
    Value c = math::CosOp::create(rewriter, op.getLoc(), op.getOperand());
    rewriter.replaceOp(op, {s, c});
    return success();
  }
};

/// The sign of a zero result of max and min is unspecified, which makes them one or three instructions.
template <typename Op> struct IgnoreZeroSign : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if constexpr (std::is_same_v<Op, vector::ReductionOp>)
      if (op.getKind() != vector::CombiningKind::MAXIMUMF && op.getKind() != vector::CombiningKind::MINIMUMF)
        return failure();
    auto flags = op.getFastmath();
    if (bitEnumContainsAll(flags, arith::FastMathFlags::nsz))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setFastmath(flags | arith::FastMathFlags::nsz); });
    return success();
  }
};

/// A math op on f16 or bf16 is computed in f32 and rounded once.
struct WidenMath : RewritePattern {
  WidenMath(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getName().getDialectNamespace() != "math" || op->getNumResults() == 0)
      return failure();
    if (llvm::none_of(op->getOperandTypes(), isNarrow))
      return failure();
    SmallVector<Value> operands;
    for (Value v : op->getOperands()) {
      if (isNarrow(v.getType()))
        v = arith::ExtFOp::create(rewriter, op->getLoc(), withElement(v.getType(), rewriter.getF32Type()), v);
      operands.push_back(v);
    }
    OperationState state(op->getLoc(), op->getName());
    state.addOperands(operands);
    state.addAttributes(op->getAttrs());
    for (Type type : op->getResultTypes())
      state.addTypes(isNarrow(type) ? withElement(type, rewriter.getF32Type()) : type);
    Operation *wide = rewriter.create(state);
    SmallVector<Value> results;
    for (auto [value, type] : llvm::zip(wide->getResults(), op->getResultTypes()))
      results.push_back(isNarrow(type) ? Value(arith::TruncFOp::create(rewriter, op->getLoc(), type, value))
                                       : Value(value));
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// bf16 -> f32 is a shift of the bits; f64 goes on from there.
struct ExpandBF16Ext : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!isa<BFloat16Type>(elementOf(op.getIn().getType())))
      return failure();
    Location loc = op.getLoc();
    Type shape = op.getIn().getType();
    Value bits =
        arith::BitcastOp::create(rewriter, loc, withElement(shape, rewriter.getI16Type()), op.getIn());
    V wide(rewriter, loc,
           arith::ExtUIOp::create(rewriter, loc, withElement(shape, rewriter.getI32Type()), bits));
    V real = asFloat(wide << 16);
    rewriter.replaceOp(op, (elementOf(op.getType()).isF64() ? toF64(real) : real).value);
    return success();
  }
};

/// f64 -> f32 that keeps inexactness in the last bit (round to odd), so that a second rounding to 16 bits is
/// right.
V roundToOdd(V x) {
  V near = toF32(x);
  V back = toF64(near);
  // Where |near| is above |x| go one step towards zero; then set the last bit if anything was lost.
  V bits = asInt(near);
  V over = gt(abs(back), abs(x));
  V down = bits - select(over, bits.i(1), bits.i(0));
  V inexact = compare(arith::CmpFPredicate::ONE, back, x);
  return asFloat(select(inexact, down | 1, bits));
}

/// f32 -> bf16, to nearest even, by integer arithmetic: x86 has no instruction that keeps denormals. Where
/// the target converts (`native`) what is left to do is to round once.
struct ExpandTrunc : OpRewritePattern<arith::TruncFOp> {
  ExpandTrunc(MLIRContext *context, bool native) : OpRewritePattern(context), native(native) {}
  bool native;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!isNarrow(op.getType()))
      return failure();
    Type from = elementOf(op.getIn().getType());
    Location loc = op.getLoc();
    V x(rewriter, loc, op.getIn());
    bool isBF16 = isa<BFloat16Type>(elementOf(op.getType()));
    // Also of an f32 that was an f64 just before: one rounding instead of two, and LLVM would merge the two
    // into a call.
    if (auto first = op.getIn().getDefiningOp<arith::TruncFOp>();
        first && elementOf(first.getIn().getType()).isF64()) {
      x = x.with(first.getIn());
      from = rewriter.getF64Type();
      if (native) {
        rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), x.value);
        return success();
      }
    }
    if (native && !isNarrow(op.getIn().getType()))
      return failure();
    if (from.isF64()) {
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), roundToOdd(x).value);
      return success();
    }
    if (isNarrow(op.getIn().getType())) {
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(
          op, op.getType(),
          toF32(V(rewriter, loc,
                  arith::ExtFOp::create(
                      rewriter, loc, withElement(op.getIn().getType(), rewriter.getF32Type()), op.getIn())))
              .value);
      return success();
    }
    if (!isBF16 || !from.isF32())
      return failure();
    V bits = asInt(x);
    V rounded = (bits + (((bits >> 16) & 1) + 0x7fff)) >> 16;
    V quiet = (bits >> 16) | 0x40;
    V chosen = select(isNaN(x), quiet, rounded);
    Type shape = op.getType();
    Value narrow =
        arith::TruncIOp::create(rewriter, loc, withElement(shape, rewriter.getI16Type()), chosen.value);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, shape, narrow);
    return success();
  }
};

/// Rewrites f16 and bf16 arithmetic to f32 with conversions around it.
LogicalResult widenArithmetic(ModuleOp module) {
  bool any = false;
  module.walk([&](Operation *op) {
    any |= llvm::any_of(op->getResultTypes(), isNarrow) || llvm::any_of(op->getOperandTypes(), isNarrow);
  });
  if (!any)
    return success();
  MLIRContext *context = module.getContext();
  TypeConverter converter;
  Type f32 = Float32Type::get(context);
  arith::populateEmulateUnsupportedFloatsConversions(
      converter, {Float16Type::get(context), BFloat16Type::get(context)}, f32);
  RewritePatternSet patterns(context);
  arith::populateEmulateUnsupportedFloatsPatterns(patterns, converter);
  ConversionTarget target(*context);
  arith::populateEmulateUnsupportedFloatsLegality(target, converter);
  return applyPartialConversion(module, target, std::move(patterns));
}

} // namespace

/// 1 / the number, when both are ordinary floats.
static std::optional<APFloat> reciprocalOf(Value divisor) {
  Attribute constant;
  if (!matchPattern(divisor, m_Constant(&constant)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(constant))
    constant = splat.getSplatValue<Attribute>();
  auto number = dyn_cast<FloatAttr>(constant);
  if (!number)
    return std::nullopt;
  APFloat one(number.getValue().getSemantics(), 1);
  one.divide(number.getValue(), APFloat::rmNearestTiesToEven);
  return number.getValue().isNormal() && one.isNormal() ? std::optional(one) : std::nullopt;
}

void weft::codegen::relaxArithmetic(ModuleOp module) {
  module.walk([](arith::ArithFastMathInterface op) {
    auto flags = arith::FastMathFlags::contract;
    if (arith::FastMathFlagsAttr own = op.getFastMathFlagsAttr())
      flags = flags | own.getValue();
    op->setAttr(op.getFastMathAttrName(), arith::FastMathFlagsAttr::get(op->getContext(), flags));
  });
  module.walk([](arith::DivFOp op) {
    std::optional<APFloat> factor = reciprocalOf(op.getRhs());
    if (!factor)
      return;
    OpBuilder b(op);
    TypedAttr value = FloatAttr::get(elementOf(op.getType()), *factor);
    if (auto shaped = dyn_cast<ShapedType>(op.getType()))
      value = SplatElementsAttr::get(shaped, cast<Attribute>(value));
    Value constant = arith::ConstantOp::create(b, op.getLoc(), value);
    op.replaceAllUsesWith(
        arith::MulFOp::create(b, op.getLoc(), op.getLhs(), constant, op.getFastmathAttr()).getResult());
    op.erase();
  });
}

LogicalResult weft::codegen::expandMath(ModuleOp module, const ExpandMathOptions &options) {
  MLIRContext *context = module.getContext();
  const bool hasMath = module
                           .walk([](Operation *op) {
                             return isa_and_nonnull<math::MathDialect>(op->getDialect())
                                        ? WalkResult::interrupt()
                                        : WalkResult::advance();
                           })
                           .wasInterrupted();
  if (hasMath) {
    RewritePatternSet widen(context);
    widen.add<WidenMath>(context);
    if (failed(applyPatternsGreedily(module, std::move(widen))))
      return failure();
  }
  if (failed(widenArithmetic(module)))
    return failure();
  RewritePatternSet patterns(context);
  patterns.add<ExpandUnary<math::ExpOp, emitExpOf>, ExpandUnary<math::Exp2Op, emitExp2Of>,
               ExpandUnary<math::ExpM1Op, emitExpm1>, ExpandUnary<math::LogOp, emitLog>,
               ExpandUnary<math::Log2Op, emitLog2>, ExpandUnary<math::Log10Op, emitLog10>,
               ExpandUnary<math::Log1pOp, emitLog1p>, ExpandUnary<math::RsqrtOp, emitRsqrt>,
               ExpandUnary<math::CbrtOp, emitCbrt>, ExpandUnary<math::SinOp, emitSin>,
               ExpandUnary<math::CosOp, emitCos>, ExpandUnary<math::TanOp, emitTan>,
               ExpandUnary<math::AsinOp, emitAsin>, ExpandUnary<math::AcosOp, emitAcos>,
               ExpandUnary<math::AtanOp, emitAtan>, ExpandUnary<math::SinhOp, emitSinh>,
               ExpandUnary<math::CoshOp, emitCosh>, ExpandUnary<math::TanhOp, emitTanh>,
               ExpandUnary<math::AsinhOp, emitAsinh>, ExpandUnary<math::AcoshOp, emitAcosh>,
               ExpandUnary<math::AtanhOp, emitAtanh>, ExpandUnary<math::ErfOp, emitErf>,
               ExpandUnary<math::ErfcOp, emitErfc>, ExpandBinary<math::Atan2Op, emitAtan2>,
               ExpandBinary<arith::RemFOp, emitRem>, ExpandBinary<math::IPowIOp, emitIntPow>, ExpandPow,
               ExpandBinary<arith::MinNumFOp, emitMinNum>, ExpandBinary<arith::MaxNumFOp, emitMaxNum>,
               ExpandFPowI, ExpandClamp, ExpandSinCos, IgnoreZeroSign<arith::MaximumFOp>,
               IgnoreZeroSign<arith::MinimumFOp>, IgnoreZeroSign<vector::ReductionOp>>(context);
  if (!options.nativeNarrowConversions)
    patterns.add<ExpandBF16Ext>(context);
  patterns.add<ExpandTrunc>(context, options.nativeNarrowConversions);
  if (!options.nativeLdexp)
    patterns.add<ExpandLdexp>(context);
  if (options.approximate)
    patterns.add<ExpandTanhApproximately>(context, /*benefit=*/2);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);

  // Most kernels hold a handful of such ops among hundreds of others.
  FrozenRewritePatternSet frozen(std::move(patterns));
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (frozen.getOpSpecificNativePatterns().contains(op->getName()))
      ops.push_back(op);
  });
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  return applyOpPatternsGreedily(ops, frozen, config);
}
