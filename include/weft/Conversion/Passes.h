// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of the Conversion room; see Passes.td.
#ifndef WEFT_CONVERSION_PASSES_H
#define WEFT_CONVERSION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace weft {
#define GEN_PASS_DECL
#include "weft/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "weft/Conversion/Passes.h.inc"
} // namespace weft

#endif // WEFT_CONVERSION_PASSES_H
