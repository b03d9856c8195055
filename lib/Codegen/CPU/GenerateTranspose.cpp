// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Squares of lanes x lanes elements are loaded row by row, transposed in registers, and stored row by row, so
// that both sides of memory are touched in whole vectors. A chunk is a block of rows and columns; what does
// not fill a square goes element by element.
#include "weft/Codegen/CPU/GenerateTranspose.h"

#include "MicroKernel.h"

#include <numeric>

using namespace mlir;
using namespace weft::cpu;

/// Columns of a chunk: 64 rows of y at most, so that the lines of x that are open together stay in L1.
static constexpr int64_t columnBlock = 64, chunkElements = 8192;

namespace {
/// What a chunk moves: rows and columns of x.
struct Part {
  Value image, firstRow, endRow, firstColumn, endColumn;
};
} // namespace

/// The kernel that `k` has begun, with `move` for the part of each chunk.
static GeneratedKernel inBlocks(KernelBuilder &k, const TransposeSpec &spec, int64_t blockRows,
                                int64_t blockColumns, llvm::function_ref<void(const Part &)> move) {
  const int64_t down = ceilDivide(spec.rows, blockRows), across = ceilDivide(spec.columns, blockColumns);
  k.loop(k.low, k.high, 1, [&](Value chunk) {
    Part part;
    part.image = k.div(chunk, down * across);
    Value inImage = k.rem(chunk, k.c(down * across));
    part.firstRow = k.mul(k.div(inImage, across), blockRows);
    part.firstColumn = k.mul(k.rem(inImage, k.c(across)), blockColumns);
    part.endRow = k.min(k.add(part.firstRow, blockRows), k.c(spec.rows));
    part.endColumn = k.min(k.add(part.firstColumn, blockColumns), k.c(spec.columns));
    move(part);
  });
  GeneratedKernel kernel;
  kernel.chunks.terms.push_back({0, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({0, 1, spec.rows, blockRows});
  kernel.chunks.terms.push_back({0, 2, spec.columns, blockColumns});
  kernel.module = k.end();
  return kernel;
}

/// Pieces of `inner` elements move by blocks of rows and columns: a row of x is read in runs that hardware
/// prefetches, a row of y written in such runs, and few pages are open at once.
static GeneratedKernel moveBlocks(Location loc, const TransposeSpec &spec, const TargetInfo &target) {
  KernelBuilder k(loc, target);
  Type f32 = k.b.getF32Type();
  k.begin(spec.name, {MemRefType::get({spec.batch, spec.rows, spec.columns, spec.inner}, f32),
                      MemRefType::get({spec.batch, spec.columns, spec.rows, spec.inner}, f32)});
  Value x = k.args[0], y = k.args[1];
  const int64_t atOnce = std::gcd(spec.inner, 4 * k.lanes);
  return inBlocks(k, spec, 64, 8, [&](const Part &part) {
    k.loop(part.firstRow, part.endRow, 1, [&](Value row) {
      k.loop(part.firstColumn, part.endColumn, 1, [&](Value column) {
        k.loop(k.c(0), k.c(spec.inner), atOnce, [&](Value first) {
          for (int64_t done = 0; done < atOnce; done += k.lanes) {
            Value i = k.add(first, done);
            k.store(k.loadVector(x, {part.image, row, column, i}, k.lanes), y, {part.image, column, row, i});
          }
        });
      });
    });
  });
}

GeneratedKernel weft::cpu::generateTranspose(Location loc, const TransposeSpec &spec,
                                             const TargetInfo &target) {
  if (spec.inner != 1)
    return moveBlocks(loc, spec, target);
  KernelBuilder k(loc, target);
  Type f32 = k.b.getF32Type();
  k.begin(spec.name, {MemRefType::get({spec.batch, spec.rows, spec.columns}, f32),
                      MemRefType::get({spec.batch, spec.columns, spec.rows}, f32)});
  Value x = k.args[0], y = k.args[1];
  const int64_t lanes = k.lanes, wholeRows = spec.rows / lanes * lanes;
  const int64_t rowBlock =
      std::max(chunkElements / std::clamp<int64_t>(spec.columns, 1, columnBlock) / lanes, int64_t(1)) * lanes;
  return inBlocks(k, spec, rowBlock, columnBlock, [&](const Part &part) {
    auto move = [&](Value row, Value column) {
      k.store(k.load(x, {part.image, row, column}), y, {part.image, column, row});
    };
    Value wholeEndRow = k.min(part.endRow, k.c(wholeRows));
    Value columns = k.sub(part.endColumn, part.firstColumn);
    Value wholeEnd = k.add(part.firstColumn, k.mul(k.div(columns, lanes), lanes));
    k.loop(part.firstColumn, wholeEnd, lanes, [&](Value column) {
      k.loop(part.firstRow, wholeEndRow, lanes, [&](Value row) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < lanes; ++i)
          square.push_back(k.loadVector(x, {part.image, k.add(row, i), column}, lanes));
        k.transpose(square);
        for (int64_t i = 0; i < lanes; ++i)
          k.store(square[i], y, {part.image, k.add(column, i), row});
      });
    });
    // Columns beyond the last square, then rows beyond it.
    k.loop(wholeEnd, part.endColumn, 1, [&](Value column) {
      k.loop(part.firstRow, wholeEndRow, 1, [&](Value row) { move(row, column); });
    });
    k.loop(part.firstColumn, part.endColumn, 1,
           [&](Value column) { k.loop(wholeEndRow, part.endRow, 1, [&](Value row) { move(row, column); }); });
  });
}
