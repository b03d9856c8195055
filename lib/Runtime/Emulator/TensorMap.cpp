// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes tensor maps, under the rules of the driver.
#include "weft/Runtime/Emulator/TensorMap.h"

namespace weft::runtime::emulator {

uint32_t elementBytesOf(WeftElementType type) {
  switch (type) {
  case WEFT_S8:
  case WEFT_U8:
  case WEFT_E4M3:
  case WEFT_E5M2:
    return 1;
  case WEFT_F16:
  case WEFT_BF16:
  case WEFT_U16:
    return 2;
  case WEFT_F64:
  case WEFT_U64:
  case WEFT_S64:
    return 8;
  default:
    return 4;
  }
}

uint32_t TensorMap::elementBytes() const { return elementBytesOf(WeftElementType(elementType)); }

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes();
  for (unsigned d = 0; d < rank; ++d)
    bytes *= boxes[d];
  return bytes;
}

Result<TensorMap> encodeTensorMap(WeftElementType type, const void *address,
                                  std::span<const uint64_t> extents, std::span<const uint64_t> strides,
                                  std::span<const uint32_t> boxes, Swizzle swizzle) {
  const size_t rank = extents.size();
  if (rank < 1 || rank > 5 || strides.size() + 1 != rank || boxes.size() != rank)
    return invalidArgument("found a tensor map of rank ", rank, " with ", strides.size(), " strides and ",
                           boxes.size(),
                           " box extents, wanted rank 1 to 5, a stride less and as many extents");
  TensorMap map;
  map.magic = TensorMap::magicNumber;
  map.address = reinterpret_cast<uint64_t>(address);
  map.rank = uint8_t(rank);
  map.elementType = uint8_t(type);
  map.swizzle = swizzle;
  if (map.address % 16)
    return invalidArgument("the tensor's address is not a multiple of 16");
  for (size_t d = 0; d < rank; ++d) {
    if (!extents[d] || extents[d] > uint64_t(1) << 32)
      return invalidArgument("found extent ", extents[d], " in dimension ", d, ", wanted 1 to 2^32");
    if (!boxes[d] || boxes[d] > 256)
      return invalidArgument("found a box of ", boxes[d], " in dimension ", d, ", wanted 1 to 256");
    map.extents[d] = uint32_t(extents[d]);
    map.boxes[d] = boxes[d];
  }
  for (size_t d = 0; d + 1 < rank; ++d) {
    if (strides[d] % 16 || strides[d] >= uint64_t(1) << 40)
      return invalidArgument("found a stride of ", strides[d], " bytes in dimension ", d + 1,
                             ", wanted a multiple of 16 below 2^40");
    map.strides[d] = strides[d];
  }
  const uint32_t inner = boxes[0] * map.elementBytes();
  if (inner % 16)
    return invalidArgument("found a box whose rows have ", inner, " bytes, wanted a multiple of 16");
  const uint32_t span = swizzle == Swizzle::None ? 0 : 16u << unsigned(swizzle);
  if (span && inner > span)
    return invalidArgument("found a box whose rows have ", inner, " bytes, wanted ", span,
                           " at most with this swizzle");
  return map;
}

} // namespace weft::runtime::emulator
