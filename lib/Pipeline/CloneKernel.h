// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel on its own: what every way of compiling one starts from.
#ifndef WEFT_LIB_PIPELINE_CLONEKERNEL_H
#define WEFT_LIB_PIPELINE_CLONEKERNEL_H

#include "mlir/IR/OwningOpRef.h"
#include "weft/Dialect/Host/HostDialect.h"

namespace weft {

/// The kernel as `func.func @name` in a module of its own.
mlir::OwningOpRef<mlir::ModuleOp> cloneAsFunction(host::KernelOp kernel);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_CLONEKERNEL_H
