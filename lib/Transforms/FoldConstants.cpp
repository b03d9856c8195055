// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates ops on constants by the reference evaluator. Stage: graph. What each op means is the Reference
// room's knowledge, asked for through ReferenceOpInterface.
#include "FoldPerWorker.h"
#include "weft/Transforms/Passes.h"

#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

/// A result of at most this many bytes is always worth a constant.
constexpr int64_t alwaysFoldBytes = 1024;

/// Splats are small in the IR, but evaluation spreads them out: not beyond this many bytes.
constexpr int64_t mostSplatBytes = 64 << 20;

/// The bytes of a tensor's elements, each at least one; nothing when unknown, or more than a number holds.
std::optional<int64_t> numBytes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.hasStaticShape())
    return std::nullopt;
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t extent : type.getShape())
    if (llvm::MulOverflow(bytes, extent, bytes))
      return std::nullopt;
  return bytes;
}

struct FoldConstants : impl::FoldConstantsPassBase<FoldConstants> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<ReferenceOpInterface>(op) && !isa<ConstantOp>(op) && isPure(op) && op->getNumRegions() == 0)
        ops.push_back(op);
    });
    for (Operation *op : ops)
      fold(op);
  }

  void fold(Operation *op) {
    SmallVector<HostTensor> operands;
    int64_t operandBytes = 0, resultBytes = 0;
    bool isSplit = false;
    for (Value operand : op->getOperands()) {
      if (!isa_and_nonnull<ConstantOp, dist::ConstantOp>(operand.getDefiningOp()))
        return;
      isSplit |= isa<dist::ConstantOp>(operand.getDefiningOp());
    }
    for (Value result : op->getResults()) {
      std::optional<int64_t> bytes = numBytes(result);
      if (!bytes)
        return;
      resultBytes += *bytes;
    }
    for (Value operand : op->getOperands()) {
      std::optional<int64_t> bytes = numBytes(operand);
      // A splat costs nothing to keep, so it pays for nothing.
      auto constant = operand.getDefiningOp<ConstantOp>();
      bool splat = constant && getSplat(constant.getValue()).has_value();
      if (!bytes || (splat && *bytes > mostSplatBytes))
        return;
      if (!splat)
        operandBytes += *bytes;
    }
    bool ofSplats = operandBytes == 0 && op->hasTrait<ir::Elementwise>() && resultBytes <= mostSplatBytes;
    if (resultBytes > alwaysFoldBytes && resultBytes > operandBytes && !ofSplats)
      return;
    if (isSplit) {
      if (failed(foldPerWorker(op)))
        signalPassFailure();
      return;
    }
    for (Value operand : op->getOperands()) {
      std::optional<HostTensor> tensor = getConstantTensor(operand);
      if (!tensor)
        return;
      operands.push_back(*tensor);
    }
    FailureOr<SmallVector<HostTensor>> results = cast<ReferenceOpInterface>(op).evaluate(operands);
    if (failed(results))
      return signalPassFailure();
    OpBuilder builder(op);
    for (auto [result, tensor] : llvm::zip(op->getResults(), *results)) {
      Value constant = createConstant(builder, op->getLoc(), tensor);
      if (!areCompatibleTypes(constant.getType(), result.getType())) {
        op->emitOpError("evaluates to ") << constant.getType() << ", wanted " << result.getType();
        return signalPassFailure();
      }
      result.replaceAllUsesWith(constant);
    }
    op->erase();
  }
};

} // namespace
} // namespace weft
