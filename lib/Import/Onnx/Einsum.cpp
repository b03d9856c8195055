// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Einsum as dot_generals from left to right. Every dimension of every operand has a label; a label that is
// not needed any more is contracted or summed at once. Repeated labels of an operand (diagonals) are masked
// and summed; dimensions of extent 1 that broadcast are dropped.
#include "ContractOps.h"
#include "Numeric.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {

/// A letter; or firstOfEllipsis + i, the i-th dimension from the right of an ellipsis.
using Label = int64_t;
constexpr Label firstOfEllipsis = 256;

struct Term {
  Value value;
  SmallVector<Label> labels;
};

/// The labels of one term of the equation as written; `...` stands as firstOfEllipsis.
FailureOr<SmallVector<Label>> parseTerm(NodeImporter &node, StringRef text) {
  SmallVector<Label> labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ')
      continue;
    if (text.substr(i).starts_with("...") && !llvm::is_contained(labels, firstOfEllipsis)) {
      labels.push_back(firstOfEllipsis);
      i += 2;
    } else if (llvm::isAlpha(text[i])) {
      labels.push_back(text[i]);
    } else {
      return node.error() << "has equation term '" << text << "', wanted letters and at most one '...'";
    }
  }
  return labels;
}

/// The labels with `count` dimensions in place of the ellipsis.
SmallVector<Label> expandEllipsis(ArrayRef<Label> labels, int64_t count) {
  SmallVector<Label> expanded;
  for (Label label : labels) {
    if (label != firstOfEllipsis) {
      expanded.push_back(label);
      continue;
    }
    for (int64_t i = count - 1; i >= 0; --i)
      expanded.push_back(firstOfEllipsis + i);
  }
  return expanded;
}

class EinsumImporter {
public:
  explicit EinsumImporter(NodeImporter &node) : node(node) {}
  LogicalResult run();

private:
  LogicalResult parse();
  void takeDiagonals(Term &term);
  void dropUnits();
  void sumUnneeded(Term &term, size_t numTaken);
  Term multiply(const Term &lhs, const Term &rhs, size_t numTaken);
  /// Whether the result or a term from `numTaken` on has the label.
  bool isNeeded(Label label, size_t numTaken) const {
    if (llvm::is_contained(output, label))
      return true;
    return llvm::any_of(ArrayRef(terms).drop_front(numTaken),
                        [&](const Term &term) { return llvm::is_contained(term.labels, label); });
  }

  NodeImporter &node;
  SmallVector<Term> terms;
  SmallVector<Label> output;
};

LogicalResult EinsumImporter::parse() {
  std::string equation = node.getString("equation", "");
  auto [inputs, result] = StringRef(equation).split("->");
  SmallVector<StringRef> parts;
  inputs.split(parts, ',');
  if (int64_t(parts.size()) != node.getNumOperands())
    return node.error() << "has " << node.getNumOperands() << " inputs, wanted " << parts.size()
                        << " for equation '" << equation << "'";
  int64_t widest = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    FailureOr<SmallVector<Label>> labels = parseTerm(node, part);
    if (failed(labels))
      return failure();
    Value value = node.operand(int(i));
    if (!value)
      return node.error() << "lacks input " << i;
    bool hasEllipsis = llvm::is_contained(*labels, firstOfEllipsis);
    int64_t covered = node.rankOf(value) - (int64_t(labels->size()) - hasEllipsis);
    if (hasEllipsis ? covered < 0 : covered != 0)
      return node.error() << "input " << i << " has rank " << node.rankOf(value) << ", wanted that of '"
                          << part << "'";
    terms.push_back({value, expandEllipsis(*labels, covered)});
    widest = std::max(widest, hasEllipsis ? covered : 0);
  }
  if (StringRef(equation).contains("->")) {
    FailureOr<SmallVector<Label>> labels = parseTerm(node, result);
    if (failed(labels))
      return failure();
    output = expandEllipsis(*labels, widest);
  } else {
    // All labels that occur once, in alphabetic order behind the ellipsis.
    for (int64_t i = widest - 1; i >= 0; --i)
      output.push_back(firstOfEllipsis + i);
    for (Label letter = 0; letter < firstOfEllipsis; ++letter) {
      int64_t count = 0;
      for (const Term &term : terms)
        count += llvm::count(term.labels, letter);
      if (count == 1)
        output.push_back(letter);
    }
  }
  for (auto [i, label] : llvm::enumerate(output)) {
    if (llvm::is_contained(ArrayRef(output).drop_front(i + 1), label))
      return node.error() << "has a label twice in the result of equation '" << equation
                          << "', wanted it once";
    if (!llvm::any_of(terms, [&](const Term &term) { return llvm::is_contained(term.labels, label); }))
      return node.error() << "has a label in the result of equation '" << equation << "' that no input has";
  }
  return success();
}

/// Leaves one dimension of each label, the diagonal of those it had.
void EinsumImporter::takeDiagonals(Term &term) {
  for (size_t i = 0; i < term.labels.size(); ++i) {
    for (size_t j = i + 1; j < term.labels.size();) {
      if (term.labels[i] != term.labels[j]) {
        ++j;
        continue;
      }
      int64_t rank = node.rankOf(term.value);
      Extents row(rank, Extent(1)), column(rank, Extent(1));
      row[i] = node.extent(term.value, i);
      column[j] = node.extent(term.value, j);
      Value onDiagonal = node.create<CompareOp>(CompareKind::eq, node.iota(node.i64(), row, i),
                                                node.iota(node.i64(), column, j));
      Value masked = node.create<SelectOp>(onDiagonal, term.value, node.like(term.value, 0));
      term.value = node.reduce(ReduceKind::add, masked, {int64_t(j)});
      term.labels.erase(term.labels.begin() + j);
    }
  }
}

/// Drops dimensions of extent 1 whose label has another extent elsewhere.
void EinsumImporter::dropUnits() {
  for (Term &term : terms) {
    for (int64_t i = int64_t(term.labels.size()) - 1; i >= 0; --i) {
      if (!getDim(term.value, i).is(1))
        continue;
      Label label = term.labels[i];
      bool isElsewhere = llvm::any_of(terms, [&](const Term &other) {
        const Label *at = llvm::find(other.labels, label);
        return &other != &term && at != other.labels.end() &&
               !getDim(other.value, at - other.labels.begin()).is(1);
      });
      if (!isElsewhere)
        continue;
      term.value = node.squeeze(term.value, {i});
      term.labels.erase(term.labels.begin() + i);
    }
  }
}

void EinsumImporter::sumUnneeded(Term &term, size_t numTaken) {
  SmallVector<int64_t> axes;
  SmallVector<Label> left;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    if (isNeeded(label, numTaken))
      left.push_back(label);
    else
      axes.push_back(i);
  }
  if (axes.empty())
    return;
  term.value = node.reduce(ReduceKind::add, term.value, axes);
  term.labels = left;
}

Term EinsumImporter::multiply(const Term &lhs, const Term &rhs, size_t numTaken) {
  SmallVector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
  Term product;
  SmallVector<Label> free;
  for (auto [i, label] : llvm::enumerate(lhs.labels)) {
    const Label *at = llvm::find(rhs.labels, label);
    if (at == rhs.labels.end()) {
      free.push_back(label);
    } else if (isNeeded(label, numTaken)) {
      lhsBatch.push_back(i);
      rhsBatch.push_back(at - rhs.labels.begin());
      product.labels.push_back(label);
    } else {
      lhsContract.push_back(i);
      rhsContract.push_back(at - rhs.labels.begin());
    }
  }
  for (Label label : rhs.labels)
    if (!llvm::is_contained(lhs.labels, label))
      free.push_back(label);
  product.labels.append(free);
  product.value = node.dotGeneral(lhs.value, rhs.value, lhsBatch, rhsBatch, lhsContract, rhsContract);
  return product;
}

LogicalResult EinsumImporter::run() {
  if (failed(parse()))
    return failure();
  for (Term &term : terms)
    takeDiagonals(term);
  if (node.failed())
    return failure();
  dropUnits();
  Term result = terms.front();
  // What only the first term has is summed before the first product; labels that two terms share are
  // contracted.
  sumUnneeded(result, 1);
  for (size_t i = 1; i < terms.size(); ++i) {
    Term next = terms[i];
    SmallVector<Label> shared = result.labels;
    SmallVector<int64_t> axes;
    SmallVector<Label> left;
    for (auto [axis, label] : llvm::enumerate(next.labels)) {
      if (isNeeded(label, i + 1) || llvm::is_contained(shared, label))
        left.push_back(label);
      else
        axes.push_back(axis);
    }
    if (!axes.empty())
      next = {node.reduce(ReduceKind::add, next.value, axes), left};
    result = multiply(result, next, i + 1);
  }
  SmallVector<int64_t> permutation;
  for (Label label : output)
    permutation.push_back(llvm::find(result.labels, label) - result.labels.begin());
  return node.setResult(node.transpose(result.value, permutation));
}

} // namespace

LogicalResult weft::onnx::importEinsum(NodeImporter &node) { return EinsumImporter(node).run(); }
