// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the vectoriser compute two vectors at once in loops whose arithmetic is one long chain, as an
// exponential or an error function is. A CPU waits for each link of it, and looks no further ahead than to
// the next vector or so; side by side two chains fill the gaps and share their constants.
#include "Passes.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

using namespace llvm;

/// From so many operations on the loop waits for its own results rather than for memory or the units.
static constexpr unsigned leastOperations = 20;
/// Fewer runs would be left over for the most part.
static constexpr unsigned leastTrips = 64;

static bool isArithmetic(const Instruction &instruction) {
  return instruction.getType()->isFloatTy() &&
         (isa<BinaryOperator>(instruction) || isa<IntrinsicInst>(instruction));
}

/// A sum or a maximum of all runs: two of them would be another order of additions.
static bool isReduction(const Instruction &instruction) {
  return isa<PHINode>(instruction) && instruction.getType()->isFloatingPointTy();
}

PreservedAnalyses weft::cpu::InterleaveMathPass::run(Function &function, FunctionAnalysisManager &analyses) {
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  for (Loop *loop : analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder()) {
    if (!loop->isInnermost() || loop->getNumBlocks() != 1)
      continue;
    const BasicBlock &body = *loop->getHeader();
    const unsigned trips = evolution.getSmallConstantTripCount(loop); // 0: not known
    if ((trips == 0 || trips >= leastTrips) && none_of(body, isReduction) &&
        count_if(body, isArithmetic) >= leastOperations)
      addStringMetadataToLoop(loop, "llvm.loop.interleave.count", 2);
  }
  return PreservedAnalyses::all();
}
