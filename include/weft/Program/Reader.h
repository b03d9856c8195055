// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a .weft file. Bytes may come from anybody: every size, offset, hash, index and version is checked
// here, so that what comes out can be run. (Machine code cannot be checked: a .weft is as trusted as an
// executable.)
#ifndef WEFT_PROGRAM_READER_H
#define WEFT_PROGRAM_READER_H

#include "weft/Program/Program.h"
#include "weft/Support/File.h"

namespace weft::program {

struct ReadOptions {
  /// Hash constants too (always done for manifest and code).
  bool verifyConstants = false;
  /// Open the files of external constants; without, such constants have no value.
  bool resolveExternal = true;
  /// Folder that relative paths of external constants start from (readProgramFile: the file's own).
  std::string baseDirectory;
};

struct LoadedProgram {
  Program program; ///< constants and code are views of the file
  std::string id;  ///< sha256 of the manifest, in hex
  uint64_t fileSize = 0;
  /// The files it is mapped from, its own and those of external constants: MappedFile::faulted() tells that
  /// one of them shrank underneath.
  std::vector<std::shared_ptr<const MappedFile>> files;
};

/// `bytes` must stay readable while `owner` lives; at least 64-byte aligned, or they are copied.
Result<LoadedProgram> readProgram(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                  const ReadOptions &options = {});
/// Maps the file.
Result<LoadedProgram> readProgramFile(const std::string &path, ReadOptions options = {});

/// The bytes begin like a .weft file.
bool looksLikeProgram(std::span<const std::byte> bytes);

} // namespace weft::program

#endif // WEFT_PROGRAM_READER_H
