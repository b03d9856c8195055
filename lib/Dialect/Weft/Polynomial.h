// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions over named extents as sums of products: the canonical form of what multiplies names with names.
// Equal polynomials have equal forms, and exact quotients are found.
#ifndef WEFT_LIB_DIALECT_WEFT_POLYNOMIAL_H
#define WEFT_LIB_DIALECT_WEFT_POLYNOMIAL_H

#include "mlir/IR/AffineExpr.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::ir {

/// A sum of integer multiples of products of atoms: symbols, and quotients and remainders (whose operands are
/// in canonical form). Coefficients wrap.
class Polynomial {
public:
  explicit Polynomial(mlir::AffineExpr expr);

  mlir::AffineExpr toExpr() const;
  /// this / divisor when that leaves no remainder for any values of the symbols.
  std::optional<Polynomial> dividedBy(const Polynomial &divisor) const;

private:
  /// Atoms in order, each with its text, which orders them.
  using Monomial = std::vector<std::pair<std::string, mlir::AffineExpr>>;

  explicit Polynomial(mlir::MLIRContext *context) : context(context) {}
  void add(const Monomial &monomial, int64_t coefficient);
  void addProduct(const Polynomial &a, const Polynomial &b, int64_t factor);
  /// a / b as sets of atoms with repetition; nothing when b is no part of a.
  static std::optional<Monomial> quotient(const Monomial &a, const Monomial &b);

  mlir::MLIRContext *context;
  struct Order {
    bool operator()(const Monomial &a, const Monomial &b) const;
  };
  std::map<Monomial, int64_t, Order> terms;
};

} // namespace weft::ir

#endif // WEFT_LIB_DIALECT_WEFT_POLYNOMIAL_H
