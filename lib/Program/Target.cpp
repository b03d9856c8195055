// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the text of a target.
#include "weft/Program/Target.h"

#include "weft/Program/Program.h"

#include <algorithm>

namespace weft::program {

bool Target::has(std::string_view device) const {
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

Result<Target> parseTarget(std::string_view text) {
  const auto refuse = [&] {
    return invalidArgument(
        "target '", text,
        "', wanted cpu, cuda or cuda-emu; a GPU's with an architecture if need be (cuda:sm_90a)");
  };
  Target target;
  target.devices.clear();
  const size_t colon = text.find(':');
  std::string_view names = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    target.architecture = text.substr(colon + 1);
    if (!target.architecture.starts_with("sm_"))
      return refuse();
  }
  while (true) {
    const size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    if ((name != device::cpu && name != device::cuda && name != device::cudaEmu) || target.has(name))
      return refuse();
    target.devices.emplace_back(name);
    if (comma == std::string_view::npos)
      break;
    names.remove_prefix(comma + 1);
  }
  if (target.has(device::cpu) && (target.devices.size() > 1 || !target.architecture.empty()))
    return refuse();
  return target;
}

} // namespace weft::program
