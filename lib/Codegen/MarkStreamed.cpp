// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells kernels whose result the program itself does not read again. Stage: host, after outlining and before
// equal kernels become one. Before and after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

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
    if (isa<ReshapeOp, CastShapeOp, StopGradientOp, BarrierOp, NameExtentOp>(user))
      return llvm::all_of(user->getResults(), isOnlyReturned);
    return isa<func::ReturnOp>(user);
  });
}

struct MarkStreamed : impl::MarkStreamedPassBase<MarkStreamed> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::StringMap<int> launches;
    getOperation().walk([&](host::LaunchOp launch) { ++launches[launch.getKernel()]; });
    getOperation().walk([&](host::LaunchOp launch) {
      auto kernel = symbols.lookup<host::KernelOp>(launch.getKernel());
      if (kernel && launches[launch.getKernel()] == 1 && launch.getNumResults() == 1 &&
          isOnlyReturned(launch.getResult(0)))
        kernel->setAttr(host::streamedAttrName, UnitAttr::get(&getContext()));
    });
  }
};

} // namespace
} // namespace weft
