// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernel generators are written with: numbers and tiles of them, and the function of a kernel.
#ifndef WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H
#define WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H

#include "weft/Codegen/GPU/TiledKernel.h"
#include "weft/Codegen/Math/ValueMath.h"
#include "weft/Dialect/Tile/TileDialect.h"

#include <functional>
#include <optional>

namespace weft::gpu {

using codegen::V;

/// Rows and columns of threads: tiles of rank 2 of one layout, and the rows or columns alone.
struct TileSpace {
  mlir::Attribute layout;
  int64_t rows = 1, columns = 1;

  mlir::RankedTensorType full(mlir::Type element) const;
  mlir::RankedTensorType alongRows(mlir::Type element) const;
  mlir::RankedTensorType alongColumns(mlir::Type element) const;
};

/// A kernel under construction: the function, its buffers and extents, and short names for what its body is
/// made of. Numbers are i32 within a block and i64 for places in global memory; either may be tiles.
class TileBuilder {
public:
  /// A buffer argument: its shape, with ShapedType::kDynamic where an extent is a parameter.
  struct Buffer {
    mlir::Type type;
    llvm::SmallVector<int64_t> shape;
  };
  /// Begins `@name` of `threads` threads over the buffers, the last of which is the result.
  TileBuilder(mlir::Location loc, const std::string &name, int64_t threads, llvm::ArrayRef<Buffer> buffers);
  /// Ends the function.
  TiledKernel finish(cpu::ChunkCount blocks);

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return loc; }
  V wrap(mlir::Value value) { return V(b, loc, value); }
  V i32(int64_t value);
  V i64(int64_t value);
  V widen(V value);             ///< i32 to i64, not negative
  V narrow(V value);            ///< i64 or index to i32
  mlir::Value asIndex(V value); ///< not negative
  V blockId();
  /// The extent of a buffer's dimension (i64): a constant, or the parameter.
  V extent(unsigned buffer, unsigned dim);
  /// ceil(a / constant).
  V ceilDiv(V a, int64_t divisor);
  /// Where both hold; none: always.
  std::optional<V> both(std::optional<V> a, std::optional<V> b);

  /// 0, 1, 2, ... (i32) down the rows or along the columns.
  V rowNumbers(const TileSpace &space);
  V columnNumbers(const TileSpace &space);
  /// A scalar as a tile of the shape of `like`.
  V like(V scalar, V tile);
  /// A scalar, or a tile of rows or columns, as one of the whole space.
  V spread(V value, const TileSpace &space);

  mlir::Value buffer(unsigned i) { return entry->getArgument(i); }
  unsigned numBuffers() const { return buffers.size(); }
  const Buffer &getBuffer(unsigned i) const { return buffers[i]; }

private:
  mlir::Location loc;
  llvm::SmallVector<Buffer> buffers;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder b;
  mlir::Block *entry = nullptr;
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_TILEBUILDER_H
