// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of inputs and outputs, one rank's steps, and all ranks as threads.
#include "weft/Distributed/RunJob.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

namespace weft::distributed {

using program::Job;
using program::JobValue;

static const JobValue *findValue(const std::vector<JobValue> &values, const std::string &name) {
  const auto it =
      std::find_if(values.begin(), values.end(), [&](const JobValue &value) { return value.name == name; });
  return it == values.end() ? nullptr : &*it;
}

Status checkInputs(const Job &job, const NamedTensors &inputs) {
  for (const auto &[name, tensor] : inputs) {
    const JobValue *value = findValue(job.inputs, name);
    if (!value)
      return invalidArgument("the job has no input '", name, "'");
    if (tensor.dtype() != value->dtype || tensor.shape() != value->dims)
      return invalidArgument("input '", name, "' is ", tensor.typeString(), ", wanted ", value->dtype, "[",
                             shapeString(value->dims), "]");
  }
  for (const JobValue &value : job.inputs)
    if (std::none_of(inputs.begin(), inputs.end(),
                     [&](const auto &input) { return input.first == value.name; }))
      return invalidArgument("input '", value.name, "' is not given");
  return Status::ok();
}

Result<NamedTensors> inputsOfRank(const Job &job, const NamedTensors &inputs, uint32_t rank) {
  NamedTensors parts;
  for (const auto &[name, tensor] : inputs) {
    const JobValue *value = findValue(job.inputs, name);
    if (!value || !job.has(rank, *value))
      continue;
    WEFT_ASSIGN_OR_RETURN(HostTensor part, takeBox(tensor, partOf(job, *value, rank)).context(name));
    parts.emplace_back(name, std::move(part));
  }
  return parts;
}

Status OutputJoiner::put(uint32_t rank, const std::string &name, const HostTensor &part) {
  const JobValue *value = findValue(job.outputs, name);
  if (!value || !job.has(rank, *value))
    return invalidArgument("rank ", rank, " gives an output '", name, "' that is not its own");
  std::lock_guard lock(mutex);
  HostTensor &whole = wholes[name];
  if (!whole.isValid()) {
    WEFT_ASSIGN_OR_RETURN(whole, HostTensor::zeros(value->dtype, value->dims));
    given[name].resize(job.numRanks);
  }
  WEFT_RETURN_IF_ERROR(
      putBox(whole, partOf(job, *value, rank), part).context(concat("output '", name, "' of rank ", rank)));
  given[name][rank] = true;
  return Status::ok();
}

Result<NamedTensors> OutputJoiner::finish() {
  std::lock_guard lock(mutex);
  NamedTensors outputs;
  for (const JobValue &value : job.outputs) {
    std::vector<bool> &ranks = given[value.name];
    ranks.resize(job.numRanks);
    for (uint32_t rank = 0; rank < job.numRanks; ++rank)
      if (job.has(rank, value) && !ranks[rank])
        return internalError("rank ", rank, " has not given its part of output '", value.name, "'");
    outputs.emplace_back(value.name, wholes[value.name]);
  }
  return outputs;
}

Result<std::unique_ptr<RankRunner>> RankRunner::create(std::shared_ptr<const runtime::Executable> executable,
                                                       GroupCommunicator &communicator,
                                                       runtime::SessionOptions options) {
  std::unique_ptr<RankRunner> runner(new RankRunner(communicator));
  options.communicator = &communicator;
  WEFT_ASSIGN_OR_RETURN(runner->running, runtime::Session::create(std::move(executable), options));
  return runner;
}

Result<std::vector<HostTensor>> RankRunner::step(const NamedTensors &inputs) {
  constexpr size_t most = 4096;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  std::vector<HostTensor> ordered;
  WEFT_ASSIGN_OR_RETURN(const std::vector<runtime::ValueInfo> wanted, running->executable().inputs());
  for (const runtime::ValueInfo &info : wanted) {
    const auto it = std::find_if(inputs.begin(), inputs.end(),
                                 [&](const auto &input) { return input.first == info.name; });
    if (it == inputs.end())
      return invalidArgument("rank ", communicator.rank(), ": input '", info.name, "' is not given");
    ordered.push_back(it->second);
  }
  Result<std::vector<HostTensor>> outputs = running->run(ordered);
  if (!outputs.isOk()) {
    const Status failure = outputs.status();
    communicator.abort(failure); // a run refused before it began has told nobody
    return failure.context(concat("rank ", communicator.rank(), ", step ", communicator.step()));
  }
  const auto time =
      uint32_t(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
  if (times.size() < most)
    times.push_back(time);
  else
    times[numSteps % most] = time;
  ++numSteps;
  return outputs;
}

std::string RankRunner::traceEvents() const {
  return running->trace().toChromeEvents(communicator.rank() + 1, concat("rank ", communicator.rank()));
}

std::string joinTraces(const std::vector<std::string> &events) {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  const char *separator = "\n";
  for (const std::string &part : events)
    if (!part.empty()) {
      text += separator + part;
      separator = ",\n";
    }
  return text + "\n]}\n";
}

uint64_t jobNumber(const Job &job) {
  uint64_t number = 0;
  for (const char digit : job.id().substr(0, 16))
    number = number * 16 + uint64_t(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return number;
}

Result<JobResult> runInProcess(const Job &job, const NamedTensors &inputs, const InProcessOptions &options) {
  WEFT_RETURN_IF_ERROR(checkInputs(job, inputs));
  std::vector<std::shared_ptr<const runtime::Executable>> executables;
  for (const program::JobRole &role : job.roles) {
    WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const runtime::Executable> executable,
                          runtime::Executable::load(role.program.bytes, role.program.owner)
                              .context(concat("role '", role.name, "'")));
    executables.push_back(std::move(executable));
  }
  std::vector<std::unique_ptr<Transport>> transports = makeInProcessTransports(job.numRanks);
  OutputJoiner outputs(job);
  std::vector<Status> statuses(job.numRanks);
  std::vector<std::string> traces(job.numRanks);
  std::vector<std::vector<uint32_t>> times(job.numRanks);
  const auto runRank = [&](uint32_t rank) -> Status {
    CommunicatorOptions options_ = options.communicator;
    options_.job = jobNumber(job);
    options_.heartbeat = std::chrono::milliseconds(0); // threads of one process die together
    WEFT_ASSIGN_OR_RETURN(const auto communicator,
                          GroupCommunicator::create(std::move(transports[rank]), options_));
    const auto run = [&]() -> Status {
      WEFT_ASSIGN_OR_RETURN(const NamedTensors parts, inputsOfRank(job, inputs, rank));
      WEFT_ASSIGN_OR_RETURN(const auto runner, RankRunner::create(executables[job.roleOfRank[rank]],
                                                                  *communicator, options.session));
      std::vector<HostTensor> results;
      for (uint64_t step = 0; step < options.steps; ++step) {
        WEFT_ASSIGN_OR_RETURN(results, runner->step(parts));
      }
      const auto &values = runner->session().executable().outputs();
      for (size_t i = 0; i < results.size(); ++i)
        if (findValue(job.outputs, (*values)[i].name))
          WEFT_RETURN_IF_ERROR(outputs.put(rank, (*values)[i].name, results[i]));
      if (options.session.trace)
        traces[rank] = runner->traceEvents();
      times[rank] = runner->stepMicroseconds();
      return Status::ok();
    };
    Status status = run();
    if (!status.isOk())
      communicator->abort(status);
    return status;
  };
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < job.numRanks; ++rank)
    threads.emplace_back([&, rank] { statuses[rank] = runRank(rank); });
  for (std::thread &thread : threads)
    thread.join();
  // The one that failed by itself says more than those that it ended; their messages name it.
  const Status *shortest = nullptr;
  for (const Status &status : statuses)
    if (!status.isOk() && (!shortest || status.message().size() < shortest->message().size()))
      shortest = &status;
  if (shortest)
    return *shortest;
  JobResult result;
  WEFT_ASSIGN_OR_RETURN(result.outputs, outputs.finish());
  for (const std::vector<uint32_t> &rank : times) {
    result.stepMicroseconds.resize(std::max(result.stepMicroseconds.size(), rank.size()));
    for (size_t i = 0; i < rank.size(); ++i)
      result.stepMicroseconds[i] = std::max(result.stepMicroseconds[i], rank[i]);
  }
  if (options.session.trace)
    result.trace = joinTraces(traces);
  return result;
}

int exitCodeOf(const Status &status) {
  switch (status.code()) {
  case Code::Ok:
    return 0;
  case Code::Unavailable:
  case Code::DeadlineExceeded:
  case Code::Aborted:
  case Code::Cancelled:
  case Code::DataLoss: // on the way; what is damaged at rest is found by its hash before
    return 75;
  case Code::Internal:
  case Code::Unknown:
    return 70;
  default:
    return 78;
  }
}

} // namespace weft::distributed
