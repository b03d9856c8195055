// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Combining the values of all members, in their order. Narrow floats are combined as f32 and rounded once;
// NaN propagates; integers wrap.
#include "Schedule.h"

#include <cmath>
#include <cstring>
#include <type_traits>

namespace weft::distributed {
namespace {

using program::Combine;

template <class T> T combineTwo(T a, T b, Combine how) {
  switch (how) {
  case Combine::Sum:
    if constexpr (std::is_integral_v<T>)
      return T(uint64_t(a) + uint64_t(b));
    else
      return a + b;
  case Combine::Prod:
    if constexpr (std::is_integral_v<T>)
      return T(uint64_t(a) * uint64_t(b));
    else
      return a * b;
  case Combine::Max:
    if constexpr (std::is_floating_point_v<T>)
      return std::isnan(a) || std::isnan(b) ? a + b : a > b ? a : b;
    else
      return a > b ? a : b;
  case Combine::Min:
    if constexpr (std::is_floating_point_v<T>)
      return std::isnan(a) || std::isnan(b) ? a + b : a < b ? a : b;
    else
      return a < b ? a : b;
  }
  return a;
}

/// Elements stored as S and computed as T.
template <class T, class S, class Load, class Store>
void combineAs(std::byte *to, std::span<const std::byte *const> sources, int64_t count, Combine how,
               Load load, Store store) {
  // A block of all sources stays in the nearest cache.
  constexpr int64_t block = 1024;
  T sum[block];
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t size = count - begin < block ? count - begin : block;
    const auto at = [&](const std::byte *base) { return base + size_t(begin) * sizeof(S); };
    const auto each = [&](auto &&body) {
      for (int64_t i = 0; i < size; ++i)
        body(i);
    };
    const auto element = [&](const std::byte *base, int64_t i) {
      S value;
      std::memcpy(&value, base + size_t(i) * sizeof(S), sizeof(S));
      return load(value);
    };
    each([&](int64_t i) { sum[i] = element(at(sources[0]), i); });
    for (const std::byte *source : sources.subspan(1)) {
      const std::byte *base = at(source);
      switch (how) { // outside of the loops, so that they become vector code
      case Combine::Sum:
        each([&](int64_t i) { sum[i] = combineTwo<T>(sum[i], element(base, i), Combine::Sum); });
        break;
      case Combine::Prod:
        each([&](int64_t i) { sum[i] = combineTwo<T>(sum[i], element(base, i), Combine::Prod); });
        break;
      case Combine::Max:
        each([&](int64_t i) { sum[i] = combineTwo<T>(sum[i], element(base, i), Combine::Max); });
        break;
      case Combine::Min:
        each([&](int64_t i) { sum[i] = combineTwo<T>(sum[i], element(base, i), Combine::Min); });
        break;
      }
    }
    std::byte *out = to + size_t(begin) * sizeof(S);
    each([&](int64_t i) {
      const S value = store(sum[i]);
      std::memcpy(out + size_t(i) * sizeof(S), &value, sizeof(S));
    });
  }
}

template <class T>
Status combinePlain(std::byte *to, std::span<const std::byte *const> sources, int64_t count, Combine how) {
  const auto same = [](T value) { return value; };
  combineAs<T, T>(to, sources, count, how, same, same);
  return Status::ok();
}

} // namespace

Status combine(std::byte *to, std::span<const std::byte *const> sources, int64_t count, DType dtype,
               Combine how) {
  switch (dtype) {
  case DType::F64:
    return combinePlain<double>(to, sources, count, how);
  case DType::F32:
    return combinePlain<float>(to, sources, count, how);
  case DType::BF16:
    combineAs<float, uint16_t>(to, sources, count, how, bf16ToFloat,
                               [](float value) { return floatToBF16(value); });
    return Status::ok();
  case DType::F16:
    combineAs<float, uint16_t>(to, sources, count, how, f16ToFloat,
                               [](float value) { return floatToF16(value); });
    return Status::ok();
  case DType::I64:
    return combinePlain<int64_t>(to, sources, count, how);
  case DType::I32:
    return combinePlain<int32_t>(to, sources, count, how);
  case DType::I16:
    return combinePlain<int16_t>(to, sources, count, how);
  case DType::I8:
    return combinePlain<int8_t>(to, sources, count, how);
  case DType::UI64:
    return combinePlain<uint64_t>(to, sources, count, how);
  case DType::UI32:
    return combinePlain<uint32_t>(to, sources, count, how);
  case DType::UI16:
    return combinePlain<uint16_t>(to, sources, count, how);
  case DType::UI8:
  case DType::I1: // product, least: and; greatest: or
    return combinePlain<uint8_t>(to, sources, count, how);
  default:
    return invalidArgument("elements of type ", dtype, " cannot be combined");
  }
}

} // namespace weft::distributed
