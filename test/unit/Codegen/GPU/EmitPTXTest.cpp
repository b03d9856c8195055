// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Targets, and PTX of kernels: several in one module, the same bytes each time, and errors instead of LLVM's
// way of ending the process.
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace weft;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

mlir::MLIRContext &context() {
  static mlir::MLIRContext *context = [] {
    auto *made = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    gpu::loadGpuCodegen(*made);
    return made;
  }();
  return *context;
}

gpu::GpuKernel kernelOf(const std::string &name, const std::string &body) {
  gpu::GpuKernel kernel;
  kernel.name = name;
  kernel.module = mlir::parseSourceString<mlir::ModuleOp>(
      "llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x "
      "i8>\n"
      "llvm.func @" +
          name +
          "(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 32>} {\n" +
          body + "  llvm.return\n}\n",
      mlir::ParserConfig(&context()));
  if (kernel.module && mlir::failed(gpu::lowerToNVVM(*kernel.module, /*verify=*/true)))
    kernel.module = nullptr;
  return kernel;
}

const char *kTanh = R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %p = llvm.getelementptr %x[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %q = llvm.getelementptr %y[%t] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %p : !llvm.ptr -> f32
  %r = math.tanh %v : f32
  llvm.store %r, %q : f32, !llvm.ptr
)";
const char *kShared = R"(
  %s = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %one = arith.constant 1.0 : f32
  llvm.store %one, %s : f32, !llvm.ptr<3>
  nvvm.barrier0
  %v = llvm.load %s : !llvm.ptr<3> -> f32
  llvm.store %v, %y : f32, !llvm.ptr
)";

TEST(GpuTarget, NamesAndRefusals) {
  auto sm80 = gpu::GpuTarget::get("sm_80"), hopper = gpu::GpuTarget::get("sm_90a"),
       usual = gpu::GpuTarget::get("");
  ASSERT_TRUE(bool(sm80) && bool(hopper) && bool(usual));
  EXPECT_EQ(usual->chip(), "sm_80");
  EXPECT_FALSE(sm80->hasWarpgroups());
  EXPECT_EQ(hopper->chip(), "sm_90a");
  EXPECT_TRUE(hopper->hasWarpgroups());
  EXPECT_GT(hopper->sharedBytes, sm80->sharedBytes);
  for (const char *unknown : {"sm_90", "sm_70", "gfx90a", "80"})
    EXPECT_THAT(llvm::toString(gpu::GpuTarget::get(unknown).takeError()),
                AllOf(HasSubstr(unknown), HasSubstr("wanted sm_80 or sm_90a")));
  hopper->ptxVersion = 70;
  EXPECT_THAT(llvm::toString(hopper->check()), HasSubstr("PTX 70 does not fit sm_90a, wanted 80 to 90"));
  // LLVM would end the process on this pair.
  gpu::GpuKernel kernel = kernelOf("k", kTanh);
  EXPECT_THAT(llvm::toString(gpu::emitPTX({&kernel}, *hopper).takeError()), HasSubstr("does not fit"));
}

TEST(EmitPTX, SeveralKernelsInOneModule) {
  gpu::GpuKernel a = kernelOf("first", kTanh), b = kernelOf("second", kShared),
                 c = kernelOf("third", kShared);
  ASSERT_TRUE(a.module && b.module && c.module);
  for (const char *name : {"sm_80", "sm_90a"}) {
    auto target = llvm::cantFail(gpu::GpuTarget::get(name));
    auto ptx = gpu::emitPTX({&a, &b, &c}, target);
    ASSERT_TRUE(bool(ptx)) << llvm::toString(ptx.takeError());
    EXPECT_THAT(*ptx,
                AllOf(HasSubstr(".version 8.0"), HasSubstr(std::string(".target ") + name),
                      HasSubstr(".visible .entry first("), HasSubstr(".visible .entry second("),
                      HasSubstr(".visible .entry third("), HasSubstr(".maxntid 32"),
                      HasSubstr(".extern .shared .align 1024 .b8 smem[]"), Not(HasSubstr(".extern .func"))));
    auto again = gpu::emitPTX({&a, &b, &c}, target);
    ASSERT_TRUE(bool(again));
    EXPECT_EQ(*ptx, *again);
  }
  auto twice = gpu::emitPTX({&a, &a}, llvm::cantFail(gpu::GpuTarget::get("")));
  EXPECT_THAT(llvm::toString(twice.takeError()), HasSubstr("two kernels are named 'first'"));
}

TEST(EmitPTX, NamesTheOpThatATargetLacks) {
  gpu::GpuKernel good = kernelOf("good", kTanh), bad = kernelOf("bad", R"(
    nvvm.wgmma.fence.aligned loc("MatMul_7")
)");
  ASSERT_TRUE(good.module && bad.module);
  auto sm80 = llvm::cantFail(gpu::GpuTarget::get("sm_80")),
       hopper = llvm::cantFail(gpu::GpuTarget::get("sm_90a"));
  EXPECT_EQ(llvm::toString(gpu::emitPTX({&good, &bad}, sm80).takeError()),
            "kernel 'bad': 'nvvm.wgmma.fence.aligned' at MatMul_7 needs sm_90a, the target is sm_80");
  auto ptx = gpu::emitPTX({&good, &bad}, hopper);
  ASSERT_TRUE(bool(ptx)) << llvm::toString(ptx.takeError());
  EXPECT_THAT(*ptx, HasSubstr("wgmma.fence.sync.aligned"));
}

TEST(EmitPTX, RecoversFromWhatLLVMCannotSelect) {
  gpu::GpuKernel good = kernelOf("good", kTanh), bad = kernelOf("bad", R"(
    llvm.call_intrinsic "llvm.nvvm.wgmma.fence.sync.aligned"() : () -> ()
)");
  ASSERT_TRUE(good.module && bad.module);
  auto sm80 = llvm::cantFail(gpu::GpuTarget::get("sm_80"));
  EXPECT_THAT(llvm::toString(gpu::emitPTX({&good, &bad}, sm80).takeError()),
              AllOf(HasSubstr("kernel 'bad' on sm_80"), HasSubstr("annot select"), HasSubstr("wgmma.fence")));
  // And goes on working, on this thread and on others.
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      auto ptx = gpu::emitPTX({i == 1 ? &bad : &good}, sm80);
      made += bool(ptx);
      if (!ptx)
        llvm::consumeError(ptx.takeError());
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(made, 2);
}

TEST(EmitPTX, RefusesCallsOutside) {
  gpu::GpuKernel kernel;
  kernel.name = "caller";
  kernel.module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    llvm.func @__nv_expf(f32) -> f32
    llvm.func @caller(%y: !llvm.ptr) attributes {nvvm.kernel} {
      %c = llvm.mlir.constant(1.0 : f32) : f32
      %r = llvm.call @__nv_expf(%c) : (f32) -> f32
      llvm.store %r, %y : f32, !llvm.ptr
      llvm.return
    })",
                                                          mlir::ParserConfig(&context()));
  ASSERT_TRUE(kernel.module);
  EXPECT_THAT(llvm::toString(gpu::emitPTX({&kernel}, llvm::cantFail(gpu::GpuTarget::get(""))).takeError()),
              HasSubstr("calls __nv_expf; kernels may call nothing"));
}

} // namespace
