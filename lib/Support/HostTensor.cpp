// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Storage of tensors, and access to single elements of any type.
#include "weft/Support/HostTensor.h"

#include "weft/Support/HugePages.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace weft {

Result<int64_t> checkedNumElements(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false, overflow = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0)
      return invalidArgument("extent ", shape[i], " of dimension ", i, " is negative");
    if (shape[i] == 0)
      empty = true;
    else if (__builtin_mul_overflow(count, shape[i], &count))
      overflow = true;
  }
  if (empty)
    return 0;
  if (overflow)
    return invalidArgument("a tensor of ", shapeString(shape), " has more elements than an int64 counts");
  return count;
}

Result<int64_t> checkedNumBytes(DType type, std::span<const int64_t> shape) {
  const int bits = bitWidth(type);
  if (!bits)
    return invalidArgument("element type ", int(type), " is unknown");
  WEFT_ASSIGN_OR_RETURN(const int64_t count, checkedNumElements(shape));
  if (bits < 8)
    return count / (8 / bits) + (count % (8 / bits) != 0);
  int64_t bytes;
  if (__builtin_mul_overflow(count, int64_t(bits / 8), &bytes) ||
      bytes > std::numeric_limits<int64_t>::max() - 64)
    return invalidArgument("a tensor of ", shapeString(shape), "x", type,
                           " has more bytes than an int64 counts");
  return bytes;
}

std::shared_ptr<std::byte> allocateAligned(size_t bytes, bool zeroed) {
  if (bytes >> 47) // more than a process can address
    return nullptr;
  const size_t rounded = std::max<size_t>((bytes + 63) / 64 * 64, 64);
  void *memory = nullptr;
  if (zeroed && rounded >= size_t(1) << 20) {
    // Fresh pages are zero already: calloc knows; align by hand and keep the block's own address for free().
    void *block = std::calloc(rounded + 64, 1);
    if (!block)
      return nullptr;
    adviseHugePages(block, rounded);
    memory = reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(block) + 63) & ~uintptr_t(63));
    return std::shared_ptr<std::byte>(static_cast<std::byte *>(memory),
                                      [block](std::byte *) { std::free(block); });
  }
  const bool isLarge = rounded >= 2 * hugePageBytes;
  memory =
      std::aligned_alloc(isLarge ? hugePageBytes : 64,
                         isLarge ? (rounded + hugePageBytes - 1) / hugePageBytes * hugePageBytes : rounded);
  if (!memory)
    return nullptr;
  if (isLarge)
    adviseHugePages(memory, rounded);
  if (zeroed)
    std::memset(memory, 0, rounded);
  return std::shared_ptr<std::byte>(static_cast<std::byte *>(memory), [](std::byte *p) { std::free(p); });
}

static Result<HostTensor> allocate(DType type, std::vector<int64_t> shape, bool zeroed) {
  WEFT_ASSIGN_OR_RETURN(const int64_t bytes, checkedNumBytes(type, shape));
  std::shared_ptr<std::byte> storage = allocateAligned(size_t(bytes), zeroed);
  if (!storage)
    return resourceExhausted("no memory for a tensor of ", shapeString(shape), "x", type, " (", bytes,
                             " bytes)");
  const void *data = storage.get();
  return HostTensor::view(type, std::move(shape), data, std::move(storage), true);
}

Result<HostTensor> HostTensor::zeros(DType type, std::vector<int64_t> shape) {
  return allocate(type, std::move(shape), true);
}

Result<HostTensor> HostTensor::uninitialized(DType type, std::vector<int64_t> shape) {
  return allocate(type, std::move(shape), false);
}

Result<HostTensor> HostTensor::copyOf(DType type, std::vector<int64_t> shape,
                                      std::span<const std::byte> bytes) {
  WEFT_ASSIGN_OR_RETURN(const int64_t wanted, checkedNumBytes(type, shape));
  if (int64_t(bytes.size()) != wanted)
    return invalidArgument("found ", bytes.size(), " bytes, wanted ", wanted, " for a tensor of ",
                           shapeString(shape), "x", type);
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, allocate(type, std::move(shape), false));
  if (wanted)
    std::memcpy(tensor.mutableBytes().data(), bytes.data(), size_t(wanted));
  return tensor;
}

Result<HostTensor> HostTensor::view(DType type, std::vector<int64_t> shape, const void *data,
                                    std::shared_ptr<const void> owner, bool writable) {
  HostTensor tensor;
  WEFT_ASSIGN_OR_RETURN(tensor.byteCount, checkedNumBytes(type, shape));
  WEFT_ASSIGN_OR_RETURN(tensor.elements, checkedNumElements(shape));
  tensor.elementType = type;
  tensor.extents = std::move(shape);
  tensor.base = static_cast<const std::byte *>(data);
  tensor.owner = std::move(owner);
  tensor.writable = writable;
  return tensor;
}

std::string HostTensor::typeString() const {
  return concat(elementType, "[", extents.empty() ? "" : shapeString(extents), "]");
}

static uint64_t load(const std::byte *base, int bits, int64_t i) {
  if (bits < 8) {
    const int perByte = 8 / bits;
    return uint64_t(base[i / perByte]) >> (i % perByte * bits) & ((1u << bits) - 1);
  }
  uint64_t value = 0;
  std::memcpy(&value, base + i * (bits / 8), size_t(bits / 8));
  return value;
}

static void store(std::byte *base, int bits, int64_t i, uint64_t value) {
  if (bits >= 8) {
    std::memcpy(base + i * (bits / 8), &value, size_t(bits / 8));
    return;
  }
  const int perByte = 8 / bits, shift = int(i % perByte) * bits;
  const uint64_t mask = (1u << bits) - 1;
  uint64_t byte = uint64_t(base[i / perByte]);
  byte = (byte & ~(mask << shift)) | (value & mask) << shift;
  base[i / perByte] = std::byte(byte);
}

int64_t HostTensor::asInt(int64_t i) const {
  assert(i >= 0 && i < elements);
  const int bits = bitWidth(elementType);
  const uint64_t value = load(base, bits, i);
  if (elementType == DType::I1)
    return value != 0;
  if (isSignedInteger(elementType))
    return int64_t(value << (64 - bits)) >> (64 - bits);
  return int64_t(value);
}

double HostTensor::asDouble(int64_t i) const {
  assert(i >= 0 && i < elements);
  if (isFloat(elementType))
    return floatFromBits(elementType, load(base, bitWidth(elementType), i));
  const int64_t value = asInt(i);
  return elementType == DType::UI64 ? double(uint64_t(value)) : double(value);
}

void HostTensor::setInt(int64_t i, int64_t value) {
  assert(i >= 0 && i < elements);
  if (isFloat(elementType))
    return setDouble(i, double(value));
  store(mutableBytes().data(), bitWidth(elementType), i,
        elementType == DType::I1 ? value != 0 : uint64_t(value));
}

void HostTensor::setDouble(int64_t i, double value) {
  assert(i >= 0 && i < elements);
  if (isFloat(elementType))
    return store(mutableBytes().data(), bitWidth(elementType), i, floatToBits(elementType, value));
  if (elementType == DType::I1)
    return setInt(i, value != 0);
  // Beyond int64 only ui64 has values; outside both, the conversion saturates rather than being undefined.
  int64_t whole = 0;
  if (elementType == DType::UI64 && value >= 0x1p63)
    whole = int64_t(value >= 0x1p64 ? UINT64_MAX : uint64_t(value));
  else if (value >= 0x1p63)
    whole = std::numeric_limits<int64_t>::max();
  else if (value < -0x1p63)
    whole = std::numeric_limits<int64_t>::min();
  else if (!std::isnan(value))
    whole = int64_t(value);
  setInt(i, whole);
}

Result<HostTensor> HostTensor::clone() const { return copyOf(elementType, extents, bytes()); }

Result<HostTensor> HostTensor::reshaped(std::vector<int64_t> shape) const {
  WEFT_ASSIGN_OR_RETURN(const int64_t count, checkedNumElements(shape));
  if (count != elements)
    return invalidArgument("a tensor of ", shapeString(extents), " has ", elements, " elements, ",
                           shapeString(shape), " has ", count);
  HostTensor result = *this;
  result.extents = std::move(shape);
  return result;
}

bool HostTensor::bitEquals(const HostTensor &other) const {
  if (elementType != other.elementType || extents != other.extents)
    return false;
  const int bits = bitWidth(elementType);
  const int64_t whole = bits && bits < 8 ? elements / (8 / bits) : byteCount;
  if (whole && std::memcmp(base, other.base, size_t(whole)) != 0)
    return false;
  if (bits && bits < 8)
    for (int64_t i = whole * (8 / bits); i < elements; ++i)
      if (load(base, bits, i) != load(other.base, bits, i))
        return false;
  return true;
}

} // namespace weft
