// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Conv family of the weft dialect; see ConvOps.td.
#ifndef WEFT_DIALECT_WEFT_CONVOPS_H
#define WEFT_DIALECT_WEFT_CONVOPS_H

#include "weft/Dialect/Weft/WeftDialect.h"

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ConvOps.h.inc"

#endif // WEFT_DIALECT_WEFT_CONVOPS_H
