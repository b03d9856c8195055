// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels that are generated in tiles are written with: tiles of numbers.
#ifndef WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H
#define WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H

#include "KernelFunction.h"

#include "weft/Codegen/GPU/TiledKernel.h"
#include "weft/Dialect/Tile/TileDialect.h"

namespace weft::gpu {

/// Rows and columns of threads: tiles of rank 2 of one layout, and the rows or columns alone.
struct TileSpace {
  mlir::Attribute layout;
  int64_t rows = 1, columns = 1;

  mlir::RankedTensorType full(mlir::Type element) const;
  mlir::RankedTensorType alongRows(mlir::Type element) const;
  mlir::RankedTensorType alongColumns(mlir::Type element) const;
};

/// A kernel under construction, and short names for what its body is made of. Numbers may be tiles.
class TileBuilder : public KernelFunction {
public:
  /// Begins `@name` of `threads` threads over the buffers, the last of which is the result.
  TileBuilder(mlir::Location loc, const std::string &name, int64_t threads, llvm::ArrayRef<Buffer> buffers);
  /// Ends the function.
  TiledKernel finish(cpu::ChunkCount blocks);

  mlir::Value asIndex(V value); ///< not negative
  V blockId();

  /// 0, 1, 2, ... (i32) down the rows or along the columns.
  V rowNumbers(const TileSpace &space);
  V columnNumbers(const TileSpace &space);
  /// A scalar as a tile of the shape of `like`.
  V like(V scalar, V tile);
  /// A scalar, or a tile of rows or columns, as one of the whole space.
  V spread(V value, const TileSpace &space);

  mlir::Value buffer(unsigned i) { return entry->getArgument(i); }
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H
