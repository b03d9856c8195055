// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPU kernels in the llvm and nvvm dialects -> the text of one PTX module. In process, without the CUDA
// toolkit. What LLVM would abort on is an error here.
#ifndef WEFT_CODEGEN_GPU_EMITPTX_H
#define WEFT_CODEGEN_GPU_EMITPTX_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/GPU/Target.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace weft::gpu {

/// Registers the dialects that GPU kernels are lowered through, and their translations.
void registerGpuCodegen(mlir::DialectRegistry &registry);
/// The same for an existing context: registers and loads.
void loadGpuCodegen(mlir::MLIRContext &context);

/// PTX of all kernels; their names are unique. The modules stay as they are. The same kernels give the same
/// text. Errors name the kernel and, where an op does not exist on the target, the op and its location: an
/// instruction the target lacks, a call to a function outside, code that LLVM cannot select.
llvm::Expected<std::string> emitPTX(llvm::ArrayRef<const GpuKernel *> kernels, const GpuTarget &target);
/// The LLVM IR that PTX is made from, optimised, as text.
llvm::Expected<std::string> emitNvptxIR(llvm::ArrayRef<const GpuKernel *> kernels, const GpuTarget &target);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_EMITPTX_H
