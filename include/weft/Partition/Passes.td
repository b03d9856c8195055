// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that place a graph on a mesh of workers and cut it into the programs of their roles.
#ifndef WEFT_PARTITION_PASSES_TD
#define WEFT_PARTITION_PASSES_TD
include "mlir/Pass/PassBase.td"

def PropagatePass : Pass<"dist-propagate", "::mlir::ModuleOp"> {
  let summary = "Spreads shardings from annotations over the graph";
  let description = [{
    Annotations are `dist.sharding` on arguments and results of @main, and `dist.shard` ops; they are never changed. From
    them shardings go forward and backward through each op by its rule, first through ops that only move or map
    elements, then through all, until nothing changes. Where two meet that exclude each other, the one whose alternative
    moves more bytes wins. Writes `dist.shardings` on every op.

    Before: `%0 = weft.relu %x`, x with `dist.sharding = #dist.sharding<[{data}, {} ]>`
    After: `%0 = weft.relu %x {dist.shardings = [#dist.sharding<[{data}, {} ]> ] }`
  }];
  let statistics = [Statistic<"numSharded", "sharded", "values that are split over some axis">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def ReshardPass : Pass<"dist-reshard", "::mlir::ModuleOp"> {
  let summary = "Writes every change of a tensor's place as dist.reshard";
  let description = [{
    For each op the split of its factors is settled; an operand that lies elsewhere is moved before the op, a result
    that is partial or lies elsewhere after it. An op without a sharding rule runs whole on every worker, and a remark
    says so.
  }];
  let statistics = [Statistic<"numReshards", "reshards", "tensors moved">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def SplitPass : Pass<"dist-split", "::mlir::ModuleOp"> {
  let summary = "Makes a module for each worker role, on one rank's parts";
  let description = [{
    A role is a pipeline stage (`dist.stage` of ops; without any there is one): all ranks of it share its module.
    Types become those of one rank's part, `dist.reshard` becomes collectives, values that cross from one stage to
    another are sent and received. Afterwards the module holds one module per role and nothing else.
  }];
  let statistics = [Statistic<"numChannels", "channels", "communications">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

#endif // WEFT_PARTITION_PASSES_TD
