// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of values that cross a cut; see TravelLayouts.h. The graph stage runs on a copy of the whole
// graph in which these values are marked, and the marks are read back.
#include "TravelLayouts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

/// Whether an op of another stage reads the value.
static bool crossesCut(OpResult value) {
  Block *block = value.getOwner()->getBlock();
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    Operation *reader = block->findAncestorOpInBlock(*user);
    return reader && !reader->hasTrait<OpTrait::IsTerminator>() &&
           dist::getStage(reader) != dist::getStage(value.getOwner());
  });
}

/// Marks the value and gives the number to its mark.
static void mark(OpResult value, int64_t number) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfter(value.getOwner());
  auto type = cast<RankedTensorType>(value.getType());
  auto cut = dist::CutOp::create(builder, value.getLoc(), type, value,
                                 llvm::to_vector(llvm::seq(type.getRank())), number);
  value.replaceAllUsesExcept(cut.getResult(), cut);
}

LogicalResult weft::assignTravelLayouts(
    ModuleOp placed, const StageOptions &options,
    llvm::function_ref<LogicalResult(ModuleOp, llvm::function_ref<void(OpPassManager &)>)> runPasses) {
  OwningOpRef<ModuleOp> whole = placed.clone();
  auto blockOf = [](ModuleOp module) -> Block & {
    return module.lookupSymbol<func::FuncOp>("main").getBody().front();
  };
  SmallVector<OpResult> values, copies;
  for (auto [op, copy] : llvm::zip_equal(blockOf(placed), blockOf(*whole)))
    if (!isa<ir::ConstantOp>(op))
      for (auto [value, copied] : llvm::zip_equal(op.getResults(), copy.getResults()))
        if (crossesCut(value)) {
          values.push_back(value);
          copies.push_back(copied);
        }
  if (values.empty())
    return success();
  for (auto [number, copy] : llvm::enumerate(copies))
    mark(copy, int64_t(number));
  // On one worker nothing changes its place.
  for (auto reshard : llvm::make_early_inc_range(blockOf(*whole).getOps<dist::ReshardOp>())) {
    reshard.replaceAllUsesWith(reshard.getX());
    reshard.erase();
  }
  if (failed(runPasses(*whole, [&](OpPassManager &passes) { buildGraphStage(passes, options); })))
    return failure();
  llvm::DenseMap<Operation *, SmallVector<Attribute>> layouts;
  Builder builder(placed.getContext());
  whole->walk([&](dist::CutOp cut) {
    OpResult value = values[cut.getNumber()];
    SmallVector<Attribute> &all = layouts[value.getOwner()];
    all.resize(value.getOwner()->getNumResults(), builder.getDenseI64ArrayAttr({}));
    if (!llvm::equal(cut.getOrder(), llvm::seq<int64_t>(cut.getOrder().size())))
      all[value.getResultNumber()] = cut.getOrderAttr();
  });
  for (auto &[op, all] : layouts)
    op->setAttr(dist::DistDialect::getLayoutsAttrName(), builder.getArrayAttr(all));
  return success();
}
