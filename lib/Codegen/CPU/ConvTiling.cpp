// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tilings of convolutions, direct ones and those by minimal filtering: the generators' own choice, how they
// are written, which others are possible, and which a tuner tries. Depthwise ones have none.
#include "Conv.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir;
using namespace weft::cpu;

ArrayRef<TilingNumber<ConvTiling>> ConvTiling::numbers() {
  constexpr int64_t large = int64_t(1) << 30;
  static const TilingNumber<ConvTiling> list[] = {{"pixels", &ConvTiling::pixels, 32},
                                                  {"panel", &ConvTiling::panelWidth, 256},
                                                  {"wrap", &ConvTiling::wrap, 2},
                                                  {"rows", &ConvTiling::blockRows, large},
                                                  {"panels", &ConvTiling::blockPanels, large},
                                                  {"unroll", &ConvTiling::unroll, 8}};
  return list;
}

/// Accumulators, the vectors of weights and one broadcast of an input fill the registers.
static int64_t mostPixels(int64_t vectors, const TargetInfo &target) {
  return (target.vectorRegisters - vectors - 1) / vectors;
}

/// 6 x 2 of 16 registers, 14 x 2 or 9 x 3 of 32.
static int64_t usualPixels(int64_t vectors, const TargetInfo &target) {
  return std::min<int64_t>(target.vectorRegisters >= 32 ? 14 : 6, mostPixels(vectors, target));
}

/// Planes of output that are tiled one by one.
static int64_t numPlanes(const ConvSpec &spec) {
  return std::max<int64_t>(1, ShapedType::isDynamic(spec.batch) ? 1 : spec.batch) * Conv3(spec).out[0];
}

static int64_t numPanels(const ConvSpec &spec, int64_t width) {
  return ceilDivide(spec.co / spec.groups, width);
}

static ConvTiling chooseDirect(const ConvSpec &spec, const TargetInfo &target) {
  const Conv3 s(spec);
  const ConvPlane plane(s);
  ConvTiling t;
  t.panelWidth = packedConvShape(spec, target)[2];
  t.pixels = std::min(usualPixels(t.panelWidth / target.lanes(), target),
                      rowsThatFitL1(spec.ci * s.dims[2].stride * 4, target));
  const int64_t rows = plane.blockable(t.pixels), panels = numPanels(spec, t.panelWidth);
  // Rows of a chunk: enough pixels to use a weight often, few enough for L2.
  int64_t rowBytes = (plane.pointwise ? t.pixels : s.dims[1].stride * s.dims[2].in) * spec.ci * 4;
  int64_t fit = std::max<int64_t>(1, target.l2Bytes / 2 / std::max<int64_t>(1, rowBytes));
  t.blockRows = std::clamp<int64_t>(ceilDivide(168, plane.pointwise ? t.pixels : plane.columns), 1,
                                    std::max<int64_t>(1, std::min(rows, fit)));
  const int64_t inner = spec.ci / spec.groups, taps = s.taps();
  int64_t wanted = wantedChunks(2.0 * numPlanes(spec) * s.out[1] * s.out[2] * spec.co * inner * taps);
  int64_t rowGroups = ceilDivide(rows, t.blockRows);
  t.blockRows = ceilDivide(rows, rowGroups);
  t.blockRows = evenBlock(rows, ceilDivide(3 * t.blockRows, 4), t.blockRows);
  rowGroups = ceilDivide(rows, t.blockRows);
  int64_t panelBlocks =
      std::clamp<int64_t>(ceilDivide(wanted, numPlanes(spec) * rowGroups * spec.groups), 1, panels);
  t.blockPanels = ceilDivide(panels, panelBlocks);
  if (rowGroups == 1)
    t.blockPanels = evenBlock(panels, ceilDivide(3 * t.blockPanels, 4), t.blockPanels);

  auto tileOf = [&](int64_t pixels) { return ceilDivide(pixels, ceilDivide(pixels, t.pixels)); };
  const bool wraps = !plane.pointwise && tileOf(plane.columns) < (t.pixels <= 6 ? 0.9 : 0.75) *
                                                                     tileOf(plane.columns * t.blockRows);
  t.wrap = wraps ? 2 : 1;
  const int64_t block = s.isFused(spec) ? s.dims[2].kernel * inner : inner;
  t.unroll = wraps ? 4 : block > 32 ? 2 : block % 3 == 0 ? 3 : 1;
  return t;
}

static ConvTiling chooseWinograd(const ConvSpec &spec, const WinogradPlan &plan, const TargetInfo &target) {
  ConvTiling t;
  t.panelWidth = plan.width;
  t.pixels = usualPixels(t.panelWidth / target.lanes(), target);
  t.unroll = 2;
  // Transformed weights that stay in L2 may be used by many small blocks; others want a block with more
  // tiles, though not so many that there is one block: each thread would transform it. The last block is
  // computed whole, so blocks that come out even are better.
  int64_t weightBytes = plan.positions() * plan.panels * plan.width * spec.ci * 4;
  int64_t wantedTiles = weightBytes <= target.l2Bytes / 2 ? 14 : 27;
  int64_t least = std::min(ceilDivide(wantedTiles, plan.tileColumns), plan.tileRows);
  auto computedRows = [&](int64_t rows) { return ceilDivide(plan.tileRows, rows) * rows; };
  t.blockRows = least;
  for (int64_t rows = least + 1; rows <= std::min(2 * least, plan.tileRows); ++rows)
    if (computedRows(rows) < computedRows(t.blockRows))
      t.blockRows = rows;
  int64_t columnBlocks = std::clamp<int64_t>(
      ceilDivide(16, numPlanes(spec) * ceilDivide(plan.tileRows, t.blockRows)), 1, plan.panels);
  t.blockPanels = ceilDivide(plan.panels, columnBlocks);
  return t;
}

ConvTiling weft::cpu::chooseConvTiling(const ConvSpec &spec, const TargetInfo &target) {
  if (std::optional<WinogradPlan> plan = planWinograd(spec, target))
    return chooseWinograd(spec, *plan, target);
  return chooseDirect(spec, target);
}

/// What `blockRows` divides.
static int64_t blockableRows(const ConvTiling &t, const ConvSpec &spec, const TargetInfo &target) {
  if (std::optional<WinogradPlan> plan = planWinograd(spec, target))
    return plan->tileRows;
  return ConvPlane(Conv3(spec)).blockable(t.pixels);
}

static bool mayWrap(const ConvSpec &spec, const TargetInfo &target) {
  return !planWinograd(spec, target) && !ConvPlane(Conv3(spec)).pointwise;
}

bool weft::cpu::isPossible(const ConvTiling &t, const ConvSpec &spec, const TargetInfo &target) {
  const int64_t vectors = t.panelWidth / target.lanes();
  return vectors >= 1 && vectors <= 3 && t.panelWidth % target.lanes() == 0 &&
         (!spec.panelWidth || t.panelWidth == spec.panelWidth) && t.pixels >= 1 &&
         t.pixels <= mostPixels(vectors, target) && (t.wrap == 1 || (t.wrap == 2 && mayWrap(spec, target))) &&
         t.blockRows >= 1 && t.blockRows <= blockableRows(t, spec, target) && t.blockPanels >= 1 &&
         t.blockPanels <= numPanels(spec, t.panelWidth) && t.unroll >= 1 && t.unroll <= 8;
}

/// What a tiling depends on. The epilogue is told by its operands.
static std::string describe(const ConvSpec &spec, const TargetInfo &target) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto each = [&](StringRef name, llvm::function_ref<void(const ConvDim &)> print) {
    os << name;
    llvm::interleave(spec.space, os, print, "x");
  };
  os << "conv " << spec.batch;
  each("x", [&](const ConvDim &d) { os << d.in; });
  os << "x" << spec.ci << " to " << spec.co;
  if (spec.groups > 1)
    os << " groups " << spec.groups;
  each(" window ", [&](const ConvDim &d) { os << d.kernel; });
  if (llvm::any_of(spec.space, [](const ConvDim &d) { return d.stride > 1; }))
    each(" stride ", [&](const ConvDim &d) { os << d.stride; });
  if (llvm::any_of(spec.space, [](const ConvDim &d) { return d.dilation > 1; }))
    each(" dilation ", [&](const ConvDim &d) { os << d.dilation; });
  if (llvm::any_of(spec.space, [](const ConvDim &d) { return d.padLow > 0 || d.padHigh > 0; }))
    each(" pad ", [&](const ConvDim &d) { os << d.padLow << "+" << d.padHigh; });
  os << " " << spec.xType << " by " << spec.wType << " to " << spec.yType;
  if (std::optional<WinogradPlan> plan = planWinograd(spec, target))
    os << " filtered " << plan->m;
  printOperands(spec.epilogue, os);
  return text;
}

static int64_t countChunks(const ConvTiling &t, const ConvSpec &spec, const TargetInfo &target) {
  return numPlanes(spec) * spec.groups * ceilDivide(blockableRows(t, spec, target), t.blockRows) *
         ceilDivide(numPanels(spec, t.panelWidth), t.blockPanels);
}

std::vector<ConvTiling> weft::cpu::convTilingsNear(const ConvTiling &from, const ConvSpec &spec,
                                                   const TargetInfo &target, int round) {
  const ConvPlane plane{Conv3(spec)};
  const bool isFiltered = planWinograd(spec, target).has_value();
  // Threads want chunks: no tiling has fewer than the generator's own, up to some for each of many threads.
  const int64_t leastChunks =
      std::min<int64_t>(countChunks(chooseConvTiling(spec, target), spec, target), 64);
  // Tiles within a row differ by one pixel at most: the largest says it all.
  auto written = [&](ConvTiling t) {
    if (t.wrap == 1 && !isFiltered)
      t.pixels = ceilDivide(plane.columns, ceilDivide(plane.columns, t.pixels));
    return t;
  };
  std::vector<ConvTiling> list = {from};
  auto consider = [&](ConvTiling t) {
    t = written(t);
    t.blockRows = std::clamp<int64_t>(t.blockRows, 1, blockableRows(t, spec, target));
    t.blockPanels = std::clamp<int64_t>(t.blockPanels, 1, numPanels(spec, t.panelWidth));
    // Fewer panels or rows until there are enough chunks.
    while (countChunks(t, spec, target) < leastChunks && t.blockPanels > 1)
      t.blockPanels = ceilDivide(t.blockPanels, 2);
    while (countChunks(t, spec, target) < leastChunks && t.blockRows > 1)
      t.blockRows = ceilDivide(t.blockRows, 2);
    const bool isKnown = llvm::any_of(
        list, [&](const ConvTiling &other) { return tilingText(written(other)) == tilingText(t); });
    if (!isKnown && countChunks(t, spec, target) >= leastChunks && isPossible(t, spec, target))
      list.push_back(t);
  };
  if (round == 0) {
    const int64_t lanes = target.lanes(), outer = spec.co / spec.groups, own = from.panelWidth / lanes;
    for (int64_t vectors : {own, int64_t(3), int64_t(2), int64_t(1)}) {
      // No vector of a panel is for nothing.
      if (vectors != own && (vectors - 1) * lanes >= outer)
        continue;
      const int64_t most = mostPixels(vectors, target);
      for (int64_t wrap : {from.wrap, 3 - from.wrap})
        for (int64_t pixels : {most, most - 1, most - 2, most * 2 / 3, most / 2}) {
          ConvTiling t = from;
          t.panelWidth = vectors * lanes, t.wrap = wrap, t.pixels = std::max<int64_t>(1, pixels);
          // About as many pixels and channels in a chunk as before.
          if (plane.pointwise)
            t.blockRows = ceilDivide(from.blockRows * from.pixels, t.pixels);
          t.blockPanels = ceilDivide(from.blockPanels * from.panelWidth, t.panelWidth);
          consider(t);
        }
    }
  }
  if (round == 1) {
    for (int64_t unroll : {1, 2, 3, 4}) {
      ConvTiling t = from;
      t.unroll = unroll;
      consider(t);
    }
    for (double rows : {1.0, 0.5, 2.0, 0.25, 4.0})
      for (double panels : {1.0, 0.5, 2.0, 4.0}) {
        ConvTiling t = from;
        t.blockRows = int64_t(std::ceil(double(from.blockRows) * rows));
        t.blockPanels = int64_t(std::ceil(double(from.blockPanels) * panels));
        consider(t);
      }
  }
  return list;
}

ConvTiling weft::cpu::chooseConvTiling(const ConvSpec &spec, const TargetInfo &target,
                                       const TilingSource *source) {
  const ConvTiling own = chooseConvTiling(spec, target);
  if (!source || ShapedType::isDynamic(spec.batch))
    return own;
  return findTiling(
      *source, describe(spec, target), own,
      [&](const ConvTiling &tiling) { return isPossible(tiling, spec, target); },
      [&](const ConvTiling &from, int round) { return convTilingsNear(from, spec, target, round); });
}
