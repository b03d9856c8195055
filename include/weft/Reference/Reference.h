// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door of the Reference room: slow, obvious evaluation of every op of the weft dialect on host tensors.
// It is the judge of every other path, and what folds constants.
#ifndef WEFT_REFERENCE_REFERENCE_H
#define WEFT_REFERENCE_REFERENCE_H

#include "mlir/IR/DialectRegistry.h"

namespace weft::reference {

/// Attaches ReferenceOpInterface to every op of the weft dialect but those that only the interpreter can run:
/// ops with regions, variables, assert, print, custom_call.
void registerReferenceModels(mlir::DialectRegistry &registry);

} // namespace weft::reference

#endif // WEFT_REFERENCE_REFERENCE_H
