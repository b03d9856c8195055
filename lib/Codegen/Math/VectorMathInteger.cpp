// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Remainders and integer powers: exact, by loops of a fixed or small number of steps.
#include "VectorMath.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace weft::codegen;

/// Long division by 50 quotient bits at a time, in f64. With ys = y 2^k the step r = x - trunc(x / ys) ys is
/// exact by fma while the quotient is below 2^52, and a quotient that rounding made one too large is mended
/// by adding ys. k starts where the quotient has 50 bits and goes down to 0, in which step x becomes the
/// remainder.
V weft::codegen::emitRem(V x, V y) {
  if (!x.is64())
    return toF32(emitRem(toF64(x), toF64(y)));
  constexpr double kInf = std::numeric_limits<double>::infinity();
  OpBuilder &b = *x.builder;
  Location loc = x.loc;
  V ax = abs(x), ay = abs(y);
  // A denormal divisor is scaled up, so that its exponent field says its size; the shift is taken back by k.
  V small = lt(ay, 0x1p-960);
  V base = select(small, ay * 0x1p64, ay);
  V lowest = select(small, asInt(x).i(static_cast<uint64_t>(-64)), asInt(x).i(0));
  V k = (asInt(ax) >> 52) - (asInt(base) >> 52) - 50;
  k = select(gt(k, lowest), k, lowest);
  auto step = [&](V r, V k) -> V {
    // 2^k in two factors: k reaches 2046.
    V half = sar(k, k.i(1));
    V ys = base * exp2i(half) * exp2i(k - half);
    V q = trunc(r / ys);
    V rest = fma(-q, ys, r);
    return select(lt(rest, 0.0), rest + ys, rest);
  };
  V result = ax;
  if (isa<VectorType>(x.type())) {
    // 42 steps of 50 bits span all exponents; lanes that are done divide by themselves, which changes
    // nothing.
    Value zero = arith::ConstantIndexOp::create(b, loc, 0), one = arith::ConstantIndexOp::create(b, loc, 1);
    Value steps = arith::ConstantIndexOp::create(b, loc, 44);
    auto loop = scf::ForOp::create(b, loc, zero, steps, one, ValueRange{ax.value, k.value});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      V r = step(x.with(loop.getRegionIterArg(0)), x.with(loop.getRegionIterArg(1)));
      V next = x.with(loop.getRegionIterArg(1)) - 50;
      next = select(gt(next, lowest), next, lowest);
      scf::YieldOp::create(b, loc, ValueRange{r.value, next.value});
    }
    result = x.with(loop.getResult(0));
  } else {
    // The last step at k = lowest comes after the loop.
    auto loop = scf::WhileOp::create(
        b, loc, TypeRange{ax.type(), k.type()}, ValueRange{ax.value, k.value},
        [&](OpBuilder &, Location, ValueRange args) {
          scf::ConditionOp::create(b, loc, gt(x.with(args[1]), lowest).value, args);
        },
        [&](OpBuilder &, Location, ValueRange args) {
          V r = step(x.with(args[0]), x.with(args[1]));
          V next = x.with(args[1]) - 50;
          next = select(gt(next, lowest), next, lowest);
          scf::YieldOp::create(b, loc, ValueRange{r.value, next.value});
        });
    b.setInsertionPointAfter(loop);
    result = step(x.with(loop.getResult(0)), x.with(loop.getResult(1)));
  }
  result = select(eq(ay, kInf), ax, result);
  V bad = eq(ay, 0.0) | (lt(ax, kInf) ^ lt(ax, kInf).i(1)) | isNaN(y);
  return select(bad, x.nan(), copysign(result, x));
}

V weft::codegen::emitIntPow(V base, V exponent) {
  OpBuilder &b = *base.builder;
  Location loc = base.loc;
  Value zero = arith::ConstantIndexOp::create(b, loc, 0), one = arith::ConstantIndexOp::create(b, loc, 1);
  Value steps = arith::ConstantIndexOp::create(b, loc, base.bits());
  auto loop =
      scf::ForOp::create(b, loc, zero, steps, one, ValueRange{base.i(1).value, base.value, exponent.value});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    V product = base.with(loop.getRegionIterArg(0)), square = base.with(loop.getRegionIterArg(1));
    V rest = base.with(loop.getRegionIterArg(2));
    product = product * select(ne(rest & 1, 0), square, square.i(1));
    scf::YieldOp::create(b, loc, ValueRange{product.value, (square * square).value, (rest >> 1).value});
  }
  V power = base.with(loop.getResult(0));
  V minusOne = base.i(~0ull);
  V odd = ne(exponent & 1, 0);
  V inverse =
      select(eq(base, 1), base.i(1), select(eq(base, minusOne), select(odd, minusOne, base.i(1)), base.i(0)));
  return select(lt(exponent, 0), inverse, power);
}
