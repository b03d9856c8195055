// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposition of two dimensions as a kernel: y[b, c, r] = x[b, r, c], by squares of native vectors; or y[b,
// c, r, :] = x[b, r, c, :], whose innermost elements stay together.
#ifndef WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H
#define WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H

#include "weft/Codegen/CPU/Kernels.h"

namespace weft::cpu {

struct TransposeSpec {
  std::string name = "transpose";
  int64_t batch = 1; ///< or ShapedType::kDynamic
  int64_t rows = 0, columns = 0;
  int64_t inner = 1; ///< elements that stay together: 1, or whole native vectors
};

/// The kernel of `spec`: arguments x [batch, rows, columns, inner] and y [batch, columns, rows, inner], f32;
/// without the last dimension where that is 1.
GeneratedKernel generateTranspose(mlir::Location loc, const TransposeSpec &spec, const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATETRANSPOSE_H
