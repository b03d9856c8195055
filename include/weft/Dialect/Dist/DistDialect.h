// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dist dialect; see DistOps.td.
#ifndef WEFT_DIALECT_DIST_DISTDIALECT_H
#define WEFT_DIALECT_DIST_DISTDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "weft/Dialect/Dist/DistDialect.h.inc"
#include "weft/Dialect/Dist/DistEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Dist/DistAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "weft/Dialect/Dist/DistTypes.h.inc"

namespace weft::dist {

/// The resource of communications: keeps their order.
struct ChannelResource : mlir::SideEffects::Resource::Base<ChannelResource> {
  llvm::StringRef getName() final { return "Channel"; }
};

/// The mesh of the innermost module around `op` that has one, or null.
MeshAttr getMesh(mlir::Operation *op);
/// The pipeline stage of an op or of a role's module; 0 where nothing is said.
int64_t getStage(mlir::Operation *op);

} // namespace weft::dist

#include "weft/Dialect/Dist/ShardingRule.h"

#include "weft/Dialect/Dist/DistInterfaces.h.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Dist/DistOps.h.inc"

namespace weft::dist {
/// Whether the op starts a communication: all but these have a token as their one result.
inline bool isStart(mlir::Operation *op) {
  return op->getNumResults() == 1 && llvm::isa<TokenType>(op->getResult(0).getType());
}
} // namespace weft::dist

#endif // WEFT_DIALECT_DIST_DISTDIALECT_H
