// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// During a run: points the buffers of a function at memory and walks its commands.
#include "SessionImpl.h"
#include "weft/Runtime/Communicator.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {

using namespace program;

static const char *kindName(Op op) {
  static constexpr const char *names[] = {"launch",     "copy",  "fill",    "host",        "call",
                                          "if",         "while", "check",   "shape_check", "set_symbol",
                                          "collective", "send",  "receive", "wait",        "mesh_coordinate"};
  return names[size_t(op)];
}

// ---- Memory ----

Status Session::Impl::copyBytes(std::byte *to, const std::byte *from, int64_t bytes) {
  if (device)
    return device->stream().copy(to, from, bytes);
  if (bytes > 0)
    std::memmove(to, from, size_t(bytes));
  return Status::ok();
}

Status Session::Impl::fillBytes(std::byte *to, int64_t bytes, uint64_t pattern, int width) {
  if (device)
    return device->stream().fill(to, bytes, pattern, width);
  if (width == 1) {
    std::memset(to, int(pattern & 0xff), size_t(bytes));
    return Status::ok();
  }
  for (int64_t at = 0; at < bytes; at += width)
    std::memcpy(to + at, &pattern, size_t(std::min<int64_t>(width, bytes - at)));
  return Status::ok();
}

Status Session::Impl::readBytes(void *to, const std::byte *from, int64_t bytes) {
  if (device)
    return device->read(to, from, bytes);
  std::memcpy(to, from, size_t(bytes));
  return Status::ok();
}

// ---- Commands ----

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
      pointer =
          device ? device->constant(buffer.index)
                 : static_cast<std::byte *>(const_cast<void *>(program->constants[buffer.index].value.raw()));
      break;
    case BufferKind::Input:
      pointer = frame.inputs[buffer.index];
      break;
    case BufferKind::Output:
      pointer = frame.outputs[buffer.index];
      break;
    case BufferKind::Variable:
      pointer = device ? device->variable(buffer.index) : variables[buffer.index].mutableBytes().data();
      break;
    case BufferKind::Alias:
      hasAliases = true;
      break;
    }
  }
  if (hasAliases)
    pointAliases(id);
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
    uint8_t goesOn = 0;
    WEFT_RETURN_IF_ERROR(readBytes(&goesOn, condition, 1));
    if (!goesOn)
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
    if (from[i] != result)
      WEFT_RETURN_IF_ERROR(copyBytes(result, from[i], size));
  }
  return Status::ok();
}

Status Session::Impl::setSymbol(const SetSymbol &what, const Frame &frame) {
  const Symbol &symbol = program->symbols[what.symbol];
  int64_t value;
  WEFT_RETURN_IF_ERROR(readBytes(&value, frame.buffers[what.buffer], sizeof value));
  const bool unbounded = isUnbounded(*program, symbol);
  const int64_t bound = unbounded ? guesses[what.symbol] : current->plan.upper[symbol.bound];
  if (unbounded && value > bound) {
    if (!program->variables.empty() || program->numRanks)
      return unimplemented("'", symbol.name, "' is ", value,
                           ", more than was planned for, in a program with ",
                           program->numRanks ? "several ranks" : "variables");
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
    return copyBytes(frame.buffers[copy.to] + toOffset, frame.buffers[copy.from] + fromOffset, size);
  }
  case Op::Fill: {
    const auto &fill = std::get<Fill>(what);
    const int64_t size = values[function.buffers[fill.buffer].size];
    std::byte *data = frame.buffers[fill.buffer];
    if (!data || size < 0)
      return noExtent();
    return fillBytes(data, size, fill.pattern, fill.width);
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
    uint8_t condition = 0;
    WEFT_RETURN_IF_ERROR(readBytes(&condition, frame.buffers[branch.condition], 1));
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
    uint8_t holds = 0;
    WEFT_RETURN_IF_ERROR(readBytes(&holds, frame.buffers[check.predicate], 1));
    return holds ? Status::ok() : invalidArgument(check.message);
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
  case Op::CollectiveStart:
  case Op::Send:
  case Op::Recv:
  case Op::Wait:
  case Op::MeshCoordinate:
    return communicate(command, frame);
  }
  return Status::ok();
}

/// Tells a trace how much the command computes and moves, as far as extents are known.
void Session::Impl::addWork(const Function &function, const Command &command, TraceEvent &event) const {
  const auto valueOf = [&](ExprId id) { return id == noId || values[id] < 0 ? -1 : values[id]; };
  if (const auto *launch = std::get_if<Launch>(&command.what)) {
    event.flops = valueOf(launch->flops);
    event.bytes = valueOf(launch->bytes);
  } else if (const auto *copy = std::get_if<Copy>(&command.what)) {
    const int64_t size = valueOf(copy->size);
    event.bytes = size < 0 ? -1 : 2 * size;
  } else if (const auto *fill = std::get_if<Fill>(&command.what)) {
    event.bytes = valueOf(function.buffers[fill->buffer].size);
  } else if (const auto *host = std::get_if<Host>(&command.what)) {
    event.bytes = 0;
    for (const HostArgument &argument : host->args) {
      const int64_t size = valueOf(function.buffers[argument.buffer].size);
      event.bytes = size < 0 || event.bytes < 0 ? -1 : event.bytes + size;
    }
  }
}

Status Session::Impl::runCommands(FunctionId id) {
  const FlatFunction &function = exe->functions[id];
  Frame &frame = frames[id];
  const bool isTraced = options.trace;
  for (size_t i = 0; i < function.commands.size(); ++i) {
    const FlatCommand &command = function.commands[i];
    if (isCancelled.load(std::memory_order_relaxed)) [[unlikely]]
      return cancelled("the run was cancelled before '", command.source->name, "'");
    currentCommand.store(command.source, std::memory_order_relaxed);
    watermark.store(watermark.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    // What a device does later it times itself.
    const bool isTimedThere = isTraced && device && command.op <= Op::Fill;
    if (isTimedThere)
      WEFT_RETURN_IF_ERROR(device->beginTraced(trace));
    const int64_t start = isTraced ? Trace::now() : 0;
    const Status status =
        command.op == Op::Launch ? launch(function, command, frame) : runOther(id, command, i, frame);
    if (isTraced) {
      TraceEvent event = {&command.source->name, &command.source->location, kindName(command.op), start,
                          Trace::now()};
      addWork(program->functions[id], *command.source, event);
      if (isTimedThere) {
        event.row = TraceEvent::deviceRow;
        WEFT_RETURN_IF_ERROR(device->endTraced(event));
      } else {
        trace.record(event);
      }
    }
    if (!status.isOk()) [[unlikely]] {
      const Command *blamed = device ? std::exchange(device->failed, nullptr) : nullptr;
      return status.code() == Code::Cancelled ? status
                                              : commandError(blamed ? *blamed : *command.source, status);
    }
  }
  return Status::ok();
}

/// The device may have work yet, and errors to tell of.
Status Session::Impl::endOnDevice(Status status) {
  if (status.isOk())
    status = device->finish();
  if (status.isOk() && options.trace)
    status = device->flushTrace(trace);
  if (device->failed)
    status = commandError(*device->failed, status);
  if (status.isOk() && isCancelled.load(std::memory_order_relaxed))
    status = cancelled("the run was cancelled before its results were taken from ", device->device().name());
  if (!status.isOk())
    device->abandon();
  return status;
}

Status Session::Impl::execute(FunctionId id) {
  const int64_t start = options.trace ? Trace::now() : 0;
  fault = {};
  for (Frame &frame : frames)
    frame.isActive = false;
  Status status;
  if (options.communicator && program->numRanks)
    status = options.communicator->beginRun();
  if (status.isOk())
    status = runFunction(id, device ? device->temporaries().data() : arena.data(), entryInputs, entryOutputs);
  if (device)
    status = endOnDevice(std::move(status));
  currentCommand.store(nullptr, std::memory_order_relaxed);
  // The other ranks must not wait for this one, nor anybody write to memory that the next run uses.
  if (!status.isOk() && options.communicator)
    options.communicator->abort(status);
  if (options.trace)
    trace.record({&program->functions[id].name, nullptr, "run", start, Trace::now()});
  WEFT_RETURN_IF_ERROR(status);
  for (const auto &file : exe->loaded.files)
    if (file->faulted())
      return dataLoss("'", file->path(),
                      "' became shorter while the program was running: its results are wrong");
  return Status::ok();
}

} // namespace weft::runtime
