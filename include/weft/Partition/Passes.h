// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of Passes.td: constructors and registration.
#ifndef WEFT_PARTITION_PASSES_H
#define WEFT_PARTITION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace weft::dist {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Partition/Passes.h.inc"
} // namespace weft::dist

#endif // WEFT_PARTITION_PASSES_H
