// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer and the reference interpreter.
#include "Backends.h"
#include "weft/Dialect/Weft/WeftDialect.h"
#include "weft/Import/Onnx/Importer.h"
#include "weft/Reference/Interpreter.h"
#include "weft/Reference/Reference.h"

using namespace weft;
using namespace weft::conformance;

Verdict conformance::refusal(const std::string &message) {
  bool named = message.find("not supported") != std::string::npos;
  return {named ? Verdict::Unsupported : Verdict::Error, message};
}

Verdict conformance::runOnReference(const Case &testCase, const std::string &mode) {
  static const mlir::DialectRegistry *registry = [] {
    auto *made = new mlir::DialectRegistry();
    made->insert<ir::WeftDialect, mlir::func::FuncDialect>();
    reference::registerReferenceModels(*made);
    return made;
  }();
  mlir::MLIRContext context(*registry, mlir::MLIRContext::Threading::DISABLED);
  std::string errors;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
      errors += (errors.empty() ? "" : "; ") + diagnostic.str();
    return mlir::success();
  });
  auto module = onnx::importOnnxFile(testCase.modelPath(mode), context);
  if (failed(module))
    return refusal(errors);
  auto function = (*module)->lookupSymbol<mlir::func::FuncOp>("main");
  if (!function)
    return {Verdict::Error, "the module has no @main"};

  std::vector<HostTensor> inputs;
  if (mode != "constant") {
    Result<std::vector<HostTensor>> read = testCase.readInputs();
    if (!read.isOk())
      return refusal(read.status().message());
    inputs = *std::move(read);
  }
  auto results = reference::interpret(function, inputs);
  if (failed(results))
    return {Verdict::Error, errors};
  return judge(testCase, {results->begin(), results->end()});
}
