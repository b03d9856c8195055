// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes each change of place as dist.reshard. Stage: partition. Uses of one value that want the same place
// share one reshard; constants lie where their reader wants them and are never moved. Before and after:
// Passes.td.
#include "weft/Partition/Passes.h"

#include "Propagation.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_RESHARDPASS
#include "weft/Partition/Passes.h.inc"

namespace {

class Resharder {
public:
  explicit Resharder(Graph graph) : graph(graph), places(graph.mesh) {}

  LogicalResult run() {
    if (failed(places.read(graph)))
      return failure();
    for (Operation &op : llvm::make_early_inc_range(graph.block()))
      if (!isa<ir::ConstantOp>(op) && !op.hasTrait<OpTrait::IsTerminator>())
        settle(&op);
    for (auto shard : llvm::make_early_inc_range(graph.block().getOps<ShardOp>())) {
      shard.replaceAllUsesWith(shard.getX());
      shard.erase();
    }
    for (Operation &op : graph.block())
      for (Value result : op.getResults())
        places.of(result); // all are written
    places.write(graph);
    return success();
  }

private:
  void settle(Operation *op) {
    auto sharded = dyn_cast<ShardingOpInterface>(op);
    if (!sharded)
      return runWhole(op);
    ShardingRule rule = sharded.getShardingRule();
    FactorAxes factors = factorsOf(op, rule, places, graph.mesh);
    for (auto [i, tensor] : llvm::enumerate(rule.operands)) {
      Sharding wanted = placeOf(tensor, rule, factors);
      setOperand(op->getOpOperand(i), wanted, [&] {
        return describe(op) + " reads operand " + std::to_string(i) + " as " + toText(wanted, graph.mesh);
      });
    }
    for (auto [result, tensor] : llvm::zip_equal(op->getResults(), rule.results))
      setResult(result, producedPlace(tensor, rule, factors, graph.mesh));
  }

  /// An op that cannot be split: all it reads and gives is whole.
  void runWhole(Operation *op) {
    if (!isa<ir::DimOp>(op))
      op->emitRemark() << describe(op) << " has no sharding rule: it runs whole on every worker";
    auto reason = [&] { return describe(op) + " has no sharding rule and reads whole tensors"; };
    for (OpOperand &operand : op->getOpOperands())
      setOperand(operand, Sharding::whole(rankOf(operand.get())), reason);
    for (Value captured : capturesOf(op)) {
      if (captured.getDefiningOp<ir::ConstantOp>() || places.sharding(captured).isWhole())
        continue;
      Value moved = reshard(captured, op, Sharding::whole(rankOf(captured)), reason());
      op->walk([&](Operation *inner) { inner->replaceUsesOfWith(captured, moved); });
    }
    for (Value result : op->getResults())
      setResult(result, Sharding::whole(rankOf(result)));
  }

  static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

  void setOperand(OpOperand &operand, const Sharding &wanted, function_ref<std::string()> reason) {
    Value value = operand.get();
    if (places.sharding(value) == wanted)
      return;
    if (value.getDefiningOp<ir::ConstantOp>()) {
      places.of(value).sharding = wanted;
      return;
    }
    operand.set(reshard(value, operand.getOwner(), wanted, reason()));
  }

  /// The value at another place, for a reader.
  Value reshard(Value value, Operation *reader, const Sharding &wanted, const std::string &reason) {
    for (Value moved : movedOf[value])
      if (places.sharding(moved) == wanted)
        return moved;
    OpBuilder builder(reader);
    Value moved = create(builder, reader->getLoc(), value, places.sharding(value), wanted, reason);
    movedOf[value].push_back(moved);
    return moved;
  }

  /// What an op gives lies where it is made; what the graph wants of it may lie elsewhere.
  void setResult(Value result, const Sharding &produced) {
    Place wanted = places.of(result);
    if (wanted.sharding.isWhole() && !isa<ShardOp>(result.getDefiningOp())) {
      // Nobody asked for it whole: readers that want it so say it themselves.
      wanted.sharding = produced.complete();
    }
    places.of(result).sharding = produced;
    if (produced == wanted.sharding)
      return;
    Operation *op = result.getDefiningOp();
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    std::string reason = describe(op) + " gives " + toText(produced, graph.mesh);
    if (produced.holder >= 0)
      reason += ", who copies it to all";
    else if (!produced.partial.empty())
      reason += ", whose terms are combined";
    if (wanted.sharding.isWhole() || !produced.partial.empty())
      reason += "; it is read as " + toText(wanted.sharding, graph.mesh);
    else
      reason += "; the graph wants " + toText(wanted.sharding, graph.mesh);
    Value moved = create(builder, op->getLoc(), result, produced, wanted.sharding, reason);
    places.of(moved).origins = wanted.origins;
    result.replaceAllUsesExcept(moved, moved.getDefiningOp());
  }

  Value create(OpBuilder &builder, Location loc, Value value, const Sharding &from, const Sharding &to,
               std::string reason) {
    SmallVector<int> told;
    auto tell = [&](int axis) {
      StringAttr origin = places.of(value).origins.lookup(axis);
      if (origin && !llvm::is_contained(told, axis)) {
        reason += (told.empty() ? " (" : ", ") + graph.mesh.getNames()[axis].str() + " by " + origin.str();
        told.push_back(axis);
      }
    };
    for (const Sharding *side : {&from, &to}) {
      for (const Axes &dim : side->dims)
        llvm::for_each(dim, tell);
      llvm::for_each(side->partial, tell);
    }
    if (!told.empty())
      reason += ")";
    auto op =
        ReshardOp::create(builder, loc, value.getType(), value, from.toAttr(graph.mesh),
                          to.toAttr(graph.mesh), reshardBytes(value.getType(), from, to, graph.mesh), reason);
    places.of(op.getResult()).sharding = to;
    places.of(op.getResult()).origins = places.of(value).origins;
    return op;
  }

  Graph graph;
  Places places;
  llvm::DenseMap<Value, SmallVector<Value, 2>> movedOf;
};

struct Reshard : impl::ReshardPassBase<Reshard> {
  void runOnOperation() override {
    FailureOr<Graph> graph = getGraph(getOperation());
    if (failed(graph) || failed(Resharder(*graph).run()))
      return signalPassFailure();
  }
};

} // namespace
} // namespace weft::dist
