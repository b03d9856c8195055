// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files: mapping them for reading, reading them whole under a limit, and writing them so that a reader sees
// all of the new bytes or all of the old ones. Every failure is a Status that names the path.
#ifndef WEFT_SUPPORT_FILE_H
#define WEFT_SUPPORT_FILE_H

#include "weft/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weft {

/// A whole file mapped for reading. Reading pages of a file that was truncated underneath would kill the
/// process: while a mapping made here is open, such a page reads as zeros instead and faulted() becomes true.
/// Check it after use.
class MappedFile {
public:
  static Result<std::shared_ptr<const MappedFile>> open(const std::string &path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  std::span<const std::byte> bytes() const { return {base, length}; }
  std::string_view text() const { return {reinterpret_cast<const char *>(base), length}; }
  const std::byte *data() const { return base; }
  size_t size() const { return length; }
  const std::string &path() const { return name; }
  /// Nanoseconds since 1970 of the last change, when it was opened.
  int64_t modificationTime() const { return mtime; }
  /// A page could not be read because the file had become shorter (or the disk failed).
  bool faulted() const;
  /// The file has still the size and time it was opened with, and no read has failed: DATA_LOSS when not.
  Status checkUnchanged() const;
  /// Descriptor of the file, open as long as the mapping.
  int descriptor() const { return fd; }

private:
  MappedFile() = default;
  std::string name;
  const std::byte *base = nullptr;
  size_t length = 0;
  int64_t mtime = 0;
  int fd = -1, slot = -1;
};

/// All bytes of a file; OUT_OF_RANGE when it is larger than `limit`.
Result<std::string> readFile(const std::string &path, uint64_t limit = uint64_t(1) << 32);

/// Bytes appended by a writer of writeFileAtomically.
using FileSink = std::function<Status(std::span<const std::byte>)>;

/// Writes `path` through a temporary file beside it, fsync and rename. After an error (a full disk, say)
/// there is no temporary left and the old file, if any, is untouched. /dev/stdout and other non-files are
/// written directly.
Status writeFileAtomically(const std::string &path, std::string_view bytes, int mode = 0644);
/// The same with the bytes produced piece by piece.
Status writeFileAtomically(const std::string &path, const std::function<Status(const FileSink &)> &write,
                           int mode = 0644);

/// Makes the folder and its parents; the folder itself gets mode 0700. One that exists must belong to this
/// user and be closed to all others, else PERMISSION_DENIED.
Status createPrivateDirectory(const std::string &path);
/// Makes the folder and its parents with the usual mode.
Status createDirectories(const std::string &path);

/// Message of an errno value: "No space left on device".
std::string errnoString(int error);
/// Status of an errno value: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED ..., "<what>: <message of
/// errno>".
Status errnoStatus(int error, std::string_view what);

} // namespace weft

#endif // WEFT_SUPPORT_FILE_H
