// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel with a contraction or convolution as its root to the specification of a generator: how
// dimensions merge, what is packed, and the epilogue as code on vectors.
#include "GenerateKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "weft/Codegen/CPU/GenerateAttention.h"
#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/GenerateTranspose.h"
#include "weft/Conversion/ElementwiseBody.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include <numeric>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// Dimensions of a value merged into those a generator sees.
using MergedDims = SmallVector<SmallVector<int64_t>>;

/// A kernel's body taken apart.
struct Parts {
  Operation *root = nullptr;
  SmallVector<Operation *> epilogue;
  Value result;
};

bool isGemmFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32() || element.isF16() || element.isBF16();
}

/// Number of the kernel's argument, or -1.
int64_t argumentNumber(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? int64_t(argument.getArgNumber()) : -1;
}

/// One root with elementwise ops of its shape after it and nothing before it; the last is the only result.
std::optional<Parts> takeApart(host::KernelOp kernel) {
  Parts parts;
  Block &body = kernel.getBody().front();
  if (body.getTerminator()->getNumOperands() != 1)
    return std::nullopt;
  for (Operation &op : body.without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    if (isa<DotGeneralOp, ConvOp>(op) && !parts.root) {
      parts.root = &op;
      continue;
    }
    if (!op.hasTrait<ir::Elementwise>())
      return std::nullopt;
    parts.epilogue.push_back(&op);
  }
  if (!parts.root)
    return std::nullopt;
  for (Value operand : parts.root->getOperands())
    if (argumentNumber(operand) < 0)
      return std::nullopt;
  parts.result = body.getTerminator()->getOperand(0);
  if (!isGemmFloat(parts.result.getType()))
    return std::nullopt;
  return parts;
}

/// The extent of merged dimensions: a number, or dynamic.
int64_t mergedExtent(Type type, ArrayRef<int64_t> dims) {
  int64_t extent = 1;
  for (int64_t dim : dims) {
    int64_t one = cast<RankedTensorType>(type).getDimSize(dim);
    if (ShapedType::isDynamic(one))
      return one;
    extent *= one;
  }
  return extent;
}

/// Collects the epilogue's operands and makes the callback. `dims`: how the result's dimensions merge into
/// those the generator stores through. Nothing when an operand is broadcast along a part of a merged
/// dimension.
bool makeEpilogue(const Parts &parts, const MergedDims &dims, cpu::Epilogue &epilogue,
                  SmallVectorImpl<KernelArgument> &arguments) {
  if (parts.epilogue.empty())
    return true;
  SmallVector<Value> inputs{parts.root->getResult(0)};
  // Per operand: which of the generator's dimensions it varies along.
  auto variesAlong = std::make_shared<SmallVector<SmallVector<bool>>>();
  for (Operation *op : parts.epilogue)
    for (Value operand : op->getOperands()) {
      int64_t number = argumentNumber(operand);
      if (number < 0 || llvm::is_contained(inputs, operand))
        continue;
      auto type = cast<RankedTensorType>(operand.getType());
      auto resultType = cast<RankedTensorType>(parts.result.getType());
      if (type.getRank() != resultType.getRank())
        return false;
      SmallVector<bool> varies;
      KernelArgument argument;
      argument.value = number;
      SmallVector<int64_t> shape;
      for (ArrayRef<int64_t> merged : dims) {
        bool all =
            llvm::all_of(merged, [&](int64_t d) { return type.getDimSize(d) == resultType.getDimSize(d); });
        bool none = llvm::all_of(merged, [&](int64_t d) { return type.getDimSize(d) == 1; });
        if (!all && !none)
          return false;
        varies.push_back(all && !none);
        argument.dims.push_back(SmallVector<int64_t>(merged));
        shape.push_back(mergedExtent(type, merged));
      }
      inputs.push_back(operand);
      variesAlong->push_back(varies);
      arguments.push_back(argument);
      epilogue.operands.push_back(MemRefType::get(shape, type.getElementType())); // memory type set below
    }
  FailureOr<std::shared_ptr<ElementwiseBody>> body =
      ElementwiseBody::create(parts.epilogue, inputs, parts.result);
  if (failed(body))
    return false;
  for (auto [i, type] : llvm::enumerate(epilogue.operands))
    type = MemRefType::get(type.getShape(), (*body)->getMemoryType(i + 1));
  epilogue.emit = [body = *body, variesAlong](OpBuilder &builder, Location loc, Value acc,
                                              const cpu::EpiloguePosition &position, ValueRange operands) {
    auto accType = dyn_cast<VectorType>(acc.getType());
    SmallVector<Value> values{acc};
    for (auto [operand, varies] : llvm::zip(operands, *variesAlong)) {
      SmallVector<Value> indices;
      for (auto [index, along] : llvm::zip(position.indices, varies))
        indices.push_back(along ? index : Value(arith::ConstantIndexOp::create(builder, loc, 0)));
      Type element = cast<MemRefType>(operand.getType()).getElementType();
      if (!accType) {
        values.push_back(memref::LoadOp::create(builder, loc, operand, indices));
        continue;
      }
      auto vector = VectorType::get({position.width}, element);
      if (varies.back()) {
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

FailureOr<std::optional<GeneratedFor>> generateDot(host::KernelOp kernel, const Parts &parts,
                                                   const llvm::SmallBitVector &constants,
                                                   const cpu::TargetInfo &target) {
  auto dot = cast<DotGeneralOp>(parts.root);
  auto lhsType = cast<RankedTensorType>(dot.getLhs().getType()),
       rhsType = cast<RankedTensorType>(dot.getRhs().getType());
  if (!isGemmFloat(lhsType) || !isGemmFloat(rhsType) || !isGemmFloat(dot.getType()))
    return std::optional<GeneratedFor>();
  SmallVector<int64_t> lhsFree = dot.getLhsFree(), rhsFree = dot.getRhsFree();
  SmallVector<int64_t> lhsBatch(dot.getLhsBatch()), rhsBatch(dot.getRhsBatch());
  SmallVector<int64_t> lhsContract(dot.getLhsContract()), rhsContract(dot.getRhsContract());
  OperandOrder lhs = orderOf(lhsBatch, lhsFree, lhsContract), rhs = orderOf(rhsBatch, rhsFree, rhsContract);
  if (!lhs.regular || !rhs.regular)
    return std::optional<GeneratedFor>();

  cpu::GemmSpec spec;
  spec.name = kernel.getSymName().str();
  spec.m = mergedExtent(lhsType, lhsFree);
  spec.n = mergedExtent(rhsType, rhsFree);
  spec.k = mergedExtent(lhsType, lhsContract);
  for (int64_t dim : lhsBatch) {
    spec.batch.push_back(lhsType.getDimSize(dim));
    spec.aBatch.push_back(lhsType.getDimSize(dim));
  }
  for (int64_t dim : rhsBatch)
    spec.bBatch.push_back(rhsType.getDimSize(dim));
  spec.transposedA = !lhs.contractLast;
  spec.aType = lhsType.getElementType();
  spec.bType = rhsType.getElementType();
  spec.cType = getElementTypeOrSelf(parts.result);

  GeneratedFor generated;
  int64_t a = argumentNumber(dot.getLhs()), b = argumentNumber(dot.getRhs());
  auto dimsOf = [](ArrayRef<int64_t> batch, ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    MergedDims dims;
    for (int64_t dim : batch)
      dims.push_back({dim});
    dims.push_back(SmallVector<int64_t>(first));
    dims.push_back(SmallVector<int64_t>(second));
    return dims;
  };
  generated.arguments.push_back({unsigned(a), lhs.contractLast ? dimsOf(lhsBatch, lhsFree, lhsContract)
                                                               : dimsOf(lhsBatch, lhsContract, lhsFree)});
  bool isStatic = !ShapedType::isDynamic(spec.n) && !ShapedType::isDynamic(spec.k);
  if (constants[b] && rhsBatch.empty() && isStatic && spec.n > 0 && spec.k > 0) {
    spec.b = cpu::GemmB::Packed;
    int64_t k = spec.k, n = spec.n, width = cpu::packedPanelWidth(target, spec.n);
    int64_t strideK = rhs.contractLast ? 1 : n, strideN = rhs.contractLast ? k : 1;
    SmallVector<int64_t> shape = cpu::packedShape(target, k, n);
    PackedOperand packed;
    packed.operand = b;
    packed.key = ("gemm:" + Twine(k) + "x" + Twine(n) + ":" + Twine(strideK) + ":" + Twine(width)).str();
    packed.pack = [=](const HostTensor &weights) {
      std::vector<std::byte> bytes =
          cpu::packB(weights.bytes(), byteWidth(weights.dtype()), k, n, strideK, strideN, width);
      return HostTensor::copyOf(weights.dtype(), std::vector<int64_t>(shape.begin(), shape.end()), bytes);
    };
    generated.packed.push_back(std::move(packed));
    generated.arguments.push_back({unsigned(b), {}});
  } else {
    spec.b = rhs.contractLast ? cpu::GemmB::Transposed : cpu::GemmB::RowMajor;
    generated.arguments.push_back({unsigned(b), rhs.contractLast ? dimsOf(rhsBatch, rhsFree, rhsContract)
                                                                 : dimsOf(rhsBatch, rhsContract, rhsFree)});
  }

  // The result: batch, M, N.
  SmallVector<int64_t> batch(lhsBatch.size()), free(lhsFree.size()), columns(rhsFree.size());
  std::iota(batch.begin(), batch.end(), 0);
  std::iota(free.begin(), free.end(), batch.size());
  std::iota(columns.begin(), columns.end(), batch.size() + free.size());
  MergedDims dims = dimsOf(batch, free, columns);
  if (!makeEpilogue(parts, dims, spec.epilogue, generated.arguments))
    return std::optional<GeneratedFor>();
  unsigned numOperands = kernel.getArgumentTypes().size();
  generated.arguments.push_back({numOperands, dims});

  FailureOr<cpu::GeneratedKernel> made = cpu::generateGemm(dot.getLoc(), spec, target);
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedFor>(std::move(generated));
}

/// Distance in elements between neighbours along each dimension of a row-major tensor.
SmallVector<int64_t> stridesOf(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (int64_t i = type.getRank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  return strides;
}

FailureOr<std::optional<GeneratedFor>> generateConvolution(host::KernelOp kernel, const Parts &parts,
                                                           const llvm::SmallBitVector &constants,
                                                           const cpu::TargetInfo &target) {
  auto conv = cast<ConvOp>(parts.root);
  auto xType = cast<RankedTensorType>(conv.getX().getType()),
       wType = cast<RankedTensorType>(conv.getW().getType());
  int64_t rank = xType.getRank(), spatial = rank - 2;
  int64_t weights = argumentNumber(conv.getW());
  if (!isGemmFloat(xType) || !isGemmFloat(wType) || !isGemmFloat(conv.getType()) || !constants[weights] ||
      spatial < 1 || spatial > 3 || !wType.hasStaticShape() || wType.getNumElements() == 0)
    return std::optional<GeneratedFor>();
  auto isChannelsLast = [&](ArrayRef<int64_t> dims) {
    bool last = dims[0] == 0 && dims[1] == rank - 1;
    for (int64_t i = 0; i < spatial; ++i)
      last &= dims[2 + i] == 1 + i;
    return last;
  };
  if (!isChannelsLast(conv.getXDims()) || !isChannelsLast(conv.getYDims()))
    return std::optional<GeneratedFor>();

  cpu::ConvSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = xType.getDimSize(0);
  spec.ci = xType.getDimSize(rank - 1);
  spec.co = wType.getDimSize(conv.getWDims()[0]);
  spec.groups = conv.getFeatureGroups();
  spec.xType = xType.getElementType();
  spec.wType = wType.getElementType();
  spec.yType = getElementTypeOrSelf(parts.result);
  for (int64_t i = 0; i < spatial; ++i) {
    cpu::ConvDim dim;
    dim.in = xType.getDimSize(1 + i);
    dim.kernel = wType.getDimSize(conv.getWDims()[2 + i]);
    dim.stride = conv.getStrides()[i];
    dim.dilation = conv.getKernelDilation()[i];
    dim.padLow = conv.getPaddingLow()[i];
    dim.padHigh = conv.getPaddingHigh()[i];
    if (ShapedType::isDynamic(dim.in) || conv.getInputDilation()[i] != 1 || conv.isReversed(i) ||
        dim.padLow < 0 || dim.padHigh < 0 || dim.in == 0 || dim.out() <= 0)
      return std::optional<GeneratedFor>();
    spec.space.push_back(dim);
  }
  if (ShapedType::isDynamic(spec.ci))
    return std::optional<GeneratedFor>();

  GeneratedFor generated;
  MergedDims each;
  for (int64_t i = 0; i < rank; ++i)
    each.push_back({i});
  generated.arguments.push_back({unsigned(argumentNumber(conv.getX())), each});
  generated.arguments.push_back({unsigned(weights), {}});
  if (!makeEpilogue(parts, each, spec.epilogue, generated.arguments))
    return std::optional<GeneratedFor>();
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), each});

  // The taps are one run of memory when the spatial dimensions of w are neighbours in order.
  SmallVector<int64_t> strides = stridesOf(wType);
  ArrayRef<int64_t> wDims = conv.getWDims();
  for (int64_t i = 2; i + 1 < rank; ++i)
    if (wDims[i + 1] != wDims[i] + 1)
      return std::optional<GeneratedFor>();
  int64_t strideO = strides[wDims[0]], strideI = strides[wDims[1]], strideTap = strides[wDims[rank - 1]];
  SmallVector<int64_t> shape = cpu::packedConvShape(spec, target);
  PackedOperand packed;
  packed.operand = weights;
  llvm::raw_string_ostream key(packed.key);
  key << "conv:" << spec.groups << ":" << strideO << ":" << strideI << ":" << strideTap;
  for (int64_t extent : shape)
    key << "x" << extent;
  cpu::ConvSpec layout = spec;
  layout.epilogue = {};
  packed.pack = [=](const HostTensor &w) {
    std::vector<std::byte> bytes =
        cpu::packConvWeights(layout, target, w.bytes(), byteWidth(w.dtype()), strideO, strideI, strideTap);
    return HostTensor::copyOf(w.dtype(), std::vector<int64_t>(shape.begin(), shape.end()), bytes);
  };
  generated.packed.push_back(std::move(packed));

  FailureOr<cpu::GeneratedKernel> made = cpu::generateConv(conv.getLoc(), spec, target);
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedFor>(std::move(generated));
}

/// A kernel that is one transposition of two neighbouring groups of dimensions behind a leading group that
/// stays.
std::optional<GeneratedFor> generateTransposition(host::KernelOp kernel, const cpu::TargetInfo &target) {
  Block &body = kernel.getBody().front();
  if (body.getOperations().size() != 2)
    return std::nullopt;
  auto transpose = dyn_cast<TransposeOp>(body.front());
  if (!transpose || !transpose.getType().getElementType().isF32())
    return std::nullopt;
  auto type = cast<RankedTensorType>(transpose.getX().getType());
  ArrayRef<int64_t> order = transpose.getPermutation();
  int64_t rank = order.size(), kept = 0;
  while (kept < rank && order[kept] == kept)
    ++kept;
  if (kept == rank)
    return std::nullopt;
  // The rest of the result begins with dimension `split` of x: rows are [kept, split), columns [split, rank).
  int64_t split = order[kept];
  for (int64_t i = kept; i < rank; ++i)
    if (order[i] != (i - kept < rank - split ? split + i - kept : kept + i - kept - (rank - split)))
      return std::nullopt;
  auto range = [](int64_t from, int64_t to) {
    SmallVector<int64_t> dims;
    for (int64_t i = from; i < to; ++i)
      dims.push_back(i);
    return dims;
  };
  SmallVector<int64_t> batch = range(0, kept), rows = range(kept, split), columns = range(split, rank);
  cpu::TransposeSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = mergedExtent(type, batch);
  spec.rows = mergedExtent(type, rows);
  spec.columns = mergedExtent(type, columns);
  // Narrow ones gain nothing from squares.
  if (ShapedType::isDynamic(spec.rows) || ShapedType::isDynamic(spec.columns) ||
      std::min(spec.rows, spec.columns) < int64_t(target.lanes()))
    return std::nullopt;
  GeneratedFor generated;
  generated.arguments.push_back({0, {batch, rows, columns}});
  generated.arguments.push_back(
      {1, {batch, range(kept, kept + rank - split), range(kept + rank - split, rank)}});
  generated.kernel = cpu::generateTranspose(transpose.getLoc(), spec, target);
  return generated;
}

/// A kernel that is one attention with a single result.
FailureOr<std::optional<GeneratedFor>> generateAttention(AttentionOp op, host::KernelOp kernel,
                                                         const cpu::TargetInfo &target) {
  Operation *end = kernel.getBody().front().getTerminator();
  if (end->getNumOperands() != 1 || end->getOperand(0) != op.getY())
    return std::optional<GeneratedFor>();
  auto qType = cast<RankedTensorType>(op.getQ().getType()),
       kType = cast<RankedTensorType>(op.getK().getType()),
       vType = cast<RankedTensorType>(op.getV().getType());
  int64_t rank = qType.getRank();
  SmallVector<int64_t> batch = llvm::to_vector(llvm::seq<int64_t>(rank - 3));
  MergedDims dims = {batch, {rank - 3}, {rank - 2}, {rank - 1}};
  cpu::AttentionSpec spec;
  spec.name = kernel.getSymName().str();
  spec.batch = mergedExtent(qType, batch);
  spec.heads = qType.getDimSize(rank - 3);
  spec.kvHeads = kType.getDimSize(rank - 3);
  spec.queries = qType.getDimSize(rank - 2);
  spec.keys = kType.getDimSize(rank - 2);
  spec.depth = qType.getDimSize(rank - 1);
  spec.values = vType.getDimSize(rank - 1);
  spec.scale = op.getScale().convertToDouble();
  spec.causal = op.getCausal() == Causal::top_left       ? cpu::AttentionSpec::Causal::TopLeft
                : op.getCausal() == Causal::bottom_right ? cpu::AttentionSpec::Causal::BottomRight
                                                         : cpu::AttentionSpec::Causal::None;
  spec.type = qType.getElementType();
  GeneratedFor generated;
  for (Value operand : {op.getQ(), op.getK(), op.getV(), op.getMask()}) {
    if (!operand)
      continue;
    int64_t number = argumentNumber(operand);
    if (number < 0)
      return std::optional<GeneratedFor>();
    generated.arguments.push_back({unsigned(number), dims});
  }
  if (op.getMask()) {
    auto type = cast<RankedTensorType>(op.getMask().getType());
    Type element = type.getElementType();
    if (element.isInteger(1))
      element = IntegerType::get(op.getContext(), 8);
    spec.mask = MemRefType::get({mergedExtent(type, batch), type.getDimSize(rank - 3),
                                 type.getDimSize(rank - 2), type.getDimSize(rank - 1)},
                                element);
  }
  generated.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), dims});
  FailureOr<cpu::GeneratedKernel> made = cpu::generateAttention(op.getLoc(), spec, target);
  if (failed(made))
    return failure();
  generated.kernel = std::move(*made);
  return std::optional<GeneratedFor>(std::move(generated));
}

} // namespace

bool weft::hasAttentionGenerator(AttentionOp op) {
  auto qType = cast<RankedTensorType>(op.getQ().getType()),
       kType = cast<RankedTensorType>(op.getK().getType()),
       vType = cast<RankedTensorType>(op.getV().getType()),
       yType = cast<RankedTensorType>(op.getY().getType());
  int64_t rank = qType.getRank();
  constexpr int64_t mostDepth = 256, fewQueries = 8;
  auto isSmall = [&](int64_t extent) { return extent >= 1 && extent <= mostDepth; };
  if (!isGemmFloat(qType) || kType.getElementType() != qType.getElementType() ||
      vType.getElementType() != qType.getElementType() || yType.getElementType() != qType.getElementType() ||
      !isSmall(qType.getDimSize(rank - 1)) || !isSmall(vType.getDimSize(rank - 1)) ||
      qType.isDynamicDim(rank - 3) || kType.isDynamicDim(rank - 3) || qType.getDimSize(rank - 3) == 0)
    return false;
  for (RankedTensorType type : {qType, kType, vType})
    if (llvm::is_contained(type.getShape(), 0))
      return false;
  // Few queries read keys once: packing them would cost more than the products.
  int64_t queries = qType.getDimSize(rank - 2);
  if (!ShapedType::isDynamic(queries) && queries < fewQueries)
    return false;
  if (op.getKvLength() || op.getRng() || !op.getLse().use_empty() || !op.getSoftcap().isZero() ||
      !op.getDropout().isZero() || static_cast<int64_t>(op.getWindowLeft()) >= 0 ||
      static_cast<int64_t>(op.getWindowRight()) >= 0)
    return false;
  Value mask = op.getMask();
  if (!mask)
    return true;
  // Along each dimension that the generator sees the mask is as the scores or 1.
  auto type = cast<RankedTensorType>(mask.getType());
  if (type.getRank() != rank || !(isGemmFloat(type) || type.getElementType().isInteger(1)))
    return false;
  bool all = true, none = true;
  for (int64_t d = 0; d < rank - 3; ++d) {
    all &= getDims(type)[d] == getDims(qType)[d];
    none &= type.getDimSize(d) == 1;
  }
  auto matches = [&](int64_t d, const Dim &wanted) {
    return type.getDimSize(d) == 1 || getDims(type)[d] == wanted;
  };
  return (all || none) && matches(rank - 3, getDims(qType)[rank - 3]) &&
         matches(rank - 2, getDims(qType)[rank - 2]) && matches(rank - 1, getDims(kType)[rank - 2]);
}

FailureOr<std::optional<GeneratedFor>> weft::generateKernel(host::KernelOp kernel,
                                                            const llvm::SmallBitVector &constantOperands,
                                                            const cpu::TargetInfo &target) {
  std::optional<Parts> parts = takeApart(kernel);
  if (parts && isa<DotGeneralOp>(parts->root))
    return generateDot(kernel, *parts, constantOperands, target);
  if (parts && isa<ConvOp>(parts->root))
    return generateConvolution(kernel, *parts, constantOperands, target);
  if (auto attention = dyn_cast<AttentionOp>(kernel.getBody().front().front());
      attention && hasAttentionGenerator(attention))
    return generateAttention(attention, kernel, target);
  return generateTransposition(kernel, target);
}
