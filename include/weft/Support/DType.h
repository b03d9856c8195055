// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types of tensors: their names, widths, and the conversions of 16-bit, 8-bit and 4-bit floats from
// and to f32. Numbers of the enum are part of the .weft format and of the C API: never reuse one.
#ifndef WEFT_SUPPORT_DTYPE_H
#define WEFT_SUPPORT_DTYPE_H

#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>

namespace weft {

enum class DType : uint8_t {
  Invalid = 0,
  F64 = 1,
  F32 = 2,
  BF16 = 3,
  F16 = 4,
  I64 = 5,
  I32 = 6,
  I16 = 7,
  I8 = 8,
  UI64 = 9,
  UI32 = 10,
  UI16 = 11,
  UI8 = 12,
  I1 = 13, // one byte in memory, 0 or 1
  // Storage types; see ops.md. Those narrower than a byte are packed densely, low nibble first.
  I4 = 14,
  UI4 = 15,
  I2 = 16,
  UI2 = 17,
  F8E4M3FN = 18,
  F8E5M2 = 19,
  F4E2M1FN = 20,
  F8E8M0FNU = 21,
};
constexpr int numDTypes = 22; // with Invalid

/// "f32", "ui8", "f8E4M3FN": the names of the IR. Invalid is "invalid".
std::string_view dtypeName(DType type);
/// The type of that name; nothing when there is none.
std::optional<DType> parseDType(std::string_view name);
inline std::ostream &operator<<(std::ostream &out, DType type) { return out << dtypeName(type); }

/// Bits an element takes in memory (8 for i1).
int bitWidth(DType type);
/// Bytes an element takes in memory; 0 for types narrower than a byte.
int byteWidth(DType type);
bool isFloat(DType type);
/// i64 ... ui8, i4 ... ui2; not i1.
bool isInteger(DType type);
bool isSignedInteger(DType type);
bool isUnsignedInteger(DType type);
/// Legal only on ops that move or convert data: i4 ui4 i2 ui2 and the 8-bit and 4-bit floats.
bool isStorageType(DType type);
/// A number from a file or the wire is a type.
bool isValidDType(int64_t number);

/// The DType of a C++ type: float, double, int64_t ..., uint8_t, bool. The 16-bit floats have none.
template <class T> struct DTypeOf;
template <> struct DTypeOf<double> {
  static constexpr DType value = DType::F64;
};
template <> struct DTypeOf<float> {
  static constexpr DType value = DType::F32;
};
template <> struct DTypeOf<int64_t> {
  static constexpr DType value = DType::I64;
};
template <> struct DTypeOf<int32_t> {
  static constexpr DType value = DType::I32;
};
template <> struct DTypeOf<int16_t> {
  static constexpr DType value = DType::I16;
};
template <> struct DTypeOf<int8_t> {
  static constexpr DType value = DType::I8;
};
template <> struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::UI64;
};
template <> struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::UI32;
};
template <> struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::UI16;
};
template <> struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::UI8;
};
template <> struct DTypeOf<bool> {
  static constexpr DType value = DType::I1;
};

// Conversions of narrow floats. To narrow: round to nearest, ties to even; NaN stays NaN; what does not fit
// becomes infinity, or NaN where the type has none (f8E4M3FN), or the largest finite value where it has
// neither (f4E2M1FN). `saturate`: what does not fit, infinity too, becomes the largest finite value of its
// sign. Each form takes f64 so that a double is rounded once; a float passed in is exact.
float bf16ToFloat(uint16_t bits);
uint16_t floatToBF16(double value, bool saturate = false);
float f16ToFloat(uint16_t bits);
uint16_t floatToF16(double value, bool saturate = false);
float f8E4M3FNToFloat(uint8_t bits);
uint8_t floatToF8E4M3FN(double value, bool saturate = false);
float f8E5M2ToFloat(uint8_t bits);
uint8_t floatToF8E5M2(double value, bool saturate = false);
/// Only the low 4 bits count. The type has no NaN: NaN becomes 0.
float f4E2M1FNToFloat(uint8_t bits);
uint8_t floatToF4E2M1FN(double value, bool saturate = false);
/// A power of two from 2^-127 to 2^127, or NaN (0xff). Zero and what is below become 2^-127; negative becomes
/// NaN.
float f8E8M0FNUToFloat(uint8_t bits);
uint8_t floatToF8E8M0FNU(double value, bool saturate = false);

/// Any float type by its number, from the low bits of `bits`. F64 and F32 too (f64 bits through f64).
double floatFromBits(DType type, uint64_t bits);
/// The bits of `value` rounded to `type`.
uint64_t floatToBits(DType type, double value, bool saturate = false);

} // namespace weft

#endif // WEFT_SUPPORT_DTYPE_H
