// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface through which the partitioner asks an op how it may be split.
#ifndef WEFT_DIALECT_DIST_DISTINTERFACES_TD
#define WEFT_DIALECT_DIST_DISTINTERFACES_TD
include "mlir/IR/OpBase.td"

def Dist_ShardingOpInterface : OpInterface<"ShardingOpInterface"> {
  let cppNamespace = "::weft::dist";
  let description = [{
    How an op may be split over workers. Implemented by the Partition room, per family. An op without it runs whole on
    every worker, and the partitioner says so.
  }];
  let methods = [
    InterfaceMethod<
      "How the dimensions of operands and results belong together.",
      "::weft::dist::ShardingRule", "getShardingRule">,
    InterfaceMethod<[{
        Builds what one rank computes, on its parts of the operands, at the builder's insertion point. Emits a diagnostic
        where it fails.
      }],
      "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "localize",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands,
           "const ::weft::dist::Placement &":$placement)>];
}

#endif // WEFT_DIALECT_DIST_DISTINTERFACES_TD
