// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole vectors are copied row by row of the result, which is written from its start to its end. A chunk is a
// block of rows. LLVM would make the same of loops over elements, by two and a half times the instructions.
#include "weft/Codegen/CPU/GenerateConcat.h"

#include "MicroKernel.h"

using namespace mlir;
using namespace weft::cpu;

/// Elements of y in a chunk, about: half of L1.
static constexpr int64_t chunkElements = 4096;

GeneratedKernel weft::cpu::generateConcat(Location loc, const ConcatSpec &spec, const TargetInfo &target) {
  KernelBuilder k(loc, target);
  Type f32 = k.b.getF32Type();
  const int64_t width = spec.width(), block = std::max<int64_t>(1, chunkElements / width);
  SmallVector<MemRefType> buffers;
  for (int64_t piece : spec.pieces)
    buffers.push_back(MemRefType::get({spec.rows, piece}, f32));
  buffers.push_back(MemRefType::get({spec.rows, width}, f32));
  k.begin(spec.name, buffers);
  Value y = k.args[spec.pieces.size()];
  k.loop(k.low, k.high, 1, [&](Value chunk) {
    Value first = k.mul(chunk, block), end = k.min(k.add(first, block), k.c(spec.rows));
    k.loop(first, end, 1, [&](Value row) {
      int64_t column = 0;
      for (auto [x, piece] : llvm::zip(k.args, spec.pieces)) {
        const int64_t atOnce = std::gcd(piece, 4 * k.lanes);
        k.loop(k.c(0), k.c(piece), atOnce, [&, x = x](Value from) {
          for (int64_t done = 0; done < atOnce; done += k.lanes) {
            Value i = k.add(from, done);
            k.store(k.loadVector(x, {row, i}, k.lanes), y, {row, k.add(i, column)});
          }
        });
        column += piece;
      }
    });
  });
  GeneratedKernel kernel;
  kernel.chunks.terms.push_back({0, 0, spec.rows, block});
  kernel.module = k.end();
  return kernel;
}
