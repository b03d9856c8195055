// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attention family: how queries, keys, values and mask must meet.
#include "weft/Dialect/Weft/AttentionOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft::ir;

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            AttentionOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<AttentionOp>(loc);
  Type type = adaptor.getQ().getType();
  SmallVector<Dim> q = getDims(type), k = getDims(adaptor.getK()), v = getDims(adaptor.getV());
  size_t rank = q.size();
  if (failed(check.rankAtLeast("q", type, 3)))
    return failure();
  if (k.size() != rank)
    return check.refuse("has k of rank ", k.size(), ", wanted ", rank, ", the rank of q");
  if (v.size() != rank)
    return check.refuse("has v of rank ", v.size(), ", wanted ", rank, ", the rank of q");
  if (failed(check.sameElementType("k", adaptor.getK().getType(), type)) ||
      failed(check.sameElementType("v", adaptor.getV().getType(), type)))
    return failure();
  size_t heads = rank - 3, positions = rank - 2, features = rank - 1;
  for (size_t i = 0; i < heads; ++i) {
    if (failed(check.extent("k", i, k[i], q[i])))
      return failure();
    q[i] = moreKnown(q[i], k[i]);
    if (failed(check.extent("v", i, v[i], q[i])))
      return failure();
    q[i] = moreKnown(q[i], v[i]);
  }
  if (failed(check.extent("k", features, k[features], q[features])) ||
      failed(check.extent("v", heads, v[heads], k[heads])) ||
      failed(check.extent("v", positions, v[positions], k[positions])))
    return failure();
  Dim groups = moreKnown(k[heads], v[heads]);
  if (q[heads].isStatic() && groups.isStatic()) {
    int64_t h = q[heads].getStatic(), g = groups.getStatic();
    if (g == 0 ? h != 0 : h % g != 0)
      return check.refuse("has ", g, " heads in dimension ", heads, " of k and v, wanted a divisor of the ",
                          h, " of q");
  }
  SmallVector<Dim> y = q;
  y[features] = v[features];
  inferred.push_back(makeTensorType(y, getElementTypeOrSelf(type)));
  y.pop_back();
  inferred.push_back(makeTensorType(y, Float32Type::get(context)));
  return success();
}
bool AttentionOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

/// `type` unit broadcasts to `wanted`.
static LogicalResult checkStretches(const Checker &check, StringRef what, Type type, ArrayRef<Dim> wanted) {
  SmallVector<Dim> dims = getDims(type);
  if (dims.size() != wanted.size())
    return check.refuse("has ", what, " of rank ", dims.size(), ", wanted ", wanted.size());
  for (auto [i, dim] : llvm::enumerate(dims))
    if (!dim.is(1) && dim.conflictsWith(wanted[i]))
      return check.refuse("has extent ", dim.str(), " in dimension ", i, " of ", what, ", wanted ",
                          wanted[i].str(), " or 1");
  return success();
}

LogicalResult AttentionOp::verify() {
  Checker check(*this);
  SmallVector<Dim> q = getDims(getQ()), k = getDims(getK());
  size_t rank = q.size();
  if (rank < 3 || k.size() != rank)
    return success(); // inference tells
  if (Value mask = getMask()) {
    Type element = getElementTypeOrSelf(mask), own = getQ().getType().getElementType();
    if (!element.isInteger(1) && element != own && !element.isF32())
      return check.refuse("has element type ", element, " in mask, wanted i1, f32 or ", own);
    SmallVector<Dim> scores = q;
    scores[rank - 1] = k[rank - 2];
    if (failed(checkStretches(check, "mask", mask.getType(), scores)))
      return failure();
  }
  if (Value length = getKvLength())
    if (cast<RankedTensorType>(length.getType()).getRank() != 0 &&
        failed(checkStretches(check, "kv_length", length.getType(), ArrayRef<Dim>(q).drop_back(3))))
      return failure();
  if (Value rng = getRng())
    if (failed(check.result("rng", rng.getType(), {Dim(2)})))
      return failure();
  double dropout = getDropout().convertToDouble(), softcap = getSoftcap().convertToDouble();
  if (!(dropout >= 0 && dropout < 1))
    return check.refuse("has dropout ", dropout, ", wanted at least 0 and less than 1");
  if (dropout > 0 && !getRng())
    return check.refuse("has dropout without rng, wanted a key for it");
  if (!(softcap >= 0) || std::isinf(softcap))
    return check.refuse("has softcap ", softcap, ", wanted a finite number that is not negative");
  if (!getScale().isFinite())
    return check.refuse("has scale ", getScale().convertToDouble(), ", wanted a finite number");
  if (int64_t left = getWindowLeft(); left < -1)
    return check.refuse("has window_left ", left, ", wanted -1 for none or a distance");
  if (int64_t right = getWindowRight(); right < -1)
    return check.refuse("has window_right ", right, ", wanted -1 for none or a distance");
  return success();
}

/// Whether the transposition swaps the second and the third dimension from the end.
static bool swapsHeadsAndRows(TransposeOp op) {
  SmallVector<int64_t> wanted = llvm::to_vector(llvm::seq<int64_t>(op.getPermutation().size()));
  if (wanted.size() < 3)
    return false;
  std::swap(wanted[wanted.size() - 3], wanted[wanted.size() - 2]);
  return op.getPermutation() == ArrayRef<int64_t>(wanted);
}

AttentionPlace weft::ir::findAttentionPlace(Value operand) {
  AttentionPlace place;
  place.source = operand;
  if (auto transpose = operand.getDefiningOp<TransposeOp>();
      transpose && transpose->hasOneUse() && swapsHeadsAndRows(transpose)) {
    place.source = transpose.getX();
    place.rowsFirst = true;
    place.ops.push_back(transpose);
  }
  auto slice = place.source.getDefiningOp<SliceOp>();
  if (!slice || !slice->hasOneUse())
    return place;
  int64_t heads = slice.getType().getRank() - (place.rowsFirst ? 2 : 3);
  if (!slice.isRangeAlong(heads))
    return place;
  place.source = slice.getX();
  place.firstHead = slice.getStaticStarts()[heads];
  place.ops.insert(place.ops.begin(), slice);
  return place;
}

Operation *weft::ir::transposedAttentionResult(AttentionOp op) {
  if (!op.getY().hasOneUse())
    return nullptr;
  auto transpose = dyn_cast<TransposeOp>(*op.getY().user_begin());
  return transpose && swapsHeadsAndRows(transpose) ? transpose : nullptr;
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/AttentionOps.cpp.inc"
