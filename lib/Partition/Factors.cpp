// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Settles the split of one op's factors. Each tensor suggests axes for the factors of its dimensions; per
// factor the suggestion that most bytes stand behind is taken; an axis that two factors want goes to the one
// that makes the op cheaper to serve.
#include "Factors.h"
#include "ReshardPlan.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

Sharding dist::placeOf(const ShardingRule::TensorFactors &tensor, const ShardingRule &rule,
                       const FactorAxes &factors) {
  Sharding sharding = Sharding::whole(tensor.size());
  for (auto [dim, list] : llvm::enumerate(tensor))
    for (int f : list)
      llvm::append_range(sharding.dims[dim], factors[f]);
  return sharding;
}

Sharding dist::producedPlace(const ShardingRule::TensorFactors &tensor, const ShardingRule &rule,
                             const FactorAxes &factors, MeshAttr mesh) {
  Sharding sharding = placeOf(tensor, rule, factors);
  for (auto [factor, axes] : llvm::zip_equal(rule.factors, factors))
    if (factor.kind == Factor::Kind::Reduction && !axes.empty()) {
      llvm::append_range(sharding.partial, axes);
      sharding.combine = factor.combine;
    } else if (factor.kind == Factor::Kind::Window && !axes.empty()) {
      int64_t parts = mesh.product(axes);
      llvm::append_range(sharding.partial, axes);
      sharding.holder = std::max<int64_t>(sharding.holder, 0) * parts + factor.partOfWindow(parts);
    }
  return sharding;
}

namespace {
class Chooser {
public:
  Chooser(const ShardingRule &rule, ArrayRef<TensorPlace> operands, ArrayRef<TensorPlace> results,
          MeshAttr mesh)
      : rule(rule), operands(operands), results(results), mesh(mesh), suggestions(rule.factors.size()) {}

  FactorAxes run() {
    collect(rule.operands, operands);
    collect(rule.results, results);
    FactorAxes axes;
    for (auto [f, factor] : llvm::enumerate(rule.factors))
      axes.push_back(factor.kind == Factor::Kind::Whole ? Axes() : strongest(f));
    resolveShared(axes);
    dropUnrepresentable(axes);
    return axes;
  }

private:
  struct Suggestion {
    Axes axes;
    int64_t bytes;
  };

  /// Lays the axes of each dimension on its factors, the major ones first.
  void collect(ArrayRef<ShardingRule::TensorFactors> tensors, ArrayRef<TensorPlace> places) {
    for (auto [tensor, place] : llvm::zip_equal(tensors, places))
      for (auto [list, axes] : llvm::zip_equal(tensor, place.sharding.dims)) {
        ArrayRef<int> left = axes;
        for (int f : list) {
          int64_t room = rule.factors[f].size;
          Axes taken;
          while (!left.empty() && room % mesh.getSizes()[left.front()] == 0) {
            room /= mesh.getSizes()[left.front()];
            taken.push_back(left.front());
            left = left.drop_front();
          }
          if (!taken.empty())
            suggestions[f].push_back({taken, std::max<int64_t>(1, tensorBytes(place.type))});
          if (room != 1)
            break;
        }
      }
  }

  /// The suggestion that the most bytes agree with: those that are its beginning.
  Axes strongest(int f) {
    Axes best;
    int64_t bestBytes = 0;
    for (const Suggestion &candidate : suggestions[f]) {
      int64_t bytes = 0;
      for (const Suggestion &other : suggestions[f])
        if (ArrayRef<int>(candidate.axes).take_front(other.axes.size()) == ArrayRef<int>(other.axes))
          bytes += other.bytes;
      if (bytes > bestBytes || (bytes == bestBytes && candidate.axes.size() > best.size())) {
        best = candidate.axes;
        bestBytes = bytes;
      }
    }
    return best;
  }

  /// What workers send when the factors are split so.
  int64_t cost(FactorAxes axes) {
    dropUnrepresentable(axes);
    int64_t bytes = 0;
    for (auto [tensor, place] : llvm::zip_equal(rule.operands, operands))
      if (!place.isFree)
        bytes += reshardBytes(place.type, place.sharding, placeOf(tensor, rule, axes), mesh);
    for (auto [tensor, place] : llvm::zip_equal(rule.results, results)) {
      Sharding produced = producedPlace(tensor, rule, axes, mesh), wanted = place.sharding;
      if (!place.isWanted)
        wanted = produced.complete();
      bytes += reshardBytes(place.type, produced, wanted, mesh);
    }
    return bytes;
  }

  /// Gives each axis that several factors want to one of them.
  void resolveShared(FactorAxes &axes) {
    for (int axis = 0; axis < int(mesh.getSizes().size()); ++axis) {
      SmallVector<int> wanting;
      for (auto [f, list] : llvm::enumerate(axes))
        if (llvm::is_contained(list, axis))
          wanting.push_back(f);
      if (wanting.size() < 2)
        continue;
      std::optional<std::pair<int64_t, FactorAxes>> best;
      for (int winner : wanting) {
        FactorAxes tried = axes;
        for (int f : wanting)
          if (f != winner)
            llvm::erase(tried[f], axis);
        int64_t bytes = cost(tried);
        if (!best || bytes < best->first)
          best = {bytes, std::move(tried)};
      }
      axes = std::move(best->second);
    }
  }

  /// A factor that is minor in some dimension can be split only when all before it there are used up; one
  /// whose extent the axes do not divide cannot be split by them, nor one whose window would lie in two
  /// parts.
  void dropUnrepresentable(FactorAxes &axes) {
    for (auto [factor, list] : llvm::zip_equal(rule.factors, axes))
      while (!list.empty() &&
             (factor.size == 0 || factor.size % mesh.product(list) != 0 ||
              (factor.kind == Factor::Kind::Window && factor.partOfWindow(mesh.product(list)) < 0)))
        list.pop_back();
    for (bool changed = true; changed;) {
      changed = false;
      auto check = [&](ArrayRef<ShardingRule::TensorFactors> tensors) {
        for (const auto &tensor : tensors)
          for (const auto &list : tensor) {
            bool isFull = true;
            for (int f : list) {
              if (!isFull && !axes[f].empty()) {
                axes[f].clear();
                changed = true;
              }
              isFull &= mesh.product(axes[f]) == rule.factors[f].size;
            }
          }
      };
      check(rule.operands);
      check(rule.results);
    }
  }

  const ShardingRule &rule;
  ArrayRef<TensorPlace> operands, results;
  MeshAttr mesh;
  SmallVector<SmallVector<Suggestion, 4>> suggestions;
};
} // namespace

FactorAxes dist::chooseFactors(const ShardingRule &rule, ArrayRef<TensorPlace> operands,
                               ArrayRef<TensorPlace> results, MeshAttr mesh) {
  return Chooser(rule, operands, results, mesh).run();
}
