// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles text, runs it on several numbers of threads, and asks the reference for the same.
#include "WholeProgram.h"

#include "mlir/Parser/Parser.h"
#include "weft/Pipeline/Compile.h"
#include "weft/Pipeline/Register.h"
#include "weft/Reference/Interpreter.h"
#include "weft/Runtime/Session.h"
#include "weft/Runtime/ThreadPool.h"
#include "llvm/ADT/StringExtras.h"

#include <cstdlib>
#include <random>

using namespace weft;
using namespace weft::test;

/// More threads than there may be cores; read when the pool of the process is made.
static const bool hasThreads = setenv("WEFT_THREADS", "3", 1) == 0;

HostTensor test::uniform(DType type, const std::vector<int64_t> &shape, double low, double high,
                         unsigned seed) {
  HostTensor tensor = *HostTensor::zeros(type, shape);
  std::mt19937 bits(seed + 7);
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    const double value = low + (high - low) * double(bits() >> 8) / double(1 << 24);
    if (isFloat(type))
      tensor.setDouble(i, value);
    else
      tensor.setInt(i, int64_t(value));
  }
  return tensor;
}

std::string test::elementsText(const HostTensor &tensor) {
  const auto bytes = tensor.bytes();
  const llvm::StringRef raw(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  // One element is written as a number: its bytes would be read as a splat's.
  return tensor.numElements() == 1 ? std::to_string(tensor.asDouble(0)) : "\"0x" + llvm::toHex(raw) + "\"";
}

WholeProgram::WholeProgram(const std::string &text) { compileText(text); }

void WholeProgram::compileText(const std::string &text) {
  mlir::DialectRegistry registry;
  registerWeftDialects(registry);
  context = std::make_unique<mlir::MLIRContext>(registry);
  module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  ASSERT_TRUE(module) << text.substr(0, 4000);
  std::string bytes;
  CompileOptions options;
  options.input = weft::InputKind::Graph;
  options.path = "text";
  options.output = [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char *>(piece.data()), piece.size());
    return Status::ok();
  };
  options.threads = 1;
  ASSERT_TRUE(succeeded(compile(*context, options, *module)));
  const auto loaded = runtime::Executable::load(std::as_bytes(std::span<const char>(bytes)), nullptr);
  ASSERT_TRUE(loaded.isOk()) << loaded.status();
  executable = *loaded;
}

void WholeProgram::expectSame(const std::vector<HostTensor> &inputs, Tolerance tolerance,
                              const std::function<std::string(size_t)> &labelOf) {
  if (!executable)
    return;
  const auto expected = reference::interpret(*module->getOps<mlir::func::FuncOp>().begin(), inputs);
  ASSERT_TRUE(succeeded(expected));
  ASSERT_TRUE(hasThreads);
  ASSERT_EQ(runtime::ThreadPool::process().threads(), 3);
  std::vector<std::vector<HostTensor>> outputs;
  for (const int threads : {1, 3}) {
    runtime::SessionOptions options;
    options.threads = threads;
    const auto session = runtime::Session::create(executable, options);
    ASSERT_TRUE(session.isOk()) << session.status();
    auto run = (*session)->run(inputs);
    ASSERT_TRUE(run.isOk()) << run.status();
    outputs.push_back(*std::move(run));
  }
  for (size_t i = 0; i < expected->size(); ++i) {
    const TensorComparison comparison = compareTensors(outputs[0][i], (*expected)[i], tolerance);
    EXPECT_TRUE(comparison.agrees()) << labelOf(i) << ": " << comparison.toString();
    EXPECT_TRUE(outputs[0][i].bitEquals(outputs[1][i])) << labelOf(i) << ": other bits on 3 threads";
  }
}
