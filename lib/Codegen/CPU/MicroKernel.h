// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces that the generators build loop nests of: index arithmetic that folds, the register tile and its k
// loop, and the way of finished sums to the result.
#ifndef WEFT_LIB_CODEGEN_CPU_MICROKERNEL_H
#define WEFT_LIB_CODEGEN_CPU_MICROKERNEL_H

#include "weft/Codegen/CPU/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace weft::cpu {

struct MultiplyStep;

/// Writes a kernel: a builder with short names. Index arithmetic folds constants as it is written.
class KernelBuilder {
public:
  KernelBuilder(mlir::Location loc, const TargetInfo &target)
      : target(target), lanes(target.lanes()), b(loc.getContext()), loc(loc) {}

  /// Starts the module and its function; the insertion point is its body, `args` are its buffers.
  void begin(llvm::StringRef name, llvm::ArrayRef<mlir::MemRefType> buffers);
  /// Ends the body and hands the module over.
  mlir::OwningOpRef<mlir::ModuleOp> end();

  // Index arithmetic.
  mlir::Value c(int64_t value); ///< one op for all uses
  mlir::Value add(mlir::Value x, mlir::Value y) { return fold<mlir::arith::AddIOp>(x, y); }
  mlir::Value add(mlir::Value x, int64_t y) { return y == 0 ? x : add(x, c(y)); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return fold<mlir::arith::SubIOp>(x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MulIOp>(x, y); }
  mlir::Value mul(mlir::Value x, int64_t y) { return y == 1 ? x : mul(x, c(y)); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return fold<mlir::arith::DivUIOp>(x, y); }
  mlir::Value div(mlir::Value x, int64_t y) { return y == 1 ? x : div(x, c(y)); }
  mlir::Value rem(mlir::Value x, mlir::Value y) { return fold<mlir::arith::RemUIOp>(x, y); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MinSIOp>(x, y); }
  mlir::Value max(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MaxSIOp>(x, y); }
  mlir::Value ceilDiv(mlir::Value x, int64_t y) { return div(add(x, y - 1), y); }

  /// for (i = low; i < high; i += step) body(i).
  void loop(mlir::Value low, mlir::Value high, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  /// The same carrying values.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value low, mlir::Value high, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise = {});
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::slt, x, y);
  }
  mlir::Value equal(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::eq, x, y);
  }

  // Data. Floats are widened to f32 as they are loaded and rounded as they are stored.
  mlir::VectorType vec(int64_t width) { return mlir::VectorType::get({width}, b.getF32Type()); }
  mlir::Value zeroVector();
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices); ///< one element as f32
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange indices, int64_t width);
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange indices); ///< a scalar or vector
  /// Asks for the cache line of an element, into L2 or into L1 as well.
  void prefetch(mlir::Value memref, mlir::ValueRange indices, bool intoL1 = false) {
    mlir::memref::PrefetchOp::create(b, loc, memref, indices, /*isWrite=*/false,
                                     /*localityHint=*/intoL1 ? 3 : 2, /*isDataCache=*/true);
  }
  // Pieces: a vector of `width` elements, or a scalar where that is 1.
  mlir::Value zero(int64_t width);
  mlir::Value loadPiece(mlir::Value memref, mlir::ValueRange indices, int64_t width) {
    return width == 1 ? load(memref, indices) : loadVector(memref, indices, width);
  }
  /// x * y + sum, rounded once.
  mlir::Value multiplyAdd(mlir::Value x, mlir::Value y, mlir::Value sum);
  mlir::Value broadcast(mlir::Value scalar) {
    return mlir::vector::BroadcastOp::create(b, loc, vec(lanes), scalar);
  }
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type element = {}); ///< of f32 if not told
  /// Neighbouring chunks share what they prepare in scratch; `index` is number `part` of those that do. It
  /// must prepare it if it is the first, or if scratch is not as the chunk before it left it.
  mlir::Value mustPrepare(mlir::Value index, mlir::Value part);
  mlir::Value extent(mlir::Value memref, unsigned dim) {
    return shared(b.createOrFold<mlir::memref::DimOp>(loc, memref, int64_t(dim)));
  }

  /// The register tile: rows x vectors accumulators over k in [low, high). loadA(row, k) is a scalar,
  /// loadB(vector, k) a native vector.
  llvm::SmallVector<mlir::Value> tile(int64_t rows, int64_t vectors, mlir::Value low, mlir::Value high,
                                      int64_t unroll, llvm::ArrayRef<mlir::Value> init,
                                      llvm::function_ref<mlir::Value(int64_t row, mlir::Value k)> loadA,
                                      llvm::function_ref<mlir::Value(int64_t vector, mlir::Value k)> loadB);
  /// The same for other steps than a fused multiply-add: k counts steps, loadA gives all lanes.
  llvm::SmallVector<mlir::Value> tile(const MultiplyStep &step, int64_t rows, int64_t vectors,
                                      mlir::Value low, mlir::Value high, int64_t unroll,
                                      llvm::ArrayRef<mlir::Value> init,
                                      llvm::function_ref<mlir::Value(int64_t row, mlir::Value k)> loadA,
                                      llvm::function_ref<mlir::Value(int64_t vector, mlir::Value k)> loadB);

  /// Stores a native vector of sums at result[indices], its first `valid` elements, through the epilogue:
  /// whole, or in pieces of powers of two.
  void finish(const Epilogue &epilogue, mlir::ValueRange operands, mlir::Value acc, mlir::Value result,
              mlir::ValueRange indices, int64_t valid);
  /// The same for neighbouring vectors of a row, with `valid` elements in all.
  void finishRow(const Epilogue &epilogue, mlir::ValueRange operands, llvm::ArrayRef<mlir::Value> sums,
                 mlir::Value result, mlir::ValueRange indices, int64_t valid);
  /// One scalar sum.
  void finishScalar(const Epilogue &epilogue, mlir::ValueRange operands, mlir::Value acc, mlir::Value result,
                    mlir::ValueRange indices);

  /// Transposes lanes x lanes elements held in `lanes` native vectors.
  void transpose(llvm::SmallVectorImpl<mlir::Value> &vectors);

  const TargetInfo &target;
  int64_t lanes;
  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::ValueRange args;
  mlir::Value low, high; ///< the chunks asked for

private:
  template <typename Op> mlir::Value fold(mlir::Value x, mlir::Value y) {
    mlir::Value value = b.createOrFold<Op>(loc, x, y);
    return value == x || value == y ? value : shared(value);
  }
  mlir::Value shared(mlir::Value made);
  mlir::Value widen(mlir::Value value);
  llvm::DenseMap<int64_t, mlir::Value> constants; ///< at the start of the body
  mlir::Value scratchIsNew;                       ///< no chunk before `low` left it so; null until asked for
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp func;
};

/// The epilogue in the description of a kernel for the tuner: " + 1x64xf32" for each operand.
void printOperands(const Epilogue &epilogue, llvm::raw_ostream &os);
/// Chunks that keep up to 64 threads busy (4 each) while none is below about 2 MFLOP; a few threads want 16
/// to share evenly, which may be a quarter of that.
inline int64_t wantedChunks(double flops) {
  const double large = flops / 2e6, small = flops / 5e5;
  return static_cast<int64_t>(std::clamp(large, std::clamp(small, 1.0, 16.0), 256.0));
}
/// Rows read side by side that L1 holds a line of each of: those a multiple of 4 KiB apart share one set of
/// it.
inline int64_t rowsThatFitL1(int64_t strideBytes, const TargetInfo &target) {
  int64_t ways = target.l1Bytes / 4096; // sets are picked by the bits of a page's offset
  return strideBytes > 0 && strideBytes % 4096 == 0 ? std::max<int64_t>(4, ways - 1) : INT64_MAX;
}
inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
/// The block from `least` (1 or more) to `most` that leaves the busier of two threads with the least of
/// `extent`; of equal ones the largest. What is one block stays one.
inline int64_t evenBlock(int64_t extent, int64_t least, int64_t most) {
  auto busier = [&](int64_t block) { return ceilDivide(ceilDivide(extent, block), 2) * block; };
  int64_t best = most;
  for (int64_t block = most - 1; most < extent && block >= least; --block)
    if (busier(block) < busier(best))
      best = block;
  return best;
}

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_MICROKERNEL_H
