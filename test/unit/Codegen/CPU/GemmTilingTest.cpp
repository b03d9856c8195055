// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every tiling that the tuner may try computes the same bits as the generator's own, for all kinds of
// products; and tilings from outside are taken only where they are possible.
#include "KernelTesting.h"

#include "weft/Codegen/CPU/GenerateGemm.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>

using namespace weft;
using namespace weft::testing;
using cpu::GemmB;

namespace {

enum class Elements { F32, BF16, I8 };

/// Prescribes a tiling, and keeps what it was asked.
struct Fixed : cpu::TilingSource {
  explicit Fixed(std::optional<std::string> tiling) : tiling(std::move(tiling)) {}
  std::optional<std::string> find(const std::string &kernel, const std::string &, Neighbours) const override {
    asked = kernel;
    return tiling;
  }
  std::optional<std::string> tiling;
  mutable std::string asked;
};

cpu::GemmSpec specOf(int64_t m, int64_t n, int64_t k, GemmB b = GemmB::Packed,
                     Elements elements = Elements::F32) {
  mlir::OpBuilder builder(&context());
  cpu::GemmSpec spec;
  spec.m = m, spec.n = n, spec.k = k, spec.b = b;
  spec.aType = elements == Elements::F32    ? mlir::Type(builder.getF32Type())
               : elements == Elements::BF16 ? mlir::Type(builder.getBF16Type())
                                            : builder.getI8Type();
  spec.bType = spec.aType;
  spec.cType = elements == Elements::I8 ? mlir::Type(builder.getI32Type()) : builder.getF32Type();
  return spec;
}

/// `count` elements of a type: floats in [-1, 1), any bytes.
std::vector<std::byte> elementsOf(mlir::Type type, int64_t count, unsigned seed) {
  const size_t size = type.getIntOrFloatBitWidth() / 8;
  std::vector<std::byte> bytes(size_t(count) * size);
  std::mt19937 random(seed);
  for (int64_t i = 0; i < count; ++i) {
    const float value = std::uniform_real_distribution<float>(-1, 1)(random);
    const auto byte = uint8_t(random());
    const char *from = type.isInteger(8) ? reinterpret_cast<const char *>(&byte)
                                         : reinterpret_cast<const char *>(&value) + (4 - size);
    std::memcpy(bytes.data() + size_t(i) * size, from, size);
  }
  return bytes;
}

/// C as bytes.
std::vector<std::byte> multiply(cpu::GemmSpec spec, const cpu::TargetInfo &target,
                                const cpu::GemmTiling &tiling) {
  if (spec.b == GemmB::Packed)
    spec.panelWidth = tiling.panelWidth;
  mlir::OpBuilder builder(&context());
  auto generated = cpu::generateGemm(builder.getUnknownLoc(), spec, target, tiling);
  std::string error;
  if (mlir::failed(generated))
    return {};
  Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
  if (!kernel.entry) {
    ADD_FAILURE() << error;
    return {};
  }
  std::vector<std::byte> a = elementsOf(spec.aType, spec.m * spec.k, 1),
                         b = elementsOf(spec.bType, spec.k * spec.n, 2);
  if (spec.b == GemmB::Packed)
    b = packed(b, spec.bType.getIntOrFloatBitWidth() / 8, cpu::packedB(spec, target));
  Buffer aBuffer = Buffer::of(a), bBuffer = Buffer::of(b), c(size_t(spec.m * spec.n) * 4);
  kernel({aBuffer.raw(), bBuffer.raw(), c.raw()}, {}, 0, *generated->chunks.fixed());
  return {c.as<std::byte>(), c.as<std::byte>() + spec.m * spec.n * 4};
}

/// Holds each `step`-th tiling near the own one against it.
void checkBits(const cpu::GemmSpec &spec, size_t step) {
  for (const cpu::TargetInfo &target : testTargets()) {
    const cpu::GemmTiling own = cpu::chooseGemmTiling(spec, target);
    const std::vector<std::byte> wanted = multiply(spec, target, own);
    ASSERT_FALSE(wanted.empty());
    for (int round : {0, 1}) {
      const std::vector<cpu::GemmTiling> near = cpu::gemmTilingsNear(own, spec, target, round);
      ASSERT_FALSE(near.empty());
      EXPECT_EQ(cpu::tilingText(near.front()), cpu::tilingText(own));
      for (size_t i = 1; i < near.size(); i += step)
        EXPECT_EQ(multiply(spec, target, near[i]), wanted)
            << spec.m << "x" << spec.n << "x" << spec.k << " " << cpu::tilingText(near[i]) << " on "
            << target.cpu;
    }
  }
}

TEST(GemmTiling, SameBitsPacked) { checkBits(specOf(45, 127, 1700), 3); }
TEST(GemmTiling, SameBitsFewRows) { checkBits(specOf(3, 130, 511), 3); }
TEST(GemmTiling, SameBitsRowMajor) { checkBits(specOf(45, 127, 1700, GemmB::RowMajor), 5); }
TEST(GemmTiling, SameBitsFewRowsRowMajor) { checkBits(specOf(2, 300, 65, GemmB::RowMajor), 3); }
TEST(GemmTiling, SameBitsTransposed) { checkBits(specOf(45, 127, 700, GemmB::Transposed), 5); }
TEST(GemmTiling, SameBitsFewRowsTransposed) { checkBits(specOf(2, 127, 70, GemmB::Transposed), 3); }
TEST(GemmTiling, SameBitsBF16) { checkBits(specOf(45, 96, 1700, GemmB::Packed, Elements::BF16), 5); }
TEST(GemmTiling, SameBitsBytes) { checkBits(specOf(45, 96, 700, GemmB::Packed, Elements::I8), 5); }

TEST(GemmTiling, TextAndBack) {
  const cpu::TargetInfo target = testTargets().front();
  const cpu::GemmTiling own = cpu::chooseGemmTiling(specOf(128, 768, 768), target);
  const std::string text = cpu::tilingText(own);
  ASSERT_TRUE(cpu::parseTiling<cpu::GemmTiling>(text));
  EXPECT_EQ(cpu::tilingText(*cpu::parseTiling<cpu::GemmTiling>(text)), text);
  for (std::string wrong : {std::string(), text + " ", text + " x=1", " " + text, text.substr(1),
                            text.substr(0, text.rfind(' ')), std::string("rows=99999999999999999999")})
    EXPECT_FALSE(cpu::parseTiling<cpu::GemmTiling>(wrong)) << wrong;
}

TEST(GemmTiling, TakesWhatIsPossible) {
  const cpu::TargetInfo target = testTargets().front(); // AVX2: 16 registers of 8
  const cpu::GemmSpec spec = specOf(128, 768, 768);
  const cpu::GemmTiling own = cpu::chooseGemmTiling(spec, target);
  auto chosen = [&](cpu::GemmTiling t) {
    return cpu::tilingText(
        cpu::chooseGemmTiling(spec, target, std::make_unique<Fixed>(cpu::tilingText(t)).get()));
  };
  cpu::GemmTiling other = own;
  other.rows = 4, other.blockPanels = 1, other.kBlock = 300;
  EXPECT_EQ(chosen(other), cpu::tilingText(other));
  for (auto change :
       {+[](cpu::GemmTiling &t) { t.rows = 14; }, +[](cpu::GemmTiling &t) { t.panelWidth = 20; },
        +[](cpu::GemmTiling &t) { t.panelWidth = 64; }, +[](cpu::GemmTiling &t) { t.panelsAtOnce = 2; },
        +[](cpu::GemmTiling &t) { t.blockTiles = 1000; },
        +[](cpu::GemmTiling &t) { t.blockPanels = 1000; }}) {
    cpu::GemmTiling impossible = own;
    change(impossible);
    EXPECT_EQ(chosen(impossible), cpu::tilingText(own)) << cpu::tilingText(impossible);
  }
  const Fixed nothing(std::nullopt), nonsense("rows=all");
  EXPECT_EQ(cpu::tilingText(cpu::chooseGemmTiling(spec, target, nullptr)), cpu::tilingText(own));
  EXPECT_EQ(cpu::tilingText(cpu::chooseGemmTiling(spec, target, &nothing)), cpu::tilingText(own));
  EXPECT_EQ(cpu::tilingText(cpu::chooseGemmTiling(spec, target, &nonsense)), cpu::tilingText(own));
  EXPECT_EQ(nothing.asked, "gemm 128x768x768 rows f32 packed f32 to f32");
}

// Nothing is known of extents that come with the buffers.
TEST(GemmTiling, DynamicExtentsAreNotAskedFor) {
  cpu::GemmSpec spec = specOf(mlir::ShapedType::kDynamic, 768, 768);
  const Fixed source("rows=1");
  cpu::chooseGemmTiling(spec, testTargets().front(), &source);
  EXPECT_EQ(source.asked, "");
}

// Threads get as many chunks as before, or enough for each of many.
TEST(GemmTiling, KeepsChunks) {
  for (const cpu::TargetInfo &target : testTargets())
    for (auto [m, n, k] :
         {std::array<int64_t, 3>{128, 3072, 768}, {512, 512, 512}, {1, 4096, 1024}, {31, 65, 129}}) {
      const cpu::GemmSpec spec = specOf(m, n, k);
      auto chunks = [&](const cpu::GemmTiling &t) {
        auto blocks = [](int64_t extent, int64_t a, int64_t b) { return ((extent + a - 1) / a + b - 1) / b; };
        return blocks(spec.m, t.rows, t.blockTiles) * blocks(spec.n, t.panelWidth, t.blockPanels);
      };
      const cpu::GemmTiling own = cpu::chooseGemmTiling(spec, target);
      for (int round : {0, 1})
        for (const cpu::GemmTiling &t : cpu::gemmTilingsNear(own, spec, target, round))
          EXPECT_GE(chunks(t), std::min<int64_t>(chunks(own), 64)) << cpu::tilingText(t);
    }
}

} // namespace
