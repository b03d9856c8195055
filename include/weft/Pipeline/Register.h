// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers the dialects, interface models and passes of Weft: for the compiler library and weft-opt alike.
#ifndef WEFT_PIPELINE_REGISTER_H
#define WEFT_PIPELINE_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace weft {

/// The dialects weft and host, those they are lowered to, and what the rooms know of each op (reference
/// evaluation, decompositions, bufferization, translation to LLVM IR).
void registerWeftDialects(mlir::DialectRegistry &registry);
/// All passes of Weft, for the command line of weft-opt.
void registerWeftPasses();

} // namespace weft

#endif // WEFT_PIPELINE_REGISTER_H
