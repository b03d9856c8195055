// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages of control.proto as they travel: the size of the message, the message, raw bytes, and a checksum
// of all that (TCP's own misses one damaged packet in 65,536).
#ifndef WEFT_LIB_DISTRIBUTED_MESSAGES_H
#define WEFT_LIB_DISTRIBUTED_MESSAGES_H

#include "weft/Distributed/Rpc.h"

#include "control.pb.h"
#include <cstring>

namespace weft::distributed {

constexpr size_t maxRawBytes = size_t(1) << 20;

template <class M> std::string encodeMessage(const M &message, std::span<const std::byte> raw = {}) {
  const std::string text = message.SerializeAsString();
  const auto size = uint32_t(text.size());
  std::string bytes;
  bytes.reserve(sizeof size + text.size() + raw.size() + sizeof(uint32_t));
  bytes.append(reinterpret_cast<const char *>(&size), sizeof size);
  bytes += text;
  bytes.append(reinterpret_cast<const char *>(raw.data()), raw.size());
  const uint32_t sum = crc32c(std::as_bytes(std::span<const char>(bytes)));
  bytes.append(reinterpret_cast<const char *>(&sum), sizeof sum);
  return bytes;
}

/// Fills `message`; the raw bytes behind it, which lie in `bytes`.
template <class M> Result<std::span<const std::byte>> decodeMessage(std::string_view bytes, M &message) {
  uint32_t size = 0, sum = 0;
  if (bytes.size() < sizeof size + sizeof sum)
    return invalidArgument("a message of ", bytes.size(), " bytes");
  std::memcpy(&sum, bytes.data() + bytes.size() - sizeof sum, sizeof sum);
  bytes.remove_suffix(sizeof sum);
  if (crc32c(std::as_bytes(std::span(bytes))) != sum)
    return dataLoss("bits of a message of ", bytes.size(),
                    " bytes have changed on the way, or another version of Weft wrote it");
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size > bytes.size() || bytes.size() - size > maxRawBytes ||
      !message.ParseFromArray(bytes.data(), int(size)))
    return invalidArgument("a damaged message of ", bytes.size(), " bytes");
  return std::as_bytes(std::span(bytes.substr(size)));
}

constexpr const char *coordinatorService = "/weft.v1.Coordinator/";

/// Calls the coordinator; the reply's raw bytes are put behind `raw`, when it is there.
template <class Q, class A>
Status callCoordinator(RpcChannel &channel, const char *method, const Q &request, A &reply,
                       std::chrono::milliseconds deadline, std::span<const std::byte> rawRequest = {},
                       std::string *raw = nullptr) {
  WEFT_ASSIGN_OR_RETURN(const std::string bytes, channel.call(concat(coordinatorService, method),
                                                              encodeMessage(request, rawRequest), deadline));
  WEFT_ASSIGN_OR_RETURN(const auto rest, decodeMessage(bytes, reply));
  if (raw)
    raw->append(reinterpret_cast<const char *>(rest.data()), rest.size());
  return Status::ok();
}

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_MESSAGES_H
