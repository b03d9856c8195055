// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a thread's registers lie in a tile, as index arithmetic on the thread's number.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weft;
using namespace weft::tile;

void weft::tile::onlyWhere(OpBuilder &b, Location loc, Value condition,
                           llvm::function_ref<void(OpBuilder &)> body) {
  if (!condition)
    return body(b);
  scf::IfOp::create(b, loc, condition, [&](OpBuilder &inner, Location) {
    body(inner);
    scf::YieldOp::create(inner, loc);
  });
}

SmallVector<Value> weft::tile::valuesWhere(OpBuilder &b, Location loc, Value condition,
                                           llvm::function_ref<SmallVector<Value>(OpBuilder &)> body,
                                           llvm::function_ref<SmallVector<Value>()> otherwise) {
  if (!condition)
    return body(b);
  SmallVector<Value> others = otherwise();
  auto choice = scf::IfOp::create(
      b, loc, condition, [&](OpBuilder &inner, Location) { scf::YieldOp::create(inner, loc, body(inner)); },
      [&](OpBuilder &inner, Location) { scf::YieldOp::create(inner, loc, others); });
  return choice.getResults();
}

ThreadTypeConverter::ThreadTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](RankedTensorType type, SmallVectorImpl<Type> &registers) -> std::optional<LogicalResult> {
    if (!isTile(type))
      return std::nullopt;
    int64_t count = linearLayoutOf(type).numRegisters();
    Type element = type.getElementType();
    if (auto operand = dyn_cast<DotOperandAttr>(type.getEncoding()); operand && operand.getWidth() > 1) {
      count /= operand.getWidth();
      element = VectorType::get({operand.getWidth()}, element);
    }
    registers.append(count, element);
    return success();
  });
  addConversion([](MemRefType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  addConversion([](PrivateType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  addConversion([](SharedType type) { return LLVM::LLVMPointerType::get(type.getContext(), 3); });
}

Value ThreadCode::threadId() {
  Value number = NVVM::ThreadIdXOp::create(b, loc, b.getI32Type());
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
}

Value ThreadCode::threadBits(int64_t first, int64_t count) {
  Value bits = threadId();
  if (first > 0)
    bits = arith::ShRUIOp::create(b, loc, bits, index(first));
  return arith::AndIOp::create(b, loc, bits, index((int64_t(1) << count) - 1));
}

SmallVector<Value> ThreadCode::base(const LinearLayout &layout, int64_t rank) {
  SmallVector<Value> result(rank);
  SmallVector<Coordinates> bits(layout.lanes);
  llvm::append_range(bits, layout.warps);
  for (int64_t dim = 0; dim < rank; ++dim)
    for (size_t i = 0; i < bits.size();) {
      int64_t step = bits[i][dim];
      size_t end = i + 1;
      if (step == 0) {
        i = end;
        continue;
      }
      // Neighbouring bits that count on are one field.
      while (end < bits.size() && bits[end][dim] == step << (end - i))
        ++end;
      Value part = scale(threadBits(i, end - i), step);
      result[dim] = result[dim] ? Value(arith::XOrIOp::create(b, loc, result[dim], part)) : part;
      i = end;
    }
  return result;
}

SmallVector<SmallVector<Value>> ThreadCode::coordinates(RankedTensorType tile) {
  LinearLayout layout = linearLayoutOf(tile);
  SmallVector<Value> thread = base(layout, tile.getRank());
  SmallVector<int64_t> threadMask(tile.getRank(), 0);
  for (const Coordinates &basis : llvm::concat<const Coordinates>(layout.lanes, layout.warps))
    for (int64_t dim = 0; dim < tile.getRank(); ++dim)
      threadMask[dim] |= basis[dim];
  SmallVector<SmallVector<Value>> all;
  for (int64_t r = 0; r < layout.numRegisters(); ++r) {
    Coordinates mine = layout.ofRegister(r);
    SmallVector<Value> &point = all.emplace_back();
    for (int64_t dim = 0; dim < tile.getRank(); ++dim) {
      int64_t own = dim < int64_t(mine.size()) ? mine[dim] : 0;
      if (!thread[dim])
        point.push_back(index(own));
      else if (own == 0)
        point.push_back(thread[dim]);
      else if ((own & threadMask[dim]) == 0)
        point.push_back(add(thread[dim], index(own)));
      else
        point.push_back(arith::XOrIOp::create(b, loc, thread[dim], index(own)));
    }
  }
  return all;
}

Value ThreadCode::bitsAreZero(int64_t bits) {
  if (bits == 0)
    return {};
  Value own = arith::AndIOp::create(b, loc, threadId(), index(bits));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, own, index(0));
}

Value ThreadCode::address(Value pointer, Type element, Value position) {
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), position);
  return LLVM::GEPOp::create(b, loc, pointer.getType(), element.isIndex() ? b.getI64Type() : element, pointer,
                             ArrayRef<LLVM::GEPArg>{wide});
}

SmallVector<Value> weft::tile::inlineCombiner(OpBuilder &b, Region &combiner, ValueRange x, ValueRange y) {
  Block &block = combiner.front();
  IRMapping mapping;
  for (auto [i, value] :
       llvm::enumerate(llvm::concat<const Value>(SmallVector<Value>(x), SmallVector<Value>(y))))
    mapping.map(block.getArgument(i), value);
  for (Operation &op : block.without_terminator())
    b.clone(op, mapping);
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

LinearLayout weft::tile::placesIn(SharedType buffer, const LinearLayout &layout, bool transposed) {
  return layout.mapped([&](const Coordinates &basis) {
    return Coordinates{transposed ? buffer.byteOf({basis[1], basis[0]}) : buffer.byteOf(basis)};
  });
}

SharedAddresses::SharedAddresses(ThreadCode code, Value pointer, const LinearLayout &bytes)
    : code(code), pointer(pointer), bytes(bytes), thread(this->code.base(bytes, 1)[0]) {
  for (const Coordinates &basis : llvm::concat<const Coordinates>(this->bytes.lanes, this->bytes.warps))
    reached |= basis[0];
}

Value SharedAddresses::at(int64_t offset) {
  OpBuilder &b = code.b;
  Location loc = code.loc;
  auto advance = [&](Value from, LLVM::GEPArg by) -> Value {
    return LLVM::GEPOp::create(b, loc, from.getType(), b.getI8Type(), from, ArrayRef<LLVM::GEPArg>{by});
  };
  Value address = pointer;
  if (thread) {
    // An addition where the bits are apart: it becomes part of the instruction.
    Value own = thread;
    if (int64_t met = offset & reached)
      own = arith::XOrIOp::create(b, loc, own, code.index(met));
    address = advance(address, Value(arith::IndexCastOp::create(b, loc, b.getI64Type(), own)));
  }
  int64_t rest = thread ? offset & ~reached : offset;
  return rest ? advance(address, int32_t(rest)) : address;
}
