// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads cases and their tensors, and compares.
#include "Cases.h"
#include "Tensors.h"
#include "weft/Support/File.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace weft;
using namespace weft::conformance;

std::string Case::modelPath(const std::string &mode) const {
  return folder + (mode == "static" ? "/model.onnx" : "/model." + mode + ".onnx");
}

static Result<std::string> readBytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return notFound(path, ": cannot be read");
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return std::move(bytes).str();
}

/// The bytes of the TensorProto in an OptionalProto (its field 3), or nothing when these are no such bytes.
static std::optional<std::string> tensorOfOptional(const std::string &bytes) {
  // OptionalProto: 1 name, 2 element type (1: tensor), 3 tensor. A TensorProto has numbers in field 1 as
  // well, but packed or as varints; as bytes they would hold dims. So the element type right behind the name
  // tells.
  size_t at = 0;
  if (at < bytes.size() && bytes[at] == 0x0a)
    at += 2 + uint8_t(bytes[at + 1]);
  if (at + 3 >= bytes.size() || bytes[at] != 0x10 || bytes[at + 1] != 1 || bytes[at + 2] != 0x1a)
    return std::nullopt;
  at += 3;
  uint64_t length = 0;
  for (int shift = 0; at < bytes.size() && shift < 63; shift += 7) {
    uint8_t byte = uint8_t(bytes[at++]);
    length |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80)
      break;
  }
  if (length != bytes.size() - at)
    return std::nullopt;
  return bytes.substr(at);
}

static Result<std::vector<HostTensor>> readTensors(const std::string &prefix, size_t count) {
  std::vector<HostTensor> tensors;
  for (size_t i = 0; i < count; ++i) {
    std::string path = prefix + std::to_string(i) + ".pb";
    WEFT_ASSIGN_OR_RETURN(std::string bytes, readBytes(path));
    if (std::optional<std::string> tensor = tensorOfOptional(bytes))
      bytes = std::move(*tensor);
    onnx_wire::TensorProto proto;
    if (!proto.ParseFromString(bytes))
      return dataLoss(path, ": found no TensorProto");
    if (proto.data_type() == 0)
      return unimplemented(path, ": found no tensor; an empty optional is not supported as an input");
    onnx::ExternalData external("");
    Result<HostTensor> tensor = onnx::readTensor(proto, external);
    if (!tensor.isOk())
      return tensor.status().context(path);
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

Result<std::vector<HostTensor>> Case::readInputs() const {
  return readTensors(folder + "/test_data_set_0/input_", inputs.size());
}

Result<std::vector<HostTensor>> Case::readOutputs() const {
  return readTensors(folder + "/test_data_set_0/output_", outputs.size());
}

Result<std::vector<Case>> conformance::readCases(const std::string &casesJson) {
  WEFT_ASSIGN_OR_RETURN(std::string text, readBytes(casesJson));
  nlohmann::json root = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("cases") || !root["cases"].is_array())
    return invalidArgument(casesJson, ": found no list of cases, wanted what dump_onnx_cases.py writes");
  size_t slash = casesJson.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : casesJson.substr(0, slash);
  std::vector<Case> cases;
  for (const nlohmann::json &entry : root["cases"]) {
    Case one;
    one.name = entry.value("name", "");
    one.folder = folder + "/" + one.name;
    one.variants = entry.value("variants", std::vector<std::string>());
    one.inputs = entry.value("inputs", std::vector<std::string>());
    one.outputs = entry.value("outputs", std::vector<std::string>());
    one.shapeOnly = entry.value("compare", "") == "shape";
    one.tolerance = {entry.value("rtol", 0.0), entry.value("atol", 0.0)};
    if (one.name.empty() || one.outputs.empty())
      return invalidArgument(casesJson, ": found a case without name or outputs");
    cases.push_back(std::move(one));
  }
  return cases;
}

std::string_view conformance::kindName(Verdict::Kind kind) {
  switch (kind) {
  case Verdict::Pass:
    return "PASS";
  case Verdict::Unsupported:
    return "UNSUPPORTED";
  case Verdict::Wrong:
    return "WRONG";
  case Verdict::Error:
    break;
  }
  return "ERROR";
}

std::string Verdict::line(const std::string &name) const {
  std::string text = std::string(kindName(kind)) + " " + name;
  if (kind == Pass)
    return text;
  std::string shown = detail.substr(0, 600);
  while (!shown.empty() && shown.back() == '\n')
    shown.pop_back();
  std::replace(shown.begin(), shown.end(), '\n', ' ');
  return text + ": " + shown;
}

Verdict conformance::judge(const Case &testCase, const std::vector<HostTensor> &found) {
  Result<std::vector<HostTensor>> wanted = testCase.readOutputs();
  if (!wanted.isOk())
    return {Verdict::Error, wanted.status().message()};
  if (found.size() != wanted->size())
    return {Verdict::Wrong, concat(found.size(), " outputs, wanted ", wanted->size())};
  for (size_t i = 0; i < found.size(); ++i) {
    const HostTensor &tensor = found[i], &right = (*wanted)[i];
    const std::string output = "output " + testCase.outputs[i];
    if (tensor.dtype() != right.dtype() || tensor.shape() != right.shape())
      return {Verdict::Wrong, concat(output, " is ", tensor.typeString(), ", wanted ", right.typeString())};
    if (testCase.shapeOnly)
      continue;
    Tolerance tolerance = isFloat(tensor.dtype()) ? testCase.tolerance : Tolerance();
    TensorComparison comparison = compareTensors(tensor, right, tolerance);
    if (!comparison.agrees())
      return {Verdict::Wrong, concat(output, ": ", comparison.toString(), " (rtol ", tolerance.relative,
                                     ", atol ", tolerance.absolute, ")")};
  }
  return {Verdict::Pass, ""};
}
