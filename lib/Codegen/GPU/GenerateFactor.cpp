// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that eliminate; see GenerateFactor.h. Step after step, all threads of a block take what is left of
// the matrix, with barriers between the pivot, its column and the rest.
#include "weft/Codegen/GPU/GenerateFactor.h"

#include "KernelBuilder.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

static constexpr int64_t threads = 256;
/// Right sides of a system that one block takes.
static constexpr int64_t sidesOfBlock = 64;

namespace {

Type f64Of(MLIRContext *context) { return Float64Type::get(context); }

/// A matrix of a batch, in a buffer.
struct Matrix {
  KernelBuilder &k;
  unsigned buffer;
  V start, columns;
  bool transposed = false;

  Matrix(KernelBuilder &k, unsigned buffer, V number, V rows, V columns, bool transposed = false)
      : k(k), buffer(buffer), start(number * rows * columns), columns(columns), transposed(transposed) {}
  Value at(V i, V j) const {
    return k.global(buffer, start + (transposed ? j * columns + i : i * columns + j));
  }
  /// An element as f64, whatever it is in memory.
  V load(V i, V j) const { return toF64(k.load(k.getBuffer(buffer).type, at(i, j))); }
  void store(V value, V i, V j) const {
    Type type = k.getBuffer(buffer).type;
    k.store(type.isF64() ? value : convertTo<arith::TruncFOp>(value, type), at(i, j));
  }
};

/// Runs `body` on the elements of rows [top, bottom) and columns [from, to), one per thread at a time.
void overElements(KernelBuilder &k, V top, V bottom, V from, V to, llvm::function_ref<void(V, V)> body) {
  V width = to - from;
  k.loop(k.widen(k.threadId()), (bottom - top) * width, k.i64(threads),
         [&](V element) { body(top + divui(element, width), from + remui(element, width)); });
}

/// Runs `body` on the numbers [from, to), one per thread at a time.
void overRange(KernelBuilder &k, V from, V to, llvm::function_ref<void(V)> body) {
  k.loop(from + k.widen(k.threadId()), to, k.i64(threads), body);
}

void onThreadZero(KernelBuilder &k, llvm::function_ref<void()> body) { k.when(eq(k.threadId(), 0), body); }

} // namespace

FailureOr<GpuKernel> weft::gpu::generateCholesky(Location loc, const FactorSpec &spec, bool lower) {
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
  KernelBuilder k(loc, spec.name, threads,
                  {{spec.type, shape}, {spec.type, shape}, {f64Of(loc.getContext()), shape}},
                  /*numResults=*/2);
  V n = k.extent(0, 1), block = k.widen(k.blockId()), zero = k.i64(0);
  // The upper factor is the transposed lower one of the transposed matrix.
  Matrix from(k, 0, block, n, n, !lower), to(k, 1, block, n, n, !lower), work(k, 2, block, n, n);
  overElements(k, zero, n, zero, n, [&](V i, V j) { work.store(from.load(i, j), i, j); });
  k.barrier();
  SmallVector<V> ended =
      k.loop(zero, n, k.i64(1), {eq(zero, 0)}, [&](V step, ArrayRef<V> good) -> SmallVector<V> {
        V pivot = work.load(step, step);
        V root = sqrt(pivot);
        k.barrier();
        overRange(k, step + 1, n, [&](V i) { work.store(work.load(i, step) / root, i, step); });
        onThreadZero(k, [&] { work.store(root, step, step); });
        k.barrier();
        overElements(k, step + 1, n, step + 1, n, [&](V i, V j) {
          k.when(le(j, i),
                 [&] { work.store(work.load(i, j) - work.load(i, step) * work.load(j, step), i, j); });
        });
        k.barrier();
        return {good[0] & gt(pivot, 0)};
      });
  overElements(k, zero, n, zero, n, [&](V i, V j) {
    V value = work.load(i, j);
    to.store(select(le(j, i), select(ended[0], value, value.nan()), value.c(0)), i, j);
  });
  return k.finish(0, {{{0, 0, spec.shape[0], 1}}});
}

FailureOr<GpuKernel> weft::gpu::generateLu(Location loc, const FactorSpec &spec) {
  MLIRContext *context = loc.getContext();
  auto i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  int64_t rows = spec.shape[1], columns = spec.shape[2];
  int64_t steps = ShapedType::isDynamic(rows) || ShapedType::isDynamic(columns) ? ShapedType::kDynamic
                                                                                : std::min(rows, columns);
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
  KernelBuilder k(loc, spec.name, threads,
                  {{spec.type, shape},
                   {spec.type, shape},
                   {i32, {spec.shape[0], steps}},
                   {i32, {spec.shape[0], rows}},
                   {f64Of(context), shape}},
                  /*numResults=*/4);
  V m = k.extent(0, 1), n = k.extent(0, 2), block = k.widen(k.blockId()), zero = k.i64(0), one = k.i64(1);
  V count = select(lt(m, n), m, n);
  Matrix from(k, 0, block, m, n), to(k, 1, block, m, n), work(k, 4, block, m, n);
  auto pivotAt = [&](V step) { return k.global(2, block * count + step); };
  auto orderAt = [&](V row) { return k.global(3, block * m + row); };
  V thread = k.threadId();
  auto sizeAt = [&](V index) { return k.shared(index * 8); };
  auto rowAt = [&](V index) { return k.shared(index * 8 + threads * 8); };

  overElements(k, zero, m, zero, n, [&](V i, V j) { work.store(from.load(i, j), i, j); });
  overRange(k, zero, m, [&](V row) { k.store(k.narrow(row), orderAt(row)); });
  k.barrier();
  k.loop(zero, count, one, [&](V step) {
    // The first largest, a NaN being larger than all: sizes as integers have the order of the numbers.
    auto isLarger = [&](V size, V row, V otherSize, V otherRow) {
      return compare(arith::CmpIPredicate::ugt, size, otherSize) | (eq(size, otherSize) & lt(row, otherRow));
    };
    SmallVector<V> own = k.loop(step + k.widen(thread), m, k.i64(threads), {zero, m},
                                [&](V row, ArrayRef<V> best) -> SmallVector<V> {
                                  V value = work.load(row, step);
                                  V size = select(isNaN(value), zero.i(UINT64_MAX), asInt(abs(value)));
                                  V better = isLarger(size, row, best[0], best[1]);
                                  return {select(better, size, best[0]), select(better, row, best[1])};
                                });
    k.store(own[0], sizeAt(thread));
    k.store(own[1], rowAt(thread));
    for (int64_t half = threads / 2; half > 0; half /= 2) {
      k.barrier();
      k.when(lt(thread, half), [&] {
        V other = thread + half;
        V size = k.load(i64, sizeAt(other)), row = k.load(i64, rowAt(other));
        k.when(isLarger(size, row, k.load(i64, sizeAt(thread)), k.load(i64, rowAt(thread))), [&] {
          k.store(size, sizeAt(thread));
          k.store(row, rowAt(thread));
        });
      });
    }
    k.barrier();
    V pivot = k.load(i64, rowAt(k.i32(0)));
    k.when(ne(pivot, step), [&] {
      overRange(k, zero, n, [&](V j) {
        V upper = work.load(step, j), lower = work.load(pivot, j);
        work.store(lower, step, j);
        work.store(upper, pivot, j);
      });
    });
    onThreadZero(k, [&] {
      k.store(k.narrow(pivot), pivotAt(step));
      V upper = k.load(i32, orderAt(step)), lower = k.load(i32, orderAt(pivot));
      k.store(lower, orderAt(step));
      k.store(upper, orderAt(pivot));
    });
    k.barrier();
    V top = work.load(step, step);
    V isZero = eq(top, 0); // then the column is zero below as well
    V end = select(isZero, step + 1, m);
    overRange(k, step + 1, end, [&](V i) { work.store(work.load(i, step) / top, i, step); });
    k.barrier();
    overElements(k, step + 1, end, step + 1, n, [&](V i, V j) {
      work.store(work.load(i, j) - work.load(i, step) * work.load(step, j), i, j);
    });
    k.barrier();
  });
  overElements(k, zero, m, zero, n, [&](V i, V j) { to.store(work.load(i, j), i, j); });
  return k.finish(threads * 16, {{{0, 0, spec.shape[0], 1}}});
}

FailureOr<GpuKernel> weft::gpu::generateTriangularSolve(Location loc, const TriangularSpec &spec) {
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end()),
      matrix(spec.matrix.begin(), spec.matrix.end());
  KernelBuilder k(
      loc, spec.name, threads,
      {{spec.type, matrix}, {spec.type, shape}, {spec.type, shape}, {f64Of(loc.getContext()), shape}},
      /*numResults=*/2);
  V n = k.extent(0, 1), rows = k.extent(1, 1), columns = k.extent(1, 2);
  // x op(a) = b is op(a)' x' = b'.
  bool swap = spec.transpose == spec.left, lower = spec.lower != swap;
  V sides = spec.left ? columns : rows;
  V groups = k.ceilDiv(sides, sidesOfBlock), block = k.widen(k.blockId());
  V number = divui(block, groups), first = remui(block, groups) * sidesOfBlock;
  V last = select(lt(first + sidesOfBlock, sides), first + sidesOfBlock, sides);
  Matrix a(k, 0, number, n, n, swap), from(k, 1, number, rows, columns, !spec.left),
      to(k, 2, number, rows, columns, !spec.left), work(k, 3, number, rows, columns, !spec.left);
  V zero = k.i64(0);
  overElements(k, zero, n, first, last, [&](V i, V j) { work.store(from.load(i, j), i, j); });
  k.barrier();
  k.loop(zero, n, k.i64(1), [&](V step) {
    V i = lower ? step : n - 1 - step;
    if (!spec.unitDiagonal) {
      V pivot = a.load(i, i);
      overRange(k, first, last, [&](V j) { work.store(work.load(i, j) / pivot, i, j); });
      k.barrier();
    }
    overElements(k, lower ? i + 1 : zero, lower ? n : i, first, last, [&](V row, V j) {
      work.store(work.load(row, j) - a.load(row, i) * work.load(i, j), row, j);
    });
    k.barrier();
  });
  overElements(k, zero, n, first, last, [&](V i, V j) { to.store(work.load(i, j), i, j); });
  return k.finish(0, {{{1, 0, spec.shape[0], 1},
                       {1, spec.left ? 2u : 1u, spec.left ? spec.shape[2] : spec.shape[1], sidesOfBlock}}});
}
