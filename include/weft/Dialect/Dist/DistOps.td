// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dist dialect: on which workers a graph's tensors lie, and what travels between them.
#ifndef WEFT_DIALECT_DIST_DISTOPS_TD
#define WEFT_DIALECT_DIST_DISTOPS_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Dist_Dialect : Dialect {
  let name = "dist";
  let cppNamespace = "::weft::dist";
  let summary = "On which workers a graph's tensors lie, and what travels between them";
  let description = [{
    A mesh names the axes along which workers are arranged; a sharding says per dimension of a tensor over which axes it
    is split. Shardings sit on arguments and ops as attributes, never in types. Before the split into roles, types are
    those of the whole tensors and `dist.reshard` says where a tensor changes its place; after it, types are those of one
    rank's part and collectives, sends and receives move the parts. Each is started and awaited separately. See
    docs/dialects/dist.md.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Of a module: the mesh, `#dist.mesh`.
    static constexpr ::llvm::StringLiteral getMeshAttrName() { return "dist.mesh"; }
    /// Of a function's argument or result: where it lies, `#dist.sharding`.
    static constexpr ::llvm::StringLiteral getShardingAttrName() { return "dist.sharding"; }
    /// Of an op: where its results lie, an array of `#dist.sharding`.
    static constexpr ::llvm::StringLiteral getShardingsAttrName() { return "dist.shardings"; }
    /// Of an op: the pipeline stage that runs it. Of a role's module: the stage that it is.
    static constexpr ::llvm::StringLiteral getStageAttrName() { return "dist.stage"; }
    /// Of an op: per result, the order in which the results' dimensions travel to another stage, an array of arrays of
    /// i64. Without it they travel as they lie in the model.
    static constexpr ::llvm::StringLiteral getLayoutsAttrName() { return "dist.layouts"; }
    /// Of a module: how many pipeline stages there are.
    static constexpr ::llvm::StringLiteral getStagesAttrName() { return "dist.stages"; }

  private:
    void registerAttributes();
    void registerTypes();

  public:
  }];
}

//===-- Attributes and types ---------------------------------------------------------------------------------===//

class Dist_Attr<string name, string mnem, list<Trait> traits = []> : AttrDef<Dist_Dialect, name, traits> {
  let mnemonic = mnem;
}

def Dist_Combine : I32EnumAttr<"Combine", "how parts of a value make the whole", [
  I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>, I32EnumAttrCase<"min", 2>, I32EnumAttrCase<"prod", 3>]> {
  let cppNamespace = "::weft::dist";
  let genSpecializedAttr = 0;
}
def Dist_CombineAttr : EnumAttr<Dist_Dialect, Dist_Combine, "combine">;

def Dist_MeshAttr : Dist_Attr<"Mesh", "mesh"> {
  let summary = "named axes along which workers are arranged, the first the slowest";
  let description = "`#dist.mesh<data = 2, model = 4>`: 8 workers; worker 5 has data = 1, model = 1.";
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names, ArrayRefParameter<"int64_t">:$sizes);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The number of an axis, or -1.
    int find(::llvm::StringRef name) const;
    /// How many parts a split over these axes makes.
    int64_t product(::llvm::ArrayRef<int> axes) const;
    int64_t getNumWorkers() const;
    /// "data, model", for messages.
    std::string namesText() const;
  }];
}

def Dist_ShardingAttr : Dist_Attr<"Sharding", "sharding"> {
  let summary = "where a tensor lies on the mesh";
  let description = [{
    `#dist.sharding<[{data}, {}, {model, seq} ]>`: dimension 0 is split over axis `data`, dimension 1 is whole on every
    worker, dimension 2 is split over `model` and each part of it over `seq`. With `partial sum {model}` behind the
    list, the workers along `model` hold terms whose sum is the value; with `held by 1 {model}` the second of them alone has
    the value.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::ArrayAttr">:$dims, "Combine":$combine,
                        ArrayRefParameter<"::mlir::StringAttr">:$partial, "int64_t":$holder);
  let hasCustomAssemblyFormat = 1;
}

def Dist_TokenType : TypeDef<Dist_Dialect, "Token"> {
  let mnemonic = "token";
  let summary = "a communication under way, and what it will give";
  let parameters = (ins OptionalParameter<"::mlir::Type">:$value);
  let assemblyFormat = "(`<` $value^ `>`)?";
}

//===-- Ops on whole tensors ---------------------------------------------------------------------------------===//

class Dist_Op<string mnemonic, list<Trait> traits = []> : Op<Dist_Dialect, mnemonic, traits>;

def Dist_Tensor : AnyTypeOf<[AnyRankedTensor], "ranked tensor">;

def Dist_ShardOp : Dist_Op<"shard", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "says where a tensor lies; the partitioner obeys";
  let description = "Dimensions that `open` lists are left to propagation. `origin` is named in explanations.";
  let arguments = (ins Dist_Tensor:$x, Dist_ShardingAttr:$sharding, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$open,
                       OptionalAttr<StrAttr>:$origin);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "$x `to` $sharding attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Dist_ReshardOp : Dist_Op<"reshard", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "moves a tensor to another place on the mesh";
  let description = "`bytes` is what one worker sends for it; `reason` says which ops and annotations ask for it.";
  let arguments = (ins Dist_Tensor:$x, Dist_ShardingAttr:$from, Dist_ShardingAttr:$to, I64Attr:$bytes, StrAttr:$reason);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "$x `from` $from `to` $to `bytes` $bytes `because` $reason attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Dist_CutOp : Dist_Op<"cut", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "marks a value that another stage reads, while layouts are chosen for the whole graph";
  let description = [{
    Dimension i of the value in the model is dimension `order[i]` of `x`. Transpositions sink through it as through any
    elementwise op, and change `order`.
  }];
  let arguments = (ins Dist_Tensor:$x, DenseI64ArrayAttr:$order, I64Attr:$number);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "$number $x `as` $order attr-dict `:` type($x)";
  let hasVerifier = 1;
}

//===-- Ops on one rank's part -------------------------------------------------------------------------------===//

/// Order among communications is kept: it is part of the schedule.
def Dist_ChannelResource : Resource<"::weft::dist::ChannelResource">;

def Dist_ConstantOp : Dist_Op<"constant", [Pure]> {
  let summary = "elements known at compile time that differ between workers";
  let description = "One value per coordinate along `axes`, the first axis the slowest.";
  let arguments = (ins StrArrayAttr:$axes, ArrayAttr:$values);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "`over` $axes $values attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Dist_CoordinateOp : Dist_Op<"coordinate", [Pure]> {
  let summary = "this worker's place along an axis";
  let arguments = (ins StrAttr:$axis);
  let results = (outs 0DTensorOf<[I64]>:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Dist_AllSliceOp : Dist_Op<"all_slice", [Pure]> {
  let summary = "this worker's part of a tensor that all hold";
  let arguments = (ins Dist_Tensor:$x, I64Attr:$dim, StrArrayAttr:$axes);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = "$x `dim` $dim `over` $axes attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

class Dist_StartOp<string mnemonic> : Dist_Op<mnemonic, [MemoryEffects<[MemWrite<Dist_ChannelResource>]>]> {
  /// The channel is unique in the function; the two others are for people.
  dag common = (ins I64Attr:$channel, OptionalAttr<I64Attr>:$bytes, OptionalAttr<StrAttr>:$reason);
  let results = (outs Dist_TokenType:$token);
  let hasVerifier = 1;
}

def Dist_AllReduceStartOp : Dist_StartOp<"all_reduce_start"> {
  let summary = "begins to combine the tensors of a group, elementwise, on all of it";
  let description = "Elements are combined in the order of the group.";
  let arguments = !con((ins Dist_CombineAttr:$combine, Dist_Tensor:$x, StrArrayAttr:$axes), common);
  let assemblyFormat = "$combine $x `over` $axes `channel` $channel attr-dict `:` type($x) `->` type($token)";
}

def Dist_AllGatherStartOp : Dist_StartOp<"all_gather_start"> {
  let summary = "begins to put the tensors of a group one after the other along a dimension, on all of it";
  let arguments = !con((ins Dist_Tensor:$x, I64Attr:$dim, StrArrayAttr:$axes), common);
  let assemblyFormat = "$x `dim` $dim `over` $axes `channel` $channel attr-dict `:` type($x) `->` type($token)";
}

def Dist_ReduceScatterStartOp : Dist_StartOp<"reduce_scatter_start"> {
  let summary = "begins to combine the tensors of a group and to leave each member its part along a dimension";
  let arguments = !con((ins Dist_CombineAttr:$combine, Dist_Tensor:$x, I64Attr:$dim, StrArrayAttr:$axes), common);
  let assemblyFormat = [{
    $combine $x `dim` $dim `over` $axes `channel` $channel attr-dict `:` type($x) `->` type($token)
  }];
}

def Dist_AllToAllStartOp : Dist_StartOp<"all_to_all_start"> {
  let summary = "begins to split a tensor along one dimension, a part per member, and to join the parts received along another";
  let arguments = !con((ins Dist_Tensor:$x, I64Attr:$split, I64Attr:$concat, StrArrayAttr:$axes), common);
  let assemblyFormat = [{
    $x `split` $split `concat` $concat `over` $axes `channel` $channel attr-dict `:` type($x) `->` type($token)
  }];
}

def Dist_BroadcastStartOp : Dist_StartOp<"broadcast_start"> {
  let summary = "begins to copy the tensor of one member of a group to all of it";
  let description = "Members are numbered in the order of the group.";
  let arguments = !con((ins Dist_Tensor:$x, I64Attr:$member, StrArrayAttr:$axes), common);
  let assemblyFormat = [{
    $x `of` $member `over` $axes `channel` $channel attr-dict `:` type($x) `->` type($token)
  }];
}

def Dist_SendStartOp : Dist_StartOp<"send_start"> {
  let summary = "begins to send a tensor to the worker at the same place of another stage";
  let arguments = !con((ins Dist_Tensor:$x, I64Attr:$stage), common);
  let assemblyFormat = "$x `to` $stage `channel` $channel attr-dict `:` type($x) `->` type($token)";
}

def Dist_RecvStartOp : Dist_StartOp<"recv_start"> {
  let summary = "posts a buffer for a tensor from the worker at the same place of another stage";
  let arguments = !con((ins I64Attr:$stage), common);
  let assemblyFormat = "`from` $stage `channel` $channel attr-dict `:` type($token)";
}

def Dist_DoneOp : Dist_Op<"done", [MemoryEffects<[MemWrite<Dist_ChannelResource>]>]> {
  let summary = "waits for a communication; its value, unless it was a send";
  let arguments = (ins Dist_TokenType:$token);
  let results = (outs Optional<Dist_Tensor>:$result);
  let assemblyFormat = "$token attr-dict `:` type($token) (`->` type($result)^)?";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_DIST_DISTOPS_TD
