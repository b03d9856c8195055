// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host dialect: registration, verifiers, and the syntax of host.kernel.
#include "weft/Dialect/Host/HostDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace weft::host;

#include "weft/Dialect/Host/HostDialect.cpp.inc"

void HostDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Host/HostOps.cpp.inc"
      >();
}

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name, FunctionType type) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(type));
  state.addRegion();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

LogicalResult ReturnOp::verify() {
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  if (getOperandTypes() != TypeRange(kernel.getResultTypes()))
    return emitOpError("returns ") << getOperandTypes() << ", wanted " << kernel.getResultTypes();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("launches @") << getKernel() << ", which is not a host.kernel";
  if (kernel.getArgumentTypes().size() != getOperands().size() ||
      kernel.getResultTypes().size() != getResults().size())
    return emitOpError("passes ") << getOperands().size() << " operands for " << getResults().size()
                                  << " results, wanted " << kernel.getArgumentTypes().size() << " for "
                                  << kernel.getResultTypes().size() << " as @" << getKernel()
                                  << " takes them";
  // Extents may be known better on one side.
  auto fits = [](Type a, Type b) {
    return getElementTypeOrSelf(a) == getElementTypeOrSelf(b) && succeeded(verifyCompatibleShape(a, b));
  };
  for (auto [i, found, wanted] : llvm::enumerate(getOperandTypes(), kernel.getArgumentTypes()))
    if (!fits(found, wanted))
      return emitOpError("passes operand ")
             << i << " as " << found << ", wanted " << wanted << " as @" << getKernel() << " takes it";
  for (auto [i, found, wanted] : llvm::enumerate(getResultTypes(), kernel.getResultTypes()))
    if (!fits(found, wanted))
      return emitOpError("has result ")
             << i << " as " << found << ", wanted " << wanted << " as @" << getKernel() << " gives it";
  return success();
}

void LaunchOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (getResults().empty())
    effects.emplace_back(MemoryEffects::Write::get());
}

void CallOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (getResults().empty())
    effects.emplace_back(MemoryEffects::Write::get());
}

#define GET_OP_CLASSES
#include "weft/Dialect/Host/HostOps.cpp.inc"
