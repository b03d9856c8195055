// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft inspect for jobs of several ranks: the mesh, who has which part of inputs and outputs, each role's
// program, and what its ranks send each other.
#include "InspectJob.h"

#include "weft/Program/Reader.h"

#include <cstdio>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::program;
using nlohmann::ordered_json;

namespace {

/// One command that sends, as each rank of a role does it.
struct Transfer {
  std::string what, with, node;
  int64_t bytes = 0;     ///< that a rank sends
  bool isInBody = false; ///< of a loop or branch: as often as that runs
};

/// "0-3, 6"
std::string ranksText(const std::vector<uint32_t> &ranks) {
  std::string text;
  for (size_t i = 0; i < ranks.size();) {
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1)
      ++last;
    text += concat(text.empty() ? "" : ", ", ranks[i]);
    if (last > i)
      text += concat("-", ranks[last]);
    i = last + 1;
  }
  return text;
}

std::string plural(const char *word, size_t count) { return concat(word, count == 1 ? "" : "s"); }

class JobDescription {
public:
  JobDescription(const Job &job, bool verify) : job(job), verify(verify) {}

  Status read() {
    for (const JobRole &role : job.roles) {
      ReadOptions options;
      options.verifyConstants = verify;
      WEFT_ASSIGN_OR_RETURN(LoadedProgram loaded, readProgram(role.program.bytes, role.program.owner, options)
                                                      .context(concat("role '", role.name, "'")));
      programs.push_back(std::move(loaded));
    }
    return Status::ok();
  }

  std::string text(const std::string &file) const {
    std::string text = concat(file, "\n  id: ", job.id(), "\n  mesh: ", meshText(job.mesh), ", ",
                              job.numRanks, " ", plural("rank", job.numRanks), "\n");
    if (verify)
      text += concat("  verified: ", job.roles.size(), " ", plural("program", job.roles.size()),
                     " and their constants have the hashes they should\n");
    for (const auto *values : {&job.inputs, &job.outputs})
      for (const JobValue &value : *values) {
        const std::vector<uint32_t> ranks = ranksWith(value);
        text += concat(values == &job.inputs ? "input " : "output ", value.name, ": ", value.dtype, "[",
                       shapeString(value.dims), "]; ", plural("rank", ranks.size()), " ", ranksText(ranks));
        const std::string how = shardingText(value);
        if (how.empty())
          text += ranks.size() == 1 ? " has it\n" : " have it whole\n";
        else
          text += concat(" have parts of [", shapeString(partOf(job, value, ranks.front()).sizes), "] (", how,
                         ")\n");
      }
    for (uint32_t role = 0; role < job.roles.size(); ++role)
      text += roleText(role);
    return text;
  }

  std::string json(const std::string &file) const {
    ordered_json root = {{"file", file}, {"id", job.id()}, {"ranks", job.numRanks}};
    if (verify)
      root["verified"] = true;
    root["mesh"] = ordered_json::array();
    for (const MeshAxis &axis : job.mesh)
      root["mesh"].push_back({{"name", axis.name}, {"size", axis.size}});
    root["role_of_rank"] = job.roleOfRank;
    for (const auto *values : {&job.inputs, &job.outputs}) {
      ordered_json &list = root[values == &job.inputs ? "inputs" : "outputs"] = ordered_json::array();
      for (const JobValue &value : *values) {
        ordered_json sharding = ordered_json::array();
        for (const std::vector<uint32_t> &axes : value.sharding.dims) {
          ordered_json names = ordered_json::array();
          for (const uint32_t axis : axes)
            names.push_back(job.mesh[axis].name);
          sharding.push_back(names);
        }
        const std::vector<uint32_t> ranks = ranksWith(value);
        list.push_back({{"name", value.name},
                        {"dtype", dtypeName(value.dtype)},
                        {"dims", value.dims},
                        {"sharding", sharding},
                        {"ranks", ranks},
                        {"part_dims", partOf(job, value, ranks.front()).sizes}});
      }
    }
    root["roles"] = ordered_json::array();
    for (uint32_t number = 0; number < job.roles.size(); ++number) {
      const JobRole &role = job.roles[number];
      ordered_json entry = {{"name", role.name},
                            {"ranks", ranksOf(number)},
                            {"device", programs[number].program.device},
                            {"bytes", role.program.bytes.size()},
                            {"sha256", toHex(role.sha256)},
                            {"kernels", programs[number].program.kernels.size()},
                            {"constant_bytes", constantBytes(number)}};
      if (role.variantOf != noId)
        entry["variant_of"] = job.roles[role.variantOf].name;
      entry["transfers"] = ordered_json::array();
      for (const Transfer &transfer : transfersOf(number))
        entry["transfers"].push_back({{"what", transfer.what},
                                      {"with", transfer.with},
                                      {"bytes", transfer.bytes},
                                      {"in_body", transfer.isInBody},
                                      {"nodes", transfer.node}});
      root["roles"].push_back(entry);
    }
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }

private:
  std::vector<uint32_t> ranksOf(uint32_t role) const {
    std::vector<uint32_t> ranks;
    for (uint32_t rank = 0; rank < job.numRanks; ++rank)
      if (job.roleOfRank[rank] == role)
        ranks.push_back(rank);
    return ranks;
  }
  std::vector<uint32_t> ranksWith(const JobValue &value) const {
    std::vector<uint32_t> ranks;
    for (uint32_t rank = 0; rank < job.numRanks; ++rank)
      if (job.has(rank, value))
        ranks.push_back(rank);
    return ranks;
  }

  /// "dimension 0 over data, dimension 1 over model"; empty: whole.
  std::string shardingText(const JobValue &value) const {
    std::string text;
    for (size_t dim = 0; dim < value.dims.size(); ++dim) {
      std::string axes;
      for (const uint32_t axis : value.sharding.dims[dim])
        axes += (axes.empty() ? "" : "+") + job.mesh[axis].name;
      if (!axes.empty())
        text += concat(text.empty() ? "" : ", ", "dimension ", dim, " over ", axes);
    }
    return text;
  }

  int64_t constantBytes(uint32_t role) const {
    int64_t bytes = 0;
    for (const Constant &constant : programs[role].program.constants)
      if (const auto size = checkedNumBytes(constant.dtype, constant.dims); size.isOk())
        bytes += *size;
    return bytes;
  }

  std::string roleText(uint32_t number) const {
    const JobRole &role = job.roles[number];
    const Program &program = programs[number].program;
    const std::vector<uint32_t> ranks = ranksOf(number);
    std::string text =
        concat("role ", role.name, ": ", plural("rank", ranks.size()), " ", ranksText(ranks), ", runs on ",
               program.device, ", ", driver::bytesText(int64_t(role.program.bytes.size())));
    if (role.variantOf != noId)
      text += concat(", a variant of ", job.roles[role.variantOf].name);
    text += concat("\n  sha256: ", toHex(role.sha256), "\n  ", program.kernels.size(), " ",
                   plural("kernel", program.kernels.size()), "; ", program.constants.size(), " ",
                   plural("constant", program.constants.size()), ", ",
                   driver::bytesText(constantBytes(number)), "\n");
    const std::vector<Transfer> transfers = transfersOf(number);
    int64_t perStep = 0;
    for (const Transfer &transfer : transfers) {
      perStep += transfer.isInBody ? 0 : transfer.bytes;
      text += concat("  ", transfer.what, " ", transfer.with, ", sends ", driver::bytesText(transfer.bytes),
                     transfer.isInBody ? " each time" : "", transfer.node.empty() ? "" : ": ", transfer.node,
                     "\n");
    }
    return text + concat("  each rank sends ", driver::bytesText(perStep), " per step\n");
  }

  /// What ranks of a role start, in the order of the program. Extents of a job are numbers.
  std::vector<Transfer> transfersOf(uint32_t role) const {
    const Program &program = programs[role].program;
    std::vector<int64_t> values;
    const std::vector<int64_t> symbols(program.symbols.size(), noValue);
    program.exprs.evaluate(std::span<const int64_t>(symbols), values);
    const std::vector<uint32_t> ranks = ranksOf(role);
    std::vector<Transfer> transfers;
    for (const Function &function : program.functions)
      for (const Command &command : function.commands) {
        Transfer transfer;
        transfer.node = command.location;
        transfer.isInBody = &function != &program.functions.front();
        if (const auto *start = std::get_if<CollectiveStart>(&command.what)) {
          const std::vector<uint32_t> &members = program.groups[start->group].front();
          const auto n = int64_t(members.size());
          transfer.what = concat(collectiveName(start->kind), " of ", start->dtype);
          transfer.with = concat("in groups of ", n);
          transfer.bytes = bytesSent(start->kind, values[start->count] * byteWidth(start->dtype), n);
        } else if (const auto *send = std::get_if<Send>(&command.what)) {
          transfer.what = "send";
          transfer.bytes = values[send->size];
          for (const uint32_t rank : ranks)
            if (const uint32_t peer = program.routes[send->route][rank]; peer != noId)
              transfer.with += concat(transfer.with.empty() ? "" : ", ", rank, " to ", peer);
        } else {
          continue;
        }
        transfers.push_back(std::move(transfer));
      }
    return transfers;
  }

  /// By one member of `n`, of a buffer of `bytes`; see Schedule.h.
  static int64_t bytesSent(Collective kind, int64_t bytes, int64_t n) {
    switch (kind) {
    case Collective::AllReduce:
      return 2 * bytes * (n - 1) / n;
    case Collective::AllGather:
      return bytes * (n - 1);
    case Collective::ReduceScatter:
    case Collective::AllToAll:
      return bytes * (n - 1) / n;
    case Collective::Broadcast:
      return bytes;
    }
    return bytes;
  }

  const Job &job;
  const bool verify;
  std::vector<LoadedProgram> programs; ///< by role
};

} // namespace

bool driver::isJobFile(const std::string &file) { return file.ends_with(".weftjob"); }

std::string driver::bytesText(int64_t bytes) {
  char text[32];
  if (bytes < 0)
    return "?";
  if (bytes < 1024)
    std::snprintf(text, sizeof text, "%lld B", (long long)bytes);
  else if (bytes < 1024 * 1024)
    std::snprintf(text, sizeof text, "%.1f KiB", double(bytes) / 1024);
  else
    std::snprintf(text, sizeof text, "%.1f MiB", double(bytes) / 0x1p20);
  return text;
}

Result<std::string> driver::describeJob(const std::string &file, bool verify, bool json) {
  WEFT_ASSIGN_OR_RETURN(const Job job, readJobFile(file));
  JobDescription description(job, verify);
  WEFT_RETURN_IF_ERROR(description.read().context(file));
  return json ? description.json(file) : description.text(file);
}
