// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one symbol of libWeftGrpc.so.
#ifndef WEFT_LIB_DISTRIBUTED_GRPCMODULE_H
#define WEFT_LIB_DISTRIBUTED_GRPCMODULE_H

#include "weft/Distributed/Rpc.h"

namespace weft::distributed {

constexpr const char *grpcModuleName = "libWeftGrpc.so", *grpcModuleSymbol = "weftGrpcLibrary";
/// Raised whenever what crosses changes (Rpc.h, Transport.h, Frame.h, Status.h).
constexpr uint32_t grpcModuleVersion = 3;
/// Null for another version.
using GrpcModuleFunction = const GrpcLibrary *(*)(uint32_t version);

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_GRPCMODULE_H
