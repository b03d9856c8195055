// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents of tensors as the compiler knows them: numbers, expressions over named dimensions, or unknown.
#ifndef WEFT_DIALECT_WEFT_DIMS_H
#define WEFT_DIALECT_WEFT_DIMS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace weft::ir {

/// One extent. Arithmetic on anything unknown is unknown; arithmetic on numbers and symbols is exact and
/// canonical, so that expressions that can be proved equal by canonical form compare equal.
class Dim {
public:
  /// Unknown.
  Dim() = default;
  /// A number.
  Dim(int64_t extent) : kind(Kind::Static), extent(extent) {}
  /// The extent named `name`.
  static Dim symbol(mlir::StringAttr name);
  static Dim unknown() { return {}; }
  /// `expr` over `symbols` (symbol i is symbols[i]); becomes a number when it is constant.
  static Dim expression(mlir::AffineExpr expr, llvm::ArrayRef<mlir::StringAttr> symbols);

  bool isStatic() const { return kind == Kind::Static; }
  bool isUnknown() const { return kind == Kind::Unknown; }
  bool isSymbolic() const { return kind == Kind::Symbolic; }
  bool is(int64_t value) const { return isStatic() && extent == value; }
  int64_t getStatic() const {
    assert(isStatic());
    return extent;
  }
  /// The number, or ShapedType::kDynamic.
  int64_t getStaticOrDynamic() const { return isStatic() ? extent : mlir::ShapedType::kDynamic; }
  /// Of a symbolic extent: its expression over getSymbols(), sorted by name.
  mlir::AffineExpr getExpr() const { return expr; }
  llvm::ArrayRef<mlir::StringAttr> getSymbols() const { return symbols; }

  Dim operator+(const Dim &other) const;
  Dim operator-(const Dim &other) const;
  Dim operator*(const Dim &other) const;
  /// Division rounding down; unknown unless the divisor is a positive number (or the quotient is exact).
  Dim floorDiv(const Dim &other) const;
  Dim ceilDiv(int64_t divisor) const { return (*this + Dim(divisor - 1)).floorDiv(Dim(divisor)); }

  /// Proved equal. Unknown extents equal nothing, themselves neither.
  bool operator==(const Dim &other) const;
  bool operator!=(const Dim &other) const { return !(*this == other); }
  /// Proved different: two different numbers.
  bool conflictsWith(const Dim &other) const {
    return isStatic() && other.isStatic() && extent != other.extent;
  }

  /// "4", "past + seq", "?".
  std::string str() const;

private:
  enum class Kind { Unknown, Static, Symbolic };
  Kind kind = Kind::Unknown;
  int64_t extent = 0;
  mlir::AffineExpr expr;
  llvm::SmallVector<mlir::StringAttr, 2> symbols;
};

/// The extents of a tensor, from its shape and its #weft.dims encoding.
llvm::SmallVector<Dim> getDims(mlir::Type type);
inline llvm::SmallVector<Dim> getDims(mlir::Value value) { return getDims(value.getType()); }
/// One extent of a tensor.
Dim getDim(mlir::Value value, int64_t axis);
/// The tensor type with these extents; the encoding is there only when an extent is symbolic.
mlir::RankedTensorType makeTensorType(llvm::ArrayRef<Dim> dims, mlir::Type elementType);
/// The same extents with another element type.
mlir::RankedTensorType withElementType(mlir::Type tensor, mlir::Type elementType);

/// The extent a rank-0 i64 value stands for: follows constant, dim, add, sub, mul, div and convert. Unknown
/// when it cannot be told.
Dim getDimOf(mlir::Value shapeValue);
/// The extents of a mixed list: static numbers with ShapedType::kDynamic holes filled from `values` in order.
llvm::SmallVector<Dim> getMixedDims(llvm::ArrayRef<int64_t> statics, mlir::ValueRange values);
/// Product of extents; 1 for none.
Dim productOf(llvm::ArrayRef<Dim> dims);
/// The one of two extents known to be equal that says more: number before expression before unknown.
Dim moreKnown(const Dim &a, const Dim &b);

/// Element types equal, ranks equal, no extent proved different: one type may stand where the other was
/// inferred.
bool areCompatibleTypes(mlir::TypeRange a, mlir::TypeRange b);

/// Result extent of a window that slides over an extent (conv, reduce_window).
/// floor((dilate(in) + low + high - dilate(window)) / stride) + 1, at least 0.
Dim windowedExtent(const Dim &in, int64_t window, int64_t stride, int64_t low, int64_t high,
                   int64_t baseDilation, int64_t windowDilation);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_DIMS_H
