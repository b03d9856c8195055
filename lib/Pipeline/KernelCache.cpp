// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An entry is a file: sha256 of the rest (32 bytes), scratch bytes (8), the object. It is written under a
// temporary name and renamed.
#include "KernelCache.h"

#include "weft/Support/Log.h"
#include "weft/Support/Sha256.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace weft;

static constexpr const char *kind = "kernels";
static constexpr size_t headerSize = 32 + sizeof(int64_t);

Result<KernelCache> KernelCache::open(const std::string &folder, llvm::StringRef build) {
  WEFT_ASSIGN_OR_RETURN(CacheDir cache, CacheDir::open(folder));
  return KernelCache(std::move(cache), build.str());
}

std::string KernelCache::keyOf(const std::string &contents) const {
  Sha256 hash;
  return hash.updateField(build).updateField(contents).finishHex();
}

static Sha256Digest digestOf(int64_t scratchBytes, llvm::StringRef object) {
  Sha256 hash;
  hash.updateInt(scratchBytes).updateField(std::string_view(object));
  return hash.finish();
}

std::optional<KernelCache::Entry> KernelCache::find(const std::string &contents) const {
  std::string key = keyOf(contents);
  std::shared_ptr<const MappedFile> file = cache.get(kind, key);
  if (!file || file->size() <= headerSize)
    return std::nullopt;
  const auto *bytes = reinterpret_cast<const char *>(file->bytes().data());
  Entry entry;
  std::memcpy(&entry.scratchBytes, bytes + 32, sizeof entry.scratchBytes);
  entry.object.append(bytes + headerSize, bytes + file->size());
  Sha256Digest digest = digestOf(entry.scratchBytes, {entry.object.data(), entry.object.size()});
  if (std::memcmp(digest.data(), bytes, 32) != 0) {
    logDebug("kernel ", key, " in the cache is damaged");
    cache.remove(kind, key);
    return std::nullopt;
  }
  ++found;
  return entry;
}

void KernelCache::put(const std::string &contents, const Entry &entry) const {
  if (!cache.isEnabled())
    return;
  std::string key = keyOf(contents);
  std::string folder = cache.path() + "/" + kind;
  if (llvm::sys::fs::create_directory(folder, /*IgnoreExisting=*/true, llvm::sys::fs::owner_all))
    return;
  int fd;
  llvm::SmallString<128> temporary;
  if (llvm::sys::fs::createUniqueFile(folder + "/" + key + ".tmp.%%%%%%%%", fd, temporary,
                                      llvm::sys::fs::OF_None,
                                      llvm::sys::fs::owner_read | llvm::sys::fs::owner_write))
    return;
  llvm::raw_fd_ostream out(fd, /*shouldClose=*/true);
  llvm::StringRef object(entry.object.data(), entry.object.size());
  Sha256Digest digest = digestOf(entry.scratchBytes, object);
  out.write(reinterpret_cast<const char *>(digest.data()), 32);
  out.write(reinterpret_cast<const char *>(&entry.scratchBytes), sizeof entry.scratchBytes);
  out << object;
  out.close();
  bool failed = out.has_error();
  out.clear_error();
  if (failed || llvm::sys::fs::rename(temporary, folder + "/" + key))
    llvm::sys::fs::remove(temporary);
}
