// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the addresses of generated kernels as code generation wants them. Each is a base, numbers times
// values, and a number. What an innermost loop does not change is computed once before it, its counter is an
// index or a pointer steps with it, and the number stays in the instruction: all rows of a register tile go
// by one pointer. LLVM's loop strength reduction finds the same by search; for the unrolled loops of kernels
// this search takes half of the compile time, and these are few cases.
#include "Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Operator.h"
#include "llvm/Transforms/Utils/Local.h"

#include <map>
#include <set>

using namespace llvm;

namespace {

/// The sum of scale * value over `terms`, and `constant`, modulo 2^64. Bytes.
struct Linear {
  SmallMapVector<Value *, uint64_t, 4> terms;
  uint64_t constant = 0;

  void add(const Linear &other, uint64_t scale) {
    constant += other.constant * scale;
    for (auto [value, factor] : other.terms) {
      uint64_t &sum = terms[value];
      sum += factor * scale;
      if (sum == 0)
        terms.erase(value);
    }
  }
};

using Term = std::pair<Value *, uint64_t>;

/// One operand that is an address.
struct Access {
  Use *use;
  Value *base;
  Linear offset;
  SmallVector<Term, 4> outer, inner; ///< of the offset: what the user's innermost loop changes is inner
  Loop *loop = nullptr;              ///< an innermost one, which does not change the base
  PHINode *counter = nullptr;        ///< of that loop, when it is all that is inner
  bool steps = false;                ///< a pointer of its own goes along with the counter
  Instruction *user() const { return cast<Instruction>(use->getUser()); }
};

class AddressFactoring {
public:
  explicit AddressFactoring(Function &function)
      : function(function), layout(function.getDataLayout()), dominators(function), loops(dominators) {}
  void run();

private:
  Value *quotientOf(BinaryOperator *remainder);
  const Linear &linearOf(Value *value);
  void collect();
  void sortTerms(Access &access);
  void chooseSteps();
  BasicBlock *placeOf(Value *value, BasicBlock *user);
  PHINode *counterOf(Loop &loop, Value *value);
  unsigned numberOf(Value *value) { return numbers.try_emplace(value, numbers.size()).first->second; }
  using Key = std::tuple<Value *, Value *, uint64_t>;
  Value *reuse(const Key &key, Instruction *user, BasicBlock *place,
               function_ref<Value *(IRBuilder<> &)> make);
  Value *sum(Value *before, Value *value, uint64_t scale, Instruction *user, BasicBlock *place);
  Value *pointer(Value *base, Value *offset, Instruction *user, BasicBlock *place);
  Value *offsetOf(ArrayRef<Term> terms, Instruction *user);
  Value *recurrence(Value *start, PHINode *counter, uint64_t scale);
  void rewrite(Access &access);

  Function &function;
  const DataLayout &layout;
  DominatorTree dominators;
  LoopInfo loops;
  DenseMap<Value *, Linear> linear;
  DenseMap<Value *, unsigned> numbers; ///< in the order of discovery, so that sums are the same in every run
  SmallVector<Access, 0> accesses;
  using Start = SmallVector<std::pair<unsigned, uint64_t>, 6>; ///< a base with outer terms, as numbers
  DenseMap<Key, SmallVector<Instruction *, 1>> made;
  SmallVector<WeakTrackingVH> old;
};

} // namespace

/// Terms of at most this many values are written anew.
static constexpr size_t maxTerms = 6;
/// Pointers that step with one counter by one scale.
static constexpr size_t maxSteppingPointers = 3;
/// The quotient that belongs to a remainder by a number, if the function computes it before; null for other
/// ops.
Value *AddressFactoring::quotientOf(BinaryOperator *remainder) {
  if (remainder->getOpcode() != Instruction::URem || !isa<ConstantInt>(remainder->getOperand(1)) ||
      isa<ConstantInt>(remainder->getOperand(0)))
    return nullptr;
  for (User *user : remainder->getOperand(0)->users()) {
    auto *op = dyn_cast<BinaryOperator>(user);
    if (op && op->getOpcode() == Instruction::UDiv && op->getOperand(0) == remainder->getOperand(0) &&
        op->getOperand(1) == remainder->getOperand(1) && dominators.dominates(op, remainder))
      return op;
  }
  return nullptr;
}

const Linear &AddressFactoring::linearOf(Value *value) {
  if (auto known = linear.find(value); known != linear.end())
    return known->second;
  Linear result;
  auto constantOf = [](Value *v) { return dyn_cast<ConstantInt>(v); };
  auto *op = dyn_cast<BinaryOperator>(value);
  if (auto *number = constantOf(value)) {
    result.constant = number->getSExtValue();
  } else if (op && (op->getOpcode() == Instruction::Add || op->getOpcode() == Instruction::Sub)) {
    result = linearOf(op->getOperand(0));
    result.add(Linear(linearOf(op->getOperand(1))), op->getOpcode() == Instruction::Add ? 1 : -1);
  } else if (op && op->getOpcode() == Instruction::Mul && constantOf(op->getOperand(1))) {
    result.add(linearOf(op->getOperand(0)), constantOf(op->getOperand(1))->getSExtValue());
  } else if (op && op->getOpcode() == Instruction::Shl && constantOf(op->getOperand(1)) &&
             constantOf(op->getOperand(1))->getZExtValue() < 64) {
    result.add(linearOf(op->getOperand(0)), uint64_t(1) << constantOf(op->getOperand(1))->getZExtValue());
  } else if (Value *quotient = op ? quotientOf(op) : nullptr) {
    // a % n = a - a / n * n: where a result's rows follow each other, a pixel's row and column cancel.
    result = linearOf(op->getOperand(0));
    result.add(Linear(linearOf(quotient)), -constantOf(op->getOperand(1))->getZExtValue());
  }
  if (!isa<ConstantInt>(value) &&
      (!op || (result.terms.empty() && result.constant == 0) || result.terms.size() > maxTerms)) {
    result = Linear();
    result.terms[value] = 1;
  }
  return linear[value] = std::move(result);
}

void AddressFactoring::collect() {
  for (Instruction &instruction : instructions(function)) {
    if (!dominators.isReachableFromEntry(instruction.getParent()) ||
        !isa<LoadInst, StoreInst, IntrinsicInst>(instruction) || isa<MemIntrinsic>(instruction))
      continue;
    for (Use &use : instruction.operands()) {
      auto *address = dyn_cast<GetElementPtrInst>(use.get());
      if (!address || address->getType()->isVectorTy())
        continue;
      Access access;
      access.use = &use;
      access.base = address;
      while (auto *step = dyn_cast<GEPOperator>(access.base)) {
        SmallMapVector<Value *, APInt, 4> variables;
        APInt constant(64, 0);
        if (!step->collectOffset(layout, 64, variables, constant) ||
            llvm::any_of(variables, [](auto &entry) { return !entry.first->getType()->isIntegerTy(64); }))
          break;
        access.offset.constant += constant.getSExtValue();
        for (auto &[value, scale] : variables)
          access.offset.add(linearOf(value), scale.getSExtValue());
        access.base = step->getPointerOperand();
      }
      if (access.base == address || access.offset.terms.size() > maxTerms)
        continue;
      sortTerms(access);
      accesses.push_back(std::move(access));
    }
  }
}

/// The block nearest to `user`, out of the loops in which `value` does not change.
BasicBlock *AddressFactoring::placeOf(Value *value, BasicBlock *user) {
  auto *definition = dyn_cast<Instruction>(value);
  BasicBlock *place = user;
  for (Loop *loop = loops.getLoopFor(user); loop; loop = loop->getParentLoop()) {
    if ((definition && loop->contains(definition)) || !loop->getLoopPreheader())
      break;
    place = loop->getLoopPreheader();
  }
  return place;
}

PHINode *AddressFactoring::counterOf(Loop &loop, Value *value) {
  auto *counter = dyn_cast<PHINode>(value);
  if (!counter || counter->getParent() != loop.getHeader() || !loop.getLoopPreheader() ||
      !loop.getLoopLatch() || counter->getNumIncomingValues() != 2)
    return nullptr;
  const Linear &next = linearOf(counter->getIncomingValueForBlock(loop.getLoopLatch()));
  bool steps = next.terms.size() == 1 && *next.terms.begin() == Term(counter, 1);
  return steps ? counter : nullptr;
}

Value *AddressFactoring::reuse(const Key &key, Instruction *user, BasicBlock *place,
                               function_ref<Value *(IRBuilder<> &)> make) {
  Instruction *before = place == user->getParent() ? user : place->getTerminator();
  for (Instruction *known : made[key])
    if (dominators.dominates(known, before))
      return known;
  IRBuilder<> builder(before);
  Value *value = make(builder);
  if (auto *instruction = dyn_cast<Instruction>(value))
    made[key].push_back(instruction);
  return value;
}

/// before + scale * value; nothing before is 0.
Value *AddressFactoring::sum(Value *before, Value *value, uint64_t scale, Instruction *user,
                             BasicBlock *place) {
  Value *product = value;
  if (scale != 1)
    product = reuse({nullptr, value, scale}, user, place, [&](IRBuilder<> &b) {
      return b.CreateMul(value, ConstantInt::get(value->getType(), scale));
    });
  if (!before)
    return product;
  return reuse({before, product, 1}, user, place,
               [&](IRBuilder<> &b) { return b.CreateAdd(before, product); });
}

Value *AddressFactoring::pointer(Value *base, Value *offset, Instruction *user, BasicBlock *place) {
  if (!offset)
    return base;
  return reuse({base, offset, 0}, user, place, [&](IRBuilder<> &b) { return b.CreatePtrAdd(base, offset); });
}

/// The sum of the terms, each at its place; null for none.
Value *AddressFactoring::offsetOf(ArrayRef<Term> terms, Instruction *user) {
  Value *offset = nullptr;
  for (auto [value, scale] : terms)
    offset = sum(offset, value, scale, user, placeOf(value, user->getParent()));
  return offset;
}

/// start + scale * counter, stepping in the counter's loop.
Value *AddressFactoring::recurrence(Value *start, PHINode *counter, uint64_t scale) {
  Loop *loop = loops.getLoopFor(counter->getParent());
  BasicBlock *before = loop->getLoopPreheader(), *latch = loop->getLoopLatch();
  SmallVector<Instruction *, 1> &known = made[{start, counter, scale}];
  if (!known.empty())
    return known.front();
  uint64_t step = linearOf(counter->getIncomingValueForBlock(latch)).constant;
  Instruction *end = before->getTerminator();
  Value *first = counter->getIncomingValueForBlock(before);
  auto *number = dyn_cast<ConstantInt>(first);
  Value *offset =
      number
          ? (number->isZero() ? nullptr : ConstantInt::get(first->getType(), number->getSExtValue() * scale))
          : sum(nullptr, first, scale, end, before);
  auto *phi = PHINode::Create(start->getType(), 2, "", counter->getParent()->begin());
  IRBuilder<> atEnd(latch->getTerminator());
  phi->addIncoming(pointer(start, offset, end, before), before);
  phi->addIncoming(atEnd.CreatePtrAdd(phi, atEnd.getInt64(step * scale)), latch);
  made[{start, counter, scale}].push_back(phi);
  return phi;
}

/// Outermost first, so that what several addresses share stands in front.
void AddressFactoring::sortTerms(Access &access) {
  BasicBlock *block = access.user()->getParent();
  SmallVector<std::tuple<unsigned, unsigned, Term>> terms;
  for (Term term : access.offset.terms)
    terms.push_back({loops.getLoopDepth(placeOf(term.first, block)), numberOf(term.first), term});
  llvm::sort(terms, [](auto &x, auto &y) {
    return std::pair(std::get<0>(x), std::get<1>(x)) < std::pair(std::get<0>(y), std::get<1>(y));
  });
  Loop *loop = loops.getLoopFor(block);
  if (loop && loop->isInnermost() && loop->getLoopPreheader() && loop->isLoopInvariant(access.base))
    access.loop = loop;
  for (auto [depth, number, term] : terms)
    (access.loop && !loop->isLoopInvariant(term.first) ? access.inner : access.outer).push_back(term);
  if (access.inner.size() == 1)
    access.counter = counterOf(*loop, access.inner.front().first);
}

/// Which addresses step, of those that go by a counter: those that cannot take it as an index, for its scale.
/// Where many start differently they share one product.
void AddressFactoring::chooseSteps() {
  std::map<std::pair<PHINode *, uint64_t>, std::set<Start>> starts;
  for (Access &access : accesses) {
    if (!access.counter)
      continue;
    Start start = {{numberOf(access.base), 0}};
    for (auto [value, scale] : access.outer)
      start.push_back({numberOf(value), scale});
    starts[{access.counter, access.inner.front().second}].insert(std::move(start));
  }
  for (Access &access : accesses) {
    if (!access.counter)
      continue;
    uint64_t scale = access.inner.front().second;
    bool isIndex = isPowerOf2_64(scale) && scale <= 8;
    access.steps = !isIndex && starts[{access.counter, scale}].size() <= maxSteppingPointers;
  }
}

void AddressFactoring::rewrite(Access &access) {
  Instruction *user = access.user();
  BasicBlock *place = access.loop ? access.loop->getLoopPreheader() : user->getParent();
  Value *address = pointer(access.base, offsetOf(access.outer, user), user, place);
  if (access.steps)
    address = recurrence(address, access.counter, access.inner.front().second);
  else
    address = pointer(address, offsetOf(access.inner, user), user, user->getParent());
  if (access.offset.constant) {
    IRBuilder<> builder(user);
    address = builder.CreatePtrAdd(address, builder.getInt64(access.offset.constant));
  }
  old.push_back(access.use->get());
  access.use->set(address);
}

void AddressFactoring::run() {
  collect();
  chooseSteps();
  for (Access &access : accesses)
    rewrite(access);
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(old);
}

void weft::cpu::factorAddresses(Function &function) { AddressFactoring(function).run(); }
