// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AVX-512's vscalef takes the exponent as a float. exp has it as one (t - magic) beside the integer (the low
// bits of t) that llvm.ldexp wants: where a call's exponent is made that way, the float goes straight to the
// instruction, and two conversions go.
#include "Passes.h"

#include "weft/Codegen/Math/ValueMath.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"

using namespace llvm;
using namespace llvm::PatternMatch;

/// t of n = bits(t) - bits(magic), and the magic number; null if n is not made so.
static Value *roundedBy(Value *n, Constant *&magic) {
  Value *t;
  const APInt *bits;
  bool isDifference = match(n, m_Sub(m_BitCast(m_Value(t)), m_APInt(bits)));
  if (!isDifference && !match(n, m_Add(m_BitCast(m_Value(t)), m_APInt(bits))))
    return nullptr;
  APFloat number(t->getType()->getScalarType()->getFltSemantics(), isDifference ? *bits : -*bits);
  double rounding = weft::codegen::roundingMagic(t->getType()->getScalarSizeInBits() == 64);
  if (number.convertToDouble() != rounding)
    return nullptr;
  magic = ConstantFP::get(t->getType(), rounding);
  return t;
}

void weft::cpu::useScalef(Function &function) {
  for (Instruction &instruction : make_early_inc_range(instructions(function))) {
    Value *p, *n;
    if (!match(&instruction, m_Intrinsic<Intrinsic::ldexp>(m_Value(p), m_Value(n))))
      continue;
    auto type = dyn_cast<FixedVectorType>(p->getType());
    if (!type || type->getPrimitiveSizeInBits() != 512)
      continue;
    Constant *magic = nullptr;
    Value *t = roundedBy(n, magic);
    if (!t)
      continue;
    IRBuilder<> b(&instruction);
    bool is64 = type->getScalarSizeInBits() == 64;
    Value *all = is64 ? b.getInt8(-1) : b.getInt16(-1);
    Value *currentRounding = b.getInt32(4);
    Value *scaled = b.CreateIntrinsic(is64 ? Intrinsic::x86_avx512_mask_scalef_pd_512
                                           : Intrinsic::x86_avx512_mask_scalef_ps_512,
                                      {p, b.CreateFSub(t, magic), p, all, currentRounding});
    instruction.replaceAllUsesWith(scaled);
    instruction.eraseFromParent();
  }
}
