// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an ONNX model to a module of the weft dialect.
#ifndef WEFT_IMPORT_ONNX_IMPORTER_H
#define WEFT_IMPORT_ONNX_IMPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weft::onnx {

/// The opsets of ONNX's default domain that are understood.
constexpr int64_t oldestOpset = 7, newestOpset = 28;

/// What a named dimension may be; an upper bound of -1 is none.
struct DimBounds {
  int64_t lower = 0;
  int64_t upper = -1;
};

struct ImportOptions {
  /// Named dimensions with bounds ("batch", or "<input>_d<i>" for one that the model leaves unnamed). Equal
  /// bounds make it a number. A name that no input has is an error.
  llvm::StringMap<DimBounds> dynamicDims;
  /// Extents for named dimensions. One that is also in dynamicDims stays dynamic.
  llvm::StringMap<int64_t> dims;
  /// Shapes of inputs: their dimensions become these numbers wherever they occur, save those in dynamicDims.
  /// -1 leaves a dimension as the model has it.
  llvm::StringMap<std::vector<int64_t>> specialise;
};

/// Imports a model file. The module holds `func.func @main`; arguments and results carry `weft.name`; named
/// dimensions are declared with their bounds on the module. Errors go to the context's diagnostic engine and
/// name file and node; ops that are not supported are reported once, all together.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnxFile(llvm::StringRef path, mlir::MLIRContext &context, const ImportOptions &options = {});

/// The same from memory. `name` stands for the file in messages. External data is looked for in `folder`,
/// nowhere when that is empty. Large weights stay views of `bytes` when `owner` keeps those alive, else they
/// are copied.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnxBytes(std::span<const std::byte> bytes, llvm::StringRef name, mlir::MLIRContext &context,
                const ImportOptions &options = {}, llvm::StringRef folder = {},
                std::shared_ptr<const void> owner = nullptr);

/// The ops that can be imported, "Op" or "domain.Op", sorted: for the documentation's tables.
std::vector<std::string> getSupportedOnnxOps();

} // namespace weft::onnx

#endif // WEFT_IMPORT_ONNX_IMPORTER_H
