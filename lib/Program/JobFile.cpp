// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The .weftjob file: a header of 128 bytes as that of .weft, the manifest, then each role's program at a
// multiple of 4 KiB.
#include "Format.h"
#include "weft/Program/Job.h"

#include "weft_job.pb.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstring>
#include <new>

namespace weft::program {
namespace {

using Bytes = std::span<const std::byte>;

constexpr Container jobContainer = {{'W', 'J', 'O', 'B', '\r', '\n', 0x1a, '\n'}, ".weftjob"};

template <class To, class From> void assign(To *to, const From &from) {
  to->Assign(from.begin(), from.end());
}

void encode(v1::JobValueEntry *out, const JobValue &value) {
  out->set_name(value.name);
  out->set_dtype(uint32_t(value.dtype));
  assign(out->mutable_dims(), value.dims);
  for (const auto &axes : value.sharding.dims)
    assign(out->add_sharding()->mutable_axes(), axes);
  out->set_role(value.role);
}

Result<JobValue> decode(const v1::JobValueEntry &in) {
  if (in.dtype() >= uint32_t(numDTypes))
    return invalidArgument("element type ", in.dtype(), " of '", in.name(), "'");
  JobValue value;
  value.name = in.name();
  value.dtype = DType(in.dtype());
  value.dims.assign(in.dims().begin(), in.dims().end());
  for (const v1::JobAxes &axes : in.sharding())
    value.sharding.dims.emplace_back(axes.axes().begin(), axes.axes().end());
  value.role = in.role();
  return value;
}

Sha256Digest digestOf(const JobRole &role) {
  return role.sha256 == Sha256Digest{} ? sha256(role.program.bytes.data(), role.program.bytes.size())
                                       : role.sha256;
}

/// The same job gives the same bytes.
std::string encodeJob(const Job &job) {
  v1::JobManifest manifest;
  manifest.set_format(jobFormatVersion);
  for (const MeshAxis &axis : job.mesh) {
    v1::JobAxis *out = manifest.add_mesh();
    out->set_name(axis.name);
    out->set_size(uint32_t(axis.size));
  }
  assign(manifest.mutable_role_of_rank(), job.roleOfRank);
  uint64_t end = 0;
  for (const JobRole &role : job.roles) {
    v1::JobRoleEntry *out = manifest.add_roles();
    out->set_name(role.name);
    out->set_offset(alignUp(end, sectionAlignment));
    out->set_size(role.program.bytes.size());
    const Sha256Digest digest = digestOf(role);
    out->set_sha256(digest.data(), digest.size());
    out->set_variant_of(role.variantOf == noId ? 0 : role.variantOf + 1);
    end = out->offset() + out->size();
  }
  for (const JobValue &value : job.inputs)
    encode(manifest.add_inputs(), value);
  for (const JobValue &value : job.outputs)
    encode(manifest.add_outputs(), value);
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  manifest.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

/// Programs lie one after the other, aligned, and end with the file.
Status readRole(const v1::JobRoleEntry &in, Bytes sections, const std::shared_ptr<const void> &owner,
                uint64_t &end, JobRole &role) {
  if (in.sha256().size() != role.sha256.size())
    return invalidArgument("has a hash of ", in.sha256().size(), " bytes");
  if (in.offset() != alignUp(end, sectionAlignment) || in.offset() > sections.size() ||
      in.size() > sections.size() - in.offset())
    return invalidArgument(in.size(), " bytes at ", in.offset(), " of ", sections.size(), ", wanted them at ",
                           alignUp(end, sectionAlignment), ", inside the file");
  end = in.offset() + in.size();
  role.name = in.name();
  role.variantOf = in.variant_of() == 0 ? noId : in.variant_of() - 1;
  role.program = {sections.subspan(in.offset(), in.size()), owner};
  std::memcpy(role.sha256.data(), in.sha256().data(), role.sha256.size());
  if (sha256(role.program.bytes.data(), role.program.bytes.size()) != role.sha256)
    return dataLoss("its program does not have the hash in the manifest");
  return Status::ok();
}

Result<Job> readChecked(Bytes file, const std::shared_ptr<const void> &owner) {
  WEFT_ASSIGN_OR_RETURN(const Bytes bytes, findManifest(file, jobContainer));
  v1::JobManifest manifest;
  if (!manifest.ParseFromArray(bytes.data(), int(bytes.size())))
    return invalidArgument("the manifest is no message of its schema");
  if (manifest.format() != jobFormatVersion)
    return unimplemented("found job format ", manifest.format(), ", wanted ", jobFormatVersion);
  Job job;
  for (const v1::JobAxis &axis : manifest.mesh())
    job.mesh.push_back({axis.name(), axis.size()});
  job.roleOfRank.assign(manifest.role_of_rank().begin(), manifest.role_of_rank().end());
  job.numRanks = uint32_t(job.roleOfRank.size());
  const uint64_t base = std::min<uint64_t>(alignUp(headerSize + bytes.size(), sectionAlignment), file.size());
  uint64_t end = 0;
  for (const v1::JobRoleEntry &entry : manifest.roles()) {
    JobRole role;
    WEFT_RETURN_IF_ERROR(
        readRole(entry, file.subspan(base), owner, end, role).context(concat("role ", job.roles.size())));
    job.roles.push_back(std::move(role));
  }
  if (end != file.size() - base)
    return invalidArgument("found ", file.size() - base - end, " bytes behind the last program");
  for (const v1::JobValueEntry &entry : manifest.inputs()) {
    WEFT_ASSIGN_OR_RETURN(JobValue value, decode(entry));
    job.inputs.push_back(std::move(value));
  }
  for (const v1::JobValueEntry &entry : manifest.outputs()) {
    WEFT_ASSIGN_OR_RETURN(JobValue value, decode(entry));
    job.outputs.push_back(std::move(value));
  }
  WEFT_RETURN_IF_ERROR(checkJob(job));
  return job;
}

} // namespace

std::string Job::id() const {
  const std::string manifest = encodeJob(*this);
  return sha256Hex(manifest);
}

bool looksLikeJob(Bytes bytes) { return hasMagic(bytes, jobContainer); }

Result<Job> readJob(Bytes bytes, std::shared_ptr<const void> owner) {
  if (!owner) {
    std::shared_ptr<std::byte> copy = allocateAligned(bytes.size());
    if (!copy)
      return resourceExhausted("no memory for a job of ", bytes.size(), " bytes");
    if (!bytes.empty())
      std::memcpy(copy.get(), bytes.data(), bytes.size());
    bytes = {copy.get(), bytes.size()};
    owner = std::move(copy);
  }
  try { // a manifest may ask for more memory than there is
    return readChecked(bytes, owner).context("cannot read the job");
  } catch (const std::bad_alloc &) {
    return resourceExhausted("cannot read the job: no memory for its manifest");
  }
}

Result<Job> readJobFile(const std::string &path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  Result<Job> job = readJob(file->bytes(), file).context(path);
  if (file->faulted())
    return dataLoss(path, ": the file became shorter while it was read");
  return job;
}

Status writeJob(const Job &job, const FileSink &sink) {
  WEFT_RETURN_IF_ERROR(checkJob(job).context("cannot write the job"));
  const std::string manifest = encodeJob(job);
  WEFT_RETURN_IF_ERROR(sink(makeHeader(jobContainer, manifest)));
  WEFT_RETURN_IF_ERROR(sink(std::as_bytes(std::span<const char>(manifest))));
  static constexpr std::byte zeros[sectionAlignment] = {};
  uint64_t position = headerSize + manifest.size();
  for (const JobRole &role : job.roles) {
    const uint64_t gap = alignUp(position, sectionAlignment) - position;
    if (gap) {
      WEFT_RETURN_IF_ERROR(sink({zeros, size_t(gap)}));
    }
    if (!role.program.bytes.empty()) {
      WEFT_RETURN_IF_ERROR(sink(role.program.bytes));
    }
    position += gap + role.program.bytes.size();
  }
  return Status::ok();
}

} // namespace weft::program
