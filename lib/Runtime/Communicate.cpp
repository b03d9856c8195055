// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands that speak with other ranks: finds this rank's peers and hands buffers to the Communicator, a
// device's by way of the host.
#include "SessionImpl.h"
#include "weft/Runtime/Communicator.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {

using namespace program;

Status Session::Impl::checkCommunicator() const {
  const Communicator *communicator = options.communicator;
  if (program->numRanks == 0)
    return Status::ok();
  const std::string mesh = meshText(program->mesh);
  if (!communicator)
    return failedPrecondition("the program is made for ", program->numRanks, " ranks (mesh ", mesh,
                              ") and cannot run alone: run the whole job with --mesh=", mesh);
  if (communicator->numRanks() != program->numRanks)
    return failedPrecondition("the program is made for ", program->numRanks, " ranks (mesh ", mesh,
                              "), run by ", communicator->numRanks());
  return Status::ok();
}

Status Session::Impl::communicate(const FlatCommand &command, Frame &frame) {
  Communicator &communicator = *options.communicator; // programs without a mesh have no such commands
  const uint32_t rank = communicator.rank();
  const auto peerOf = [&](uint32_t route) { return program->routes[route][rank]; };
  const auto &what = command.source->what;
  switch (command.op) {
  case Op::CollectiveStart: {
    const auto &c = std::get<CollectiveStart>(what);
    const auto &sets = program->groups[c.group];
    const auto set = std::find_if(sets.begin(), sets.end(), [&](const auto &members) {
      return std::find(members.begin(), members.end(), rank) != members.end();
    });
    if (set == sets.end())
      return failedPrecondition("rank ", rank, " has no part in group ", c.group);
    CollectiveCall call{
        c.kind,         c.combine, c.dtype, *set, c.channel, frame.buffers[c.from], frame.buffers[c.to],
        values[c.count]};
    if (!call.from || !call.to || call.count < 0)
      return noExtent();
    if (device) {
      const int64_t bytes = call.count * byteWidth(c.dtype), members = int64_t(set->size());
      WEFT_ASSIGN_OR_RETURN(call.from, device->stageOut(c.channel, call.from, bytes));
      WEFT_ASSIGN_OR_RETURN(call.to, device->stageIn(c.channel, call.to,
                                                     c.kind == Collective::AllGather       ? bytes * members
                                                     : c.kind == Collective::ReduceScatter ? bytes / members
                                                                                           : bytes));
    }
    return communicator.start(call);
  }
  case Op::Send: {
    const auto &c = std::get<Send>(what);
    const std::byte *from = frame.buffers[c.from];
    if (peerOf(c.route) == noId)
      return failedPrecondition("route ", c.route, " leads nowhere from rank ", rank);
    if (!from || values[c.size] < 0)
      return noExtent();
    if (device) {
      WEFT_ASSIGN_OR_RETURN(from, device->stageOut(c.channel, from, values[c.size]));
    }
    return communicator.send(c.channel, peerOf(c.route), {from, size_t(values[c.size])});
  }
  case Op::Recv: {
    const auto &c = std::get<Recv>(what);
    std::byte *to = frame.buffers[c.to];
    if (peerOf(c.route) == noId)
      return failedPrecondition("route ", c.route, " leads nowhere from rank ", rank);
    if (!to || values[c.size] < 0)
      return noExtent();
    if (device) {
      WEFT_ASSIGN_OR_RETURN(to, device->stageIn(c.channel, to, values[c.size]));
    }
    return communicator.receive(c.channel, peerOf(c.route), {to, size_t(values[c.size])});
  }
  case Op::Wait: {
    const uint32_t channel = std::get<Wait>(what).channel;
    WEFT_RETURN_IF_ERROR(communicator.wait(channel));
    return device ? device->endStaged(channel) : Status::ok();
  }
  case Op::MeshCoordinate: {
    const auto &c = std::get<MeshCoordinate>(what);
    if (!frame.buffers[c.to])
      return noExtent();
    int64_t below = 1; // ranks that one step along the axis passes over
    for (size_t axis = c.axis + 1; axis < program->mesh.size(); ++axis)
      below *= program->mesh[axis].size;
    const int64_t coordinate = rank / below % program->mesh[c.axis].size;
    if (device)
      return device->stream().upload(frame.buffers[c.to], &coordinate, sizeof coordinate);
    std::memcpy(frame.buffers[c.to], &coordinate, sizeof coordinate);
    return Status::ok();
  }
  default:
    return internalError("not a command of communication");
  }
}

} // namespace weft::runtime
