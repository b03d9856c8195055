// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on extents: what is equal for all values of the names compares equal, and exact quotients are
// found.
#include "weft/Dialect/Weft/Dims.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Dialect/Weft/WeftDialect.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft::ir;

namespace {

struct DimsTest : testing::Test {
  DimsTest() { context.loadDialect<WeftDialect>(); }
  Dim named(StringRef name) { return Dim::symbol(StringAttr::get(&context, name)); }
  MLIRContext context;
  Dim a = named("a"), b = named("b"), c = named("c");
};

TEST_F(DimsTest, ProductsOfSumsAreSums) {
  EXPECT_EQ((a + b) * c, a * c + c * b);
  EXPECT_EQ((a + Dim(1)) * (b + Dim(2)), a * b + a * Dim(2) + b + Dim(2));
  EXPECT_EQ((a + b) * (a - b), a * a - b * b);
  EXPECT_EQ(a * b * c, c * (b * a));
  EXPECT_EQ((a * b + c) - c, b * a);
  EXPECT_TRUE(((a + b) * c - a * c - b * c).is(0));
  EXPECT_FALSE((a + b) * c == a * c + b);
}

TEST_F(DimsTest, TypesKeepProducts) {
  Type type = makeTensorType({(a + b) * c, c, (b + a) * c}, Float32Type::get(&context));
  EXPECT_EQ(getDims(type)[0], c * a + c * b);
  EXPECT_EQ(getDims(type)[0], getDims(type)[2]);
  EXPECT_EQ(type, makeTensorType({a * c + b * c, c, c * (a + b)}, Float32Type::get(&context)));
}

TEST_F(DimsTest, ExactQuotients) {
  EXPECT_EQ((a * b * c).floorDiv(b), a * c);
  EXPECT_EQ((a * b * Dim(6)).floorDiv(b * Dim(2)), a * Dim(3));
  EXPECT_EQ((a * c + b * c).floorDiv(c), a + b);
  EXPECT_EQ(((a + b) * c).floorDiv(a + b), c);
  EXPECT_EQ((a * a - b * b).floorDiv(a + b), a - b);
  EXPECT_TRUE((a * b + c).floorDiv(b).isUnknown());
  EXPECT_TRUE((a * Dim(3)).floorDiv(b).isUnknown());
  EXPECT_TRUE((a * b * Dim(3)).floorDiv(b * Dim(2)).isUnknown());
}

TEST_F(DimsTest, QuotientsAreAtoms) {
  Dim half = (a + Dim(1)).floorDiv(Dim(2));
  EXPECT_EQ((half + b) * c, c * half + b * c);
  EXPECT_EQ((half * c).floorDiv(c), half);
}

} // namespace
