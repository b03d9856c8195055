// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated convolutions against a reference in double: strides, padding, dilation, groups, depthwise, one to
// three dimensions, odd sizes, dynamic batch, one chunk and many; pools as well. Every tiling that the tuner
// may try computes the same bits as the generator's own, and tilings from outside are taken only where they
// are possible.
#include "KernelTesting.h"

#include "weft/Codegen/CPU/GenerateConv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

using namespace weft;
using namespace weft::testing;
using cpu::ConvDim;

namespace {

struct Shape {
  int64_t n;
  std::vector<ConvDim> space;
  int64_t ci, co, groups = 1;
  bool epilogue = false, dynamicBatch = false;
  int64_t winograd =
      0; ///< the side of output tiles that minimal filtering is expected to choose; 0: not allowed
  bool channelsFirst = false;
  std::optional<cpu::PoolKind> pool = std::nullopt; ///< without weights; some elements are not finite
};

/// What a pool makes of a window so far and one more element.
double combined(cpu::PoolKind kind, double a, double x) {
  if (kind == cpu::PoolKind::Add || std::isnan(a) || std::isnan(x))
    return a + x;
  return kind == cpu::PoolKind::Max ? std::max(a, x) : std::min(a, x);
}
double initial(cpu::PoolKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return kind == cpu::PoolKind::Add ? 0 : kind == cpu::PoolKind::Max ? -infinity : infinity;
}

std::vector<float> randoms(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> range(-1, 1);
  std::vector<float> v(n);
  for (float &x : v)
    x = range(random);
  return v;
}

/// acc + residual at the same position, as a fused epilogue.
cpu::Epilogue residual(mlir::MemRefType type) {
  cpu::Epilogue epilogue;
  epilogue.operands = {type};
  epilogue.emit = [](mlir::OpBuilder &b, mlir::Location loc, mlir::Value acc, const cpu::EpiloguePosition &at,
                     mlir::ValueRange operands) {
    mlir::Value other =
        at.width == 1 ? mlir::Value(mlir::memref::LoadOp::create(b, loc, operands[0], at.indices))
                      : mlir::Value(mlir::vector::LoadOp::create(
                            b, loc, mlir::cast<mlir::VectorType>(acc.getType()), operands[0], at.indices));
    return mlir::Value(mlir::arith::AddFOp::create(b, loc, acc, other));
  };
  return epilogue;
}

cpu::ConvSpec specOf(const Shape &shape) {
  mlir::OpBuilder builder(&context());
  cpu::ConvSpec spec;
  spec.batch = shape.dynamicBatch ? mlir::ShapedType::kDynamic : shape.n;
  spec.space.append(shape.space.begin(), shape.space.end());
  spec.ci = shape.ci, spec.co = shape.co, spec.groups = shape.groups;
  spec.xType = spec.wType = spec.yType = builder.getF32Type();
  spec.allowWinograd = shape.winograd != 0;
  spec.channelsFirst = shape.channelsFirst;
  if (shape.epilogue) {
    llvm::SmallVector<int64_t> y = {spec.batch};
    for (const ConvDim &d : shape.space)
      y.push_back(d.out());
    y.insert(shape.channelsFirst ? y.begin() + 1 : y.end(), shape.co);
    spec.epilogue = residual(mlir::MemRefType::get(y, spec.yType));
  }
  return spec;
}

/// Holds results against the reference, and returns them.
std::vector<float> check(const Shape &shape, const cpu::TargetInfo &target,
                         std::optional<cpu::ConvTiling> tiling = std::nullopt) {
  mlir::OpBuilder builder(&context());
  cpu::ConvSpec spec = specOf(shape);
  ConvDim dims[3] = {};
  for (size_t d = 0; d < shape.space.size(); ++d)
    dims[3 - shape.space.size() + d] = shape.space[d];
  int64_t out[3], in = 1, outs = 1, taps = 1;
  for (int d = 0; d < 3; ++d) {
    out[d] = dims[d].out();
    in *= dims[d].in, outs *= out[d], taps *= dims[d].kernel;
  }
  std::string what = "n" + std::to_string(shape.n) + " in " + std::to_string(dims[0].in) + "x" +
                     std::to_string(dims[1].in) + "x" + std::to_string(dims[2].in) + " kernel " +
                     std::to_string(dims[0].kernel) + "x" + std::to_string(dims[1].kernel) + "x" +
                     std::to_string(dims[2].kernel) + " stride " + std::to_string(dims[2].stride) + " " +
                     std::to_string(shape.ci) + "->" + std::to_string(shape.co) + " groups " +
                     std::to_string(shape.groups) + (shape.pool ? " pool" : "") + " on " + target.cpu;
  if (tiling) {
    what += ", " + cpu::tilingText(*tiling);
    spec.panelWidth = tiling->panelWidth;
  }
  mlir::Location loc = builder.getUnknownLoc();
  mlir::FailureOr<cpu::GeneratedKernel> generated = mlir::failure();
  if (!shape.pool)
    generated = cpu::generateConv(loc, spec, target, tiling);
  else if (cpu::hasPool(spec))
    generated = cpu::generatePool(loc, spec, *shape.pool, target);
  std::string error;
  Kernel kernel;
  if (mlir::succeeded(generated))
    kernel = compile(*generated->module, target, generated->pipeline, error);
  if (!kernel.entry) {
    ADD_FAILURE() << what << ": " << error;
    return {};
  }

  // Where the element of image n, position p of so many, channel ch of so many lies.
  auto element = [&](int64_t n, int64_t p, int64_t positions, int64_t ch, int64_t channels) {
    return shape.channelsFirst ? (n * channels + ch) * positions + p : (n * positions + p) * channels + ch;
  };
  int64_t inner = shape.ci / shape.groups, perGroup = shape.co / shape.groups;
  auto x = randoms(shape.n * in * shape.ci, 1), w = randoms(shape.co * inner * taps, 2),
       r = randoms(shape.n * outs * shape.co, 3);
  if (shape.pool) {
    constexpr float strange[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < x.size(); i += 41)
      x[i] = strange[i % 3];
  }
  // Weights as ONNX has them: [Co][Ci / groups][taps].
  auto form = cpu::packedConvShape(spec, target);
  std::vector<float> packed(std::accumulate(form.begin(), form.end(), int64_t(1), std::multiplies()));
  cpu::packConvWeights(spec, target, std::as_bytes(std::span(w)), 4, inner * taps, taps, 1,
                       std::as_writable_bytes(std::span(packed)));
  if (int64_t side = shape.winograd + 2; shape.winograd)
    EXPECT_EQ(form[0] % (side * side), 0) << what;
  auto xb = Buffer::of(x), wb = Buffer::of(packed), rb = Buffer::of(r);
  std::vector<int64_t> dynamic(kernel.info.numDims, shape.n);
  int64_t chunks = generated->chunks.evaluate([&](unsigned, unsigned) { return shape.n; });
  std::vector<float> result;
  for (Calls calls : {Calls::One, Calls::Backwards, Calls::Following}) {
    Buffer y(r.size() * 4 + 64);
    std::vector<void *> buffers = {xb.raw()};
    if (!shape.pool)
      buffers.push_back(wb.raw());
    if (shape.epilogue)
      buffers.push_back(rb.raw());
    buffers.push_back(y.raw());
    kernel.run(calls, buffers, dynamic, chunks);
    int64_t wrong = 0;
    for (int64_t n = 0; n < shape.n; ++n)
      for (int64_t o = 0; o < outs; ++o)
        for (int64_t co = 0; co < shape.co && !wrong; ++co) {
          int64_t at[3] = {o / (out[1] * out[2]), o / out[2] % out[1], o % out[2]}, g = co / perGroup;
          double sum = shape.pool ? initial(*shape.pool) : 0;
          for (int64_t t = 0; t < taps; ++t) {
            int64_t k[3] = {t / (dims[1].kernel * dims[2].kernel), t / dims[2].kernel % dims[1].kernel,
                            t % dims[2].kernel},
                    i[3];
            bool inside = true;
            for (int d = 0; d < 3; ++d) {
              i[d] = at[d] * dims[d].stride + k[d] * dims[d].dilation - dims[d].padLow;
              inside &= i[d] >= 0 && i[d] < dims[d].in;
            }
            if (!inside)
              continue;
            int64_t position = (i[0] * dims[1].in + i[1]) * dims[2].in + i[2];
            if (shape.pool)
              sum = combined(*shape.pool, sum, x[element(n, position, in, co, shape.ci)]);
            else
              for (int64_t c = 0; c < inner; ++c)
                sum += double(x[element(n, position, in, g * inner + c, shape.ci)]) *
                       w[(co * inner + c) * taps + t];
          }
          if (shape.epilogue)
            sum += r[element(n, o, outs, co, shape.co)];
          float got = y.as<float>()[element(n, o, outs, co, shape.co)];
          if (std::isfinite(sum) ? !(std::abs(got - sum) <= (shape.winograd == 4 ? 2e-5 : 4e-6) *
                                                                std::sqrt(double(taps * inner) + 1))
              : std::isnan(sum)  ? !std::isnan(got)
                                 : got != sum) {
            ADD_FAILURE() << what << " " << describe(calls) << ": y[" << n << ", " << at[0] << "," << at[1]
                          << "," << at[2] << ", " << co << "] = " << got << ", want " << sum;
            ++wrong;
          }
        }
    EXPECT_EQ(reinterpret_cast<uint8_t *>(y.as<float>() + r.size())[0], 0xA5) << what;
    result.assign(y.as<float>(), y.as<float>() + r.size());
  }
  return result;
}

void checkAll(const std::vector<Shape> &shapes) {
  for (const auto &target : testTargets())
    for (const Shape &shape : shapes)
      check(shape, target);
}

ConvDim same(int64_t in, int64_t kernel, int64_t stride = 1, int64_t dilation = 1) {
  int64_t pad = dilation * (kernel - 1) / 2;
  return {in, kernel, stride, dilation, pad, pad};
}

TEST(Conv, ThreeByThree) {
  checkAll({{1, {same(14, 3), same(14, 3)}, 17, 33},
            {2, {same(7, 3), same(7, 3)}, 31, 70, 1, true},
            {1, {same(28, 3, 2), same(28, 3, 2)}, 8, 32},
            {1, {same(9, 3), same(31, 3)}, 3, 127, 1, true},
            {1, {{5, 3, 1, 1, 0, 0}, {17, 3, 1, 1, 0, 0}}, 7, 16}});
}
TEST(Conv, Pointwise) {
  checkAll({{1, {{7, 1}, {7, 1}}, 64, 48},
            {2, {{5, 1}, {3, 1}}, 17, 100, 1, true},
            {1, {{14, 1, 2}, {14, 1, 2}}, 20, 33},
            {1, {{1, 1}, {1, 1}}, 127, 31}});
}
TEST(Conv, StemAndLargeKernels) {
  checkAll(
      {{1, {{30, 7, 2, 1, 3, 2}, {31, 7, 2, 1, 3, 3}}, 3, 64}, {1, {same(12, 11, 4), same(13, 5)}, 3, 17}});
}
TEST(Conv, DilationAndUnevenPadding) {
  checkAll({{1, {same(15, 3, 1, 2), same(15, 3, 1, 2)}, 9, 17},
            {1, {{10, 2, 3, 2, 0, 4}, {11, 4, 2, 3, 5, 0}}, 5, 20, 1, true},
            {1, {{1, 3, 1, 1, 1, 1}, {2, 3, 1, 1, 4, 4}}, 3, 5}});
}
TEST(Conv, Groups) {
  checkAll({{1, {same(9, 3), same(9, 3)}, 12, 24, 3},
            {2, {{6, 1}, {6, 1}}, 64, 96, 2, true},
            {1, {same(5, 3), same(6, 3)}, 4, 8, 4}});
}
TEST(Conv, OneAndThreeDimensions) {
  checkAll({{2, {same(50, 5, 2)}, 17, 33},
            {1, {{40, 3, 1, 2, 4, 0}}, 8, 16, 1, true},
            {1, {same(5, 3), same(6, 3, 2), same(7, 3)}, 6, 17, 1, true},
            {1, {{4, 2, 2, 1, 0, 0}, {6, 1}, {7, 3, 1, 2, 0, 0}}, 3, 16}});
}
TEST(Conv, Depthwise) {
  checkAll({{1, {same(14, 3), same(17, 3)}, 40, 40, 40, true},
            {2, {same(15, 3, 2), same(31, 3, 2)}, 17, 17, 17},
            {1, {same(7, 7), same(7, 7)}, 70, 70, 70},
            {1, {same(9, 3, 1, 2), same(9, 3, 1, 2)}, 3, 3, 3, true},
            {1, {{8, 3}, {10, 5}}, 64, 64, 64},
            {1, {{3, 5, 1, 1, 2, 2}, {3, 9, 1, 1, 4, 4}}, 100, 100, 100},
            {1, {same(33, 3)}, 31, 31, 31},
            {1, {same(4, 3), same(5, 3), same(6, 3)}, 20, 20, 20}});
}
TEST(Conv, DepthwisePlanes) {
  auto planes = [](int64_t n, std::vector<ConvDim> space, int64_t channels, bool epilogue = false,
                   bool dynamicBatch = false) {
    return Shape{n, std::move(space), channels, channels, channels, epilogue, dynamicBatch, 0, true};
  };
  checkAll({planes(1, {same(56, 3), same(56, 3)}, 5, true), planes(2, {same(15, 3, 2), same(31, 3)}, 3),
            planes(1, {same(7, 3), same(7, 3)}, 17, true), planes(1, {same(17, 5), same(127, 5)}, 3, true),
            planes(1, {same(9, 3, 1, 2), same(33, 3, 1, 2)}, 3, true),
            planes(1, {{11, 2, 3, 2, 0, 4}, {20, 4, 1, 3, 5, 0}}, 3, true),
            planes(1, {{3, 5, 1, 1, 2, 2}, {3, 9, 1, 1, 4, 4}}, 31), planes(1, {same(19, 9), same(40, 9)}, 3),
            planes(1, {same(1, 1), same(1023, 1)}, 2), planes(3, {same(33, 3)}, 31, true),
            planes(1, {{1, 3, 1, 1, 1, 1}, {1, 3, 1, 1, 20, 20}}, 3), planes(1, {{64, 31}}, 2, true)});
  for (int64_t n : {0, 1, 3})
    checkAll({planes(n, {same(6, 3), same(18, 3)}, 7, true, true)});
}
TEST(Conv, Pools) {
  for (cpu::PoolKind kind : {cpu::PoolKind::Add, cpu::PoolKind::Max, cpu::PoolKind::Min}) {
    auto pool = [&](int64_t n, std::vector<ConvDim> space, int64_t channels, bool epilogue = false,
                    bool dynamicBatch = false) {
      return Shape{n, std::move(space), channels, channels, channels, epilogue, dynamicBatch, 0, false, kind};
    };
    checkAll({pool(1, {same(14, 3, 2), same(17, 3, 2)}, 64, true), pool(2, {same(7, 3), same(31, 3)}, 17),
              pool(1, {same(9, 3, 1, 2), same(33, 3, 1, 2)}, 3, true),
              pool(1, {{11, 2, 3, 2, 0, 4}, {20, 4, 1, 3, 5, 0}}, 127), pool(1, {{8, 8}, {8, 8}}, 100, true),
              pool(1, {{3, 2, 2}, {1023, 2, 2}}, 31), pool(1, {{1, 3, 1, 1, 1, 1}, {2, 3, 1, 1, 4, 4}}, 1),
              pool(2, {{6, 2, 5}, {6, 2, 5}}, 1023), pool(2, {same(50, 5, 2)}, 40),
              pool(1, {same(5, 3, 2), same(6, 3), same(7, 3)}, 20, true)});
    for (int64_t n : {0, 1, 3})
      checkAll({pool(n, {same(6, 3), same(18, 3)}, 7, true, true)});
  }
}
TEST(Conv, DynamicBatch) {
  for (int64_t n : {0, 1, 5})
    checkAll({{n, {same(7, 3), same(7, 3)}, 8, 40, 1, true, true},
              {n, {{4, 1}, {4, 1}}, 8, 40, 1, false, true},
              {n, {same(6, 3), same(6, 3)}, 24, 24, 24, true, true}});
}

TEST(Conv, MinimalFiltering) {
  auto valid = [](int64_t in) { return ConvDim{in, 3, 1, 1, 0, 0}; };
  checkAll({{1, {same(28, 3), same(28, 3)}, 32, 32, 1, false, false, 4},
            {2, {same(29, 3), same(31, 3)}, 48, 80, 1, true, false, 4},
            {1, {valid(31), valid(27)}, 64, 32, 1, true, false, 4},
            {1, {{40, 3, 1, 1, 3, 0}, {23, 3, 1, 1, 0, 5}}, 32, 48, 1, false, false, 4},
            {1, {same(56, 3), same(58, 3)}, 32, 32, 1, true, false, 4},
            {1, {same(14, 3), same(14, 3)}, 128, 128, 1, true, false, 2},
            {3, {same(15, 3), same(13, 3)}, 96, 112, 1, false, false, 2}});
  for (int64_t n : {0, 1, 3})
    checkAll({{n, {same(28, 3), same(29, 3)}, 32, 64, 1, true, true, 4}});
}

/// Prescribes a tiling, and keeps what it was asked.
struct Fixed : cpu::TilingSource {
  explicit Fixed(std::string tiling) : tiling(std::move(tiling)) {}
  std::optional<std::string> find(const std::string &kernel, const std::string &,
                                  Neighbours neighbours) const override {
    asked = kernel;
    isPossible = !neighbours(tiling, 0).empty();
    return tiling;
  }
  std::string tiling;
  mutable std::string asked;
  mutable bool isPossible = false;
};

/// Holds each `step`-th tiling near the own one, and some that are as far from it as can be, against it.
void checkTilings(const Shape &shape, size_t step) {
  const cpu::ConvSpec spec = specOf(shape);
  for (const cpu::TargetInfo &target : testTargets()) {
    const cpu::ConvTiling own = cpu::chooseConvTiling(spec, target);
    const std::vector<float> wanted = check(shape, target);
    auto expectSame = [&](const cpu::ConvTiling &tiling) {
      EXPECT_TRUE(check(shape, target, tiling) == wanted) << cpu::tilingText(tiling) << " on " << target.cpu;
    };
    for (int round : {0, 1}) {
      const std::vector<cpu::ConvTiling> near = cpu::convTilingsNear(own, spec, target, round);
      ASSERT_GT(near.size(), 1u);
      EXPECT_EQ(cpu::tilingText(near.front()), cpu::tilingText(own));
      for (size_t i = 1; i < near.size(); i += step)
        expectSame(near[i]);
    }
    std::mt19937 random(9);
    auto upTo = [&](int64_t most) { return int64_t(random() % uint64_t(most)) + 1; };
    for (int tried = 0; tried < 6;) {
      cpu::ConvTiling t;
      t.pixels = upTo(32), t.panelWidth = target.lanes() * upTo(3), t.wrap = upTo(2), t.blockRows = upTo(20),
      t.blockPanels = upTo(8), t.unroll = upTo(8);
      const Fixed source(cpu::tilingText(t));
      const cpu::ConvTiling chosen = cpu::chooseConvTiling(spec, target, &source);
      EXPECT_EQ(cpu::tilingText(chosen), source.isPossible ? source.tiling : cpu::tilingText(own));
      if (source.isPossible) {
        expectSame(chosen);
        ++tried;
      }
    }
  }
}

TEST(ConvTiling, SameBitsPadded) { checkTilings({2, {same(13, 3), same(17, 3)}, 19, 70, 1, true}, 4); }
TEST(ConvTiling, SameBitsInPlace) { checkTilings({1, {{13, 3, 2, 1, 0, 0}, {23, 5, 1, 1, 0, 0}}, 7, 33}, 4); }
TEST(ConvTiling, SameBitsPointwise) { checkTilings({2, {{7, 1}, {9, 1}}, 33, 130, 1, true}, 3); }
TEST(ConvTiling, SameBitsGroups) {
  checkTilings({1, {same(9, 3, 1, 2), same(11, 3, 2)}, 12, 102, 3, true}, 4);
}
TEST(ConvTiling, SameBitsOneDimension) { checkTilings({3, {same(51, 5, 2)}, 17, 33}, 3); }
TEST(ConvTiling, SameBitsThreeDimensions) {
  checkTilings({1, {same(3, 3), same(6, 3, 2), same(7, 3)}, 6, 65}, 5);
}
TEST(ConvTiling, SameBitsMinimalFiltering) {
  checkTilings({1, {same(29, 3), same(31, 3)}, 48, 80, 1, true, false, 4}, 5);
  checkTilings({2, {same(15, 3), same(13, 3)}, 96, 112, 1, false, false, 2}, 5);
}

TEST(ConvTiling, TakesWhatIsPossible) {
  const cpu::TargetInfo target = testTargets().front(); // AVX2: 16 registers of 8
  const cpu::ConvSpec direct = specOf({1, {same(14, 3, 2), same(14, 3, 2)}, 64, 128}),
                      pointwise = specOf({1, {{14, 1}, {14, 1}}, 64, 128}),
                      filtered = specOf({1, {same(28, 3), same(28, 3)}, 64, 128, 1, true, false, 4});
  struct Case {
    const cpu::ConvSpec &spec;
    std::string tiling;
    bool isPossible;
  };
  for (const Case &c : {
           Case{direct, "pixels=6 panel=16 wrap=2 rows=7 panels=8 unroll=2", true},
           {direct, "pixels=4 panel=24 wrap=1 rows=1 panels=6 unroll=8", true},
           {direct, "pixels=14 panel=8 wrap=1 rows=1 panels=1 unroll=1", true},
           {direct, "pixels=7 panel=16 wrap=1 rows=1 panels=1 unroll=1", false},  // registers
           {direct, "pixels=6 panel=20 wrap=1 rows=1 panels=1 unroll=1", false},  // part of a vector
           {direct, "pixels=2 panel=32 wrap=1 rows=1 panels=1 unroll=1", false},  // four vectors
           {direct, "pixels=6 panel=16 wrap=3 rows=1 panels=1 unroll=1", false},  // no such way
           {direct, "pixels=6 panel=16 wrap=1 rows=8 panels=1 unroll=1", false},  // 7 rows of output
           {direct, "pixels=6 panel=16 wrap=1 rows=1 panels=9 unroll=1", false},  // 8 panels
           {direct, "pixels=6 panel=16 wrap=1 rows=1 panels=1 unroll=9", false},  // too long
           {direct, "pixels=6 panel=16 wrap=1 rows=0 panels=1 unroll=1", false},  // of nothing
           {direct, "pixels=6 panel=16 wrap=1 rows=-1 panels=1 unroll=1", false}, // of less
           {direct, "pixels=6 panel=16 wrap=1 rows=1 panels=1", false},           // a number is missing
           {direct, "rows=6 panel=16 kblock=1 tiles=1 panels=1 once=1 unroll=1", false}, // of a product
           {direct, "", false},
           {pointwise, "pixels=6 panel=16 wrap=1 rows=33 panels=8 unroll=2", true},
           {pointwise, "pixels=6 panel=16 wrap=1 rows=34 panels=8 unroll=2", false}, // 196 pixels
           {pointwise, "pixels=6 panel=16 wrap=2 rows=1 panels=8 unroll=2", false},  // one row
           {filtered, "pixels=5 panel=16 wrap=1 rows=7 panels=8 unroll=2", true},
           {filtered, "pixels=5 panel=16 wrap=1 rows=8 panels=8 unroll=2", false}, // 7 rows of squares
           {filtered, "pixels=5 panel=16 wrap=2 rows=1 panels=8 unroll=2", false}, // they lie in scratch
       }) {
    const Fixed source(c.tiling);
    const cpu::ConvTiling own = cpu::chooseConvTiling(c.spec, target);
    const std::string chosen = cpu::tilingText(cpu::chooseConvTiling(c.spec, target, &source));
    EXPECT_EQ(chosen, c.isPossible ? c.tiling : cpu::tilingText(own));
    EXPECT_EQ(source.isPossible, c.isPossible) << c.tiling;
  }
  EXPECT_EQ(cpu::tilingText(cpu::chooseConvTiling(direct, target, nullptr)),
            cpu::tilingText(cpu::chooseConvTiling(direct, target)));

  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  cpu::ConvTiling wide = cpu::chooseConvTiling(direct, target);
  wide.pixels = 32;
  EXPECT_TRUE(mlir::failed(cpu::generateConv(mlir::UnknownLoc::get(&context()), direct, target, wide)));
  EXPECT_THAT(message, ::testing::HasSubstr("a tiling that is not possible: pixels=32"));
}

TEST(ConvTiling, AsksForWhatItDependsOn) {
  const cpu::TargetInfo target = testTargets().front();
  auto asked = [&](const Shape &shape) {
    const Fixed source("");
    cpu::chooseConvTiling(specOf(shape), target, &source);
    return source.asked;
  };
  EXPECT_EQ(asked({1, {{30, 7, 2, 1, 3, 2}, {31, 7, 2, 1, 3, 3}}, 3, 64}),
            "conv 1x30x31x3 to 64 window 7x7 stride 2x2 pad 3+2x3+3 f32 by f32 to f32");
  EXPECT_EQ(asked({1, {{9, 3, 1, 2}}, 12, 24, 3, true}),
            "conv 1x9x12 to 24 groups 3 window 3 dilation 2 f32 by f32 to f32 + 1x5x24xf32");
  EXPECT_EQ(asked({1, {same(28, 3), same(28, 3)}, 64, 128, 1, false, false, 4}),
            "conv 1x28x28x64 to 128 window 3x3 pad 1+1x1+1 f32 by f32 to f32 filtered 4");
  // Nothing is known of a batch that comes with the buffers.
  EXPECT_EQ(asked({1, {{9, 3}}, 12, 24, 1, false, true}), "");
}

// Threads get as many chunks as before, or enough for each of many.
TEST(ConvTiling, KeepsChunks) {
  for (const cpu::TargetInfo &target : testTargets())
    for (const Shape &shape : {Shape{1, {same(56, 3, 2), same(56, 3, 2)}, 128, 128},
                               {1, {{56, 1}, {56, 1}}, 64, 256},
                               {1, {{17, 1, 1, 1, 0, 0}, same(17, 7)}, 160, 192},
                               {1, {same(28, 3), same(28, 3)}, 128, 128, 1, false, false, 4}}) {
      const cpu::ConvSpec spec = specOf(shape);
      auto chunks = [&](const cpu::ConvTiling &t) {
        auto generated = cpu::generateConv(mlir::UnknownLoc::get(&context()), spec, target, t);
        return mlir::succeeded(generated) ? *generated->chunks.fixed() : 0;
      };
      const cpu::ConvTiling own = cpu::chooseConvTiling(spec, target);
      for (int round : {0, 1})
        for (const cpu::ConvTiling &t : cpu::convTilingsNear(own, spec, target, round))
          EXPECT_GE(chunks(t), std::min<int64_t>(chunks(own), 64)) << cpu::tilingText(t);
    }
}

/// The part of a kernel's work that the busier of two threads has, each with a half of the chunks.
double busierPart(const cpu::ChunkCount &chunks) {
  const int64_t count = *chunks.fixed();
  double first = 0, all = 0;
  for (int64_t chunk = 0; chunk < count; ++chunk) {
    double work = 1;
    int64_t rest = chunk;
    for (const cpu::ChunkCount::Term &term : llvm::reverse(chunks.terms)) {
      const int64_t blocks = (term.extent + term.block - 1) / term.block;
      work *= double(std::min(term.block, term.extent - rest % blocks * term.block));
      rest /= blocks;
    }
    all += work;
    first += chunk < count / 2 ? work : 0;
  }
  return std::max(first, all - first) / all;
}

TEST(ConvTiling, TwoThreadsShareEvenly) {
  const cpu::TargetInfo target = testTargets()[0];
  for (const Shape &shape : {Shape{1, {{14, 3, 1, 1, 1, 1}, {14, 3, 1, 1, 1, 1}}, 384, 384, 384},
                             {1, {{7, 1}, {7, 1}}, 160, 960},
                             {1, {{56, 1}, {56, 1}}, 24, 144},
                             {1, {{112, 1}, {112, 1}}, 16, 96},
                             {1, {same(35, 3), same(35, 3)}, 64, 96, 1, false, false, 4},
                             {1, {same(56, 3), same(56, 3)}, 64, 64, 1, false, false, 4}}) {
    auto generated = cpu::generateConv(mlir::UnknownLoc::get(&context()), specOf(shape), target);
    ASSERT_TRUE(mlir::succeeded(generated));
    EXPECT_GE(*generated->chunks.fixed(), 8);
    EXPECT_LT(busierPart(generated->chunks), 0.525) << shape.ci << " to " << shape.co;
  }
}

TEST(Conv, RefusesBadSpecifications) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  mlir::OpBuilder builder(&context());
  cpu::ConvSpec spec;
  spec.space = {{8, 3}, {8, 3}};
  spec.ci = 6, spec.co = 8, spec.groups = 4;
  spec.xType = spec.wType = spec.yType = builder.getF32Type();
  EXPECT_TRUE(mlir::failed(cpu::generateConv(builder.getUnknownLoc(), spec, testTargets()[0])));
  EXPECT_THAT(message, ::testing::HasSubstr("6 in, 8 out"));
  spec.groups = 1;
  spec.space = {{2, 3}, {8, 3}};
  EXPECT_TRUE(mlir::failed(cpu::generateConv(builder.getUnknownLoc(), spec, testTargets()[0])));
  EXPECT_THAT(message, ::testing::HasSubstr("empty result"));
  spec.space = {{8, 3}, {8, 3}};
  spec.channelsFirst = true;
  EXPECT_TRUE(mlir::failed(cpu::generateConv(builder.getUnknownLoc(), spec, testTargets()[0])));
  EXPECT_THAT(message, ::testing::HasSubstr("channels in front"));
}

} // namespace
