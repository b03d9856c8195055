// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and widths of element types, and rounding to narrow floats. One rounding routine serves every format
// with a sign, an exponent and a mantissa; f8E8M0FNU, which is an exponent alone, has its own.
#include "weft/Support/DType.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace weft {
namespace {

enum class Family : uint8_t { None, Float, Signed, Unsigned, Bool };
struct Traits {
  std::string_view name;
  uint8_t bits;
  Family family;
};
constexpr Traits traitsTable[numDTypes] = {
    {"invalid", 0, Family::None},   {"f64", 64, Family::Float},     {"f32", 32, Family::Float},
    {"bf16", 16, Family::Float},    {"f16", 16, Family::Float},     {"i64", 64, Family::Signed},
    {"i32", 32, Family::Signed},    {"i16", 16, Family::Signed},    {"i8", 8, Family::Signed},
    {"ui64", 64, Family::Unsigned}, {"ui32", 32, Family::Unsigned}, {"ui16", 16, Family::Unsigned},
    {"ui8", 8, Family::Unsigned},   {"i1", 8, Family::Bool},        {"i4", 4, Family::Signed},
    {"ui4", 4, Family::Unsigned},   {"i2", 2, Family::Signed},      {"ui2", 2, Family::Unsigned},
    {"f8E4M3FN", 8, Family::Float}, {"f8E5M2", 8, Family::Float},   {"f4E2M1FN", 4, Family::Float},
    {"f8E8M0FNU", 8, Family::Float}};

const Traits &traits(DType type) { return traitsTable[size_t(type) < size_t(numDTypes) ? size_t(type) : 0]; }

/// A sign bit, an exponent and a mantissa; codes above maxFinite are not numbers.
struct Format {
  int exponentBits, mantissaBits, bias;
  uint32_t maxFinite; // without sign
  uint32_t overflow;  // what a value too large becomes
  uint32_t nan;
};
constexpr Format bf16Format{8, 7, 127, 0x7f7f, 0x7f80, 0x7fc0};
constexpr Format f16Format{5, 10, 15, 0x7bff, 0x7c00, 0x7e00};
constexpr Format f8E4M3FNFormat{4, 3, 7, 0x7e, 0x7f, 0x7f};
constexpr Format f8E5M2Format{5, 2, 15, 0x7b, 0x7c, 0x7e};
constexpr Format f4E2M1FNFormat{2, 1, 1, 0x7, 0x7, 0x0};

uint32_t encode(double value, const Format &format, bool saturate) {
  const uint32_t sign = uint32_t(std::signbit(value)) << (format.exponentBits + format.mantissaBits);
  if (std::isnan(value))
    return format.nan ? sign | format.nan : 0;
  const double magnitude = std::fabs(value);
  if (magnitude == 0)
    return sign;
  uint64_t code = UINT64_MAX;
  if (!std::isinf(magnitude)) {
    const int exponent = std::max(std::ilogb(magnitude), 1 - format.bias);
    if (exponent + format.bias < 1 << format.exponentBits) {
      // In units of the last place; nearest, ties to even. A carry runs into the exponent, as it should.
      const double units = std::rint(std::scalbn(magnitude, format.mantissaBits - exponent));
      code = (uint64_t(exponent + format.bias - 1) << format.mantissaBits) + uint64_t(units);
    }
  }
  if (code > format.maxFinite)
    code = saturate ? format.maxFinite : format.overflow;
  return sign | uint32_t(code);
}

float decode(uint32_t bits, const Format &format) {
  const int width = format.exponentBits + format.mantissaBits;
  const uint32_t code = bits & ((1u << width) - 1);
  const bool negative = bits >> width & 1;
  float magnitude;
  if (code > format.maxFinite)
    magnitude = code == format.overflow && format.overflow != format.nan
                    ? std::numeric_limits<float>::infinity()
                    : std::numeric_limits<float>::quiet_NaN();
  else if (const int exponent = int(code >> format.mantissaBits); exponent == 0)
    magnitude = std::scalbn(float(code), 1 - format.bias - format.mantissaBits);
  else
    magnitude = std::scalbn(float((code & ((1u << format.mantissaBits) - 1)) | 1u << format.mantissaBits),
                            exponent - format.bias - format.mantissaBits);
  return negative ? -magnitude : magnitude;
}

} // namespace

std::string_view dtypeName(DType type) { return traits(type).name; }

std::optional<DType> parseDType(std::string_view name) {
  for (int i = 1; i < numDTypes; ++i)
    if (traitsTable[i].name == name)
      return DType(i);
  return std::nullopt;
}

int bitWidth(DType type) { return traits(type).bits; }
int byteWidth(DType type) { return traits(type).bits / 8; }
bool isFloat(DType type) { return traits(type).family == Family::Float; }
bool isSignedInteger(DType type) { return traits(type).family == Family::Signed; }
bool isUnsignedInteger(DType type) { return traits(type).family == Family::Unsigned; }
bool isInteger(DType type) { return isSignedInteger(type) || isUnsignedInteger(type); }
bool isStorageType(DType type) { return type >= DType::I4 && type <= DType::F8E8M0FNU; }
bool isValidDType(int64_t number) { return number > 0 && number < numDTypes; }

float bf16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

uint16_t floatToBF16(double value, bool saturate) {
  const float narrow = float(value);
  if (double(narrow) == value && !std::isinf(narrow)) {
    // The usual case of an f32, without libm: add half a unit (less one when the last place is even), cut.
    const uint32_t bits = std::bit_cast<uint32_t>(narrow);
    const uint16_t rounded = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    return saturate && (rounded & 0x7fff) > bf16Format.maxFinite ? uint16_t(rounded - 1) : rounded;
  }
  return uint16_t(encode(value, bf16Format, saturate));
}

float f16ToFloat(uint16_t bits) { return decode(bits, f16Format); }
uint16_t floatToF16(double value, bool saturate) { return uint16_t(encode(value, f16Format, saturate)); }
float f8E4M3FNToFloat(uint8_t bits) { return decode(bits, f8E4M3FNFormat); }
uint8_t floatToF8E4M3FN(double value, bool saturate) {
  return uint8_t(encode(value, f8E4M3FNFormat, saturate));
}
float f8E5M2ToFloat(uint8_t bits) { return decode(bits, f8E5M2Format); }
uint8_t floatToF8E5M2(double value, bool saturate) { return uint8_t(encode(value, f8E5M2Format, saturate)); }
float f4E2M1FNToFloat(uint8_t bits) { return decode(bits & 0xf, f4E2M1FNFormat); }
uint8_t floatToF4E2M1FN(double value, bool saturate) {
  return uint8_t(encode(value, f4E2M1FNFormat, saturate));
}

float f8E8M0FNUToFloat(uint8_t bits) {
  return bits == 0xff ? std::numeric_limits<float>::quiet_NaN() : std::scalbn(1.0f, int(bits) - 127);
}

uint8_t floatToF8E8M0FNU(double value, bool saturate) {
  if (std::isnan(value) || value < 0)
    return 0xff;
  if (value == 0)
    return 0;
  int code = 1 << 20;
  if (!std::isinf(value)) {
    const int exponent = std::ilogb(value);
    const double fraction = std::scalbn(value, -exponent); // [1, 2)
    code = exponent + 127;
    if (fraction > 1.5 || (fraction == 1.5 && (code & 1)))
      ++code;
  }
  if (code > 254)
    return saturate ? 254 : 0xff;
  return uint8_t(std::max(code, 0));
}

double floatFromBits(DType type, uint64_t bits) {
  switch (type) {
  case DType::F64:
    return std::bit_cast<double>(bits);
  case DType::F32:
    return std::bit_cast<float>(uint32_t(bits));
  case DType::BF16:
    return bf16ToFloat(uint16_t(bits));
  case DType::F16:
    return f16ToFloat(uint16_t(bits));
  case DType::F8E4M3FN:
    return f8E4M3FNToFloat(uint8_t(bits));
  case DType::F8E5M2:
    return f8E5M2ToFloat(uint8_t(bits));
  case DType::F4E2M1FN:
    return f4E2M1FNToFloat(uint8_t(bits));
  case DType::F8E8M0FNU:
    return f8E8M0FNUToFloat(uint8_t(bits));
  default:
    return std::numeric_limits<double>::quiet_NaN();
  }
}

uint64_t floatToBits(DType type, double value, bool saturate) {
  switch (type) {
  case DType::F64:
    return std::bit_cast<uint64_t>(value);
  case DType::F32: {
    const float narrow = float(value);
    if (saturate && std::isinf(narrow))
      return std::bit_cast<uint32_t>(std::copysign(std::numeric_limits<float>::max(), narrow));
    return std::bit_cast<uint32_t>(narrow);
  }
  case DType::BF16:
    return floatToBF16(value, saturate);
  case DType::F16:
    return floatToF16(value, saturate);
  case DType::F8E4M3FN:
    return floatToF8E4M3FN(value, saturate);
  case DType::F8E5M2:
    return floatToF8E5M2(value, saturate);
  case DType::F4E2M1FN:
    return floatToF4E2M1FN(value, saturate);
  case DType::F8E8M0FNU:
    return floatToF8E8M0FNU(value, saturate);
  default:
    return 0;
  }
}

} // namespace weft
