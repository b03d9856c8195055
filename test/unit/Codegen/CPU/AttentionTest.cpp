// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated attention against a reference in double: odd sizes, several blocks of keys, dynamic extents,
// groups of heads, masks, causal rules, rows that see nothing.
#include "KernelTesting.h"

#include "weft/Codegen/CPU/GenerateAttention.h"

#include "mlir/IR/Diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace weft;
using namespace weft::testing;
using Causal = cpu::AttentionSpec::Causal;

namespace {

constexpr int64_t kDyn = mlir::ShapedType::kDynamic;

struct Shape {
  int64_t batch, heads, groups, queries, keys, depth, values;
  Causal causal = Causal::None;
  enum Mask { None, Added, Boolean } mask = None;
  std::vector<int64_t> maskShape = {};
  bool dynamic = false;
  double scale = 0.3;
  bool rowsFirst = false; ///< rows in front of heads; q, k and v are heads of larger buffers
};

/// [B, H, rows, depth] as it lies at `place`; heads that are not read are NaN.
std::vector<float> laid(const std::vector<float> &values, int64_t heads, int64_t rows, int64_t depth,
                        const cpu::AttentionSpec::Place &place) {
  if (!place.rowsFirst)
    return values;
  const int64_t batch = values.size() / (heads * rows * depth);
  std::vector<float> all(batch * rows * place.heads * depth, NAN);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t d = 0; d < depth; ++d)
          all[((b * rows + r) * place.heads + place.firstHead + h) * depth + d] =
              values[((b * heads + h) * rows + r) * depth + d];
  return all;
}

std::string describe(const Shape &s) {
  std::string text;
  for (int64_t extent : {s.batch, s.heads, s.groups, s.queries, s.keys, s.depth, s.values})
    text += std::to_string(extent) + "x";
  return text + " causal " + std::to_string(int(s.causal)) + " mask " + std::to_string(int(s.mask)) +
         (s.dynamic ? " dynamic" : "") + (s.rowsFirst ? " rows first" : "");
}

void check(const Shape &s, const cpu::TargetInfo &target) {
  std::string what = describe(s) + " on " + target.cpu;
  mlir::OpBuilder builder(&context());
  cpu::AttentionSpec spec;
  auto given = [&](int64_t extent) { return s.dynamic ? kDyn : extent; };
  spec.batch = given(s.batch);
  spec.heads = s.heads;
  spec.kvHeads = s.groups;
  spec.queries = given(s.queries);
  spec.keys = given(s.keys);
  spec.depth = s.depth;
  spec.values = s.values;
  spec.scale = s.scale;
  spec.causal = s.causal;
  spec.type = builder.getF32Type();
  if (s.rowsFirst) {
    spec.qPlace = {true, 2, s.heads + 3};
    spec.kPlace = {true, 0, s.groups + 1};
    spec.vPlace = {true, 1, s.groups + 1};
    spec.yPlace = {true};
  }
  if (s.mask != Shape::None) {
    llvm::SmallVector<int64_t> shape(s.maskShape.begin(), s.maskShape.end());
    if (s.dynamic)
      for (size_t d : {0u, 2u, 3u})
        if (shape[d] != 1)
          shape[d] = kDyn;
    mlir::Type element =
        s.mask == Shape::Added ? mlir::Type(builder.getF32Type()) : mlir::Type(builder.getI8Type());
    spec.mask = mlir::MemRefType::get(shape, element);
  }
  auto generated = cpu::generateAttention(builder.getUnknownLoc(), spec, target);
  ASSERT_TRUE(mlir::succeeded(generated)) << what;
  std::string error;
  Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
  ASSERT_TRUE(kernel.entry) << what << ": " << error;

  std::mt19937 random(7);
  std::uniform_real_distribution<float> range(-2, 2);
  auto randoms = [&](int64_t n) {
    std::vector<float> v(n);
    for (float &x : v)
      x = range(random);
    return v;
  };
  std::vector<float> q = randoms(s.batch * s.heads * s.queries * s.depth),
                     k = randoms(s.batch * s.groups * s.keys * s.depth),
                     v = randoms(s.batch * s.groups * s.keys * s.values);
  int64_t maskSize = 1;
  for (int64_t extent : s.maskShape)
    maskSize *= extent;
  std::vector<float> added(maskSize);
  std::vector<int8_t> seen(maskSize);
  for (int64_t i = 0; i < maskSize; ++i) {
    seen[i] = random() % 3 != 0;
    added[i] = seen[i] ? range(random) : -INFINITY;
  }
  // A row that hides every key.
  if (s.mask != Shape::None && s.maskShape.back() > 1)
    for (int64_t i = 0; i < s.maskShape.back(); ++i) {
      seen[i] = 0;
      added[i] = -INFINITY;
    }
  auto maskAt = [&](int64_t b, int64_t h, int64_t i, int64_t j) {
    int64_t at = 0;
    int64_t index[] = {b, h, i, j};
    for (int d = 0; d < 4; ++d)
      at = at * s.maskShape[d] + (s.maskShape[d] == 1 ? 0 : index[d]);
    return at;
  };

  std::vector<double> wanted(s.batch * s.heads * s.queries * s.values);
  std::vector<double> p(s.keys);
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.queries; ++i) {
        int64_t g = h / (s.heads / s.groups);
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < s.keys; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < s.depth; ++d)
            dot += double(q[((b * s.heads + h) * s.queries + i) * s.depth + d]) *
                   k[((b * s.groups + g) * s.keys + j) * s.depth + d];
          p[j] = dot * s.scale;
          if (s.mask == Shape::Added)
            p[j] += added[maskAt(b, h, i, j)];
          if (s.mask == Shape::Boolean && !seen[maskAt(b, h, i, j)])
            p[j] = -INFINITY;
          int64_t limit = s.causal == Causal::TopLeft ? i : i + s.keys - s.queries;
          if (s.causal != Causal::None && j > limit)
            p[j] = -INFINITY;
          top = std::max(top, p[j]);
        }
        for (double &x : p) {
          x = top == -INFINITY ? 0 : std::exp(x - top);
          sum += x;
        }
        for (int64_t e = 0; e < s.values; ++e) {
          double y = 0;
          for (int64_t j = 0; j < s.keys; ++j)
            y += p[j] * v[((b * s.groups + g) * s.keys + j) * s.values + e];
          wanted[((b * s.heads + h) * s.queries + i) * s.values + e] = sum == 0 ? 0 : y / sum;
        }
      }

  auto qb = Buffer::of(laid(q, s.heads, s.queries, s.depth, spec.qPlace)),
       kb = Buffer::of(laid(k, s.groups, s.keys, s.depth, spec.kPlace)),
       vb = Buffer::of(laid(v, s.groups, s.keys, s.values, spec.vPlace));
  std::vector<float> wantedAsLaid =
      laid({wanted.begin(), wanted.end()}, s.heads, s.queries, s.values, {s.rowsFirst, 0, s.heads});
  auto mb = s.mask == Shape::Added ? Buffer::of(added) : Buffer::of(seen);
  std::vector<int64_t> dims;
  if (s.dynamic) {
    dims = {s.batch, s.queries, s.batch, s.keys, s.batch, s.keys};
    if (s.mask != Shape::None)
      for (size_t d : {0u, 2u, 3u})
        if (s.maskShape[d] != 1)
          dims.push_back(s.maskShape[d]);
    dims.insert(dims.end(), {s.batch, s.queries});
  }
  ASSERT_EQ(dims.size(), kernel.info.numDims) << what;
  const int64_t extents[] = {s.batch, s.rowsFirst ? s.queries : s.heads, s.rowsFirst ? s.heads : s.queries,
                             s.values};
  int64_t chunks = generated->chunks.evaluate([&](unsigned, unsigned d) { return extents[d]; });
  for (Calls calls : {Calls::One, Calls::Backwards, Calls::Following}) {
    Buffer y(wanted.size() * 4 + 64);
    std::vector<void *> buffers = {qb.raw(), kb.raw(), vb.raw()};
    if (s.mask != Shape::None)
      buffers.push_back(mb.raw());
    buffers.push_back(y.raw());
    kernel.run(calls, buffers, dims, chunks);
    for (size_t i = 0; i < wanted.size(); ++i)
      ASSERT_NEAR(y.as<float>()[i], wantedAsLaid[i], 2e-5) << what << " element " << i;
    EXPECT_EQ(reinterpret_cast<uint8_t *>(y.as<float>() + wanted.size())[0], 0xA5) << what;
  }
}

void checkAll(const std::vector<Shape> &shapes) {
  for (const auto &target : testTargets())
    for (const Shape &shape : shapes)
      check(shape, target);
}

TEST(Attention, OddSizes) {
  checkAll({{1, 1, 1, 1, 1, 1, 1},
            {1, 1, 1, 3, 7, 5, 3},
            {2, 2, 2, 17, 31, 16, 16},
            {1, 3, 3, 127, 33, 64, 64},
            {1, 1, 1, 15, 127, 40, 24}});
}

TEST(Attention, SeveralBlocksOfKeys) {
  checkAll({{1, 2, 2, 20, 1023, 16, 16}, {1, 1, 1, 9, 2100, 8, 9}, {1, 1, 1, 300, 40, 8, 8}});
}

TEST(Attention, GroupsShareKeys) { checkAll({{2, 6, 2, 9, 11, 8, 8}, {1, 4, 1, 30, 30, 16, 8}}); }

TEST(Attention, Causal) {
  checkAll({{1, 2, 2, 40, 40, 16, 16, Causal::TopLeft},
            {1, 1, 1, 33, 70, 8, 8, Causal::BottomRight},
            {1, 1, 1, 70, 33, 8, 8, Causal::BottomRight}, // the first rows see nothing
            {1, 1, 1, 70, 33, 8, 8, Causal::TopLeft},
            {1, 1, 1, 2070, 2070, 4, 4, Causal::TopLeft}});
}

TEST(Attention, Masks) {
  checkAll({{2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::Added, {2, 2, 19, 37}},
            {2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::Added, {2, 1, 1, 37}},
            {2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::Added, {1, 2, 19, 1}},
            {2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::Boolean, {1, 1, 19, 37}},
            {1, 2, 1, 19, 1100, 8, 8, Causal::None, Shape::Boolean, {1, 2, 1, 1100}},
            {1, 2, 1, 19, 37, 8, 8, Causal::TopLeft, Shape::Added, {1, 1, 19, 37}}});
}

TEST(Attention, DynamicExtents) {
  checkAll({{2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::None, {}, true},
            {1, 2, 1, 300, 1100, 16, 16, Causal::BottomRight, Shape::None, {}, true},
            {2, 2, 2, 5, 37, 8, 8, Causal::None, Shape::Added, {2, 1, 5, 37}, true}});
}

TEST(Attention, RowsInFrontOfHeads) {
  std::vector<Shape> shapes = {{1, 1, 1, 1, 1, 1, 1},
                               {2, 3, 3, 17, 31, 16, 16},
                               {1, 4, 2, 9, 11, 7, 5},
                               {1, 2, 2, 127, 33, 64, 64},
                               {1, 2, 1, 20, 1100, 16, 9, Causal::BottomRight},
                               {2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::Added, {2, 1, 1, 37}},
                               {2, 2, 2, 19, 37, 8, 8, Causal::None, Shape::None, {}, true}};
  for (Shape &shape : shapes)
    shape.rowsFirst = true;
  checkAll(shapes);
}

TEST(Attention, ScalesOfAnySign) {
  checkAll({{1, 1, 1, 9, 21, 8, 8, Causal::None, Shape::None, {}, false, -0.7},
            {1, 1, 1, 9, 21, 8, 8, Causal::None, Shape::None, {}, false, 0.0},
            {1, 1, 1, 31, 127, 8, 8, Causal::None, Shape::None, {}, false, 6.0}});
}

TEST(Attention, WeightsThatWouldBeDenormalAreZero) {
  for (const cpu::TargetInfo &target : testTargets()) {
    mlir::OpBuilder builder(&context());
    cpu::AttentionSpec spec;
    spec.queries = 1;
    spec.keys = 3;
    spec.depth = spec.values = 1;
    spec.scale = 1;
    spec.type = builder.getF32Type();
    auto generated = cpu::generateAttention(builder.getUnknownLoc(), spec, target);
    ASSERT_TRUE(mlir::succeeded(generated));
    std::string error;
    Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
    ASSERT_TRUE(kernel.entry) << error;
    // e^-86 is normal, e^-95 is not.
    for (float score : {-86.0f, -95.0f}) {
      auto q = Buffer::of(std::vector<float>{1}), k = Buffer::of(std::vector<float>{0, score, score}),
           v = Buffer::of(std::vector<float>{0, 1, 1});
      Buffer y(4);
      kernel({q.raw(), k.raw(), v.raw(), y.raw()}, {}, 0, 1);
      if (score < -90)
        EXPECT_EQ(y.as<float>()[0], 0) << target.cpu;
      else
        EXPECT_NEAR(y.as<float>()[0], 2 * std::exp(double(score)), 1e-42) << target.cpu;
    }
  }
}

TEST(Attention, NaNStaysInItsRow) {
  const cpu::TargetInfo target = testTargets().front();
  mlir::OpBuilder builder(&context());
  cpu::AttentionSpec spec;
  spec.queries = 3;
  spec.keys = 20;
  spec.depth = spec.values = 8;
  spec.type = builder.getF32Type();
  auto generated = cpu::generateAttention(builder.getUnknownLoc(), spec, target);
  ASSERT_TRUE(mlir::succeeded(generated));
  std::string error;
  Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
  ASSERT_TRUE(kernel.entry) << error;
  std::vector<float> q(24, 0.5f), k(160, 0.25f), v(160, 1.0f);
  q[8] = NAN;
  auto qb = Buffer::of(q), kb = Buffer::of(k), vb = Buffer::of(v);
  Buffer y(24 * 4);
  kernel({qb.raw(), kb.raw(), vb.raw(), y.raw()}, {}, 0, 1);
  for (int i = 0; i < 24; ++i)
    if (i / 8 == 1)
      EXPECT_TRUE(std::isnan(y.as<float>()[i])) << i;
    else
      EXPECT_NEAR(y.as<float>()[i], 1.0f, 1e-5) << i;
}

TEST(Attention, RefusesBadSpecifications) {
  const cpu::TargetInfo target = testTargets().front();
  mlir::OpBuilder builder(&context());
  std::string said;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &d) { said = d.str(); });
  cpu::AttentionSpec spec;
  spec.queries = spec.keys = spec.depth = spec.values = 8;
  spec.type = builder.getF64Type();
  EXPECT_TRUE(mlir::failed(cpu::generateAttention(builder.getUnknownLoc(), spec, target)));
  EXPECT_NE(said.find("not f32, f16 or bf16"), std::string::npos) << said;
  spec.type = builder.getF32Type();
  spec.heads = 3;
  spec.kvHeads = 2;
  EXPECT_TRUE(mlir::failed(cpu::generateAttention(builder.getUnknownLoc(), spec, target)));
  EXPECT_NE(said.find("2 groups that do not divide 3 heads"), std::string::npos) << said;
}

} // namespace
