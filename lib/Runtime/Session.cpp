// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public face of a Session. SessionImpl.h says where the rest is.
#include "weft/Runtime/Session.h"

#include "SessionImpl.h"
#include "weft/Runtime/Communicator.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {

using namespace program;

Status Session::Impl::create() {
  exe = &executable->impl();
  program = &exe->loaded.program;
  WEFT_RETURN_IF_ERROR(checkCommunicator());
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
  if (program->isForGpu() || !(options.device.empty() || options.device == program::device::cpu)) {
    EmulatorMode mode = options.emulator;
    mode.threads = options.threads;
    WEFT_ASSIGN_OR_RETURN(device, OnDevice::create(*exe, options.device, options.deviceNumber, mode));
    return Status::ok();
  }
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
void Session::cancel() {
  pimpl->isCancelled.store(true, std::memory_order_relaxed);
  if (pimpl->options.communicator && pimpl->isRunning.load(std::memory_order_relaxed))
    pimpl->options.communicator->abort(cancelled("the run was cancelled"));
}

RunProgress Session::progress() const {
  const Command *current = pimpl->currentCommand.load(std::memory_order_relaxed);
  return {pimpl->watermark.load(std::memory_order_relaxed), current ? current->name : ""};
}

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
      outputs.push_back(*std::move(output));
      WEFT_ASSIGN_OR_RETURN(std::byte *const place, impl.outputPlace(i, outputs.back()));
      impl.entryOutputs.push_back(place);
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
  WEFT_RETURN_IF_ERROR(impl.downloadOutputs(outputs));
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
    WEFT_ASSIGN_OR_RETURN(std::byte * data, impl.outputPlace(i, output));
    if (impl.device) {
      impl.entryOutputs[i] = data;
      continue;
    }
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
  if (impl.device)
    return impl.downloadOutputs(outputs);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].numBytes() > 0 && impl.entryOutputs[i] != outputs[i].bytes().data())
      std::memcpy(outputs[i].mutableBytes().data(), impl.entryOutputs[i], size_t(outputs[i].numBytes()));
  return Status::ok();
}

Result<std::byte *> Session::Impl::outputPlace(size_t number, HostTensor &tensor) {
  if (!device)
    return tensor.mutableBytes().data();
  return device->output(number, tensor.numBytes())
      .context(concat("output '", program->functions[entry].outputs[number].name, "'"));
}

Status Session::Impl::downloadOutputs(std::span<HostTensor> outputs) {
  for (size_t i = 0; device && i < outputs.size(); ++i)
    WEFT_RETURN_IF_ERROR(
        device->read(outputs[i].mutableBytes().data(), entryOutputs[i], outputs[i].numBytes())
            .context(concat("output '", program->functions[entry].outputs[i].name, "'")));
  return Status::ok();
}

Result<HostTensor> Session::variable(const std::string &name) const {
  const RunGuard guard(pimpl->isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  const std::vector<Variable> &known = pimpl->program->variables;
  for (size_t v = 0; v < known.size(); ++v) {
    if (known[v].name != name)
      continue;
    if (!pimpl->device)
      return pimpl->variables[v].clone();
    WEFT_RETURN_IF_ERROR(pimpl->device->stream().begin());
    WEFT_ASSIGN_OR_RETURN(HostTensor value, HostTensor::uninitialized(known[v].dtype, known[v].dims));
    WEFT_RETURN_IF_ERROR(pimpl->device->read(value.mutableBytes().data(),
                                             pimpl->device->variable(VariableId(v)), value.numBytes()));
    return value;
  }
  return notFound("the program has no variable '", name, "'");
}

Status Session::setVariable(const std::string &name, const HostTensor &value) {
  const RunGuard guard(pimpl->isRunning);
  WEFT_RETURN_IF_ERROR(guard.status());
  const std::vector<Variable> &known = pimpl->program->variables;
  for (size_t v = 0; v < known.size(); ++v) {
    if (known[v].name != name)
      continue;
    if (value.dtype() != known[v].dtype || value.shape() != known[v].dims)
      return invalidArgument("variable '", name, "' is ", known[v].dtype, "[", shapeString(known[v].dims),
                             "], given ", value.typeString());
    if (pimpl->device) {
      WEFT_RETURN_IF_ERROR(pimpl->device->stream().begin());
      return pimpl->device->stream().upload(pimpl->device->variable(VariableId(v)), value.raw(),
                                            value.numBytes());
    }
    if (value.numBytes() > 0)
      std::memcpy(pimpl->variables[v].mutableBytes().data(), value.raw(), size_t(value.numBytes()));
    return Status::ok();
  }
  return notFound("the program has no variable '", name, "'");
}

MemoryUse Session::memoryUse() const {
  MemoryUse use;
  use.arenaBytes = pimpl->device ? pimpl->device->temporaries().bytes() : pimpl->arena.bytes();
  use.planBytes = pimpl->lastPlanBytes;
  use.planLowerBound = pimpl->lastLowerBound;
  use.constantBytes = pimpl->exe->constantBytes;
  for (const Variable &variable : pimpl->program->variables)
    if (const Result<int64_t> bytes = checkedNumBytes(variable.dtype, variable.dims); bytes.isOk())
      use.variableBytes += *bytes;
  if (pimpl->device)
    use.device = pimpl->device->device().description();
  return use;
}

} // namespace weft::runtime
