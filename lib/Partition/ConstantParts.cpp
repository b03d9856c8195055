// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts constants into the parts of workers. A splat's parts are equal; elements narrower than a byte are cut
// when the program runs.
#include "ConstantParts.h"

#include "weft/Program/Job.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

FailureOr<Value> dist::createPart(OpBuilder &builder, ir::ConstantOp constant, const Sharding &sharding,
                                  MeshAttr mesh) {
  Location loc = constant.getLoc();
  if (sharding.isWhole())
    return builder.clone(*constant)->getResult(0);
  RankedTensorType type = localType(constant.getType(), sharding, mesh);
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()); dense && dense.isSplat())
    return Value(ir::ConstantOp::create(builder, loc, cast<TypedAttr>(dense.resizeSplat(type))));
  if (byteWidth(ir::toDType(type.getElementType())) == 0) {
    Value part = builder.clone(*constant)->getResult(0);
    Sharding so = Sharding::whole(sharding.dims.size());
    for (auto [dim, axes] : llvm::enumerate(sharding.dims)) {
      if (axes.empty())
        continue;
      so.dims[dim] = axes;
      auto names = llvm::map_to_vector(axes, [&](int a) { return mesh.getNames()[a].getValue(); });
      part = AllSliceOp::create(builder, loc, localType(constant.getType(), so, mesh), part, dim,
                                builder.getStrArrayAttr(names));
    }
    return part;
  }
  FailureOr<HostTensor> whole = ir::toHostTensor(constant.getValue());
  if (failed(whole))
    return constant.emitOpError("has no elements in the data store");

  Axes axes;
  for (int axis = 0; axis < int(mesh.getSizes().size()); ++axis)
    if (sharding.uses(axis))
      axes.push_back(axis);
  SmallVector<Attribute> values;
  for (int64_t worker = 0; worker < mesh.product(axes); ++worker) {
    SmallVector<int64_t> place(mesh.getSizes().size(), 0);
    int64_t rest = worker;
    for (int axis : llvm::reverse(axes)) {
      place[axis] = rest % mesh.getSizes()[axis];
      rest /= mesh.getSizes()[axis];
    }
    program::Box box{{}, type.getShape().vec()};
    for (auto [dim, list] : llvm::enumerate(sharding.dims)) {
      int64_t part = 0;
      for (int axis : list)
        part = part * mesh.getSizes()[axis] + place[axis];
      box.starts.push_back(part * type.getDimSize(dim));
    }
    Result<HostTensor> own = program::takeBox(*whole, box);
    if (!own.isOk())
      return constant.emitOpError(own.status().message());
    values.push_back(ir::makeConstantAttr(*own, builder.getContext()));
  }
  if (llvm::all_equal(values))
    return Value(ir::ConstantOp::create(builder, loc, cast<TypedAttr>(values.front())));
  auto names = llvm::map_to_vector(axes, [&](int axis) { return mesh.getNames()[axis].getValue(); });
  return Value(
      ConstantOp::create(builder, loc, type, builder.getStrArrayAttr(names), builder.getArrayAttr(values)));
}
