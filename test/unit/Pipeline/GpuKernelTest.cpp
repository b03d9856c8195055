// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of the graph that go to tensor cores: which do, what they want of their operands, and that they
// compute what the graph says.
#include "EmulatedKernel.h"

#include "weft/Pipeline/CompileGpuKernel.h"
#include "weft/Pipeline/Register.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace weft;
using namespace weft::testing;

namespace {

CompiledKernel compile(const std::string &text, bool lastIsConstant = false, bool fast = false) {
  static bool registered = [] {
    mlir::DialectRegistry registry;
    registerWeftDialects(registry);
    gpuContext().appendDialectRegistry(registry);
    gpuContext().loadAllAvailableDialects();
    return true;
  }();
  (void)registered;
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &gpuContext());
  CompiledKernel none;
  if (!module)
    return none;
  auto kernel = *module->getOps<host::KernelOp>().begin();
  llvm::SmallBitVector constants(kernel.getArgumentTypes().size());
  if (lastIsConstant)
    constants.set(constants.size() - 1);
  GpuKernelOptions options;
  options.gpu = llvm::cantFail(gpu::GpuTarget::get(""));
  options.fast = fast;
  auto compiled = compileGpuKernel(kernel, constants, options);
  return mlir::succeeded(compiled) ? std::move(*compiled) : std::move(none);
}

bool usesTensorCores(const CompiledKernel &kernel) {
  bool found = false;
  kernel.gpu->module.get().walk(
      [&](mlir::Operation *op) { found |= op->getName().getStringRef() == "nvvm.mma.sync"; });
  return found;
}

TEST(GpuKernel, ProductWithItsEpilogue) {
  CompiledKernel kernel = compile(R"(
    host.kernel @k(%a: tensor<33x40xbf16>, %b: tensor<24x40xbf16>, %bias: tensor<1x24xbf16>) -> tensor<33x24xbf16> {
      %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [1] : (tensor<33x40xbf16>, tensor<24x40xbf16>) -> tensor<33x24xbf16>
      %1 = weft.add %0, %bias : (tensor<33x24xbf16>, tensor<1x24xbf16>) -> tensor<33x24xbf16>
      %2 = weft.relu %1 : (tensor<33x24xbf16>) -> tensor<33x24xbf16>
      host.return %2 : tensor<33x24xbf16>
    })");
  ASSERT_TRUE(kernel.gpu);
  EXPECT_TRUE(usesTensorCores(kernel));
  ASSERT_EQ(kernel.arguments.size(), 4u);
  EXPECT_EQ(kernel.arguments.back().value, 3u);
  EXPECT_EQ(kernel.threads, kernel.gpu->threads);

  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel.gpu, error);
  ASSERT_TRUE(emulated) << error;
  Numbers a = Numbers::random(DType::BF16, 33 * 40, 1), b = Numbers::random(DType::BF16, 24 * 40, 2),
          bias = Numbers::random(DType::BF16, 24, 3), y{DType::BF16, std::vector<double>(33 * 24)};
  Status status = emulated->run({}, {a, b, bias}, y, {}, *kernel.chunks.fixed());
  ASSERT_TRUE(status.isOk()) << status;
  for (int i = 0; i < 33; ++i)
    for (int j = 0; j < 24; ++j) {
      double sum = bias.values[j];
      for (int k = 0; k < 40; ++k)
        sum += a.values[i * 40 + k] * b.values[j * 40 + k];
      EXPECT_NEAR(y.values[i * 24 + j], std::max(sum, 0.0), 0x1p-8 * std::abs(sum) + 1e-4);
    }
}

TEST(GpuKernel, ConvolutionWantsItsWeightsArranged) {
  const char *text = R"(
    host.kernel @k(%x: tensor<1x6x6x8xf16>, %w: tensor<16x8x3x3xf16>) -> tensor<1x6x6x16xf16> {
      %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 0, 1, 2, 3>,
          y_dims = array<i64: 0, 3, 1, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
          padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>}
          : (tensor<1x6x6x8xf16>, tensor<16x8x3x3xf16>) -> tensor<1x6x6x16xf16>
      host.return %0 : tensor<1x6x6x16xf16>
    })";
  CompiledKernel kernel = compile(text, /*lastIsConstant=*/true);
  ASSERT_TRUE(kernel.gpu);
  EXPECT_TRUE(usesTensorCores(kernel));
  ASSERT_EQ(kernel.packed.size(), 1u);
  EXPECT_EQ(kernel.packed[0].operand, 1u);
  // Element (co 1, ci 2, tap 4) goes to row 1, tap 4, channel 2.
  HostTensor weights = *HostTensor::zeros(DType::F16, {16, 8, 3, 3});
  uint16_t mark = 0x3c00;
  std::memcpy(weights.mutableBytes().data() + ((1 * 8 + 2) * 9 + 4) * 2, &mark, 2);
  EXPECT_EQ(kernel.packed[0].shape, (llvm::SmallVector<int64_t>{16, 72}));
  std::vector<uint16_t> packed(16 * 72);
  kernel.packed[0].pack(weights.bytes(), 0, std::as_writable_bytes(std::span(packed)));
  uint16_t found = packed[72 + 4 * 8 + 2];
  EXPECT_EQ(found, mark);
  // Weights of run time cannot be arranged: the general schedule takes them as they are.
  CompiledKernel general = compile(text);
  ASSERT_TRUE(general.gpu);
  EXPECT_FALSE(usesTensorCores(general));
}

TEST(GpuKernel, InPlaceIsOnePointerReadAndWritten) {
  const char *body = R"((%x: tensor<100xf32>, %y: tensor<100xf32>) -> tensor<100xf32> ATTRIBUTES {
      %0 = weft.sub %x, %y : (tensor<100xf32>, tensor<100xf32>) -> tensor<100xf32>
      host.return %0 : tensor<100xf32>
    })";
  auto kernelOf = [&](const std::string &attributes) {
    std::string text = "host.kernel @k" + std::string(body);
    text.replace(text.find("ATTRIBUTES"), 10, attributes);
    return compile(text);
  };
  auto isReadonly = [](const CompiledKernel &kernel, unsigned argument) {
    auto function = *kernel.gpu->module.get().getOps<mlir::LLVM::LLVMFuncOp>().begin();
    return function.getArgAttr(argument, mlir::LLVM::LLVMDialect::getReadonlyAttrName()) != nullptr;
  };
  CompiledKernel apart = kernelOf(""), inPlace = kernelOf("attributes {host.in_place = 1 : i64}");
  ASSERT_TRUE(apart.gpu && inPlace.gpu);
  EXPECT_TRUE(isReadonly(apart, 0) && isReadonly(apart, 1));
  EXPECT_TRUE(isReadonly(inPlace, 0));
  EXPECT_FALSE(isReadonly(inPlace, 1));
  auto function = *inPlace.gpu->module.get().getOps<mlir::LLVM::LLVMFuncOp>().begin();
  EXPECT_TRUE(function.getArgument(2).use_empty()) << "the result's own pointer is not the one";
}

TEST(GpuKernel, SinglePrecisionIsRoundedOnlyWhereLibertiesAreGranted) {
  const char *text = R"(
    host.kernel @k(%a: tensor<16x24xf32>, %b: tensor<24x16xf32>) -> tensor<16x16xf32> {
      %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<16x24xf32>, tensor<24x16xf32>) -> tensor<16x16xf32>
      host.return %0 : tensor<16x16xf32>
    })";
  CompiledKernel exact = compile(text, /*lastIsConstant=*/true);
  ASSERT_TRUE(exact.gpu);
  EXPECT_FALSE(usesTensorCores(exact));
  CompiledKernel fast = compile(text, /*lastIsConstant=*/true, /*fast=*/true);
  ASSERT_TRUE(fast.gpu);
  EXPECT_TRUE(usesTensorCores(fast));
  // tf32 reads rows of K: the constant is turned once.
  ASSERT_EQ(fast.packed.size(), 1u);
  HostTensor weights = *HostTensor::zeros(DType::F32, {24, 16});
  weights.mutableData<float>()[5 * 16 + 3] = 7;
  EXPECT_EQ(fast.packed[0].shape, (llvm::SmallVector<int64_t>{16, 24}));
  std::vector<float> packed(16 * 24);
  fast.packed[0].pack(weights.bytes(), 0, std::as_writable_bytes(std::span(packed)));
  EXPECT_EQ(packed[3 * 24 + 5], 7);
  // An operand of run time cannot be turned.
  CompiledKernel general = compile(text, /*lastIsConstant=*/false, /*fast=*/true);
  ASSERT_TRUE(general.gpu);
  EXPECT_FALSE(usesTensorCores(general));
}

} // namespace
