// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tilings of matrix products beside the generator's own choice: how they are written, which are possible, and
// which a tuner tries.
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
  for (MemRefType operand : spec.epilogue.operands) {
    os << " + ";
    llvm::interleave(operand.getShape(), os, "x");
    os << "x" << operand.getElementType();
  }
  if (spec.strict)
    os << " strict";
  return text;
}

static bool isStatic(const GemmSpec &spec) {
  return !ShapedType::isDynamic(spec.m) && !ShapedType::isDynamic(spec.n) && !ShapedType::isDynamic(spec.k) &&
         llvm::none_of(spec.batch, ShapedType::isDynamic);
}

/// Rows that the registers hold beside `vectors` of B.
static int64_t mostRows(const MultiplyStep &step, int64_t vectors, const TargetInfo &target) {
  return (target.vectorRegisters - step.registers(vectors)) / vectors;
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
  if (t.rows > mostRows(step, vectors, target))
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
      const int64_t most = mostRows(step, vectors, target);
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
  auto parse = [&](StringRef text) {
    std::optional<GemmTiling> tiling = parseTiling<GemmTiling>(text);
    return tiling && isPossible(*tiling, spec, target) ? tiling : std::nullopt;
  };
  auto neighbours = [&](StringRef from, int round) {
    std::vector<std::string> texts;
    if (std::optional<GemmTiling> tiling = parse(from))
      for (const GemmTiling &near : gemmTilingsNear(*tiling, spec, target, round))
        texts.push_back(tilingText(near));
    return texts;
  };
  std::optional<std::string> found = source->find(describe(spec), tilingText(own), neighbours);
  return found ? parse(*found).value_or(own) : own;
}
