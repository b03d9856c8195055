// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cache folder: <root>/<kind>/<key>, one file per entry; its time of change is the time of last use.
#include "weft/Support/CacheDir.h"

#include "weft/Support/Log.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace weft {

struct CacheDir::State {
  std::atomic<int64_t> size{
      -1}; // bytes in the folder as last counted, plus what was stored since; -1: not counted
  std::atomic<int> puts{0};
};

std::string CacheDir::defaultPath() {
  const auto variable = [](const char *name) {
    const char *value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (std::string path = variable("WEFT_CACHE_DIR"); !path.empty())
    return path;
  if (std::string path = variable("XDG_CACHE_HOME"); !path.empty() && path[0] == '/')
    return path + "/weft";
  if (std::string home = variable("HOME"); !home.empty())
    return home + "/.cache/weft";
  return "";
}

Result<CacheDir> CacheDir::open(std::string path, uint64_t limit) {
  CacheDir cache;
  if (path.empty())
    return cache;
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  const Status made = createPrivateDirectory(path);
  if (!made.isOk()) {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0)
      return made.context("cache folder refused");
    logInfo("nothing will be cached: ", made.message());
    return cache;
  }
  cache.root = std::move(path);
  cache.limit = limit;
  cache.state = std::make_shared<State>();
  return cache;
}

std::string CacheDir::file(std::string_view kind, std::string_view key) const {
  const auto plain = [](std::string_view word) {
    return !word.empty() && word[0] != '.' && word.find('/') == std::string_view::npos &&
           word.find('\0') == std::string_view::npos;
  };
  if (!isEnabled() || !plain(kind) || !plain(key))
    return "";
  return concat(root, "/", kind, "/", key);
}

std::optional<std::string> CacheDir::find(std::string_view kind, std::string_view key) const {
  std::string path = file(kind, key);
  struct stat info;
  if (path.empty() || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  (void)::utimensat(AT_FDCWD, path.c_str(), nullptr,
                    0); // fails on a read-only folder: then nothing is trimmed either
  return path;
}

std::shared_ptr<const MappedFile> CacheDir::get(std::string_view kind, std::string_view key) const {
  const std::optional<std::string> path = find(kind, key);
  if (!path)
    return nullptr;
  Result<std::shared_ptr<const MappedFile>> mapped = MappedFile::open(*path);
  return mapped.isOk() ? *mapped : nullptr;
}

bool CacheDir::put(std::string_view kind, std::string_view key, std::string_view bytes) const {
  if (bytes.size() > limit)
    return false;
  return put(kind, key,
             [&](const FileSink &sink) { return sink(std::as_bytes(std::span<const char>(bytes))); });
}

bool CacheDir::put(std::string_view kind, std::string_view key,
                   const std::function<Status(const FileSink &)> &write) const {
  const std::string path = file(kind, key);
  if (path.empty())
    return false;
  const std::string folder = concat(root, "/", kind);
  uint64_t size = 0;
  Status status;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    status = errnoStatus(errno, concat("cannot make folder '", folder, "'"));
  if (status.isOk())
    status = writeFileAtomically(
        path,
        [&](const FileSink &sink) {
          return write([&](std::span<const std::byte> bytes) -> Status {
            size += bytes.size();
            if (size > limit)
              return resourceExhausted("an entry of more than ", limit, " bytes");
            return sink(bytes);
          });
        },
        0600);
  if (!status.isOk()) {
    logDebug("not cached: ", status.message());
    return false;
  }
  // Other processes store too: count afresh now and then.
  if (state->size.load() < 0 || state->puts.fetch_add(1) % 256 == 255 ||
      uint64_t(state->size.fetch_add(int64_t(size))) + size > limit)
    trim();
  return true;
}

void CacheDir::remove(std::string_view kind, std::string_view key) const {
  if (const std::string path = file(kind, key); !path.empty())
    ::unlink(path.c_str());
}

static std::vector<std::string> namesIn(const std::string &path) {
  std::vector<std::string> names;
  if (DIR *folder = ::opendir(path.c_str())) {
    while (const dirent *entry = ::readdir(folder))
      if (entry->d_name[0] != '.')
        names.emplace_back(entry->d_name);
    ::closedir(folder);
  }
  return names;
}

void CacheDir::trim() const {
  if (!isEnabled())
    return;
  struct Entry {
    std::string path;
    timespec used;
    uint64_t size;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  const time_t now = ::time(nullptr);
  for (const std::string &kind : namesIn(root))
    for (const std::string &name : namesIn(concat(root, "/", kind))) {
      std::string path = concat(root, "/", kind, "/", name);
      struct stat info;
      if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
        continue;
      if (name.find(".tmp.") != std::string::npos) { // of a process that died, unless it is young
        if (now - info.st_mtim.tv_sec > 3600)
          ::unlink(path.c_str());
        continue;
      }
      total += uint64_t(info.st_size);
      entries.push_back({std::move(path), info.st_mtim, uint64_t(info.st_size)});
    }
  if (total > limit) {
    std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
      return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    for (const Entry &entry : entries) {
      if (total <= limit - limit / 10)
        break;
      if (::unlink(entry.path.c_str()) == 0)
        total -= entry.size;
    }
  }
  state->size = int64_t(total);
}

} // namespace weft
