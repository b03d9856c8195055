// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel that permutes dimensions; see GenerateTranspose.h. A block has one square of 32 x 32 elements: a
// warp reads a row of it, later a column.
#include "weft/Codegen/GPU/GenerateTranspose.h"

#include "KernelBuilder.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

static constexpr int64_t side = 32, threads = 256, rowsTogether = threads / side;

bool weft::gpu::isWorthTransposing(ArrayRef<int64_t> shape, ArrayRef<int64_t> permutation) {
  constexpr int64_t shortest = 8; // a quarter of a square
  auto isShort = [&](int64_t dim) { return !ShapedType::isDynamic(shape[dim]) && shape[dim] < shortest; };
  int64_t last = shape.size() - 1;
  return last > 0 && permutation[last] != last && !isShort(last) && !isShort(permutation[last]);
}

FailureOr<GpuKernel> weft::gpu::generateTranspose(Location loc, const TransposeSpec &spec) {
  MLIRContext *context = loc.getContext();
  int64_t rank = spec.shape.size(), inner = rank - 1, outer = spec.permutation[inner];
  if (outer == inner)
    return emitError(loc) << "found the innermost dimension where it was, wanted another one in its place";
  auto type = IntegerType::get(context, spec.elementBytes * 8);
  SmallVector<int64_t> result =
      llvm::map_to_vector(spec.permutation, [&](int64_t dim) { return spec.shape[dim]; });
  KernelBuilder k(loc, spec.name, threads, {{type, spec.shape}, {type, result}});

  // Where the square lies: of the two dimensions in steps of its side, of the others one place each.
  cpu::ChunkCount blocks;
  V rest = k.widen(k.blockId()), from = k.i64(0), to = k.i64(0);
  SmallVector<V> first(rank, from), sourceStride(rank, k.i64(1)), targetStride(rank, k.i64(1));
  for (int64_t d = rank - 1; d-- > 0;)
    sourceStride[d] = sourceStride[d + 1] * k.extent(0, d + 1);
  for (int64_t i = rank - 1; i-- > 0;)
    targetStride[spec.permutation[i]] =
        targetStride[spec.permutation[i + 1]] * k.extent(0, spec.permutation[i + 1]);
  for (int64_t d = rank; d-- > 0;) {
    int64_t step = d == inner || d == outer ? side : 1;
    V count = k.ceilDiv(k.extent(0, d), step);
    first[d] = remui(rest, count) * step;
    rest = divui(rest, count);
    from = from + first[d] * sourceStride[d];
    to = to + first[d] * targetStride[d];
    blocks.terms.push_back({0, unsigned(d), spec.shape[d], step});
  }

  V lane = k.threadId() & (side - 1), warp = k.threadId() >> k.i32(llvm::Log2_64(side));
  // Column j of row i lies where column i xor j would.
  auto place = [&](V i, V j) { return k.shared((i * side + (i ^ j)) * int64_t(spec.elementBytes)); };
  auto isInside = [&](V i, V j) {
    return lt(first[outer] + k.widen(i), k.extent(0, outer)) &
           lt(first[inner] + k.widen(j), k.extent(0, inner));
  };
  // All loads before the first store, so that they are on their way together.
  SmallVector<V> values;
  for (int64_t row = 0; row < side; row += rowsTogether) {
    V i = warp + row;
    values.push_back(k.when(
        isInside(i, lane),
        [&] { return k.load(type, k.global(0, from + k.widen(i) * sourceStride[outer] + k.widen(lane))); },
        [&] { return k.wrap(arith::ConstantOp::create(k.builder(), loc, IntegerAttr::get(type, 0))); }));
  }
  for (auto [number, value] : llvm::enumerate(values))
    k.store(value, place(warp + int64_t(number) * rowsTogether, lane));
  k.barrier();
  for (int64_t column = 0; column < side; column += rowsTogether) {
    V j = warp + column;
    V value = k.load(type, place(lane, j));
    k.when(isInside(lane, j),
           [&] { k.store(value, k.global(1, to + k.widen(j) * targetStride[inner] + k.widen(lane))); });
  }
  return k.finish(side * side * spec.elementBytes, std::move(blocks));
}
