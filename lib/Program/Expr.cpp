// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Building and evaluating size expressions.
#include "weft/Program/Expr.h"

#include <algorithm>

namespace weft::program {
namespace {

int64_t floorDiv(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

bool isCommutative(ExprOp op) {
  return op == ExprOp::Add || op == ExprOp::Mul || op == ExprOp::Min || op == ExprOp::Max;
}

Interval evaluateInterval(ExprOp op, Interval a, Interval b) {
  if (!a.hasValue() || !b.hasValue())
    return {};
  if (a.low == a.high && b.low == b.high) {
    const int64_t value = evaluateExprOp(op, a.low, b.low);
    return {value, value};
  }
  const bool divides = op == ExprOp::FloorDiv || op == ExprOp::CeilDiv || op == ExprOp::Mod;
  if (divides && b.low <= 0 && b.high >= 0)
    return {};
  if (op == ExprOp::Mod) {
    if (b.low > 0 && a.low >= 0 && a.high < b.low)
      return a;
    return b.low > 0 ? Interval{0, b.high - 1} : Interval{b.low + 1, 0};
  }
  // All others are monotonic in each operand: the extremes are at the corners.
  Interval result{std::numeric_limits<int64_t>::max(), noValue};
  for (int64_t x : {a.low, a.high})
    for (int64_t y : {b.low, b.high}) {
      const int64_t value = evaluateExprOp(op, x, y);
      if (value == noValue)
        return {};
      result = {std::min(result.low, value), std::max(result.high, value)};
    }
  return result;
}

} // namespace

int64_t evaluateExprOp(ExprOp op, int64_t a, int64_t b) {
  if (a == noValue || b == noValue)
    return noValue;
  int64_t result;
  switch (op) {
  case ExprOp::Add:
    return __builtin_add_overflow(a, b, &result) ? noValue : result;
  case ExprOp::Sub:
    return __builtin_sub_overflow(a, b, &result) ? noValue : result;
  case ExprOp::Mul:
    return __builtin_mul_overflow(a, b, &result) ? noValue : result;
  case ExprOp::FloorDiv: // a is never the least int64 (that is noValue), so nothing overflows
    return b == 0 ? noValue : floorDiv(a, b);
  case ExprOp::CeilDiv:
    return b == 0 ? noValue : -floorDiv(-a, b);
  case ExprOp::Mod:
    return b == 0 ? noValue : a - floorDiv(a, b) * b;
  case ExprOp::Min:
    return std::min(a, b);
  case ExprOp::Max:
    return std::max(a, b);
  case ExprOp::Constant:
  case ExprOp::Symbol:
    break;
  }
  return noValue;
}

void ExprTable::append(Expr expr) {
  ids.emplace(std::tuple(expr.op, expr.value, expr.lhs, expr.rhs), ExprId(entries.size()));
  entries.push_back(expr);
}

ExprId ExprTable::constant(int64_t value) {
  const auto [it, isNew] = ids.try_emplace({ExprOp::Constant, value, 0, 0}, ExprId(entries.size()));
  if (isNew)
    entries.push_back({ExprOp::Constant, value, 0, 0});
  return it->second;
}

ExprId ExprTable::symbol(SymbolId symbol) {
  const auto [it, isNew] = ids.try_emplace({ExprOp::Symbol, symbol, 0, 0}, ExprId(entries.size()));
  if (isNew)
    entries.push_back({ExprOp::Symbol, symbol, 0, 0});
  return it->second;
}

ExprId ExprTable::binary(ExprOp op, ExprId a, ExprId b) {
  if (isConstant(a) && isConstant(b))
    if (const int64_t value = evaluateExprOp(op, entries[a].value, entries[b].value); value != noValue)
      return constant(value);
  if (isCommutative(op) && (isConstant(a) || (!isConstant(b) && a > b)))
    std::swap(a, b); // constants to the right
  if (isConstant(b)) {
    const int64_t value = entries[b].value;
    if (value == 0 && (op == ExprOp::Add || op == ExprOp::Sub))
      return a;
    if (value == 1 && (op == ExprOp::Mul || op == ExprOp::FloorDiv || op == ExprOp::CeilDiv))
      return a;
    if (value == 0 && op == ExprOp::Mul)
      return b;
    if (value == 1 && op == ExprOp::Mod)
      return constant(0);
  }
  if (a == b && (op == ExprOp::Min || op == ExprOp::Max))
    return a;
  if (a == b && op == ExprOp::Sub)
    return constant(0);
  const auto [it, isNew] = ids.try_emplace({op, 0, a, b}, ExprId(entries.size()));
  if (isNew)
    entries.push_back({op, 0, a, b});
  return it->second;
}

std::string ExprTable::toString(ExprId id, std::span<const std::string> symbolNames) const {
  // A table from a file may nest deeply, or share so much that the text explodes: such expressions are shown
  // by number.
  struct Printer {
    const ExprTable &table;
    std::span<const std::string> names;
    int budget = 64;

    std::string print(ExprId id, bool nested) {
      const Expr &expr = table.entries[id];
      if (expr.op == ExprOp::Constant)
        return std::to_string(expr.value);
      if (expr.op == ExprOp::Symbol)
        return size_t(expr.value) < names.size() ? names[size_t(expr.value)]
                                                 : "s" + std::to_string(expr.value);
      if (--budget < 0)
        return "#" + std::to_string(id);
      const std::string lhs = print(expr.lhs, true), rhs = print(expr.rhs, true);
      if (expr.op == ExprOp::Min || expr.op == ExprOp::Max || expr.op == ExprOp::CeilDiv)
        return (expr.op == ExprOp::Min   ? "min("
                : expr.op == ExprOp::Max ? "max("
                                         : "ceildiv(") +
               lhs + ", " + rhs + ")";
      const char *sign = expr.op == ExprOp::Add   ? " + "
                         : expr.op == ExprOp::Sub ? " - "
                         : expr.op == ExprOp::Mul ? " * "
                         : expr.op == ExprOp::Mod ? " % "
                                                  : " / ";
      return nested ? "(" + lhs + sign + rhs + ")" : lhs + sign + rhs;
    }
  };
  return Printer{*this, symbolNames}.print(id, false);
}

void ExprTable::evaluate(std::span<const int64_t> symbols, std::vector<int64_t> &values) const {
  values.resize(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const Expr &e = entries[i];
    values[i] = e.op == ExprOp::Constant ? e.value
                : e.op == ExprOp::Symbol ? symbols[size_t(e.value)]
                                         : evaluateExprOp(e.op, values[e.lhs], values[e.rhs]);
  }
}

void ExprTable::evaluate(std::span<const Interval> symbols, std::vector<Interval> &values) const {
  values.resize(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const Expr &e = entries[i];
    values[i] = e.op == ExprOp::Constant ? Interval{e.value, e.value}
                : e.op == ExprOp::Symbol ? symbols[size_t(e.value)]
                                         : evaluateInterval(e.op, values[e.lhs], values[e.rhs]);
  }
}

} // namespace weft::program
