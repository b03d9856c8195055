// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of notes on fusion.
#include "FusionNotes.h"

#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/Cost.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace weft::ir;

std::string weft::describe(Operation *op) {
  std::string text = op->getName().stripDialect().str();
  op->getLoc()->walk([&](Location part) {
    auto name = dyn_cast<NameLoc>(part);
    if (name)
      text += " '" + name.getName().str() + "'";
    return name ? WalkResult::interrupt() : WalkResult::advance();
  });
  return text;
}

std::string weft::sizeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  std::string text;
  llvm::raw_string_ostream os(text);
  if (type.hasStaticShape()) {
    const DType element = toDType(type.getElementType());
    const int bits = element == DType::I1 ? 8 : bitWidth(element);
    os << llvm::formatv("{0:F3} MB", double(type.getNumElements()) * bits / 8e6);
    return text;
  }
  os << type.getElementType() << "[";
  llvm::interleave(getDims(value), os, [&](const Dim &dim) { os << dim.str(); }, " x ");
  os << "]";
  return text;
}

std::string weft::arithmeticOf(ArrayRef<Operation *> ops) {
  double sum = 0;
  for (Operation *op : ops)
    for (const ExtentProduct &term : countFlops(op, [](Value value) { return getDims(value); })) {
      auto product = double(term.factor);
      for (const Dim &extent : term.extents) {
        if (!extent.isStatic())
          return "as many operations as its extents say";
        product *= double(extent.getStatic());
      }
      sum += product;
    }
  return llvm::formatv("{0:F3} MFLOP", sum * 1e-6);
}
