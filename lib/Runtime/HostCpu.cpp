// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CPU features by cpuid, and XCR0 for those whose registers the system must save.
#include "weft/Runtime/HostCpu.h"

#include <algorithm>
#include <cstdint>
#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace weft::runtime {
#if defined(__x86_64__)
namespace {

enum Register : uint8_t { A, B, C, D };
enum Saved : uint8_t { Always, Ymm, Zmm, Tiles }; // which registers must be saved by the system
struct Feature {
  std::string_view name;
  uint32_t leaf, subleaf;
  Register reg;
  uint8_t bit;
  Saved saved = Always;
};
constexpr Feature features[] = {
    {"cmov", 1, 0, D, 15},
    {"cx8", 1, 0, D, 8},
    {"fxsr", 1, 0, D, 24},
    {"mmx", 1, 0, D, 23},
    {"sse", 1, 0, D, 25},
    {"sse2", 1, 0, D, 26},
    {"x87", 1, 0, D, 0},
    {"sse3", 1, 0, C, 0},
    {"pclmul", 1, 0, C, 1},
    {"ssse3", 1, 0, C, 9},
    {"fma", 1, 0, C, 12, Ymm},
    {"cx16", 1, 0, C, 13},
    {"sse4.1", 1, 0, C, 19},
    {"sse4.2", 1, 0, C, 20},
    {"crc32", 1, 0, C, 20},
    {"movbe", 1, 0, C, 22},
    {"popcnt", 1, 0, C, 23},
    {"aes", 1, 0, C, 25},
    {"xsave", 1, 0, C, 27},
    {"avx", 1, 0, C, 28, Ymm},
    {"f16c", 1, 0, C, 29, Ymm},
    {"rdrnd", 1, 0, C, 30},
    {"bmi", 7, 0, B, 3},
    {"avx2", 7, 0, B, 5, Ymm},
    {"bmi2", 7, 0, B, 8},
    {"avx512f", 7, 0, B, 16, Zmm},
    {"avx512dq", 7, 0, B, 17, Zmm},
    {"rdseed", 7, 0, B, 18},
    {"adx", 7, 0, B, 19},
    {"avx512ifma", 7, 0, B, 21, Zmm},
    {"clflushopt", 7, 0, B, 23},
    {"clwb", 7, 0, B, 24},
    {"avx512cd", 7, 0, B, 28, Zmm},
    {"sha", 7, 0, B, 29},
    {"avx512bw", 7, 0, B, 30, Zmm},
    {"avx512vl", 7, 0, B, 31, Zmm},
    {"avx512vbmi", 7, 0, C, 1, Zmm},
    {"avx512vbmi2", 7, 0, C, 6, Zmm},
    {"gfni", 7, 0, C, 8},
    {"vaes", 7, 0, C, 9, Ymm},
    {"vpclmulqdq", 7, 0, C, 10, Ymm},
    {"avx512vnni", 7, 0, C, 11, Zmm},
    {"avx512bitalg", 7, 0, C, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, C, 14, Zmm},
    {"amx-bf16", 7, 0, D, 22, Tiles},
    {"avx512fp16", 7, 0, D, 23, Zmm},
    {"amx-tile", 7, 0, D, 24, Tiles},
    {"amx-int8", 7, 0, D, 25, Tiles},
    {"avxvnni", 7, 1, A, 4, Ymm},
    {"avx512bf16", 7, 1, A, 5, Zmm},
    {"avxvnniint8", 7, 1, D, 4, Ymm},
    {"sahf", 0x80000001, 0, C, 0},
    {"lzcnt", 0x80000001, 0, C, 5},
    {"sse4a", 0x80000001, 0, C, 6},
    {"prfchw", 0x80000001, 0, C, 8},
    {"64bit", 0x80000001, 0, D, 29},
};

/// Linux gives matrix registers to processes that ask, and may refuse.
bool mayUseTiles() {
#if defined(__linux__)
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

/// Which of Saved hold: bit 0 always, bit 1 ymm, bit 2 zmm, bit 3 tiles.
unsigned savedRegisters() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) // OSXSAVE
    return 1;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return 1 | ((low & 0x6) == 0x6 ? 2 : 0) | ((low & 0xe6) == 0xe6 ? 4 : 0) |
         ((low & 0x60000) == 0x60000 && mayUseTiles() ? 8 : 0);
}

bool detect(const Feature &feature) {
  static const unsigned saved = savedRegisters();
  unsigned r[4] = {};
  if (!(saved >> feature.saved & 1) ||
      !__get_cpuid_count(feature.leaf, feature.subleaf, &r[0], &r[1], &r[2], &r[3]))
    return false;
  return r[feature.reg] >> feature.bit & 1;
}

} // namespace

bool hostHasFeature(std::string_view name) {
  return std::any_of(std::begin(features), std::end(features),
                     [&](const Feature &feature) { return feature.name == name && detect(feature); });
}

std::vector<std::string> hostFeatures() {
  std::vector<std::string> names;
  for (const Feature &feature : features)
    if (detect(feature))
      names.emplace_back(feature.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> featuresOfIsa(std::string_view isa) {
  std::vector<std::string> names;
  const auto add = [&](std::initializer_list<const char *> more) {
    names.insert(names.end(), more.begin(), more.end());
  };
  const int level = isa == "x86-64"      ? 1
                    : isa == "x86-64-v2" ? 2
                    : isa == "x86-64-v3" ? 3
                    : isa == "x86-64-v4" ? 4
                                         : 0;
  if (level >= 1)
    add({"cmov", "cx8", "fxsr", "mmx", "sse", "sse2"});
  if (level >= 2)
    add({"cx16", "popcnt", "sahf", "sse3", "ssse3", "sse4.1", "sse4.2"});
  if (level >= 3)
    add({"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"});
  if (level >= 4)
    add({"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"});
  return names;
}

std::string hostIsa() {
  for (const char *isa : {"x86-64-v4", "x86-64-v3", "x86-64-v2"}) {
    const std::vector<std::string> needed = featuresOfIsa(isa);
    if (std::all_of(needed.begin(), needed.end(),
                    [](const std::string &name) { return hostHasFeature(name); }))
      return isa;
  }
  return "x86-64";
}
#else
bool hostHasFeature(std::string_view) { return false; }
std::vector<std::string> hostFeatures() { return {}; }
std::vector<std::string> featuresOfIsa(std::string_view) { return {}; }
std::string hostIsa() {
#if defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}
#endif

} // namespace weft::runtime
