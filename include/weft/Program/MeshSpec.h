// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Meshes and shardings as people write them: "data:2,model:4" and "w=_,model".
#ifndef WEFT_PROGRAM_MESHSPEC_H
#define WEFT_PROGRAM_MESHSPEC_H

#include "weft/Program/Program.h"

#include <string_view>

namespace weft::program {

/// "data:2,model:4": axes with their sizes, the first the slowest. The name `stage` is taken by pipeline
/// stages.
Result<std::vector<MeshAxis>> parseMesh(std::string_view text);

/// Where a tensor is to lie.
struct ShardSpec {
  struct Dim {
    std::vector<uint32_t> axes; ///< of the mesh, major to minor
    bool isOpen = false;        ///< left to the partitioner
  };
  std::string name, text; ///< the value, and the whole of what was written
  std::vector<Dim> dims;
};
/// "NAME=SPEC", SPEC one entry per dimension: an axis, several joined by + (the major one first), _ for
/// whole, ? for what the partitioner finds best. An empty SPEC is that of a scalar.
Result<ShardSpec> parseShard(std::string_view text, const std::vector<MeshAxis> &mesh);

/// Ranks that run another target than the rest of their job.
struct RankTarget {
  uint32_t first = 0, last = 0;
  std::string target; ///< Target.h
};
/// "1=cuda-emu", "2-3=cuda:sm_90a".
Result<RankTarget> parseRankTarget(std::string_view text);

} // namespace weft::program

#endif // WEFT_PROGRAM_MESHSPEC_H
