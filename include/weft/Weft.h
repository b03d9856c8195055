// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weft's public C++ API: build a graph or name a model file, compile it, run it. No MLIR, gRPC or CUDA behind
// it. Errors are Status and Result values; nothing throws.
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/Api/Compile.h"
#include "weft/Api/Graph.h"
#include "weft/Runtime/Executable.h"
#include "weft/Runtime/Session.h"
#include "weft/Support/DType.h"
#include "weft/Support/HostTensor.h"
#include "weft/Support/Status.h"

namespace weft {

/// A loaded program: immutable, shared by any number of sessions and threads.
using runtime::Executable;
/// One caller's way to run an Executable: one run at a time; make one per thread.
using runtime::Session;
using runtime::SessionOptions;

} // namespace weft

#endif // WEFT_WEFT_H
