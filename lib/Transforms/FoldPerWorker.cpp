// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A constant that is split over workers is as known as any other: what is made of it (a transposed weight) is
// made when the program is compiled, for each worker's part.
#include "FoldPerWorker.h"

#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

/// The axes that operands are split over, in the order of the mesh.
static dist::Axes axesOf(Operation *op, dist::MeshAttr mesh) {
  dist::Axes axes;
  for (auto [axis, name] : llvm::enumerate(mesh.getNames()))
    for (Value operand : op->getOperands())
      if (auto parts = operand.getDefiningOp<dist::ConstantOp>();
          parts && llvm::is_contained(parts.getAxes(), name) && !llvm::is_contained(axes, int(axis)))
        axes.push_back(int(axis));
  return axes;
}

/// What a worker has of a constant.
static FailureOr<HostTensor> partOf(Value value, ArrayRef<int64_t> place, dist::MeshAttr mesh) {
  auto parts = value.getDefiningOp<dist::ConstantOp>();
  if (!parts)
    return ir::toHostTensor(value.getDefiningOp<ir::ConstantOp>().getValue());
  int64_t number = 0;
  for (auto name : parts.getAxes().getAsRange<StringAttr>()) {
    int axis = mesh.find(name);
    number = number * mesh.getSizes()[axis] + place[axis];
  }
  return ir::toHostTensor(cast<TypedAttr>(parts.getValues()[number]));
}

LogicalResult weft::foldPerWorker(Operation *op) {
  dist::MeshAttr mesh = dist::getMesh(op);
  if (!mesh)
    return success();
  dist::Axes axes = axesOf(op, mesh);
  SmallVector<SmallVector<Attribute>> values(op->getNumResults());
  for (int64_t worker = 0; worker < mesh.product(axes); ++worker) {
    SmallVector<int64_t> place(mesh.getSizes().size(), 0);
    int64_t rest = worker;
    for (int axis : llvm::reverse(axes)) {
      place[axis] = rest % mesh.getSizes()[axis];
      rest /= mesh.getSizes()[axis];
    }
    SmallVector<HostTensor> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<HostTensor> part = partOf(operand, place, mesh);
      if (failed(part))
        return success();
      operands.push_back(*part);
    }
    FailureOr<SmallVector<HostTensor>> results = cast<ir::ReferenceOpInterface>(op).evaluate(operands);
    if (failed(results))
      return failure();
    for (auto [list, result] : llvm::zip_equal(values, *results))
      list.push_back(ir::makeConstantAttr(result, op->getContext()));
  }
  OpBuilder builder(op);
  auto names = llvm::map_to_vector(axes, [&](int axis) { return mesh.getNames()[axis].getValue(); });
  for (auto [result, list] : llvm::zip_equal(op->getResults(), values)) {
    Value constant =
        llvm::all_equal(list)
            ? ir::ConstantOp::create(builder, op->getLoc(), cast<TypedAttr>(list[0])).getResult()
            : dist::ConstantOp::create(builder, op->getLoc(), result.getType(),
                                       builder.getStrArrayAttr(names), builder.getArrayAttr(list))
                  .getResult();
    result.replaceAllUsesWith(constant);
  }
  op->erase();
  return success();
}
