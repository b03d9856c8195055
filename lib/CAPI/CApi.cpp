// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C API over the C++ API: handles around its objects, a Status as an error handle.
#include "weft-c/weft.h"

#include "weft/Program/Program.h"
#include "weft/Support/File.h"
#include "weft/Weft.h"

#include <charconv>
#include <cstring>

using namespace weft;

struct WeftError {
  Status status;
};

struct WeftProgram {
  std::shared_ptr<const Executable> executable;
  std::vector<runtime::ValueInfo> inputs, outputs;
  /// What WeftValue::dimNames points to.
  std::vector<std::vector<const char *>> inputNames, outputNames;
};

struct WeftSession {
  std::unique_ptr<Session> session;
};

struct WeftResults {
  std::vector<HostTensor> tensors;
};

static_assert(int(DType::F64) == WEFT_F64 && int(DType::F32) == WEFT_F32 && int(DType::F16) == WEFT_F16 &&
              int(DType::I64) == WEFT_I64 && int(DType::UI8) == WEFT_UI8 && int(DType::I1) == WEFT_I1 &&
              int(DType::F8E8M0FNU) == WEFT_F8E8M0FNU && numDTypes == WEFT_F8E8M0FNU + 1);
static_assert(int(Code::Ok) == WEFT_OK && int(Code::InvalidArgument) == WEFT_INVALID_ARGUMENT &&
              int(Code::DataLoss) == WEFT_DATA_LOSS);

static WeftError *toError(const Status &status) { return status.isOk() ? nullptr : new WeftError{status}; }

static WeftError *nullArgument(const char *function) {
  return toError(invalidArgument(function, ": found a null pointer, wanted an object"));
}

const char *weftVersion(void) { return WEFT_VERSION; }

WeftCode weftErrorCode(const WeftError *error) { return error ? WeftCode(error->status.code()) : WEFT_OK; }
const char *weftErrorMessage(const WeftError *error) { return error ? error->status.message().c_str() : ""; }
void weftErrorDelete(WeftError *error) { delete error; }

//===-- Programs ----------------------------------------------------------------------------------------===//

static WeftError *toProgram(Result<std::shared_ptr<const Executable>> executable, WeftProgram **program) {
  if (!executable.isOk())
    return toError(executable.status());
  auto made = std::make_unique<WeftProgram>();
  made->executable = *executable;
  auto inputs = made->executable->inputs(), outputs = made->executable->outputs();
  if (!inputs.isOk() || !outputs.isOk())
    return toError(inputs.isOk() ? outputs.status() : inputs.status());
  made->inputs = *std::move(inputs);
  made->outputs = *std::move(outputs);
  auto pointAtNames = [](const std::vector<runtime::ValueInfo> &values,
                         std::vector<std::vector<const char *>> &names) {
    for (const runtime::ValueInfo &value : values) {
      names.emplace_back();
      for (const std::string &name : value.dimNames)
        names.back().push_back(name.c_str());
    }
  };
  pointAtNames(made->inputs, made->inputNames);
  pointAtNames(made->outputs, made->outputNames);
  *program = made.release();
  return nullptr;
}

static Status parseOptions(const WeftOption *options, size_t numOptions, CompileOptions &into) {
  for (size_t i = 0; i < numOptions; ++i) {
    if (!options[i].name || !options[i].value)
      return invalidArgument("option ", i, ": found a null pointer, wanted a name and a value");
    std::string_view name = options[i].name, value = options[i].value;
    if (name == "target")
      into.target = value;
    else if (name == "target-cpu")
      into.targetCpu = value;
    else if (name == "dynamic-dim")
      into.dynamicDims.emplace_back(value);
    else if (name == "shape")
      into.shapes.emplace_back(value);
    else if (name == "numerics")
      into.numerics = value;
    else if (name == "compile-threads") {
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), into.threads);
      if (error != std::errc() || end != value.data() + value.size() || into.threads < 0)
        return invalidArgument("option 'compile-threads' is '", value, "', wanted a number from 0");
    } else if (name == "cache" && (value == "on" || value == "off"))
      into.useCache = value == "on";
    else if (name == "cache")
      return invalidArgument("option 'cache' is '", value, "', wanted on or off");
    else
      return invalidArgument(
          "no option is named '", name,
          "', wanted target, target-cpu, dynamic-dim, shape, numerics, compile-threads or cache");
  }
  return Status::ok();
}

WeftError *weftProgramLoad(const char *path, WeftProgram **program) {
  if (!path || !program)
    return nullArgument("weftProgramLoad");
  return toProgram(Executable::loadFile(path), program);
}

WeftError *weftProgramLoadBytes(const void *bytes, size_t size, WeftProgram **program) {
  if ((!bytes && size) || !program)
    return nullArgument("weftProgramLoadBytes");
  return toProgram(Executable::load(std::span(static_cast<const std::byte *>(bytes), size), nullptr),
                   program);
}

WeftError *weftProgramCompile(const char *model, const WeftOption *options, size_t numOptions,
                              WeftProgram **program) {
  if (!model || (!options && numOptions) || !program)
    return nullArgument("weftProgramCompile");
  CompileOptions parsed;
  if (Status status = parseOptions(options, numOptions, parsed); !status.isOk())
    return toError(status);
  return toProgram(compile(model, parsed), program);
}

WeftError *weftModelCompile(const char *model, const WeftOption *options, size_t numOptions,
                            const char *path) {
  if (!model || (!options && numOptions) || !path)
    return nullArgument("weftModelCompile");
  CompileOptions parsed;
  if (Status status = parseOptions(options, numOptions, parsed); !status.isOk())
    return toError(status);
  parsed.boundedOnly = true;
  return toError(writeFileAtomically(
      path, [&](const FileSink &sink) { return compileTo(std::string(model), parsed, sink); }));
}

void weftProgramDelete(WeftProgram *program) { delete program; }

size_t weftProgramNumInputs(const WeftProgram *program) { return program->inputs.size(); }
size_t weftProgramNumOutputs(const WeftProgram *program) { return program->outputs.size(); }

static WeftValue toValue(const runtime::ValueInfo &value, const std::vector<const char *> &names) {
  return {value.name.c_str(), WeftDType(value.dtype), value.dims.size(), value.dims.data(), names.data()};
}

WeftValue weftProgramInput(const WeftProgram *program, size_t index) {
  return toValue(program->inputs[index], program->inputNames[index]);
}
WeftValue weftProgramOutput(const WeftProgram *program, size_t index) {
  return toValue(program->outputs[index], program->outputNames[index]);
}

WeftError *weftProgramCheck(const WeftProgram *program, const WeftType *inputs, size_t numInputs,
                            const WeftType *outputs, size_t numOutputs) {
  if (!program || (!inputs && numInputs) || (!outputs && numOutputs))
    return nullArgument("weftProgramCheck");
  auto check = [](const char *what, const std::vector<runtime::ValueInfo> &found, const WeftType *wanted,
                  size_t numWanted) -> Status {
    if (found.size() != numWanted)
      return failedPrecondition("the program has ", found.size(), " ", what, "s, wanted ", numWanted);
    for (size_t i = 0; i < numWanted; ++i)
      if (int(found[i].dtype) != int(wanted[i].dtype) || found[i].dims.size() != wanted[i].rank)
        return failedPrecondition(what, " '", found[i].name, "' of the program is ", found[i].toString(),
                                  ", wanted ", dtypeName(DType(wanted[i].dtype)), " of rank ",
                                  wanted[i].rank);
    return Status::ok();
  };
  Status status = check("input", program->inputs, inputs, numInputs);
  return toError(status.isOk() ? check("output", program->outputs, outputs, numOutputs) : status);
}

//===-- Sessions ----------------------------------------------------------------------------------------===//

WeftError *weftSessionCreate(const WeftProgram *program, int threads, WeftSession **session) {
  if (!program || !session)
    return nullArgument("weftSessionCreate");
  SessionOptions options;
  options.threads = threads;
  auto made = Session::create(program->executable, options);
  if (!made.isOk())
    return toError(made.status());
  *session = new WeftSession{*std::move(made)};
  return nullptr;
}

void weftSessionDelete(WeftSession *session) { delete session; }

/// Views of the caller's memory.
static Status toTensors(const char *what, const WeftTensor *tensors, size_t count, bool writable,
                        std::vector<HostTensor> &into) {
  for (size_t i = 0; i < count; ++i) {
    const WeftTensor &tensor = tensors[i];
    if (!isValidDType(int64_t(tensor.dtype)))
      return invalidArgument(what, " ", i, ": no element type has the number ", int(tensor.dtype));
    if ((!tensor.dims && tensor.rank) || tensor.rank > 64)
      return invalidArgument(what, " ", i, ": found no extents for rank ", tensor.rank);
    std::vector<int64_t> dims(tensor.dims, tensor.dims + tensor.rank);
    Result<int64_t> bytes = checkedNumBytes(DType(tensor.dtype), dims);
    if (!bytes.isOk())
      return bytes.status().context(concat(what, " ", i));
    if (!tensor.data && *bytes)
      return invalidArgument(what, " ", i, ": found no memory, wanted ", *bytes, " bytes");
    Result<HostTensor> view =
        HostTensor::view(DType(tensor.dtype), std::move(dims), tensor.data, nullptr, writable);
    if (!view.isOk())
      return view.status().context(concat(what, " ", i));
    into.push_back(*std::move(view));
  }
  return Status::ok();
}

WeftError *weftSessionRun(WeftSession *session, const WeftTensor *inputs, size_t numInputs,
                          const WeftTensor *outputs, size_t numOutputs) {
  if (!session || (!inputs && numInputs) || (!outputs && numOutputs))
    return nullArgument("weftSessionRun");
  std::vector<HostTensor> from, to;
  Status status = toTensors("input", inputs, numInputs, false, from);
  if (status.isOk())
    status = toTensors("output", outputs, numOutputs, true, to);
  return toError(status.isOk() ? session->session->runInto(from, to) : status);
}

WeftError *weftSessionRunNew(WeftSession *session, const WeftTensor *inputs, size_t numInputs,
                             WeftResults **results) {
  if (!session || (!inputs && numInputs) || !results)
    return nullArgument("weftSessionRunNew");
  std::vector<HostTensor> from;
  if (Status status = toTensors("input", inputs, numInputs, false, from); !status.isOk())
    return toError(status);
  auto made = session->session->run(from);
  if (!made.isOk())
    return toError(made.status());
  *results = new WeftResults{*std::move(made)};
  return nullptr;
}

void weftSessionCancel(WeftSession *session) {
  if (session)
    session->session->cancel();
}

size_t weftResultsSize(const WeftResults *results) { return results->tensors.size(); }

WeftTensor weftResultsTensor(const WeftResults *results, size_t index) {
  const HostTensor &tensor = results->tensors[index];
  return {WeftDType(tensor.dtype()), tensor.shape().size(), tensor.shape().data(),
          const_cast<void *>(tensor.raw())};
}

void weftResultsDelete(WeftResults *results) { delete results; }
