// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Storage, sharing, sub-byte elements and overflow checks of tensors.
#include "weft/Support/HostTensor.h"

#include <gtest/gtest.h>
#include <limits>

using namespace weft;

namespace {

TEST(HostTensor, CopiesShareAndClonesDoNot) {
  HostTensor tensor = *HostTensor::fromValues<float>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(tensor.typeString(), "f32[2x2]");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
  const HostTensor shared = tensor, cloned = *tensor.clone();
  EXPECT_TRUE(tensor.bitEquals(cloned));
  tensor.mutableData<float>()[0] = 9;
  EXPECT_EQ(shared.data<float>()[0], 9);
  EXPECT_EQ(cloned.data<float>()[0], 1);
  EXPECT_FALSE(tensor.bitEquals(cloned));
  EXPECT_FALSE(tensor.bitEquals(*tensor.reshaped({4})));
}

TEST(HostTensor, RefusesBadShapes) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(HostTensor::zeros(DType::F32, {-1}).code(), Code::InvalidArgument);
  EXPECT_EQ(HostTensor::zeros(DType::F32, {huge, 2}).code(), Code::InvalidArgument);
  EXPECT_EQ(HostTensor::zeros(DType::F32, {huge / 2}).code(), Code::InvalidArgument);
  EXPECT_EQ(HostTensor::zeros(DType::I8, {int64_t(1) << 62}).code(), Code::ResourceExhausted);
  EXPECT_EQ(*checkedNumElements(std::vector<int64_t>{huge, huge, 0}), 0);
  EXPECT_FALSE(HostTensor::zeros(DType::Invalid, {1}).isOk());
  EXPECT_FALSE(HostTensor::fromValues<float>({3}, {1, 2}).isOk());
  EXPECT_FALSE((*HostTensor::zeros(DType::F32, {4})).reshaped({3}).isOk());
}

TEST(HostTensor, EmptyAndScalar) {
  const HostTensor empty = *HostTensor::zeros(DType::F32, {0, 5});
  EXPECT_EQ(empty.numBytes(), 0);
  EXPECT_TRUE(empty.bitEquals(*HostTensor::zeros(DType::F32, {0, 5})));
  const HostTensor scalar = HostTensor::scalar<int64_t>(-7);
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.numElements(), 1);
  EXPECT_EQ(scalar.asInt(0), -7);
}

TEST(HostTensor, PacksSubByteElementsLowFirst) {
  HostTensor tensor = *HostTensor::zeros(DType::I4, {3});
  EXPECT_EQ(tensor.numBytes(), 2);
  tensor.setInt(0, 1);
  tensor.setInt(1, -2);
  tensor.setInt(2, 7);
  EXPECT_EQ(tensor.bytes()[0], std::byte(0xe1));
  EXPECT_EQ(tensor.bytes()[1], std::byte(0x07));
  EXPECT_EQ(tensor.asInt(1), -2);
  HostTensor other = *tensor.clone();
  other.mutableBytes()[1] |= std::byte(0x50); // padding
  EXPECT_TRUE(tensor.bitEquals(other));
  HostTensor two = *HostTensor::zeros(DType::UI2, {5});
  EXPECT_EQ(two.numBytes(), 2);
  two.setInt(4, 3);
  EXPECT_EQ(two.bytes()[1], std::byte(3));
}

TEST(HostTensor, ElementsOfEveryType) {
  for (int t = 1; t < numDTypes; ++t) {
    const auto type = DType(t);
    HostTensor tensor = *HostTensor::zeros(type, {5});
    tensor.setDouble(3, 1);
    EXPECT_EQ(tensor.asDouble(3), 1) << type;
    EXPECT_EQ(tensor.asDouble(2), type == DType::F8E8M0FNU ? 0x1p-127 : 0) << type;
  }
  HostTensor wide = *HostTensor::zeros(DType::UI64, {1});
  wide.setInt(0, -1);
  EXPECT_EQ(wide.asDouble(0), 0x1p64);
  HostTensor large = *HostTensor::zeros(DType::F32, {1 << 19}); // the path of large zeroed blocks
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large.raw()) % 64, 0u);
  EXPECT_EQ(large.asDouble((1 << 19) - 1), 0);
}

} // namespace
