// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel as machine code, and what the plan has to know of it.
#ifndef WEFT_CODEGEN_COMPILEDKERNEL_H
#define WEFT_CODEGEN_COMPILEDKERNEL_H

#include "weft/Codegen/CPU/ChunkCount.h"
#include "weft/Support/HostTensor.h"
#include "llvm/ADT/SmallVector.h"

#include <functional>
#include <memory>
#include <string>

namespace weft {

namespace gpu {
struct GpuKernel;
} // namespace gpu

/// An operand that the kernel wants in another form than the graph holds it: for constants, made once at
/// compile time.
struct PackedOperand {
  unsigned operand = 0;
  /// Names the form; operands of equal data and key share one packed constant.
  std::string key;
  llvm::SmallVector<int64_t> shape; ///< of the form, in elements of the operand's type
  /// Writes the form of the elements `from`, from its byte `first` on, to all of `to`.
  std::function<void(std::span<const std::byte> from, size_t first, std::span<std::byte> to)> pack;
  /// `pack` writes any run of pieces of so many bytes; 0: only everything at once.
  size_t pieceBytes = 0;
};

/// An argument of the machine code: an operand or result of the launch, with dimensions merged.
struct KernelArgument {
  unsigned value = 0; ///< operand number, or number of operands + result number
  /// Per dimension the kernel sees: the dimensions of the value whose extents multiply to its extent.
  llvm::SmallVector<llvm::SmallVector<int64_t>> dims;
};

/// What the plan has to know of a compiled kernel.
struct CompiledKernel {
  std::string name;
  llvm::SmallVector<char, 0> object; ///< relocatable; exports `name` with the kernel ABI
  int64_t scratchBytes = 0;          ///< per thread
  cpu::ChunkCount chunks;
  llvm::SmallVector<PackedOperand> packed;
  /// The arguments of the machine code; empty: operands, then results, as they are.
  llvm::SmallVector<KernelArgument> arguments;
  /// The tiling that tuning found; empty: the generator's own choice.
  std::string tuned;
  /// Of a GPU kernel: threads per block (0: a CPU kernel), bytes of shared memory, blocks that run together.
  /// `chunks` then counts blocks.
  int64_t threads = 0, sharedBytes = 0, cluster = 1;
  /// A GPU kernel until all of a program are emitted as one text.
  std::shared_ptr<gpu::GpuKernel> gpu;
  /// What check i of the kernel says when it fails (program::Kernel::checks).
  llvm::SmallVector<std::string> checks;
};

} // namespace weft

#endif // WEFT_CODEGEN_COMPILEDKERNEL_H
