// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel with a contraction or convolution as its root to the specification of a generator: how
// dimensions merge, what is packed, and the epilogue as code on vectors.
#include "GenerateKernel.h"

#include "KernelParts.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "weft/Codegen/CPU/GenerateAttention.h"
#include "weft/Codegen/CPU/GenerateConcat.h"
#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/GenerateTranspose.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Weft/Constants.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// Makes the callback that vectors pass on their way to the result, and lists its operands. Nothing when the
/// generators cannot take the ops.
bool makeEpilogue(const KernelParts &parts, const MergedDims &dims, cpu::Epilogue &epilogue,
                  SmallVectorImpl<KernelArgument> &arguments) {
  std::optional<EpilogueParts> taken = takeEpilogueApart(parts, dims);
  if (!taken)
    return false;
  if (!taken->body)
    return true;
  for (const EpilogueParts::Operand &operand : taken->operands) {
    arguments.push_back(operand.argument);
    epilogue.operands.push_back(MemRefType::get(operand.shape, operand.type));
  }
  epilogue.isLong = taken->body->hasLongOps();
  epilogue.emit = [body = taken->body](OpBuilder &builder, Location loc, Value acc,
                                       const cpu::EpiloguePosition &position, ValueRange operands) {
    auto accType = dyn_cast<VectorType>(acc.getType());
    SmallVector<Value> values{acc};
    for (Value operand : operands) {
      auto type = cast<MemRefType>(operand.getType());
      SmallVector<Value> indices;
      for (auto [index, extent] : llvm::zip(position.indices, type.getShape()))
        indices.push_back(extent != 1 ? index : Value(arith::ConstantIndexOp::create(builder, loc, 0)));
      if (!accType) {
        values.push_back(memref::LoadOp::create(builder, loc, operand, indices));
        continue;
      }
      auto vector = VectorType::get({position.width}, type.getElementType());
      if (type.getShape().back() != 1) {
        values.push_back(vector::LoadOp::create(builder, loc, vector, operand, indices));
      } else {
        Value one = memref::LoadOp::create(builder, loc, operand, indices);
        values.push_back(vector::BroadcastOp::create(builder, loc, vector, one));
      }
    }
    return body->emit(builder, loc, values, position.width);
  };
  return true;
}

/// Whether `holds` for the values of an operand at all launches.
bool allValues(const KernelOperands &operands, int64_t number,
               llvm::function_ref<bool(const HostTensor &)> holds) {
  return llvm::all_of(operands.values[number], [&](Attribute value) {
    FailureOr<HostTensor> tensor = toHostTensor(cast<TypedAttr>(value));
    return succeeded(tensor) && holds(*tensor);
  });
}

FailureOr<std::optional<GeneratedFor>> generateDot(host::KernelOp kernel, const KernelParts &parts,
                                                   const KernelOperands &operands,
                                                   const cpu::TargetInfo &target, bool strict,
                                                   const cpu::TilingSource *tilings) {
  auto dot = cast<DotGeneralOp>(parts.root);
  std::optional<DotParts> taken = takeDotApart(dot);
  bool isFloat = isGemmFloat(dot.getLhs().getType()) && isGemmFloat(dot.getRhs().getType()) &&
                 isGemmFloat(dot.getType());
  if (!taken || !(isFloat || (isByteProduct(dot) && target.isX86)))
    return std::optional<GeneratedFor>();

  cpu::GemmSpec spec;
  spec.name = kernel.getSymName().str();
  spec.m = taken->m, spec.n = taken->n, spec.k = taken->k;
  spec.batch = taken->batch, spec.aBatch = taken->aBatch, spec.bBatch = taken->bBatch;
  spec.transposedA = taken->transposedA;
  Type aType = getElementTypeOrSelf(dot.getLhs()), bType = getElementTypeOrSelf(dot.getRhs());
  spec.aType = getMemoryElementType(aType), spec.bType = getMemoryElementType(bType);
  spec.cType = getMemoryElementType(getElementTypeOrSelf(parts.result));
  spec.aUnsigned = aType.isUnsignedInteger(), spec.bUnsigned = bType.isUnsignedInteger();
  spec.strict = strict;

  GeneratedFor generated;
  int64_t a = argumentNumber(dot.getLhs()), b = argumentNumber(parts.panels ? parts.panels : dot.getRhs());
  generated.arguments.push_back({unsigned(a), taken->aDims});
  SmallVector<KernelArgument> extras;
  if (!makeEpilogue(parts, taken->cDims, spec.epilogue, extras))
    return std::optional<GeneratedFor>();
  cpu::GemmTiling tiling;
  bool isStatic = !ShapedType::isDynamic(spec.n) && !ShapedType::isDynamic(spec.k);
  if (parts.panels) {
    // [N / NR, K, NR], as weft-pack-operands makes them.
    spec.panelWidth = cast<RankedTensorType>(parts.panels.getType()).getDimSize(2);
    if (spec.panelWidth % target.lanes() != 0 || spec.panelWidth > 3 * target.lanes())
      return std::optional<GeneratedFor>();
    spec.b = cpu::GemmB::Packed;
    if (cast<RankedTensorType>(parts.panels.getType()).getShape() !=
        ArrayRef<int64_t>(cpu::packedB(spec, target).shape()))
      return std::optional<GeneratedFor>();
    tiling = cpu::chooseGemmTiling(spec, target, tilings);
    generated.arguments.push_back({unsigned(b), {{0}, {1}, {2}}});
  } else if (operands.constants[b] && spec.bBatch.empty() && isStatic && spec.n > 0 && spec.k > 0) {
    spec.b = cpu::GemmB::Packed;
    int64_t strideK = taken->transposedB ? 1 : spec.n, strideN = taken->transposedB ? spec.k : 1;
    spec.pairsFit =
        cpu::wantsPairs(spec, target) && allValues(operands, b, [&](const HostTensor &weights) {
          return cpu::pairsFitWords(weights.bytes(), spec.bUnsigned, spec.k, spec.n, strideK, strideN);
        });
    tiling = cpu::chooseGemmTiling(spec, target, tilings);
    spec.panelWidth = tiling.panelWidth;
    cpu::PackedB layout = cpu::packedB(spec, target);
    PackedOperand packed;
    packed.operand = b;
    packed.key = ("gemm:" + Twine(spec.k) + "x" + Twine(spec.n) + ":" + Twine(strideK) + ":" +
                  Twine(layout.panelWidth) + ":" + Twine(layout.group) + ":" + Twine(layout.correction))
                     .str();
    packed.shape = layout.shape();
    const size_t bytes = spec.bType.getIntOrFloatBitWidth() / 8;
    const size_t panelBytes = size_t(packed.shape[1] * packed.shape[2]) * bytes;
    packed.pack = [=](std::span<const std::byte> from, size_t first, std::span<std::byte> to) {
      cpu::packB(from, bytes, layout, strideK, strideN, first / panelBytes, to);
    };
    packed.pieceBytes = panelBytes;
    generated.packed.push_back(std::move(packed));
    generated.arguments.push_back({unsigned(b), {}});
  } else if (!isFloat) {
    return std::optional<GeneratedFor>();
  } else {
    spec.b = taken->transposedB ? cpu::GemmB::Transposed : cpu::GemmB::RowMajor;
    tiling = cpu::chooseGemmTiling(spec, target, tilings);
    generated.arguments.push_back({unsigned(b), taken->bDims});
  }
  llvm::append_range(generated.arguments, extras);
  unsigned numOperands = kernel.getArgumentTypes().size();
  generated.arguments.push_back({numOperands, taken->cDims});

  FailureOr<cpu::GeneratedKernel> made = cpu::generateGemm(dot.getLoc(), spec, target, tiling);
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedFor>(std::move(generated));
}

cpu::ConvSpec convSpec(ConvOp conv, const ConvParts &parts) {
  cpu::ConvSpec spec;
  spec.batch = parts.batch;
  spec.ci = parts.ci, spec.co = parts.co, spec.groups = parts.groups;
  spec.space = parts.space;
  spec.xType = getElementTypeOrSelf(conv.getX().getType());
  spec.wType = getElementTypeOrSelf(conv.getW().getType());
  spec.yType = getElementTypeOrSelf(conv.getType());
  spec.channelsFirst = parts.channelsFirst;
  return spec;
}

FailureOr<std::optional<GeneratedFor>> generateConvolution(host::KernelOp kernel, const KernelParts &parts,
                                                           const llvm::SmallBitVector &constants,
                                                           const cpu::TargetInfo &target, bool strict,
                                                           const cpu::TilingSource *tilings) {
  auto conv = cast<ConvOp>(parts.root);
  auto xType = cast<RankedTensorType>(conv.getX().getType());
  int64_t weights = argumentNumber(conv.getW());
  std::optional<ConvParts> taken = takeConvApart(conv);
  if (!isGemmFloat(xType) || !isGemmFloat(conv.getW().getType()) || !isGemmFloat(conv.getType()) ||
      !constants[weights] || !taken)
    return std::optional<GeneratedFor>();

  cpu::ConvSpec spec = convSpec(conv, *taken);
  spec.name = kernel.getSymName().str();
  spec.yType = getElementTypeOrSelf(parts.result);
  spec.allowWinograd = !strict;
  if (spec.channelsFirst && !cpu::hasChannelsFirst(spec))
    return std::optional<GeneratedFor>();

  GeneratedFor generated;
  const MergedDims each = eachDim(xType.getRank());
  generated.arguments.push_back({unsigned(argumentNumber(conv.getX())), each});
  generated.arguments.push_back({unsigned(weights), {}});
  if (!makeEpilogue(parts, each, spec.epilogue, generated.arguments))
    return std::optional<GeneratedFor>();
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), each});

  int64_t strideO = taken->strideO, strideI = taken->strideI, strideTap = taken->strideTap;
  std::optional<cpu::ConvTiling> tiling;
  if (!spec.isDepthwise()) {
    tiling = cpu::chooseConvTiling(spec, target, tilings);
    spec.panelWidth = tiling->panelWidth;
  }
  PackedOperand packed;
  packed.operand = weights;
  packed.shape = cpu::packedConvShape(spec, target);
  llvm::raw_string_ostream key(packed.key);
  key << "conv:" << spec.groups << ":" << strideO << ":" << strideI << ":" << strideTap;
  for (int64_t extent : packed.shape)
    key << "x" << extent;
  cpu::ConvSpec layout = spec;
  layout.epilogue = {};
  packed.pack = [=](std::span<const std::byte> from, size_t, std::span<std::byte> to) {
    cpu::packConvWeights(layout, target, from, layout.wType.getIntOrFloatBitWidth() / 8, strideO, strideI,
                         strideTap, to);
  };
  generated.packed.push_back(std::move(packed));

  FailureOr<cpu::GeneratedKernel> made = cpu::generateConv(conv.getLoc(), spec, target, tiling);
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedFor>(std::move(generated));
}

std::optional<cpu::PoolKind> poolKind(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::add:
    return cpu::PoolKind::Add;
  case ReduceKind::max:
    return cpu::PoolKind::Max;
  case ReduceKind::min:
    return cpu::PoolKind::Min;
  default:
    return std::nullopt;
  }
}

/// A pool with channels last.
std::optional<GeneratedFor> generatePooling(host::KernelOp kernel, const KernelParts &parts,
                                            const cpu::TargetInfo &target) {
  auto pool = cast<ReduceWindowOp>(parts.root);
  auto type = cast<RankedTensorType>(pool.getX().getType());
  std::optional<llvm::SmallVector<cpu::ConvDim>> space = takePoolApart(pool);
  std::optional<cpu::PoolKind> kind = poolKind(pool.getKind());
  if (!space || !kind)
    return std::nullopt;
  cpu::ConvSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = type.getDimSize(0);
  spec.ci = spec.co = spec.groups = type.getShape().back();
  spec.space = *space;
  spec.xType = spec.wType = getMemoryElementType(type.getElementType());
  spec.yType = getMemoryElementType(getElementTypeOrSelf(parts.result));
  if (!cpu::hasPool(spec))
    return std::nullopt;
  GeneratedFor generated;
  const MergedDims each = eachDim(type.getRank());
  generated.arguments.push_back({unsigned(argumentNumber(pool.getX())), each});
  if (!makeEpilogue(parts, each, spec.epilogue, generated.arguments))
    return std::nullopt;
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), each});
  generated.kernel = cpu::generatePool(pool.getLoc(), spec, *kind, target);
  return generated;
}

/// A kernel that is one transposition of two neighbouring groups of dimensions; groups before and behind them
/// stay.
std::optional<GeneratedFor> generateTransposition(host::KernelOp kernel, const cpu::TargetInfo &target) {
  Block &body = kernel.getBody().front();
  if (body.getOperations().size() != 2)
    return std::nullopt;
  auto transpose = dyn_cast<TransposeOp>(body.front());
  if (!transpose || !transpose.getType().getElementType().isF32())
    return std::nullopt;
  auto type = cast<RankedTensorType>(transpose.getX().getType());
  ArrayRef<int64_t> order = transpose.getPermutation();
  int64_t rank = order.size(), kept = 0, end = rank;
  while (kept < rank && order[kept] == kept)
    ++kept;
  if (kept == rank)
    return std::nullopt;
  while (order[end - 1] == end - 1)
    --end;
  // The rest of the result begins with dimension `split` of x: rows are [kept, split), columns [split, end),
  // and what is behind them stays together.
  int64_t split = order[kept];
  for (int64_t i = kept; i < end; ++i)
    if (order[i] != (i - kept < end - split ? split + i - kept : kept + i - kept - (end - split)))
      return std::nullopt;
  auto range = [](int64_t from, int64_t to) {
    SmallVector<int64_t> dims;
    for (int64_t i = from; i < to; ++i)
      dims.push_back(i);
    return dims;
  };
  SmallVector<int64_t> batch = range(0, kept), rows = range(kept, split), columns = range(split, end),
                       inner = range(end, rank);
  cpu::TransposeSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = mergedExtent(type, batch);
  spec.rows = mergedExtent(type, rows);
  spec.columns = mergedExtent(type, columns);
  spec.inner = mergedExtent(type, inner);
  if (ShapedType::isDynamic(spec.rows) || ShapedType::isDynamic(spec.columns) ||
      ShapedType::isDynamic(spec.inner))
    return std::nullopt;
  // Narrow ones gain nothing from squares, nor pieces of vectors from moving them.
  const int64_t lanes = target.lanes();
  if (inner.empty() ? std::min(spec.rows, spec.columns) < lanes
                    : spec.inner == 0 || spec.inner % lanes != 0 || spec.rows == 0 || spec.columns == 0)
    return std::nullopt;
  MergedDims from = {batch, rows, columns},
             to = {batch, range(kept, kept + end - split), range(kept + end - split, end)};
  if (!inner.empty()) {
    from.push_back(inner);
    to.push_back(inner);
  }
  GeneratedFor generated;
  generated.arguments.push_back({0, from});
  generated.arguments.push_back({1, to});
  generated.kernel = cpu::generateTranspose(transpose.getLoc(), spec, target);
  return generated;
}

/// A kernel that is one concatenation of rows of whole vectors; rows are all dimensions before the axis.
std::optional<GeneratedFor> generateConcatenation(host::KernelOp kernel, const cpu::TargetInfo &target) {
  Block &body = kernel.getBody().front();
  auto concat = dyn_cast<ConcatOp>(body.front());
  if (!concat || body.getOperations().size() != 2)
    return std::nullopt;
  auto type = cast<RankedTensorType>(concat.getType());
  if (!type.getElementType().isF32() || !type.hasStaticShape() || type.getNumElements() == 0)
    return std::nullopt;
  const int64_t axis = concat.getAxis();
  MergedDims dims(2);
  for (int64_t d = 0; d < type.getRank(); ++d)
    dims[d >= axis].push_back(d);
  cpu::ConcatSpec spec;
  spec.name = kernel.getSymName().str();
  spec.rows = mergedExtent(type, dims[0]);
  // What has few rows is shared out better by elements.
  constexpr int64_t fewestRows = 16;
  if (spec.rows < fewestRows)
    return std::nullopt;
  GeneratedFor generated;
  llvm::SmallBitVector seen(kernel.getArgumentTypes().size());
  for (Value x : concat.getXs()) {
    const int64_t number = argumentNumber(x);
    spec.pieces.push_back(mergedExtent(x.getType(), dims[1]));
    if (spec.pieces.back() % target.lanes() != 0 || spec.pieces.back() == 0 || seen[number])
      return std::nullopt;
    seen.set(number);
    generated.arguments.push_back({unsigned(number), dims});
  }
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), dims});
  generated.kernel = cpu::generateConcat(concat.getLoc(), spec, target);
  return generated;
}

} // namespace

bool weft::takesChannelsFirst(ConvOp conv) {
  std::optional<ConvParts> taken = takeConvApart(conv);
  return taken && taken->channelsFirst && cpu::hasChannelsFirst(convSpec(conv, *taken));
}

FailureOr<std::optional<GeneratedFor>> weft::generateKernel(host::KernelOp kernel,
                                                            const KernelOperands &operands,
                                                            const cpu::TargetInfo &target, bool strict,
                                                            const cpu::TilingSource *tilings) {
  std::optional<KernelParts> parts = takeApart(kernel);
  if (parts && isa<DotGeneralOp>(parts->root))
    return generateDot(kernel, *parts, operands, target, strict, tilings);
  if (parts && isa<ConvOp>(parts->root))
    return generateConvolution(kernel, *parts, operands.constants, target, strict, tilings);
  if (parts && isa<ReduceWindowOp>(parts->root))
    return generatePooling(kernel, *parts, target);
  if (std::optional<AttentionParts> attention = takeAttentionApart(kernel, /*forGpu=*/false)) {
    GeneratedFor generated;
    generated.arguments = std::move(attention->arguments);
    FailureOr<cpu::GeneratedKernel> made = cpu::generateAttention(kernel.getLoc(), attention->spec, target);
    if (failed(made))
      return failure();
    generated.kernel = std::move(*made);
    return std::optional<GeneratedFor>(std::move(generated));
  }
  if (std::optional<GeneratedFor> concat = generateConcatenation(kernel, target))
    return concat;
  return generateTransposition(kernel, target);
}
