// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a kernel as a GPU would, on the emulator.
#ifndef WEFT_TEST_UNIT_CONVERSION_EMULATED_H
#define WEFT_TEST_UNIT_CONVERSION_EMULATED_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "weft/Runtime/Emulator/Emulator.h"
#include "weft/Support/HostTensor.h"

namespace weft::test {

/// Compiles @k of `module` for a GPU and runs it under the emulator's checks; the results are like `results`
/// in type and shape. Errors of the compiler are diagnostics.
Result<std::vector<HostTensor>> runEmulated(mlir::OwningOpRef<mlir::ModuleOp> module,
                                            const std::vector<HostTensor> &inputs,
                                            const std::vector<HostTensor> &results,
                                            const runtime::emulator::EmulatorOptions &options = {});

} // namespace weft::test

#endif // WEFT_TEST_UNIT_CONVERSION_EMULATED_H
