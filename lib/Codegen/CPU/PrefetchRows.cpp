// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks for the next row of a buffer while a row is worked on. A softmax or a normalisation reads each row
// several times: memory waits while the row is computed with, and arithmetic waits while the next is read
// for the first time, since hardware prefetchers stop where a page ends. Of the loops over a row the one
// that computes most with each load prefetches: it leaves memory the most time.
#include "Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace {

/// The loads by which a loop goes along a row of a buffer.
struct RowLoads {
  int64_t rowBytes = 0;
  size_t instructions = 0;                           ///< of the loop, for each of them
  SmallVector<std::pair<int64_t, LoadInst *>> loads; ///< first the bytes after the first of them
};

} // namespace

/// The bytes between rows, when `pointer` goes along a whole row in each run of `loop`, and the loop around
/// it goes from row to row; else 0.
static int64_t bytesOfRow(const SCEV *pointer, Loop &loop, ScalarEvolution &evolution) {
  auto constantStep = [&](const SCEV *expression, Loop *of) -> int64_t {
    auto *recurrence = dyn_cast<SCEVAddRecExpr>(expression);
    if (!recurrence || recurrence->getLoop() != of || !recurrence->isAffine())
      return 0;
    auto *step = dyn_cast<SCEVConstant>(recurrence->getStepRecurrence(evolution));
    return step ? step->getAPInt().getSExtValue() : 0;
  };
  int64_t step = constantStep(pointer, &loop);
  if (step <= 0)
    return 0;
  int64_t row = constantStep(cast<SCEVAddRecExpr>(pointer)->getStart(), loop.getParentLoop());
  int64_t covered = step * int64_t(evolution.getSmallConstantTripCount(&loop));
  return covered <= row && covered > row / 2 ? row : 0;
}

PreservedAnalyses weft::cpu::PrefetchRowsPass::run(Function &function, FunctionAnalysisManager &analyses) {
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  MapVector<std::pair<Loop *, const Value *>, RowLoads> rows; // by the loop over rows, and the buffer
  for (Loop *loop : analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder()) {
    if (!loop->isInnermost() || !loop->getParentLoop())
      continue;
    size_t instructions = 0;
    for (BasicBlock *block : loop->blocks())
      instructions += block->size();
    MapVector<const Value *, RowLoads> found;
    for (BasicBlock *block : loop->blocks())
      for (Instruction &instruction : *block) {
        auto *load = dyn_cast<LoadInst>(&instruction);
        auto *buffer = load ? dyn_cast<Argument>(getUnderlyingObject(load->getPointerOperand())) : nullptr;
        if (!buffer || int64_t(buffer->getDereferenceableBytes()) <= leastBytes)
          continue;
        const SCEV *pointer = evolution.getSCEV(load->getPointerOperand());
        int64_t row = bytesOfRow(pointer, *loop, evolution);
        if (row == 0)
          continue;
        RowLoads &ofBuffer = found[buffer];
        int64_t place = 0;
        if (!ofBuffer.loads.empty()) {
          const SCEV *first = evolution.getSCEV(ofBuffer.loads.front().second->getPointerOperand());
          auto *distance = dyn_cast<SCEVConstant>(evolution.getMinusSCEV(pointer, first));
          if (!distance || row != ofBuffer.rowBytes)
            continue;
          place = distance->getAPInt().getSExtValue();
        }
        ofBuffer.rowBytes = row;
        ofBuffer.loads.push_back({place, load});
      }
    for (auto &[buffer, ofBuffer] : found) {
      ofBuffer.instructions = instructions / ofBuffer.loads.size();
      RowLoads &best = rows[{loop->getParentLoop(), buffer}];
      if (ofBuffer.instructions > best.instructions)
        best = std::move(ofBuffer);
    }
  }
  constexpr int64_t lineBytes = 64;
  for (auto &[where, row] : rows) {
    llvm::stable_sort(row.loads, llvm::less_first());
    std::optional<int64_t> asked;
    for (auto [place, load] : row.loads) {
      if (asked && place - *asked < lineBytes)
        continue;
      asked = place;
      IRBuilder<> b(load);
      Value *next = b.CreateConstGEP1_64(b.getInt8Ty(), load->getPointerOperand(), row.rowBytes);
      int near = row.rowBytes <= l1Bytes / 4 ? 3 : 2; // into L1, or L2
      b.CreateIntrinsic(Intrinsic::prefetch, {next->getType()},
                        {next, b.getInt32(/*write=*/0), b.getInt32(near), b.getInt32(/*data=*/1)});
    }
  }
  return rows.empty() ? PreservedAnalyses::all() : PreservedAnalyses::none();
}
