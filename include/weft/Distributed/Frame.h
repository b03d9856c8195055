// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One message between two ranks: a header of 64 bytes, then at most 1 MiB of a tensor. Every frame says to
// which job, run, channel and use of the channel it belongs, so that what does not match is found at once,
// and carries checksums of both parts.
#ifndef WEFT_DISTRIBUTED_FRAME_H
#define WEFT_DISTRIBUTED_FRAME_H

#include "weft/Support/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::distributed {

constexpr size_t frameHeaderSize = 64, maxFramePayload = size_t(1) << 20;
/// Raised when the header or the meaning of a kind changes; both ends must agree.
constexpr uint8_t wireVersion = 3; // 2: one frame in a message of gRPC

enum class FrameKind : uint8_t {
  Data = 1,   ///< a piece of a transfer
  Posted = 2, ///< the receiver has a buffer for the transfer: it may be sent, or was, and frees its credit
  Abort = 3,  ///< the sender has given up; the payload says why
  Alive = 4,  ///< the sender lives; `step` is its watermark, the payload the command it is at
};

struct FrameHeader {
  FrameKind kind = FrameKind::Data;
  uint8_t operation = 0; ///< what the sender runs: see Operation.h; both ends must run the same
  uint8_t dtype = 0;
  uint64_t program = 0; ///< first 8 bytes of the job's hash
  uint32_t epoch = 0;   ///< of the job's members
  uint16_t source = 0;  ///< the sender's rank
  uint16_t part = 0;    ///< which transfer of a collective
  uint64_t step = 0;
  uint32_t channel = 0, sequence = 0; ///< sequence: how often the channel was used before in this step
  uint64_t total = 0;                 ///< bytes of the whole transfer
  uint64_t offset = 0;                ///< of this piece in it, a multiple of 64
  uint32_t size = 0;                  ///< of this piece
  uint32_t payloadCrc = 0;
};

std::array<std::byte, frameHeaderSize> encodeFrameHeader(const FrameHeader &header);
/// DATA_LOSS when bits have changed, UNIMPLEMENTED for another wire version, INVALID_ARGUMENT for what no
/// sender writes.
Result<FrameHeader> decodeFrameHeader(std::span<const std::byte, frameHeaderSize> bytes);
/// Whether the payload is what the sender had: its size and checksum.
Status checkFramePayload(const FrameHeader &header, std::span<const std::byte> payload);

/// CRC-32C (Castagnoli), by the CPU's instructions where it has them; `crc` is that of the bytes before.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);
namespace detail {
/// All ways to compute it that this CPU has, for tests; the fastest is the last.
using Crc32cWay = uint32_t (*)(const std::byte *data, size_t size, uint32_t crc);
std::vector<Crc32cWay> crc32cWays();
} // namespace detail

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_FRAME_H
