// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How values lie while they travel from one pipeline stage to another: as the whole graph would have them.
// Each role then computes as the whole does, in the same layouts and with the same bits, and transposes
// nothing that the whole does not.
#ifndef WEFT_LIB_PIPELINE_TRAVELLAYOUTS_H
#define WEFT_LIB_PIPELINE_TRAVELLAYOUTS_H

#include "mlir/IR/BuiltinOps.h"
#include "weft/Pipeline/Stages.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// Writes `dist.layouts` on the ops of a placed graph whose results another stage reads. `runPasses` runs a
/// pipeline on a module.
mlir::LogicalResult assignTravelLayouts(
    mlir::ModuleOp placed, const StageOptions &options,
    llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp, llvm::function_ref<void(mlir::OpPassManager &)>)>
        runPasses);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_TRAVELLAYOUTS_H
