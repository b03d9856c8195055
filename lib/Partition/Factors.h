// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Over which axes the factors of one op are split, given where its operands and results lie.
#ifndef WEFT_LIB_PARTITION_FACTORS_H
#define WEFT_LIB_PARTITION_FACTORS_H

#include "weft/Dialect/Dist/DistDialect.h"

namespace weft::dist {

/// Per factor of a rule the axes it is split over.
using FactorAxes = llvm::SmallVector<Axes>;

/// An operand or result while an op is decided.
struct TensorPlace {
  mlir::Type type;
  Sharding sharding;
  bool isFree = false;  ///< an operand that costs nothing to have anywhere: a constant
  bool isWanted = true; ///< a result whose place matters: not only what propagation found so far
};

/// The split of an op's factors that its operands and results suggest. Where suggestions exclude each other,
/// the split that makes workers send the fewest bytes.
FactorAxes chooseFactors(const ShardingRule &rule, llvm::ArrayRef<TensorPlace> operands,
                         llvm::ArrayRef<TensorPlace> results, MeshAttr mesh);

/// Where an operand or result lies when the factors are split so.
Sharding placeOf(const ShardingRule::TensorFactors &tensor, const ShardingRule &rule,
                 const FactorAxes &factors);
/// A result's place: as above, partial over the axes of reductions, held by one worker over those of windows.
Sharding producedPlace(const ShardingRule::TensorFactors &tensor, const ShardingRule &rule,
                       const FactorAxes &factors, MeshAttr mesh);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_FACTORS_H
