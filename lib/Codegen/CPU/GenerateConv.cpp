// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense and grouped convolutions: a matrix product whose rows of A are windows of the input, read in place.
// The loops, outside in:
//   chunk -> (image, output plane, group of output rows, group of channels, block of panels)
//   copy of the input rows into a zero-bordered scratch, when there is padding
//   panel of NR output channels
//     register tile of output pixels, which differ in number by one at most
//       taps; input channels (and the taps of one kernel row together where they are contiguous)
// A tile lies within one output row, so that its pixels are a constant apart; where rows are short, tiles run
// over row ends and every pixel has an address of its own. 1x1 without stride and padding is one long row.
#include "weft/Codegen/CPU/GenerateConv.h"

#include "Conv.h"
#include "PackWeights.h"

#include <cstring>

using namespace mlir;
using namespace weft::cpu;

static int64_t convPanelWidth(const ConvSpec &spec, const TargetInfo &target) {
  if (spec.panelWidth)
    return spec.panelWidth;
  int64_t perGroup = spec.co / spec.groups;
  return perGroup <= target.lanes() ? target.lanes() : target.isX86 ? 2 * target.lanes() : 3 * target.lanes();
}

static int64_t taps(const ConvSpec &spec) { return Conv3(spec).taps(); }

bool weft::cpu::hasChannelsFirst(const ConvSpec &spec) {
  return spec.isDepthwise() && spec.space.size() <= 2 && spec.space.back().stride == 1 &&
         spec.xType.isF32() && spec.wType.isF32() && spec.yType.isF32();
}

SmallVector<int64_t> weft::cpu::packedConvShape(const ConvSpec &spec, const TargetInfo &target) {
  if (spec.channelsFirst)
    return {spec.co, taps(spec)};
  if (spec.isDepthwise())
    return {taps(spec), spec.co};
  if (std::optional<WinogradPlan> plan = planWinograd(spec, target))
    return winogradShape(spec, *plan);
  int64_t width = convPanelWidth(spec, target);
  return {spec.groups * ceilDivide(spec.co / spec.groups, width), taps(spec) * (spec.ci / spec.groups),
          width};
}

void weft::cpu::packConvWeights(const ConvSpec &spec, const TargetInfo &target,
                                std::span<const std::byte> source, size_t elementBytes, int64_t strideO,
                                int64_t strideI, int64_t strideTap, std::span<std::byte> to) {
  const SmallVector<int64_t> shape = packedConvShape(spec, target);
  const int64_t numTaps = taps(spec);
  if (spec.isDepthwise()) {
    for (int64_t t = 0; t < numTaps; ++t)
      for (int64_t ch = 0; ch < spec.co; ++ch)
        std::memcpy(&to[(spec.channelsFirst ? ch * numTaps + t : t * spec.co + ch) * elementBytes],
                    &source[(ch * strideO + t * strideTap) * elementBytes], elementBytes);
    return;
  }
  WeightSource from = {source.data(), strideO, strideI, strideTap};
  WeightPanels panels = {to.data(), spec.co / spec.groups, spec.ci / spec.groups, numTaps, shape.back()};
  if (panels.outer % panels.width != 0)
    std::ranges::fill(to, std::byte(0));
  if (std::optional<WinogradPlan> plan = planWinograd(spec, target))
    return transformPanels(from, plan->m, panels);
  const int64_t groupFrom = panels.outer * strideO,
                groupTo = ceilDivide(panels.outer, panels.width) * panels.width * numTaps * panels.inner;
  for (int64_t g = 0; g < spec.groups; ++g) {
    packPanels(from, elementBytes, panels);
    from.data += groupFrom * elementBytes;
    panels.data += groupTo * elementBytes;
  }
}

SmallVector<MemRefType> weft::cpu::convBuffers(const ConvSpec &spec, ArrayRef<int64_t> weights) {
  SmallVector<int64_t> x, y;
  for (const ConvDim &d : spec.space) {
    x.push_back(d.in);
    y.push_back(d.out());
  }
  x.insert(spec.channelsFirst ? x.begin() : x.end(), spec.ci);
  y.insert(spec.channelsFirst ? y.begin() : y.end(), spec.co);
  x.insert(x.begin(), spec.batch);
  y.insert(y.begin(), spec.batch);
  SmallVector<MemRefType> buffers = {MemRefType::get(x, spec.xType), MemRefType::get(weights, spec.wType)};
  llvm::append_range(buffers, spec.epilogue.operands);
  buffers.push_back(MemRefType::get(y, spec.yType));
  return buffers;
}

std::pair<Value, Value> weft::cpu::tapsInside(KernelBuilder &b, const ConvDim &dim, Value o) {
  if (dim.padLow == 0 && dim.padHigh == 0)
    return {b.c(0), b.c(dim.kernel)};
  // start = o * stride - padLow; taps k with 0 <= start + k * dilation < in.
  Value scaled = b.mul(o, dim.stride);
  Value missing = b.max(b.sub(b.c(dim.padLow), scaled), b.c(0));
  Value room = b.max(b.sub(b.c(dim.in + dim.padLow), scaled), b.c(0));
  Value last = b.min(b.c(dim.kernel), b.ceilDiv(room, dim.dilation));
  return {b.min(b.ceilDiv(missing, dim.dilation), last), last};
}

namespace {

class ConvGenerator : KernelBuilder {
public:
  ConvGenerator(Location loc, const ConvSpec &spec, const TargetInfo &target, const ConvTiling &t);
  GeneratedKernel generate();

private:
  void chunk(Value index);
  void copyInput(Value image, Value plane, Value firstRow);
  /// All tiles of the rows [first, last) for one panel, of which `valid` columns exist.
  void panel(Value image, Value plane, Value first, Value last, Value group, Value panelInGroup,
             int64_t valid);
  Value linear(Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    ReassociationIndices all;
    for (int64_t d = 0; d < type.getRank(); ++d)
      all.push_back(d);
    return memref::CollapseShapeOp::create(b, loc, memref, ArrayRef<ReassociationIndices>{all});
  }

  const ConvSpec &spec;
  Conv3 s;
  Value x, y, weights, flatWeights, flatX, padded, flatPadded;
  ValueRange extras;
  int64_t inner, outer, width, vectors, panelsPerGroup;
  int64_t maxRows; ///< pixels of a register tile
  bool pads, pointwise, fused;
  int64_t rows, columns; ///< what chunks share, and columns of the output plane as the loops see it
  int64_t groupRows;     ///< rows of a chunk
  int64_t panelBlock;    ///< panels of a chunk
  bool straddle;         ///< tiles run over row ends
  int64_t unroll;
  int64_t copyHeight, copyWidth;
};

} // namespace

ConvPlane::ConvPlane(const Conv3 &s) {
  for (const ConvDim &d : s.dims) {
    pads |= d.padLow > 0 || d.padHigh > 0;
    pointwise &= d.kernel == 1 && d.stride == 1;
  }
  pointwise &= !pads;
  rows = s.out[1];
  columns = s.out[2];
  if (pointwise) {
    columns *= rows;
    rows = 1;
  }
}

ConvGenerator::ConvGenerator(Location loc, const ConvSpec &spec, const TargetInfo &target,
                             const ConvTiling &t)
    : KernelBuilder(loc, target), spec(spec), s(spec), inner(spec.ci / spec.groups),
      outer(spec.co / spec.groups), width(t.panelWidth), vectors(width / lanes),
      panelsPerGroup(ceilDivide(outer, width)), maxRows(t.pixels), groupRows(t.blockRows),
      panelBlock(t.blockPanels), straddle(t.wrap == 2), unroll(t.unroll) {
  const ConvPlane plane(s);
  pads = plane.pads;
  pointwise = plane.pointwise;
  fused = s.isFused(spec);
  rows = plane.blockable(maxRows);
  columns = plane.columns;
  copyHeight = (groupRows - 1) * s.dims[1].stride + (s.dims[1].kernel - 1) * s.dims[1].dilation + 1;
  copyWidth = (s.out[2] - 1) * s.dims[2].stride + (s.dims[2].kernel - 1) * s.dims[2].dilation + 1;
}

void ConvGenerator::copyInput(Value image, Value plane, Value firstRow) {
  const ConvDim &depth = s.dims[0], &height = s.dims[1], &wide = s.dims[2];
  int64_t used = std::clamp<int64_t>(copyWidth - wide.padLow, 0, wide.in) * spec.ci;
  int64_t leftPad = std::min(wide.padLow, copyWidth) * spec.ci, rowLength = copyWidth * spec.ci;
  auto fill = [&](Value row, Value from, Value to) {
    Value whole = add(from, mul(div(sub(to, from), lanes), lanes));
    loop(from, whole, lanes, [&](Value i) { store(zeroVector(), flatPadded, {add(row, i)}); });
    Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
    loop(whole, to, 1, [&](Value i) { store(zero, flatPadded, {add(row, i)}); });
  };
  loop(c(0), c(depth.kernel), 1, [&](Value kd) {
    Value id = sub(add(mul(plane, depth.stride), mul(kd, depth.dilation)), c(depth.padLow));
    loop(c(0), c(copyHeight), 1, [&](Value r) {
      Value ih = sub(add(mul(firstRow, height.stride), r), c(height.padLow));
      Value to = mul(add(mul(kd, copyHeight), r), rowLength);
      auto inside = [&](Value i, int64_t extent) {
        return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, i, c(extent)).getResult();
      };
      Value valid = arith::AndIOp::create(b, loc, inside(id, depth.in), inside(ih, height.in));
      auto branch = scf::IfOp::create(b, loc, valid, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      fill(to, c(0), c(leftPad));
      Value from = mul(add(mul(add(mul(image, depth.in), id), height.in), ih), wide.in * spec.ci);
      Value target = add(to, c(leftPad));
      int64_t whole = used / lanes * lanes;
      loop(c(0), c(whole), lanes,
           [&](Value i) { store(loadVector(flatX, {add(from, i)}, lanes), flatPadded, {add(target, i)}); });
      loop(c(whole), c(used), 1,
           [&](Value i) { store(load(flatX, {add(from, i)}), flatPadded, {add(target, i)}); });
      fill(to, c(leftPad + used), c(rowLength));
      b.setInsertionPointToStart(branch.elseBlock());
      fill(to, c(0), c(rowLength));
    });
  });
}

void ConvGenerator::panel(Value image, Value plane, Value first, Value last, Value group, Value panelInGroup,
                          int64_t valid) {
  const ConvDim &depth = s.dims[0], &height = s.dims[1], &wide = s.dims[2];
  Value panelIndex = add(mul(group, panelsPerGroup), panelInGroup);
  Value column = add(mul(group, outer), mul(panelInGroup, width));
  Value channel = mul(group, inner);
  Value source = pads ? flatPadded : flatX;
  int64_t sourceWidth = pads ? copyWidth : wide.in;

  // Output row and column of pixel r of a tile, as the result numbers them.
  auto finishTile = [&](int64_t pixels, ArrayRef<Value> sums,
                        llvm::function_ref<std::pair<Value, Value>(int64_t)> pixel) {
    for (int64_t r = 0; r < pixels; ++r) {
      auto [row, col] = pixel(r);
      Value all[3] = {plane, row, col};
      SmallVector<Value> at = {image};
      for (size_t d = 3 - spec.space.size(); d < 3; ++d)
        at.push_back(all[d]);
      at.push_back(column);
      finishRow(spec.epilogue, extras, sums.slice(r * vectors, vectors), y, at, valid);
    }
  };
  // While it computes, a tile asks for its share of the next panel's weights: they come from memory, and the
  // first tile of a panel would wait for every line. With many tiles to a panel that does not matter.
  int64_t groupPixels =
      pointwise ? groupRows * ceilDivide(columns, ceilDivide(columns, maxRows)) : groupRows * columns;
  int64_t numPanels = spec.groups * panelsPerGroup, panelSize = taps(spec) * inner * width;
  Value nextPanel = min(add(panelIndex, 1), c(numPanels - 1));
  // `bases`: where the window of each pixel starts, in elements of the source, without tap and channel;
  // `before`: pixels of the group in front of the tile.
  auto compute = [&](int64_t pixels, Value before, ArrayRef<Value> bases, ArrayRef<int64_t> constants) {
    // Rounded up: no line is left out between two tiles.
    int64_t step = numPanels > 1 && groupPixels > pixels ? ceilDivide(width * pixels, groupPixels) : 0;
    Value start = mul(before, panelSize / groupPixels);
    SmallVector<Value> acc(pixels * vectors, zeroVector());
    int64_t block = fused ? wide.kernel * inner : inner;
    auto overBlock = [&](Value tapOffset, Value firstK, ValueRange init) {
      SmallVector<Value> starts;
      for (Value base : bases)
        starts.push_back(add(base, tapOffset));
      auto a = [&](int64_t r, Value k) {
        Value start = starts[std::min<size_t>(r, starts.size() - 1)];
        return load(source, {add(add(start, k), constants[r])});
      };
      auto w = [&](int64_t v, Value k) {
        if (v == 0 && step > 0)
          prefetch(flatWeights, {nextPanel, add(start, mul(add(firstK, k), step))});
        return loadVector(weights, {panelIndex, add(firstK, k), c(v * lanes)}, lanes);
      };
      return tile(pixels, vectors, c(0), c(block), unroll, SmallVector<Value>(init), a, w);
    };
    int64_t planeStride = (pads ? copyHeight : height.in * depth.dilation) * sourceWidth * spec.ci;
    int64_t rowStride = height.dilation * sourceWidth * spec.ci;
    auto nest = [&](int64_t count, ValueRange init,
                    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
      if (count == 1)
        return body(c(0), init);
      return loop(c(0), c(count), 1, init, body);
    };
    return nest(depth.kernel, acc, [&](Value kd, ValueRange accD) {
      return nest(height.kernel, accD, [&](Value kh, ValueRange accH) {
        Value offset = add(mul(kd, planeStride), mul(kh, rowStride));
        Value firstTap = mul(add(mul(kd, height.kernel), kh), wide.kernel);
        if (fused)
          return overBlock(offset, mul(firstTap, inner), accH);
        return nest(wide.kernel, accH, [&](Value kw, ValueRange accW) {
          return overBlock(add(offset, mul(kw, wide.dilation * spec.ci)), mul(add(firstTap, kw), inner),
                           accW);
        });
      });
    });
  };
  // The window of output pixel (row, col), counted from the start of the source.
  auto windowRow = [&](Value row) {
    if (pads)
      return mul(mul(sub(row, first), height.stride), sourceWidth);
    Value id = mul(plane, depth.stride);
    return mul(add(mul(add(mul(image, depth.in), id), height.in), mul(row, height.stride)), wide.in);
  };
  auto window = [&](Value row, Value col) {
    return add(mul(add(windowRow(row), mul(col, wide.stride)), spec.ci), channel);
  };

  if (straddle) {
    // The group's pixels are dealt out; the last group may have fewer rows, so its count is dynamic.
    Value pixels = mul(sub(last, first), columns);
    int64_t size = ceilDivide(groupRows * columns, ceilDivide(groupRows * columns, maxRows));
    auto tileAt = [&](Value from, int64_t count) {
      SmallVector<Value> bases;
      SmallVector<std::pair<Value, Value>> where;
      for (int64_t r = 0; r < count; ++r) {
        Value p = add(from, r);
        Value row = add(first, div(p, columns)), col = rem(p, c(columns));
        where.push_back({row, col});
        bases.push_back(window(row, col));
      }
      SmallVector<Value> sums = compute(count, from, bases, SmallVector<int64_t>(count, 0));
      finishTile(count, sums, [&](int64_t r) { return where[r]; });
    };
    // t tiles of `size` and `size - 1`: t = ceil(pixels / size), of which t * size - pixels are small.
    Value tiles = ceilDiv(pixels, size);
    Value small = sub(mul(tiles, size), pixels);
    if (size == 1 || getConstantIntValue(small) == 0) {
      loop(c(0), pixels, size, [&](Value from) { tileAt(from, size); });
      return;
    }
    // With few pixels in the last group there may be too few tiles to share the deficit; then single pixels
    // follow.
    Value fits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, small, tiles);
    Value smallCount = arith::SelectOp::create(b, loc, fits, small, c(0));
    Value largeCount = arith::SelectOp::create(b, loc, fits, sub(tiles, small), sub(tiles, c(1)));
    Value middle = mul(largeCount, size);
    Value end = add(middle, mul(smallCount, size - 1));
    loop(c(0), middle, size, [&](Value from) { tileAt(from, size); });
    loop(middle, end, size - 1, [&](Value from) { tileAt(from, size - 1); });
    bool exact =
        rows % groupRows == 0 && ceilDivide(groupRows * columns, size) * size - groupRows * columns <=
                                     ceilDivide(groupRows * columns, size);
    if (!exact)
      loop(end, pixels, 1, [&](Value from) { tileAt(from, 1); });
    return;
  }

  int64_t tiles = ceilDivide(columns, maxRows), size = ceilDivide(columns, tiles);
  int64_t large = tiles - (tiles * size - columns);
  auto runTiles = [&](Value row, Value from, Value to) {
    auto tileAt = [&](Value col, int64_t count) {
      Value before =
          pointwise ? max(sub(col, mul(first, size)), c(0)) : add(mul(sub(row, first), columns), col);
      SmallVector<int64_t> constants;
      for (int64_t r = 0; r < count; ++r)
        constants.push_back(r * wide.stride * spec.ci);
      SmallVector<Value> sums = compute(count, before, {window(row, col)}, constants);
      finishTile(count, sums, [&](int64_t r) -> std::pair<Value, Value> {
        Value p = add(col, r);
        if (!pointwise)
          return {row, p};
        return {div(p, s.out[2]), rem(p, c(s.out[2]))};
      });
    };
    if (large > 0)
      loop(from, min(to, c(large)), 1, [&](Value tile) { tileAt(mul(tile, size), size); });
    if (large < tiles)
      loop(max(from, c(large)), to, 1,
           [&](Value tile) { tileAt(add(mul(tile, size - 1), large), size - 1); });
  };
  if (pointwise)
    runTiles(c(0), first, last);
  else
    loop(first, last, 1, [&](Value row) { runTiles(row, c(0), c(tiles)); });
}

void ConvGenerator::chunk(Value index) {
  Value panelBlocks = c(ceilDivide(panelsPerGroup, panelBlock)), rowGroups = c(ceilDivide(rows, groupRows));
  Value block = rem(index, panelBlocks), rest = div(index, panelBlocks);
  Value group = rem(rest, c(spec.groups));
  rest = div(rest, spec.groups);
  Value rowGroup = rem(rest, rowGroups);
  rest = div(rest, rowGroups);
  Value plane = rem(rest, c(s.out[0])), image = div(rest, s.out[0]);
  Value first = mul(rowGroup, groupRows), last = min(add(first, groupRows), c(rows));
  if (pads) {
    Value part = rem(index, c(ceilDivide(panelsPerGroup, panelBlock) * spec.groups));
    ifThen(mustPrepare(index, part), [&] { copyInput(image, plane, first); });
  }
  Value from = mul(block, panelBlock), to = min(add(from, panelBlock), c(panelsPerGroup));
  int64_t whole = outer / width;
  if (whole > 0)
    loop(from, min(to, c(whole)), 1, [&](Value p) { panel(image, plane, first, last, group, p, width); });
  if (outer % width)
    loop(max(from, c(whole)), to, 1,
         [&](Value p) { panel(image, plane, first, last, group, p, outer % width); });
}

GeneratedKernel ConvGenerator::generate() {
  SmallVector<int64_t> weightShape = packedConvShape(spec, target);
  SmallVector<MemRefType> buffers = convBuffers(spec, weightShape);
  begin(spec.name, buffers);
  x = args[0];
  weights = args[1];
  y = args.back();
  extras = args.slice(2, buffers.size() - 3);
  flatX = linear(x);
  flatWeights = memref::CollapseShapeOp::create(b, loc, weights, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  if (pads) {
    padded = scratch({s.dims[0].kernel, copyHeight, copyWidth, spec.ci});
    flatPadded = linear(padded);
  }
  GeneratedKernel kernel;
  unsigned yIndex = buffers.size() - 1, rank = spec.space.size();
  kernel.chunks.terms.push_back({yIndex, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({yIndex, rank + 1, s.out[0], 1});
  kernel.chunks.terms.push_back({yIndex, rank + 1, rows, groupRows});
  kernel.chunks.terms.push_back({yIndex, rank + 1, spec.groups, 1});
  kernel.chunks.terms.push_back({yIndex, rank + 1, panelsPerGroup, panelBlock});
  loop(low, high, 1, [&](Value index) { chunk(index); });
  kernel.module = end();
  return kernel;
}

FailureOr<GeneratedKernel> weft::cpu::generateConv(Location loc, const ConvSpec &spec,
                                                   const TargetInfo &target,
                                                   std::optional<ConvTiling> tiling) {
  auto bad = [&](const Twine &what) -> FailureOr<GeneratedKernel> {
    emitError(loc) << "convolution: " << what;
    return failure();
  };
  for (Type type : {spec.xType, spec.wType, spec.yType})
    if (!type || !(type.isF32() || type.isF16() || type.isBF16()))
      return bad("elements of a type that is not f32, f16 or bf16");
  if (spec.space.empty() || spec.space.size() > 3)
    return bad(Twine(spec.space.size()) + " spatial dimensions; wanted 1 to 3");
  if (spec.groups < 1 || spec.ci < 1 || spec.co < 1 || spec.ci % spec.groups || spec.co % spec.groups)
    return bad("channels (" + Twine(spec.ci) + " in, " + Twine(spec.co) + " out) that " + Twine(spec.groups) +
               " groups do not divide");
  bool empty = spec.batch == 0;
  for (const ConvDim &d : spec.space) {
    if (d.in < 0 || d.kernel < 1 || d.stride < 1 || d.dilation < 1 || d.padLow < 0 || d.padHigh < 0)
      return bad("a negative or zero window parameter");
    empty |= d.out() == 0;
  }
  if (empty)
    return bad("an empty result");
  if (spec.channelsFirst) {
    if (!hasChannelsFirst(spec))
      return bad(
          "channels in front; wanted a depthwise one in f32 of one or two dimensions, steps of 1 along rows");
    return generateDepthwisePlanes(loc, spec, target);
  }
  if (spec.isDepthwise())
    return generateDepthwise(loc, spec, target);
  if (!tiling)
    tiling = chooseConvTiling(spec, target);
  if (!isPossible(*tiling, spec, target))
    return bad("a tiling that is not possible: " + tilingText(*tiling));
  ConvSpec packed = spec;
  packed.panelWidth = tiling->panelWidth;
  if (std::optional<WinogradPlan> plan = planWinograd(packed, target))
    return generateWinograd(loc, packed, *plan, target, *tiling);
  return ConvGenerator(loc, packed, target, *tiling).generate();
}
