// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One step of a register tile's k loop, by the types of the elements and what the CPU has: how many
// neighbours of k it takes, how they lie in A and in packed B, and the multiply-add itself. Each step adds to
// accumulators of 32 bits:
//   Float       one k: f32, or 16-bit floats widened to it; fused multiply-add
//   BF16Dot     two k of bf16: vdpbf16ps
//   I8Words     two k of 8-bit integers widened to words: vpmaddwd, which cannot overflow, and an addition
//   I8Pairs     four k of u8 and i8, where two products have a sum of 16 bits: vpmaddubsw, vpmaddwd by ones,
//               and an addition
//   I8Dot       four k of 8-bit integers: vpdpbusd, whose factors are unsigned and signed
//   Tiles       two k of bf16 or four of 8-bit integers, 16 steps at once: matrix registers (MatrixTile.h)
// Elements of A are widened when rows of it are prepared. Those of B are widened as they are loaded, or,
// where several tiles of rows use them, once for all (GenerateGemm.cpp).
#ifndef WEFT_LIB_CODEGEN_CPU_MULTIPLYSTEP_H
#define WEFT_LIB_CODEGEN_CPU_MULTIPLYSTEP_H

#include "MicroKernel.h"

#include "weft/Codegen/CPU/GenerateGemm.h"

namespace weft::cpu {

struct MultiplyStep {
  enum Kind { Float, BF16Dot, I8Words, I8Pairs, I8Dot, Tiles } kind = Float;
  int64_t group = 1;    ///< neighbours of k in one step, side by side in packed B
  bool widensB = false; ///< elements of B are narrower in memory than in the multiplication
  bool aUnsigned = false, bUnsigned = false;

  /// The step for the product `spec`.
  static MultiplyStep choose(const GemmSpec &spec, const TargetInfo &target);

  bool isInteger() const { return kind == I8Words || group == 4; }
  bool inTiles() const { return kind == Tiles; }
  /// Rows of packed B, and steps in prepared rows of A, come in multiples of this.
  int64_t stepMultiple() const { return inTiles() ? 16 : 1; }
  /// Steps for `k` elements.
  int64_t steps(int64_t k) const { return ceilDivide(k, group * stepMultiple()) * stepMultiple(); }
  /// The sign bits of A are flipped, so that the factors differ in sign: A + 128 or A - 128 is multiplied.
  bool flipsA() const { return kind == I8Dot ? aUnsigned == bUnsigned : kind == I8Pairs && !aUnsigned; }
  /// What the sums begin with then, in terms of the sum of the column of B.
  int64_t correction() const { return flipsA() ? (aUnsigned ? 128 : -128) : 0; }
  /// Whether A is multiplied as it lies in memory, from rows of K elements.
  bool readsInPlace(const GemmSpec &spec) const;
  /// Of packed B side by side.
  int64_t mostVectors() const { return inTiles() ? 2 : 3; }
  /// Vector registers needed besides accumulators, for `vectors` of B: one of A, a product, ones.
  int64_t registers(int64_t vectors) const {
    return vectors + (kind == I8Pairs ? 3 : kind == I8Words ? 2 : 1);
  }
  /// Rows of A whose accumulators fit the other registers.
  int64_t mostRows(int64_t vectors, const TargetInfo &target) const {
    return (target.vectorRegisters - registers(vectors)) / vectors;
  }

  mlir::Type sumType(mlir::Builder &b) const {
    return isInteger() ? mlir::Type(b.getI32Type()) : b.getF32Type();
  }
  /// The type of A's elements where they are prepared, and of B's where they are multiplied.
  mlir::Type heldType(mlir::Builder &b) const;
  /// Copies `count` elements of a row of A, from `from` on, to the row `to` of prepared elements; zeros fill
  /// its last group. `strided`: neighbours of k are a row apart, `at(k)` are the indices of element k.
  void prepareRow(KernelBuilder &kb, mlir::Value a, bool strided, mlir::Value prepared, mlir::Value to,
                  int64_t count, llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value k)> at) const;

  /// What of A step `k` multiplies, in all lanes: from `a`, whose elements lie as heldType says.
  mlir::Value loadA(KernelBuilder &kb, mlir::Value a, llvm::ArrayRef<mlir::Value> row, mlir::Value k) const;
  /// A vector of columns of B for one step, from `column` (in columns) of its row on: of packed B, or of what
  /// has been widened already.
  mlir::Value loadB(KernelBuilder &kb, mlir::Value b, llvm::ArrayRef<mlir::Value> row, int64_t column) const;
  mlir::Value multiply(KernelBuilder &kb, mlir::Value a, mlir::Value b, mlir::Value sum) const;
  /// The name of the intrinsic that multiplies matrix registers.
  llvm::StringRef tileInstruction() const;
};

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_MULTIPLYSTEP_H
