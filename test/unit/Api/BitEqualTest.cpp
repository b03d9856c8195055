// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One graph from C++, from ONNX and from text gives the same bits.
#include "SmallGraph.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace weft;
using namespace weft::test;

static HostTensor run(const std::shared_ptr<const Executable> &executable) {
  auto session = Session::create(executable);
  EXPECT_TRUE(session.isOk()) << session.status();
  auto results = (*session)->run(NamedTensors{{"x", weights({2, 1, 8, 8}, 53)}});
  EXPECT_TRUE(results.isOk()) << results.status();
  if (!results.isOk() || results->size() != 1)
    return {};
  EXPECT_EQ((*results)[0].first, "y");
  return (*results)[0].second;
}

/// The same in doubles, written out: the three ways could be wrong together.
static std::vector<double> expected() {
  HostTensor x = weights({2, 1, 8, 8}, 53), w = weights({4, 1, 3, 3}, 37), b = weights({4}, 11),
             m = weights({64, 10}, 29), a = weights({10}, 7);
  std::vector<double> y;
  for (int n = 0; n < 2; ++n) {
    std::vector<double> flat;
    for (int c = 0; c < 4; ++c)
      for (int py = 0; py < 4; ++py)
        for (int px = 0; px < 4; ++px) {
          double best = 0; // relu
          for (int i = 0; i < 4; ++i) {
            int row = py * 2 + i / 2, column = px * 2 + i % 2;
            double sum = b.asDouble(c);
            for (int ky = 0; ky < 3; ++ky)
              for (int kx = 0; kx < 3; ++kx) {
                int sy = row + ky - 1, sx = column + kx - 1;
                if (sy >= 0 && sy < 8 && sx >= 0 && sx < 8)
                  sum += x.asDouble(n * 64 + sy * 8 + sx) * w.asDouble(c * 9 + ky * 3 + kx);
              }
            best = std::max(best, sum);
          }
          flat.push_back(best);
        }
    double total = 0;
    std::vector<double> row;
    for (int j = 0; j < 10; ++j) {
      double sum = a.asDouble(j);
      for (int i = 0; i < 64; ++i)
        sum += flat[size_t(i)] * m.asDouble(i * 10 + j);
      row.push_back(std::exp(sum));
      total += row.back();
    }
    for (double value : row)
      y.push_back(value / total);
  }
  return y;
}

TEST(BitEqual, GraphOnnxAndTextAgree) {
  auto graph = Graph::create();
  ASSERT_TRUE(graph.isOk()) << graph.status();
  buildSmallCnn(**graph);
  ASSERT_TRUE((*graph)->status().isOk()) << (*graph)->status();

  auto fromGraph = compile(**graph);
  ASSERT_TRUE(fromGraph.isOk()) << fromGraph.status();
  HostTensor y = run(*fromGraph);
  ASSERT_TRUE(y.isValid());
  ASSERT_EQ(y.typeString(), "f32[2x10]");
  std::vector<double> wanted = expected();
  for (int64_t i = 0; i < 20; ++i)
    EXPECT_NEAR(y.asDouble(i), wanted[size_t(i)], 1e-6) << i;

  auto fromOnnx = compile(WEFT_TEST_INPUTS "/small_cnn.onnx");
  ASSERT_TRUE(fromOnnx.isOk()) << fromOnnx.status();
  EXPECT_TRUE(run(*fromOnnx).bitEquals(y));

  auto text = (*graph)->text();
  ASSERT_TRUE(text.isOk()) << text.status();
  std::string folder = testing::TempDir() + "/weft-api-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::string file = folder + "/small_cnn.mlir";
  // The matrix is too large to be text: written out, it lies in a file beside.
  CompileOptions write;
  write.to = "import";
  write.dataFile = folder + "/small_cnn.npz";
  auto complete = compileToBytes(**graph, write);
  ASSERT_TRUE(complete.isOk()) << complete.status();
  EXPECT_NE(complete->find("weft.data_file"), std::string::npos);
  std::ofstream(file) << *complete;
  auto fromText = compile(file);
  ASSERT_TRUE(fromText.isOk()) << fromText.status();
  EXPECT_TRUE(run(*fromText).bitEquals(y));

  // Saved and loaded again.
  auto bytes = compileToBytes(**graph);
  ASSERT_TRUE(bytes.isOk()) << bytes.status();
  auto loaded = Executable::load(std::as_bytes(std::span<const char>(*bytes)), nullptr);
  ASSERT_TRUE(loaded.isOk()) << loaded.status();
  EXPECT_TRUE(run(*loaded).bitEquals(y));
  for (const char *name : {"/small_cnn.mlir", "/small_cnn.npz"})
    unlink((folder + name).c_str());
  rmdir(folder.c_str());
}
