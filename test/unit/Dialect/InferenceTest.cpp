// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The result types that inference gives: ops are parsed with types that say nothing of the extents, and
// inferred anew. Texts see only what is compatible; this is where names and expressions are pinned.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft::ir;

namespace {

struct Case {
  const char *name;
  const char *arguments; ///< of a function
  const char *body;      ///< whose last op is the one to infer
  const char *types;     ///< what it must infer
  const char *bounds = "";
};

void PrintTo(const Case &test, std::ostream *os) { *os << test.name; }

class Inference : public testing::TestWithParam<Case> {};

TEST_P(Inference, Types) {
  MLIRContext context;
  context.loadDialect<WeftDialect, func::FuncDialect>();
  const Case &test = GetParam();
  std::string text = std::string("module attributes {weft.dims = {") + test.bounds + "}} { func.func @f(" +
                     test.arguments + ") {\n" + test.body + "\nreturn } }";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  auto function = *module->getOps<func::FuncOp>().begin();
  Operation *op = function.getBody().front().getTerminator()->getPrevNode();
  auto inferable = dyn_cast<InferTypeOpInterface>(op);
  ASSERT_TRUE(inferable);
  SmallVector<Type> types;
  ASSERT_TRUE(
      succeeded(inferable.inferReturnTypes(&context, op->getLoc(), op->getOperands(), op->getAttrDictionary(),
                                           op->getPropertiesStorage(), op->getRegions(), types)));
  std::string found;
  llvm::raw_string_ostream os(found);
  llvm::interleaveComma(types, os);
  EXPECT_EQ(found, test.types);
}

#define BSX "%x: tensor<?x?x64xf32, #weft.dims<[b, s, _]>>"
#define BSXT "tensor<?x?x64xf32, #weft.dims<[b, s, _]>>"
#define CONV_ATTRS                                                                                           \
  "x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, "               \
  "padding_low = array<i64: 1>, padding_high = array<i64: 1>, kernel_dilation = array<i64: 1>, "

const Case cases[] = {
    // Elementwise
    {"stretch", "%x: tensor<?x1xf32, #weft.dims<[b, _]>>, %y: tensor<1x?xf32, #weft.dims<[_, s]>>",
     "weft.add %x, %y : (tensor<?x1xf32, #weft.dims<[b, _]>>, tensor<1x?xf32, #weft.dims<[_, s]>>) -> "
     "tensor<?x?xf32>",
     "tensor<?x?xf32, #weft.dims<[b, s]>>"},
    {"more_known", "%x: tensor<?x?x?xf32, #weft.dims<[b, _, _]>>, %y: tensor<?x4x?xf32>",
     "weft.mul %y, %x : (tensor<?x4x?xf32>, tensor<?x?x?xf32, #weft.dims<[b, _, _]>>) -> tensor<?x?x?xf32>",
     "tensor<?x4x?xf32, #weft.dims<[b, _, _]>>"},
    {"compare", BSX, "weft.compare lt %x, %x : (" BSXT ", " BSXT ") -> tensor<?x?x?xi1>",
     "tensor<?x?x64xi1, #weft.dims<[b, s, _]>>"},
    // Contract
    {"cholesky_square", "%x: tensor<?x4xf32>", "weft.cholesky %x : (tensor<?x4xf32>) -> tensor<?x?xf32>",
     "tensor<4x4xf32>"},
    {"solve", "%a: tensor<4x4xf32>, %b: tensor<?x?xf32, #weft.dims<[_, m]>>",
     "weft.triangular_solve %a, %b : (tensor<4x4xf32>, tensor<?x?xf32, #weft.dims<[_, m]>>) -> "
     "tensor<?x?xf32>",
     "tensor<4x?xf32, #weft.dims<[_, m]>>"},
    {"lu_named", "%x: tensor<?x?xf32, #weft.dims<[n, n]>>",
     "weft.lu %x : (tensor<?x?xf32, #weft.dims<[n, n]>>) -> (tensor<?x?xf32>, tensor<?xi32>, tensor<?xi32>)",
     "tensor<?x?xf32, #weft.dims<[n, n]>>, tensor<?xi32, #weft.dims<[n]>>, tensor<?xi32, #weft.dims<[n]>>"},
    {"fft_half", "%x: tensor<?xf32, #weft.dims<[n]>>",
     "weft.fft r2c %x axes [0] : (tensor<?xf32, #weft.dims<[n]>>) -> (tensor<?xf32>, tensor<?xf32>)",
     "tensor<?xf32, #weft.dims<[n floordiv 2 + 1]>>, tensor<?xf32, #weft.dims<[n floordiv 2 + 1]>>"},
    // Conv, Pool
    {"conv_named", "%x: tensor<?x3x?xf32, #weft.dims<[b, _, s]>>, %w: tensor<8x3x3xf32>",
     "weft.conv %x, %w {" CONV_ATTRS "strides = array<i64: 2>, input_dilation = array<i64: 1>} : "
     "(tensor<?x3x?xf32, #weft.dims<[b, _, s]>>, tensor<8x3x3xf32>) -> tensor<?x?x?xf32>",
     "tensor<?x8x?xf32, #weft.dims<[b, _, (s + -1) floordiv 2 + 1]>>"},
    {"conv_same", "%x: tensor<?x3x?xf32, #weft.dims<[b, _, s]>>, %w: tensor<8x3x3xf32>",
     "weft.conv %x, %w {" CONV_ATTRS "strides = array<i64: 1>, input_dilation = array<i64: 1>} : "
     "(tensor<?x3x?xf32, #weft.dims<[b, _, s]>>, tensor<8x3x3xf32>) -> tensor<?x?x?xf32>",
     "tensor<?x8x?xf32, #weft.dims<[b, _, s]>>"},
    {"conv_window_of_named_extent",
     "%x: tensor<1x3x?xf32, #weft.dims<[_, _, s]>>, %w: tensor<8x3x?xf32, #weft.dims<[_, _, k]>>",
     "weft.conv %x, %w {" CONV_ATTRS "strides = array<i64: 1>, input_dilation = array<i64: 1>} : "
     "(tensor<1x3x?xf32, #weft.dims<[_, _, s]>>, tensor<8x3x?xf32, #weft.dims<[_, _, k]>>) -> "
     "tensor<?x?x?xf32>",
     "tensor<1x8x?xf32, #weft.dims<[_, _, k * -1 + s + 3]>>"},
    {"pool", "%x: tensor<?x8xf32, #weft.dims<[s, _]>>",
     "weft.reduce_window max %x axes [0] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = "
     "array<i64: 0>, "
     "padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : "
     "(tensor<?x8xf32, #weft.dims<[s, _]>>) -> tensor<?x?xf32>",
     "tensor<?x8xf32, #weft.dims<[s floordiv 2, _]>>"},
    // Reduce, Norm, Attention
    {"reduce", BSX, "weft.reduce add %x axes [1] : (" BSXT ") -> tensor<?x?xf32>",
     "tensor<?x64xf32, #weft.dims<[b, _]>>"},
    {"statistics", BSX,
     "weft.normalize %x axes [2] epsilon 0.0 : (" BSXT
     ") -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)",
     BSXT ", tensor<?x?x1xf32, #weft.dims<[b, s, _]>>, tensor<?x?x1xf32, #weft.dims<[b, s, _]>>"},
    {"attention",
     "%q: tensor<?x8x?x4xf16, #weft.dims<[_, _, s, _]>>, %k: tensor<?x8x?x4xf16, #weft.dims<[b, _, t, _]>>, "
     "%v: tensor<?x8x?x5xf16>",
     "weft.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<?x8x?x4xf16, #weft.dims<[_, _, s, _]>>, "
     "tensor<?x8x?x4xf16, #weft.dims<[b, _, t, _]>>, tensor<?x8x?x5xf16>) -> (tensor<?x?x?x?xf16>, "
     "tensor<?x?x?xf32>)",
     "tensor<?x8x?x5xf16, #weft.dims<[b, _, s, _]>>, tensor<?x8x?xf32, #weft.dims<[b, _, s]>>"},
    // Shape
    {"reshape_split", BSX,
     "%b = weft.dim %x, 0 : (" BSXT ") -> tensor<i64>\n"
     "weft.reshape %x sizes [%b, -1, 16, 4] : (" BSXT ", tensor<i64>) -> tensor<?x?x?x?xf32>",
     "tensor<?x?x16x4xf32, #weft.dims<[b, s, _, _]>>"},
    {"reshape_merge", BSX, "weft.reshape %x sizes [-1, 64] : (" BSXT ") -> tensor<?x?xf32>",
     "tensor<?x64xf32, #weft.dims<[b * s, _]>>"},
    {"reshape_unmerge", "%x: tensor<?x64xf32, #weft.dims<[b * s, _]>>, %y: tensor<?xf32, #weft.dims<[b]>>",
     "%b = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[b]>>) -> tensor<i64>\n"
     "weft.reshape %x sizes [%b, -1, 64] : (tensor<?x64xf32, #weft.dims<[b * s, _]>>, tensor<i64>) -> "
     "tensor<?x?x?xf32>",
     "tensor<?x?x64xf32, #weft.dims<[b, s, _]>>"},
    {"reshape_all", BSX, "weft.reshape %x sizes [-1] : (" BSXT ") -> tensor<?xf32>",
     "tensor<?xf32, #weft.dims<[(b * s) * 64]>>"},
    {"reshape_quotient", "%x: tensor<?x3xf32, #weft.dims<[n, _]>>",
     "weft.reshape %x sizes [-1, 2] : (tensor<?x3xf32, #weft.dims<[n, _]>>) -> tensor<?x?xf32>",
     "tensor<?x2xf32, #weft.dims<[(n * 3) floordiv 2, _]>>"},
    {"reshape_tells_unknown_size", "%x: tensor<6x4xf32>, %n: tensor<i64>",
     "weft.reshape %x sizes [%n, 8] : (tensor<6x4xf32>, tensor<i64>) -> tensor<?x?xf32>", "tensor<3x8xf32>"},
    {"reshape_from_unknown", "%x: tensor<?xf32>",
     "weft.reshape %x sizes [-1, 8] : (tensor<?xf32>) -> tensor<?x?xf32>", "tensor<?x8xf32>"},
    {"transpose", BSX, "weft.transpose %x by [2, 0, 1] : (" BSXT ") -> tensor<?x?x?xf32>",
     "tensor<64x?x?xf32, #weft.dims<[_, b, s]>>"},
    {"broadcast", "%x: tensor<?x1xf32>, %n: tensor<i64>, %y: tensor<?xf32, #weft.dims<[n]>>",
     "%d = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>\n"
     "weft.broadcast %x sizes [%n, 5, %d] dims [0, 1] : (tensor<?x1xf32>, tensor<i64>, tensor<i64>) -> "
     "tensor<?x?x?xf32>",
     "tensor<?x5x?xf32, #weft.dims<[_, _, n]>>"},
    {"broadcast_of_number", "%x: tensor<7xf32>, %n: tensor<i64>",
     "weft.broadcast %x sizes [%n] dims [0] : (tensor<7xf32>, tensor<i64>) -> tensor<?xf32>",
     "tensor<7xf32>"},
    // A size keeps its name where the extent is proved to hold it: by the expression, or by declared bounds.
    {"slice_within_sum",
     "%x: tensor<?xf32, #weft.dims<[past + seq]>>, %y: tensor<?xf32, #weft.dims<[seq]>>, %i: tensor<i64>",
     "%n = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "weft.slice %x starts [%i] sizes [%n] strides [1] : (tensor<?xf32, #weft.dims<[past + seq]>>, "
     "tensor<i64>, tensor<i64>) -> tensor<?xf32>",
     "tensor<?xf32, #weft.dims<[seq]>>"},
    {"slice_within_bounds", "%x: tensor<512xf32>, %y: tensor<?xf32, #weft.dims<[seq]>>",
     "%n = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "weft.slice %x starts [0] sizes [%n] strides [1] : (tensor<512xf32>, tensor<i64>) -> tensor<?xf32>",
     "tensor<?xf32, #weft.dims<[seq]>>", "seq = array<i64: 1, 512>"},
    {"slice_beyond_bounds", "%x: tensor<512xf32>, %y: tensor<?xf32, #weft.dims<[seq]>>",
     "%n = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "weft.slice %x starts [0] sizes [%n] strides [1] : (tensor<512xf32>, tensor<i64>) -> tensor<?xf32>",
     "tensor<?xf32>", "seq = array<i64: 1, 513>"},
    {"slice_unbounded", "%x: tensor<512xf32>, %y: tensor<?xf32, #weft.dims<[seq]>>",
     "%n = weft.dim %y, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "weft.slice %x starts [0] sizes [%n] strides [1] : (tensor<512xf32>, tensor<i64>) -> tensor<?xf32>",
     "tensor<?xf32>", "seq = array<i64: 1, -1>"},
    {"slice_may_be_negative", "%x: tensor<?xf32, #weft.dims<[seq]>>",
     "%n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "%one = weft.constant dense<1> : tensor<i64>\n"
     "%m = weft.sub %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>\n"
     "weft.slice %x starts [1] sizes [%m] strides [1] : (tensor<?xf32, #weft.dims<[seq]>>, tensor<i64>) -> "
     "tensor<?xf32>",
     "tensor<?xf32>"},
    {"slice_rest", "%x: tensor<?xf32, #weft.dims<[seq]>>",
     "%n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[seq]>>) -> tensor<i64>\n"
     "%one = weft.constant dense<1> : tensor<i64>\n"
     "%m = weft.sub %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>\n"
     "weft.slice %x starts [1] sizes [%m] strides [1] : (tensor<?xf32, #weft.dims<[seq]>>, tensor<i64>) -> "
     "tensor<?xf32>",
     "tensor<?xf32, #weft.dims<[seq + -1]>>", "seq = array<i64: 1, -1>"},
    {"concat", BSX ", %y: tensor<2x?x64xf32, #weft.dims<[_, t, _]>>",
     "weft.concat %x, %y, %x axis 1 : (" BSXT ", tensor<2x?x64xf32, #weft.dims<[_, t, _]>>, " BSXT
     ") -> tensor<?x?x?xf32>",
     "tensor<2x?x64xf32, #weft.dims<[_, s * 2 + t, _]>>"},
    {"concat_unknown", BSX ", %y: tensor<?x?x64xf32>",
     "weft.concat %x, %y axis 1 : (" BSXT ", tensor<?x?x64xf32>) -> tensor<?x?x?xf32>",
     "tensor<?x?x64xf32, #weft.dims<[b, _, _]>>"},
    {"pad", BSX ", %v: tensor<f32>, %w: tensor<?xf32, #weft.dims<[w]>>",
     "%n = weft.dim %w, 0 : (tensor<?xf32, #weft.dims<[w]>>) -> tensor<i64>\n"
     "weft.pad constant %x, %v low [1, %n, -60] high [0, 0, -60] interior [0, 0, 0] : (" BSXT
     ", tensor<f32>, tensor<i64>) -> tensor<?x?x?xf32>",
     "tensor<?x?x0xf32, #weft.dims<[b + 1, s + w, _]>>"},
    // Index, Random
    {"gather", "%x: tensor<?x9x?xf32, #weft.dims<[b, _, d]>>, %i: tensor<?x?x1xi64, #weft.dims<[_, t, _]>>",
     "weft.gather %x at %i {dims = array<i64: 1>, batch_dims = array<i64: 0>, index_batch_dims = array<i64: "
     "0>, at = 0} : "
     "(tensor<?x9x?xf32, #weft.dims<[b, _, d]>>, tensor<?x?x1xi64, #weft.dims<[_, t, _]>>) -> "
     "tensor<?x?x?xf32>",
     "tensor<?x?x?xf32, #weft.dims<[b, t, d]>>"},
    {"sort", "%x: tensor<?xf32>, %y: tensor<?xi32, #weft.dims<[n]>>",
     "weft.sort %x, %y axis 0 : (tensor<?xf32>, tensor<?xi32, #weft.dims<[n]>>) -> (tensor<?xf32>, "
     "tensor<?xi32>)",
     "tensor<?xf32, #weft.dims<[n]>>, tensor<?xi32, #weft.dims<[n]>>"},
    {"random_bits", "%k: tensor<2xui32>, %c: tensor<?xui64, #weft.dims<[n]>>",
     "weft.random_bits %k, %c : (tensor<2xui32>, tensor<?xui64, #weft.dims<[n]>>) -> tensor<?xui32>",
     "tensor<?xui32, #weft.dims<[n]>>"},
};

INSTANTIATE_TEST_SUITE_P(Ops, Inference, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

} // namespace
