// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shardings as the partitioner computes with them, and the rules that ops give it.
#ifndef WEFT_DIALECT_DIST_SHARDINGRULE_H
#define WEFT_DIALECT_DIST_SHARDINGRULE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "weft/Dialect/Weft/Dims.h"

namespace weft::dist {

/// Axes of the mesh by number; of a split, the major one first.
using Axes = llvm::SmallVector<int, 2>;

/// A `#dist.sharding` with axes by number.
struct Sharding {
  llvm::SmallVector<Axes, 4> dims;
  Axes partial; ///< axes along which workers do not have the value, only what makes it
  Combine combine = Combine::sum;
  int64_t holder =
      -1; ///< of a partial value: the one worker along those axes that has it, or -1: all have terms

  static Sharding whole(int64_t rank) { return {llvm::SmallVector<Axes, 4>(rank), {}, Combine::sum}; }
  static Sharding get(ShardingAttr attr, MeshAttr mesh);
  ShardingAttr toAttr(MeshAttr mesh) const;

  bool isWhole() const;
  /// The same split of a value that all its workers have.
  Sharding complete() const { return {dims, {}, Combine::sum}; }
  /// Whether some dimension is split over the axis, or the value is partial over it.
  bool uses(int axis) const;
  bool operator==(const Sharding &other) const;
  bool operator!=(const Sharding &other) const { return !(*this == other); }
};

/// The type of one rank's part.
mlir::RankedTensorType localType(mlir::Type whole, const Sharding &sharding, MeshAttr mesh);
/// "[data, _]", "[data+model, _] partial sum over model": how people write it.
std::string toText(const Sharding &sharding, MeshAttr mesh);

/// One independent extent of an op: dimensions of operands and results that are split alike.
struct Factor {
  enum class Kind {
    Parallel,  ///< parts do not know of each other
    Reduction, ///< parts give partial results, combined by `combine`
    Window,    ///< only positions `first` to `last` are read: one part gives the result if they lie in it
    Whole,     ///< cannot be split
  };
  int64_t size = 1;
  Kind kind = Kind::Parallel;
  Combine combine = Combine::sum;
  int64_t first = 0, last = 0;

  /// The part that has the window when there are so many parts, or -1 when it is in several.
  int64_t partOfWindow(int64_t parts) const {
    int64_t rows = size / parts;
    return first / rows == last / rows ? first / rows : -1;
  }
};

/// Which dimensions of an op's operands and results belong together. A dimension consists of factors, the
/// major one first (none: it cannot be split); a reduction's factors are in no result.
struct ShardingRule {
  using TensorFactors = llvm::SmallVector<llvm::SmallVector<int, 1>, 4>;
  llvm::SmallVector<Factor> factors;
  llvm::SmallVector<TensorFactors> operands, results;

  int add(int64_t size, Factor::Kind kind = Factor::Kind::Parallel, Combine combine = Combine::sum) {
    factors.push_back({size, kind, combine});
    return factors.size() - 1;
  }
  bool hasReduction() const {
    return llvm::any_of(factors, [](const Factor &f) { return f.kind == Factor::Kind::Reduction; });
  }
};

/// Where an op's operands and results lie, for building its local form.
struct Placement {
  MeshAttr mesh;
  llvm::SmallVector<Sharding> operands, results;

  mlir::RankedTensorType localResultType(mlir::Operation *op, unsigned result) const {
    return localType(op->getResult(result).getType(), results[result], mesh);
  }
};

} // namespace weft::dist

#endif // WEFT_DIALECT_DIST_SHARDINGRULE_H
