// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph of Inputs/small_cnn.onnx in C++, and inputs for it.
#ifndef WEFT_TEST_UNIT_API_SMALLGRAPH_H
#define WEFT_TEST_UNIT_API_SMALLGRAPH_H

#include "weft/Weft.h"

#include <gtest/gtest.h>

namespace weft::test {

/// As Inputs/make_models.py makes them.
inline HostTensor weights(std::vector<int64_t> shape, int64_t step) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(float(i * step % 64 - 32) / 64);
  return *HostTensor::fromValues<float>(std::move(shape), std::move(values));
}

/// conv, bias, relu, pool, matmul, bias, softmax.
inline void buildSmallCnn(Graph &g) {
  Value x = g.input("x", DType::F32, {2, 1, 8, 8});
  ConvOptions conv;
  conv.paddingLow = conv.paddingHigh = {1, 1};
  Value c =
      g.add(g.conv(x, g.constant(weights({4, 1, 3, 3}, 37)), conv), g.constant(weights({1, 4, 1, 1}, 11)));
  Value p = g.reduceWindow("max", g.relu(c), {2, 3}, {2, 2}, {2, 2});
  Value d = g.matmul(g.reshape(p, {2, 64}), g.constant(weights({64, 10}, 29)));
  g.output("y", g.softmax(g.add(d, g.constant(weights({1, 10}, 7))), 1));
}

/// y = relu(x . m), with a dynamic number of rows.
inline void buildRows(Graph &g) {
  Value x = g.input("x", DType::F32, {"rows", 16});
  g.output("y", g.relu(g.matmul(x, g.constant(weights({16, 8}, 29)))));
}

inline std::shared_ptr<const Executable> compiled(void (*build)(Graph &),
                                                  const CompileOptions &options = {}) {
  auto graph = Graph::create();
  EXPECT_TRUE(graph.isOk()) << graph.status();
  if (!graph.isOk())
    return nullptr;
  build(**graph);
  EXPECT_TRUE((*graph)->status().isOk()) << (*graph)->status();
  auto executable = compile(**graph, options);
  EXPECT_TRUE(executable.isOk()) << executable.status();
  return executable.isOk() ? *executable : nullptr;
}

} // namespace weft::test

#endif // WEFT_TEST_UNIT_API_SMALLGRAPH_H
