// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The builders that the families declare beside TableGen's, and creation from input that may be wrong.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "weft/Dialect/Weft/Create.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft::ir;

namespace {

constexpr int64_t rest = ShapedType::kDynamic;

/// A function with one argument of a given type, and a builder at its end.
class Builders : public testing::Test {
protected:
  Builders()
      : builder(&context), handler(&context, [this](Diagnostic &diagnostic) {
          errors.push_back(diagnostic.str());
          return success();
        }) {
    context.loadDialect<WeftDialect, func::FuncDialect>();
  }

  Value argument(const std::string &type) {
    module = parseSourceString<ModuleOp>("func.func @f(%x: " + type + ") { return }", &context);
    EXPECT_TRUE(module) << type;
    auto function = *module->getOps<func::FuncOp>().begin();
    builder.setInsertionPoint(function.getBody().front().getTerminator());
    return function.getArgument(0);
  }
  Location loc() { return builder.getUnknownLoc(); }
  /// The value's type, in a module that verifies.
  std::string type(Value value) {
    EXPECT_TRUE(succeeded(verify(*module)));
    std::string text;
    llvm::raw_string_ostream(text) << value.getType();
    return text;
  }

  MLIRContext context;
  OpBuilder builder;
  std::vector<std::string> errors;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
};

TEST_F(Builders, DotGeneral) {
  Value x = argument("tensor<?x4x5xi8, #weft.dims<[b, _, _]>>");
  auto dot = DotGeneralOp::create(builder, loc(), x, x, {0}, {0}, {2}, {2}, builder.getI32Type());
  EXPECT_EQ(type(dot), "tensor<?x4x4xi32, #weft.dims<[b, _, _]>>");
  EXPECT_EQ(dot.getLhsFree(), SmallVector<int64_t>{1});
  EXPECT_EQ(type(DotGeneralOp::create(builder, loc(), x, x, {}, {}, {0, 1}, {0, 1})), "tensor<5x5xi8>");
}

TEST_F(Builders, DotGeneralRefuses) {
  Value x = argument("tensor<4x5xf32>");
  DotGeneralOp::create(builder, loc(), x, x, {}, {}, {0}, {1});
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0], "'weft.dot_general' op has extent 5 in dimension 1 of rhs, wanted 4");
  EXPECT_TRUE(failed(verify(*module)));
}

TEST_F(Builders, Reshape) {
  Value x = argument("tensor<?x6xf32, #weft.dims<[b, _]>>");
  EXPECT_EQ(type(ReshapeOp::create(builder, loc(), x, {rest, 2, 3})),
            "tensor<?x2x3xf32, #weft.dims<[b, _, _]>>");
  EXPECT_EQ(type(ReshapeOp::create(builder, loc(), x, {-1})), "tensor<?xf32, #weft.dims<[b * 6]>>");
}

TEST_F(Builders, Broadcast) {
  Value x = argument("tensor<?x1xf32, #weft.dims<[b, _]>>");
  EXPECT_EQ(type(BroadcastOp::create(builder, loc(), x, {7, rest, 5}, {1, 2})),
            "tensor<7x?x5xf32, #weft.dims<[_, b, _]>>");
}

TEST_F(Builders, SliceRest) {
  Value x = argument("tensor<?x9xf32, #weft.dims<[n, _]>>");
  EXPECT_EQ(type(SliceOp::create(builder, loc(), x, {0, 2}, {rest, rest})),
            "tensor<?x7xf32, #weft.dims<[n, _]>>");
  EXPECT_EQ(type(SliceOp::create(builder, loc(), x, {0, 1}, {3, rest}, {1, 3})), "tensor<3x3xf32>");
  // The last of n elements at stride 2 from 0 on: ceil(n / 2) of them.
  auto strided = SliceOp::create(builder, loc(), x, {0, 0}, {rest, 9}, {2, 1});
  EXPECT_EQ(getDimOf(strided.getSizes()[0]).str(), "(n + 1) floordiv 2");
  EXPECT_EQ(type(strided), "tensor<?x9xf32, #weft.dims<[(n + 1) floordiv 2, _]>>");
}

TEST_F(Builders, Pad) {
  Value x = argument("tensor<?x4xf32, #weft.dims<[n, _]>>");
  Value zero = createUnitSplat(builder, loc(), builder.getF32Type(), 0, 0);
  EXPECT_EQ(type(PadOp::create(builder, loc(), x, zero, {1, -1}, {2, 0})),
            "tensor<?x3xf32, #weft.dims<[n + 3, _]>>");
  EXPECT_EQ(type(PadOp::create(builder, loc(), x, zero, {0, 0}, {0, 0}, {0, 2})),
            "tensor<?x10xf32, #weft.dims<[n, _]>>");
  EXPECT_EQ(PadOp::create(builder, loc(), x, zero, {1, 0}, {1, 0}, {}, PadMode::wrap).getMode(),
            PadMode::wrap);
}

TEST_F(Builders, TryCreate) {
  Value x = argument("tensor<2x3xf32>");
  FailureOr<SoftmaxOp> softmax = tryCreate<SoftmaxOp>(builder, loc(), x, uint64_t(1));
  ASSERT_TRUE(succeeded(softmax));
  EXPECT_EQ(type(*softmax), "tensor<2x3xf32>");
  FailureOr<LuOp> lu = tryCreate<LuOp>(builder, loc(), x);
  ASSERT_TRUE(succeeded(lu));
  EXPECT_EQ(type(lu->getPivots()), "tensor<2xi32>");
  FailureOr<SortOp> sort = tryCreate<SortOp>(builder, loc(), ValueRange{x, x}, uint64_t(0));
  ASSERT_TRUE(succeeded(sort));
  EXPECT_EQ(sort->getNumResults(), 2u);
  EXPECT_TRUE(errors.empty());
}

TEST_F(Builders, TryCreateRefuses) {
  Value x = argument("tensor<2x3xf32>");
  EXPECT_TRUE(failed(tryCreate<SoftmaxOp>(builder, loc(), x, uint64_t(2))));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0], "'weft.softmax' op has axis 2, wanted 0 to 1");
  EXPECT_TRUE(failed(createIfValid<SoftmaxOp>(builder, loc(), std::nullopt, x, uint64_t(-1))));
  EXPECT_EQ(errors.size(), 1u);
  // Nothing was left behind.
  EXPECT_TRUE(succeeded(verify(*module)));
  EXPECT_EQ(x.use_empty(), true);
}

} // namespace
