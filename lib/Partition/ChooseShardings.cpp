// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses shardings where the user gave none. Stage: partition. The batch goes over `data`; of pairs of big
// products the first weights go over `model` by columns, and propagation gives the second theirs by rows:
// between the two nothing travels, after them one all_reduce. A weight that would need anything else stays
// whole. Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "Propagation.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_CHOOSESHARDINGSPASS
#include "weft/Partition/Passes.h.inc"

namespace {

/// Weights of fewer bytes are not worth a collective.
constexpr int64_t leastWeightBytes = 1024;

class Chooser {
public:
  explicit Chooser(Graph graph) : graph(graph), seed(graph.mesh), propagator(graph) {}

  LogicalResult run() {
    if (failed(seed.read(graph)))
      return failure();
    if (int axis = graph.mesh.find("data"); axis >= 0 && failed(splitBatch(axis)))
      return failure();
    if (int axis = graph.mesh.find("model"); axis >= 0 && graph.mesh.getSizes()[axis] > 1)
      splitWeights(axis);
    for (StringAttr axis : graph.mesh.getNames())
      if (axis != "data" && axis != "model")
        note("nothing over " + axis.getValue() + ": only data and model are used without --shard");
    OpBuilder builder(graph.main);
    graph.main->getParentOfType<ModuleOp>()->setAttr("dist.choices", builder.getStrArrayAttr(choices));
    return success();
  }

private:
  void note(const Twine &text) {
    texts.push_back(std::make_unique<std::string>(text.str()));
    choices.push_back(*texts.back());
  }

  std::string nameOf(BlockArgument argument) {
    auto name = graph.main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    return name ? name.str() : "input" + std::to_string(argument.getArgNumber());
  }

  /// Writes what an argument's dimension is split over; its other dimensions stay open.
  void annotate(BlockArgument argument, int64_t dim, int axis, StringRef origin) {
    Place &place = seed.of(argument);
    place.sharding.dims[dim].push_back(axis);
    place.isFixed[dim] = true;
    Builder builder(argument.getContext());
    place.origins[axis] = builder.getStringAttr(origin);
    SmallVector<int64_t> open;
    for (auto [i, isFixed] : llvm::enumerate(place.isFixed))
      if (!isFixed)
        open.push_back(i);
    unsigned i = argument.getArgNumber();
    graph.main.setArgAttr(i, DistDialect::getShardingAttrName(), place.sharding.toAttr(graph.mesh));
    graph.main.setArgAttr(i, "dist.open", builder.getDenseI64ArrayAttr(open));
    graph.main.setArgAttr(i, "dist.origin", builder.getStringAttr(origin));
  }

  /// Arguments that are as long as the first are batches.
  LogicalResult splitBatch(int axis) {
    int64_t batch = -1, parts = graph.mesh.getSizes()[axis];
    std::string names;
    for (BlockArgument argument : graph.block().getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      if (type.getRank() == 0)
        continue;
      if (batch < 0)
        batch = type.getDimSize(0);
      if (type.getDimSize(0) != batch)
        continue;
      if (ShapedType::isDynamic(batch) || batch % parts != 0)
        return emitError(argument.getLoc(), "dimension 0 of '")
               << nameOf(argument) << "': " << (ShapedType::isDynamic(batch) ? "?" : std::to_string(batch))
               << " rows over axis 'data' of " << parts
               << ", wanted a multiple (--shape), or --shard=" << nameOf(argument)
               << "=... to split otherwise";
      annotate(argument, 0, axis, "default batch over data");
      names += (names.empty() ? "" : ", ") + nameOf(argument);
    }
    note(names.empty() ? "no input to split over data"
                       : "batch of " + std::to_string(batch) + " over data: " + names);
    return success();
  }

  /// What a choice costs over an axis: products whose terms it makes, and bytes that move but for their sum.
  struct Outcome {
    int64_t rows = 0, moved = 0;
    std::string lastRow;
  };
  Outcome assess(Places &places, int axis) {
    Outcome outcome;
    for (auto &[op, rule] : propagator.getRules()) {
      FactorAxes factors = factorsOf(op, rule, places, graph.mesh);
      for (auto [factor, axes] : llvm::zip_equal(rule.factors, factors))
        if (factor.kind == Factor::Kind::Reduction && llvm::is_contained(axes, axis) &&
            isa<ir::DotGeneralOp, ir::ConvOp>(op)) {
          ++outcome.rows;
          outcome.lastRow = describe(op);
        }
      for (auto [value, tensor] : llvm::zip_equal(op->getOperands(), rule.operands)) {
        if (value.getDefiningOp<ir::ConstantOp>())
          continue;
        for (const ReshardStep &step :
             planReshard(value.getType(), places.sharding(value), placeOf(tensor, rule, factors), graph.mesh))
          if (llvm::is_contained(step.axes, axis))
            outcome.moved += step.bytes;
      }
      for (auto [value, tensor] : llvm::zip_equal(op->getResults(), rule.results)) {
        Sharding produced = producedPlace(tensor, rule, factors, graph.mesh);
        if (produced.holder >= 0 && llvm::is_contained(produced.partial, axis))
          outcome.moved += reshardBytes(value.getType(), produced, produced.complete(), graph.mesh);
      }
    }
    return outcome;
  }

  /// The weights of a product and the dimension that gives its columns; null when it has none.
  std::pair<OpOperand *, int64_t> columnsOf(Operation *op, int axis) {
    auto isWeight = [&](OpOperand &operand) {
      Value value = operand.get();
      auto argument = dyn_cast<BlockArgument>(value);
      return (value.getDefiningOp<ir::ConstantOp>() || (argument && seed.sharding(value).isWhole())) &&
             tensorBytes(value.getType()) >= leastWeightBytes;
    };
    auto divides = [&](OpOperand &operand, int64_t dim) {
      int64_t extent = cast<RankedTensorType>(operand.get().getType()).getDimSize(dim);
      return extent % graph.mesh.getSizes()[axis] == 0;
    };
    if (auto dot = dyn_cast<ir::DotGeneralOp>(op)) {
      for (unsigned side : {1u, 0u}) {
        OpOperand &weights = op->getOpOperand(side);
        if (isWeight(weights) && !isWeight(op->getOpOperand(1 - side)))
          for (int64_t dim : side == 1 ? dot.getRhsFree() : dot.getLhsFree())
            if (divides(weights, dim))
              return {&weights, dim};
      }
    } else if (auto conv = dyn_cast<ir::ConvOp>(op)) {
      OpOperand &weights = op->getOpOperand(1);
      if (conv.getFeatureGroups() == 1 && isWeight(weights) && divides(weights, conv.getWDims()[0]))
        return {&weights, conv.getWDims()[0]};
    }
    return {nullptr, 0};
  }

  void splitWeights(int axis) {
    Places now = propagator.run(seed);
    Outcome before = assess(now, axis);
    int64_t split = 0, whole = 0;
    for (auto &[op, rule] : propagator.getRules()) {
      auto [weights, dim] = columnsOf(op, axis);
      // What propagation has given a part already is the second of a pair, or shares the first's place.
      if (!weights || now.sharding(weights->get()).uses(axis) || now.sharding(op->getResult(0)).uses(axis))
        continue;
      Places tried = seed;
      Place &place = tried.of(weights->get());
      std::string origin = "default columns of " + describe(op) + " over model";
      place.sharding.dims[dim].push_back(axis);
      place.isFixed.assign(place.isFixed.size(), true);
      place.origins[axis] = StringAttr::get(op->getContext(), origin);
      Places then = propagator.run(tried);
      Outcome after = assess(then, axis);
      if (after.rows <= before.rows || after.moved > before.moved) {
        ++whole;
        continue;
      }
      take(*weights, dim, axis, origin);
      ++split;
      note("weights of " + describe(op) + " over model by columns; rows up to " + after.lastRow);
      seed = std::move(tried);
      now = std::move(then);
      before = after;
    }
    if (whole)
      note(Twine(whole) + " products keep whole weights: split, their results would have to be gathered");
    if (split + whole == 0)
      note("nothing over model: no large weights have columns that " + Twine(graph.mesh.getSizes()[axis]) +
           " workers can share evenly");
  }

  void take(OpOperand &weights, int64_t dim, int axis, StringRef origin) {
    if (auto argument = dyn_cast<BlockArgument>(weights.get())) {
      annotate(argument, dim, axis, origin);
      return;
    }
    Sharding sharding = Sharding::whole(cast<RankedTensorType>(weights.get().getType()).getRank());
    sharding.dims[dim].push_back(axis);
    taken.push_back({&weights, sharding, origin.str()});
  }

public:
  /// Annotations of constants become ops once the search is over: it goes on with the graph as it was.
  void writeConstants() {
    for (Taken &choice : taken) {
      OpBuilder builder(choice.weights->getOwner());
      Value value = choice.weights->get();
      choice.weights->set(ShardOp::create(builder, value.getLoc(), value.getType(), value,
                                          choice.sharding.toAttr(graph.mesh), ArrayRef<int64_t>(),
                                          builder.getStringAttr(choice.origin)));
    }
  }

private:
  struct Taken {
    OpOperand *weights;
    Sharding sharding;
    std::string origin;
  };

  Graph graph;
  Places seed;
  Propagator propagator;
  std::vector<Taken> taken;
  std::vector<std::unique_ptr<std::string>> texts;
  SmallVector<StringRef> choices;
};

struct ChooseShardings : impl::ChooseShardingsPassBase<ChooseShardings> {
  void runOnOperation() override {
    FailureOr<Graph> graph = getGraph(getOperation());
    if (failed(graph))
      return signalPassFailure();
    auto annotated = [&](auto get, unsigned count) {
      return llvm::any_of(llvm::seq(count), [&](unsigned i) { return bool(get(i)); });
    };
    StringRef name = DistDialect::getShardingAttrName();
    if (!graph->block().getOps<ShardOp>().empty() ||
        annotated([&](unsigned i) { return graph->main.getArgAttr(i, name); },
                  graph->main.getNumArguments()) ||
        annotated([&](unsigned i) { return graph->main.getResultAttr(i, name); },
                  graph->main.getNumResults()))
      return;
    separateConstants(*graph);
    Chooser chooser(*graph);
    if (failed(chooser.run()))
      return signalPassFailure();
    chooser.writeConstants();
  }
};

} // namespace
} // namespace weft::dist
