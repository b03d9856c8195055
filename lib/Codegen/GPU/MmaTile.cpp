// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits a block's tile of a product; see MmaTile.h. All addresses in shared memory are linear maps of bits of
// the thread's number, computed before the loop; within it, they differ by constants.
#include "MmaTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

constexpr int64_t kElementBytes = 2;

/// Byte offset of an address that consists of a linear map of the thread (bits of `image`) and a constant: an
/// addition where the bits are apart, which becomes part of the instruction.
V combine(V base, uint64_t image, uint64_t constant) {
  uint64_t shared = constant & image;
  V result = shared ? base ^ shared : base;
  return constant & ~image ? result + (constant & ~image) : result;
}

/// One operand in shared memory: copied there, and read as fragments.
class Operand {
public:
  Operand(KernelBuilder &k, const MmaSource &source, Type type, int64_t outer, int64_t depth, int64_t threads,
          V firstOuter)
      : k(k), source(source), type(type) {
    bool kMajor = source.major == Major::K;
    rows = kMajor ? outer : depth;
    columns = kMajor ? depth : outer;
    map = swizzle(columns * kElementBytes, rows);
    // A thread copies `vector` neighbours per pass; threads side by side in a row, then row by row.
    int64_t perRow = columns / source.vector;
    passes = rows * perRow / threads;
    rowsPerPass = threads / perRow;
    V tid = k.threadId();
    column = (tid & (perRow - 1)) * source.vector;
    row = divui(tid, k.i32(perRow));
    image = 0;
    SmallVector<uint64_t> bases;
    for (int64_t bit = 1; bit < threads; bit *= 2)
      bases.push_back(map(bit * source.vector * kElementBytes));
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

  int64_t bytes() const { return rows * columns * kElementBytes; }

  /// Copies the elements of K from `first` on to the byte `stage` of shared memory.
  void copy(V first, V stage) {
    bool kMajor = source.major == Major::K;
    for (int64_t pass = 0; pass < passes; ++pass) {
      Place place = kMajor ? places[pass](first + column) : places[0](first + (row + pass * rowsPerPass));
      uint64_t constant = map(pass * rowsPerPass * columns * kElementBytes);
      copyOne(place, k.shared(stage + combine(address, image, constant)));
    }
  }

  /// Prepares reading: the lane's row of an ldmatrix within the part that begins at `firstOuter`, of which
  /// warps have `perWarp` each.
  void prepareFragments(const LinearMap &lanes, V warp, int64_t perWarp, int64_t numWarps) {
    auto byteOf = [&](uint64_t packed) {
      return map((packed >> 16) * columns * kElementBytes + (packed & 0xffff) * kElementBytes);
    };
    SmallVector<uint64_t> bases;
    for (uint64_t basis : lanes.getBases())
      bases.push_back(byteOf(basis));
    for (int64_t w = 1; w < numWarps; w *= 2)
      bases.push_back(byteOf(outerAt(w * perWarp)));
    LinearMap own(bases);
    fragmentImage = own.image();
    V lane = k.threadId() & 31;
    fragmentAddress = own.emit(lane | (warp << 5));
  }

  /// Four registers (i32) of ldmatrix at `outer` elements of M or N into the warp's part and `depth` of K.
  SmallVector<Value> load(V stage, int64_t outer, int64_t depth) {
    uint64_t packed =
        outerAt(outer) + (source.major == Major::K ? packRowColumn(0, depth) : packRowColumn(depth, 0));
    uint64_t constant = map((packed >> 16) * columns * kElementBytes + (packed & 0xffff) * kElementBytes);
    Value address = k.shared(stage + combine(fragmentAddress, fragmentImage, constant));
    OpBuilder &b = k.builder();
    Location loc = k.location();
    auto four = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, b.getI32Type()));
    auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
    Value all =
        NVVM::LdMatrixOp::create(b, loc, Type(four), address, 4,
                                 source.major == Major::K ? NVVM::MMALayout::row : NVVM::MMALayout::col,
                                 shape, NVVM::LdStMatrixEltType::B16);
    SmallVector<Value> registers;
    for (int64_t i = 0; i < 4; ++i)
      registers.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
    return registers;
  }

private:
  uint64_t outerAt(int64_t outer) const {
    return source.major == Major::K ? packRowColumn(outer, 0) : packRowColumn(0, outer);
  }

  void copyOne(const Place &place, Value to) {
    OpBuilder &b = k.builder();
    Location loc = k.location();
    int64_t size = source.vector * kElementBytes;
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

  KernelBuilder &k;
  const MmaSource &source;
  Type type;
  int64_t rows, columns, passes, rowsPerPass;
  LinearMap map;                  ///< from bytes as if unpermuted to where they lie
  V row = k.i32(0), column = row; ///< of the thread's first copy
  V address = row;
  uint64_t image = 0;
  SmallVector<std::function<Place(V)>> places;
  V fragmentAddress = row;
  uint64_t fragmentImage = 0;
};

/// d += a b of one instruction.
void multiply(KernelBuilder &k, Type type, ValueRange a, ValueRange b, MutableArrayRef<Value> d) {
  OpBuilder &builder = k.builder();
  Location loc = k.location();
  auto asOperand = [&](ValueRange registers) {
    SmallVector<Value> operands(registers);
    if (type.isF16())
      for (Value &v : operands)
        v = LLVM::BitcastOp::create(builder, loc, VectorType::get({2}, type), v);
    return operands;
  };
  auto result =
      LLVM::LLVMStructType::getLiteral(builder.getContext(), SmallVector<Type>(4, builder.getF32Type()));
  NVVM::MMATypes ptx = type.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  Value all = NVVM::MmaOp::create(builder, loc, Type(result), asOperand(a), asOperand(b),
                                  SmallVector<Value>(d.begin(), d.end()), {mmaM, mmaN, mmaK}, std::nullopt,
                                  std::nullopt, std::array{ptx, ptx},
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

int64_t weft::gpu::sharedBytesOf(const MmaTiling &tiling) {
  return tiling.stages * (tiling.m + tiling.n) * tiling.k * kElementBytes;
}

std::string weft::gpu::checkTiling(const MmaTiling &t) {
  for (int64_t x : {t.m, t.n, t.k, t.warpsM, t.warpsN})
    if (x < 1 || !llvm::isPowerOf2_64(x))
      return "wanted powers of two, got " + std::to_string(x);
  if (t.stages < 2)
    return "wanted two stages or more";
  if (t.m / t.warpsM < mmaM || t.n / t.warpsN < 2 * mmaN || t.k < mmaK)
    return "a warp has less than 16 x 16 x 16";
  if (t.m * t.k < t.threads() * 8 || t.n * t.k < t.threads() * 8 || t.threads() < std::max({t.m, t.n, t.k}))
    return "a tile does not part evenly among the threads";
  return "";
}

void weft::gpu::emitMmaTile(KernelBuilder &k, const MmaTiling &tiling, Type type, const MmaProblem &problem,
                            const Epilogue &epilogue) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  int64_t warpRows = tiling.m / tiling.warpsM, warpColumns = tiling.n / tiling.warpsN;
  int64_t tilesM = warpRows / mmaM, tilesN = warpColumns / mmaN;
  V tid = k.threadId(), warp = tid >> 5;
  V warpM = warp & (tiling.warpsM - 1), warpN = divui(warp, k.i32(tiling.warpsM));

  Operand a(k, problem.a, type, tiling.m, tiling.k, tiling.threads(), problem.firstRow);
  Operand w(k, problem.b, type, tiling.n, tiling.k, tiling.threads(), problem.firstColumn);
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
    for (int64_t depth = 0; depth < tiling.k; depth += mmaK) {
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

  // Where the fragment's first element of this lane lies; the others are at constant distances.
  LinearMap lanes(fragmentC().getBases().drop_front(2));
  V packed = lanes.emit(tid & 31);
  V row = problem.firstRow + warpM * warpRows + (packed >> 16);
  V column = problem.firstColumn + warpN * warpColumns + (packed & 0xffff);
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
