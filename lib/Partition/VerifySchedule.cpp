// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Proves that no schedule of communication can wait for itself. Stage: partition, after the split. Each start
// and each wait of each rank is an event; it waits for the event before it on its rank, for what its channel
// needs on other ranks, and for a free slot. A cycle among them is a deadlock. Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "Places.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#include "weft/Partition/Passes.h.inc"

namespace {

/// One start or wait on one rank.
struct Event {
  int64_t rank;
  Operation *op;    ///< the start, or dist.done
  Operation *start; ///< that it is or waits for
  bool isDone() const { return op != start; }
};

class Schedule {
public:
  Schedule(ModuleOp module, MeshAttr mesh, int64_t slots) : module(module), mesh(mesh), slots(slots) {}

  LogicalResult run() {
    if (failed(collect()) || failed(matchCollectives()) || failed(matchTransfers()))
      return failure();
    return findCycle();
  }

private:
  static int64_t channelOf(Operation *start) { return start->getAttrOfType<IntegerAttr>("channel").getInt(); }

  std::string rankText(int64_t rank) {
    std::string text = "rank " + std::to_string(rank);
    int64_t stage = rank / mesh.getNumWorkers(), rest = rank % mesh.getNumWorkers();
    std::string place = numStages > 1 ? "stage " + std::to_string(stage) : "";
    int64_t step = mesh.getNumWorkers();
    for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes())) {
      step /= size;
      place += (place.empty() ? "" : ", ") + name.str() + " " + std::to_string(rest / step);
      rest %= step;
    }
    return text + " (" + place + ")";
  }
  std::string text(const Event &event) {
    std::string name = event.start->getName().stripDialect().str();
    return rankText(event.rank) + ": " + (event.isDone() ? "done of " : "") + name + " on channel " +
           std::to_string(channelOf(event.start));
  }

  /// The events of all ranks, in the order of their roles' programs.
  LogicalResult collect() {
    SmallVector<ModuleOp> roles(module.getOps<ModuleOp>());
    llvm::sort(roles, [](ModuleOp a, ModuleOp b) { return getStage(a) < getStage(b); });
    if (roles.empty())
      return module.emitError("found no roles, wanted a module for each: --dist-split makes them");
    numStages = roles.size();
    for (auto [stage, role] : llvm::enumerate(roles)) {
      if (getStage(role) != int64_t(stage))
        return role.emitError("is stage ")
               << getStage(role) << ", wanted " << stage << ": stages are numbered from 0";
      for (int64_t worker = 0; worker < mesh.getNumWorkers(); ++worker)
        if (failed(collect(role, stage * mesh.getNumWorkers() + worker)))
          return failure();
    }
    return success();
  }

  LogicalResult collect(ModuleOp role, int64_t rank) {
    auto main = role.lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal() || !main.getBody().hasOneBlock())
      return role.emitError("found no @main of one block");
    WalkResult nested = main.walk([&](Operation *op) {
      if (!isStart(op) || op->getBlock() == &main.getBody().front())
        return WalkResult::advance();
      op->emitOpError("stands in a region, wanted it in @main itself: which ranks reach it cannot be told");
      return WalkResult::interrupt();
    });
    if (nested.wasInterrupted())
      return failure();
    llvm::DenseMap<int64_t, Operation *> seen;
    int64_t last = -1;
    for (Operation &op : main.getBody().front()) {
      Operation *start = isStart(&op) ? &op : nullptr;
      if (start) {
        auto [known, isNew] = seen.try_emplace(channelOf(start), start);
        if (!isNew)
          return start->emitOpError("uses channel ")
                 << channelOf(start) << ", which " << known->second->getName() << " used before it";
        int64_t waits = llvm::count_if(start->getUsers(), [](Operation *user) { return isa<DoneOp>(user); });
        if (waits != 1)
          return start->emitOpError("is waited for ") << waits << " times, wanted once";
      } else if (auto done = dyn_cast<DoneOp>(op)) {
        start = done.getToken().getDefiningOp();
      }
      if (!start)
        continue;
      int64_t id = events.size();
      events.push_back({rank, &op, start});
      waitsFor.emplace_back();
      if (last >= 0)
        waitsFor[id].push_back(last);
      last = id;
      ids[{rank, &op}] = id;
    }
    return success();
  }

  /// The ranks of the group of `rank` over these axes, in the order of the group.
  SmallVector<int64_t> groupOf(int64_t rank, ArrayAttr axes) {
    int64_t workers = mesh.getNumWorkers(), stage = rank / workers;
    SmallVector<int64_t> strides(mesh.getSizes().size(), 1);
    for (int64_t i = int64_t(strides.size()) - 2; i >= 0; --i)
      strides[i] = strides[i + 1] * mesh.getSizes()[i + 1];
    SmallVector<int64_t> group{rank % workers};
    for (auto axis : axes.getAsRange<StringAttr>()) {
      int number = mesh.find(axis);
      SmallVector<int64_t> more;
      for (int64_t member : group) {
        int64_t place = member / strides[number] % mesh.getSizes()[number];
        for (int64_t i = 0; i < mesh.getSizes()[number]; ++i)
          more.push_back(member + (i - place) * strides[number]);
      }
      group = std::move(more);
    }
    for (int64_t &member : group)
      member += stage * workers;
    return group;
  }

  static ArrayAttr axesOf(Operation *start) { return start->getAttrOfType<ArrayAttr>("axes"); }

  /// All ranks of a stage run the same module, so a collective's members are its own op on other ranks: its
  /// wait waits for their starts.
  LogicalResult matchCollectives() {
    for (auto [id, event] : llvm::enumerate(events))
      if (event.isDone() && axesOf(event.start))
        for (int64_t member : groupOf(event.rank, axesOf(event.start)))
          waitsFor[id].push_back(ids.lookup({member, event.start}));
    return success();
  }

  static std::optional<int64_t> peerStage(Operation *start) {
    if (auto send = dyn_cast<SendStartOp>(start))
      return send.getStage();
    if (auto recv = dyn_cast<RecvStartOp>(start))
      return recv.getStage();
    return std::nullopt;
  }

  /// A send meets the receive of its channel; no more messages are under way on a route than it has slots.
  LogicalResult matchTransfers() {
    llvm::DenseMap<std::pair<int64_t, int64_t>, int64_t> transfers; // starts by rank and channel
    for (auto [id, event] : llvm::enumerate(events))
      if (!event.isDone())
        transfers[{event.rank, channelOf(event.start)}] = id;
    llvm::MapVector<std::pair<int64_t, int64_t>, SmallVector<std::pair<int64_t, int64_t>>> routes;
    for (auto [id, event] : llvm::enumerate(events)) {
      std::optional<int64_t> stage = event.isDone() ? std::nullopt : peerStage(event.start);
      if (!stage)
        continue;
      int64_t peer = *stage * mesh.getNumWorkers() + event.rank % mesh.getNumWorkers();
      auto found = transfers.find({peer, channelOf(event.start)});
      const Event *other = found == transfers.end() ? nullptr : &events[found->second];
      bool isSend = isa<SendStartOp>(event.start);
      StringRef wanted = isSend ? "recv_start" : "send_start";
      if (!other || other->start->getName().stripDialect() != wanted)
        return event.op->emitOpError("on ") << rankText(event.rank) << " has no " << wanted << " on channel "
                                            << channelOf(event.start) << " of " << rankText(peer);
      if (int64_t back = *peerStage(other->start) * mesh.getNumWorkers() + peer % mesh.getNumWorkers();
          back != event.rank)
        return event.op->emitOpError("on ")
               << rankText(event.rank) << " meets " << text(*other) << ", which means rank " << back;
      if (!isSend)
        continue;
      Type sent = event.start->getOperand(0).getType();
      Type received = cast<TokenType>(other->start->getResult(0).getType()).getValue();
      if (sent != received)
        return event.op->emitOpError("on ") << rankText(event.rank) << " sends " << sent << ", and "
                                            << text(*other) << " wants " << received;
      routes[{event.rank, peer}].emplace_back(id, ids.lookup({peer, other->op}));
    }
    for (auto &[route, messages] : routes)
      for (auto [i, message] : llvm::enumerate(messages)) {
        auto [send, recv] = message;
        int64_t recvDone = doneOf(recv);
        waitsFor[recvDone].push_back(send);
        // Without a slot the message waits for its buffer; with one, until the message that had the slot
        // moved into its own.
        if (slots == 0)
          waitsFor[doneOf(send)].push_back(recv);
        else if (int64_t(i) >= slots)
          waitsFor[send].push_back(messages[i - slots].second);
      }
    return success();
  }

  int64_t doneOf(int64_t start) {
    for (Operation *user : events[start].start->getResult(0).getUsers())
      if (isa<DoneOp>(user))
        return ids.lookup({events[start].rank, user});
    return start;
  }

  /// Depth first; a way back to an event that is still being looked at is a cycle.
  LogicalResult findCycle() {
    enum { New, Open, Closed };
    SmallVector<int> state(events.size(), New);
    for (size_t root = 0; root < events.size(); ++root) {
      SmallVector<std::pair<int64_t, size_t>> path; // event, next of waitsFor to look at
      if (state[root] == New) {
        path.emplace_back(root, 0);
        state[root] = Open;
      }
      while (!path.empty()) {
        auto &[id, next] = path.back();
        if (next == waitsFor[id].size()) {
          state[id] = Closed;
          path.pop_back();
          continue;
        }
        int64_t other = waitsFor[id][next++];
        if (state[other] == Open)
          return refuse(path, other);
        if (state[other] == New) {
          state[other] = Open;
          path.emplace_back(other, 0);
        }
      }
    }
    return success();
  }

  LogicalResult refuse(ArrayRef<std::pair<int64_t, size_t>> path, int64_t from) {
    while (path.front().first != from)
      path = path.drop_front();
    InFlightDiagnostic error = events[from].op->emitOpError("waits for itself: this schedule can deadlock");
    for (auto [id, next] : path)
      error.attachNote(events[id].op->getLoc()) << text(events[id]) << " waits for the next";
    error.attachNote(events[from].op->getLoc()) << text(events[from]);
    return failure();
  }

  ModuleOp module;
  MeshAttr mesh;
  int64_t slots, numStages = 1;
  std::vector<Event> events;
  std::vector<SmallVector<int64_t, 2>> waitsFor;
  llvm::DenseMap<std::pair<int64_t, Operation *>, int64_t> ids;
};

struct VerifySchedule : impl::VerifySchedulePassBase<VerifySchedule> {
  using Base::Base;
  void runOnOperation() override {
    MeshAttr mesh = getMesh(getOperation());
    if (!mesh) {
      getOperation().emitError("found no mesh, wanted the attribute ")
          << DistDialect::getMeshAttrName() << " = #dist.mesh<...> on the module";
      return signalPassFailure();
    }
    Schedule schedule(getOperation(), mesh, slots);
    if (failed(schedule.run()))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace weft::dist
