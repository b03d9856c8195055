// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits a block's tile of a product with wgmma: warpgroups of 128 threads multiply straight from shared
// memory, where rows of 128 bytes lie permuted as the instruction's descriptors say. The products of a step
// run while the copies of the next ones are awaited.
#include "MmaOperand.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

/// What a descriptor says besides the address: rows permuted in lines of 128 bytes, eight rows of them 1024
/// bytes apart (in units of 16 bytes); the other distance has no meaning then, 1 is usual.
constexpr uint64_t kDescriptor = uint64_t(1) << 62 | uint64_t(1024 / 16) << 32 | uint64_t(1) << 16;
/// Bytes of a row: 64 elements of K.
constexpr int64_t kRowBytes = 128;
/// f16 and bf16; how much of K an instruction takes.
constexpr int64_t kElementBytes = 2, kDepth = mmaKBytes / kElementBytes;

V descriptorOf(KernelBuilder &k, V address) {
  V units = (address & 0x3ffff) >> 4;
  return k.widen(units) | kDescriptor;
}

} // namespace

void weft::gpu::emitWgmmaTile(KernelBuilder &k, const MmaTiling &tiling, Type type, const MmaProblem &problem,
                              const Epilogue &epilogue) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  MLIRContext *context = b.getContext();
  V warp = k.threadId() >> 5, group = k.threadId() >> 7;
  MmaOperand a(k, problem.a, kElementBytes, tiling.m, tiling.k, tiling.threads(), problem.firstRow);
  MmaOperand w(k, problem.b, kElementBytes, tiling.n, tiling.k, tiling.threads(), problem.firstColumn);
  V base = k.wrap(LLVM::PtrToIntOp::create(b, loc, b.getI32Type(), k.shared(k.i32(0))));
  V rowsOfGroup = base + group * (4 * mmaM * kRowBytes);

  int64_t count = tiling.n / 2; // accumulators of a thread: 64 x n among 128
  auto sumsType = LLVM::LLVMStructType::getLiteral(context, SmallVector<Type>(count, b.getF32Type()));
  auto element = type.isF16() ? NVVM::WGMMATypes::f16 : NVVM::WGMMATypes::bf16;
  auto shape = NVVM::MMAShapeAttr::get(context, 64, tiling.n, kDepth);

  PipelineSteps steps;
  steps.stages = tiling.stages;
  steps.stageBytes = a.bytes() + w.bytes();
  steps.copy = [&](V step, V stage) {
    V first = step * tiling.k;
    a.copy(first, stage);
    w.copy(first, stage + a.bytes());
  };
  steps.settle = [&] {
    // The products of the step before are done with its stage; what threads copied is made known to wgmma,
    // which reads by another way.
    NVVM::WgmmaWaitGroupSyncOp::create(b, loc, 0);
    NVVM::FenceProxyOp::create(b, loc, NVVM::ProxyKind::async_shared,
                               NVVM::SharedSpaceAttr::get(context, NVVM::SharedSpace::shared_cta));
  };
  steps.compute = [&](V stage, ValueRange carried) {
    V descriptorA = descriptorOf(k, rowsOfGroup + stage),
      descriptorB = descriptorOf(k, base + stage + a.bytes());
    NVVM::WgmmaFenceAlignedOp::create(b, loc);
    Value sums = carried.front();
    for (int64_t depth = 0; depth < tiling.k; depth += kDepth) {
      int64_t units = depth * kElementBytes / 16;
      sums = NVVM::WgmmaMmaAsyncOp::create(
          b, loc, Type(sumsType), sums, (descriptorA + units).value, (descriptorB + units).value, shape,
          element, element, NVVM::WGMMATypes::f32, NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one,
          NVVM::WGMMAScaleIn::one, NVVM::MMALayout::row, NVVM::MMALayout::col, nullptr);
    }
    NVVM::WgmmaGroupSyncAlignedOp::create(b, loc);
    return SmallVector<Value>{sums};
  };
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value none = LLVM::PoisonOp::create(b, loc, sumsType);
  for (int64_t i = 0; i < count; ++i)
    none = LLVM::InsertValueOp::create(b, loc, none, zero, i);
  Value all = emitPipeline(k, k.ceilDiv(problem.k, tiling.k), steps, none).front();
  NVVM::WgmmaWaitGroupSyncOp::create(b, loc, 0);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < count; ++i)
    sums.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
  // A warp holds 16 rows, as one row of tiles of mma.sync.
  storeTile(k, problem, epilogue, sums, warp * mmaM, k.i32(0), 1, tiling.n / mmaN);
}
