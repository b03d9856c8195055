// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products in f32 by blocks: a block of threads computes a tile of rows x columns of the result. Step
// by step along the summed loops it brings a tile of either factor into shared memory, where every element is
// read by many threads. A factor is whatever the walk through elements computes from the loops it depends on:
// products of any layout, batched ones, convolutions without padding, with fused ops before and after, are
// all one case.
#include "TileLowering.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::loops;

/// Threads of a block.
static constexpr int64_t contractThreads = 256;

/// What an expression of the body reads: addresses, and conditions on indices.
void TileLowering::probe(Stage &stage, Value value, Factor &factor) {
  Stage copy = stage;
  copy.loads.clear();
  copy.touched.clear();
  copy.reads.clear();
  entry->elements.clear();
  current = &copy;
  Frame frame;
  frame.root = stage.op;
  frame.dims = stage.dims;
  frame.accumulators.resize(1);
  bodyValue(value, frame, entry);
  current = nullptr;
  entry->elements.clear();
  readers.clear();
  factor.value = value;
  factor.loads = copy.loads;
  factor.touched = copy.touched;
  factor.readsStages = !copy.reads.empty();
}

/// The widest groups of neighbours along the loop of `atom` in which these addresses can be taken.
int64_t TileLowering::groupsAlong(ArrayRef<Expr> addresses, AtomId atom, const Expr &extent) {
  int64_t width = 4;
  if (!extent.isConstant())
    return 1;
  for (; width > 1; width /= 2) {
    bool good = extent.constant % width == 0;
    for (const Expr &address : addresses) {
      if (!table.dependsOn(address, atom))
        continue;
      good &=
          table.isLinearIn(address, atom) && address.coefficient(atom) == 1 && address.constant % width == 0;
      for (auto [other, k] : address.terms)
        good &= other == atom || k % width == 0;
    }
    if (good)
      return width;
  }
  return 1;
}

bool TileLowering::fitsContract() {
  Stage *sum = nullptr;
  for (Stage &stage : stages) {
    if (stage.kind == Stage::Reduce && !sum)
      sum = &stage;
    else if (stage.kind != Stage::Map || !stage.loops.empty())
      return false;
  }
  if (!sum || sum->loops.empty() || sum->targets.size() != 1 ||
      llvm::any_of(sum->loops, [](const Loop &loop) { return !loop.reduced; }))
    return false;
  auto generic = cast<linalg::GenericOp>(sum->op);
  auto add = dyn_cast_or_null<arith::AddFOp>(findCombiner(generic, 0));
  if (!add || !add.getType().isF32())
    return false;
  Value accumulator = generic.getBlock()->getArgument(generic.getNumDpsInputs());
  Value added = add.getLhs() == accumulator ? add.getRhs() : add.getLhs();
  auto product = added.getDefiningOp<arith::MulFOp>();
  if (!product || product->getBlock() != generic.getBlock())
    return false;
  Contraction found;
  found.stage = sum;
  probe(*sum, product.getLhs(), found.a);
  probe(*sum, product.getRhs(), found.b);
  if (failed || found.a.readsStages || found.b.readsStages)
    return false;
  auto dependsOn = [&](const Factor &factor, AtomId atom) {
    return llvm::any_of(factor.touched, [&](const Expr &e) { return table.dependsOn(e, atom); });
  };
  double rowPoints = 1, columnPoints = 1, depth = 1;
  auto points = [](const Expr &extent) { return extent.isConstant() ? double(extent.constant) : 64.0; };
  for (int i : rowLoops) {
    bool a = dependsOn(found.a, shared[i].atom), b = dependsOn(found.b, shared[i].atom);
    if (a == b) {
      found.batch.push_back(i);
    } else {
      (a ? found.rows : found.columns).push_back(i);
      (a ? rowPoints : columnPoints) *= points(shared[i].extent);
    }
  }
  for (const Loop &loop : sum->loops)
    depth *= points(loop.extent);
  if (found.rows.empty() || found.columns.empty() || rowPoints < 16 || columnPoints < 16 || depth < 8)
    return false;
  // Columns are what the result runs through memory along.
  Expr address = addressOf(*sum->targets[0], targetIndices(*sum, 0));
  for (Stage &stage : stages)
    if (stage.targets[0] && stage.targets[0]->buffer >= 0)
      address = addressOf(*stage.targets[0], targetIndices(stage, 0));
  if (address.coefficient(shared[found.rows.back()].atom) == 1) {
    std::swap(found.rows, found.columns);
    std::swap(found.a, found.b);
    std::swap(rowPoints, columnPoints);
  }
  bool large = rowPoints >= 128 && columnPoints >= 128 && rowPoints * columnPoints >= 128 * 128 * 64;
  found.tileRows = found.tileColumns = large ? 128 : 64;
  found.depth = large ? 8 : 16;
  contraction = found;
  return true;
}

void TileLowering::spreadContract() {
  schedule = Schedule::Contract;
  result.threads = contractThreads;
  Contraction &c = *contraction;
  MLIRContext *context = func.getContext();
  auto spaceOf = [&](int64_t down, int64_t along, int64_t width, int64_t perThreadDown) {
    Space space;
    space.rows = down;
    space.columns = along;
    space.groupLength = width;
    int64_t wide = std::max<int64_t>(width, perThreadDown);
    int64_t lanes = std::min<int64_t>(along / wide, perThreadDown > 1 ? 8 : tile::warpSize);
    int64_t warps = contractThreads / tile::warpSize, warpsAlong = perThreadDown > 1 ? 2 : 1;
    space.layout = tile::BlockedAttr::get(context, {perThreadDown, wide}, {tile::warpSize / lanes, lanes},
                                          {warps / warpsAlong, warpsAlong}, {1, 0});
    space.rowLayout = tile::SliceAttr::get(context, 1, space.layout);
    space.columnLayout = tile::SliceAttr::get(context, 0, space.layout);
    return space;
  };
  auto prepare = [&](Factor &factor, ArrayRef<int> outer, int64_t extent) {
    const Loop &deepest = c.stage->loops.back();
    const Shared &widest = shared[outer.back()];
    int64_t alongDepth = groupsAlong(factor.loads, deepest.atom, deepest.extent);
    int64_t alongOuter = groupsAlong(factor.loads, widest.atom, widest.extent);
    auto isUnit = [&](AtomId atom) {
      return llvm::any_of(factor.loads, [&](const Expr &e) { return e.coefficient(atom) == 1; });
    };
    factor.depthLast = alongDepth > alongOuter || (alongDepth == alongOuter && !isUnit(widest.atom));
    factor.space =
        factor.depthLast ? spaceOf(extent, c.depth, alongDepth, 1) : spaceOf(c.depth, extent, alongOuter, 1);
    factor.space.columnAtom = factor.depthLast ? deepest.atom : widest.atom;
  };
  prepare(c.a, c.rows, c.tileRows);
  prepare(c.b, c.columns, c.tileColumns);
  const Shared &last = shared[c.columns.back()];
  std::vector<Expr> stores;
  for (Stage &stage : stages) {
    if (stage.targets[0] && stage.targets[0]->buffer >= 0)
      stores.push_back(addressOf(*stage.targets[0], targetIndices(stage, 0)));
    if (&stage != c.stage)
      stores.insert(stores.end(), stage.loads.begin(), stage.loads.end());
  }
  space() = spaceOf(c.tileRows, c.tileColumns, groupsAlong(stores, last.atom, last.extent), 4);
  columnAtom = last.atom;
}

Expr TileLowering::tilesOfContract() {
  const Contraction &c = *contraction;
  auto tiles = [&](ArrayRef<int> loops, int64_t size) {
    Expr product(1);
    for (int i : loops)
      product = table.mul(product, shared[i].extent);
    return table.div(table.add(product, Expr(size - 1)), Expr(size));
  };
  return table.mul(tiles(c.batch, 1), table.mul(tiles(c.rows, c.tileRows), tiles(c.columns, c.tileColumns)));
}

/// Gives loops their part of the number `rest` of a point of them all; what is past the last point is masked.
Value TileLowering::bindLoops(Nest nest, Value number, Scope *outside, Scope *home) {
  Value rest = number;
  for (size_t k = nest.size(); k-- > 0;) {
    auto [atom, extent] = nest[k];
    Value limit = materialise(extent, outside);
    setPoint(outside);
    table[atom].value = k ? binary<arith::RemUIOp>(rest, limit) : rest;
    table[atom].scope = home;
    if (k)
      rest = binary<arith::DivUIOp>(rest, limit);
  }
  return rest;
}

SmallVector<std::pair<AtomId, Expr>> TileLowering::nestOf(ArrayRef<int> loops) {
  return llvm::map_to_vector(loops, [&](int i) { return std::make_pair(shared[i].atom, shared[i].extent); });
}

/// A scope over a tile whose rows and columns are points of two nests, from `firstRow` and `firstColumn` on.
Scope *TileLowering::openTile(Nest down, Value firstRow, Nest along, Value firstColumn, Scope *scope) {
  Scope *inner = &openScope(scope, Value());
  auto bind = [&](Nest nest, Value first, Shape shape, int64_t size) {
    Expr extent(1);
    for (const auto &loop : nest)
      extent = table.mul(extent, loop.second);
    setPoint(scope);
    Value number = binary<arith::AddIOp>(
        tile::RangeOp::create(b, kernel.getLoc(), tileType(shape, b.getIndexType())), first);
    bindLoops(nest, number, scope, inner);
    if (extent.isConstant() && extent.constant % size == 0)
      return;
    Value limit = materialise(extent, scope);
    setPoint(scope);
    Value inside = binary<arith::CmpIOp>(number, limit, arith::CmpIPredicate::ult);
    inner->mask = inner->mask ? binary<arith::AndIOp>(inner->mask, inside) : inside;
  };
  bind(down, firstRow, Rows, rows);
  bind(along, firstColumn, Columns, columns);
  return inner;
}

void TileLowering::emitContractTile(Value tileNumber, Scope *scope) {
  Contraction &c = *contraction;
  Location loc = kernel.getLoc();
  auto tilesAlong = [&](ArrayRef<int> loops, int64_t size) {
    Expr product(1);
    for (int i : loops)
      product = table.mul(product, shared[i].extent);
    return materialise(table.div(table.add(product, Expr(size - 1)), Expr(size)), scope);
  };
  Value across = tilesAlong(c.columns, c.tileColumns), down = tilesAlong(c.rows, c.tileRows);
  setPoint(scope);
  Value column = arith::RemUIOp::create(b, loc, tileNumber, across);
  Value rest = arith::DivUIOp::create(b, loc, tileNumber, across);
  Value row = arith::RemUIOp::create(b, loc, rest, down);
  Value batch = arith::DivUIOp::create(b, loc, rest, down);
  bindLoops(nestOf(c.batch), batch, scope, scope);
  setPoint(scope);
  auto times = [&](Value x, int64_t k) -> Value {
    return arith::MulIOp::create(b, loc, x, arith::ConstantIndexOp::create(b, loc, k));
  };
  firstRow = times(row, c.tileRows);
  firstColumn = times(column, c.tileColumns);
  Scope *inner = openTile(nestOf(c.rows), firstRow, nestOf(c.columns), firstColumn, scope);
  emitStages(inner);
}

void TileLowering::emitContraction(Stage &stage, Scope *scope) {
  Contraction &c = *contraction;
  Location loc = stage.op->getLoc();
  auto generic = cast<linalg::GenericOp>(stage.op);
  Type f32 = b.getF32Type();
  Space own = space();
  SmallVector<std::pair<AtomId, Expr>> depth;
  Expr length(1);
  for (const Loop &loop : stage.loops) {
    depth.push_back({loop.atom, loop.extent});
    length = table.mul(length, loop.extent);
  }
  auto bufferOf = [&](const Factor &factor, int64_t extent) -> Value {
    setPoint(entry);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry->block);
    auto swizzle =
        tile::SwizzledAttr::get(func.getContext(), factor.depthLast ? 4 : 1, factor.depthLast ? 8 : 1);
    return tile::AllocSharedOp::create(
        b, loc, tile::SharedType::get(func.getContext(), {c.depth, extent}, f32, swizzle));
  };
  Value bufferA = bufferOf(c.a, c.tileRows), bufferB = bufferOf(c.b, c.tileColumns);
  Value initial = element(generic.getDpsInits()[0], targetIndices(stage, 0), scope);
  if (failed)
    return;
  setPoint(scope);
  Value start = toShape(arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0)), Full);
  Value zero = materialise(Expr(0), scope);
  Value steps = materialise(table.div(table.add(length, Expr(c.depth - 1)), Expr(c.depth)), scope);
  // The tile's own values of the loops, to come back to.
  SmallVector<std::pair<AtomId, std::pair<Value, Scope *>>> kept;
  for (int i : llvm::concat<const int>(c.rows, c.columns))
    kept.push_back({shared[i].atom, {table[shared[i].atom].value, table[shared[i].atom].scope}});
  Scope *around = scope->parent;
  Scope &outside = openScope(around, Value());
  SmallVector<Value> sum = emitLoop(
      zero, steps, &outside, start, [&](Scope *at, Value step, ValueRange held) -> SmallVector<Value> {
        setPoint(at);
        Value first = arith::MulIOp::create(b, loc, step, arith::ConstantIndexOp::create(b, loc, c.depth));
        auto bring = [&](Factor &factor, ArrayRef<int> loops, Value from, Value buffer) {
          space() = factor.space;
          Scope *inner = factor.depthLast ? openTile(nestOf(loops), from, depth, first, at)
                                          : openTile(depth, first, nestOf(loops), from, at);
          Frame frame;
          frame.root = generic;
          frame.dims = stage.dims;
          frame.accumulators.resize(1);
          Value value = bodyValue(factor.value, frame, inner);
          if (failed)
            return;
          setPoint(inner);
          value = toShape(value, Full);
          bool fine = false;
          if (Value mask = maskOf(inner, fine)) {
            // What lies past the end adds nothing.
            Value choice[] = {mask, value, arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0))};
            unify(choice);
            value = arith::SelectOp::create(b, loc, choice[0], choice[1], choice[2]);
          }
          tile::LocalStoreOp::create(b, loc, value, buffer, Value(), factor.depthLast);
        };
        bring(c.a, c.rows, firstRow, bufferA);
        if (!failed)
          bring(c.b, c.columns, firstColumn, bufferB);
        space() = own;
        if (failed)
          return {};
        setPoint(at);
        return {tile::DotOp::create(b, loc, held[0].getType(), bufferA, bufferB, held[0],
                                    /*transposed_a=*/false, /*transposed_b=*/false)};
      });
  if (failed)
    return;
  for (auto &[atom, home] : kept) {
    table[atom].value = home.first;
    table[atom].scope = home.second;
  }
  setPoint(scope);
  Value total = binary<arith::AddFOp>(initial, sum[0]);
  if (stage.targets[0])
    storeValue(*stage.targets[0], targetIndices(stage, 0), total, scope);
}
