// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a function of weft ops on host tensors, op by op.
#ifndef WEFT_REFERENCE_INTERPRETER_H
#define WEFT_REFERENCE_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Support/HostTensor.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <map>
#include <string>

namespace weft::reference {

struct InterpreterOptions {
  /// Values of variables by name, across calls: where one is listed it is read from here, else it starts from
  /// its initial value; after the call all that were touched are listed. Null: variables live for one call.
  std::map<std::string, HostTensor> *variables = nullptr;
  /// Where weft.print prints; null means standard output.
  llvm::raw_ostream *output = nullptr;
  /// Whether weft.assert is looked at.
  bool assertions = true;
  /// Called with every op that was run and its results.
  std::function<void(mlir::Operation *, llvm::ArrayRef<HostTensor>)> observer;
};

/// Runs `function` on `inputs`. Named dims are bound by the inputs' extents; every tensor is held against the
/// type of its value, named extents included. What goes wrong is a diagnostic at the op. The context needs
/// the models of registerReferenceModels().
mlir::FailureOr<llvm::SmallVector<HostTensor>> interpret(mlir::func::FuncOp function,
                                                         llvm::ArrayRef<HostTensor> inputs,
                                                         const InterpreterOptions &options = {});

} // namespace weft::reference

#endif // WEFT_REFERENCE_INTERPRETER_H
