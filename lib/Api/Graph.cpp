// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs in C++ over the compiler's C table.
#include "weft/Api/Graph.h"

#include "Compiler.h"

#include <algorithm>
#include <numeric>

using namespace weft;

Result<std::unique_ptr<Graph>> Graph::create() {
  WEFT_ASSIGN_OR_RETURN(const WeftCompilerApi *api, openCompiler());
  std::unique_ptr<Graph> graph(new Graph);
  graph->graph = api->graphCreate();
  return graph;
}

Graph::~Graph() {
  if (graph)
    (*openCompiler())->graphDestroy(graph);
}

void Graph::fail(Status status) {
  if (error.isOk())
    error = std::move(status);
}

/// The compiler, which a graph has opened.
static const WeftCompilerApi &compiler() { return **openCompiler(); }

/// Element type and extents of a value.
static Status typeOf(WeftGraphHandle *graph, int64_t id, DType &type, std::vector<int64_t> &shape) {
  int32_t dtype = 0;
  int64_t dims[32];
  size_t rank = 0;
  if (compiler().graphType(graph, id, &dtype, dims, &rank) != 0)
    return invalidArgument(toView(compiler().graphError(graph)));
  type = DType(dtype);
  shape.assign(dims, dims + rank);
  return Status::ok();
}

DType Value::dtype() const {
  DType type = DType::Invalid;
  std::vector<int64_t> dims;
  if (graph)
    if (Status status = typeOf(graph->graph, id, type, dims); !status.isOk())
      graph->fail(status);
  return type;
}

std::vector<int64_t> Value::shape() const {
  DType type;
  std::vector<int64_t> dims;
  if (graph)
    if (Status status = typeOf(graph->graph, id, type, dims); !status.isOk())
      graph->fail(status);
  return dims;
}

Value Graph::input(const std::string &name, DType type, const std::vector<Extent> &shape) {
  if (!error.isOk())
    return {};
  std::vector<int64_t> dims;
  std::vector<WeftText> names;
  for (const Extent &extent : shape) {
    dims.push_back(extent.extent);
    names.push_back(toText(extent.name));
  }
  int64_t id;
  if (compiler().graphInput(graph, toText(name), int32_t(type), dims.data(), names.data(), dims.size(),
                            &id) == 0)
    return Value(this, id);
  fail(invalidArgument(toView(compiler().graphError(graph))));
  return {};
}

Value Graph::constant(const HostTensor &tensor) {
  if (!error.isOk())
    return {};
  int64_t id;
  if (compiler().graphConstant(graph, int32_t(tensor.dtype()), tensor.shape().data(), tensor.shape().size(),
                               tensor.raw(), tensor.numBytes(), &id) == 0)
    return Value(this, id);
  fail(invalidArgument(toView(compiler().graphError(graph))));
  return {};
}

Value Graph::scalar(DType type, double value) {
  Result<HostTensor> tensor = HostTensor::zeros(type, {});
  if (!tensor.isOk()) {
    fail(tensor.status());
    return {};
  }
  if (isFloat(type))
    tensor->setDouble(0, value);
  else
    tensor->setInt(0, int64_t(value));
  return constant(*tensor);
}

void Graph::output(const std::string &name, Value value) {
  if (!error.isOk())
    return;
  if (value.graph != this || compiler().graphOutput(graph, toText(name), value.id) != 0)
    fail(invalidArgument("output '", name, "' is not a value of this graph"));
}

std::vector<Value> Graph::op(const std::string &name, const std::vector<Value> &operands,
                             const std::vector<OpAttribute> &attributes, DType result) {
  if (!error.isOk())
    return {};
  std::vector<int64_t> ids;
  for (const Value &value : operands) {
    if (value.graph != this) {
      fail(invalidArgument("'", name, "': operand ", ids.size(), " is not a value of this graph"));
      return {};
    }
    ids.push_back(value.id);
  }
  std::vector<WeftOpAttribute> list;
  for (const OpAttribute &attribute : attributes) {
    WeftOpAttribute raw = {};
    raw.name = toText(attribute.name);
    if (auto *number = std::get_if<int64_t>(&attribute.value)) {
      raw.kind = WEFT_ATTR_INT;
      raw.number = *number;
    } else if (auto *real = std::get_if<double>(&attribute.value)) {
      raw.kind = WEFT_ATTR_FLOAT;
      raw.real = *real;
    } else if (auto *truth = std::get_if<bool>(&attribute.value)) {
      raw.kind = WEFT_ATTR_BOOL;
      raw.number = *truth;
    } else if (auto *text = std::get_if<std::string>(&attribute.value)) {
      raw.kind = WEFT_ATTR_TEXT;
      raw.text = toText(*text);
    } else {
      auto &ints = std::get<std::vector<int64_t>>(attribute.value);
      raw.kind = WEFT_ATTR_INTS;
      raw.list = ints.data();
      raw.numList = ints.size();
    }
    list.push_back(raw);
  }
  int64_t results[16];
  size_t count = 0;
  if (compiler().graphOp(graph, toText(name), ids.data(), ids.size(), list.data(), list.size(),
                         result == DType::Invalid ? -1 : int32_t(result), results, 16, &count) != 0) {
    fail(invalidArgument(toView(compiler().graphError(graph))));
    return {};
  }
  std::vector<Value> values;
  for (size_t i = 0; i < std::min<size_t>(count, 16); ++i)
    values.push_back(Value(this, results[i]));
  return values;
}

Value Graph::one(const std::string &name, const std::vector<Value> &operands,
                 const std::vector<OpAttribute> &attributes, DType result) {
  std::vector<Value> results = op(name, operands, attributes, result);
  return results.empty() ? Value() : results[0];
}

Value Graph::unary(const char *name, Value x) { return one(name, {x}); }

Value Graph::raise(Value x, size_t rank) {
  std::vector<int64_t> shape = x.shape();
  if (shape.size() >= rank)
    return x;
  shape.insert(shape.begin(), rank - shape.size(), 1);
  return reshape(x, shape);
}

Value Graph::binary(const char *name, Value a, Value b) {
  size_t rank = std::max(a.shape().size(), b.shape().size());
  return one(name, {raise(a, rank), raise(b, rank)});
}

Value Graph::compare(const std::string &relation, Value a, Value b) {
  size_t rank = std::max(a.shape().size(), b.shape().size());
  return one("compare", {raise(a, rank), raise(b, rank)}, {{"relation", relation}});
}

Value Graph::select(Value predicate, Value onTrue, Value onFalse) {
  size_t rank = std::max({predicate.shape().size(), onTrue.shape().size(), onFalse.shape().size()});
  return one("select", {raise(predicate, rank), raise(onTrue, rank), raise(onFalse, rank)});
}

Value Graph::convert(Value x, DType type) { return one("convert", {x}, {}, type); }

Value Graph::matmul(Value a, Value b) {
  size_t rank = std::max(a.shape().size(), b.shape().size());
  if (!error.isOk())
    return {};
  if (a.shape().size() != rank || b.shape().size() != rank || rank < 2) {
    fail(invalidArgument("matmul: ranks ", a.shape().size(), " and ", b.shape().size(),
                         ", wanted equal ranks of at least 2"));
    return {};
  }
  std::vector<int64_t> batch(rank - 2);
  std::iota(batch.begin(), batch.end(), 0);
  return one("dot_general", {a, b},
             {{"lhs_batch", batch},
              {"rhs_batch", batch},
              {"lhs_contract", std::vector<int64_t>{int64_t(rank) - 1}},
              {"rhs_contract", std::vector<int64_t>{int64_t(rank) - 2}}},
             a.dtype());
}

/// `list`, or `count` times `otherwise` when it is empty.
static std::vector<int64_t> orElse(const std::vector<int64_t> &list, size_t count, int64_t otherwise) {
  return list.empty() ? std::vector<int64_t>(count, otherwise) : list;
}

Value Graph::conv(Value x, Value w, const ConvOptions &options) {
  size_t rank = x.shape().size();
  if (!error.isOk())
    return {};
  if (rank < 3 || w.shape().size() != rank) {
    fail(invalidArgument("conv: ranks ", rank, " and ", w.shape().size(),
                         ", wanted equal ranks of at least 3"));
    return {};
  }
  size_t spatial = rank - 2;
  std::vector<int64_t> xDims{0}, wDims;
  if (options.channelsLast) {
    xDims.push_back(rank - 1);
    wDims = {int64_t(rank) - 1, int64_t(rank) - 2};
  } else {
    xDims.push_back(1);
    wDims = {0, 1};
  }
  for (size_t i = 0; i < spatial; ++i) {
    xDims.push_back(options.channelsLast ? i + 1 : i + 2);
    wDims.push_back(options.channelsLast ? i : i + 2);
  }
  return one("conv", {x, w},
             {{"x_dims", xDims},
              {"w_dims", wDims},
              {"y_dims", xDims},
              {"strides", orElse(options.strides, spatial, 1)},
              {"padding_low", orElse(options.paddingLow, spatial, 0)},
              {"padding_high", orElse(options.paddingHigh, spatial, 0)},
              {"input_dilation", orElse(options.inputDilation, spatial, 1)},
              {"kernel_dilation", orElse(options.kernelDilation, spatial, 1)},
              {"feature_groups", options.groups}});
}

Value Graph::reduceWindow(const std::string &kind, Value x, const std::vector<int64_t> &axes,
                          const std::vector<int64_t> &window, const std::vector<int64_t> &strides,
                          const std::vector<int64_t> &paddingLow, const std::vector<int64_t> &paddingHigh) {
  size_t n = axes.size();
  return one("reduce_window", {x},
             {{"kind", kind},
              {"axes", axes},
              {"window", window},
              {"strides", strides},
              {"padding_low", orElse(paddingLow, n, 0)},
              {"padding_high", orElse(paddingHigh, n, 0)},
              {"base_dilation", std::vector<int64_t>(n, 1)},
              {"window_dilation", std::vector<int64_t>(n, 1)}});
}

Value Graph::reduce(const std::string &kind, Value x, const std::vector<int64_t> &axes, bool keepDims) {
  Value reduced = one("reduce", {x}, {{"kind", kind}, {"axes", axes}});
  if (!keepDims || !reduced)
    return reduced;
  std::vector<int64_t> shape = x.shape();
  for (int64_t axis : axes)
    shape[axis] = 1;
  return reshape(reduced, shape);
}

Value Graph::softmax(Value x, int64_t axis) { return one("softmax", {x}, {{"axis", axis}}); }

Value Graph::normalize(Value x, const std::vector<int64_t> &axes, double epsilon) {
  return one("normalize", {x}, {{"axes", axes}, {"epsilon", epsilon}});
}

Value Graph::reshape(Value x, const std::vector<int64_t> &shape) {
  return one("reshape", {x}, {{"static_sizes", shape}});
}

Value Graph::transpose(Value x, const std::vector<int64_t> &permutation) {
  return one("transpose", {x}, {{"permutation", permutation}});
}

Value Graph::broadcast(Value x, const std::vector<int64_t> &shape, const std::vector<int64_t> &dims) {
  return one("broadcast", {x}, {{"static_sizes", shape}, {"dims", dims}});
}

Value Graph::slice(Value x, const std::vector<int64_t> &starts, const std::vector<int64_t> &sizes,
                   std::vector<int64_t> strides) {
  if (strides.empty())
    strides.assign(starts.size(), 1);
  return one("slice", {x}, {{"static_starts", starts}, {"static_sizes", sizes}, {"strides", strides}});
}

Value Graph::concat(const std::vector<Value> &xs, int64_t axis) {
  return one("concat", xs, {{"axis", axis}});
}

Result<std::string> Graph::text() const {
  WEFT_RETURN_IF_ERROR(error);
  std::string text;
  int32_t failed = compiler().graphText(graph, &text, [](void *user, const void *bytes, size_t size) {
    static_cast<std::string *>(user)->append(static_cast<const char *>(bytes), size);
  });
  if (failed)
    return invalidArgument(toView(compiler().graphError(graph)));
  return text;
}
