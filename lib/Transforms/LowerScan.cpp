// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scan as while. Stage: graph, before outlining: the host knows one kind of loop.
#include "weft/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Unsupported.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_LOWERSCANPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

struct LowerScanOp : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Slice `i` of `x` along axis 0, the axis dropped.
  static Value slice(OpBuilder &builder, Location loc, Value x, Value i, RankedTensorType wanted) {
    auto type = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> starts(type.getRank(), 0), sizes{1}, strides(type.getRank(), 1);
    starts[0] = ShapedType::kDynamic;
    SmallVector<Value> extents;
    for (int64_t axis = 1; axis < type.getRank(); ++axis) {
      sizes.push_back(type.getDimSize(axis));
      if (type.isDynamicDim(axis))
        extents.push_back(DimOp::create(builder, loc, x, axis));
    }
    Value row = SliceOp::create(builder, loc, x, ValueRange{i}, extents, starts, sizes, strides);
    return castTo(builder, loc, ReshapeOp::create(builder, loc, row, extents, ArrayRef(sizes).drop_front()),
                  wanted);
  }

  /// A value of this extent that stands before the scan: of what the scan takes, some dimension has it.
  static Value findExtent(OpBuilder &builder, ScanOp scan, const Dim &dim) {
    for (Value operand : scan->getOperands())
      for (auto [axis, own] : llvm::enumerate(getDims(operand)))
        if (own == dim)
          return DimOp::create(builder, scan.getLoc(), operand, axis);
    // Or of what its body reads from outside.
    Value found;
    scan.getBody().walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (found || scan->isAncestor(operand.getParentBlock()->getParentOp()) ||
            !isa<RankedTensorType>(operand.getType()))
          continue;
        for (auto [axis, own] : llvm::enumerate(getDims(operand)))
          if (!found && own == dim)
            found = DimOp::create(builder, scan.getLoc(), operand, axis);
      }
    });
    return found;
  }

  static Value castTo(OpBuilder &builder, Location loc, Value x, Type wanted) {
    return x.getType() == wanted ? x : CastShapeOp::create(builder, loc, wanted, x);
  }
  LogicalResult matchAndRewrite(ScanOp scan, PatternRewriter &rewriter) const override {
    Location loc = scan.getLoc();
    Block &body = scan.getBody().front();
    auto yield = cast<YieldOp>(body.getTerminator());
    size_t numCarried = scan.getInit().size();
    Value length = scan.getLength();
    if (!length) {
      if (scan.getXs().empty())
        return scan.emitOpError("has neither inputs nor a length");
      length = DimOp::create(rewriter, loc, scan.getXs().front(), 0);
    }
    // Carried: counter, carries, stacks (whose elements are all overwritten).
    SmallVector<Value> init{createShapeValue(rewriter, loc, 0)};
    llvm::append_range(init, scan.getInit());
    for (Value result : scan.getResults().drop_front(numCarried)) {
      auto type = cast<RankedTensorType>(result.getType());
      Value zero = createSplat(rewriter, loc, RankedTensorType::get({}, type.getElementType()), 0);
      SmallVector<int64_t> sizes(type.getShape());
      SmallVector<Value> extents;
      if (type.isDynamicDim(0))
        extents.push_back(length);
      for (int64_t axis = 1; axis < type.getRank(); ++axis) {
        if (!type.isDynamicDim(axis))
          continue;
        Value extent = findExtent(rewriter, scan, getDim(result, axis));
        if (!extent)
          return unsupported(scan.emitOpError("stacks slices of unknown extent in dimension "))
                 << axis - 1 << ", wanted a number or the extent of an operand";
        extents.push_back(extent);
      }
      init.push_back(castTo(rewriter, loc,
                            BroadcastOp::create(rewriter, loc, zero, extents, sizes, ArrayRef<int64_t>{}),
                            type));
    }
    SmallVector<Type> types = llvm::map_to_vector(init, [](Value value) { return value.getType(); });
    auto loop = WhileOp::create(rewriter, loc, types, init);
    SmallVector<Location> locs(types.size(), loc);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      Block *cond = rewriter.createBlock(&loop.getCond(), {}, types, locs);
      Value more = CompareOp::create(rewriter, loc, CompareKind::lt, cond->getArgument(0), length);
      YieldOp::create(rewriter, loc, ValueRange{more});

      Block *next = rewriter.createBlock(&loop.getBody(), {}, types, locs);
      Value counter = next->getArgument(0), place = counter;
      if (scan.getReverse()) {
        Value one = createShapeValue(rewriter, loc, 1);
        place = SubOp::create(rewriter, loc, SubOp::create(rewriter, loc, length, one), counter);
      }
      IRMapping mapping;
      for (size_t i = 0; i < numCarried; ++i)
        mapping.map(body.getArgument(i), next->getArgument(1 + i));
      for (auto [i, x] : llvm::enumerate(scan.getXs())) {
        Value argument = body.getArgument(numCarried + i);
        mapping.map(argument, slice(rewriter, loc, x, place, cast<RankedTensorType>(argument.getType())));
      }
      for (Operation &op : body.without_terminator())
        rewriter.clone(op, mapping);
      SmallVector<Value> results{AddOp::create(rewriter, loc, counter, createShapeValue(rewriter, loc, 1))};
      for (size_t i = 0; i < numCarried; ++i)
        results.push_back(castTo(rewriter, loc, mapping.lookupOrDefault(yield.getOperand(i)), types[1 + i]));
      for (size_t i = numCarried; i < yield.getNumOperands(); ++i) {
        Value row = mapping.lookupOrDefault(yield.getOperand(i));
        auto rowType = cast<RankedTensorType>(row.getType());
        SmallVector<int64_t> sizes{1}, starts(rowType.getRank() + 1, 0);
        llvm::append_range(sizes, rowType.getShape());
        starts[0] = ShapedType::kDynamic;
        SmallVector<Value> extents;
        for (int64_t axis = 0; axis < rowType.getRank(); ++axis)
          if (rowType.isDynamicDim(axis))
            extents.push_back(DimOp::create(rewriter, loc, row, axis));
        Value unit = ReshapeOp::create(rewriter, loc, row, extents, sizes);
        Value stack = next->getArgument(1 + i);
        results.push_back(castTo(rewriter, loc,
                                 UpdateSliceOp::create(rewriter, loc, stack, unit, ValueRange{place}, starts),
                                 types[1 + i]));
      }
      YieldOp::create(rewriter, loc, results);
    }
    rewriter.replaceOp(scan, loop.getResults().drop_front(1));
    return success();
  }
};

struct LowerScan : impl::LowerScanPassBase<LowerScan> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerScanOp>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft
