// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control flow, and ops with effects on the host.
#ifndef WEFT_DIALECT_WEFT_CONTROLOPS_TD
#define WEFT_DIALECT_WEFT_CONTROLOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/IR/OpAsmInterface.td"

/// Order against each other is kept for ops with effects on the host.
def Weft_HostResource : Resource<"::weft::ir::HostResource">;

def Weft_YieldOp : Weft_Op<"yield", [Pure, Terminator, ReturnLike,
                                     ParentOneOf<["IfOp", "WhileOp", "ScanOp"]>]> {
  let summary = "values of a region";
  let arguments = (ins Variadic<Weft_AnyTensor>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

def Weft_IfOp : Weft_Op<"if", [RecursiveMemoryEffects, SingleBlock, NoRegionArguments]> {
  let summary = "one of two regions";
  let arguments = (ins Weft_BoolScalar:$condition);
  let results = (outs Variadic<Weft_AnyTensor>:$results);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = [{
    $condition `:` functional-type(operands, results) $then_region `else` $else_region attr-dict
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Weft_WhileOp : Weft_Op<"while", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "repeats a region while a condition holds";
  let description = "Both regions take the carried values; `cond` yields a rank-0 i1, `body` the next carried values.";
  let arguments = (ins Variadic<Weft_AnyTensor>:$init);
  let results = (outs Variadic<Weft_AnyTensor>:$results);
  let regions = (region SizedRegion<1>:$cond, SizedRegion<1>:$body);
  let assemblyFormat = [{
    ($init^)? `:` functional-type(operands, results) $cond `do` $body attr-dict
  }];
  let hasVerifier = 1;
}

def Weft_ScanOp : Weft_Op<"scan", [RecursiveMemoryEffects, SingleBlock, AttrSizedOperandSegments]> {
  let summary = "a loop over axis 0 of its inputs";
  let description = [{
    Operands: initial carries, inputs, and `length` when there is no input to tell it. The body takes the carries, then
    one slice (axis 0 dropped) of each input; it yields the next carries, then one slice of each stacked result. Results:
    the last carries, then the stacks. `reverse` goes from the end.
  }];
  let arguments = (ins Variadic<Weft_AnyTensor>:$init, Variadic<Weft_AnyTensor>:$xs,
                       Optional<Weft_ShapeValue>:$length, DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Variadic<Weft_AnyTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`init` `(` $init^ `)`)? (`over` `(` $xs^ `)`)? (`length` $length^)? `:` functional-type(operands, results) $body
    attr-dict
  }];
  let hasVerifier = 1;
}

def Weft_CustomCallOp : Weft_Op<"custom_call", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the door for extensions: a function of the host by name";
  let arguments = (ins Variadic<Weft_AnyTensor>:$xs, StrAttr:$target, UnitAttr:$effects,
                       OptionalAttr<FlatSymbolRefAttr>:$decomposition, OptionalAttr<FlatSymbolRefAttr>:$gradient,
                       OptionalAttr<DictionaryAttr>:$config);
  let results = (outs Variadic<Weft_AnyTensor>:$results);
  let assemblyFormat = "$target `(` $xs `)` attr-dict `:` functional-type(operands, results)";
}

def Weft_BarrierOp : Weft_Op<"barrier", [Pure]> {
  let summary = "identity across which nothing moves, merges or fuses";
  let arguments = (ins Variadic<Weft_AnyTensor>:$xs);
  let results = (outs Variadic<Weft_AnyTensor>:$results);
  let assemblyFormat = "$xs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_StopGradientOp : Weft_InferredOp<"stop_gradient"> {
  let summary = "identity with a zero gradient";
  let arguments = (ins Weft_AnyTensor:$x);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Weft_AssertOp : Weft_Op<"assert", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "stops the run with a message unless every element of the predicate holds";
  let description = [{
    `details` are what the message goes on to tell of the first place that does not hold: nothing; or `found`, of the
    predicate's shape, the element there; and then `limit`, a number, or one for each index of the last dimension.

    ```mlir
    weft.assert %inside, "an index is outside of its axis" of %index, %extent : tensor<8xi64>, tensor<i64> : tensor<8xi1>
    ```
    fails with "an index is outside of its axis: found 9 at element 3, the limit is 5".
  }];
  let arguments = (ins Weft_BoolTensor:$predicate, StrAttr:$message, Variadic<Weft_TensorOf<[I64]>>:$details);
  let assemblyFormat = [{
    $predicate `,` $message (`of` $details^ `:` type($details))? attr-dict `:` type($predicate)
  }];
  let extraClassDeclaration = [{
    /// The element at fault, the limit it was held against; null without.
    ::mlir::Value getFound() { return getDetails().empty() ? ::mlir::Value() : getDetails().front(); }
    ::mlir::Value getLimit() { return getDetails().size() < 2 ? ::mlir::Value() : getDetails()[1]; }
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$predicate, "::llvm::StringRef":$message), [{
    build($_builder, $_state, predicate, message, ::mlir::ValueRange());
  }]>];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Weft_PrintOp : Weft_Op<"print", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "prints a tensor with a message";
  let arguments = (ins Weft_AnyTensor:$x, StrAttr:$message);
  let assemblyFormat = "$x `,` $message attr-dict `:` type($x)";
}

#endif // WEFT_DIALECT_WEFT_CONTROLOPS_TD
