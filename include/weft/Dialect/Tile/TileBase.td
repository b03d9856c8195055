// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile dialect itself: layouts, and the types of shared and private memory.
#ifndef WEFT_DIALECT_TILE_TILEBASE_TD
#define WEFT_DIALECT_TILE_TILEBASE_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::weft::tile";
  let summary = "How a kernel spreads over the threads of a GPU block";
  let description = [{
    A tile is a ranked tensor whose encoding is a layout: it says which element lies in which register of which thread.
    Ops of arith and math work on tiles as they stand. Control flow (scf) is uniform: all threads of a block take it
    together; what differs between elements is a mask. Barriers are inserted by `--tile-insert-barriers`, never written.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    /// On a kernel's function: threads of a block.
    static constexpr ::llvm::StringLiteral getThreadsAttrName() { return "tile.threads"; }
    /// On a loop: steps whose copies are under way at one time, and one that is computed.
    static constexpr ::llvm::StringLiteral getStagesAttrName() { return "tile.stages"; }
    void registerAttributes();
    void registerTypes();
  }];
}

//===-- Layouts ----------------------------------------------------------------------------------------------===//

def Tile_LayoutInterface : AttrInterface<"LayoutInterface"> {
  let cppNamespace = "::weft::tile";
  let description = [{An encoding that spreads a tile over registers, lanes and warps.}];
  let methods = [
    InterfaceMethod<"where each register of each thread lies in a tile of this shape", "::weft::tile::LinearLayout",
                    "toLinear", (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<"the rank of tiles that have it", "int64_t", "getRank">,
    InterfaceMethod<"warps of a block", "int64_t", "getNumWarps">,
  ];
}

class Tile_Layout<string name, string mnemonic_>
    : AttrDef<Tile_Dialect, name, [DeclareAttrInterfaceMethods<Tile_LayoutInterface>,
                                   DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = mnemonic_;
  let genVerifyDecl = 1;
}

def Tile_BlockedAttr : Tile_Layout<"Blocked", "blocked"> {
  let summary = "each thread holds a small block; lanes, then warps, lie side by side";
  let description = [{
    `#tile.blocked<per_thread [1, 4], lanes [4, 8], warps [2, 1], order [1, 0]>`: a thread holds 1 x 4 neighbours, the 32
    lanes of a warp lie 4 x 8, two warps below each other; along dimension 1 first. A larger tile repeats the pattern in
    more registers; in a smaller one several threads hold the same element. All numbers are powers of two.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$perThread, ArrayRefParameter<"int64_t">:$lanes,
                        ArrayRefParameter<"int64_t">:$warps, ArrayRefParameter<"int64_t">:$order);
  let assemblyFormat = [{
    `<` `per_thread` `[` $perThread `]` `,` `lanes` `[` $lanes `]` `,` `warps` `[` $warps `]` `,` `order` `[` $order `]` `>`
  }];
}

def Tile_SliceAttr : Tile_Layout<"Slice", "slice"> {
  let summary = "a layout with one dimension taken out";
  let description = [{
    `#tile.slice<1, #parent>` is the layout of what `tile.reduce` along dimension 1 of a tile of layout `#parent` gives,
    and of what `tile.broadcast` stretches to one: threads that differ along that dimension hold the same element.
  }];
  let parameters = (ins "int64_t":$dim, "::mlir::Attribute":$parent);
  let assemblyFormat = "`<` $dim `,` $parent `>`";
}

def Tile_MmaAttr : Tile_Layout<"Mma", "mma"> {
  let summary = "accumulators of matrix instructions";
  let description = [{
    `#tile.mma<warps [2, 4]>`: each of 2 x 4 warps holds a block of the tile, made of pieces of 16 x 8 that `mma.sync` computes
    (and of 64 x N over four warps, `wgmma`): a lane holds two neighbours of a row and, in two more registers, those eight
    rows below; four lanes share a row. Warps are numbered down first.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$warps);
  let assemblyFormat = "`<` `warps` `[` $warps `]` `>`";
}

def Tile_DotOperandAttr : Tile_Layout<"DotOperand", "dot_operand"> {
  let summary = "a factor of a matrix instruction, in registers";
  let description = [{
    `#tile.dot_operand<0, width 2, #mma>`: the left factor, M x K, of a product whose accumulators have layout `#mma`;
    `#tile.dot_operand<1, width 2, #mma>` the right one, K x N. A register of 32 bits holds `width` neighbours along K: two of
    16 bits, or one of 32. Warps beside each other hold the same left factor, warps below each other the same right one.
  }];
  let parameters = (ins "int64_t":$operand, "int64_t":$width, "::mlir::Attribute":$parent);
  let assemblyFormat = "`<` $operand `,` `width` $width `,` $parent `>`";
  let extraClassDeclaration = [{
    /// How a warp loads a tile of this layout from shared memory by ldmatrix: lane l names the beginning of row l mod 8 of
    /// the l / 8th of four matrices that land in four registers of 32 bits; the remaining registers are further loads.
    /// `transposed`: memory has rows of M or N, and the instruction turns them.
    ::weft::tile::LinearLayout toLdmatrix(::llvm::ArrayRef<int64_t> shape, bool transposed) const;
  }];
}

def Tile_SwizzledAttr : AttrDef<Tile_Dialect, "Swizzled"> {
  let mnemonic = "swizzled";
  let summary = "shared memory whose rows are permuted so that columns do not meet in one bank";
  let description = [{
    `#tile.swizzled<vector 4, phases 8>`: row `r` holds its groups of `vector` elements in the order `group xor (r mod
    phases)`. `vector 1, phases 1` is plain row-major memory. With `rows 2`, for rows of half a line of all banks, `r / 2`
    takes the place of `r`.
  }];
  let parameters = (ins "int64_t":$vector, "int64_t":$phases, DefaultValuedParameter<"int64_t", "1">:$rows);
  let builders = [AttrBuilder<(ins "int64_t":$vector, "int64_t":$phases), [{ return $_get($_ctxt, vector, phases, 1); }]>];
  let assemblyFormat = "`<` `vector` $vector `,` `phases` $phases (`,` `rows` $rows^)? `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// For rows of so many bytes: groups of 16 bytes, permuted so that the same group of eight rows that follow each other
    /// lies in eight different groups of banks. Rows of 128 bytes lie as the descriptors of `wgmma` want them.
    static SwizzledAttr forRows(::mlir::MLIRContext *context, int64_t rowBytes, int64_t elementBytes);
  }];
}

//===-- Memory -----------------------------------------------------------------------------------------------===//

class Tile_Type<string name, string mnemonic_, list<Trait> traits = []> : TypeDef<Tile_Dialect, name, traits> {
  let mnemonic = mnemonic_;
  let genVerifyDecl = 1;
}

def Tile_SharedType : Tile_Type<"Shared", "shared"> {
  let summary = "a buffer that the threads of a block share";
  let description = [{
    `!tile.shared<64x32xf32, #tile.swizzled<vector 4, phases 8>>`; row-major, with its rows permuted. A third extent in front
    makes it a ring of such buffers, of which `tile.slot` takes one.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType, "::weft::tile::SwizzledAttr":$layout);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    int64_t getNumElements() const;
    /// Whole bytes of an element.
    int64_t getElementBytes() const;
    int64_t getBytes() const { return getNumElements() * getElementBytes(); }
    /// Where an element of a buffer of rank 2 lies, in bytes. Linear over bits where extents are powers of two.
    int64_t byteOf(::llvm::ArrayRef<int64_t> point) const;
  }];
}

def Tile_PrivateType : Tile_Type<"Private", "private"> {
  let summary = "an array of tiles: each element of the tile has its own slots";
  let description = "`!tile.private<16 x tensor<64xf32, #layout>>` lies in registers where every index is known, else in local memory.";
  let parameters = (ins "int64_t":$length, "::mlir::RankedTensorType":$tile);
  let assemblyFormat = "`<` $length `x` $tile `>`";
}

#endif // WEFT_DIALECT_TILE_TILEBASE_TD
