// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Carries out schedules. Transfers end on threads of the transport, which only count; what follows
// (combining, the next round) is done by the thread that waits, or by a thread of its own while nobody does.
// All collectives in progress advance independently: none waits for another one, whatever order the ranks
// start them in.
#include "weft/Distributed/GroupCommunicator.h"

#include "Mailbox.h"
#include "Schedule.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <thread>
#include <unordered_map>

namespace weft::distributed {

using Clock = std::chrono::steady_clock;
using runtime::CollectiveCall;

struct GroupCommunicator::Impl {
  /// What is in progress on one channel.
  struct Channel;
  /// A collective, a send or a receive. A send or receive is a schedule of one round.
  struct Activity final : TransferOwner {
    Impl *impl = nullptr;
    Operation operation;
    Schedule schedule;
    DType dtype = DType::Invalid;
    program::Combine how = program::Combine::Sum;
    uint32_t channel = 0, sequence = 0;
    uint64_t step = 0;
    // Under the mutex.
    std::vector<uint32_t> left; ///< transfers of each round that are not done, and 1 until it is entered
    size_t round = 0;
    bool isDone = false;

    void onTransferDone(uint32_t round) override { impl->onTransferDone(*this, round); }
  };
  struct Channel {
    std::vector<std::unique_ptr<Activity>> active;
    uint32_t sequence = 0;
    bool isDone() const {
      return std::all_of(active.begin(), active.end(), [](const auto &activity) { return activity->isDone; });
    }
  };
  struct Event {
    Clock::time_point time;
    const char *what = "";
    uint32_t channel = 0;
    uint64_t step = 0;
    Operation operation;
  };

  Impl(std::unique_ptr<Transport> transport, const CommunicatorOptions &options)
      : transport(std::move(transport)), options(options),
        mailbox(*this->transport, {options.job, options.epoch},
                [this](const Status &reason) { fail(reason); }) {}

  Status failed() const {
    std::lock_guard lock(mutex);
    return failure;
  }
  void fail(const Status &reason);
  void end(const Status &reason);
  Status add(uint32_t channel, std::unique_ptr<Activity> activity);
  void advance(Activity &activity);
  void onTransferDone(Activity &activity, uint32_t round);
  void work();
  void note(const char *what, uint32_t channel, Operation operation);

  std::unique_ptr<Transport> transport;
  const CommunicatorOptions options;
  std::atomic<uint64_t> step{0};

  mutable std::mutex mutex; // of all that follows; never held while calling the mailbox
  std::condition_variable forWaiter, forWorker;
  Status failure;
  std::unordered_map<uint32_t, Channel> channels;
  std::deque<Activity *> ready; ///< their round is over
  bool isWaited = false, isStopped = false;
  uint32_t advancing = 0; ///< threads in advance()
  std::array<Event, 256> events;
  uint64_t numEvents = 0;
  std::once_flag ended;
  std::thread worker;
  Mailbox mailbox; // last: its calls use the rest
};

void GroupCommunicator::Impl::note(const char *what, uint32_t channel, Operation operation) {
  events[numEvents++ % events.size()] = {Clock::now(), what, channel, step.load(), operation};
}

void GroupCommunicator::Impl::fail(const Status &reason) {
  std::lock_guard lock(mutex);
  if (!failure.isOk())
    return;
  failure = reason;
  forWaiter.notify_all();
  forWorker.notify_all();
}

/// Ends it: afterwards no memory of a transfer is touched. A reason that is OK: all work is done.
void GroupCommunicator::Impl::end(const Status &reason) {
  std::call_once(ended, [&] {
    if (!reason.isOk()) {
      // Others are told the first reason, and where it comes from. They may be gone as soon as they hear of
      // it, which is not to become the reason here.
      const Status first = failed();
      fail(reason);
      mailbox.sendAbort(
          first.isOk() ? reason.context(concat("rank ", transport->rank(), ", step ", step.load())) : first);
    }
    mailbox.stop();
    transport->close();
    std::unique_lock lock(mutex);
    isStopped = true;
    forWorker.notify_all();
    forWaiter.wait(lock, [&] { return advancing == 0; });
  });
}

void GroupCommunicator::Impl::onTransferDone(Activity &activity, uint32_t round) {
  std::lock_guard lock(mutex);
  if (--activity.left[round] > 0)
    return;
  ready.push_back(&activity);
  (isWaited ? forWaiter : forWorker).notify_one();
}

/// Enters rounds until one has transfers that are not done.
void GroupCommunicator::Impl::advance(Activity &activity) {
  while (true) {
    Schedule::Round &round = activity.schedule.rounds[activity.round];
    for (const Schedule::Copy &copy : round.copies)
      std::memcpy(copy.to, copy.from, copy.size);
    if (!round.sources.empty())
      if (const Status status =
              combine(round.combineTo, round.sources, round.count, activity.dtype, activity.how);
          !status.isOk())
        return fail(status);
    for (const Schedule::Transfer &out : round.sends)
      mailbox.send({activity.step, activity.channel, activity.sequence, out.part, out.peer},
                   activity.operation, {out.memory, out.size}, activity, uint32_t(activity.round));
    std::lock_guard lock(mutex);
    if (--activity.left[activity.round] > 0)
      return;
    if (++activity.round < activity.schedule.rounds.size())
      continue;
    activity.isDone = true;
    note("done", activity.channel, activity.operation);
    forWaiter.notify_all();
    return;
  }
}

Status GroupCommunicator::Impl::add(uint32_t number, std::unique_ptr<Activity> owned) {
  Activity &activity = *owned;
  activity.impl = this;
  activity.channel = number;
  activity.step = step.load();
  const std::vector<Schedule::Round> &rounds = activity.schedule.rounds;
  for (const Schedule::Round &round : rounds)
    activity.left.push_back(uint32_t(round.sends.size() + round.receives.size() + 1));
  {
    std::lock_guard lock(mutex);
    if (!failure.isOk())
      return failure;
    Channel &channel = channels[number];
    activity.sequence = channel.sequence;
    channel.active.push_back(std::move(owned));
    note("start", number, activity.operation);
    ++advancing;
  }
  // All buffers are posted at once: nobody who sends waits for where this rank is.
  for (size_t round = 0; round < rounds.size(); ++round)
    for (const Schedule::Transfer &in : rounds[round].receives)
      mailbox.receive({activity.step, number, activity.sequence, in.part, in.peer}, activity.operation,
                      {in.memory, in.size}, activity, uint32_t(round));
  advance(activity);
  std::lock_guard lock(mutex);
  --advancing;
  forWaiter.notify_all();
  return failure;
}

/// The thread for when nobody waits, and for signs of life.
void GroupCommunicator::Impl::work() {
  Clock::time_point next = Clock::now() + options.heartbeat;
  const bool beats = options.heartbeat.count() > 0;
  std::unique_lock lock(mutex);
  while (!isStopped) {
    if (!ready.empty() && !isWaited && failure.isOk()) {
      Activity *activity = ready.front();
      ready.pop_front();
      ++advancing;
      // The round that is over was entered, and the next is not: it is this thread's alone.
      const bool isLast = ++activity->round == activity->schedule.rounds.size();
      activity->isDone |= isLast;
      if (isLast)
        note("done", activity->channel, activity->operation);
      lock.unlock();
      if (!isLast)
        advance(*activity);
      lock.lock();
      --advancing;
      forWaiter.notify_all();
      continue;
    }
    const auto wanted = [&] { return isStopped || (!ready.empty() && !isWaited && failure.isOk()); };
    if (!beats) {
      forWorker.wait(lock, wanted);
      continue;
    }
    if (forWorker.wait_until(lock, next, wanted))
      continue;
    next = Clock::now() + options.heartbeat;
    if (!failure.isOk())
      continue;
    lock.unlock();
    const runtime::RunProgress progress = options.progress ? options.progress() : runtime::RunProgress{};
    mailbox.sendAlive(progress.commands, progress.command);
    const auto stall =
        options.stallAfter.count() > 0 ? Clock::duration(options.stallAfter) : Clock::duration::max();
    const Status status = mailbox.checkPeers(options.deadAfter, stall);
    if (!status.isOk())
      fail(status);
    lock.lock();
  }
}

GroupCommunicator::GroupCommunicator(std::unique_ptr<Impl> impl) : pimpl(std::move(impl)) {}

Result<std::unique_ptr<GroupCommunicator>> GroupCommunicator::create(std::unique_ptr<Transport> transport,
                                                                     const CommunicatorOptions &options) {
  auto impl = std::make_unique<Impl>(std::move(transport), options);
  if (Status status = impl->transport->open(impl->mailbox, options.connectTimeout, options.stop);
      !status.isOk()) {
    impl->end(status);
    return status;
  }
  impl->worker = std::thread([work = impl.get()] { work->work(); });
  return std::unique_ptr<GroupCommunicator>(new GroupCommunicator(std::move(impl)));
}

GroupCommunicator::~GroupCommunicator() {
  pimpl->end(Status::ok());
  pimpl->worker.join();
}

uint32_t GroupCommunicator::rank() const { return pimpl->transport->rank(); }
uint32_t GroupCommunicator::numRanks() const { return pimpl->transport->numRanks(); }
uint64_t GroupCommunicator::step() const { return pimpl->step.load(); }
Status GroupCommunicator::failure() const { return pimpl->failed(); }
void GroupCommunicator::abort(const Status &reason) { pimpl->end(reason); }

Status GroupCommunicator::beginRun() {
  std::lock_guard lock(pimpl->mutex);
  for (auto &[number, channel] : pimpl->channels)
    channel.sequence = 0;
  pimpl->step.fetch_add(1);
  return pimpl->failure;
}

Status GroupCommunicator::start(const CollectiveCall &call) {
  auto activity = std::make_unique<Impl::Activity>();
  activity->operation = {uint8_t(1 + uint8_t(call.kind) + 16 * uint8_t(call.combine)), uint8_t(call.dtype)};
  activity->dtype = call.dtype;
  activity->how = call.combine;
  WEFT_ASSIGN_OR_RETURN(activity->schedule, Schedule::make(call, rank(), pimpl->options.algorithm));
  return pimpl->add(call.channel, std::move(activity));
}

Status GroupCommunicator::send(uint32_t channel, uint32_t peer, std::span<const std::byte> from) {
  auto activity = std::make_unique<Impl::Activity>();
  activity->schedule.rounds.resize(1);
  activity->schedule.rounds[0].sends.push_back({peer, 0, const_cast<std::byte *>(from.data()), from.size()});
  return pimpl->add(channel, std::move(activity));
}

Status GroupCommunicator::receive(uint32_t channel, uint32_t peer, std::span<std::byte> to) {
  auto activity = std::make_unique<Impl::Activity>();
  activity->schedule.rounds.resize(1);
  activity->schedule.rounds[0].receives.push_back({peer, 0, to.data(), to.size()});
  return pimpl->add(channel, std::move(activity));
}

Status GroupCommunicator::wait(uint32_t number) {
  Impl &impl = *pimpl;
  std::unique_lock lock(impl.mutex);
  Impl::Channel &channel = impl.channels[number];
  impl.isWaited = true;
  while (impl.failure.isOk() && !channel.isDone()) {
    if (impl.ready.empty()) {
      impl.forWaiter.wait(lock);
      continue;
    }
    Impl::Activity *activity = impl.ready.front();
    impl.ready.pop_front();
    if (++activity->round == activity->schedule.rounds.size()) {
      activity->isDone = true;
      impl.note("done", activity->channel, activity->operation);
      continue;
    }
    lock.unlock();
    impl.advance(*activity);
    lock.lock();
  }
  impl.isWaited = false;
  if (!impl.ready.empty())
    impl.forWorker.notify_one();
  WEFT_RETURN_IF_ERROR(impl.failure);
  // Kept until the transport has let go of them: what is done has no transfer left.
  channel.active.clear();
  ++channel.sequence;
  return Status::ok();
}

std::string GroupCommunicator::flightRecord() const {
  const Impl &impl = *pimpl;
  std::string text = concat("rank ", rank(), ", step ", step(), "\n");
  if (const std::string pending = impl.mailbox.pending(); !pending.empty())
    text += concat("  waits: ", pending, "\n");
  std::lock_guard lock(impl.mutex);
  const Clock::time_point now = Clock::now();
  constexpr uint64_t most = 16;
  const uint64_t shown = std::min<uint64_t>(impl.numEvents, most);
  for (uint64_t i = impl.numEvents - shown; i < impl.numEvents; ++i) {
    const Impl::Event &event = impl.events[i % impl.events.size()];
    text += concat("  ", std::chrono::duration_cast<std::chrono::microseconds>(now - event.time).count(),
                   " us ago: step ", event.step, ", channel ", event.channel, ": ", event.what, " ",
                   event.operation.toString(), "\n");
  }
  return text;
}

} // namespace weft::distributed
