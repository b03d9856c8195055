// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An attention taken apart for the generators of CPUs and GPUs: which ones they take, and how its dimensions
// merge.
#include "KernelParts.h"

#include "weft/Codegen/GPU/GenerateAttention.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

bool weft::hasAttentionGenerator(AttentionOp op, bool forGpu) {
  auto qType = cast<RankedTensorType>(op.getQ().getType()),
       kType = cast<RankedTensorType>(op.getK().getType()),
       vType = cast<RankedTensorType>(op.getV().getType()),
       yType = cast<RankedTensorType>(op.getY().getType());
  int64_t rank = qType.getRank();
  const int64_t mostDepth = forGpu ? gpu::mostAttentionDepth : 256;
  constexpr int64_t fewQueries = 8;
  auto isSmall = [&](int64_t extent) { return extent >= 1 && extent <= mostDepth; };
  if (!isGemmFloat(qType) || kType.getElementType() != qType.getElementType() ||
      vType.getElementType() != qType.getElementType() || yType.getElementType() != qType.getElementType() ||
      !isSmall(qType.getDimSize(rank - 1)) || !isSmall(vType.getDimSize(rank - 1)) ||
      qType.isDynamicDim(rank - 3) || kType.isDynamicDim(rank - 3) || qType.getDimSize(rank - 3) == 0)
    return false;
  for (RankedTensorType type : {qType, kType, vType})
    if (llvm::is_contained(type.getShape(), 0))
      return false;
  // Few queries read keys once: packing them, or a block of them, would cost more than the products.
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

std::optional<AttentionParts> weft::takeAttentionApart(host::KernelOp kernel, bool forGpu) {
  Block &body = kernel.getBody().front();
  auto attentions = body.getOps<AttentionOp>();
  if (attentions.empty())
    return std::nullopt;
  AttentionOp op = *attentions.begin();
  Operation *moved = transposedAttentionResult(op), *end = body.getTerminator();
  Value result = moved ? Value(moved->getResult(0)) : op.getY();
  if (!hasAttentionGenerator(op, forGpu) || end->getNumOperands() != 1 || end->getOperand(0) != result)
    return std::nullopt;
  auto qType = cast<RankedTensorType>(op.getQ().getType()),
       kType = cast<RankedTensorType>(op.getK().getType()),
       vType = cast<RankedTensorType>(op.getV().getType());
  int64_t rank = qType.getRank();
  SmallVector<int64_t> batch = llvm::to_vector(llvm::seq<int64_t>(rank - 3));
  MergedDims dims = {batch, {rank - 3}, {rank - 2}, {rank - 1}};
  AttentionParts parts;
  cpu::AttentionSpec &spec = parts.spec;
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
  bool isMoved = moved != nullptr;
  for (auto [operand, place] : {std::pair(op.getQ(), &spec.qPlace), std::pair(op.getK(), &spec.kPlace),
                                std::pair(op.getV(), &spec.vPlace)}) {
    AttentionPlace found = findAttentionPlace(operand);
    int64_t number = argumentNumber(found.source);
    if (number < 0)
      return std::nullopt;
    int64_t heads = rank - (found.rowsFirst ? 2 : 3);
    *place = {found.rowsFirst, found.firstHead,
              cast<RankedTensorType>(found.source.getType()).getDimSize(heads)};
    isMoved |= !found.ops.empty();
    parts.arguments.push_back({unsigned(number), dims});
  }
  spec.yPlace.rowsFirst = moved != nullptr;
  if (op.getMask()) {
    int64_t number = argumentNumber(op.getMask());
    if (number < 0)
      return std::nullopt;
    parts.arguments.push_back({unsigned(number), dims});
  }
  if (isMoved && forGpu)
    return std::nullopt;
  if (op.getMask()) {
    auto type = cast<RankedTensorType>(op.getMask().getType());
    Type element = type.getElementType();
    if (element.isInteger(1))
      element = IntegerType::get(op.getContext(), 8);
    spec.mask = MemRefType::get({mergedExtent(type, batch), type.getDimSize(rank - 3),
                                 type.getDimSize(rank - 2), type.getDimSize(rank - 1)},
                                element);
  }
  parts.arguments.push_back({unsigned(kernel.getArgumentTypes().size()), dims});
  return parts;
}
