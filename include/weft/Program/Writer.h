// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a program as a .weft file: fixed header, manifest, then 4 KiB-aligned sections for code, constants
// and debug information. The same program gives the same bytes.
#ifndef WEFT_PROGRAM_WRITER_H
#define WEFT_PROGRAM_WRITER_H

#include "weft/Program/Program.h"
#include "weft/Support/File.h"

namespace weft::program {

struct WriteOptions {
  /// Hashes of constants, by which damage is found and equal constants are stored once. All constants stand
  /// in memory for it.
  bool hashConstants = true;
};

/// Checks the program, then passes the bytes of the file to `sink`, piece by piece in order.
Status writeProgram(const Program &program, const FileSink &sink, const WriteOptions &options = {});
/// The whole file in memory.
Result<std::string> serializeProgram(const Program &program);
/// Writes the file atomically.
Status writeProgramFile(const Program &program, const std::string &path);

} // namespace weft::program

#endif // WEFT_PROGRAM_WRITER_H
