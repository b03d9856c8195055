// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door of the Partition room beside its passes: what it knows of each op.
#ifndef WEFT_PARTITION_PARTITION_H
#define WEFT_PARTITION_PARTITION_H

#include "mlir/IR/DialectRegistry.h"

namespace weft::dist {

/// Attaches ShardingOpInterface to the ops of the weft dialect that can be split.
void registerShardingRules(mlir::DialectRegistry &registry);

} // namespace weft::dist

#endif // WEFT_PARTITION_PARTITION_H
