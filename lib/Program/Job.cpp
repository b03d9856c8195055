// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of tensors, and what must hold of a job.
#include "weft/Program/Job.h"

#include <cstring>
#include <set>

namespace weft::program {

//===-- Parts
//------------------------------------------------------------------------------------------------===//

std::vector<uint32_t> coordinatesOf(const std::vector<MeshAxis> &mesh, uint32_t rank) {
  std::vector<uint32_t> place(mesh.size());
  for (size_t axis = mesh.size(); axis-- > 0;) {
    place[axis] = uint32_t(rank % mesh[axis].size);
    rank /= uint32_t(mesh[axis].size);
  }
  return place;
}

bool Job::has(uint32_t rank, const JobValue &value) const {
  const uint32_t role = roleOfRank[rank], base = roles[role].variantOf;
  return value.role == (base == noId ? role : base);
}

Box partOf(const Job &job, const JobValue &value, uint32_t rank) {
  const std::vector<uint32_t> place = coordinatesOf(job.mesh, rank);
  Box box;
  for (size_t dim = 0; dim < value.dims.size(); ++dim) {
    int64_t parts = 1, part = 0;
    for (const uint32_t axis : value.sharding.dims[dim]) {
      parts *= job.mesh[axis].size;
      part = part * job.mesh[axis].size + place[axis];
    }
    box.sizes.push_back(value.dims[dim] / parts);
    box.starts.push_back(part * box.sizes.back());
  }
  return box;
}

/// Calls `move` with the element offsets of each row of a box: in the whole tensor, and in the box.
template <class Move> static void forEachRow(const HostTensor &whole, const Box &box, Move move) {
  const int64_t rank = whole.rank();
  std::vector<int64_t> at(size_t(rank), 0);
  for (const int64_t size : box.sizes)
    if (size == 0)
      return;
  for (int64_t done = 0;;) {
    int64_t offset = 0;
    for (int64_t dim = 0; dim < rank; ++dim)
      offset = offset * whole.dim(dim) + box.starts[size_t(dim)] + at[size_t(dim)];
    move(offset, done);
    done += rank ? box.sizes.back() : 1;
    int64_t dim = rank - 2;
    while (dim >= 0 && ++at[size_t(dim)] == box.sizes[size_t(dim)])
      at[size_t(dim--)] = 0;
    if (dim < 0)
      return;
  }
}

static Status checkBox(const HostTensor &whole, const Box &box) {
  if (byteWidth(whole.dtype()) == 0)
    return unimplemented("parts of a tensor of ", dtypeName(whole.dtype()),
                         ", wanted elements of whole bytes");
  bool fits = box.starts.size() == size_t(whole.rank()) && box.sizes.size() == size_t(whole.rank());
  for (size_t dim = 0; fits && dim < box.starts.size(); ++dim)
    fits = box.starts[dim] >= 0 && box.sizes[dim] >= 0 && box.sizes[dim] <= whole.dim(int64_t(dim)) &&
           box.starts[dim] <= whole.dim(int64_t(dim)) - box.sizes[dim];
  return fits ? Status::ok() : invalidArgument("a part outside of ", whole.typeString());
}

Result<HostTensor> takeBox(const HostTensor &whole, const Box &box) {
  WEFT_RETURN_IF_ERROR(checkBox(whole, box));
  WEFT_ASSIGN_OR_RETURN(HostTensor part, HostTensor::uninitialized(whole.dtype(), box.sizes));
  const size_t width = size_t(byteWidth(whole.dtype()));
  const size_t run = width * (box.sizes.empty() ? 1 : size_t(box.sizes.back()));
  const auto *from = static_cast<const std::byte *>(whole.raw());
  std::byte *to = part.mutableBytes().data();
  forEachRow(whole, box, [&](int64_t offset, int64_t at) {
    std::memcpy(to + size_t(at) * width, from + size_t(offset) * width, run);
  });
  return part;
}

Status putBox(HostTensor &whole, const Box &box, const HostTensor &part) {
  WEFT_RETURN_IF_ERROR(checkBox(whole, box));
  if (part.dtype() != whole.dtype() || part.shape() != box.sizes)
    return invalidArgument("found a part ", part.typeString(), ", wanted one of ", shapeString(box.sizes));
  const size_t width = size_t(byteWidth(whole.dtype()));
  const size_t run = width * (box.sizes.empty() ? 1 : size_t(box.sizes.back()));
  const auto *from = static_cast<const std::byte *>(part.raw());
  std::byte *to = whole.mutableBytes().data();
  forEachRow(whole, box, [&](int64_t offset, int64_t at) {
    std::memcpy(to + size_t(offset) * width, from + size_t(at) * width, run);
  });
  return Status::ok();
}

//===-- Checks
//-----------------------------------------------------------------------------------------------===//

/// More ranks than this are a damaged file, not a cluster.
static constexpr uint64_t mostRanks = uint64_t(1) << 20;

static Status checkValue(const Job &job, const JobValue &value) {
  if (value.name.empty())
    return invalidArgument("has no name");
  if (value.dtype == DType::Invalid || int(value.dtype) >= numDTypes)
    return invalidArgument("has no element type");
  WEFT_RETURN_IF_ERROR(checkedNumBytes(value.dtype, value.dims).status());
  if (value.sharding.dims.size() != value.dims.size())
    return invalidArgument("has a sharding of ", value.sharding.dims.size(), " dimensions, wanted ",
                           value.dims.size());
  if (value.role >= job.roles.size())
    return invalidArgument("belongs to role ", value.role, " of ", job.roles.size());
  if (job.roles[value.role].variantOf != noId)
    return invalidArgument("belongs to role ", value.role, ", which is a variant of another");
  std::set<uint32_t> seen;
  for (size_t dim = 0; dim < value.dims.size(); ++dim) {
    int64_t parts = 1;
    for (const uint32_t axis : value.sharding.dims[dim]) {
      if (axis >= job.mesh.size())
        return invalidArgument("is split over axis ", axis, " of ", job.mesh.size());
      if (!seen.insert(axis).second)
        return invalidArgument("is split over axis '", job.mesh[axis].name, "' twice");
      parts *= job.mesh[axis].size;
    }
    if (value.dims[dim] % parts != 0)
      return invalidArgument("dimension ", dim, ": ", value.dims[dim], " rows over ", parts, " ranks");
  }
  return Status::ok();
}

Status checkJob(const Job &job) {
  std::set<std::string> names;
  uint64_t ranks = 1;
  for (const MeshAxis &axis : job.mesh) {
    if (axis.name.empty() || !names.insert(axis.name).second)
      return invalidArgument("mesh: an axis has no name of its own: '", axis.name, "'");
    if (axis.size < 1 || uint64_t(axis.size) > mostRanks || (ranks *= uint64_t(axis.size)) > mostRanks)
      return invalidArgument("mesh: axis '", axis.name, "' of size ", axis.size, ": wanted from 1 to ",
                             mostRanks, " ranks in all");
  }
  if (ranks != job.numRanks || job.roleOfRank.size() != ranks)
    return invalidArgument("found ", job.numRanks, " ranks and roles of ", job.roleOfRank.size(), ", wanted ",
                           ranks, " as the mesh has");
  std::vector<bool> used(job.roles.size());
  for (size_t rank = 0; rank < ranks; ++rank) {
    if (job.roleOfRank[rank] >= job.roles.size())
      return invalidArgument("rank ", rank, " plays role ", job.roleOfRank[rank], " of ", job.roles.size());
    used[job.roleOfRank[rank]] = true;
  }
  names.clear();
  for (size_t role = 0; role < job.roles.size(); ++role) {
    if (!used[role])
      return invalidArgument("role ", role, " is played by no rank");
    if (job.roles[role].name.empty() || !names.insert(job.roles[role].name).second)
      return invalidArgument("role ", role, " has no name of its own: '", job.roles[role].name, "'");
    if (const uint32_t base = job.roles[role].variantOf;
        base != noId && (base >= job.roles.size() || job.roles[base].variantOf != noId))
      return invalidArgument("role ", role, " is a variant of role ", base, ", which is ",
                             base < job.roles.size() ? "one itself" : "none");
  }
  for (const auto *values : {&job.inputs, &job.outputs}) {
    names.clear();
    for (const JobValue &value : *values) {
      WEFT_RETURN_IF_ERROR(
          checkValue(job, value)
              .context(concat(values == &job.inputs ? "input '" : "output '", value.name, "'")));
      if (!names.insert(value.name).second)
        return invalidArgument("two ", values == &job.inputs ? "inputs '" : "outputs '", value.name, "'");
    }
  }
  return Status::ok();
}

} // namespace weft::program
