// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weft dialect: attributes, enums and interfaces. Ops are in <Family>Ops.h; WeftOps.h includes them all.
#ifndef WEFT_DIALECT_WEFT_WEFTDIALECT_H
#define WEFT_DIALECT_WEFT_WEFTDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/Dims.h"
#include "weft/Support/HostTensor.h"

#include "weft/Dialect/Weft/WeftEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Weft/WeftAttrs.h.inc"

namespace weft::ir {

/// The resource of ops with effects on the host (assert, print, effectful custom_call): orders them.
struct HostResource : mlir::SideEffects::Resource::Base<HostResource> {
  llvm::StringRef getName() final { return "Host"; }
};
/// The resource of variables: orders read and write.
struct VariableResource : mlir::SideEffects::Resource::Base<VariableResource> {
  llvm::StringRef getName() final { return "Variable"; }
};

/// Trait of ops whose result is the unit broadcast of their operands: equal ranks; per dimension equal
/// extents, or static 1 stretches. A `?` never stretches.
template <typename ConcreteOp>
class Elementwise : public mlir::OpTrait::TraitBase<ConcreteOp, Elementwise> {};

/// The unit broadcast of operand types with `elementType`; emits "found ..., wanted ..." at `loc` when they
/// do not broadcast.
mlir::FailureOr<mlir::RankedTensorType> inferUnitBroadcast(std::optional<mlir::Location> loc,
                                                           mlir::ValueRange operands, mlir::Type elementType);

} // namespace weft::ir

#include "weft/Dialect/Weft/WeftInterfaces.h.inc"

#include "weft/Dialect/Weft/WeftBase.h.inc"

#endif // WEFT_DIALECT_WEFT_WEFTDIALECT_H
