// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes the attributes that say where values lie.
#include "Places.h"

#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static constexpr StringLiteral originsName = "dist.origins", openName = "dist.open",
                               originName = "dist.origin";

FailureOr<dist::Graph> dist::getGraph(ModuleOp module) {
  MeshAttr mesh = getMesh(module);
  if (!mesh)
    return module.emitError("found no mesh, wanted the attribute ")
           << DistDialect::getMeshAttrName() << " = #dist.mesh<...> on the module";
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal() || !main.getBody().hasOneBlock())
    return module.emitError("found no @main of one block to partition");
  return Graph{main, mesh};
}

Place &Places::of(Value value) {
  auto [entry, isNew] = places.try_emplace(value);
  if (isNew) {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    entry->second.sharding = Sharding::whole(rank);
    entry->second.isFixed.resize(rank, false);
  }
  return entry->second;
}

/// Marks all dimensions as fixed but those that are left open.
static void fix(Place &place, ArrayRef<int64_t> open) {
  for (size_t dim = 0; dim < place.isFixed.size(); ++dim)
    place.isFixed[dim] = !llvm::is_contained(open, int64_t(dim));
}

static void setOrigin(Place &place, StringAttr origin) {
  if (origin)
    for (const Axes &dim : place.sharding.dims)
      for (int axis : dim)
        place.origins[axis] = origin;
}

/// Whether a sharding fits a tensor: rank, axes of the mesh, each once, extents that divide.
static LogicalResult checkFits(ShardingAttr sharding, Value value, const std::string &name, MeshAttr mesh) {
  auto type = cast<RankedTensorType>(value.getType());
  if (int64_t(sharding.getDims().size()) != type.getRank())
    return emitError(value.getLoc(), "sharding of ")
           << name << " has " << sharding.getDims().size() << " dimensions, wanted " << type.getRank();
  SmallVector<Attribute> seen;
  for (auto [dim, axes] : llvm::enumerate(sharding.getDims())) {
    int64_t parts = 1;
    std::string names;
    for (auto axis : axes.getAsRange<StringAttr>()) {
      int number = mesh.find(axis);
      if (number < 0 || llvm::is_contained(seen, axis))
        return emitError(value.getLoc(), "sharding of ")
               << name << " names axis '" << axis.getValue() << "', wanted one of " << mesh.namesText()
               << ", each once";
      seen.push_back(axis);
      parts *= mesh.getSizes()[number];
      names += (names.empty() ? "" : "+") + axis.str();
    }
    if (parts == 1)
      continue;
    if (type.isDynamicDim(dim))
      return emitError(value.getLoc(), "dimension ") << dim << " of " << name << " over axis '" << names
                                                     << "': its extent is not a number, wanted one";
    if (type.getDimSize(dim) % parts != 0)
      return emitError(value.getLoc(), "dimension ")
             << dim << " of " << name << ": " << type.getDimSize(dim) << " rows over axis '" << names
             << "' of " << parts << ", wanted a multiple";
  }
  return success();
}

LogicalResult Places::read(Graph &graph) {
  auto readOrigins = [&](Place &place, DictionaryAttr origins) {
    if (origins)
      for (NamedAttribute entry : origins)
        if (int axis = mesh.find(entry.getName()); axis >= 0)
          place.origins[axis] = cast<StringAttr>(entry.getValue());
  };
  for (BlockArgument argument : graph.block().getArguments()) {
    unsigned i = argument.getArgNumber();
    auto sharding = graph.main.getArgAttrOfType<ShardingAttr>(i, DistDialect::getShardingAttrName());
    if (!sharding)
      continue;
    auto own = graph.main.getArgAttrOfType<StringAttr>(i, "weft.name");
    if (failed(checkFits(sharding, argument, own ? "'" + own.str() + "'" : "argument " + std::to_string(i),
                         mesh)))
      return failure();
    Place &place = of(argument);
    place.sharding = Sharding::get(sharding, mesh);
    auto open = graph.main.getArgAttrOfType<DenseI64ArrayAttr>(i, openName);
    fix(place, open ? open.asArrayRef() : ArrayRef<int64_t>());
    setOrigin(place, graph.main.getArgAttrOfType<StringAttr>(i, originName));
    readOrigins(place, graph.main.getArgAttrOfType<DictionaryAttr>(i, originsName));
  }
  for (Operation &op : graph.block()) {
    if (auto shard = dyn_cast<ShardOp>(op)) {
      Place &place = of(shard.getResult());
      place.sharding = Sharding::get(shard.getSharding(), mesh);
      fix(place, shard.getOpen());
      setOrigin(place, shard.getOriginAttr());
    }
    auto shardings = op.getAttrOfType<ArrayAttr>(DistDialect::getShardingsAttrName());
    if (!shardings)
      continue;
    for (auto [result, sharding] : llvm::zip(op.getResults(), shardings.getAsRange<ShardingAttr>())) {
      if (failed(checkFits(sharding, result, "the result of " + describe(&op), mesh)))
        return failure();
      of(result).sharding = Sharding::get(sharding, mesh);
      readOrigins(of(result), op.getAttrOfType<DictionaryAttr>(originsName));
    }
  }
  return success();
}

void Places::write(Graph &graph) {
  MLIRContext *context = mesh.getContext();
  auto originsOf = [&](ValueRange values) {
    NamedAttrList list;
    for (Value value : values)
      for (auto [axis, origin] : of(value).origins)
        list.set(mesh.getNames()[axis], origin);
    return list.getDictionary(context);
  };
  for (BlockArgument argument : graph.block().getArguments()) {
    unsigned i = argument.getArgNumber();
    graph.main.setArgAttr(i, DistDialect::getShardingAttrName(), of(argument).sharding.toAttr(mesh));
    if (auto origins = originsOf(argument); !origins.empty())
      graph.main.setArgAttr(i, originsName, origins);
    graph.main.removeArgAttr(i, StringAttr::get(context, openName));
    graph.main.removeArgAttr(i, StringAttr::get(context, originName));
  }
  for (Operation &op : graph.block()) {
    if (op.getNumResults() == 0)
      continue;
    op.setAttr(DistDialect::getShardingsAttrName(),
               ArrayAttr::get(context, llvm::map_to_vector(op.getResults(), [&](Value v) -> Attribute {
                                return of(v).sharding.toAttr(mesh);
                              })));
    if (auto origins = originsOf(op.getResults()); !origins.empty())
      op.setAttr(originsName, origins);
  }
}

StringRef dist::firstName(Location loc) {
  StringRef name;
  loc->walk([&](Location part) {
    if (auto named = dyn_cast<NameLoc>(part)) {
      name = named.getName().getValue();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return name;
}

std::string dist::describe(Operation *op) {
  StringRef name = firstName(op->getLoc());
  std::string text = op->getName().stripDialect().str();
  return name.empty() ? text : text + " '" + name.str() + "'";
}

llvm::SetVector<Value> dist::capturesOf(Operation *op) {
  llvm::SetVector<Value> captures;
  op->walk([&](Operation *inner) {
    if (inner != op)
      for (Value operand : inner->getOperands())
        if (!op->isAncestor(operand.getParentBlock()->getParentOp()))
          captures.insert(operand);
  });
  return captures;
}
