// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a launch costs, as expressions over the program's symbols.
#ifndef WEFT_LIB_CODEGEN_HOST_LAUNCHCOST_H
#define WEFT_LIB_CODEGEN_HOST_LAUNCHCOST_H

#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/Dims.h"
#include "weft/Program/Program.h"

namespace weft {

/// Sums up the ops of a kernel. Extents become expressions by `exprOf`, noId for those that nothing names.
class LaunchCost {
public:
  using ExprOf = llvm::function_ref<program::ExprId(const ir::Dim &)>;
  LaunchCost(host::KernelOp kernel, program::ExprTable &exprs, ExprOf exprOf)
      : kernel(kernel), exprs(exprs), exprOf(exprOf) {}

  /// Operations of arithmetic; noId when an extent is not known.
  program::ExprId flops();
  /// Bytes of operand `number`, or of result `number - operands`, that the kernel touches, of the `size` it
  /// has.
  program::ExprId bytes(unsigned number, program::ExprId size);

private:
  program::ExprId product(int64_t factor, llvm::ArrayRef<ir::Dim> extents);
  program::ExprId sizeOf(mlir::Value value);

  host::KernelOp kernel;
  program::ExprTable &exprs;
  ExprOf exprOf;
};

} // namespace weft

#endif // WEFT_LIB_CODEGEN_HOST_LAUNCHCOST_H
