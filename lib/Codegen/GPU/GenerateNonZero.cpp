// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two kernels of non_zero; see GenerateNonZero.h. Counts are integers, so sums in any order are the same.
#include "weft/Codegen/GPU/GenerateNonZero.h"

#include "KernelBuilder.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

namespace {

/// At least as many threads as parts: one for each count.
constexpr int64_t threads = 256;

/// The part of this block, and what lies in it.
struct Part {
  Part(KernelBuilder &k, const NonZeroSpec &spec)
      : k(k), spec(spec), total(k.i64(1)), begin(total), end(total) {
    for (unsigned d = 0; d < spec.shape.size(); ++d)
      total = total * k.extent(0, d);
    V length = k.ceilDiv(total, spec.parts);
    begin = least(k.widen(k.blockId()) * length, total);
    end = least(begin + length, total);
  }
  static V least(V a, V b) { return select(lt(a, b), a, b); }

  /// Whether element `at` is there and not zero.
  V isFound(V at) {
    return k.when(
        lt(at, end),
        [&] {
          V bits = k.load(k.getBuffer(0).type, k.global(0, at));
          // Without its sign a float is zero when no bit is left. NaN is not zero.
          return ne(isFloat(spec.type) ? bits << bits.i(1) : bits, 0);
        },
        [&] { return eq(k.i32(0), 1); });
  }

  KernelBuilder &k;
  const NonZeroSpec &spec;
  V total, begin, end;
};

/// The sum of the values of all threads, in every thread. Uses the first `threads` words of shared memory.
V sumOfBlock(KernelBuilder &k, V value) {
  V thread = k.threadId();
  auto word = [&](V index) { return k.shared(index * 8); };
  k.barrier();
  k.store(value, word(thread));
  for (int64_t half = threads / 2; half > 0; half /= 2) {
    k.barrier();
    k.when(lt(thread, half), [&] {
      k.store(k.load(value.type(), word(thread)) + k.load(value.type(), word(thread + half)), word(thread));
    });
  }
  k.barrier();
  return k.load(value.type(), word(k.i32(0)));
}

/// The sum of the values (i32) of this thread and those before it. Uses as much of shared memory.
V sumUpToThread(KernelBuilder &k, V value) {
  V thread = k.threadId();
  auto word = [&](V index) { return k.shared(index * 4); };
  k.barrier();
  k.store(value, word(thread));
  for (int64_t distance = 1; distance < threads; distance *= 2) {
    k.barrier();
    V before = k.when(
        ge(thread, distance), [&] { return k.load(value.type(), word(thread - distance)); },
        [&] { return k.i32(0); });
    value = value + before;
    k.barrier();
    k.store(value, word(thread));
  }
  return value;
}

KernelBuilder::Buffer operandOf(MLIRContext *context, const NonZeroSpec &spec) {
  return {IntegerType::get(context, spec.type == DType::I1 ? 8 : bitWidth(spec.type)), spec.shape};
}

} // namespace

FailureOr<GpuKernel> weft::gpu::generateCountNonZero(Location loc, const NonZeroSpec &spec) {
  MLIRContext *context = loc.getContext();
  auto i64 = IntegerType::get(context, 64);
  KernelBuilder k(loc, spec.name, threads, {operandOf(context, spec), {i64, {spec.parts}}});
  Part part(k, spec);
  SmallVector<V> counted = k.loop(part.begin + k.widen(k.threadId()), part.end, k.i64(threads), {k.i64(0)},
                                  [&](V at, ArrayRef<V> count) -> SmallVector<V> {
                                    return {count[0] + convertTo<arith::ExtUIOp>(part.isFound(at), i64)};
                                  });
  V sum = sumOfBlock(k, counted[0]);
  k.when(eq(k.threadId(), 0), [&] { k.store(sum, k.global(1, k.widen(k.blockId()))); });
  return k.finish(threads * 8, cpu::ChunkCount::of(spec.parts));
}

FailureOr<GpuKernel> weft::gpu::generateWriteNonZero(Location loc, const NonZeroSpec &spec) {
  MLIRContext *context = loc.getContext();
  auto i64 = IntegerType::get(context, 64);
  // The rows' number is what the kernel finds: nothing of their extents is known before.
  KernelBuilder k(loc, spec.name, threads,
                  {operandOf(context, spec), {i64, {spec.parts}}, {i64, {}}, {i64, {}}}, /*numResults=*/2);
  Part part(k, spec);
  V thread = k.threadId(), block = k.blockId();
  V before = sumOfBlock(k, k.when(
                               lt(thread, block), [&] { return k.load(i64, k.global(1, k.widen(thread))); },
                               [&] { return k.i64(0); }));
  k.barrier();
  // `threads` elements at a time, so that rows follow one another in the order of the elements.
  SmallVector<V> written = k.loop(
      part.begin, part.end, k.i64(threads), {before}, [&](V first, ArrayRef<V> start) -> SmallVector<V> {
        V at = first + k.widen(thread);
        V found = part.isFound(at);
        V upTo = sumUpToThread(k, convertTo<arith::ExtUIOp>(found, k.i32(0).type()));
        k.when(found, [&] {
          int64_t rank = spec.shape.size();
          V row = start[0] + k.widen(upTo) - 1, rest = at;
          for (int64_t d = rank; d-- > 0;) {
            V extent = k.extent(0, d);
            k.store(d ? remui(rest, extent) : rest, k.global(2, row * rank + d));
            if (d)
              rest = divui(rest, extent);
          }
        });
        k.barrier();
        V all = k.load(k.i32(0).type(), k.shared(k.i32((threads - 1) * 4)));
        return {start[0] + k.widen(all)};
      });
  k.when(eq(block, spec.parts - 1) & eq(thread, 0), [&] { k.store(written[0], k.global(3, k.i64(0))); });
  return k.finish(threads * 8, cpu::ChunkCount::of(spec.parts));
}
