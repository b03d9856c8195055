// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes kernels apart for generators; see KernelParts.h.
#include "KernelParts.h"

#include "weft/Dialect/Weft/Quantised.h"

#include <numeric>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

bool weft::isGemmFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32() || element.isF16() || element.isBF16();
}

bool weft::isByteProduct(DotGeneralOp dot) {
  return isByte(getElementTypeOrSelf(dot.getLhs())) && isByte(getElementTypeOrSelf(dot.getRhs())) &&
         getElementTypeOrSelf(dot.getType()).isInteger(32);
}

int64_t weft::argumentNumber(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? int64_t(argument.getArgNumber()) : -1;
}

int64_t weft::mergedExtent(Type type, ArrayRef<int64_t> dims) {
  int64_t extent = 1;
  for (int64_t dim : dims) {
    int64_t one = cast<RankedTensorType>(type).getDimSize(dim);
    if (ShapedType::isDynamic(one))
      return one;
    extent *= one;
  }
  return extent;
}

MergedDims weft::eachDim(int64_t rank) {
  MergedDims dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back({i});
  return dims;
}

/// The argument whose panels the right operand is written from, as weft-pack-operands leaves it.
static Value unpackedFrom(DotGeneralOp dot) {
  auto matrix = dot.getRhs().getDefiningOp<ReshapeOp>();
  auto panels = matrix ? matrix.getX().getDefiningOp<TransposeOp>() : TransposeOp();
  if (!panels || argumentNumber(panels.getX()) < 0)
    return {};
  bool isTransposed = dot.getRhsContract() == ArrayRef<int64_t>{1};
  ArrayRef<int64_t> order = panels.getPermutation();
  bool isKnown = isTransposed ? order == ArrayRef<int64_t>{0, 2, 1} : order == ArrayRef<int64_t>{1, 0, 2};
  return isKnown ? panels.getX() : Value();
}

std::optional<KernelParts> weft::takeApart(host::KernelOp kernel) {
  KernelParts parts;
  int moves = 0; ///< before the root: only those that unpack its right operand
  Block &body = kernel.getBody().front();
  if (body.getTerminator()->getNumOperands() != 1)
    return std::nullopt;
  for (Operation &op : body.without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    if (isa<DotGeneralOp, ConvOp, ReduceWindowOp>(op) && !parts.root) {
      parts.root = &op;
      continue;
    }
    if (isa<TransposeOp, ReshapeOp>(op) && !parts.root) {
      ++moves;
      continue;
    }
    if (!op.hasTrait<ir::Elementwise>())
      return std::nullopt;
    parts.epilogue.push_back(&op);
  }
  if (!parts.root)
    return std::nullopt;
  if (auto dot = dyn_cast<DotGeneralOp>(parts.root))
    parts.panels = unpackedFrom(dot);
  if (moves != (parts.panels ? 2 : 0))
    return std::nullopt;
  for (auto [i, operand] : llvm::enumerate(parts.root->getOperands()))
    if (argumentNumber(operand) < 0 && !(i == 1 && parts.panels))
      return std::nullopt;
  parts.result = body.getTerminator()->getOperand(0);
  auto dot = dyn_cast<DotGeneralOp>(parts.root);
  Type result = getElementTypeOrSelf(parts.result);
  bool isInteger =
      dot && isByteProduct(dot) && isa<IntegerType>(result) && result.getIntOrFloatBitWidth() >= 8;
  if (!isGemmFloat(result) && !isInteger)
    return std::nullopt;
  return parts;
}

std::optional<EpilogueParts> weft::takeEpilogueApart(const KernelParts &parts, const MergedDims &dims) {
  EpilogueParts result;
  if (parts.epilogue.empty())
    return result;
  SmallVector<Value> inputs{parts.root->getResult(0)};
  auto resultType = cast<RankedTensorType>(parts.result.getType());
  for (Operation *op : parts.epilogue)
    for (Value value : op->getOperands()) {
      int64_t number = argumentNumber(value);
      if (number < 0 || llvm::is_contained(inputs, value))
        continue;
      auto type = cast<RankedTensorType>(value.getType());
      if (type.getRank() != resultType.getRank())
        return std::nullopt;
      EpilogueParts::Operand operand;
      operand.argument.value = number;
      for (ArrayRef<int64_t> merged : dims) {
        bool all =
            llvm::all_of(merged, [&](int64_t d) { return type.getDimSize(d) == resultType.getDimSize(d); });
        bool none = llvm::all_of(merged, [&](int64_t d) { return type.getDimSize(d) == 1; });
        if (!all && !none)
          return std::nullopt;
        operand.argument.dims.push_back(SmallVector<int64_t>(merged));
        operand.shape.push_back(none ? 1 : mergedExtent(type, merged));
      }
      inputs.push_back(value);
      result.operands.push_back(std::move(operand));
    }
  FailureOr<std::shared_ptr<ElementwiseBody>> body =
      ElementwiseBody::create(parts.epilogue, inputs, parts.result);
  if (failed(body))
    return std::nullopt;
  result.body = *body;
  for (auto [i, operand] : llvm::enumerate(result.operands))
    operand.type = result.body->getMemoryType(i + 1);
  return result;
}

namespace {

/// Dimensions of one operand of dot_general in memory order, when they are batch, then two groups.
struct OperandOrder {
  bool regular = false;
  bool contractLast = false; ///< batch, free, contract; else batch, contract, free
};

OperandOrder orderOf(ArrayRef<int64_t> batch, ArrayRef<int64_t> free, ArrayRef<int64_t> contract) {
  auto isRun = [](ArrayRef<int64_t> dims, int64_t start) {
    for (auto [i, dim] : llvm::enumerate(dims))
      if (dim != start + int64_t(i))
        return false;
    return true;
  };
  OperandOrder order;
  int64_t b = batch.size();
  if (!isRun(batch, 0))
    return order;
  if (isRun(free, b) && isRun(contract, b + free.size())) {
    order.regular = true;
    order.contractLast = true;
  } else if (isRun(contract, b) && isRun(free, b + contract.size())) {
    order.regular = true;
  }
  return order;
}

MergedDims dimsOf(ArrayRef<int64_t> batch, ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
  MergedDims dims;
  for (int64_t dim : batch)
    dims.push_back({dim});
  dims.push_back(SmallVector<int64_t>(first));
  dims.push_back(SmallVector<int64_t>(second));
  return dims;
}

/// Distance in elements between neighbours along each dimension of a row-major tensor.
SmallVector<int64_t> stridesOf(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (int64_t i = type.getRank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  return strides;
}

} // namespace

std::optional<DotParts> weft::takeDotApart(DotGeneralOp dot) {
  auto lhsType = cast<RankedTensorType>(dot.getLhs().getType()),
       rhsType = cast<RankedTensorType>(dot.getRhs().getType());
  SmallVector<int64_t> lhsFree = dot.getLhsFree(), rhsFree = dot.getRhsFree();
  SmallVector<int64_t> lhsBatch(dot.getLhsBatch()), rhsBatch(dot.getRhsBatch());
  SmallVector<int64_t> lhsContract(dot.getLhsContract()), rhsContract(dot.getRhsContract());
  OperandOrder lhs = orderOf(lhsBatch, lhsFree, lhsContract), rhs = orderOf(rhsBatch, rhsFree, rhsContract);
  if (!lhs.regular || !rhs.regular)
    return std::nullopt;
  DotParts parts;
  parts.m = mergedExtent(lhsType, lhsFree);
  parts.n = mergedExtent(rhsType, rhsFree);
  parts.k = mergedExtent(lhsType, lhsContract);
  for (int64_t dim : lhsBatch) {
    parts.batch.push_back(lhsType.getDimSize(dim));
    parts.aBatch.push_back(lhsType.getDimSize(dim));
  }
  for (int64_t dim : rhsBatch)
    parts.bBatch.push_back(rhsType.getDimSize(dim));
  parts.transposedA = !lhs.contractLast;
  parts.transposedB = rhs.contractLast;
  parts.aDims =
      lhs.contractLast ? dimsOf(lhsBatch, lhsFree, lhsContract) : dimsOf(lhsBatch, lhsContract, lhsFree);
  parts.bDims =
      rhs.contractLast ? dimsOf(rhsBatch, rhsFree, rhsContract) : dimsOf(rhsBatch, rhsContract, rhsFree);
  SmallVector<int64_t> batch(lhsBatch.size()), free(lhsFree.size()), columns(rhsFree.size());
  std::iota(batch.begin(), batch.end(), 0);
  std::iota(free.begin(), free.end(), batch.size());
  std::iota(columns.begin(), columns.end(), batch.size() + free.size());
  parts.cDims = dimsOf(batch, free, columns);
  return parts;
}

/// Whether a spatial dimension is known, is padded and not cut, and leaves a result.
static bool isTaken(const cpu::ConvDim &dim) {
  return !ShapedType::isDynamic(dim.in) && dim.in != 0 && dim.kernel != 0 && dim.padLow >= 0 &&
         dim.padHigh >= 0 && dim.out() > 0;
}

std::optional<llvm::SmallVector<cpu::ConvDim>> weft::takePoolApart(ReduceWindowOp pool) {
  auto type = cast<RankedTensorType>(pool.getX().getType());
  const int64_t rank = type.getRank(), spatial = rank - 2;
  if (spatial < 1 || spatial > 3 || pool.getAxes() != ArrayRef<int64_t>({1, 2, 3}).take_front(spatial) ||
      type.isDynamicDim(rank - 1) || type.getDimSize(rank - 1) == 0)
    return std::nullopt;
  llvm::SmallVector<cpu::ConvDim> space;
  for (int64_t i = 0; i < spatial; ++i) {
    cpu::ConvDim dim;
    dim.in = type.getDimSize(1 + i);
    dim.kernel = pool.getWindow()[i];
    dim.stride = pool.getStrides()[i];
    dim.dilation = pool.getWindowDilation()[i];
    dim.padLow = pool.getPaddingLow()[i];
    dim.padHigh = pool.getPaddingHigh()[i];
    if (!isTaken(dim) || pool.getBaseDilation()[i] != 1)
      return std::nullopt;
    space.push_back(dim);
  }
  return space;
}

std::optional<ConvParts> weft::takeConvApart(ConvOp conv) {
  auto xType = cast<RankedTensorType>(conv.getX().getType()),
       wType = cast<RankedTensorType>(conv.getW().getType());
  int64_t rank = xType.getRank(), spatial = rank - 2;
  if (spatial < 1 || spatial > 3 || !wType.hasStaticShape() || wType.getNumElements() == 0)
    return std::nullopt;
  ConvParts parts;
  parts.channelsFirst = conv.getXDims()[1] == 1;
  int64_t channels = parts.channelsFirst ? 1 : rank - 1, firstSpatial = parts.channelsFirst ? 2 : 1;
  for (ArrayRef<int64_t> dims : {conv.getXDims(), conv.getYDims()}) {
    if (dims[0] != 0 || dims[1] != channels)
      return std::nullopt;
    for (int64_t i = 0; i < spatial; ++i)
      if (dims[2 + i] != firstSpatial + i)
        return std::nullopt;
  }
  if (xType.isDynamicDim(channels))
    return std::nullopt;
  ArrayRef<int64_t> wDims = conv.getWDims();
  parts.batch = xType.getDimSize(0);
  parts.ci = xType.getDimSize(channels);
  parts.co = wType.getDimSize(wDims[0]);
  parts.groups = conv.getFeatureGroups();
  for (int64_t i = 0; i < spatial; ++i) {
    cpu::ConvDim dim;
    dim.in = xType.getDimSize(firstSpatial + i);
    dim.kernel = wType.getDimSize(wDims[2 + i]);
    dim.stride = conv.getStrides()[i];
    dim.dilation = conv.getKernelDilation()[i];
    dim.padLow = conv.getPaddingLow()[i];
    dim.padHigh = conv.getPaddingHigh()[i];
    if (!isTaken(dim) || conv.getInputDilation()[i] != 1 || conv.isReversed(i))
      return std::nullopt;
    parts.space.push_back(dim);
  }
  // The taps are one run of memory when the spatial dimensions of w are neighbours in order.
  for (int64_t i = 2; i + 1 < rank; ++i)
    if (wDims[i + 1] != wDims[i] + 1)
      return std::nullopt;
  SmallVector<int64_t> strides = stridesOf(wType);
  parts.strideO = strides[wDims[0]];
  parts.strideI = strides[wDims[1]];
  parts.strideTap = strides[wDims[rank - 1]];
  return parts;
}
