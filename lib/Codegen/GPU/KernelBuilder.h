// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels that are generated thread by thread are written with: numbers, addresses, accesses and the
// function of a kernel.
#ifndef WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H
#define WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/Math/ValueMath.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>
#include <optional>

namespace weft::gpu {

using codegen::V;

/// A kernel under construction: the function, its buffers and extents, and short names for what its body is
/// made of. Numbers are i32 within a block and i64 for places in global memory.
class KernelBuilder {
public:
  /// A buffer argument: its shape, with ShapedType::kDynamic where an extent is a parameter.
  struct Buffer {
    mlir::Type type;
    llvm::SmallVector<int64_t> shape;
  };
  /// Begins `@name` of `threads` threads over the buffers, the last of which are the results.
  KernelBuilder(mlir::Location loc, const std::string &name, int64_t threads, llvm::ArrayRef<Buffer> buffers,
                unsigned numResults = 1);
  /// Ends the function and lowers it to llvm and nvvm.
  mlir::FailureOr<GpuKernel> finish(int64_t sharedBytes, cpu::ChunkCount blocks);

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return loc; }
  V wrap(mlir::Value value) { return V(b, loc, value); }
  V i32(int64_t value);
  V i64(int64_t value);
  V widen(V value);  ///< i32 to i64, not negative
  V narrow(V value); ///< i64 to i32
  V threadId();
  V blockId();
  V numBlocks();
  /// The extent of a buffer's dimension (i64): a constant, or the parameter.
  V extent(unsigned buffer, unsigned dim);
  /// ceil(a / constant).
  V ceilDiv(V a, int64_t divisor);
  /// Where both hold; none: always.
  std::optional<V> both(std::optional<V> a, std::optional<V> b);

  /// The address of an element (i64 offset) of a buffer, in global memory.
  mlir::Value global(unsigned buffer, V offset);
  /// The address of a byte (i32 offset) of shared memory.
  mlir::Value shared(V offset);
  /// Loads and stores a scalar or a vector, aligned to its size.
  V load(mlir::Type type, mlir::Value address);
  void store(V value, mlir::Value address);
  /// What `then` gives where `condition` holds (always, without one), else `otherwise`.
  V when(std::optional<V> condition, llvm::function_ref<V()> then, llvm::function_ref<V()> otherwise);
  void when(std::optional<V> condition, llvm::function_ref<void()> then);
  void barrier();
  /// Runs `body` for from, from + step, ... below `to`.
  void loop(V from, V to, V step, llvm::function_ref<void(V)> body);
  /// The same with values carried from round to round; what they are in the end.
  llvm::SmallVector<V> loop(V from, V to, V step, llvm::ArrayRef<V> carried,
                            llvm::function_ref<llvm::SmallVector<V>(V, llvm::ArrayRef<V>)> body);
  /// Runs `body` while `condition` of the carried values holds; what they are in the end.
  llvm::SmallVector<V> loopWhile(llvm::ArrayRef<V> carried,
                                 llvm::function_ref<V(llvm::ArrayRef<V>)> condition,
                                 llvm::function_ref<llvm::SmallVector<V>(llvm::ArrayRef<V>)> body);

  unsigned numBuffers() const { return buffers.size(); }
  const Buffer &getBuffer(unsigned i) const { return buffers[i]; }

private:
  mlir::Location loc;
  std::string name;
  int64_t threads;
  llvm::SmallVector<Buffer> buffers;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder b;
  mlir::Block *entry = nullptr;
  mlir::Value sharedBase;
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H
