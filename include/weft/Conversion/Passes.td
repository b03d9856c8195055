// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of the Conversion room.
#ifndef WEFT_CONVERSION_PASSES_TD
#define WEFT_CONVERSION_PASSES_TD
include "mlir/Pass/PassBase.td"

def ConvertWeftToLinalgPass : Pass<"convert-weft-to-linalg"> {
  let summary = "weft ops on tensors become linalg, tensor, arith and math";
  let description = [{
    Every function of the operation it runs on is converted, arguments and results included. Unsigned integers become
    signless, booleans one byte each; #weft.dims encodings are dropped and none is left.

    Before:
    ```mlir
    func.func @k(%x: tensor<4x8xf32>, %b: tensor<1x8xf32>) -> tensor<4x8xf32> {
      %0 = weft.add %x, %b : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
    After:
    ```mlir
    func.func @k(%x: tensor<4x8xf32>, %b: tensor<1x8xf32>) -> tensor<4x8xf32> {
      %c = tensor.collapse_shape %b [[0, 1]] : tensor<1x8xf32> into tensor<8xf32>
      %e = tensor.empty() : tensor<4x8xf32>
      %0 = linalg.generic {indexing_maps = [(d0, d1) -> (d0, d1), (d0, d1) -> (d1), (d0, d1) -> (d0, d1)], ...}
             ins(%x, %c) outs(%e) { arith.addf }
      return %0 : tensor<4x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

def LowerTensorKernelsPass : Pass<"weft-lower-tensor-kernels", "::mlir::ModuleOp"> {
  let summary = "functions of linalg on tensors become loops over buffers, cut into chunks";
  let description = [{
    Each function becomes `@NAME(operands..., results..., scratch, lo, hi)` over memrefs that runs the chunks
    [lo, hi) of its outermost loop. Values are computed where they are used: only results, reductions and costly
    values with several users are stored. The attribute `weft.chunks` holds the number of chunks, or where to find it.

    Before:
    ```mlir
    func.func @k(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { /* linalg.generic: math.exp */ }
    ```
    After:
    ```mlir
    func.func @k(%x: memref<4x8xf32>, %y: memref<4x8xf32>, %scratch: memref<?xi8>, %lo: index, %hi: index) {
      scf.for ... { memref.load, math.exp, memref.store }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

def ConvertLinalgToTilePass : Pass<"convert-linalg-to-tile", "::mlir::ModuleOp"> {
  let summary = "functions of linalg on tensors become kernels of tiles for a GPU";
  let description = [{
    Each function becomes `@NAME(operands..., results..., extents...)` over memrefs, run by every block of a grid; the
    attribute `tile.threads` holds the threads of a block. Values are computed where they are used, as for loops.

    Before:
    ```mlir
    func.func @k(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { /* linalg.generic: math.exp */ }
    ```
    After:
    ```mlir
    func.func @k(%x: memref<4x8xf32>, %y: memref<4x8xf32>) attributes {tile.threads = 32 : i64} {
      %0 = tile.program_id ...
      tile.load ..., math.exp, tile.store
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::weft::tile::TileDialect"];
}

def ConvertTileToNvvmPass : Pass<"convert-tile-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "tiles become the registers of one thread";
  let description = [{
    Arithmetic is written for each register, loads and stores become LLVM's (up to 128 bits at once), exchanges between
    threads NVVM's ops. Reductions over several warps must have been expanded by `--tile-expand-exchanges`.

    Before:
    ```mlir
    #l = #tile.blocked<per_thread [2], lanes [32], warps [1], order [0]>
    %0 = arith.addf %a, %b : tensor<64xf32, #l>
    ```
    After:
    ```mlir
    %0 = arith.addf %a0, %b0 : f32
    %1 = arith.addf %a1, %b1 : f32
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // WEFT_CONVERSION_PASSES_TD
