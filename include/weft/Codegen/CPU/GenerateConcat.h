// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Concatenations of rows of whole vectors, as branches of channels-last networks end. Stage: kernel.
#ifndef WEFT_CODEGEN_CPU_GENERATECONCAT_H
#define WEFT_CODEGEN_CPU_GENERATECONCAT_H

#include "weft/Codegen/CPU/Kernels.h"

#include <numeric>

namespace weft::cpu {

struct ConcatSpec {
  std::string name = "concat";
  int64_t rows = 0;
  /// Elements that each operand adds to a row: whole native vectors.
  llvm::SmallVector<int64_t> pieces;
  int64_t width() const { return std::accumulate(pieces.begin(), pieces.end(), int64_t(0)); }
};

/// The kernel of `spec`: arguments x_i [rows, pieces[i]] and y [rows, width], f32.
GeneratedKernel generateConcat(mlir::Location loc, const ConcatSpec &spec, const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATECONCAT_H
