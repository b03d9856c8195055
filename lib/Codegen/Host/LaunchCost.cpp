// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adds up the arithmetic of a kernel's ops and the bytes it has to read and write: its operands and results,
// of which some kernels touch only a part.
#include "LaunchCost.h"

#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/Cost.h"

using namespace mlir;
using namespace weft;
using program::ExprId;
using program::noId;

ExprId LaunchCost::product(int64_t factor, ArrayRef<ir::Dim> extents) {
  ExprId id = exprs.constant(factor);
  for (const ir::Dim &extent : extents) {
    const ExprId next = exprOf(extent);
    if (next == noId)
      return noId;
    id = exprs.mul(id, next);
  }
  return id;
}

ExprId LaunchCost::sizeOf(Value value) {
  const DType type = ir::toDType(getElementTypeOrSelf(value.getType()));
  const int bits = type == DType::I1 ? 8 : bitWidth(type);
  const ExprId inBits = product(bits, ir::getDims(value));
  return inBits == noId ? noId : exprs.ceilDiv(inBits, exprs.constant(8));
}

ExprId LaunchCost::flops() {
  ExprId sum = exprs.constant(0);
  for (Operation &op : kernel.getBody().front().without_terminator())
    for (const ir::ExtentProduct &term :
         ir::countFlops(&op, [](Value value) { return ir::getDims(value); })) {
      const ExprId id = product(term.factor, term.extents);
      if (id == noId)
        return noId;
      sum = exprs.add(sum, id);
    }
  return sum;
}

ExprId LaunchCost::bytes(unsigned number, ExprId size) {
  Block &body = kernel.getBody().front();
  const auto inPlace = kernel->getAttrOfType<IntegerAttr>(host::inPlaceAttrName);
  const unsigned numOperands = body.getNumArguments();
  if (number >= numOperands) {
    Operation *producer = body.getTerminator()->getOperand(number - numOperands).getDefiningOp();
    const Value written = inPlace && producer ? ir::writesAsMuchAs(producer) : Value();
    const ExprId part = written ? sizeOf(written) : noId;
    return part == noId ? size : part;
  }
  // Of an operand that only gathers and slices read, what they take; at most all of it.
  ExprId sum = exprs.constant(0);
  for (OpOperand &use : body.getArgument(number).getUses()) {
    if (inPlace && inPlace.getInt() == number && use.getOperandNumber() == 0 &&
        ir::writesAsMuchAs(use.getOwner()))
      continue; // lies there already
    const Value read = ir::readsAsMuchAs(use.getOwner(), use.getOperandNumber());
    const ExprId part = read ? sizeOf(read) : noId;
    if (part == noId)
      return size;
    sum = exprs.add(sum, part);
  }
  return exprs.min(size, sum);
}
