// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs programs: binds inputs to symbols, finds the plan for their extents, points buffers at memory, and
// walks the commands.
#include "weft/Runtime/Session.h"

#include "Impl.h"
#include "weft/Runtime/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <sys/mman.h>

namespace weft::runtime {

using namespace program;

namespace {

/// Temporary memory: address space reserved at once, pages taken when first touched, kept for the Session's
/// life.
class Arena {
public:
  Arena() = default;
  ~Arena() { release(); }
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  Status reserve(int64_t bytes) {
    if (bytes <= size)
      return Status::ok();
    release();
    void *memory = ::mmap(nullptr, size_t(bytes), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      return resourceExhausted("no memory for ", bytes, " bytes of temporaries");
    base = static_cast<std::byte *>(memory);
    size = bytes;
    return Status::ok();
  }
  std::byte *data() const { return base; }
  int64_t bytes() const { return size; }

private:
  void release() {
    if (base)
      ::munmap(base, size_t(size));
    base = nullptr;
    size = 0;
  }
  std::byte *base = nullptr;
  int64_t size = 0;
};

constexpr size_t maxPlans = 64;
alignas(64) std::byte nothing[64]; // what empty buffers point to

bool isAligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % arenaAlignment == 0; }

const char *kindName(Op op) {
  static constexpr const char *names[] = {"launch", "copy",  "fill",  "host",        "call",
                                          "if",     "while", "check", "shape_check", "set_symbol"};
  return names[size_t(op)];
}

/// The check's message with what the kernel saw.
std::string explain(const std::string &message, const WeftFault &fault) {
  std::string text;
  for (size_t i = 0; i < message.size();) {
    bool replaced = false;
    for (const auto &[mark, value] : {std::pair<std::string_view, int64_t>{"{found}", fault.found},
                                      {"{limit}", fault.limit},
                                      {"{at}", fault.at}})
      if (std::string_view(message).substr(i, mark.size()) == mark) {
        text += std::to_string(value);
        i += mark.size();
        replaced = true;
        break;
      }
    if (!replaced)
      text += message[i++];
  }
  return text;
}

} // namespace

struct Session::Impl {
  /// Where the buffers of one function are while it runs. Functions do not recurse: one frame each is enough.
  struct Frame {
    std::vector<std::byte *> buffers;
    std::vector<std::byte *> inputs, outputs;
    std::vector<std::byte *> loopFrom, loopTo; // what a call, branch or loop in progress passes on
    std::byte *arena = nullptr;
    bool isActive = false;
  };

  std::shared_ptr<const Executable> executable;
  const Executable::Impl *exe = nullptr;
  const Program *program = nullptr;
  SessionOptions options;
  Trace trace;

  std::atomic<bool> isRunning{false}, isCancelled{false};
  std::vector<HostTensor> variables;
  Arena arena;
  std::vector<Frame> frames;

  // Plans by the values of the symbols. Those whose sizes were checked for a function are marked.
  struct CachedPlan {
    ShapePlan plan;
    std::vector<bool> isChecked; // per function
  };
  std::map<std::vector<int64_t>, std::shared_ptr<CachedPlan>> plans;
  std::vector<int64_t> symbols, boundSymbols;
  std::shared_ptr<CachedPlan> current;
  // How much memory is planned for symbols that nothing bounds; a run that finds more raises its guess and is
  // begun again.
  std::vector<int64_t> guesses;
  bool guessedTooLittle = false;
  static constexpr int64_t firstGuess = 8;

  /// Keeps what a run that begins again has guessed only if that run succeeds: an absurd extent must not stay
  /// planned for.
  struct GuessGuard {
    Impl &impl;
    bool raised = false, succeeded = false;
    ~GuessGuard() {
      if (!raised || succeeded)
        return;
      impl.guesses.assign(impl.guesses.size(), firstGuess);
      impl.guessedTooLittle = false;
      impl.plans.clear();
      impl.current = nullptr;
    }
  };
  std::vector<int64_t> dataValues; // of expressions, in programs with data-dependent symbols
  std::vector<int64_t> dataSymbols;
  const int64_t *values = nullptr;
  FunctionId entry = noId;
  int64_t lastPlanBytes = 0, lastLowerBound = 0;

  // Room for one launch or host call at a time.
  std::vector<void *> callBuffers;
  std::vector<int64_t> callDims;
  alignas(64) WeftFault fault = {};
  std::vector<HostBuffer> hostBuffers;
  std::vector<int64_t> hostDims;

  // Aligned copies of inputs and outputs that the caller did not align.
  std::vector<HostTensor> stagedInputs, stagedOutputs;
  std::vector<std::byte *> entryInputs, entryOutputs;
  std::vector<std::vector<int64_t>> outputDims;

  Status create();
  Status bindInputs(FunctionId function, std::span<const HostTensor> inputs);
  Status prepare(FunctionId function, std::span<const HostTensor> inputs);
  Status stageInputs(std::span<const HostTensor> inputs);
  Status computeOutputDims(std::span<const int64_t> from);
  Status execute(FunctionId function);

  void activate(FunctionId id, std::byte *arenaBase);
  void pointAliases(FunctionId id);
  Status runCommands(FunctionId id);
  Status runFunction(FunctionId id, std::byte *arenaBase, std::span<std::byte *const> inputs,
                     std::span<std::byte *const> outputs);
  Status launch(const FlatFunction &function, const FlatCommand &command, Frame &frame);
  Status callHost(const FlatCommand &command, Frame &frame);
  Status runOther(FunctionId id, const FlatCommand &command, size_t index, Frame &frame);
  Status loop(const Function &function, const While &what, Frame &frame, std::byte *arenaBase);
  Status setSymbol(const SetSymbol &what, const Frame &frame);
  Status commandError(const Command &command, const Status &status) const {
    return status.context(command.location.empty() ? concat("'", command.name, "'")
                                                   : concat("'", command.name, "' (", command.location, ")"));
  }
  Status noExtent() const { return internalError("an extent has no value yet, or overflows"); }
};

Status Session::Impl::create() {
  exe = &executable->impl();
  program = &exe->loaded.program;
  guesses.assign(program->symbols.size(), firstGuess);
  frames.resize(program->functions.size());
  for (FunctionId f = 0; f < frames.size(); ++f) {
    const Function &function = program->functions[f];
    frames[f].buffers.resize(function.buffers.size());
    frames[f].inputs.resize(function.inputs.size());
    frames[f].outputs.resize(function.outputs.size());
  }
  callBuffers.resize(std::max(exe->maxBuffers, 1u));
  callDims.resize(std::max(exe->maxDims, 1u));
  for (const Variable &variable : program->variables) {
    const HostTensor *initial =
        variable.initial == noId ? nullptr : &program->constants[variable.initial].value;
    Result<HostTensor> value = initial ? initial->clone() : HostTensor::zeros(variable.dtype, variable.dims);
    if (!value.isOk())
      return value.status().context(concat("variable '", variable.name, "'"));
    variables.push_back(*std::move(value));
  }
  return Status::ok();
}

// ---- Before a run ----

/// Finds the values of symbols from the inputs' extents, and checks all that the function says of its inputs.
Status Session::Impl::bindInputs(FunctionId id, std::span<const HostTensor> inputs) {
  const Function &function = program->functions[id];
  if (inputs.size() != function.inputs.size())
    return invalidArgument("function '", function.name, "' given ", inputs.size(), " inputs, wanted ",
                           function.inputs.size());
  symbols.assign(program->symbols.size(), noValue);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value &wanted = function.inputs[i];
    const HostTensor &found = inputs[i];
    if (found.dtype() != wanted.dtype)
      return invalidArgument("input '", wanted.name, "' has element type ", found.dtype(), ", wanted ",
                             wanted.dtype);
    if (size_t(found.rank()) != wanted.dims.size())
      return invalidArgument("input '", wanted.name, "' has rank ", found.rank(), " (",
                             shapeString(found.shape()), "), wanted ", wanted.dims.size());
    for (size_t d = 0; d < wanted.dims.size(); ++d) {
      const Expr &expr = program->exprs[wanted.dims[d]];
      const int64_t extent = found.shape()[d];
      if (expr.op == ExprOp::Constant && extent != expr.value)
        return invalidArgument("input '", wanted.name, "': dimension ", d, " has extent ", extent,
                               ", wanted ", expr.value);
      if (expr.op != ExprOp::Symbol)
        continue;
      const Symbol &symbol = program->symbols[size_t(expr.value)];
      int64_t &value = symbols[size_t(expr.value)];
      if (value != noValue && value != extent)
        return invalidArgument("input '", wanted.name, "': dimension ", d, " ('", symbol.name,
                               "') has extent ", extent, ", wanted ", value, " as before");
      if (extent < symbol.lower || (symbol.upper >= 0 && extent > symbol.upper))
        return outOfRange("input '", wanted.name, "': dimension ", d, " ('", symbol.name, "') has extent ",
                          extent, ", wanted ",
                          symbol.upper >= 0 ? concat("from ", symbol.lower, " to ", symbol.upper)
                                            : concat("at least ", symbol.lower));
      if (!symbol.isDataDependent())
        value = extent;
    }
  }
  return Status::ok();
}

/// Makes `current` the plan for these inputs. In a steady state nothing is evaluated and nothing allocated.
Status Session::Impl::prepare(FunctionId id, std::span<const HostTensor> inputs) {
  WEFT_RETURN_IF_ERROR(bindInputs(id, inputs));
  if (!current || symbols != boundSymbols || guessedTooLittle) {
    if (guessedTooLittle)
      plans.clear(); // they were made for other guesses
    guessedTooLittle = false;
    const auto it = plans.find(symbols);
    if (it != plans.end()) {
      current = it->second;
    } else {
      auto made = std::make_shared<CachedPlan>();
      WEFT_ASSIGN_OR_RETURN(made->plan, makeShapePlan(*program, symbols, exe->hasDataSymbols, guesses));
      made->isChecked.resize(program->functions.size());
      if (plans.size() >= maxPlans) // a caller whose extents never repeat
        plans.clear();
      plans.emplace(symbols, made);
      current = std::move(made);
    }
    boundSymbols = symbols;
  }
  values = current->plan.values.data();
  entry = id;
  const Function &function = program->functions[id];
  for (size_t i = 0; i < inputs.size(); ++i)
    for (size_t d = 0; d < function.inputs[i].dims.size(); ++d) {
      const ExprId dim = function.inputs[i].dims[d];
      if (values[dim] == inputs[i].shape()[d] || (values[dim] == noValue && exe->dependsOnData[dim]))
        continue;
      return invalidArgument("input '", function.inputs[i].name, "': dimension ", d, " has extent ",
                             inputs[i].shape()[d], ", wanted ",
                             values[dim] == noValue ? "one that follows from the other inputs"
                                                    : std::to_string(values[dim]));
    }
  if (!current->isChecked[id]) {
    WEFT_RETURN_IF_ERROR(checkSizes(*exe, current->plan, current->plan.values, exe->functions[id].reachable)
                             .context(concat("function '", function.name, "'")));
    current->isChecked[id] = true;
  }
  if (exe->hasDataSymbols) {
    dataValues = current->plan.values;
    dataSymbols = symbols;
    values = dataValues.data();
  }
  const FunctionPlan &plan = current->plan.functions[id];
  lastPlanBytes = plan.size;
  lastLowerBound = plan.lowerBound;
  if (options.memoryLimit > 0 && plan.size > options.memoryLimit)
    return resourceExhausted("function '", function.name, "' needs ", plan.size,
                             " bytes of temporary memory, more than the ", options.memoryLimit, " allowed");
  return arena.reserve(std::max(plan.size, arenaAlignment)); // empty buffers have an address too
}

/// Points entryInputs at the inputs, or at aligned copies of them.
Status Session::Impl::stageInputs(std::span<const HostTensor> inputs) {
  entryInputs.resize(inputs.size());
  stagedInputs.resize(std::max(stagedInputs.size(), inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const HostTensor &input = inputs[i];
    const void *data = input.raw();
    if (input.numBytes() == 0) {
      data = nothing;
    } else if (!isAligned(data)) {
      HostTensor &staged = stagedInputs[i];
      if (!staged.isValid() || staged.numBytes() != input.numBytes()) {
        WEFT_ASSIGN_OR_RETURN(staged, HostTensor::uninitialized(DType::UI8, {input.numBytes()}));
      }
      std::memcpy(staged.mutableBytes().data(), data, size_t(input.numBytes()));
      data = staged.raw();
    }
    // Checked programs never write through pointers to inputs.
    entryInputs[i] = static_cast<std::byte *>(const_cast<void *>(data));
  }
  return Status::ok();
}

/// Extents of the entry's outputs by `from`: upper bounds before the run, values after it.
Status Session::Impl::computeOutputDims(std::span<const int64_t> from) {
  const Function &function = program->functions[entry];
  outputDims.resize(function.outputs.size());
  for (size_t i = 0; i < outputDims.size(); ++i) {
    const Value &output = function.outputs[i];
    outputDims[i].resize(output.dims.size());
    for (size_t d = 0; d < output.dims.size(); ++d) {
      outputDims[i][d] = from[output.dims[d]];
      if (outputDims[i][d] < 0)
        return internalError("output '", output.name, "': the extent of dimension ", d,
                             outputDims[i][d] == noValue ? " is not known" : " is negative");
    }
  }
  return Status::ok();
}

// ---- During a run ----

void Session::Impl::pointAliases(FunctionId id) {
  const Function &function = program->functions[id];
  Frame &frame = frames[id];
  for (BufferId b = 0; b < frame.buffers.size(); ++b)
    if (const Buffer &buffer = function.buffers[b]; buffer.kind == BufferKind::Alias) {
      const int64_t offset = values[buffer.aliasOffset];
      std::byte *parent = frame.buffers[buffer.index];
      frame.buffers[b] = offset == noValue || !parent ? nullptr : parent + offset;
    }
}

void Session::Impl::activate(FunctionId id, std::byte *arenaBase) {
  const Function &function = program->functions[id];
  const FunctionPlan &plan = current->plan.functions[id];
  Frame &frame = frames[id];
  frame.arena = arenaBase;
  bool hasAliases = false;
  for (BufferId b = 0; b < frame.buffers.size(); ++b) {
    const Buffer &buffer = function.buffers[b];
    std::byte *&pointer = frame.buffers[b];
    switch (buffer.kind) {
    case BufferKind::Arena:
      pointer = arenaBase + plan.offsets[b];
      break;
    case BufferKind::Constant:
      pointer = static_cast<std::byte *>(const_cast<void *>(program->constants[buffer.index].value.raw()));
      break;
    case BufferKind::Input:
      pointer = frame.inputs[buffer.index];
      break;
    case BufferKind::Output:
      pointer = frame.outputs[buffer.index];
      break;
    case BufferKind::Variable:
      pointer = variables[buffer.index].mutableBytes().data();
      break;
    case BufferKind::Alias:
      hasAliases = true;
      break;
    }
  }
  if (hasAliases)
    pointAliases(id);
}

Status Session::Impl::launch(const FlatFunction &function, const FlatCommand &command, Frame &frame) {
  for (uint32_t i = 0; i < command.numBuffers; ++i)
    callBuffers[i] = frame.buffers[function.buffers[command.firstBuffer + i]];
  for (uint32_t i = 0; i < command.numDims; ++i)
    callDims[i] = values[function.dims[command.firstDim + i]];
  const int64_t chunks = values[command.chunks], scratch = values[command.scratch];
  if (exe->hasDataSymbols) {
    bool isKnown = chunks >= 0 && scratch >= 0;
    for (uint32_t i = 0; i < command.numDims; ++i)
      isKnown &= callDims[i] != noValue;
    for (uint32_t i = 0; i < command.numBuffers; ++i)
      isKnown &= callBuffers[i] != nullptr;
    if (!isKnown)
      return noExtent();
  }
  WeftCall call = {callBuffers.data(), callDims.data(), nullptr, &fault};
  int32_t failed = 0;
  const int threads = options.threads > 0 ? std::min(options.threads, ThreadPool::process().threads())
                                          : ThreadPool::process().threads();
  if (chunks <= 1 || threads == 1) {
    if (scratch > 0 && !(call.scratch = ThreadPool::scratch(size_t(scratch))))
      return resourceExhausted("no memory for ", scratch, " bytes of scratch");
    if (chunks > 0)
      failed = command.kernel(&call, 0, chunks);
  } else {
    // Chunks are claimed one by one; many small ones are claimed in groups.
    const auto groups = uint32_t(std::min<int64_t>(chunks, chunks <= 16 * threads ? chunks : 8 * threads));
    std::atomic<int32_t> result{0};
    constexpr int32_t outOfMemory = -1;
    ThreadPool::process().parallelFor(groups, threads, [&](uint32_t group) {
      if (result.load(std::memory_order_relaxed) != 0)
        return;
      WeftCall mine = call;
      int32_t code = outOfMemory;
      if (scratch == 0 || (mine.scratch = ThreadPool::scratch(size_t(scratch)))) {
        const auto bound = [&](uint32_t g) { return int64_t(__int128(chunks) * g / groups); };
        code = command.kernel(&mine, bound(group), bound(group + 1));
      }
      int32_t none = 0;
      if (code != 0)
        result.compare_exchange_strong(none, code);
    });
    failed = result.load();
    if (failed == outOfMemory)
      return resourceExhausted("no memory for ", scratch, " bytes of scratch in each thread");
  }
  if (failed == 0) [[likely]]
    return Status::ok();
  const Kernel &kernel = program->kernels[std::get<Launch>(command.source->what).kernel];
  // The record belongs to its first writer, who need not be the one whose code came back first.
  const uint32_t check = fault.check ? fault.check - 1 : uint32_t(failed) - 1;
  const std::string message = check < kernel.checks.size() ? explain(kernel.checks[check], fault)
                                                           : concat("check ", check, " failed");
  fault = {};
  return outOfRange(message);
}

Status Session::Impl::callHost(const FlatCommand &command, Frame &frame) {
  const auto &host = std::get<Host>(command.source->what);
  size_t numDims = 0;
  for (const HostArgument &arg : host.args)
    numDims += arg.dims.size();
  hostBuffers.resize(host.args.size());
  hostDims.resize(numDims);
  size_t next = 0;
  for (size_t i = 0; i < host.args.size(); ++i) {
    const HostArgument &arg = host.args[i];
    int64_t *dims = hostDims.data() + next;
    for (const ExprId dim : arg.dims) {
      if (values[dim] < 0)
        return noExtent();
      hostDims[next++] = values[dim];
    }
    hostBuffers[i] = {arg.dtype, {dims, arg.dims.size()}, frame.buffers[arg.buffer], arg.isResult};
    if (!hostBuffers[i].data)
      return noExtent();
  }
  return command.host(hostBuffers, HostAttributes(host.attributes)).context(host.function);
}

Status Session::Impl::runFunction(FunctionId id, std::byte *arenaBase, std::span<std::byte *const> inputs,
                                  std::span<std::byte *const> outputs) {
  Frame &frame = frames[id];
  std::copy(inputs.begin(), inputs.end(), frame.inputs.begin());
  std::copy(outputs.begin(), outputs.end(), frame.outputs.begin());
  activate(id, arenaBase);
  frame.isActive = true;
  const Status status = runCommands(id);
  frame.isActive = false;
  return status;
}

Status Session::Impl::loop(const Function &function, const While &what, Frame &frame, std::byte *arenaBase) {
  const size_t n = what.args.size();
  // The values go args -> results -> temporaries -> results ...; a loop with an argument that is its own
  // result starts with the temporaries. Captures follow the values. No two loops of a frame run at once: they
  // share its lists.
  std::vector<std::byte *> &from = frame.loopFrom, &to = frame.loopTo;
  from.clear();
  bool intoResults = true;
  for (size_t i = 0; i < n; ++i) {
    from.push_back(frame.buffers[what.args[i]]);
    intoResults &= what.args[i] != what.results[i] && from[i] != frame.buffers[what.results[i]];
  }
  for (const BufferId capture : what.captures)
    from.push_back(frame.buffers[capture]);
  std::byte *condition = frame.buffers[what.condition];
  while (true) {
    WEFT_RETURN_IF_ERROR(runFunction(what.condFunction, arenaBase, from, {&condition, 1}));
    if (*condition == std::byte(0))
      break;
    to.clear();
    for (const BufferId buffer : intoResults ? what.results : what.temporaries)
      to.push_back(frame.buffers[buffer]);
    WEFT_RETURN_IF_ERROR(runFunction(what.bodyFunction, arenaBase, from, to));
    std::copy(to.begin(), to.end(), from.begin());
    intoResults = !intoResults;
  }
  for (size_t i = 0; i < n; ++i) {
    std::byte *result = frame.buffers[what.results[i]];
    const int64_t size = values[function.buffers[what.results[i]].size];
    if (size < 0)
      return noExtent();
    if (from[i] != result && size > 0)
      std::memcpy(result, from[i], size_t(size));
  }
  return Status::ok();
}

Status Session::Impl::setSymbol(const SetSymbol &what, const Frame &frame) {
  const Symbol &symbol = program->symbols[what.symbol];
  int64_t value;
  std::memcpy(&value, frame.buffers[what.buffer], sizeof value);
  const bool unbounded = isUnbounded(*program, symbol);
  const int64_t bound = unbounded ? guesses[what.symbol] : current->plan.upper[symbol.bound];
  if (unbounded && value > bound) {
    if (!program->variables.empty())
      return unimplemented("'", symbol.name, "' is ", value,
                           ", more than was planned for, in a program with variables");
    guesses[what.symbol] = value;
    guessedTooLittle = true;
    return resourceExhausted("'", symbol.name, "' is ", value, ", more than the ", bound,
                             " that were planned for");
  }
  if (value < symbol.lower || value > bound)
    return outOfRange("'", symbol.name, "' is ", value, ", wanted from ", symbol.lower, " to ", bound);
  dataSymbols[what.symbol] = value;
  program->exprs.evaluate(dataSymbols, dataValues);
  values = dataValues.data();
  WEFT_RETURN_IF_ERROR(checkSizes(*exe, current->plan, dataValues, exe->functions[entry].reachable));
  for (FunctionId f = 0; f < frames.size(); ++f)
    if (frames[f].isActive)
      pointAliases(f);
  return Status::ok();
}

Status Session::Impl::runOther(FunctionId id, const FlatCommand &command, size_t index, Frame &frame) {
  const Function &function = program->functions[id];
  const auto &what = command.source->what;
  const auto pointers = [&](const std::vector<BufferId> &buffers, std::vector<std::byte *> &list) {
    list.clear();
    for (const BufferId buffer : buffers)
      list.push_back(frame.buffers[buffer]);
    return std::span<std::byte *const>(list);
  };
  const auto calleeArena = [&] { return frame.arena + current->plan.functions[id].frames[index]; };
  // Buffers that begin at an offset not known yet have no address.
  Status known;
  const auto need = [&](BufferId buffer) {
    if (!frame.buffers[buffer])
      known = noExtent();
  };
  switch (command.op) {
  case Op::Launch:
    break; // runCommands has done it
  case Op::Copy: {
    const auto &copy = std::get<Copy>(what);
    need(copy.to);
    need(copy.from);
    const int64_t size = values[copy.size], toOffset = copy.toOffset == noId ? 0 : values[copy.toOffset],
                  fromOffset = copy.fromOffset == noId ? 0 : values[copy.fromOffset];
    if (!known.isOk() || size < 0 || toOffset < 0 || fromOffset < 0)
      return noExtent();
    if (size > 0)
      std::memmove(frame.buffers[copy.to] + toOffset, frame.buffers[copy.from] + fromOffset, size_t(size));
    return Status::ok();
  }
  case Op::Fill: {
    const auto &fill = std::get<Fill>(what);
    const int64_t size = values[function.buffers[fill.buffer].size];
    std::byte *data = frame.buffers[fill.buffer];
    if (!data || size < 0)
      return noExtent();
    if (fill.width == 1) {
      std::memset(data, int(fill.pattern & 0xff), size_t(size));
      return Status::ok();
    }
    for (int64_t at = 0; at < size; at += fill.width)
      std::memcpy(data + at, &fill.pattern, size_t(std::min<int64_t>(fill.width, size - at)));
    return Status::ok();
  }
  case Op::Host:
    return callHost(command, frame);
  case Op::Call: {
    const auto &call = std::get<Call>(what);
    std::for_each(call.args.begin(), call.args.end(), need);
    std::for_each(call.results.begin(), call.results.end(), need);
    WEFT_RETURN_IF_ERROR(known);
    return runFunction(call.function, calleeArena(), pointers(call.args, frame.loopFrom),
                       pointers(call.results, frame.loopTo));
  }
  case Op::If: {
    const auto &branch = std::get<If>(what);
    need(branch.condition);
    std::for_each(branch.args.begin(), branch.args.end(), need);
    std::for_each(branch.results.begin(), branch.results.end(), need);
    WEFT_RETURN_IF_ERROR(known);
    const bool condition = *frame.buffers[branch.condition] != std::byte(0);
    return runFunction(condition ? branch.thenFunction : branch.elseFunction, calleeArena(),
                       pointers(branch.args, frame.loopFrom), pointers(branch.results, frame.loopTo));
  }
  case Op::While: {
    const auto &loopCommand = std::get<While>(what);
    need(loopCommand.condition);
    for (const auto *list :
         {&loopCommand.args, &loopCommand.results, &loopCommand.temporaries, &loopCommand.captures})
      std::for_each(list->begin(), list->end(), need);
    WEFT_RETURN_IF_ERROR(known);
    return loop(function, loopCommand, frame, calleeArena());
  }
  case Op::Check: {
    const auto &check = std::get<program::Check>(what);
    need(check.predicate);
    WEFT_RETURN_IF_ERROR(known);
    return *frame.buffers[check.predicate] != std::byte(0) ? Status::ok() : invalidArgument(check.message);
  }
  case Op::ShapeCheck: {
    const auto &check = std::get<ShapeCheck>(what);
    const int64_t lhs = values[check.lhs], rhs = values[check.rhs];
    if (lhs == noValue || rhs == noValue)
      return noExtent();
    bool holds = false;
    switch (check.relation) {
    case Relation::Equal:
      holds = lhs == rhs;
      break;
    case Relation::LessOrEqual:
      holds = lhs <= rhs;
      break;
    case Relation::Less:
      holds = lhs < rhs;
      break;
    case Relation::Divides:
      holds = lhs != 0 && rhs % lhs == 0;
      break;
    }
    static constexpr const char *names[] = {"equal to", "at most", "below", "a divisor of"};
    return holds ? Status::ok()
                 : invalidArgument(check.message, ": found ", lhs, ", wanted ", names[size_t(check.relation)],
                                   " ", rhs);
  }
  case Op::SetSymbol: {
    const auto &set = std::get<SetSymbol>(what);
    need(set.buffer);
    WEFT_RETURN_IF_ERROR(known);
    return setSymbol(set, frame);
  }
  }
  return Status::ok();
}

Status Session::Impl::runCommands(FunctionId id) {
  const FlatFunction &function = exe->functions[id];
  Frame &frame = frames[id];
  const bool isTraced = options.trace;
  for (size_t i = 0; i < function.commands.size(); ++i) {
    const FlatCommand &command = function.commands[i];
    if (isCancelled.load(std::memory_order_relaxed)) [[unlikely]]
      return cancelled("the run was cancelled before '", command.source->name, "'");
    const int64_t start = isTraced ? Trace::now() : 0;
    const Status status =
        command.op == Op::Launch ? launch(function, command, frame) : runOther(id, command, i, frame);
    if (isTraced)
      trace.record(
          {&command.source->name, &command.source->location, kindName(command.op), start, Trace::now()});
    if (!status.isOk()) [[unlikely]]
      return status.code() == Code::Cancelled ? status : commandError(*command.source, status);
  }
  return Status::ok();
}

Status Session::Impl::execute(FunctionId id) {
  const int64_t start = options.trace ? Trace::now() : 0;
  fault = {};
  for (Frame &frame : frames)
    frame.isActive = false;
  const Status status = runFunction(id, arena.data(), entryInputs, entryOutputs);
  if (options.trace)
    trace.record({&program->functions[id].name, nullptr, "run", start, Trace::now()});
  WEFT_RETURN_IF_ERROR(status);
  for (const auto &file : exe->loaded.files)
    if (file->faulted())
      return dataLoss("'", file->path(),
                      "' became shorter while the program was running: its results are wrong");
  return Status::ok();
}

// ---- The public face ----

namespace {

/// Marks the Session as running while it lives.
class RunGuard {
public:
  explicit RunGuard(std::atomic<bool> &flag)
      : flag(flag), isOwner(!flag.exchange(true, std::memory_order_acquire)) {}
  ~RunGuard() {
    if (isOwner)
      flag.store(false, std::memory_order_release);
  }
  RunGuard(const RunGuard &) = delete;
  RunGuard &operator=(const RunGuard &) = delete;
  Status status() const {
    return isOwner ? Status::ok()
                   : failedPrecondition(
                         "the session is running already: one run at a time, make another session");
  }

private:
  std::atomic<bool> &flag;
  bool isOwner;
};

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  const auto aBegin = reinterpret_cast<uintptr_t>(a.data()), bBegin = reinterpret_cast<uintptr_t>(b.data());
  return !a.empty() && !b.empty() && aBegin < bBegin + b.size() && bBegin < aBegin + a.size();
}

} // namespace

Session::Session() : pimpl(std::make_unique<Impl>()) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Executable> executable,
                                                 const SessionOptions &options) {
  if (!executable)
    return invalidArgument("a session needs an executable");
  std::unique_ptr<Session> session(new Session());
  session->pimpl->executable = std::move(executable);
  session->pimpl->options = options;
  WEFT_RETURN_IF_ERROR(session->pimpl->create());
  return session;
}

const Executable &Session::executable() const { return *pimpl->executable; }
const Trace &Session::trace() const { return pimpl->trace; }
Trace &Session::trace() { return pimpl->trace; }
void Session::cancel() { pimpl->isCancelled.store(true, std::memory_order_relaxed); }

/// The function's number, with the cancellation of an earlier run forgotten.
static Result<FunctionId> begin(const Program &program, const std::string &name,
                                std::atomic<bool> &isCancelled) {
  isCancelled.store(false, std::memory_order_relaxed);
  const FunctionId id = program.findFunction(name);
  if (id == noId)
    return notFound("the program has no function '", name, "'");
  return id;
}

Result<std::vector<HostTensor>> Session::run(std::span<const HostTensor> inputs,
                                             const std::string &function) {
  Impl &impl = *pimpl;
  const RunGuard guard(impl.isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  WEFT_ASSIGN_OR_RETURN(const FunctionId id, begin(*impl.program, function, impl.isCancelled));
  const std::vector<Value> &values = impl.program->functions[id].outputs;
  std::vector<HostTensor> outputs;
  Status status;
  Impl::GuessGuard guesses{impl};
  do {
    WEFT_RETURN_IF_ERROR(impl.prepare(id, inputs));
    WEFT_RETURN_IF_ERROR(impl.stageInputs(inputs));
    WEFT_RETURN_IF_ERROR(impl.computeOutputDims(impl.current->plan.upper));
    outputs.clear();
    outputs.reserve(values.size());
    impl.entryOutputs.clear();
    for (size_t i = 0; i < values.size(); ++i) {
      Result<HostTensor> output = HostTensor::uninitialized(values[i].dtype, impl.outputDims[i]);
      if (!output.isOk())
        return output.status().context(concat("output '", values[i].name, "'"));
      impl.entryOutputs.push_back(output->mutableBytes().data());
      outputs.push_back(*std::move(output));
    }
    status = impl.execute(id);
    guesses.raised |= impl.guessedTooLittle;
  } while (impl.guessedTooLittle);
  WEFT_RETURN_IF_ERROR(status);
  guesses.succeeded = true;
  if (impl.exe->hasDataSymbols) {
    WEFT_RETURN_IF_ERROR(impl.computeOutputDims({impl.values, impl.program->exprs.size()}));
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].shape() != impl.outputDims[i]) {
        // The elements stand at the front of the memory that was made for the largest case.
        auto whole = std::make_shared<HostTensor>(std::move(outputs[i]));
        std::byte *data = whole->mutableBytes().data();
        WEFT_ASSIGN_OR_RETURN(
            outputs[i], HostTensor::view(values[i].dtype, impl.outputDims[i], data, std::move(whole), true));
      }
  }
  return outputs;
}

Result<NamedTensors> Session::run(const NamedTensors &inputs, const std::string &function) {
  const Program &program = *pimpl->program;
  const FunctionId id = program.findFunction(function);
  if (id == noId)
    return notFound("the program has no function '", function, "'");
  const Function &wanted = program.functions[id];
  std::vector<HostTensor> ordered(wanted.inputs.size());
  for (const auto &[name, tensor] : inputs) {
    size_t i = 0;
    while (i < wanted.inputs.size() && wanted.inputs[i].name != name)
      ++i;
    if (i == wanted.inputs.size()) {
      std::string names;
      for (const Value &input : wanted.inputs)
        names += concat(names.empty() ? "'" : ", '", input.name, "'");
      return invalidArgument("function '", function, "' has no input '", name, "', wanted ",
                             names.empty() ? "none" : names);
    }
    if (ordered[i].isValid())
      return invalidArgument("input '", name, "' given twice");
    ordered[i] = tensor;
  }
  for (size_t i = 0; i < ordered.size(); ++i)
    if (!ordered[i].isValid())
      return invalidArgument("input '", wanted.inputs[i].name, "' of function '", function, "' is not given");
  WEFT_ASSIGN_OR_RETURN(std::vector<HostTensor> outputs, run(ordered, function));
  NamedTensors named;
  for (size_t i = 0; i < outputs.size(); ++i)
    named.emplace_back(wanted.outputs[i].name, std::move(outputs[i]));
  return named;
}

Status Session::runInto(std::span<const HostTensor> inputs, std::span<HostTensor> outputs,
                        const std::string &function) {
  Impl &impl = *pimpl;
  const RunGuard guard(impl.isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  WEFT_ASSIGN_OR_RETURN(const FunctionId id, begin(*impl.program, function, impl.isCancelled));
  WEFT_RETURN_IF_ERROR(impl.prepare(id, inputs));
  WEFT_RETURN_IF_ERROR(impl.stageInputs(inputs));
  const std::vector<Value> &values = impl.program->functions[id].outputs;
  if (outputs.size() != values.size())
    return invalidArgument("function '", function, "' given ", outputs.size(), " outputs, wanted ",
                           values.size());
  for (const Value &value : values)
    for (const ExprId dim : value.dims)
      if (impl.exe->dependsOnData[dim])
        return unimplemented("the extents of output '", value.name, "' depend on data: use run");
  WEFT_RETURN_IF_ERROR(impl.computeOutputDims({impl.values, impl.program->exprs.size()}));
  impl.entryOutputs.resize(outputs.size());
  impl.stagedOutputs.resize(std::max(impl.stagedOutputs.size(), outputs.size()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    HostTensor &output = outputs[i];
    if (output.dtype() != values[i].dtype || output.shape() != impl.outputDims[i])
      return invalidArgument("output '", values[i].name, "' given as ", output.typeString(), ", wanted ",
                             values[i].dtype, "[", shapeString(impl.outputDims[i]), "]");
    if (!output.isWritable())
      return invalidArgument("output '", values[i].name, "' given as a tensor that cannot be written");
    for (const HostTensor &input : inputs)
      if (overlap(output.bytes(), input.bytes()))
        return invalidArgument("output '", values[i].name, "' shares memory with an input");
    for (size_t other = 0; other < i; ++other)
      if (overlap(output.bytes(), outputs[other].bytes()))
        return invalidArgument("outputs '", values[other].name, "' and '", values[i].name, "' share memory");
    std::byte *data = output.mutableBytes().data();
    if (output.numBytes() == 0) {
      data = nothing;
    } else if (!isAligned(data)) {
      HostTensor &staged = impl.stagedOutputs[i];
      if (!staged.isValid() || staged.numBytes() != output.numBytes()) {
        WEFT_ASSIGN_OR_RETURN(staged, HostTensor::uninitialized(DType::UI8, {output.numBytes()}));
      }
      data = staged.mutableBytes().data();
    }
    impl.entryOutputs[i] = data;
  }
  Impl::GuessGuard guesses{impl};
  Status status = impl.execute(id);
  while (impl.guessedTooLittle) {
    guesses.raised = true;
    WEFT_RETURN_IF_ERROR(impl.prepare(id, inputs));
    status = impl.execute(id);
  }
  WEFT_RETURN_IF_ERROR(status);
  guesses.succeeded = true;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].numBytes() > 0 && impl.entryOutputs[i] != outputs[i].bytes().data())
      std::memcpy(outputs[i].mutableBytes().data(), impl.entryOutputs[i], size_t(outputs[i].numBytes()));
  return Status::ok();
}

Result<HostTensor> Session::variable(const std::string &name) const {
  const RunGuard guard(pimpl->isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  for (size_t v = 0; v < pimpl->variables.size(); ++v)
    if (pimpl->program->variables[v].name == name)
      return pimpl->variables[v].clone();
  return notFound("the program has no variable '", name, "'");
}

Status Session::setVariable(const std::string &name, const HostTensor &value) {
  const RunGuard guard(pimpl->isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  for (size_t v = 0; v < pimpl->variables.size(); ++v) {
    if (pimpl->program->variables[v].name != name)
      continue;
    HostTensor &variable = pimpl->variables[v];
    if (value.dtype() != variable.dtype() || value.shape() != variable.shape())
      return invalidArgument("variable '", name, "' is ", variable.typeString(), ", given ",
                             value.typeString());
    if (value.numBytes() > 0)
      std::memcpy(variable.mutableBytes().data(), value.raw(), size_t(value.numBytes()));
    return Status::ok();
  }
  return notFound("the program has no variable '", name, "'");
}

MemoryUse Session::memoryUse() const {
  MemoryUse use;
  use.arenaBytes = pimpl->arena.bytes();
  use.planBytes = pimpl->lastPlanBytes;
  use.planLowerBound = pimpl->lastLowerBound;
  use.constantBytes = pimpl->exe->constantBytes;
  for (const HostTensor &variable : pimpl->variables)
    use.variableBytes += variable.numBytes();
  return use;
}

} // namespace weft::runtime
