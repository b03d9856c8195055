// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel to compile, with what is known of its operands at all launches.
#ifndef WEFT_LIB_PIPELINE_KERNELJOB_H
#define WEFT_LIB_PIPELINE_KERNELJOB_H

#include "weft/Pipeline/CompileKernel.h"

namespace weft {

struct KernelJob {
  host::KernelOp kernel;
  KernelOperands operands; ///< what is known of them at all launches
  int64_t weight = 0;      ///< of compiling it
  int64_t launches = 0;    ///< in the program's text
};

} // namespace weft

#endif // WEFT_LIB_PIPELINE_KERNELJOB_H
