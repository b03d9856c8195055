// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapping, reading and atomic writing, with files that shrink, disks that are full and folders that belong to
// all.
#include "weft/Support/File.h"

#include "TempDir.h"
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;

namespace {

size_t filesIn(const std::string &path) {
  size_t count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator(path))
    ++count;
  return count;
}

TEST(File, WritesAndReads) {
  const TempDir dir;
  const std::string path = dir.file("a");
  ASSERT_TRUE(writeFileAtomically(path, "one").isOk());
  ASSERT_TRUE(writeFileAtomically(path, "two").isOk());
  EXPECT_EQ(*readFile(path), "two");
  EXPECT_EQ(readFile(path, 2).code(), Code::OutOfRange);
  EXPECT_EQ(readFile(dir.file("none")).code(), Code::NotFound);
  EXPECT_EQ(readFile(dir.path).code(), Code::InvalidArgument);
  EXPECT_NE(writeFileAtomically(dir.path, "x").code(), Code::Ok);
  EXPECT_EQ(writeFileAtomically(dir.file("no/folder"), "x").code(), Code::NotFound);
  EXPECT_EQ(filesIn(dir.path), 1u);
}

TEST(File, FailedWriteLeavesTheOldFile) {
  const TempDir dir;
  const std::string path = dir.file("a");
  ASSERT_TRUE(writeFileAtomically(path, "old").isOk());
  const Status status = writeFileAtomically(path, [](const FileSink &sink) -> Status {
    WEFT_RETURN_IF_ERROR(sink(std::as_bytes(std::span<const char>("new", 3))));
    return dataLoss("the source broke");
  });
  EXPECT_EQ(status.code(), Code::DataLoss);
  EXPECT_EQ(*readFile(path), "old");
  EXPECT_EQ(filesIn(dir.path), 1u);
}

TEST(File, FullDiskLeavesNothing) {
  EXPECT_EQ(writeFileAtomically("/dev/full", "x").code(), Code::ResourceExhausted);
  const TempDir dir;
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000, old.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const Status status = writeFileAtomically(dir.file("big"), std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(status.code(), Code::ResourceExhausted) << status;
  EXPECT_EQ(filesIn(dir.path), 0u);
}

TEST(File, KeepsSymbolicLinks) {
  const TempDir dir;
  ASSERT_TRUE(writeFileAtomically(dir.file("real"), "1").isOk());
  ASSERT_EQ(symlink("real", dir.file("link").c_str()), 0);
  ASSERT_TRUE(writeFileAtomically(dir.file("link"), "2").isOk());
  EXPECT_TRUE(std::filesystem::is_symlink(dir.file("link")));
  EXPECT_EQ(*readFile(dir.file("real")), "2");
}

TEST(MappedFile, ReadsAndNoticesChanges) {
  const TempDir dir;
  const std::string path = dir.file("a");
  ASSERT_TRUE(writeFileAtomically(path, "hello").isOk());
  const auto file = *MappedFile::open(path);
  EXPECT_EQ(file->text(), "hello");
  EXPECT_TRUE(file->checkUnchanged().isOk());
  std::ofstream(path, std::ios::app) << "more";
  EXPECT_EQ(file->checkUnchanged().code(), Code::DataLoss);
  EXPECT_EQ(MappedFile::open(dir.path).code(), Code::InvalidArgument);
  ASSERT_EQ(mkfifo(dir.file("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(MappedFile::open(dir.file("pipe")).isOk());
  ASSERT_TRUE(writeFileAtomically(dir.file("empty"), "").isOk());
  EXPECT_EQ((*MappedFile::open(dir.file("empty")))->size(), 0u);
}

TEST(MappedFile, SurvivesTruncation) {
  const TempDir dir;
  const std::string path = dir.file("a");
  ASSERT_TRUE(writeFileAtomically(path, std::string(5 * 4096, 'x')).isOk());
  const auto file = *MappedFile::open(path);
  ASSERT_EQ(truncate(path.c_str(), 4096), 0);
  EXPECT_FALSE(file->faulted());
  EXPECT_EQ(file->text()[0], 'x');
  EXPECT_EQ(file->text()[3 * 4096 + 5], '\0'); // would be SIGBUS
  EXPECT_TRUE(file->faulted());
  EXPECT_EQ(file->checkUnchanged().code(), Code::DataLoss);
}

TEST(File, PrivateFolders) {
  const TempDir dir;
  EXPECT_TRUE(createPrivateDirectory(dir.file("a/b/c")).isOk());
  struct stat info;
  ASSERT_EQ(stat(dir.file("a/b/c").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(chmod(dir.file("a/b/c").c_str(), 0755), 0);
  EXPECT_EQ(createPrivateDirectory(dir.file("a/b/c")).code(), Code::PermissionDenied);
  ASSERT_TRUE(writeFileAtomically(dir.file("file"), "").isOk());
  EXPECT_FALSE(createPrivateDirectory(dir.file("file")).isOk());
  EXPECT_FALSE(createPrivateDirectory(dir.file("file/below")).isOk());
}

} // namespace
