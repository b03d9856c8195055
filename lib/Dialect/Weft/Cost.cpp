// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts the arithmetic of ops, and what they touch of large operands.
#include "weft/Dialect/Weft/Cost.h"

#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

SmallVector<ExtentProduct> ir::countFlops(Operation *op, llvm::function_ref<SmallVector<Dim>(Value)> dimsOf) {
  auto elements = [&](Value value, int64_t factor) {
    return SmallVector<ExtentProduct>{{factor, dimsOf(value)}};
  };
  if (op->hasTrait<ir::Elementwise>())
    return elements(op->getResult(0), 1);
  using Products = SmallVector<ExtentProduct>;
  return llvm::TypeSwitch<Operation *, Products>(op)
      .Case<DotGeneralOp>([&](auto dot) {
        ExtentProduct product{2, dimsOf(dot.getResult())};
        SmallVector<Dim> lhs = dimsOf(dot.getLhs());
        for (int64_t dim : dot.getLhsContract())
          product.extents.push_back(lhs[dim]);
        return Products{product};
      })
      .Case<ConvOp>([&](auto conv) {
        // Each element of the result is a sum over all of the window but the features of the result.
        ExtentProduct product{2, dimsOf(conv.getResult())};
        for (auto [dim, extent] : llvm::enumerate(dimsOf(conv.getW())))
          if (int64_t(dim) != conv.getWDims()[0])
            product.extents.push_back(extent);
        return Products{product};
      })
      .Case<AttentionOp>([&](auto attention) {
        // Two products: of q with all keys, of the scores with all values. Half of it lies behind a causal
        // mask.
        int64_t factor = attention.getCausal() == Causal::none ? 2 : 1;
        SmallVector<Dim> q = dimsOf(attention.getQ()), k = dimsOf(attention.getK());
        ExtentProduct scores{factor, q}, values{factor, dimsOf(attention.getY())};
        scores.extents.push_back(k[k.size() - 2]);
        values.extents.push_back(k[k.size() - 2]);
        return Products{scores, values};
      })
      .Case<SoftmaxOp>([&](auto) { return elements(op->getResult(0), 5); })
      .Case<NormalizeOp>([&](auto) { return elements(op->getResult(0), 7); })
      .Case<ReduceOp, ArgReduceOp, CumulativeOp>([&](auto) { return elements(op->getOperand(0), 1); })
      .Case<ReduceWindowOp, WindowArgOp>([&](auto window) {
        int64_t size = 1;
        for (int64_t extent : window.getWindow())
          size *= extent;
        return elements(op->getResult(0), size);
      })
      .Case<QuantizeOp, DequantizeOp>([&](auto) { return elements(op->getResult(0), 2); })
      .Case<ScatterOp>([&](auto scatter) { return elements(scatter.getUpdate(), 1); })
      .Case<ResampleOp, RandomBitsOp>([&](auto) { return elements(op->getResult(0), 1); })
      .Default([](auto) { return Products{}; });
}

Value ir::readsAsMuchAs(Operation *op, unsigned number) {
  if (number == 0 && isa<GatherOp, SliceOp>(op))
    return op->getResult(0);
  return {};
}

Value ir::writesAsMuchAs(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<UpdateSliceOp, ScatterOp>([](auto update) { return update.getUpdate(); })
      .Default([](auto) { return Value(); });
}
