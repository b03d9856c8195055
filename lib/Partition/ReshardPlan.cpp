// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plans the collectives of one reshard: slices first (they are free and make the rest smaller), then partial
// values, axes that change their dimension, gathers, and what is left to slice.
#include "ReshardPlan.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

int64_t dist::tensorBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (!tensor.hasStaticShape())
    return 0;
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

/// Whether `list` begins with `prefix`.
static bool startsWith(ArrayRef<int> list, ArrayRef<int> prefix) {
  return list.take_front(prefix.size()) == prefix;
}

namespace {
class Planner {
public:
  Planner(Type whole, const Sharding &from, const Sharding &to, MeshAttr mesh)
      : whole(whole), now(from), to(to), mesh(mesh) {}

  SmallVector<ReshardStep> run() {
    slice();
    combine();
    exchange();
    gather();
    slice();
    return std::move(steps);
  }

private:
  void add(ReshardStep::Kind kind, ArrayRef<int> axes, int64_t dim, int64_t toDim, const Sharding &after) {
    int64_t members = mesh.product(axes), local = tensorBytes(localType(whole, now, mesh)), bytes = 0;
    int64_t member = kind == ReshardStep::Kind::Broadcast ? now.holder : 0;
    switch (kind) {
    case ReshardStep::Kind::AllSlice:
      break;
    case ReshardStep::Kind::AllReduce:
      bytes = 2 * local * (members - 1) / members;
      break;
    case ReshardStep::Kind::AllGather:
      bytes = local * (members - 1);
      break;
    case ReshardStep::Kind::ReduceScatter:
    case ReshardStep::Kind::AllToAll:
    case ReshardStep::Kind::Broadcast: // all but one get it once: the mean
      bytes = local * (members - 1) / members;
      break;
    }
    now = after;
    if (members > 1) // one worker alone has it already
      steps.push_back({kind, Axes(axes), dim, toDim, member, bytes, after});
  }

  /// Splits further what only needs to be split further, over axes that are free.
  void slice() {
    for (auto [dim, wanted] : llvm::enumerate(to.dims)) {
      Axes &have = now.dims[dim];
      if (wanted.size() <= have.size() || !startsWith(wanted, have))
        continue;
      Axes more(ArrayRef<int>(wanted).drop_front(have.size()));
      if (llvm::any_of(more, [&](int axis) { return now.uses(axis); }))
        continue;
      Sharding after = now;
      after.dims[dim] = wanted;
      add(ReshardStep::Kind::AllSlice, more, dim, -1, after);
    }
  }

  /// Makes a partial value one: what one worker holds is copied to all; terms are scattered over a dimension
  /// that wants the axes next, else reduced.
  void combine() {
    if (now.holder >= 0) {
      if (now.partial != to.partial) {
        Sharding after = now;
        after.partial.clear();
        after.holder = -1;
        add(ReshardStep::Kind::Broadcast, Axes(now.partial), -1, -1, after);
      }
      return;
    }
    Axes left;
    for (int axis : now.partial)
      if (!llvm::is_contained(to.partial, axis))
        left.push_back(axis);
    for (auto [dim, wanted] : llvm::enumerate(to.dims)) {
      if (!startsWith(wanted, now.dims[dim]))
        continue;
      Axes next;
      for (int axis : ArrayRef<int>(wanted).drop_front(now.dims[dim].size())) {
        if (!llvm::is_contained(left, axis))
          break;
        next.push_back(axis);
      }
      if (next.empty())
        continue;
      Sharding after = now;
      llvm::append_range(after.dims[dim], next);
      llvm::erase_if(after.partial, [&](int axis) { return llvm::is_contained(next, axis); });
      llvm::erase_if(left, [&](int axis) { return llvm::is_contained(next, axis); });
      add(ReshardStep::Kind::ReduceScatter, next, dim, -1, after);
    }
    if (left.empty())
      return;
    Sharding after = now;
    llvm::erase_if(after.partial, [&](int axis) { return llvm::is_contained(left, axis); });
    add(ReshardStep::Kind::AllReduce, left, -1, -1, after);
  }

  /// An axis that ends one dimension's list and comes next in another's.
  void exchange() {
    for (size_t from = 0; from < now.dims.size(); ++from)
      for (size_t dim = 0; dim < now.dims.size(); ++dim) {
        const Axes &have = now.dims[from];
        if (from == dim || have.empty() || startsWith(to.dims[from], have))
          continue;
        int axis = have.back();
        const Axes &wanted = to.dims[dim];
        if (!startsWith(wanted, now.dims[dim]) || wanted.size() == now.dims[dim].size() ||
            wanted[now.dims[dim].size()] != axis)
          continue;
        Sharding after = now;
        after.dims[from].pop_back();
        after.dims[dim].push_back(axis);
        add(ReshardStep::Kind::AllToAll, axis, dim, from, after);
      }
  }

  /// Joins again what is split over axes that are not wanted there.
  void gather() {
    for (size_t dim = 0; dim < now.dims.size(); ++dim) {
      size_t common = 0;
      const Axes &have = now.dims[dim], &wanted = to.dims[dim];
      while (common < have.size() && common < wanted.size() && have[common] == wanted[common])
        ++common;
      if (common == have.size())
        continue;
      Axes surplus(ArrayRef<int>(have).drop_front(common));
      Sharding after = now;
      after.dims[dim].truncate(common);
      add(ReshardStep::Kind::AllGather, surplus, dim, -1, after);
    }
  }

  Type whole;
  Sharding now, to;
  MeshAttr mesh;
  SmallVector<ReshardStep> steps;
};
} // namespace

SmallVector<ReshardStep> dist::planReshard(Type whole, const Sharding &from, const Sharding &to,
                                           MeshAttr mesh) {
  return Planner(whole, from, to, mesh).run();
}

int64_t dist::reshardBytes(Type whole, const Sharding &from, const Sharding &to, MeshAttr mesh) {
  int64_t bytes = 0;
  for (const ReshardStep &step : planReshard(whole, from, to, mesh))
    bytes += step.bytes;
  return bytes;
}
