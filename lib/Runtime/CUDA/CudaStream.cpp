// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stream of a GPU: transfers through pinned memory, launches, times.
#include "CudaStream.h"

#include "weft/Runtime/Trace.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace weft::runtime::cuda {

static CuPointer toCu(const std::byte *pointer) { return reinterpret_cast<CuPointer>(pointer); }

Result<std::unique_ptr<DeviceStream>> CudaStream::create(std::shared_ptr<Context> context) {
  std::unique_ptr<CudaStream> made(new CudaStream);
  CudaStream &s = *made;
  s.context = std::move(context);
  const Driver &d = *s.context->driver;
  WEFT_RETURN_IF_ERROR(s.context->makeCurrent());
  WEFT_RETURN_IF_ERROR(s.check(d.cuStreamCreate(&s.stream, streamNonBlocking), "cuStreamCreate"));
  constexpr size_t total = 2 * pieceBytes + numFaults * sizeof(WeftFault);
  void *memory = nullptr;
  WEFT_RETURN_IF_ERROR(s.check(d.cuMemHostAlloc(&memory, total, hostAllocPortable), "cuMemHostAlloc"));
  s.pinned = static_cast<std::byte *>(memory);
  std::memset(s.pinned, 0, total);
  // With unified addressing, which every GPU here has, the device follows the same pointer.
  s.faultRecords = reinterpret_cast<WeftFault *>(s.pinned + 2 * pieceBytes);
  for (size_t i = 0; i < 2; ++i) {
    s.pieces[i].memory = s.pinned + i * pieceBytes;
    WEFT_RETURN_IF_ERROR(s.check(d.cuEventCreate(&s.pieces[i].isFree, eventDefault), "cuEventCreate"));
  }
  return std::unique_ptr<DeviceStream>(std::move(made));
}

CudaStream::~CudaStream() {
  if (!context || !context->makeCurrent().isOk())
    return;
  const Driver &d = *context->driver;
  if (stream) {
    d.cuStreamSynchronize(stream);
    d.cuStreamDestroy(stream);
  }
  for (const Piece &piece : pieces)
    if (piece.isFree)
      d.cuEventDestroy(piece.isFree);
  for (CuEvent event : events)
    if (event)
      d.cuEventDestroy(event);
  if (origin)
    d.cuEventDestroy(origin);
  if (pinned)
    d.cuMemFreeHost(pinned);
}

Status CudaStream::begin() { return context->makeCurrent(); }

Status CudaStream::upload(std::byte *to, const void *from, int64_t bytes) {
  const Driver &d = *context->driver;
  const auto *source = static_cast<const std::byte *>(from);
  for (size_t at = 0, total = size_t(bytes); at < total;) {
    Piece &piece = pieces[nextPiece];
    nextPiece ^= 1;
    const size_t size = std::min(pieceBytes, total - at);
    WEFT_RETURN_IF_ERROR(check(d.cuEventSynchronize(piece.isFree), "cuEventSynchronize"));
    std::memcpy(piece.memory, source + at, size);
    WEFT_RETURN_IF_ERROR(
        check(d.cuMemcpyHtoDAsync(toCu(to + at), piece.memory, size, stream), "cuMemcpyHtoDAsync"));
    WEFT_RETURN_IF_ERROR(check(d.cuEventRecord(piece.isFree, stream), "cuEventRecord"));
    at += size;
  }
  return Status::ok();
}

Status CudaStream::download(void *to, const std::byte *from, int64_t bytes) {
  const Driver &d = *context->driver;
  auto *target = static_cast<std::byte *>(to);
  // The next piece travels while the last is copied.
  size_t asked = 0, taken = 0;
  const auto total = size_t(bytes);
  size_t sizes[2] = {};
  unsigned first = nextPiece;
  while (taken < total) {
    while (asked < total && asked - taken < 2 * pieceBytes && sizes[nextPiece] == 0) {
      Piece &piece = pieces[nextPiece];
      const size_t size = sizes[nextPiece] = std::min(pieceBytes, total - asked);
      WEFT_RETURN_IF_ERROR(
          check(d.cuMemcpyDtoHAsync(piece.memory, toCu(from + asked), size, stream), "cuMemcpyDtoHAsync"));
      WEFT_RETURN_IF_ERROR(check(d.cuEventRecord(piece.isFree, stream), "cuEventRecord"));
      asked += size;
      nextPiece ^= 1;
    }
    WEFT_RETURN_IF_ERROR(check(d.cuEventSynchronize(pieces[first].isFree), "cuEventSynchronize"));
    std::memcpy(target + taken, pieces[first].memory, sizes[first]);
    taken += std::exchange(sizes[first], 0);
    first ^= 1;
  }
  return total ? Status::ok() : synchronize();
}

Status CudaStream::copy(std::byte *to, const std::byte *from, int64_t bytes) {
  if (bytes == 0 || to == from)
    return Status::ok();
  return check(context->driver->cuMemcpyDtoDAsync(toCu(to), toCu(from), size_t(bytes), stream),
               "cuMemcpyDtoDAsync");
}

Status CudaStream::fill(std::byte *to, int64_t bytes, uint64_t pattern, int width) {
  const Driver &d = *context->driver;
  const auto count = size_t(bytes / width);
  const auto rest = bytes % width;
  if (count > 0)
    switch (width) {
    case 1:
      WEFT_RETURN_IF_ERROR(
          check(d.cuMemsetD8Async(toCu(to), uint8_t(pattern), count, stream), "cuMemsetD8Async"));
      break;
    case 2:
      WEFT_RETURN_IF_ERROR(
          check(d.cuMemsetD16Async(toCu(to), uint16_t(pattern), count, stream), "cuMemsetD16Async"));
      break;
    case 4:
      WEFT_RETURN_IF_ERROR(
          check(d.cuMemsetD32Async(toCu(to), uint32_t(pattern), count, stream), "cuMemsetD32Async"));
      break;
    default: // the low and the high halves, as columns of a matrix whose rows are 8 bytes long
      for (int half = 0; half < 2; ++half)
        WEFT_RETURN_IF_ERROR(check(d.cuMemsetD2D32Async(toCu(to) + 4 * unsigned(half), 8,
                                                        uint32_t(pattern >> (32 * half)), 1, count, stream),
                                   "cuMemsetD2D32Async"));
    }
  for (int64_t i = 0; i < rest; ++i)
    WEFT_RETURN_IF_ERROR(
        check(d.cuMemsetD8Async(toCu(to + bytes - rest + i), uint8_t(pattern >> (8 * i)), 1, stream),
              "cuMemsetD8Async"));
  return Status::ok();
}

Status CudaStream::launch(const DeviceCode &code, const DeviceLaunch &launch) {
  if (launch.blocks == 0)
    return Status::ok();
  const CudaCode::Kernel &kernel = static_cast<const CudaCode &>(code).kernels[launch.kernel];
  if (launch.blocks > std::numeric_limits<int32_t>::max())
    return outOfRange("a grid of ", launch.blocks, " blocks, wanted at most ",
                      std::numeric_limits<int32_t>::max());
  const size_t numBuffers = launch.buffers.size(), numDims = launch.dims.size(),
               count = numBuffers + numDims + 1;
  if (values.size() < count) {
    values.resize(count);
    parameters.resize(count);
    for (size_t i = 0; i < count; ++i)
      parameters[i] = &values[i];
  }
  for (size_t i = 0; i < numBuffers; ++i)
    values[i] = reinterpret_cast<uint64_t>(launch.buffers[i]);
  for (size_t i = 0; i < numDims; ++i)
    values[numBuffers + i] = uint64_t(launch.dims[i]);
  values[count - 1] = reinterpret_cast<uint64_t>(faultRecords + launch.fault);
  LaunchConfig config = kernel.config;
  config.gridX = unsigned(launch.blocks);
  config.stream = stream;
  return check(context->driver->cuLaunchKernelEx(&config, kernel.function, parameters.data(), nullptr),
               "cuLaunchKernelEx");
}

Status CudaStream::synchronize() {
  return check(context->driver->cuStreamSynchronize(stream), "cuStreamSynchronize");
}

Status CudaStream::mark(uint32_t number) {
  const Driver &d = *context->driver;
  if (events.empty())
    events.resize(numMarks);
  if (!origin)
    WEFT_RETURN_IF_ERROR(check(d.cuEventCreate(&origin, eventDefault), "cuEventCreate"));
  if (number == 0) { // the device's clock and the host's, read at one moment: nothing is under way
    WEFT_RETURN_IF_ERROR(synchronize());
    const int64_t before = Trace::now();
    WEFT_RETURN_IF_ERROR(check(d.cuEventRecord(origin, stream), "cuEventRecord"));
    WEFT_RETURN_IF_ERROR(check(d.cuEventSynchronize(origin), "cuEventSynchronize"));
    originTime = before + (Trace::now() - before) / 2;
  }
  if (!events[number])
    WEFT_RETURN_IF_ERROR(check(d.cuEventCreate(&events[number], eventDefault), "cuEventCreate"));
  return check(d.cuEventRecord(events[number], stream), "cuEventRecord");
}

Result<int64_t> CudaStream::timeOf(uint32_t number) {
  float milliseconds = 0;
  WEFT_RETURN_IF_ERROR(check(context->driver->cuEventElapsedTime(&milliseconds, origin, events[number]),
                             "cuEventElapsedTime"));
  return originTime + int64_t(double(milliseconds) * 1e6);
}

} // namespace weft::runtime::cuda
