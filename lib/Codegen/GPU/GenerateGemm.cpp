// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products: where A, B, C and the epilogue's operands lie, and which tile a block computes.
#include "weft/Codegen/GPU/GenerateGemm.h"

#include "MmaTile.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

/// The largest power of two that divides an extent that is known, up to the 16 bytes that are copied at once.
int64_t vectorOf(int64_t extent, Type type) {
  int64_t vector = 1;
  while (!ShapedType::isDynamic(extent) && vector < 16 / mmaElementBytes(type) && extent % (2 * vector) == 0)
    vector *= 2;
  return vector;
}

bool divides(int64_t divisor, int64_t extent) {
  return !ShapedType::isDynamic(extent) && extent % divisor == 0;
}

LogicalResult checkSpec(Location loc, const GemmSpec &spec, const MmaTiling &tiling) {
  if (!spec.type.isF16() && !spec.type.isBF16() && !spec.type.isF32())
    return emitError(loc) << "no product of " << spec.type << ", wanted f16, bf16 or f32";
  if (!spec.type.isF32() && tiling.fma)
    return emitError(loc) << "multiply-adds want f32, found " << spec.type;
  if (spec.type.isF32() && !tiling.fma && (spec.transposedA || !spec.transposedB || tiling.warpgroups))
    return emitError(loc) << "tf32 wants A as [M, K] and B as [N, K], and mma.sync";
  if (!spec.cType.isF16() && !spec.cType.isBF16() && !spec.cType.isF32())
    return emitError(loc) << "no product into " << spec.cType << ", wanted f32, f16 or bf16";
  for (const auto &batch : {spec.aBatch, spec.bBatch}) {
    if (!batch.empty() && batch.size() != spec.batch.size())
      return emitError(loc) << "an operand has " << batch.size() << " batch dimensions, wanted none or "
                            << spec.batch.size();
    for (auto [own, whole] : llvm::zip(batch, spec.batch))
      if (own != whole && own != 1)
        return emitError(loc) << "a batch extent of " << own << ", wanted 1 or " << whole;
  }
  size_t rank = spec.batch.size() + 2;
  for (const Epilogue::Operand &operand : spec.epilogue.operands)
    if (operand.shape.size() != rank)
      return emitError(loc) << "an epilogue operand of rank " << operand.shape.size() << ", wanted " << rank;
  if (tiling.warpgroups && (spec.transposedA || !spec.transposedB))
    return emitError(loc) << "warpgroups want A as [M, K] and B as [N, K]";
  std::string problem = checkTiling(tiling);
  if (!problem.empty())
    return emitError(loc) << "tiling: " << problem;
  return success();
}

/// The kernel while it is written.
struct Gemm {
  Gemm(Location loc, const GemmSpec &spec, const MmaTiling &tiling)
      : spec(spec), tiling(tiling), k(loc, spec.name, tiling.threads(), buffersOf(spec)) {}

  static SmallVector<TileBuilder::Buffer> buffersOf(const GemmSpec &spec) {
    auto shape = [](ArrayRef<int64_t> batch, int64_t rows, int64_t columns) {
      SmallVector<int64_t> all(batch);
      all.append({rows, columns});
      return all;
    };
    SmallVector<TileBuilder::Buffer> buffers;
    buffers.push_back({spec.type, spec.transposedA ? shape(spec.aBatch, spec.k, spec.m)
                                                   : shape(spec.aBatch, spec.m, spec.k)});
    buffers.push_back({spec.type, spec.transposedB ? shape(spec.bBatch, spec.n, spec.k)
                                                   : shape(spec.bBatch, spec.k, spec.n)});
    for (const Epilogue::Operand &operand : spec.epilogue.operands)
      buffers.push_back({operand.type, operand.shape});
    buffers.push_back({spec.cType, shape(spec.batch, spec.m, spec.n)});
    return buffers;
  }

  TiledKernel emit() {
    unsigned c = k.numBuffers() - 1, rank = spec.batch.size();
    V m = k.narrow(k.extent(c, rank)), n = k.narrow(k.extent(c, rank + 1));
    unsigned depthDim = spec.aBatch.size() + (spec.transposedA ? 0 : 1);
    V depth = k.narrow(k.extent(0, depthDim));

    placeBlock(m, n);
    MmaProblem problem{source(0, spec.aBatch, spec.transposedA, m, depth, spec.m),
                       source(1, spec.bBatch, !spec.transposedB, n, depth, spec.n),
                       depth,
                       firstRow(),
                       firstColumn(),
                       std::nullopt,
                       std::nullopt,
                       1,
                       c,
                       nullptr};
    if (!divides(tiling.m, spec.m))
      problem.rows = m;
    if (!divides(tiling.n, spec.n))
      problem.columns = n;
    problem.columnVector = storeVector(spec.n, tiling);
    problem.placeOf = [this](const TileSpace &space, unsigned buffer, V rows, V columns) {
      return placeIn(space, buffer, rows, columns);
    };
    emitMmaTile(k, tiling, spec.type, problem, spec.epilogue);

    weft::cpu::ChunkCount blocks;
    for (auto [i, extent] : llvm::enumerate(spec.batch))
      blocks.terms.push_back({c, unsigned(i), extent, 1});
    blocks.terms.push_back({c, rank, spec.m, tiling.m});
    blocks.terms.push_back({c, rank + 1, spec.n, tiling.n});
    return k.finish(std::move(blocks));
  }

private:
  /// From the block's number to a tile and a batch. Eight rows of tiles go down together before the next
  /// column, so that blocks which run at one time share what they read.
  void placeBlock(V m, V n) {
    constexpr int64_t group = 8;
    V tilesM = k.ceilDiv(m, tiling.m), tilesN = k.ceilDiv(n, tiling.n);
    V block = k.blockId(), perBatch = tilesM * tilesN;
    V within = remui(block, perBatch);
    V rest = divui(block, perBatch);
    V inGroup = tilesN * group;
    V first = divui(within, inGroup) * group;
    V left = tilesM - first;
    V height = select(weft::codegen::lt(left, group), left, k.i32(group));
    V number = remui(within, inGroup);
    rowTile = first + remui(number, height);
    columnTile = divui(number, height);
    unsigned c = k.numBuffers() - 1;
    for (unsigned i = spec.batch.size(); i-- > 0;) {
      V extent = k.narrow(k.extent(c, i));
      batch.insert(batch.begin(), i == 0 ? rest : remui(rest, extent));
      rest = divui(rest, extent);
    }
  }
  V firstRow() { return *rowTile * tiling.m; }
  V firstColumn() { return *columnTile * tiling.n; }

  /// The element (i64) that the block's batch begins at in a buffer of the given leading extents.
  V batchStart(unsigned buffer, ArrayRef<int64_t> extents) {
    V start = k.i64(0);
    for (auto [i, extent] : llvm::enumerate(extents)) {
      start = start * k.extent(buffer, i);
      if (extent != 1)
        start = start + k.widen(batch[i]);
    }
    return start * k.extent(buffer, extents.size()) * k.extent(buffer, extents.size() + 1);
  }

  /// An operand; `kFirst`: its rows are K.
  MmaSource source(unsigned buffer, ArrayRef<int64_t> batchExtents, bool kFirst, V outerExtent, V depth,
                   int64_t outerStatic) {
    MmaSource source;
    source.buffer = buffer;
    source.major = kFirst ? Major::Outer : Major::K;
    source.vector = vectorOf(kFirst ? outerStatic : spec.k, spec.type);
    bool wholeOuter = divides(buffer == 0 ? tiling.m : tiling.n, outerStatic),
         wholeK = divides(tiling.k, spec.k);
    V start = batchStart(buffer, batchExtents);
    V stride = k.extent(buffer, batchExtents.size() + 1);
    source.at = [=, this](const TileSpace &space, V outer) {
      std::optional<V> outerInside;
      if (!wholeOuter)
        outerInside = k.spread(weft::codegen::lt(outer, k.like(outerExtent, outer)), space);
      V wide = k.widen(outer);
      V outerOffset = k.spread(k.like(start, wide) + (kFirst ? wide : wide * k.like(stride, wide)), space);
      return [=, this](V at) {
        V own = k.widen(at);
        Place place{outerOffset + k.spread(kFirst ? own * k.like(stride, own) : own, space), outerInside};
        if (!wholeK)
          place.inside = k.both(outerInside, k.spread(weft::codegen::lt(at, k.like(depth, at)), space));
        return place;
      };
    };
    return source;
  }

  /// The elements (i64) of the block's batch at rows and columns, in C or an operand of the epilogue.
  V placeIn(const TileSpace &space, unsigned buffer, V rows, V columns) {
    ArrayRef<int64_t> shape = k.getBuffer(buffer).shape;
    bool isResult = buffer + 1 == k.numBuffers();
    unsigned rank = shape.size();
    bool hasRows = isResult || shape[rank - 2] != 1, hasColumns = isResult || shape[rank - 1] != 1;
    V place = batchStart(buffer, shape.drop_back(2));
    if (hasRows) {
      V stride = k.extent(buffer, rank - 1);
      place = k.like(place, rows) + k.widen(rows) * k.like(stride, rows);
    }
    if (!hasColumns)
      return place;
    V along = k.widen(columns);
    return hasRows ? k.spread(place, space) + k.spread(along, space) : k.like(place, along) + along;
  }

  const GemmSpec &spec;
  const MmaTiling &tiling;
  TileBuilder k;
  std::optional<V> rowTile, columnTile;
  SmallVector<V> batch;
};

} // namespace

MmaTiling weft::gpu::chooseTiling(const GemmSpec &spec, const GpuTarget &target, bool fast) {
  auto small = [](int64_t extent) { return !ShapedType::isDynamic(extent) && extent <= 64; };
  if (spec.type.isF32() && !fast) {
    // Blocks of a small product are better many.
    bool large = spec.m >= 128 && spec.n >= 128 && spec.m * spec.n >= 128 * 128 * 64;
    return fmaTiling(large ? 128 : 64, ShapedType::isDynamic(spec.n) ? 64 : spec.n);
  }
  if (small(spec.m) || small(spec.n))
    return {64, 64, 32, 2, 2, 4};
  // Copies of single elements would take more registers than wgmma leaves.
  if (target.hasWarpgroups() && !spec.transposedA && spec.transposedB && !spec.type.isF32() &&
      vectorOf(spec.k, spec.type) >= 4)
    return {128, 128, 64, 8, 1, 4, true};
  return {};
}

FailureOr<TiledKernel> weft::gpu::generateGemm(Location loc, const GemmSpec &spec, const MmaTiling &tiling) {
  if (failed(checkSpec(loc, spec, tiling)))
    return failure();
  return Gemm(loc, spec, tiling).emit();
}
