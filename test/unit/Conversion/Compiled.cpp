// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a function of weft ops, runs it, and asks the reference for the same.
#include "Compiled.h"

#include "Emulated.h"
#include "KernelTesting.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Conversion/LinalgToLoops.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Tile/TileDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Reference/Interpreter.h"
#include "weft/Reference/Reference.h"
#include "weft/Transforms/Decompose.h"

#include <cmath>
#include <random>

using namespace weft;
using namespace weft::test;

HostTensor weft::test::sample(DType type, std::vector<int64_t> shape, unsigned seed, bool edges) {
  HostTensor x = *HostTensor::zeros(type, std::move(shape));
  std::mt19937 random(seed);
  bool floating = isFloat(type);
  static const double floats[] = {0.0,  -0.0, INFINITY, -INFINITY, NAN,   1.0,   -1.0,   0.5,
                                  -2.5, 1.5,  3e38,     -1e-40,    1e-45, 300.0, -129.0, 4294967296.0};
  for (int64_t i = 0; i < x.numElements(); ++i) {
    if (type == DType::I1) {
      x.setInt(i, random() & 1);
    } else if (floating) {
      double number = edges && random() % 3 == 0 ? floats[random() % std::size(floats)]
                                                 : (double(random() % 8192) - 4096) / 1024;
      x.setDouble(i, number);
    } else {
      int64_t number = int64_t(random() % 21) - 10;
      if (edges && random() % 2) {
        int64_t bits = bitWidth(type);
        int64_t picks[] = {int64_t(uint64_t(1) << (bits - 1)),
                           int64_t((uint64_t(1) << (bits - 1)) - 1),
                           0,
                           -1,
                           1,
                           bits,
                           bits - 1};
        number = picks[random() % std::size(picks)];
      }
      x.setInt(i, number);
    }
  }
  return x;
}

HostTensor weft::test::uniform(DType type, std::vector<int64_t> shape, double low, double high,
                               unsigned seed) {
  HostTensor x = *HostTensor::zeros(type, std::move(shape));
  std::mt19937 random(seed);
  for (int64_t i = 0; i < x.numElements(); ++i) {
    double number = low + (high - low) * (random() / 4294967296.0);
    if (isFloat(type))
      x.setDouble(i, number);
    else
      x.setInt(i, int64_t(std::floor(number)));
  }
  return x;
}

static mlir::MLIRContext &context() {
  mlir::MLIRContext &context = weft::testing::context();
  static bool loaded = [&] {
    mlir::DialectRegistry registry;
    registry.insert<ir::WeftDialect, mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect>();
    reference::registerReferenceModels(registry);
    registerDecompositions(registry);
    gpu::registerGpuCodegen(registry);
    registry.insert<tile::TileDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    return true;
  }();
  (void)loaded;
  return context;
}

void weft::test::expectSame(const std::string &text, const std::vector<HostTensor> &inputs,
                            Tolerance tolerance) {
  SCOPED_TRACE(text);
  std::string errors;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
    errors += diagnostic.str() + "\n";
    return mlir::success();
  });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  ASSERT_TRUE(module) << errors;
  auto function = module->lookupSymbol<mlir::func::FuncOp>("k");
  ASSERT_TRUE(function);
  auto wanted = reference::interpret(function, inputs);
  ASSERT_TRUE(mlir::succeeded(wanted)) << errors;
  mlir::OwningOpRef<mlir::ModuleOp> forGpu = module->clone();
  llvm::SmallVector<mlir::Type> types(function.getArgumentTypes());
  types.append(function.getResultTypes().begin(), function.getResultTypes().end());

  auto emulated = runEmulated(std::move(forGpu), inputs, {wanted->begin(), wanted->end()});
  EXPECT_TRUE(emulated.isOk()) << "on the emulator: " << emulated.status() << "\n" << errors;
  for (size_t i = 0; emulated.isOk() && i < wanted->size(); ++i) {
    auto comparison = compareTensors((*emulated)[i], (*wanted)[i], tolerance);
    EXPECT_TRUE(comparison.agrees()) << "result " << i << " on the emulator: " << comparison.toString();
  }

  ASSERT_TRUE(mlir::succeeded(convertWeftToLinalg(function))) << errors;
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module))) << errors;
  auto chunks = lowerTensorKernelToLoops(function);
  std::string loops;
  llvm::raw_string_ostream(loops) << *module;
  ASSERT_TRUE(mlir::succeeded(chunks)) << errors << loops;
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module))) << errors << loops;
  std::string error;
  auto kernel =
      weft::testing::compile(*module, weft::testing::testTargets().back(), cpu::Pipeline::Loops, error);
  ASSERT_TRUE(kernel.entry) << error << loops;

  std::vector<weft::testing::Buffer> buffers;
  std::vector<void *> pointers;
  std::vector<int64_t> dims;
  std::vector<std::vector<int64_t>> shapes;
  for (auto [i, type] : llvm::enumerate(types)) {
    const HostTensor &like = i < inputs.size() ? inputs[i] : (*wanted)[i - inputs.size()];
    buffers.emplace_back(like.numBytes());
    if (i < inputs.size())
      std::memcpy(buffers.back().raw(), like.raw(), like.numBytes());
    pointers.push_back(buffers.back().raw());
    shapes.push_back(like.shape());
    for (auto [d, extent] : llvm::enumerate(mlir::cast<mlir::RankedTensorType>(type).getShape()))
      if (mlir::ShapedType::isDynamic(extent))
        dims.push_back(like.shape()[d]);
  }
  int64_t count = chunks->evaluate([&](unsigned buffer, unsigned dim) { return shapes[buffer][dim]; });
  // One chunk after the other, from the last to the first: none may lean on another.
  for (int64_t chunk = count; chunk-- > 0;)
    EXPECT_EQ(kernel(pointers, dims, chunk, chunk + 1), 0);
  for (auto [i, want] : llvm::enumerate(*wanted)) {
    auto found = *HostTensor::copyOf(want.dtype(), want.shape(),
                                     {buffers[inputs.size() + i].as<std::byte>(), size_t(want.numBytes())});
    auto comparison = compareTensors(found, want, tolerance);
    EXPECT_TRUE(comparison.agrees()) << "result " << i << ": " << comparison.toString() << "\n" << loops;
  }
}

void weft::test::expectSameBitsInEveryOrder(const std::string &text, const std::vector<HostTensor> &inputs) {
  SCOPED_TRACE(text);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  ASSERT_TRUE(module);
  auto like = reference::interpret(module->lookupSymbol<mlir::func::FuncOp>("k"), inputs);
  ASSERT_TRUE(mlir::succeeded(like));
  std::vector<HostTensor> first;
  for (const char *order : {"fifo", "lifo", "random:1", "random:2"}) {
    runtime::emulator::EmulatorOptions options;
    ASSERT_TRUE(options.parseSchedule(order).isOk());
    auto found = runEmulated(module->clone(), inputs, {like->begin(), like->end()}, options);
    ASSERT_TRUE(found.isOk()) << order << ": " << found.status();
    if (first.empty())
      first = *found;
    for (size_t i = 0; i < first.size(); ++i)
      EXPECT_EQ(std::memcmp(first[i].raw(), (*found)[i].raw(), first[i].numBytes()), 0)
          << order << ", result " << i;
  }
}

static std::string typeOf(const HostTensor &x) {
  std::string type;
  for (int64_t extent : x.shape())
    type += std::to_string(extent) + "x";
  return type + std::string(dtypeName(x.dtype()));
}

void weft::test::expectSameOp(const std::string &op, const std::vector<HostTensor> &inputs,
                              const std::vector<std::string> &results, Tolerance tolerance,
                              std::vector<std::string> operandTypes) {
  std::string arguments, operands, produced, names, body = op;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string type = "tensor<" + (i < operandTypes.size() ? operandTypes[i] : typeOf(inputs[i])) + ">";
    std::string comma = i ? ", " : "";
    arguments += comma + "%" + std::to_string(i) + ": " + type;
    operands += comma + type;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    std::string comma = i ? ", " : "";
    produced += comma + "tensor<" + results[i] + ">";
    names += comma + "%r#" + std::to_string(i);
  }
  expectSame("func.func @k(" + arguments + ") -> (" + produced +
                 ") {\n  %r:" + std::to_string(results.size()) + " = " + body + " : (" + operands + ") -> (" +
                 produced + ")\n  return " + names + " : " + produced + "\n}\n",
             inputs, tolerance);
}
