// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated products of bf16 and of 8-bit integers with a packed operand: odd sizes, every pair of signs with
// extreme values, each way of multiplying that this machine can run.
#include "KernelTesting.h"

#include "weft/Codegen/CPU/GenerateGemm.h"

#include "llvm/TargetParser/Host.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace weft;
using namespace weft::testing;
using cpu::GemmB;

namespace {

constexpr int64_t kDyn = mlir::ShapedType::kDynamic;

/// CPUs between them have all the ways; those whose instructions this machine lacks are left out.
std::vector<cpu::TargetInfo> targets() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  std::vector<cpu::TargetInfo> targets = testTargets();
  auto add = [&](const char *name, std::initializer_list<const char *> needed) {
    if (std::all_of(needed.begin(), needed.end(), [&](const char *feature) { return host.lookup(feature); }))
      targets.push_back(llvm::cantFail(cpu::TargetInfo::get(name)));
  };
  add("alderlake", {"avxvnni"});
  add("x86-64-v4", {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd"});
  add("cooperlake", {"avx512bf16", "avx512vnni"});
  return targets;
}

struct Shape {
  int64_t m, n, k;
  bool dynM = false, transposedA = false;
};
const std::vector<Shape> shapes = {{1, 127, 31},
                                   {3, 7, 17},
                                   {7, 3, 127},
                                   {17, 31, 1},
                                   {31, 17, 7},
                                   {127, 33, 128},
                                   {29, 70, 6500},
                                   {33, 40, 65, true},
                                   {5, 40, 65, true},
                                   {0, 8, 8, true},
                                   {19, 40, 66, false, true}};

/// Runs the product of `a` [m, k] and `b` [k, n], bytes of elements, in one call of all chunks and chunk by
/// chunk; the results must be the same bits.
std::vector<uint32_t> run(const Shape &s, cpu::GemmSpec spec, const cpu::TargetInfo &target,
                          std::span<const std::byte> a, std::span<const std::byte> b, size_t elementBytes) {
  mlir::OpBuilder builder(&context());
  spec.m = s.dynM ? kDyn : s.m;
  spec.n = s.n, spec.k = s.k;
  spec.transposedA = s.transposedA;
  auto generated = cpu::generateGemm(builder.getUnknownLoc(), spec, target);
  EXPECT_TRUE(mlir::succeeded(generated));
  if (failed(generated))
    return {};
  std::string error;
  Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
  EXPECT_TRUE(kernel.entry) << error;
  if (!kernel.entry)
    return {};
  auto ab = Buffer::of(std::vector<std::byte>(a.begin(), a.end()));
  auto bb = Buffer::of(packed(b, elementBytes, cpu::packedB(spec, target)));
  std::vector<int64_t> dims;
  if (s.dynM)
    dims = {s.m, s.m};
  int64_t chunks = generated->chunks.evaluate([&](unsigned, unsigned) { return s.m; });
  std::vector<uint32_t> results[3];
  for (Calls calls : {Calls::One, Calls::Backwards, Calls::Following}) {
    Buffer c(s.m * s.n * 4 + 64);
    std::vector<void *> buffers = {ab.raw(), bb.raw(), c.raw()};
    kernel.run(calls, buffers, dims, chunks);
    results[int(calls)].assign(c.as<uint32_t>(), c.as<uint32_t>() + s.m * s.n);
    EXPECT_EQ(reinterpret_cast<uint8_t *>(c.as<uint32_t>() + s.m * s.n)[0], 0xA5);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
  return results[0];
}

std::string nameOf(const Shape &s, const cpu::TargetInfo &target) {
  return std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k) +
         (s.dynM ? " dynM" : "") + (s.transposedA ? " transA" : "") + " on " + target.cpu;
}

/// Bytes of which most are among `extremes`: what saturates in 16 bits, or takes one sign for the other,
/// shows.
std::vector<uint8_t> extremeBytes(std::mt19937 &random, size_t count) {
  const uint8_t extremes[] = {0x80, 0x7f, 0xff, 0, 1, 0x81};
  std::vector<uint8_t> v(count);
  for (uint8_t &x : v)
    x = random() % 4 ? extremes[random() % 6] : uint8_t(random());
  return v;
}

/// Multiplies by `b` [k, n] and compares with the exact sums.
void expectExact(const Shape &s, const cpu::TargetInfo &target, bool aUnsigned, bool bUnsigned,
                 const std::vector<uint8_t> &b, bool pairsFit) {
  SCOPED_TRACE(nameOf(s, target) + (aUnsigned ? " u8" : " s8") + (bUnsigned ? " u8" : " s8"));
  mlir::OpBuilder builder(&context());
  cpu::GemmSpec spec;
  spec.aType = spec.bType = builder.getI8Type();
  spec.cType = builder.getI32Type();
  spec.aUnsigned = aUnsigned, spec.bUnsigned = bUnsigned;
  spec.pairsFit = pairsFit;
  std::mt19937 random(11);
  std::vector<uint8_t> a = extremeBytes(random, s.m * s.k);
  std::fill(a.begin(), a.begin() + std::min<size_t>(a.size(), s.k), aUnsigned ? 0xff : 0x80);
  auto got = run(s, spec, target, std::as_bytes(std::span(a)), std::as_bytes(std::span(b)), 1);
  ASSERT_EQ(got.size(), size_t(s.m * s.n));
  auto value = [](uint8_t x, bool isUnsigned) { return isUnsigned ? int32_t(x) : int32_t(int8_t(x)); };
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j) {
      int32_t sum = 0;
      for (int64_t p = 0; p < s.k; ++p)
        sum +=
            value(a[s.transposedA ? p * s.m + i : i * s.k + p], aUnsigned) * value(b[p * s.n + j], bUnsigned);
      ASSERT_EQ(int32_t(got[i * s.n + j]), sum) << i << "," << j;
    }
}

TEST(NarrowGemm, IntegersOfAllSignsAreExact) {
  for (const auto &target : targets())
    for (const Shape &s : shapes)
      for (bool aUnsigned : {false, true})
        for (bool bUnsigned : {false, true}) {
          std::mt19937 random(7);
          expectExact(s, target, aUnsigned, bUnsigned, extremeBytes(random, s.k * s.n), false);
        }
}

TEST(NarrowGemm, PairsAtTheBoundAreExact) {
  // Two neighbours of K: what 255 times them fits 16 bits just so, of either sign or of none.
  const int8_t pairs[][2] = {{127, 1}, {64, 64}, {1, 127}, {-128, 0}, {-64, -64}, {-128, 127}, {-1, -127}};
  for (const auto &target : targets())
    for (const Shape &s : shapes)
      for (bool aUnsigned : {false, true})
        for (bool bUnsigned : {false, true}) {
          std::mt19937 random(7);
          std::vector<uint8_t> b(s.k * s.n);
          for (int64_t row = 0; row < s.k; row += 2)
            for (int64_t column = 0; column < s.n; ++column) {
              const int8_t *pair = pairs[random() % (bUnsigned ? 3 : 7)];
              b[row * s.n + column] = uint8_t(pair[0]);
              if (row + 1 < s.k)
                b[(row + 1) * s.n + column] = uint8_t(pair[1]);
            }
          ASSERT_TRUE(cpu::pairsFitWords(std::as_bytes(std::span(b)), bUnsigned, s.k, s.n, s.n, 1));
          expectExact(s, target, aUnsigned, bUnsigned, b, true);
        }
}

TEST(NarrowGemm, PairsPastTheBoundAreSeen) {
  // One column; K may be the distance of neighbours or of columns.
  auto fits = [](std::vector<int> column, bool isUnsigned) {
    std::vector<uint8_t> bytes(column.begin(), column.end()), two;
    for (uint8_t byte : bytes)
      two.insert(two.end(), {0, byte});
    int64_t k = bytes.size();
    bool result = cpu::pairsFitWords(std::as_bytes(std::span(bytes)), isUnsigned, k, 1, 1, k);
    EXPECT_EQ(cpu::pairsFitWords(std::as_bytes(std::span(two)), isUnsigned, k, 2, 2, 1), result);
    return result;
  };
  EXPECT_TRUE(fits({127, 1}, false));
  EXPECT_FALSE(fits({127, 2}, false));
  EXPECT_FALSE(fits({64, 65}, false));
  EXPECT_TRUE(fits({-128, 127}, false));
  EXPECT_TRUE(fits({-64, -64}, false));
  EXPECT_FALSE(fits({-65, -64}, false));
  EXPECT_FALSE(fits({-128, -1}, false));
  EXPECT_TRUE(fits({0, 127, 127, 0}, false)); // of two pairs
  EXPECT_FALSE(fits({0, 0, 127, 127}, false));
  EXPECT_TRUE(fits({1, 1, 127}, false)); // the last alone
  EXPECT_TRUE(fits({127, 1}, true));
  EXPECT_FALSE(fits({128, 0}, true)); // is no i8
  EXPECT_FALSE(fits({255, 255}, true));
}

uint16_t toBF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float fromBF16(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }

TEST(NarrowGemm, BF16SumsInF32) {
  mlir::OpBuilder builder(&context());
  for (const auto &target : targets())
    for (const Shape &s : shapes)
      for (bool strict : {false, true}) {
        SCOPED_TRACE(nameOf(s, target) + (strict ? " strict" : ""));
        cpu::GemmSpec spec;
        spec.aType = spec.bType = builder.getBF16Type();
        spec.cType = builder.getF32Type();
        spec.strict = strict;
        std::mt19937 random(9);
        std::uniform_real_distribution<float> range(-1, 1);
        auto values = [&](size_t count) {
          std::vector<uint16_t> v(count);
          for (uint16_t &x : v)
            x = toBF16(range(random));
          return v;
        };
        std::vector<uint16_t> a = values(s.m * s.k), b = values(s.k * s.n);
        auto got = run(s, spec, target, std::as_bytes(std::span(a)), std::as_bytes(std::span(b)), 2);
        ASSERT_EQ(got.size(), size_t(s.m * s.n));
        for (int64_t i = 0; i < s.m; ++i)
          for (int64_t j = 0; j < s.n; ++j) {
            double sum = 0;
            for (int64_t p = 0; p < s.k; ++p)
              sum +=
                  double(fromBF16(a[s.transposedA ? p * s.m + i : i * s.k + p])) * fromBF16(b[p * s.n + j]);
            ASSERT_NEAR(std::bit_cast<float>(got[i * s.n + j]), sum, 4e-6 * std::sqrt(double(s.k) + 1))
                << i << "," << j;
          }
      }
}

TEST(NarrowGemm, StrictKeepsDenormals) {
  // The least normal number times 1/2 is a denormal; so is the sum.
  mlir::OpBuilder builder(&context());
  for (const auto &target : targets()) {
    SCOPED_TRACE(target.cpu);
    cpu::GemmSpec spec;
    spec.aType = spec.bType = builder.getBF16Type();
    spec.cType = builder.getF32Type();
    spec.strict = true;
    std::vector<uint16_t> a(2, toBF16(std::ldexp(1.0f, -126))), b(2 * 33, toBF16(0.25f));
    auto got = run({1, 33, 2}, spec, target, std::as_bytes(std::span(a)), std::as_bytes(std::span(b)), 2);
    ASSERT_EQ(got.size(), 33u);
    for (uint32_t bits : got)
      ASSERT_EQ(std::bit_cast<float>(bits), std::ldexp(1.0f, -127));
  }
}

} // namespace
