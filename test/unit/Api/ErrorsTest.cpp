// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mistakes of the caller are Status values that name what was found.
#include "SmallGraph.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace weft;
using namespace weft::test;
using testing::HasSubstr;

/// A graph whose first error is what `build` makes.
static std::string errorOf(void (*build)(Graph &)) {
  auto graph = Graph::create();
  EXPECT_TRUE(graph.isOk()) << graph.status();
  build(**graph);
  EXPECT_EQ((*graph)->status().code(), Code::InvalidArgument);
  // The error stays, and stands in the way of all else.
  std::string first = (*graph)->status().message();
  Value after = (*graph)->scalar(DType::F32, 1);
  EXPECT_FALSE(after);
  (*graph)->output("y", after);
  EXPECT_EQ((*graph)->status().message(), first);
  EXPECT_EQ(compile(**graph).status().message(), first);
  EXPECT_EQ(compileToBytes(**graph).status().message(), first);
  EXPECT_EQ((*graph)->text().status().message(), first);
  return first;
}

TEST(GraphErrors, NameTheOp) {
  EXPECT_THAT(errorOf([](Graph &g) { g.op("frobnicate", {g.input("x", DType::F32, {2})}); }),
              HasSubstr("frobnicate"));
  EXPECT_THAT(errorOf([](Graph &g) { g.op("", {}); }), HasSubstr("''"));
  EXPECT_THAT(errorOf([](Graph &g) { g.reduce("mean", g.input("x", DType::F32, {2}), {0}); }),
              HasSubstr("'mean'"));
  EXPECT_THAT(errorOf([](Graph &g) { g.op("relu", {}); }), HasSubstr("relu"));
  EXPECT_THAT(errorOf([](Graph &g) { g.op("softmax", {g.input("x", DType::F32, {2})}); }), HasSubstr("axis"));
  EXPECT_THAT(
      errorOf([](Graph &g) { g.op("softmax", {g.input("x", DType::F32, {2})}, {{"axis", "first"}}); }),
      HasSubstr("axis"));
}

TEST(GraphErrors, NameTheShapes) {
  std::string text =
      errorOf([](Graph &g) { g.add(g.input("x", DType::F32, {2, 3}), g.input("y", DType::F32, {2, 4})); });
  EXPECT_THAT(text, HasSubstr("3"));
  EXPECT_THAT(text, HasSubstr("4"));
  EXPECT_THAT(
      errorOf([](Graph &g) { g.matmul(g.input("x", DType::F32, {2, 3}), g.input("y", DType::F32, {4, 5})); }),
      HasSubstr("3"));
  EXPECT_THAT(
      errorOf([](Graph &g) { g.matmul(g.input("x", DType::F32, {3}), g.input("y", DType::F32, {3})); }),
      HasSubstr("matmul"));
  EXPECT_THAT(errorOf([](Graph &g) { g.reshape(g.input("x", DType::F32, {2, 3}), {7}); }), HasSubstr("7"));
  EXPECT_THAT(errorOf([](Graph &g) { g.add(g.input("x", DType::F32, {2}), g.input("y", DType::I32, {2})); }),
              HasSubstr("same element type"));
  EXPECT_THAT(
      errorOf([](Graph &g) { g.reduce("add", g.input("x", DType::F32, {2, 3}), {5}, /*keepDims=*/true); }),
      HasSubstr("5"));
  EXPECT_THAT(errorOf([](Graph &g) { g.input("x", DType::F32, {-2}); }), HasSubstr("'x'"));
  EXPECT_THAT(errorOf([](Graph &g) { g.input("x", DType::Invalid, {2}); }), HasSubstr("'x'"));
  EXPECT_THAT(errorOf([](Graph &g) { g.constant(HostTensor()); }), HasSubstr("constant"));
}

TEST(GraphErrors, ValuesOfOtherGraphs) {
  auto other = Graph::create();
  static Value foreign;
  foreign = (*other)->input("x", DType::F32, {2});
  EXPECT_THAT(errorOf([](Graph &g) { g.op("relu", {foreign}); }), HasSubstr("not a value of this graph"));
  EXPECT_THAT(errorOf([](Graph &g) { g.output("y", foreign); }), HasSubstr("not a value of this graph"));
  EXPECT_THAT(errorOf([](Graph &g) { g.relu(Value()); }), HasSubstr("not a value of this graph"));
}

TEST(GraphErrors, NoOutput) {
  auto graph = Graph::create();
  (*graph)->relu((*graph)->input("x", DType::F32, {2}));
  auto executable = compile(**graph);
  EXPECT_FALSE(executable.isOk());
  EXPECT_THAT(executable.status().message(), HasSubstr("no output"));
}

TEST(CompileErrors, NameTheFile) {
  EXPECT_THAT(compile("nothing-here.onnx").status().message(), HasSubstr("nothing-here.onnx"));
  EXPECT_THAT(compile("nothing-here.weft").status().message(), HasSubstr("nothing-here.weft"));
  EXPECT_THAT(compile("model.txt").status().message(), HasSubstr("wanted .onnx or .mlir"));
  EXPECT_THAT(compileToBytes("model.weft").status().message(), HasSubstr("already compiled"));
}

TEST(CompileErrors, NameTheOption) {
  std::string model = WEFT_TEST_INPUTS "/small_cnn.onnx";
  auto messageOf = [&](auto change) {
    CompileOptions options;
    options.useCache = false;
    change(options);
    auto executable = compile(model, options);
    EXPECT_FALSE(executable.isOk());
    return executable.status().message();
  };
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.target = "tpu"; }), HasSubstr("'tpu'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.targetCpu = "z80"; }), HasSubstr("'z80'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.numerics = "loose"; }), HasSubstr("'loose'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.dynamicDims = {"a:b"}; }), HasSubstr("'a:b'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.dynamicDims = {"rows:1:4"}; }), HasSubstr("'rows'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.shapes = {"x=2x"}; }), HasSubstr("'x=2x'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.shapes = {"z=2x1x8x8"}; }), HasSubstr("'z'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.shapes = {"x=2x1x8x9"}; }), HasSubstr("9"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.from = "middle"; }), HasSubstr("'middle'"));
  EXPECT_THAT(messageOf([](CompileOptions &o) { o.emit = "poem"; }), HasSubstr("'poem'"));
}

TEST(CompileErrors, GraphsHaveTheirOwnExtents) {
  auto graph = Graph::create();
  buildRows(**graph);
  CompileOptions shapes, dims, bounded;
  shapes.shapes = {"x=2x16"};
  EXPECT_THAT(compile(**graph, shapes).status().message(), HasSubstr("shape for 'x'"));
  dims.dynamicDims = {"batch:1:4"};
  EXPECT_THAT(compile(**graph, dims).status().message(), HasSubstr("wanted one of: rows"));
  bounded.boundedOnly = true;
  EXPECT_THAT(compile(**graph, bounded).status().message(), HasSubstr("--dynamic-dim=rows:1:64"));
}

TEST(CompileErrors, TellWhatIsWrongFromWhatIsMissing) {
  auto codeOf = [](const std::string &text) {
    std::string path = testing::TempDir() + "/errors-" + std::to_string(::getpid()) + ".mlir";
    std::ofstream(path) << text;
    CompileOptions options;
    options.useCache = false;
    Status status = compile(path, options).status();
    std::remove(path.c_str());
    return std::pair(status.code(), status.message());
  };
  auto [wrong, syntax] = codeOf("func.func @main(");
  EXPECT_EQ(wrong, Code::InvalidArgument) << syntax;
  auto [missing, refusal] = codeOf(R"(
    func.func @main(%x: tensor<?xf32, #weft.dims<[n]>> {weft.name = "x"}) -> (tensor<?xf32> {weft.name = "y"}) {
      %0:2 = weft.fft r2c %x axes [0] : (tensor<?xf32, #weft.dims<[n]>>) -> (tensor<?xf32>, tensor<?xf32>)
      return %0#0 : tensor<?xf32>
    })");
  EXPECT_EQ(missing, Code::Unimplemented) << refusal;
  EXPECT_THAT(refusal, HasSubstr("unknown length"));
}

TEST(RunErrors, NameTheInput) {
  auto executable = compiled(buildSmallCnn);
  ASSERT_TRUE(executable);
  auto session = Session::create(executable);
  auto messageOf = [&](const NamedTensors &inputs) { return (*session)->run(inputs).status().message(); };
  HostTensor x = weights({2, 1, 8, 8}, 53);
  EXPECT_THAT(messageOf({}), HasSubstr("'x'"));
  EXPECT_THAT(messageOf({{"x", x}, {"z", x}}), HasSubstr("'z'"));
  EXPECT_THAT(messageOf({{"x", weights({2, 1, 8, 9}, 53)}}), HasSubstr("dimension 3 has extent 9, wanted 8"));
  EXPECT_THAT(messageOf({{"x", weights({2, 8, 8}, 53)}}), HasSubstr("rank 3"));
  EXPECT_THAT(messageOf({{"x", *HostTensor::zeros(DType::F64, {2, 1, 8, 8})}}), HasSubstr("f64, wanted f32"));
  EXPECT_THAT(messageOf({{"x", HostTensor()}}), HasSubstr("'x'"));
  EXPECT_TRUE((*session)->run(NamedTensors{{"x", x}}).isOk()); // and it still runs

  std::vector<HostTensor> small = {*HostTensor::zeros(DType::F32, {2, 9})};
  Status status = (*session)->runInto(std::vector<HostTensor>{x}, small);
  EXPECT_EQ(status.code(), Code::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("'y'"));
}
