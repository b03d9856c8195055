// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes equal kernels one. Stage: host, before any kernel is lowered. Equality is of the printed text without
// names and locations, so it is exact.
#include "weft/Codegen/Passes.h"

#include "weft/Dialect/Host/HostDialect.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace weft {
#define GEN_PASS_DEF_DEDUPLICATEKERNELSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

struct DeduplicateKernels : impl::DeduplicateKernelsPassBase<DeduplicateKernels> {
  void runOnOperation() override {
    llvm::StringMap<host::KernelOp> seen;
    llvm::StringMap<StringRef> replacement;
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<host::KernelOp>())) {
      auto [entry, isNew] = seen.try_emplace(textOf(kernel), kernel);
      if (isNew)
        continue;
      replacement[kernel.getSymName()] = entry->second.getSymName();
      kernel.erase();
    }
    getOperation().walk([&](host::LaunchOp launch) {
      if (auto entry = replacement.find(launch.getKernel()); entry != replacement.end())
        launch.setKernel(entry->second);
    });
  }

  /// The kernel's text under a name that all share; locations are not printed.
  static std::string textOf(host::KernelOp kernel) {
    host::KernelOp copy = kernel.clone();
    copy.setSymName("k");
    std::string text;
    llvm::raw_string_ostream os(text);
    copy->print(os, OpPrintingFlags().useLocalScope());
    copy.erase();
    return text;
  }
};

} // namespace
} // namespace weft
