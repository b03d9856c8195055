// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes over launches ask: which kernels have one launch, and which ops only give a value another name.
#ifndef WEFT_LIB_CODEGEN_LAUNCHES_H
#define WEFT_LIB_CODEGEN_LAUNCHES_H

#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

#include "mlir/IR/SymbolTable.h"

namespace weft {

/// Whether the op's results lie where its operand lies.
inline bool isView(mlir::Operation *op) {
  return mlir::isa<ir::ReshapeOp, ir::CastShapeOp, ir::StopGradientOp, ir::BarrierOp, ir::NameExtentOp>(op);
}

/// Runs body(launch, kernel) for each kernel that one launch alone runs, so that both may be changed.
inline void forEachOwnKernel(mlir::ModuleOp module, const mlir::SymbolTable &symbols,
                             llvm::function_ref<void(host::LaunchOp, host::KernelOp)> body) {
  llvm::MapVector<llvm::StringRef, llvm::SmallVector<host::LaunchOp, 1>> launches;
  module.walk([&](host::LaunchOp launch) { launches[launch.getKernel()].push_back(launch); });
  for (auto &[name, ofKernel] : launches)
    if (auto kernel = symbols.lookup<host::KernelOp>(name); kernel && ofKernel.size() == 1)
      body(ofKernel.front(), kernel);
}

} // namespace weft

#endif // WEFT_LIB_CODEGEN_LAUNCHES_H
