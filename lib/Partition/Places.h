// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the values of @main lie: the attributes of arguments and ops, read and written in one place.
#ifndef WEFT_LIB_PARTITION_PLACES_H
#define WEFT_LIB_PARTITION_PLACES_H

#include "weft/Dialect/Dist/DistDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace weft::dist {

/// Where one value lies, as far as it is known.
struct Place {
  Sharding sharding;
  /// Per dimension: an annotation said so, it does not change.
  llvm::SmallVector<bool, 4> isFixed;
  /// Per axis the annotation that it comes from.
  llvm::SmallDenseMap<int, mlir::StringAttr, 4> origins;
};

/// The function that is partitioned, with its mesh; an error at the module when there is none, or when it is
/// no graph of one block.
struct Graph {
  mlir::func::FuncOp main;
  MeshAttr mesh;
  mlir::Block &block() { return main.getBody().front(); }
};
mlir::FailureOr<Graph> getGraph(mlir::ModuleOp module);

/// Places by value.
class Places {
public:
  explicit Places(MeshAttr mesh) : mesh(mesh) {}

  /// Reads what attributes of the graph say; values without any are whole. An error at a value whose sharding
  /// does not fit it.
  mlir::LogicalResult read(Graph &graph);
  /// Writes the places of arguments and of all results.
  void write(Graph &graph);

  Place &of(mlir::Value value);
  const Sharding &sharding(mlir::Value value) { return of(value).sharding; }

private:
  MeshAttr mesh;
  llvm::DenseMap<mlir::Value, Place> places;
};

/// "dot_general 'fc1'": an op as explanations name it.
std::string describe(mlir::Operation *op);
/// The first name in a location, or "".
llvm::StringRef firstName(mlir::Location loc);
/// Values of outside that the regions of `op` read.
llvm::SetVector<mlir::Value> capturesOf(mlir::Operation *op);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_PLACES_H
