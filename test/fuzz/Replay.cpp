// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a fuzz target over files and folders of files, without libFuzzer: the corpus as an ordinary test.
// Beside each file as it is, a fixed number of damaged copies from a fixed seed (--mutants N, 200 unless
// told).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

void run(const std::vector<uint8_t> &bytes) {
  // Its own allocation of exactly that size: the sanitizers see a read past its end.
  auto *exact = static_cast<uint8_t *>(std::malloc(bytes.size() ? bytes.size() : 1));
  if (!bytes.empty())
    std::memcpy(exact, bytes.data(), bytes.size());
  LLVMFuzzerTestOneInput(exact, bytes.size());
  std::free(exact);
}

void runWithMutants(const std::filesystem::path &path, int mutants) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  run(bytes);
  std::mt19937 random(1);
  for (int i = 0; i < mutants && !bytes.empty(); ++i) {
    std::vector<uint8_t> damaged = bytes;
    // Headers are at the front: half of the damage goes there.
    const size_t reach = random() % 2 ? damaged.size() : std::min<size_t>(damaged.size(), 512);
    for (unsigned edits = 1 + random() % 4; edits; --edits)
      damaged[random() % reach] =
          random() % 2 ? uint8_t(random()) : uint8_t(damaged[random() % reach] ^ 1u << random() % 8);
    if (random() % 8 == 0)
      damaged.resize(random() % damaged.size());
    run(damaged);
  }
}

} // namespace

int main(int argc, char **argv) {
  int files = 0, mutants = 200;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--mutants") == 0 && i + 1 < argc) {
      mutants = std::atoi(argv[++i]);
      continue;
    }
    std::error_code error;
    if (!std::filesystem::is_directory(argv[i], error)) {
      runWithMutants(argv[i], mutants);
      ++files;
      continue;
    }
    for (const auto &entry : std::filesystem::recursive_directory_iterator(argv[i], error))
      if (entry.is_regular_file()) {
        runWithMutants(entry.path(), mutants);
        ++files;
      }
  }
  std::printf("%d files, %d mutants each\n", files, mutants);
  return files ? 0 : 1;
}
