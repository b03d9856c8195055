// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What there is to tell of a partition, collected once for text and picture.
#ifndef WEFT_LIB_PARTITION_SUMMARY_H
#define WEFT_LIB_PARTITION_SUMMARY_H

#include "Cost.h"

namespace weft::dist {

/// One communication of a role.
struct TransferSummary {
  int64_t channel, bytes;
  std::string what;  ///< "all_reduce sum over model"
  std::string value; ///< "4x16xf32"
  std::string reason, location;
  int64_t peer = -1; ///< the other stage of a send or receive
  bool isReceive = false;
  size_t opsBefore = 0; ///< it starts after so many of the role's ops
};

struct RoleSummary {
  std::string name;
  int64_t stage, firstRank, numRanks, numOps = 0;
  Cost cost;
  std::vector<std::string> inputs, outputs; ///< "x: 8x16xf32 [data, _], a part 4x16xf32"
  std::vector<std::string> ops;             ///< "relu 'act1': 4x32xf32 -> 4x32xf32", on parts, in their order
  std::vector<TransferSummary> transfers;

  /// Bytes that one rank sends in one step.
  int64_t bytesSent() const;
};

struct PartitionSummary {
  std::string mesh; ///< "data 2 x model 2"
  int64_t numRanks;
  std::vector<std::string> choices;
  std::vector<std::string> wholeOps; ///< without a sharding rule: each rank runs all of them
  std::vector<RoleSummary> roles;
};

PartitionSummary summarize(mlir::ModuleOp graph, mlir::ModuleOp roles);
/// "512 B", "1.5 KiB", "3.2 MiB".
std::string bytesText(double bytes);
/// "1.2 Mflop".
std::string flopsText(double flops);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_SUMMARY_H
