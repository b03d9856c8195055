// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The register tile of CPUs with matrix registers (AMX): up to 2 x 2 of them hold sums of 16 rows and 16
// columns, two more rows of A, two more columns of packed B. One instruction multiplies 16 rows by 64 bytes
// of k by 16 columns.
#ifndef WEFT_LIB_CODEGEN_CPU_MATRIXTILE_H
#define WEFT_LIB_CODEGEN_CPU_MATRIXTILE_H

#include "MultiplyStep.h"

namespace weft::cpu {

/// An element of a buffer whose rows follow each other in memory.
struct MatrixPlace {
  mlir::Value memref;
  llvm::SmallVector<mlir::Value> indices;
};

class MatrixTile {
public:
  static constexpr int64_t rowsOfRegister = 16, stepsOfRegister = 16, mostRows = 32;

  /// A tile of `rows` rows, at most mostRows, and 16 * `vectors` columns, at most two vectors.
  MatrixTile(KernelBuilder &kb, const MultiplyStep &step, int64_t rows, int64_t vectors)
      : kb(kb), step(step), rows(rows), vectors(vectors) {}

  /// Adds the product over steps [low, high) to the sums at `sums`, or, where `isFirst`, stores it there.
  /// `a(row, k)` and `b(k, column)` say where operands lie, neighbours of k and columns being neighbours in
  /// memory; `config` is scratch of 64 bytes.
  void multiply(mlir::Value config, mlir::Value low, mlir::Value high, mlir::Value isFirst,
                llvm::function_ref<MatrixPlace(int64_t row, mlir::Value k)> a,
                llvm::function_ref<MatrixPlace(mlir::Value k, int64_t column)> b,
                llvm::function_ref<MatrixPlace(int64_t row, int64_t column)> sums);
  /// After the last product: the registers need not be saved any more.
  static void release(KernelBuilder &kb);

private:
  int64_t blocks() const { return rows > rowsOfRegister ? 2 : 1; }
  int64_t rowsOf(int64_t block) const {
    return block == 0 ? std::min(rows, rowsOfRegister) : rows - rowsOfRegister;
  }
  void configure(mlir::Value config);
  /// `name` on registers, then on the place and the distance between rows there.
  void call(llvm::StringRef name, llvm::ArrayRef<int64_t> registers, const MatrixPlace *place = nullptr);

  KernelBuilder &kb;
  const MultiplyStep &step;
  int64_t rows, vectors;
};

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_MATRIXTILE_H
