// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Size expressions: integers computed from the symbols of a program (extents that are known only when it
// runs). A program has one table of them, each entry built from earlier ones; equal expressions are one
// entry. Evaluation checks for overflow and division by zero: such an entry, and what is built on it, has no
// value.
#ifndef WEFT_PROGRAM_EXPR_H
#define WEFT_PROGRAM_EXPR_H

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace weft::program {

using ExprId = uint32_t;
using SymbolId = uint32_t;

enum class ExprOp : uint8_t {
  Constant = 0, // value
  Symbol = 1,   // value is a SymbolId
  Add = 2,      // of lhs and rhs, entries before this one
  Sub = 3,
  Mul = 4,
  FloorDiv = 5, // rounds to minus infinity; no value when rhs is 0
  CeilDiv = 6,  // rounds to plus infinity; no value when rhs is 0
  Mod = 7,      // lhs - FloorDiv(lhs, rhs) * rhs
  Min = 8,
  Max = 9,
};

struct Expr {
  ExprOp op = ExprOp::Constant;
  int64_t value = 0;
  ExprId lhs = 0, rhs = 0;
  bool operator==(const Expr &) const = default;
};

/// The value of an expression that has none (overflow, division by zero, an unbound symbol).
constexpr int64_t noValue = std::numeric_limits<int64_t>::min();

/// All values an expression may take.
struct Interval {
  int64_t low = noValue, high = noValue;
  bool hasValue() const { return low != noValue; }
};

class ExprTable {
public:
  // Builders: fold constants and neutral elements, and return the existing entry where there is one.
  ExprId constant(int64_t value);
  ExprId symbol(SymbolId symbol);
  ExprId add(ExprId a, ExprId b) { return binary(ExprOp::Add, a, b); }
  ExprId sub(ExprId a, ExprId b) { return binary(ExprOp::Sub, a, b); }
  ExprId mul(ExprId a, ExprId b) { return binary(ExprOp::Mul, a, b); }
  ExprId floorDiv(ExprId a, ExprId b) { return binary(ExprOp::FloorDiv, a, b); }
  ExprId ceilDiv(ExprId a, ExprId b) { return binary(ExprOp::CeilDiv, a, b); }
  ExprId mod(ExprId a, ExprId b) { return binary(ExprOp::Mod, a, b); }
  ExprId min(ExprId a, ExprId b) { return binary(ExprOp::Min, a, b); }
  ExprId max(ExprId a, ExprId b) { return binary(ExprOp::Max, a, b); }
  ExprId binary(ExprOp op, ExprId a, ExprId b);

  /// Appends an entry as it is (the reader's way in). The caller checks it.
  void append(Expr expr);

  size_t size() const { return entries.size(); }
  const Expr &operator[](ExprId id) const { return entries[id]; }
  std::span<const Expr> all() const { return entries; }
  bool isConstant(ExprId id) const { return entries[id].op == ExprOp::Constant; }
  /// The entry's value when it is a constant, else `otherwise`.
  int64_t constantOr(ExprId id, int64_t otherwise) const {
    return isConstant(id) ? entries[id].value : otherwise;
  }
  /// "2 * batch + 1", with names of symbols by number.
  std::string toString(ExprId id, std::span<const std::string> symbolNames) const;

  /// Values of all entries for values of all symbols (noValue where unbound); `values` is resized to size().
  void evaluate(std::span<const int64_t> symbols, std::vector<int64_t> &values) const;
  /// The same for ranges of symbols; each result encloses all values the entry may take.
  void evaluate(std::span<const Interval> symbols, std::vector<Interval> &values) const;

private:
  std::vector<Expr> entries;
  std::map<std::tuple<ExprOp, int64_t, ExprId, ExprId>, ExprId> ids;
};

/// One operation, noValue when it has none.
int64_t evaluateExprOp(ExprOp op, int64_t a, int64_t b);

} // namespace weft::program

#endif // WEFT_PROGRAM_EXPR_H
