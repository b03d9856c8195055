// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Attention family of the weft dialect; see AttentionOps.td.
#ifndef WEFT_DIALECT_WEFT_ATTENTIONOPS_H
#define WEFT_DIALECT_WEFT_ATTENTIONOPS_H

#include "weft/Dialect/Weft/WeftDialect.h"

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/AttentionOps.h.inc"

#endif // WEFT_DIALECT_WEFT_ATTENTIONOPS_H
