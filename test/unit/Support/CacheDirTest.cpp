// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cache folder: who may own it, what is dropped, what happens where nothing can be stored.
#include "weft/Support/CacheDir.h"

#include "TempDir.h"
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace weft;

namespace {

void setAge(const std::string &path, long seconds) {
  const timespec times[2] = {{time(nullptr) - seconds, 0}, {time(nullptr) - seconds, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

TEST(CacheDir, StoresAndFinds) {
  const TempDir dir;
  const CacheDir cache = *CacheDir::open(dir.file("cache"));
  ASSERT_TRUE(cache.isEnabled());
  EXPECT_EQ(cache.get("programs", "ab"), nullptr);
  EXPECT_TRUE(cache.put("programs", "ab", "bytes"));
  EXPECT_EQ(cache.get("programs", "ab")->text(), "bytes");
  EXPECT_EQ(cache.get("kernels", "ab"), nullptr);
  cache.remove("programs", "ab");
  EXPECT_EQ(cache.get("programs", "ab"), nullptr);
  EXPECT_FALSE(cache.put("programs", "../../escape", "x"));
  EXPECT_FALSE(cache.put("..", "x", "x"));
  struct stat info;
  ASSERT_EQ(stat(cache.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(CacheDir, DropsWhatWasUsedLeastRecently) {
  const TempDir dir;
  const CacheDir cache = *CacheDir::open(dir.file("cache"), 1000);
  const std::string bytes(300, 'x');
  for (const char *key : {"a", "b", "c"}) {
    ASSERT_TRUE(cache.put("k", key, bytes));
    setAge(*cache.find("k", key), 1000);
  }
  setAge(dir.file("cache/k/b"), 3000);
  setAge(dir.file("cache/k/a"), 2000);
  EXPECT_TRUE(cache.find("k", "b")); // used now: "a" is the oldest
  ASSERT_TRUE(cache.put("k", "d", bytes));
  EXPECT_FALSE(std::filesystem::exists(dir.file("cache/k/a")));
  EXPECT_TRUE(std::filesystem::exists(dir.file("cache/k/b")));
  EXPECT_TRUE(std::filesystem::exists(dir.file("cache/k/d")));
  EXPECT_FALSE(cache.put("k", "huge", std::string(1001, 'x')));
  EXPECT_FALSE(std::filesystem::exists(dir.file("cache/k/huge")));
}

TEST(CacheDir, DropsOldTemporariesOnly) {
  const TempDir dir;
  const CacheDir cache = *CacheDir::open(dir.file("cache"));
  ASSERT_TRUE(cache.put("k", "a", "x"));
  for (const char *name : {"a.tmp.1.1", "a.tmp.2.2"})
    ASSERT_TRUE(writeFileAtomically(dir.file("cache/k/") + name, "x").isOk());
  setAge(dir.file("cache/k/a.tmp.1.1"), 7200);
  cache.trim();
  EXPECT_FALSE(std::filesystem::exists(dir.file("cache/k/a.tmp.1.1")));
  EXPECT_TRUE(std::filesystem::exists(dir.file("cache/k/a.tmp.2.2")));
}

TEST(CacheDir, RefusesFoldersOpenToOthers) {
  const TempDir dir;
  ASSERT_EQ(mkdir(dir.file("open").c_str(), 0755), 0);
  ASSERT_EQ(chmod(dir.file("open").c_str(), 0755), 0);
  EXPECT_EQ(CacheDir::open(dir.file("open")).code(), Code::PermissionDenied);
}

TEST(CacheDir, DoesNothingWhereItCannotBe) {
  const CacheDir nowhere = *CacheDir::open("/proc/weft-cache");
  EXPECT_FALSE(nowhere.isEnabled());
  EXPECT_FALSE(nowhere.put("k", "a", "x"));
  EXPECT_EQ(nowhere.get("k", "a"), nullptr);
  EXPECT_FALSE(CacheDir::disabled().put("k", "a", "x"));
}

TEST(CacheDir, NamedByTheEnvironment) {
  const auto set = [](const char *name, const char *value) {
    value ? setenv(name, value, 1) : unsetenv(name);
  };
  set("WEFT_CACHE_DIR", "/w");
  EXPECT_EQ(CacheDir::defaultPath(), "/w");
  set("WEFT_CACHE_DIR", nullptr);
  set("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(CacheDir::defaultPath(), "/x/weft");
  set("XDG_CACHE_HOME", "relative");
  set("HOME", "/home/u");
  EXPECT_EQ(CacheDir::defaultPath(), "/home/u/.cache/weft");
}

} // namespace
