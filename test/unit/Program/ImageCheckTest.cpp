// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images of our linker pass; damaged ones and other shared objects do not.
#include "weft/Program/ImageCheck.h"

#include "Program/SamplePrograms.h"
#include "weft/Support/File.h"
#include <algorithm>
#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>
#include <random>

using namespace weft;
using namespace weft::program;

namespace {

TEST(ImageCheck, AcceptsOurImages) {
  const Result<ImageInfo> info = checkImage(samples::kernelImage().bytes);
  ASSERT_TRUE(info.isOk()) << info.status();
  for (const char *name : {"k_add", "k_gather", "k_constant"})
    EXPECT_EQ(std::count(info->functions.begin(), info->functions.end(), name), 1) << name;
}

TEST(ImageCheck, RefusesOtherFiles) {
  EXPECT_FALSE(checkImage({}).isOk());
  EXPECT_FALSE(checkImage(std::as_bytes(std::span<const char>("#!/bin/sh\n", 10))).isOk());
  const auto self = *MappedFile::open("/proc/self/exe"); // needs libraries, has initialisers, an entry point
  EXPECT_FALSE(checkImage(self->bytes()).isOk());
}

/// The image with one dynamic tag changed into another.
std::string withTag(int64_t from, int64_t to) {
  const Blob blob = samples::kernelImage();
  std::string image(reinterpret_cast<const char *>(blob.bytes.data()), blob.bytes.size());
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof header);
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, image.data() + header.e_phoff + size_t(i) * sizeof segment, sizeof segment);
    if (segment.p_type != PT_DYNAMIC)
      continue;
    for (uint64_t at = segment.p_offset; at < segment.p_offset + segment.p_filesz; at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      std::memcpy(&entry, image.data() + at, sizeof entry);
      if (entry.d_tag == from) {
        entry.d_tag = to;
        std::memcpy(image.data() + at, &entry, sizeof entry);
        return image;
      }
    }
  }
  ADD_FAILURE() << "no tag " << from;
  return image;
}

TEST(ImageCheck, RefusesWhatRunsAtLoad) {
  const auto message = [](const std::string &image) {
    return checkImage(std::as_bytes(std::span<const char>(image))).status().message();
  };
  EXPECT_NE(message(withTag(DT_RELACOUNT, DT_INIT)).find("runs when it is loaded"), std::string::npos);
  EXPECT_NE(message(withTag(DT_RELACOUNT, DT_NEEDED)).find("another library"), std::string::npos);
  EXPECT_NE(message(withTag(DT_RELACOUNT, DT_RUNPATH)).find("dynamic tag"), std::string::npos);
  EXPECT_NE(message(withTag(DT_GNU_HASH, DT_HASH)).find("dynamic tag"), std::string::npos);
}

/// Damage in the headers and tables is refused or harmless to read; the sanitizers watch.
TEST(ImageCheck, SurvivesDamage) {
  const Blob blob = samples::kernelImage();
  const std::string original(reinterpret_cast<const char *>(blob.bytes.data()), blob.bytes.size());
  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string image = original;
    const int edits = 1 + int(random() % 3);
    for (int e = 0; e < edits; ++e)
      image[random() % std::min<size_t>(image.size(), 4096)] = char(random());
    if (random() % 8 == 0)
      image.resize(random() % image.size());
    // Its own allocation: reading past the end is seen.
    const std::vector<char> exact(image.begin(), image.end());
    refused += !checkImage(std::as_bytes(std::span<const char>(exact))).isOk();
  }
  EXPECT_GT(refused, 5000);
}

} // namespace
