// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of Passes.td: constructors and registration.
#ifndef WEFT_TRANSFORMS_PASSES_H
#define WEFT_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

#include <functional>

namespace weft {
namespace ir {
class ConvOp;
}

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Transforms/Passes.h.inc"

/// The same for a target that has kernels of some convolutions as they are, with features right after the
/// batch.
std::unique_ptr<mlir::Pass> createAssignLayoutsPass(std::function<bool(ir::ConvOp)> takesChannelsFirst);
} // namespace weft

#endif // WEFT_TRANSFORMS_PASSES_H
