// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes NumPy's .npy (versions 1 to 3) and .npz (zip of them, stored or deflated). Bytes come from
// anywhere: whatever is wrong with them is a Status, and no allocation is larger than the bytes justify.
#ifndef WEFT_SUPPORT_NPY_H
#define WEFT_SUPPORT_NPY_H

#include "weft/Support/HostTensor.h"

#include <span>
#include <string>
#include <vector>

namespace weft {

struct NpyOptions {
  /// More elements than this are refused before anything is allocated.
  int64_t maxBytes = int64_t(1) << 36;
};

/// A .npy. C or Fortran order, little or big endian; bool, integers, f16, f32, f64. Structured, complex,
/// string and object arrays are refused by name.
Result<HostTensor> parseNpy(std::span<const std::byte> bytes, const NpyOptions &options = {});
Result<HostTensor> readNpy(const std::string &path, const NpyOptions &options = {});

/// A .npz: its arrays in the order of the directory, names without ".npy".
Result<NamedTensors> parseNpz(std::span<const std::byte> bytes, const NpyOptions &options = {});
Result<NamedTensors> readNpz(const std::string &path, const NpyOptions &options = {});

/// Bytes of a version 1.0 .npy (2.0 where the header needs it). Types that NumPy lacks (bf16, f8, f4, i4 ...)
/// are refused: convert first.
Result<std::string> formatNpy(const HostTensor &tensor);
Status writeNpy(const std::string &path, const HostTensor &tensor);
/// A zip of stored .npy entries, the same bytes for the same arrays. Names must be unique.
Result<std::string> formatNpz(const NamedTensors &tensors);
Status writeNpz(const std::string &path, const NamedTensors &tensors);

} // namespace weft

#endif // WEFT_SUPPORT_NPY_H
