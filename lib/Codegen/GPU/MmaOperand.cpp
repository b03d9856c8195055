// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies and reads an operand; all addresses in shared memory are linear maps of bits of the thread's number,
// computed before the loop, and within it differ by constants.
#include "MmaOperand.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace weft::gpu;

/// Byte offset of an address that consists of a linear map of the thread (bits of `image`) and a constant: an
/// addition where the bits are apart, which becomes part of the instruction.
static V combine(V base, uint64_t image, uint64_t constant) {
  uint64_t shared = constant & image;
  V result = shared ? base ^ shared : base;
  return constant & ~image ? result + (constant & ~image) : result;
}

MmaOperand::MmaOperand(KernelBuilder &k, const MmaSource &source, int64_t elementBytes, int64_t outer,
                       int64_t depth, int64_t threads, V firstOuter)
    : k(k), source(source), elementBytes(elementBytes), row(firstOuter), column(firstOuter),
      address(firstOuter), fragmentAddress(firstOuter) {
  bool kMajor = source.major == Major::K;
  rows = kMajor ? outer : depth;
  columns = kMajor ? depth : outer;
  map = swizzle(columns * elementBytes, rows);
  // A thread copies `vector` neighbours per pass; threads side by side in a row, then row by row.
  int64_t perRow = columns / source.vector;
  passes = rows * perRow / threads;
  rowsPerPass = threads / perRow;
  V tid = k.threadId();
  column = (tid & (perRow - 1)) * source.vector;
  row = divui(tid, k.i32(perRow));
  SmallVector<uint64_t> bases;
  for (int64_t bit = 1; bit < threads; bit *= 2)
    bases.push_back(map(bit * source.vector * elementBytes));
  LinearMap own(bases);
  image = own.image();
  address = own.emit(tid);
  for (int64_t pass = 0; pass < passes; ++pass) {
    if (kMajor)
      places.push_back(source.at(firstOuter + (row + pass * rowsPerPass)));
    else if (pass == 0)
      places.push_back(source.at(firstOuter + column));
  }
}

void MmaOperand::copy(V first, V stage) {
  bool kMajor = source.major == Major::K;
  for (int64_t pass = 0; pass < passes; ++pass) {
    Place place = kMajor ? places[pass](first + column) : places[0](first + (row + pass * rowsPerPass));
    uint64_t constant = map(pass * rowsPerPass * columns * elementBytes);
    copyOne(place, k.shared(stage + combine(address, image, constant)));
  }
}

uint64_t MmaOperand::byteAt(int64_t outer, int64_t depth) const {
  bool kMajor = source.major == Major::K;
  return map(((kMajor ? outer : depth) * columns + (kMajor ? depth : outer)) * elementBytes);
}

void MmaOperand::prepareFragments(const LinearMap &lanes, V warp, int64_t perWarp, int64_t numWarps) {
  SmallVector<uint64_t> bases;
  for (uint64_t basis : lanes.getBases())
    bases.push_back(map((basis >> 16) * columns * elementBytes + (basis & 0xffff) * 2));
  for (int64_t w = 1; w < numWarps; w *= 2)
    bases.push_back(byteAt(w * perWarp, 0));
  LinearMap own(bases);
  fragmentImage = own.image();
  V lane = k.threadId() & 31;
  fragmentAddress = own.emit(lane | (warp << 5));
}

SmallVector<Value> MmaOperand::load(V stage, int64_t outer, int64_t depth) {
  bool kMajor = source.major == Major::K;
  Value from = k.shared(stage + combine(fragmentAddress, fragmentImage, byteAt(outer, depth)));
  OpBuilder &b = k.builder();
  Location loc = k.location();
  auto four = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, b.getI32Type()));
  auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  Value all = NVVM::LdMatrixOp::create(b, loc, Type(four), from, 4,
                                       kMajor ? NVVM::MMALayout::row : NVVM::MMALayout::col, shape,
                                       NVVM::LdStMatrixEltType::B16);
  SmallVector<Value> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
  return registers;
}

void MmaOperand::copyOne(const Place &place, Value to) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  int64_t size = source.vector * elementBytes;
  if (size >= 4) {
    // Of nothing where the element is outside: the rest of the 4 to 16 bytes is filled with zeros.
    Value sourceSize;
    if (place.inside)
      sourceSize = select(*place.inside, k.i32(size), k.i32(0)).value;
    auto cache = size == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
    NVVM::CpAsyncOp::create(b, loc, to, k.global(source.buffer, place.offset), size, cache, sourceSize);
    return;
  }
  // There is no asynchronous copy of two bytes.
  V zero = k.wrap(arith::ConstantOp::create(b, loc, b.getI16IntegerAttr(0)));
  V value = k.when(
      place.inside, [&] { return k.load(b.getI16Type(), k.global(source.buffer, place.offset)); },
      [&] { return zero; });
  k.store(value, to);
}
