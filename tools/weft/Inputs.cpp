// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and expected outputs of runs: files of arrays, and seeded random values.
#include "Commands.h"

#include "weft/Support/Npy.h"

#include <random>

using namespace weft;
using namespace weft::driver;

Result<HostTensor> weft::driver::readTensor(const std::string &file, const std::string &name) {
  if (file.ends_with(".npy"))
    return readNpy(file);
  if (file.ends_with(".npz")) {
    WEFT_ASSIGN_OR_RETURN(auto arrays, readNpz(file));
    for (auto &[key, tensor] : arrays)
      if (key == name)
        return tensor;
    if (arrays.size() == 1)
      return arrays.begin()->second;
    return notFound(file, ": no array named '", name, "'");
  }
  return invalidArgument(file, ": wanted a file that ends in .npy or .npz");
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

static bool isRandom(const std::string &text, uint64_t &seed) {
  if (!text.starts_with("random:"))
    return false;
  char *end = nullptr;
  seed = std::strtoull(text.c_str() + 7, &end, 10);
  return end && *end == 0 && end != text.c_str() + 7;
}

Result<std::vector<std::string>> InputFlags::shapes() const {
  std::vector<std::string> shapes;
  for (const std::string &text : inputs) {
    size_t at = text.find("=@");
    if (at == std::string::npos)
      continue;
    std::string name = text.substr(0, at), file = text.substr(at + 2);
    if (!file.ends_with(".npy") && !file.ends_with(".npz"))
      continue;
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor, readTensor(file, name));
    std::string shape = tensor.rank() == 0 ? "" : shapeString(tensor.shape());
    shapes.push_back(name + "=" + shape);
  }
  return shapes;
}

Result<NamedTensors> InputFlags::read(const std::vector<runtime::ValueInfo> &info) const {
  NamedTensors tensors;
  auto infoOf = [&](const std::string &name) -> const runtime::ValueInfo * {
    for (const runtime::ValueInfo &value : info)
      if (value.name == name)
        return &value;
    return nullptr;
  };
  auto random = [&](const runtime::ValueInfo &value, uint64_t seed) -> Status {
    std::vector<int64_t> shape = value.dims;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] < 0)
        shape[i] = std::max<int64_t>(value.lower[i], 1);
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::zeros(value.dtype, shape));
    fillRandom(tensor, seed);
    tensors.emplace_back(value.name, tensor);
    return Status::ok();
  };
  uint64_t seed = 0;
  for (const std::string &text : inputs) {
    if (isRandom(text, seed)) {
      for (const runtime::ValueInfo &value : info) {
        WEFT_RETURN_IF_ERROR(random(value, seed++));
      }
      continue;
    }
    size_t at = text.find('=');
    if (at == std::string::npos || at == 0)
      return invalidArgument("--input '", text, "', wanted NAME=@FILE, NAME=random:SEED or random:SEED");
    std::string name = text.substr(0, at), what = text.substr(at + 1);
    const runtime::ValueInfo *value = infoOf(name);
    if (!value) {
      std::string known;
      for (const runtime::ValueInfo &other : info)
        known += (known.empty() ? "" : ", ") + other.toString();
      return invalidArgument("no input is named '", name, "', wanted one of ", known);
    }
    if (isRandom(what, seed)) {
      WEFT_RETURN_IF_ERROR(random(*value, seed));
    } else if (what.starts_with("@")) {
      WEFT_ASSIGN_OR_RETURN(HostTensor tensor, readTensor(what.substr(1), name));
      tensors.emplace_back(name, tensor);
    } else {
      return invalidArgument("--input '", text, "', wanted NAME=@FILE, NAME=random:SEED or random:SEED");
    }
  }
  return tensors;
}
