// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames as bytes, least significant first. What comes in is checked field by field: it may come from
// anybody.
#include "weft/Distributed/Frame.h"

#include <cstring>

namespace weft::distributed {
namespace {

constexpr uint32_t magic = 0x4d524657; // "WFRM"
constexpr size_t headerCrcAt = frameHeaderSize - 4;
constexpr uint64_t offsetUnit = 64;

/// Writes and reads fields one after the other.
struct Cursor {
  std::byte *at;
  template <class T> void put(T value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  }
};
struct Reader {
  const std::byte *at;
  template <class T> T get() {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
  }
};

} // namespace

std::array<std::byte, frameHeaderSize> encodeFrameHeader(const FrameHeader &header) {
  std::array<std::byte, frameHeaderSize> bytes{};
  Cursor out{bytes.data()};
  out.put(magic);
  out.put(wireVersion);
  out.put(uint8_t(header.kind));
  out.put(header.operation);
  out.put(header.dtype);
  out.put(header.program);
  out.put(header.epoch);
  out.put(header.source);
  out.put(header.part);
  out.put(header.step);
  out.put(header.channel);
  out.put(header.sequence);
  out.put(header.total);
  out.put(uint32_t(header.offset / offsetUnit));
  out.put(header.size);
  out.put(header.payloadCrc);
  out.put(crc32c(std::span<const std::byte>(bytes.data(), headerCrcAt)));
  return bytes;
}

Result<FrameHeader> decodeFrameHeader(std::span<const std::byte, frameHeaderSize> bytes) {
  Reader in{bytes.data()};
  if (in.get<uint32_t>() != magic)
    return invalidArgument("what came in is no frame");
  if (const auto version = in.get<uint8_t>(); version != wireVersion)
    return unimplemented("a frame of wire version ", int(version), ", this runtime has ", int(wireVersion));
  if (Reader{bytes.data() + headerCrcAt}.get<uint32_t>() != crc32c(bytes.first<headerCrcAt>()))
    return dataLoss("bits of a frame's header have changed on the way");
  FrameHeader header;
  const auto kind = in.get<uint8_t>();
  header.operation = in.get<uint8_t>();
  header.dtype = in.get<uint8_t>();
  header.program = in.get<uint64_t>();
  header.epoch = in.get<uint32_t>();
  header.source = in.get<uint16_t>();
  header.part = in.get<uint16_t>();
  header.step = in.get<uint64_t>();
  header.channel = in.get<uint32_t>();
  header.sequence = in.get<uint32_t>();
  header.total = in.get<uint64_t>();
  header.offset = in.get<uint32_t>() * offsetUnit;
  header.size = in.get<uint32_t>();
  header.payloadCrc = in.get<uint32_t>();
  if (kind < uint8_t(FrameKind::Data) || kind > uint8_t(FrameKind::Alive))
    return invalidArgument("a frame of unknown kind ", int(kind));
  header.kind = FrameKind(kind);
  if (header.size > maxFramePayload)
    return invalidArgument("a frame of ", header.size, " bytes, wanted at most ", maxFramePayload);
  if (header.kind == FrameKind::Data &&
      (header.offset > header.total || header.size > header.total - header.offset))
    return invalidArgument("a frame with ", header.size, " bytes at ", header.offset, " of a transfer of ",
                           header.total);
  return header;
}

Status checkFramePayload(const FrameHeader &header, std::span<const std::byte> payload) {
  if (payload.size() != header.size)
    return invalidArgument("a frame with ", payload.size(), " bytes, its header says ", header.size);
  if (crc32c(payload) != header.payloadCrc)
    return dataLoss("bits of a frame of ", header.size, " bytes have changed on the way");
  return Status::ok();
}

} // namespace weft::distributed
