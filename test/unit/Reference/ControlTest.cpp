// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interpreter: control flow, calls, variables, effects, named dims, and what it refuses.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

TEST(ReferenceInterpreter, If) {
  const char *text = R"(
    func.func @main(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
      %y = weft.if %p : (tensor<i1>) -> tensor<2xf32> {
        %a = weft.neg %x : (tensor<2xf32>) -> tensor<2xf32>
        weft.yield %a : tensor<2xf32>
      } else {
        weft.yield %x : tensor<2xf32>
      }
      return %y : tensor<2xf32>
    })";
  for (double p : {0, 1}) {
    Outcome run = runModule(text, {tensor(DType::I1, {}, {p}), f32({1, -2})});
    ASSERT_EQ(run.results.size(), 1u) << run.errors;
    expectNumbers(run.results[0], p ? std::vector<double>{-1, 2} : std::vector<double>{1, -2});
  }
}

TEST(ReferenceInterpreter, WhileCapturesAndGrows) {
  // Doubles a value until it passes a captured limit; the second carried value grows by one element a step.
  const char *text = R"(
    func.func @main(%limit: tensor<f32>) -> (tensor<f32>, tensor<?xi64>) {
      %one = weft.constant dense<1.0> : tensor<f32>
      %zero = weft.constant dense<0> : tensor<1xi64>
      %start = weft.cast_shape %zero : (tensor<1xi64>) -> tensor<?xi64>
      %r:2 = weft.while %one, %start : (tensor<f32>, tensor<?xi64>) -> (tensor<f32>, tensor<?xi64>) {
      ^bb0(%v: tensor<f32>, %s: tensor<?xi64>):
        %c = weft.compare lt %v, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>
        weft.yield %c : tensor<i1>
      } do {
      ^bb0(%v: tensor<f32>, %s: tensor<?xi64>):
        %w = weft.add %v, %v : (tensor<f32>, tensor<f32>) -> tensor<f32>
        %t = weft.concat %s, %zero axis 0 : (tensor<?xi64>, tensor<1xi64>) -> tensor<?xi64>
        weft.yield %w, %t : tensor<f32>, tensor<?xi64>
      }
      return %r#0, %r#1 : tensor<f32>, tensor<?xi64>
    })";
  Outcome run = runModule(text, {tensor(DType::F32, {}, {100})});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {128});
  EXPECT_EQ(run.results[1].dim(0), 8);
}

static const char *scanText(bool reverse) {
  return reverse ? R"(
    func.func @main(%init: tensor<f32>, %xs: tensor<?x2xf32>) -> (tensor<f32>, tensor<?x2xf32>) {
      %r:2 = weft.scan init(%init) over(%xs) : (tensor<f32>, tensor<?x2xf32>) -> (tensor<f32>, tensor<?x2xf32>) {
      ^bb0(%c: tensor<f32>, %x: tensor<2xf32>):
        %s = weft.reduce add %x axes [0] : (tensor<2xf32>) -> tensor<f32>
        %d = weft.add %c, %s : (tensor<f32>, tensor<f32>) -> tensor<f32>
        %y = weft.broadcast %d sizes [2] dims [] : (tensor<f32>) -> tensor<2xf32>
        weft.yield %d, %y : tensor<f32>, tensor<2xf32>
      } {reverse = true}
      return %r#0, %r#1 : tensor<f32>, tensor<?x2xf32>
    })"
                 : R"(
    func.func @main(%init: tensor<f32>, %xs: tensor<?x2xf32>) -> (tensor<f32>, tensor<?x2xf32>) {
      %r:2 = weft.scan init(%init) over(%xs) : (tensor<f32>, tensor<?x2xf32>) -> (tensor<f32>, tensor<?x2xf32>) {
      ^bb0(%c: tensor<f32>, %x: tensor<2xf32>):
        %s = weft.reduce add %x axes [0] : (tensor<2xf32>) -> tensor<f32>
        %d = weft.add %c, %s : (tensor<f32>, tensor<f32>) -> tensor<f32>
        %y = weft.broadcast %d sizes [2] dims [] : (tensor<f32>) -> tensor<2xf32>
        weft.yield %d, %y : tensor<f32>, tensor<2xf32>
      }
      return %r#0, %r#1 : tensor<f32>, tensor<?x2xf32>
    })";
}

TEST(ReferenceInterpreter, Scan) {
  HostTensor init = tensor(DType::F32, {}, {1}), xs = count(DType::F32, {3, 2});
  Outcome run = runModule(scanText(false), {init, xs});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {16});
  expectNumbers(run.results[1], {2, 2, 7, 7, 16, 16});
  run = runModule(scanText(true), {init, xs});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[1], {16, 16, 15, 15, 10, 10});
  run = runModule(scanText(false), {init, tensor(DType::F32, {0, 2}, {})});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {1});
  EXPECT_EQ(run.results[1].shape(), (std::vector<int64_t>{0, 2}));
}

TEST(ReferenceInterpreter, ScanByLength) {
  const char *text = R"(
    func.func @main(%n: tensor<i64>) -> (tensor<i64>, tensor<?xi64>) {
      %zero = weft.constant dense<0> : tensor<i64>
      %one = weft.constant dense<1> : tensor<i64>
      %r:2 = weft.scan init(%zero) length %n : (tensor<i64>, tensor<i64>) -> (tensor<i64>, tensor<?xi64>) {
      ^bb0(%c: tensor<i64>):
        %d = weft.add %c, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
        weft.yield %d, %c : tensor<i64>, tensor<i64>
      }
      return %r#0, %r#1 : tensor<i64>, tensor<?xi64>
    })";
  Outcome run = runModule(text, {shapeValue(4)});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {4});
  expectNumbers(run.results[1], {0, 1, 2, 3});
  EXPECT_THAT(runModule(text, {shapeValue(-1)}).errors, testing::HasSubstr("found length -1"));
}

TEST(ReferenceInterpreter, CallsAndIdentities) {
  const char *text = R"(
    func.func private @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = weft.add %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    }
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %a = call @twice(%x) : (tensor<2xf32>) -> tensor<2xf32>
      %b = weft.stop_gradient %a : (tensor<2xf32>) -> tensor<2xf32>
      %c:2 = weft.barrier %b, %x : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %d = call @twice(%c#0) : (tensor<2xf32>) -> tensor<2xf32>
      return %d : tensor<2xf32>
    })";
  Outcome run = runModule(text, {f32({1, 2})});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {4, 8});
  const char *endless = "func.func @main() {\n call @main() : () -> ()\n return\n}";
  EXPECT_THAT(runModule(endless, {}).errors, testing::HasSubstr("nested calls"));
}

TEST(ReferenceInterpreter, VariablesLiveAcrossRuns) {
  const char *text = R"(
    weft.variable @steps : tensor<i64> = dense<5> : tensor<i64>
    func.func @main() -> tensor<i64> {
      %one = weft.constant dense<1> : tensor<i64>
      %a = weft.read @steps : tensor<i64>
      %b = weft.add %a, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
      weft.write %b, @steps : tensor<i64>
      %c = weft.read @steps : tensor<i64>
      return %c : tensor<i64>
    })";
  std::map<std::string, HostTensor> variables;
  reference::InterpreterOptions options;
  options.variables = &variables;
  for (int64_t wanted : {6, 7}) {
    Outcome run = runModule(text, {}, options);
    ASSERT_EQ(run.results.size(), 1u) << run.errors;
    EXPECT_EQ(run.results[0].asInt(0), wanted);
  }
  EXPECT_EQ(variables.at("steps").asInt(0), 7);
  EXPECT_EQ(runModule(text, {}).results.at(0).asInt(0), 6); // without a map they last for one call
}

TEST(ReferenceInterpreter, AssertAndPrint) {
  const char *text = R"(
    func.func @main(%p: tensor<2xi1>, %x: tensor<2x2xf32>) {
      weft.print %x, "x" : tensor<2x2xf32>
      weft.assert %p, "indices lie inside" : tensor<2xi1>
      return
    })";
  HostTensor x = tensor(DType::F32, {2, 2}, {1, 2.5, NaN, -inf});
  std::string printed;
  llvm::raw_string_ostream stream(printed);
  reference::InterpreterOptions options;
  options.output = &stream;
  EXPECT_EQ(runModule(text, {vec(DType::I1, {1, 1}), x}, options).errors, "");
  EXPECT_EQ(printed, "x: f32[2x2] [[1, 2.5], [nan, -inf]]\n");
  EXPECT_THAT(runModule(text, {vec(DType::I1, {1, 0}), x}, options).errors,
              testing::HasSubstr("failed: indices lie inside"));
  options.assertions = false;
  EXPECT_EQ(runModule(text, {vec(DType::I1, {1, 0}), x}, options).errors, "");
}

TEST(ReferenceInterpreter, NamedDims) {
  const char *text = R"(
    module attributes {weft.dims = {batch = array<i64: 1, 4>}} {
      func.func @main(%x: tensor<?x2xf32, #weft.dims<[batch, _]>>, %y: tensor<?xf32, #weft.dims<[batch]>>,
                      %z: tensor<?xf32, #weft.dims<[batch * 2]>>) -> tensor<?xf32, #weft.dims<[batch]>> {
        return %y : tensor<?xf32, #weft.dims<[batch]>>
      }
    })";
  HostTensor one = tensor(DType::F32, {1, 2}, {1, 2});
  EXPECT_EQ(runModule(text, {one, f32({1}), f32({1, 2})}).errors, "");
  EXPECT_THAT(runModule(text, {one, f32({1, 2}), f32({1, 2})}).errors,
              testing::HasSubstr("input #1 has extent 2 in dimension 0, wanted 1 = batch"));
  EXPECT_THAT(runModule(text, {one, f32({1}), f32({1})}).errors,
              testing::HasSubstr("input #2 has extent 1 in dimension 0, wanted 2"));
  HostTensor many = *HostTensor::zeros(DType::F32, {5, 2});
  EXPECT_THAT(runModule(text, {many, f32({1}), f32({1})}).errors,
              testing::HasSubstr("wanted batch in [1, 4]"));
}

TEST(ReferenceInterpreter, NamedDimsTellTheResultOfWindowScatter) {
  // Three windows of two come from six elements or seven: the name in the result's type decides.
  const char *text = R"(
    func.func @main(%x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>> {
      %i = weft.window_arg max %x axes [0] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>,
        padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>}
        : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xi64>
      %y = weft.reduce_window max %x axes [0] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>,
        padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>}
        : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32>
      %d = weft.window_scatter %y at %i axes [0] {window = array<i64: 2>, strides = array<i64: 2>,
        padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>,
        window_dilation = array<i64: 1>} : (tensor<?xf32>, tensor<?xi64>) -> tensor<?xf32, #weft.dims<[n]>>
      return %d : tensor<?xf32, #weft.dims<[n]>>
    })";
  Outcome run = runModule(text, {f32({1, 2, 4, 3, 5, 6, 9})});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {0, 2, 4, 0, 0, 6, 0});
}

TEST(ReferenceInterpreter, RefusesInputsOfOtherTypes) {
  const char *text = "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n return %x : tensor<2xf32>\n}";
  EXPECT_THAT(runModule(text, {}).errors, testing::HasSubstr("found 0 inputs for @main, wanted 1"));
  EXPECT_THAT(runModule(text, {i64({1, 2})}).errors, testing::HasSubstr("input #0 is i64[2], wanted"));
  EXPECT_THAT(runModule(text, {f32({1, 2, 3})}).errors,
              testing::HasSubstr("input #0 has extent 3 in dimension 0, wanted 2"));
}

TEST(ReferenceInterpreter, CustomCall) {
  const char *text = R"(
    func.func private @slow(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = weft.neg %x : (tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    }
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = weft.custom_call "fast"(%x) {decomposition = @slow} : (tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    })";
  Outcome run = runModule(text, {f32({1, -2})});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {-1, 2});
  std::string bare(text);
  bare.replace(bare.find(" {decomposition = @slow}"), 24, "");
  EXPECT_THAT(runModule(bare, {f32({1, -2})}).errors, testing::HasSubstr("found the host function 'fast'"));
}

TEST(ReferenceInterpreter, ObserverSeesEveryOp) {
  const char *text = R"(
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %a = weft.neg %x : (tensor<2xf32>) -> tensor<2xf32>
      %b = weft.abs %a : (tensor<2xf32>) -> tensor<2xf32>
      return %b : tensor<2xf32>
    })";
  std::string names;
  reference::InterpreterOptions options;
  options.observer = [&](mlir::Operation *op, llvm::ArrayRef<HostTensor> results) {
    names += op->getName().getStringRef().str() + " " + results[0].typeString() + ";";
  };
  EXPECT_EQ(runModule(text, {f32({1, -2})}, options).errors, "");
  EXPECT_EQ(names, "weft.neg f32[2];weft.abs f32[2];");
}
