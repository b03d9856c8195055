// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elements of #weft.data constants beside an .mlir file: an .npz whose arrays (raw bytes) are named by
// hash. The module's attribute `weft.data_file` names it, relative to the .mlir file.
#ifndef WEFT_PIPELINE_SIDEFILE_H
#define WEFT_PIPELINE_SIDEFILE_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace weft {

/// Reads the side file that the module names, if it names one, into the dialect's data store. Diagnostics
/// name the file and the hash that is missing or does not fit.
mlir::LogicalResult loadSideFile(mlir::ModuleOp module, const std::string &path);
/// Writes the data of all #weft.data constants of the module to `path`.
mlir::LogicalResult saveSideFile(mlir::ModuleOp module, const std::string &path);

} // namespace weft

#endif // WEFT_PIPELINE_SIDEFILE_H
