// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipelined loop that all matrix kernels share: the one place where waits and barriers are written.
#include "KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace weft::gpu;

SmallVector<Value> weft::gpu::emitPipeline(KernelBuilder &k, V count, const PipelineSteps &steps,
                                           ValueRange carried) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  auto copyIfAny = [&](V step, V stage) {
    k.when(codegen::lt(step, count), [&] { steps.copy(step, stage); });
    // Also of a step that is none: each step is one group, so that a wait can count them.
    NVVM::CpAsyncCommitGroupOp::create(b, loc);
  };
  int64_t ahead = steps.stages - 1, bytes = steps.stageBytes;
  for (int64_t i = 0; i < ahead; ++i)
    copyIfAny(k.i32(i), k.i32(i * bytes));

  SmallVector<Value> initial(carried);
  initial.push_back(k.i32(0).value);             // the stage that is used
  initial.push_back(k.i32(ahead * bytes).value); // the stage that is filled
  auto loop = scf::ForOp::create(b, loc, k.i32(0).value, count.value, k.i32(1).value, initial);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    V step = k.wrap(loop.getInductionVar());
    V use = k.wrap(loop.getRegionIterArgs()[carried.size()]);
    V fill = k.wrap(loop.getRegionIterArgs()[carried.size() + 1]);
    NVVM::CpAsyncWaitGroupOp::create(b, loc, ahead - 1);
    if (steps.settle)
      steps.settle();
    k.barrier();
    copyIfAny(step + ahead, fill);
    SmallVector<Value> next = steps.compute(use, loop.getRegionIterArgs().take_front(carried.size()));
    auto following = [&](V stage) {
      V after = stage + bytes;
      return select(codegen::eq(after, steps.stages * bytes), k.i32(0), after);
    };
    next.push_back(following(use).value);
    next.push_back(following(fill).value);
    scf::YieldOp::create(b, loc, next);
  }
  return SmallVector<Value>(loop.getResults().take_front(carried.size()));
}
