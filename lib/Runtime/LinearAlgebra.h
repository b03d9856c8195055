// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host functions that factor matrices and solve triangular systems; HostFunctions.h says what each takes.
#ifndef WEFT_LIB_RUNTIME_LINEARALGEBRA_H
#define WEFT_LIB_RUNTIME_LINEARALGEBRA_H

#include "weft/Runtime/HostFunctions.h"

namespace weft::runtime {

Status cholesky(std::span<const HostBuffer> args, const HostAttributes &attributes);
Status triangularSolve(std::span<const HostBuffer> args, const HostAttributes &attributes);
Status lu(std::span<const HostBuffer> args, const HostAttributes &attributes);

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_LINEARALGEBRA_H
