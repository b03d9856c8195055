// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes collectives as the runtime has them: along the leading dimension. Stage: partition, after the split.
// Other dimensions are cut by a reshape and brought to the front by one transposition. Before and after:
// Passes.td.
#include "weft/Partition/Passes.h"

#include "Rules.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_LOWERCOLLECTIVESPASS
#include "weft/Partition/Passes.h.inc"

namespace {

ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

/// Dimension `dim` as `parts` times the rest, the parts in front of all dimensions.
Value cutToFront(OpBuilder &builder, Location loc, Value x, int64_t dim, int64_t parts) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[dim] /= parts;
  shape.insert(shape.begin() + dim, parts);
  x = ir::ReshapeOp::create(builder, loc, x, shape);
  if (dim == 0)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(shape.size()));
  order.erase(order.begin() + dim);
  order.insert(order.begin(), dim);
  return ir::TransposeOp::create(builder, loc, x, order);
}

/// The reverse: the leading dimension becomes the major part of dimension `dim` of the rest.
Value joinFromFront(OpBuilder &builder, Location loc, Value x, int64_t dim) {
  SmallVector<int64_t> shape(shapeOf(x));
  if (dim != 0) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(1, shape.size()));
    order.insert(order.begin() + dim, 0);
    x = ir::TransposeOp::create(builder, loc, x, order);
  }
  int64_t parts = shape.front();
  shape.erase(shape.begin());
  shape[dim] *= parts;
  return ir::ReshapeOp::create(builder, loc, x, shape);
}

Type tokenOf(Value like, int64_t leading) {
  auto type = cast<RankedTensorType>(like.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = leading;
  return TokenType::get(like.getContext(), RankedTensorType::get(shape, type.getElementType()));
}

class Lowering {
public:
  Lowering(func::FuncOp function, MeshAttr mesh) : function(function), mesh(mesh) {}

  LogicalResult run() {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) {
      if (isa<AllSliceOp>(op) || isStart(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(lower(op)))
        return failure();
    return success();
  }

private:
  int64_t members(ArrayAttr axes) {
    int64_t size = 1;
    for (auto axis : axes.getAsRange<StringAttr>())
      size *= mesh.getSizes()[mesh.find(axis)];
    return size;
  }

  /// Puts `token` in the place of `op`, and `after` behind what waits for it.
  LogicalResult replace(Operation *op, Value token, function_ref<Value(OpBuilder &, Value)> after) {
    for (Operation *user : llvm::make_early_inc_range(op->getResult(0).getUsers())) {
      auto done = dyn_cast<DoneOp>(user);
      if (!done)
        return op->emitOpError("is read by ") << user->getName() << ", wanted dist.done";
      OpBuilder builder(done);
      Value arrived =
          DoneOp::create(builder, done.getLoc(), cast<TokenType>(token.getType()).getValue(), token)
              .getResult();
      done.getResult().replaceAllUsesWith(after(builder, arrived));
      done.erase();
    }
    op->erase();
    return success();
  }

  LogicalResult lower(Operation *op) {
    OpBuilder builder(op);
    Location loc = op->getLoc();
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<RankedTensorType>(operand.getType()); type && !type.hasStaticShape())
        return op->emitOpError("moves ") << type << ", wanted extents that are numbers";
    if (auto slice = dyn_cast<AllSliceOp>(op)) {
      Axes axes(llvm::map_range(slice.getAxes().getAsRange<StringAttr>(),
                                [&](StringAttr a) { return mesh.find(a); }));
      int64_t dim = slice.getDim();
      auto shape = shapeOf(slice.getResult());
      Value start = ir::MulOp::create(builder, loc, partNumber(builder, loc, axes, mesh),
                                      ir::createShapeValue(builder, loc, shape[dim]));
      SmallVector<int64_t> starts(shape.size(), 0), ones(shape.size(), 1);
      starts[dim] = ShapedType::kDynamic;
      slice.replaceAllUsesWith(ir::SliceOp::create(builder, loc, slice.getType(), slice.getX(), start,
                                                   ValueRange(), starts, shape, ones)
                                   .getResult());
      slice.erase();
      return success();
    }
    if (auto gather = dyn_cast<AllGatherStartOp>(op); gather && gather.getDim() != 0) {
      int64_t dim = gather.getDim();
      Value x = cutToFront(builder, loc, gather.getX(), 0, 1);
      Value token = AllGatherStartOp::create(builder, loc, tokenOf(x, members(gather.getAxes())), x, 0,
                                             gather.getAxes(), gather.getChannel(), gather.getBytesAttr(),
                                             gather.getReasonAttr());
      return replace(op, token, [&](OpBuilder &at, Value all) { return joinFromFront(at, loc, all, dim); });
    }
    if (auto scatter = dyn_cast<ReduceScatterStartOp>(op); scatter && scatter.getDim() != 0) {
      Value x = cutToFront(builder, loc, scatter.getX(), scatter.getDim(), members(scatter.getAxes()));
      Value token = ReduceScatterStartOp::create(builder, loc, tokenOf(x, 1), scatter.getCombine(), x, 0,
                                                 scatter.getAxes(), scatter.getChannel(),
                                                 scatter.getBytesAttr(), scatter.getReasonAttr());
      return replace(op, token, [&](OpBuilder &at, Value part) { return joinFromFront(at, loc, part, 0); });
    }
    if (auto exchange = dyn_cast<AllToAllStartOp>(op);
        exchange && exchange.getSplit() != exchange.getConcat()) {
      int64_t concat = exchange.getConcat(), count = members(exchange.getAxes());
      Value x = cutToFront(builder, loc, exchange.getX(), exchange.getSplit(), count);
      Value token =
          AllToAllStartOp::create(builder, loc, tokenOf(x, count), x, 0, 0, exchange.getAxes(),
                                  exchange.getChannel(), exchange.getBytesAttr(), exchange.getReasonAttr());
      return replace(op, token,
                     [&](OpBuilder &at, Value all) { return joinFromFront(at, loc, all, concat); });
    }
    return success();
  }

  func::FuncOp function;
  MeshAttr mesh;
};

struct LowerCollectives : impl::LowerCollectivesPassBase<LowerCollectives> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    getOperation()->walk([&](func::FuncOp function) { functions.push_back(function); });
    for (func::FuncOp function : functions) {
      MeshAttr mesh = getMesh(function);
      if (mesh && failed(Lowering(function, mesh).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace weft::dist
