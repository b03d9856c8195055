// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile dialect: layouts, memory types and ops.
#ifndef WEFT_DIALECT_TILE_TILEDIALECT_H
#define WEFT_DIALECT_TILE_TILEDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Dialect/Tile/LinearLayout.h"

#include "weft/Dialect/Tile/TileInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "weft/Dialect/Tile/TileTypes.h.inc"

namespace weft::tile {

/// Lanes of a warp.
constexpr int64_t warpSize = 32;

/// Whether the type is a static tensor with a layout.
bool isTile(mlir::Type type);
/// Where a tile's elements lie.
LinearLayout linearLayoutOf(mlir::RankedTensorType tile);
/// `tile` with other elements.
mlir::RankedTensorType withElement(mlir::Type tile, mlir::Type element);

} // namespace weft::tile

#include "weft/Dialect/Tile/TileBase.h.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Tile/TileOps.h.inc"

#endif // WEFT_DIALECT_TILE_TILEDIALECT_H
