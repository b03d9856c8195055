// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which loops of the stages are one. A loop is shared when every stage has it and what a stage reads of
// another there is what it has just stored: those loops run outermost, are cut into chunks, and keep
// temporaries small. One of them may run innermost instead (the vector loop), when memory is contiguous along
// it.
#include "Kernel.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace weft::loops;

SmallVector<Expr> KernelLowering::baseIndices(const Stage &producer, const Storage &storage,
                                              ArrayRef<Expr> indices) {
  if (producer.kind != Stage::Reduce)
    return SmallVector<Expr>(indices);
  SmallVector<Expr> base(producer.dims.size(), Expr(0));
  auto generic = cast<linalg::GenericOp>(producer.op);
  AffineMap map = generic.getIndexingMapMatchingResult(cast<OpResult>(storage.tensor));
  for (auto [i, e] : llvm::enumerate(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(e))
      base[dim.getPosition()] = indices[i];
  return base;
}

Expr KernelLowering::loopIndex(const Stage &producer, const Loop &loop, ArrayRef<Expr> base) {
  bool leads =
      llvm::all_of(producer.layout.empty() ? producer.loops : producer.layout,
                   [&](const Loop &other) { return other.base != loop.base || other.factor <= loop.factor; });
  Expr index = table.div(base[loop.base], Expr(loop.factor));
  return leads ? index : table.mod(index, loop.extent);
}

/// Splits loops that an access divides: (i floordiv 8, i mod 8) becomes two loops of their own.
void KernelLowering::splitLoops() {
  for (int round = 0; round < 32; ++round) {
    bool split = false;
    for (Stage &stage : stages) {
      analyse(stage);
      if (failed)
        return;
      std::vector<Expr> exprs = stage.touched;
      for (const Read &read : stage.reads)
        exprs.insert(exprs.end(), read.indices.begin(), read.indices.end());
      std::function<std::optional<std::pair<AtomId, int64_t>>(const Expr &)> find =
          [&](const Expr &e) -> std::optional<std::pair<AtomId, int64_t>> {
        for (auto [id, k] : e.terms) {
          Atom atom = table[id];
          if (atom.kind == Atom::Symbol || atom.kind == Atom::Product)
            continue;
          if (auto loop = atom.a.asAtom(); loop && atom.b.isConstant() && table[*loop].kind == Atom::Symbol)
            return std::make_pair(*loop, atom.b.constant);
          if (auto inner = find(atom.a))
            return inner;
        }
        return std::nullopt;
      };
      for (const Expr &e : exprs) {
        auto found = find(e);
        if (!found)
          continue;
        auto [atom, divisor] = *found;
        auto *loop = llvm::find_if(stage.loops, [&, id = atom](const Loop &l) { return l.atom == id; });
        if (loop == stage.loops.end() || !loop->extent.isConstant() || divisor <= 1 ||
            loop->extent.constant % divisor != 0 || loop->extent.constant == divisor)
          continue;
        Loop outer = *loop, inner = *loop;
        outer.extent = Expr(loop->extent.constant / divisor);
        outer.factor = loop->factor * divisor;
        outer.atom = table.newLoop(outer.extent.constant);
        inner.extent = Expr(divisor);
        inner.atom = table.newLoop(divisor);
        *loop = outer;
        stage.loops.insert(std::next(loop), inner);
        rebuildDims(stage);
        split = true;
        break;
      }
    }
    if (!split)
      return;
  }
}

/// Finds the shared loops; how many points they have together says how good that is. `apply`: makes them one.
double KernelLowering::shareLoops(bool apply) {
  struct Id {
    Stage *stage;
    unsigned loop;
  };
  SmallVector<Id> ids;
  llvm::DenseMap<Stage *, unsigned> first;
  for (Stage &stage : stages) {
    first[&stage] = ids.size();
    for (unsigned i = 0; i < stage.loops.size(); ++i)
      ids.push_back({&stage, i});
  }
  llvm::EquivalenceClasses<unsigned> classes;
  llvm::EquivalenceClasses<Stage *> groups;
  SmallVector<bool> broken(ids.size(), false);
  for (unsigned i = 0; i < ids.size(); ++i) {
    classes.insert(i);
    broken[i] = ids[i].stage->loops[ids[i].loop].reduced;
  }
  for (Stage &stage : stages)
    groups.insert(&stage);
  auto idOf = [&](Stage &stage, const Loop &loop) {
    return first[&stage] + unsigned(&loop - stage.loops.begin());
  };

  for (Stage &consumer : stages)
    for (const Read &read : consumer.reads) {
      Stage *producer = producers.lookup(read.storage->tensor);
      if (!producer || producer == &consumer)
        continue;
      groups.unionSets(&consumer, producer);
      SmallVector<Expr> base = baseIndices(*producer, *read.storage, read.indices);
      for (const Loop &loop : producer->loops) {
        if (loop.reduced)
          continue;
        unsigned id = idOf(*producer, loop);
        Expr index = producer->kind == Stage::Sequence ? Expr(0) : loopIndex(*producer, loop, base);
        auto atom = index.asAtom();
        auto *match = llvm::find_if(consumer.loops, [&](const Loop &l) { return atom && l.atom == *atom; });
        if (match == consumer.loops.end())
          broken[id] = true;
        else
          classes.unionSets(id, idOf(consumer, *match));
      }
    }

  // Parts of one buffer share the dimensions they fill whole.
  llvm::DenseMap<int, std::pair<Stage *, Storage *>> leaders;
  for (Stage &stage : stages)
    for (Storage *target : stage.targets) {
      if (!target || target->buffer < 0)
        continue;
      auto [entry, isFirst] = leaders.try_emplace(target->buffer, &stage, target);
      auto isWhole = [](const Stage &s, const Storage &t, const Loop &loop) {
        if (s.kind != Stage::Map)
          return t.offsets.empty();
        Expr extent(1);
        for (const Loop &other : s.loops)
          if (other.base == loop.base)
            extent = extent.isConstant() && other.extent.isConstant()
                         ? Expr(extent.constant * other.extent.constant)
                         : other.extent;
        return t.offsets.empty() || (t.offsets[loop.base].is(0) && t.shape[loop.base] == extent);
      };
      for (const Loop &loop : stage.loops)
        if (!isWhole(stage, *target, loop))
          broken[idOf(stage, loop)] = true;
      if (isFirst)
        continue;
      Stage &leader = *entry->second.first;
      groups.unionSets(&stage, &leader);
      for (const Loop &loop : stage.loops) {
        auto *match = llvm::find_if(leader.loops, [&](const Loop &l) {
          return l.base == loop.base && l.factor == loop.factor && l.extent == loop.extent;
        });
        if (match == leader.loops.end() || stage.kind != Stage::Map || leader.kind != Stage::Map)
          broken[idOf(stage, loop)] = true;
        else
          classes.unionSets(idOf(stage, loop), idOf(leader, *match));
      }
    }

  // Results that have nothing to do with each other run together as far as their extents agree.
  Stage *main = &stages.front();
  auto size = [](const Stage &stage) {
    double points = 1;
    for (const Loop &loop : stage.loops)
      if (!loop.reduced)
        points *= loop.extent.isConstant() ? double(loop.extent.constant) : 1000.0;
    return points;
  };
  for (Stage &stage : stages)
    if (size(stage) > size(*main))
      main = &stage;
  llvm::DenseSet<Stage *> joined;
  for (Stage &stage : stages) {
    if (groups.isEquivalent(main, &stage))
      continue;
    Stage *lead = &stage;
    for (Stage &other : stages)
      if (groups.isEquivalent(&stage, &other) && size(other) > size(*lead))
        lead = &other;
    for (auto [mine, theirs] : llvm::zip(lead->loops, main->loops)) {
      if (mine.reduced || theirs.reduced || !(mine.extent == theirs.extent))
        break;
      classes.unionSets(idOf(*lead, mine), idOf(*main, theirs));
    }
    groups.unionSets(main, &stage);
  }

  for (Stage &stage : stages)
    for (Loop &loop : stage.loops)
      loop.shared = -1;
  if (apply)
    shared.clear();
  double points = 1;
  int count = 0;
  for (Loop &loop : main->loops) {
    unsigned leader = classes.getLeaderValue(idOf(*main, loop));
    SmallVector<std::pair<Stage *, Loop *>> members;
    llvm::DenseSet<Stage *> having;
    bool good = true;
    for (unsigned i = 0; i < ids.size(); ++i)
      if (classes.getLeaderValue(i) == leader) {
        good &= !broken[i] && having.insert(ids[i].stage).second;
        members.push_back({ids[i].stage, &ids[i].stage->loops[ids[i].loop]});
      }
    if (!good || having.size() != stages.size())
      continue;
    points *= loop.extent.isConstant() ? double(loop.extent.constant) : 1000.0;
    for (auto [stage, member] : members)
      member->shared = count;
    ++count;
    if (!apply)
      continue;
    Shared one;
    one.extent = one.lead = loop.extent;
    one.atom = table.newLoop(loop.extent.isConstant() ? loop.extent.constant : -1);
    table[one.atom].b = loop.extent.isConstant() ? Expr(0) : loop.extent;
    for (auto [stage, member] : members)
      member->atom = one.atom;
    shared.push_back(one);
  }
  if (apply)
    for (Stage &stage : stages) {
      rebuildDims(stage);
      stage.layout = stage.loops;
    }
  return points;
}

/// How well an innermost loop over `atom` walks through memory: +1 for a step of one element, -1 for any
/// other.
static int scoreOf(ExprTable &table, ArrayRef<Expr> addresses, AtomId atom) {
  int score = 0;
  for (const Expr &address : addresses) {
    if (!table.dependsOn(address, atom))
      continue;
    bool unit = table.isLinearIn(address, atom) && std::abs(address.coefficient(atom)) == 1;
    score += unit ? 1 : -1;
  }
  return score;
}

void KernelLowering::chooseVectorLoop() {
  vector = -1;
  if (shared.empty())
    return;
  bool hasInner = false;
  for (Stage &stage : stages)
    hasInner |= llvm::any_of(stage.loops, [](const Loop &l) { return l.shared < 0; });
  if (!hasInner) {
    vector = shared.size() - 1;
    return;
  }
  // Loops too short for a vector leave the choice to the shared ones.
  bool isShort = true;
  int inner = 0;
  SmallVector<int> scores(shared.size(), 0);
  for (Stage &stage : stages) {
    const Loop *last = nullptr;
    for (const Loop &loop : stage.loops)
      if (loop.shared < 0 && (!last || loop.reduced || !last->reduced))
        last = &loop;
    if (!last)
      continue;
    std::vector<Expr> addresses = stage.loads;
    if (stage.kind == Stage::Map)
      addresses.push_back(stage.touched.back());
    inner += scoreOf(table, addresses, last->atom);
    isShort &= last->extent.isConstant() && last->extent.constant < 8;
    for (auto [i, one] : llvm::enumerate(shared))
      scores[i] += scoreOf(table, addresses, one.atom);
  }
  int best =
      std::max_element(scores.begin(), scores.end(), [](int x, int y) { return x < y; }) - scores.begin();
  for (int i = best; i < int(scores.size()); ++i)
    if (scores[i] == scores[best])
      best = i;
  const Expr &extent = shared[best].extent;
  if (scores[best] > inner || (isShort && (!extent.isConstant() || extent.constant >= 8)))
    vector = best;
}

/// Makes one loop of neighbours that every address treats as one.
void KernelLowering::mergeLoops() {
  auto mergeable = [&](ArrayRef<Expr> exprs, AtomId outer, AtomId inner, int64_t extent) {
    return llvm::all_of(exprs, [&](const Expr &e) {
      return table.isLinearIn(e, outer) && table.isLinearIn(e, inner) &&
             e.coefficient(outer) == e.coefficient(inner) * extent;
    });
  };
  auto replace = [&](Stage &stage, AtomId outer, AtomId inner, AtomId merged, int64_t extent) {
    llvm::DenseMap<AtomId, Expr> parts;
    parts[outer] = table.div(Expr::atom(merged), Expr(extent));
    parts[inner] = table.mod(Expr::atom(merged), Expr(extent));
    for (Expr &dim : stage.dims)
      dim = table.substitute(dim, parts);
  };
  auto exprsOf = [&](Stage &stage) {
    std::vector<Expr> exprs = stage.touched;
    return exprs;
  };

  analyseAll();
  for (size_t i = 0; i + 1 < shared.size() && !failed;) {
    Shared &outer = shared[i], &inner = shared[i + 1];
    bool possible = inner.extent.isConstant() && vector != int(i);
    for (Stage &stage : stages)
      possible = possible && mergeable(exprsOf(stage), outer.atom, inner.atom, inner.extent.constant);
    if (!possible) {
      ++i;
      continue;
    }
    Shared merged;
    merged.extent = table.mul(outer.extent, inner.extent);
    merged.lead = outer.extent.isConstant() ? merged.extent : outer.lead;
    merged.inner = outer.extent.isConstant() ? 1 : outer.inner * inner.extent.constant;
    merged.atom = table.newLoop(merged.extent.isConstant() ? merged.extent.constant : -1);
    for (Stage &stage : stages)
      replace(stage, outer.atom, inner.atom, merged.atom, inner.extent.constant);
    if (vector > int(i))
      --vector;
    shared[i] = merged;
    shared.erase(shared.begin() + i + 1);
    analyseAll();
    i = i ? i - 1 : 0;
  }
  for (Stage &stage : stages) {
    llvm::erase_if(stage.loops, [](const Loop &loop) { return loop.shared >= 0; });
    // Parallel loops before reduced ones; each kind in memory's order.
    std::stable_sort(stage.loops.begin(), stage.loops.end(),
                     [](const Loop &x, const Loop &y) { return x.reduced < y.reduced; });
    for (size_t i = 0; i + 1 < stage.loops.size() && !failed;) {
      Loop &outer = stage.loops[i], &inner = stage.loops[i + 1];
      if (outer.reduced != inner.reduced || !inner.extent.isConstant() ||
          !mergeable(exprsOf(stage), outer.atom, inner.atom, inner.extent.constant)) {
        ++i;
        continue;
      }
      Loop merged = outer;
      merged.extent = table.mul(outer.extent, inner.extent);
      merged.atom = table.newLoop(merged.extent.isConstant() ? merged.extent.constant : -1);
      replace(stage, outer.atom, inner.atom, merged.atom, inner.extent.constant);
      stage.loops[i] = merged;
      stage.loops.erase(stage.loops.begin() + i + 1);
      analyse(stage);
      i = i ? i - 1 : 0;
    }
  }
}
