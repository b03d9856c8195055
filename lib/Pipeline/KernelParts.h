// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel taken apart for generators, whatever they generate for: its root, how dimensions merge into those
// of a matrix product or a convolution, and the elementwise ops on the way to the result.
#ifndef WEFT_LIB_PIPELINE_KERNELPARTS_H
#define WEFT_LIB_PIPELINE_KERNELPARTS_H

#include "weft/Codegen/CPU/GenerateAttention.h"
#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/CompiledKernel.h"
#include "weft/Conversion/ElementwiseBody.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

#include <memory>
#include <optional>

namespace weft {

/// Dimensions of a value merged into those a generator sees.
using MergedDims = llvm::SmallVector<llvm::SmallVector<int64_t>>;

/// A kernel's body taken apart.
struct KernelParts {
  mlir::Operation *root = nullptr;
  mlir::Value
      panels; ///< the argument that holds a product's right operand packed, [panels][K][width]; or null
  llvm::SmallVector<mlir::Operation *> epilogue;
  mlir::Value result;
};

/// f32, f16 or bf16.
bool isGemmFloat(mlir::Type type);
/// A product of 8-bit integers in i32.
bool isByteProduct(ir::DotGeneralOp dot);
/// Number of the kernel's argument, or -1.
int64_t argumentNumber(mlir::Value value);
/// The extent of merged dimensions: a number, or dynamic.
int64_t mergedExtent(mlir::Type type, llvm::ArrayRef<int64_t> dims);

/// Every dimension by itself.
MergedDims eachDim(int64_t rank);

/// One root with elementwise ops of its shape after it and nothing before it; the last is the only result.
std::optional<KernelParts> takeApart(host::KernelOp kernel);

/// The elementwise ops after the root, and what they read besides the root's result.
struct EpilogueParts {
  struct Operand {
    KernelArgument argument;
    mlir::Type type; ///< of its elements in memory
    /// Per dimension that the generator stores through: its extent, or 1 where it is repeated.
    llvm::SmallVector<int64_t> shape;
  };
  llvm::SmallVector<Operand> operands;
  std::shared_ptr<ElementwiseBody> body; ///< null: there are no ops
};
/// `dims`: how the result's dimensions merge. Nothing when an operand is broadcast along a part of a merged
/// dimension, or an op has no scalar form.
std::optional<EpilogueParts> takeEpilogueApart(const KernelParts &parts, const MergedDims &dims);

/// A dot_general as a product of matrices.
struct DotParts {
  int64_t m = 0, n = 0, k = 0; ///< extents, or dynamic
  llvm::SmallVector<int64_t> batch, aBatch, bBatch;
  bool transposedA = false, transposedB = false; ///< A is [K, M], B is [N, K]
  MergedDims aDims, bDims, cDims;                ///< batch, then the two of the matrix, as they lie in memory
};
/// Nothing when the dimensions of an operand do not lie in an order that a product has.
std::optional<DotParts> takeDotApart(ir::DotGeneralOp dot);

/// A convolution with channels last, or right after the batch, and known extents (but for the batch).
struct ConvParts {
  bool channelsFirst = false;
  int64_t batch = 1, ci = 1, co = 1, groups = 1;
  llvm::SmallVector<cpu::ConvDim> space;
  /// In elements of the weights: between output channels, input channels, and taps.
  int64_t strideO = 0, strideI = 0, strideTap = 0;
};
std::optional<ConvParts> takeConvApart(ir::ConvOp conv);

/// The windows of a pool with channels last and known extents (but for the batch).
std::optional<llvm::SmallVector<cpu::ConvDim>> takePoolApart(ir::ReduceWindowOp pool);

/// Whether CPUs, or GPUs, have a generator for this attention. Others are written with products and a softmax
/// before kernels are formed: they would be slow as one kernel.
bool hasAttentionGenerator(ir::AttentionOp op, bool forGpu);

/// A kernel that is one attention.
struct AttentionParts {
  cpu::AttentionSpec spec;
  llvm::SmallVector<KernelArgument> arguments; ///< q, k, v, the mask if there is one, y
};
/// Nothing when it is something else, or no generator takes it.
std::optional<AttentionParts> takeAttentionApart(host::KernelOp kernel, bool forGpu);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_KERNELPARTS_H
