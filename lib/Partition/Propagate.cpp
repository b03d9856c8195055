// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spreads shardings over the graph. Stage: partition. Shardings only grow, and only where all suggestions for
// a factor agree or one of them has won, so the sweeps end. Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "Factors.h"
#include "Places.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_PROPAGATEPASS
#include "weft/Partition/Passes.h.inc"

namespace {

/// Each reader of a constant gets its own: it lies wherever that reader wants it.
void separateConstants(Graph &graph) {
  SmallVector<ir::ConstantOp> constants(graph.block().getOps<ir::ConstantOp>());
  for (ir::ConstantOp constant : constants) {
    bool isFirst = true;
    for (OpOperand &use : llvm::make_early_inc_range(constant->getUses())) {
      if (std::exchange(isFirst, false) || use.getOwner()->getBlock() != &graph.block())
        continue;
      OpBuilder builder(constant);
      use.set(builder.clone(*constant)->getResult(0));
    }
  }
}

/// Annotations of results become ops before the return.
void annotateResults(Graph &graph) {
  Operation *end = graph.block().getTerminator();
  OpBuilder builder(end);
  for (OpOperand &operand : end->getOpOperands()) {
    unsigned i = operand.getOperandNumber();
    auto sharding = graph.main.getResultAttrOfType<ShardingAttr>(i, DistDialect::getShardingAttrName());
    if (!sharding)
      continue;
    auto open = graph.main.getResultAttrOfType<DenseI64ArrayAttr>(i, "dist.open");
    auto origin = graph.main.getResultAttrOfType<StringAttr>(i, "dist.origin");
    operand.set(ShardOp::create(builder, end->getLoc(), operand.get().getType(), operand.get(), sharding,
                                open ? open.asArrayRef() : ArrayRef<int64_t>(), origin));
    for (StringRef name : {"dist.sharding", "dist.open", "dist.origin"})
      graph.main.removeResultAttr(i, builder.getStringAttr(name));
  }
}

class Propagator {
public:
  explicit Propagator(Graph graph) : graph(graph), places(graph.mesh) { places.read(graph); }

  Places run() {
    for (Operation &op : graph.block())
      if (auto sharded = dyn_cast<ShardingOpInterface>(op))
        rules.push_back({&op, sharded.getShardingRule()});
    // What only maps and moves elements first: contractions should see all that can be known.
    sweep([](const ShardingRule &rule) { return !rule.hasReduction(); });
    sweep([](const ShardingRule &) { return true; });
    return std::move(places);
  }

private:
  void sweep(function_ref<bool(const ShardingRule &)> takes) {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto &[op, rule] : rules)
        if (takes(rule))
          changed |= visit(op, rule);
      for (auto &[op, rule] : llvm::reverse(rules))
        if (takes(rule))
          changed |= visit(op, rule);
    }
  }

  TensorPlace tensorPlace(Value value, bool isOperand) {
    Place &place = places.of(value);
    bool isFixed = llvm::is_contained(place.isFixed, true);
    return {value.getType(), place.sharding,
            isOperand && value.getDefiningOp<ir::ConstantOp>() && place.sharding.isWhole(), isFixed};
  }

  /// Carries shardings from each of the op's values to the others.
  bool visit(Operation *op, const ShardingRule &rule) {
    auto operands = llvm::map_to_vector(op->getOperands(), [&](Value v) { return tensorPlace(v, true); });
    auto results = llvm::map_to_vector(op->getResults(), [&](Value v) { return tensorPlace(v, false); });
    FactorAxes factors = chooseFactors(rule, operands, results, graph.mesh);
    bool changed = false;
    auto origins = originsOf(op);
    for (auto [value, tensor] : llvm::zip_equal(op->getOperands(), rule.operands))
      changed |= update(value, placeOf(tensor, rule, factors), origins);
    for (auto [value, tensor] : llvm::zip_equal(op->getResults(), rule.results))
      changed |= update(value, placeOf(tensor, rule, factors), origins);
    return changed;
  }

  llvm::SmallDenseMap<int, StringAttr, 4> originsOf(Operation *op) {
    llvm::SmallDenseMap<int, StringAttr, 4> origins;
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
      for (Value value : values)
        for (auto [axis, origin] : places.of(value).origins)
          origins.try_emplace(axis, origin);
    return origins;
  }

  /// Dimensions that are split further now.
  bool update(Value value, const Sharding &suggested,
              const llvm::SmallDenseMap<int, StringAttr, 4> &origins) {
    Place &place = places.of(value);
    bool changed = false;
    for (auto [dim, axes] : llvm::enumerate(suggested.dims)) {
      Axes &have = place.sharding.dims[dim];
      if (place.isFixed[dim] || axes.size() <= have.size() ||
          ArrayRef<int>(axes).take_front(have.size()) != ArrayRef<int>(have))
        continue;
      ArrayRef<int> more = ArrayRef<int>(axes).drop_front(have.size());
      if (llvm::any_of(more, [&](int axis) { return place.sharding.uses(axis); }))
        continue;
      for (int axis : more)
        if (auto origin = origins.lookup(axis))
          place.origins.try_emplace(axis, origin);
      have = axes;
      changed = true;
    }
    return changed;
  }

  Graph graph;
  Places places;
  std::vector<std::pair<Operation *, ShardingRule>> rules;
};

struct Propagate : impl::PropagatePassBase<Propagate> {
  void runOnOperation() override {
    FailureOr<Graph> graph = getGraph(getOperation());
    if (failed(graph))
      return signalPassFailure();
    separateConstants(*graph);
    annotateResults(*graph);
    Places places = Propagator(*graph).run();
    places.write(*graph);
    graph->main.walk([&](Operation *op) {
      for (Value result : op->getResults())
        numSharded += op->getBlock() == &graph->block() && !places.sharding(result).isWhole();
    });
  }
};

} // namespace
} // namespace weft::dist
