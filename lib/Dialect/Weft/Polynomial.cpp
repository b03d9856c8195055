// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of atoms; see Polynomial.h. Higher degrees come first, so that division by the leading
// term ends.
#include "Polynomial.h"

#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace mlir;
using namespace weft::ir;

static int64_t wrapMul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

/// An atom's text. Symbols are padded, so that s2 comes before s10.
static std::string textOf(AffineExpr atom) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(atom))
    os << "s" << std::string(symbol.getPosition() < 10 ? 1 : 0, '0') << symbol.getPosition();
  else
    os << atom;
  return text;
}

bool Polynomial::Order::operator()(const Monomial &a, const Monomial &b) const {
  if (a.size() != b.size())
    return a.size() > b.size();
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].first != b[i].first)
      return a[i].first < b[i].first;
  return false;
}

void Polynomial::add(const Monomial &monomial, int64_t coefficient) {
  int64_t &sum = terms[monomial];
  sum = int64_t(uint64_t(sum) + uint64_t(coefficient));
  if (sum == 0)
    terms.erase(monomial);
}

void Polynomial::addProduct(const Polynomial &a, const Polynomial &b, int64_t factor) {
  for (const auto &[x, p] : a.terms)
    for (const auto &[y, q] : b.terms) {
      Monomial product(x);
      product.insert(product.end(), y.begin(), y.end());
      std::stable_sort(product.begin(), product.end(),
                       [](const auto &left, const auto &right) { return left.first < right.first; });
      add(product, wrapMul(wrapMul(p, q), factor));
    }
}

Polynomial::Polynomial(AffineExpr expr) : context(expr.getContext()) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    if (number.getValue())
      add({}, number.getValue());
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    add({{textOf(expr), expr}}, 1);
    return;
  }
  Polynomial lhs(binary.getLHS()), rhs(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    terms = std::move(lhs.terms);
    for (const auto &[monomial, coefficient] : rhs.terms)
      add(monomial, coefficient);
    return;
  case AffineExprKind::Mul:
    addProduct(lhs, rhs, 1);
    return;
  default:
    break;
  }
  AffineExpr atom = getAffineBinaryOpExpr(expr.getKind(), lhs.toExpr(), rhs.toExpr());
  if (auto number = dyn_cast<AffineConstantExpr>(atom)) {
    if (number.getValue())
      add({}, number.getValue());
  } else {
    add({{textOf(atom), atom}}, 1);
  }
}

AffineExpr Polynomial::toExpr() const {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (const auto &[monomial, coefficient] : terms) {
    AffineExpr product = getAffineConstantExpr(1, context);
    for (const auto &[text, atom] : monomial)
      product = product * atom;
    sum = sum + product * coefficient;
  }
  return sum;
}

std::optional<Polynomial::Monomial> Polynomial::quotient(const Monomial &a, const Monomial &b) {
  Monomial rest;
  size_t next = 0;
  for (const auto &atom : a) {
    if (next < b.size() && b[next].first == atom.first)
      ++next;
    else
      rest.push_back(atom);
  }
  return next == b.size() ? std::optional(rest) : std::nullopt;
}

std::optional<Polynomial> Polynomial::dividedBy(const Polynomial &divisor) const {
  if (divisor.terms.empty())
    return std::nullopt;
  Polynomial rest(*this), result(context);
  const auto &[leading, coefficient] = *divisor.terms.begin();
  // Each step takes away the leading term; a quotient of extents has few.
  for (int step = 0; step < 16 && !rest.terms.empty(); ++step) {
    auto [monomial, number] = *rest.terms.begin();
    std::optional<Monomial> factor = quotient(monomial, leading);
    if (!factor || number % coefficient != 0)
      return std::nullopt;
    Polynomial term(context);
    term.add(*factor, number / coefficient);
    result.add(*factor, number / coefficient);
    rest.addProduct(term, divisor, -1);
  }
  return rest.terms.empty() ? std::optional(result) : std::nullopt;
}
