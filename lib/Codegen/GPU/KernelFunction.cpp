// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers and extents of a generated kernel.
#include "KernelFunction.h"

using namespace mlir;
using namespace weft::gpu;

KernelFunction::KernelFunction(Location loc, ArrayRef<Buffer> buffers)
    : loc(loc), buffers(buffers), module(ModuleOp::create(loc)), b(module->getBodyRegion()) {}

unsigned KernelFunction::numDynamicExtents(unsigned end) const {
  unsigned number = 0;
  for (const Buffer &buffer : ArrayRef(buffers).take_front(end))
    number += llvm::count_if(buffer.shape, ShapedType::isDynamic);
  return number;
}

V KernelFunction::i32(int64_t value) {
  return wrap(arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(value))));
}
V KernelFunction::i64(int64_t value) {
  return wrap(arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)));
}
V KernelFunction::widen(V value) {
  return value.is64() ? value : codegen::convertTo<arith::ExtUIOp>(value, b.getI64Type());
}
V KernelFunction::narrow(V value) {
  if (value.element().isIndex())
    return codegen::convertTo<arith::IndexCastOp>(value, b.getI32Type());
  return value.is64() ? codegen::convertTo<arith::TruncIOp>(value, b.getI32Type()) : value;
}

V KernelFunction::extent(unsigned buffer, unsigned dim) {
  ArrayRef<int64_t> shape = buffers[buffer].shape;
  if (!ShapedType::isDynamic(shape[dim]))
    return i64(shape[dim]);
  unsigned before = numDynamicExtents(buffer) + llvm::count_if(shape.take_front(dim), ShapedType::isDynamic);
  V argument = wrap(entry->getArgument(buffers.size() + before));
  return argument.type().isIndex() ? codegen::convertTo<arith::IndexCastOp>(argument, b.getI64Type())
                                   : argument;
}

V KernelFunction::ceilDiv(V a, int64_t divisor) { return divui(a + (divisor - 1), a.i(divisor)); }

std::optional<V> KernelFunction::both(std::optional<V> a, std::optional<V> b) {
  return a && b ? *a & *b : a ? a : b;
}
