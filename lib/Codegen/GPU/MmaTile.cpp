// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits a block's tile of a product with mma.sync, and the stores; see MmaTile.h.
#include "MmaTile.h"

#include "MmaOperand.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

/// d += a b of one instruction.
void multiply(KernelBuilder &k, Type type, ValueRange a, ValueRange b, MutableArrayRef<Value> d) {
  OpBuilder &builder = k.builder();
  Location loc = k.location();
  auto asOperand = [&](ValueRange registers) {
    SmallVector<Value> operands(registers);
    for (Value &v : operands)
      if (type.isF16()) {
        v = LLVM::BitcastOp::create(builder, loc, VectorType::get({2}, type), v);
      } else if (type.isF32()) {
        Value single = LLVM::BitcastOp::create(builder, loc, type, v);
        v = NVVM::ConvertFloatToTF32Op::create(builder, loc, v.getType(), single, NVVM::FPRoundingMode::RNA);
      }
    return operands;
  };
  auto result =
      LLVM::LLVMStructType::getLiteral(builder.getContext(), SmallVector<Type>(4, builder.getF32Type()));
  NVVM::MMATypes ptx = type.isF16()   ? NVVM::MMATypes::f16
                       : type.isF32() ? NVVM::MMATypes::tf32
                                      : NVVM::MMATypes::bf16;
  Value all = NVVM::MmaOp::create(
      builder, loc, Type(result), asOperand(a), asOperand(b), SmallVector<Value>(d.begin(), d.end()),
      {mmaM, mmaN, mmaKBytes / mmaElementBytes(type)}, std::nullopt, std::nullopt, std::array{ptx, ptx},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < 4; ++i)
    d[i] = LLVM::ExtractValueOp::create(builder, loc, all, i);
}

/// Stores `width` accumulators that lie side by side in a row of C.
void storeResult(KernelBuilder &k, const MmaProblem &problem, const Epilogue &epilogue,
                 ArrayRef<Value> values, V row, V column) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  int64_t width = values.size();
  auto shaped = [&](Type element) -> Type {
    return width == 1 ? element : Type(VectorType::get({width}, element));
  };
  Value value = values[0];
  if (width > 1)
    value = vector::FromElementsOp::create(b, loc, cast<VectorType>(shaped(b.getF32Type())), values);
  if (epilogue.emit) {
    SmallVector<Value> inputs{value};
    for (auto [i, operand] : llvm::enumerate(epilogue.operands)) {
      unsigned buffer = problem.c - epilogue.operands.size() + i;
      V at = problem.operandAt(i, row, column);
      if (operand.shape.back() == 1 && width > 1) {
        V one = k.load(operand.type, k.global(buffer, at));
        inputs.push_back(vector::BroadcastOp::create(b, loc, shaped(operand.type), one.value));
      } else {
        inputs.push_back(k.load(shaped(operand.type), k.global(buffer, at)).value);
      }
    }
    value = epilogue.emit(b, loc, inputs, width);
  }
  Type element = k.getBuffer(problem.c).type;
  if (getElementTypeOrSelf(value.getType()) != element)
    value = arith::TruncFOp::create(b, loc, shaped(element), value);
  k.store(k.wrap(value), k.global(problem.c, problem.resultAt(row, column)));
}

} // namespace

int64_t weft::gpu::mmaElementBytes(Type type) { return type.getIntOrFloatBitWidth() / 8; }

int64_t weft::gpu::sharedBytesOf(const MmaTiling &tiling, Type type) {
  return tiling.stages * (tiling.m + tiling.n) * tiling.k * mmaElementBytes(type);
}

std::string weft::gpu::checkTiling(const MmaTiling &t) {
  for (int64_t x : {t.m, t.n, t.k, t.warpsM, t.warpsN})
    if (x < 1 || !llvm::isPowerOf2_64(x))
      return "wanted powers of two, got " + std::to_string(x);
  if (t.stages < 2)
    return "wanted two stages or more";
  if (t.warpgroups && (t.warpsM % 4 || t.warpsN != 1 || t.m != mmaM * t.warpsM || t.k != 64 || t.n > 256))
    return "a warpgroup of four warps wants 64 rows, 64 of K and at most 256 columns";
  if (t.m / t.warpsM < mmaM || t.n / t.warpsN < 2 * mmaN || t.k < 16)
    return "a warp has less than 16 x 16 x 16";
  if (t.m * t.k < t.threads() * 8 || t.n * t.k < t.threads() * 8 || t.threads() < std::max({t.m, t.n, t.k}))
    return "a tile does not part evenly among the threads";
  return "";
}

void weft::gpu::storeTile(KernelBuilder &k, const MmaProblem &problem, const Epilogue &epilogue,
                          ArrayRef<Value> sums, V warpRow, V warpColumn, int64_t tilesM, int64_t tilesN) {
  // Where the fragment's first element of this lane lies; the others are at constant distances.
  LinearMap lanes(fragmentC().getBases().drop_front(2));
  V packed = lanes.emit(k.threadId() & 31);
  V row = problem.firstRow + warpRow + (packed >> 16);
  V column = problem.firstColumn + warpColumn + (packed & 0xffff);
  for (int64_t i = 0; i < tilesM; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      V r = row + (i * mmaM + half * 8);
      std::optional<V> rowInside;
      if (problem.rows)
        rowInside = codegen::lt(r, *problem.rows);
      k.when(rowInside, [&] {
        for (int64_t j = 0; j < tilesN; ++j)
          for (int64_t e = 0; e < 2; e += problem.columnVector) {
            V c = column + (j * mmaN + e);
            std::optional<V> columnInside;
            if (problem.columns)
              columnInside = codegen::lt(c, *problem.columns);
            ArrayRef<Value> values =
                ArrayRef(sums).slice((i * tilesN + j) * 4 + half * 2 + e, problem.columnVector);
            k.when(columnInside, [&] { storeResult(k, problem, epilogue, values, r, c); });
          }
      });
    }
}

void weft::gpu::emitMmaTile(KernelBuilder &k, const MmaTiling &tiling, Type type, const MmaProblem &problem,
                            const Epilogue &epilogue) {
  if (tiling.warpgroups)
    return emitWgmmaTile(k, tiling, type, problem, epilogue);
  OpBuilder &b = k.builder();
  Location loc = k.location();
  int64_t warpRows = tiling.m / tiling.warpsM, warpColumns = tiling.n / tiling.warpsN;
  int64_t bytes = mmaElementBytes(type), tilesM = warpRows / mmaM, tilesN = warpColumns / mmaN;
  V tid = k.threadId(), warp = tid >> 5;
  V warpM = warp & (tiling.warpsM - 1), warpN = divui(warp, k.i32(tiling.warpsM));

  MmaOperand a(k, problem.a, bytes, tiling.m, tiling.k, tiling.threads(), problem.firstRow);
  MmaOperand w(k, problem.b, bytes, tiling.n, tiling.k, tiling.threads(), problem.firstColumn);
  a.prepareFragments(ldmatrixRowsA(problem.a.major), warpM, warpRows, tiling.warpsM);
  w.prepareFragments(ldmatrixRowsB(problem.b.major), warpN, warpColumns, tiling.warpsN);

  PipelineSteps steps;
  steps.stages = tiling.stages;
  steps.stageBytes = a.bytes() + w.bytes();
  steps.copy = [&](V step, V stage) {
    V first = step * tiling.k;
    a.copy(first, stage);
    w.copy(first, stage + a.bytes());
  };
  steps.compute = [&](V stage, ValueRange carried) {
    SmallVector<Value> sums(carried);
    V stageB = stage + a.bytes();
    for (int64_t depth = 0; depth < tiling.k; depth += mmaKBytes / bytes) {
      SmallVector<SmallVector<Value>> fragmentsA, fragmentsB;
      for (int64_t i = 0; i < tilesM; ++i)
        fragmentsA.push_back(a.load(stage, i * mmaM, depth));
      for (int64_t j = 0; j < tilesN; j += 2) {
        SmallVector<Value> two = w.load(stageB, j * mmaN, depth);
        fragmentsB.emplace_back(ArrayRef(two).take_front(2));
        fragmentsB.emplace_back(ArrayRef(two).drop_front(2));
      }
      for (int64_t i = 0; i < tilesM; ++i)
        for (int64_t j = 0; j < tilesN; ++j)
          multiply(k, type, fragmentsA[i], fragmentsB[j],
                   MutableArrayRef<Value>(sums).slice((i * tilesN + j) * 4, 4));
    }
    return sums;
  };
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  SmallVector<Value> sums(tilesM * tilesN * 4, zero);
  sums = emitPipeline(k, k.ceilDiv(problem.k, tiling.k), steps, sums);

  storeTile(k, problem, epilogue, sums, warpM * warpRows, warpN * warpColumns, tilesM, tilesN);
}
