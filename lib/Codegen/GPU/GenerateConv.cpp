// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions as products: rows are positions of the result, columns output channels of a group, and k runs
// over taps and input channels. Elements beyond the border are zeros that the copies fill in.
#include "weft/Codegen/GPU/GenerateConv.h"

#include "MmaTile.h"

#include "mlir/IR/Diagnostics.h"

#include <cstring>

using namespace mlir;
using namespace weft::gpu;

int64_t ConvSpec::taps() const {
  int64_t count = 1;
  for (const cpu::ConvDim &dim : space)
    count *= dim.kernel;
  return count;
}

int64_t ConvSpec::places() const {
  int64_t count = 1;
  for (const cpu::ConvDim &dim : space)
    count *= dim.out();
  return count;
}

namespace {

int64_t rowsOf(const ConvSpec &spec) {
  return ShapedType::isDynamic(spec.batch) ? spec.batch : spec.batch * spec.places();
}

/// The largest power of two that divides `extent`, up to the 16 bytes that are copied at once.
int64_t vectorOf(int64_t extent, Type type) {
  int64_t vector = 1;
  while (vector < 16 / mmaElementBytes(type) && extent % (2 * vector) == 0)
    vector *= 2;
  return vector;
}

LogicalResult checkSpec(Location loc, const ConvSpec &spec, const MmaTiling &tiling) {
  if (!spec.type.isF16() && !spec.type.isBF16() && !spec.type.isF32())
    return emitError(loc) << "no convolution of " << spec.type << ", wanted f16, bf16 or f32";
  if (spec.type.isF32() && tiling.warpgroups)
    return emitError(loc) << "tf32 wants mma.sync";
  if (!spec.type.isF32() && tiling.fma)
    return emitError(loc) << "multiply-adds want f32, found " << spec.type;
  if (!spec.yType.isF16() && !spec.yType.isBF16() && !spec.yType.isF32())
    return emitError(loc) << "no convolution into " << spec.yType << ", wanted f32, f16 or bf16";
  if (spec.groups < 1 || spec.ci < 1 || spec.co < 1 || spec.ci % spec.groups || spec.co % spec.groups)
    return emitError(loc) << spec.ci << " and " << spec.co << " channels do not part into " << spec.groups
                          << " groups";
  for (const weft::cpu::ConvDim &dim : spec.space)
    if (dim.in < 1 || dim.kernel < 1 || dim.stride < 1 || dim.dilation < 1 || dim.padLow < 0 ||
        dim.padHigh < 0 || dim.out() < 1)
      return emitError(loc) << "a spatial dimension of " << dim.in << " with kernel " << dim.kernel
                            << ", stride " << dim.stride << ", dilation " << dim.dilation << ", padding "
                            << dim.padLow << " and " << dim.padHigh << " has no result";
  for (const Epilogue::Operand &operand : spec.epilogue.operands)
    if (operand.shape.size() != 2)
      return emitError(loc) << "an epilogue operand of rank " << operand.shape.size() << ", wanted 2";
  std::string problem = checkTiling(tiling);
  if (!problem.empty())
    return emitError(loc) << "tiling: " << problem;
  return success();
}

/// The kernel while it is written.
struct Conv {
  Conv(Location loc, const ConvSpec &spec, const MmaTiling &tiling)
      : spec(spec), tiling(tiling), ciPerGroup(spec.ci / spec.groups), coPerGroup(spec.co / spec.groups),
        k(loc, spec.name, tiling.threads(), buffersOf(spec, tiling)) {}

  static SmallVector<TileBuilder::Buffer> buffersOf(const ConvSpec &spec, const MmaTiling &tiling) {
    SmallVector<int64_t> x{spec.batch};
    for (const weft::cpu::ConvDim &dim : spec.space)
      x.push_back(dim.in);
    x.push_back(spec.ci);
    SmallVector<int64_t> w{spec.co, spec.depth()};
    if (tiling.fma)
      std::swap(w[0], w[1]);
    SmallVector<TileBuilder::Buffer> buffers{{spec.type, x}, {spec.type, w}};
    for (const Epilogue::Operand &operand : spec.epilogue.operands)
      buffers.push_back({operand.type, operand.shape});
    buffers.push_back({spec.yType, {rowsOf(spec), spec.co}});
    return buffers;
  }

  TiledKernel emit() {
    unsigned y = k.numBuffers() - 1;
    V rows = k.narrow(k.extent(y, 0));
    // Tiles of columns are numbered over all groups; blocks of one row of tiles follow each other.
    int64_t tilesPerGroup = (coPerGroup + tiling.n - 1) / tiling.n;
    V block = k.blockId(), columnTile = remui(block, k.i32(tilesPerGroup * spec.groups));
    V rowTile = divui(block, k.i32(tilesPerGroup * spec.groups));
    V group = divui(columnTile, k.i32(tilesPerGroup));
    V columnInGroup = remui(columnTile, k.i32(tilesPerGroup)) * tiling.n;

    MmaProblem problem{gather(group, rows),
                       weights(group),
                       k.i32(spec.depth()),
                       rowTile * tiling.m,
                       columnInGroup,
                       std::nullopt,
                       std::nullopt,
                       storeVector(coPerGroup, tiling),
                       y,
                       nullptr};
    if (ShapedType::isDynamic(spec.batch) || rowsOf(spec) % tiling.m)
      problem.rows = rows;
    if (coPerGroup % tiling.n)
      problem.columns = k.i32(coPerGroup);
    V firstChannel = group * coPerGroup;
    problem.placeOf = [this, y, firstChannel](const TileSpace &space, unsigned buffer, V rows, V columns) {
      bool hasRows = buffer == y || k.getBuffer(buffer).shape[0] != 1,
           hasColumns = buffer == y || k.getBuffer(buffer).shape[1] != 1;
      if (!hasRows && !hasColumns)
        return k.i64(0);
      V down = k.widen(rows) * (hasColumns ? spec.co : 1);
      if (!hasColumns)
        return down;
      V along = k.widen(k.like(firstChannel, columns) + columns);
      return hasRows ? k.spread(down, space) + k.spread(along, space) : along;
    };
    emitMmaTile(k, tiling, spec.type, problem, spec.epilogue);

    weft::cpu::ChunkCount blocks;
    blocks.terms.push_back({y, 0, rowsOf(spec), tiling.m});
    blocks.terms.push_back({y, 1, tilesPerGroup * spec.groups, 1});
    return k.finish(std::move(blocks));
  }

private:
  /// Whether elements of K are any; none: always.
  std::optional<V> insideDepth(V at, const TileSpace &space) {
    if (spec.depth() % tiling.k == 0)
      return std::nullopt;
    return k.spread(weft::codegen::lt(at, spec.depth()), space);
  }

  MmaSource weights(V group) {
    MmaSource source;
    source.buffer = 1;
    // Multiply-adds read rows of channels, matrix instructions rows of K.
    source.major = tiling.fma ? Major::Outer : Major::K;
    source.vector = vectorOf(tiling.fma ? coPerGroup : spec.depth(), spec.type);
    int64_t alongChannel = tiling.fma ? 1 : spec.depth(), alongDepth = tiling.fma ? spec.co : 1;
    source.at = [=, this](const TileSpace &space, V column) {
      std::optional<V> known;
      if (coPerGroup % tiling.n)
        known = k.spread(weft::codegen::lt(column, coPerGroup), space);
      V channel = k.widen(k.like(group * coPerGroup, column) + column);
      V start = k.spread(channel * alongChannel, space);
      return [=, this](V at) {
        return Place{start + k.spread(k.widen(at) * alongDepth, space),
                     k.both(known, insideDepth(at, space))};
      };
    };
    return source;
  }

  /// x as the first operand: row m is a position of the result, k a tap and a channel.
  MmaSource gather(V group, V rows) {
    MmaSource source;
    source.buffer = 0;
    source.vector = vectorOf(ciPerGroup, spec.type);
    source.at = [this, group, rows](const TileSpace &space, V row) {
      std::optional<V> known;
      if (ShapedType::isDynamic(spec.batch) || rowsOf(spec) % tiling.m)
        known = k.spread(weft::codegen::lt(row, k.like(rows, row)), space);
      // Where the window of this position begins, per dimension; it may be before the border.
      SmallVector<V> begins;
      V rest = row;
      for (const weft::cpu::ConvDim &dim : llvm::reverse(spec.space)) {
        V number = remui(rest, rest.i(dim.out()));
        begins.insert(begins.begin(), k.spread(number * dim.stride - dim.padLow, space));
        rest = divui(rest, rest.i(dim.out()));
      }
      V picture = k.spread(k.widen(rest), space);
      return [this, space, group, known, begins, picture](V at) {
        V tap = divui(at, at.i(ciPerGroup)), channel = remui(at, at.i(ciPerGroup));
        std::optional<V> inside = k.both(known, insideDepth(at, space));
        SmallVector<V> taps;
        for (const weft::cpu::ConvDim &dim : llvm::reverse(spec.space)) {
          taps.insert(taps.begin(), remui(tap, tap.i(dim.kernel)));
          tap = divui(tap, tap.i(dim.kernel));
        }
        V offset = picture;
        for (auto [dim, begin, number] : llvm::zip(spec.space, begins, taps)) {
          V place = begin + k.spread(number * dim.dilation, space);
          int64_t last = (dim.out() - 1) * dim.stride + (dim.kernel - 1) * dim.dilation - dim.padLow;
          // Seen without a sign, a place before the border is far behind it.
          if (dim.padLow > 0 || last >= dim.in)
            inside =
                k.both(inside, weft::codegen::compare(arith::CmpIPredicate::ult, place, place.i(dim.in)));
          offset = offset * dim.in + k.widen(place);
        }
        V ofGroup = k.widen(k.like(group * ciPerGroup, channel) + channel);
        return Place{offset * spec.ci + k.spread(ofGroup, space), inside};
      };
    };
    return source;
  }

  const ConvSpec &spec;
  const MmaTiling &tiling;
  int64_t ciPerGroup, coPerGroup;
  TileBuilder k;
};

} // namespace

MmaTiling weft::gpu::chooseTiling(const ConvSpec &spec, const GpuTarget &target, bool fast) {
  int64_t rows = rowsOf(spec);
  bool few = !ShapedType::isDynamic(rows) && rows <= 4096;
  if (spec.type.isF32() && !fast)
    return fmaTiling(few ? 64 : 128, spec.co / spec.groups);
  if (few || spec.co / spec.groups <= 64)
    return {64, 64, 32, 2, 2, 4};
  // Copies of single elements would take more registers than wgmma leaves.
  if (target.hasWarpgroups() && !spec.type.isF32() && vectorOf(spec.ci / spec.groups, spec.type) >= 4)
    return {128, 128, 64, 8, 1, 4, true};
  return {};
}

FailureOr<TiledKernel> weft::gpu::generateConv(Location loc, const ConvSpec &spec, const MmaTiling &tiling) {
  if (failed(checkSpec(loc, spec, tiling)))
    return failure();
  return Conv(loc, spec, tiling).emit();
}

void weft::gpu::arrangeConvWeights(const ConvSpec &spec, std::span<const std::byte> source,
                                   size_t elementBytes, int64_t strideO, int64_t strideI, int64_t strideTap,
                                   bool channelsLast, std::span<std::byte> to) {
  const int64_t channels = spec.ci / spec.groups, taps = spec.taps();
  for (int64_t o = 0; o < spec.co; ++o)
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t i = 0; i < channels; ++i) {
        const int64_t depth = t * channels + i,
                      at = channelsLast ? depth * spec.co + o : o * spec.depth() + depth;
        std::memcpy(to.data() + at * elementBytes,
                    source.data() + (o * strideO + i * strideI + t * strideTap) * elementBytes, elementBytes);
      }
}
