// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emulator's tensor map: what the driver's cuTensorMapEncodeTiled makes for a device, with the same
// rules.
#ifndef WEFT_RUNTIME_EMULATOR_TENSORMAP_H
#define WEFT_RUNTIME_EMULATOR_TENSORMAP_H

#include "weft/Program/EmulatorAbi.h"
#include "weft/Support/Status.h"

#include <cstdint>
#include <span>

namespace weft::runtime::emulator {

/// How rows of the inner dimension are permuted in shared memory, so that columns lie in different banks.
enum class Swizzle : uint8_t { None, Bytes32, Bytes64, Bytes128 };

/// A tensor in global memory and the box that one copy moves. The innermost dimension is the first.
struct alignas(64) TensorMap {
  static constexpr uint64_t magicNumber = 0x70614d72736e6554; // "TensrMap"
  uint64_t magic = 0;
  uint64_t address = 0;
  uint32_t extents[5] = {};
  uint32_t boxes[5] = {};
  uint64_t strides[4] = {}; ///< bytes, of all dimensions but the first
  uint8_t rank = 0;
  uint8_t elementType = 0; ///< WeftElementType
  Swizzle swizzle = Swizzle::None;
  bool fillsNaN = false; ///< outside the tensor; else 0

  uint32_t elementBytes() const;
  /// Bytes of a box.
  uint32_t boxBytes() const;
};
static_assert(sizeof(TensorMap) == 128, "as large as the driver's");

/// Bytes of an element of the type.
uint32_t elementBytesOf(WeftElementType type);

/// Checks what the driver checks and fills a map. `strides` are those of dimensions 1 and up, in bytes.
Result<TensorMap> encodeTensorMap(WeftElementType type, const void *address,
                                  std::span<const uint64_t> extents, std::span<const uint64_t> strides,
                                  std::span<const uint32_t> boxes, Swizzle swizzle);

/// Where a byte of a box goes in shared memory, counted from an address that is aligned as the swizzle wants.
inline uint64_t swizzleOffset(Swizzle swizzle, uint64_t offset) {
  switch (swizzle) {
  case Swizzle::None:
    return offset;
  case Swizzle::Bytes32:
    return offset ^ ((offset >> 7 & 1) << 4);
  case Swizzle::Bytes64:
    return offset ^ ((offset >> 7 & 3) << 4);
  case Swizzle::Bytes128:
    return offset ^ ((offset >> 7 & 7) << 4);
  }
  return offset;
}

} // namespace weft::runtime::emulator

#endif // WEFT_RUNTIME_EMULATOR_TENSORMAP_H
