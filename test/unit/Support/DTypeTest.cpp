// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and widths of types; conversions of narrow floats, every code of every format and the rounding
// between codes.
#include "weft/Support/DType.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <string>

using namespace weft;

namespace {

TEST(DType, NamesRoundTrip) {
  for (int i = 1; i < numDTypes; ++i) {
    const auto type = DType(i);
    EXPECT_EQ(parseDType(dtypeName(type)), type);
    EXPECT_TRUE(bitWidth(type) == 2 || bitWidth(type) == 4 || bitWidth(type) % 8 == 0);
    EXPECT_EQ(isFloat(type) + isSignedInteger(type) + isUnsignedInteger(type) + (type == DType::I1), 1);
    EXPECT_TRUE(isValidDType(i));
  }
  EXPECT_EQ(parseDType("invalid"), std::nullopt);
  EXPECT_EQ(parseDType("float"), std::nullopt);
  EXPECT_FALSE(isValidDType(0));
  EXPECT_FALSE(isValidDType(numDTypes));
  EXPECT_EQ(dtypeName(DType(200)), "invalid");
  EXPECT_EQ(bitWidth(DType::I1), 8);
  EXPECT_EQ(byteWidth(DType::UI4), 0);
}

TEST(DType, KnownValues) {
  EXPECT_EQ(f16ToFloat(0x3c00), 1.0f);
  EXPECT_EQ(f16ToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(f16ToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(bf16ToFloat(0x3f80), 1.0f);
  EXPECT_EQ(f8E4M3FNToFloat(0x7e), 448.0f);
  EXPECT_EQ(f8E4M3FNToFloat(0x01), 0x1p-9f);
  EXPECT_TRUE(std::isnan(f8E4M3FNToFloat(0x7f)));
  EXPECT_EQ(f8E5M2ToFloat(0x7b), 57344.0f);
  EXPECT_TRUE(std::isinf(f8E5M2ToFloat(0x7c)));
  EXPECT_TRUE(std::isnan(f8E5M2ToFloat(0x7d)));
  const float f4[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (uint8_t code = 0; code < 8; ++code) {
    EXPECT_EQ(f4E2M1FNToFloat(code), f4[code]);
    EXPECT_EQ(f4E2M1FNToFloat(uint8_t(code | 8)), -f4[code]);
  }
  EXPECT_EQ(f8E8M0FNUToFloat(127), 1.0f);
  EXPECT_EQ(f8E8M0FNUToFloat(0), 0x1p-127f);
  EXPECT_TRUE(std::isnan(f8E8M0FNUToFloat(255)));
}

TEST(DType, OverflowAndSaturation) {
  EXPECT_EQ(floatToF16(65519.0), 0x7bff);
  EXPECT_EQ(floatToF16(65520.0), 0x7c00);
  EXPECT_EQ(floatToF16(65520.0, true), 0x7bff);
  EXPECT_EQ(floatToF16(-INFINITY, true), 0xfbff);
  EXPECT_EQ(floatToBF16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBF16(std::numeric_limits<float>::max(), true), 0x7f7f);
  EXPECT_EQ(floatToBF16(1e300), 0x7f80);
  EXPECT_EQ(floatToF8E4M3FN(464.0), 0x7e);
  EXPECT_EQ(floatToF8E4M3FN(465.0), 0x7f);
  EXPECT_EQ(floatToF8E4M3FN(-INFINITY), 0xff);
  EXPECT_EQ(floatToF8E4M3FN(-1e9, true), 0xfe);
  EXPECT_EQ(floatToF8E5M2(61440.0), 0x7c);
  EXPECT_EQ(floatToF8E5M2(61440.0, true), 0x7b);
  EXPECT_EQ(floatToF4E2M1FN(100.0), 7);
  EXPECT_EQ(floatToF4E2M1FN(NAN), 0);
  EXPECT_EQ(floatToF8E8M0FNU(0.0), 0);
  EXPECT_EQ(floatToF8E8M0FNU(-1.0), 0xff);
  EXPECT_EQ(floatToF8E8M0FNU(0x1p200), 0xff);
  EXPECT_EQ(floatToF8E8M0FNU(0x1p200, true), 0xfe);
  EXPECT_EQ(floatToF8E8M0FNU(3.0), 128); // halfway between 2 (128) and 4 (129): to the even code
  EXPECT_EQ(floatToF8E8M0FNU(6.0), 130);
}

/// Every code converts to a float and back to itself; NaN stays NaN.
TEST(DType, EveryCodeRoundTrips) {
  for (const DType type :
       {DType::BF16, DType::F16, DType::F8E4M3FN, DType::F8E5M2, DType::F4E2M1FN, DType::F8E8M0FNU})
    for (uint64_t code = 0; code < uint64_t(1) << bitWidth(type); ++code) {
      const double value = floatFromBits(type, code);
      const uint64_t back = floatToBits(type, value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(floatFromBits(type, back))) << dtypeName(type) << " " << code;
      else
        EXPECT_EQ(back, code) << dtypeName(type);
    }
}

/// Between each two neighbours: the midpoint goes to the even code, what is beside it to the nearer one.
TEST(DType, RoundsToNearestEven) {
  for (const DType type : {DType::BF16, DType::F16, DType::F8E4M3FN, DType::F8E5M2, DType::F4E2M1FN}) {
    const uint64_t codes = uint64_t(1) << (bitWidth(type) - 1); // positive ones
    for (uint64_t code = 0; code + 1 < codes; ++code) {
      const double low = floatFromBits(type, code), high = floatFromBits(type, code + 1);
      if (!std::isfinite(low) || !std::isfinite(high))
        break;
      const double middle = (low + high) / 2;
      ASSERT_EQ(floatToBits(type, middle), code % 2 ? code + 1 : code) << dtypeName(type);
      ASSERT_EQ(floatToBits(type, std::nextafter(middle, 0)), code) << dtypeName(type);
      ASSERT_EQ(floatToBits(type, std::nextafter(middle, INFINITY)), code + 1) << dtypeName(type);
      ASSERT_EQ(floatToBits(type, -middle), (code % 2 ? code + 1 : code) | codes) << dtypeName(type);
    }
  }
}

#if defined(__FLT16_MAX__)
/// The compiler's own half precision agrees, on random floats of every exponent.
TEST(DType, AgreesWithTheCompilersHalf) {
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<float>(uint32_t(random()));
    if (std::isnan(value))
      continue;
    ASSERT_EQ(floatToF16(value), std::bit_cast<uint16_t>(_Float16(value))) << value;
  }
}
#endif

} // namespace
