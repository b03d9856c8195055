// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The folder where compiled programs, kernels and packed weights are kept between runs: $WEFT_CACHE_DIR, else
// $XDG_CACHE_HOME/weft, else ~/.cache/weft. Entries are named by kind and hash of what they were made from.
// The folder belongs to this user with mode 0700, or it is refused; it is kept under a size by dropping what
// was least recently used. A folder that cannot be written is no failure: nothing is stored.
#ifndef WEFT_SUPPORT_CACHEDIR_H
#define WEFT_SUPPORT_CACHEDIR_H

#include "weft/Support/File.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

class CacheDir {
public:
  static constexpr uint64_t defaultLimit = uint64_t(2) << 30;

  /// The folder the environment names; empty when there is neither of the variables nor a home.
  static std::string defaultPath();
  /// Opens or makes the folder. PERMISSION_DENIED when it belongs to somebody else or others may enter it; a
  /// folder that cannot be made (read-only disk) gives a cache that never finds and never stores.
  static Result<CacheDir> open(std::string path = defaultPath(), uint64_t limit = defaultLimit);
  /// A cache that never finds and never stores (--no-cache).
  static CacheDir disabled() { return CacheDir(); }

  bool isEnabled() const { return !root.empty(); }
  const std::string &path() const { return root; }

  /// The entry's file, marked as used now; nothing when absent. `kind` is a short word ("programs",
  /// "kernels"), `key` lower-case hex digits and dashes.
  std::optional<std::string> find(std::string_view kind, std::string_view key) const;
  /// The entry mapped for reading, marked as used now; nothing when absent or unreadable.
  std::shared_ptr<const MappedFile> get(std::string_view kind, std::string_view key) const;
  /// Stores the entry (temporary name, then rename), then trims. False when it could not be stored: the disk
  /// is full or read-only, or it alone is larger than the limit; the reason is logged at debug level.
  bool put(std::string_view kind, std::string_view key, std::string_view bytes) const;
  bool put(std::string_view kind, std::string_view key,
           const std::function<Status(const FileSink &)> &write) const;
  /// Removes an entry that proved damaged.
  void remove(std::string_view kind, std::string_view key) const;
  /// Drops least recently used entries until the folder is under its limit (by a tenth, so that it is not
  /// done at each put), and temporaries older than an hour.
  void trim() const;

private:
  std::string file(std::string_view kind, std::string_view key) const;
  struct State; // what this process knows of the folder's size; shared by copies
  std::string root;
  uint64_t limit = 0;
  std::shared_ptr<State> state;
};

} // namespace weft

#endif // WEFT_SUPPORT_CACHEDIR_H
