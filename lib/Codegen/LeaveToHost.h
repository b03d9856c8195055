// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What no kernel computes, made ready for the host.
#ifndef WEFT_LIB_CODEGEN_LEAVETOHOST_H
#define WEFT_LIB_CODEGEN_LEAVETOHOST_H

#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// Sorting, selection, factorisations and extensions become host.call, and predicates of assertions one
/// element each, which the host looks at. With `checks` an assertion that tells what it found is left to a
/// kernel.
void leaveToHost(mlir::ModuleOp module, bool checks);

} // namespace weft

#endif // WEFT_LIB_CODEGEN_LEAVETOHOST_H
