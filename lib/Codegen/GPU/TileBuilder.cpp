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
    : loc(loc), buffers(buffers), module(ModuleOp::create(loc)), b(module->getBodyRegion()) {
  SmallVector<Type> types;
  for (const Buffer &buffer : buffers)
    types.push_back(MemRefType::get(buffer.shape, buffer.type));
  for (const Buffer &buffer : buffers)
    types.append(llvm::count_if(buffer.shape, ShapedType::isDynamic), b.getIndexType());
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  function->setAttr(tile::TileDialect::getThreadsAttrName(), b.getI64IntegerAttr(threads));
  entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
}

TiledKernel TileBuilder::finish(cpu::ChunkCount blocks) {
  func::ReturnOp::create(b, loc);
  return {std::move(module), std::move(blocks)};
}

V TileBuilder::i32(int64_t value) {
  return wrap(arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(value))));
}
V TileBuilder::i64(int64_t value) {
  return wrap(arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)));
}
V TileBuilder::widen(V value) {
  return value.is64() ? value : codegen::convertTo<arith::ExtUIOp>(value, b.getI64Type());
}
V TileBuilder::narrow(V value) {
  if (value.element().isIndex())
    return codegen::convertTo<arith::IndexCastOp>(value, b.getI32Type());
  return value.is64() ? codegen::convertTo<arith::TruncIOp>(value, b.getI32Type()) : value;
}
Value TileBuilder::asIndex(V value) {
  return codegen::convertTo<arith::IndexCastOp>(widen(value), b.getIndexType()).value;
}
V TileBuilder::blockId() { return narrow(wrap(tile::ProgramIdOp::create(b, loc))); }

V TileBuilder::extent(unsigned buffer, unsigned dim) {
  if (!ShapedType::isDynamic(buffers[buffer].shape[dim]))
    return i64(buffers[buffer].shape[dim]);
  unsigned number = buffers.size();
  for (unsigned i = 0; i < buffer; ++i)
    number += llvm::count_if(buffers[i].shape, ShapedType::isDynamic);
  for (unsigned d = 0; d < dim; ++d)
    number += ShapedType::isDynamic(buffers[buffer].shape[d]);
  return wrap(arith::IndexCastOp::create(b, loc, b.getI64Type(), entry->getArgument(number)));
}

V TileBuilder::ceilDiv(V a, int64_t divisor) { return divui(a + (divisor - 1), a.i(divisor)); }

std::optional<V> TileBuilder::both(std::optional<V> a, std::optional<V> b) {
  return a && b ? *a & *b : a ? a : b;
}

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
