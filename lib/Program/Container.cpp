// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header of .weft and .weftjob files: written, and checked before anything behind it is looked at.
#include "Format.h"

#include <cstring>

namespace weft::program {

using Bytes = std::span<const std::byte>;

namespace {

uint64_t numberAt(Bytes bytes, size_t at, size_t width) {
  uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, width);
  return number;
}

} // namespace

bool hasMagic(Bytes bytes, const Container &kind) {
  return bytes.size() >= kind.magic.size() &&
         std::memcmp(bytes.data(), kind.magic.data(), kind.magic.size()) == 0;
}

std::array<std::byte, headerSize> makeHeader(const Container &kind, std::string_view manifest) {
  std::array<std::byte, headerSize> header = {};
  const auto put = [&](size_t at, uint64_t number, size_t width) {
    std::memcpy(header.data() + at, &number, width);
  };
  std::memcpy(header.data(), kind.magic.data(), kind.magic.size());
  put(containerAt, containerVersion, 4);
  put(manifestOffsetAt, headerSize, 8);
  put(manifestSizeAt, manifest.size(), 8);
  const Sha256Digest hash = sha256(manifest.data(), manifest.size());
  std::memcpy(header.data() + hashAt, hash.data(), hash.size());
  return header;
}

Result<Bytes> findManifest(Bytes file, const Container &kind) {
  if (file.size() < headerSize || !hasMagic(file, kind))
    return invalidArgument("not a ", kind.suffix, " file");
  if (const uint64_t container = numberAt(file, containerAt, 4); container != containerVersion)
    return unimplemented("found ", kind.suffix, " container version ", container, ", wanted ",
                         containerVersion);
  if (const uint64_t flags = numberAt(file, flagsAt, 4))
    return unimplemented("found ", kind.suffix, " flags ", flags, ", wanted 0");
  for (size_t i = zerosAt; i < headerSize; ++i)
    if (file[i] != std::byte(0))
      return invalidArgument("damaged header: bytes that must be zero are not");
  const uint64_t offset = numberAt(file, manifestOffsetAt, 8), size = numberAt(file, manifestSizeAt, 8);
  if (offset != headerSize || size > maxManifestSize || size > file.size() - headerSize)
    return invalidArgument("damaged header: a manifest of ", size, " bytes at ", offset, " in a file of ",
                           file.size());
  const Bytes manifest = file.subspan(headerSize, size);
  const Sha256Digest hash = sha256(manifest.data(), manifest.size());
  if (std::memcmp(hash.data(), file.data() + hashAt, hash.size()) != 0)
    return dataLoss("the manifest does not have the hash in the header");
  return manifest;
}

} // namespace weft::program
