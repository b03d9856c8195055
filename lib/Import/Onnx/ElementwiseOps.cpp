// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's arithmetic, comparisons, logic, bit ops and conversions. NumPy's broadcasting becomes unit
// broadcasting.
#include "NodeImporter.h"

#include "OnnxWire.pb.h"
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

template <class Op> static LogicalResult importUnary(NodeImporter &node) {
  return node.setResult(node.create<Op>(node.operand(0)));
}

template <class Op> static LogicalResult importBinary(NodeImporter &node) {
  return node.setResult(node.binary<Op>(node.operand(0), node.operand(1)));
}

template <ir::CompareKind kind> static LogicalResult importCompare(NodeImporter &node) {
  return node.setResult(node.compare(kind, node.operand(0), node.operand(1)));
}

/// Max, Min, Sum: a chain.
template <class Op> static Value chain(NodeImporter &node) {
  SmallVector<Value> values = node.broadcastTogether(node.operands());
  Value all = values.front();
  for (Value value : ArrayRef<Value>(values).drop_front())
    all = node.binary<Op>(all, value);
  return all;
}

/// An absent input of a variadic op is an error of the model.
static LogicalResult checkVariadic(NodeImporter &node) {
  for (int i = 0; i < node.getNumOperands(); ++i)
    if (!node.hasOperand(i))
      return node.error() << "found no input " << i << ", wanted all of them";
  return success();
}

template <class Op> static LogicalResult importVariadic(NodeImporter &node) {
  if (failed(checkVariadic(node)))
    return failure();
  return node.setResult(chain<Op>(node));
}

static LogicalResult importMean(NodeImporter &node) {
  if (failed(checkVariadic(node)))
    return failure();
  Value sum = chain<ir::AddOp>(node);
  return node.setResult(node.div(sum, node.like(sum, node.getNumOperands())));
}

static LogicalResult importReciprocal(NodeImporter &node) {
  Value x = node.operand(0);
  return node.setResult(node.div(node.like(x, 1), x));
}

static LogicalResult importRound(NodeImporter &node) {
  return node.setResult(node.create<ir::RoundOp>(node.operand(0), ir::RoundKind::even));
}

/// The result has the type of the base. Types may differ: floats decide what it is computed in.
static LogicalResult importPow(NodeImporter &node) {
  Value base = node.operand(0), exponent = node.operand(1);
  Type type = NodeImporter::elementTypeOf(base);
  if (NodeImporter::isFloat(base))
    return node.setResult(node.binary<ir::PowOp>(base, node.convert(exponent, type)));
  if (!NodeImporter::isFloat(exponent)) {
    if (NodeImporter::elementTypeOf(exponent) == type)
      return node.setResult(node.binary<ir::PowOp>(base, exponent));
    Value wide = node.binary<ir::PowOp>(node.convert(base, node.i64()), node.convert(exponent, node.i64()));
    return node.setResult(node.convert(wide, type));
  }
  // An integer to a float power truncates: a result that is an integer but for rounding must not lose one.
  Type f64 = node.b().getF64Type();
  Value power = node.binary<ir::PowOp>(node.convert(base, f64), node.convert(exponent, f64));
  Value nearest = node.create<ir::RoundOp>(power, ir::RoundKind::even);
  Value gap = node.create<ir::AbsOp>(node.sub(power, nearest));
  Value slack = node.mul(node.create<ir::AbsOp>(nearest), node.like(nearest, 1e-12));
  Value isInteger = node.compare(ir::CompareKind::le, gap, slack);
  return node.setResult(node.convert(node.select(isInteger, nearest, power), type));
}

/// fmod = 1 is C's remainder; else the sign is the divisor's.
static LogicalResult importMod(NodeImporter &node) {
  SmallVector<Value> values = node.broadcastTogether({node.operand(0), node.operand(1)});
  Value rest = node.create<ir::RemOp>(values[0], values[1]);
  if (node.getInt("fmod", 0) != 0 || NodeImporter::isUnsigned(values[0]))
    return node.setResult(rest);
  Value zero = node.like(rest, 0);
  Value nonzero = node.compare(ir::CompareKind::ne, rest, zero);
  Value restNegative = node.compare(ir::CompareKind::lt, rest, zero);
  Value divisorNegative = node.compare(ir::CompareKind::lt, values[1], zero);
  Value differ = node.binary<ir::XorOp>(restNegative, divisorNegative);
  Value wrong = node.binary<ir::AndOp>(nonzero, differ);
  return node.setResult(node.select(wrong, node.add(rest, values[1]), rest));
}

static LogicalResult importBitShift(NodeImporter &node) {
  std::string direction = node.getString("direction", "");
  if (direction == "LEFT")
    return importBinary<ir::ShlOp>(node);
  if (direction == "RIGHT")
    return importBinary<ir::ShrOp>(node);
  return node.error() << "found direction '" << direction << "', wanted LEFT or RIGHT";
}

static LogicalResult importWhere(NodeImporter &node) {
  return node.setResult(node.select(node.operand(0), node.operand(1), node.operand(2)));
}

/// Storage types cannot be compared: look at them as f32.
static Value comparable(NodeImporter &node, Value x) {
  return isStorageType(ir::toDType(NodeImporter::elementTypeOf(x))) ? node.convert(x, node.f32()) : x;
}

static LogicalResult importIsNaN(NodeImporter &node) {
  Value x = comparable(node, node.operand(0));
  return node.setResult(node.compare(ir::CompareKind::ne, x, x));
}

static LogicalResult importIsInf(NodeImporter &node) {
  Value x = comparable(node, node.operand(0));
  if (!NodeImporter::isFloat(x))
    return node.error() << "found " << NodeImporter::typeOf(x) << ", wanted floats";
  double infinity = std::numeric_limits<double>::infinity();
  bool negative = node.getInt("detect_negative", 1) != 0, positive = node.getInt("detect_positive", 1) != 0;
  if (negative && positive)
    return node.setResult(
        node.compare(ir::CompareKind::eq, node.create<ir::AbsOp>(x), node.like(x, infinity)));
  if (negative || positive)
    return node.setResult(
        node.compare(ir::CompareKind::eq, x, node.like(x, negative ? -infinity : infinity)));
  return node.setResult(node.full(node.i1(), node.extents(x), 0));
}

//===-- Conversions
//--------------------------------------------------------------------------------------------===//

/// Rounds floats to powers of two before they become f8E8M0FNU: up or down by the bits of f32.
static Value roundToPowerOfTwo(NodeImporter &node, Value x, bool up) {
  Value wide = node.convert(x, node.f32());
  Type i32 = node.b().getI32Type();
  auto recast = [&](Value value, Type type) -> Value {
    if (node.failed())
      return value;
    return ir::BitcastConvertOp::create(node.b(), node.getLoc(), ir::withElementType(value.getType(), type),
                                        value);
  };
  Value bits = recast(wide, i32);
  if (up)
    bits = node.add(bits, node.like(bits, 0x7fffff));
  bits = node.binary<ir::AndOp>(bits, node.like(bits, 0x7f800000));
  Value rounded = recast(bits, node.f32());
  // NaN and what is not above 0 are left to the conversion.
  Value isNormal = node.compare(ir::CompareKind::gt, wide, node.like(wide, 0));
  return node.select(isNormal, rounded, wide);
}

static LogicalResult convertTo(NodeImporter &node, Type type) {
  Value x = node.operand(0);
  if (!type)
    return failure();
  if (isa<Float8E8M0FNUType>(type) && NodeImporter::isFloat(x)) {
    std::string mode = node.getString("round_mode", "up");
    if (mode != "up" && mode != "down" && mode != "nearest")
      return node.error() << "found round_mode '" << mode << "', wanted up, down or nearest";
    if (mode != "nearest")
      x = roundToPowerOfTwo(node, x, mode == "up");
  }
  // To integers narrower than a byte ONNX keeps the low bits, where the dialect would saturate.
  if (NodeImporter::isFloat(x) && isa<IntegerType>(type) && !type.isInteger(1) &&
      type.getIntOrFloatBitWidth() < 8)
    x = node.convert(x, node.i64());
  bool toNarrow = isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 8;
  bool saturate = toNarrow && (node.getInt("saturate", 1) != 0 || isa<Float4E2M1FNType>(type));
  return node.setResult(node.convert(x, type, saturate));
}

static LogicalResult importCast(NodeImporter &node) {
  if (!node.hasAttribute("to"))
    return node.error() << "found no attribute 'to'";
  return convertTo(node, node.getElementTypeOf(node.getInt("to", 0)));
}

static LogicalResult importCastLike(NodeImporter &node) {
  return convertTo(node, NodeImporter::elementTypeOf(node.operand(1)));
}

static LogicalResult importBitCast(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = node.getElementTypeOf(node.getInt("to", 0));
  if (!type)
    return failure();
  if (type == NodeImporter::elementTypeOf(x))
    return node.setResult(x);
  DType from = ir::toDType(NodeImporter::elementTypeOf(x)), to = ir::toDType(type);
  if (bitWidth(from) != bitWidth(to))
    return node.error() << "found elements of " << bitWidth(from) << " and " << bitWidth(to)
                        << " bits, wanted equal widths";
  // A boolean is a byte in memory but one bit to the dialect.
  if (to == DType::I1)
    return node.setResult(node.convert(x, type));
  if (from == DType::I1) {
    x = node.convert(x, node.b().getIntegerType(8));
    if (type.isSignlessInteger(8))
      return node.setResult(x);
  }
  if (node.failed())
    return failure();
  return node.setResult(
      ir::BitcastConvertOp::create(node.b(), node.getLoc(), ir::withElementType(x.getType(), type), x));
}

void weft::onnx::registerElementwiseOps(OpTable &table) {
  table.add("Abs", 1, 1, importUnary<ir::AbsOp>);
  table.add("Neg", 1, 1, importUnary<ir::NegOp>);
  table.add("Sign", 1, 1, importUnary<ir::SignOp>);
  table.add("Ceil", 1, 1, importUnary<ir::CeilOp>);
  table.add("Floor", 1, 1, importUnary<ir::FloorOp>);
  table.add("Round", 1, 1, importRound);
  table.add("Exp", 1, 1, importUnary<ir::ExpOp>);
  table.add("Log", 1, 1, importUnary<ir::LogOp>);
  table.add("Sqrt", 1, 1, importUnary<ir::SqrtOp>);
  table.add("Sin", 1, 1, importUnary<ir::SinOp>);
  table.add("Cos", 1, 1, importUnary<ir::CosOp>);
  table.add("Tan", 1, 1, importUnary<ir::TanOp>);
  table.add("Asin", 1, 1, importUnary<ir::AsinOp>);
  table.add("Acos", 1, 1, importUnary<ir::AcosOp>);
  table.add("Atan", 1, 1, importUnary<ir::AtanOp>);
  table.add("Sinh", 1, 1, importUnary<ir::SinhOp>);
  table.add("Cosh", 1, 1, importUnary<ir::CoshOp>);
  table.add("Tanh", 1, 1, importUnary<ir::TanhOp>);
  table.add("Asinh", 1, 1, importUnary<ir::AsinhOp>);
  table.add("Acosh", 1, 1, importUnary<ir::AcoshOp>);
  table.add("Atanh", 1, 1, importUnary<ir::AtanhOp>);
  table.add("Erf", 1, 1, importUnary<ir::ErfOp>);
  table.add("Relu", 1, 1, importUnary<ir::ReluOp>);
  table.add("Sigmoid", 1, 1, importUnary<ir::LogisticOp>);
  table.add("Not", 1, 1, importUnary<ir::NotOp>);
  table.add("BitwiseNot", 1, 1, importUnary<ir::NotOp>);
  table.add("Reciprocal", 1, 1, importReciprocal);
  table.add("Add", 2, 2, importBinary<ir::AddOp>);
  table.add("Sub", 2, 2, importBinary<ir::SubOp>);
  table.add("Mul", 2, 2, importBinary<ir::MulOp>);
  table.add("Div", 2, 2, importBinary<ir::DivOp>);
  table.add("Pow", 2, 2, importPow);
  table.add("Mod", 2, 2, importMod);
  table.add("And", 2, 2, importBinary<ir::AndOp>);
  table.add("Or", 2, 2, importBinary<ir::OrOp>);
  table.add("Xor", 2, 2, importBinary<ir::XorOp>);
  table.add("BitwiseAnd", 2, 2, importBinary<ir::AndOp>);
  table.add("BitwiseOr", 2, 2, importBinary<ir::OrOp>);
  table.add("BitwiseXor", 2, 2, importBinary<ir::XorOp>);
  table.add("BitShift", 2, 2, importBitShift);
  table.add("Equal", 2, 2, importCompare<ir::CompareKind::eq>);
  table.add("Less", 2, 2, importCompare<ir::CompareKind::lt>);
  table.add("LessOrEqual", 2, 2, importCompare<ir::CompareKind::le>);
  table.add("Greater", 2, 2, importCompare<ir::CompareKind::gt>);
  table.add("GreaterOrEqual", 2, 2, importCompare<ir::CompareKind::ge>);
  table.add("Where", 3, 3, importWhere);
  table.add("Max", 1, -1, importVariadic<ir::MaxOp>);
  table.add("Min", 1, -1, importVariadic<ir::MinOp>);
  table.add("Sum", 1, -1, importVariadic<ir::AddOp>);
  table.add("Mean", 1, -1, importMean);
  table.add("IsNaN", 1, 1, importIsNaN);
  table.add("IsInf", 1, 1, importIsInf);
  table.add("Cast", 1, 1, importCast);
  table.add("CastLike", 2, 2, importCastLike);
  table.add("BitCast", 1, 1, importBitCast);
}
