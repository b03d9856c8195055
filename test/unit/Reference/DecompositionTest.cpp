// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A composite op is its decomposition: every op that has one is evaluated as a whole and as its parts.
#include "Harness.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Reference/Reference.h"
#include "weft/Support/TensorCompare.h"
#include "weft/Transforms/Decompose.h"

#include <random>

using namespace mlir;
using namespace weft;

namespace {

/// An operand: its type as between tensor< and >, and the numbers between which its elements lie.
struct Operand {
  std::string type;
  double low = -2, high = 2;
};
struct Case {
  const char *name;
  const char *op; ///< with %0, %1, ... and without its type
  std::vector<Operand> operands;
  std::vector<std::string> results;
  double tolerance = 1e-5;
};

void PrintTo(const Case &test, std::ostream *os) { *os << test.name; }

MLIRContext &contextOf() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registry.insert<ir::WeftDialect, func::FuncDialect>();
    reference::registerReferenceModels(registry);
    registerDecompositions(registry);
    auto *made = new MLIRContext(registry);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

HostTensor random(Type type, const Operand &operand, unsigned seed) {
  auto tensorType = cast<RankedTensorType>(type);
  HostTensor x = *HostTensor::zeros(ir::toDType(tensorType.getElementType()), tensorType.getShape().vec());
  std::mt19937 bits(seed);
  for (int64_t i = 0; i < x.numElements(); ++i) {
    double number = operand.low + (operand.high - operand.low) * (bits() / 4294967296.0);
    if (isFloat(x.dtype()))
      x.setDouble(i, number);
    else
      x.setInt(i, int64_t(std::floor(number)));
  }
  return x;
}

std::string textOf(const Case &test) {
  std::string arguments, operands, results, names;
  for (auto [i, operand] : llvm::enumerate(test.operands)) {
    std::string comma = i ? ", " : "";
    arguments += comma + "%" + std::to_string(i) + ": tensor<" + operand.type + ">";
    operands += comma + "tensor<" + operand.type + ">";
  }
  for (auto [i, result] : llvm::enumerate(test.results)) {
    std::string comma = i ? ", " : "";
    results += comma + "tensor<" + result + ">";
    names += comma + "%r#" + std::to_string(i);
  }
  return "func.func @main(" + arguments + ") -> (" + results +
         ") {\n%r:" + std::to_string(test.results.size()) + " = " + test.op + " : (" + operands + ") -> (" +
         results + ")\nreturn " + names + " : " + results + "\n}";
}

class Decomposition : public testing::TestWithParam<Case> {};

TEST_P(Decomposition, IsTheOp) {
  const Case &test = GetParam();
  MLIRContext &context = contextOf();
  std::string errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    errors += diagnostic.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(textOf(test), &context);
  ASSERT_TRUE(module) << errors << textOf(test);
  auto function = module->lookupSymbol<func::FuncOp>("main");
  std::vector<HostTensor> inputs;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    inputs.push_back(random(type, test.operands[i], unsigned(i + 1)));
  auto whole = reference::interpret(function, inputs);
  ASSERT_TRUE(succeeded(whole)) << errors;

  PassManager passes(&context);
  passes.addPass(createDecomposePass());
  ASSERT_TRUE(succeeded(passes.run(*module))) << errors;
  bool isWhole = false;
  function.walk([&](Operation *op) { isWhole |= isa<ir::DecomposableOpInterface>(op); });
  EXPECT_FALSE(isWhole);
  auto parts = reference::interpret(function, inputs);
  ASSERT_TRUE(succeeded(parts)) << errors;
  for (size_t i = 0; i < whole->size(); ++i) {
    auto comparison = compareTensors((*parts)[i], (*whole)[i], {test.tolerance, test.tolerance});
    EXPECT_TRUE(comparison.agrees()) << "result " << i << ": " << comparison.toString();
  }
}

const Operand q{"2x4x3x8xf32"}, k{"2x4x5x8xf32"}, v{"2x4x5x6xf32"};
const std::vector<std::string> y{"2x4x3x6xf32", "2x4x3xf32"};

const Case cases[] = {
    {"softmax", "weft.softmax %0 axis 1", {{"3x7x2xf32", -20, 20}}, {"3x7x2xf32"}},
    {"softmax_f16", "weft.softmax %0 axis 0", {{"9xf16"}}, {"9xf16"}, 2e-3},
    {"softmax_f64", "weft.softmax %0 axis 2", {{"2x1x5xf64"}}, {"2x1x5xf64"}, 1e-14},
    {"normalize",
     "weft.normalize %0 axes [1, 2] epsilon 1.0e-05",
     {{"2x3x5xf32"}},
     {"2x3x5xf32", "2x1x1xf32", "2x1x1xf32"}},
    {"normalize_rms",
     "weft.normalize %0 axes [1] epsilon 1.0e-03 {center = false}",
     {{"4x6xf32"}},
     {"4x6xf32", "4x1xf32", "4x1xf32"}},
    {"attention", "weft.attention %0, %1, %2 {scale = 3.5e-01 : f64}", {q, k, v}, y},
    {"attention_causal",
     "weft.attention %0, %1, %2 {scale = 1.0 : f64, causal = #weft<causal top_left>}",
     {q, k, v},
     y},
    {"attention_bottom_right",
     "weft.attention %0, %1, %2 {scale = 1.0 : f64, causal = #weft<causal bottom_right>}",
     {q, k, v},
     y},
    {"attention_window_softcap",
     "weft.attention %0, %1, %2 {scale = 1.0 : f64, window_left = 1 : i64, window_right = 0 : i64, softcap = "
     "2.0 : f64}",
     {q, k, v},
     y},
    {"attention_groups",
     "weft.attention %0, %1, %2 {scale = 0.5 : f64}",
     {{"1x6x2x4xf32"}, {"1x2x3x4xf32"}, {"1x2x3x4xf32"}},
     {"1x6x2x4xf32", "1x6x2xf32"}},
    {"fft_c2c", "weft.fft c2c %0, %1 axes [1]", {{"3x6xf32"}, {"3x6xf32"}}, {"3x6xf32", "3x6xf32"}},
    {"fft_inverse",
     "weft.fft c2c %0, %1 axes [0, 1] {inverse = true}",
     {{"4x5xf64"}, {"4x5xf64"}},
     {"4x5xf64", "4x5xf64"},
     1e-13},
    {"fft_r2c", "weft.fft r2c %0 axes [1]", {{"2x7xf32"}}, {"2x4xf32", "2x4xf32"}},
    {"fft_c2r", "weft.fft c2r %0, %1 axes [1] {length = 6 : i64}", {{"2x4xf32"}, {"2x4xf32"}}, {"2x6xf32"}},
};

INSTANTIATE_TEST_SUITE_P(Ops, Decomposition, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) {
                           return std::string(info.param.name);
                         });

/// An op that gets a decomposition gets a case.
TEST(Decompositions, AllAreHeld) {
  std::set<std::string> held;
  for (const Case &test : cases)
    held.insert(StringRef(test.op).take_until([](char c) { return c == ' '; }).str());
  for (RegisteredOperationName name : contextOf().getRegisteredOperations())
    if (name.hasInterface<ir::DecomposableOpInterface>()) {
      EXPECT_TRUE(held.count(name.getStringRef().str())) << name.getStringRef().str();
    }
}

} // namespace
