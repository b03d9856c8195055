// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPU kernels from a file to an image for the emulator.
#ifndef WEFT_LIB_PIPELINE_COMPILEEMULATED_H
#define WEFT_LIB_PIPELINE_COMPILEEMULATED_H

#include "weft/Pipeline/Compile.h"

namespace weft {

/// Compiles the kernels of `options.path` (llvm and nvvm, or what lowers to them) for the host; the image's
/// bytes go to `options.output`.
mlir::LogicalResult compileEmulated(mlir::MLIRContext &context, const CompileOptions &options);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_COMPILEEMULATED_H
