// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes graphs of weft ops as formulas. Extents stay numbers where they are known.
#include "Formula.h"

#include "weft/Dialect/Marks.h"

using namespace mlir;
using namespace weft;
using namespace weft::decompose;

Value Formula::splat(Value like, double value) {
  return ir::createUnitSplat(b, loc, elementType(like), rankOf(like), value);
}

Value Formula::convert(Value x, Type type) {
  if (elementType(x) == type)
    return x;
  return ir::ConvertOp::create(b, loc, ir::withElementType(x.getType(), type), x, /*saturate=*/false);
}

Value Formula::widen(Value x) {
  Type type = elementType(x);
  return type.isF16() || type.isBF16() ? convert(x, b.getF32Type()) : x;
}

OpFoldResult Formula::size(Value x, int64_t axis) {
  auto type = cast<RankedTensorType>(x.getType());
  if (!type.isDynamicDim(axis))
    return b.getI64IntegerAttr(type.getDimSize(axis));
  return ir::DimOp::create(b, loc, x, axis).getResult();
}

SmallVector<OpFoldResult> Formula::sizes(Value x) {
  SmallVector<OpFoldResult> all;
  for (int64_t i = 0; i < rankOf(x); ++i)
    all.push_back(size(x, i));
  return all;
}

Value Formula::asValue(OpFoldResult size) {
  if (auto value = dyn_cast<Value>(size))
    return value;
  return ir::createShapeValue(b, loc, cast<IntegerAttr>(cast<Attribute>(size)).getInt());
}

OpFoldResult Formula::multiply(OpFoldResult x, OpFoldResult y) {
  auto p = dyn_cast<Attribute>(x), q = dyn_cast<Attribute>(y);
  if (p && q)
    return b.getI64IntegerAttr(cast<IntegerAttr>(p).getInt() * cast<IntegerAttr>(q).getInt());
  return binary<ir::MulOp>(asValue(x), asValue(y));
}

OpFoldResult Formula::divide(OpFoldResult x, OpFoldResult y) {
  auto p = dyn_cast<Attribute>(x), q = dyn_cast<Attribute>(y);
  if (!p || !q)
    return binary<ir::DivOp>(asValue(x), asValue(y));
  int64_t divisor = cast<IntegerAttr>(q).getInt();
  return b.getI64IntegerAttr(divisor == 0 ? 0 : cast<IntegerAttr>(p).getInt() / divisor);
}

static void splitMixed(ArrayRef<OpFoldResult> sizes, SmallVectorImpl<int64_t> &statics,
                       SmallVectorImpl<Value> &values) {
  for (OpFoldResult size : sizes) {
    if (auto value = dyn_cast<Value>(size)) {
      statics.push_back(ShapedType::kDynamic);
      values.push_back(value);
    } else {
      statics.push_back(cast<IntegerAttr>(cast<Attribute>(size)).getInt());
    }
  }
}

Value Formula::reshape(Value x, ArrayRef<OpFoldResult> sizes) {
  SmallVector<int64_t> statics;
  SmallVector<Value> values;
  splitMixed(sizes, statics, values);
  return ir::ReshapeOp::create(b, loc, x, values, statics);
}

Value Formula::iota(Type type, ArrayRef<OpFoldResult> sizes, int64_t axis) {
  SmallVector<int64_t> statics;
  SmallVector<Value> values;
  splitMixed(sizes, statics, values);
  RankedTensorType result = ir::makeTensorType(ir::getMixedDims(statics, values), type);
  return ir::IotaOp::create(b, loc, result, values, statics, axis);
}

Value Formula::expNonPositive(Value x) {
  Value e = unary<ir::ExpOp>(x);
  e.getDefiningOp()->setAttr(nonPositiveMark, b.getUnitAttr());
  return e;
}

Value Formula::reduce(ir::ReduceKind kind, Value x, ArrayRef<int64_t> axes, bool ignoresNaN) {
  SmallVector<OpFoldResult> kept = sizes(x);
  for (int64_t axis : axes)
    kept[axis] = b.getI64IntegerAttr(1);
  auto reduced = ir::ReduceOp::create(b, loc, x, kind, axes);
  if (ignoresNaN)
    reduced->setAttr(ignoresNaNMark, b.getUnitAttr());
  return reshape(reduced, kept);
}
