// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses modules and runs them through the interpreter.
#include "Harness.h"
#include "mlir/Parser/Parser.h"
#include "weft/Dialect/Weft/WeftDialect.h"
#include "weft/Reference/Reference.h"

#include <cmath>

using namespace weft;

HostTensor test::tensor(DType type, std::vector<int64_t> shape, const std::vector<double> &numbers) {
  HostTensor result = *HostTensor::zeros(type, std::move(shape));
  EXPECT_EQ(result.numElements(), int64_t(numbers.size()));
  for (size_t i = 0; i < numbers.size(); ++i)
    result.setDouble(int64_t(i), numbers[i]);
  return result;
}

HostTensor test::vec(DType type, const std::vector<double> &numbers) {
  return tensor(type, {int64_t(numbers.size())}, numbers);
}

HostTensor test::count(DType type, std::vector<int64_t> shape) {
  HostTensor result = *HostTensor::zeros(type, std::move(shape));
  for (int64_t i = 0; i < result.numElements(); ++i)
    result.setDouble(i, double(i));
  return result;
}

std::string test::typeOf(const HostTensor &x) {
  std::string text = "tensor<";
  for (int64_t extent : x.shape())
    text += std::to_string(extent) + "x";
  return text + std::string(dtypeName(x.dtype())) + ">";
}

test::Outcome test::runModule(const std::string &text, const std::vector<HostTensor> &inputs,
                              const reference::InterpreterOptions &options) {
  mlir::DialectRegistry registry;
  registry.insert<ir::WeftDialect, mlir::func::FuncDialect>();
  reference::registerReferenceModels(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Outcome run;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    run.errors += diagnostic.str() + "\n";
    return mlir::success();
  });
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    run.errors = "parsing: " + run.errors + text;
    return run;
  }
  auto function = module->lookupSymbol<mlir::func::FuncOp>("main");
  EXPECT_TRUE(function) << text;
  if (!function)
    return run;
  auto results = reference::interpret(function, inputs, options);
  if (succeeded(results))
    run.results.assign(results->begin(), results->end());
  return run;
}

test::Outcome test::evaluateAll(const std::string &op, const std::vector<HostTensor> &operands,
                                const std::vector<std::string> &resultTypes,
                                const std::vector<std::string> &operandTypes) {
  std::string arguments, types, results, names;
  for (size_t i = 0; i < operands.size(); ++i) {
    std::string type = operandTypes.empty() ? typeOf(operands[i]) : "tensor<" + operandTypes[i] + ">";
    arguments += (i ? ", %" : "%") + std::to_string(i) + ": " + type;
    types += (i ? ", " : "") + type;
  }
  for (size_t i = 0; i < resultTypes.size(); ++i) {
    results += (i ? ", tensor<" : "tensor<") + resultTypes[i] + ">";
    names += (i ? ", %r#" : "%r#") + std::to_string(i);
  }
  return runModule("func.func @main(" + arguments + ") -> (" + results +
                       ") {\n  %r:" + std::to_string(resultTypes.size()) + " = " + op + " : (" + types +
                       ") -> (" + results + ")\n  return " + names + " : " + results + "\n}\n",
                   operands);
}

HostTensor test::evaluate(const std::string &op, const std::vector<HostTensor> &operands,
                          const std::string &resultType, const std::vector<std::string> &operandTypes) {
  Outcome run = evaluateAll(op, operands, {resultType}, operandTypes);
  EXPECT_EQ(run.results.size(), 1u) << op << ": " << run.errors;
  return run.results.empty() ? HostTensor() : run.results[0];
}

static std::string inner(const std::string &type) { return type.substr(7, type.size() - 8); }

HostTensor test::unary(const std::string &op, const HostTensor &x) {
  return evaluate(op + " %0", {x}, inner(typeOf(x)));
}

HostTensor test::binary(const std::string &op, const HostTensor &x, const HostTensor &y) {
  return evaluate(op + " %0, %1", {x, y}, inner(typeOf(x)));
}

std::vector<double> test::numbers(const HostTensor &x) {
  std::vector<double> values;
  for (int64_t i = 0; i < x.numElements(); ++i)
    values.push_back(x.asDouble(i));
  return values;
}

std::vector<int64_t> test::integers(const HostTensor &x) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < x.numElements(); ++i)
    values.push_back(x.asInt(i));
  return values;
}

void test::expectNumbers(const HostTensor &x, const std::vector<double> &wanted, double relative) {
  ASSERT_TRUE(x.isValid());
  ASSERT_EQ(x.numElements(), int64_t(wanted.size())) << x.typeString();
  for (size_t i = 0; i < wanted.size(); ++i) {
    double found = x.asDouble(int64_t(i));
    if (std::isnan(wanted[i]))
      EXPECT_TRUE(std::isnan(found)) << "element " << i << " is " << found;
    else if (relative == 0 || std::isinf(wanted[i]))
      EXPECT_EQ(found, wanted[i]) << "element " << i;
    else
      EXPECT_NEAR(found, wanted[i], relative * std::max(std::fabs(wanted[i]), 1e-300)) << "element " << i;
  }
}
