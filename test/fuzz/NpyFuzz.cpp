// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy and .npz from bytes. What is read can be written, and reads the same again.
#include "weft/Support/Npy.h"

#include <cstdint>
#include <cstdlib>

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte *>(data), size);
  NpyOptions options;
  options.maxBytes = 1 << 24;
  const auto roundTrip = [&](const HostTensor &tensor) {
    const Result<std::string> text = formatNpy(tensor);
    if (!text.isOk() || !parseNpy(std::as_bytes(std::span<const char>(*text)), options)->bitEquals(tensor))
      std::abort();
  };
  if (const Result<HostTensor> tensor = parseNpy(bytes, options); tensor.isOk())
    roundTrip(*tensor);
  if (const Result<NamedTensors> tensors = parseNpz(bytes, options); tensors.isOk())
    for (const auto &[name, tensor] : *tensors)
      roundTrip(tensor);
  return 0;
}
