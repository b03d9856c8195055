// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel of scatter; see GenerateScatter.h. All threads of a warp read the same index at the same time,
// which is one access; that each looks at all of them costs less than waiting for one another.
#include "weft/Codegen/GPU/GenerateScatter.h"

#include "KernelBuilder.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

static constexpr int64_t threads = 256;

namespace {

class ScatterCode {
public:
  ScatterCode(KernelBuilder &k, const ScatterSpec &spec)
      : k(k), spec(spec), indexBuffer(spec.xFill ? 0 : 1), updateBuffer(indexBuffer + 1),
        result(k.numBuffers() - 1) {}

  /// One element of the result.
  void emitElement(V element) {
    SmallVector<V> place = coordinates(element, result);
    // Dimensions of the indices that are gone through: those that are no batch.
    SmallVector<int64_t> free;
    int64_t indexRank = int64_t(spec.index.size()) - 1;
    V count = k.i64(1);
    for (int64_t d = 0; d < indexRank; ++d)
      if (!llvm::is_contained(spec.indexBatchDims, d)) {
        free.push_back(d);
        count = count * k.extent(indexBuffer, d);
      }
    V start = spec.xFill ? constant(spec.xFill) : k.load(spec.type, k.global(0, element));
    SmallVector<V> all =
        k.loop(k.i64(0), count, k.i64(1), {start}, [&](V number, ArrayRef<V> held) -> SmallVector<V> {
          SmallVector<V> at(indexRank, number);
          for (auto [batch, d] : llvm::zip(spec.batchDims, spec.indexBatchDims))
            at[d] = place[batch];
          V rest = number;
          for (size_t i = free.size(); i-- > 0;) {
            V extent = k.extent(indexBuffer, free[i]);
            at[free[i]] = i ? remui(rest, extent) : rest;
            if (i)
              rest = divui(rest, extent);
          }
          return {k.when(
              landsOn(place, at), [&] { return combine(held[0], loadUpdate(place, at)); },
              [&] { return held[0]; })};
        });
    k.store(all[0], k.global(result, element));
  }

private:
  V constant(TypedAttr value) { return k.wrap(arith::ConstantOp::create(k.builder(), k.location(), value)); }

  SmallVector<V> coordinates(V element, unsigned buffer) {
    int64_t rank = spec.shape.size();
    SmallVector<V> place(rank, element);
    for (int64_t d = rank; d-- > 0;) {
      place[d] = d ? remui(element, k.extent(buffer, d)) : element;
      if (d)
        element = divui(element, k.extent(buffer, d));
    }
    return place;
  }

  /// The place in a buffer of these coordinates.
  V offsetOf(unsigned buffer, ArrayRef<V> at) {
    V offset = k.i64(0);
    for (auto [d, coordinate] : llvm::enumerate(at))
      offset = offset * k.extent(buffer, d) + coordinate;
    return offset;
  }

  /// Whether the update at `at` of the indices is one of this element.
  V landsOn(ArrayRef<V> place, ArrayRef<V> at) {
    V lands = eq(k.i32(0), 0), first = offsetOf(indexBuffer, at) * int64_t(spec.dims.size());
    for (auto [i, dim] : llvm::enumerate(spec.dims)) {
      V index = k.load(spec.indexType, k.global(indexBuffer, first + int64_t(i)));
      if (!index.is64())
        index = spec.isIndexUnsigned ? convertTo<arith::ExtUIOp>(index, k.builder().getI64Type())
                                     : convertTo<arith::ExtSIOp>(index, k.builder().getI64Type());
      lands = lands & eq(index, place[dim]);
    }
    return lands;
  }

  V loadUpdate(ArrayRef<V> place, ArrayRef<V> at) {
    if (spec.updateFill)
      return constant(spec.updateFill);
    SmallVector<V> where;
    for (int64_t d = 0; d < int64_t(place.size()); ++d) {
      if (llvm::is_contained(spec.dims, d) || llvm::is_contained(spec.batchDims, d))
        continue;
      if (int64_t(where.size()) == spec.at)
        llvm::append_range(where, at);
      where.push_back(place[d]);
    }
    if (where.size() + at.size() == spec.update.size())
      llvm::append_range(where, at);
    return k.load(spec.type, k.global(updateBuffer, offsetOf(updateBuffer, where)));
  }

  /// Numbers of 16 bits are combined in f32 and rounded each time.
  V combine(V old, V update) {
    if (spec.kind == ScatterSpec::Kind::Set)
      return update;
    if (old.isFloat() && old.bits() == 16) {
      Type wide = k.builder().getF32Type();
      return convertTo<arith::TruncFOp>(
          combineWide(convertTo<arith::ExtFOp>(old, wide), convertTo<arith::ExtFOp>(update, wide)),
          spec.type);
    }
    return combineWide(old, update);
  }
  V combineWide(V a, V b) {
    switch (spec.kind) {
    case ScatterSpec::Kind::Set:
      return b;
    case ScatterSpec::Kind::Add:
      return a + b;
    case ScatterSpec::Kind::Mul:
      return a * b;
    case ScatterSpec::Kind::Max:
      return a.isFloat()       ? make<arith::MaximumFOp>(a, a, b)
             : spec.isUnsigned ? make<arith::MaxUIOp>(a, a, b)
                               : make<arith::MaxSIOp>(a, a, b);
    case ScatterSpec::Kind::Min:
      return a.isFloat()       ? make<arith::MinimumFOp>(a, a, b)
             : spec.isUnsigned ? make<arith::MinUIOp>(a, a, b)
                               : make<arith::MinSIOp>(a, a, b);
    }
    llvm_unreachable("a kind of scatter");
  }

  KernelBuilder &k;
  const ScatterSpec &spec;
  unsigned indexBuffer, updateBuffer, result;
};

} // namespace

FailureOr<GpuKernel> weft::gpu::generateScatter(Location loc, const ScatterSpec &spec) {
  SmallVector<KernelBuilder::Buffer> buffers;
  if (!spec.xFill)
    buffers.push_back({spec.type, spec.shape});
  buffers.push_back({spec.indexType, spec.index});
  if (!spec.updateFill)
    buffers.push_back({spec.type, spec.update});
  unsigned result = buffers.size();
  buffers.push_back({spec.type, spec.shape});
  KernelBuilder k(loc, spec.name, threads, buffers);
  ScatterCode code(k, spec);
  V total = k.i64(1);
  for (unsigned d = 0; d < spec.shape.size(); ++d)
    total = total * k.extent(result, d);
  V step = k.widen(k.numBlocks()) * threads;
  k.loop(k.widen(k.blockId()) * threads + k.widen(k.threadId()), total, step,
         [&](V element) { code.emitElement(element); });
  // Blocks go on to further elements, so their number need not be exact.
  constexpr int64_t mostBlocks = 4096;
  int64_t blocks = ShapedType::isDynamicShape(spec.shape)
                       ? mostBlocks / 4
                       : llvm::divideCeil(ShapedType::getNumElements(spec.shape), threads);
  return k.finish(0, cpu::ChunkCount::of(std::clamp<int64_t>(blocks, 1, mostBlocks)));
}
