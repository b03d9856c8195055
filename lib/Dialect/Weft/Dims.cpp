// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on extents, and their way in and out of tensor types. Expressions are affine expressions over
// symbols sorted by name and simplified, so that equal extents are equal expressions.
#include "weft/Dialect/Weft/Dims.h"

#include "Polynomial.h"
#include "mlir/IR/AffineMap.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

Dim Dim::symbol(StringAttr name) {
  Dim dim;
  dim.kind = Kind::Symbolic;
  dim.expr = getAffineSymbolExpr(0, name.getContext());
  dim.symbols.push_back(name);
  return dim;
}

Dim Dim::expression(AffineExpr expr, ArrayRef<StringAttr> symbols) {
  // Keep the symbols that occur, sorted by name, and renumber.
  llvm::SmallVector<StringAttr, 2> used;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      if (!llvm::is_contained(used, symbols[symbol.getPosition()]))
        used.push_back(symbols[symbol.getPosition()]);
  });
  llvm::sort(used, [](StringAttr a, StringAttr b) { return a.getValue() < b.getValue(); });
  llvm::SmallVector<AffineExpr> renamed;
  for (StringAttr name : symbols) {
    auto *place = llvm::find(used, name);
    renamed.push_back(place == used.end() ? getAffineConstantExpr(0, expr.getContext())
                                          : getAffineSymbolExpr(place - used.begin(), expr.getContext()));
  }
  expr = expr.replaceSymbols(renamed);
  // Products of names are no affine expressions: MLIR leaves (a + b) * c as it is.
  expr = expr.isPureAffine() ? simplifyAffineExpr(expr, 0, used.size()) : Polynomial(expr).toExpr();
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return Dim(number.getValue());
  // Simplification may have dropped symbols.
  size_t still = 0;
  for (size_t i = 0; i < used.size(); ++i)
    still += expr.isFunctionOfSymbol(i);
  if (still != used.size())
    return expression(expr, used);
  Dim dim;
  dim.kind = Kind::Symbolic;
  dim.expr = expr;
  dim.symbols = used;
  return dim;
}

namespace {
/// Both extents as expressions over one list of symbols; neither may be unknown, one must be symbolic.
struct CommonExprs {
  AffineExpr a, b;
  llvm::SmallVector<StringAttr> symbols;

  CommonExprs(const Dim &x, const Dim &y) {
    MLIRContext *context = (x.isSymbolic() ? x : y).getExpr().getContext();
    a = add(x, context);
    b = add(y, context);
  }

private:
  AffineExpr add(const Dim &dim, MLIRContext *context) {
    if (dim.isStatic())
      return getAffineConstantExpr(dim.getStatic(), context);
    AffineExpr shifted = dim.getExpr().shiftSymbols(dim.getSymbols().size(), symbols.size());
    llvm::append_range(symbols, dim.getSymbols());
    return shifted;
  }
};
} // namespace

Dim Dim::operator+(const Dim &other) const {
  if (isUnknown() || other.isUnknown())
    return {};
  if (isStatic() && other.isStatic())
    return Dim(int64_t(uint64_t(extent) + uint64_t(other.extent)));
  CommonExprs common(*this, other);
  return expression(common.a + common.b, common.symbols);
}

Dim Dim::operator-(const Dim &other) const { return *this + other * Dim(-1); }

Dim Dim::operator*(const Dim &other) const {
  if (is(0) || other.is(0))
    return Dim(0);
  if (isUnknown() || other.isUnknown())
    return {};
  if (isStatic() && other.isStatic())
    return Dim(int64_t(uint64_t(extent) * uint64_t(other.extent)));
  CommonExprs common(*this, other);
  return expression(common.a * common.b, common.symbols);
}

Dim Dim::floorDiv(const Dim &other) const {
  if (other.is(1))
    return *this;
  if (isUnknown() || other.isUnknown() || (other.isStatic() && other.extent <= 0))
    return {};
  if (isStatic() && other.isStatic())
    return Dim(llvm::divideFloorSigned(extent, other.extent));
  if (*this == other)
    return Dim(1);
  if (other.isStatic()) {
    CommonExprs common(*this, other);
    return expression(common.a.floorDiv(other.extent), common.symbols);
  }
  // The quotient that reshapes need is exact: the divisor is a factor.
  CommonExprs common(*this, other);
  Dim dividend = expression(common.a, common.symbols), divisor = expression(common.b, common.symbols);
  if (!dividend.isSymbolic() || !divisor.isSymbolic())
    return {};
  SmallVector<StringAttr> names(dividend.symbols.begin(), dividend.symbols.end());
  SmallVector<AffineExpr> places;
  for (StringAttr name : divisor.symbols) {
    if (!llvm::is_contained(names, name))
      return {};
    places.push_back(getAffineSymbolExpr(llvm::find(names, name) - names.begin(), name.getContext()));
  }
  if (auto exact = Polynomial(dividend.expr).dividedBy(Polynomial(divisor.expr.replaceSymbols(places))))
    return expression(exact->toExpr(), names);
  return {};
}

bool Dim::operator==(const Dim &other) const {
  if (kind != other.kind || kind == Kind::Unknown)
    return false;
  if (kind == Kind::Static)
    return extent == other.extent;
  return expr == other.expr && symbols == other.symbols;
}

/// Prints an expression over names; products and quotients bracket sums.
static void printExpr(llvm::raw_ostream &os, AffineExpr expr, ArrayRef<StringAttr> symbols, bool bracket) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    os << number.getValue();
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    os << symbols[symbol.getPosition()].getValue();
  } else if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    bool sum = expr.getKind() == AffineExprKind::Add;
    if (bracket)
      os << '(';
    printExpr(os, binary.getLHS(), symbols, !sum);
    switch (expr.getKind()) {
    case AffineExprKind::Add:
      os << " + ";
      break;
    case AffineExprKind::Mul:
      os << " * ";
      break;
    case AffineExprKind::FloorDiv:
      os << " floordiv ";
      break;
    case AffineExprKind::CeilDiv:
      os << " ceildiv ";
      break;
    default:
      os << " mod ";
    }
    printExpr(os, binary.getRHS(), symbols, true);
    if (bracket)
      os << ')';
  }
}

std::string Dim::str() const {
  if (isUnknown())
    return "?";
  if (isStatic())
    return std::to_string(extent);
  std::string text;
  llvm::raw_string_ostream os(text);
  printExpr(os, expr, symbols, false);
  return text;
}

SmallVector<Dim> weft::ir::getDims(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  auto encoding = dyn_cast_or_null<DimsAttr>(tensor.getEncoding());
  SmallVector<Dim> dims;
  for (auto [i, extent] : llvm::enumerate(tensor.getShape())) {
    if (!ShapedType::isDynamic(extent))
      dims.push_back(Dim(extent));
    else if (encoding && encoding.getExtents()[i])
      dims.push_back(Dim::expression(encoding.getExtents()[i], encoding.getSymbols()));
    else
      dims.push_back(Dim());
  }
  return dims;
}

Dim weft::ir::getDim(Value value, int64_t axis) { return getDims(value)[axis]; }

RankedTensorType weft::ir::makeTensorType(ArrayRef<Dim> dims, Type elementType) {
  SmallVector<int64_t> shape;
  llvm::SmallVector<StringAttr> symbols;
  for (const Dim &dim : dims) {
    // An extent computed as negative is a mistake that the op's verifier reports; types hold no such extent.
    shape.push_back(dim.isStatic() ? std::max<int64_t>(dim.getStatic(), 0) : ShapedType::kDynamic);
    for (StringAttr name : dim.getSymbols())
      if (!llvm::is_contained(symbols, name))
        symbols.push_back(name);
  }
  if (symbols.empty())
    return RankedTensorType::get(shape, elementType);
  llvm::sort(symbols, [](StringAttr a, StringAttr b) { return a.getValue() < b.getValue(); });
  MLIRContext *context = elementType.getContext();
  SmallVector<AffineExpr> extents;
  for (const Dim &dim : dims) {
    if (!dim.isSymbolic()) {
      extents.push_back(AffineExpr());
      continue;
    }
    SmallVector<AffineExpr> places;
    for (StringAttr name : dim.getSymbols())
      places.push_back(getAffineSymbolExpr(llvm::find(symbols, name) - symbols.begin(), context));
    AffineExpr expr = dim.getExpr().replaceSymbols(places);
    extents.push_back(expr.isPureAffine() ? simplifyAffineExpr(expr, 0, symbols.size())
                                          : Polynomial(expr).toExpr());
  }
  return RankedTensorType::get(shape, elementType, DimsAttr::get(context, symbols, extents));
}

RankedTensorType weft::ir::withElementType(Type tensor, Type elementType) {
  auto type = cast<RankedTensorType>(tensor);
  return RankedTensorType::get(type.getShape(), elementType, type.getEncoding());
}

Dim weft::ir::getDimOf(Value value) {
  if (std::optional<int64_t> number = getConstantInt(value))
    return Dim(*number);
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto dim = dyn_cast<DimOp>(op)) {
    int64_t axis = dim.getAxis();
    auto dims = getDims(dim.getX());
    return axis >= 0 && axis < (int64_t)dims.size() ? dims[axis] : Dim();
  }
  if (auto named = dyn_cast<NameExtentOp>(op))
    return Dim::symbol(named.getNameAttr());
  if (isa<AddOp>(op))
    return getDimOf(op->getOperand(0)) + getDimOf(op->getOperand(1));
  if (isa<SubOp>(op))
    return getDimOf(op->getOperand(0)) - getDimOf(op->getOperand(1));
  if (isa<MulOp>(op))
    return getDimOf(op->getOperand(0)) * getDimOf(op->getOperand(1));
  if (isa<DivOp>(op))
    return getDimOf(op->getOperand(0)).floorDiv(getDimOf(op->getOperand(1)));
  if (isa<ReshapeOp>(op)) {
    // One element by another rank is the same number.
    auto type = cast<RankedTensorType>(op->getOperand(0).getType());
    if (type.hasStaticShape() && type.getNumElements() == 1)
      return getDimOf(op->getOperand(0));
  }
  if (auto convert = dyn_cast<ConvertOp>(op))
    if (convert.getType().getElementType().isInteger(64))
      return getDimOf(convert.getOperand());
  return {};
}

SmallVector<Dim> weft::ir::getMixedDims(ArrayRef<int64_t> statics, ValueRange values) {
  SmallVector<Dim> dims;
  size_t next = 0;
  for (int64_t extent : statics) {
    if (!ShapedType::isDynamic(extent))
      dims.push_back(Dim(extent));
    else
      dims.push_back(next < values.size() ? getDimOf(values[next++]) : Dim());
  }
  return dims;
}

Dim weft::ir::productOf(ArrayRef<Dim> dims) {
  Dim product(1);
  for (const Dim &dim : dims)
    product = product * dim;
  return product;
}

Dim weft::ir::moreKnown(const Dim &a, const Dim &b) {
  if (a.isStatic() || b.isUnknown())
    return a;
  if (b.isStatic() || a.isUnknown())
    return b;
  return a;
}

bool weft::ir::areCompatibleTypes(TypeRange a, TypeRange b) {
  if (a.size() != b.size())
    return false;
  for (auto [x, y] : llvm::zip(a, b)) {
    auto xt = dyn_cast<RankedTensorType>(x), yt = dyn_cast<RankedTensorType>(y);
    if (!xt || !yt || xt.getElementType() != yt.getElementType() || xt.getRank() != yt.getRank())
      return false;
    for (auto [p, q] : llvm::zip(xt.getShape(), yt.getShape()))
      if (!ShapedType::isDynamic(p) && !ShapedType::isDynamic(q) && p != q)
        return false;
  }
  return true;
}

Dim weft::ir::windowedExtent(const Dim &in, int64_t window, int64_t stride, int64_t low, int64_t high,
                             int64_t baseDilation, int64_t windowDilation) {
  int64_t reach = window == 0 ? 0 : (window - 1) * windowDilation + 1;
  if (in.isStatic()) {
    int64_t extent = in.getStatic();
    int64_t dilated = (extent == 0 ? 0 : (extent - 1) * baseDilation + 1) + low + high;
    return Dim(dilated < reach ? 0 : (dilated - reach) / stride + 1);
  }
  // The expression holds where the window fits; extents below that are for the run-time bounds to refuse.
  Dim dilated = baseDilation == 1 ? in : (in - Dim(1)) * Dim(baseDilation) + Dim(1);
  return (dilated + Dim(low + high - reach)).floorDiv(Dim(stride)) + Dim(1);
}
