// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuses products and sums that may be contracted, before a kernel gets its two bodies, and keeps the order of
// sums. LLVM would fuse them too, but only where both end up in one block, and would reorder sums of loops
// that it vectorises; both differ between a body with checks and one without, which shall give the same bits.
// Like a GPU's compiler it fuses a product that only the sum reads.
#include "Lower.h"

using namespace mlir;
using namespace weft::emulator;

template <class Op> static bool mayContract(Op op) {
  return bitEnumContainsAll(op.getFastmathFlags(), LLVM::FastmathFlags::contract);
}

/// The product that only one sum reads and that may be contracted into it.
static LLVM::FMulOp productOf(Value value) {
  auto product = value.getDefiningOp<LLVM::FMulOp>();
  return product && product->hasOneUse() && mayContract(product) ? product : LLVM::FMulOp();
}

static Value negate(OpBuilder &b, Value value) { return LLVM::FNegOp::create(b, value.getLoc(), value); }

/// Replaces the sum or difference by one operation when an operand is such a product.
template <class Op> static void contract(Op op) {
  constexpr bool isDifference = std::is_same_v<Op, LLVM::FSubOp>;
  OpBuilder b(op);
  Value left = op.getLhs(), right = op.getRhs(), fused;
  auto fuse = [&](Value x, Value y, Value z) {
    fused = LLVM::FMAOp::create(b, op.getLoc(), op.getType(), x, y, z);
  };
  LLVM::FMulOp product = productOf(left);
  if (product) {
    fuse(product.getLhs(), product.getRhs(), isDifference ? negate(b, right) : right);
  } else if ((product = productOf(right))) {
    fuse(isDifference ? negate(b, product.getLhs()) : product.getLhs(), product.getRhs(), left);
  } else {
    return;
  }
  op.replaceAllUsesWith(fused);
  op.erase();
  product.erase();
}

void weft::emulator::contractProducts(LLVM::LLVMFuncOp function) {
  SmallVector<Operation *> sums;
  function.walk([&](Operation *op) {
    if (isa<LLVM::FAddOp, LLVM::FSubOp>(op))
      sums.push_back(op);
  });
  for (Operation *op : sums) {
    if (auto sum = dyn_cast<LLVM::FAddOp>(op); sum && mayContract(sum))
      contract(sum);
    else if (auto difference = dyn_cast<LLVM::FSubOp>(op); difference && mayContract(difference))
      contract(difference);
  }
  // What is left stays as it is.
  function.walk([](Operation *op) {
    auto drop = [](auto arithmetic) {
      arithmetic.setFastmathFlags(arithmetic.getFastmathFlags() &
                                  ~(LLVM::FastmathFlags::contract | LLVM::FastmathFlags::reassoc));
    };
    if (auto add = dyn_cast<LLVM::FAddOp>(op))
      drop(add);
    else if (auto sub = dyn_cast<LLVM::FSubOp>(op))
      drop(sub);
    else if (auto mul = dyn_cast<LLVM::FMulOp>(op))
      drop(mul);
  });
}
