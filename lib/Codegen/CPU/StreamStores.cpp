// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Non-temporal stores of a result that nobody in the program reads and that no L2 holds: its lines are
// written without being read first. Whole aligned vectors only. Such stores are not ordered with others: a
// fence stands before each return.
#include "Passes.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

void weft::cpu::streamStores(Function &function, unsigned argument, unsigned vectorBits) {
  const DataLayout &layout = function.getDataLayout();
  MDNode *flag =
      MDNode::get(function.getContext(),
                  ConstantAsMetadata::get(ConstantInt::get(Type::getInt32Ty(function.getContext()), 1)));
  bool streams = false;
  for (Instruction &instruction : instructions(function)) {
    auto *store = dyn_cast<StoreInst>(&instruction);
    if (!store || layout.getTypeSizeInBits(store->getValueOperand()->getType()) != vectorBits ||
        getUnderlyingObject(store->getPointerOperand()) != function.getArg(argument))
      continue;
    Align known = std::max(store->getAlign(), getKnownAlignment(store->getPointerOperand(), layout, store));
    if (known.value() * 8 < vectorBits)
      continue;
    store->setAlignment(known);
    store->setMetadata(LLVMContext::MD_nontemporal, flag);
    streams = true;
  }
  if (!streams)
    return;
  for (BasicBlock &block : function)
    if (auto *end = dyn_cast<ReturnInst>(block.getTerminator()))
      IRBuilder<>(end).CreateIntrinsic(Intrinsic::x86_sse_sfence, {});
}
