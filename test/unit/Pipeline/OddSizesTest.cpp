// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every family of kernels with sizes that no vector, tile or block divides, in each dimension in turn: whole
// programs against the reference, and the same bits on one thread and on several.
#include "WholeProgram.h"
#include "llvm/ADT/StringExtras.h"

#include <functional>
#include <map>

using namespace weft;

namespace {

using Extents = std::vector<int64_t>;
constexpr int64_t sizes[] = {1, 3, 7, 17, 31, 127, 1023};

/// Calls `f` with `base` in which each of `dims` in turn has each of the sizes.
void vary(const Extents &base, std::initializer_list<size_t> dims,
          const std::function<void(const Extents &)> &f) {
  f(base);
  for (const size_t dim : dims)
    for (const int64_t size : sizes) {
      Extents extents = base;
      extents[dim] = size;
      f(extents);
    }
}

std::string listText(const Extents &extents, const char *separator) {
  std::string text;
  for (const int64_t extent : extents)
    text += (text.empty() ? "" : separator) + std::to_string(extent);
  return text;
}

/// A program of one kernel, or a few, for each case of a family.
class Cases {
public:
  explicit Cases(Tolerance tolerance) : tolerance(tolerance) {}
  ~Cases() { check(); }

  /// An operand of numbers in [low, high).
  std::string input(const Extents &shape, DType type = DType::F32, double low = -1, double high = 1) {
    HostTensor tensor = test::uniform(type, shape, low, high, unsigned(inputs.size()));
    const std::string name = "%in" + std::to_string(inputs.size());
    arguments += (inputs.empty() ? "" : ", ") + name + ": " + typeText(shape, type);
    types[name] = typeText(shape, type);
    inputs.push_back(std::move(tensor));
    return name;
  }
  /// The same known when compiling: weights that may be packed.
  std::string weights(const Extents &shape) {
    const HostTensor tensor = test::uniform(DType::F32, shape, -1, 1, unsigned(numValues));
    return define("weft.constant dense<" + test::elementsText(tensor) + "> : " + typeText(shape, DType::F32),
                  typeText(shape, DType::F32));
  }
  /// One op, `text` with %0, %1 ... for the operands.
  std::string op(std::string text, const std::vector<std::string> &operands, const Extents &result,
                 DType type = DType::F32, const std::string &moreResults = "") {
    std::string operandTypes;
    for (size_t i = operands.size(); i-- > 0;) {
      const std::string mark = "%" + std::to_string(i);
      for (size_t at; (at = text.find(mark)) != std::string::npos;)
        text.replace(at, mark.size(), operands[i]);
    }
    for (const std::string &operand : operands)
      operandTypes += (operandTypes.empty() ? "" : ", ") + types[operand];
    const std::string own = typeText(result, type);
    return define(text + " : (" + operandTypes + ") -> (" + own + moreResults + ")", own,
                  moreResults.empty() ? 1 : int(llvm::StringRef(moreResults).count(',')) + 1);
  }
  /// The value is a result of the program.
  void result(const std::string &value, const Extents &extents) {
    results.push_back(value);
    labels.push_back(listText(extents, "x"));
  }

private:
  static std::string typeText(const Extents &shape, DType type) {
    return "tensor<" + listText(shape, "x") + (shape.empty() ? "" : "x") + concat(type) + ">";
  }
  std::string define(const std::string &text, const std::string &type, int numResults = 1) {
    const std::string name = "%v" + std::to_string(numValues++);
    body += "  " + name + (numResults > 1 ? ":" + std::to_string(numResults) : "") + " = " + text + "\n";
    const std::string value = numResults > 1 ? name + "#0" : name;
    types[value] = type;
    return value;
  }

  void check() {
    std::string resultTypes;
    for (const std::string &value : results)
      resultTypes += (resultTypes.empty() ? "" : ", ") + types[value];
    test::WholeProgram("func.func @main(" + arguments + ") -> (" + resultTypes + ") {\n" + body +
                       "  return " + llvm::join(results, ", ") + " : " + resultTypes + "\n}\n")
        .expectSame(inputs, tolerance, [&](size_t i) { return "extents " + labels[i]; });
  }

  Tolerance tolerance;
  std::vector<HostTensor> inputs;
  std::map<std::string, std::string> types;
  std::vector<std::string> results, labels;
  std::string arguments, body;
  int numValues = 0;
};

// Sums of up to a thousand products of numbers below 1.
constexpr Tolerance sums = {1e-4, 1e-4}, rows = {1e-5, 1e-5}, exact = {0, 0};

TEST(OddSizes, ProductWithPackedWeights) {
  Cases cases(sums);
  for (const Extents &base : {Extents{5, 9, 11}, Extents{1, 33, 18}})
    vary(base, {0, 1, 2}, [&](const Extents &e) {
      const int64_t m = e[0], n = e[1], k = e[2];
      std::string y = cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
                               {cases.input({m, k}), cases.weights({k, n})}, {m, n});
      y = cases.op("weft.add %0, %1", {y, cases.input({1, n})}, {m, n});
      cases.result(cases.op("weft.relu %0", {y}, {m, n}), e);
    });
}

/// Epilogues that are computed for two vectors at once.
TEST(OddSizes, ProductBeforeLongEpilogue) {
  Cases cases(sums);
  for (const Extents &base : {Extents{5, 40, 11}, Extents{13, 9, 700}})
    vary(base, {0, 1}, [&](const Extents &e) {
      const int64_t m = e[0], n = e[1], k = e[2];
      for (const std::string &b : {cases.weights({k, n}), cases.input({k, n})}) {
        std::string y = cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
                                 {cases.input({m, k}), b}, {m, n});
        y = cases.op("weft.add %0, %1", {y, cases.input({1, n})}, {m, n});
        y = cases.op("weft.mul %0, %1", {y, cases.op("weft.erf %0", {y}, {m, n})}, {m, n});
        cases.result(cases.op("weft.add %0, %1", {y, cases.input({m, 1})}, {m, n}), e);
      }
    });
}

TEST(OddSizes, ProductOfTwoInputs) {
  Cases cases(sums);
  vary({5, 9, 11}, {0, 1, 2}, [&](const Extents &e) {
    const int64_t m = e[0], n = e[1], k = e[2];
    cases.result(cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
                          {cases.input({m, k}), cases.input({k, n})}, {m, n}),
                 e);
    cases.result(cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [1]",
                          {cases.input({m, k}), cases.input({n, k})}, {m, n}),
                 e);
    cases.result(cases.op("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]",
                          {cases.input({k, m}), cases.input({k, n})}, {m, n}),
                 e);
  });
}

/// Large enough for a launch that packs the right operand.
TEST(OddSizes, ProductOfTwoLargeInputs) {
  Cases cases(sums);
  for (const Extents &e : {Extents{257, 288, 127}, Extents{300, 256, 64}, Extents{256, 256, 1601}}) {
    const int64_t m = e[0], n = e[1], k = e[2];
    std::string y = cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
                             {cases.input({m, k}), cases.input({k, n})}, {m, n});
    y = cases.op("weft.add %0, %1", {y, cases.input({1, n})}, {m, n});
    cases.result(cases.op("weft.relu %0", {y}, {m, n}), e);
    cases.result(cases.op("weft.dot_general %0, %1 batch [] x [] contract [1] x [1]",
                          {cases.input({m, k}), cases.input({n, k})}, {m, n}),
                 e);
    cases.result(cases.op("weft.dot_general %0, %1 batch [] x [] contract [0] x [1]",
                          {cases.input({k, m}), cases.input({n, k})}, {m, n}),
                 e);
  }
}

TEST(OddSizes, BatchedProduct) {
  Cases cases(sums);
  vary({3, 5, 9, 11}, {0, 1, 2, 3}, [&](const Extents &e) {
    cases.result(cases.op("weft.dot_general %0, %1 batch [0] x [0] contract [2] x [1]",
                          {cases.input({e[0], e[1], e[3]}), cases.input({e[0], e[3], e[2]})},
                          {e[0], e[1], e[2]}),
                 e);
  });
}

/// Channels last; extents are batch, height, width, channels in, channels out.
void convolutions(Cases &cases, int64_t window, int64_t stride, int64_t groups, const Extents &e) {
  const int64_t pad = window / 2, h = (e[1] + 2 * pad - window) / stride + 1,
                w = (e[2] + 2 * pad - window) / stride + 1;
  const auto two = [](int64_t value) { return "array<i64: " + listText({value, value}, ", ") + ">"; };
  const Extents result = {e[0], h, w, e[4]};
  std::string y = cases.op(
      "weft.conv %0, %1 {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = "
      "array<i64: 0, "
      "3, 1, 2>, strides = " +
          two(stride) + ", padding_low = " + two(pad) + ", padding_high = " + two(pad) +
          ", input_dilation = " + two(1) + ", kernel_dilation = " + two(1) +
          ", feature_groups = " + std::to_string(groups) + " : i64}",
      {cases.input({e[0], e[1], e[2], e[3]}), cases.weights({window, window, e[3] / groups, e[4]})}, result);
  y = cases.op("weft.add %0, %1", {y, cases.input({1, 1, 1, e[4]})}, result);
  cases.result(cases.op("weft.relu %0", {y}, result), e);
}

TEST(OddSizes, Convolution) {
  Cases cases(sums);
  vary({2, 5, 6, 3, 9}, {1, 2, 3, 4}, [&](const Extents &e) { convolutions(cases, 3, 2, 1, e); });
  vary({2, 3, 3, 4, 8}, {0}, [&](const Extents &e) { convolutions(cases, 3, 2, 1, e); });
}

TEST(OddSizes, ConvolutionByMinimalFiltering) {
  // Its transformations lose some bits: docs/numerics.md.
  Cases cases({1e-3, 1e-3});
  vary({1, 6, 6, 16, 16}, {1, 2}, [&](const Extents &e) { convolutions(cases, 3, 1, 1, e); });
  vary({1, 6, 6, 16, 16}, {3, 4}, [&](const Extents &e) { convolutions(cases, 3, 1, 1, e); });
  vary({2, 4, 4, 8, 8}, {0}, [&](const Extents &e) { convolutions(cases, 3, 1, 1, e); });
}

TEST(OddSizes, PointwiseConvolution) {
  Cases cases(sums);
  vary({1, 3, 5, 9, 11}, {0, 1, 2, 3, 4}, [&](const Extents &e) { convolutions(cases, 1, 1, 1, e); });
}

TEST(OddSizes, DepthwiseAndGroupedConvolution) {
  Cases cases(sums);
  const auto depthwise = [&](int64_t stride) {
    return [&, stride](const Extents &e) {
      convolutions(cases, 3, stride, e[3], {e[0], e[1], e[2], e[3], e[3]});
    };
  };
  vary({1, 5, 6, 9}, {0, 1, 2, 3}, depthwise(1));
  vary({1, 5, 6, 9}, {2, 3}, depthwise(2));
  // Of each of three groups.
  vary({1, 5, 6, 3, 5}, {2, 3, 4},
       [&](const Extents &e) { convolutions(cases, 3, 1, 3, {e[0], e[1], e[2], 3 * e[3], 3 * e[4]}); });
}

TEST(OddSizes, Pools) {
  Cases cases(rows);
  vary({2, 5, 6, 3}, {0, 1, 2, 3}, [&](const Extents &e) {
    const Extents smaller = {e[0], (e[1] - 1) / 2 + 1, (e[2] - 1) / 2 + 1, e[3]};
    const auto both = [](int64_t n) { return "array<i64: " + listText({n, n}, ", ") + ">"; };
    const auto pool = [&](const std::string &kind, int64_t stride, int64_t dilation, const Extents &result) {
      return cases.op("weft.reduce_window " + kind + " %0 axes [1, 2] {window = " + both(3) +
                          ", strides = " + both(stride) + ", padding_low = " + both(dilation) +
                          ", padding_high = " + both(dilation) + ", base_dilation = " + both(1) +
                          ", window_dilation = " + both(dilation) + "}",
                      {cases.input(e)}, result);
    };
    for (const char *kind : {"max", "add", "min", "mul"}) {
      cases.result(pool(kind, 2, 1, smaller), e);
      const std::string wide = pool(kind, 1, 2, e);
      cases.result(cases.op("weft.div %0, %1", {wide, cases.input({1, e[1], e[2], 1}, DType::F32, 1, 2)}, e),
                   e);
    }
  });
}

TEST(OddSizes, Reductions) {
  Cases cases(sums);
  vary({3, 5, 9}, {0, 1, 2}, [&](const Extents &e) {
    for (const size_t axis : {0, 1, 2}) {
      Extents kept = e;
      kept.erase(kept.begin() + int64_t(axis));
      const std::string axes = " axes [" + std::to_string(axis) + "]";
      cases.result(cases.op("weft.reduce add %0" + axes, {cases.input(e)}, kept), e);
      cases.result(cases.op("weft.reduce max %0" + axes, {cases.input(e)}, kept), e);
    }
    cases.result(cases.op("weft.cumulative add %0 axis 1", {cases.input(e)}, e), e);
    cases.result(
        cases.op("weft.reduce add %0 axes [0, 1, 2]", {cases.input(e, DType::I32, -9, 9)}, {}, DType::I32),
        e);
  });
}

TEST(OddSizes, SoftmaxAndNormalisation) {
  Cases cases(sums);
  vary({3, 5, 9}, {0, 1, 2}, [&](const Extents &e) {
    for (const int axis : {1, 2})
      cases.result(
          cases.op("weft.softmax %0 axis " + std::to_string(axis), {cases.input(e, DType::F32, -4, 4)}, e),
          e);
    if (e[2] == 1)
      return; // a variance of zero
    const Extents one = {1, 1, e[2]};
    std::string y = cases.op("weft.normalize %0 axes [2] epsilon 1.0e-5", {cases.input(e)}, e, DType::F32,
                             ", tensor<" + listText({e[0], e[1], 1}, "x") + "xf32>, tensor<" +
                                 listText({e[0], e[1], 1}, "x") + "xf32>");
    y = cases.op("weft.mul %0, %1", {y, cases.input(one)}, e);
    cases.result(cases.op("weft.add %0, %1", {y, cases.input(one)}, e), e);
  });
}

TEST(OddSizes, Elementwise) {
  Cases cases(rows);
  vary({5, 9}, {0, 1}, [&](const Extents &e) {
    // GELU of x + b, times a column, plus x.
    const std::string x = cases.input(e, DType::F32, -4, 4);
    const std::string sum = cases.op("weft.add %0, %1", {x, cases.input({1, e[1]})}, e);
    std::string y = cases.op("weft.erf %0", {sum}, e);
    y = cases.op("weft.mul %0, %1", {y, sum}, e);
    y = cases.op("weft.mul %0, %1", {y, cases.input({e[0], 1})}, e);
    cases.result(cases.op("weft.add %0, %1", {y, x}, e), e);
    y = cases.op("weft.tanh %0", {cases.op("weft.exp %0", {cases.input(e)}, e)}, e);
    cases.result(cases.op("weft.logistic %0", {y}, e), e);
  });
}

/// Pieces of whole vectors change places.
TEST(OddSizes, MovesOfPieces) {
  Cases cases(exact);
  for (const int64_t piece : {16, 48, 64})
    vary({2, 5, 9}, {0, 1, 2}, [&](const Extents &e) {
      if (e[0] * e[1] * e[2] > 5000)
        return;
      cases.result(cases.op("weft.transpose %0 by [0, 2, 1, 3]", {cases.input({e[0], e[1], e[2], piece})},
                            {e[0], e[2], e[1], piece}),
                   e);
      cases.result(cases.op("weft.transpose %0 by [1, 2, 0, 3]", {cases.input({e[0], e[1], e[2], piece})},
                            {e[1], e[2], e[0], piece}),
                   e);
    });
}

TEST(OddSizes, Moves) {
  Cases cases(exact);
  vary({3, 5, 9}, {0, 1, 2}, [&](const Extents &e) {
    cases.result(cases.op("weft.transpose %0 by [0, 2, 1]", {cases.input(e)}, {e[0], e[2], e[1]}), e);
    cases.result(cases.op("weft.transpose %0 by [2, 1, 0]", {cases.input(e)}, {e[2], e[1], e[0]}), e);
    cases.result(cases.op("weft.reverse %0 axes [1, 2]", {cases.input(e)}, e), e);
    cases.result(cases.op("weft.concat %0, %1 axis 2", {cases.input(e), cases.input({e[0], e[1], 5})},
                          {e[0], e[1], e[2] + 5}),
                 e);
    const Extents half = {(e[0] + 1) / 2, e[1], (e[2] + 1) / 2};
    cases.result(
        cases.op("weft.slice %0 starts [0, 0, 0] sizes [" + listText(half, ", ") + "] strides [2, 1, 2]",
                 {cases.input(e)}, half),
        e);
    cases.result(cases.op("weft.pad constant %0, %1 low [0, 1, 2] high [1, 0, 3] interior [0, 0, 0]",
                          {cases.input(e), cases.input({})}, {e[0] + 1, e[1] + 1, e[2] + 5}),
                 e);
    // Rows of a table, and what they were added to.
    const std::string config =
        "{dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0 : i64}";
    cases.result(cases.op("weft.gather %0 at %1 " + config,
                          {cases.input({e[0], e[2]}), cases.input({e[1], 1}, DType::I64, 0, double(e[0]))},
                          {e[1], e[2]}),
                 e);
    cases.result(cases.op("weft.scatter max %0 at %1, %2 " + config,
                          {cases.input({e[0], e[2]}), cases.input({e[1], 1}, DType::I64, 0, double(e[0])),
                           cases.input({e[1], e[2]})},
                          {e[0], e[2]}),
                 e);
  });
}

TEST(OddSizes, Attention) {
  Cases cases(sums);
  // Batch, heads, queries, keys, depth of keys, of values.
  const auto attention = [&](const std::string &causal) {
    return [&, causal](const Extents &e) {
      cases.result(cases.op("weft.attention %0, %1, %2 {scale = 0.3" + causal + "}",
                            {cases.input({e[0], e[1], e[2], e[4]}), cases.input({e[0], e[1], e[3], e[4]}),
                             cases.input({e[0], e[1], e[3], e[5]})},
                            {e[0], e[1], e[2], e[5]}, DType::F32,
                            ", tensor<" + listText({e[0], e[1], e[2]}, "x") + "xf32>"),
                   e);
    };
  };
  vary({1, 2, 9, 11, 8, 5}, {0, 1, 2, 3, 4, 5}, attention(""));
  vary({1, 2, 9, 11, 8, 5}, {2, 3}, attention(", causal = #weft<causal top_left>"));
}

std::string transposedHeads(Cases &cases, const std::string &x, const Extents &e) {
  return cases.op("weft.transpose %0 by [0, 2, 1, 3]", {x}, {e[0], e[2], e[1], e[3]});
}

std::string attention(Cases &cases, const std::vector<std::string> &operands, const Extents &q,
                      int64_t values) {
  return cases.op("weft.attention %0, %1, %2 {scale = 0.3}", operands, {q[0], q[2], q[1], values}, DType::F32,
                  ", tensor<" + listText({q[0], q[2], q[1]}, "x") + "xf32>");
}

// Rows in front of heads, which may be some of a buffer's: read in place.
TEST(OddSizes, AttentionOfTransposedOperands) {
  Cases cases(sums);
  vary({1, 2, 9, 11, 8, 5}, {0, 1, 2, 3, 4, 5}, [&](const Extents &e) {
    const Extents qs = {e[0], e[2], e[1], e[4]}, ks = {e[0], e[3], e[1], e[4]}, vs = {e[0], e[3], e[1], e[5]};
    const std::string q = cases.input(qs), k = cases.input({ks[0], ks[1], ks[2] + 2, ks[3]}),
                      v = cases.input(vs);
    const std::string heads = cases.op(
        "weft.slice %0 starts [0, 0, 1, 0] sizes [" + listText(ks, ", ") + "] strides [1, 1, 1, 1]", {k}, ks);
    const std::string y = attention(
        cases,
        {transposedHeads(cases, q, qs), transposedHeads(cases, heads, ks), transposedHeads(cases, v, vs)}, qs,
        e[5]);
    cases.result(transposedHeads(cases, y, {e[0], e[1], e[2], e[5]}), e);
  });
}

// Queries, keys and values that are products of one value: one product. Batch, rows, columns, heads, depth.
TEST(OddSizes, AttentionOfProjections) {
  Cases cases(sums);
  vary({1, 9, 6, 2, 4}, {0, 1, 2, 3}, [&](const Extents &e) {
    const std::string x = cases.input({e[0], e[1], e[2]}, DType::F32, -0.1, 0.1);
    const Extents heads = {e[0], e[1], e[3], e[4]}, columns = {e[0], e[1], e[3] * e[4]};
    const bool hasBias = e[1] % 2, isTransposed = e[2] % 2;
    const auto projection = [&] {
      const std::string w = isTransposed ? cases.op("weft.transpose %0 by [1, 0]",
                                                    {cases.weights({columns[2], e[2]})}, {e[2], columns[2]})
                                         : cases.weights({e[2], columns[2]});
      std::string y = cases.op("weft.dot_general %0, %1 batch [] x [] contract [2] x [0]", {x, w}, columns);
      if (hasBias)
        y = cases.op("weft.add %0, %1", {y, cases.weights({1, 1, columns[2]})}, columns);
      return transposedHeads(
          cases, cases.op("weft.reshape %0 sizes [" + listText(heads, ", ") + "]", {y}, heads), heads);
    };
    const std::string q = projection(), k = projection(), v = projection();
    cases.result(transposedHeads(cases, attention(cases, {q, k, v}, heads, e[4]), {e[0], e[3], e[1], e[4]}),
                 e);
  });
}

} // namespace
