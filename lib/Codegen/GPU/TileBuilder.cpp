// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a generated kernel, and short names for what its body is made of.
#include "TileBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace weft::gpu;

RankedTensorType TileSpace::full(Type element) const {
  return RankedTensorType::get({rows, columns}, element, layout);
}
RankedTensorType TileSpace::alongRows(Type element) const {
  return RankedTensorType::get({rows}, element, tile::SliceAttr::get(layout.getContext(), 1, layout));
}
RankedTensorType TileSpace::alongColumns(Type element) const {
  return RankedTensorType::get({columns}, element, tile::SliceAttr::get(layout.getContext(), 0, layout));
}

TileBuilder::TileBuilder(Location loc, const std::string &name, int64_t threads, ArrayRef<Buffer> buffers)
    : KernelFunction(loc, buffers) {
  SmallVector<Type> types;
  for (const Buffer &buffer : buffers)
    types.push_back(MemRefType::get(buffer.shape, buffer.type));
  types.append(numDynamicExtents(buffers.size()), b.getIndexType());
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  function->setAttr(tile::TileDialect::getThreadsAttrName(), b.getI64IntegerAttr(threads));
  entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
}

TiledKernel TileBuilder::finish(cpu::ChunkCount blocks) {
  func::ReturnOp::create(b, loc);
  return {std::move(module), std::move(blocks)};
}

Value TileBuilder::asIndex(V value) {
  return codegen::convertTo<arith::IndexCastOp>(widen(value), b.getIndexType()).value;
}
V TileBuilder::blockId() { return narrow(wrap(tile::ProgramIdOp::create(b, loc))); }

V TileBuilder::rowNumbers(const TileSpace &space) {
  return narrow(wrap(tile::RangeOp::create(b, loc, space.alongRows(b.getIndexType()))));
}
V TileBuilder::columnNumbers(const TileSpace &space) {
  return narrow(wrap(tile::RangeOp::create(b, loc, space.alongColumns(b.getIndexType()))));
}

V TileBuilder::like(V scalar, V tile) {
  return wrap(tile::SplatOp::create(b, loc, codegen::withElement(tile.type(), scalar.type()), scalar.value));
}

V TileBuilder::spread(V value, const TileSpace &space) {
  RankedTensorType whole = space.full(value.element());
  if (value.type() == whole)
    return value;
  if (isa<RankedTensorType>(value.type()))
    return wrap(tile::BroadcastOp::create(b, loc, whole, value.value));
  return wrap(tile::SplatOp::create(b, loc, whole, value.value));
}
