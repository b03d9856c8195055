// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the two convolution generators share.
#ifndef WEFT_LIB_CODEGEN_CPU_CONV_H
#define WEFT_LIB_CODEGEN_CPU_CONV_H

#include "weft/Codegen/CPU/GenerateConv.h"

namespace weft::cpu {

/// The spec with exactly three spatial dimensions: missing ones in front have extent 1.
struct Conv3 {
  explicit Conv3(const ConvSpec &spec) {
    size_t missing = 3 - spec.space.size();
    for (size_t d = 0; d < spec.space.size(); ++d)
      dims[missing + d] = spec.space[d];
    for (int d = 0; d < 3; ++d)
      out[d] = dims[d].out();
  }
  ConvDim dims[3];
  int64_t out[3];
};

/// Types of x and y.
llvm::SmallVector<mlir::MemRefType> convBuffers(const ConvSpec &spec, llvm::ArrayRef<int64_t> weights);

mlir::FailureOr<GeneratedKernel> generateDepthwise(mlir::Location loc, const ConvSpec &spec,
                                                   const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_CONV_H
