// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts a graph into pipeline stages of equal cost. Stage: partition, after resharding, so that costs are
// those of one rank's parts. Among cuts that are nearly even the one that the fewest bytes cross is taken.
// Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "Cost.h"
#include "Places.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_ASSIGNSTAGESPASS
#include "weft/Partition/Passes.h.inc"

namespace {

/// How far from even a cut may be, as a part of one stage's share.
constexpr double slack = 0.15;

class Cutter {
public:
  Cutter(Graph graph, int64_t stages) : graph(graph), stages(stages), places(graph.mesh) {}

  LogicalResult run() {
    if (failed(places.read(graph)))
      return failure();
    for (Operation &op : graph.block())
      if (!isa<ir::ConstantOp>(op) && !op.hasTrait<OpTrait::IsTerminator>())
        ops.push_back(&op);
    bool isLabelled =
        llvm::any_of(ops, [](Operation *op) { return op->hasAttr(DistDialect::getStageAttrName()); });
    return isLabelled ? followLabels() : cutEvenly();
  }

private:
  void setStage(Operation *op, int64_t stage) {
    op->setAttr(DistDialect::getStageAttrName(), Builder(op->getContext()).getI64IntegerAttr(stage));
  }

  /// Ops without a label belong to the last stage that they read from.
  LogicalResult followLabels() {
    int64_t last = 0;
    for (Operation *op : ops) {
      int64_t least = 0;
      llvm::SetVector<Value> inputs(op->operand_begin(), op->operand_end());
      inputs.insert_range(capturesOf(op));
      for (Value input : inputs)
        if (Operation *producer = input.getDefiningOp(); producer && !isa<ir::ConstantOp>(producer))
          least = std::max(least, getStage(producer));
      auto label = op->getAttrOfType<IntegerAttr>(DistDialect::getStageAttrName());
      if (label && label.getInt() < least)
        return op->emitOpError("is labelled stage ") << label.getInt() << " and reads a value of stage "
                                                     << least << ", wanted a label from there on";
      if (!label)
        setStage(op, least);
      last = std::max(last, getStage(op));
    }
    if (stages > 1 && last + 1 != stages)
      return graph.main.emitError("has labels of ") << last + 1 << " stages, wanted " << stages;
    return success();
  }

  LogicalResult cutEvenly() {
    if (int64_t(ops.size()) < stages)
      return graph.main.emitError("has ") << ops.size() << " ops, which cannot make " << stages << " stages";
    std::vector<double> before{0}; // the cost of the ops before each position
    for (Operation *op : ops)
      before.push_back(before.back() + costOf(op, places, graph.mesh).weight());
    std::vector<int64_t> crossing = bytesCrossing();
    std::vector<size_t> cuts;
    size_t from = 1;
    for (int64_t stage = 1; stage < stages; ++stage) {
      double share = before.back() / stages, target = share * stage;
      size_t most = ops.size() - (stages - stage), best = 0;
      auto off = [&](size_t at) { return std::abs(before[at] - target); };
      for (size_t at = from; at <= most; ++at) {
        bool even = off(at) <= slack * share, bestEven = best && off(best) <= slack * share;
        if (!best || (even && !bestEven) ||
            (even && bestEven
                 ? std::pair(double(crossing[at]), off(at)) < std::pair(double(crossing[best]), off(best))
                 : even == bestEven && off(at) < off(best)))
          best = at;
      }
      cuts.push_back(best);
      from = best + 1;
    }
    int64_t stage = 0;
    for (auto [i, op] : llvm::enumerate(ops)) {
      while (stage < int64_t(cuts.size()) && i >= cuts[stage])
        ++stage;
      setStage(op, stage);
    }
    return success();
  }

  /// Per position the bytes of values made before it and read from there on.
  std::vector<int64_t> bytesCrossing() {
    llvm::DenseMap<Operation *, int64_t> number;
    for (auto [i, op] : llvm::enumerate(ops))
      number[op] = i;
    std::vector<int64_t> change(ops.size() + 2, 0);
    auto count = [&](Value value, int64_t made) {
      int64_t last = -1;
      for (Operation *user : value.getUsers())
        if (Operation *own = graph.block().findAncestorOpInBlock(*user); own && number.contains(own))
          last = std::max(last, number[own]);
      if (last <= made)
        return;
      int64_t bytes = tensorBytes(localType(value.getType(), places.sharding(value), graph.mesh));
      change[made + 1] += bytes;
      change[last + 1] -= bytes;
    };
    for (Operation *op : ops)
      for (Value result : op->getResults())
        count(result, number[op]);
    for (size_t i = 1; i < change.size(); ++i)
      change[i] += change[i - 1];
    return change;
  }

  Graph graph;
  int64_t stages;
  Places places;
  SmallVector<Operation *> ops;
};

struct AssignStages : impl::AssignStagesPassBase<AssignStages> {
  using Base::Base;
  void runOnOperation() override {
    FailureOr<Graph> graph = getGraph(getOperation());
    if (failed(graph) || failed(Cutter(*graph, stages).run()))
      return signalPassFailure();
  }
};

} // namespace
} // namespace weft::dist
