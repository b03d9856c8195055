// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Annotations that name values: inputs, outputs, weights, and nodes (whose result is meant).
#include "Places.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Partition/Partition.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

void dist::setMesh(ModuleOp module, ArrayRef<program::MeshAxis> axes) {
  MLIRContext *context = module.getContext();
  auto names =
      llvm::map_to_vector(axes, [&](const auto &axis) { return StringAttr::get(context, axis.name); });
  auto sizes = llvm::map_to_vector(axes, [](const auto &axis) { return int64_t(axis.size); });
  module->setAttr(DistDialect::getMeshAttrName(), MeshAttr::get(context, names, sizes));
}

namespace {
class Annotator {
public:
  explicit Annotator(Graph graph) : graph(graph) {
    for (Operation &op : graph.block())
      if (op.getNumResults() > 0)
        if (StringRef name = firstName(op.getLoc()); !name.empty())
          (isa<ir::ConstantOp>(op) ? weights : nodes)[name] = op.getResult(0);
  }

  std::optional<std::string> annotate(const program::ShardSpec &spec) {
    // Checked first for all that has the name: an input and an output may share one.
    bool found = false;
    for (BlockArgument argument : graph.block().getArguments()) {
      unsigned i = argument.getArgNumber();
      if (nameOf(graph.main.getArgAttrOfType<StringAttr>(i, "weft.name"), "input", i) != spec.name)
        continue;
      if (auto wrong = check(spec, argument.getType()))
        return wrong;
      set([&](StringRef key, Attribute value) { graph.main.setArgAttr(i, key, value); }, spec);
      found = true;
    }
    for (unsigned i = 0; i < graph.main.getNumResults(); ++i) {
      if (nameOf(graph.main.getResultAttrOfType<StringAttr>(i, "weft.name"), "output", i) != spec.name)
        continue;
      if (auto wrong = check(spec, graph.main.getResultTypes()[i]))
        return wrong;
      set([&](StringRef key, Attribute value) { graph.main.setResultAttr(i, key, value); }, spec);
      found = true;
    }
    if (found)
      return std::nullopt;
    Value value = weights.lookup(spec.name);
    if (!value)
      value = nodes.lookup(spec.name);
    if (!value)
      return "sharding '" + spec.text + "': found no value '" + spec.name + "', wanted one of " + listNames();
    if (auto wrong = check(spec, value.getType()))
      return wrong;
    OpBuilder builder(graph.main.getContext());
    builder.setInsertionPointAfterValue(value);
    auto shard = ShardOp::create(builder, value.getLoc(), value.getType(), value, shardingOf(spec),
                                 openOf(spec), originOf(spec));
    value.replaceAllUsesExcept(shard, shard);
    return std::nullopt;
  }

private:
  static std::string nameOf(StringAttr own, const char *kind, unsigned i) {
    return own ? own.str() : kind + std::to_string(i);
  }

  std::optional<std::string> check(const program::ShardSpec &spec, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    std::string where = "sharding '" + spec.text + "': ";
    if (tensor.getRank() != int64_t(spec.dims.size()))
      return where + "found " + std::to_string(spec.dims.size()) + " dimensions, wanted " +
             std::to_string(tensor.getRank()) + " as '" + spec.name + "' has";
    for (auto [i, dim] : llvm::enumerate(spec.dims)) {
      int64_t parts = 1;
      std::string names;
      for (uint32_t axis : dim.axes) {
        parts *= graph.mesh.getSizes()[axis];
        names += (names.empty() ? "" : "+") + graph.mesh.getNames()[axis].str();
      }
      if (parts == 1)
        continue;
      std::string dimension = where + "dimension " + std::to_string(i) + " of '" + spec.name + "': ";
      if (tensor.isDynamicDim(i))
        return dimension + "its extent is not a number, wanted one (--shape)";
      if (tensor.getDimSize(i) % parts != 0)
        return dimension + std::to_string(tensor.getDimSize(i)) + " rows over axis '" + names + "' of " +
               std::to_string(parts) + ", wanted a multiple";
    }
    return std::nullopt;
  }

  ShardingAttr shardingOf(const program::ShardSpec &spec) {
    Sharding sharding;
    for (const auto &dim : spec.dims)
      sharding.dims.push_back(Axes(dim.axes.begin(), dim.axes.end()));
    return sharding.toAttr(graph.mesh);
  }
  static SmallVector<int64_t> openOf(const program::ShardSpec &spec) {
    SmallVector<int64_t> open;
    for (auto [i, dim] : llvm::enumerate(spec.dims))
      if (dim.isOpen)
        open.push_back(i);
    return open;
  }
  StringAttr originOf(const program::ShardSpec &spec) {
    return StringAttr::get(graph.main.getContext(), "--shard=" + spec.text);
  }

  void set(function_ref<void(StringRef, Attribute)> put, const program::ShardSpec &spec) {
    put(DistDialect::getShardingAttrName(), shardingOf(spec));
    put("dist.open", DenseI64ArrayAttr::get(graph.main.getContext(), openOf(spec)));
    put("dist.origin", originOf(spec));
  }

  /// "inputs x, y; outputs z; weights w1, w2, ...; or a node": a few of each.
  std::string listNames() {
    std::string text;
    auto list = [&](const char *kind, auto names) {
      size_t count = 0;
      for (const std::string &name : names) {
        text += count == 0 ? (text.empty() ? "" : "; ") + std::string(kind) : ", ";
        if (count++ == 12) {
          text += "...";
          break;
        }
        text += name;
      }
    };
    SmallVector<std::string> inputs, outputs, constants;
    for (unsigned i = 0; i < graph.main.getNumArguments(); ++i)
      inputs.push_back(nameOf(graph.main.getArgAttrOfType<StringAttr>(i, "weft.name"), "input", i));
    for (unsigned i = 0; i < graph.main.getNumResults(); ++i)
      outputs.push_back(nameOf(graph.main.getResultAttrOfType<StringAttr>(i, "weft.name"), "output", i));
    for (auto &entry : weights)
      constants.push_back(entry.first.str());
    list("inputs ", inputs);
    list("outputs ", outputs);
    list("weights ", constants);
    if (!nodes.empty())
      text += "; or a node, such as " + nodes.begin()->first.str();
    return text;
  }

  Graph graph;
  llvm::MapVector<StringRef, Value> weights, nodes;
};
} // namespace

std::optional<std::string> dist::annotate(ModuleOp module, ArrayRef<program::ShardSpec> shards) {
  FailureOr<Graph> graph = getGraph(module);
  if (failed(graph))
    return "the model has no graph to partition";
  Annotator annotator(*graph);
  for (auto [i, spec] : llvm::enumerate(shards)) {
    for (const program::ShardSpec &other : shards.take_front(i))
      if (other.name == spec.name)
        return "sharding '" + spec.text + "': found '" + other.text + "' for the same value, wanted one";
    if (auto wrong = annotator.annotate(spec))
      return wrong;
  }
  return std::nullopt;
}

std::optional<std::string> dist::labelStages(ModuleOp module, ArrayRef<std::string> cuts) {
  FailureOr<Graph> graph = getGraph(module);
  if (failed(graph))
    return "the model has no graph to partition";
  llvm::StringSet<> found;
  int64_t stage = 0;
  bool isFirst = true;
  for (Operation &op : graph->block()) {
    if (isa<ir::ConstantOp>(op) || op.hasTrait<OpTrait::IsTerminator>())
      continue;
    StringRef name = firstName(op.getLoc());
    if (llvm::is_contained(cuts, name) && found.insert(name).second) {
      if (isFirst)
        return "cut '" + name.str() + "': the first stage would be empty, wanted a later node";
      ++stage;
    }
    isFirst = false;
    op.setAttr(DistDialect::getStageAttrName(), Builder(op.getContext()).getI64IntegerAttr(stage));
  }
  for (const std::string &cut : cuts)
    if (!found.contains(cut)) {
      std::string names;
      size_t count = 0;
      StringRef last;
      for (Operation &op : graph->block())
        if (StringRef name = firstName(op.getLoc());
            !isa<ir::ConstantOp>(op) && !name.empty() && name != last) {
          last = name;
          if (count++ < 12)
            names += (names.empty() ? "" : ", ") + name.str();
        }
      return "cut '" + cut + "': found no node of that name, wanted one of " + std::to_string(count) +
             " nodes" + (names.empty() ? std::string() : ": " + names + (count > 12 ? ", ..." : ""));
    }
  return std::nullopt;
}
