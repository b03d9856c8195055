// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel of one op that threads share better than the general schedules do to the specification of a
// generator.
#include "GenerateGpuKernel.h"

#include "KernelParts.h"
#include "weft/Codegen/GPU/GenerateScan.h"
#include "weft/Codegen/GPU/GenerateScatter.h"
#include "weft/Codegen/GPU/GenerateTranspose.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Weft/Constants.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

using Generated = FailureOr<std::optional<GeneratedGpuKernel>>;

static Generated finish(GeneratedGpuKernel &&generated, FailureOr<gpu::GpuKernel> made) {
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedGpuKernel>(std::move(generated));
}

/// Dimensions that stay side by side count as one, those of one place not at all.
static Generated generateTranspose(host::KernelOp kernel, TransposeOp op) {
  auto type = cast<RankedTensorType>(op.getX().getType());
  unsigned bytes = byteWidth(toDType(type.getElementType()));
  ArrayRef<int64_t> permutation = op.getPermutation();
  MergedDims groups, resultGroups; // of the operand's dimensions and of the result's, in the result's order
  for (auto [i, dim] : llvm::enumerate(permutation)) {
    if (type.getDimSize(dim) == 1)
      continue;
    int64_t before = groups.empty() ? -2 : groups.back().back();
    while (before >= 0 && before + 1 < dim && type.getDimSize(before + 1) == 1)
      ++before;
    if (before + 1 != dim) {
      groups.emplace_back();
      resultGroups.emplace_back();
    }
    groups.back().push_back(dim);
    resultGroups.back().push_back(i);
  }
  MergedDims ordered = groups;
  llvm::sort(ordered, [](const auto &a, const auto &b) { return a.front() < b.front(); });
  gpu::TransposeSpec spec;
  for (ArrayRef<int64_t> group : ordered)
    spec.shape.push_back(mergedExtent(type, group));
  for (const auto &group : groups)
    spec.permutation.push_back(llvm::find(ordered, group) - ordered.begin());
  if (bytes == 0 || !gpu::isWorthTransposing(spec.shape, spec.permutation))
    return std::optional<GeneratedGpuKernel>();
  spec.name = kernel.getSymName().str();
  spec.elementBytes = bytes;
  GeneratedGpuKernel generated;
  generated.arguments.push_back({0, ordered});
  generated.arguments.push_back({1, resultGroups});
  return finish(std::move(generated), gpu::generateTranspose(op.getLoc(), spec));
}

static std::optional<gpu::ScanSpec::Kind> scanKind(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::add:
    return gpu::ScanSpec::Kind::Add;
  case ReduceKind::mul:
    return gpu::ScanSpec::Kind::Mul;
  case ReduceKind::max:
    return gpu::ScanSpec::Kind::Max;
  case ReduceKind::min:
    return gpu::ScanSpec::Kind::Min;
  default:
    return std::nullopt;
  }
}

/// Long rows with few beside one another: where there are many, each has a thread of its own.
static Generated generateCumulative(host::KernelOp kernel, CumulativeOp op) {
  auto type = cast<RankedTensorType>(op.getX().getType());
  Type element = type.getElementType();
  bool isTaken = isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element) ||
                 element.isSignlessInteger(32) || element.isSignlessInteger(64);
  std::optional<gpu::ScanSpec::Kind> kind = scanKind(op.getKind());
  MergedDims dims(3);
  for (int64_t d = 0, axis = op.getAxis(); d < type.getRank(); ++d)
    dims[d < axis ? 0 : d == axis ? 1 : 2].push_back(d);
  gpu::ScanSpec spec;
  for (auto [extent, merged] : llvm::zip(spec.shape, dims))
    extent = mergedExtent(type, merged);
  constexpr int64_t shortRow = 64, manyBeside = 32;
  bool isShort = !ShapedType::isDynamic(spec.shape[1]) && spec.shape[1] < shortRow;
  bool areMany = ShapedType::isDynamic(spec.shape[2]) || spec.shape[2] >= manyBeside;
  if (!isTaken || !kind || isShort || areMany)
    return std::optional<GeneratedGpuKernel>();
  spec.name = kernel.getSymName().str();
  spec.kind = *kind;
  spec.type = element;
  spec.reverse = op.getReverse();
  spec.exclusive = op.getExclusive();
  GeneratedGpuKernel generated;
  generated.arguments.push_back({0, dims});
  generated.arguments.push_back({1, dims});
  return finish(std::move(generated), gpu::generateScan(op.getLoc(), spec));
}

static gpu::ScatterSpec::Kind scatterKind(ScatterKind kind) {
  switch (kind) {
  case ScatterKind::set:
    return gpu::ScatterSpec::Kind::Set;
  case ScatterKind::add:
    return gpu::ScatterSpec::Kind::Add;
  case ScatterKind::mul:
    return gpu::ScatterSpec::Kind::Mul;
  case ScatterKind::max:
    return gpu::ScatterSpec::Kind::Max;
  case ScatterKind::min:
    return gpu::ScatterSpec::Kind::Min;
  }
  llvm_unreachable("a kind of scatter");
}

static MergedDims eachOf(Type type) {
  MergedDims dims;
  for (int64_t d = 0, e = cast<RankedTensorType>(type).getRank(); d < e; ++d)
    dims.push_back({d});
  return dims;
}

static Generated generateScatter(host::KernelOp kernel, ScatterOp op) {
  auto type = cast<RankedTensorType>(op.getX().getType()),
       indexType = cast<RankedTensorType>(op.getIndex().getType()),
       updateType = cast<RankedTensorType>(op.getUpdate().getType());
  DType element = toDType(type.getElementType()), indexElement = toDType(indexType.getElementType());
  bool isPlain = !isStorageType(element) && (element != DType::I1 || op.getKind() == ScatterKind::set);
  if (!isPlain || isStorageType(indexElement))
    return std::optional<GeneratedGpuKernel>();
  gpu::ScatterSpec spec;
  spec.name = kernel.getSymName().str();
  spec.kind = scatterKind(op.getKind());
  spec.type = getMemoryElementType(type.getElementType());
  spec.isUnsigned = isUnsignedInteger(element);
  spec.indexType = getMemoryElementType(indexType.getElementType());
  spec.isIndexUnsigned = isUnsignedInteger(indexElement);
  llvm::append_range(spec.shape, type.getShape());
  llvm::append_range(spec.index, indexType.getShape());
  llvm::append_range(spec.update, updateType.getShape());
  llvm::append_range(spec.dims, op.getDims());
  llvm::append_range(spec.batchDims, op.getBatchDims());
  llvm::append_range(spec.indexBatchDims, op.getIndexBatchDims());
  spec.at = op.getAt();

  GeneratedGpuKernel generated;
  for (OpOperand &operand : op->getOpOperands()) {
    if (int64_t number = argumentNumber(operand.get()); number >= 0) {
      generated.arguments.push_back({unsigned(number), eachOf(operand.get().getType())});
      continue;
    }
    // A constant that the outliner moved in: one value everywhere.
    auto constant = operand.get().getDefiningOp<ConstantOp>();
    std::optional<HostTensor> splat = constant ? getSplat(constant.getValue()) : std::nullopt;
    if (!splat || operand.getOperandNumber() == 1)
      return std::optional<GeneratedGpuKernel>();
    TypedAttr fill = isFloat(element) ? TypedAttr(FloatAttr::get(spec.type, splat->asDouble(0)))
                                      : IntegerAttr::get(spec.type, splat->asInt(0));
    (operand.getOperandNumber() == 0 ? spec.xFill : spec.updateFill) = fill;
  }
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), eachOf(type)});
  return finish(std::move(generated), gpu::generateScatter(op.getLoc(), spec));
}

FailureOr<std::optional<GeneratedGpuKernel>> weft::generateGpuOp(host::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  // The one op beside constants.
  Operation *op = nullptr;
  for (Operation &other : body.without_terminator()) {
    if (isa<ConstantOp>(other))
      continue;
    if (op)
      return std::optional<GeneratedGpuKernel>();
    op = &other;
  }
  if (!op || body.getTerminator()->getOperands() != op->getResults())
    return std::optional<GeneratedGpuKernel>();
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return generateScatter(kernel, scatter);
  if (op->getNumOperands() != 1 || argumentNumber(op->getOperand(0)) != 0)
    return std::optional<GeneratedGpuKernel>();
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return generateTranspose(kernel, transpose);
  if (auto cumulative = dyn_cast<CumulativeOp>(op))
    return generateCumulative(kernel, cumulative);
  return std::optional<GeneratedGpuKernel>();
}
