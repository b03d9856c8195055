// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sort, top_k, non_zero and print: order, ties, NaN, axes, bad arguments.
#include "weft/Runtime/HostFunctions.h"

#include "weft/Support/HostTensor.h"
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace weft;
using namespace weft::runtime;
using program::Attribute;

namespace {

Status call(const char *name, std::vector<HostTensor> operands, std::vector<HostTensor> &results,
            std::vector<Attribute> attributes) {
  std::vector<HostBuffer> buffers;
  for (HostTensor &tensor : operands)
    buffers.push_back({tensor.dtype(), tensor.shape(), const_cast<void *>(tensor.raw()), false});
  for (HostTensor &tensor : results)
    buffers.push_back({tensor.dtype(), tensor.shape(), tensor.mutableBytes().data(), true});
  const HostFunction function = findHostFunction(name);
  return function ? function(buffers, HostAttributes(attributes)) : notFound(name);
}

template <class T> HostTensor tensor(std::vector<int64_t> shape, std::vector<T> values) {
  return *HostTensor::fromValues<T>(std::move(shape), std::move(values));
}

std::vector<double> numbers(const HostTensor &tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    values.push_back(tensor.asDouble(i));
  return values;
}

TEST(Sort, StableWithPayloadBothWays) {
  const HostTensor keys = tensor<int32_t>({6}, {2, 1, 2, 1, 3, 1}),
                   payload = tensor<int64_t>({6}, {0, 1, 2, 3, 4, 5});
  std::vector<HostTensor> results = {*keys.clone(), *payload.clone()};
  ASSERT_TRUE(
      call("sort", {keys, payload}, results, {{"axis", int64_t(0)}, {"num_keys", int64_t(1)}}).isOk());
  EXPECT_EQ(numbers(results[0]), (std::vector<double>{1, 1, 1, 2, 2, 3}));
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{1, 3, 5, 0, 2, 4}));
  ASSERT_TRUE(call("sort", {keys, payload}, results,
                   {{"axis", int64_t(0)}, {"num_keys", int64_t(1)}, {"descending", int64_t(1)}})
                  .isOk());
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{4, 0, 2, 1, 3, 5})); // equal keys keep their order
}

TEST(Sort, TotalOrderOfFloats) {
  const float nan = std::nanf(""), inf = INFINITY;
  const HostTensor keys = tensor<float>({8}, {nan, 1, -inf, 0.0f, -0.0f, inf, -nan, -1}),
                   index = tensor<int64_t>({8}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<HostTensor> results = {*keys.clone(), *index.clone()};
  ASSERT_TRUE(call("sort", {keys, index}, results, {{"axis", int64_t(0)}}).isOk());
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{2, 7, 3, 4, 1, 5, 0, 6}));
  ASSERT_TRUE(
      call("sort", {keys, index}, results, {{"axis", int64_t(0)}, {"descending", int64_t(1)}}).isOk());
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{0, 6, 5, 1, 3, 4, 7, 2}));
}

TEST(Sort, SeveralKeysAndAnyAxis) {
  const HostTensor a = tensor<uint8_t>({2, 3}, {1, 9, 200, 1, 0, 100}),
                   b = tensor<int16_t>({2, 3}, {5, -1, 0, 4, -2, 7});
  std::vector<HostTensor> results = {*a.clone(), *b.clone()};
  ASSERT_TRUE(
      call("sort", {a, b}, results,
           {{"axis", int64_t(0)}, {"num_keys", int64_t(2)}, {"descending", std::vector<int64_t>{0, 1}}})
          .isOk());
  EXPECT_EQ(numbers(results[0]), (std::vector<double>{1, 0, 100, 1, 9, 200}));
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{5, -2, 7, 4, -1, 0}));
  // In place.
  HostTensor same = tensor<int64_t>({4}, {4, 3, 2, 1});
  std::vector<HostTensor> self = {same};
  ASSERT_TRUE(call("sort", {same}, self, {{"axis", int64_t(0)}}).isOk());
  EXPECT_EQ(numbers(same), (std::vector<double>{1, 2, 3, 4}));
}

TEST(Sort, EveryTypeAgreesWithDoubles) {
  std::mt19937 random(9);
  for (const DType type :
       {DType::F64, DType::F32, DType::BF16, DType::F16, DType::I64, DType::I32, DType::I16, DType::I8,
        DType::UI64, DType::UI32, DType::UI16, DType::UI8, DType::I1}) {
    HostTensor keys = *HostTensor::zeros(type, {50});
    for (int64_t i = 0; i < 50; ++i)
      keys.setDouble(i, double(random() % 100) - (isFloat(type) || isSignedInteger(type) ? 50 : 0));
    std::vector<double> expected = numbers(keys);
    std::stable_sort(expected.begin(), expected.end());
    std::vector<HostTensor> results = {*keys.clone()};
    ASSERT_TRUE(call("sort", {keys}, results, {{"axis", int64_t(0)}}).isOk());
    EXPECT_EQ(numbers(results[0]), expected) << type;
  }
}

TEST(Sort, RefusesBadArguments) {
  const HostTensor a = tensor<float>({2}, {1, 2});
  std::vector<HostTensor> wrong = {*HostTensor::zeros(DType::I32, {2})}, good = {*a.clone()};
  EXPECT_FALSE(call("sort", {a}, wrong, {{"axis", int64_t(0)}}).isOk());
  EXPECT_FALSE(call("sort", {a}, good, {{"axis", int64_t(1)}}).isOk());
  EXPECT_FALSE(call("sort", {a}, good, {{"axis", int64_t(0)}, {"num_keys", int64_t(2)}}).isOk());
  EXPECT_FALSE(call("sort", {a, a}, good, {{"axis", int64_t(0)}}).isOk());
  const int64_t huge = int64_t(1) << 60;
  std::vector<HostTensor> empty = {*HostTensor::zeros(DType::F32, {huge, 0})};
  EXPECT_TRUE(
      call("sort", {*HostTensor::zeros(DType::F32, {huge, 0})}, empty, {{"axis", int64_t(0)}}).isOk());
}

TEST(TopK, LowerIndexFirstOnTies) {
  const HostTensor x = tensor<float>({2, 4}, {1, 3, 3, 2, std::nanf(""), 0, 7, 7});
  std::vector<HostTensor> results = {*HostTensor::zeros(DType::F32, {2, 3}),
                                     *HostTensor::zeros(DType::I64, {2, 3})};
  ASSERT_TRUE(call("top_k", {x}, results, {{"axis", int64_t(1)}}).isOk());
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{1, 2, 3, 0, 2, 3}));
  EXPECT_EQ(results[0].asDouble(0), 3);
  EXPECT_TRUE(std::isnan(results[0].asDouble(3)));
  ASSERT_TRUE(call("top_k", {x}, results, {{"axis", int64_t(1)}, {"largest", int64_t(0)}}).isOk());
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{0, 3, 1, 1, 2, 3}));
  std::vector<HostTensor> rows = {*HostTensor::zeros(DType::F32, {1, 4}),
                                  *HostTensor::zeros(DType::I64, {1, 4})};
  ASSERT_TRUE(call("top_k", {x}, rows, {{"axis", int64_t(0)}}).isOk());
  EXPECT_EQ(numbers(rows[1]), (std::vector<double>{1, 0, 1, 1}));
  EXPECT_FALSE(call("top_k", {x}, results, {{"axis", int64_t(0)}}).isOk()); // three of two rows
}

TEST(NonZero, RowMajorAndBounded) {
  const HostTensor x = tensor<float>({2, 3}, {0, 5, -0.0f, std::nanf(""), 0, -1});
  std::vector<HostTensor> results = {*HostTensor::zeros(DType::I64, {6, 2}),
                                     *HostTensor::zeros(DType::I64, {})};
  ASSERT_TRUE(call("non_zero", {x}, results, {}).isOk());
  EXPECT_EQ(results[1].asInt(0), 3);
  EXPECT_EQ(numbers(results[0]), (std::vector<double>{0, 1, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0}));
  for (const DType type :
       {DType::I64, DType::I8, DType::UI8, DType::UI64, DType::I1, DType::BF16, DType::F64}) {
    HostTensor y = *HostTensor::zeros(type, {3});
    y.setDouble(1, 1);
    std::vector<HostTensor> out = {*HostTensor::zeros(DType::I64, {3, 1}),
                                   *HostTensor::zeros(DType::I64, {})};
    ASSERT_TRUE(call("non_zero", {y}, out, {}).isOk());
    EXPECT_EQ(out[1].asInt(0), 1) << type;
    EXPECT_EQ(out[0].asInt(0), 1) << type;
  }
  std::vector<HostTensor> small = {*HostTensor::zeros(DType::I64, {2, 2}),
                                   *HostTensor::zeros(DType::I64, {})};
  EXPECT_EQ(call("non_zero", {x}, small, {}).code(), Code::OutOfRange);
  std::vector<HostTensor> scalar = {*HostTensor::zeros(DType::I64, {1, 0}),
                                    *HostTensor::zeros(DType::I64, {})};
  ASSERT_TRUE(call("non_zero", {HostTensor::scalar<float>(2)}, scalar, {}).isOk());
  EXPECT_EQ(scalar[1].asInt(0), 1);
}

TEST(Print, OneLine) {
  std::vector<HostTensor> none;
  testing::internal::CaptureStderr();
  ASSERT_TRUE(
      call("print", {tensor<float>({2}, {1.5f, -2})}, none, {{"message", std::string("x is")}}).isOk());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "x is f32[2] = 1.5 -2\n");
  testing::internal::CaptureStderr();
  ASSERT_TRUE(call("print", {*HostTensor::zeros(DType::I4, {1005})}, none, {}).isOk());
  EXPECT_NE(testing::internal::GetCapturedStderr().find("(5 more)"), std::string::npos);
}

TEST(HostFunctions, CanBeRegistered) {
  EXPECT_EQ(findHostFunction("no_such"), nullptr);
  registerHostFunction("always", [](std::span<const HostBuffer>, const HostAttributes &attributes) {
    return attributes.getInt("x", 0) == 7 && attributes.getString("s") == "t" ? Status::ok()
                                                                              : internalError("no");
  });
  std::vector<HostTensor> none;
  EXPECT_TRUE(call("always", {}, none, {{"x", int64_t(7)}, {"s", std::string("t")}}).isOk());
}

/// a b for matrices.
std::vector<double> product(const std::vector<double> &a, const std::vector<double> &b, int64_t m, int64_t k,
                            int64_t n) {
  std::vector<double> c(size_t(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j)
        c[size_t(i * n + j)] += a[size_t(i * k + p)] * b[size_t(p * n + j)];
  return c;
}

std::vector<double> turned(const std::vector<double> &a, int64_t m, int64_t n) {
  std::vector<double> t(a.size());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      t[size_t(j * m + i)] = a[size_t(i * n + j)];
  return t;
}

void expectNear(const std::vector<double> &found, const std::vector<double> &wanted, double error) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], wanted[i], error) << i;
}

std::vector<double> randomNumbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> values(count);
  for (double &value : values)
    value = double(random() % 2001) / 1000 - 1;
  return values;
}

TEST(Cholesky, FactorsAndTellsWhatIsNotDefinite) {
  constexpr int64_t n = 5;
  std::vector<double> root = randomNumbers(n * n, 1), a = product(root, turned(root, n, n), n, n, n);
  for (int64_t i = 0; i < n; ++i)
    a[size_t(i * n + i)] += 1;
  for (int64_t lower : {1, 0}) {
    std::vector<HostTensor> results = {*HostTensor::zeros(DType::F64, {1, n, n})};
    Status status = call("cholesky", {tensor<double>({1, n, n}, a)}, results, {{"lower", lower}});
    ASSERT_TRUE(status.isOk()) << status;
    std::vector<double> l = numbers(results[0]);
    EXPECT_EQ(l[lower ? 1 : n], 0); // the other triangle
    expectNear(lower ? product(l, turned(l, n, n), n, n, n) : product(turned(l, n, n), l, n, n, n), a, 1e-12);
  }
  a[0] = -1;
  std::vector<HostTensor> results = {*HostTensor::zeros(DType::F32, {n, n})};
  std::vector<float> narrow(a.begin(), a.end());
  ASSERT_TRUE(call("cholesky", {tensor<float>({n, n}, narrow)}, results, {}).isOk());
  EXPECT_TRUE(std::isnan(numbers(results[0])[0]));
  EXPECT_EQ(numbers(results[0])[1], 0);
  EXPECT_FALSE(call("cholesky", {tensor<float>({1, 2}, {1, 2})}, results, {}).isOk());
}

TEST(TriangularSolve, AllSides) {
  constexpr int64_t n = 4, m = 3;
  std::vector<double> full = randomNumbers(n * n, 2), b = randomNumbers(n * m, 3);
  for (int64_t i = 0; i < n; ++i)
    full[size_t(i * n + i)] += 3;
  for (int64_t options = 0; options < 16; ++options) {
    const int64_t left = options & 1, lower = options >> 1 & 1, transpose = options >> 2 & 1,
                  unit = options >> 3;
    std::vector<double> triangle = full;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        if (i == j ? unit : (i < j) == bool(lower))
          triangle[size_t(i * n + j)] = i == j;
    const std::vector<double> op = transpose ? turned(triangle, n, n) : triangle;
    const std::vector<int64_t> shape = left ? std::vector<int64_t>{n, m} : std::vector<int64_t>{m, n};
    std::vector<HostTensor> results = {*HostTensor::zeros(DType::F64, shape)};
    // The other triangle and a unit diagonal are not read: `full` has other numbers there.
    Status status =
        call("triangular_solve", {tensor<double>({n, n}, full), tensor<double>(shape, b)}, results,
             {{"left", left}, {"lower", lower}, {"transpose", transpose}, {"unit_diagonal", unit}});
    ASSERT_TRUE(status.isOk()) << status;
    const std::vector<double> x = numbers(results[0]);
    expectNear(left ? product(op, x, n, n, m) : product(x, op, m, n, n), b, 1e-12);
  }
}

TEST(Lu, FactorsThePermutedMatrix) {
  for (auto [m, n] : {std::pair<int64_t, int64_t>{4, 4}, {5, 3}, {3, 5}}) {
    const int64_t k = std::min(m, n);
    const std::vector<double> a = randomNumbers(size_t(m * n), 4);
    std::vector<HostTensor> results = {*HostTensor::zeros(DType::F64, {m, n}),
                                       *HostTensor::zeros(DType::I32, {k}),
                                       *HostTensor::zeros(DType::I32, {m})};
    ASSERT_TRUE(call("lu", {tensor<double>({m, n}, a)}, results, {}).isOk());
    const std::vector<double> f = numbers(results[0]), order = numbers(results[2]);
    std::vector<double> l(size_t(m * k), 0.0), u(size_t(k * n), 0.0), wanted;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        if (j < k && i > j)
          l[size_t(i * k + j)] = f[size_t(i * n + j)];
        if (i < k && i <= j)
          u[size_t(i * n + j)] = f[size_t(i * n + j)];
      }
    for (int64_t i = 0; i < k; ++i)
      l[size_t(i * k + i)] = 1;
    for (int64_t i = 0; i < m; ++i)
      wanted.insert(wanted.end(), a.begin() + int64_t(order[size_t(i)]) * n,
                    a.begin() + (int64_t(order[size_t(i)]) + 1) * n);
    expectNear(product(l, u, m, k, n), wanted, 1e-12);
  }
}

} // namespace
