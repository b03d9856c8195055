// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups and routes of ranks, each made once; see MeshTables.h.
#include "MeshTables.h"

using namespace mlir;
using namespace weft;

MeshTables::MeshTables(ModuleOp module, program::Program &out) : out(out) {
  dist::MeshAttr mesh = dist::getMesh(module);
  if (!mesh)
    return;
  auto number = [&](StringRef name, int64_t otherwise) {
    auto attr = module->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : otherwise;
  };
  stage = number(dist::DistDialect::getStageAttrName(), 0);
  if (int64_t stages = number(dist::DistDialect::getStagesAttrName(), 1); stages > 1)
    out.mesh.push_back({"stage", uint32_t(stages)});
  for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes()))
    out.mesh.push_back({name.str(), uint32_t(size)});
  out.numRanks = 1;
  for (const program::MeshAxis &axis : out.mesh)
    out.numRanks *= axis.size;
}

uint32_t MeshTables::axisOf(StringRef name) const {
  for (auto [i, axis] : llvm::enumerate(out.mesh))
    if (axis.name == name)
      return i;
  llvm_unreachable("the verifier knows all axes");
}

uint32_t MeshTables::groupOf(ArrayAttr axes, int64_t first) {
  auto [known, isNew] = groups.try_emplace({axes, first}, out.groups.size());
  if (!isNew)
    return known->second;
  std::vector<int64_t> strides(out.mesh.size(), 1);
  for (size_t axis = out.mesh.size() - 1; axis-- > 0;)
    strides[axis] = strides[axis + 1] * out.mesh[axis + 1].size;
  std::vector<std::vector<uint32_t>> sets;
  std::vector<bool> isIn(out.numRanks, false);
  for (uint32_t rank = 0; rank < out.numRanks; ++rank) {
    if (isIn[rank])
      continue;
    // The lowest rank of a set has place 0 along all of the axes.
    std::vector<uint32_t> set{rank};
    for (auto name : axes.getAsRange<StringAttr>()) {
      uint32_t axis = axisOf(name);
      std::vector<uint32_t> more;
      for (uint32_t member : set)
        for (uint32_t place = 0; place < out.mesh[axis].size; ++place)
          more.push_back(uint32_t(member + place * strides[axis]));
      set = std::move(more);
    }
    for (uint32_t member : set)
      isIn[member] = true;
    std::rotate(set.begin(), set.begin() + first, set.end());
    sets.push_back(std::move(set));
  }
  out.groups.push_back(std::move(sets));
  return known->second;
}

uint32_t MeshTables::routeTo(int64_t other) {
  for (auto &[known, id] : routes)
    if (known == other)
      return id;
  uint32_t workers = out.numRanks / out.mesh[0].size;
  std::vector<uint32_t> peers(out.numRanks, program::noId);
  for (uint32_t worker = 0; worker < workers; ++worker)
    peers[stage * workers + worker] = uint32_t(other * workers + worker);
  routes.emplace_back(other, out.routes.size());
  out.routes.push_back(std::move(peers));
  return routes.back().second;
}
