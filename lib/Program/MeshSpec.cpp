// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads meshes and shardings from text; messages say what is wrong and what there is.
#include "weft/Program/MeshSpec.h"

#include "weft/Program/Target.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

namespace weft::program {
namespace {

/// Pieces between separators; one empty piece for an empty text.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos)
      return parts;
    text.remove_prefix(at + 1);
  }
}

bool isName(std::string_view text) {
  const auto isWord = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) && text != "_" &&
         std::all_of(text.begin(), text.end(), isWord);
}

std::string namesOf(const std::vector<MeshAxis> &mesh) {
  std::string names;
  for (const MeshAxis &axis : mesh)
    names += (names.empty() ? "" : ", ") + axis.name;
  return names;
}

constexpr int64_t mostWorkers = int64_t(1) << 20;

} // namespace

Result<std::vector<MeshAxis>> parseMesh(std::string_view text) {
  std::vector<MeshAxis> mesh;
  std::set<std::string_view> seen;
  int64_t workers = 1;
  for (const std::string_view part : split(text, ',')) {
    const size_t colon = part.find(':');
    const std::string_view name = part.substr(0, colon);
    int64_t size = 0;
    if (colon != std::string_view::npos) {
      const std::string_view digits = part.substr(colon + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
      if (error != std::errc() || end != digits.data() + digits.size())
        size = 0;
    }
    if (!isName(name) || size < 1)
      return invalidArgument("mesh '", text, "': found '", part,
                             "', wanted AXIS:SIZE with a size from 1, as in data:2,model:2");
    if (name == "stage")
      return invalidArgument("mesh '", text, "': the axis 'stage' is that of --stages, wanted another name");
    if (!seen.insert(name).second)
      return invalidArgument("mesh '", text, "': found the axis '", name, "' twice");
    if (size > mostWorkers || (workers *= size) > mostWorkers)
      return invalidArgument("mesh '", text, "': more than ", mostWorkers, " workers");
    mesh.push_back({std::string(name), uint32_t(size)});
  }
  return mesh;
}

Result<ShardSpec> parseShard(std::string_view text, const std::vector<MeshAxis> &mesh) {
  // Names of values may hold '=': the specification does not.
  const size_t at = text.rfind('=');
  if (at == std::string_view::npos || at == 0)
    return invalidArgument("sharding '", text, "': wanted NAME=SPEC, as in x=data,_");
  ShardSpec spec{std::string(text.substr(0, at)), std::string(text), {}};
  const std::string_view list = text.substr(at + 1);
  std::set<std::string_view> seen;
  for (const std::string_view part : list.empty() ? std::vector<std::string_view>() : split(list, ',')) {
    ShardSpec::Dim dim;
    dim.isOpen = part == "?";
    for (const std::string_view name :
         part == "_" || part == "?" ? std::vector<std::string_view>() : split(part, '+')) {
      const auto axis =
          std::find_if(mesh.begin(), mesh.end(), [&](const MeshAxis &known) { return known.name == name; });
      if (axis == mesh.end())
        return invalidArgument("sharding '", text, "': found no axis '", name, "' in the mesh, wanted ",
                               namesOf(mesh), ", _ (whole) or ? (left open)");
      if (!seen.insert(name).second)
        return invalidArgument("sharding '", text, "': found the axis '", name, "' twice");
      dim.axes.push_back(uint32_t(axis - mesh.begin()));
    }
    spec.dims.push_back(std::move(dim));
  }
  return spec;
}

Result<RankTarget> parseRankTarget(std::string_view text) {
  const size_t at = text.find('=');
  const std::string_view ranks = text.substr(0, at);
  const size_t dash = ranks.find('-');
  const auto number = [](std::string_view digits, uint32_t &into) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  RankTarget made;
  const bool isGood = at != std::string_view::npos && number(ranks.substr(0, dash), made.first) &&
                      number(dash == std::string_view::npos ? ranks : ranks.substr(dash + 1), made.last) &&
                      made.first <= made.last;
  if (!isGood)
    return invalidArgument("'", text, "', wanted RANK=TARGET or FIRST-LAST=TARGET, as in 1=cuda-emu");
  made.target = text.substr(at + 1);
  WEFT_RETURN_IF_ERROR(parseTarget(made.target).status());
  return made;
}

} // namespace weft::program
