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
  Axes partial;
  Combine combine = Combine::sum;

  static Sharding whole(int64_t rank) { return {llvm::SmallVector<Axes, 4>(rank), {}, Combine::sum}; }
  static Sharding get(ShardingAttr attr, MeshAttr mesh);
  ShardingAttr toAttr(MeshAttr mesh) const;

  bool isWhole() const;
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
    Whole,     ///< cannot be split
  };
  int64_t size = 1;
  Kind kind = Kind::Parallel;
  Combine combine = Combine::sum;
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
