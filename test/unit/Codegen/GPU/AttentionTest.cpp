// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention kernels on the emulator against a reference in double, under every schedule: odd extents, several
// steps of keys, groups of heads, masks, causal rules, rows that see nothing. And mutants, which it has to
// notice.
#include "EmulatedKernel.h"

#include "weft/Codegen/GPU/GenerateAttention.h"
#include "weft/Pipeline/LowerTiles.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace weft;
using namespace weft::testing;
using ::testing::HasSubstr;
using Causal = cpu::AttentionSpec::Causal;
using mlir::ShapedType;

namespace {

struct Case {
  const char *what;
  int64_t batch, heads, groups, queries, keys, depth, values;
  DType type = DType::F16;
  Causal causal = Causal::None;
  enum Mask { None, Added, Boolean } mask = None;
  std::vector<int64_t> maskShape = {};
  bool dynamic = false;
  double scale = 0.3;
};

mlir::Type typeOf(DType type) {
  mlir::OpBuilder b(&gpuContext());
  return type == DType::F16    ? mlir::Type(b.getF16Type())
         : type == DType::BF16 ? b.getBF16Type()
                               : b.getF32Type();
}

cpu::AttentionSpec specOf(const Case &c) {
  auto given = [&](int64_t extent) { return c.dynamic ? ShapedType::kDynamic : extent; };
  cpu::AttentionSpec spec;
  spec.batch = given(c.batch), spec.queries = given(c.queries), spec.keys = given(c.keys);
  spec.heads = c.heads, spec.kvHeads = c.groups, spec.depth = c.depth, spec.values = c.values;
  spec.scale = c.scale, spec.causal = c.causal, spec.type = typeOf(c.type);
  if (c.mask == Case::None)
    return spec;
  llvm::SmallVector<int64_t> shape(c.maskShape.begin(), c.maskShape.end());
  for (size_t d : {0u, 2u, 3u})
    if (shape[d] != 1)
      shape[d] = given(shape[d]);
  mlir::OpBuilder b(&gpuContext());
  spec.mask = mlir::MemRefType::get(shape, c.mask == Case::Added ? spec.type : mlir::Type(b.getI8Type()));
  return spec;
}

mlir::FailureOr<gpu::GpuKernel> generate(const Case &c) {
  mlir::OpBuilder b(&gpuContext());
  auto tiled = gpu::generateAttention(b.getUnknownLoc(), specOf(c));
  if (mlir::failed(tiled))
    return mlir::failure();
  return lowerTiles(std::move(*tiled), /*verify=*/true);
}

struct Problem {
  std::vector<Numbers> inputs;
  Numbers result;
  std::vector<double> wanted;
  std::vector<int64_t> extents;
  int64_t blocks;
  double tolerance;
};

Problem makeProblem(const Case &c, const gpu::GpuKernel &kernel) {
  Problem p;
  Numbers q = Numbers::random(c.type, c.batch * c.heads * c.queries * c.depth, 1),
          k = Numbers::random(c.type, c.batch * c.groups * c.keys * c.depth, 2),
          v = Numbers::random(c.type, c.batch * c.groups * c.keys * c.values, 3);
  p.inputs = {q, k, v};
  int64_t maskSize = 1;
  for (int64_t extent : c.maskShape)
    maskSize *= extent;
  // Bytes of bits: those of a small float are 0 for 0 alone.
  Numbers mask = Numbers::random(c.mask == Case::Added ? c.type : DType::F8E5M2, maskSize, 4);
  for (int64_t i = 0; c.mask != Case::None && i < maskSize; ++i) {
    // The first row, or the first keys of all, are hidden, and some others.
    bool hidden = i < c.maskShape.back() / 2 || (c.maskShape[2] > 1 && i < c.maskShape[3]) || i % 7 == 3;
    if (c.mask == Case::Boolean)
      mask.values[i] = hidden ? 0 : 1;
    else if (c.mask == Case::Added && hidden)
      mask.values[i] = -INFINITY;
  }
  if (c.mask != Case::None)
    p.inputs.push_back(mask);
  std::vector<double> weights(c.keys);
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.queries; ++i) {
        int64_t g = b * c.groups + h / (c.heads / c.groups);
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < c.keys; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < c.depth; ++d)
            dot += q.values[((b * c.heads + h) * c.queries + i) * c.depth + d] *
                   k.values[(g * c.keys + j) * c.depth + d];
          dot *= c.scale;
          if (c.mask != Case::None) {
            int64_t at = 0, index[] = {b, h, i, j};
            for (int d = 0; d < 4; ++d)
              at = at * c.maskShape[d] + (c.maskShape[d] == 1 ? 0 : index[d]);
            if (c.mask == Case::Added)
              dot += mask.values[at];
            else if (mask.values[at] == 0)
              dot = -INFINITY;
          }
          if (c.causal != Causal::None && j > (c.causal == Causal::TopLeft ? i : i + c.keys - c.queries))
            dot = -INFINITY;
          weights[j] = dot;
          top = std::max(top, dot);
        }
        for (double &x : weights) {
          x = top == -INFINITY ? 0 : std::exp(x - top);
          sum += x;
        }
        for (int64_t e = 0; e < c.values; ++e) {
          double y = 0;
          for (int64_t j = 0; j < c.keys; ++j)
            y += weights[j] * v.values[(g * c.keys + j) * c.values + e];
          p.wanted.push_back(sum == 0 ? 0 : y / sum);
        }
      }
  p.result = {c.type, std::vector<double>(p.wanted.size())};
  // Weights and results are rounded to the type, of numbers up to 1.
  p.tolerance = c.type == DType::F32 ? 4e-6 : c.type == DType::F16 ? 0x1p-10 : 0x1p-7;
  if (c.dynamic) {
    p.extents = {c.batch, c.queries, c.batch, c.keys, c.batch, c.keys};
    for (size_t d : {0u, 2u, 3u})
      if (c.mask != Case::None && c.maskShape[d] != 1)
        p.extents.push_back(c.maskShape[d]);
    p.extents.insert(p.extents.end(), {c.batch, c.queries});
  }
  const int64_t extents[] = {c.batch, c.heads, c.queries, c.values};
  p.blocks = kernel.blocks.evaluate([&](unsigned, unsigned dim) { return extents[dim]; });
  return p;
}

class Attention : public ::testing::TestWithParam<Case> {};

TEST_P(Attention, IsRightUnderEverySchedule) {
  const Case &c = GetParam();
  auto kernel = generate(c);
  ASSERT_TRUE(mlir::succeeded(kernel));
  EXPECT_LE(kernel->sharedBytes, 96 * 1024) << "more than a block has on GPUs of sm_86 and sm_89";
  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel, error);
  ASSERT_TRUE(emulated) << error;
  Problem p = makeProblem(c, *kernel);
  std::vector<double> first;
  for (const auto &options : allSchedules()) {
    Status status = emulated->run(options, p.inputs, p.result, p.extents, p.blocks);
    ASSERT_TRUE(status.isOk()) << status;
    if (first.empty()) {
      size_t wrong = 0;
      for (size_t i = 0; i < p.wanted.size(); ++i)
        if (!(std::abs(p.result.values[i] - p.wanted[i]) <= p.tolerance) && wrong++ < 3)
          ADD_FAILURE() << "element " << i << " is " << p.result.values[i] << ", wanted " << p.wanted[i];
      EXPECT_EQ(wrong, 0u) << " of " << p.wanted.size();
      first = p.result.values;
    }
    EXPECT_EQ(first, p.result.values) << "another schedule, other bits";
  }
}

const Case kCases[] = {
    {"one step", 1, 1, 1, 64, 64, 16, 16},
    {"several steps", 1, 1, 1, 64, 256, 32, 64, DType::BF16},
    {"odd everywhere", 1, 2, 2, 67, 149, 24, 40},
    {"odd depth", 2, 1, 1, 9, 70, 7, 5, DType::BF16},
    {"one query and one key", 1, 1, 1, 1, 1, 8, 8},
    {"groups share keys", 1, 4, 2, 10, 33, 16, 16},
    {"causal", 1, 1, 1, 130, 130, 16, 16, DType::F16, Causal::TopLeft},
    {"causal from the end", 1, 1, 1, 33, 140, 16, 16, DType::BF16, Causal::BottomRight},
    {"rows before the first key", 1, 1, 1, 80, 33, 16, 16, DType::F16, Causal::BottomRight},
    {"mask", 2, 2, 2, 19, 77, 16, 16, DType::F16, Causal::None, Case::Added, {2, 2, 19, 77}},
    {"mask of keys", 2, 2, 2, 19, 77, 16, 16, DType::BF16, Causal::None, Case::Added, {2, 1, 1, 77}},
    {"mask of bits", 1, 2, 2, 19, 77, 16, 16, DType::F16, Causal::TopLeft, Case::Boolean, {1, 2, 19, 77}},
    {"at run time", 2, 2, 2, 19, 77, 16, 24, DType::F16, Causal::BottomRight, Case::None, {}, true},
    {"negative scale", 1, 1, 1, 20, 30, 16, 16, DType::F16, Causal::None, Case::None, {}, false, -0.7},
    {"f32", 1, 2, 1, 64, 96, 32, 32, DType::F32},
    {"deep", 1, 1, 1, 10, 70, 128, 128, DType::BF16},
    {"f32, deep", 1, 1, 1, 10, 40, 128, 100, DType::F32},
    {"f32, odd everywhere", 2, 1, 1, 35, 71, 13, 21, DType::F32, Causal::BottomRight},
    {"f32, masked at run time",
     2,
     2,
     2,
     19,
     45,
     8,
     40,
     DType::F32,
     Causal::None,
     Case::Added,
     {2, 1, 19, 45},
     true},
};
INSTANTIATE_TEST_SUITE_P(, Attention, ::testing::ValuesIn(kCases), [](const auto &info) {
  std::string name = info.param.what;
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
});

//===-- Mutants: what a mistake in the kernel would look like
//----------------------------------------------===//

/// What the emulator says of the kernel of `c` after `mutate`, under any schedule.
template <typename Mutate> std::string runMutant(const Case &c, Mutate mutate) {
  auto kernel = generate(c);
  if (mlir::failed(kernel))
    return "not generated";
  mutate(*kernel->module);
  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel, error);
  if (!emulated)
    return error;
  Problem p = makeProblem(c, *kernel);
  std::string found;
  for (const auto &options : allSchedules())
    found += emulated->run(options, p.inputs, p.result, p.extents, p.blocks).message();
  return found;
}

const Case kPlain = {"plain", 1, 1, 1, 64, 192, 16, 16};
const Case kPlainF32 = {"plain", 1, 1, 1, 64, 96, 16, 32, DType::F32};

TEST(AttentionMutant, NoBarriers) {
  auto eraseBarriers = [](mlir::ModuleOp module) {
    module.walk([](mlir::NVVM::Barrier0Op op) { op.erase(); });
  };
  for (const Case &c : {kPlain, kPlainF32}) {
    EXPECT_EQ(runMutant(c, [](mlir::ModuleOp) {}), "");
    // Who reads before another thread has copied finds nothing written, or a race.
    EXPECT_THAT(runMutant(c, eraseBarriers), ::testing::AnyOf(HasSubstr("RACE"), HasSubstr("UNINITIALISED")));
  }
}

TEST(AttentionMutant, UsesKeysThatAreUnderWay) {
  EXPECT_THAT(runMutant(kPlain,
                        [](mlir::ModuleOp module) {
                          module.walk([](mlir::NVVM::CpAsyncWaitGroupOp op) { op.setN(op.getN() + 1); });
                        }),
              HasSubstr("ASYNC RACE"));
}

TEST(AttentionMutant, ReadsKeysBeyondTheLast) {
  Case c = kPlain;
  c.keys = 150;
  EXPECT_THAT(runMutant(c,
                        [](mlir::ModuleOp module) {
                          module.walk([](mlir::NVVM::CpAsyncOp op) { op.getCpSizeMutable().clear(); });
                        }),
              HasSubstr("OUT OF BOUNDS"));
}

TEST(GenerateAttention, RefusesWhatItCannotDo) {
  std::string said;
  mlir::ScopedDiagnosticHandler handler(&gpuContext(), [&](mlir::Diagnostic &diagnostic) {
    said = diagnostic.str();
    return mlir::success();
  });
  mlir::OpBuilder b(&gpuContext());
  cpu::AttentionSpec spec = specOf(kPlain);
  spec.values = 130;
  EXPECT_TRUE(mlir::failed(gpu::generateAttention(b.getUnknownLoc(), spec)));
  EXPECT_EQ(said, "attention: depth 16 and values 130, wanted at most 128");
  spec = specOf(kPlain);
  spec.type = b.getF64Type();
  EXPECT_TRUE(mlir::failed(gpu::generateAttention(b.getUnknownLoc(), spec)));
  EXPECT_EQ(said, "attention: elements of a type that is not f32, f16 or bf16");
}

} // namespace
