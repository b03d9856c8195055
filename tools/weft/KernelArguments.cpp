// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads values of kernel parameters: "x=random:1:f32[64x8]", "n=i64:5", "m=map:x:64x8:128".
#include "KernelArguments.h"

#include "Commands.h"
#include "weft/Runtime/Emulator/TensorMap.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace weft;
using namespace weft::driver;
using namespace weft::runtime;

static bool parseNumber(const std::string &text, uint64_t &value) {
  if (text.empty() || text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos)
    return false;
  value = std::strtoull(text.c_str(), nullptr, 10);
  return true;
}

/// "64x8": extents, outermost first.
static bool parseShape(const std::string &text, std::vector<int64_t> &shape) {
  for (size_t at = 0; !text.empty() && at <= text.size();) {
    size_t end = std::min(text.find('x', at), text.size());
    uint64_t extent = 0;
    if (!parseNumber(text.substr(at, end - at), extent) || extent > uint64_t(1) << 40)
      return false;
    shape.push_back(int64_t(extent));
    at = end + 1;
  }
  return true;
}

/// "f32[64x8]"; "f32[]" has one element.
static bool parseType(const std::string &text, DType &dtype, std::vector<int64_t> &shape) {
  size_t open = text.find('[');
  if (open == std::string::npos || text.back() != ']')
    return false;
  std::optional<DType> found = parseDType(text.substr(0, open));
  if (!found || *found == DType::Invalid || !byteWidth(*found))
    return false;
  dtype = *found;
  return parseShape(text.substr(open + 1, text.size() - open - 2), shape);
}

/// What stands before the first colon, and after it.
static std::pair<std::string, std::string> splitColon(const std::string &text) {
  size_t at = text.find(':');
  return at == std::string::npos ? std::pair(text, std::string())
                                 : std::pair(text.substr(0, at), text.substr(at + 1));
}

/// The letter of a scalar parameter of that type; 0 when there is none.
static char scalarLetter(const std::string &type) {
  static constexpr std::pair<const char *, char> letters[] = {{"i64", 'l'}, {"i32", 'i'}, {"i16", 's'},
                                                              {"i8", 'b'},  {"f64", 'd'}, {"f32", 'f'},
                                                              {"f16", 'h'}, {"bf16", 'h'}};
  for (auto [name, letter] : letters)
    if (type == name)
      return letter;
  return 0;
}

static bool isMapText(const std::string &text) {
  auto [buffer, rest] = splitColon(text);
  auto [box, swizzle] = splitColon(rest);
  std::vector<int64_t> shape;
  return !buffer.empty() && !box.empty() && parseShape(box, shape) &&
         (swizzle.empty() || swizzle == "32" || swizzle == "64" || swizzle == "128");
}

static bool isValue(const std::string &value) {
  if (value.starts_with("@"))
    return value.size() > 1;
  auto [kind, rest] = splitColon(value);
  DType dtype;
  std::vector<int64_t> shape;
  uint64_t seed;
  if (kind == "random") {
    auto [number, type] = splitColon(rest);
    return parseNumber(number, seed) && parseType(type, dtype, shape);
  }
  if (kind == "iota" || kind == "zeros" || kind == "out")
    return parseType(rest, dtype, shape);
  if (kind == "map")
    return isMapText(rest);
  char *end = nullptr;
  std::strtod(rest.c_str(), &end);
  return scalarLetter(kind) && !rest.empty() && !*end;
}

std::string weft::driver::isKernelArgument(const std::string &text) {
  size_t at = text.find('=');
  bool isGood = at != std::string::npos && at > 0 && isValue(text.substr(at + 1));
  return isGood ? ""
                : "'" + text +
                      "', wanted NAME=random:SEED:TYPE, iota:TYPE, zeros:TYPE, out:TYPE, @FILE, a scalar "
                      "like i64:5, or map:BUFFER:BOX; a TYPE is like f32[64x8]";
}

void *KernelArguments::Argument::memory() const {
  void *address;
  std::memcpy(&address, value.data(), sizeof address);
  return address;
}

Status KernelArguments::addBuffer(Argument argument, const HostTensor *content, emulator::Emulator &device) {
  WEFT_ASSIGN_OR_RETURN(int64_t bytes, checkedNumBytes(argument.dtype, argument.shape));
  argument.numBytes = size_t(bytes);
  WEFT_ASSIGN_OR_RETURN(void *memory, device.allocate(argument.numBytes, argument.name));
  if (content) {
    std::memcpy(memory, content->raw(), argument.numBytes);
    device.markInitialised(memory, argument.numBytes);
  }
  argument.value.resize(sizeof memory);
  std::memcpy(argument.value.data(), &memory, sizeof memory);
  arguments.push_back(std::move(argument));
  return Status::ok();
}

/// A tensor map over a whole buffer. Shapes and boxes are written outermost first, maps hold them innermost
/// first.
Status KernelArguments::addMap(const std::string &name, const std::string &value) {
  auto [bufferName, rest] = splitColon(value);
  auto [boxText, swizzleText] = splitColon(rest);
  WEFT_ASSIGN_OR_RETURN(size_t index, find(bufferName));
  const Argument &buffer = arguments[index];
  static constexpr std::pair<DType, WeftElementType> types[] = {
      {DType::F32, WEFT_F32},  {DType::F16, WEFT_F16},  {DType::BF16, WEFT_BF16}, {DType::F64, WEFT_F64},
      {DType::I32, WEFT_S32},  {DType::I64, WEFT_S64},  {DType::UI8, WEFT_U8},    {DType::I8, WEFT_U8},
      {DType::UI16, WEFT_U16}, {DType::UI32, WEFT_U32}, {DType::UI64, WEFT_U64}};
  auto type =
      std::find_if(std::begin(types), std::end(types), [&](auto pair) { return pair.first == buffer.dtype; });
  if (type == std::end(types))
    return invalidArgument("no tensor map of elements of ", buffer.dtype);
  std::vector<int64_t> box;
  parseShape(boxText, box);
  std::vector<uint64_t> extents(buffer.shape.rbegin(), buffer.shape.rend()), strides;
  uint64_t stride = uint64_t(byteWidth(buffer.dtype));
  for (size_t d = 0; d + 1 < extents.size(); ++d)
    strides.push_back(stride *= extents[d]);
  std::vector<uint32_t> boxes;
  for (auto extent = box.rbegin(); extent != box.rend(); ++extent)
    boxes.push_back(uint32_t(std::min<int64_t>(*extent, UINT32_MAX)));
  auto swizzle = swizzleText == "32"    ? emulator::Swizzle::Bytes32
                 : swizzleText == "64"  ? emulator::Swizzle::Bytes64
                 : swizzleText == "128" ? emulator::Swizzle::Bytes128
                                        : emulator::Swizzle::None;
  auto map = emulator::encodeTensorMap(type->second, buffer.memory(), extents, strides, boxes, swizzle);
  if (!map.isOk())
    return map.status().context(concat("tensor map '", name, "'"));
  Argument argument;
  argument.name = name;
  argument.kind = 'm';
  argument.value.resize(sizeof *map);
  std::memcpy(argument.value.data(), &*map, sizeof *map);
  arguments.push_back(std::move(argument));
  return Status::ok();
}

Status KernelArguments::add(const std::string &text, emulator::Emulator &device) {
  size_t at = text.find('=');
  Argument argument;
  argument.name = text.substr(0, at);
  const std::string value = text.substr(at + 1);
  if (std::any_of(arguments.begin(), arguments.end(),
                  [&](const Argument &other) { return other.name == argument.name; }))
    return invalidArgument("two arguments are named '", argument.name, "'");
  if (value.starts_with("@")) {
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor, readTensor(value.substr(1), argument.name));
    argument.dtype = tensor.dtype();
    argument.shape = tensor.shape();
    return addBuffer(std::move(argument), &tensor, device);
  }
  auto [kind, rest] = splitColon(value);
  if (kind == "map")
    return addMap(argument.name, rest);
  if (char letter = scalarLetter(kind)) {
    WEFT_ASSIGN_OR_RETURN(HostTensor scalar, HostTensor::zeros(*parseDType(kind), {}));
    if (isFloat(scalar.dtype()))
      scalar.setDouble(0, std::strtod(rest.c_str(), nullptr));
    else
      scalar.setInt(0, std::strtoll(rest.c_str(), nullptr, 0));
    argument.kind = letter;
    const auto *bytes = static_cast<const uint8_t *>(scalar.raw());
    argument.value.assign(bytes, bytes + scalar.numBytes());
    arguments.push_back(std::move(argument));
    return Status::ok();
  }
  uint64_t seed = 0;
  std::string type = rest;
  if (kind == "random") {
    parseNumber(splitColon(rest).first, seed);
    type = splitColon(rest).second;
  }
  parseType(type, argument.dtype, argument.shape);
  if (kind == "out") {
    argument.isResult = true;
    return addBuffer(std::move(argument), nullptr, device);
  }
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::zeros(argument.dtype, argument.shape));
  if (kind == "random")
    fillRandom(tensor, seed);
  if (kind == "iota")
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      isFloat(tensor.dtype()) ? tensor.setDouble(i, double(i)) : tensor.setInt(i, i);
  return addBuffer(std::move(argument), &tensor, device);
}

static std::string letterName(char letter) {
  switch (letter) {
  case 'p':
    return "a buffer";
  case 'l':
    return "an i64";
  case 'i':
    return "an i32";
  case 's':
    return "an i16";
  case 'b':
    return "an i8";
  case 'd':
    return "an f64";
  case 'f':
    return "an f32";
  case 'h':
    return "a 16-bit float";
  default:
    return "a tensor map";
  }
}

Status KernelArguments::check(const std::string &parameters) const {
  if (parameters.size() != arguments.size())
    return invalidArgument("found ", arguments.size(), " arguments, wanted ", parameters.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    char wanted = parameters[i], found = arguments[i].kind;
    if (wanted != found)
      return invalidArgument("argument ", i, " ('", arguments[i].name, "') is ", letterName(found),
                             ", wanted ", letterName(wanted));
  }
  return Status::ok();
}

std::vector<emulator::KernelParameter> KernelArguments::parameters() const {
  std::vector<emulator::KernelParameter> all;
  for (const Argument &argument : arguments)
    all.push_back({argument.value.data(), argument.value.size()});
  return all;
}

Result<size_t> KernelArguments::find(const std::string &name) const {
  std::string known;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].isBuffer())
      continue;
    if (arguments[i].name == name)
      return i;
    known += (known.empty() ? "" : ", ") + arguments[i].name;
  }
  return notFound("no buffer is named '", name, "', wanted one of ", known.empty() ? "none" : known);
}

Result<HostTensor> KernelArguments::download(const std::string &name) const {
  WEFT_ASSIGN_OR_RETURN(size_t index, find(name));
  const Argument &argument = arguments[index];
  return HostTensor::copyOf(argument.dtype, argument.shape,
                            std::span(static_cast<const std::byte *>(argument.memory()), argument.numBytes));
}

std::string KernelArguments::print(const emulator::Emulator &device, int show) const {
  std::string text;
  for (const Argument &argument : arguments) {
    if (!argument.isResult)
      continue;
    HostTensor tensor = *download(argument.name);
    text += concat(argument.name, ": ", tensor.typeString(), " =");
    int64_t shown = std::min<int64_t>(tensor.numElements(), show);
    for (int64_t i = 0; i < shown; ++i) {
      char number[40];
      const auto *at = static_cast<const char *>(argument.memory()) + i * byteWidth(argument.dtype);
      if (device.options().checks && !device.isInitialised(at, size_t(byteWidth(argument.dtype))))
        std::snprintf(number, sizeof number, " -");
      else if (isFloat(tensor.dtype()))
        std::snprintf(number, sizeof number, " %.6g", tensor.asDouble(i));
      else
        std::snprintf(number, sizeof number, tensor.dtype() == DType::UI64 ? " %llu" : " %lld",
                      static_cast<long long>(tensor.asInt(i)));
      text += number;
    }
    text += shown < tensor.numElements() ? " ...\n" : "\n";
  }
  return text;
}
