// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of matrix registers, which are named here: LLVM neither allocates nor configures them.
#include "MatrixTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace weft::cpu;

namespace {
constexpr int64_t sum(int64_t block, int64_t vector) { return 2 * block + vector; }
constexpr int64_t rowsOfA(int64_t block) { return 4 + block; }
constexpr int64_t columnsOfB(int64_t vector) { return 6 + vector; }
} // namespace

/// The address of an element of a buffer without gaps.
static Value addressOf(KernelBuilder &kb, const MatrixPlace &place) {
  OpBuilder &b = kb.b;
  auto type = cast<MemRefType>(place.memref.getType());
  Value linear = kb.c(0);
  for (auto [d, index] : llvm::enumerate(place.indices))
    linear = kb.add(kb.mul(linear, kb.extent(place.memref, d)), index);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, kb.loc, place.memref);
  Value address = kb.add(base, kb.mul(linear, type.getElementTypeBitWidth() / 8));
  address = arith::IndexCastOp::create(b, kb.loc, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, kb.loc, LLVM::LLVMPointerType::get(b.getContext()), address);
}

void MatrixTile::call(StringRef name, ArrayRef<int64_t> registers, const MatrixPlace *place) {
  OpBuilder &b = kb.b;
  SmallVector<Value> operands;
  for (int64_t number : registers)
    operands.push_back(LLVM::ConstantOp::create(b, kb.loc, b.getI8Type(), b.getI8IntegerAttr(number)));
  if (place) {
    auto type = cast<MemRefType>(place->memref.getType());
    operands.push_back(addressOf(kb, *place));
    int64_t stride = type.getShape().back() * type.getElementTypeBitWidth() / 8;
    operands.push_back(LLVM::ConstantOp::create(b, kb.loc, b.getI64Type(), b.getI64IntegerAttr(stride)));
  }
  LLVM::CallIntrinsicOp::create(b, kb.loc, b.getStringAttr("llvm.x86." + name), operands);
}

void MatrixTile::configure(Value config) {
  // Palette 1; bytes of a row of each register from byte 16 on, rows from byte 48 on.
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  auto shape = [&](int64_t number, int64_t count) {
    bytes[16 + 2 * number] = 64;
    bytes[48 + number] = int8_t(count);
  };
  for (int64_t block = 0; block < blocks(); ++block) {
    shape(rowsOfA(block), rowsOf(block));
    for (int64_t v = 0; v < vectors; ++v)
      shape(sum(block, v), rowsOf(block));
  }
  for (int64_t v = 0; v < vectors; ++v)
    shape(columnsOfB(v), rowsOfRegister);
  auto type = VectorType::get({64}, kb.b.getI8Type());
  Value value =
      arith::ConstantOp::create(kb.b, kb.loc, DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes)));
  vector::StoreOp::create(kb.b, kb.loc, value, config, ValueRange{kb.c(0)});
  LLVM::CallIntrinsicOp::create(kb.b, kb.loc, kb.b.getStringAttr("llvm.x86.ldtilecfg"),
                                addressOf(kb, {config, {kb.c(0)}}));
}

void MatrixTile::multiply(Value config, Value low, Value high, Value isFirst,
                          llvm::function_ref<MatrixPlace(int64_t, Value)> a,
                          llvm::function_ref<MatrixPlace(Value, int64_t)> b,
                          llvm::function_ref<MatrixPlace(int64_t, int64_t)> sums) {
  configure(config); // which makes all registers zero
  auto forSums = [&](StringRef name) {
    for (int64_t block = 0; block < blocks(); ++block)
      for (int64_t v = 0; v < vectors; ++v) {
        MatrixPlace place = sums(block * rowsOfRegister, v * kb.lanes);
        call(name, sum(block, v), &place);
      }
  };
  if (isFirst) {
    Value yes = arith::ConstantIntOp::create(kb.b, kb.loc, 1, 1);
    kb.ifThen(arith::XOrIOp::create(kb.b, kb.loc, isFirst, yes), [&] { forSums("tileloadd64"); });
  }
  kb.loop(low, high, step.stepMultiple(), [&](Value k) {
    for (int64_t v = 0; v < vectors; ++v) {
      MatrixPlace place = b(k, v * kb.lanes);
      call("tileloadd64", columnsOfB(v), &place);
    }
    for (int64_t block = 0; block < blocks(); ++block) {
      MatrixPlace place = a(block * rowsOfRegister, k);
      call("tileloadd64", rowsOfA(block), &place);
      for (int64_t v = 0; v < vectors; ++v)
        call(step.tileInstruction(), {sum(block, v), rowsOfA(block), columnsOfB(v)});
    }
  });
  forSums("tilestored64");
}

void MatrixTile::release(KernelBuilder &kb) {
  LLVM::CallIntrinsicOp::create(kb.b, kb.loc, kb.b.getStringAttr("llvm.x86.tilerelease"), ValueRange());
}
