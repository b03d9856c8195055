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

/// Pieces of `inner` elements move by blocks of rows and columns: a row of x is read in runs that hardware
/// prefetches, a row of y written in such runs, and few pages are open at once.
static GeneratedKernel moveBlocks(Location loc, const TransposeSpec &spec, const TargetInfo &target) {
  constexpr int64_t blockRows = 64, blockColumns = 8;
  KernelBuilder k(loc, target);
  Type f32 = k.b.getF32Type();
  k.begin(spec.name, {MemRefType::get({spec.batch, spec.rows, spec.columns, spec.inner}, f32),
                      MemRefType::get({spec.batch, spec.columns, spec.rows, spec.inner}, f32)});
  Value x = k.args[0], y = k.args[1];
  const int64_t down = ceilDivide(spec.rows, blockRows), across = ceilDivide(spec.columns, blockColumns);
  const int64_t atOnce = std::gcd(spec.inner, 4 * k.lanes);
  k.loop(k.low, k.high, 1, [&](Value chunk) {
    Value image = k.div(chunk, down * across), inImage = k.rem(chunk, k.c(down * across));
    Value firstRow = k.mul(k.div(inImage, across), blockRows);
    Value firstColumn = k.mul(k.rem(inImage, k.c(across)), blockColumns);
    Value endRow = k.min(k.add(firstRow, blockRows), k.c(spec.rows));
    Value endColumn = k.min(k.add(firstColumn, blockColumns), k.c(spec.columns));
    k.loop(firstRow, endRow, 1, [&](Value row) {
      k.loop(firstColumn, endColumn, 1, [&](Value column) {
        k.loop(k.c(0), k.c(spec.inner), atOnce, [&](Value first) {
          for (int64_t done = 0; done < atOnce; done += k.lanes) {
            Value i = k.add(first, done);
            k.store(k.loadVector(x, {image, row, column, i}, k.lanes), y, {image, column, row, i});
          }
        });
      });
    });
  });
  GeneratedKernel kernel;
  kernel.chunks.terms.push_back({0, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({0, 1, spec.rows, blockRows});
  kernel.chunks.terms.push_back({0, 2, spec.columns, blockColumns});
  kernel.module = k.end();
  return kernel;
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
  const int64_t down = ceilDivide(spec.rows, rowBlock), across = ceilDivide(spec.columns, columnBlock);
  auto move = [&](Value image, Value row, Value column) {
    k.store(k.load(x, {image, row, column}), y, {image, column, row});
  };
  k.loop(k.low, k.high, 1, [&](Value chunk) {
    Value image = k.div(chunk, down * across), inImage = k.rem(chunk, k.c(down * across));
    Value firstRow = k.mul(k.div(inImage, across), rowBlock), endRow = k.add(firstRow, rowBlock);
    Value wholeEndRow = k.min(endRow, k.c(wholeRows));
    Value start = k.mul(k.rem(inImage, k.c(across)), columnBlock);
    Value end = k.min(k.add(start, columnBlock), k.c(spec.columns));
    Value wholeEnd = k.add(start, k.mul(k.div(k.sub(end, start), lanes), lanes));
    k.loop(start, wholeEnd, lanes, [&](Value column) {
      k.loop(firstRow, wholeEndRow, lanes, [&](Value row) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < lanes; ++i)
          square.push_back(k.loadVector(x, {image, k.add(row, i), column}, lanes));
        k.transpose(square);
        for (int64_t i = 0; i < lanes; ++i)
          k.store(square[i], y, {image, k.add(column, i), row});
      });
    });
    // Columns beyond the last square, then rows beyond it.
    k.loop(wholeEnd, end, 1, [&](Value column) {
      k.loop(firstRow, wholeEndRow, 1, [&](Value row) { move(image, row, column); });
    });
    k.loop(start, end, 1, [&](Value column) {
      k.loop(wholeEndRow, k.min(endRow, k.c(spec.rows)), 1, [&](Value row) { move(image, row, column); });
    });
  });
  GeneratedKernel kernel;
  kernel.chunks.terms.push_back({0, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({0, 1, spec.rows, rowBlock});
  kernel.chunks.terms.push_back({0, 2, spec.columns, columnBlock});
  kernel.module = k.end();
  return kernel;
}
