// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types narrower than a byte lie packed in memory, row-major, low bits first; inside a kernel each element is
// a byte. Arguments are unpacked and results packed by generics, which fuse with what reads and makes them.
// Stage: tensor.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

static Type getPackedElement(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isPacked(tensor.getElementType()) ? tensor.getElementType() : Type();
}

RankedTensorType lowering::getPackedType(Type type) {
  Type element = getPackedElement(type);
  if (!element)
    return {};
  int64_t count = cast<RankedTensorType>(type).getNumElements(),
          perByte = 8 / element.getIntOrFloatBitWidth();
  return RankedTensorType::get({(count + perByte - 1) / perByte}, IntegerType::get(type.getContext(), 8));
}

static Value unpack(OpBuilder &b, Location loc, Value packed, RankedTensorType type, Type element) {
  int64_t bits = element.getIntOrFloatBitWidth();
  SmallVector<OpFoldResult> sizes;
  for (int64_t extent : type.getShape())
    sizes.push_back(b.getIndexAttr(extent));
  return createFromIndices(b, loc, sizes, b.getI8Type(), [&](const Scalars &s, ValueRange at) -> Value {
    Value flat = s.index(0);
    for (auto [index, extent] : llvm::zip(at, type.getShape()))
      flat = s.add(s.mul(flat, s.index(extent)), index);
    Value perByte = s.index(8 / bits);
    Value byte = tensor::ExtractOp::create(
        s.b, s.loc, packed, ValueRange{Value(arith::DivUIOp::create(s.b, s.loc, flat, perByte))});
    // The element moves to the top of the byte and comes down with its sign.
    Value part = s.fromIndex(arith::RemUIOp::create(s.b, s.loc, flat, perByte), s.b.getI8Type());
    Value left = s.sub(s.integer(s.b.getI8Type(), 8 - bits), s.mul(part, s.integer(s.b.getI8Type(), bits)));
    Value top = arith::ShLIOp::create(s.b, s.loc, byte, left), down = s.integer(s.b.getI8Type(), 8 - bits);
    bool isSigned = isa<IntegerType>(element) && !isUnsigned(element);
    return isSigned ? Value(arith::ShRSIOp::create(s.b, s.loc, top, down))
                    : Value(arith::ShRUIOp::create(s.b, s.loc, top, down));
  });
}

static Value pack(OpBuilder &b, Location loc, Value value, RankedTensorType packedType, Type element) {
  int64_t bits = element.getIntOrFloatBitWidth(), perByte = 8 / bits;
  auto type = cast<RankedTensorType>(value.getType());
  int64_t count = type.getNumElements();
  return createFromIndices(
      b, loc, {b.getIndexAttr(packedType.getDimSize(0))}, b.getI8Type(),
      [&](const Scalars &s, ValueRange at) -> Value {
        Value byte = s.integer(s.b.getI8Type(), 0);
        for (int64_t part = 0; part < perByte; ++part) {
          Value flat = s.add(s.mul(at[0], s.index(perByte)), s.index(part));
          auto read = [&](const Scalars &inner) -> Value {
            SmallVector<Value> index(type.getRank());
            Value rest = flat;
            for (int64_t i = type.getRank(); i-- > 0;) {
              Value extent = inner.index(std::max<int64_t>(type.getDimSize(i), 1));
              index[i] = i == 0 ? rest : Value(arith::RemUIOp::create(inner.b, inner.loc, rest, extent));
              rest = i == 0 ? rest : Value(arith::DivUIOp::create(inner.b, inner.loc, rest, extent));
            }
            return tensor::ExtractOp::create(inner.b, inner.loc, value, index);
          };
          Value one;
          if (count % perByte == 0) {
            one = read(s);
          } else {
            Value inside = s.compare(ir::CompareKind::lt, flat, s.index(count));
            one = scf::IfOp::create(
                      s.b, s.loc, inside,
                      [&](OpBuilder &n, Location l) { scf::YieldOp::create(n, l, read(Scalars(n, l))); },
                      [&](OpBuilder &n, Location l) {
                        scf::YieldOp::create(n, l, Scalars(n, l).integer(n.getI8Type(), 0));
                      })
                      .getResult(0);
          }
          one = arith::AndIOp::create(s.b, s.loc, one, s.integer(s.b.getI8Type(), (1 << bits) - 1));
          one = arith::ShLIOp::create(s.b, s.loc, one, s.integer(s.b.getI8Type(), part * bits));
          byte = arith::OrIOp::create(s.b, s.loc, byte, one);
        }
        return byte;
      });
}

LogicalResult lowering::packBoundary(func::FuncOp func, FunctionType original) {
  for (Type type : llvm::concat<const Type>(original.getInputs(), original.getResults()))
    if (getPackedElement(type) && !cast<RankedTensorType>(type).hasStaticShape())
      return func.emitOpError("found ")
             << type << ", wanted static extents where several elements share a byte";
  if (func.isExternal())
    return success();
  Block &body = func.getBody().front();
  OpBuilder b(&body, body.begin());
  for (auto [argument, type] : llvm::zip(body.getArguments(), original.getInputs())) {
    RankedTensorType packed = getPackedType(type);
    if (!packed)
      continue;
    auto bytes = cast<RankedTensorType>(argument.getType());
    argument.setType(packed);
    Value unpacked = unpack(b, func.getLoc(), argument, bytes, getPackedElement(type));
    argument.replaceUsesWithIf(
        unpacked, [&](OpOperand &use) { return !unpacked.getDefiningOp()->isAncestor(use.getOwner()); });
  }
  Operation *terminator = body.getTerminator();
  b.setInsertionPoint(terminator);
  for (auto [operand, type] : llvm::zip(terminator->getOpOperands(), original.getResults()))
    if (RankedTensorType packed = getPackedType(type))
      operand.set(pack(b, func.getLoc(), operand.get(), packed, getPackedElement(type)));
  func.setFunctionType(b.getFunctionType(body.getArgumentTypes(), terminator->getOperandTypes()));
  return success();
}
