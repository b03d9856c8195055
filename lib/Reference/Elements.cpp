// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads and stores of every element type, widened and narrowed.
#include "Elements.h"
#include "llvm/Support/ErrorHandling.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace weft;
using namespace weft::reference;

Domain reference::domainOf(DType type) {
  if (isFloat(type))
    return Domain::Real;
  return isSignedInteger(type) ? Domain::Signed : Domain::Unsigned;
}

int reference::significantBits(DType type) { return type == DType::I1 ? 1 : bitWidth(type); }

int64_t reference::lowestInteger(DType type) {
  return isSignedInteger(type) ? int64_t(~uint64_t(0) << (bitWidth(type) - 1)) : 0;
}

uint64_t reference::highestInteger(DType type) {
  int bits = significantBits(type) - (isSignedInteger(type) ? 1 : 0);
  return ~uint64_t(0) >> (64 - bits);
}

/// The raw bits of an element narrower than a byte.
static uint64_t subByteBits(const HostTensor &x, int64_t index) {
  int width = bitWidth(x.dtype());
  int64_t bit = index * width;
  return (x.data<uint8_t>()[bit / 8] >> (bit % 8)) & ((1u << width) - 1);
}

static void setSubByteBits(HostTensor &x, int64_t index, uint64_t bits) {
  int width = bitWidth(x.dtype());
  int64_t bit = index * width;
  uint8_t mask = uint8_t(((1u << width) - 1) << (bit % 8));
  uint8_t &byte = x.mutableData<uint8_t>()[bit / 8];
  byte = uint8_t((byte & ~mask) | ((bits << (bit % 8)) & mask));
}

template <class T>
void reference::loadElements(const HostTensor &x, int64_t offset, int64_t stride, int64_t count, T *out) {
  auto loop = [&](auto read) {
    for (int64_t i = 0, at = offset; i < count; ++i, at += stride)
      out[i] = read(at);
  };
  auto loopOver = [&]<class S>(const S *data) { loop([data](int64_t i) { return T(data[i]); }); };
  switch (x.dtype()) {
  case DType::I64:
    return loopOver(x.data<int64_t>());
  case DType::I32:
    return loopOver(x.data<int32_t>());
  case DType::I16:
    return loopOver(x.data<int16_t>());
  case DType::I8:
    return loopOver(x.data<int8_t>());
  case DType::UI64:
    return loopOver(x.data<uint64_t>());
  case DType::UI32:
    return loopOver(x.data<uint32_t>());
  case DType::UI16:
    return loopOver(x.data<uint16_t>());
  case DType::UI8:
    return loopOver(x.data<uint8_t>());
  case DType::I1: {
    const uint8_t *data = x.data<uint8_t>();
    return loop([data](int64_t i) { return T(data[i] != 0); });
  }
  case DType::I4:
    return loop([&](int64_t i) { return T(int64_t(subByteBits(x, i) << 60) >> 60); });
  case DType::I2:
    return loop([&](int64_t i) { return T(int64_t(subByteBits(x, i) << 62) >> 62); });
  case DType::UI4:
  case DType::UI2:
    return loop([&](int64_t i) { return T(subByteBits(x, i)); });
  default:
    break;
  }
  if constexpr (std::is_same_v<T, double>) {
    switch (x.dtype()) {
    case DType::F64:
      return loopOver(x.data<double>());
    case DType::F32:
      return loopOver(x.data<float>());
    case DType::BF16: {
      const uint16_t *data = x.data<uint16_t>();
      return loop([data](int64_t i) { return double(std::bit_cast<float>(uint32_t(data[i]) << 16)); });
    }
    case DType::F16: {
      const uint16_t *data = x.data<uint16_t>();
      return loop([data](int64_t i) { return double(f16ToFloat(data[i])); });
    }
    case DType::F4E2M1FN:
      return loop([&](int64_t i) { return floatFromBits(DType::F4E2M1FN, subByteBits(x, i)); });
    case DType::F8E4M3FN:
    case DType::F8E5M2:
    case DType::F8E8M0FNU: {
      const uint8_t *data = x.data<uint8_t>();
      return loop([data, type = x.dtype()](int64_t i) { return floatFromBits(type, data[i]); });
    }
    default:
      break;
    }
  }
  llvm_unreachable("elements read as a type that does not hold them");
}

template <class T>
void reference::storeElements(HostTensor &x, int64_t offset, int64_t count, const T *in, bool saturate) {
  auto loop = [&](auto write) {
    for (int64_t i = 0; i < count; ++i)
      write(offset + i, in[i]);
  };
  auto loopOver = [&]<class S>(S *data) { loop([data](int64_t i, T value) { data[i] = S(value); }); };
  switch (x.dtype()) {
  case DType::F64:
    return loopOver(x.mutableData<double>());
  case DType::F32:
    return loopOver(x.mutableData<float>());
  case DType::BF16: {
    uint16_t *data = x.mutableData<uint16_t>();
    return loop([data](int64_t i, T value) { data[i] = floatToBF16(double(value)); });
  }
  case DType::F16: {
    uint16_t *data = x.mutableData<uint16_t>();
    return loop([data](int64_t i, T value) { data[i] = floatToF16(double(value)); });
  }
  case DType::F4E2M1FN:
    return loop([&](int64_t i, T value) {
      setSubByteBits(x, i, floatToBits(DType::F4E2M1FN, double(value), saturate));
    });
  case DType::F8E4M3FN:
  case DType::F8E5M2:
  case DType::F8E8M0FNU: {
    uint8_t *data = x.mutableData<uint8_t>();
    return loop([data, saturate, type = x.dtype()](int64_t i, T value) {
      data[i] = uint8_t(floatToBits(type, double(value), saturate));
    });
  }
  default:
    break;
  }
  if constexpr (!std::is_same_v<T, double>) {
    switch (x.dtype()) {
    case DType::I64:
    case DType::UI64:
      return loopOver(x.mutableData<uint64_t>());
    case DType::I32:
    case DType::UI32:
      return loopOver(x.mutableData<uint32_t>());
    case DType::I16:
    case DType::UI16:
      return loopOver(x.mutableData<uint16_t>());
    case DType::I8:
    case DType::UI8:
      return loopOver(x.mutableData<uint8_t>());
    case DType::I1: {
      uint8_t *data = x.mutableData<uint8_t>();
      return loop([data](int64_t i, T value) { data[i] = uint8_t(value & 1); });
    }
    case DType::I4:
    case DType::UI4:
    case DType::I2:
    case DType::UI2:
      return loop([&](int64_t i, T value) { setSubByteBits(x, i, uint64_t(value)); });
    default:
      break;
    }
  }
  llvm_unreachable("elements stored into a type that does not hold them");
}

namespace weft::reference {
template void loadElements(const HostTensor &, int64_t, int64_t, int64_t, double *);
template void loadElements(const HostTensor &, int64_t, int64_t, int64_t, int64_t *);
template void loadElements(const HostTensor &, int64_t, int64_t, int64_t, uint64_t *);
template void storeElements(HostTensor &, int64_t, int64_t, const double *, bool);
template void storeElements(HostTensor &, int64_t, int64_t, const int64_t *, bool);
template void storeElements(HostTensor &, int64_t, int64_t, const uint64_t *, bool);
} // namespace weft::reference

double reference::roundToOdd(uint64_t value) {
  int excess = 11 - std::countl_zero(value); // bits beyond the 53 of a double
  if (excess <= 0)
    return double(value);
  uint64_t lost = value & ((uint64_t(1) << excess) - 1);
  uint64_t kept = value >> excess;
  return std::ldexp(double(lost ? kept | 1 : kept), excess);
}

double reference::roundToOdd(int64_t value) {
  return value < 0 ? -roundToOdd(uint64_t(0) - uint64_t(value)) : roundToOdd(uint64_t(value));
}

uint64_t reference::orderedKey(double value) {
  if (std::isnan(value))
    return ~uint64_t(0);
  uint64_t bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return bits >> 63 ? ~bits : bits | (uint64_t(1) << 63);
}

std::vector<uint64_t> reference::orderedKeys(const HostTensor &x) {
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    std::vector<T> values = loadAll<T>(x);
    std::vector<uint64_t> keys(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      keys[i] = orderedKey(values[i]);
    return keys;
  });
}

llvm::SmallVector<int64_t> reference::rowMajorStrides(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d > 0; --d) {
    strides[d - 1] = stride;
    stride *= shape[d - 1];
  }
  return strides;
}

int64_t reference::productOf(llvm::ArrayRef<int64_t> extents) {
  int64_t product = 1;
  for (int64_t extent : extents)
    product *= extent;
  return product;
}
