// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public API: compile, load, run.
#include "Backends.h"
#include "WireFile.h"
#include "weft/Support/File.h"
#include "weft/Weft.h"

#include <set>

using namespace weft;
using namespace weft::conformance;

/// The names of dimensions that the model's inputs leave open.
static Result<std::vector<std::string>> openDims(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.isOk())
    return file.status();
  auto model = onnx::WireFile::parse((*file)->bytes(), *file);
  if (!model.isOk())
    return model.status();
  std::set<std::string> names;
  for (const onnx_wire::ValueInfoProto &input : (*model)->model().graph().input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (!dim.dim_param().empty())
        names.insert(dim.dim_param());
  return std::vector<std::string>(names.begin(), names.end());
}

Verdict conformance::runCompiled(const Case &testCase, const std::string &mode, const std::string &target) {
  const std::string path = testCase.modelPath(mode);
  CompileOptions options;
  options.target = target;
  options.useCache = false;
  options.threads = 1;
  Result<std::vector<std::string>> dims = openDims(path);
  if (!dims.isOk())
    return {Verdict::Error, dims.status().message()};
  options.dynamicDims = *std::move(dims);
  auto executable = compile(path, options);
  if (!executable.isOk()) {
    if (executable.code() == Code::Unimplemented)
      return {Verdict::Unsupported, executable.status().message()};
    return refusal(executable.status().message());
  }
  auto session = Session::create(*executable);
  if (!session.isOk())
    return {Verdict::Error, session.status().message()};

  std::vector<HostTensor> inputs;
  if (mode != "constant") {
    Result<std::vector<HostTensor>> read = testCase.readInputs();
    if (!read.isOk())
      return refusal(read.status().message());
    inputs = *std::move(read);
  }
  Result<std::vector<HostTensor>> results = (*session)->run(inputs);
  if (!results.isOk())
    return {Verdict::Error, results.status().message()};
  return judge(testCase, *results);
}
