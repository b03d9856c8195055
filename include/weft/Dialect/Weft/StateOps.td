// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables.
#ifndef WEFT_DIALECT_WEFT_STATEOPS_TD
#define WEFT_DIALECT_WEFT_STATEOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_VariableOp : Weft_Op<"variable", [Symbol]> {
  let summary = "a named tensor that lives across runs";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Weft_AnyTensor>:$type, OptionalAttr<TypedAttrInterface>:$initial,
                       UnitAttr:$trainable);
  let assemblyFormat = "$sym_name `:` $type (`=` $initial^)? (`trainable` $trainable^)? attr-dict";
  let hasVerifier = 1;
}

def Weft_ReadOp : Weft_Op<"read", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                   DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a variable at this point of the block";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$variable attr-dict `:` type($result)";
}

def Weft_WriteOp : Weft_Op<"write", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives a variable a new value from this point of the block on";
  let arguments = (ins Weft_AnyTensor:$value, FlatSymbolRefAttr:$variable);
  let assemblyFormat = "$value `,` $variable attr-dict `:` type($value)";
}

#endif // WEFT_DIALECT_WEFT_STATEOPS_TD
