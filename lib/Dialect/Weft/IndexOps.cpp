// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The index family: the shapes of gathered and scattered windows, sorting, and positions that depend on data.
#include "weft/Dialect/Weft/IndexOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

//===-- gather, scatter ---------------------------------------------------------------------------------===//

/// R[0:at] ++ I ++ R[at:]: the extents of what gather takes and scatter puts.
template <typename Adaptor>
static FailureOr<SmallVector<Dim>> inferTaken(const Checker &check, Adaptor adaptor) {
  SmallVector<Dim> x = getDims(adaptor.getX()), index = getDims(adaptor.getIndex());
  ArrayRef<int64_t> dims = adaptor.getDims(), batch = adaptor.getBatchDims(),
                    indexBatch = adaptor.getIndexBatchDims();
  if (index.empty())
    return check.refuse("has index of rank 0, wanted a last dimension of one entry per indexed dimension");
  if (!index.back().is(dims.size()))
    return check.refuse("has extent ", index.back().str(), " in the last dimension of index, wanted ",
                        dims.size(), ", one entry per indexed dimension");
  if (failed(check.axes("indexed or batch dimension",
                        llvm::to_vector(llvm::concat<const int64_t>(dims, batch)), x.size())) ||
      failed(check.length("index_batch_dims", indexBatch.size(), batch.size(), "batch dimension of x")) ||
      failed(check.axes("batch dimension of index", indexBatch, index.size() - 1)))
    return failure();
  index.pop_back();
  for (auto [i, k] : llvm::zip(batch, indexBatch)) {
    if (failed(check.extent("index", k, index[k], x[i])))
      return failure();
    index[k] = moreKnown(index[k], x[i]);
  }
  SmallVector<Dim> result;
  for (int64_t i = 0; i < int64_t(x.size()); ++i)
    if (!llvm::is_contained(dims, i) && !llvm::is_contained(batch, i))
      result.push_back(x[i]);
  int64_t at = adaptor.getAt();
  if (at < 0 || at > int64_t(result.size()))
    return check.refuse("has at ", at, ", wanted 0 to ", result.size(),
                        ", the number of dimensions taken whole");
  result.insert(result.begin() + at, index.begin(), index.end());
  return result;
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         GatherOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<GatherOp>(loc);
  auto result = inferTaken(check, adaptor);
  if (failed(result))
    return failure();
  if (llvm::none_of(*result, [](const Dim &dim) { return !dim.isStatic() || dim.is(0); }))
    for (int64_t i : adaptor.getDims())
      if (getDim(adaptor.getX(), i).is(0))
        return check.refuse("has extent 0 in indexed dimension ", i, " of x, wanted an element to take");
  inferred.push_back(makeTensorType(*result, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool GatherOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ScatterOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<ScatterOp>(loc);
  auto window = inferTaken(check, adaptor);
  if (failed(window) ||
      failed(check.sameElementType("update", adaptor.getUpdate().getType(), adaptor.getX().getType())) ||
      failed(check.result("update", adaptor.getUpdate().getType(), *window)))
    return failure();
  inferred.push_back(adaptor.getX().getType());
  return success();
}
bool ScatterOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult ScatterOp::verify() {
  Type element = getX().getType().getElementType();
  bool isNumber = element.isF64() || element.isF32() || element.isF16() || element.isBF16() ||
                  (isa<IntegerType>(element) && element.getIntOrFloatBitWidth() >= 8);
  if (getKind() != ScatterKind::set && !isNumber)
    return Checker(*this).refuse("combines ", element, " by ", stringifyScatterKind(getKind()),
                                 ", wanted numbers, or kind set");
  return success();
}

//===-- sort, top_k, non_zero ---------------------------------------------------------------------------===//

LogicalResult SortOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, SortOp::Adaptor adaptor,
                                       SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<SortOp>(loc);
  ValueRange xs = adaptor.getXs();
  int64_t keys = adaptor.getNumKeys();
  if (xs.empty())
    return check.refuse("has no operands, wanted at least one key");
  if (keys < 1 || keys > int64_t(xs.size()))
    return check.refuse("has ", keys, " keys, wanted 1 to ", xs.size(), ", the number of operands");
  SmallVector<Dim> dims = getDims(xs[0]);
  if (failed(check.axis("axis", adaptor.getAxis(), dims.size())))
    return failure();
  for (auto [i, x] : llvm::enumerate(xs)) {
    std::string name = "operand #" + std::to_string(i);
    if (failed(check.result(name, x.getType(), dims)))
      return failure();
    for (auto [known, own] : llvm::zip(dims, getDims(x)))
      known = moreKnown(known, own);
  }
  for (Value x : xs)
    inferred.push_back(makeTensorType(dims, getElementTypeOrSelf(x)));
  return success();
}
bool SortOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult TopKOp::verify() {
  Checker check(*this);
  SmallVector<Dim> dims = getDims(getX());
  int64_t axis = getAxis();
  if (failed(check.axis("axis", axis, dims.size())))
    return failure();
  if (getStaticK().size() != 1)
    return check.refuse("has ", getStaticK().size(), " entries in k, wanted 1");
  if (failed(check.mixed("k", getStaticK(), getK().size(), 0)) ||
      failed(check.sameElementType("values", getValues().getType(), getX().getType())))
    return failure();
  Dim k(getStaticK()[0]);
  if (ShapedType::isDynamic(getStaticK()[0]))
    k = Dim();
  else if (dims[axis].isStatic() && k.getStatic() > dims[axis].getStatic())
    return check.refuse("has k ", k.getStatic(), ", wanted at most ", dims[axis].getStatic(),
                        ", the extent of dimension ", axis);
  dims[axis] = k;
  if (failed(check.result("values", getValues().getType(), dims)))
    return failure();
  return check.result("indices", getIndices().getType(), dims);
}

LogicalResult NonZeroOp::verify() {
  Checker check(*this);
  SmallVector<Dim> from = getDims(getX());
  if (failed(check.result("the result", getType(), {Dim(), Dim(from.size())})))
    return failure();
  Dim found = getDim(getResult(), 0), count = productOf(from);
  if (found.isStatic() && count.isStatic() && found.getStatic() > count.getStatic())
    return check.refuse("has ", found.getStatic(), " positions, wanted at most ", count.getStatic(),
                        ", the number of elements");
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/IndexOps.cpp.inc"
