// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Propagation as a function, for those who try a sharding before they take it.
#ifndef WEFT_LIB_PARTITION_PROPAGATION_H
#define WEFT_LIB_PARTITION_PROPAGATION_H

#include "Factors.h"
#include "Places.h"

namespace weft::dist {

/// Gives each reader of a constant a constant of its own: it lies wherever that reader wants it.
void separateConstants(Graph &graph);

/// Carries shardings from op to op; keeps the rules of the graph's ops, so that it can be run again.
class Propagator {
public:
  explicit Propagator(Graph graph);
  /// Places with all that follows from them.
  Places run(Places seed);

  using Rules = std::vector<std::pair<mlir::Operation *, ShardingRule>>;
  const Rules &getRules() const { return rules; }

private:
  Graph graph;
  Rules rules;
};

/// How the factors of an op are split under these places.
FactorAxes factorsOf(mlir::Operation *op, const ShardingRule &rule, Places &places, MeshAttr mesh);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_PROPAGATION_H
