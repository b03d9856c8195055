// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells kernels whose result the program itself does not read again. Stage: host, after outlining and before
// equal kernels become one. Before and after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "Launches.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_MARKSTREAMEDPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// Whether the value is returned to the caller, and otherwise looked at by nobody.
bool isOnlyReturned(Value value) {
  return !value.use_empty() && llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isView(user))
      return llvm::all_of(user->getResults(), isOnlyReturned);
    return isa<func::ReturnOp>(user);
  });
}

struct MarkStreamed : impl::MarkStreamedPassBase<MarkStreamed> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    forEachOwnKernel(getOperation(), symbols, [&](host::LaunchOp launch, host::KernelOp kernel) {
      if (launch.getNumResults() == 1 && isOnlyReturned(launch.getResult(0)))
        kernel->setAttr(host::streamedAttrName, UnitAttr::get(&getContext()));
    });
  }
};

} // namespace
} // namespace weft
