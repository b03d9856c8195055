// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What no kernel computes, made ready for the host before kernels are outlined. Stage: host.
#include "LeaveToHost.h"

#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Sorting, selection, factorisations and extensions become calls of the runtime.
static void toHostCall(Operation *op) {
  OpBuilder builder(op);
  SmallVector<NamedAttribute> config;
  auto add = [&](StringRef name, Attribute value) { config.push_back(builder.getNamedAttr(name, value)); };
  StringRef function;
  SmallVector<Value> operands(op->getOperands());
  if (auto sort = dyn_cast<SortOp>(op)) {
    function = "sort";
    add("axis", sort.getAxisAttr());
    add("num_keys", sort.getNumKeysAttr());
    add("descending", builder.getI64IntegerAttr(sort.getDescending()));
  } else if (auto top = dyn_cast<TopKOp>(op)) {
    function = "top_k";
    operands.resize(1); // k is the extent of the results
    add("axis", top.getAxisAttr());
    add("largest", builder.getI64IntegerAttr(top.getLargest()));
  } else if (auto nonZero = dyn_cast<NonZeroOp>(op)) {
    // The count is a result of its own, which names the extent.
    auto countType = RankedTensorType::get({}, builder.getI64Type());
    auto call = host::CallOp::create(builder, op->getLoc(), TypeRange{nonZero.getType(), countType},
                                     "non_zero", operands, builder.getDictionaryAttr({}));
    op->replaceAllUsesWith(ValueRange{call.getResult(0)});
    op->erase();
    return;
  } else if (auto print = dyn_cast<PrintOp>(op)) {
    function = "print";
    add("message", print.getMessageAttr());
  } else if (auto factor = dyn_cast<CholeskyOp>(op)) {
    function = "cholesky";
    add("lower", builder.getI64IntegerAttr(factor.getLower()));
  } else if (auto solve = dyn_cast<TriangularSolveOp>(op)) {
    function = "triangular_solve";
    add("left", builder.getI64IntegerAttr(solve.getLeft()));
    add("lower", builder.getI64IntegerAttr(solve.getLower()));
    add("transpose", builder.getI64IntegerAttr(solve.getTranspose()));
    add("unit_diagonal", builder.getI64IntegerAttr(solve.getUnitDiagonal()));
  } else if (isa<LuOp>(op)) {
    function = "lu";
  } else if (auto custom = dyn_cast<CustomCallOp>(op)) {
    function = custom.getTarget();
    if (auto given = custom.getConfig())
      llvm::append_range(config, *given);
  } else {
    return;
  }
  auto call = host::CallOp::create(builder, op->getLoc(), op->getResultTypes(), function, operands,
                                   builder.getDictionaryAttr(config));
  if (isa<CustomCallOp>(op))
    call->setAttr(host::customAttrName, builder.getUnitAttr());
  op->replaceAllUsesWith(call);
  op->erase();
}

/// The host looks at one element of a predicate: "all hold" is a reduction's work. Where kernels cannot fail,
/// it does not tell what was found.
static void reducePredicate(AssertOp op, bool checks) {
  if (op.getFound() && checks)
    return;
  op.getDetailsMutable().clear();
  int64_t rank = cast<RankedTensorType>(op.getPredicate().getType()).getRank();
  if (rank == 0)
    return;
  OpBuilder builder(op);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(rank));
  op.getPredicateMutable().assign(
      ReduceOp::create(builder, op.getLoc(), op.getPredicate(), ReduceKind::bit_and, axes));
}

void weft::leaveToHost(ModuleOp module, bool checks) {
  SmallVector<Operation *> calls;
  module.walk([&](Operation *op) {
    if (isa<SortOp, TopKOp, NonZeroOp, PrintOp, CholeskyOp, TriangularSolveOp, LuOp, CustomCallOp>(op))
      calls.push_back(op);
  });
  llvm::for_each(calls, toHostCall);
  module.walk([&](AssertOp op) { reducePredicate(op, checks); });
}
