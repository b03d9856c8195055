// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs compiled from text as a user's are, and run, against the reference.
#ifndef WEFT_TEST_UNIT_PIPELINE_WHOLEPROGRAM_H
#define WEFT_TEST_UNIT_PIPELINE_WHOLEPROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "weft/Runtime/Executable.h"
#include "weft/Support/HostTensor.h"
#include "weft/Support/TensorCompare.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace weft::test {

/// Uniform numbers in [low, high), repeatable by `seed`.
HostTensor uniform(DType type, const std::vector<int64_t> &shape, double low, double high, unsigned seed);
/// The elements of an f32 tensor as between dense< and >.
std::string elementsText(const HostTensor &tensor);

/// Function @main of a module, compiled. What fails is a failure of the test.
class WholeProgram {
public:
  explicit WholeProgram(const std::string &text);
  /// Runs on one thread and on three, which must give the same bits, and holds the results against the
  /// reference; `labelOf` says what result i is.
  void expectSame(const std::vector<HostTensor> &inputs, Tolerance tolerance,
                  const std::function<std::string(size_t)> &labelOf);

private:
  void compileText(const std::string &text);

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<const runtime::Executable> executable;
};

} // namespace weft::test

#endif // WEFT_TEST_UNIT_PIPELINE_WHOLEPROGRAM_H
