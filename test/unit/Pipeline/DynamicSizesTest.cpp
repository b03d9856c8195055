// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels compiled for extents that have names, run with sizes that no vector, tile or block divides, in each
// dimension in turn: the paths for edges that a kernel chooses when it runs.
#include "WholeProgram.h"

using namespace weft;
using namespace weft::test;

namespace {

using Extents = std::vector<int64_t>;
constexpr Tolerance nearly = {1e-4, 1e-4};

/// Runs the program with each of the sizes in each of `base`'s extents; `inputsOf` gives the inputs' shapes.
void vary(const std::string &text, const Extents &base,
          const std::function<std::vector<Extents>(const Extents &)> &inputsOf,
          Tolerance tolerance = nearly) {
  WholeProgram program(text);
  const auto run = [&](const Extents &extents) {
    std::vector<HostTensor> inputs;
    std::string label = "extents";
    for (const Extents &shape : inputsOf(extents))
      inputs.push_back(uniform(DType::F32, shape, -1, 1, unsigned(inputs.size())));
    for (const int64_t extent : extents)
      label += " " + std::to_string(extent);
    program.expectSame(inputs, tolerance, [&](size_t) { return label; });
  };
  run(base);
  for (size_t dim = 0; dim < base.size(); ++dim)
    for (const int64_t size : {1, 3, 7, 17, 31, 127, 1023}) {
      Extents extents = base;
      extents[dim] = size;
      run(extents);
    }
}

TEST(DynamicSizes, RowsByPackedWeights) {
  const HostTensor weights = uniform(DType::F32, {33, 50}, -1, 1, 1);
  vary("func.func @main(%x: tensor<?x33xf32, #weft.dims<[m, _]>>) -> tensor<?x50xf32, #weft.dims<[m, _]>> {\n"
       "  %w = weft.constant dense<" +
           elementsText(weights) +
           "> : tensor<33x50xf32>\n"
           "  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<?x33xf32, "
           "#weft.dims<[m, "
           "_]>>, tensor<33x50xf32>) -> tensor<?x50xf32, #weft.dims<[m, _]>>\n"
           "  return %0 : tensor<?x50xf32, #weft.dims<[m, _]>>\n}\n",
       {5}, [](const Extents &e) { return std::vector<Extents>{{e[0], 33}}; });
}

TEST(DynamicSizes, Product) {
  vary(
      R"(func.func @main(%a: tensor<?x?xf32, #weft.dims<[m, k]>>, %b: tensor<?x?xf32, #weft.dims<[k, n]>>, %t: tensor<?x?xf32, #weft.dims<[n, k]>>)
      -> (tensor<?x?xf32, #weft.dims<[m, n]>>, tensor<?x?xf32, #weft.dims<[m, n]>>) {
    %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<?x?xf32, #weft.dims<[m, k]>>, tensor<?x?xf32, #weft.dims<[k, n]>>) -> tensor<?x?xf32, #weft.dims<[m, n]>>
    %1 = weft.dot_general %a, %t batch [] x [] contract [1] x [1] : (tensor<?x?xf32, #weft.dims<[m, k]>>, tensor<?x?xf32, #weft.dims<[n, k]>>) -> tensor<?x?xf32, #weft.dims<[m, n]>>
    return %0, %1 : tensor<?x?xf32, #weft.dims<[m, n]>>, tensor<?x?xf32, #weft.dims<[m, n]>>
  })",
      {5, 9, 11},
      [](const Extents &e) { return std::vector<Extents>{{e[0], e[2]}, {e[2], e[1]}, {e[1], e[2]}}; });
}

TEST(DynamicSizes, RowsAndColumns) {
  vary(
      R"(func.func @main(%x: tensor<?x?x?xf32, #weft.dims<[a, b, c]>>, %g: tensor<1x1x?xf32, #weft.dims<[_, _, c]>>)
      -> (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>, tensor<?x?xf32, #weft.dims<[a, b]>>, tensor<?x?xf32, #weft.dims<[b, c]>>, tensor<?x?x?xf32, #weft.dims<[a, c, b]>>, tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) {
    %0 = weft.softmax %x axis 2 : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) -> tensor<?x?x?xf32, #weft.dims<[a, b, c]>>
    %1 = weft.reduce add %x axes [2] : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) -> tensor<?x?xf32, #weft.dims<[a, b]>>
    %2 = weft.reduce max %x axes [0] : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) -> tensor<?x?xf32, #weft.dims<[b, c]>>
    %3 = weft.transpose %x by [0, 2, 1] : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) -> tensor<?x?x?xf32, #weft.dims<[a, c, b]>>
    %4 = weft.mul %x, %g : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>, tensor<1x1x?xf32, #weft.dims<[_, _, c]>>) -> tensor<?x?x?xf32, #weft.dims<[a, b, c]>>
    %5 = weft.erf %4 : (tensor<?x?x?xf32, #weft.dims<[a, b, c]>>) -> tensor<?x?x?xf32, #weft.dims<[a, b, c]>>
    return %0, %1, %2, %3, %5 : tensor<?x?x?xf32, #weft.dims<[a, b, c]>>, tensor<?x?xf32, #weft.dims<[a, b]>>, tensor<?x?xf32, #weft.dims<[b, c]>>, tensor<?x?x?xf32, #weft.dims<[a, c, b]>>, tensor<?x?x?xf32, #weft.dims<[a, b, c]>>
  })",
      {3, 5, 9}, [](const Extents &e) { return std::vector<Extents>{e, {1, 1, e[2]}}; });
}

TEST(DynamicSizes, Attention) {
  vary(
      R"(func.func @main(%q: tensor<?x2x?x8xf32, #weft.dims<[b, _, s, _]>>, %k: tensor<?x2x?x8xf32, #weft.dims<[b, _, t, _]>>, %v: tensor<?x2x?x8xf32, #weft.dims<[b, _, t, _]>>)
      -> tensor<?x2x?x8xf32, #weft.dims<[b, _, s, _]>> {
    %0:2 = weft.attention %q, %k, %v {scale = 0.3} : (tensor<?x2x?x8xf32, #weft.dims<[b, _, s, _]>>, tensor<?x2x?x8xf32, #weft.dims<[b, _, t, _]>>, tensor<?x2x?x8xf32, #weft.dims<[b, _, t, _]>>) -> (tensor<?x2x?x8xf32, #weft.dims<[b, _, s, _]>>, tensor<?x2x?xf32, #weft.dims<[b, _, s]>>)
    return %0#0 : tensor<?x2x?x8xf32, #weft.dims<[b, _, s, _]>>
  })",
      {2, 9, 11}, [](const Extents &e) {
        return std::vector<Extents>{{e[0], 2, e[1], 8}, {e[0], 2, e[2], 8}, {e[0], 2, e[2], 8}};
      });
}

/// Attention of 4 heads of queries of %x, [b, s, 18], and 2 of keys and values of `other`, [b, OTHERROWS,
/// 18].
std::string attentionOfProjections(const std::string &other, const std::string &otherRows) {
  const auto type = [](const std::string &extents, const std::string &names) {
    return "tensor<" + extents + "xf32, #weft.dims<[" + names + "]>>";
  };
  std::string body;
  const auto heads = [&](const std::string &name, const std::string &x, const std::string &rows, int count,
                         bool hasBias) {
    const std::string columns = std::to_string(8 * count), in = type("?x?x18", "b, " + rows + ", _"),
                      flat = type("?x?x" + columns, "b, " + rows + ", _"), number = std::to_string(count),
                      split = type("?x?x" + number + "x8", "b, " + rows + ", _, _"),
                      moved = type("?x" + number + "x?x8", "b, _, " + rows + ", _");
    const auto constant = [&](const std::string &suffix, const Extents &shape, const std::string &shapeText) {
      body += name + suffix + " = weft.constant dense<" +
              elementsText(uniform(DType::F32, shape, -1, 1, unsigned(body.size()))) + "> : tensor<" +
              shapeText + "xf32>\n";
    };
    constant("w", {18, 8 * count}, "18x" + columns);
    body += name + "p = weft.dot_general " + x + ", " + name + "w batch [] x [] contract [2] x [0] : (" + in +
            ", tensor<18x" + columns + "xf32>) -> " + flat + "\n";
    if (hasBias) {
      constant("b", {1, 1, 8 * count}, "1x1x" + columns);
      body += name + "a = weft.add " + name + "p, " + name + "b : (" + flat + ", tensor<1x1x" + columns +
              "xf32>) -> " + flat + "\n";
    }
    body += name + "0 = weft.dim " + x + ", 0 : (" + in + ") -> tensor<i64>\n" + name + "1 = weft.dim " + x +
            ", 1 : (" + in + ") -> tensor<i64>\n" + name + "r = weft.reshape " + name +
            (hasBias ? "a" : "p") + " sizes [" + name + "0, " + name + "1, " + number + ", 8] : (" + flat +
            ", tensor<i64>, tensor<i64>) -> " + split + "\n" + name + " = weft.transpose " + name +
            "r by [0, 2, 1, 3] : (" + split + ") -> " + moved + "\n";
    return moved;
  };
  const std::string q = heads("%q", "%x", "s", 4, true), k = heads("%k", other, otherRows, 2, false),
                    v = heads("%v", other, otherRows, 2, true);
  return "func.func @main(%x: " + type("?x?x18", "b, s, _") +
         (other == "%x" ? "" : ", " + other + ": " + type("?x?x18", "b, " + otherRows + ", _")) + ") -> " +
         q + " {\n" + body + "%y:2 = weft.attention %q, %k, %v {scale = 0.3} : (" + q + ", " + k + ", " + v +
         ") -> (" + q + ", " + type("?x4x?", "b, _, s") + ")\nreturn %y#0 : " + q + "\n}\n";
}

// One product of three weights, and slices of heads in place.
TEST(DynamicSizes, AttentionOfProjections) {
  vary(attentionOfProjections("%x", "s"), {2, 9},
       [](const Extents &e) { return std::vector<Extents>{{e[0], e[1], 18}}; });
}

// One product of the queries' weights, one of those of keys and values.
TEST(DynamicSizes, AttentionOfProjectionsOfTwoValues) {
  vary(attentionOfProjections("%z", "t"), {2, 9, 11},
       [](const Extents &e) { return std::vector<Extents>{{e[0], e[1], 18}, {e[0], e[2], 18}}; });
}

TEST(DynamicSizes, ConvolutionOfAnyBatch) {
  const HostTensor weights = uniform(DType::F32, {3, 3, 5, 18}, -1, 1, 1);
  vary("func.func @main(%x: tensor<?x7x6x5xf32, #weft.dims<[b, _, _, _]>>) -> tensor<?x7x6x18xf32, "
       "#weft.dims<[b, "
       "_, _, _]>> {\n  %w = weft.constant dense<" +
           elementsText(weights) +
           "> : tensor<3x3x5x18xf32>\n"
           "  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, "
           "y_dims = "
           "array<i64: 0, 3, 1, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high "
           "= "
           "array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : "
           "(tensor<?x7x6x5xf32, #weft.dims<[b, _, _, _]>>, tensor<3x3x5x18xf32>) -> tensor<?x7x6x18xf32, "
           "#weft.dims<[b, _, _, _]>>\n"
           "  return %0 : tensor<?x7x6x18xf32, #weft.dims<[b, _, _, _]>>\n}\n",
       {2}, [](const Extents &e) { return std::vector<Extents>{{e[0], 7, 6, 5}}; }, {1e-3, 1e-3});
}

} // namespace
