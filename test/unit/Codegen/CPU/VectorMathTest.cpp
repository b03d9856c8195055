// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors of the vector math in ulps, against the C library in a wider type: f32 over all exponents and
// special values, f64 by samples against long double.
#include "KernelTesting.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>

using namespace weft;
using namespace weft::testing;

namespace {

constexpr int64_t kCount = 1 << 18;

/// A kernel y[i] = op(a[i] [, b[i]]) over chunks, as scalar loop or on vectors of `shape`. With a mark
/// (Marks.h) the op takes -|a[i]|.
std::string elementwise(const std::string &op, const std::string &type, bool binary, int lanes,
                        const std::string &mark = "") {
  std::string n = std::to_string(kCount), element = type;
  std::string mem = "memref<" + n + "x" + element + ">";
  std::string value = lanes ? "vector<" + std::to_string(lanes) + "x" + element + ">" : element;
  auto load = [&](const std::string &name, const std::string &from) {
    return lanes ? "  " + name + " = vector.load " + from + "[%i] : " + mem + ", " + value + "\n"
                 : "  " + name + " = memref.load " + from + "[%i] : " + mem + "\n";
  };
  std::string text = "func.func @k(%a: " + mem + ", %b: " + mem + ", %y: " + mem +
                     ", %s: memref<?xi8>, %lo: index, %hi: index) {\n"
                     "  %step = arith.constant " +
                     std::to_string(std::max(lanes, 1)) +
                     " : index\n"
                     "  scf.for %i = %lo to %hi step %step {\n" +
                     load("%x", "%a") + (binary ? load("%z", "%b") : "");
  if (!mark.empty())
    text += "  %m = math.absf %x : " + value + "\n  %n = arith.negf %m : " + value + "\n";
  text += "  %r = " + op + (mark.empty() ? " %x" : " %n {" + mark + "}") + (binary ? ", %z" : "") + " : " +
          value + "\n";
  text += lanes ? "  vector.store %r, %y[%i] : " + mem + ", " + value + "\n"
                : "  memref.store %r, %y[%i] : " + mem + "\n";
  return text + "  }\n  return\n}\n";
}

template <typename T> using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// The distance of `got` from the exact `want`, in units of the last place of want's rounding.
template <typename T> double ulps(T got, long double want) {
  T rounded = static_cast<T>(want);
  if (std::isnan(want) || std::isnan(rounded))
    return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded))
    return got == rounded ? 0
           : std::abs(got) == std::numeric_limits<T>::max() && std::signbit(got) == std::signbit(rounded)
               ? 1
               : 1e9;
  if (!std::isfinite(got)) // one step beyond the largest finite value
    return std::abs(rounded) == std::numeric_limits<T>::max() && !std::isnan(got) ? 1 : 1e9;
  int exponent = rounded == 0 ? std::numeric_limits<T>::min_exponent
                              : std::max(std::ilogb(rounded), std::numeric_limits<T>::min_exponent - 1);
  long double ulp = std::ldexp(1.0L, exponent - (std::numeric_limits<T>::digits - 1));
  if (rounded == 0)
    ulp = std::numeric_limits<T>::denorm_min();
  return static_cast<double>(std::abs(static_cast<long double>(got) - want) / ulp);
}

struct Case {
  const char *op;
  std::function<long double(long double, long double)> exact;
  double bound;
  bool binary = false;
  double low = 0, high = 0; ///< a range that half of the samples fall into
  const char *mark = "";
};

using LD = long double;
const Case kCases[] = {
    {"math.exp", [](LD x, LD) { return std::exp(x); }, 1.5, false, -110, 100},
    {"math.exp", [](LD x, LD) { return std::exp(-std::abs(x)); }, 1.5, false, -110, 110, "weft.non_positive"},
    {"math.exp2", [](LD x, LD) { return std::exp2(x); }, 2, false, -160, 140},
    {"math.expm1", [](LD x, LD) { return std::expm1(x); }, 2, false, -20, 100},
    {"math.log", [](LD x, LD) { return std::log(x); }, 2, false, 0.4, 3},
    {"math.log2", [](LD x, LD) { return std::log2(x); }, 2, false, 0.4, 3},
    {"math.log10", [](LD x, LD) { return std::log10(x); }, 2.5, false, 0.4, 3},
    {"math.log1p", [](LD x, LD) { return std::log1p(x); }, 2.5, false, -0.99, 3},
    {"math.tanh", [](LD x, LD) { return std::tanh(x); }, 2, false, -12, 12},
    {"math.erf", [](LD x, LD) { return std::erf(x); }, 2, false, -6, 6},
    {"math.erfc", [](LD x, LD) { return std::erfc(x); }, 4, false, -6, 27},
    {"math.sin", [](LD x, LD) { return std::sin(x); }, 2, false, -100, 100},
    {"math.cos", [](LD x, LD) { return std::cos(x); }, 2, false, -100, 100},
    {"math.tan", [](LD x, LD) { return std::tan(x); }, 4, false, -100, 100},
    {"math.asin", [](LD x, LD) { return std::asin(x); }, 4, false, -1, 1},
    {"math.acos", [](LD x, LD) { return std::acos(x); }, 4, false, -1, 1},
    {"math.atan", [](LD x, LD) { return std::atan(x); }, 4, false, -10, 10},
    {"math.sinh", [](LD x, LD) { return std::sinh(x); }, 4, false, -100, 100},
    {"math.cosh", [](LD x, LD) { return std::cosh(x); }, 4, false, -100, 100},
    {"math.asinh", [](LD x, LD) { return std::asinh(x); }, 4, false, -10, 10},
    {"math.acosh", [](LD x, LD) { return std::acosh(x); }, 4, false, 1, 10},
    {"math.atanh", [](LD x, LD) { return std::atanh(x); }, 4, false, -1, 1},
    {"math.cbrt", [](LD x, LD) { return std::cbrt(x); }, 4, false, -10, 10},
    {"math.sqrt", [](LD x, LD) { return std::sqrt(x); }, 0.51, false, 0, 10},
    {"math.rsqrt", [](LD x, LD) { return 1 / std::sqrt(x); }, 2, false, 0, 10},
    {"math.round", [](LD x, LD) { return std::round(x); }, 0, false, -10, 10},
    {"math.roundeven", [](LD x, LD) { return std::nearbyint(x); }, 0, false, -10, 10},
    {"math.floor", [](LD x, LD) { return std::floor(x); }, 0, false, -10, 10},
    {"math.ceil", [](LD x, LD) { return std::ceil(x); }, 0, false, -10, 10},
    {"math.trunc", [](LD x, LD) { return std::trunc(x); }, 0, false, -10, 10},
    {"math.atan2", [](LD y, LD x) { return std::atan2(y, x); }, 4, true, -10, 10},
    {"math.powf", [](LD x, LD y) { return std::pow(x, y); }, 4, true, -20, 20},
    {"arith.remf", [](LD x, LD y) { return std::fmod(x, y); }, 0, true, -100, 100},
    {"arith.maximumf", [](LD x, LD y) { return std::isnan(x) || std::isnan(y) ? NAN : std::max(x, y); }, 0,
     true, -1, 1},
    {"arith.minimumf", [](LD x, LD y) { return std::isnan(x) || std::isnan(y) ? NAN : std::min(x, y); }, 0,
     true, -1, 1},
};

template <typename T> std::vector<T> samples(const Case &c, unsigned seed, bool second) {
  std::mt19937_64 random(seed);
  std::vector<T> x(kCount);
  std::uniform_real_distribution<double> range(c.low, c.high);
  for (T &v : x) {
    unsigned kind = random() % 4;
    if (kind < 2)
      v = static_cast<T>(range(random));
    else
      v = std::bit_cast<T>(static_cast<Bits<T>>(random())); // every exponent alike, NaN and inf included
    if (second && kind == 3)                                // integers matter to pow and fmod
      v = static_cast<T>(static_cast<int64_t>(random() % 41) - 20);
  }
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T special[] = {0,
                       -T(0),
                       1,
                       -1,
                       T(0.5),
                       -T(0.5),
                       2,
                       -2,
                       3,
                       -3,
                       T(1.5),
                       T(2.5),
                       inf,
                       -inf,
                       nan,
                       std::numeric_limits<T>::denorm_min(),
                       -std::numeric_limits<T>::denorm_min(),
                       std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max(),
                       -std::numeric_limits<T>::max(),
                       std::nextafter(T(1), T(2)),
                       std::nextafter(T(1), T(0)),
                       std::nextafter(T(0.5), T(0)),
                       T(1e5),
                       T(1e9),
                       T(1e20),
                       T(0.78539816339744831),
                       T(1.5707963267948966),
                       T(3.1415926535897931),
                       T(1e-10)};
  constexpr size_t n = std::size(special);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      x[i * n + j] = second ? special[j] : special[i];
  return x;
}

template <typename T> void check(const Case &c, const cpu::TargetInfo &target, int lanes, bool wide) {
  std::string type = sizeof(T) == 4 ? "f32" : "f64", error;
  Kernel kernel = compileText(elementwise(c.op, type, c.binary, lanes, c.mark), target,
                              lanes ? cpu::Pipeline::Vectorized : cpu::Pipeline::Loops, error);
  ASSERT_TRUE(kernel.entry) << c.op << " " << type << " lanes " << lanes << " on " << target.cpu << ": "
                            << error;
  auto a = Buffer::of(samples<T>(c, 7, false)), b = Buffer::of(samples<T>(c, 11, true));
  Buffer y(kCount * sizeof(T));
  const T *xs = a.template as<T>(), *zs = b.template as<T>(), *ys = y.template as<T>();
  int64_t count = wide ? kCount : kCount / 4; // an exact f64 reference is slow
  EXPECT_EQ(kernel({a.raw(), b.raw(), y.raw()}, {}, 0, count), 0);
  double worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    LD want = c.exact(xs[i], zs[i]);
    double e = ulps(ys[i], want);
    if (e > worst)
      worst = e, at = i;
  }
  ::testing::Test::RecordProperty(std::string(c.op) + "." + type + "." + std::to_string(lanes),
                                  std::to_string(worst));
  EXPECT_LE(worst, c.bound) << c.op << " " << type << " lanes " << lanes << " on " << target.cpu
                            << " at x = " << xs[at] << ", y = " << zs[at] << ": got " << ys[at] << ", want "
                            << static_cast<double>(c.exact(xs[at], zs[at]));
}

class VectorMath : public ::testing::TestWithParam<Case> {};

TEST_P(VectorMath, F32Vector) {
  for (const auto &target : testTargets())
    check<float>(GetParam(), target, target.lanes(), true);
}
TEST_P(VectorMath, F64Vector) {
  for (const auto &target : testTargets())
    check<double>(GetParam(), target, target.lanes(64), false);
}
TEST_P(VectorMath, F32ScalarLoop) { check<float>(GetParam(), testTargets().back(), 0, true); }
TEST_P(VectorMath, F64ScalarLoop) { check<double>(GetParam(), testTargets().front(), 0, false); }

INSTANTIATE_TEST_SUITE_P(All, VectorMath, ::testing::ValuesIn(kCases), [](const auto &info) {
  std::string name = info.param.op;
  name.erase(0, name.find('.') + 1);
  return *info.param.mark ? name + "NonPositive" : name;
});

TEST(VectorMathExact, FlushedPowersAreZeroOrNormal) {
  std::string error;
  for (const auto &target : testTargets()) {
    Kernel kernel =
        compileText(elementwise("math.exp2", "f32", false, target.lanes(), "weft.non_positive, weft.flushes"),
                    target, cpu::Pipeline::Vectorized, error);
    ASSERT_TRUE(kernel.entry) << error;
    std::vector<float> x(kCount);
    for (int64_t i = 0; i < kCount; ++i)
      x[i] = static_cast<float>(i) * 0x1p-10f; // up to 256
    x[0] = NAN;
    x[kCount - 1] = INFINITY;
    auto a = Buffer::of(x);
    Buffer y(kCount * 4);
    kernel({a.raw(), a.raw(), y.raw()}, {}, 0, kCount);
    EXPECT_TRUE(std::isnan(y.as<float>()[0]));
    for (int64_t i = 1; i < kCount; ++i) {
      float got = y.as<float>()[i];
      if (x[i] > 125.5f)
        ASSERT_EQ(got, 0) << -x[i];
      else if (x[i] < 125.5f)
        ASSERT_LE(ulps(got, std::exp2(-static_cast<long double>(x[i]))), 2) << -x[i];
    }
  }
}

TEST(VectorMathExact, ExpOfMinusInfinityIsZeroAndNaNStays) {
  std::string error;
  for (const auto &target : testTargets()) {
    Kernel kernel = compileText(elementwise("math.exp", "f32", false, target.lanes()), target,
                                cpu::Pipeline::Vectorized, error);
    ASSERT_TRUE(kernel.entry) << error;
    std::vector<float> x(kCount, -INFINITY);
    x[1] = NAN;
    auto a = Buffer::of(x);
    Buffer y(kCount * 4);
    kernel({a.raw(), a.raw(), y.raw()}, {}, 0, 16);
    EXPECT_EQ(y.as<float>()[0], 0.0f);
    EXPECT_TRUE(std::isnan(y.as<float>()[1]));
  }
}

} // namespace
