// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A partitioned model as one file: the mesh, which rank plays which role, each role's program, and where the
// parts of inputs and outputs lie. Made by the partitioner, read by those who start workers.
#ifndef WEFT_PROGRAM_JOB_H
#define WEFT_PROGRAM_JOB_H

#include "weft/Program/Program.h"
#include "weft/Support/File.h"

namespace weft::program {

/// Of the schema; a reader refuses a newer one.
constexpr uint32_t jobFormatVersion = 2;

/// Where one tensor of the whole model lies on the mesh: per dimension the axes it is split over (major to
/// minor).
struct Sharding {
  std::vector<std::vector<uint32_t>> dims;
};

/// An input or output of the whole model. It belongs to one role and its variants, whose programs have an
/// argument or result of the same name.
struct JobValue {
  std::string name;
  DType dtype = DType::Invalid;
  std::vector<int64_t> dims; ///< of the whole
  Sharding sharding;
  uint32_t role = 0;
};

/// What the ranks of one pipeline stage run, or those of them that have one target.
struct JobRole {
  std::string name;
  Blob program;          ///< a .weft file
  Sha256Digest sha256{}; ///< of it; filled in by the writer when all zero
  /// The role that this is for another target, with the same inputs and outputs; noId: it is its own.
  uint32_t variantOf = noId;
};

struct Job {
  std::vector<MeshAxis> mesh; ///< the first axis is the slowest
  uint32_t numRanks = 1;      ///< the product of the mesh
  std::vector<uint32_t> roleOfRank;
  std::vector<JobRole> roles;
  std::vector<JobValue> inputs, outputs;

  /// Whether a rank has a part of a value.
  bool has(uint32_t rank, const JobValue &value) const;
  /// sha256 of everything, in hex.
  std::string id() const;
};

/// A box of a tensor: where it begins and how large it is.
struct Box {
  std::vector<int64_t> starts, sizes;
};
/// A rank's place along each axis of the mesh.
std::vector<uint32_t> coordinatesOf(const std::vector<MeshAxis> &mesh, uint32_t rank);
/// The part of a value that a rank has.
Box partOf(const Job &job, const JobValue &value, uint32_t rank);
/// Copies a box out of a tensor, or into one. Elements narrower than a byte are refused.
Result<HostTensor> takeBox(const HostTensor &whole, const Box &box);
Status putBox(HostTensor &whole, const Box &box, const HostTensor &part);

/// Everything that must hold of a job but its programs: every index, name, extent. The reader and the writer
/// both call it.
Status checkJob(const Job &job);

/// The bytes begin like a .weftjob file.
bool looksLikeJob(std::span<const std::byte> bytes);
/// Reads a .weftjob file. Bytes may come from anybody: sizes, offsets, hashes and indices are checked;
/// programs by their hash alone: they are checked when they are loaded. `bytes` must stay readable while
/// `owner` lives; without one they are copied.
Result<Job> readJob(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
/// Maps the file.
Result<Job> readJobFile(const std::string &path);
/// Checks the job, then passes the bytes of the file to `sink`, piece by piece in order.
Status writeJob(const Job &job, const FileSink &sink);

} // namespace weft::program

#endif // WEFT_PROGRAM_JOB_H
