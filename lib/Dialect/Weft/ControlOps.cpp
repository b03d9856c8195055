// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The control family: what regions take and yield, and effects on the host.
#include "weft/Dialect/Weft/ControlOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

//===-- Regions -----------------------------------------------------------------------------------------===//

/// The yield that ends a region's block.
static FailureOr<YieldOp> yieldOf(const Checker &check, StringRef name, Region &region) {
  if (auto yield = dyn_cast<YieldOp>(region.front().back()))
    return yield;
  return check.refuse("has a region '", name, "' that does not end in weft.yield, wanted one that does");
}

/// Equal types, one by one. `what` is e.g. "yielded by body".
static LogicalResult checkTypes(const Checker &check, StringRef what, TypeRange found, TypeRange wanted) {
  if (found.size() != wanted.size())
    return check.refuse("has ", found.size(), " values ", what, ", wanted ", wanted.size());
  for (auto [i, pair] : llvm::enumerate(llvm::zip(found, wanted)))
    if (std::get<0>(pair) != std::get<1>(pair))
      return check.refuse("has value #", i, " ", what, " of type ", std::get<0>(pair), ", wanted ",
                          std::get<1>(pair));
  return success();
}

LogicalResult IfOp::verify() {
  Checker check(*this);
  auto thenYield = yieldOf(check, "then", getThenRegion()),
       elseYield = yieldOf(check, "else", getElseRegion());
  if (failed(thenYield) || failed(elseYield) ||
      failed(checkTypes(check, "yielded by then", (*thenYield)->getOperandTypes(), getResultTypes())))
    return failure();
  return checkTypes(check, "yielded by else", (*elseYield)->getOperandTypes(), getResultTypes());
}

LogicalResult WhileOp::verify() {
  Checker check(*this);
  TypeRange carried = getInit().getTypes();
  auto condYield = yieldOf(check, "cond", getCond()), bodyYield = yieldOf(check, "body", getBody());
  if (failed(condYield) || failed(bodyYield) ||
      failed(checkTypes(check, "returned", getResultTypes(), carried)) ||
      failed(checkTypes(check, "taken by cond", getCond().getArgumentTypes(), carried)) ||
      failed(checkTypes(check, "taken by body", getBody().getArgumentTypes(), carried)) ||
      failed(checkTypes(check, "yielded by body", (*bodyYield)->getOperandTypes(), carried)))
    return failure();
  Type condition = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  return checkTypes(check, "yielded by cond", (*condYield)->getOperandTypes(), condition);
}

LogicalResult ScanOp::verify() {
  Checker check(*this);
  if (getXs().empty() && !getLength())
    return check.refuse("has neither inputs nor length, wanted one to tell the number of steps");
  if (!getXs().empty() && getLength())
    return check.refuse("has inputs and length, wanted the inputs alone to tell the number of steps");
  auto yield = yieldOf(check, "body", getBody());
  if (failed(yield))
    return failure();

  // What the body takes: carries, then a slice of each input.
  TypeRange carried = getInit().getTypes(), arguments = getBody().getArgumentTypes();
  size_t numCarries = carried.size(), numArguments = numCarries + getXs().size();
  if (arguments.size() != numArguments)
    return check.refuse("has ", arguments.size(), " values taken by body, wanted ", numArguments,
                        ": the carries, then a slice of each input");
  if (failed(checkTypes(check, "carried into body", arguments.take_front(numCarries), carried)))
    return failure();
  Dim length = getLength() ? getDimOf(getLength()) : Dim();
  for (auto [i, x] : llvm::enumerate(getXs())) {
    std::string name = "input #" + std::to_string(i), slice = "the slice of " + name;
    if (failed(check.rankAtLeast(name, x.getType(), 1)))
      return failure();
    SmallVector<Dim> dims = getDims(x);
    if (failed(check.extent(name, 0, dims[0], length)))
      return failure();
    length = moreKnown(length, dims[0]);
    Type argument = arguments[numCarries + i];
    if (!isa<RankedTensorType>(argument))
      return check.refuse("has ", slice, " of type ", argument, ", wanted a ranked tensor");
    if (failed(check.sameElementType(slice, argument, x.getType())) ||
        failed(check.result(slice, argument, ArrayRef<Dim>(dims).drop_front())))
      return failure();
  }

  // What it gives: carries, then a slice of each stacked result.
  TypeRange yielded = (*yield)->getOperandTypes(), results = getResultTypes();
  if (yielded.size() != results.size() || results.size() < numCarries)
    return check.refuse("has ", yielded.size(), " values yielded by body and ", results.size(),
                        " results, wanted equal ", "numbers of at least ", numCarries,
                        ", the number of carries");
  if (failed(checkTypes(check, "carried out of body", yielded.take_front(numCarries), carried)) ||
      failed(checkTypes(check, "returned", results.take_front(numCarries), carried)))
    return failure();
  for (size_t i = numCarries; i < results.size(); ++i) {
    std::string name = "result #" + std::to_string(i);
    SmallVector<Dim> dims = getDims(yielded[i]);
    dims.insert(dims.begin(), length);
    if (failed(check.sameElementType(name, results[i], yielded[i])) ||
        failed(check.result(name, results[i], dims)))
      return failure();
  }
  return success();
}

LogicalResult AssertOp::verify() {
  Checker check(*this);
  if (getDetails().size() > 2)
    return check.refuse("has ", getDetails().size(),
                        " details, wanted at most the element found and the limit");
  if (!getFound())
    return success();
  SmallVector<Dim> dims = getDims(getPredicate());
  if (failed(check.result("the element found", getFound().getType(), dims)))
    return failure();
  if (!getLimit() || getDims(getLimit()).empty())
    return success();
  if (dims.empty() || getDims(getLimit()).size() != 1)
    return check.refuse("has a limit of type ", getLimit().getType(),
                        ", wanted a number, or one for each index of the ", "last dimension");
  return check.extent("the limit", 0, getDims(getLimit())[0], dims.back());
}

namespace {
/// A condition that is known leaves one region.
struct KnownCondition : OpRewritePattern<IfOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IfOp op, PatternRewriter &rewriter) const override {
    std::optional<int64_t> condition = getConstantInt(op.getCondition());
    if (!condition)
      return failure();
    Block &block = (*condition ? op.getThenRegion() : op.getElseRegion()).front();
    Operation *yield = block.getTerminator();
    SmallVector<Value> results(yield->getOperands());
    rewriter.inlineBlockBefore(&block, op);
    rewriter.eraseOp(yield);
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// An assertion of what is known to hold goes, and so one of nothing.
struct KnownAssertion : OpRewritePattern<AssertOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AssertOp op, PatternRewriter &rewriter) const override {
    if (llvm::is_contained(cast<RankedTensorType>(op.getPredicate().getType()).getShape(), 0)) {
      rewriter.eraseOp(op);
      return success();
    }
    std::optional<weft::HostTensor> known = getConstantTensor(op.getPredicate());
    if (!known)
      return failure();
    for (int64_t i = 0; i < known->numElements(); ++i)
      if (!known->asInt(i))
        return failure();
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void IfOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownCondition>(context);
}
void AssertOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<KnownAssertion>(context);
}

//===-- Identities, effects -----------------------------------------------------------------------------===//

LogicalResult BarrierOp::verify() {
  return checkTypes(Checker(*this), "returned", getResultTypes(), getXs().getTypes());
}

LogicalResult StopGradientOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                               StopGradientOp::Adaptor adaptor,
                                               SmallVectorImpl<Type> &inferred) {
  inferred.push_back(adaptor.getX().getType());
  return success();
}
bool StopGradientOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

void AssertOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), HostResource::get());
}
void PrintOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), HostResource::get());
}
void CustomCallOp::getEffects(Effects &effects) {
  if (getEffects())
    effects.emplace_back(MemoryEffects::Write::get(), HostResource::get());
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ControlOps.cpp.inc"
