// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel in func, scf, cf, arith, math, memref, vector, affine and ub to the LLVM dialect with the
// entry point of Program/Abi.h. Stage: code.
//
// A kernel is a module with one function
//   func.func @NAME(%buf0: memref<...>, ..., %scratch: memref<?xi8>, %lo: index, %hi: index) [-> i32]
// operands first, then results, row-major, static or `?` extents. The buffers do not alias and are 64-byte
// aligned. The i32 is 0 or the index of a failed check + 1; with the attribute weft.tells_fault the kernel
// has then put the last three numbers of WeftFault at the start of its scratch memory. The symbol NAME gets
// the signature of WeftKernel: buf lists the memrefs, dim one extent for each `?` of them in order.
// With the attribute weft.streamed whole vectors of the last buffer are stored past the caches, where the
// target can.
#ifndef WEFT_CODEGEN_CPU_LOWERTOLLVM_H
#define WEFT_CODEGEN_CPU_LOWERTOLLVM_H

#include "weft/Codegen/CPU/TargetInfo.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace weft::cpu {

constexpr llvm::StringLiteral streamedAttrName = "weft.streamed";
/// Of a kernel that finds WeftCall::follows at the start of its scratch.
constexpr llvm::StringLiteral asksFollowsAttrName = "weft.asks_follows";

struct LowerOptions {
  bool verify = false; ///< run the verifier between passes: doubles the time, for tests
  bool fast = false;   ///< the liberties of --numerics=fast
};

/// What the plan has to know of a kernel.
struct KernelInfo {
  std::string name;
  int64_t scratchBytes = 0; ///< per thread
  unsigned numBuffers = 0;
  unsigned numDims = 0;
  bool tellsFault = false;          ///< fills in a fault record when it fails
  bool asksFollows = false;         ///< WeftCall::follows lies at the start of its scratch
  std::optional<unsigned> streamed; ///< the buffer that is stored past the caches
};

/// Registers all that lowering and emission need. Call it, and load the dialects, before several threads
/// lower modules of one context.
void registerCpuCodegen(mlir::DialectRegistry &registry);
/// The same for an existing context: registers and loads.
void loadCpuCodegen(mlir::MLIRContext &context);

/// Lowers the kernel in place. Failures are diagnostics at the op that cannot be lowered. Several threads may
/// do this for modules of one context.
mlir::FailureOr<KernelInfo> lowerKernelToLLVM(mlir::ModuleOp module, const TargetInfo &target,
                                              const LowerOptions &options = {});

/// Turns every memref.alloc and memref.alloca of a kernel into a view of %scratch at a fixed offset and
/// returns the bytes they need together; lowerKernelToLLVM does this first. A dynamic size is an error. The
/// attribute weft.scratch_used on the function names the bytes at the start that the kernel uses itself.
mlir::FailureOr<int64_t> placeScratch(mlir::ModuleOp module);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_LOWERTOLLVM_H
