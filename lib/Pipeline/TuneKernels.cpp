// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each kernel: compile the generator's tiling and those near it, on all threads; time them in turn, on
// one; the same once more around the winner, for the blocks. A kernel gets a share of the time left that is
// its share of the arithmetic left, so that the costliest ones are surely tried.
#include "TuneKernels.h"

#include "GenerateKernel.h"
#include "InParallel.h"
#include "PickFastest.h"
#include "TimeKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "weft/Dialect/Weft/Cost.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <sched.h>

using namespace mlir;
using namespace weft;

/// Less is noise.
static constexpr double margin = 0.02;

namespace {

/// Prescribes one tiling, and hears what it is about.
class OneTiling : public cpu::TilingSource {
public:
  explicit OneTiling(std::string tiling = {}, int round = 0) : tiling(std::move(tiling)), round(round) {}
  explicit OneTiling(const TuningRecords &known) : known(&known) {}
  std::optional<std::string> find(const std::string &name, const std::string &own,
                                  Neighbours neighbours) const override {
    kernel = name;
    ownTiling = own;
    near = neighbours(tiling.empty() ? own : tiling, round);
    if (const TuningRecords::Record *record = known ? known->get(name) : nullptr)
      isKnown = !neighbours(record->tiling, 0).empty();
    return tiling.empty() ? own : tiling;
  }
  mutable std::string kernel, ownTiling;
  mutable std::vector<std::string> near;
  mutable bool isKnown = false; ///< there is a record, of a tiling that is possible

private:
  std::string tiling;
  int round = 0;
  const TuningRecords *known = nullptr;
};

/// A thread that stays on the processor it is on, as long as this lives.
class Pinned {
public:
  Pinned() {
    isKnown = sched_getaffinity(0, sizeof before, &before) == 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (const int cpu = sched_getcpu(); cpu >= 0) {
      CPU_SET(cpu, &one);
      (void)sched_setaffinity(0, sizeof one, &one);
    }
  }
  ~Pinned() {
    if (isKnown)
      (void)sched_setaffinity(0, sizeof before, &before);
  }

private:
  cpu_set_t before;
  bool isKnown;
};

double secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Arithmetic of all launches; 0 where an extent is not known.
double costOf(const KernelJob &job) {
  host::KernelOp kernel = job.kernel;
  double sum = 0;
  for (Operation &op : kernel.getBody().front())
    for (const ir::ExtentProduct &term :
         ir::countFlops(&op, [](Value value) { return ir::getDims(value); })) {
      double product = double(term.factor);
      for (const ir::Dim &extent : term.extents)
        product *= extent.isStatic() ? double(extent.getStatic()) : 0;
      sum += product;
    }
  return sum * double(job.launches);
}

/// Tunes kernels one after the other.
class Tuner {
public:
  Tuner(const KernelOptions &base, const TuneOptions &tuning) : tuning(tuning), options(base) {
    // Tilings that lose are not worth a place in the cache.
    options.cache = nullptr;
    options.wantText = false;
    options.observeText = nullptr;
  }

  /// What tilings the kernel has; no more than one: nothing can be tuned.
  OneTiling probe(const KernelJob &job, const TuningRecords &records) const;
  struct Found {
    TuningRecords::Record record;
    bool isLast = true; ///< all tilings were tried to the end
  };
  /// The best tiling of those in `space` and around them that is found by `deadline`.
  std::optional<Found> tune(const KernelJob &job, const OneTiling &space, double deadline);

private:
  std::optional<TimedKernel> compile(const KernelJob &job, const cpu::TilingSource &source) const;
  /// Times `tilings` in turn; the first is the one to beat. Clears `isLast` when time was short.
  std::optional<Picked> race(const KernelJob &job, ArrayRef<std::string> tilings, double deadline,
                             bool &isLast);

  const TuneOptions &tuning;
  KernelOptions options;
  double compileSeconds = 0.02; ///< of one tiling on all threads, as last seen
};

} // namespace

OneTiling Tuner::probe(const KernelJob &job, const TuningRecords &records) const {
  OneTiling space(records);
  if (failed(generateKernel(job.kernel, job.operands, options.target, options.strict, &space)))
    space.near.clear();
  return space;
}

std::optional<TimedKernel> Tuner::compile(const KernelJob &job, const cpu::TilingSource &source) const {
  KernelOptions own = options;
  TimedKernel timed;
  own.tilings = &source;
  bool isStatic = true;
  own.observe = [&](StringRef stage, StringRef, ModuleOp module) {
    if (stage != "loops")
      return;
    auto function = *module.getOps<func::FuncOp>().begin();
    // Scratch memory and the range of chunks follow the buffers.
    for (Type type : function.getArgumentTypes().drop_back(3)) {
      auto buffer = dyn_cast<MemRefType>(type);
      isStatic &= buffer && buffer.hasStaticShape();
      timed.buffers.push_back(buffer);
    }
  };
  FailureOr<CompiledKernel> compiled = compileKernel(job.kernel, job.operands, own);
  if (failed(compiled) || !isStatic || !compiled->chunks.fixed())
    return std::nullopt;
  timed.code = std::move(*compiled);
  return timed;
}

std::optional<Picked> Tuner::race(const KernelJob &job, ArrayRef<std::string> tilings, double deadline,
                                  bool &isLast) {
  // As many as can be compiled in half of the time.
  const auto fit = size_t(std::max(0.0, (deadline - secondsNow()) / 2 / compileSeconds));
  isLast &= tilings.size() <= fit;
  tilings = tilings.take_front(fit);
  if (tilings.size() < 2)
    return std::nullopt;
  const double start = secondsNow();
  std::vector<std::optional<TimedKernel>> compiled(tilings.size());
  inParallel(tilings.size(), tuning.threads,
             [&](size_t i) { compiled[i] = compile(job, OneTiling(tilings[i])); });
  compileSeconds = std::max(1e-3, (secondsNow() - start) / double(tilings.size()));
  std::vector<TimedKernel> ways;
  SmallVector<size_t> tilingOf;
  for (const auto &[i, way] : llvm::enumerate(compiled))
    if (way) {
      ways.push_back(std::move(*way));
      tilingOf.push_back(i);
    }
  if (ways.size() < 2 || tilingOf.front() != 0)
    return std::nullopt;
  llvm::SmallBitVector constants(ways.front().buffers.size()); // buffers that hold packed constants
  const CompiledKernel &code = ways.front().code;
  for (const auto &[i, argument] : llvm::enumerate(code.arguments))
    for (const PackedOperand &packed : code.packed)
      if (packed.operand == argument.value)
        constants.set(i);
  auto timer = KernelTimer::load(ways, constants);
  if (!timer) {
    llvm::consumeError(timer.takeError());
    return std::nullopt;
  }
  Pinned pinned;
  Picked picked = pickFastest(
      ways.size(), margin, [&](size_t way) { return (*timer)->time(way); },
      [&] { return secondsNow() < deadline; });
  picked.way = tilingOf[picked.way];
  isLast &= secondsNow() < deadline;
  return picked;
}

std::optional<Tuner::Found> Tuner::tune(const KernelJob &job, const OneTiling &space, double deadline) {
  const double start = secondsNow();
  Found found;
  std::optional<Picked> tile = race(job, space.near, start + (deadline - start) * 0.6, found.isLast);
  if (!tile || !std::isfinite(tile->firstMs))
    return std::nullopt;
  found.record = {space.near[tile->way], tile->ms, tile->firstMs};
  OneTiling around(found.record.tiling, 1);
  if (failed(generateKernel(job.kernel, job.operands, options.target, options.strict, &around)))
    return found;
  std::optional<Picked> blocks = race(job, around.near, deadline, found.isLast);
  if (blocks && blocks->way != 0) {
    found.record.tiling = around.near[blocks->way];
    found.record.ms *= blocks->ms / blocks->firstMs; // the clocks of two races
  }
  return found;
}

std::string TuneSummary::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "tuned " << tried << " of " << kernels << " kernels that have tilings in "
     << llvm::format("%.1f", seconds) << " s";
  if (known)
    os << " (" << known << " were tuned before)";
  os << ": " << improved << " improved";
  if (improved)
    os << llvm::format(", about %.3f ms of %.3f less", beforeMs - afterMs, beforeMs);
  return text;
}

TuneSummary weft::tuneKernels(ArrayRef<KernelJob> jobs, const KernelOptions &options,
                              const TuneOptions &tuning, TuningRecords &records) {
  const double start = secondsNow(), end = start + tuning.seconds;
  TuneSummary summary;
  struct Space {
    const KernelJob *job;
    OneTiling tilings;
    double cost;
  };
  Tuner tuner(options, tuning);
  std::vector<Space> list;
  double costLeft = 0;
  llvm::StringSet<> seen;
  for (const KernelJob &job : jobs) {
    OneTiling space = tuner.probe(job, records);
    if (space.near.size() < 2 || !seen.insert(space.kernel).second)
      continue;
    ++summary.kernels;
    if (space.isKnown) {
      ++summary.known;
      continue;
    }
    list.push_back({&job, std::move(space), costOf(job)});
    costLeft += list.back().cost;
  }
  llvm::stable_sort(list, [](const Space &a, const Space &b) { return a.cost > b.cost; });
  if (list.empty())
    return summary;
  // A tiling that does not compile is left out; nobody has to read why.
  ScopedDiagnosticHandler quiet(list.front().job->kernel->getContext(),
                                [](Diagnostic &) { return success(); });
  for (const auto &[i, space] : llvm::enumerate(list)) {
    const double now = secondsNow();
    if (now >= end)
      break;
    if (tuning.progress) {
      std::string words;
      llvm::raw_string_ostream(words)
          << llvm::format("%.3f ms gained, %.0f s left", summary.beforeMs - summary.afterMs, end - now);
      tuning.progress(int64_t(i), int64_t(list.size()), words);
    }
    // What a kernel leaves of its share is there for the others.
    const double share = costLeft > 0 ? space.cost / costLeft : 1.0 / double(list.size() - i);
    costLeft -= space.cost;
    std::optional<Tuner::Found> found =
        tuner.tune(*space.job, space.tilings, now + std::min(1.0, std::max(share, 0.02)) * (end - now));
    if (!found)
      continue;
    const bool isImproved = found->record.tiling != space.tilings.ownTiling;
    const auto launches = double(space.job->launches);
    ++summary.tried;
    summary.beforeMs += found->record.ownMs * launches;
    summary.afterMs += found->record.ms * launches;
    summary.improved += isImproved;
    // Without a record the next run of the tuner tries again.
    if (isImproved || found->isLast)
      records.add(space.tilings.kernel, std::move(found->record));
  }
  summary.seconds = secondsNow() - start;
  return summary;
}
