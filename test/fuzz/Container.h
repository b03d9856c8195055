// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the targets of .weft and .weftjob files do alike: use the bytes as they are, then with the manifest's
// hash made right, so that what lies behind the header is reached.
#ifndef WEFT_TEST_FUZZ_CONTAINER_H
#define WEFT_TEST_FUZZ_CONTAINER_H

#include "weft/Support/Sha256.h"

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace weft::fuzz {

template <class Use> void useWithRightHash(const uint8_t *data, size_t size, Use &&use) {
  constexpr size_t sizeAt = 24, hashAt = 32, headerSize = 128;
  std::vector<uint8_t> bytes(data, data + size);
  const auto view = [&] { return std::as_bytes(std::span<const uint8_t>(bytes)); };
  use(view());
  uint64_t manifest = 0;
  if (size < headerSize)
    return;
  std::memcpy(&manifest, bytes.data() + sizeAt, sizeof manifest);
  if (manifest > size - headerSize)
    return;
  const Sha256Digest hash = sha256(bytes.data() + headerSize, manifest);
  std::memcpy(bytes.data() + hashAt, hash.data(), hash.size());
  use(view());
}

} // namespace weft::fuzz

#endif // WEFT_TEST_FUZZ_CONTAINER_H
