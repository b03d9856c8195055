// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small helpers of the program model.
#include "weft/Program/Program.h"

namespace weft::program {

Blob Blob::fromString(std::string text) {
  auto owned = std::make_shared<const std::string>(std::move(text));
  return {std::as_bytes(std::span<const char>(*owned)), owned};
}

FunctionId Program::findFunction(std::string_view name) const {
  for (FunctionId f = 0; f < functions.size(); ++f)
    if (functions[f].name == name)
      return f;
  return noId;
}

std::string meshText(const std::vector<MeshAxis> &mesh) {
  std::string text;
  for (const MeshAxis &axis : mesh)
    text += concat(text.empty() ? "" : ",", axis.name, ":", axis.size);
  return text;
}

std::string_view collectiveName(Collective kind) {
  static constexpr std::string_view names[] = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all",
                                               "broadcast"};
  return kind <= Collective::Broadcast ? names[size_t(kind)] : "unknown collective";
}

std::string_view Program::metadataOf(std::string_view key) const {
  for (const auto &[name, value] : metadata)
    if (name == key)
      return value;
  return {};
}

std::string_view deviceOfImage(const CodeImage &image) {
  if (image.isa.starts_with("ptx-"))
    return device::cuda;
  return image.isa.starts_with("emu-") ? device::cudaEmu : device::cpu;
}

bool mayRunOffDevice(const Program &program, std::string_view hostFunction) {
  return !program.isForGpu() || hostFunction == "print" || !program.metadataOf("allow_fallback").empty();
}

} // namespace weft::program
