// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of MultiplyStep.h as ops on vectors.
#include "MultiplyStep.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace weft::cpu;

/// Matrix registers for both. Only a machine that was asked has them: Linux may refuse.
static bool hasTiles(const TargetInfo &target) {
  return llvm::all_of(ArrayRef<StringRef>{"+amx-tile", "+amx-int8", "+amx-bf16"},
                      [&](StringRef feature) { return StringRef(target.features).contains(feature); });
}

MultiplyStep MultiplyStep::choose(const GemmSpec &spec, const TargetInfo &target) {
  MultiplyStep step;
  step.widensB = spec.b == GemmB::Packed && spec.bType.getIntOrFloatBitWidth() < 32;
  if (spec.b != GemmB::Packed || !target.isX86)
    return step;
  // A few rows take as long as B takes to arrive, and dot products do not need A in rows of 64 bytes.
  bool tiles = hasTiles(target) && (ShapedType::isDynamic(spec.m) || spec.m >= 8);
  if (spec.bType.isBF16() && spec.aType.isBF16() && !spec.strict && (tiles || target.hasBF16Dot)) {
    step.group = 2;
    step.kind = tiles ? Tiles : BF16Dot;
    step.widensB = false;
  } else if (spec.bType.isInteger(8) && spec.aType.isInteger(8)) {
    step.kind = tiles ? Tiles : target.hasI8Dot ? I8Dot : spec.pairsFit ? I8Pairs : I8Words;
    step.widensB = step.kind == I8Words;
    step.group = step.widensB ? 2 : 4;
    step.aUnsigned = spec.aUnsigned;
    step.bUnsigned = spec.bUnsigned;
  }
  return step;
}

bool weft::cpu::wantsPairs(const GemmSpec &spec, const TargetInfo &target) {
  return MultiplyStep::choose(spec, target).kind == MultiplyStep::I8Words;
}

bool MultiplyStep::readsInPlace(const GemmSpec &spec) const {
  // Preparation wants a static K, as packed operands have.
  if (kind == Float)
    return spec.aType.isF32() || spec.b != GemmB::Packed;
  return kind != I8Words && !flipsA() && !spec.transposedA && spec.k % (group * stepMultiple()) == 0;
}

Type MultiplyStep::heldType(Builder &b) const {
  switch (kind) {
  case Float:
    return b.getF32Type();
  case BF16Dot:
    return b.getBF16Type();
  case I8Words:
    return b.getI16Type();
  case I8Pairs:
  case I8Dot:
    return b.getI8Type();
  case Tiles:
    return isInteger() ? Type(b.getI8Type()) : b.getBF16Type();
  }
  llvm_unreachable("a kind of step");
}

/// Bytes as words.
static Value toWords(KernelBuilder &kb, Value x, bool isUnsigned) {
  Type type = kb.b.getI16Type();
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    type = vector.clone(type);
  if (isUnsigned)
    return arith::ExtUIOp::create(kb.b, kb.loc, type, x);
  return arith::ExtSIOp::create(kb.b, kb.loc, type, x);
}

/// A vector, or scalar, of elements of A as they are held.
static Value hold(const MultiplyStep &step, KernelBuilder &kb, Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  switch (step.kind) {
  case MultiplyStep::Float: {
    Type type = kb.b.getF32Type();
    return arith::ExtFOp::create(kb.b, kb.loc, vector ? Type(vector.clone(type)) : type, x);
  }
  case MultiplyStep::BF16Dot:
  case MultiplyStep::Tiles:
    return x;
  case MultiplyStep::I8Words:
    return toWords(kb, x, step.aUnsigned);
  case MultiplyStep::I8Pairs:
  case MultiplyStep::I8Dot: {
    if (!step.flipsA())
      return x;
    TypedAttr sign = kb.b.getIntegerAttr(kb.b.getI8Type(), -128);
    if (vector)
      sign = SplatElementsAttr::get(vector, Attribute(sign));
    return arith::XOrIOp::create(kb.b, kb.loc, x, arith::ConstantOp::create(kb.b, kb.loc, sign));
  }
  }
  llvm_unreachable("a kind of step");
}

void MultiplyStep::prepareRow(KernelBuilder &kb, Value a, bool strided, Value prepared, Value to,
                              int64_t count, llvm::function_ref<SmallVector<Value>(Value)> at) const {
  OpBuilder &b = kb.b;
  Location loc = kb.loc;
  Type element = cast<MemRefType>(a.getType()).getElementType();
  int64_t width = kb.target.vectorBits / heldType(b).getIntOrFloatBitWidth();
  int64_t whole = strided ? 0 : count / width * width;
  kb.loop(kb.c(0), kb.c(whole), width, [&](Value k) {
    Value x = vector::LoadOp::create(b, loc, VectorType::get({width}, element), a, at(k));
    vector::StoreOp::create(b, loc, hold(*this, kb, x), prepared, ValueRange{to, k});
  });
  kb.loop(kb.c(whole), kb.c(count), 1, [&](Value k) {
    Value x = hold(*this, kb, memref::LoadOp::create(b, loc, a, at(k)));
    memref::StoreOp::create(b, loc, x, prepared, ValueRange{to, k});
  });
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(heldType(b)));
  kb.loop(kb.c(count), kb.c(steps(count) * group), 1,
          [&](Value k) { memref::StoreOp::create(b, loc, zero, prepared, ValueRange{to, k}); });
}

Value MultiplyStep::loadA(KernelBuilder &kb, Value a, ArrayRef<Value> row, Value k) const {
  SmallVector<Value> at(row);
  at.push_back(kb.mul(k, group));
  if (kind == Float)
    return kb.broadcast(kb.load(a, at));
  // 32 bits of neighbours.
  OpBuilder &b = kb.b;
  Type element = cast<MemRefType>(a.getType()).getElementType();
  Value word = vector::LoadOp::create(b, kb.loc, VectorType::get({group}, element), a, at);
  word = vector::BitCastOp::create(b, kb.loc, VectorType::get({1}, b.getI32Type()), word);
  word = vector::ExtractOp::create(b, kb.loc, word, 0);
  word = vector::BroadcastOp::create(b, kb.loc, VectorType::get({kb.lanes}, b.getI32Type()), word);
  Type narrow = group == 4 ? b.getI8Type() : b.getI16Type();
  return vector::BitCastOp::create(b, kb.loc, VectorType::get({kb.lanes * group}, narrow), word);
}

Value MultiplyStep::loadB(KernelBuilder &kb, Value source, ArrayRef<Value> row, int64_t column) const {
  SmallVector<Value> at(row);
  at.push_back(kb.c(column * group));
  if (kind == Float)
    return kb.loadVector(source, at, kb.lanes);
  OpBuilder &b = kb.b;
  auto element = cast<MemRefType>(source.getType()).getElementType();
  Value x = vector::LoadOp::create(b, kb.loc, VectorType::get({kb.lanes * group}, element), source, at);
  if (kind == I8Words && element.isInteger(8))
    return toWords(kb, x, bUnsigned);
  if (kind == BF16Dot)
    return vector::BitCastOp::create(b, kb.loc, VectorType::get({kb.lanes * group}, b.getI16Type()), x);
  return x;
}

Value MultiplyStep::multiply(KernelBuilder &kb, Value a, Value x, Value sum) const {
  OpBuilder &b = kb.b;
  bool wide = kb.target.vectorBits == 512;
  auto call = [&](StringRef name, ValueRange operands, Type result) -> Value {
    return LLVM::CallIntrinsicOp::create(b, kb.loc, result, b.getStringAttr(name), operands).getResult(0);
  };
  switch (kind) {
  case Float:
    return vector::FMAOp::create(b, kb.loc, a, x, sum);
  case BF16Dot:
    return call("llvm.x86.avx512bf16.dpbf16ps.512", {sum, a, x}, sum.getType());
  case I8Words:
  case I8Pairs: {
    if (kind == I8Pairs) {
      // The first factor is the unsigned one.
      auto words = VectorType::get({2 * kb.lanes}, b.getI16Type());
      a = call(wide ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw", {a, x}, words);
      x = arith::ConstantOp::create(b, kb.loc,
                                    SplatElementsAttr::get(words, Attribute(b.getI16IntegerAttr(1))));
    }
    Value products =
        call(wide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd", {a, x}, sum.getType());
    return arith::AddIOp::create(b, kb.loc, sum, products);
  }
  case I8Dot: {
    // The first factor is the unsigned one.
    bool aFirst = aUnsigned != flipsA();
    return call(wide ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256",
                {sum, aFirst ? a : x, aFirst ? x : a}, sum.getType());
  }
  case Tiles:
    break; // multiplied by MatrixTile
  }
  llvm_unreachable("a kind of step on vectors");
}

StringRef MultiplyStep::tileInstruction() const {
  if (!isInteger())
    return "tdpbf16ps";
  if (aUnsigned)
    return bUnsigned ? "tdpbuud" : "tdpbusd";
  return bUnsigned ? "tdpbsud" : "tdpbssd";
}
