// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposition of the last two dimensions as a kernel: y[b, c, r] = x[b, r, c], by squares of native
// vectors.
#ifndef WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H
#define WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H

#include "weft/Codegen/CPU/Kernels.h"

namespace weft::cpu {

struct TransposeSpec {
  std::string name = "transpose";
  int64_t batch = 1; ///< or ShapedType::kDynamic
  int64_t rows = 0, columns = 0;
};

/// The kernel of `spec`: arguments x [batch, rows, columns] and y [batch, columns, rows], f32.
GeneratedKernel generateTranspose(mlir::Location loc, const TransposeSpec &spec, const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H
