// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reduce family: which axes go, and which element types a kind combines.
#include "weft/Dialect/Weft/ReduceOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft::ir;

/// `dims` without those of `axes`.
static SmallVector<Dim> dropAxes(ArrayRef<Dim> dims, ArrayRef<int64_t> axes) {
  SmallVector<Dim> kept;
  for (auto [i, dim] : llvm::enumerate(dims))
    if (!llvm::is_contained(axes, int64_t(i)))
      kept.push_back(dim);
  return kept;
}

//===-- reduce ------------------------------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ReduceOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  SmallVector<Dim> dims = getDims(adaptor.getX());
  if (failed(checkerOf<ReduceOp>(loc).axes("axis", adaptor.getAxes(), dims.size())))
    return failure();
  inferred.push_back(makeTensorType(dropAxes(dims, adaptor.getAxes()), getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool ReduceOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult ReduceOp::verify() { return Checker(*this).reduceKind(getKind(), getX().getType()); }

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  if (getAxes().empty() && getX().getType() == getType())
    return getX();
  return {};
}

namespace {
/// A reduction over axes of extent 1, or over none, only drops them: every kind of one element is that
/// element.
struct ReduceOfUnitAxes : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    SmallVector<Dim> dims = getDims(op.getX());
    if (!llvm::all_of(op.getAxes(), [&](int64_t axis) { return dims[axis].is(1); }))
      return failure();
    if (op.getAxes().empty()) {
      replaceWithCast(rewriter, op, op.getX());
      return success();
    }
    MixedList sizes;
    for (int64_t i = 0; i < int64_t(dims.size()); ++i)
      if (!llvm::is_contained(op.getAxes(), i))
        pushExtent(sizes, rewriter, op.getLoc(), op.getX(), i);
    replaceWithCast(
        rewriter, op,
        ReshapeOp::create(rewriter, op.getLoc(), op.getX(), sizes.values, sizes.statics).getResult());
    return success();
  }
};
} // namespace

void ReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ReduceOfUnitAxes>(context);
}

//===-- arg_reduce, cumulative --------------------------------------------------------------------------===//

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            ArgReduceOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  SmallVector<Dim> dims = getDims(adaptor.getX());
  int64_t axis = adaptor.getAxis();
  Checker check = checkerOf<ArgReduceOp>(loc);
  if (failed(check.axis("axis", axis, dims.size())))
    return failure();
  SmallVector<Dim> kept = dropAxes(dims, axis);
  if (dims[axis].is(0) && llvm::none_of(kept, [](const Dim &dim) { return !dim.isStatic() || dim.is(0); }))
    return check.refuse("has extent 0 in dimension ", axis, ", wanted an element to point at");
  inferred.push_back(makeTensorType(kept, IntegerType::get(context, 64)));
  return success();
}
bool ArgReduceOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult CumulativeOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             CumulativeOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = cast<RankedTensorType>(adaptor.getX().getType());
  if (failed(checkerOf<CumulativeOp>(loc).axis("axis", adaptor.getAxis(), type.getRank())))
    return failure();
  inferred.push_back(type);
  return success();
}
bool CumulativeOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult CumulativeOp::verify() { return Checker(*this).reduceKind(getKind(), getX().getType()); }

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ReduceOps.cpp.inc"
