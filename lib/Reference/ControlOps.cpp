// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The identities among the control ops. Ops with regions or effects belong to the interpreter.
#include "weft/Dialect/Weft/ControlOps.h"
#include "Evaluate.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static FailureOr<Tensors> evaluateIdentity(Operation *, ArrayRef<HostTensor> operands) {
  return Tensors(operands);
}

void reference::attachControlOps(MLIRContext &context) {
  attach<ir::BarrierOp, evaluateIdentity>(context);
  attach<ir::StopGradientOp, evaluateIdentity>(context);
}
