// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Store or compute again, by estimated time. The constants are round numbers of measurements; the comments
// say of which.
#include "FusionCost.h"

#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/Cost.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <numeric>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

// Measured on one core of a Zen 3 with AVX2, best of many runs: ten additions of f32 to each element of 64
// KiB take 0.024 ns an element, 5 vectors a ns; a copy reads and writes 68 bytes a ns in 256 KiB, 47 in 4
// MiB, and 14 to 28 in 64 MiB. A kernel of one chunk takes 0.3 to 0.5 microseconds.
FusionTarget FusionTarget::cpu(int64_t lanes, int64_t l2Bytes, int64_t l3Bytes) {
  FusionTarget target;
  target.operations = 4 * double(lanes);
  target.nearRate = 64;
  target.sharedRate = 48;
  target.memoryRate = 16;
  target.nearBytes = double(l2Bytes);
  target.sharedBytes = double(l3Bytes);
  target.launch = 500;
  target.lanes = double(lanes);
  target.hoists = true;
  return target;
}

// From the data sheets of the A100 and the H100: half of the f32 multiply-adds, L2, HBM; a launch of a graph.
// Not measured.
FusionTarget FusionTarget::gpu() {
  FusionTarget target;
  target.operations = 10000;
  target.nearRate = target.sharedRate = 4000;
  target.memoryRate = 2000;
  target.nearBytes = target.sharedBytes = 32 << 20;
  target.launch = 2000;
  target.lanes = 1;
  target.hoists = false;
  return target;
}

// From chains of two to ten such ops on the same machine: exp takes 0.47 ns an element, tanh 1.24, erf 1.5, a
// division 0.12; 0.031 ns are one.
double weft::operationsOf(Operation *op) {
  if (op->getNumResults() == 0 || isa<BroadcastOp, ConstantOp>(op))
    return 0;
  Type type = getElementTypeOrSelf(op->getNumOperands() ? op->getOperand(0) : op->getResult(0));
  const bool isFloat = isa<FloatType>(type);
  const double operations =
      llvm::TypeSwitch<Operation *, double>(op)
          .Case<DivOp>([&](auto) { return isFloat ? 4 : 40; })
          .Case<RemOp>([&](auto) { return isFloat ? 500 : 40; })
          .Case<SqrtOp>([](auto) { return 6; })
          .Case<RsqrtOp>([](auto) { return 10; })
          .Case<ExpOp>([](auto) { return 16; })
          .Case<LogisticOp>([](auto) { return 20; })
          .Case<Expm1Op, LogOp, Log1pOp, TanhOp, SinhOp, CoshOp, CbrtOp>([](auto) { return 40; })
          .Case<ErfOp, ErfcOp>([](auto) { return 50; })
          .Case<AtanOp, AsinOp, AcosOp, AsinhOp, AcoshOp, AtanhOp, Atan2Op>([](auto) { return 130; })
          .Case<SinOp, CosOp, TanOp>([](auto) { return 230; })
          .Case<PowOp>([&](PowOp power) {
            // Squares and their like are products.
            auto exponent = power.getRhs().getDefiningOp<ConstantOp>();
            return exponent && getSplat(exponent.getValue()) ? 2 : isFloat ? 280 : 40;
          })
          .Case<LgammaOp, PolygammaOp, ErfInvOp>([](auto) { return 800; })
          .Case<QuantizeOp>([](auto) { return 8; })
          .Case<DequantizeOp>([](auto) { return 2; })
          .Case<SoftmaxOp>([](auto) { return 24; })
          .Case<NormalizeOp>([](auto) { return 7; })
          .Default([](auto) { return 1; });
  // A vector holds half as many elements of 64 bits.
  return operations * (type.getIntOrFloatBitWidth() > 32 ? 2 : 1);
}

namespace {

/// An extent as a number.
double numberOf(const Dim &dim) {
  constexpr double nominal = 64;
  return dim.isStatic() ? double(dim.getStatic()) : nominal;
}

double elementsOf(Value value) {
  double product = 1;
  for (const Dim &dim : getDims(value))
    product *= numberOf(dim);
  return product;
}

/// The value whose elements an op goes through: what it reduces, else what it computes.
Value spaceOf(Operation *op) {
  bool reduces = isa<ReduceOp, ArgReduceOp, SoftmaxOp, NormalizeOp, AssertOp>(op);
  return reduces ? op->getOperand(0) : op->getResult(0);
}

/// What ops of one kernel compute.
class Evaluations {
public:
  Evaluations(const llvm::SetVector<Operation *> &kernel, const FusionTarget &target)
      : kernel(kernel), target(target) {}

  /// Operations of one op, for all elements.
  double of(Operation *op) {
    if (!isa<DotGeneralOp, ConvOp, ReduceWindowOp>(op))
      return timesOf(op) * operationsOf(op);
    double sum = 0;
    for (const ExtentProduct &term : countFlops(op, [](Value value) { return getDims(value); }))
      sum += std::accumulate(term.extents.begin(), term.extents.end(),
                             double(term.factor) / (isa<ReduceWindowOp>(op) ? 1 : 2),
                             [](double product, const Dim &dim) { return product * numberOf(dim); });
    return sum;
  }

private:
  /// How often an op is computed.
  double timesOf(Operation *op) {
    if (auto known = counts.find(op); known != counts.end())
      return known->second;
    double count = 0;
    bool isStored = op->getNumResults() == 0 || spaceOf(op) != op->getResult(0);
    for (Operation *user : op->getUsers())
      if (!isStored && kernel.contains(user))
        count = std::max(count, forReader(op, user));
    if (count == 0)
      count = elementsOf(spaceOf(op));
    return counts[op] = count;
  }

  /// Elements of `op` that `reader` asks for: all that it computes itself, but for loops in which they stay
  /// the same.
  double forReader(Operation *op, Operation *reader) {
    if (isa<ReduceWindowOp>(reader))
      return of(reader);
    double count = timesOf(reader);
    if (!target.hoists)
      return count;
    SmallVector<Dim> from = getDims(op->getResult(0)), to = getDims(spaceOf(reader));
    llvm::SmallVector<bool> stretched(to.size(), false);
    if (auto broadcast = dyn_cast<BroadcastOp>(reader)) {
      stretched.assign(to.size(), true);
      for (auto [extent, dim] : llvm::zip(from, broadcast.getDims()))
        stretched[dim] = extent.is(1) && !to[dim].is(1);
    } else if (from.size() == to.size()) {
      for (size_t i = 0; i < to.size(); ++i)
        stretched[i] = from[i].is(1) && !to[i].is(1);
    }
    double inner = 1;
    while (!stretched.empty() && (stretched.back() || to.back().is(1))) {
      inner *= numberOf(to.back());
      stretched.pop_back();
      to.pop_back();
    }
    return std::min(count, count / std::max(inner, 1.0) * target.lanes);
  }

  const llvm::SetVector<Operation *> &kernel;
  const FusionTarget &target;
  llvm::DenseMap<Operation *, double> counts;
};

} // namespace

static double bytesOf(Value value) {
  const DType element = toDType(getElementTypeOrSelf(value.getType()));
  return elementsOf(value) * (element == DType::I1 ? 8 : bitWidth(element)) / 8;
}

/// What a kernel of these ops reads. Splats are part of its code.
static llvm::SetVector<Value> inputsOf(const llvm::SetVector<Operation *> &ops) {
  llvm::SetVector<Value> inputs;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<ConstantOp>();
      if (!ops.contains(operand.getDefiningOp()) && !(constant && getSplat(constant.getValue())))
        inputs.insert(operand);
    }
  return inputs;
}

double FusionCost::timeToMove(Value value) const {
  const double bytes = bytesOf(value);
  return bytes / (bytes <= target.nearBytes     ? target.nearRate
                  : bytes <= target.sharedBytes ? target.sharedRate
                                                : target.memoryRate);
}

FusionVerdict FusionCost::weigh(Ops producer, ArrayRef<Ops> readers) const {
  llvm::SetVector<Operation *> own(producer.begin(), producer.end());
  Value value;
  for (Operation *op : producer)
    if (!llvm::all_of(op->getUsers(), [&](Operation *user) { return own.contains(user); }))
      value = op->getResult(0);
  assert(value && "nobody reads what is weighed");

  struct Kernel {
    double move = 0, compute = 0, added = 0;
    double time() const { return std::max(move, compute); }
  };
  // A kernel of `ops`, of which it stores what `storing` computes for others; `added`: the arithmetic of the
  // producer in it.
  auto kernelOf = [&](const llvm::SetVector<Operation *> &ops, Ops storing) {
    Kernel kernel;
    for (Value input : inputsOf(ops))
      kernel.move += timeToMove(input);
    for (Operation *op : storing)
      for (Value result : op->getResults())
        if (!llvm::all_of(result.getUsers(), [&](Operation *user) { return ops.contains(user); }))
          kernel.move += timeToMove(result);
    Evaluations evaluations(ops, target);
    for (Operation *op : ops) {
      const double operations = evaluations.of(op);
      kernel.compute += operations / target.operations;
      kernel.added += own.contains(op) ? operations : 0;
    }
    return kernel;
  };

  FusionVerdict verdict;
  verdict.elements = elementsOf(value);
  verdict.perElement = llvm::any_of(getDims(value), [](const Dim &dim) { return !dim.isStatic(); });
  verdict.bytes = bytesOf(value) * double(1 + readers.size());
  verdict.stored = kernelOf(own, producer).time() + target.launch;
  for (Ops ops : readers) {
    llvm::SetVector<Operation *> reader(ops.begin(), ops.end()), both = own;
    both.insert(ops.begin(), ops.end());
    const Kernel reading = kernelOf(reader, ops), computing = kernelOf(both, ops);
    Kernel without = reading;
    without.move -= timeToMove(value);
    verdict.stored += reading.time() - without.time();
    verdict.again += computing.time() - without.time();
    verdict.operations += computing.added / double(readers.size());
    llvm::SetVector<Value> known = inputsOf(reader);
    for (Value input : inputsOf(own))
      if (!known.contains(input))
        verdict.readAgain += bytesOf(input);
  }
  return verdict;
}

/// "0.40 ms", "3.1 us", "0.52 ns".
static std::string timeText(double ns) {
  if (ns >= 1e5)
    return llvm::formatv("{0:F2} ms", ns * 1e-6);
  if (ns >= 100)
    return llvm::formatv("{0:F1} us", ns * 1e-3);
  return llvm::formatv("{0:F2} ns", ns);
}

std::string FusionVerdict::str() const {
  const double share = perElement ? 1 / elements : 1;
  auto size = [&](double all) -> std::string {
    return perElement ? llvm::formatv("{0:F1} bytes an element", all * share)
                      : llvm::formatv("{0:F3} MB", all * 1e-6);
  };
  return "writing and reading " + size(bytes) + " takes about " + timeText(stored * share) +
         "; computing it again, " + llvm::formatv("{0:F1}", operations / std::max(elements, 1.0)).str() +
         " operations an element" + (readAgain > 0 ? " and reading " + size(readAgain) : std::string()) +
         ", about " + timeText(again * share);
}
