// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that place a graph on a mesh of workers and cut it into the programs of their roles.
#ifndef WEFT_PARTITION_PASSES_TD
#define WEFT_PARTITION_PASSES_TD
include "mlir/Pass/PassBase.td"

def ChooseShardingsPass : Pass<"dist-choose-shardings", "::mlir::ModuleOp"> {
  let summary = "Annotates a graph that has no annotations";
  let description = [{
    The batch goes over the axis `data`: dimension 0 of each input that is as long there as the first. Weights of big
    products go over `model`: the first of a pair by columns, so that propagation splits the second by rows; what would
    have to be gathered instead stays whole. Does nothing when there is an annotation. The module's
    `dist.choices` tells what was chosen.
  }];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

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
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def ReshardPass : Pass<"dist-reshard", "::mlir::ModuleOp"> {
  let summary = "Writes every change of a tensor's place as dist.reshard";
  let description = [{
    For each op the split of its factors is settled; an operand that lies elsewhere is moved before the op, a result
    that is partial or lies elsewhere after it. An op without a sharding rule runs whole on every worker, and a remark
    says so.
  }];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def AssignStagesPass : Pass<"dist-assign-stages", "::mlir::ModuleOp"> {
  let summary = "Cuts the graph into pipeline stages";
  let description = [{
    Ops are cut in their order into stages of nearly equal cost on one rank; among such cuts the one is taken that the
    fewest bytes cross. Where ops have labels (`dist.stage`) these are obeyed, and an op without one joins the last
    stage that it reads from.
  }];
  let options = [Option<"stages", "stages", "int64_t", "1", "how many stages">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def SplitPass : Pass<"dist-split", "::mlir::ModuleOp"> {
  let summary = "Makes a module for each worker role, on one rank's parts";
  let description = [{
    A role is a pipeline stage (`dist.stage` of ops; without any there is one): all ranks of it share its module.
    Types become those of one rank's part, `dist.reshard` becomes collectives, values that cross from one stage to
    another are sent and received. Afterwards the module holds one module per role and nothing else.
  }];
  let dependentDialects = ["::weft::dist::DistDialect", "::weft::ir::WeftDialect"];
}

def VerifySchedulePass : Pass<"dist-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "Proves that no rank can wait for ever";
  let description = [{
    Takes a module of roles. Every start and every wait of every rank is an event. An event waits for the one before it
    on its rank; a wait also for the starts of all members of its collective, or for the send that it receives; a send
    for a free slot, when as many messages as there are `slots` are on their way without a posted buffer (0: for the
    buffer itself). A cycle among them is refused with the ops on it, and so are sends and receives that do not meet, and
    channels that are used or waited for twice.
  }];
  let options = [Option<"slots", "slots", "int64_t", "2", "messages that may be under way from one rank to another">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def LowerCollectivesPass : Pass<"dist-lower-collectives", "::mlir::ModuleOp"> {
  let summary = "Writes collectives along the leading dimension, as the runtime has them";
  let description = [{
    A collective along another dimension gets a reshape and a transposition before or after it; `dist.all_slice` becomes a
    slice that begins at this worker's coordinate.

    Before: `%1 = dist.all_gather_start %x dim 1 over ["model"] ... tensor<4x8xf32>`
    After: `%0 = weft.reshape %x sizes [1, 4, 8]; %1 = dist.all_gather_start %0 dim 0 ...`, and after the wait a
    transposition that puts the parts before dimension 1
  }];
  let dependentDialects = ["::weft::dist::DistDialect", "::weft::ir::WeftDialect"];
}

#endif // WEFT_PARTITION_PASSES_TD
