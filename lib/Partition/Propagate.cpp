// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spreads shardings over the graph. Stage: partition. Shardings only grow, and only where all suggestions for
// a factor agree or one of them has won, so the sweeps end. Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "Propagation.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

void dist::separateConstants(Graph &graph) {
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

/// A constant is free to have anywhere until an annotation says where.
static bool isFree(Value value, const Place &place) {
  return value.getDefiningOp<ir::ConstantOp>() && !llvm::is_contained(place.isFixed, true);
}

FactorAxes dist::factorsOf(Operation *op, const ShardingRule &rule, Places &places, MeshAttr mesh) {
  auto describe = [&](bool isOperand) {
    return [&places, isOperand](Value value) {
      Place &place = places.of(value);
      return TensorPlace{value.getType(), place.sharding, isOperand && isFree(value, place),
                         llvm::is_contained(place.isFixed, true)};
    };
  };
  auto operands = llvm::map_to_vector(op->getOperands(), describe(true));
  auto results = llvm::map_to_vector(op->getResults(), describe(false));
  return chooseFactors(rule, operands, results, mesh);
}

namespace {

using Origins = llvm::SmallDenseMap<int, StringAttr, 4>;

/// One run over the rules.
class Sweeper {
public:
  Sweeper(const Propagator::Rules &rules, Places &places, MeshAttr mesh)
      : rules(rules), places(places), mesh(mesh) {}

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

private:
  /// Carries shardings from each of the op's values to the others.
  bool visit(Operation *op, const ShardingRule &rule) {
    bool isPlaced = false;
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
      for (Value value : values)
        isPlaced |= !places.sharding(value).isWhole();
    if (!isPlaced)
      return false;
    FactorAxes factors = factorsOf(op, rule, places, mesh);
    Origins origins = originsOf(op);
    bool changed = false;
    for (auto [value, tensor] : llvm::zip_equal(op->getOperands(), rule.operands))
      changed |= update(value, placeOf(tensor, rule, factors), origins);
    for (auto [value, tensor] : llvm::zip_equal(op->getResults(), rule.results))
      changed |= update(value, placeOf(tensor, rule, factors), origins);
    return changed;
  }

  Origins originsOf(Operation *op) {
    Origins origins;
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
      for (Value value : values)
        for (auto [axis, origin] : places.of(value).origins)
          origins.try_emplace(axis, origin);
    return origins;
  }

  /// Splits further what the suggestion splits further.
  bool update(Value value, const Sharding &suggested, const Origins &origins) {
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

  const Propagator::Rules &rules;
  Places &places;
  MeshAttr mesh;
};

} // namespace

Propagator::Propagator(Graph graph) : graph(graph) {
  for (Operation &op : graph.block())
    if (auto sharded = dyn_cast<ShardingOpInterface>(op))
      rules.push_back({&op, sharded.getShardingRule()});
}

Places Propagator::run(Places seed) {
  Sweeper sweeper(rules, seed, graph.mesh);
  // What only maps and moves elements first: contractions should see all that can be known.
  sweeper.sweep([](const ShardingRule &rule) { return !rule.hasReduction(); });
  sweeper.sweep([](const ShardingRule &) { return true; });
  return seed;
}

namespace weft::dist {
#define GEN_PASS_DEF_PROPAGATEPASS
#include "weft/Partition/Passes.h.inc"

namespace {

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

struct Propagate : impl::PropagatePassBase<Propagate> {
  void runOnOperation() override {
    FailureOr<Graph> graph = getGraph(getOperation());
    if (failed(graph))
      return signalPassFailure();
    separateConstants(*graph);
    annotateResults(*graph);
    Places seed(graph->mesh);
    if (failed(seed.read(*graph)))
      return signalPassFailure();
    Places places = Propagator(*graph).run(std::move(seed));
    places.write(*graph);
  }
};

} // namespace
} // namespace weft::dist
