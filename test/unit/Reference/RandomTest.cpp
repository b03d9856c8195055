// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random bits against the known-answer vectors that Random123 publishes (its file kat_vectors).
#include "Harness.h"
#include "weft/Reference/RandomBits.h"

using namespace weft;
using namespace weft::test;
using reference::philox4x32;
using reference::threefry2x32;

TEST(ReferenceRandom, PhiloxKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(ReferenceRandom, ThreefryKnownAnswers) {
  EXPECT_EQ(threefry2x32({0, 0}, {0, 0}), (std::array<uint32_t, 2>{0x6b200159, 0x99ba4efe}));
  EXPECT_EQ(threefry2x32({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 2>{0x1cb996fc, 0xbb002be7}));
  EXPECT_EQ(threefry2x32({0x243f6a88, 0x85a308d3}, {0x13198a2e, 0x03707344}),
            (std::array<uint32_t, 2>{0xc4923a9c, 0x483df7a0}));
}

TEST(ReferenceRandom, CountersSelectWords) {
  HostTensor key = *HostTensor::fromValues<uint32_t>({2}, {7, 9});
  HostTensor counter = *HostTensor::fromValues<uint64_t>({2, 3}, {0, 1, 5, 3, (uint64_t(1) << 34) + 2, 8});
  std::array<uint32_t, 2> k = {7, 9};
  std::vector<int64_t> wanted = {philox4x32({0, 0, 0, 0}, k)[0], philox4x32({0, 0, 0, 0}, k)[1],
                                 philox4x32({1, 0, 0, 0}, k)[1], philox4x32({0, 0, 0, 0}, k)[3],
                                 philox4x32({0, 1, 0, 0}, k)[2], philox4x32({2, 0, 0, 0}, k)[0]};
  EXPECT_EQ(integers(evaluate("weft.random_bits %0, %1", {key, counter}, "2x3xui32")), wanted);
  wanted = {threefry2x32({0, 0}, k)[0], threefry2x32({0, 0}, k)[1], threefry2x32({2, 0}, k)[1],
            threefry2x32({1, 0}, k)[1], threefry2x32({1, 2}, k)[0], threefry2x32({4, 0}, k)[0]};
  EXPECT_EQ(integers(evaluate("weft.random_bits %0, %1 {algorithm = #weft<random_algorithm threefry>}",
                              {key, counter}, "2x3xui32")),
            wanted);
}
