// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the ONNX importer: any bytes give a verified module or an error, never a crash.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Import/Onnx/Importer.h"
#include <cstdint>
#include <cstdlib>
#include <iostream>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A context of its own: attributes and types of many inputs would pile up in a shared one.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  bool said = false;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &) {
    said = true;
    return mlir::success();
  });
  auto module =
      weft::onnx::importOnnxBytes({reinterpret_cast<const std::byte *>(data), size}, "input.onnx", context);
  if (mlir::failed(module) && !said) {
    std::cerr << "refused without a word\n";
    std::abort();
  }
  return 0;
}
