// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a host.kernel to machine code: a generator where there is one for its root, else linalg and loops.
#ifndef WEFT_PIPELINE_COMPILEKERNEL_H
#define WEFT_PIPELINE_COMPILEKERNEL_H

#include "weft/Codegen/CPU/TargetInfo.h"
#include "weft/Codegen/CPU/Tiling.h"
#include "weft/Codegen/CompiledKernel.h"
#include "weft/Dialect/Host/HostDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"

namespace weft {

class KernelCache;

struct KernelOptions {
  cpu::TargetInfo target;
  /// Verify the IR between passes.
  bool verify = false;
  /// The liberties of --numerics=fast.
  bool fast = false;
  /// --numerics=strict: no minimal filtering.
  bool strict = false;
  /// What is known of tilings on this machine; null: nothing.
  const cpu::TilingSource *tilings = nullptr;
  /// Where machine code is kept between runs; null: nowhere.
  KernelCache *cache = nullptr;
  /// Called with the kernel's module after each stage ("tensor", "loops", "llvm"), for dumps. May be called
  /// from several threads at once.
  std::function<void(llvm::StringRef stage, llvm::StringRef kernel, mlir::ModuleOp module)> observe;
  /// Called with text of the kernel after code generation ("llvm-ir", "asm") when wanted.
  bool wantText = false;
  std::function<void(llvm::StringRef kind, llvm::StringRef kernel, llvm::StringRef text)> observeText;
};

/// What is known of a kernel's operands at all of its launches.
struct KernelOperands {
  llvm::SmallBitVector constants; ///< those that are constants at every launch: only those may be packed
  /// The values of each of those, of all launches (and, of a partitioned model, workers).
  std::vector<llvm::SmallSetVector<mlir::Attribute, 1>> values;
};

/// Compiles one kernel; failures are diagnostics at the op that cannot be compiled. Several threads may do
/// this for kernels of one module: the kernel is cloned, never changed.
mlir::FailureOr<CompiledKernel> compileKernel(host::KernelOp kernel, const KernelOperands &operands,
                                              const KernelOptions &options);

} // namespace weft

#endif // WEFT_PIPELINE_COMPILEKERNEL_H
