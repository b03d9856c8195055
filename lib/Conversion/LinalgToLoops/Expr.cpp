// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of index expressions. A quotient is split into the part that the divisor divides and a rest
// whose range is known; only what does not cancel becomes a Div or Mod atom.
#include "Expr.h"
#include <numeric>

using namespace weft::loops;

AtomId ExprTable::newLoop(int64_t extent) {
  Atom atom;
  atom.least = 0;
  if (extent >= 0)
    atom.greatest = std::max<int64_t>(extent - 1, 0);
  atoms.push_back(std::move(atom));
  return atoms.size() - 1;
}

AtomId ExprTable::newSymbol(std::optional<int64_t> least, mlir::Value source) {
  Atom atom;
  atom.least = least;
  atom.source = source;
  atoms.push_back(std::move(atom));
  return atoms.size() - 1;
}

Expr ExprTable::intern(Atom atom) {
  for (size_t i = 0; i < atoms.size(); ++i) {
    const Atom &known = atoms[i];
    if (known.kind == atom.kind && atom.kind != Atom::Symbol && known.a == atom.a && known.b == atom.b &&
        known.factors == atom.factors)
      return Expr::atom(i);
  }
  atoms.push_back(std::move(atom));
  return Expr::atom(atoms.size() - 1);
}

Expr ExprTable::add(const Expr &x, const Expr &y) const {
  Expr sum(x.constant + y.constant);
  auto i = x.terms.begin(), j = y.terms.begin();
  while (i != x.terms.end() || j != y.terms.end()) {
    if (j == y.terms.end() || (i != x.terms.end() && i->first < j->first)) {
      sum.terms.push_back(*i++);
    } else if (i == x.terms.end() || j->first < i->first) {
      sum.terms.push_back(*j++);
    } else {
      if (int64_t k = i->second + j->second)
        sum.terms.push_back({i->first, k});
      ++i, ++j;
    }
  }
  return sum;
}

Expr ExprTable::scale(const Expr &x, int64_t factor) const {
  if (factor == 0)
    return Expr(0);
  Expr scaled(x.constant * factor);
  for (auto [atom, k] : x.terms)
    scaled.terms.push_back({atom, k * factor});
  return scaled;
}

Expr ExprTable::mul(const Expr &x, const Expr &y) {
  if (x.isConstant())
    return scale(y, x.constant);
  if (y.isConstant())
    return scale(x, y.constant);
  Expr sum = add(scale(x, y.constant), scale(y, x.constant));
  sum.constant = x.constant * y.constant;
  auto factorsOf = [&](AtomId id) -> llvm::SmallVector<AtomId, 2> {
    if (atoms[id].kind == Atom::Product)
      return atoms[id].factors;
    return {id};
  };
  for (auto [p, k] : x.terms)
    for (auto [q, l] : y.terms) {
      Atom product;
      product.kind = Atom::Product;
      product.factors = factorsOf(p);
      product.factors.append(factorsOf(q));
      llvm::sort(product.factors);
      if (atoms[p].least && *atoms[p].least >= 0 && atoms[q].least && *atoms[q].least >= 0)
        product.least = 0;
      sum = add(sum, scale(intern(std::move(product)), k * l));
    }
  return sum;
}

/// Splits x into multiples of `factor` and the rest.
static std::pair<Expr, Expr> splitMultiples(const Expr &x, int64_t factor) {
  Expr multiples, rest;
  int64_t low = ((x.constant % factor) + factor) % factor;
  multiples.constant = x.constant - low;
  rest.constant = low;
  for (auto term : x.terms)
    (term.second % factor == 0 ? multiples : rest).terms.push_back(term);
  return {multiples, rest};
}

static Expr divideExactly(Expr x, int64_t factor) {
  x.constant /= factor;
  for (auto &term : x.terms)
    term.second /= factor;
  return x;
}

Expr ExprTable::div(const Expr &x, const Expr &y) {
  if (y.isConstant()) {
    int64_t divisor = y.constant;
    if (divisor == 1)
      return x;
    if (divisor <= 0)
      return Expr(0); // an empty extent: nothing is ever read there
    auto [multiples, rest] = splitMultiples(x, divisor);
    auto low = least(rest), high = greatest(rest);
    if (low && high && *low >= 0 && *high < divisor)
      return divideExactly(multiples, divisor);
    // The coefficients may share a factor with the divisor that the rest stays below.
    for (auto [atom, k] : x.terms) {
      int64_t common = std::gcd(std::abs(k), divisor);
      if (common <= 1 || common == divisor)
        continue;
      auto [coarse, fine] = splitMultiples(x, common);
      auto fineLow = least(fine), fineHigh = greatest(fine);
      if (fineLow && fineHigh && *fineLow >= 0 && *fineHigh < common)
        return div(divideExactly(coarse, common), Expr(divisor / common));
    }
    Atom quotient;
    quotient.kind = Atom::Div;
    quotient.a = rest;
    quotient.b = y;
    if (low)
      quotient.least = *low >= 0 ? *low / divisor : -((-*low + divisor - 1) / divisor);
    if (high && *high >= 0)
      quotient.greatest = *high / divisor;
    return add(divideExactly(multiples, divisor), intern(std::move(quotient)));
  }
  if (x.is(0))
    return x;
  // A dynamic divisor: terms that contain its factors, and a rest that is a loop over it.
  if (y.constant == 0 && y.terms.size() == 1 && y.terms[0].second == 1) {
    AtomId id = y.terms[0].first;
    llvm::SmallVector<AtomId, 2> wanted =
        atoms[id].kind == Atom::Product ? atoms[id].factors : llvm::SmallVector<AtomId, 2>{id};
    Expr quotient, rest(x.constant);
    for (auto [atom, k] : x.terms) {
      llvm::SmallVector<AtomId, 2> factors =
          atoms[atom].kind == Atom::Product ? atoms[atom].factors : llvm::SmallVector<AtomId, 2>{atom};
      bool contains = true;
      for (AtomId factor : wanted) {
        auto *found = llvm::find(factors, factor);
        if (found == factors.end()) {
          contains = false;
          break;
        }
        factors.erase(found);
      }
      if (!contains) {
        rest = add(rest, scale(Expr::atom(atom), k));
      } else {
        Expr product(1);
        for (AtomId factor : factors)
          product = mul(product, Expr::atom(factor));
        quotient = add(quotient, scale(product, k));
      }
    }
    if (rest.is(0))
      return quotient;
    if (auto loop = rest.asAtom(); loop && atoms[*loop].b == y && atoms[*loop].kind == Atom::Symbol)
      return quotient;
  }
  Atom quotient;
  quotient.kind = Atom::Div;
  quotient.a = x;
  quotient.b = y;
  if (auto low = least(x); low && *low >= 0)
    quotient.least = 0;
  return intern(std::move(quotient));
}

Expr ExprTable::mod(const Expr &x, const Expr &y) {
  if (y.isConstant()) {
    int64_t divisor = y.constant;
    if (divisor <= 1)
      return Expr(0);
    Expr rest = splitMultiples(x, divisor).second;
    auto low = least(rest), high = greatest(rest);
    if (low && high && *low >= 0 && *high < divisor)
      return rest;
    for (auto [atom, k] : rest.terms) {
      int64_t common = std::gcd(std::abs(k), divisor);
      if (common <= 1)
        continue;
      auto [coarse, fine] = splitMultiples(rest, common);
      auto fineLow = least(fine), fineHigh = greatest(fine);
      if (fineLow && fineHigh && *fineLow >= 0 && *fineHigh < common && !coarse.terms.empty())
        return add(scale(mod(divideExactly(coarse, common), Expr(divisor / common)), common), fine);
    }
    Atom remainder;
    remainder.kind = Atom::Mod;
    remainder.a = rest;
    remainder.b = y;
    remainder.least = 0;
    remainder.greatest = divisor - 1;
    return intern(std::move(remainder));
  }
  if (x.is(0))
    return x;
  Expr quotient = div(x, y);
  bool cancels = true;
  for (auto [atom, k] : quotient.terms)
    cancels &= atoms[atom].kind != Atom::Div;
  if (cancels)
    return sub(x, mul(quotient, y));
  Atom remainder;
  remainder.kind = Atom::Mod;
  remainder.a = x;
  remainder.b = y;
  remainder.least = 0;
  return intern(std::move(remainder));
}

Expr ExprTable::rejoin(Expr x) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [atom, k] : x.terms) {
      if (atoms[atom].kind != Atom::Mod || !atoms[atom].b.isConstant())
        continue;
      int64_t divisor = atoms[atom].b.constant;
      Expr dividend = atoms[atom].a;
      for (auto [other, l] : x.terms)
        if (atoms[other].kind == Atom::Div && atoms[other].a == dividend && atoms[other].b == atoms[atom].b &&
            l == k * divisor) {
          Expr joined = sub(sub(x, scale(Expr::atom(atom), k)), scale(Expr::atom(other), l));
          x = add(joined, scale(dividend, k));
          changed = true;
          break;
        }
      if (changed)
        break;
    }
  }
  return x;
}

Expr ExprTable::substitute(const Expr &x, const llvm::DenseMap<AtomId, Expr> &replacements) {
  Expr result(x.constant);
  for (auto [id, k] : x.terms) {
    Atom atom = atoms[id];
    Expr term;
    if (atom.kind == Atom::Symbol) {
      auto found = replacements.find(id);
      term = found == replacements.end() ? Expr::atom(id) : found->second;
    } else if (atom.kind == Atom::Product) {
      term = Expr(1);
      for (AtomId factor : atom.factors)
        term = mul(term, substitute(Expr::atom(factor), replacements));
    } else {
      Expr a = substitute(atom.a, replacements), b = substitute(atom.b, replacements);
      term = atom.kind == Atom::Div ? div(a, b) : mod(a, b);
    }
    result = add(result, scale(term, k));
  }
  return rejoin(result);
}

std::optional<int64_t> ExprTable::least(const Expr &x) {
  int64_t sum = x.constant;
  for (auto [atom, k] : x.terms) {
    auto bound = k > 0 ? atoms[atom].least : atoms[atom].greatest;
    if (!bound)
      return std::nullopt;
    sum += k * *bound;
  }
  return sum;
}

std::optional<int64_t> ExprTable::greatest(const Expr &x) {
  int64_t sum = x.constant;
  for (auto [atom, k] : x.terms) {
    auto bound = k > 0 ? atoms[atom].greatest : atoms[atom].least;
    if (!bound)
      return std::nullopt;
    sum += k * *bound;
  }
  return sum;
}

void ExprTable::forEachSymbol(const Expr &x, llvm::function_ref<void(AtomId)> fn) {
  for (auto [id, k] : x.terms) {
    const Atom &atom = atoms[id];
    if (atom.kind == Atom::Symbol) {
      fn(id);
    } else if (atom.kind == Atom::Product) {
      for (AtomId factor : atom.factors)
        forEachSymbol(Expr::atom(factor), fn);
    } else {
      forEachSymbol(atom.a, fn);
      forEachSymbol(atom.b, fn);
    }
  }
}

bool ExprTable::dependsOn(const Expr &x, AtomId symbol) {
  bool found = false;
  forEachSymbol(x, [&](AtomId id) { found |= id == symbol; });
  return found;
}

bool ExprTable::isLinearIn(const Expr &x, AtomId symbol) {
  for (auto [id, k] : x.terms)
    if (id != symbol && dependsOn(Expr::atom(id), symbol))
      return false;
  return true;
}
