// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All families of the weft dialect, for those who walk whole graphs.
#ifndef WEFT_DIALECT_WEFT_WEFTOPS_H
#define WEFT_DIALECT_WEFT_WEFTOPS_H

#include "weft/Dialect/Weft/AttentionOps.h"
#include "weft/Dialect/Weft/ContractOps.h"
#include "weft/Dialect/Weft/ControlOps.h"
#include "weft/Dialect/Weft/ConvOps.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "weft/Dialect/Weft/IndexOps.h"
#include "weft/Dialect/Weft/NormOps.h"
#include "weft/Dialect/Weft/PoolOps.h"
#include "weft/Dialect/Weft/QuantOps.h"
#include "weft/Dialect/Weft/RandomOps.h"
#include "weft/Dialect/Weft/ReduceOps.h"
#include "weft/Dialect/Weft/ShapeOps.h"
#include "weft/Dialect/Weft/StateOps.h"

#endif // WEFT_DIALECT_WEFT_WEFTOPS_H
