// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel of the tile dialect to one in the llvm and nvvm dialects, whoever wrote it.
#ifndef WEFT_PIPELINE_LOWERTILES_H
#define WEFT_PIPELINE_LOWERTILES_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/GPU/TiledKernel.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace weft {

/// Lowers a kernel, whose content is used up. `observe`, if any, is called after each stage ("tile",
/// "threads").
mlir::FailureOr<gpu::GpuKernel>
lowerTiles(gpu::TiledKernel tiled, bool verify,
           llvm::function_ref<void(llvm::StringRef stage, mlir::ModuleOp)> observe = nullptr);

} // namespace weft

#endif // WEFT_PIPELINE_LOWERTILES_H
