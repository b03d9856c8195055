// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How weft.print shows a tensor.
#ifndef WEFT_LIB_REFERENCE_PRINTTENSOR_H
#define WEFT_LIB_REFERENCE_PRINTTENSOR_H

#include "weft/Support/HostTensor.h"
#include "llvm/Support/raw_ostream.h"

namespace weft::reference {

/// "f32[2x2] [[1, 2.5], [nan, -inf]]". Of long dimensions of large tensors only the ends are shown.
void printTensor(llvm::raw_ostream &out, const HostTensor &x);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_PRINTTENSOR_H
