// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets elementwise kernels write their result over an operand that nobody reads any more. Stage: host, after
// outlining and before equal kernels become one: a kernel that works in place is another kernel. Before and
// after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "Launches.h"
#include "weft/Dialect/Dist/DistDialect.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_MARKINPLACEPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

bool sameExtents(Value a, Value b) {
  SmallVector<Dim> x = getDims(a), y = getDims(b);
  return x.size() == y.size() && llvm::all_of(llvm::zip(x, y), [](auto pair) {
           return std::get<0>(pair) == std::get<1>(pair) && !std::get<0>(pair).isUnknown();
         });
}

/// Whether the kernel computes each element of its one result from the element of `argument` at the same
/// place, whatever else it reads.
bool isPointwise(host::KernelOp kernel, BlockArgument argument) {
  Block &body = kernel.getBody().front();
  Operation *terminator = body.getTerminator();
  // Types narrower than a byte are unpacked at the kernel's boundary.
  DType type = toDType(getElementTypeOrSelf(argument.getType()));
  if (type != DType::I1 && bitWidth(type) < 8)
    return false;
  // One element is not worth it, and on a GPU all threads read it, whenever that is.
  if (auto tensor = cast<RankedTensorType>(argument.getType());
      tensor.hasStaticShape() && tensor.getNumElements() <= 1)
    return false;
  if (terminator->getNumOperands() != 1 || argument.getType() != terminator->getOperand(0).getType() ||
      !sameExtents(argument, terminator->getOperand(0)))
    return false;
  return llvm::all_of(body.without_terminator(), [&](Operation &op) {
    if (isa<ConstantOp>(op))
      return true;
    // What is smaller than the result is computed from other operands, and stretched.
    return op.hasTrait<ir::Elementwise>() &&
           (!llvm::is_contained(op.getOperands(), argument) || sameExtents(argument, op.getResult(0)));
  });
}

/// Whether the value is a launch's own memory, and nobody reads it or a view of it after `launch`.
bool diesAt(Value value, host::LaunchOp launch) {
  auto producer = value.getDefiningOp<host::LaunchOp>();
  if (!producer || producer->getBlock() != launch->getBlock())
    return false;
  SmallVector<Value> same{value};
  while (!same.empty()) {
    Value view = same.pop_back_val();
    for (Operation *user : view.getUsers()) {
      Operation *own = launch->getBlock()->findAncestorOpInBlock(*user);
      if (!own || launch->isBeforeInBlock(own))
        return false;
      // A communication reads it until somebody has waited for that.
      if (dist::isStart(user))
        same.push_back(user->getResult(0));
      if (isView(user)) {
        // A view of it may be an operand of the launch, too.
        if (llvm::any_of(user->getResults(),
                         [&](Value result) { return llvm::is_contained(launch.getOperands(), result); }))
          return false;
        llvm::append_range(same, user->getResults());
      }
    }
  }
  return llvm::count(launch.getOperands(), value) == 1;
}

/// Whether the result stays in temporary memory: what is returned or written to a variable has a place
/// already.
bool isTemporary(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isView(user))
      return llvm::all_of(user->getResults(), isTemporary);
    return !user->hasTrait<OpTrait::IsTerminator>() && !isa<WriteOp>(user);
  });
}

struct MarkInPlace : impl::MarkInPlacePassBase<MarkInPlace> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    forEachOwnKernel(getOperation(), symbols, [&](host::LaunchOp launch, host::KernelOp kernel) {
      if (launch.getNumResults() != 1 || launch->hasAttr(host::inPlaceAttrName) ||
          !isTemporary(launch.getResult(0)))
        return;
      for (auto [i, operand] : llvm::enumerate(launch.getOperands())) {
        if (operand.getType() != launch.getResult(0).getType() ||
            !isPointwise(kernel, kernel.getBody().front().getArgument(i)) || !diesAt(operand, launch))
          continue;
        auto number = IntegerAttr::get(IntegerType::get(&getContext(), 64), i);
        launch->setAttr(host::inPlaceAttrName, number);
        kernel->setAttr(host::inPlaceAttrName, number);
        return;
      }
    });
  }
};

} // namespace
} // namespace weft
