// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft-opt: runs passes of Weft and of MLIR over .mlir files, for tests and compiler engineers.
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "weft/Pipeline/Register.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  weft::registerWeftDialects(registry);
  weft::registerWeftPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Weft's pass driver\n", registry));
}
