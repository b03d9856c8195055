// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Quant family of the weft dialect; see QuantOps.td.
#ifndef WEFT_DIALECT_WEFT_QUANTOPS_H
#define WEFT_DIALECT_WEFT_QUANTOPS_H

#include "weft/Dialect/Weft/WeftDialect.h"

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/QuantOps.h.inc"

#endif // WEFT_DIALECT_WEFT_QUANTOPS_H
