// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door of the Partition room beside its passes: what it knows of each op, annotations by name, and what
// there is to tell of a partition.
#ifndef WEFT_PARTITION_PARTITION_H
#define WEFT_PARTITION_PARTITION_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "weft/Program/MeshSpec.h"

namespace weft::dist {

/// Attaches ShardingOpInterface to the ops of the weft dialect that can be split.
void registerShardingRules(mlir::DialectRegistry &registry);

/// Gives the module its mesh.
void setMesh(mlir::ModuleOp module, llvm::ArrayRef<program::MeshAxis> mesh);
/// Writes annotations on inputs, outputs, weights and nodes of @main by their names. Returns a message when a
/// name or a shape does not fit: it says what there is.
std::optional<std::string> annotate(mlir::ModuleOp module, llvm::ArrayRef<program::ShardSpec> shards);

/// Labels the ops of @main with stages: one begins at each of these nodes. Returns a message when a name does
/// not fit.
std::optional<std::string> labelStages(mlir::ModuleOp module, llvm::ArrayRef<std::string> cuts);

/// The text of `weft partition`: roles with their cost, inputs and outputs; each transfer with its bytes;
/// with `explain` why each is there. `graph` has been resharded and given stages, `roles` is what the split
/// made of it.
std::string describePartition(mlir::ModuleOp graph, mlir::ModuleOp roles, bool explain);
/// Roles and transfers as a picture (SVG).
std::string drawPartition(mlir::ModuleOp graph, mlir::ModuleOp roles);

} // namespace weft::dist

#endif // WEFT_PARTITION_PARTITION_H
