// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before a run: binds the inputs to symbols, finds or makes the plan for these extents, points the run at its
// inputs.
#include "SessionImpl.h"
#include "weft/Support/HugePages.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace weft::runtime {

using namespace program;

static constexpr size_t maxPlans = 64;

Status Arena::reserve(int64_t bytes) {
  if (bytes <= size)
    return Status::ok();
  release();
  void *memory = ::mmap(nullptr, size_t(bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return resourceExhausted("no memory for ", bytes, " bytes of temporaries");
  adviseHugePages(memory, size_t(bytes));
  base = static_cast<std::byte *>(memory);
  size = bytes;
  return Status::ok();
}

void Arena::release() {
  if (base)
    ::munmap(base, size_t(size));
  base = nullptr;
  size = 0;
}

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
  if (device)
    WEFT_RETURN_IF_ERROR(device->stream().begin());
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
  const int64_t bytes = std::max(plan.size, arenaAlignment); // empty buffers have an address too
  return device ? device->reserveArena(bytes).context("temporary memory") : arena.reserve(bytes);
}

/// Points entryInputs at the inputs, at aligned copies of them, or at what was made of them on the device.
Status Session::Impl::stageInputs(std::span<const HostTensor> inputs) {
  entryInputs.resize(inputs.size());
  stagedInputs.resize(std::max(stagedInputs.size(), inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const HostTensor &input = inputs[i];
    const void *data = input.raw();
    if (device) {
      const auto upload = [&]() -> Status {
        WEFT_ASSIGN_OR_RETURN(entryInputs[i], device->input(i, input.numBytes()));
        return device->stream().upload(entryInputs[i], data, input.numBytes());
      };
      WEFT_RETURN_IF_ERROR(
          upload().context(concat("input '", program->functions[entry].inputs[i].name, "'")));
      continue;
    }
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

} // namespace weft::runtime
