// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of the dist dialect: what is refused, and how it is told.
#include "weft/Dialect/Dist/DistDialect.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;
using ir::Dim;

//===-- What verifiers share
//---------------------------------------------------------------------------------===//

/// The mesh around an op; an error there when there is none.
static FailureOr<MeshAttr> meshOf(Operation *op) {
  if (MeshAttr mesh = getMesh(op))
    return mesh;
  return op->emitOpError("has no mesh around it, wanted a module with ")
         << DistDialect::getMeshAttrName() << " = #dist.mesh<...>";
}

static LogicalResult checkAxis(Operation *op, MeshAttr mesh, StringRef axis) {
  if (mesh.find(axis) >= 0)
    return success();
  return op->emitOpError("names axis '") << axis << "', wanted one of " << mesh.namesText();
}

/// How many members a group over these axes has.
static FailureOr<int64_t> groupSize(Operation *op, ArrayAttr axes) {
  FailureOr<MeshAttr> mesh = meshOf(op);
  if (failed(mesh))
    return failure();
  if (axes.empty())
    return op->emitOpError("has no axes, wanted at least one of ") << mesh->namesText();
  int64_t size = 1;
  SmallVector<StringRef> seen;
  for (auto axis : axes.getAsRange<StringAttr>()) {
    if (failed(checkAxis(op, *mesh, axis.getValue())))
      return failure();
    if (llvm::is_contained(seen, axis.getValue()))
      return op->emitOpError("names axis '") << axis.getValue() << "' twice";
    seen.push_back(axis.getValue());
    size *= mesh->getSizes()[mesh->find(axis)];
  }
  return size;
}

static LogicalResult checkDim(Operation *op, StringRef what, int64_t dim, Type type) {
  int64_t rank = cast<RankedTensorType>(type).getRank();
  if (dim >= 0 && dim < rank)
    return success();
  return op->emitOpError("has ") << what << " " << dim << " of a tensor of rank " << rank;
}

/// `dim` of `type` cut into `parts`; an error when it does not divide.
static FailureOr<Dim> partOf(Operation *op, Type type, int64_t dim, int64_t parts) {
  Dim extent = ir::getDim(op->getOperand(0), dim);
  if (extent.isStatic() && extent.getStatic() % parts != 0)
    return op->emitOpError("splits dimension ")
           << dim << " of " << type << ": " << extent.str() << " rows over " << parts << " workers";
  return extent.floorDiv(Dim(parts));
}

static LogicalResult checkValue(Operation *op, ArrayRef<Dim> dims, Type element, Type found) {
  RankedTensorType wanted = ir::makeTensorType(dims, element);
  if (found && ir::areCompatibleTypes(wanted, found))
    return success();
  if (!found)
    return op->emitOpError("gives nothing, wanted ") << wanted;
  return op->emitOpError("gives ") << found << ", wanted " << wanted;
}

template <typename Op> static Type valueOf(Op op) { return op.getToken().getType().getValue(); }

template <typename Op> static LogicalResult checkChannel(Op op) {
  if (op.getChannel() >= 0 && op.getChannel() < UINT32_MAX)
    return success();
  return op.emitOpError("has channel ") << op.getChannel() << ", wanted a number from 0";
}

/// A sharding fits a tensor: rank, axes that there are, each once, extents that divide.
static LogicalResult checkSharding(Operation *op, MeshAttr mesh, ShardingAttr sharding, Value x) {
  auto dims = ir::getDims(x);
  if (sharding.getDims().size() != dims.size())
    return op->emitOpError("has a sharding of ")
           << sharding.getDims().size() << " dimensions for " << x.getType();
  SmallVector<StringRef> seen;
  auto add = [&](StringRef axis) -> LogicalResult {
    if (failed(checkAxis(op, mesh, axis)))
      return failure();
    if (llvm::is_contained(seen, axis))
      return op->emitOpError("splits over axis '") << axis << "' twice";
    seen.push_back(axis);
    return success();
  };
  for (auto [i, axes] : llvm::enumerate(sharding.getDims())) {
    int64_t parts = 1;
    for (auto axis : axes.getAsRange<StringAttr>()) {
      if (failed(add(axis)))
        return failure();
      parts *= mesh.getSizes()[mesh.find(axis)];
    }
    if (dims[i].isStatic() && dims[i].getStatic() % parts != 0)
      return op->emitOpError("splits dimension ") << i << " of " << x.getType() << ": " << dims[i].getStatic()
                                                  << " rows over " << parts << " workers";
  }
  int64_t workers = 1;
  for (StringAttr axis : sharding.getPartial()) {
    if (failed(add(axis)))
      return failure();
    workers *= mesh.getSizes()[mesh.find(axis)];
  }
  if (sharding.getHolder() >= workers)
    return op->emitOpError("has a value held by worker ")
           << sharding.getHolder() << " of " << workers << ", counted from 0";
  return success();
}

//===-- The ops
//----------------------------------------------------------------------------------------------===//

LogicalResult ShardOp::verify() {
  FailureOr<MeshAttr> mesh = meshOf(*this);
  if (failed(mesh) || failed(checkSharding(*this, *mesh, getSharding(), getX())))
    return failure();
  for (int64_t dim : getOpen())
    if (failed(checkDim(*this, "open dimension", dim, getX().getType())))
      return failure();
  return success();
}

LogicalResult CutOp::verify() {
  ArrayRef<int64_t> order = getOrder();
  if (int64_t(order.size()) != cast<RankedTensorType>(getX().getType()).getRank() ||
      !isPermutationVector(order))
    return emitOpError("has an order of [")
           << order << "], wanted each dimension of " << getX().getType() << " once";
  return success();
}

LogicalResult ReshardOp::verify() {
  FailureOr<MeshAttr> mesh = meshOf(*this);
  return success(succeeded(mesh) && succeeded(checkSharding(*this, *mesh, getFrom(), getX())) &&
                 succeeded(checkSharding(*this, *mesh, getTo(), getX())));
}

LogicalResult ConstantOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  if (failed(size))
    return failure();
  if (int64_t(getValues().size()) != *size)
    return emitOpError("has ") << getValues().size() << " values, wanted " << *size << ", one per worker";
  for (Attribute value : getValues()) {
    auto typed = dyn_cast<TypedAttr>(value);
    if (!typed || typed.getType() != getType())
      return emitOpError("has a value that is no ") << getType();
  }
  return success();
}

LogicalResult CoordinateOp::verify() {
  FailureOr<MeshAttr> mesh = meshOf(*this);
  return success(succeeded(mesh) && succeeded(checkAxis(*this, *mesh, getAxis())));
}

LogicalResult AllSliceOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  Type type = getX().getType();
  if (failed(size) || failed(checkDim(*this, "dim", getDim(), type)))
    return failure();
  SmallVector<Dim> dims = ir::getDims(getX());
  FailureOr<Dim> part = partOf(*this, type, getDim(), *size);
  if (failed(part))
    return failure();
  dims[getDim()] = *part;
  return checkValue(*this, dims, getElementTypeOrSelf(type), getType());
}

LogicalResult AllReduceStartOp::verify() {
  if (failed(groupSize(*this, getAxes())) || failed(checkChannel(*this)))
    return failure();
  return checkValue(*this, ir::getDims(getX()), getElementTypeOrSelf(getX()), valueOf(*this));
}

LogicalResult AllGatherStartOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  if (failed(size) || failed(checkChannel(*this)) ||
      failed(checkDim(*this, "dim", getDim(), getX().getType())))
    return failure();
  SmallVector<Dim> dims = ir::getDims(getX());
  dims[getDim()] = dims[getDim()] * Dim(*size);
  return checkValue(*this, dims, getElementTypeOrSelf(getX()), valueOf(*this));
}

LogicalResult ReduceScatterStartOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  Type type = getX().getType();
  if (failed(size) || failed(checkChannel(*this)) || failed(checkDim(*this, "dim", getDim(), type)))
    return failure();
  SmallVector<Dim> dims = ir::getDims(getX());
  FailureOr<Dim> part = partOf(*this, type, getDim(), *size);
  if (failed(part))
    return failure();
  dims[getDim()] = *part;
  return checkValue(*this, dims, getElementTypeOrSelf(type), valueOf(*this));
}

LogicalResult AllToAllStartOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  Type type = getX().getType();
  if (failed(size) || failed(checkChannel(*this)) || failed(checkDim(*this, "split", getSplit(), type)) ||
      failed(checkDim(*this, "concat", getConcat(), type)))
    return failure();
  SmallVector<Dim> dims = ir::getDims(getX());
  FailureOr<Dim> part = partOf(*this, type, getSplit(), *size);
  if (failed(part))
    return failure();
  dims[getSplit()] = *part;
  dims[getConcat()] = dims[getConcat()] * Dim(*size);
  return checkValue(*this, dims, getElementTypeOrSelf(type), valueOf(*this));
}

LogicalResult BroadcastStartOp::verify() {
  FailureOr<int64_t> size = groupSize(*this, getAxes());
  if (failed(size) || failed(checkChannel(*this)))
    return failure();
  if (int64_t(getMember()) < 0 || int64_t(getMember()) >= *size)
    return emitOpError("copies from member ")
           << getMember() << " of a group of " << *size << ", counted from 0";
  return checkValue(*this, ir::getDims(getX()), getElementTypeOrSelf(getX()), valueOf(*this));
}

/// The other end of a send is a stage that there is, and another one.
static LogicalResult checkStage(Operation *op, int64_t stage) {
  int64_t stages = 1, own = -1;
  for (Operation *parent = op->getParentOp(); parent; parent = parent->getParentOp()) {
    if (auto attr = parent->getAttrOfType<IntegerAttr>(DistDialect::getStageAttrName()))
      own = attr.getInt();
    if (auto attr = parent->getAttrOfType<IntegerAttr>(DistDialect::getStagesAttrName()))
      stages = attr.getInt();
  }
  if (stage < 0 || stage >= stages)
    return op->emitOpError("names stage ") << stage << ", wanted one of the " << stages << " from 0";
  if (stage == own)
    return op->emitOpError("names stage ") << stage << ", its own";
  return success();
}

LogicalResult SendStartOp::verify() {
  if (failed(checkChannel(*this)) || failed(checkStage(*this, getStage())))
    return failure();
  if (Type value = valueOf(*this))
    return emitOpError("gives ") << value << ", wanted nothing";
  return success();
}

LogicalResult RecvStartOp::verify() {
  if (failed(checkChannel(*this)) || failed(checkStage(*this, getStage())))
    return failure();
  auto type = dyn_cast_or_null<RankedTensorType>(valueOf(*this));
  if (!type)
    return emitOpError("gives no ranked tensor, wanted one");
  return success();
}

LogicalResult DoneOp::verify() {
  Type value = getToken().getType().getValue();
  if (bool(value) != bool(getResult()))
    return emitOpError(value ? "drops the value of its token"
                             : "has a value, wanted none: its token is of a send");
  if (value && !ir::areCompatibleTypes(value, getResult().getType()))
    return emitOpError("gives ") << getResult().getType() << ", wanted " << value << " as its token says";
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Dist/DistOps.cpp.inc"
