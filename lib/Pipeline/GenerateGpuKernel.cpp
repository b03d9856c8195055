// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel with a contraction, a convolution or an attention as its root to the specification of a
// generator: for tensor cores, or, of f32, for multiply-adds unless liberties are granted: tensor cores round
// it to tf32.
#include "GenerateGpuKernel.h"

#include "KernelParts.h"
#include "weft/Codegen/GPU/GenerateAttention.h"
#include "weft/Codegen/GPU/GenerateConv.h"
#include "weft/Codegen/GPU/GenerateGemm.h"

#include <cstring>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// Whether a product is too small for blocks of multiply-adds: the general schedules spread it better.
bool isTooSmall(int64_t rows, int64_t columns, int64_t depth) {
  auto isBelow = [](int64_t extent, int64_t least) {
    return !ShapedType::isDynamic(extent) && extent < least;
  };
  return isBelow(rows, 16) || isBelow(columns, 8) || isBelow(depth, 8);
}

bool makeEpilogue(const KernelParts &parts, const MergedDims &dims, gpu::Epilogue &epilogue,
                  SmallVectorImpl<KernelArgument> &arguments) {
  std::optional<EpilogueParts> taken = takeEpilogueApart(parts, dims);
  if (!taken)
    return false;
  if (!taken->body)
    return true;
  for (const EpilogueParts::Operand &operand : taken->operands) {
    arguments.push_back(operand.argument);
    epilogue.operands.push_back({operand.type, operand.shape});
  }
  epilogue.emit = [body = taken->body](OpBuilder &builder, Location loc, ValueRange values, int64_t width) {
    return body->emit(builder, loc, values, width);
  };
  return true;
}

/// A constant [rows, columns] as [columns, rows].
PackedOperand transposeOnce(unsigned operand, int64_t rows, int64_t columns) {
  PackedOperand packed;
  packed.operand = operand;
  packed.key = ("gemm:gpu:" + Twine(rows) + "x" + Twine(columns)).str();
  packed.shape = {columns, rows};
  packed.pack = [=](std::span<const std::byte> from, size_t, std::span<std::byte> to) {
    const size_t bytes = from.size() / size_t(rows * columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        std::memcpy(to.data() + (c * rows + r) * bytes, from.data() + (r * columns + c) * bytes, bytes);
  };
  return packed;
}

FailureOr<std::optional<GeneratedGpuKernel>> generateDot(host::KernelOp kernel, const KernelParts &parts,
                                                         const llvm::SmallBitVector &constants,
                                                         const gpu::GpuTarget &target, bool fast) {
  auto dot = cast<DotGeneralOp>(parts.root);
  std::optional<DotParts> taken = takeDotApart(dot);
  if (!isGemmFloat(dot.getLhs().getType()) || !isGemmFloat(dot.getType()) || !taken || parts.panels)
    return std::optional<GeneratedGpuKernel>();
  gpu::GemmSpec spec;
  spec.name = kernel.getSymName().str();
  spec.m = taken->m, spec.n = taken->n, spec.k = taken->k;
  spec.batch = taken->batch, spec.aBatch = taken->aBatch, spec.bBatch = taken->bBatch;
  spec.transposedA = taken->transposedA, spec.transposedB = taken->transposedB;
  spec.type = getElementTypeOrSelf(dot.getLhs().getType());
  spec.cType = getElementTypeOrSelf(parts.result);

  GeneratedGpuKernel generated;
  bool fma = spec.type.isF32() && !fast;
  if (fma && isTooSmall(spec.m, spec.n, spec.k))
    return std::optional<GeneratedGpuKernel>();
  generated.arguments.push_back({unsigned(argumentNumber(dot.getLhs())), taken->aDims});
  unsigned b = argumentNumber(dot.getRhs());
  bool isPackable =
      constants[b] && spec.bBatch.empty() && !ShapedType::isDynamic(spec.n) && !ShapedType::isDynamic(spec.k);
  // Weights are transposed once: wgmma and tf32 read rows of K, multiply-adds best rows of N.
  bool wantsRowsOfK = !fma && (target.hasWarpgroups() || spec.type.isF32());
  if (isPackable && spec.transposedB == fma && (fma || wantsRowsOfK)) {
    int64_t rows = spec.k, columns = spec.n;
    if (spec.transposedB)
      std::swap(rows, columns);
    spec.transposedB = !spec.transposedB;
    generated.packed.push_back(transposeOnce(b, rows, columns));
    generated.arguments.push_back({b, {}});
  } else {
    generated.arguments.push_back({b, taken->bDims});
  }
  if (spec.type.isF32() && fast && (spec.transposedA || !spec.transposedB))
    return std::optional<GeneratedGpuKernel>();
  if (!makeEpilogue(parts, taken->cDims, spec.epilogue, generated.arguments))
    return std::optional<GeneratedGpuKernel>();
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), taken->cDims});
  FailureOr<gpu::TiledKernel> made =
      gpu::generateGemm(dot.getLoc(), spec, gpu::chooseTiling(spec, target, fast));
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedGpuKernel>(std::move(generated));
}

FailureOr<std::optional<GeneratedGpuKernel>> generateConvolution(host::KernelOp kernel,
                                                                 const KernelParts &parts,
                                                                 const llvm::SmallBitVector &constants,
                                                                 const gpu::GpuTarget &target, bool fast) {
  auto conv = cast<ConvOp>(parts.root);
  int64_t weights = argumentNumber(conv.getW());
  std::optional<ConvParts> taken = takeConvApart(conv);
  // Of groups with few channels most of a tile would be empty.
  constexpr int64_t fewChannels = 8;
  if (!isGemmFloat(conv.getX().getType()) || !isGemmFloat(conv.getType()) || !constants[weights] || !taken ||
      taken->channelsFirst || (taken->groups > 1 && taken->co / taken->groups < fewChannels))
    return std::optional<GeneratedGpuKernel>();
  gpu::ConvSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = taken->batch;
  spec.ci = taken->ci, spec.co = taken->co, spec.groups = taken->groups;
  spec.space = taken->space;
  spec.type = getElementTypeOrSelf(conv.getX().getType());
  spec.yType = getElementTypeOrSelf(parts.result);
  bool fma = spec.type.isF32() && !fast;
  int64_t rows = ShapedType::isDynamic(spec.batch) ? spec.batch : spec.batch * spec.places();
  if (fma && isTooSmall(rows, spec.co / spec.groups, spec.depth()))
    return std::optional<GeneratedGpuKernel>();

  GeneratedGpuKernel generated;
  const int64_t rank = cast<RankedTensorType>(conv.getX().getType()).getRank();
  const MergedDims each = eachDim(rank);
  MergedDims merged(1);
  for (int64_t i = 0; i + 1 < rank; ++i)
    merged[0].push_back(i);
  merged.push_back({rank - 1});
  generated.arguments.push_back({unsigned(argumentNumber(conv.getX())), each});
  generated.arguments.push_back({unsigned(weights), {}});
  if (!makeEpilogue(parts, merged, spec.epilogue, generated.arguments))
    return std::optional<GeneratedGpuKernel>();
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), merged});

  int64_t strideO = taken->strideO, strideI = taken->strideI, strideTap = taken->strideTap;
  PackedOperand packed;
  packed.operand = weights;
  packed.key = (Twine(fma ? "conv:gpu:fma:" : "conv:gpu:") + Twine(spec.groups) + ":" + Twine(strideO) + ":" +
                Twine(strideI) + ":" + Twine(strideTap) + ":" + Twine(spec.co) + "x" + Twine(spec.depth()))
                   .str();
  gpu::ConvSpec layout = spec;
  layout.epilogue = {};
  packed.shape = {layout.co, layout.depth()};
  if (fma)
    std::swap(packed.shape[0], packed.shape[1]);
  packed.pack = [=](std::span<const std::byte> from, size_t, std::span<std::byte> to) {
    const size_t bytes = from.size() / size_t(layout.co * layout.depth());
    gpu::arrangeConvWeights(layout, from, bytes, strideO, strideI, strideTap, fma, to);
  };
  generated.packed.push_back(std::move(packed));

  FailureOr<gpu::TiledKernel> made =
      gpu::generateConv(conv.getLoc(), spec, gpu::chooseTiling(spec, target, fast));
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedGpuKernel>(std::move(generated));
}

} // namespace

FailureOr<std::optional<GeneratedGpuKernel>>
weft::generateGpuKernel(host::KernelOp kernel, const llvm::SmallBitVector &constantOperands,
                        const gpu::GpuTarget &target, bool fast) {
  if (auto call = dyn_cast<host::CallOp>(kernel.getBody().front().front())) {
    FailureOr<GeneratedGpuKernel> made = generateGpuCall(kernel, call);
    if (failed(made))
      return failure();
    return std::optional<GeneratedGpuKernel>(std::move(*made));
  }
  if (auto generated = generateGpuOp(kernel); failed(generated) || *generated)
    return generated;
  if (std::optional<AttentionParts> attention = takeAttentionApart(kernel, /*forGpu=*/true)) {
    GeneratedGpuKernel generated;
    generated.arguments = std::move(attention->arguments);
    FailureOr<gpu::TiledKernel> made = gpu::generateAttention(kernel.getLoc(), attention->spec);
    if (failed(made))
      return failure();
    generated.kernel = std::move(*made);
    return std::optional<GeneratedGpuKernel>(std::move(generated));
  }
  std::optional<KernelParts> parts = takeApart(kernel);
  if (parts && isa<DotGeneralOp>(parts->root))
    return generateDot(kernel, *parts, constantOperands, target, fast);
  if (parts && isa<ConvOp>(parts->root))
    return generateConvolution(kernel, *parts, constantOperands, target, fast);
  return std::optional<GeneratedGpuKernel>();
}
