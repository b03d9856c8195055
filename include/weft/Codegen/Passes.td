// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from graphs to kernels.
#ifndef WEFT_CODEGEN_PASSES_TD
#define WEFT_CODEGEN_PASSES_TD
include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"weft-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Groups ops into kernels and moves each group into a host.kernel";
  let description = [{
    A kernel is one root (a contraction, a convolution, a reduction, ...) with the elementwise ops before it (its
    prologue; contractions have none, they read operands many times) and after it (its epilogue, of the root's shape), or a group
    of elementwise ops. Sorting and selection become host.call. Reshapes stay in the function: they are views.

    Except for GPUs, attention reads rows of transposed operands and slices of heads where they lie, and writes a
    result that is transposed next where it is wanted.

    Elementwise ops that several kernels read are computed again in each of them where that takes less time than storing
    what they compute, by an estimate from bytes and operations (lib/Codegen/FusionCost.h); what would be computed for each
    element that it is stretched to stays out by the same estimate. The location of a launch holds the numbers.

    Before: `%0 = weft.sub %x, %m ...; %1 = weft.reduce add %0 ...; %2 = weft.reduce max %0 ...`
    After: `%1 = host.launch @sub_reduce(%x, %m); %2 = host.launch @sub_reduce_0(%x, %m)`

    An assertion that names what it found is a kernel without results, fused with what leads to its predicate; with
    `checks` false (kernels have no way to fail) it is a predicate that the host looks at, like any other assertion.

    Before: `%0 = weft.conv %x, %w ...; %1 = weft.add %0, %b ...; %2 = weft.relu %1 ...`
    After: `%0 = host.launch @conv_add_relu(%x, %w, %b) ...`
  }];
  let options = [
    Option<"checks", "checks", "bool", "true", "whether kernels may fail">,
    Option<"gpu", "gpu", "bool", "false", "whether a GPU's rates decide what is stored, and attention's operands are moved in front of it">,
    Option<"lanes", "lanes", "int64_t", "8", "elements of f32 in a vector of the CPU">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "512 << 10", "of a core's second cache">,
    Option<"l3Bytes", "l3-bytes", "int64_t", "16 << 20", "of the last cache">,
  ];
  let dependentDialects = ["::weft::host::HostDialect"];
}

def OutlineCallsPass : Pass<"weft-outline-calls", "::mlir::ModuleOp"> {
  let summary = "Makes kernels of calls that GPUs have kernels for";
  let description = [{
    Sorting, selection and factorisation are functions of the runtime on a CPU. On a GPU each is a kernel, or several: a
    long sort is one that sorts runs, then one launch for each time that runs are merged, then one that moves the
    operands; non_zero counts, then writes. A kernel holds the call that it stands for. Factorisations get a result in
    f64 to work in. What has no kernel (types of less than a byte, functions of others) stays a call.

    Before: `%0 = host.call "sort"(%x) {...}`
    After: `%0 = host.launch @sort(%x)`, and `host.kernel @sort` with the call in it
  }];
  let dependentDialects = ["::weft::host::HostDialect"];
}

def MarkInPlacePass : Pass<"weft-mark-in-place", "::mlir::ModuleOp"> {
  let summary = "Lets elementwise kernels write over an operand that dies";
  let description = [{
    A launch whose operand is temporary memory of the result's type, read by nobody after it, gives its result the
    operand's place; the kernel has one pointer for both.

    Before: `%1 = host.launch @exp(%0)`
    After: `%1 = host.launch @exp(%0) {host.in_place = 0 : i64}`, and the same attribute on the kernel
  }];
  let dependentDialects = ["::weft::host::HostDialect"];
}

def MarkStreamedPass : Pass<"weft-mark-streamed", "::mlir::ModuleOp"> {
  let summary = "Marks kernels whose result the program does not read again";
  let description = [{
    What is only returned need not pass through the caches on its way to memory: a kernel of a result that is larger than
    they are stores it without reading its lines first.

    Before: `%1 = host.launch @softmax(%0)`, `return %1`, and `host.kernel @softmax(...)`
    After: the same, and `host.kernel @softmax(...) attributes {host.streamed}`
  }];
  let dependentDialects = ["::weft::host::HostDialect"];
}

def PackOperandsPass : Pass<"weft-pack-operands", "::mlir::ModuleOp"> {
  let summary = "Packs the right operand of large matrix products once, in a launch of its own";
  let description = [{
    The CPU's products read B in panels of a few vectors: [panels][K][width]. A B that is not constant gets that order by a
    launch before the product, whose kernel takes the panels and says what matrix they are. N is a multiple of the width,
    all extents are known, and A has many rows.

    Before: `%2 = host.launch @dot_general(%0, %1) : (tensor<1024x512xf32>, tensor<512x256xf32>) -> tensor<1024x256xf32>`
    After: `%s = weft.reshape %1 sizes [512, 8, 32]`, `%p = host.launch @pack(%s) : (tensor<512x8x32xf32>) ->
    tensor<8x512x32xf32>`, then `host.launch @dot_general(%0, %p)`, whose kernel begins with a transposition and a reshape back
    to [512, 256]
  }];
  let options = [Option<"width", "width", "int64_t", "0", "Columns of a panel; 0: nothing is packed">];
  let dependentDialects = ["::weft::host::HostDialect", "::weft::ir::WeftDialect"];
}

def DeduplicateKernelsPass : Pass<"weft-deduplicate-kernels", "::mlir::ModuleOp"> {
  let summary = "Makes equal kernels one";
  let description = [{
    Kernels whose text is equal but for names and locations compute the same: all launches name the first. Twelve equal
    layers compile once.
  }];
  let dependentDialects = ["::weft::host::HostDialect"];
}

def EmulateNvvmPass : Pass<"weft-emulate-nvvm", "::mlir::ModuleOp"> {
  let summary = "Turns GPU kernels of the nvvm dialect into host code that runs one GPU thread of them";
  let description = [{
    What is not plain arithmetic becomes calls of the emulator's table of functions (Program/EmulatorAbi.h), which
    comes as a hidden first argument. Each kernel gets two bodies, one that asks before every access to memory
    and one that does not, and an entry `NAME(emulator, params)` that takes the one wanted; NAME.info describes
    it. An op without emulation is an error.

    Before: `nvvm.barrier0`
    After: `llvm.call %f(%emulator, %id, %count, %site) : !llvm.ptr, (!llvm.ptr, i32, i32, !llvm.ptr) -> ()`
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ExpandExchangesPass : Pass<"tile-expand-exchanges", "::mlir::func::FuncOp"> {
  let summary = "reductions over warps and changes of layout go through shared memory";
  let description = [{
    Before:
    ```mlir
    %1 = tile.reduce %0 axis 1 : (tensor<1x256xf32, #l>) -> tensor<1xf32, #tile.slice<1, #l>> { ... }
    ```
    After:
    ```mlir
    %s = tile.alloc_shared : !tile.shared<1x8xf32, #tile.swizzled<vector 1, phases 1>>
    tile.store_partials %0, %s axis 1 { ... }
    %1 = tile.combine_partials %s { ... }
    ```
  }];
  let dependentDialects = ["::weft::tile::TileDialect"];
}

def PipelineCopiesPass : Pass<"tile-pipeline-copies", "::mlir::func::FuncOp"> {
  let summary = "copies into shared memory run ahead of the steps that use them";
  let description = [{
    For loops from 0 by 1 that carry `tile.stages = n`. Each buffer that they copy into becomes a ring of n; the copies of a
    step begin n - 1 steps before it, those of the first steps before the loop. Each step's copies are a group, so that a step
    can wait for its own and leave n - 2 under way. After copies outside such loops stands a wait for them.

    Before:
    ```mlir
    scf.for %i = %c0 to %n step %c1 {
      %o = ... %i
      tile.async_copy %x[%o] to %s
      ... tile.local_load %s
    } {tile.stages = 3}
    ```
    After:
    ```mlir
    ... copies of steps 0 and 1, each a group
    scf.for %i = %c0 to %n step %c1 {
      tile.async_wait 1
      scf.if ... {
        %o = ... %i + 2
        %f = tile.slot %ring[%i] {ahead = 2}
        tile.async_copy %x[%o] to %f
      }
      tile.async_commit
      %u = tile.slot %ring[%i]
      ... tile.local_load %u
    }
    ```
  }];
  let dependentDialects = ["::weft::tile::TileDialect"];
}

def InsertBarriersPass : Pass<"tile-insert-barriers", "::mlir::func::FuncOp"> {
  let summary = "threads wait before they touch shared memory that others may be using";
  let description = [{
    A barrier stands before an op that reads a buffer written since the last barrier, or writes one read or written since
    then; around loops too, and before an `scf.if` rather than in it. What copies write counts from the wait for them on; slots
    of a ring are told apart by their step. Where `tile.warpgroup_mma` reads, the barrier comes after a wait for those under
    way and after a fence for what threads wrote; a wait also stands before the first use of their results.

    Before:
    ```mlir
    tile.local_store %0, %s
    %1 = tile.local_load %s
    ```
    After:
    ```mlir
    tile.local_store %0, %s
    tile.barrier
    %1 = tile.local_load %s
    ```
  }];
  let dependentDialects = ["::weft::tile::TileDialect"];
}

#endif // WEFT_CODEGEN_PASSES_TD
