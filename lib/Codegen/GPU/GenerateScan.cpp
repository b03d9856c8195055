// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel of running reductions; see GenerateScan.h. How numbers are grouped depends on their places
// alone, so the bits are the same in every order of threads.
#include "weft/Codegen/GPU/GenerateScan.h"

#include "KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

static constexpr int64_t threads = 256, warpSize = 32, warps = threads / warpSize;

namespace {

class ScanCode {
public:
  ScanCode(KernelBuilder &k, const ScanSpec &spec)
      : k(k), spec(spec), held(isNarrow() ? Type(k.builder().getF32Type()) : spec.type) {}

  /// What changes nothing.
  V identity() {
    auto make = [&](TypedAttr value) {
      return k.wrap(arith::ConstantOp::create(k.builder(), k.location(), value));
    };
    if (auto real = dyn_cast<FloatType>(held)) {
      const llvm::fltSemantics &semantics = real.getFloatSemantics();
      switch (spec.kind) {
      case ScanSpec::Kind::Add:
        return make(FloatAttr::get(real, 0.0));
      case ScanSpec::Kind::Mul:
        return make(FloatAttr::get(real, 1.0));
      default:
        return make(FloatAttr::get(real, APFloat::getInf(semantics, spec.kind == ScanSpec::Kind::Max)));
      }
    }
    unsigned bits = held.getIntOrFloatBitWidth();
    switch (spec.kind) {
    case ScanSpec::Kind::Add:
      return make(IntegerAttr::get(held, 0));
    case ScanSpec::Kind::Mul:
      return make(IntegerAttr::get(held, 1));
    case ScanSpec::Kind::Max:
      return make(IntegerAttr::get(held, APInt::getSignedMinValue(bits)));
    case ScanSpec::Kind::Min:
      return make(IntegerAttr::get(held, APInt::getSignedMaxValue(bits)));
    }
    llvm_unreachable("a kind of scan");
  }

  V combine(V a, V b) {
    switch (spec.kind) {
    case ScanSpec::Kind::Add:
      return a + b;
    case ScanSpec::Kind::Mul:
      return a * b;
    case ScanSpec::Kind::Max:
      return a.isFloat() ? make<arith::MaximumFOp>(a, a, b) : make<arith::MaxSIOp>(a, a, b);
    case ScanSpec::Kind::Min:
      return a.isFloat() ? make<arith::MinimumFOp>(a, a, b) : make<arith::MinSIOp>(a, a, b);
    }
    llvm_unreachable("a kind of scan");
  }

  V load(V offset) {
    V value = k.load(spec.type, k.global(0, offset));
    return isNarrow() ? convertTo<arith::ExtFOp>(value, held) : value;
  }
  void store(V value, V offset) {
    k.store(isNarrow() ? convertTo<arith::TruncFOp>(value, spec.type) : value, k.global(1, offset));
  }

  /// The value of the lane `distance` before this one; of the first lanes, their own.
  V before(V value, int64_t distance) {
    if (value.isFloat() && value.is64())
      return asFloat(before(asInt(value), distance));
    if (value.is64()) {
      V low = before(k.narrow(value), distance), high = before(k.narrow(value >> value.i(32)), distance);
      return k.widen(low) | (k.widen(high) << value.i(32));
    }
    return k.wrap(NVVM::ShflOp::create(k.builder(), k.location(), value.type(), k.i32(-1).value, value.value,
                                       k.i32(distance).value, k.i32(0).value, NVVM::ShflKind::up,
                                       UnitAttr()));
  }

  /// Combines the values of this thread and of those before it.
  V upToThread(V value) {
    V lane = k.threadId() & (warpSize - 1), warp = k.threadId() >> k.i32(llvm::Log2_64(warpSize));
    for (int64_t distance = 1; distance < warpSize; distance *= 2)
      value = select(ge(lane, distance), combine(before(value, distance), value), value);
    k.when(eq(lane, warpSize - 1), [&] { k.store(value, word(warp)); });
    k.barrier();
    V all = identity();
    for (int64_t w = 0; w + 1 < warps; ++w)
      all = select(gt(warp, w), combine(all, k.load(held, word(k.i32(w)))), all);
    return select(gt(warp, 0), combine(all, value), value);
  }
  /// What warp `number`, or the thread of this number, left in shared memory.
  Value word(V number) { return k.shared(number * int64_t(held.getIntOrFloatBitWidth() / 8)); }

  bool isNarrow() const { return isa<FloatType>(spec.type) && spec.type.getIntOrFloatBitWidth() == 16; }

  KernelBuilder &k;
  const ScanSpec &spec;
  Type held;
};

} // namespace

FailureOr<GpuKernel> weft::gpu::generateScan(Location loc, const ScanSpec &spec) {
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
  KernelBuilder k(loc, spec.name, threads, {{spec.type, shape}, {spec.type, shape}});
  ScanCode code(k, spec);
  V length = k.extent(0, 1), inner = k.extent(0, 2), row = k.widen(k.blockId()), thread = k.threadId();
  V base = divui(row, inner) * (length * inner) + remui(row, inner);
  auto offsetOf = [&](V place) { return base + (spec.reverse ? length - 1 - place : place) * inner; };
  k.loop(k.i64(0), length, k.i64(threads), {code.identity()},
         [&](V first, ArrayRef<V> carried) -> SmallVector<V> {
           V place = first + k.widen(thread), isInside = lt(place, length);
           V own =
               k.when(isInside, [&] { return code.load(offsetOf(place)); }, [&] { return code.identity(); });
           V sum = code.combine(carried[0], code.upToThread(own));
           k.barrier();
           // Sums of all threads: the last one is carried on, and each thread shows its own or the one
           // before.
           k.store(sum, code.word(thread));
           k.barrier();
           V shown = sum;
           if (spec.exclusive)
             shown = k.when(
                 gt(thread, 0), [&] { return k.load(code.held, code.word(thread - 1)); },
                 [&] { return carried[0]; });
           k.when(isInside, [&] { code.store(shown, offsetOf(place)); });
           V next = k.load(code.held, code.word(k.i32(threads - 1)));
           k.barrier();
           return {next};
         });
  return k.finish(threads * 8, {{{0, 0, spec.shape[0], 1}, {0, 2, spec.shape[2], 1}}});
}
