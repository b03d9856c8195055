// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index expressions: sums of atoms with integer coefficients. Atoms are loop variables, extents known at run
// time, values computed in a body, and quotients, remainders and products of expressions. Ranges of loop
// variables let reshapes cancel: (i * 64 + j) / 64 is i where j < 64.
#ifndef WEFT_LIB_CONVERSION_LINALGTOLOOPS_EXPR_H
#define WEFT_LIB_CONVERSION_LINALGTOLOOPS_EXPR_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <deque>
#include <optional>

namespace weft::loops {

using AtomId = unsigned;
struct Scope;

struct Expr {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<AtomId, int64_t>, 4> terms; ///< sorted by atom, no zero coefficients

  Expr() = default;
  Expr(int64_t constant) : constant(constant) {}
  static Expr atom(AtomId id) {
    Expr e;
    e.terms.push_back({id, 1});
    return e;
  }
  bool isConstant() const { return terms.empty(); }
  bool is(int64_t value) const { return isConstant() && constant == value; }
  /// The atom, when the expression is nothing but one.
  std::optional<AtomId> asAtom() const {
    if (constant == 0 && terms.size() == 1 && terms[0].second == 1)
      return terms[0].first;
    return std::nullopt;
  }
  int64_t coefficient(AtomId id) const {
    for (auto [atom, k] : terms)
      if (atom == id)
        return k;
    return 0;
  }
  bool operator==(const Expr &other) const { return constant == other.constant && terms == other.terms; }
  bool operator<(const Expr &other) const {
    return constant != other.constant ? constant < other.constant : terms < other.terms;
  }
};

struct Atom {
  enum Kind { Symbol, Div, Mod, Product } kind = Symbol;
  Expr a, b;                              ///< of Div and Mod
  llvm::SmallVector<AtomId, 2> factors;   ///< of Product, sorted
  std::optional<int64_t> least, greatest; ///< bounds, inclusive
  mlir::Value source;                     ///< of a symbol: a scalar of the old function, evaluated on entry
  mlir::Value value;                      ///< of a symbol: bound while emitting
  Scope *scope = nullptr;                 ///< where `value` is defined; null: on entry
};

/// Makes expressions and knows their atoms.
class ExprTable {
public:
  /// A loop variable over [0, extent); a negative extent is unknown.
  AtomId newLoop(int64_t extent);
  /// A value at least `least`, if that is known.
  AtomId newSymbol(std::optional<int64_t> least, mlir::Value source = {});
  Atom &operator[](AtomId id) { return atoms[id]; }

  Expr add(const Expr &x, const Expr &y) const;
  Expr scale(const Expr &x, int64_t factor) const;
  Expr sub(const Expr &x, const Expr &y) const { return add(x, scale(y, -1)); }
  Expr mul(const Expr &x, const Expr &y);
  /// Rounding down; the divisor is positive.
  Expr div(const Expr &x, const Expr &y);
  Expr mod(const Expr &x, const Expr &y);
  /// Sum of index * stride with quotients and remainders of one dividend put together again.
  Expr rejoin(Expr x);
  Expr substitute(const Expr &x, const llvm::DenseMap<AtomId, Expr> &replacements);

  std::optional<int64_t> least(const Expr &x);
  std::optional<int64_t> greatest(const Expr &x);
  /// Calls `fn` for every symbol the expression depends on.
  void forEachSymbol(const Expr &x, llvm::function_ref<void(AtomId)> fn);
  bool dependsOn(const Expr &x, AtomId symbol);
  /// Whether the symbol occurs only as a term of its own, not inside quotients, remainders or products.
  bool isLinearIn(const Expr &x, AtomId symbol);

private:
  Expr intern(Atom atom);
  std::deque<Atom> atoms;
};

} // namespace weft::loops

#endif // WEFT_LIB_CONVERSION_LINALGTOLOOPS_EXPR_H
