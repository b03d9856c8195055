// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what every tool of the compiler half needs; see Register.h.
#include "weft/Pipeline/Register.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Codegen/Passes.h"
#include "weft/Conversion/Passes.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Tile/TileDialect.h"
#include "weft/Dialect/Weft/WeftDialect.h"
#include "weft/Partition/Partition.h"
#include "weft/Partition/Passes.h"
#include "weft/Reference/Reference.h"
#include "weft/Transforms/Decompose.h"
#include "weft/Transforms/Passes.h"

void weft::registerWeftDialects(mlir::DialectRegistry &registry) {
  registry.insert<ir::WeftDialect, host::HostDialect, dist::DistDialect, tile::TileDialect,
                  mlir::func::FuncDialect>();
  // What kernels are lowered through. Threads that compile kernels must find all of them loaded.
  registry.insert<mlir::arith::ArithDialect, mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect, mlir::tensor::TensorDialect,
                  mlir::vector::VectorDialect>();
  reference::registerReferenceModels(registry);
  registerDecompositions(registry);
  dist::registerShardingRules(registry);
  cpu::registerCpuCodegen(registry);
  gpu::registerGpuCodegen(registry);
}

void weft::registerWeftPasses() {
  registerWeftTransformsPasses();
  registerWeftDecomposePasses();
  dist::registerWeftPartitionPasses();
  registerWeftCodegenPasses();
  registerWeftConversionPasses();
}
