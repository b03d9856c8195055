// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The container of .weft and .weftjob files as numbers, and the manifest of .weft as bytes. Shared by their
// writers and readers only.
#ifndef WEFT_LIB_PROGRAM_FORMAT_H
#define WEFT_LIB_PROGRAM_FORMAT_H

#include "weft/Program/Program.h"

#include <array>

namespace weft::program {

/// A kind of file: what it begins with, and its name in messages.
struct Container {
  std::array<uint8_t, 8> magic;
  const char *suffix;
};
constexpr Container programContainer = {{'W', 'E', 'F', 'T', '\r', '\n', 0x1a, '\n'}, ".weft"};
constexpr uint32_t containerVersion = 1;
constexpr uint64_t headerSize = 128, maxManifestSize = uint64_t(64) << 20, sectionAlignment = 4096;
constexpr uint64_t constantAlignment = 64;

// The header: magic, u32 container, u32 flags (0), u64 manifest offset, u64 manifest size, sha256 of the
// manifest, zeros.
constexpr size_t containerAt = 8, flagsAt = 12, manifestOffsetAt = 16, manifestSizeAt = 24, hashAt = 32,
                 zerosAt = 64;

bool hasMagic(std::span<const std::byte> bytes, const Container &kind);
std::array<std::byte, headerSize> makeHeader(const Container &kind, std::string_view manifest);
/// The manifest's bytes, after all that the header says of them has been checked.
Result<std::span<const std::byte>> findManifest(std::span<const std::byte> file, const Container &kind);

enum class SectionKind : uint32_t { Code = 1, Constants = 2, Debug = 3 };

struct SectionRecord {
  SectionKind kind = SectionKind::Code;
  uint64_t offset = 0, size = 0; ///< from the first 4 KiB boundary behind the manifest
  std::optional<Sha256Digest> sha256;
  std::string isa;
  std::vector<std::string> features;
};

/// What the manifest holds besides the program: where its bytes are.
struct Layout {
  std::vector<SectionRecord> sections;
  /// Per constant: where in the constants section (0 when external).
  std::vector<uint64_t> constantOffsets;
};

constexpr uint64_t alignUp(uint64_t number, uint64_t alignment) {
  return (number + alignment - 1) / alignment * alignment;
}

/// The same program and layout give the same bytes.
Result<std::string> encodeManifest(const Program &program, const Layout &layout);
/// Fills in all of `program` but the values of constants, code and debug information. Only what the schema
/// itself says is checked; call checkProgram after it.
Status decodeManifest(std::span<const std::byte> bytes, Program &program, Layout &layout);

} // namespace weft::program

#endif // WEFT_LIB_PROGRAM_FORMAT_H
