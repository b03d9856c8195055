// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a kernel spreads over threads: rows per tile, columns per tile and which lanes and registers hold them,
// and how many blocks the grid has.
#include "TileLowering.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::loops;

/// Elements of a row that one tile holds at most, in registers of a block.
static constexpr int64_t longestRow = 16384;

Operation *weft::loops::findCombiner(linalg::GenericOp reduction, unsigned result) {
  Block *body = reduction.getBlock();
  Value accumulator = body->getArgument(reduction.getNumDpsInputs() + result);
  Operation *op = body->getTerminator()->getOperand(result).getDefiningOp();
  if (!op || op->getNumOperands() != 2 || !accumulator.hasOneUse() || op->getBlock() != body ||
      !llvm::is_contained(op->getOperands(), accumulator) || !identityOf(op))
    return nullptr;
  return op;
}

TypedAttr weft::loops::identityOf(Operation *op) {
  Builder b(op->getContext());
  Type type = op->getResult(0).getType();
  if (auto real = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = real.getFloatSemantics();
    if (isa<arith::AddFOp>(op))
      return b.getFloatAttr(real, APFloat::getZero(semantics, /*Negative=*/true));
    if (isa<arith::MulFOp>(op))
      return b.getFloatAttr(real, 1.0);
    if (isa<arith::MaximumFOp, arith::MinimumFOp>(op))
      return b.getFloatAttr(real, APFloat::getInf(semantics, /*Negative=*/isa<arith::MaximumFOp>(op)));
    return {};
  }
  if (!isa<IntegerType>(type))
    return {};
  unsigned bits = type.getIntOrFloatBitWidth();
  if (isa<arith::AddIOp, arith::OrIOp, arith::XOrIOp, arith::MaxUIOp>(op))
    return b.getIntegerAttr(type, APInt::getZero(bits));
  if (isa<arith::MulIOp>(op))
    return b.getIntegerAttr(type, APInt(bits, 1));
  if (isa<arith::AndIOp, arith::MinUIOp>(op))
    return b.getIntegerAttr(type, APInt::getAllOnes(bits));
  if (isa<arith::MaxSIOp>(op))
    return b.getIntegerAttr(type, APInt::getSignedMinValue(bits));
  if (isa<arith::MinSIOp>(op))
    return b.getIntegerAttr(type, APInt::getSignedMaxValue(bits));
  return {};
}

bool weft::loops::isArgReduction(linalg::GenericOp reduction) {
  return reduction->hasAttr(argReductionAttrName) && reduction.getNumResults() == 2;
}

/// How many neighbours along a loop most accesses can take together.
int64_t TileLowering::widthAlong(AtomId atom, int64_t extent) {
  unsigned widest = 8;
  for (Type type : llvm::concat<const Type>(func.getArgumentTypes(), func.getResultTypes()))
    widest = std::max(widest, cast<RankedTensorType>(type).getElementTypeBitWidth());
  for (int64_t width = std::min<int64_t>(128 / widest, 8); width > 1; width /= 2) {
    if (extent % width != 0)
      continue;
    int64_t together = 0, apart = 0;
    for (Stage &stage : stages) {
      std::vector<Expr> addresses = stage.loads;
      for (auto [i, target] : llvm::enumerate(stage.targets))
        if (target && target->buffer >= 0)
          addresses.push_back(addressOf(*target, targetIndices(stage, i)));
      for (const Expr &address : addresses) {
        if (!table.dependsOn(address, atom))
          continue;
        bool good = table.isLinearIn(address, atom) && address.coefficient(atom) == 1 &&
                    address.constant % width == 0;
        for (auto [other, k] : address.terms)
          good &= other == atom || k % width == 0;
        ++(good ? together : apart);
      }
    }
    if (together > 0 && together >= apart)
      return width;
  }
  return 1;
}

void TileLowering::chooseSchedule() {
  for (int i = 0; i < int(shared.size()); ++i)
    if (i != vector)
      rowLoops.push_back(i);
  bool alongRows = vector >= 0;
  if (alongRows)
    rowLoops.push_back(vector);
  vector = -1; // rows are the vector here
  bool hasColumns = llvm::any_of(stages, [](const Stage &stage) { return !stage.loops.empty(); });
  if (hasColumns && fitsContract())
    spreadContract();
  else if (hasColumns && !alongRows && fitsLanes())
    spreadLanes();
  else
    spreadThreads();
}

Expr TileLowering::numRows() {
  Expr product(1);
  for (int i : rowLoops)
    product = table.mul(product, shared[i].extent);
  return product;
}

//===-- Threads
//----------------------------------------------------------------------------------------------===//

/// Makes the last shared loop one over groups of `width` and one over the neighbours in a group, which are
/// columns.
void TileLowering::splitLastLoop(int64_t width) {
  Shared &last = shared[rowLoops.back()];
  AtomId group = table.newLoop(last.extent.constant / width), neighbour = table.newLoop(width);
  llvm::DenseMap<AtomId, Expr> parts;
  parts[last.atom] = table.add(table.scale(Expr::atom(group), width), Expr::atom(neighbour));
  for (Stage &stage : stages)
    for (Expr &dim : stage.dims)
      dim = table.substitute(dim, parts);
  last.atom = group;
  last.extent = last.lead = Expr(last.extent.constant / width);
  columnAtom = neighbour;
  groupLength = columns = width;
}

void TileLowering::spreadThreads() {
  schedule = Schedule::Threads;
  Expr points = numRows();
  // Sequences write where their data says: neighbours might meet.
  bool mayGroup = llvm::all_of(stages, [](const Stage &stage) { return stage.kind != Stage::Sequence; });
  bool serial = llvm::any_of(stages, [](const Stage &stage) { return !stage.loops.empty(); });
  if (mayGroup && !rowLoops.empty() && shared[rowLoops.back()].extent.isConstant()) {
    const Shared &last = shared[rowLoops.back()];
    int64_t width = widthAlong(last.atom, last.extent.constant);
    // Threads that have loops to run are better many.
    bool enough = !serial || (points.isConstant() && points.constant / width >= 32768);
    if (width > 1 && enough)
      splitLastLoop(width);
  }
  points = numRows();
  int64_t wanted = points.isConstant() ? llvm::PowerOf2Ceil(std::max<int64_t>(points.constant, 1)) : 256;
  result.threads = std::clamp<int64_t>(wanted, tile::warpSize, 256);
  rows = result.threads;
  MLIRContext *context = func.getContext();
  int64_t warps = result.threads / tile::warpSize;
  if (columns == 1) {
    rowLayout = tile::BlockedAttr::get(context, {1}, {tile::warpSize}, {warps}, {0});
    return;
  }
  layout = tile::BlockedAttr::get(context, {1, columns}, {tile::warpSize, 1}, {warps, 1}, {1, 0});
  rowLayout = tile::SliceAttr::get(context, 1, layout);
  columnLayout = tile::SliceAttr::get(context, 0, layout);
}

//===-- Lanes
//------------------------------------------------------------------------------------------------===//

bool TileLowering::fitsLanes() {
  int64_t longest = 0;
  for (Stage &stage : stages) {
    if (stage.kind == Stage::Sequence)
      return false;
    if (stage.kind == Stage::Reduce) {
      for (const Loop &loop : stage.loops)
        if (!loop.reduced)
          return false;
      for (unsigned i = 0; i < stage.targets.size(); ++i)
        if (auto generic = cast<linalg::GenericOp>(stage.op);
            !stage.carried[i] || (!findCombiner(generic, i) && !isArgReduction(generic)))
          return false;
    }
    if (!stage.loops.empty()) {
      const Expr &extent = stage.loops.back().extent;
      longest = std::max(longest, extent.isConstant() ? extent.constant : longestRow);
    }
  }
  return longest >= 8; // shorter loops are a thread's
}

void TileLowering::spreadLanes() {
  schedule = Schedule::Lanes;
  int64_t longest = 0;
  bool isStatic = true, oneExtent = true;
  std::optional<Expr> extent;
  int64_t width = 8;
  for (Stage &stage : stages) {
    if (stage.loops.empty())
      continue;
    const Loop &loop = stage.loops.back();
    oneExtent &= stage.loops.size() == 1 && (!extent || *extent == loop.extent);
    extent = loop.extent;
    isStatic &= loop.extent.isConstant();
    if (loop.extent.isConstant()) {
      longest = std::max(longest, loop.extent.constant);
      width = std::min(width, widthAlong(loop.atom, loop.extent.constant));
    }
  }
  groupLength = isStatic ? width : 1;
  int64_t padded = llvm::PowerOf2Ceil(std::max<int64_t>(longest, 1));
  Expr points = numRows();
  int64_t lanes = tile::warpSize, warpsAlong = 1, warpsDown = 4;
  if (isStatic && padded <= 1024) {
    // Several rows in a block, each in (a part of) a warp.
    columns = std::max(padded, groupLength);
    lanes = std::clamp<int64_t>(columns / groupLength, 1, tile::warpSize);
  } else {
    int64_t threads = !isStatic || padded <= 8192 ? 256 : 512;
    warpsAlong = threads / tile::warpSize;
    warpsDown = 1;
    columns = isStatic && padded <= longestRow ? padded : threads * groupLength * 2;
  }
  rows = warpsDown * (tile::warpSize / lanes);
  if (points.isConstant() && warpsDown > 1)
    while (warpsDown > 1 && rows / 2 >= points.constant) {
      warpsDown /= 2;
      rows /= 2;
    }
  result.threads = warpsAlong * warpsDown * tile::warpSize;
  MLIRContext *context = func.getContext();
  layout = tile::BlockedAttr::get(context, {1, groupLength}, {tile::warpSize / lanes, lanes},
                                  {warpsDown, warpsAlong}, {1, 0});
  rowLayout = tile::SliceAttr::get(context, 1, layout);
  columnLayout = tile::SliceAttr::get(context, 0, layout);

  if (oneExtent && isStatic && columns >= longest)
    wholeRow = Column{table.newLoop(longest), *extent};
  for (Stage &stage : stages) {
    if (stage.loops.empty())
      continue;
    Loop last = stage.loops.pop_back_val();
    columnOf[&stage] = {last.atom, last.extent};
    if (!wholeRow)
      continue;
    columnOf[&stage].atom = wholeRow->atom;
    llvm::DenseMap<AtomId, Expr> same;
    same[last.atom] = Expr::atom(wholeRow->atom);
    for (Expr &dim : stage.dims)
      dim = table.substitute(dim, same);
  }
}

//===-- The grid
//---------------------------------------------------------------------------------------------===//

cpu::ChunkCount TileLowering::countBlocks() {
  if (schedule == Schedule::Contract) {
    Expr tiles = tilesOfContract();
    return cpu::ChunkCount::of(tiles.isConstant() ? std::max<int64_t>(tiles.constant, 1) : 1024);
  }
  Expr points = numRows();
  if (points.isConstant())
    return cpu::ChunkCount::of(std::max<int64_t>(llvm::divideCeil(points.constant, rows), 1));
  // Blocks take tiles in turn, so their number need not be exact.
  auto find = [&](const Expr &extent) -> std::optional<std::pair<unsigned, unsigned>> {
    auto search = [&](ValueRange tensors, unsigned base) -> std::optional<std::pair<unsigned, unsigned>> {
      for (auto [i, tensor] : llvm::enumerate(tensors))
        for (int64_t d = 0, e = cast<RankedTensorType>(tensor.getType()).getRank(); d < e; ++d)
          if (extentOf(tensor, d) == extent)
            return std::make_pair(unsigned(base + i), unsigned(d));
      return std::nullopt;
    };
    if (auto found = search(func.getArguments(), 0))
      return found;
    return search(func.getBody().front().getTerminator()->getOperands(), func.getNumArguments());
  };
  cpu::ChunkCount count;
  int64_t known = 1;
  for (int i : rowLoops) {
    known *= shared[i].inner;
    if (shared[i].lead.isConstant()) {
      known *= shared[i].lead.constant;
      continue;
    }
    auto where = find(shared[i].lead);
    if (!where)
      return cpu::ChunkCount::of(1024);
    count.terms.push_back({where->first, where->second, ShapedType::kDynamic, 1});
  }
  if (known >= rows)
    count.terms.push_back({0, 0, known, rows});
  else
    count.terms.front().block = rows / std::max<int64_t>(known, 1);
  return count;
}
