// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products on tensor cores, on the emulator with all its checks: every order and batch, shapes that
// fit no tile, an epilogue; the same bits under every schedule; no conflict between banks; and mutants.
#include "EmulatedKernel.h"

#include "weft/Codegen/GPU/GenerateGemm.h"
#include "weft/Pipeline/LowerTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

using namespace weft;
using namespace weft::testing;
using mlir::ShapedType;
using ::testing::HasSubstr;

namespace {

constexpr int64_t kAny = ShapedType::kDynamic;

mlir::Type typeOf(DType type) {
  mlir::OpBuilder b(&gpuContext());
  return type == DType::F16    ? mlir::Type(b.getF16Type())
         : type == DType::BF16 ? b.getBF16Type()
                               : b.getF32Type();
}

struct Case {
  const char *what;
  int64_t m, n, k;
  DType type = DType::BF16, to = DType::F32;
  bool ta = false, tb = false;
  bool dynamic = false; ///< all extents come as parameters
  std::vector<int64_t> batch = {}, aBatch = {}, bBatch = {};
  bool epilogue = false; ///< relu(acc + bias[n]) + residual[m, n]
  gpu::MmaTiling tiling = {64, 64, 32, 2, 2, 3};
};

constexpr gpu::MmaTiling kWarpgroups = {128, 64, 64, 8, 1, 3, true};
constexpr gpu::MmaTiling kFma = {64, 64, 16, 2, 2, 3, false, true};

int64_t product(const std::vector<int64_t> &extents) {
  int64_t p = 1;
  for (int64_t extent : extents)
    p *= extent;
  return p;
}

gpu::GemmSpec specOf(const Case &c) {
  gpu::GemmSpec spec;
  auto extent = [&](int64_t x) { return c.dynamic ? kAny : x; };
  spec.m = extent(c.m), spec.n = extent(c.n), spec.k = extent(c.k);
  spec.batch.assign(c.batch.begin(), c.batch.end());
  spec.aBatch.assign(c.aBatch.begin(), c.aBatch.end());
  spec.bBatch.assign(c.bBatch.begin(), c.bBatch.end());
  spec.transposedA = c.ta, spec.transposedB = c.tb;
  spec.type = typeOf(c.type), spec.cType = typeOf(c.to);
  if (c.epilogue) {
    llvm::SmallVector<int64_t> ones(c.batch.size() + 1, 1), whole(c.batch.begin(), c.batch.end());
    ones.push_back(spec.n);
    whole.append({spec.m, spec.n});
    spec.epilogue.operands.push_back({typeOf(DType::F32), ones});
    spec.epilogue.operands.push_back({typeOf(DType::F32), whole});
    spec.epilogue.emit = [](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange values,
                            int64_t) -> mlir::Value {
      mlir::Value sum = mlir::arith::AddFOp::create(b, loc, values[0], values[1]);
      mlir::Value zero = mlir::arith::ConstantOp::create(b, loc, b.getZeroAttr(sum.getType()));
      mlir::Value relu = mlir::arith::MaximumFOp::create(b, loc, sum, zero);
      return mlir::arith::AddFOp::create(b, loc, relu, values[2]);
    };
  }
  return spec;
}

mlir::FailureOr<gpu::GpuKernel> generate(const Case &c) {
  mlir::OpBuilder b(&gpuContext());
  auto tiled = gpu::generateGemm(b.getUnknownLoc(), specOf(c), c.tiling);
  if (mlir::failed(tiled))
    return mlir::failure();
  return lowerTiles(std::move(*tiled), /*verify=*/true);
}

struct Problem {
  std::vector<Numbers> inputs;
  Numbers result;
  std::vector<double> wanted, bound;
  std::vector<int64_t> extents;
  int64_t blocks;
};

Problem makeProblem(const Case &c, const gpu::GpuKernel &kernel) {
  Problem p;
  Numbers a = Numbers::random(c.type, product(c.aBatch) * c.m * c.k, 1),
          b = Numbers::random(c.type, product(c.bBatch) * c.k * c.n, 2);
  p.inputs = {a, b};
  int64_t batches = product(c.batch);
  Numbers bias = Numbers::random(DType::F32, c.n, 3),
          residual = Numbers::random(DType::F32, batches * c.m * c.n, 4);
  if (c.epilogue) {
    p.inputs.push_back(bias);
    p.inputs.push_back(residual);
  }
  p.result = {c.to, std::vector<double>(batches * c.m * c.n)};
  // The number of an operand's batch that belongs to one of C's.
  auto batchOf = [&](int64_t number, const std::vector<int64_t> &own) {
    int64_t at = 0, stride = 1;
    for (size_t i = c.batch.size(); i-- > 0 && !own.empty();) {
      at += (own[i] == 1 ? 0 : number % c.batch[i]) * stride;
      stride *= own[i];
      number /= c.batch[i];
    }
    return at;
  };
  for (int64_t n = 0; n < batches; ++n)
    for (int64_t i = 0; i < c.m; ++i)
      for (int64_t j = 0; j < c.n; ++j) {
        const double *x = a.values.data() + batchOf(n, c.aBatch) * c.m * c.k,
                     *y = b.values.data() + batchOf(n, c.bBatch) * c.k * c.n;
        double sum = 0, size = 0;
        for (int64_t k = 0; k < c.k; ++k) {
          double term = (c.ta ? x[k * c.m + i] : x[i * c.k + k]) * (c.tb ? y[j * c.k + k] : y[k * c.n + j]);
          sum += term;
          size += std::abs(term);
        }
        if (c.epilogue)
          sum = std::max(sum + bias.values[j], 0.0) + residual.values[(n * c.m + i) * c.n + j];
        p.wanted.push_back(sum);
        // Sums in f32 in any order, then one rounding.
        if (c.type == DType::F32 && !c.tiling.fma) // both factors are rounded to 11 bits
          size *= 1 + 0x1p-10 * 0x1p24 / double(c.k + 4);
        double ulp = c.to == DType::F32 ? 0x1p-24 : c.to == DType::F16 ? 0x1p-11 : 0x1p-8;
        p.bound.push_back((size + 2) * 0x1p-24 * double(c.k + 4) + (std::abs(sum) + 0x1p-14) * ulp);
      }
  auto add = [&](std::initializer_list<int64_t> extents) {
    if (c.dynamic)
      p.extents.insert(p.extents.end(), extents);
  };
  c.ta ? add({c.k, c.m}) : add({c.m, c.k});
  c.tb ? add({c.n, c.k}) : add({c.k, c.n});
  if (c.epilogue)
    add({c.n, c.m, c.n});
  add({c.m, c.n});
  p.blocks =
      kernel.blocks.evaluate([&](unsigned, unsigned dim) { return dim == c.batch.size() ? c.m : c.n; });
  return p;
}

void expectClose(const Case &c, const Problem &p) {
  size_t wrong = 0;
  for (size_t i = 0; i < p.wanted.size(); ++i)
    if (!(std::abs(p.result.values[i] - p.wanted[i]) <= p.bound[i]) && wrong++ < 3)
      ADD_FAILURE() << c.what << ": element " << i << " is " << p.result.values[i] << ", wanted "
                    << p.wanted[i];
  EXPECT_EQ(wrong, 0u) << c.what << " of " << p.wanted.size();
}

class Gemm : public ::testing::TestWithParam<Case> {};

TEST_P(Gemm, IsRightUnderEverySchedule) {
  const Case &c = GetParam();
  auto kernel = generate(c);
  ASSERT_TRUE(mlir::succeeded(kernel));
  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel, error);
  ASSERT_TRUE(emulated) << error;
  Problem p = makeProblem(c, *kernel);
  std::vector<double> first;
  for (const auto &options : allSchedules()) {
    Status status = emulated->run(options, p.inputs, p.result, p.extents, p.blocks);
    ASSERT_TRUE(status.isOk()) << status;
    if (first.empty()) {
      expectClose(c, p);
      first = p.result.values;
    }
    EXPECT_EQ(first, p.result.values) << "another schedule, other bits";
  }
}

const Case kCases[] = {
    {"one tile", 64, 64, 32},
    {"several tiles and steps, all neighbours together", 128, 128, 160, DType::BF16, DType::F32, false, true},
    {"A transposed", 64, 64, 96, DType::F16, DType::F32, true, false},
    {"both transposed", 64, 128, 64, DType::BF16, DType::F32, true, true},
    {"odd everywhere", 67, 45, 77, DType::BF16, DType::F32},
    {"odd, both transposed", 35, 70, 33, DType::F16, DType::F16, true, true},
    {"copies of eight bytes", 68, 60, 100, DType::F16, DType::F32, false, true},
    {"copies of four bytes", 66, 62, 34, DType::BF16, DType::BF16, true, false},
    {"one row", 1, 72, 40, DType::F16, DType::F32, false, true},
    {"extents at run time", 50, 41, 37, DType::BF16, DType::F32, false, false, true},
    {"extents at run time, transposed", 70, 66, 65, DType::F16, DType::F32, true, true, true},
    {"batches", 33, 34, 35, DType::BF16, DType::F32, false, true, false, {2, 2}, {2, 2}, {2, 2}},
    {"shared batches", 20, 24, 16, DType::F16, DType::F32, false, false, false, {2, 3}, {1, 3}, {2, 1}},
    {"B without batches", 20, 24, 48, DType::F16, DType::F32, false, false, false, {3}, {3}, {}},
    {"epilogue", 65, 70, 40, DType::F16, DType::F16, false, true, false, {}, {}, {}, true},
    {"epilogue at run time", 66, 67, 24, DType::BF16, DType::F32, false, false, true, {}, {}, {}, true},
    {"the large tile",
     128,
     128,
     128,
     DType::BF16,
     DType::F32,
     false,
     true,
     false,
     {},
     {},
     {},
     false,
     gpu::MmaTiling{}},
    {"multiply-adds", 128, 128, 80, DType::F32, DType::F32, false, false, false, {}, {}, {}, false, kFma},
    {"multiply-adds, rows of K",
     64,
     64,
     48,
     DType::F32,
     DType::F32,
     false,
     true,
     false,
     {},
     {},
     {},
     true,
     kFma},
    {"multiply-adds, odd", 67, 45, 77, DType::F32, DType::F32, true, false, false, {}, {}, {}, true, kFma},
    {"multiply-adds, odd, transposed",
     35,
     70,
     33,
     DType::F32,
     DType::F16,
     true,
     true,
     false,
     {2},
     {2},
     {1},
     false,
     kFma},
    {"multiply-adds, at run time",
     50,
     41,
     37,
     DType::F32,
     DType::F32,
     false,
     false,
     true,
     {},
     {},
     {},
     true,
     kFma},
    {"multiply-adds, the large tile",
     130,
     132,
     36,
     DType::F32,
     DType::F32,
     false,
     false,
     false,
     {},
     {},
     {},
     true,
     {128, 128, 16, 4, 2, 4, false, true}},
    {"multiply-adds, few columns",
     70,
     20,
     52,
     DType::F32,
     DType::F32,
     false,
     false,
     false,
     {},
     {},
     {},
     true,
     {64, 32, 16, 4, 1, 4, false, true}},
    {"tf32", 128, 64, 96, DType::F32, DType::F32, false, true},
    {"tf32, odd everywhere", 35, 71, 45, DType::F32, DType::F32, false, true},
    {"tf32, at run time", 66, 50, 34, DType::F32, DType::F32, false, true, true, {}, {}, {}, true},
    {"warpgroups", 128, 64, 256, DType::BF16, DType::F32, false, true, false, {}, {}, {}, false, kWarpgroups},
    {"warpgroups, odd everywhere",
     131,
     67,
     99,
     DType::F16,
     DType::F32,
     false,
     true,
     false,
     {},
     {},
     {},
     false,
     kWarpgroups},
    {"warpgroups, at run time",
     70,
     130,
     72,
     DType::BF16,
     DType::BF16,
     false,
     true,
     true,
     {},
     {},
     {},
     true,
     kWarpgroups},
    {"warpgroups, batches",
     40,
     50,
     136,
     DType::F16,
     DType::F16,
     false,
     true,
     false,
     {2},
     {2},
     {1},
     true,
     {64, 128, 64, 4, 1, 4, true}},
    {"two stages",
     64,
     64,
     128,
     DType::BF16,
     DType::F32,
     false,
     true,
     false,
     {},
     {},
     {},
     false,
     {64, 64, 64, 2, 2, 2}},
};
INSTANTIATE_TEST_SUITE_P(, Gemm, ::testing::ValuesIn(kCases), [](const auto &info) {
  std::string name = info.param.what;
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
});

/// A product with all neighbours together, for what follows.
const Case kPlain = {"plain", 128,   128, 256, DType::BF16, DType::F32, false,
                     true,    false, {},  {},  {},          false,      gpu::MmaTiling{}};

/// Expects that no access of the kernel of `c` takes more than it has to; loads from shared memory `loads`
/// times as much.
void expectWholeAccesses(const Case &c, const char *loads = "1.00") {
  auto kernel = generate(c);
  ASSERT_TRUE(mlir::succeeded(kernel));
  std::string error;
  auto emulated = EmulatedKernel::compile(*kernel, error);
  ASSERT_TRUE(emulated) << error;
  Problem p = makeProblem(c, *kernel);
  runtime::emulator::EmulatorOptions options;
  options.lint = true;
  ASSERT_TRUE(emulated->run(options, p.inputs, p.result, p.extents, p.blocks).isOk());
  int lines = 0;
  std::istringstream report(emulated->lint);
  // The stores of copies are counted in LayoutTest.
  for (std::string line; std::getline(report, line); ++lines)
    if (line.find("shared store") == std::string::npos)
      EXPECT_THAT(line,
                  HasSubstr(std::string(line.find("shared load") == std::string::npos ? "1.00" : loads) +
                            "x the ideal"));
  EXPECT_GE(lines, 4) << emulated->lint;
}

TEST(GemmLint, MemoryIsUsedWhole) {
  for (bool transposed : {false, true}) {
    Case c = kPlain;
    c.ta = transposed, c.tb = !transposed;
    expectWholeAccesses(c);
  }
}

TEST(GemmLint, MultiplyAddsUseMemoryWhole) {
  for (bool transposed : {false, true}) {
    Case c = kPlain;
    c.type = DType::F32, c.k = 64;
    c.ta = transposed, c.tb = !transposed;
    c.tiling = {128, 128, 16, 4, 2, 4, false, true};
    // Of 16 bytes by each lane a quarter of a warp goes at a time, whatever the others read: a wave each.
    expectWholeAccesses(c, "4.00");
  }
}

//===-- Mutants: what a mistake in the kernel would look like
//----------------------------------------------===//

/// What the emulator says of the kernel of `c` after `mutate`; the schedule that finds the most.
std::string runMutant(const Case &c, llvm::function_ref<void(mlir::ModuleOp)> mutate, bool *wrong = nullptr) {
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
  for (const auto &options : allSchedules()) {
    Status status = emulated->run(options, p.inputs, p.result, p.extents, p.blocks);
    found += status.message();
    for (size_t i = 0; wrong && i < p.wanted.size(); ++i)
      *wrong |= !(std::abs(p.result.values[i] - p.wanted[i]) <= p.bound[i]);
  }
  return found;
}

template <typename Op> void eraseAll(mlir::ModuleOp module) {
  module.walk([](Op op) { op.erase(); });
}

TEST(GemmMutant, NoBarrierInTheLoop) {
  EXPECT_THAT(runMutant(kPlain, eraseAll<mlir::NVVM::Barrier0Op>), HasSubstr("RACE"));
}

TEST(GemmMutant, WaitsForOneStepLess) {
  EXPECT_THAT(runMutant(kPlain,
                        [](mlir::ModuleOp module) {
                          module.walk([](mlir::NVVM::CpAsyncWaitGroupOp op) { op.setN(op.getN() + 1); });
                        }),
              HasSubstr("ASYNC RACE"));
}

TEST(GemmMutant, WaitsForNothing) {
  EXPECT_THAT(runMutant(kPlain, eraseAll<mlir::NVVM::CpAsyncWaitGroupOp>), HasSubstr("ASYNC RACE"));
}

TEST(GemmMutant, AllStepsAreOneGroup) {
  EXPECT_THAT(runMutant(kPlain, eraseAll<mlir::NVVM::CpAsyncCommitGroupOp>), HasSubstr("ASYNC RACE"));
}

TEST(GemmMutant, CopiesBeyondTheEdge) {
  Case c = kPlain;
  c.m = 120;
  EXPECT_EQ(runMutant(c, [](mlir::ModuleOp) {}), "");
  EXPECT_THAT(runMutant(c,
                        [](mlir::ModuleOp module) {
                          module.walk([](mlir::NVVM::CpAsyncOp op) { op.getCpSizeMutable().clear(); });
                        }),
              HasSubstr("OUT OF BOUNDS"));
}

TEST(GemmMutant, LoadsFragmentsTheOtherWay) {
  bool wrong = false;
  runMutant(
      kPlain,
      [](mlir::ModuleOp module) {
        module.walk([](mlir::NVVM::LdMatrixOp op) { op.setLayout(mlir::NVVM::MMALayout::col); });
      },
      &wrong);
  EXPECT_TRUE(wrong);
}

/// As kPlain, for sm_90a.
Case warpgroupCase() {
  Case c = kPlain;
  c.n = 64, c.k = 512, c.tiling = kWarpgroups;
  return c;
}

TEST(WgmmaMutant, NoBarrierInTheLoop) {
  EXPECT_EQ(runMutant(warpgroupCase(), [](mlir::ModuleOp) {}), "");
  EXPECT_THAT(runMutant(warpgroupCase(), eraseAll<mlir::NVVM::Barrier0Op>), HasSubstr("RACE"));
}

TEST(WgmmaMutant, NoFenceBetweenCopiesAndProducts) {
  EXPECT_THAT(runMutant(warpgroupCase(), eraseAll<mlir::NVVM::FenceProxyOp>), HasSubstr("PROXY"));
}

TEST(WgmmaMutant, ReleasesAStageInUse) {
  EXPECT_THAT(runMutant(warpgroupCase(),
                        [](mlir::ModuleOp module) {
                          module.walk(
                              [](mlir::NVVM::WgmmaWaitGroupSyncOp op) { op.setGroup(op.getGroup() + 1); });
                        }),
              HasSubstr("RACE"));
}

TEST(WgmmaMutant, WrongDescriptor) {
  bool wrong = false;
  runMutant(
      warpgroupCase(),
      [](mlir::ModuleOp module) {
        module.walk([](mlir::LLVM::ConstantOp op) {
          auto value = mlir::dyn_cast<mlir::IntegerAttr>(op.getValue());
          if (!value || !value.getType().isInteger(64) || value.getValue().getZExtValue() >> 62 != 1)
            return;
          mlir::OpBuilder b(op); // eight rows 512 bytes apart instead of 1024
          op.setValueAttr(b.getI64IntegerAttr(value.getInt() ^ (96ll << 32)));
        });
      },
      &wrong);
  EXPECT_TRUE(wrong);
}

TEST(GemmMutant, StoresBeyondTheEdge) {
  Case c = kPlain;
  c.n = 120;
  // Every comparison says yes: rows and columns outside are stored.
  std::string found = runMutant(c, [](mlir::ModuleOp module) {
    module.walk([](mlir::LLVM::CondBrOp op) {
      bool stores = false;
      for (mlir::Operation &inner : *op.getTrueDest())
        stores |= mlir::isa<mlir::LLVM::StoreOp>(inner);
      if (!stores)
        return;
      mlir::OpBuilder b(op);
      op.getConditionMutable().assign(
          mlir::LLVM::ConstantOp::create(b, op.getLoc(), b.getI1Type(), b.getBoolAttr(true)));
    });
  });
  EXPECT_THAT(found, ::testing::AnyOf(HasSubstr("OUT OF BOUNDS"), HasSubstr("RACE")));
}

TEST(GenerateGemm, RefusesWhatItCannotDo) {
  mlir::OpBuilder b(&gpuContext());
  std::string said;
  mlir::ScopedDiagnosticHandler handler(&gpuContext(), [&](mlir::Diagnostic &diagnostic) {
    said = diagnostic.str();
    return mlir::success();
  });
  gpu::GemmSpec spec = specOf(kPlain);
  spec.type = b.getF64Type();
  EXPECT_TRUE(mlir::failed(gpu::generateGemm(b.getUnknownLoc(), spec, {})));
  EXPECT_THAT(said, HasSubstr("no product of 'f64', wanted f16, bf16 or f32"));
  spec.type = b.getF32Type();
  spec.transposedB = false;
  EXPECT_TRUE(mlir::failed(gpu::generateGemm(b.getUnknownLoc(), spec, {})));
  EXPECT_THAT(said, HasSubstr("tf32 wants A as [M, K] and B as [N, K]"));
  spec = specOf(kPlain);
  spec.batch = {4}, spec.aBatch = {3};
  EXPECT_TRUE(mlir::failed(gpu::generateGemm(b.getUnknownLoc(), spec, {})));
  EXPECT_THAT(said, HasSubstr("a batch extent of 3, wanted 1 or 4"));
  spec = specOf(kPlain);
  EXPECT_TRUE(mlir::failed(gpu::generateGemm(b.getUnknownLoc(), spec, {48, 64, 32, 2, 2, 3})));
  EXPECT_THAT(said, HasSubstr("wanted powers of two, got 48"));
  spec.transposedB = false;
  EXPECT_TRUE(mlir::failed(gpu::generateGemm(b.getUnknownLoc(), spec, kWarpgroups)));
  EXPECT_THAT(said, HasSubstr("warpgroups want A as [M, K] and B as [N, K]"));
}

} // namespace
