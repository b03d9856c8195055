// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames from bytes, as they are and with the checksums made right, so that what lies behind them is reached:
// the header's fields, and a mailbox that takes frames from a peer that is not what it seems.
#include "Mailbox.h"
#include "weft/Distributed/Frame.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace weft;
using namespace weft::distributed;

namespace {

/// A transport that goes nowhere.
class Nowhere final : public Transport {
public:
  uint32_t rank() const override { return 0; }
  uint32_t numRanks() const override { return 3; }
  std::string name() const override { return "nowhere"; }
  Status open(FrameReceiver &, std::chrono::milliseconds, const std::stop_token &) override {
    return Status::ok();
  }
  void send(uint32_t, const FrameHeader &, std::span<const std::byte>, SentListener *sent) override {
    if (sent)
      sent->onSent();
  }
  void close() override {}
};

struct Owner final : TransferOwner {
  void onTransferDone(uint32_t) override { ++count; }
  int count = 0;
};

void take(Mailbox &mailbox, std::span<const std::byte> bytes) {
  while (bytes.size() >= frameHeaderSize) {
    const Result<FrameHeader> header = decodeFrameHeader(bytes.first<frameHeaderSize>());
    if (!header.isOk())
      return;
    if (encodeFrameHeader(*header) != encodeFrameHeader(*decodeFrameHeader(encodeFrameHeader(*header))))
      std::abort();
    bytes = bytes.subspan(frameHeaderSize);
    const std::span<const std::byte> payload = bytes.first(std::min<size_t>(header->size, bytes.size()));
    bytes = bytes.subspan(payload.size());
    mailbox.onFrame(header->source % 3, *header, {&payload, 1});
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size)
    std::memcpy(bytes.data(), data, size);
  for (const bool isRight : {false, true}) {
    // The job and epoch that the frames of the corpus have.
    Nowhere transport;
    Mailbox::Options options;
    options.eagerBytes = 256;
    options.creditBytes = 1024;
    Mailbox mailbox(transport, options, [](const Status &) {});
    std::vector<std::byte> memory(100);
    Owner owner;
    mailbox.receive({1, 5, 0, 0, 1}, {1, 2}, memory, owner, 0);
    mailbox.send({1, 6, 0, 0, 2}, {0, 0}, memory, owner, 0);
    // Make the checksums of each frame right.
    for (size_t at = 0; isRight && at + frameHeaderSize <= bytes.size();) {
      uint32_t payloadSize = 0;
      std::memcpy(&payloadSize, bytes.data() + at + 52, 4);
      const size_t rest = bytes.size() - at - frameHeaderSize, taken = std::min<size_t>(payloadSize, rest);
      const uint32_t payloadCrc = crc32c(std::span(bytes).subspan(at + frameHeaderSize, taken));
      std::memcpy(bytes.data() + at + 56, &payloadCrc, 4);
      const uint32_t headerCrc = crc32c(std::span(bytes).subspan(at, 60));
      std::memcpy(bytes.data() + at + 60, &headerCrc, 4);
      at += frameHeaderSize + taken;
    }
    take(mailbox, bytes);
    mailbox.stop();
  }
  return 0;
}
