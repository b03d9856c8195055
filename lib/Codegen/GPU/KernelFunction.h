// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a generated kernel: its buffers and extents, and the numbers that both ways of writing a
// body share, thread by thread (KernelBuilder) and in tiles (TileBuilder).
#ifndef WEFT_LIB_CODEGEN_GPU_KERNELFUNCTION_H
#define WEFT_LIB_CODEGEN_GPU_KERNELFUNCTION_H

#include "weft/Codegen/Math/ValueMath.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>

namespace weft::gpu {

using codegen::V;

/// Numbers are i32 within a block and i64 for places in global memory.
class KernelFunction {
public:
  /// A buffer argument: its shape, with ShapedType::kDynamic where an extent is a parameter.
  struct Buffer {
    mlir::Type type;
    llvm::SmallVector<int64_t> shape;
  };

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return loc; }
  V wrap(mlir::Value value) { return V(b, loc, value); }
  V i32(int64_t value);
  V i64(int64_t value);
  V widen(V value);  ///< i32 to i64, not negative
  V narrow(V value); ///< i64 or index to i32
  /// The extent of a buffer's dimension (i64): a constant, or the parameter.
  V extent(unsigned buffer, unsigned dim);
  /// ceil(a / constant).
  V ceilDiv(V a, int64_t divisor);
  /// Where both hold; none: always.
  std::optional<V> both(std::optional<V> a, std::optional<V> b);

  unsigned numBuffers() const { return buffers.size(); }
  const Buffer &getBuffer(unsigned i) const { return buffers[i]; }

protected:
  /// A module without the function: the derived class makes it, of arguments that are the buffers, then one
  /// for each dynamic extent, and sets `entry`.
  KernelFunction(mlir::Location loc, llvm::ArrayRef<Buffer> buffers);
  /// Of the buffers before `end`.
  unsigned numDynamicExtents(unsigned end) const;

  mlir::Location loc;
  llvm::SmallVector<Buffer> buffers;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder b;
  mlir::Block *entry = nullptr;
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_KERNELFUNCTION_H
