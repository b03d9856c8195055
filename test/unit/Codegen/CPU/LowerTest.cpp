// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowering, emission and linking of kernels: dynamic extents, scratch, copies, narrow floats, odd vector
// shapes, what is refused, and several threads in one context.
#include "KernelTesting.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <dlfcn.h>
#include <thread>

using namespace weft;
using namespace weft::testing;
using ::testing::HasSubstr;

namespace {

TEST(TargetInfo, NamesAndRefusals) {
  auto v3 = cpu::TargetInfo::get("x86-64-v3"), v4 = cpu::TargetInfo::get("x86-64-v4"),
       arm = cpu::TargetInfo::get("aarch64");
  ASSERT_TRUE(bool(v3) && bool(v4) && bool(arm));
  EXPECT_EQ(v3->lanes(), 8u);
  EXPECT_EQ(v3->vectorRegisters, 16u);
  EXPECT_EQ(v4->lanes(), 16u);
  EXPECT_EQ(v4->lanes(64), 8u);
  EXPECT_EQ(v4->vectorRegisters, 32u);
  EXPECT_EQ(arm->lanes(), 4u);
  EXPECT_NE(v3->key(), v4->key());
  EXPECT_THAT(llvm::toString(cpu::TargetInfo::get("pentium-9000").takeError()),
              HasSubstr("unknown target CPU 'pentium-9000'"));
  EXPECT_THAT(llvm::toString(cpu::TargetInfo::get("nehalem").takeError()), HasSubstr("lacks AVX2"));
}

TEST(Lower, DynamicExtentsComeFromDims) {
  const char *text = R"(
    func.func @add(%a: memref<?x3xf32>, %b: memref<3x?xf32>, %y: memref<?x3xf32>, %s: memref<?xi8>, %lo: index, %hi: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c3 = arith.constant 3 : index
      scf.for %i = %lo to %hi step %c1 {
        scf.for %j = %c0 to %c3 step %c1 {
          %x = memref.load %a[%i, %j] : memref<?x3xf32>
          %z = memref.load %b[%j, %i] : memref<3x?xf32>
          %r = arith.addf %x, %z : f32
          memref.store %r, %y[%i, %j] : memref<?x3xf32>
        }
      }
      return
    })";
  for (const auto &target : testTargets()) {
    std::string error;
    Kernel k = compileText(text, target, cpu::Pipeline::Loops, error);
    ASSERT_TRUE(k.entry) << error;
    EXPECT_EQ(k.info.numBuffers, 3u);
    EXPECT_EQ(k.info.numDims, 3u);
    EXPECT_EQ(k.info.scratchBytes, 0);
    int n = 37;
    std::vector<float> a(3 * n), b(3 * n);
    for (int i = 0; i < 3 * n; ++i)
      a[i] = i, b[i] = 1000 * i;
    auto ab = Buffer::of(a), bb = Buffer::of(b);
    Buffer y(3 * n * 4);
    EXPECT_EQ(k({ab.raw(), bb.raw(), y.raw()}, {n, n, n}, 0, 20), 0);
    EXPECT_EQ(k({ab.raw(), bb.raw(), y.raw()}, {n, n, n}, 20, n), 0);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < 3; ++j)
        EXPECT_EQ(y.as<float>()[i * 3 + j], a[i * 3 + j] + b[j * n + i]);
  }
}

TEST(Lower, AllocationsAndCopiesLiveInScratch) {
  const char *text = R"(
    func.func @k(%a: memref<5x37xf32>, %y: memref<5x37xf32>, %s: memref<?xi8>, %lo: index, %hi: index) {
      %c1 = arith.constant 1 : index
      %t = memref.alloc() : memref<5x37xf32>
      %u = memref.alloca() : memref<3xf64>
      memref.copy %a, %t : memref<5x37xf32> to memref<5x37xf32>
      %v = memref.subview %t[1, 2] [3, 8] [1, 2] : memref<5x37xf32> to memref<3x8xf32, strided<[37, 2], offset: 39>>
      %w = memref.subview %t[0, 20] [3, 8] [1, 1] : memref<5x37xf32> to memref<3x8xf32, strided<[37, 1], offset: 20>>
      memref.copy %v, %w : memref<3x8xf32, strided<[37, 2], offset: 39>> to memref<3x8xf32, strided<[37, 1], offset: 20>>
      memref.copy %t, %y : memref<5x37xf32> to memref<5x37xf32>
      memref.dealloc %t : memref<5x37xf32>
      return
    })";
  for (const auto &target : testTargets()) {
    std::string error;
    Kernel k = compileText(text, target, cpu::Pipeline::Vectorized, error);
    ASSERT_TRUE(k.entry) << error;
    EXPECT_EQ(k.info.scratchBytes, 768 + 64);
    std::vector<float> a(5 * 37);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = i;
    auto ab = Buffer::of(a);
    Buffer y(a.size() * 4);
    k({ab.raw(), y.raw()}, {}, 0, 1);
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 8; ++j)
        a[i * 37 + 20 + j] = (i + 1) * 37 + 2 + 2 * j;
    // Rows 1 and 2 of the source overlap with what was written before them only outside columns 2..16.
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(y.as<float>()[i], a[i]) << i;
  }
}

TEST(Lower, Bf16AndF16RoundToNearestEven) {
  const char *text = R"(
    func.func @k(%a: memref<64xf32>, %d: memref<64xf64>, %y: memref<64xbf16>, %z: memref<64xf16>, %w: memref<64xbf16>, %e: memref<64xbf16>,
                 %s: memref<?xi8>, %lo: index, %hi: index) {
      %c1 = arith.constant 1 : index
      scf.for %i = %lo to %hi step %c1 {
        %x = memref.load %a[%i] : memref<64xf32>
        %dx = memref.load %d[%i] : memref<64xf64>
        %b = arith.truncf %x : f32 to bf16
        memref.store %b, %y[%i] : memref<64xbf16>
        %h = arith.truncf %dx : f64 to f16
        memref.store %h, %z[%i] : memref<64xf16>
        %sum = arith.addf %b, %b : bf16
        memref.store %sum, %w[%i] : memref<64xbf16>
        %q = math.exp %b : bf16
        memref.store %q, %e[%i] : memref<64xbf16>
      }
      return
    })";
  auto bf16 = [](float x) -> uint16_t {
    uint32_t b = std::bit_cast<uint32_t>(x);
    if (std::isnan(x))
      return (b >> 16) | 0x40;
    return (b + 0x7fff + ((b >> 16) & 1)) >> 16;
  };
  auto back = [](uint16_t b) { return std::bit_cast<float>(uint32_t(b) << 16); };
  for (const auto &target : testTargets()) {
    std::string error;
    Kernel k = compileText(text, target, cpu::Pipeline::Loops, error);
    ASSERT_TRUE(k.entry) << error;
    std::vector<float> a(64);
    std::vector<double> d(64);
    for (int i = 0; i < 64; ++i)
      a[i] = std::ldexp(1.0f + i / 64.0f / 8 + 0x1p-9f, i % 20 - 10),
      d[i] = 1.0 + 0x1p-11 + (i % 3 - 1) * 0x1p-40;
    a[0] = NAN, a[1] = INFINITY, a[2] = 1e-41f, a[3] = 3.4e38f, a[4] = -0.0f;
    auto ab = Buffer::of(a), db = Buffer::of(d);
    Buffer y(128), z(128), w(128), e(128);
    k({ab.raw(), db.raw(), y.raw(), z.raw(), w.raw(), e.raw()}, {}, 0, 64);
    for (int i = 0; i < 64; ++i) {
      uint16_t want = bf16(a[i]);
      EXPECT_EQ(y.as<uint16_t>()[i], want) << a[i];
      EXPECT_EQ(z.as<uint16_t>()[i], i % 3 == 2 ? 0x3c01 : 0x3c00) << i;
      if (i == 0)
        continue;
      EXPECT_EQ(w.as<uint16_t>()[i], bf16(2 * back(want)));
      double exact = std::exp(double(back(want)));
      if (exact > 3.39e38)
        EXPECT_TRUE(std::isinf(back(e.as<uint16_t>()[i])));
      else
        EXPECT_NEAR(back(e.as<uint16_t>()[i]) / exact, 1, 0.004) << back(want);
    }
  }
}

TEST(Lower, AnyVectorShape) {
  for (const char *shape : {"3xf32", "2x5xf32", "2x3x2xf64", "24xf32"}) {
    std::string t = shape, element = t.substr(t.size() - 3);
    std::string text = "func.func @k(%a: memref<" + t + ">, %y: memref<" + t +
                       ">, %s: memref<?xi8>, %lo: index, %hi: index) {\n"
                       "%c0 = arith.constant 0 : index\n%p = arith.constant 0.0 : " +
                       element + "\n";
    std::string zeros = "%c0";
    for (char c : t)
      zeros += c == 'x' ? ", %c0" : "";
    zeros = zeros.substr(0, zeros.rfind(','));
    text += "%v = vector.transfer_read %a[" + zeros + "], %p : memref<" + t + ">, vector<" + t +
            ">\n"
            "%s1 = math.sin %v : vector<" +
            t + ">\n%e = math.exp %s1 : vector<" + t + ">\n%q = arith.remf %e, %s1 : vector<" + t +
            ">\n"
            "vector.transfer_write %q, %y[" +
            zeros + "] : vector<" + t + ">, memref<" + t + ">\nreturn\n}\n";
    std::string error;
    Kernel k = compileText(text, testTargets().back(), cpu::Pipeline::Vectorized, error);
    EXPECT_TRUE(k.entry) << shape << ": " << error;
  }
}

TEST(Lower, IntegerPowers) {
  const char *text = R"(
    func.func @k(%a: memref<8xi32>, %b: memref<8xi32>, %y: memref<8xi32>, %x: memref<8xf64>, %z: memref<8xf64>, %s: memref<?xi8>, %lo: index, %hi: index) {
      %c1 = arith.constant 1 : index
      scf.for %i = %lo to %hi step %c1 {
        %p = memref.load %a[%i] : memref<8xi32>
        %q = memref.load %b[%i] : memref<8xi32>
        %r = math.ipowi %p, %q : i32
        memref.store %r, %y[%i] : memref<8xi32>
        %f = memref.load %x[%i] : memref<8xf64>
        %g = math.fpowi %f, %q : f64, i32
        memref.store %g, %z[%i] : memref<8xf64>
      }
      return
    })";
  std::string error;
  Kernel k = compileText(text, testTargets().front(), cpu::Pipeline::Loops, error);
  ASSERT_TRUE(k.entry) << error;
  std::vector<int32_t> a = {2, 3, -1, -1, 1, 0, 0, 7}, b = {10, 40, -3, -2, -5, -1, 0, -1};
  std::vector<double> x = {2, 1.5, -1, -1, 1, 0.5, 0, 7};
  std::vector<int32_t> want = {1024, static_cast<int32_t>(12157665459056928801ull), -1, 1, 1, 0, 1, 0};
  auto ab = Buffer::of(a), bb = Buffer::of(b), xb = Buffer::of(x);
  Buffer y(32), z(64);
  k({ab.raw(), bb.raw(), y.raw(), xb.raw(), z.raw()}, {}, 0, 8);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(y.as<int32_t>()[i], want[i]) << i;
    EXPECT_NEAR(z.as<double>()[i] / std::pow(x[i], b[i]), 1, 1e-15) << i;
  }
}

/// A kernel that computes y[i] = op(a[i], ...) for many ops, all from one type.
class ManyOps {
public:
  ManyOps(const std::string &from, int lanes) : from(from), lanes(lanes) {}
  void add(const std::string &op, int operands, const std::string &to, bool conversion) {
    std::string n = std::to_string(count++), arguments;
    for (int k = 0; k < operands; ++k)
      arguments += (k ? ", %x" : " %x") + std::to_string(k);
    body += "%r" + n + " = " + op + arguments + " : " + typed(from) + (conversion ? " to " + typed(to) : "") +
            "\n";
    std::string stored = to == "i1" ? "i8" : to, value = "%r" + n;
    if (to == "i1") {
      body += "%w" + n + " = arith.extui " + value + " : " + typed("i1") + " to " + typed("i8") + "\n";
      value = "%w" + n;
    }
    parameters += ", %y" + n + ": memref<64x" + stored + ">";
    body += (lanes ? "vector.store " : "memref.store ") + value + ", %y" + n + "[%i] : memref<64x" + stored +
            ">" + (lanes ? ", " + typed(stored) : "") + "\n";
  }
  void addClamp() {
    std::string n = std::to_string(count++);
    parameters += ", %y" + n + ": memref<64x" + from + ">";
    body += "%r" + n + " = math.clampf %x0 to [%x1, %x2] : " + typed(from) + "\n";
    body += (lanes ? "vector.store %r" : "memref.store %r") + n + ", %y" + n + "[%i] : memref<64x" + from +
            ">" + (lanes ? ", " + typed(from) : "") + "\n";
  }
  std::string compile(const cpu::TargetInfo &target) const {
    std::string memref = "memref<64x" + from + ">";
    std::string text = "func.func @k(%a: " + memref + parameters +
                       ", %s: memref<?xi8>, %lo: index, %hi: index) {\n%one = arith.constant 1 : index\n" +
                       "%step = arith.constant " + std::to_string(lanes ? lanes : 1) +
                       " : index\nscf.for %i = %lo to %hi step %step {\n";
    for (int k = 0; k < 3; ++k) {
      std::string n = std::to_string(k);
      text += "%at" + n + " = arith." +
              (k == 0   ? "addi %i, %one"
               : k == 1 ? "shrui %i, %one"
                        : "muli %i, %one") +
              " : index\n";
      text += "%x" + n + (lanes ? " = vector.load" : " = memref.load") + " %a[%at" + n + "] : " + memref +
              (lanes ? ", " + typed(from) : "") + "\n";
    }
    text += body + "}\nreturn\n}\n";
    std::string error;
    Kernel kernel =
        compileText(text, target, lanes ? cpu::Pipeline::Vectorized : cpu::Pipeline::Loops, error);
    return kernel.entry ? "" : from + " lanes " + std::to_string(lanes) + " on " + target.cpu + ": " + error;
  }

private:
  std::string typed(const std::string &t) const {
    return lanes ? "vector<" + std::to_string(lanes) + "x" + t + ">" : t;
  }
  std::string from, parameters, body;
  int lanes, count = 0;
};

TEST(Lower, NoOpOfTheContractBecomesALibraryCall) {
  const std::vector<std::string> floats = {"f16", "bf16", "f32", "f64"},
                                 integers = {"i8", "i16", "i32", "i64"};
  for (const auto &target : testTargets())
    for (int lanes : {0, 8}) {
      for (const auto &f : floats) {
        ManyOps ops(f, lanes);
        for (const char *op : {"arith.addf", "arith.divf", "arith.remf", "arith.maximumf", "arith.minimumf",
                               "arith.minnumf", "arith.maxnumf", "math.powf", "math.copysign"})
          ops.add(op, 2, f, false);
        for (const char *op : {"arith.negf", "math.absf", "math.sqrt", "math.exp", "math.round",
                               "math.roundeven", "math.floor", "math.sin", "math.rsqrt"})
          ops.add(op, 1, f, false);
        ops.add("math.fma", 3, f, false);
        ops.addClamp();
        ops.add("arith.cmpf olt,", 2, "i1", false);
        for (const auto &i : integers) {
          ops.add("arith.fptosi", 1, i, true);
          ops.add("arith.fptoui", 1, i, true);
        }
        int bits = f == "f64" ? 64 : f == "f32" ? 32 : 16;
        if (bits > 16) {
          ops.add("arith.truncf", 1, "f16", true);
          ops.add("arith.truncf", 1, "bf16", true);
        }
        if (bits == 64)
          ops.add("arith.truncf", 1, "f32", true);
        if (bits < 32)
          ops.add("arith.extf", 1, "f32", true);
        if (bits < 64)
          ops.add("arith.extf", 1, "f64", true);
        EXPECT_EQ(ops.compile(target), "");
      }
      for (const auto &i : integers) {
        ManyOps ops(i, lanes);
        for (const char *op : {"arith.muli", "arith.divsi", "arith.divui", "arith.remsi", "arith.remui",
                               "arith.ceildivsi", "arith.floordivsi", "arith.ceildivui", "arith.shli",
                               "arith.shrsi", "arith.maxsi", "arith.minui", "math.ipowi"})
          ops.add(op, 2, i, false);
        for (const char *op : {"math.absi", "math.ctpop", "math.ctlz", "math.cttz"})
          ops.add(op, 1, i, false);
        for (const auto &f : floats) {
          ops.add("arith.sitofp", 1, f, true);
          ops.add("arith.uitofp", 1, f, true);
        }
        EXPECT_EQ(ops.compile(target), "");
      }
    }
}

std::string failureOf(const std::string &text) {
  std::string error;
  Kernel k = compileText(text, testTargets().front(), cpu::Pipeline::Vectorized, error);
  return k.entry ? "no failure" : error;
}

TEST(Lower, RefusalsNameWhatIsWrong) {
  EXPECT_THAT(failureOf("func.func @k(%a: memref<4xf32>) { return }"),
              HasSubstr("wanted memrefs, then memref<?xi8>, index, index"));
  EXPECT_THAT(
      failureOf("func.func @k(%a: memref<4xi1>, %s: memref<?xi8>, %lo: index, %hi: index) { return }"),
      HasSubstr("no i1"));
  EXPECT_THAT(
      failureOf(
          "func.func @k(%s: memref<?xi8>, %lo: index, %hi: index) { return } func.func @l() { return }"),
      HasSubstr("second function"));
  EXPECT_THAT(failureOf("func.func @k(%s: memref<?xi8>, %lo: index, %hi: index) { %t = memref.alloc(%lo) : "
                        "memref<?xf32> return }"),
              HasSubstr("memref<?xf32>"));
  EXPECT_THAT(failureOf("func.func @k(%a: memref<1xf128>, %s: memref<?xi8>, %lo: index, %hi: index) { %c0 = "
                        "arith.constant 0 : index "
                        "%x = memref.load %a[%c0] : memref<1xf128> %y = arith.divf %x, %x : f128 "
                        "memref.store %y, %a[%c0] : memref<1xf128> return }"),
              HasSubstr("kernel 'k' calls '__divtf3'"));
}

TEST(Link, SeveralKernelsInOneImage) {
  auto target = testTargets().back();
  std::vector<llvm::SmallVector<char, 0>> objects;
  for (const char *name : {"first", "second"}) {
    // Both have constants and a body of their own.
    std::string text = std::string("func.func @") + name +
                       R"((%a: memref<16xf32>, %y: memref<16xf32>, %s: memref<?xi8>, %lo: index, %hi: index) {
      %c1 = arith.constant 1 : index
      scf.for %i = %lo to %hi step %c1 {
        %x = memref.load %a[%i] : memref<16xf32>
        %e = math.)" + (name[0] == 'f' ? "exp" : "log") +
                       R"( %x : f32
        memref.store %e, %y[%i] : memref<16xf32>
      }
      return
    })";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
    ASSERT_TRUE(bool(module));
    ASSERT_TRUE(mlir::succeeded(cpu::lowerKernelToLLVM(*module, target)));
    objects.push_back(llvm::cantFail(cpu::emitObject(*module, target, cpu::Pipeline::Loops)));
  }
  auto image = cpu::linkImage({llvm::StringRef(objects[0].data(), objects[0].size()),
                               llvm::StringRef(objects[1].data(), objects[1].size())});
  ASSERT_TRUE(bool(image)) << llvm::toString(image.takeError());
  std::string error;
  auto library = load(*image, error);
  ASSERT_TRUE(library) << error;
  auto a = Buffer::of(std::vector<float>(16, 2.0f));
  Buffer y(64);
  std::vector<void *> buffers = {a.raw(), y.raw()};
  WeftCall call = {buffers.data(), nullptr, nullptr, nullptr, 0};
  for (auto [name, want] : {std::pair{"first", 7.389056f}, {"second", 0.6931472f}}) {
    auto entry = reinterpret_cast<WeftKernel>(dlsym(library.get(), name));
    ASSERT_TRUE(entry) << name;
    EXPECT_EQ(entry(&call, 0, 16), 0);
    EXPECT_FLOAT_EQ(y.as<float>()[15], want);
  }
}

TEST(Link, ReportsDamagedObjects) {
  auto image = cpu::linkImage({llvm::StringRef("not an object")});
  ASSERT_FALSE(image);
  EXPECT_THAT(llvm::toString(image.takeError()), HasSubstr("ld.lld"));
}

TEST(Lower, SeveralThreadsInOneContext) {
  const char *text = R"(
    func.func @k(%a: memref<64xf32>, %y: memref<64xf32>, %s: memref<?xi8>, %lo: index, %hi: index) {
      %c16 = arith.constant 16 : index
      scf.for %i = %lo to %hi step %c16 {
        %x = vector.load %a[%i] : memref<64xf32>, vector<16xf32>
        %r = math.tanh %x : vector<16xf32>
        vector.store %r, %y[%i] : memref<64xf32>, vector<16xf32>
      }
      return
    })";
  mlir::MLIRContext shared;
  cpu::loadCpuCodegen(shared);
  auto target = testTargets().back();
  std::vector<std::string> objects(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &shared);
        if (mlir::failed(cpu::lowerKernelToLLVM(*module, target)))
          return;
        auto object = cpu::emitObject(*module, target, cpu::Pipeline::Vectorized);
        objects[t] =
            object ? std::string(object->begin(), object->end()) : llvm::toString(object.takeError());
      }
    });
  for (auto &thread : threads)
    thread.join();
  EXPECT_GT(objects[0].size(), 500u);
  for (auto &object : objects)
    EXPECT_EQ(object, objects[0]);
}

} // namespace
