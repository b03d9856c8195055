// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs built in C++. Every op of the weft dialect can be added by name; the common ones have functions
// here. Shapes are checked as ops are added.
#ifndef WEFT_API_GRAPH_H
#define WEFT_API_GRAPH_H

#include "weft/Support/DType.h"
#include "weft/Support/HostTensor.h"
#include "weft/Support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

struct WeftGraphHandle;

namespace weft {

class Graph;

/// A value of a graph: the result of an op, an input or a constant. A default one is none; ops on none give
/// none, so that the first error is the one Graph::status() tells.
class Value {
public:
  Value() = default;
  explicit operator bool() const { return graph != nullptr; }
  DType dtype() const;
  /// Extents; -1 where it is a named dimension.
  std::vector<int64_t> shape() const;

private:
  friend class Graph;
  Value(Graph *graph, int64_t id) : graph(graph), id(id) {}
  Graph *graph = nullptr;
  int64_t id = -1;
};

/// One extent of an input: a number or the name of a dynamic dimension.
struct Extent {
  Extent(int64_t extent) : extent(extent) {}
  Extent(const char *name) : extent(-1), name(name) {}
  Extent(std::string name) : extent(-1), name(std::move(name)) {}
  int64_t extent;
  std::string name;
};

/// An attribute of an op: number, real, truth, text (enum cases by name), or list of numbers.
struct OpAttribute {
  std::string name;
  std::variant<int64_t, double, bool, std::string, std::vector<int64_t>> value;
};

/// How a convolution slides; empty lists are ones and zeros of the right length.
struct ConvOptions {
  std::vector<int64_t> strides, paddingLow, paddingHigh, inputDilation, kernelDilation;
  int64_t groups = 1;
  /// x and result are [batch, spatial..., feature] and w [spatial..., in, out] when true; else [batch,
  /// feature, spatial...] and [out, in, spatial...].
  bool channelsLast = false;
};

/// A graph under construction. Not thread-safe. The first error stays in status(); later ops do nothing.
class Graph {
public:
  /// Opens the compiler library; NOT_FOUND when it is not installed.
  static Result<std::unique_ptr<Graph>> create();
  ~Graph();
  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;

  const Status &status() const { return error; }

  Value input(const std::string &name, DType type, const std::vector<Extent> &shape);
  Value constant(const HostTensor &tensor);
  /// Rank 0.
  Value scalar(DType type, double value);
  /// Names a result of the graph.
  void output(const std::string &name, Value value);

  /// Any op of the weft dialect by its name there. `result`: the element type of the result, for ops that do
  /// not infer it (convert, bitcast_convert).
  std::vector<Value> op(const std::string &name, const std::vector<Value> &operands,
                        const std::vector<OpAttribute> &attributes = {}, DType result = DType::Invalid);

  // Elementwise. Binary ops broadcast extents of 1 and give the operand of lower rank leading extents of 1.
  Value add(Value a, Value b) { return binary("add", a, b); }
  Value sub(Value a, Value b) { return binary("sub", a, b); }
  Value mul(Value a, Value b) { return binary("mul", a, b); }
  Value div(Value a, Value b) { return binary("div", a, b); }
  Value rem(Value a, Value b) { return binary("rem", a, b); }
  Value pow(Value a, Value b) { return binary("pow", a, b); }
  Value max(Value a, Value b) { return binary("max", a, b); }
  Value min(Value a, Value b) { return binary("min", a, b); }
  Value and_(Value a, Value b) { return binary("and", a, b); }
  Value or_(Value a, Value b) { return binary("or", a, b); }
  Value xor_(Value a, Value b) { return binary("xor", a, b); }
  Value neg(Value x) { return unary("neg", x); }
  Value abs(Value x) { return unary("abs", x); }
  Value exp(Value x) { return unary("exp", x); }
  Value log(Value x) { return unary("log", x); }
  Value sqrt(Value x) { return unary("sqrt", x); }
  Value rsqrt(Value x) { return unary("rsqrt", x); }
  Value tanh(Value x) { return unary("tanh", x); }
  Value erf(Value x) { return unary("erf", x); }
  Value logistic(Value x) { return unary("logistic", x); }
  Value relu(Value x) { return unary("relu", x); }
  Value not_(Value x) { return unary("not", x); }
  /// relation: eq ne lt le gt ge.
  Value compare(const std::string &relation, Value a, Value b);
  Value select(Value predicate, Value onTrue, Value onFalse);
  Value convert(Value x, DType type);

  // Contractions, convolutions, pools.
  /// Matrix product of the last two dimensions; equal leading dimensions are batches.
  Value matmul(Value a, Value b);
  Value conv(Value x, Value w, const ConvOptions &options = {});
  /// kind: max, add, ... over windows of the given axes.
  Value reduceWindow(const std::string &kind, Value x, const std::vector<int64_t> &axes,
                     const std::vector<int64_t> &window, const std::vector<int64_t> &strides,
                     const std::vector<int64_t> &paddingLow = {},
                     const std::vector<int64_t> &paddingHigh = {});

  // Reductions and norms.
  /// kind: add mul max min and or xor logaddexp. The axes are dropped, or kept with extent 1.
  Value reduce(const std::string &kind, Value x, const std::vector<int64_t> &axes, bool keepDims = false);
  Value softmax(Value x, int64_t axis);
  /// (x - mean) * rsqrt(variance + epsilon) over the axes.
  Value normalize(Value x, const std::vector<int64_t> &axes, double epsilon);

  // Shapes.
  Value reshape(Value x, const std::vector<int64_t> &shape);
  Value transpose(Value x, const std::vector<int64_t> &permutation);
  Value broadcast(Value x, const std::vector<int64_t> &shape, const std::vector<int64_t> &dims);
  Value slice(Value x, const std::vector<int64_t> &starts, const std::vector<int64_t> &sizes,
              std::vector<int64_t> strides = {});
  Value concat(const std::vector<Value> &xs, int64_t axis);

  /// The graph as text of the weft dialect, with large constants by their hash. For text that can be compiled
  /// again, elements and all, see CompileOptions::dataFile.
  Result<std::string> text() const;
  /// For the Api room: the compiler's handle.
  WeftGraphHandle *handle() const { return graph; }

private:
  Graph() = default;
  friend class Value;
  Value unary(const char *name, Value x);
  Value binary(const char *name, Value a, Value b);
  Value one(const std::string &name, const std::vector<Value> &operands,
            const std::vector<OpAttribute> &attributes = {}, DType result = DType::Invalid);
  void fail(Status status);
  Value raise(Value x, size_t rank);

  WeftGraphHandle *graph = nullptr;
  Status error;
};

} // namespace weft

#endif // WEFT_API_GRAPH_H
