// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine code of kernels in the cache folder, by the hash of all it is made from: the kernel as loops,
// options, target, build of the compiler. Models that share layers share their code; a model that changed a
// little compiles a little.
#ifndef WEFT_LIB_PIPELINE_KERNELCACHE_H
#define WEFT_LIB_PIPELINE_KERNELCACHE_H

#include "weft/Support/CacheDir.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <atomic>
#include <optional>

namespace weft {

class KernelCache {
public:
  struct Entry {
    int64_t scratchBytes = 0;
    llvm::SmallVector<char, 0> object;
  };

  /// `folder` as CacheDir::path(); `build` tells builds of the compiler apart.
  static Result<KernelCache> open(const std::string &folder, llvm::StringRef build);
  KernelCache(KernelCache &&other) : cache(std::move(other.cache)), build(std::move(other.build)) {}

  /// `contents`: the hash of a kernel, its target and options. Nothing when absent or damaged.
  std::optional<Entry> find(const std::string &contents) const;
  /// A disk that is full or read-only is no failure. Not synchronised to the disk, which would take longer
  /// than to compile a small kernel: what a crash leaves is found to be damaged.
  void put(const std::string &contents, const Entry &entry) const;

  int64_t numFound() const { return found; }

private:
  KernelCache(CacheDir cache, std::string build) : cache(std::move(cache)), build(std::move(build)) {}

  std::string keyOf(const std::string &contents) const;

  CacheDir cache;
  std::string build;
  mutable std::atomic<int64_t> found = 0;
};

} // namespace weft

#endif // WEFT_LIB_PIPELINE_KERNELCACHE_H
