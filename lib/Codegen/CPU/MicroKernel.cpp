// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generators' common pieces.
#include "MicroKernel.h"

#include "MultiplyStep.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"

#include <numeric>

using namespace mlir;
using namespace weft::cpu;

std::optional<int64_t> ChunkCount::fixed() const {
  int64_t count = 1;
  for (const Term &term : terms) {
    if (ShapedType::isDynamic(term.extent))
      return std::nullopt;
    count *= ceilDivide(term.extent, term.block);
  }
  return count;
}

int64_t ChunkCount::evaluate(llvm::function_ref<int64_t(unsigned, unsigned)> extentOf) const {
  int64_t count = 1;
  for (const Term &term : terms)
    count *= ceilDivide(ShapedType::isDynamic(term.extent) ? extentOf(term.buffer, term.dim) : term.extent,
                        term.block);
  return count;
}

void weft::cpu::printOperands(const Epilogue &epilogue, llvm::raw_ostream &os) {
  for (MemRefType operand : epilogue.operands) {
    os << " + ";
    for (int64_t extent : operand.getShape())
      os << extent << "x";
    os << operand.getElementType();
  }
}

void KernelBuilder::begin(StringRef name, ArrayRef<MemRefType> buffers) {
  module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  SmallVector<Type> types(buffers.begin(), buffers.end());
  types.push_back(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()));
  types.append(2, b.getIndexType());
  func = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  Block *entry = func.addEntryBlock();
  b.setInsertionPointToStart(entry);
  args = ValueRange(entry->getArguments()).take_front(buffers.size());
  low = entry->getArgument(buffers.size() + 1);
  high = entry->getArgument(buffers.size() + 2);
}

OwningOpRef<ModuleOp> KernelBuilder::end() {
  b.setInsertionPointToEnd(&func.getBody().front());
  func::ReturnOp::create(b, loc);
  return std::move(module);
}

Value KernelBuilder::c(int64_t value) {
  Value &constant = constants[value];
  if (!constant) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&func.getBody().front());
    constant = arith::ConstantIndexOp::create(b, loc, value);
  }
  return constant;
}

/// The one constant of all that are equal, in place of one that folding made just now; other values as they
/// are.
Value KernelBuilder::shared(Value made) {
  auto constant = made.getDefiningOp<arith::ConstantIndexOp>();
  if (!constant)
    return made;
  Value same = c(constant.value());
  if (same != made)
    constant.erase();
  return same;
}

void KernelBuilder::loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
  auto op = scf::ForOp::create(b, loc, low, high, c(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

SmallVector<Value> KernelBuilder::loop(Value low, Value high, int64_t step, ValueRange init,
                                       llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(b, loc, low, high, c(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(op.getResults());
}

void KernelBuilder::ifThen(Value condition, llvm::function_ref<void()> body,
                           llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  body();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(op.elseBlock());
  otherwise();
}

Value KernelBuilder::zeroVector() { return zero(lanes); }

Value KernelBuilder::zero(int64_t width) {
  Type type = width == 1 ? Type(b.getF32Type()) : vec(width);
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
}

Value KernelBuilder::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<VectorType>(sum.getType()))
    return vector::FMAOp::create(b, loc, x, y, sum);
  return math::FmaOp::create(b, loc, x, y, sum);
}

Value KernelBuilder::widen(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32() || !isa<FloatType>(element))
    return value;
  Type type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::ExtFOp::create(b, loc, type, value);
}

Value KernelBuilder::load(Value memref, ValueRange indices) {
  return widen(memref::LoadOp::create(b, loc, memref, indices));
}

Value KernelBuilder::loadVector(Value memref, ValueRange indices, int64_t width) {
  auto type = VectorType::get({width}, cast<MemRefType>(memref.getType()).getElementType());
  return widen(vector::LoadOp::create(b, loc, type, memref, indices));
}

void KernelBuilder::store(Value value, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto vector = dyn_cast<VectorType>(value.getType());
  if (getElementTypeOrSelf(value.getType()) != element)
    value = arith::TruncFOp::create(b, loc, vector ? Type(vector.clone(element)) : element, value);
  if (vector)
    vector::StoreOp::create(b, loc, value, memref, indices);
  else
    memref::StoreOp::create(b, loc, value, memref, indices);
}

Value KernelBuilder::scratch(ArrayRef<int64_t> shape, Type element) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&func.getBody().front());
  return memref::AllocOp::create(b, loc, MemRefType::get(shape, element ? element : b.getF32Type()));
}

Value KernelBuilder::mustPrepare(Value index, Value part) {
  if (!scratchIsNew) {
    Value zero = c(0);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(zero);
    func->setAttr(asksFollowsAttrName, b.getUnitAttr());
    func->setAttr("weft.scratch_used", b.getI64IntegerAttr(8));
    Value bytes = func.getArgument(func.getNumArguments() - 3);
    Value word =
        memref::ViewOp::create(b, loc, MemRefType::get({1}, b.getI64Type()), bytes, zero, ValueRange());
    Value none = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 0);
    scratchIsNew = equal(memref::LoadOp::create(b, loc, word, zero), none);
  }
  Value isAlone = arith::AndIOp::create(b, loc, equal(index, low), scratchIsNew);
  return arith::OrIOp::create(b, loc, equal(part, c(0)), isAlone);
}

SmallVector<Value> KernelBuilder::tile(int64_t rows, int64_t vectors, Value low, Value high, int64_t unroll,
                                       ArrayRef<Value> init, llvm::function_ref<Value(int64_t, Value)> loadA,
                                       llvm::function_ref<Value(int64_t, Value)> loadB) {
  auto broadcastA = [&](int64_t row, Value k) { return broadcast(loadA(row, k)); };
  return tile(MultiplyStep(), rows, vectors, low, high, unroll, init, broadcastA, loadB);
}

SmallVector<Value> KernelBuilder::tile(const MultiplyStep &multiply, int64_t rows, int64_t vectors, Value low,
                                       Value high, int64_t unroll, ArrayRef<Value> init,
                                       llvm::function_ref<Value(int64_t, Value)> loadA,
                                       llvm::function_ref<Value(int64_t, Value)> loadB) {
  auto step = [&](Value k, SmallVector<Value> acc) {
    SmallVector<Value> bs;
    for (int64_t v = 0; v < vectors; ++v)
      bs.push_back(loadB(v, k));
    for (int64_t r = 0; r < rows; ++r) {
      Value a = loadA(r, k);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = acc[r * vectors + v];
        sum = multiply.multiply(*this, a, bs[v], sum);
      }
    }
    return acc;
  };
  SmallVector<Value> acc(init);
  Value middle = low;
  if (unroll > 1) {
    Value span = sub(high, low);
    middle = add(low, mul(div(span, unroll), unroll));
    acc = loop(low, middle, unroll, acc, [&](Value k, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t u = 0; u < unroll; ++u)
        next = step(add(k, u), next);
      return next;
    });
  }
  auto known = [](Value v) { return getConstantIntValue(v); };
  if (unroll == 1 || !known(middle) || known(middle) != known(high))
    acc = loop(middle, high, 1, acc,
               [&](Value k, ValueRange carried) { return step(k, SmallVector<Value>(carried)); });
  return acc;
}

void KernelBuilder::finishScalar(const Epilogue &epilogue, ValueRange operands, Value acc, Value result,
                                 ValueRange indices) {
  if (epilogue.emit)
    acc = epilogue.emit(b, loc, acc, {SmallVector<Value>(indices), 1}, operands);
  store(acc, result, indices);
}

void KernelBuilder::finish(const Epilogue &epilogue, ValueRange operands, Value acc, Value result,
                           ValueRange indices, int64_t valid) {
  SmallVector<Value> at(indices);
  Value column = at.back();
  int64_t done = 0;
  while (done < valid) {
    int64_t width = lanes;
    while (width > valid - done)
      width /= 2;
    at.back() = add(column, done);
    if (width == 1) {
      finishScalar(epilogue, operands, vector::ExtractOp::create(b, loc, acc, done), result, at);
    } else {
      Value piece = acc;
      if (width != lanes)
        piece = vector::ExtractStridedSliceOp::create(b, loc, acc, ArrayRef<int64_t>{done},
                                                      ArrayRef<int64_t>{width}, ArrayRef<int64_t>{1});
      if (epilogue.emit)
        piece = epilogue.emit(b, loc, piece, {at, width}, operands);
      store(piece, result, at);
    }
    done += width;
  }
}

void KernelBuilder::finishRow(const Epilogue &epilogue, ValueRange operands, ArrayRef<Value> sums,
                              Value result, ValueRange indices, int64_t valid) {
  SmallVector<Value> at(indices);
  Value column = at.back();
  for (int64_t done = 0; done < valid && !sums.empty(); done += lanes, sums = sums.drop_front()) {
    at.back() = add(column, done);
    if (!epilogue.isLong || sums.size() == 1 || done + 2 * lanes > valid) {
      finish(epilogue, operands, sums[0], result, at, std::min(lanes, valid - done));
      continue;
    }
    // One vector of twice the width: code generation splits each operation on it.
    SmallVector<int64_t> both(2 * lanes);
    std::iota(both.begin(), both.end(), 0);
    Value pair = vector::ShuffleOp::create(b, loc, sums[0], sums[1], both);
    store(epilogue.emit(b, loc, pair, {at, 2 * lanes}, operands), result, at);
    done += lanes, sums = sums.drop_front();
  }
}

void KernelBuilder::transpose(SmallVectorImpl<Value> &v) {
  // Exchanges the off-diagonal quarters of blocks of 2d x 2d, for d = n/2 ... 1.
  int64_t n = lanes;
  for (int64_t d = n / 2; d >= 1; d /= 2) {
    SmallVector<int64_t> upper, lower;
    for (int64_t l = 0; l < n; ++l) {
      upper.push_back(l & d ? n + l - d : l);
      lower.push_back(l & d ? n + l : l + d);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i & d)
        continue;
      Value x = v[i], y = v[i + d];
      v[i] = vector::ShuffleOp::create(b, loc, x, y, upper);
      v[i + d] = vector::ShuffleOp::create(b, loc, x, y, lower);
    }
  }
}
