// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gather and scatter. Stage: tensor. gather is a generic that clamps and reads; scatter is a nest of scf.for
// over the updates in row-major order, so that duplicates combine as specified.
#include "Lowering.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

/// Which dimensions of the gathered (or update) tensor are what: R[0:at] ++ I ++ R[at:].
struct PointMap {
  template <typename Op>
  explicit PointMap(Op op)
      : dims(op.getDims()), batchDims(op.getBatchDims()), indexBatchDims(op.getIndexBatchDims()),
        at(op.getAt()) {
    rank = op.getX().getType().getRank();
    numIndexDims = op.getIndex().getType().getRank() - 1;
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(dims, i) && !llvm::is_contained(batchDims, i))
        rest.push_back(i);
  }

  /// The dimension of the gathered tensor where entry `i` of I lies.
  int64_t indexPosition(int64_t i) const { return at + i; }
  /// The same for entry `i` of R.
  int64_t restPosition(int64_t i) const { return i < at ? i : i + numIndexDims; }

  /// Position of the indices of one point in the index tensor, component `k`.
  SmallVector<Value> indexAt(const Scalars &s, ValueRange point, int64_t k) const {
    SmallVector<Value> index;
    for (int64_t i = 0; i < numIndexDims; ++i)
      index.push_back(point[indexPosition(i)]);
    index.push_back(s.index(k));
    return index;
  }
  /// The position in x of a point of the gathered tensor, given the components of its index.
  SmallVector<Value> positionOf(ValueRange point, ArrayRef<Value> components) const {
    SmallVector<Value> position(rank);
    for (auto [i, dim] : llvm::enumerate(rest))
      position[dim] = point[restPosition(i)];
    for (auto [dim, indexDim] : llvm::zip(batchDims, indexBatchDims))
      position[dim] = point[indexPosition(indexDim)];
    for (auto [dim, component] : llvm::zip(dims, components))
      position[dim] = component;
    return position;
  }

  SmallVector<int64_t> dims, batchDims, indexBatchDims, rest;
  int64_t at, rank, numIndexDims;
};

class GatherLowering : public OpConversionPattern<ir::GatherOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::GatherOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX(), index = adaptor.getIndex();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    PointMap map(op);
    SmallVector<OpFoldResult> sizes(type.getRank()), extents = getSizes(b, loc, x);
    for (int64_t i = 0; i < map.numIndexDims; ++i)
      sizes[map.indexPosition(i)] = getSize(b, loc, index, i);
    for (auto [i, dim] : llvm::enumerate(map.rest))
      sizes[map.restPosition(i)] = extents[dim];
    Value result =
        createFromIndices(b, loc, sizes, type.getElementType(), [&](const Scalars &s, ValueRange point) {
          SmallVector<Value> components;
          for (auto [k, dim] : llvm::enumerate(map.dims)) {
            Value component =
                s.toIndex(tensor::ExtractOp::create(s.b, s.loc, index, map.indexAt(s, point, k)));
            if (!op.getInBounds()) {
              std::optional<int64_t> extent = getConstantIntValue(extents[dim]);
              Value last = extent ? s.index(*extent - 1) : s.sub(asIndex(b, loc, extents[dim]), s.index(1));
              // The upper bound first: an empty x has no point, and nothing is read then.
              component = s.clamp(component, s.index(0), last);
            }
            components.push_back(component);
          }
          return Value(tensor::ExtractOp::create(s.b, s.loc, x, map.positionOf(point, components)));
        });
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }
};

class ScatterLowering : public OpConversionPattern<ir::ScatterOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ScatterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type elementType = op.getX().getType().getElementType();
    Value x = adaptor.getX(), index = adaptor.getIndex(), update = adaptor.getUpdate();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    PointMap map(op);
    SmallVector<OpFoldResult> extents = getSizes(b, loc, x);
    SmallVector<Value> lower, upper, steps;
    for (OpFoldResult size : getSizes(b, loc, update)) {
      lower.push_back(arith::ConstantIndexOp::create(b, loc, 0));
      upper.push_back(asIndex(b, loc, size));
      steps.push_back(arith::ConstantIndexOp::create(b, loc, 1));
    }
    SmallVector<Value> limits;
    for (int64_t dim : map.dims)
      limits.push_back(asIndex(b, loc, extents[dim]));
    auto body = [&](OpBuilder &inner, Location at, ValueRange point, ValueRange carried) -> scf::ValueVector {
      Scalars s(inner, at);
      SmallVector<Value> components;
      Value inside = s.boolean(true);
      for (size_t k = 0; k < map.dims.size(); ++k) {
        Value component = s.toIndex(tensor::ExtractOp::create(inner, at, index, map.indexAt(s, point, k)));
        Value ok = arith::CmpIOp::create(inner, at, arith::CmpIPredicate::ult, component, limits[k]);
        inside = s.conjunction(inside, ok);
        components.push_back(component);
      }
      SmallVector<Value> position = map.positionOf(point, components);
      Value target = carried.front();
      auto write = [&](OpBuilder &then, Location where) {
        Scalars t(then, where);
        Value value = tensor::ExtractOp::create(then, where, update, SmallVector<Value>(point));
        if (op.getKind() != ir::ScatterKind::set) {
          Value old = tensor::ExtractOp::create(then, where, target, position);
          Value sum =
              apply(t, op.getKind(), t.load(old, elementType), t.load(value, elementType), elementType);
          value = t.store(sum, elementType);
        }
        scf::YieldOp::create(then, where,
                             Value(tensor::InsertOp::create(then, where, value, target, position)));
      };
      auto guarded = scf::IfOp::create(inner, at, inside, write, [&](OpBuilder &otherwise, Location where) {
        scf::YieldOp::create(otherwise, where, target);
      });
      return {guarded.getResult(0)};
    };
    Value result;
    if (lower.empty()) {
      scf::ValueVector values = body(b, loc, {}, x);
      result = values.front();
    } else {
      result = scf::buildLoopNest(b, loc, lower, upper, steps, x, body).results.front();
    }
    b.replaceOp(op, castTo(b, loc, result, type));
    return success();
  }

private:
  static Value apply(const Scalars &s, ir::ScatterKind kind, Value x, Value y, Type elementType) {
    bool asUnsigned = isUnsigned(elementType);
    switch (kind) {
    case ir::ScatterKind::set:
      return y;
    case ir::ScatterKind::add:
      return s.add(x, y);
    case ir::ScatterKind::mul:
      return s.mul(x, y);
    case ir::ScatterKind::max:
      return s.max(x, y, asUnsigned);
    case ir::ScatterKind::min:
      return s.min(x, y, asUnsigned);
    }
    llvm_unreachable("all kinds are handled");
  }
};

} // namespace

void lowering::populateIndex(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<GatherLowering, ScatterLowering>(converter, patterns.getContext());
}
