// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host dialect: what the host does with a graph, in order. Kernels are outlined from it, before any lowering.
#ifndef WEFT_DIALECT_HOST_HOSTOPS_TD
#define WEFT_DIALECT_HOST_HOSTOPS_TD
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Host_Dialect : Dialect {
  let name = "host";
  let cppNamespace = "::weft::host";
  let summary = "How the host drives a graph: kernels, launches, calls of runtime functions";
  let description = [{
    After outlining, the body of a function is a list of launches, calls and views. Values are still tensors; the
    memory plan gives them addresses when the program is built.
  }];
}

class Host_Op<string mnemonic, list<Trait> traits = []> : Op<Host_Dialect, mnemonic, traits>;

def Host_KernelOp : Host_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol]> {
  let summary = "a kernel: a few ops of the weft dialect that run as one";
  let description = [{
    One root (a contraction, a convolution, a reduction, ...) with its prologue and epilogue, or a group of elementwise
    ops, or, for a GPU, one host.call. Equal kernels are one kernel: outlining deduplicates them by content.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::FunctionType":$type)>];
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
  }];
}

def Host_ReturnOp : Host_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "the results of a kernel";
  let arguments = (ins Variadic<AnyRankedTensor>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let hasVerifier = 1;
}

def Host_LaunchOp : Host_Op<"launch", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                       DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel";
  let description = [{
    With the attribute `host.in_place = i` (on the kernel, too) the result lies where operand i lay.
    A kernel without results is a check: it may stop the run. Its launch stays, and in order.
    With `host.counts_rows` the first result has room for a row for each element of the first operand, and the second
    one, a scalar, says how many rows there are; they name the first one's leading extent.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$operands);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$kernel `(` $operands `)` attr-dict `:` functional-type($operands, $results)";
}

def Host_CallOp : Host_Op<"call", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "calls a function of the runtime by name";
  let description = [{
    Sorting, selection and the like; `config` holds the function's attributes. A call without results is there for what
    it does: it stays, and in order.
  }];
  let arguments = (ins StrAttr:$function, Variadic<AnyRankedTensor>:$operands, DictionaryAttr:$config);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$function `(` $operands `)` $config attr-dict `:` functional-type($operands, $results)";
}

#endif // WEFT_DIALECT_HOST_HOSTOPS_TD
