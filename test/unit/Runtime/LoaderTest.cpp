// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading code images from memory and from files.
#include "weft/Runtime/Loader.h"

#include "Program/SamplePrograms.h"
#include "Support/TempDir.h"
#include "weft/Runtime/HostCpu.h"
#include <algorithm>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::runtime;

namespace {

int64_t addThroughKernel(const CodeLibrary &library, int64_t a, int64_t b) {
  int64_t sum = 0;
  void *buffers[] = {&a, &b, &sum};
  WeftFault fault = {};
  const WeftCall call = {buffers, nullptr, nullptr, &fault, 0};
  EXPECT_EQ((*library.kernel("k_add_int"))(&call, 0, 1), 0);
  return sum;
}

TEST(Loader, FromMemoryManyTimes) {
  const program::Blob image = program::samples::kernelImage();
  std::vector<std::shared_ptr<const CodeLibrary>> libraries;
  for (int i = 0; i < 20; ++i) {
    Result<std::shared_ptr<const CodeLibrary>> library = CodeLibrary::load(image.bytes);
    ASSERT_TRUE(library.isOk()) << library.status();
    libraries.push_back(*library);
    if (i % 3 == 0)
      libraries.erase(libraries.begin()); // descriptors are used again: names must not be mistaken
  }
  EXPECT_NE(*libraries[0]->kernel("k_add"), *libraries[1]->kernel("k_add"));
  for (const auto &library : libraries)
    EXPECT_EQ(addThroughKernel(*library, 40, 2), 42);
  EXPECT_EQ(libraries[0]->kernel("k_none").code(), Code::NotFound);
}

TEST(Loader, KeepsCodeUnderItsHash) {
  const TempDir dir;
  const program::Blob image = program::samples::kernelImage();
  const std::string path = dir.file("code/") + toHex(sha256(image.bytes.data(), image.bytes.size())) + ".so";
  for (int i = 0; i < 2; ++i) {
    Result<std::shared_ptr<const CodeLibrary>> library = CodeLibrary::load(image.bytes, dir.file("code"));
    ASSERT_TRUE(library.isOk()) << library.status();
    EXPECT_EQ(addThroughKernel(**library, 1, 2), 3);
    Dl_info info;
    ASSERT_NE(dladdr(reinterpret_cast<void *>(*(*library)->kernel("k_add")), &info), 0);
    EXPECT_EQ(std::filesystem::canonical(info.dli_fname), std::filesystem::canonical(path));
  }
}

TEST(Loader, RefusesDamagedImages) {
  const program::Blob image = program::samples::kernelImage();
  std::vector<std::byte> bytes(image.bytes.begin(), image.bytes.end());
  bytes[16] = std::byte(2); // ET_EXEC
  EXPECT_EQ(CodeLibrary::load(bytes).code(), Code::InvalidArgument);
  EXPECT_FALSE(CodeLibrary::load({}).isOk());
}

TEST(HostCpu, KnowsItself) {
  EXPECT_FALSE(hostHasFeature("flux-capacitor"));
  for (const std::string &feature : featuresOfIsa(hostIsa()))
    EXPECT_TRUE(hostHasFeature(feature)) << feature;
  const std::vector<std::string> all = hostFeatures();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
#if defined(__x86_64__)
  EXPECT_TRUE(hostHasFeature("sse2"));
  EXPECT_EQ(hostHasFeature("avx2"), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(hostHasFeature("avx512f"), bool(__builtin_cpu_supports("avx512f")));
#endif
}

} // namespace
