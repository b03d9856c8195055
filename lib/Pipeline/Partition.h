// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a graph to the programs of its workers: places it on the mesh, splits it into roles, compiles each
// role like any other graph, and joins them into a job.
#ifndef WEFT_LIB_PIPELINE_PARTITION_H
#define WEFT_LIB_PIPELINE_PARTITION_H

#include "weft/Pipeline/Compile.h"

namespace weft {

/// Partitions `module`, which is changed, as options.partition says. What goes to options.output: the bytes
/// of a .weftjob file, or with options.emit = "explain" the explanation.
mlir::LogicalResult partitionAndCompile(mlir::ModuleOp module, const CompileOptions &options);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_PARTITION_H
