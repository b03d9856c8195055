// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interfaces through which one room asks another about an op; the room that knows attaches them per family.
#ifndef WEFT_DIALECT_WEFT_WEFTINTERFACES_TD
#define WEFT_DIALECT_WEFT_WEFTINTERFACES_TD
include "mlir/IR/OpBase.td"

def Weft_ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::weft::ir";
  let description = [{
    Slow, obvious evaluation of an op on host tensors: the judge of every other path. Implemented by the Reference
    room, per family.
  }];
  let methods = [InterfaceMethod<
    "Evaluates the op on the values of its operands. Emits a diagnostic at the op where it fails.",
    "::mlir::FailureOr<::llvm::SmallVector<::weft::HostTensor>>", "evaluate",
    (ins "::llvm::ArrayRef<::weft::HostTensor>":$operands)>];
}

def Weft_DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::weft::ir";
  let description = [{
    A composite op that can be written with smaller ops of the dialect. Used by --weft-decompose and by every
    backend without a kernel of its own.
  }];
  let methods = [InterfaceMethod<
    "Builds the decomposition at the builder's insertion point and returns the values that replace the results.",
    "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
    (ins "::mlir::OpBuilder &":$builder)>];
}
#endif // WEFT_DIALECT_WEFT_WEFTINTERFACES_TD
