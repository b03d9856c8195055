// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated matrix products against a reference in double: odd sizes, every layout of the operands, dynamic
// extents, batches, epilogues, one chunk and many.
#include "KernelTesting.h"

#include "weft/Codegen/CPU/GenerateGemm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace weft;
using namespace weft::testing;
using cpu::GemmB;

namespace {

constexpr int64_t kDyn = mlir::ShapedType::kDynamic;

struct Shape {
  int64_t m, n, k;
  std::vector<int64_t> batch = {}, aBatch = {}, bBatch = {};
  bool dynM = false, dynN = false, dynK = false, dynBatch = false, transposedA = false;
  GemmB b = GemmB::Packed;
  bool epilogue = false;
};

std::vector<float> randoms(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> range(-1, 1);
  std::vector<float> v(n);
  for (float &x : v)
    x = range(random);
  return v;
}

int64_t product(const std::vector<int64_t> &v) {
  int64_t p = 1;
  for (int64_t x : v)
    p *= x;
  return p;
}

/// acc + bias[column], then relu, as a fused epilogue.
cpu::Epilogue biasRelu(int64_t n) {
  cpu::Epilogue epilogue;
  epilogue.operands = {mlir::MemRefType::get({n}, mlir::Float32Type::get(&context()))};
  epilogue.emit = [](mlir::OpBuilder &b, mlir::Location loc, mlir::Value acc, const cpu::EpiloguePosition &at,
                     mlir::ValueRange operands) {
    mlir::Value bias =
        at.width == 1
            ? mlir::Value(
                  mlir::memref::LoadOp::create(b, loc, operands[0], mlir::ValueRange{at.indices.back()}))
            : mlir::Value(mlir::vector::LoadOp::create(b, loc, mlir::cast<mlir::VectorType>(acc.getType()),
                                                       operands[0], mlir::ValueRange{at.indices.back()}));
    mlir::Value sum = mlir::arith::AddFOp::create(b, loc, acc, bias);
    mlir::Value zero = mlir::arith::ConstantOp::create(b, loc, b.getZeroAttr(acc.getType()));
    return mlir::Value(mlir::arith::MaximumFOp::create(b, loc, sum, zero));
  };
  return epilogue;
}

void check(const Shape &s, const cpu::TargetInfo &target) {
  std::string what = std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k) + " b" +
                     std::to_string(int(s.b)) + (s.dynM ? " dynM" : "") + (s.dynN ? " dynN" : "") +
                     (s.dynK ? " dynK" : "") + (s.transposedA ? " transA" : "") + " on " + target.cpu;
  mlir::OpBuilder builder(&context());
  cpu::GemmSpec spec;
  spec.m = s.dynM ? kDyn : s.m;
  spec.n = s.dynN ? kDyn : s.n;
  spec.k = s.dynK ? kDyn : s.k;
  for (int64_t e : s.batch)
    spec.batch.push_back(s.dynBatch ? kDyn : e);
  auto operandBatch = [&](const std::vector<int64_t> &v) {
    llvm::SmallVector<int64_t> out;
    for (size_t d = 0; d < v.size(); ++d)
      out.push_back(v[d] == s.batch[d] && s.dynBatch ? kDyn : v[d]);
    return out;
  };
  spec.aBatch = operandBatch(s.aBatch);
  spec.bBatch = operandBatch(s.bBatch);
  spec.transposedA = s.transposedA;
  spec.b = s.b;
  spec.aType = spec.bType = spec.cType = builder.getF32Type();
  if (s.epilogue)
    spec.epilogue = biasRelu(s.n);
  auto generated = cpu::generateGemm(builder.getUnknownLoc(), spec, target);
  ASSERT_TRUE(mlir::succeeded(generated)) << what;
  std::string error;
  Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
  ASSERT_TRUE(kernel.entry) << what << ": " << error;

  int64_t na = product(s.aBatch), nb = product(s.bBatch), nc = product(s.batch);
  std::vector<float> a = randoms(na * s.m * s.k, 1), b = randoms(nb * s.k * s.n, 2), bias = randoms(s.n, 3);
  // b is [K, N] for RowMajor and Packed, [N, K] for Transposed.
  std::vector<float> bData = b;
  if (s.b == GemmB::Packed) {
    auto bytes = packed(std::as_bytes(std::span(b)), 4, cpu::packedB(spec, target));
    bData.resize(bytes.size() / 4);
    std::copy_n(reinterpret_cast<const float *>(bytes.data()), bData.size(), bData.begin());
  }
  auto ab = Buffer::of(a), bb = Buffer::of(bData), biasb = Buffer::of(bias);
  std::vector<int64_t> dims;
  auto batchDims = [&](const llvm::SmallVector<int64_t> &types, const std::vector<int64_t> &values) {
    for (size_t d = 0; d < types.size(); ++d)
      if (mlir::ShapedType::isDynamic(types[d]))
        dims.push_back(values[d]);
  };
  auto dim = [&](bool dynamic, int64_t value) {
    if (dynamic)
      dims.push_back(value);
  };
  batchDims(spec.aBatch, s.aBatch);
  dim(s.transposedA ? s.dynK : s.dynM, s.transposedA ? s.k : s.m);
  dim(s.transposedA ? s.dynM : s.dynK, s.transposedA ? s.m : s.k);
  batchDims(spec.bBatch, s.bBatch);
  dim(s.b == GemmB::Transposed ? s.dynN : s.dynK, s.b == GemmB::Transposed ? s.n : s.k);
  dim(s.b == GemmB::Transposed ? s.dynK : s.dynN, s.b == GemmB::Transposed ? s.k : s.n);
  batchDims(spec.batch, s.batch);
  dim(s.dynM, s.m);
  dim(s.dynN, s.n);
  ASSERT_EQ(dims.size(), kernel.info.numDims) << what;

  unsigned rank = spec.batch.size();
  int64_t chunks = generated->chunks.evaluate([&](unsigned, unsigned d) {
    return d < rank ? s.batch[d] : d == rank ? s.m : s.n;
  });
  for (Calls calls : {Calls::One, Calls::Backwards, Calls::Following}) {
    Buffer c(nc * s.m * s.n * 4 + 64);
    std::vector<void *> buffers = {ab.raw(), bb.raw()};
    if (s.epilogue)
      buffers.push_back(biasb.raw());
    buffers.push_back(c.raw());
    kernel.run(calls, buffers, dims, chunks);
    int64_t wrong = 0;
    for (int64_t q = 0; q < nc && wrong == 0; ++q) {
      // The operands' own batch index: dimensions of extent 1 are shared.
      auto offset = [&](const std::vector<int64_t> &v) {
        int64_t rest = q, index = 0, stride = 1;
        for (size_t d = v.size(); d-- > 0;) {
          int64_t i = rest % s.batch[d];
          rest /= s.batch[d];
          index += (v[d] == 1 ? 0 : i) * stride;
          stride *= v[d];
        }
        return index;
      };
      const float *pa = a.data() + offset(s.aBatch) * s.m * s.k,
                  *pb = b.data() + offset(s.bBatch) * s.k * s.n;
      for (int64_t i = 0; i < s.m && wrong == 0; ++i)
        for (int64_t j = 0; j < s.n && wrong == 0; ++j) {
          double sum = 0;
          for (int64_t p = 0; p < s.k; ++p)
            sum += double(s.transposedA ? pa[p * s.m + i] : pa[i * s.k + p]) *
                   (s.b == GemmB::Transposed ? pb[j * s.k + p] : pb[p * s.n + j]);
          if (s.epilogue)
            sum = std::max(0.0, sum + bias[j]);
          float got = c.as<float>()[(q * s.m + i) * s.n + j];
          if (!(std::abs(got - sum) <= 1e-6 * std::sqrt(double(s.k) + 1) * 4)) {
            ADD_FAILURE() << what << " " << describe(calls) << ": C[" << q << "," << i << "," << j
                          << "] = " << got << ", want " << sum;
            ++wrong;
          }
        }
    }
    // Nothing is written behind the end.
    EXPECT_EQ(reinterpret_cast<uint8_t *>(c.as<float>() + nc * s.m * s.n)[0], 0xA5) << what;
  }
}

void checkAll(const std::vector<Shape> &shapes) {
  for (const auto &target : testTargets())
    for (const Shape &shape : shapes)
      check(shape, target);
}

/// Columns of any order of bytes: the reference is the layout's own words.
TEST(Gemm, PacksRowsAndColumns) {
  for (size_t bytes : {1, 2, 4})
    for (int64_t group : {1, 2, 4})
      for (auto [k, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 127}, {127, 31}, {130, 17}, {200, 96}}) {
        cpu::PackedB layout{k, n, 16, group, 0, false};
        std::vector<std::byte> rows(k * n * bytes), columns(rows.size());
        std::mt19937 random(1);
        for (int64_t row = 0; row < k; ++row)
          for (int64_t j = 0; j < n; ++j)
            for (size_t byte = 0; byte < bytes; ++byte)
              rows[(row * n + j) * bytes + byte] = columns[(j * k + row) * bytes + byte] =
                  std::byte(1 + random() % 255);
        std::vector<std::byte> got = packed(rows, bytes, layout), turned(got.size(), std::byte(0x5A));
        const llvm::SmallVector<int64_t> shape = layout.shape();
        // One panel at a time, as a writer of large weights asks for them.
        const size_t panelBytes = shape[1] * shape[2] * bytes;
        for (size_t panel = 0; panel < size_t(shape[0]); ++panel)
          cpu::packB(columns, bytes, layout, 1, k, panel,
                     std::span(turned).subspan(panel * panelBytes, panelBytes));
        EXPECT_EQ(got, turned) << bytes << " bytes, groups of " << group << ", " << k << "x" << n;
        std::vector<std::byte> wanted(got.size());
        for (int64_t row = 0; row < k; ++row)
          for (int64_t j = 0; j < n; ++j) {
            int64_t to = ((j / 16 * shape[1] + row / group) * 16 + j % 16) * group + row % group;
            std::copy_n(&rows[(row * n + j) * bytes], bytes, &wanted[to * bytes]);
          }
        EXPECT_EQ(got, wanted) << bytes << " bytes, groups of " << group << ", " << k << "x" << n;
      }
}

TEST(Gemm, PackedOddSizes) {
  checkAll({{1, 1, 1},
            {3, 7, 17},
            {7, 31, 3},
            {17, 33, 31},
            {31, 127, 127},
            {127, 17, 7},
            {127, 64, 300},
            {14, 32, 1000},
            {29, 100, 700}});
}
TEST(Gemm, PackedWithEpilogue) {
  Shape s{31, 127, 64};
  s.epilogue = true;
  Shape blocked{65, 50, 900};
  blocked.epilogue = true;
  Shape vector{1, 77, 33};
  vector.epilogue = true;
  checkAll({s, blocked, vector});
}
TEST(Gemm, PanelsOfThreeVectors) {
  std::vector<Shape> shapes; // with AVX-512
  for (auto [m, n, k] :
       {std::array<int64_t, 3>{1, 48, 33}, {9, 96, 1}, {31, 144, 127}, {127, 48, 7}, {20, 96, 1600}}) {
    Shape s{m, n, k};
    s.epilogue = m == 31;
    shapes.push_back(s);
  }
  checkAll(shapes);
}
// Rows of A that fall into one set of L1 are read fewer at a time.
TEST(Gemm, RowsAPageApart) {
  Shape packed{23, 33, 1024}, rows{47, 64, 2048};
  rows.b = GemmB::RowMajor;
  checkAll({packed, rows});
}
TEST(Gemm, FewRows) { checkAll({{1, 257, 1000}, {2, 130, 511}, {3, 64, 64}, {1, 10, 128}}); }
TEST(Gemm, EmptyExtents) { checkAll({{0, 8, 8}, {8, 0, 8}, {8, 24, 0}, {3, 5, 0}}); }
TEST(Gemm, DynamicRows) {
  std::vector<Shape> shapes;
  for (int64_t m : {0, 1, 6, 13, 14, 27, 200}) {
    Shape s{m, 47, 65};
    s.dynM = true;
    s.epilogue = true;
    shapes.push_back(s);
  }
  Shape deep{37, 64, 1000};
  deep.dynM = true;
  shapes.push_back(deep);
  checkAll(shapes);
}
TEST(Gemm, RuntimeB) {
  std::vector<Shape> shapes;
  for (GemmB b : {GemmB::RowMajor, GemmB::Transposed})
    for (auto [m, n, k] : {std::array<int64_t, 3>{17, 33, 31},
                           {1, 64, 64},
                           {1, 70, 127},
                           {100, 128, 128},
                           {200, 31, 700},
                           {64, 512, 600},
                           {5, 3, 0}}) {
      Shape s{m, n, k};
      s.b = b;
      s.epilogue = m == 17;
      shapes.push_back(s);
    }
  checkAll(shapes);
}
TEST(Gemm, EverythingDynamic) {
  std::vector<Shape> shapes;
  for (GemmB b : {GemmB::RowMajor, GemmB::Transposed})
    for (bool transposed : {false, true})
      for (auto [m, n, k] :
           {std::array<int64_t, 3>{17, 33, 31}, {1, 1, 1}, {64, 64, 600}, {7, 100, 0}, {0, 3, 3}}) {
        Shape s{m, n, k, {2, 3}, {2, 3}, {1, 3}};
        s.dynM = s.dynN = s.dynK = s.dynBatch = true;
        s.b = b;
        s.transposedA = transposed;
        s.epilogue = m == 17 || m == 7;
        shapes.push_back(s);
      }
  checkAll(shapes);
}
TEST(Gemm, BatchesAndSharedOperands) {
  std::vector<Shape> shapes;
  for (GemmB b : {GemmB::RowMajor, GemmB::Transposed}) {
    Shape s{31, 17, 64, {3, 2}, {3, 1}, {3, 2}};
    s.b = b;
    shapes.push_back(s);
    s.aBatch = {};
    shapes.push_back(s);
    s.aBatch = {1, 2};
    s.bBatch = {1, 1};
    s.transposedA = true;
    shapes.push_back(s);
  }
  Shape packed{31, 17, 64, {4}, {4}, {}};
  shapes.push_back(packed);
  checkAll(shapes);
}

TEST(Gemm, NarrowFloats) {
  // Values that bf16 and f16 hold exactly, with exact sums.
  mlir::OpBuilder builder(&context());
  for (const auto &target : testTargets())
    for (bool bf16 : {true, false}) {
      cpu::GemmSpec spec;
      spec.m = 19, spec.n = 37, spec.k = 40;
      spec.b = GemmB::RowMajor;
      spec.aType = spec.bType = spec.cType = bf16 ? mlir::Type(builder.getBF16Type()) : builder.getF16Type();
      auto generated = cpu::generateGemm(builder.getUnknownLoc(), spec, target);
      ASSERT_TRUE(mlir::succeeded(generated));
      std::string error;
      Kernel kernel = compile(*generated->module, target, generated->pipeline, error);
      ASSERT_TRUE(kernel.entry) << error;
      auto code = [&](int v) -> uint16_t { // -2..2 and the sums below 128
        if (v == 0)
          return 0;
        int e = std::ilogb(std::abs(v));
        int fraction = bf16 ? (std::abs(v) << (7 - e)) & 0x7f : (std::abs(v) << (10 - e)) & 0x3ff;
        return (v < 0 ? 0x8000 : 0) | (bf16 ? (e + 127) << 7 : (e + 15) << 10) | fraction;
      };
      std::vector<int> a(19 * 40), b(40 * 37);
      std::mt19937 random(5);
      for (int &x : a)
        x = int(random() % 5) - 2;
      for (int &x : b)
        x = int(random() % 5) - 2;
      std::vector<uint16_t> a16, b16;
      for (int x : a)
        a16.push_back(code(x));
      for (int x : b)
        b16.push_back(code(x));
      auto ab = Buffer::of(a16), bb = Buffer::of(b16);
      Buffer c(19 * 37 * 2);
      kernel({ab.raw(), bb.raw(), c.raw()}, {}, 0, *generated->chunks.fixed());
      for (int i = 0; i < 19; ++i)
        for (int j = 0; j < 37; ++j) {
          int sum = 0;
          for (int p = 0; p < 40; ++p)
            sum += a[i * 40 + p] * b[p * 37 + j];
          ASSERT_EQ(c.as<uint16_t>()[i * 37 + j], code(sum)) << i << "," << j << " " << sum;
        }
    }
}

TEST(Gemm, OtherArchitecture) {
  // AArch64 code can be made here, though not run: it must need no library.
  mlir::OpBuilder builder(&context());
  auto target = llvm::cantFail(cpu::TargetInfo::get("aarch64"));
  cpu::GemmSpec spec;
  spec.m = 19, spec.n = 37, spec.k = 40;
  spec.aType = spec.bType = spec.cType = builder.getF32Type();
  spec.epilogue = biasRelu(37);
  auto generated = cpu::generateGemm(builder.getUnknownLoc(), spec, target);
  ASSERT_TRUE(mlir::succeeded(generated));
  ASSERT_TRUE(mlir::succeeded(cpu::lowerKernelToLLVM(*generated->module, target)));
  auto object = cpu::emitObject(*generated->module, target, generated->pipeline);
  ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
  auto image = cpu::linkImage({llvm::StringRef(object->data(), object->size())});
  ASSERT_TRUE(bool(image)) << llvm::toString(image.takeError());
  EXPECT_EQ((*image)[18], '\xb7'); // EM_AARCH64
}

TEST(Gemm, RefusesBadSpecifications) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  mlir::OpBuilder builder(&context());
  cpu::GemmSpec spec;
  spec.m = spec.n = 4;
  spec.k = kDyn;
  spec.aType = spec.bType = spec.cType = builder.getF32Type();
  EXPECT_TRUE(mlir::failed(cpu::generateGemm(builder.getUnknownLoc(), spec, testTargets()[0])));
  EXPECT_THAT(message, ::testing::HasSubstr("wanted static K and N"));
  spec.k = 4;
  spec.batch = {3};
  spec.aBatch = {2};
  EXPECT_TRUE(mlir::failed(cpu::generateGemm(builder.getUnknownLoc(), spec, testTargets()[0])));
  EXPECT_THAT(message, ::testing::HasSubstr("neither the result's nor 1"));
}

} // namespace
