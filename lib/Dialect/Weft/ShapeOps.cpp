// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shape family: inference, verifiers and builders. Folds and rewrites are in ShapeFolds.cpp.
#include "weft/Dialect/Weft/ShapeOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::ir;

//===-- constant, iota, dim -----------------------------------------------------------------------------===//

LogicalResult ConstantOp::verify() {
  Checker check(*this);
  if (!getType().hasStaticShape() || getType().getEncoding())
    return check.refuse("has type ", getType(), ", wanted numbers for all extents");
  if (auto data = dyn_cast<DataAttr>(getValue())) {
    if (data.getHash().size() != 64 || !llvm::all_of(data.getHash(), llvm::isHexDigit))
      return check.refuse("names its elements '", data.getHash(), "', wanted a hash of 64 hex digits");
    return success();
  }
  if (!isa<ElementsAttr>(getValue()))
    return check.refuse("has the value ", getValue(), ", wanted elements or #weft.data");
  return success();
}

LogicalResult IotaOp::verify() {
  Checker check(*this);
  if (failed(check.mixed("sizes", getStaticSizes(), getSizes().size(), 0)) ||
      failed(check.axis("axis", getAxis(), getStaticSizes().size())))
    return failure();
  SmallVector<Dim> sizes = getMixedDims(getStaticSizes(), getSizes());
  if (failed(check.sizes(sizes)))
    return failure();
  return check.result("the result", getType(), sizes);
}

LogicalResult DimOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                      DimOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = cast<RankedTensorType>(adaptor.getX().getType());
  if (failed(checkerOf<DimOp>(loc).axis("axis", adaptor.getAxis(), type.getRank())))
    return failure();
  inferred.push_back(RankedTensorType::get({}, IntegerType::get(context, 64)));
  return success();
}
bool DimOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

//===-- reshape -----------------------------------------------------------------------------------------===//

/// Product of the numbers among `dims`; nothing when it does not fit in 64 bits.
static std::optional<int64_t> staticProduct(ArrayRef<Dim> dims) {
  int64_t product = 1;
  bool overflow = false;
  for (const Dim &dim : dims) {
    if (dim.is(0))
      return 0;
    if (dim.isStatic())
      overflow |= bool(llvm::MulOverflow(product, dim.getStatic(), product));
  }
  return overflow ? std::nullopt : std::optional<int64_t>(product);
}

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ReshapeOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<ReshapeOp>(loc);
  ArrayRef<int64_t> statics = adaptor.getStaticSizes();
  if (failed(check.mixed("sizes", statics, adaptor.getSizes().size(), -1)))
    return failure();
  if (llvm::count(statics, -1) > 1)
    return check.refuse("has ", llvm::count(statics, -1), " sizes to infer, wanted at most one");
  SmallVector<Dim> from = getDims(adaptor.getX()), to = getMixedDims(statics, adaptor.getSizes());
  int64_t hole = llvm::find(statics, -1) - statics.begin();
  bool asked = hole < int64_t(statics.size());
  if (asked)
    to[hole] = Dim();
  else if (llvm::count_if(to, [](const Dim &dim) { return dim.isUnknown(); }) == 1)
    // Counts are equal, so that the others tell the one unknown extent too.
    hole = llvm::find_if(to, [](const Dim &dim) { return dim.isUnknown(); }) - to.begin();
  else
    hole = -1;
  if (failed(check.sizes(to)))
    return failure();

  // What stands on both sides cancels, as far as it is not known to be 0.
  SmallVector<Dim> left = from, right;
  for (auto [i, dim] : llvm::enumerate(to)) {
    if (int64_t(i) == hole)
      continue;
    auto *twin = dim.is(0) ? left.end() : llvm::find(left, dim);
    if (twin != left.end())
      left.erase(twin);
    else
      right.push_back(dim);
  }
  std::optional<int64_t> leftNumber = staticProduct(left), rightNumber = staticProduct(right);
  if (!leftNumber || !rightNumber)
    return check.refuse("has more than 2^63 elements, wanted fewer");
  auto isNumber = [](const Dim &dim) { return dim.isStatic(); };
  bool leftKnown = *leftNumber == 0 || llvm::all_of(left, isNumber);
  bool rightKnown = *rightNumber == 0 || llvm::all_of(right, isNumber);
  auto told = [](ArrayRef<Dim> dims) {
    return llvm::join(llvm::map_range(dims, [](const Dim &dim) { return dim.str(); }), "x");
  };
  if (hole < 0) {
    if (leftKnown && rightKnown && *leftNumber != *rightNumber)
      return check.refuse("has sizes ", told(to), ", wanted as many elements as ", told(from));
  } else if (leftKnown && rightKnown) {
    if (*rightNumber == 0) {
      if (asked || *leftNumber != 0)
        return check.refuse("has sizes ", told(to),
                            " of no elements, wanted none to infer and as many elements as ", told(from));
    } else if (*leftNumber % *rightNumber != 0) {
      return check.refuse("has sizes ", told(to), ", wanted as many elements as ", told(from));
    } else {
      to[hole] = Dim(*leftNumber / *rightNumber);
    }
  } else if (rightKnown && *rightNumber != 0 && *leftNumber % *rightNumber == 0) {
    llvm::erase_if(left, isNumber);
    to[hole] = productOf(left) * Dim(*leftNumber / *rightNumber);
  } else if (*rightNumber != 0) {
    to[hole] = productOf(left).floorDiv(productOf(right));
  }
  inferred.push_back(makeTensorType(to, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool ReshapeOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

void ReshapeOp::build(OpBuilder &builder, OperationState &state, Value x, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> statics(sizes);
  llvm::replace(statics, ShapedType::kDynamic, int64_t(-1));
  build(builder, state, x, ValueRange(), statics);
}

//===-- transpose, broadcast ----------------------------------------------------------------------------===//

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            TransposeOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  SmallVector<Dim> dims = getDims(adaptor.getX()), result;
  if (failed(checkerOf<TransposeOp>(loc).permutation("permutation", adaptor.getPermutation(), dims.size())))
    return failure();
  for (int64_t from : adaptor.getPermutation())
    result.push_back(dims[from]);
  inferred.push_back(makeTensorType(result, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool TransposeOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult BroadcastOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            BroadcastOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<BroadcastOp>(loc);
  SmallVector<Dim> from = weft::ir::getDims(adaptor.getX());
  ArrayRef<int64_t> places = adaptor.getDims();
  if (failed(check.mixed("sizes", adaptor.getStaticSizes(), adaptor.getSizes().size(), 0)) ||
      failed(check.length("dims", places.size(), from.size(), "dimension of x")) ||
      failed(check.axes("dims entry", places, adaptor.getStaticSizes().size())))
    return failure();
  SmallVector<Dim> to = getMixedDims(adaptor.getStaticSizes(), adaptor.getSizes());
  if (failed(check.sizes(to)))
    return failure();
  for (auto [i, place] : llvm::enumerate(places)) {
    if (from[i].is(1))
      continue;
    if (from[i].conflictsWith(to[place]))
      return check.refuse("has size ", to[place].str(), " in dimension ", place, ", wanted ", from[i].str(),
                          ", the extent of dimension ", i, " of x");
    // What is a number other than 1 does not stretch.
    if (from[i].isStatic())
      to[place] = from[i];
  }
  inferred.push_back(makeTensorType(to, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool BroadcastOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

void BroadcastOp::build(OpBuilder &builder, OperationState &state, Value x, ArrayRef<int64_t> sizes,
                        ArrayRef<int64_t> dims) {
  MixedList list;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (!ShapedType::isDynamic(size)) {
      list.push(size);
      continue;
    }
    const int64_t *from = llvm::find(dims, int64_t(i));
    assert(from != dims.end() && "a dynamic size stands for an extent of x");
    pushExtent(list, builder, state.location, x, from - dims.begin());
  }
  build(builder, state, x, list.values, list.statics, dims);
}

//===-- slice, update_slice -----------------------------------------------------------------------------===//

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, SliceOp::Adaptor adaptor,
                                        SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<SliceOp>(loc);
  SmallVector<Dim> dims = getDims(adaptor.getX());
  ArrayRef<int64_t> starts = adaptor.getStaticStarts(), sizes = adaptor.getStaticSizes(),
                    strides = adaptor.getStrides();
  StringRef what = "dimension of x";
  if (failed(check.length("starts", starts.size(), dims.size(), what)) ||
      failed(check.length("sizes", sizes.size(), dims.size(), what)) ||
      failed(check.length("strides", strides.size(), dims.size(), what)) ||
      failed(check.mixed("starts", starts, adaptor.getStarts().size(), 0)) ||
      failed(check.mixed("sizes", sizes, adaptor.getSizes().size(), 0)) ||
      failed(check.range("strides", strides, 1, std::numeric_limits<int64_t>::max())))
    return failure();
  SmallVector<Dim> result = getMixedDims(sizes, adaptor.getSizes());
  DimBounds bounds(adaptor.getX());
  for (size_t i = 0; i < dims.size(); ++i) {
    if (ShapedType::isDynamic(sizes[i])) {
      // At run time the size is what the extent holds at most, so it keeps its expression only where that is
      // proved.
      if (!bounds.provesAtMost(result[i], dims[i].ceilDiv(strides[i])) ||
          !bounds.provesAtMost(Dim(0), result[i]))
        result[i] = Dim();
      continue;
    }
    int64_t reach = 0, end;
    if (sizes[i] > 0 &&
        (llvm::MulOverflow(sizes[i] - 1, strides[i], reach) || llvm::AddOverflow(reach, int64_t(1), reach)))
      return check.refuse("spans more than 2^63 positions in dimension ", i, ", wanted fewer");
    if (llvm::AddOverflow(reach, ShapedType::isDynamic(starts[i]) ? 0 : starts[i], end))
      return check.refuse("ends beyond 2^63 in dimension ", i, ", wanted less");
    if (dims[i].isStatic() && end > dims[i].getStatic())
      return check.refuse("ends at ", end, " in dimension ", i, ", wanted at most the extent ",
                          dims[i].getStatic());
  }
  inferred.push_back(makeTensorType(result, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool SliceOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

void SliceOp::build(OpBuilder &builder, OperationState &state, Value x, ArrayRef<int64_t> starts,
                    ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  SmallVector<int64_t> steps(strides);
  if (steps.empty())
    steps.assign(sizes.size(), 1);
  // A dynamic size is what remains from the start on.
  Location loc = state.location;
  MixedList list;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (!ShapedType::isDynamic(size)) {
      list.push(size);
      continue;
    }
    Dim extent = getDim(x, i);
    if (extent.isStatic()) {
      list.push(llvm::divideCeil(uint64_t(std::max<int64_t>(extent.getStatic() - starts[i], 0)),
                                 uint64_t(steps[i])));
      continue;
    }
    Value rest = DimOp::create(builder, loc, x, i);
    if (int64_t before = starts[i] - (steps[i] - 1))
      rest = SubOp::create(builder, loc, rest, createShapeValue(builder, loc, before));
    if (steps[i] != 1)
      rest = DivOp::create(builder, loc, rest, createShapeValue(builder, loc, steps[i]));
    list.push(rest);
  }
  build(builder, state, x, ValueRange(), list.values, starts, list.statics, steps);
}

bool SliceOp::isRangeAlong(int64_t axis) {
  if (!llvm::all_of(getStrides(), [](int64_t stride) { return stride == 1; }) ||
      ShapedType::isDynamic(getStaticStarts()[axis]) || ShapedType::isDynamic(getStaticSizes()[axis]))
    return false;
  // A window as long as the extent starts at 0, whatever its start says.
  for (auto [d, extent, size] : llvm::enumerate(weft::ir::getDims(getX()), weft::ir::getDims(getResult())))
    if (int64_t(d) == axis ? !extent.isStatic() : extent != size)
      return false;
  return true;
}

LogicalResult UpdateSliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                              UpdateSliceOp::Adaptor adaptor,
                                              SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<UpdateSliceOp>(loc);
  SmallVector<Dim> dims = getDims(adaptor.getX()), update = getDims(adaptor.getUpdate());
  ArrayRef<int64_t> starts = adaptor.getStaticStarts();
  if (failed(check.sameElementType("update", adaptor.getUpdate().getType(), adaptor.getX().getType())))
    return failure();
  if (update.size() != dims.size())
    return check.refuse("has update of rank ", update.size(), ", wanted ", dims.size(), ", the rank of x");
  if (failed(check.length("starts", starts.size(), dims.size(), "dimension of x")) ||
      failed(check.mixed("starts", starts, adaptor.getStarts().size(), 0)))
    return failure();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!update[i].isStatic() || !dims[i].isStatic())
      continue;
    int64_t end;
    if (llvm::AddOverflow(update[i].getStatic(), ShapedType::isDynamic(starts[i]) ? 0 : starts[i], end) ||
        end > dims[i].getStatic())
      return check.refuse("updates ", update[i].getStatic(), " elements",
                          ShapedType::isDynamic(starts[i]) ? std::string()
                                                           : " from " + std::to_string(starts[i]),
                          " in dimension ", i, ", wanted them within the extent ", dims[i].getStatic());
  }
  inferred.push_back(adaptor.getX().getType());
  return success();
}
bool UpdateSliceOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

//===-- concat, pad, reverse, cast_shape ----------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ConcatOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<ConcatOp>(loc);
  if (adaptor.getXs().empty())
    return check.refuse("has no operands, wanted at least one");
  Type first = adaptor.getXs()[0].getType();
  SmallVector<Dim> result = getDims(first);
  int64_t axis = adaptor.getAxis();
  if (failed(check.axis("axis", axis, result.size())))
    return failure();
  for (auto [number, x] : llvm::enumerate(adaptor.getXs().drop_front())) {
    std::string name = "operand #" + std::to_string(number + 1);
    SmallVector<Dim> dims = getDims(x);
    if (failed(check.sameElementType(name, x.getType(), first)))
      return failure();
    if (dims.size() != result.size())
      return check.refuse("has ", name, " of rank ", dims.size(), ", wanted ", result.size(),
                          ", the rank of operand #0");
    for (int64_t i = 0; i < int64_t(dims.size()); ++i) {
      if (i != axis) {
        if (failed(check.extent(name, i, dims[i], result[i])))
          return failure();
        result[i] = moreKnown(result[i], dims[i]);
        continue;
      }
      int64_t sum;
      if (result[i].isStatic() && dims[i].isStatic() &&
          llvm::AddOverflow(result[i].getStatic(), dims[i].getStatic(), sum))
        return check.refuse("has more than 2^63 elements in dimension ", i, ", wanted fewer");
      result[i] = result[i] + dims[i];
    }
  }
  inferred.push_back(makeTensorType(result, getElementTypeOrSelf(first)));
  return success();
}
bool ConcatOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, PadOp::Adaptor adaptor,
                                      SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<PadOp>(loc);
  SmallVector<Dim> dims = getDims(adaptor.getX());
  ArrayRef<int64_t> low = adaptor.getStaticLow(), high = adaptor.getStaticHigh(),
                    interior = adaptor.getInterior();
  StringRef what = "dimension of x";
  if (failed(check.length("low", low.size(), dims.size(), what)) ||
      failed(check.length("high", high.size(), dims.size(), what)) ||
      failed(check.length("interior", interior.size(), dims.size(), what)) ||
      failed(check.mixed("low", low, adaptor.getLow().size(), -maxWindowNumber)) ||
      failed(check.mixed("high", high, adaptor.getHigh().size(), -maxWindowNumber)) ||
      failed(check.range("low", low, ShapedType::kDynamic, maxWindowNumber)) ||
      failed(check.range("high", high, ShapedType::kDynamic, maxWindowNumber)) ||
      failed(check.range("interior", interior, 0, maxWindowNumber - 1)))
    return failure();
  SmallVector<Dim> lows = getMixedDims(low, adaptor.getLow()), highs = getMixedDims(high, adaptor.getHigh());
  for (size_t i = 0; i < dims.size(); ++i) {
    auto isSmall = [](const Dim &width) {
      return width.isStatic() && width.getStatic() >= -maxWindowNumber &&
             width.getStatic() <= maxWindowNumber;
    };
    if (isSmall(lows[i]) && isSmall(highs[i])) {
      // Padding is what a window of one element slides over.
      auto extent = inferWindow(check, i, dims[i], Dim(1), 1, lows[i].getStatic(), highs[i].getStatic(),
                                interior[i] + 1, 1);
      if (failed(extent))
        return failure();
      dims[i] = *extent;
      continue;
    }
    Dim dilated = interior[i] == 0 ? dims[i] : (dims[i] - Dim(1)) * Dim(interior[i] + 1) + Dim(1);
    Dim sum = (dims[i].is(0) ? Dim(0) : dilated) + lows[i] + highs[i];
    dims[i] = sum.isStatic() && sum.getStatic() < 0 ? Dim(0) : sum;
  }
  inferred.push_back(makeTensorType(dims, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool PadOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult PadOp::verify() {
  Checker check(*this);
  if (failed(check.sameElementType("value", getValue().getType(), getX().getType())))
    return failure();
  if (int64_t valueRank = getValue().getType().getRank())
    return check.refuse("has value of rank ", valueRank, ", wanted 0");
  int64_t rank = getX().getType().getRank();
  if (getMode() == PadMode::constant || int64_t(getInterior().size()) != rank || getType().getRank() != rank)
    return success(); // where they differ, inference tells
  for (auto [i, dim] : llvm::enumerate(getDims(getX()))) {
    if (getInterior()[i] != 0)
      return check.refuse("has interior ", getInterior()[i], " in dimension ", i, ", wanted 0 in mode ",
                          stringifyPadMode(getMode()));
    if (dim.is(0) && !getDim(getResult(), i).is(0))
      return check.refuse("has extent 0 in dimension ", i, " of x, wanted elements for mode ",
                          stringifyPadMode(getMode()), " to take");
  }
  return success();
}

void PadOp::build(OpBuilder &builder, OperationState &state, Value x, Value value, ArrayRef<int64_t> low,
                  ArrayRef<int64_t> high, ArrayRef<int64_t> interior, PadMode mode) {
  SmallVector<int64_t> between(interior);
  if (between.empty())
    between.assign(low.size(), 0);
  build(builder, state, x, value, ValueRange(), ValueRange(), low, high, between, mode);
}

LogicalResult ReverseOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ReverseOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = cast<RankedTensorType>(adaptor.getX().getType());
  if (failed(checkerOf<ReverseOp>(loc).axes("axis", adaptor.getAxes(), type.getRank())))
    return failure();
  inferred.push_back(type);
  return success();
}
bool ReverseOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult CastShapeOp::verify() {
  return Checker(*this).result("the result", getType(), getDims(getX()));
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ShapeOps.cpp.inc"
