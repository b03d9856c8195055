// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames and their checksums: known values, every bit that may flip, fields that no sender writes.
#include "weft/Distributed/Frame.h"

#include <gtest/gtest.h>
#include <random>

using namespace weft;
using namespace weft::distributed;

namespace {

std::span<const std::byte> bytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

FrameHeader sample() {
  FrameHeader header;
  header.kind = FrameKind::Data;
  header.operation = 17;
  header.dtype = 2;
  header.program = 0x0123456789abcdef;
  header.epoch = 7;
  header.source = 3;
  header.part = 5;
  header.step = uint64_t(1) << 40;
  header.channel = 9;
  header.sequence = 2;
  header.total = 1000;
  header.offset = 64;
  header.size = 11;
  header.payloadCrc = crc32c(bytesOf("hello world"));
  return header;
}

TEST(Frame, ChecksumIsCastagnoli) {
  EXPECT_EQ(crc32c(bytesOf("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  for (const detail::Crc32cWay way : detail::crc32cWays())
    EXPECT_EQ(way(bytesOf("123456789").data(), 9, 0), 0xe3069283u);
}

TEST(Frame, ChecksumsAgreeAtEverySize) {
  std::mt19937 random(1);
  std::vector<std::byte> data(70000);
  for (std::byte &b : data)
    b = std::byte(random());
  std::vector<size_t> sizes = {0, 1, 7, 8, 9, 63, 4096, 12287, 12288, 12289, 24576, 50001, 65000};
  for (size_t size = 200; size < 700; ++size) // around what is folded
    sizes.push_back(size);
  const std::vector<detail::Crc32cWay> ways = detail::crc32cWays();
  for (const size_t size : sizes) {
    const std::span<const std::byte> part = std::span(data).subspan(size % 67, size);
    const uint32_t wanted = ways.front()(part.data(), size, 0);
    for (const detail::Crc32cWay way : ways) {
      EXPECT_EQ(way(part.data(), size, 0), wanted) << size;
      const size_t third = size / 3;
      EXPECT_EQ(way(part.data() + third, size - third, way(part.data(), third, 0)), wanted) << size;
    }
    EXPECT_EQ(crc32c(part), wanted) << size;
  }
}

TEST(Frame, HeadersComeBack) {
  const FrameHeader header = sample();
  const Result<FrameHeader> found = decodeFrameHeader(encodeFrameHeader(header));
  ASSERT_TRUE(found.isOk()) << found.status();
  EXPECT_EQ(encodeFrameHeader(*found), encodeFrameHeader(header));
  EXPECT_EQ(found->step, header.step);
  EXPECT_EQ(found->source, 3);
  EXPECT_EQ(found->offset, 64u);
}

TEST(Frame, EveryFlippedBitIsFound) {
  const auto bytes = encodeFrameHeader(sample());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte(1 << bit % 8);
    EXPECT_FALSE(decodeFrameHeader(flipped).isOk()) << "bit " << bit;
  }
  const FrameHeader header = sample();
  std::string text = "hello world";
  EXPECT_TRUE(checkFramePayload(header, bytesOf(text)).isOk());
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] ^= char(1 << bit % 8);
    EXPECT_EQ(checkFramePayload(header, bytesOf(flipped)).code(), Code::DataLoss) << "bit " << bit;
  }
  EXPECT_FALSE(checkFramePayload(header, bytesOf("hello")).isOk());
}

TEST(Frame, RefusesWhatNoSenderWrites) {
  const auto refused = [](auto &&spoil) {
    FrameHeader header = sample();
    spoil(header);
    return decodeFrameHeader(encodeFrameHeader(header)).status().message();
  };
  EXPECT_EQ(refused([](FrameHeader &h) { h.kind = FrameKind(9); }), "a frame of unknown kind 9");
  EXPECT_EQ(refused([](FrameHeader &h) { h.size = maxFramePayload + 1; }),
            "a frame of 1048577 bytes, wanted at most 1048576");
  EXPECT_EQ(refused([](FrameHeader &h) { h.total = 70; }), "a frame with 11 bytes at 64 of a transfer of 70");
}

TEST(Frame, AnotherWireVersionIsNamed) {
  auto bytes = encodeFrameHeader(sample());
  bytes[4] = std::byte(9);
  const Status status = decodeFrameHeader(bytes).status();
  EXPECT_EQ(status.code(), Code::Unimplemented);
  EXPECT_EQ(status.message(), concat("a frame of wire version 9, this runtime has ", int(wireVersion)));
}

} // namespace
