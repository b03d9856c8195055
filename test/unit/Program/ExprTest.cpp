// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Size expressions: folding, sharing, evaluation by value and by range.
#include "weft/Program/Expr.h"

#include <gtest/gtest.h>
#include <random>

using namespace weft::program;

namespace {

TEST(Expr, FoldsAndShares) {
  ExprTable t;
  const ExprId n = t.symbol(0), two = t.constant(2);
  EXPECT_EQ(t.add(two, n), t.add(n, two));
  EXPECT_EQ(t.mul(n, t.constant(1)), n);
  EXPECT_EQ(t.constantOr(t.mul(n, t.constant(0)), -1), 0);
  EXPECT_EQ(t.constantOr(t.ceilDiv(t.constant(7), two), -1), 4);
  EXPECT_EQ(t.constantOr(t.sub(n, n), -1), 0);
  EXPECT_EQ(t.max(n, n), n);
  const std::vector<std::string> names = {"batch"};
  EXPECT_EQ(t.toString(t.add(t.mul(n, two), t.constant(1)), names), "(batch * 2) + 1");
  EXPECT_EQ(t.toString(t.ceilDiv(n, two), {}), "ceildiv(s0, 2)");
}

TEST(Expr, DividesTowardsMinusAndPlusInfinity) {
  EXPECT_EQ(evaluateExprOp(ExprOp::FloorDiv, -7, 2), -4);
  EXPECT_EQ(evaluateExprOp(ExprOp::FloorDiv, 7, -2), -4);
  EXPECT_EQ(evaluateExprOp(ExprOp::CeilDiv, -7, 2), -3);
  EXPECT_EQ(evaluateExprOp(ExprOp::CeilDiv, 7, 2), 4);
  EXPECT_EQ(evaluateExprOp(ExprOp::Mod, -7, 2), 1);
  EXPECT_EQ(evaluateExprOp(ExprOp::Mod, 7, -2), -1);
}

TEST(Expr, OverflowAndUnboundHaveNoValue) {
  ExprTable t;
  const ExprId n = t.symbol(0), m = t.symbol(1);
  const ExprId square = t.mul(n, n), quotient = t.floorDiv(n, m), sum = t.add(square, n),
               unbound = t.add(t.symbol(2), n);
  std::vector<int64_t> values;
  const std::vector<int64_t> symbols = {int64_t(1) << 32, 0, noValue};
  t.evaluate(symbols, values);
  EXPECT_EQ(values[square], noValue);
  EXPECT_EQ(values[quotient], noValue);
  EXPECT_EQ(values[sum], noValue);
  EXPECT_EQ(values[unbound], noValue);
  EXPECT_EQ(values[n], int64_t(1) << 32);
}

/// For random tables, ranges and values inside them: the value lies in the range that was computed.
TEST(Expr, RangesEncloseValues) {
  std::mt19937 random(3);
  const auto pick = [&](int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  };
  for (int round = 0; round < 2000; ++round) {
    ExprTable t;
    for (SymbolId s = 0; s < 3; ++s)
      t.append({ExprOp::Symbol, s, 0, 0});
    t.append({ExprOp::Constant, pick(-4, 9), 0, 0});
    for (int i = 0; i < 12; ++i)
      t.append({ExprOp(pick(2, 9)), 0, ExprId(pick(0, int64_t(t.size()) - 1)),
                ExprId(pick(0, int64_t(t.size()) - 1))});
    std::vector<Interval> ranges(3), results;
    for (Interval &range : ranges) {
      range.low = pick(-3, 20);
      range.high = range.low + pick(0, 8);
    }
    t.evaluate(ranges, results);
    for (int sample = 0; sample < 10; ++sample) {
      std::vector<int64_t> symbols, values;
      for (const Interval &range : ranges)
        symbols.push_back(pick(range.low, range.high));
      t.evaluate(symbols, values);
      for (ExprId e = 0; e < t.size(); ++e)
        if (results[e].hasValue()) {
          ASSERT_NE(values[e], noValue);
          ASSERT_LE(results[e].low, values[e]);
          ASSERT_GE(results[e].high, values[e]);
        }
    }
  }
}

} // namespace
