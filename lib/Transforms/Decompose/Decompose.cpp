// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --weft-decompose, and the registration of all decompositions. Stage: graph.
#include "weft/Transforms/Decompose.h"
#include "Formula.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

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

/// The body of a custom call's decomposition in its place; null when it has none.
static FailureOr<SmallVector<Value>> inlineDecomposition(ir::CustomCallOp call, OpBuilder &b) {
  auto name = call.getDecompositionAttr();
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, name);
  if (!function || !function.getBody().hasOneBlock() ||
      function.getArgumentTypes() != call.getOperandTypes() ||
      function.getResultTypes() != call.getResultTypes())
    return call.emitOpError("names the decomposition ") << name << ", wanted a function of the call's type";
  if (function->isProperAncestor(call))
    return call.emitOpError("is its own decomposition");
  IRMapping mapping;
  mapping.map(function.getArguments(), call.getOperands());
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    b.clone(op, mapping);
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value v) { return mapping.lookupOrDefault(v); });
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

  /// Decompositions of decompositions; a function that leads back to itself has no end.
  static constexpr int maxRounds = 32;

  void runOnOperation() override {
    int rounds = 0;
    for (bool changed = true; changed; ++rounds) {
      changed = false;
      SmallVector<Operation *> pending;
      getOperation()->walk([&](Operation *op) {
        bool wanted = ops.empty() || llvm::is_contained(ops, op->getName().stripDialect());
        auto call = dyn_cast<ir::CustomCallOp>(op);
        bool composite = isa<ir::DecomposableOpInterface>(op) || (call && call.getDecompositionAttr());
        if (wanted && composite && !(keep && keep(op)))
          pending.push_back(op);
      });
      if (rounds == maxRounds && !pending.empty()) {
        pending.front()->emitOpError("decomposes without end");
        return signalPassFailure();
      }
      for (Operation *op : pending) {
        OpBuilder b(op);
        auto call = dyn_cast<ir::CustomCallOp>(op);
        FailureOr<SmallVector<Value>> values =
            call ? inlineDecomposition(call, b) : cast<ir::DecomposableOpInterface>(op).decompose(b);
        if (failed(values))
          return signalPassFailure();
        op->replaceAllUsesWith(*values);
        op->erase();
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
