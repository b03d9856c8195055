// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From one place on the mesh to another: which collectives, in which order, and what they cost.
#ifndef WEFT_LIB_PARTITION_RESHARDPLAN_H
#define WEFT_LIB_PARTITION_RESHARDPLAN_H

#include "weft/Dialect/Dist/DistDialect.h"

namespace weft::dist {

/// One collective of a plan.
struct ReshardStep {
  enum class Kind { AllSlice, AllReduce, ReduceScatter, AllGather, AllToAll, Broadcast };
  Kind kind;
  Axes axes;
  int64_t dim = -1;   ///< that is sliced, scattered, gathered, or split by all_to_all
  int64_t toDim = -1; ///< joined by all_to_all
  int64_t member = 0; ///< of the group, whose value a broadcast copies
  int64_t bytes = 0;  ///< that one worker sends
  Sharding after;
};

/// The collectives that bring a tensor of type `whole` from `from` to `to`. `to` is not partial over other
/// axes than `from`.
llvm::SmallVector<ReshardStep> planReshard(mlir::Type whole, const Sharding &from, const Sharding &to,
                                           MeshAttr mesh);
/// What one worker sends for it.
int64_t reshardBytes(mlir::Type whole, const Sharding &from, const Sharding &to, MeshAttr mesh);
/// Bytes of a tensor; 0 where an extent is not a number.
int64_t tensorBytes(mlir::Type type);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_RESHARDPLAN_H
