// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What inference and verifiers of all families share: refusals, checks of attribute lists, bounds of named
// dimensions, and rewrites of mixed lists. Neither side trusts an attribute: an op's own verifier runs before
// its inference does.
#ifndef WEFT_LIB_DIALECT_WEFT_INFERENCE_H
#define WEFT_LIB_DIALECT_WEFT_INFERENCE_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/PatternMatch.h"
#include "weft/Dialect/Weft/WeftDialect.h"

namespace weft::ir {

/// Magnitude that windows, strides, dilations and paddings stay below, so that sums and products of two of
/// them and an extent can be checked in 64 bits.
constexpr int64_t maxWindowNumber = int64_t(1) << 31;

/// Says what is wrong with an op: found, then wanted. Silent without a location. Every check returns failure
/// after having told.
class Checker {
public:
  Checker(std::optional<mlir::Location> loc, llvm::StringRef op) : loc(loc), op(op) {}
  explicit Checker(mlir::Operation *op) : loc(op->getLoc()), op(op->getName().getStringRef()) {}

  template <class... Args> llvm::LogicalResult refuse(Args &&...args) const {
    if (loc) {
      mlir::InFlightDiagnostic error = mlir::emitError(*loc);
      error << "'" << op << "' op ";
      (void)(error << ... << std::forward<Args>(args));
    }
    return llvm::failure();
  }

  /// 0 <= axis < rank.
  llvm::LogicalResult axis(llvm::StringRef name, int64_t axis, int64_t rank) const;
  /// Each an axis, none twice.
  llvm::LogicalResult axes(llvm::StringRef name, llvm::ArrayRef<int64_t> axes, int64_t rank) const;
  /// Every one of 0 ... size - 1 once.
  llvm::LogicalResult permutation(llvm::StringRef name, llvm::ArrayRef<int64_t> list, int64_t size) const;
  /// A list of `wanted` entries; `what` says one for each of what.
  llvm::LogicalResult length(llvm::StringRef name, size_t found, size_t wanted, llvm::StringRef what) const;
  /// Every entry within [least, most].
  llvm::LogicalResult range(llvm::StringRef name, llvm::ArrayRef<int64_t> list, int64_t least,
                            int64_t most) const;
  /// A mixed list: as many holes as values, and no number below `least`.
  llvm::LogicalResult mixed(llvm::StringRef name, llvm::ArrayRef<int64_t> statics, size_t numValues,
                            int64_t least) const;
  /// Extents asked for: no number below 0.
  llvm::LogicalResult sizes(llvm::ArrayRef<Dim> sizes) const;
  /// Extents that may be equal. `what` is the tensor whose dimension has `found`.
  llvm::LogicalResult extent(llvm::StringRef what, int64_t dimension, const Dim &found,
                             const Dim &wanted) const;
  /// Rank at least `least`.
  llvm::LogicalResult rankAtLeast(llvm::StringRef what, mlir::Type type, int64_t least) const;
  /// Equal element types.
  llvm::LogicalResult sameElementType(llvm::StringRef what, mlir::Type found, mlir::Type wanted) const;
  /// Element types that a reduction of this kind takes.
  llvm::LogicalResult reduceKind(ReduceKind kind, mlir::Type type) const;
  /// The result extents that the op computes against the type it was given.
  llvm::LogicalResult result(llvm::StringRef what, mlir::Type found, llvm::ArrayRef<Dim> wanted) const;

private:
  std::optional<mlir::Location> loc;
  llvm::StringRef op;
};

/// The checker of ops of a class.
template <typename Op> Checker checkerOf(std::optional<mlir::Location> loc) {
  return Checker(loc, Op::getOperationName());
}

/// Bounds of the named dimensions, as `weft.dims` on an op around a value declares them; undeclared: [0,
/// inf).
class DimBounds {
public:
  explicit DimBounds(mlir::Value near);
  /// Whether a <= b wherever the bounds hold.
  bool provesAtMost(const Dim &a, const Dim &b) const;

private:
  mlir::DictionaryAttr declared;
};

/// The windowed extent as windowedExtent, for any window extent. Fails when it does not fit in 64 bits.
llvm::FailureOr<Dim> inferWindow(const Checker &check, int64_t dimension, const Dim &in, const Dim &window,
                                 int64_t stride, int64_t low, int64_t high, int64_t baseDilation,
                                 int64_t windowDilation);

/// Whether `size` is known to be the extent of x along an axis: by its value, or as weft.dim of it.
bool isExtentOf(mlir::Value size, mlir::Value x, int64_t axis);

/// A mixed list with one entry per element, for rewrites.
struct MixedList {
  llvm::SmallVector<int64_t> statics;
  llvm::SmallVector<mlir::Value> values;

  void push(int64_t number) { statics.push_back(number); }
  void push(mlir::Value value) {
    statics.push_back(mlir::ShapedType::kDynamic);
    values.push_back(value);
  }
};
/// The value of each entry of a mixed list, null for numbers.
llvm::SmallVector<mlir::Value> valuePerEntry(llvm::ArrayRef<int64_t> statics, mlir::ValueRange values);
/// The list with values that are known numbers of at least `least` in place; `changed` is set when there was
/// one.
MixedList foldMixed(llvm::ArrayRef<int64_t> statics, mlir::ValueRange values, int64_t least, bool &changed);
/// The extent of x along an axis as an entry of a mixed list: a number, or weft.dim.
void pushExtent(MixedList &list, mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x, int64_t axis);

/// Replaces the op's only result by `value`, through weft.cast_shape when what is known of its extents
/// differs.
void replaceWithCast(mlir::PatternRewriter &rewriter, mlir::Operation *op, mlir::Value value);

} // namespace weft::ir

#endif // WEFT_LIB_DIALECT_WEFT_INFERENCE_H
