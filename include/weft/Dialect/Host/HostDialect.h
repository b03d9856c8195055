// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host dialect; see HostOps.td.
#ifndef WEFT_DIALECT_HOST_HOSTDIALECT_H
#define WEFT_DIALECT_HOST_HOSTDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "weft/Dialect/Host/HostDialect.h.inc"
#define GET_OP_CLASSES
#include "weft/Dialect/Host/HostOps.h.inc"

namespace weft::host {
/// On a launch of a kernel of one result, and on the kernel: the number (i64) of the operand whose place the
/// result takes.
constexpr llvm::StringLiteral inPlaceAttrName = "host.in_place";
/// On a kernel of one result: its launches' results are returned, and nobody else reads them.
constexpr llvm::StringLiteral streamedAttrName = "host.streamed";
/// On a call: the model named the function. It is the host's, whatever its name.
constexpr llvm::StringLiteral customAttrName = "host.custom";
/// On a launch: result 1 says how many rows of result 0 there are, of at most one for each element of operand
/// 0.
constexpr llvm::StringLiteral countsRowsAttrName = "host.counts_rows";
} // namespace weft::host

#endif // WEFT_DIALECT_HOST_HOSTDIALECT_H
