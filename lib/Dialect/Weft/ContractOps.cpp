// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract family: which dimensions meet in a product, and the shapes of dense linear algebra.
#include "weft/Dialect/Weft/ContractOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/Quantised.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft::ir;

//===-- dot_general -------------------------------------------------------------------------------------===//

/// Dimensions below `rank` in neither list, in order.
static SmallVector<int64_t> freeDims(int64_t rank, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  SmallVector<int64_t> rest;
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i))
      rest.push_back(i);
  return rest;
}

SmallVector<int64_t> DotGeneralOp::getLhsFree() {
  return freeDims(getLhs().getType().getRank(), getLhsBatch(), getLhsContract());
}
SmallVector<int64_t> DotGeneralOp::getRhsFree() {
  return freeDims(getRhs().getType().getRank(), getRhsBatch(), getRhsContract());
}

/// Batch, free dimensions of lhs, free dimensions of rhs.
static FailureOr<SmallVector<Dim>> inferDot(const Checker &check, Value lhs, Value rhs,
                                            ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                                            ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract) {
  SmallVector<Dim> l = getDims(lhs), r = getDims(rhs);
  if (failed(check.axes("lhs dimension", llvm::to_vector(llvm::concat<const int64_t>(lhsBatch, lhsContract)),
                        l.size())) ||
      failed(check.axes("rhs dimension", llvm::to_vector(llvm::concat<const int64_t>(rhsBatch, rhsContract)),
                        r.size())) ||
      failed(check.length("rhs_batch", rhsBatch.size(), lhsBatch.size(), "batch dimension of lhs")) ||
      failed(check.length("rhs_contract", rhsContract.size(), lhsContract.size(),
                          "contracted dimension of lhs")))
    return failure();
  for (auto [i, k] : llvm::zip(lhsContract, rhsContract))
    if (failed(check.extent("rhs", k, r[k], l[i])))
      return failure();
  SmallVector<Dim> result;
  for (auto [i, k] : llvm::zip(lhsBatch, rhsBatch)) {
    if (failed(check.extent("rhs", k, r[k], l[i])))
      return failure();
    result.push_back(moreKnown(l[i], r[k]));
  }
  for (int64_t i : freeDims(l.size(), lhsBatch, lhsContract))
    result.push_back(l[i]);
  for (int64_t i : freeDims(r.size(), rhsBatch, rhsContract))
    result.push_back(r[i]);
  return result;
}

/// Result element types of products: the operands', or a wider one of the same class.
static LogicalResult checkAccumulator(const Checker &check, Type operand, Type result) {
  if (operand == result)
    return success();
  if (isa<FloatType>(operand) == isa<FloatType>(result) &&
      result.getIntOrFloatBitWidth() > operand.getIntOrFloatBitWidth())
    return success();
  return check.refuse("has result element type ", result, ", wanted ", operand,
                      " or a wider one of its class");
}

LogicalResult DotGeneralOp::verify() {
  Checker check(*this);
  auto dims =
      inferDot(check, getLhs(), getRhs(), getLhsBatch(), getRhsBatch(), getLhsContract(), getRhsContract());
  if (failed(dims))
    return failure();
  Type element = getLhs().getType().getElementType(), other = getRhs().getType().getElementType();
  // Bytes of different signs multiply as they are: instructions for them want that, or do not mind.
  bool areBytes = isByte(element) && isByte(other);
  if ((!areBytes && failed(check.sameElementType("rhs", getRhs().getType(), element))) ||
      failed(checkAccumulator(check, element, getType().getElementType())))
    return failure();
  return check.result("the result", getType(), *dims);
}

void DotGeneralOp::build(OpBuilder &builder, OperationState &state, Value lhs, Value rhs,
                         ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                         ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract, Type elementType) {
  auto dims = inferDot(checkerOf<DotGeneralOp>(state.location), lhs, rhs, lhsBatch, rhsBatch, lhsContract,
                       rhsContract);
  Type element = elementType ? elementType : getElementTypeOrSelf(lhs);
  // Refused dimensions have been told; the verifier tells again.
  Type result = succeeded(dims) ? makeTensorType(*dims, element) : RankedTensorType::get({}, element);
  build(builder, state, result, lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract, Precision::ieee);
}

namespace {
/// A product with a transposed constant is one that contracts its other dimension: weights are packed from
/// where they lie, not transposed first.
struct TransposedWeights : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp dot, PatternRewriter &rewriter) const override {
    auto transpose = dot.getRhs().getDefiningOp<TransposeOp>();
    if (!transpose || !transpose.getX().getDefiningOp<ConstantOp>() || transpose.getType().getRank() != 2 ||
        dot.getRhsContract().size() != 1 || !dot.getRhsBatch().empty())
      return failure();
    rewriter.modifyOpInPlace(dot, [&] {
      dot.getRhsMutable().assign(transpose.getX());
      dot.setRhsContract(transpose.getPermutation()[dot.getRhsContract().front()]);
    });
    return success();
  }
};
} // namespace

void DotGeneralOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<TransposedWeights>(context);
}

//===-- Factorisations ----------------------------------------------------------------------------------===//

/// The two last extents, which must be equal; what is known of either is set on both.
static LogicalResult checkSquare(const Checker &check, StringRef what, Type type,
                                 SmallVectorImpl<Dim> &dims) {
  if (failed(check.rankAtLeast(what, type, 2)))
    return failure();
  dims = getDims(type);
  Dim &rows = dims[dims.size() - 2], &columns = dims.back();
  if (failed(check.extent(what, dims.size() - 1, columns, rows)))
    return failure();
  rows = columns = moreKnown(rows, columns);
  return success();
}

LogicalResult CholeskyOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                           CholeskyOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  SmallVector<Dim> dims;
  Type type = adaptor.getOperand().getType();
  if (failed(checkSquare(checkerOf<CholeskyOp>(loc), "the operand", type, dims)))
    return failure();
  inferred.push_back(makeTensorType(dims, getElementTypeOrSelf(type)));
  return success();
}
bool CholeskyOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult TriangularSolveOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                  TriangularSolveOp::Adaptor adaptor,
                                                  SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<TriangularSolveOp>(loc);
  Type aType = adaptor.getA().getType(), bType = adaptor.getB().getType();
  SmallVector<Dim> a, b = getDims(bType);
  if (failed(checkSquare(check, "a", aType, a)) || failed(check.sameElementType("b", bType, aType)))
    return failure();
  size_t rank = a.size();
  if (b.size() != rank)
    return check.refuse("has b of rank ", b.size(), ", wanted ", rank, ", the rank of a");
  for (size_t i = 0; i + 2 < rank; ++i) {
    if (failed(check.extent("b", i, b[i], a[i])))
      return failure();
    b[i] = moreKnown(b[i], a[i]);
  }
  size_t solved = adaptor.getLeft() ? rank - 2 : rank - 1;
  if (failed(check.extent("b", solved, b[solved], a.back())))
    return failure();
  b[solved] = moreKnown(b[solved], a.back());
  inferred.push_back(makeTensorType(b, getElementTypeOrSelf(bType)));
  return success();
}
bool TriangularSolveOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult LuOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc, LuOp::Adaptor adaptor,
                                     SmallVectorImpl<Type> &inferred) {
  Type type = adaptor.getOperand().getType();
  if (failed(checkerOf<LuOp>(loc).rankAtLeast("the operand", type, 2)))
    return failure();
  SmallVector<Dim> dims = getDims(type);
  Dim columns = dims.pop_back_val(), rows = dims.pop_back_val();
  Dim least;
  if (rows.isStatic() && columns.isStatic())
    least = Dim(std::min(rows.getStatic(), columns.getStatic()));
  else if (rows == columns)
    least = rows;
  Type i32 = IntegerType::get(context, 32);
  inferred.push_back(type);
  dims.push_back(least);
  inferred.push_back(makeTensorType(dims, i32));
  dims.back() = rows;
  inferred.push_back(makeTensorType(dims, i32));
  return success();
}
bool LuOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

//===-- fft ---------------------------------------------------------------------------------------------===//

LogicalResult FftOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, FftOp::Adaptor adaptor,
                                      SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<FftOp>(loc);
  Type type = adaptor.getRe().getType();
  FftKind kind = adaptor.getKind();
  SmallVector<Dim> dims = getDims(type);
  ArrayRef<int64_t> axes = adaptor.getAxes();
  if (axes.empty() || axes.size() > 3)
    return check.refuse("has ", axes.size(), " axes, wanted 1 to 3");
  for (auto [i, axis] : llvm::enumerate(axes))
    if (int64_t last = int64_t(dims.size()) - int64_t(axes.size()) + int64_t(i); axis != last || last < 0)
      return check.refuse("has axis ", axis, " at position ", i, " of axes, wanted the last ", axes.size(),
                          " of the tensor's ", dims.size(), " dimensions in order");
  if (kind == FftKind::r2c) {
    if (adaptor.getIm())
      return check.refuse("has an imaginary part, wanted none for r2c");
  } else if (!adaptor.getIm()) {
    return check.refuse("has no imaginary part, wanted one for ", stringifyFftKind(kind));
  }
  if (Value im = adaptor.getIm()) {
    SmallVector<Dim> other = getDims(im);
    if (failed(check.sameElementType("the imaginary part", im.getType(), type)) ||
        failed(check.result("the imaginary part", im.getType(), dims)))
      return failure();
    for (auto [a, b] : llvm::zip(dims, other))
      a = moreKnown(a, b);
  }
  if (adaptor.getLength().has_value() != (kind == FftKind::c2r))
    return check.refuse(kind == FftKind::c2r ? "has no length, wanted one for c2r"
                                             : "has a length, wanted it for c2r only");
  if (kind == FftKind::r2c)
    dims.back() = dims.back().floorDiv(Dim(2)) + Dim(1);
  if (kind == FftKind::c2r) {
    int64_t length = *adaptor.getLength();
    if (length < 1)
      return check.refuse("has length ", length, ", wanted at least 1");
    if (failed(check.extent("the operand", dims.size() - 1, dims.back(), Dim(length / 2 + 1))))
      return failure();
    dims.back() = Dim(length);
  }
  inferred.assign(kind == FftKind::c2r ? 1 : 2, makeTensorType(dims, getElementTypeOrSelf(type)));
  return success();
}
bool FftOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ContractOps.cpp.inc"
