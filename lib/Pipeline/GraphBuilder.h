// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs that the public API builds: the part of the compiler's C table that makes ops, one by one.
#ifndef WEFT_LIB_PIPELINE_GRAPHBUILDER_H
#define WEFT_LIB_PIPELINE_GRAPHBUILDER_H

#include "mlir/IR/BuiltinOps.h"
#include "weft/Program/CompilerApi.h"

namespace weft {

/// The context a graph's ops live in.
mlir::MLIRContext &graphContext(WeftGraphHandle *graph);
/// The graph as a module with `func.func @main`, verified; null after a diagnostic when it is not valid.
/// Owned by the graph.
mlir::ModuleOp graphModule(WeftGraphHandle *graph);
/// Fills in the graph functions of the table.
void fillGraphApi(WeftCompilerApi &api);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_GRAPHBUILDER_H
