// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions on tensor cores, on the emulator with all its checks: strides, dilation, padding, groups, one
// to three spatial dimensions, odd channels, a batch at run time, an epilogue; the same bits under every
// schedule.
#include "EmulatedKernel.h"

#include "weft/Codegen/GPU/GenerateConv.h"
#include "weft/Pipeline/LowerTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace weft;
using namespace weft::testing;
using mlir::ShapedType;

namespace {

struct Case {
  const char *what;
  int64_t batch;
  std::vector<cpu::ConvDim> space;
  int64_t ci, co, groups = 1;
  DType type = DType::BF16, to = DType::F32;
  bool dynamic = false;
  bool epilogue = false; ///< relu(acc + bias[co])
  gpu::MmaTiling tiling = {64, 64, 32, 2, 2, 3};
};

constexpr gpu::MmaTiling kFma = {64, 64, 16, 2, 2, 3, false, true};

mlir::Type typeOf(DType type) {
  mlir::OpBuilder b(&gpuContext());
  return type == DType::F16    ? mlir::Type(b.getF16Type())
         : type == DType::BF16 ? b.getBF16Type()
                               : b.getF32Type();
}

gpu::ConvSpec specOf(const Case &c) {
  gpu::ConvSpec spec;
  spec.batch = c.dynamic ? ShapedType::kDynamic : c.batch;
  spec.space.assign(c.space.begin(), c.space.end());
  spec.ci = c.ci, spec.co = c.co, spec.groups = c.groups;
  spec.type = typeOf(c.type), spec.yType = typeOf(c.to);
  if (c.epilogue) {
    spec.epilogue.operands.push_back({typeOf(DType::F32), {1, c.co}});
    spec.epilogue.emit = [](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange values,
                            int64_t) -> mlir::Value {
      mlir::Value sum = mlir::arith::AddFOp::create(b, loc, values[0], values[1]);
      mlir::Value zero = mlir::arith::ConstantOp::create(b, loc, b.getZeroAttr(sum.getType()));
      return mlir::arith::MaximumFOp::create(b, loc, sum, zero);
    };
  }
  return spec;
}

/// y and a bound of its error, element by element as the definition says. w is [taps][ci / groups][co].
void reference(const Case &c, const gpu::ConvSpec &spec, const std::vector<double> &x,
               const std::vector<double> &w, const std::vector<double> &bias, std::vector<double> &y,
               std::vector<double> &bound) {
  int64_t ciPerGroup = c.ci / c.groups, coPerGroup = c.co / c.groups;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t place = 0; place < spec.places(); ++place)
      for (int64_t o = 0; o < c.co; ++o) {
        double sum = 0, size = 0;
        for (int64_t tap = 0; tap < spec.taps(); ++tap) {
          int64_t restPlace = place, restTap = tap, at = 0, scale = 1;
          bool inside = true;
          for (size_t d = c.space.size(); d-- > 0;) {
            const cpu::ConvDim &dim = c.space[d];
            int64_t p = restPlace % dim.out() * dim.stride - dim.padLow + restTap % dim.kernel * dim.dilation;
            inside &= p >= 0 && p < dim.in;
            at += p * scale;
            scale *= dim.in;
            restPlace /= dim.out();
            restTap /= dim.kernel;
          }
          for (int64_t i = 0; inside && i < ciPerGroup; ++i) {
            double term = x[(n * scale + at) * c.ci + o / coPerGroup * ciPerGroup + i] *
                          w[(tap * ciPerGroup + i) * c.co + o];
            sum += term;
            size += std::abs(term);
          }
        }
        if (c.epilogue)
          sum = std::max(sum + bias[o], 0.0);
        if (c.type == DType::F32 && !c.tiling.fma) // both factors are rounded to 11 bits
          size *= 1 + 0x1p-10 * 0x1p24 / double(spec.depth() + 4);
        double ulp = c.to == DType::F32 ? 0x1p-24 : c.to == DType::F16 ? 0x1p-11 : 0x1p-8;
        y.push_back(sum);
        bound.push_back((size + 2) * 0x1p-24 * double(spec.depth() + 4) + (std::abs(sum) + 0x1p-14) * ulp);
      }
}

class Conv : public ::testing::TestWithParam<Case> {};

TEST_P(Conv, IsRightUnderEverySchedule) {
  const Case &c = GetParam();
  gpu::ConvSpec spec = specOf(c);
  mlir::OpBuilder b(&gpuContext());
  auto tiled = gpu::generateConv(b.getUnknownLoc(), spec, c.tiling);
  ASSERT_TRUE(mlir::succeeded(tiled));
  auto kernel = lowerTiles(std::move(*tiled), /*verify=*/true);
  ASSERT_TRUE(mlir::succeeded(kernel));
  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel, error);
  ASSERT_TRUE(emulated) << error;

  int64_t pixels = c.batch;
  for (const cpu::ConvDim &dim : c.space)
    pixels *= dim.in;
  Numbers x = Numbers::random(c.type, pixels * c.ci, 1), w = Numbers::random(c.type, spec.depth() * c.co, 2),
          bias = Numbers::random(DType::F32, c.co, 3);
  std::vector<double> wanted, bound;
  reference(c, spec, x.values, w.values, bias.values, wanted, bound);

  // The kernel wants [co][taps][ci / groups].
  const std::vector<double> before = w.values;
  gpu::arrangeConvWeights(spec, std::as_bytes(std::span(before)), sizeof(double), 1, c.co,
                          c.ci / c.groups * c.co, c.tiling.fma, std::as_writable_bytes(std::span(w.values)));

  std::vector<Numbers> inputs{x, w};
  std::vector<int64_t> extents;
  int64_t rows = c.batch * spec.places();
  if (c.epilogue)
    inputs.push_back(bias);
  if (c.dynamic)
    extents = {c.batch, rows};
  int64_t blocks = kernel->blocks.evaluate([&](unsigned, unsigned) { return rows; });
  Numbers y{c.to, std::vector<double>(rows * c.co)};
  std::vector<double> first;
  for (const auto &options : allSchedules()) {
    Status status = emulated->run(options, inputs, y, extents, blocks);
    ASSERT_TRUE(status.isOk()) << status;
    if (first.empty()) {
      size_t wrong = 0;
      for (size_t i = 0; i < wanted.size(); ++i)
        if (!(std::abs(y.values[i] - wanted[i]) <= bound[i]) && wrong++ < 3)
          ADD_FAILURE() << "element " << i << " is " << y.values[i] << ", wanted " << wanted[i];
      EXPECT_EQ(wrong, 0u);
      first = y.values;
    }
    EXPECT_EQ(first, y.values) << "another schedule, other bits";
  }
}

// in, kernel, stride, dilation, padLow, padHigh
const Case kCases[] = {
    {"pointwise", 1, {{8, 1}, {8, 1}}, 32, 64},
    {"padded", 1, {{9, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}}, 16, 24},
    {"strided", 2, {{11, 3, 2, 1, 1, 1}, {10, 3, 2, 1, 0, 1}}, 8, 70, 1, DType::F16, DType::F16},
    {"dilated", 1, {{12, 3, 1, 2, 2, 2}, {9, 3, 1, 3, 3, 1}}, 8, 12, 1, DType::F16},
    {"three channels", 1, {{13, 7, 2, 1, 3, 3}, {13, 7, 2, 1, 3, 3}}, 3, 40},
    {"groups", 1, {{6, 3, 1, 1, 1, 1}, {6, 3, 1, 1, 1, 1}}, 24, 48, 3},
    {"groups of odd size", 1, {{6, 2}, {5, 2}}, 10, 15, 5, DType::F16},
    {"one dimension", 3, {{40, 5, 3, 1, 2, 2}}, 6, 20},
    {"three dimensions",
     1,
     {{4, 2, 1, 1, 1, 0}, {5, 3, 2, 1, 1, 1}, {6, 3, 1, 1, 1, 1}},
     4,
     9,
     1,
     DType::F16},
    {"batch at run time",
     3,
     {{7, 3, 1, 1, 1, 1}, {6, 3, 1, 1, 1, 1}},
     12,
     16,
     1,
     DType::BF16,
     DType::BF16,
     true},
    {"multiply-adds",
     2,
     {{9, 3, 1, 1, 1, 1}, {7, 3, 2, 1, 1, 1}},
     12,
     21,
     1,
     DType::F32,
     DType::F32,
     false,
     true,
     kFma},
    {"multiply-adds, groups",
     1,
     {{6, 3, 1, 2, 2, 2}, {6, 3, 1, 1, 1, 1}},
     24,
     48,
     3,
     DType::F32,
     DType::F32,
     true,
     false,
     kFma},
    {"multiply-adds, three channels",
     1,
     {{13, 7, 2, 1, 3, 3}, {13, 7, 2, 1, 3, 3}},
     3,
     70,
     1,
     DType::F32,
     DType::F32,
     false,
     true,
     {128, 128, 16, 4, 2, 4, false, true}},
    {"tf32", 1, {{9, 3, 1, 1, 1, 1}, {7, 3, 2, 1, 1, 1}}, 12, 21, 1, DType::F32},
    {"warpgroups",
     2,
     {{9, 3, 1, 1, 1, 1}, {7, 3, 2, 1, 1, 1}},
     16,
     24,
     1,
     DType::BF16,
     DType::F32,
     false,
     true,
     {64, 64, 64, 4, 1, 3, true}},
    {"epilogue", 2, {{8, 3, 1, 1, 1, 1}, {8, 3, 1, 1, 1, 1}}, 16, 35, 1, DType::BF16, DType::F32, true, true},
};
INSTANTIATE_TEST_SUITE_P(, Conv, ::testing::ValuesIn(kCases), [](const auto &info) {
  std::string name = info.param.what;
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
});

} // namespace
