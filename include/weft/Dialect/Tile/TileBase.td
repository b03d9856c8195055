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

def Tile_SwizzledAttr : AttrDef<Tile_Dialect, "Swizzled"> {
  let mnemonic = "swizzled";
  let summary = "shared memory whose rows are permuted so that columns do not meet in one bank";
  let description = [{
    `#tile.swizzled<vector 4, phases 8>`: row `r` holds its groups of `vector` elements in the order `group xor (r mod
    phases)`. `vector 1, phases 1` is plain row-major memory.
  }];
  let parameters = (ins "int64_t":$vector, "int64_t":$phases);
  let assemblyFormat = "`<` `vector` $vector `,` `phases` $phases `>`";
  let genVerifyDecl = 1;
}

//===-- Memory -----------------------------------------------------------------------------------------------===//

class Tile_Type<string name, string mnemonic_, list<Trait> traits = []> : TypeDef<Tile_Dialect, name, traits> {
  let mnemonic = mnemonic_;
  let genVerifyDecl = 1;
}

def Tile_SharedType : Tile_Type<"Shared", "shared"> {
  let summary = "a buffer that the threads of a block share";
  let description = "`!tile.shared<64x32xf32, #tile.swizzled<vector 4, phases 8>>`; row-major, with its rows permuted.";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType, "::weft::tile::SwizzledAttr":$layout);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    int64_t getNumElements() const;
    /// Whole bytes of an element.
    int64_t getElementBytes() const;
  }];
}

def Tile_PrivateType : Tile_Type<"Private", "private"> {
  let summary = "an array of tiles: each element of the tile has its own slots";
  let description = "`!tile.private<16 x tensor<64xf32, #layout>>` lies in registers where every index is known, else in local memory.";
  let parameters = (ins "int64_t":$length, "::mlir::RankedTensorType":$tile);
  let assemblyFormat = "`<` $length `x` $tile `>`";
}

#endif // WEFT_DIALECT_TILE_TILEBASE_TD
