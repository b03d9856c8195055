// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers what upstream's conversions would turn into library calls or not accept: memref.copy becomes loops,
// vector.multi_reduction becomes steps on native vectors.
#include "Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace weft::cpu;

namespace {

/// Loops over the elements; native vectors along the last dimension where it is contiguous on both sides.
void expandCopy(memref::CopyOp op, const TargetInfo &target) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto from = cast<MemRefType>(op.getSource().getType()), to = cast<MemRefType>(op.getTarget().getType());
  Type element = from.getElementType();
  int64_t lanes =
      element.isIndex()
          ? 1
          : std::max<int64_t>(1, target.vectorBits / std::max(8u, element.getIntOrFloatBitWidth()));
  auto contiguous = [](MemRefType type) {
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(type.getStridesAndOffset(strides, offset)) && !strides.empty() && strides.back() == 1;
  };
  if (from.getRank() == 0) {
    Value v = memref::LoadOp::create(b, loc, op.getSource(), ValueRange());
    memref::StoreOp::create(b, loc, v, op.getTarget(), ValueRange());
    op.erase();
    return;
  }
  bool wide = lanes > 1 && contiguous(from) && contiguous(to);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0), one = arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> indices;
  int64_t rank = from.getRank();
  for (int64_t d = 0; d + 1 < rank; ++d) {
    Value extent = memref::DimOp::create(b, loc, op.getSource(), d);
    auto loop = scf::ForOp::create(b, loc, zero, extent, one);
    indices.push_back(loop.getInductionVar());
    b.setInsertionPointToStart(loop.getBody());
  }
  Value extent = memref::DimOp::create(b, loc, op.getSource(), rank - 1);
  Value done = zero;
  auto inner = [&](Value low, Value high, Value step, VectorType vector) {
    auto loop = scf::ForOp::create(b, loc, low, high, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> at = indices;
    at.push_back(loop.getInductionVar());
    if (vector) {
      Value v = vector::LoadOp::create(b, loc, vector, op.getSource(), at);
      vector::StoreOp::create(b, loc, v, op.getTarget(), at);
    } else {
      Value v = memref::LoadOp::create(b, loc, op.getSource(), at);
      memref::StoreOp::create(b, loc, v, op.getTarget(), at);
    }
  };
  if (wide) {
    Value width = arith::ConstantIndexOp::create(b, loc, lanes);
    Value rest = arith::RemUIOp::create(b, loc, extent, width);
    done = arith::SubIOp::create(b, loc, extent, rest);
    inner(zero, done, width, VectorType::get({lanes}, element));
  }
  inner(done, extent, one, VectorType());
  op.erase();
}

} // namespace

LogicalResult weft::cpu::lowerLeftovers(ModuleOp module, const TargetInfo &target) {
  SmallVector<memref::CopyOp> copies;
  bool reductions = false;
  module.walk([&](Operation *op) {
    if (auto copy = dyn_cast<memref::CopyOp>(op))
      copies.push_back(copy);
    reductions |= isa<vector::MultiDimReductionOp>(op);
  });
  for (memref::CopyOp copy : copies)
    expandCopy(copy, target);
  if (!reductions)
    return success();
  RewritePatternSet patterns(module.getContext());
  vector::populateVectorMultiReductionLoweringPatterns(patterns,
                                                       vector::VectorMultiReductionLowering::InnerParallel);
  return applyPatternsGreedily(module, std::move(patterns));
}
