// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --weft-decompose, and the registration of all decompositions. Stage: graph.
#include "weft/Transforms/Decompose.h"
#include "Formula.h"

using namespace mlir;
using namespace weft;

namespace weft {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "weft/Transforms/Decompose.h.inc"
} // namespace weft

void weft::registerDecompositions(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ir::WeftDialect *) {
    decompose::attachNormOps(*context);
    decompose::attachAttentionOps(*context);
    decompose::attachContractOps(*context);
  });
}

namespace {
struct DecomposePass : weft::impl::DecomposePassBase<DecomposePass> {
  using DecomposePassBase::DecomposePassBase;
  DecomposePass(DecomposePassOptions options, std::function<bool(Operation *)> keep)
      : DecomposePassBase(std::move(options)), keep(std::move(keep)) {}

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<ir::WeftDialect>();
    registerDecompositions(registry);
  }

  void runOnOperation() override {
    for (bool changed = true; changed;) {
      changed = false;
      SmallVector<Operation *> pending;
      getOperation()->walk([&](Operation *op) {
        bool wanted = ops.empty() || llvm::is_contained(ops, op->getName().stripDialect());
        if (wanted && isa<ir::DecomposableOpInterface>(op) && !(keep && keep(op)))
          pending.push_back(op);
      });
      for (Operation *op : pending) {
        OpBuilder b(op);
        FailureOr<SmallVector<Value>> values = cast<ir::DecomposableOpInterface>(op).decompose(b);
        if (failed(values))
          return signalPassFailure();
        op->replaceAllUsesWith(*values);
        op->erase();
        ++numDecomposed;
        changed = true;
      }
    }
  }

  std::function<bool(Operation *)> keep;
};
} // namespace

std::unique_ptr<Pass> weft::createDecomposePass(DecomposePassOptions options,
                                                std::function<bool(Operation *)> keep) {
  return std::make_unique<DecomposePass>(std::move(options), std::move(keep));
}
