// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tilings of matrix products: the generator's own choice, how they are written, which others are possible,
// and which a tuner tries.
#include "MatrixTile.h"
#include "MultiplyStep.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir;
using namespace weft::cpu;

ArrayRef<TilingNumber<GemmTiling>> GemmTiling::numbers() {
  constexpr int64_t large = int64_t(1) << 30;
  static const TilingNumber<GemmTiling> list[] = {{"rows", &GemmTiling::rows, 32},
                                                  {"panel", &GemmTiling::panelWidth, 256},
                                                  {"kblock", &GemmTiling::kBlock, large},
                                                  {"tiles", &GemmTiling::blockTiles, large},
                                                  {"panels", &GemmTiling::blockPanels, large},
                                                  {"once", &GemmTiling::panelsAtOnce, 8},
                                                  {"unroll", &GemmTiling::unroll, 8}};
  return list;
}

GemmTiling weft::cpu::chooseGemmTiling(const GemmSpec &spec, const TargetInfo &target) {
  GemmTiling t;
  t.panelWidth = packedB(spec, target).panelWidth;
  int64_t vectors = t.panelWidth / target.lanes();
  MultiplyStep step = MultiplyStep::choose(spec, target);
  // Accumulators, the vectors of B and one broadcast of A fill the registers: 6 x 2 of 16, 14 x 2 or 9 x 3
  // of 32.
  t.rows = step.mostRows(vectors, target);
  t.rows = target.vectorRegisters >= 32 ? std::min<int64_t>(t.rows, 14) : std::min<int64_t>(t.rows, 6);
  if (!spec.transposedA && !ShapedType::isDynamic(spec.k))
    t.rows = std::min(t.rows, rowsThatFitL1(spec.k * 4 / step.group, target));
  if (step.inTiles())
    t.rows = MatrixTile::mostRows;
  t.unroll = t.rows < 14 && target.vectorRegisters >= 32 ? 2 : 1;
  // A panel streams from L2 as fast as it is used; with a small L1 blocks of 512 are better all the same, but
  // not for panels that were just packed (their width is given) and are near.
  t.kBlock = target.l1Bytes >= (48 << 10) || (spec.b == GemmB::Packed && spec.panelWidth) ? 1024 : 512;
  double m = ShapedType::isDynamic(spec.m) ? 256 : spec.m, n = ShapedType::isDynamic(spec.n) ? 512 : spec.n,
         k = ShapedType::isDynamic(spec.k) ? 512 : spec.k;
  double batch = 1;
  for (int64_t extent : spec.batch)
    batch *= ShapedType::isDynamic(extent) ? 4 : extent;
  bool oneTile = !ShapedType::isDynamic(spec.m) && spec.m <= t.rows;
  if (oneTile && spec.b == GemmB::Packed && !step.inTiles()) {
    // B streams from memory: several panels give it more streams, and more independent sums.
    int64_t accumulators = target.vectorRegisters >= 32 ? 24 : 12;
    t.panelsAtOnce = std::clamp<int64_t>(accumulators / (std::max<int64_t>(1, spec.m) * vectors), 1, 4);
    t.unroll = spec.m <= 2 ? 4 : 2;
  } else if (oneTile && spec.b == GemmB::RowMajor) {
    // Wide pieces of B's rows: neighbouring panels lie side by side.
    int64_t accumulators = target.vectorRegisters >= 32 ? 24 : 12;
    t.panelsAtOnce = std::clamp<int64_t>(accumulators / (std::max<int64_t>(1, spec.m) * vectors), 1, 8);
  }
  // The rows of A of a block take half of L2 at most.
  int64_t tiles = std::max<int64_t>(1, ceilDivide(static_cast<int64_t>(m), t.rows));
  int64_t fit =
      std::max<int64_t>(2, static_cast<int64_t>(target.l2Bytes / 2 / (std::max(k, 1.0) * 4)) / t.rows);
  t.blockTiles = std::clamp<int64_t>(fit, 1, std::max<int64_t>(1, 192 / t.rows));
  // Even blocks of tiles, then panels by the number of chunks still wanted.
  int64_t rowBlocks = ceilDivide(tiles, t.blockTiles);
  t.blockTiles = ceilDivide(tiles, rowBlocks);
  int64_t panels = std::max<int64_t>(1, ceilDivide(static_cast<int64_t>(n), t.panelWidth));
  // A product of few rows takes as long as B is large: 128 KiB of it make a chunk.
  double work = std::max(2 * batch * m * n * k, oneTile ? batch * n * k * 64 : 0.0) / step.group;
  double chunks = static_cast<double>(wantedChunks(work));
  auto blocksFor = [&](double chunks) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::ceil(chunks / (rowBlocks * batch))), 1, panels);
  };
  int64_t columnBlocks = blocksFor(chunks);
  // Each chunk prepares its rows of A anew: eight panels make up for that, where 32 chunks are left.
  if (!step.readsInPlace(spec))
    columnBlocks = std::min(columnBlocks, std::max(ceilDivide(panels, 8), blocksFor(32)));
  t.blockPanels = ceilDivide(panels, columnBlocks);
  if (t.panelsAtOnce > 1)
    t.blockPanels = ceilDivide(t.blockPanels, t.panelsAtOnce) * t.panelsAtOnce;
  return t;
}

/// What a tiling depends on. The epilogue is told by its operands.
static std::string describe(const GemmSpec &spec) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto extents = [&](StringRef name, ArrayRef<int64_t> list) {
    if (list.empty())
      return;
    os << name;
    llvm::interleave(list, os, "x");
  };
  os << "gemm ";
  extents("", ArrayRef<int64_t>{spec.m, spec.n, spec.k});
  extents(" batch ", spec.batch);
  extents(" a ", spec.aBatch);
  extents(" b ", spec.bBatch);
  os << (spec.transposedA ? " columns " : " rows ") << spec.aType << (spec.aUnsigned ? " unsigned" : "");
  os << (spec.b == GemmB::Packed ? " packed " : spec.b == GemmB::RowMajor ? " rows " : " columns ");
  if (spec.panelWidth)
    os << spec.panelWidth << " ";
  os << spec.bType << (spec.bUnsigned ? " unsigned" : "") << (spec.pairsFit ? " in pairs" : "") << " to "
     << spec.cType;
  printOperands(spec.epilogue, os);
  if (spec.strict)
    os << " strict";
  return text;
}

static bool isStatic(const GemmSpec &spec) {
  return !ShapedType::isDynamic(spec.m) && !ShapedType::isDynamic(spec.n) && !ShapedType::isDynamic(spec.k) &&
         llvm::none_of(spec.batch, ShapedType::isDynamic);
}

static bool isPossible(const GemmTiling &t, const GemmSpec &spec, const TargetInfo &target) {
  MultiplyStep step = MultiplyStep::choose(spec, target);
  const int64_t lanes = target.lanes(), vectors = t.panelWidth / lanes;
  if (vectors < 1 || vectors > step.mostVectors() || t.panelWidth % lanes != 0 ||
      (spec.panelWidth && spec.panelWidth != t.panelWidth))
    return false;
  // A chunk is not larger than the product.
  if ((t.blockTiles - 1) * t.rows >= spec.m || (t.blockPanels - t.panelsAtOnce) * t.panelWidth >= spec.n)
    return false;
  if (step.inTiles())
    return t.rows == MatrixTile::mostRows && t.panelsAtOnce == 1;
  if (t.rows > step.mostRows(vectors, target))
    return false;
  // Several panels at once: all rows in one tile, and panels that are read where they lie.
  return t.panelsAtOnce == 1 || (spec.m <= t.rows && spec.b != GemmB::Transposed &&
                                 spec.m * vectors * t.panelsAtOnce < int64_t(target.vectorRegisters));
}

static int64_t countChunks(const GemmTiling &t, const GemmSpec &spec) {
  int64_t count = ceilDivide(ceilDivide(spec.m, t.rows), t.blockTiles) *
                  ceilDivide(ceilDivide(spec.n, t.panelWidth), t.blockPanels);
  for (int64_t extent : spec.batch)
    count *= extent;
  return count;
}

std::vector<GemmTiling> weft::cpu::gemmTilingsNear(const GemmTiling &from, const GemmSpec &spec,
                                                   const TargetInfo &target, int round) {
  MultiplyStep step = MultiplyStep::choose(spec, target);
  const int64_t lanes = target.lanes();
  std::vector<GemmTiling> list = {from};
  // Threads want chunks: no tiling has fewer than the generator's own, up to some for each of many threads.
  const int64_t leastChunks = std::min<int64_t>(countChunks(chooseGemmTiling(spec, target), spec), 64);
  auto consider = [&](GemmTiling t) {
    const int64_t tiles = ceilDivide(spec.m, t.rows), panels = ceilDivide(spec.n, t.panelWidth);
    t.blockTiles = std::clamp<int64_t>(t.blockTiles, 1, tiles);
    t.blockPanels = std::clamp<int64_t>(ceilDivide(t.blockPanels, t.panelsAtOnce) * t.panelsAtOnce, 1,
                                        ceilDivide(panels, t.panelsAtOnce) * t.panelsAtOnce);
    // Fewer panels or rows until there are enough chunks.
    while (countChunks(t, spec) < leastChunks && t.blockPanels > t.panelsAtOnce)
      t.blockPanels = ceilDivide(t.blockPanels / 2, t.panelsAtOnce) * t.panelsAtOnce;
    while (countChunks(t, spec) < leastChunks && t.blockTiles > 1)
      t.blockTiles /= 2;
    if (countChunks(t, spec) < leastChunks)
      return;
    const bool isKnown =
        llvm::any_of(list, [&](const GemmTiling &other) { return tilingText(other) == tilingText(t); });
    if (!isKnown && isPossible(t, spec, target))
      list.push_back(t);
  };
  const bool oneTile = spec.m <= from.rows;
  if (round == 0 && !step.inTiles()) {
    if (oneTile) {
      for (int64_t once : {1, 2, 3, 4, 6, 8})
        for (int64_t unroll : {1, 2, 4}) {
          GemmTiling t = from;
          t.panelsAtOnce = once, t.unroll = unroll;
          consider(t);
        }
      return list;
    }
    const bool canRepack = spec.b != GemmB::Packed || !spec.panelWidth;
    for (int64_t vectors = std::min<int64_t>(3, step.mostVectors()); vectors >= 1; --vectors) {
      if (vectors * lanes != from.panelWidth && (!canRepack || spec.n <= lanes))
        continue;
      const int64_t most = step.mostRows(vectors, target);
      for (int64_t rows : {most, most - 1, most - 2, most * 2 / 3, from.rows})
        for (int64_t unroll : {1, 2, 4}) {
          GemmTiling t = from;
          // About as many rows in a chunk as before.
          t.panelWidth = vectors * lanes, t.rows = std::max<int64_t>(1, rows), t.unroll = unroll;
          t.blockTiles = ceilDivide(from.blockTiles * from.rows, t.rows);
          t.blockPanels = ceilDivide(from.blockPanels * from.panelWidth, t.panelWidth);
          // Four times the loop body of many rows is more code than pays.
          if (unroll == 4 && t.rows * vectors > 12)
            continue;
          consider(t);
        }
    }
    return list;
  }
  if (round == 1) {
    for (double rows : {1.0, 0.5, 2.0, 0.25, 4.0})
      for (double panels : {1.0, 0.5, 2.0, 4.0}) {
        GemmTiling t = from;
        t.blockTiles = int64_t(std::ceil(double(from.blockTiles) * rows));
        t.blockPanels = int64_t(std::ceil(double(from.blockPanels) * panels));
        consider(t);
      }
    if (!step.inTiles() && spec.k > 384)
      for (int64_t kBlock : {256, 512, 1024, 2048}) {
        GemmTiling t = from;
        t.kBlock = kBlock;
        consider(t);
      }
  }
  return list;
}

GemmTiling weft::cpu::chooseGemmTiling(const GemmSpec &spec, const TargetInfo &target,
                                       const TilingSource *source) {
  GemmTiling own = chooseGemmTiling(spec, target);
  if (!source || !isStatic(spec) || spec.m < 1 || spec.n < 1 || spec.k < 1)
    return own;
  return findTiling(
      *source, describe(spec), own,
      [&](const GemmTiling &tiling) { return isPossible(tiling, spec, target); },
      [&](const GemmTiling &from, int round) { return gemmTilingsNear(from, spec, target, round); });
}
