// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernel generators share: how a caller fuses work into the stores, and how a kernel's chunks are
// counted.
#ifndef WEFT_CODEGEN_CPU_KERNELS_H
#define WEFT_CODEGEN_CPU_KERNELS_H

#include "weft/Codegen/CPU/ChunkCount.h"
#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/TargetInfo.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"

#include <functional>
#include <optional>
#include <string>

namespace weft::cpu {

/// Where an accumulator is about to be stored: the indices of its first element in the result. It covers
/// `width` elements of the last dimension.
struct EpiloguePosition {
  llvm::SmallVector<mlir::Value> indices;
  int64_t width = 1;
};

/// What happens to an accumulator on its way to the result: bias, residual, activation. `acc` is f32, or
/// vector<width x f32>; so is the value returned (it is rounded to the result's type at the store). It may be
/// asked for several widths of one kernel, 1 (a scalar) included, and reads its own operands only at the
/// position.
struct Epilogue {
  llvm::SmallVector<mlir::MemRefType>
      operands; ///< arguments of the kernel between the generator's own and the result
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value acc,
                            const EpiloguePosition &position, mlir::ValueRange operands)>
      emit;
  bool isLong = false; ///< one chain of many operations: two vectors side by side wait less
};

/// A kernel module in the contract of LowerToLLVM.h.
struct GeneratedKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ChunkCount chunks;
  Pipeline pipeline = Pipeline::Vectorized;
};

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_KERNELS_H
