// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds y = softmax(relu(x . w) + b), compiles it, runs it on memory of this program.
#include <weft/Weft.h>

#include <cstdio>

static int fail(const weft::Status &status) {
  std::fprintf(stderr, "%s\n", status.toString().c_str());
  return 1;
}

int main() {
  auto graph = weft::Graph::create();
  if (!graph.isOk())
    return fail(graph.status());
  weft::Graph &g = **graph;
  weft::Value x = g.input("x", weft::DType::F32, {"rows", 3});
  weft::Value w = g.constant(*weft::HostTensor::fromValues<float>({3, 2}, {1, -1, 2, 0, -1, 1}));
  weft::Value b = g.constant(*weft::HostTensor::fromValues<float>({1, 2}, {0.5f, 0}));
  g.output("y", g.softmax(g.add(g.relu(g.matmul(x, w)), b), 1));

  // The first mistake made above, if any, is told here. One program serves every number of rows.
  auto executable = weft::compile(g);
  if (!executable.isOk())
    return fail(executable.status());
  auto session = weft::Session::create(*executable);
  if (!session.isOk())
    return fail(session.status());

  alignas(64) float in[2][3] = {{1, 0, 0}, {0, 1, 2}}, out[2][2];
  std::vector<weft::HostTensor> inputs = {*weft::HostTensor::view(weft::DType::F32, {2, 3}, in, nullptr)};
  std::vector<weft::HostTensor> outputs = {
      *weft::HostTensor::view(weft::DType::F32, {2, 2}, out, nullptr, true)};
  weft::Status status = (*session)->runInto(inputs, outputs);
  if (!status.isOk())
    return fail(status);
  for (auto &row : out)
    std::printf("%.4f %.4f\n", row[0], row[1]);
  return 0;
}
