// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor in host memory: element type, extents, and bytes that are owned (64-byte aligned, shared by
// copies) or borrowed from a mapped file or a caller. Copies of a HostTensor share the bytes; clone() does
// not. Row-major, dense; elements narrower than a byte are packed low nibble first.
#ifndef WEFT_SUPPORT_HOSTTENSOR_H
#define WEFT_SUPPORT_HOSTTENSOR_H

#include "weft/Support/DType.h"
#include "weft/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// Product of the extents; an error when one is negative or the product exceeds int64.
Result<int64_t> checkedNumElements(std::span<const int64_t> shape);
/// Bytes that `shape` takes in `type`; an error as above, or when the type is invalid.
Result<int64_t> checkedNumBytes(DType type, std::span<const int64_t> shape);

/// Memory of at least `bytes`, 64-byte aligned, not initialised; never null (0 bytes gives 64), or nothing
/// when there is no memory.
std::shared_ptr<std::byte> allocateAligned(size_t bytes, bool zeroed = false);

class HostTensor {
public:
  /// No tensor: dtype Invalid.
  HostTensor() = default;

  /// Owned, all bits zero. Fails on bad extents or when there is no memory.
  static Result<HostTensor> zeros(DType type, std::vector<int64_t> shape);
  /// Owned, not initialised.
  static Result<HostTensor> uninitialized(DType type, std::vector<int64_t> shape);
  /// Owned copy of `bytes`, whose size must be exactly what the shape takes.
  static Result<HostTensor> copyOf(DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  /// A view of `data` (numBytes of shape and type must be readable), kept alive by `owner` (may be null when
  /// the caller promises to outlive the tensor). Not written to unless `writable`.
  static Result<HostTensor> view(DType type, std::vector<int64_t> shape, const void *data,
                                 std::shared_ptr<const void> owner, bool writable = false);
  /// Owned copy of values of a C++ type that has a DType: fromValues<float>({2}, {1, 2}).
  template <class T> static Result<HostTensor> fromValues(std::vector<int64_t> shape, std::vector<T> values) {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no bytes: build i1 with copyOf");
    return copyOf(DTypeOf<T>::value, std::move(shape), std::as_bytes(std::span<const T>(values)));
  }
  /// A rank-0 tensor.
  template <class T> static HostTensor scalar(T value) {
    return *copyOf(DTypeOf<T>::value, {}, std::as_bytes(std::span<const T>(&value, 1)));
  }

  bool isValid() const { return elementType != DType::Invalid; }
  DType dtype() const { return elementType; }
  const std::vector<int64_t> &shape() const { return extents; }
  int64_t rank() const { return int64_t(extents.size()); }
  int64_t dim(int64_t i) const { return extents[size_t(i)]; }
  int64_t numElements() const { return elements; }
  int64_t numBytes() const { return byteCount; }
  bool isWritable() const { return writable; }
  /// "f32[2x3]", "i64[]".
  std::string typeString() const;

  std::span<const std::byte> bytes() const { return {base, size_t(byteCount)}; }
  std::span<std::byte> mutableBytes() {
    assert(writable && "writing to a borrowed read-only tensor");
    return {const_cast<std::byte *>(base), size_t(byteCount)};
  }
  const void *raw() const { return base; }
  /// The elements; T has the width of the element type (uint16_t for bf16 and f16), or is one byte wide.
  template <class T> const T *data() const {
    assert(fits<T>() && "element type of another width");
    return reinterpret_cast<const T *>(base);
  }
  template <class T> T *mutableData() {
    assert(fits<T>() && "element type of another width");
    return reinterpret_cast<T *>(mutableBytes().data());
  }
  template <class T> std::span<const T> values() const { return {data<T>(), size_t(elements)}; }

  /// Element `i` in row-major order as a double (64-bit integers are rounded).
  double asDouble(int64_t i) const;
  /// Element `i` of an integer or i1 tensor; ui64 keeps its bits.
  int64_t asInt(int64_t i) const;
  /// Stores with the rounding of DType.h; integers wrap. For tests, random fills, small work.
  void setDouble(int64_t i, double value);
  void setInt(int64_t i, int64_t value);

  /// An owned copy.
  Result<HostTensor> clone() const;
  /// The same bytes seen with other extents of the same number of elements.
  Result<HostTensor> reshaped(std::vector<int64_t> shape) const;
  /// Type, extents and every byte agree (padding bits of sub-byte types are ignored).
  bool bitEquals(const HostTensor &other) const;

private:
  template <class T> bool fits() const {
    return sizeof(T) == 1 || int(sizeof(T)) * 8 == bitWidth(elementType);
  }

  DType elementType = DType::Invalid;
  bool writable = false;
  std::vector<int64_t> extents;
  int64_t elements = 0, byteCount = 0;
  const std::byte *base = nullptr;
  std::shared_ptr<const void> owner;
};

using NamedTensors = std::vector<std::pair<std::string, HostTensor>>;

} // namespace weft

#endif // WEFT_SUPPORT_HOSTTENSOR_H
