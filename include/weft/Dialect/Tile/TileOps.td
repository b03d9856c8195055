// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops of the tile dialect.
#ifndef WEFT_DIALECT_TILE_TILEOPS_TD
#define WEFT_DIALECT_TILE_TILEOPS_TD
include "weft/Dialect/Tile/TileBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_Tile : Type<CPred<"::weft::tile::isTile($_self)">, "a tile: a static tensor with a layout", "::mlir::RankedTensorType">;
def Tile_IndexOrTile : Type<CPred<"::mlir::getElementTypeOrSelf($_self).isIndex() && "
                                  "($_self.isIndex() || ::weft::tile::isTile($_self))">, "an index or a tile of them">;
def Tile_MaskOrTile : Type<CPred<"::mlir::getElementTypeOrSelf($_self).isInteger(1) && "
                                 "($_self.isInteger(1) || ::weft::tile::isTile($_self))">, "an i1 or a tile of them">;

//===-- Where a block is -------------------------------------------------------------------------------------===//

def Tile_ProgramIdOp : Tile_Op<"program_id", [Pure]> {
  let summary = "the number of this block in the grid";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getIndexType()); }]>];
}

def Tile_NumProgramsOp : Tile_Op<"num_programs", [Pure]> {
  let summary = "how many blocks the grid has";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getIndexType()); }]>];
}

//===-- Tiles from scalars and smaller tiles -----------------------------------------------------------------===//

def Tile_RangeOp : Tile_Op<"range", [Pure]> {
  let summary = "0, 1, 2, ... along a tile of rank 1";
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_SplatOp : Tile_Op<"splat", [Pure, TypesMatchWith<"the tile's elements", "result", "value",
    "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()">]> {
  let summary = "a tile whose elements are all this scalar";
  let arguments = (ins AnyType:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeats a sliced tile along the dimension that its layout leaves out";
  let arguments = (ins Tile_Tile:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ConvertLayoutOp : Tile_Op<"convert_layout", [Pure]> {
  let summary = "the same elements in another layout";
  let description = [{
    By way of shared memory, which `--tile-expand-exchanges` writes out; where every thread holds the same elements in both
    layouts, as of accumulators and the left factor of the next product, in registers alone.
  }];
  let arguments = (ins Tile_Tile:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

//===-- Global memory ----------------------------------------------------------------------------------------===//

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "loads elements of a buffer";
  let description = [{
    `offset` counts elements from the buffer's start in row-major order. Where `mask` is false nothing is read and the
    element is `other`, or anything. `contiguous = n` promises that along the last dimension groups of n elements lie
    side by side from an offset that n divides, and have one mask: they are loaded together, up to 128 bits at once.
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Tile_IndexOrTile:$offset, Optional<Tile_MaskOrTile>:$mask,
                       Optional<AnyType>:$other, DefaultValuedAttr<I64Attr, "1">:$contiguous);
  let results = (outs AnyType:$result);
  let assemblyFormat = [{
    $buffer `[` $offset `]` (`mask` $mask^)? (`else` $other^)? attr-dict `:` type($buffer) `,` type($offset)
    (`,` type($mask)^)? `->` type($result) (`else` type($other)^)?
  }];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store"> {
  let summary = "stores elements into a buffer";
  let description = [{
    As tile.load; an element that several threads hold is stored by the first of them.
  }];
  let arguments = (ins AnyType:$value, Arg<AnyMemRef, "", [MemWrite]>:$buffer, Tile_IndexOrTile:$offset, Optional<Tile_MaskOrTile>:$mask,
                       DefaultValuedAttr<I64Attr, "1">:$contiguous);
  let assemblyFormat = [{
    $value `,` $buffer `[` $offset `]` (`mask` $mask^)? attr-dict `:` type($value) `,` type($buffer) `,` type($offset)
    (`,` type($mask)^)?
  }];
  let hasVerifier = 1;
}

//===-- Private and shared memory ----------------------------------------------------------------------------===//

def Tile_AllocPrivateOp : Tile_Op<"alloc_private"> {
  let summary = "slots of this thread alone";
  let results = (outs Res<Tile_PrivateType, "", [MemAlloc]>:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Tile_PrivateLoadOp : Tile_Op<"private_load", [TypesMatchWith<"the tile of the buffer", "buffer", "result",
    "::llvm::cast<::weft::tile::PrivateType>($_self).getTile()">]> {
  let summary = "loads a tile from slot `index` of each element";
  let arguments = (ins Arg<Tile_PrivateType, "", [MemRead]>:$buffer, Tile_IndexOrTile:$index);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$buffer `[` $index `]` attr-dict `:` type($buffer) `,` type($index)";
}

def Tile_PrivateStoreOp : Tile_Op<"private_store", [TypesMatchWith<"the tile of the buffer", "buffer", "value",
    "::llvm::cast<::weft::tile::PrivateType>($_self).getTile()">]> {
  let summary = "stores a tile into slot `index` of each element";
  let arguments = (ins Tile_Tile:$value, Arg<Tile_PrivateType, "", [MemWrite]>:$buffer, Tile_IndexOrTile:$index);
  let assemblyFormat = "$value `,` $buffer `[` $index `]` attr-dict `:` type($buffer) `,` type($index)";
}

def Tile_AllocSharedOp : Tile_Op<"alloc_shared"> {
  let summary = "a buffer in the shared memory of the block";
  let results = (outs Res<Tile_SharedType, "", [MemAlloc]>:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Tile_LocalStoreOp : Tile_Op<"local_store"> {
  let summary = "stores a tile into shared memory";
  let description = [{
    The tile lies at row `row` of the buffer, or at its start. `transposed`: element [i, j] of the tile is [j, i] of the
    buffer.
  }];
  let arguments = (ins Tile_Tile:$value, Arg<Tile_SharedType, "", [MemWrite]>:$buffer, Optional<Index>:$row,
                       UnitAttr:$transposed);
  let assemblyFormat = [{
    $value `,` $buffer (`row` $row^)? (`transposed` $transposed^)? attr-dict `:` type($value) `,` type($buffer)
  }];
  let hasVerifier = 1;
}

def Tile_LocalLoadOp : Tile_Op<"local_load"> {
  let summary = "loads a tile from shared memory";
  let description = [{
    As tile.local_store. `at`: which element of the buffer is the tile's first. A factor of a matrix instruction is loaded by
    ldmatrix.
  }];
  let arguments = (ins Arg<Tile_SharedType, "", [MemRead]>:$buffer, Optional<Index>:$row, UnitAttr:$transposed,
                       OptionalAttr<DenseI64ArrayAttr>:$at);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $buffer (`row` $row^)? (`at` $at^)? (`transposed` $transposed^)? attr-dict `:` type($buffer) `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$buffer, "::mlir::Value":$row, "bool":$transposed),
    [{ build($_builder, $_state, result, buffer, row, transposed, ::mlir::DenseI64ArrayAttr()); }]>];
  let hasVerifier = 1;
}

def Tile_SlotOp : Tile_Op<"slot", [Pure]> {
  let summary = "the buffer of a ring that belongs to a step of a loop";
  let description = [{
    `tile.slot %ring[%step] {ahead = 3}` is number `step + ahead` of the ring, counted around: what step `%step` may fill for the
    third step after it. Slots of one step that are not a whole turn apart are different memory, which is how
    `--tile-insert-barriers` knows what may be touched at one time.
  }];
  let arguments = (ins Tile_SharedType:$ring, Index:$step, DefaultValuedAttr<I64Attr, "0">:$ahead);
  let results = (outs Tile_SharedType:$result);
  let assemblyFormat = "$ring `[` $step `]` attr-dict `:` type($ring) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_AsyncCopyOp : Tile_Op<"async_copy"> {
  let summary = "begins to copy a tile of a buffer into shared memory";
  let description = [{
    The tile's elements are those of tile.load; where `mask` is false zeros are written. In a loop that carries `tile.stages = n`
    the copy is as good as done when the op is: `--tile-pipeline-copies` moves it ahead of its use, and adds the waits.
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$source, Tile_Tile:$offset, Optional<Tile_Tile>:$mask,
                       Arg<Tile_SharedType, "", [MemWrite]>:$target, DefaultValuedAttr<I64Attr, "1">:$contiguous);
  let assemblyFormat = [{
    $source `[` $offset `]` (`mask` $mask^)? `to` $target attr-dict `:` type($source) `,` type($offset) (`,` type($mask)^)?
    `to` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_AsyncCommitOp : Tile_Op<"async_commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "ends a group of copies; inserted by --tile-pipeline-copies";
  let assemblyFormat = "attr-dict";
}

def Tile_AsyncWaitOp : Tile_Op<"async_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for this thread's copies, but for the last `pending` groups; inserted by --tile-pipeline-copies";
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
}

def Tile_ProxyFenceOp : Tile_Op<"proxy_fence", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes what this thread wrote known to tile.warpgroup_mma; inserted by --tile-insert-barriers";
  let assemblyFormat = "attr-dict";
}

def Tile_WarpgroupWaitOp : Tile_Op<"warpgroup_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for all products of the warpgroup; inserted by --tile-insert-barriers";
  let assemblyFormat = "attr-dict";
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for all threads of the block; inserted by --tile-insert-barriers";
  let assemblyFormat = "attr-dict";
}

//===-- Computing --------------------------------------------------------------------------------------------===//

def Tile_ReduceOp : Tile_Op<"reduce", [Pure, SingleBlock]> {
  let summary = "combines the elements along a dimension";
  let description = [{
    The region combines two groups of scalars, one per operand; it is associative and commutative. Registers are combined
    first, then lanes by shuffles; warps by way of shared memory, which `--tile-expand-exchanges` writes out.
  }];
  let arguments = (ins Variadic<Tile_Tile>:$inputs, I64Attr:$axis);
  let results = (outs Variadic<Tile_Tile>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` functional-type($inputs, $results) $combiner";
  let hasVerifier = 1;
}

def Tile_StorePartialsOp : Tile_Op<"store_partials", [SingleBlock, SameVariadicOperandSize]> {
  let summary = "combines along a dimension inside each warp and stores what each warp has";
  let description = [{
    `scratch` has a row for each element of the reduced tile, and in it an element for each warp along the dimension. Made
    from tile.reduce by `--tile-expand-exchanges`.
  }];
  let arguments = (ins Variadic<Tile_Tile>:$inputs, Arg<Variadic<Tile_SharedType>, "", [MemWrite]>:$scratch, I64Attr:$axis);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = [{
    $inputs `,` $scratch `axis` $axis attr-dict `:` type($inputs) `,` type($scratch) $combiner
  }];
}

def Tile_CombinePartialsOp : Tile_Op<"combine_partials", [SingleBlock]> {
  let summary = "combines what warps stored by tile.store_partials";
  let arguments = (ins Arg<Variadic<Tile_SharedType>, "", [MemRead]>:$scratch);
  let results = (outs Variadic<Tile_Tile>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = "$scratch attr-dict `:` functional-type($scratch, $results) $combiner";
}

def Tile_MapOp : Tile_Op<"map", [Pure, SingleBlock]> {
  let summary = "scalar code for each element of tiles of one type, control flow included";
  let arguments = (ins Variadic<Tile_Tile>:$inputs);
  let results = (outs Variadic<Tile_Tile>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $results) $body";
  let hasVerifier = 1;
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["MapOp", "ReduceOp", "StorePartialsOp", "CombinePartialsOp"]>]> {
  let summary = "ends the region of tile.map and of reductions";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Tile_DotOp : Tile_Op<"dot", [AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "accumulator + a b, by fused multiply-adds in f32";
  let description = [{
    `a` is K x M and `b` is K x N, both in shared memory, or M x K and N x K where they are `transposed`; the accumulator is an
    M x N tile of a blocked layout. Each sum runs through K from 0 on.
  }];
  let arguments = (ins Arg<Tile_SharedType, "", [MemRead]>:$a, Arg<Tile_SharedType, "", [MemRead]>:$b, Tile_Tile:$accumulator,
                       UnitAttr:$transposed_a, UnitAttr:$transposed_b);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $a (`transposed` $transposed_a^)? `,` $b (`transposed` $transposed_b^)? `,` $accumulator attr-dict
    `:` type($a) `,` type($b) `,` type($accumulator)
  }];
  let hasVerifier = 1;
}

def Tile_MmaOp : Tile_Op<"mma", [Pure, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "accumulator + a b on tensor cores, by mma.sync";
  let description = [{
    f16 and bf16, or f32 that is rounded to tf32; sums in f32. `a` is M x K and `b` is K x N, both in registers.
  }];
  let arguments = (ins Tile_Tile:$a, Tile_Tile:$b, Tile_Tile:$accumulator);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$a `,` $b `,` $accumulator attr-dict `:` type($a) `,` type($b) `,` type($accumulator)";
  let hasVerifier = 1;
}

def Tile_WarpgroupMmaOp : Tile_Op<"warpgroup_mma", [AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "accumulator + a b on tensor cores, by wgmma";
  let description = [{
    f16 and bf16; sums in f32. `a` is M x K and `b` is N x K, with 64 numbers of K, both in shared memory, from where the
    instruction reads while threads go on: `--tile-insert-barriers` adds the waits.
  }];
  let arguments = (ins Arg<Tile_SharedType, "", [MemRead]>:$a, Arg<Tile_SharedType, "", [MemRead]>:$b, Tile_Tile:$accumulator);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$a `,` $b `,` $accumulator attr-dict `:` type($a) `,` type($b) `,` type($accumulator)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_TILE_TILEOPS_TD
