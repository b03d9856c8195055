// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two commands that run code: a kernel, spread over threads in chunks or handed to a device, and a
// function of the runtime, which works on copies when the buffers are a device's.
#include "SessionImpl.h"
#include "weft/Runtime/ThreadPool.h"

#include <algorithm>

namespace weft::runtime {

using namespace program;

/// The check's message with what the kernel saw.
static std::string explain(const std::string &message, const WeftFault &fault) {
  std::string text;
  for (size_t i = 0; i < message.size();) {
    bool replaced = false;
    for (const auto &[mark, value] : {std::pair<std::string_view, int64_t>{"{found}", fault.found},
                                      {"{limit}", fault.limit},
                                      {"{at}", fault.at}})
      if (std::string_view(message).substr(i, mark.size()) == mark) {
        text += std::to_string(value);
        i += mark.size();
        replaced = true;
        break;
      }
    if (!replaced)
      text += message[i++];
  }
  return text;
}

Status Session::Impl::launch(const FlatFunction &function, const FlatCommand &command, Frame &frame) {
  for (uint32_t i = 0; i < command.numBuffers; ++i)
    callBuffers[i] = frame.buffers[function.buffers[command.firstBuffer + i]];
  for (uint32_t i = 0; i < command.numDims; ++i)
    callDims[i] = values[function.dims[command.firstDim + i]];
  const int64_t chunks = values[command.chunks], scratch = values[command.scratch];
  if (exe->hasDataSymbols) {
    bool isKnown = chunks >= 0 && scratch >= 0;
    for (uint32_t i = 0; i < command.numDims; ++i)
      isKnown &= callDims[i] != noValue;
    for (uint32_t i = 0; i < command.numBuffers; ++i)
      isKnown &= callBuffers[i] != nullptr;
    if (!isKnown)
      return noExtent();
  }
  if (device)
    return launchOnDevice(command, chunks);
  WeftCall call = {callBuffers.data(), callDims.data(), nullptr, &fault, 0};
  int32_t failed = 0;
  const int threads = options.threads > 0 ? std::min(options.threads, ThreadPool::process().threads())
                                          : ThreadPool::process().threads();
  if (chunks <= 1 || threads == 1) {
    if (scratch > 0 && !(call.scratch = ThreadPool::scratch(size_t(scratch))))
      return resourceExhausted("no memory for ", scratch, " bytes of scratch");
    if (chunks > 0)
      failed = command.kernel(&call, 0, chunks);
  } else {
    // Chunks are claimed one by one; many small ones are claimed in groups, of which the last one that a
    // thread waits for should be short.
    const auto groups = uint32_t(std::min<int64_t>(chunks, 32 * threads));
    std::atomic<int32_t> result{0};
    constexpr int32_t outOfMemory = -1;
    ThreadPool::process().parallelFor(groups, threads, [&](uint32_t group, bool follows) {
      if (result.load(std::memory_order_relaxed) != 0)
        return;
      WeftCall mine = call;
      mine.follows = follows;
      int32_t code = outOfMemory;
      if (scratch == 0 || (mine.scratch = ThreadPool::scratch(size_t(scratch)))) {
        const auto bound = [&](uint32_t g) { return int64_t(__int128(chunks) * g / groups); };
        code = command.kernel(&mine, bound(group), bound(group + 1));
      }
      int32_t none = 0;
      if (code != 0)
        result.compare_exchange_strong(none, code);
    });
    failed = result.load();
    if (failed == outOfMemory)
      return resourceExhausted("no memory for ", scratch, " bytes of scratch in each thread");
  }
  if (failed == 0) [[likely]]
    return Status::ok();
  // The record belongs to its first writer, who need not be the one whose code came back first.
  if (!fault.check)
    fault.check = uint32_t(failed);
  return checkError(program->kernels[std::get<Launch>(command.source->what).kernel],
                    std::exchange(fault, {}));
}

Status checkError(const Kernel &kernel, const WeftFault &fault) {
  const uint32_t check = fault.check - 1;
  return outOfRange(check < kernel.checks.size() ? explain(kernel.checks[check], fault)
                                                 : concat("check ", check, " failed"));
}

Status Session::Impl::launchOnDevice(const FlatCommand &command, int64_t blocks) {
  DeviceLaunch launch;
  launch.kernel = std::get<Launch>(command.source->what).kernel;
  launch.blocks = blocks;
  launch.buffers = {callBuffers.data(), command.numBuffers};
  launch.dims = {callDims.data(), command.numDims};
  return device->launch(*command.source, launch);
}

Status Session::Impl::callHost(const FlatCommand &command, Frame &frame) {
  const auto &host = std::get<Host>(command.source->what);
  size_t numDims = 0;
  for (const HostArgument &arg : host.args)
    numDims += arg.dims.size();
  hostBuffers.resize(host.args.size());
  hostDims.resize(numDims);
  size_t next = 0;
  for (size_t i = 0; i < host.args.size(); ++i) {
    const HostArgument &arg = host.args[i];
    int64_t *dims = hostDims.data() + next;
    for (const ExprId dim : arg.dims) {
      if (values[dim] < 0)
        return noExtent();
      hostDims[next++] = values[dim];
    }
    hostBuffers[i] = {arg.dtype, {dims, arg.dims.size()}, frame.buffers[arg.buffer], arg.isResult};
    if (!hostBuffers[i].data)
      return noExtent();
  }
  if (device) {
    hostPlaces.clear();
    for (const HostBuffer &buffer : hostBuffers)
      hostPlaces.push_back(static_cast<std::byte *>(buffer.data));
    WEFT_RETURN_IF_ERROR(device->downloadArguments(hostBuffers));
  }
  WEFT_RETURN_IF_ERROR(command.host(hostBuffers, HostAttributes(host.attributes)).context(host.function));
  return device ? device->uploadResults(hostBuffers, hostPlaces) : Status::ok();
}

} // namespace weft::runtime
