// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The worker's side of control.proto. The run is on the calling thread; one thread beats, one watches whether
// the job has failed elsewhere, one reads the launcher's note of that.
#include "weft/Distributed/Worker.h"

#include "Messages.h"
#include "weft/Distributed/RunJob.h"
#include "weft/Program/Abi.h"
#include "weft/Runtime/HostCpu.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/File.h"
#include "weft/Support/Log.h"

#include <atomic>
#include <condition_variable>
#include <thread>
#include <unistd.h>

namespace weft::distributed {
namespace {

using std::chrono::milliseconds;
/// Deadlines of calls that are answered at once, and of those that wait for other ranks: they may take as
/// long as these do, since the coordinator looks after them and the watch after the coordinator.
constexpr milliseconds promptly(10000), withOthers(std::chrono::hours(24 * 365));
/// The coordinator answers a watch after 3 s at most.
constexpr milliseconds watchPeriod(3000);
/// How often the launcher's note is looked for, and how long those who can say more than it get to say it.
constexpr milliseconds notePeriod(50), noteGrace(300);
/// A program is checked and kept in pieces, each a sign that loading gets on.
constexpr size_t loadPiece = size_t(16) << 20;

class Worker {
public:
  explicit Worker(const WorkerOptions &options) : options(options) {}
  ~Worker() { stopThreads(); }

  Status run() {
    WEFT_ASSIGN_OR_RETURN(const GrpcLibrary *library, grpcLibrary());
    WEFT_ASSIGN_OR_RETURN(channel, library->connect(options.coordinator, options.credentials));
    if (!options.note.empty())
      noteReader = std::thread([this] { readNote(); });
    Status status = hello();
    isGreeted = status.isOk();
    if (status.code() == Code::Cancelled || status.code() == Code::Unavailable)
      awaitNote();
    if (status.isOk()) {
      beater = std::thread([this] { beat(); });
      watcher = std::thread([this] { watch(); });
      status = work(*library);
      if (!status.isOk())
        tellFailure(status);
    }
    stopThreads();
    // What ended this rank from elsewhere says more than that its own calls were cancelled.
    std::lock_guard lock(mutex);
    return status.isOk() ? status : named(ended.isOk() ? status : ended);
  }

private:
  Status named(const Status &status) const {
    const std::string name = concat("rank ", options.rank);
    return status.message().rfind("rank ", 0) == 0 ? status : status.context(name);
  }

  Status hello() {
    v1::HelloRequest request;
    request.set_rank(options.rank);
    request.set_num_ranks(options.numRanks);
    request.set_wire_version(wireVersion);
    request.set_program_format(program::formatVersion);
    request.set_abi(WEFT_ABI);
    request.set_isa(runtime::hostIsa());
    for (const std::string &feature : runtime::hostFeatures())
      request.add_features(feature);
    request.set_process(uint64_t(::getpid()));
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    request.set_host(host);
    return callCoordinator(*channel, "Hello", request, job, options.connectTimeout);
  }

  Status work(const GrpcLibrary &library) {
    WEFT_ASSIGN_OR_RETURN(const auto executable, load());
    {
      std::lock_guard lock(mutex);
      loading.clear();
    }
    // Listening comes before saying so.
    std::unique_ptr<Transport> transport;
    GrpcTransport *network = nullptr;
    v1::ReadyRequest request;
    request.set_rank(options.rank);
    if (job.transport() == "shm") {
      SharedMemoryOptions shared;
      shared.rank = options.rank;
      shared.numRanks = job.num_ranks();
      shared.directory = job.directory();
      shared.token = options.credentials.token;
      WEFT_ASSIGN_OR_RETURN(transport, makeSharedMemoryTransport(shared));
    } else if (job.transport() == "grpc") {
      GrpcTransportOptions grpc;
      grpc.rank = options.rank;
      grpc.numRanks = job.num_ranks();
      grpc.listen = job.listen();
      grpc.credentials = options.credentials;
      WEFT_ASSIGN_OR_RETURN(auto made, library.makeTransport(grpc));
      request.set_address(reachable(made->address()));
      network = made.get();
      transport = std::move(made);
    } else {
      return failedPrecondition("the job's transport is '", job.transport(),
                                "', this worker has shm and grpc");
    }
    v1::ReadyReply ready;
    WEFT_RETURN_IF_ERROR(callCoordinator(*channel, "Ready", request, ready, withOthers));
    if (network)
      network->setPeers({ready.addresses().begin(), ready.addresses().end()});

    CommunicatorOptions group;
    group.job = job.job();
    group.epoch = job.epoch();
    group.algorithm = Algorithm(job.algorithm());
    group.connectTimeout = milliseconds(job.connect_ms());
    group.heartbeat = milliseconds(job.heartbeat_ms());
    group.deadAfter = milliseconds(job.dead_after_ms());
    group.stallAfter = milliseconds(job.stall_after_ms());
    group.progress = [this] { return progress(); };
    group.stop = connecting.get_token();
    WEFT_ASSIGN_OR_RETURN(const auto communicator, GroupCommunicator::create(std::move(transport), group));
    runtime::SessionOptions running;
    running.threads = int(job.threads());
    running.trace = job.trace();
    running.deviceNumber = int(job.device_number());
    running.emulator.checks = job.emulator_checks();
    running.emulator.schedule = job.emulator_schedule();
    WEFT_ASSIGN_OR_RETURN(const auto runner, RankRunner::create(executable, *communicator, running));
    {
      std::lock_guard lock(mutex);
      current = communicator.get();
      session = &runner->session();
    }
    Status status = runSteps(*runner);
    if (!status.isOk()) {
      communicator->abort(status);
      flightRecord = communicator->flightRecord();
    }
    {
      std::lock_guard lock(mutex);
      current = nullptr;
      session = nullptr;
    }
    // The others may still need what this rank has sent: it leaves when all are done.
    return status.isOk() ? finish(*runner) : status;
  }

  /// An address that others can call: a worker that listens at all of its host's addresses tells the host's
  /// name.
  static std::string reachable(const std::string &address) {
    constexpr std::string_view all = "0.0.0.0:";
    if (address.rfind(all, 0) != 0)
      return address;
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    return concat(host, ":", address.substr(all.size()));
  }

  /// The role's program, from the cache or the coordinator; its hash is checked either way.
  Result<std::shared_ptr<const runtime::Executable>> load() {
    const std::string &hash = job.sha256();
    const std::string key = toHex(std::span(reinterpret_cast<const uint8_t *>(hash.data()), hash.size()));
    const Result<CacheDir> opened = options.useCache ? CacheDir::open() : CacheDir::disabled();
    const CacheDir cache = opened.isOk() ? *opened : CacheDir::disabled();
    const auto isRight = [&](std::span<const std::byte> bytes) {
      Sha256 sum;
      for (size_t at = 0; at < bytes.size(); at += loadPiece) {
        getOn("checks its program", at, bytes.size());
        sum.update(bytes.data() + at, std::min(loadPiece, bytes.size() - at));
      }
      const Sha256Digest digest = sum.finish();
      return hash == std::string(digest.begin(), digest.end());
    };
    const auto open = [&](std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
      getOn("opens its program", 0, bytes.size());
      return runtime::Executable::load(bytes, std::move(owner));
    };
    if (const auto file = cache.get("bundles", key)) {
      if (isRight(file->bytes()))
        return open(file->bytes(), file);
      cache.remove("bundles", key);
    }
    auto bytes = std::make_shared<std::string>();
    v1::FetchRequest request;
    request.set_rank(options.rank);
    request.set_sha256(hash);
    while (bytes->size() < job.size()) {
      request.set_offset(bytes->size());
      const size_t before = bytes->size();
      getOn("fetches its program", before, job.size());
      v1::Empty reply;
      WEFT_RETURN_IF_ERROR(callCoordinator(*channel, "Fetch", request, reply, promptly, {}, bytes.get()));
      if (bytes->size() == before)
        return dataLoss("the coordinator gave ", before, " of ", job.size(), " bytes of the program");
    }
    const auto whole = std::as_bytes(std::span<const char>(*bytes));
    if (!isRight(whole))
      return dataLoss("the program that came does not have the hash ", key);
    cache.put("bundles", key, [&](const FileSink &write) -> Status {
      for (size_t at = 0; at < whole.size(); at += loadPiece) {
        getOn("keeps its program in the cache", at, whole.size());
        WEFT_RETURN_IF_ERROR(write(whole.subspan(at, std::min(loadPiece, whole.size() - at))));
      }
      return Status::ok();
    });
    return open(whole, nullptr);
  }

  /// Notes how far loading is, for the beats: with a large program, or on a busy machine, it takes a while.
  void getOn(const char *doing, size_t at, size_t size) {
    const std::string text = concat(doing, " (", at >> 20, " of ", (size >> 20) + 1, " MiB)");
    std::lock_guard lock(mutex);
    loading = text;
    ++loadingPieces;
  }

  Result<HostTensor> fetchInput(const std::string &name) {
    v1::InputRequest request;
    request.set_rank(options.rank);
    request.set_name(name);
    std::string bytes;
    while (true) {
      request.set_offset(bytes.size());
      const size_t before = bytes.size();
      v1::InputReply reply;
      WEFT_RETURN_IF_ERROR(callCoordinator(*channel, "Input", request, reply, promptly, {}, &bytes));
      const std::vector<int64_t> dims(reply.dims().begin(), reply.dims().end());
      const DType dtype = isValidDType(reply.dtype()) ? DType(reply.dtype()) : DType::Invalid;
      WEFT_ASSIGN_OR_RETURN(const int64_t size,
                            checkedNumBytes(dtype, dims).context(concat("input '", name, "'")));
      if (bytes.size() == size_t(size))
        return HostTensor::copyOf(dtype, dims, std::as_bytes(std::span<const char>(bytes)));
      if (bytes.size() == before || bytes.size() > size_t(size))
        return dataLoss("the coordinator gave ", bytes.size(), " of ", size, " bytes of input '", name, "'");
    }
  }

  Status runSteps(RankRunner &runner) {
    NamedTensors inputs;
    WEFT_ASSIGN_OR_RETURN(const auto wanted, runner.session().executable().inputs());
    for (const runtime::ValueInfo &info : wanted) {
      WEFT_ASSIGN_OR_RETURN(HostTensor tensor, fetchInput(info.name));
      inputs.emplace_back(info.name, std::move(tensor));
    }
    for (uint64_t step = 0; step < job.steps(); ++step) {
      {
        std::unique_lock lock(mutex);
        stepsDone = step;
        if (step + job.window() / 2 >= granted)
          changed.notify_all(); // asks for more before it runs out
        changed.wait(lock, [&] { return step < granted || !ended.isOk(); });
        WEFT_RETURN_IF_ERROR(ended);
      }
      WEFT_ASSIGN_OR_RETURN(outputs, runner.step(inputs));
    }
    std::lock_guard lock(mutex);
    stepsDone = job.steps();
    return Status::ok();
  }

  Status finish(RankRunner &runner) {
    WEFT_ASSIGN_OR_RETURN(const auto values, runner.session().executable().outputs());
    for (size_t i = 0; i < outputs.size(); ++i) {
      v1::OutputRequest request;
      request.set_rank(options.rank);
      request.set_name(values[i].name);
      request.set_dtype(uint32_t(outputs[i].dtype()));
      for (const int64_t dim : outputs[i].shape())
        request.add_dims(dim);
      uint64_t offset = 0;
      const auto size = uint64_t(outputs[i].numBytes());
      do {
        request.set_offset(offset);
        const auto piece = outputs[i].bytes().subspan(offset, std::min<uint64_t>(maxRawBytes, size - offset));
        v1::Empty reply;
        WEFT_RETURN_IF_ERROR(callCoordinator(*channel, "Output", request, reply, promptly, piece));
        offset += piece.size();
      } while (offset < size);
    }
    if (job.trace()) {
      const std::string trace = runner.traceEvents();
      v1::TraceRequest request;
      request.set_rank(options.rank);
      for (size_t at = 0; at < trace.size(); at += maxRawBytes) {
        v1::Empty reply;
        WEFT_RETURN_IF_ERROR(callCoordinator(
            *channel, "Trace", request, reply, promptly,
            std::as_bytes(std::span(trace).subspan(at, std::min(maxRawBytes, trace.size() - at)))));
      }
    }
    v1::DoneRequest request;
    request.set_rank(options.rank);
    for (const uint32_t time : runner.stepMicroseconds())
      request.add_step_us(time);
    v1::Empty reply;
    return callCoordinator(*channel, "Done", request, reply, withOthers);
  }

  runtime::RunProgress progress() {
    std::lock_guard lock(mutex);
    return session ? session->progress() : runtime::RunProgress{};
  }

  /// Ends the run from outside of its thread.
  void end(const Status &reason) {
    GroupCommunicator *running = nullptr;
    {
      std::lock_guard lock(mutex);
      if (!ended.isOk() || isStopping)
        return;
      ended = reason;
      running = current;
      changed.notify_all();
      if (running) // under the mutex: it stays until work() has taken it back
        running->abort(reason);
    }
    connecting.request_stop();
    channel->cancel();
  }

  void beat() {
    std::unique_lock lock(mutex);
    while (!isStopping && ended.isOk()) {
      v1::BeatRequest request;
      request.set_rank(options.rank);
      request.set_step(stepsDone);
      if (session) {
        const runtime::RunProgress now = session->progress();
        request.set_commands(now.commands);
        request.set_command(now.command);
      } else {
        request.set_commands(loadingPieces);
        request.set_command(loading);
      }
      lock.unlock();
      v1::BeatReply reply;
      const Status status = callCoordinator(*channel, "Beat", request, reply,
                                            milliseconds(std::max<uint32_t>(job.dead_after_ms(), 1000)));
      if (!status.isOk())
        end(unavailable("rank ", options.rank, ": the coordinator cannot be reached: ", status.message()));
      lock.lock();
      granted = std::max(granted, reply.granted());
      changed.notify_all();
      // Sooner when half of the window is used; not at once when others are slower.
      const auto isHungry = [&] {
        return stepsDone + job.window() / 2 >= granted && stepsDone < job.steps();
      };
      const bool wasHungry = isHungry();
      changed.wait_for(lock, milliseconds(wasHungry ? 1 : std::max<uint32_t>(job.heartbeat_ms(), 1)),
                       [&] { return isStopping || !ended.isOk() || (!wasHungry && isHungry()); });
    }
  }

  void watch() {
    v1::WatchRequest request;
    request.set_rank(options.rank);
    while (true) {
      v1::WatchReply reply;
      const Status status =
          callCoordinator(*channel, "Watch", request, reply, watchPeriod + milliseconds(job.dead_after_ms()));
      {
        std::lock_guard lock(mutex);
        if (isStopping)
          return;
      }
      if (!status.isOk())
        return end(unavailable("rank ", options.rank, ": the coordinator is gone: ", status.message()));
      if (reply.code() != 0)
        return end(
            Status(reply.code() <= uint32_t(Code::Unauthenticated) ? Code(reply.code()) : Code::Unknown,
                   reply.message()));
    }
  }

  void readNote() {
    std::unique_lock lock(mutex);
    const auto isOver = [&] { return isStopping || !ended.isOk(); };
    while (!changed.wait_for(lock, notePeriod, isOver)) {
      lock.unlock();
      const bool hasNote = ::access(options.note.c_str(), R_OK) == 0;
      lock.lock();
      if (!hasNote || changed.wait_for(lock, noteGrace, isOver))
        continue;
      lock.unlock();
      const Result<std::string> text = readFile(options.note, 4096);
      const Status reason = unavailable(text.isOk() ? *text : text.status().message());
      if (isGreeted) // before this rank's calls break, for which it would be blamed
        tellCoordinator(reason);
      return end(reason);
    }
  }

  /// A job may end before it has heard of this rank: what started the ranks then says why.
  void awaitNote() {
    constexpr milliseconds most = 4 * notePeriod + noteGrace;
    std::unique_lock lock(mutex);
    if (!options.note.empty())
      changed.wait_for(lock, most, [&] { return !ended.isOk(); });
  }

  void tellFailure(const Status &status) {
    {
      std::lock_guard lock(mutex);
      if (!ended.isOk())
        return; // the coordinator knows
    }
    tellCoordinator(named(status));
  }

  void tellCoordinator(const Status &full) {
    v1::AbortRequest request;
    request.set_rank(options.rank);
    request.set_code(uint32_t(full.code()));
    request.set_message(full.message());
    request.set_flight_record(flightRecord);
    v1::Empty reply;
    if (const Status told = callCoordinator(*channel, "Abort", request, reply, milliseconds(500));
        !told.isOk())
      logDebug("the coordinator could not be told: ", told);
  }

  void stopThreads() {
    {
      std::lock_guard lock(mutex);
      isStopping = true;
      changed.notify_all();
    }
    if (channel)
      channel->cancel();
    for (std::thread *thread : {&watcher, &beater, &noteReader})
      if (thread->joinable())
        thread->join();
  }

  const WorkerOptions options;
  std::unique_ptr<RpcChannel> channel;
  v1::HelloReply job;
  std::vector<HostTensor> outputs;
  std::string flightRecord;
  std::mutex mutex;
  std::condition_variable changed;
  GroupCommunicator *current = nullptr;
  runtime::Session *session = nullptr;
  uint64_t stepsDone = 0, granted = 0;
  std::string loading;        ///< what is done with the program
  uint64_t loadingPieces = 0; ///< of it that were done
  Status ended;               ///< why the job ended elsewhere
  bool isStopping = false;
  std::atomic<bool> isGreeted{false}; ///< by the coordinator
  std::stop_source connecting;
  std::thread watcher, beater, noteReader;
};

} // namespace

Status runWorker(const WorkerOptions &options) {
  Worker worker(options);
  return worker.run();
}

} // namespace weft::distributed
