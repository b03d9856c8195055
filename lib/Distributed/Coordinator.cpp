// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The coordinator's side of control.proto. Handlers run on threads of gRPC: they look up and note under one
// mutex, and never wait; what must wait is kept and answered later.
#include "weft/Distributed/Coordinator.h"

#include "Messages.h"
#include "weft/Program/Abi.h"

#include <condition_variable>
#include <thread>

namespace weft::distributed {

using Clock = std::chrono::steady_clock;
using program::Job;

struct Coordinator::Impl {
  struct Worker {
    bool hasCome = false, isReady = false, isDone = false;
    bool isTold = false; ///< that the job has failed; or it is gone
    std::string address; ///< for its peers
    uint64_t step = 0;
    uint64_t progress = 0; ///< grows as long as the worker gets on
    std::string command;   ///< what it is at; before it is ready, what it does with its program
    Clock::time_point lastHeard, lastProgress, watchedSince;
    std::shared_ptr<RpcCall> watch, readyCall, doneCall; ///< to be answered later
    std::map<std::string, HostTensor> outputs;
    std::map<std::string, uint64_t> received; ///< bytes of each output
    std::vector<uint32_t> times;
    std::string trace;
  };

  Impl(const Job &job, const NamedTensors &inputs, const CoordinatorOptions &options)
      : job(job), inputs(inputs), options(options), workers(job.numRanks), joiner(job) {
    for (const program::JobRole &role : job.roles)
      hashes.push_back(sha256(role.program.bytes.data(), role.program.bytes.size()));
  }

  void handle(const std::shared_ptr<RpcCall> &call);
  template <class Q>
  void with(RpcCall &call, void (Impl::*method)(RpcCall &, const Q &, std::span<const std::byte>));
  void hello(RpcCall &call, const v1::HelloRequest &request, std::span<const std::byte>);
  void fetch(RpcCall &call, const v1::FetchRequest &request, std::span<const std::byte>);
  void input(RpcCall &call, const v1::InputRequest &request, std::span<const std::byte>);
  void beat(RpcCall &call, const v1::BeatRequest &request, std::span<const std::byte>);
  void output(RpcCall &call, const v1::OutputRequest &request, std::span<const std::byte> raw);
  void trace(RpcCall &call, const v1::TraceRequest &request, std::span<const std::byte> raw);
  void abort(RpcCall &call, const v1::AbortRequest &request, std::span<const std::byte>);
  void log(RpcCall &call, const v1::LogRequest &request, std::span<const std::byte>);
  void ready(const std::shared_ptr<RpcCall> &call, const v1::ReadyRequest &request);
  void watch(const std::shared_ptr<RpcCall> &call, const v1::WatchRequest &request);
  void done(const std::shared_ptr<RpcCall> &call, const v1::DoneRequest &request);

  Status checkRank(uint32_t rank) const {
    return rank < job.numRanks ? Status::ok()
                               : invalidArgument("rank ", rank, " in a job of ", job.numRanks, " ranks");
  }
  Status checkHello(const v1::HelloRequest &request) const;
  std::string place(uint32_t rank) const;
  Status checkWorker(uint32_t rank, Clock::time_point start, Clock::time_point now) const;
  void fail(const Status &reason);
  void guard(const std::shared_ptr<RpcCall> &call, uint32_t rank);
  void monitor();

  const Job &job;
  const NamedTensors &inputs;
  const CoordinatorOptions options;
  std::vector<Sha256Digest> hashes; ///< of the roles' programs
  std::unique_ptr<RpcServer> server;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Worker> workers;
  std::map<std::pair<uint32_t, std::string>, HostTensor> parts; ///< of inputs, by rank and name
  Status failure;
  bool isStopped = false;
  OutputJoiner joiner;
  std::thread monitorThread;
};

void Coordinator::Impl::fail(const Status &reason) {
  std::vector<std::shared_ptr<RpcCall>> waiting;
  {
    std::lock_guard lock(mutex);
    if (!failure.isOk())
      return;
    failure = reason;
    for (Worker &worker : workers) {
      worker.isTold |= bool(worker.watch);
      for (auto *call : {&worker.watch, &worker.readyCall, &worker.doneCall})
        if (*call)
          waiting.push_back(std::exchange(*call, nullptr));
    }
    changed.notify_all();
  }
  v1::WatchReply reply;
  reply.set_code(uint32_t(reason.code()));
  reply.set_message(reason.message());
  for (const auto &call : waiting)
    if (call->method() == concat(coordinatorService, "Watch"))
      call->reply(Status::ok(), encodeMessage(reply));
    else
      call->reply(reason, {});
}

/// Where a worker was when it was last heard of.
std::string Coordinator::Impl::place(uint32_t rank) const {
  const Worker &worker = workers[rank];
  if (!worker.isReady)
    return concat("rank ", rank, ", while it ",
                  worker.command.empty() ? std::string("loads its program") : worker.command);
  return concat("rank ", rank, ", step ", worker.step,
                worker.command.empty() ? "" : concat(", at '", worker.command, "'"));
}

/// A call that breaks while it waits tells that its worker is dead.
void Coordinator::Impl::guard(const std::shared_ptr<RpcCall> &call, uint32_t rank) {
  call->onCancelled([this, rank] {
    std::string where;
    {
      std::lock_guard lock(mutex);
      workers[rank].isTold = true;
      changed.notify_all();
      if (isStopped || workers[rank].isDone)
        return;
      where = place(rank);
    }
    fail(unavailable(where, ": the worker is gone: its connection is closed"));
  });
}

void Coordinator::Impl::handle(const std::shared_ptr<RpcCall> &call) {
  const std::string &method = call->method();
  const auto is = [&](const char *name) { return method == concat(coordinatorService, name); };
  const auto kept = [&](auto request, auto member) {
    const auto raw = decodeMessage(call->request(), request);
    Status status = raw.status();
    if (status.isOk())
      status = checkRank(request.rank());
    if (!status.isOk())
      return call->reply(status, {});
    (this->*member)(call, request);
  };
  if (is("Hello"))
    return with(*call, &Impl::hello);
  if (is("Fetch"))
    return with(*call, &Impl::fetch);
  if (is("Ready"))
    return kept(v1::ReadyRequest(), &Impl::ready);
  if (is("Input"))
    return with(*call, &Impl::input);
  if (is("Beat"))
    return with(*call, &Impl::beat);
  if (is("Watch"))
    return kept(v1::WatchRequest(), &Impl::watch);
  if (is("Output"))
    return with(*call, &Impl::output);
  if (is("Trace"))
    return with(*call, &Impl::trace);
  if (is("Done"))
    return kept(v1::DoneRequest(), &Impl::done);
  if (is("Abort"))
    return with(*call, &Impl::abort);
  if (is("Log"))
    return with(*call, &Impl::log);
  call->reply(unimplemented("no method ", method), {});
}

template <class Q>
void Coordinator::Impl::with(RpcCall &call,
                             void (Impl::*method)(RpcCall &, const Q &, std::span<const std::byte>)) {
  Q request;
  const Result<std::span<const std::byte>> raw = decodeMessage(call.request(), request);
  Status status = raw.status();
  if (status.isOk())
    status = checkRank(request.rank());
  if (!status.isOk())
    return call.reply(status, {});
  (this->*method)(call, request, *raw);
}

Status Coordinator::Impl::checkHello(const v1::HelloRequest &request) const {
  const auto differs = [&](const char *what, uint32_t found, uint32_t wanted) {
    return failedPrecondition("rank ", request.rank(), " on ", request.host(), " speaks ", what, " ", found,
                              ", the coordinator ", wanted, ": install one version of Weft on all hosts");
  };
  if (request.wire_version() != wireVersion)
    return differs("wire version", request.wire_version(), wireVersion);
  if (request.program_format() < program::formatVersion)
    return differs("program format", request.program_format(), program::formatVersion);
  if (request.abi() != WEFT_ABI)
    return differs("kernel ABI", request.abi(), WEFT_ABI);
  if (request.num_ranks() != 0 && request.num_ranks() != job.numRanks)
    return failedPrecondition("rank ", request.rank(), " was started as one of ", request.num_ranks(),
                              " ranks, the job has ", job.numRanks, " (mesh ", program::meshText(job.mesh),
                              ")");
  return Status::ok();
}

void Coordinator::Impl::hello(RpcCall &call, const v1::HelloRequest &request, std::span<const std::byte>) {
  Status status = checkHello(request);
  bool isTwice = false;
  if (status.isOk()) {
    std::lock_guard lock(mutex);
    status = failure;
    Worker &worker = workers[request.rank()];
    isTwice = status.isOk() && std::exchange(worker.hasCome, true);
    worker.lastHeard = worker.lastProgress = Clock::now();
  }
  if (isTwice)
    status = Status(Code::AlreadyExists, concat("there is a rank ", request.rank(), " already"));
  if (!status.isOk()) {
    call.reply(status, {});
    if (!isTwice)
      fail(status);
    return;
  }
  const uint32_t role = job.roleOfRank[request.rank()];
  const CommunicatorOptions &group = options.communicator;
  v1::HelloReply reply;
  reply.set_job(jobNumber(job));
  reply.set_epoch(group.epoch);
  reply.set_num_ranks(job.numRanks);
  reply.set_sha256(hashes[role].data(), hashes[role].size());
  reply.set_size(job.roles[role].program.bytes.size());
  reply.set_transport(options.transport);
  reply.set_listen(options.listen.empty() ? concat("unix:", options.directory, "/", request.rank(), ".grpc")
                                          : options.listen);
  reply.set_directory(options.directory);
  reply.set_heartbeat_ms(uint32_t(group.heartbeat.count()));
  reply.set_dead_after_ms(uint32_t(group.deadAfter.count()));
  reply.set_stall_after_ms(uint32_t(group.stallAfter.count()));
  reply.set_connect_ms(uint32_t(group.connectTimeout.count()));
  reply.set_algorithm(uint32_t(group.algorithm));
  reply.set_steps(options.steps);
  reply.set_window(options.window);
  reply.set_threads(uint32_t(options.session.threads));
  reply.set_trace(options.session.trace);
  reply.set_device_number(uint32_t(options.session.deviceNumber));
  reply.set_emulator_checks(options.session.emulator.checks);
  reply.set_emulator_schedule(options.session.emulator.schedule);
  call.reply(Status::ok(), encodeMessage(reply));
}

/// A piece of `bytes` from an offset on.
static Result<std::span<const std::byte>> pieceOf(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size())
    return outOfRange("byte ", offset, " of ", bytes.size());
  return bytes.subspan(offset, std::min<size_t>(maxRawBytes, bytes.size() - offset));
}

void Coordinator::Impl::fetch(RpcCall &call, const v1::FetchRequest &request, std::span<const std::byte>) {
  for (size_t role = 0; role < hashes.size(); ++role)
    if (request.sha256() == std::string(hashes[role].begin(), hashes[role].end())) {
      const auto piece = pieceOf(job.roles[role].program.bytes, request.offset());
      return call.reply(piece.status(), piece.isOk() ? encodeMessage(v1::Empty(), *piece) : std::string());
    }
  call.reply(notFound("the job has no such program"), {});
}

void Coordinator::Impl::ready(const std::shared_ptr<RpcCall> &call, const v1::ReadyRequest &request) {
  guard(call, request.rank());
  std::vector<std::shared_ptr<RpcCall>> waiting;
  v1::ReadyReply reply;
  Status status;
  {
    std::lock_guard lock(mutex);
    status = failure;
    Worker &worker = workers[request.rank()];
    worker.isReady = true;
    worker.address = request.address();
    worker.lastHeard = Clock::now();
    if (status.isOk())
      worker.readyCall = call;
    if (std::all_of(workers.begin(), workers.end(), [](const Worker &other) { return other.isReady; }))
      for (Worker &other : workers) {
        reply.add_addresses(other.address);
        if (other.readyCall)
          waiting.push_back(std::exchange(other.readyCall, nullptr));
      }
    changed.notify_all();
  }
  if (!status.isOk())
    return call->reply(status, {});
  for (const auto &other : waiting)
    other->reply(Status::ok(), encodeMessage(reply));
}

void Coordinator::Impl::input(RpcCall &call, const v1::InputRequest &request, std::span<const std::byte>) {
  HostTensor part;
  Status status;
  {
    std::lock_guard lock(mutex);
    const auto key = std::pair(request.rank(), request.name());
    if (!parts.count(key)) {
      Result<NamedTensors> all = inputsOfRank(job, inputs, request.rank());
      status = all.status();
      if (all.isOk())
        for (auto &[name, tensor] : *all)
          parts[{request.rank(), name}] = std::move(tensor);
    }
    if (const auto it = parts.find(key); it != parts.end())
      part = it->second;
    else if (status.isOk())
      status = notFound("rank ", request.rank(), " has no input '", request.name(), "'");
  }
  if (!status.isOk())
    return call.reply(status, {});
  v1::InputReply reply;
  reply.set_dtype(uint32_t(part.dtype()));
  for (const int64_t dim : part.shape())
    reply.add_dims(dim);
  const auto piece = pieceOf(part.bytes(), request.offset());
  call.reply(piece.status(), piece.isOk() ? encodeMessage(reply, *piece) : std::string());
}

void Coordinator::Impl::beat(RpcCall &call, const v1::BeatRequest &request, std::span<const std::byte>) {
  v1::BeatReply reply;
  {
    std::lock_guard lock(mutex);
    Worker &worker = workers[request.rank()];
    worker.lastHeard = Clock::now();
    if (std::exchange(worker.progress, request.commands()) != request.commands())
      worker.lastProgress = worker.lastHeard;
    worker.step = request.step();
    worker.command = request.command();
    uint64_t slowest = UINT64_MAX;
    for (const Worker &other : workers)
      slowest = std::min(slowest, other.isDone ? options.steps : other.step);
    reply.set_granted(slowest + options.window);
  }
  call.reply(Status::ok(), encodeMessage(reply));
}

void Coordinator::Impl::watch(const std::shared_ptr<RpcCall> &call, const v1::WatchRequest &request) {
  guard(call, request.rank());
  std::shared_ptr<RpcCall> before;
  v1::WatchReply reply;
  {
    std::lock_guard lock(mutex);
    reply.set_code(uint32_t(failure.code()));
    reply.set_message(failure.message());
    workers[request.rank()].watchedSince = Clock::now();
    before = failure.isOk() ? std::exchange(workers[request.rank()].watch, call) : call;
    workers[request.rank()].isTold = !failure.isOk();
    changed.notify_all();
  }
  if (before)
    before->reply(Status::ok(), encodeMessage(reply));
}

void Coordinator::Impl::output(RpcCall &call, const v1::OutputRequest &request,
                               std::span<const std::byte> raw) {
  const auto take = [&]() -> Status {
    const std::vector<int64_t> dims(request.dims().begin(), request.dims().end());
    const auto value = std::find_if(job.outputs.begin(), job.outputs.end(),
                                    [&](const auto &output) { return output.name == request.name(); });
    if (value == job.outputs.end() || uint32_t(value->dtype) != request.dtype() ||
        dims != partOf(job, *value, request.rank()).sizes)
      return invalidArgument("rank ", request.rank(), " gives an output '", request.name(),
                             "' that the job does not want so");
    std::lock_guard lock(mutex);
    Worker &worker = workers[request.rank()];
    HostTensor &part = worker.outputs[request.name()];
    if (!part.isValid()) {
      WEFT_ASSIGN_OR_RETURN(part, HostTensor::uninitialized(value->dtype, dims));
    }
    uint64_t &received = worker.received[request.name()];
    if (request.offset() != received || raw.size() > uint64_t(part.numBytes()) - received)
      return invalidArgument("rank ", request.rank(), ": a piece of output '", request.name(), "' at ",
                             request.offset(), ", wanted at ", received);
    if (!raw.empty())
      std::memcpy(part.mutableBytes().data() + received, raw.data(), raw.size());
    received += raw.size();
    return received == uint64_t(part.numBytes()) ? joiner.put(request.rank(), request.name(), part)
                                                 : Status::ok();
  };
  const Status status = take();
  call.reply(status, status.isOk() ? encodeMessage(v1::Empty()) : std::string());
  if (!status.isOk())
    fail(status);
}

void Coordinator::Impl::trace(RpcCall &call, const v1::TraceRequest &request,
                              std::span<const std::byte> raw) {
  constexpr size_t most = size_t(256) << 20;
  {
    std::lock_guard lock(mutex);
    std::string &text = workers[request.rank()].trace;
    if (text.size() < most)
      text.append(reinterpret_cast<const char *>(raw.data()), raw.size());
  }
  call.reply(Status::ok(), encodeMessage(v1::Empty()));
}

void Coordinator::Impl::done(const std::shared_ptr<RpcCall> &call, const v1::DoneRequest &request) {
  guard(call, request.rank());
  std::vector<std::shared_ptr<RpcCall>> waiting;
  Status status;
  {
    std::lock_guard lock(mutex);
    status = failure;
    Worker &worker = workers[request.rank()];
    worker.times.assign(request.step_us().begin(), request.step_us().end());
    worker.isDone = true;
    if (status.isOk())
      worker.doneCall = call;
    if (std::all_of(workers.begin(), workers.end(), [](const Worker &other) { return other.isDone; }))
      for (Worker &other : workers)
        if (other.doneCall)
          waiting.push_back(std::exchange(other.doneCall, nullptr));
  }
  if (!status.isOk())
    return call->reply(status, {});
  for (const auto &other : waiting)
    other->reply(Status::ok(), encodeMessage(v1::Empty()));
  if (!waiting.empty())
    changed.notify_all();
}

void Coordinator::Impl::abort(RpcCall &call, const v1::AbortRequest &request, std::span<const std::byte>) {
  const int code = request.code() > 0 && request.code() <= uint32_t(Code::Unauthenticated)
                       ? int(request.code())
                       : int(Code::Unknown);
  if (options.log && !request.flight_record().empty())
    options.log(request.rank(), request.flight_record());
  // Before the answer: the worker then ends, and its broken calls must not be taken for the reason.
  fail(Status(Code(code), request.message()));
  call.reply(Status::ok(), encodeMessage(v1::Empty()));
}

void Coordinator::Impl::log(RpcCall &call, const v1::LogRequest &request, std::span<const std::byte>) {
  call.reply(Status::ok(), encodeMessage(v1::Empty()));
  if (options.log)
    options.log(request.rank(), request.text());
}

/// What is wrong with a worker that does not come, does not get on with loading, or is not heard of any more.
Status Coordinator::Impl::checkWorker(uint32_t rank, Clock::time_point start, Clock::time_point now) const {
  const Worker &worker = workers[rank];
  const auto exceeds = [](Clock::duration time, std::chrono::milliseconds limit) { return time > limit; };
  const auto inMs = [](Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  const Clock::duration silence = now - worker.lastHeard;
  if (worker.hasCome && !worker.isDone && options.communicator.heartbeat.count() > 0 &&
      exceeds(silence, options.communicator.deadAfter))
    return unavailable(place(rank), ": not heard of for ", inMs(silence),
                       " ms: the worker hangs or cannot be reached");
  if (!worker.hasCome && exceeds(now - start, options.joinTimeout))
    return Status(Code::DeadlineExceeded,
                  concat("rank ", rank, " did not come within ", options.joinTimeout.count(), " ms"));
  // Loading takes as long as it takes, while it gets on; that is heard with the next beat.
  if (worker.hasCome && !worker.isReady &&
      exceeds(now - worker.lastProgress, options.joinTimeout + options.communicator.heartbeat))
    return Status(Code::DeadlineExceeded,
                  concat(place(rank), ": no further for ", options.joinTimeout.count(), " ms"));
  return Status::ok();
}

/// Looks after the workers until the job has ended.
void Coordinator::Impl::monitor() {
  const Clock::time_point start = Clock::now();
  std::unique_lock lock(mutex);
  while (!isStopped && failure.isOk()) {
    changed.wait_for(lock, std::chrono::milliseconds(100));
    const Clock::time_point now = Clock::now();
    Status reason;
    for (uint32_t rank = 0; rank < workers.size() && reason.isOk(); ++rank)
      reason = checkWorker(rank, start, now);
    // A watch is answered before the worker's deadline for it; one that lives watches again at once.
    std::vector<std::shared_ptr<RpcCall>> old;
    for (uint32_t rank = 0; rank < workers.size(); ++rank) {
      Worker &worker = workers[rank];
      if (worker.watch && now - worker.watchedSince > std::chrono::seconds(3)) {
        old.push_back(std::exchange(worker.watch, nullptr));
      }
    }
    lock.unlock();
    for (const auto &call : old)
      call->reply(Status::ok(), encodeMessage(v1::WatchReply()));
    if (!reason.isOk())
      fail(reason);
    lock.lock();
  }
}

Coordinator::Coordinator(std::unique_ptr<Impl> impl) : pimpl(std::move(impl)) {}

Result<std::unique_ptr<Coordinator>> Coordinator::create(const Job &job, const NamedTensors &inputs,
                                                         const CoordinatorOptions &options) {
  WEFT_RETURN_IF_ERROR(checkInputs(job, inputs));
  if (options.transport != "shm" && options.transport != "grpc")
    return invalidArgument("workers have no transport '", options.transport, "', wanted shm or grpc");
  WEFT_ASSIGN_OR_RETURN(const GrpcLibrary *library, grpcLibrary());
  auto impl = std::make_unique<Impl>(job, inputs, options);
  WEFT_ASSIGN_OR_RETURN(impl->server,
                        library->serve(options.address, options.credentials,
                                       [impl = impl.get()](const auto &call) { impl->handle(call); }));
  impl->monitorThread = std::thread([impl = impl.get()] { impl->monitor(); });
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(impl)));
}

Coordinator::~Coordinator() {
  {
    // Who asks just now hears the reason, not that nobody answers.
    constexpr std::chrono::milliseconds grace(300);
    std::unique_lock lock(pimpl->mutex);
    if (!pimpl->failure.isOk())
      pimpl->changed.wait_for(lock, grace, [&] {
        return std::all_of(pimpl->workers.begin(), pimpl->workers.end(),
                           [](const auto &worker) { return worker.isTold || !worker.hasCome; });
      });
    pimpl->isStopped = true;
    pimpl->changed.notify_all();
  }
  pimpl->server->shutdown();
  pimpl->monitorThread.join();
}

std::string Coordinator::address() const { return pimpl->server->address(); }
void Coordinator::fail(const Status &reason) { pimpl->fail(reason); }

Result<JobResult> Coordinator::wait() {
  Impl &impl = *pimpl;
  {
    std::unique_lock lock(impl.mutex);
    impl.changed.wait(lock, [&] {
      return !impl.failure.isOk() ||
             std::all_of(impl.workers.begin(), impl.workers.end(),
                         [](const auto &worker) { return worker.isDone && !worker.doneCall; });
    });
    WEFT_RETURN_IF_ERROR(impl.failure);
  }
  JobResult result;
  WEFT_ASSIGN_OR_RETURN(result.outputs, impl.joiner.finish());
  std::lock_guard lock(impl.mutex);
  std::vector<std::string> traces;
  for (const Impl::Worker &worker : impl.workers) {
    result.stepMicroseconds.resize(std::max(result.stepMicroseconds.size(), worker.times.size()));
    for (size_t i = 0; i < worker.times.size(); ++i)
      result.stepMicroseconds[i] = std::max(result.stepMicroseconds[i], worker.times[i]);
    traces.push_back(worker.trace);
  }
  if (impl.options.session.trace)
    result.trace = joinTraces(traces);
  return result;
}

} // namespace weft::distributed
