// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and expected outputs of runs: files of arrays, pictures, and seeded random values.
#include "Commands.h"

#include "weft/Support/Npy.h"

#include <algorithm>
#include <cerrno>
#include <random>

using namespace weft;
using namespace weft::driver;

Result<HostTensor> weft::driver::readTensor(const std::string &file, const std::string &name) {
  if (file.ends_with(".npy"))
    return readNpy(file);
  if (file.ends_with(".npz")) {
    WEFT_ASSIGN_OR_RETURN(auto arrays, readNpz(file));
    std::string known;
    for (auto &[key, tensor] : arrays) {
      if (key == name)
        return tensor;
      known += (known.empty() ? "" : ", ") + key;
    }
    if (arrays.size() == 1)
      return arrays.begin()->second;
    return notFound(file, ": no array named '", name, "', wanted one of ",
                    known.empty() ? "none: it is empty" : known);
  }
  if (file.ends_with(".pb")) {
    WEFT_ASSIGN_OR_RETURN(auto mapped, MappedFile::open(file));
    return parseTensorProto(mapped->bytes()).context(file);
  }
  return invalidArgument(file, ": what it holds cannot be told by its name, wanted .npy, .npz or .pb");
}

void weft::driver::fillRandom(HostTensor &tensor, uint64_t seed) {
  std::mt19937_64 bits(seed);
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    double unit = double(bits() >> 11) * 0x1p-53;
    if (isFloat(tensor.dtype()))
      tensor.setDouble(i, unit * 2 - 1);
    else
      tensor.setInt(i, tensor.dtype() == DType::I1 ? int64_t(unit < 0.5) : int64_t(unit * 8));
  }
}

/// "random:SEED".
static bool isRandom(const std::string &text, uint64_t &seed) {
  if (!text.starts_with("random:") || text.size() == 7 ||
      !std::all_of(text.begin() + 7, text.end(), [](unsigned char c) { return std::isdigit(c); }))
    return false;
  errno = 0;
  seed = std::strtoull(text.c_str() + 7, nullptr, 10);
  return errno == 0;
}

static std::string isInput(const std::string &text) {
  uint64_t seed;
  size_t at = text.find('=');
  bool good = isRandom(text, seed) || isNamedFile(text).empty() ||
              (at != std::string::npos && at > 0 && isRandom(text.substr(at + 1), seed));
  return good ? "" : "'" + text + "', wanted NAME=@FILE, NAME=random:SEED or random:SEED";
}

void InputFlags::add(CLI::App &command, bool isDefaultRandom) {
  command
      .add_option("-i,--input", inputs,
                  isDefaultRandom ? "As for weft run (default: random:1)"
                                  : "NAME=@FILE (.npy .npz .pb .png .jpg), [NAME=]random:SEED")
      ->type_name("INPUT")
      ->allow_extra_args(false)
      ->check(CLI::Validator(isInput, ""));
  const char *group = "Pictures as inputs";
  command.add_option("--layout", images.layout, "nchw or nhwc (default: by the input's shape)")
      ->type_name("")
      ->check(CLI::IsMember({"nchw", "nhwc"}).description(""))
      ->group(group);
  command
      .add_option("--resize", images.resize,
                  "crop (fill, cut the middle), stretch, none, or N: short side first")
      ->capture_default_str()
      ->type_name("")
      ->group(group);
  command.add_option("--mean", images.mean, "Subtracted from 0..1, one or one per channel: .485,.456,.406")
      ->type_name("")
      ->group(group);
  command.add_option("--std", images.std, "Divided by after that")->type_name("")->group(group);
}

Result<std::vector<std::string>> InputFlags::shapes() const {
  std::vector<std::string> shapes;
  for (const std::string &text : inputs) {
    if (!isNamedFile(text).empty())
      continue;
    NamedFile input = splitNamedFile(text);
    if (isImageFile(input.file))
      continue; // they take the shape of the input
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor, readTensor(input.file, input.name));
    shapes.push_back(input.name + "=" + (tensor.rank() == 0 ? "" : shapeString(tensor.shape())));
  }
  return shapes;
}

/// Random values for an input; dynamic extents are as small as they may be, but not 0.
static Result<HostTensor> randomFor(const runtime::ValueInfo &value, uint64_t seed) {
  std::vector<int64_t> shape = value.dims;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 0)
      shape[i] = std::max<int64_t>(value.lower[i], 1);
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::zeros(value.dtype, shape));
  fillRandom(tensor, seed);
  return tensor;
}

Result<NamedTensors> InputFlags::read(const std::vector<runtime::ValueInfo> &info) const {
  std::vector<HostTensor> tensors(info.size());
  for (const std::string &text : inputs) {
    uint64_t seed = 0;
    if (isRandom(text, seed)) {
      for (size_t i = 0; i < info.size(); ++i)
        if (!tensors[i].isValid()) {
          WEFT_ASSIGN_OR_RETURN(tensors[i], randomFor(info[i], seed + i));
        }
      continue;
    }
    std::string name = text.substr(0, isNamedFile(text).empty() ? text.find("=@") : text.rfind('='));
    size_t i = 0;
    while (i < info.size() && info[i].name != name)
      ++i;
    if (i == info.size())
      return invalidArgument("no input is named '", name, "', wanted ",
                             info.empty() ? "none" : "one of " + listValues(info));
    if (isRandom(text.substr(name.size() + 1), seed)) {
      WEFT_ASSIGN_OR_RETURN(tensors[i], randomFor(info[i], seed));
      continue;
    }
    std::string file = text.substr(name.size() + 2);
    if (isImageFile(file)) {
      WEFT_ASSIGN_OR_RETURN(tensors[i], readImage(file, info[i], images));
    } else {
      WEFT_ASSIGN_OR_RETURN(tensors[i], readTensor(file, name));
    }
  }
  NamedTensors named;
  for (size_t i = 0; i < info.size(); ++i) {
    if (!tensors[i].isValid())
      return invalidArgument("input '", info[i].name, "' (", info[i].toString(),
                             ") is not given; add --input ", info[i].name, "=@FILE or --input ", info[i].name,
                             "=random:1");
    named.emplace_back(info[i].name, tensors[i]);
  }
  return named;
}
