// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fft as products with tables of cosines and sines, one axis at a time: for short transforms, whose tables
// are small.
#include "Formula.h"
#include "weft/Dialect/Unsupported.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::decompose;

namespace {
struct Pair {
  Value re, im; ///< im null: all zeros
};
} // namespace

/// The table [from, to] of cos or sin of sign * 2 pi j k / n, scaled.
static Value makeTable(Formula &g, Type type, int64_t from, int64_t to, int64_t n, bool sine, double sign,
                       llvm::function_ref<double(int64_t, int64_t)> scale) {
  HostTensor table = *HostTensor::zeros(ir::toDType(type), {from, to});
  for (int64_t j = 0; j < from; ++j)
    for (int64_t k = 0; k < to; ++k) {
      double angle = sign * 2 * M_PI * double(j * k % n) / double(n);
      table.setDouble(j * to + k, (sine ? std::sin(angle) : std::cos(angle)) * scale(j, k));
    }
  return ir::createConstant(g.b, g.loc, table);
}

/// x contracted with a table along an axis, the result's new dimension moved back there.
static Value transform(Formula &g, Value x, Value table, int64_t axis) {
  Value product = ir::DotGeneralOp::create(g.b, g.loc, x, table, ArrayRef<int64_t>{}, ArrayRef<int64_t>{},
                                           ArrayRef<int64_t>{axis}, ArrayRef<int64_t>{0});
  int64_t rank = rankOf(x);
  SmallVector<int64_t> permutation;
  for (int64_t i = 0; i < rank; ++i)
    permutation.push_back(i < axis ? i : i == axis ? rank - 1 : i - 1);
  return axis == rank - 1 ? product : Value(ir::TransposeOp::create(g.b, g.loc, product, permutation));
}

static FailureOr<SmallVector<Value>> decomposeFft(ir::FftOp op, Formula &g) {
  auto type = cast<RankedTensorType>(op.getRe().getType());
  Type original = type.getElementType();
  Pair x{g.widen(op.getRe()), op.getIm() ? g.widen(op.getIm()) : Value()};
  Type held = elementType(x.re);
  ArrayRef<int64_t> axes = op.getAxes();
  bool inverse = op.getInverse();
  double sign = inverse ? 1 : -1;
  for (int64_t axis : axes)
    if (type.isDynamicDim(axis))
      return unsupported(op.emitOpError("found a transform of unknown length, wanted a static one"));
  // r2c transforms the last axis first, while it is real; c2r last, when the result is.
  SmallVector<int64_t> order(axes);
  if (op.getKind() == ir::FftKind::r2c)
    std::reverse(order.begin(), order.end());
  for (int64_t axis : order) {
    int64_t from = type.getDimSize(axis), n = from, to = from;
    bool last = axis == axes.back();
    bool toReal = op.getKind() == ir::FftKind::c2r && last;
    if (op.getKind() == ir::FftKind::r2c && last)
      to = n / 2 + 1;
    if (toReal)
      n = to = op.getLength() ? int64_t(*op.getLength()) : 2 * (from - 1);
    auto scale = [&](int64_t j, int64_t) {
      double s = inverse ? 1.0 / double(n) : 1.0;
      // A point between the first and the middle stands for its mirror image too.
      if (toReal && j != 0 && 2 * j != n)
        s *= 2;
      return 2 * j > n && toReal ? 0.0 : s;
    };
    Value cosines = makeTable(g, held, from, to, n, false, sign, scale);
    Value sines = makeTable(g, held, from, to, n, true, sign, scale);
    Pair y;
    y.re = transform(g, x.re, cosines, axis);
    if (x.im)
      y.re = g.binary<ir::SubOp>(y.re, transform(g, x.im, sines, axis));
    if (!toReal) {
      y.im = transform(g, x.re, sines, axis);
      if (x.im)
        y.im = g.binary<ir::AddOp>(y.im, transform(g, x.im, cosines, axis));
    }
    x = y;
  }
  SmallVector<Value> results{g.convert(x.re, original)};
  if (x.im)
    results.push_back(g.convert(x.im, original));
  return results;
}

void decompose::attachContractOps(MLIRContext &context) {
  ir::FftOp::attachInterface<Model<ir::FftOp, decomposeFft>>(context);
}
