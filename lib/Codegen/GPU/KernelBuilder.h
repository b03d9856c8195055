// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels that are generated thread by thread are written with: addresses, accesses, loops.
#ifndef WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H
#define WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H

#include "KernelFunction.h"

#include "weft/Codegen/GPU/GpuKernel.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace weft::gpu {

/// A kernel under construction, and short names for what its body is made of.
class KernelBuilder : public KernelFunction {
public:
  /// Begins `@name` of `threads` threads over the buffers, the last of which are the results.
  KernelBuilder(mlir::Location loc, const std::string &name, int64_t threads, llvm::ArrayRef<Buffer> buffers,
                unsigned numResults = 1);
  /// Ends the function and lowers it to llvm and nvvm.
  mlir::FailureOr<GpuKernel> finish(int64_t sharedBytes, cpu::ChunkCount blocks);

  V threadId();
  V blockId();
  V numBlocks();

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

private:
  std::string name;
  int64_t threads;
  mlir::Value sharedBase;
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_KERNELBUILDER_H
