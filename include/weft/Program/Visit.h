// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks over what a command refers to: for checks, the planner, and pictures.
#ifndef WEFT_PROGRAM_VISIT_H
#define WEFT_PROGRAM_VISIT_H

#include "weft/Program/Program.h"

namespace weft::program {

template <class... F> struct Overloaded : F... {
  using F::operator()...;
};
template <class... F> Overloaded(F...) -> Overloaded<F...>;

/// Calls visit(buffer, isWritten) for each buffer of the command.
template <class V> void forEachBuffer(const Command &command, V &&visit) {
  const auto all = [&](const std::vector<BufferId> &buffers, bool written) {
    for (BufferId buffer : buffers)
      visit(buffer, written);
  };
  std::visit(Overloaded{
                 [&](const Launch &c) {
                   for (size_t i = 0; i < c.buffers.size(); ++i)
                     visit(c.buffers[i], i + c.numResults >= c.buffers.size());
                 },
                 [&](const Copy &c) {
                   visit(c.from, false);
                   visit(c.to, true);
                 },
                 [&](const Fill &c) { visit(c.buffer, true); },
                 [&](const Host &c) {
                   for (const HostArgument &arg : c.args)
                     visit(arg.buffer, arg.isResult);
                 },
                 [&](const Call &c) {
                   all(c.args, false);
                   all(c.results, true);
                 },
                 [&](const If &c) {
                   visit(c.condition, false);
                   all(c.args, false);
                   all(c.results, true);
                 },
                 [&](const While &c) {
                   visit(c.condition, true);
                   all(c.args, false);
                   all(c.captures, false);
                   all(c.results, true);
                   all(c.temporaries, true);
                 },
                 [&](const Check &c) { visit(c.predicate, false); },
                 [&](const ShapeCheck &) {},
                 [&](const SetSymbol &c) { visit(c.buffer, false); },
                 [&](const CollectiveStart &c) {
                   visit(c.from, false);
                   visit(c.to, true);
                 },
                 [&](const Send &c) { visit(c.from, false); },
                 [&](const Recv &c) { visit(c.to, true); },
                 [&](const Wait &) {},
                 [&](const MeshCoordinate &c) { visit(c.to, true); },
             },
             command.what);
}

/// Calls visit(function) for each function the command calls.
template <class V> void forEachCallee(const Command &command, V &&visit) {
  if (const auto *call = std::get_if<Call>(&command.what)) {
    visit(call->function);
  } else if (const auto *branch = std::get_if<If>(&command.what)) {
    visit(branch->thenFunction);
    visit(branch->elseFunction);
  } else if (const auto *loop = std::get_if<While>(&command.what)) {
    visit(loop->condFunction);
    visit(loop->bodyFunction);
  }
}

/// The command's `frame`, or null when it calls nothing.
inline int64_t *frameOf(Command &command) {
  if (auto *call = std::get_if<Call>(&command.what))
    return &call->frame;
  if (auto *branch = std::get_if<If>(&command.what))
    return &branch->frame;
  if (auto *loop = std::get_if<While>(&command.what))
    return &loop->frame;
  return nullptr;
}
inline const int64_t *frameOf(const Command &command) { return frameOf(const_cast<Command &>(command)); }

/// The channel that the command starts, or noId.
inline uint32_t startedChannel(const Command &command) {
  if (const auto *collective = std::get_if<CollectiveStart>(&command.what))
    return collective->channel;
  if (const auto *send = std::get_if<Send>(&command.what))
    return send->channel;
  if (const auto *recv = std::get_if<Recv>(&command.what))
    return recv->channel;
  return noId;
}

/// The buffer whose memory this one is part of.
inline BufferId rootOf(const Function &function, BufferId buffer) {
  while (function.buffers[buffer].kind == BufferKind::Alias)
    buffer = function.buffers[buffer].index;
  return buffer;
}

} // namespace weft::program

#endif // WEFT_PROGRAM_VISIT_H
