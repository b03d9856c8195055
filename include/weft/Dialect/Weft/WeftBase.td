// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weft dialect itself: its types, attributes, enums, and the classes that its families of ops are made of.
#ifndef WEFT_DIALECT_WEFT_WEFTBASE_TD
#define WEFT_DIALECT_WEFT_WEFTBASE_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Weft_Dialect : Dialect {
  let name = "weft";
  let cppNamespace = "::weft::ir";
  let summary = "What to compute: a graph of tensor operations with value semantics";
  let description = [{
    Ranked tensors, SSA values, no aliasing. Extents are integers, expressions over named symbols
    (`#weft.dims` in the tensor's encoding), or unknown. See docs/dialects for the numerics that hold on every
    target.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    /// The attribute on a module that declares the named dimensions and their bounds:
    /// `weft.dims = {batch = array<i64: 1, 64>}`; an upper bound of -1 means unbounded.
    static constexpr ::llvm::StringLiteral getDimsAttrName() { return "weft.dims"; }
    /// Registers the attributes of the dialect; called once from initialize().
    void registerAttributes();
    /// Where the elements of `#weft.data` constants live.
    ::weft::ir::DataStore &getDataStore() { return *dataStore; }
    void setDataStore(std::shared_ptr<::weft::ir::DataStore> store) { dataStore = std::move(store); }

  private:
    std::shared_ptr<::weft::ir::DataStore> dataStore;

  public:
  }];
}

//===-- Element types ----------------------------------------------------------------------------------------===//

def Weft_F8E8M0FNU : Type<CPred<"::llvm::isa<::mlir::Float8E8M0FNUType>($_self)">, "f8E8M0FNU type">;
def Weft_F4E2M1FN : Type<CPred<"::llvm::isa<::mlir::Float4E2M1FNType>($_self)">, "f4E2M1FN type">;
def Weft_F8E4M3FN : Type<CPred<"::llvm::isa<::mlir::Float8E4M3FNType>($_self)">, "f8E4M3FN type">;
def Weft_F8E5M2 : Type<CPred<"::llvm::isa<::mlir::Float8E5M2Type>($_self)">, "f8E5M2 type">;
def Weft_Float : AnyTypeOf<[F64, F32, BF16, F16], "floating-point element type">;
def Weft_Int : AnyTypeOf<[I64, I32, I16, I8, UI64, UI32, UI16, UI8], "integer element type">;
def Weft_Bool : AnyTypeOf<[I1], "boolean element type">;
/// Sub-byte and 8-bit types that can be moved, converted and quantised, but not computed with.
def Weft_Storage : AnyTypeOf<[I<4>, UI<4>, I<2>, UI<2>, Weft_F8E4M3FN, Weft_F8E5M2, Weft_F4E2M1FN, Weft_F8E8M0FNU],
                             "storage element type">;

class Weft_TensorOf<list<Type> types> : RankedTensorOf<types>;
def Weft_FloatTensor : Weft_TensorOf<[Weft_Float]>;
def Weft_IntTensor : Weft_TensorOf<[Weft_Int]>;
def Weft_BoolTensor : Weft_TensorOf<[Weft_Bool]>;
def Weft_IntOrBoolTensor : Weft_TensorOf<[Weft_Int, Weft_Bool]>;
def Weft_NumberTensor : Weft_TensorOf<[Weft_Float, Weft_Int]>;
def Weft_Tensor : Weft_TensorOf<[Weft_Float, Weft_Int, Weft_Bool]>;
/// Any tensor a Shape op may move, storage types included.
def Weft_AnyTensor : Weft_TensorOf<[Weft_Float, Weft_Int, Weft_Bool, Weft_Storage]>;
/// Rank-0 signed 64-bit tensor: an extent or an offset known at run time.
def Weft_ShapeValue : 0DTensorOf<[I64]>;
def Weft_BoolScalar : 0DTensorOf<[I1]>;
def Weft_IndexTensor : Weft_TensorOf<[I64, I32]>;

//===-- Attributes -------------------------------------------------------------------------------------------===//

class Weft_Attr<string name, string mnem, list<Trait> traits = []> : AttrDef<Weft_Dialect, name, traits> {
  let mnemonic = mnem;
}

def Weft_DimsAttr : Weft_Attr<"Dims", "dims", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "the extents of a tensor as expressions over named dimensions";
  let description = [{
    The encoding of a tensor type with named extents: `tensor<?x?x64xf32, #weft.dims<[batch, past + seq, _]>>`.
    One entry per dimension: an affine expression over symbols (in canonical form, so equal expressions are equal
    attributes), or `_` where the shape already says all there is (a static extent, or an anonymous `?`).
    `symbols` are sorted by name; symbol i of an expression is `symbols[i]`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$symbols,
                        ArrayRefParameter<"::mlir::AffineExpr">:$extents);
  let hasCustomAssemblyFormat = 1;
}

def Weft_DataAttr : Weft_Attr<"Data", "data", [TypedAttrInterface]> {
  let summary = "elements that live in a data store, named by the hash of their bytes";
  let description = [{
    `#weft.data<"4f1c...", tensor<64x3x7x7xf32>>`: the elements of a constant too large to stand in the IR. The
    compiler instance's data store resolves the hash to bytes, row-major and little-endian.
  }];
  let parameters = (ins StringRefParameter<>:$hash, AttributeSelfTypeParameter<"">:$type);
  let assemblyFormat = "`<` $hash `>`";
}

class Weft_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::weft::ir";
  let genSpecializedAttr = 0;
}
class Weft_EnumAttr<EnumInfo info, string mnem> : EnumAttr<Weft_Dialect, info, mnem>;

def Weft_CompareKind : Weft_Enum<"CompareKind", "relation", [
  I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>, I32EnumAttrCase<"lt", 2>, I32EnumAttrCase<"le", 3>,
  I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]>;
def Weft_CompareKindAttr : Weft_EnumAttr<Weft_CompareKind, "relation">;

def Weft_RoundKind : Weft_Enum<"RoundKind", "what round does with halves", [
  I32EnumAttrCase<"even", 0>, I32EnumAttrCase<"away", 1>]>;
def Weft_RoundKindAttr : Weft_EnumAttr<Weft_RoundKind, "halves">;

// `bit_and`, `bit_or`, `bit_xor` are spelled and, or, xor in the IR; the C++ names avoid the keywords.
def Weft_ReduceKind : Weft_Enum<"ReduceKind", "how a reduction combines elements", [
  I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"mul", 1>, I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>,
  I32EnumAttrCase<"bit_and", 4, "and">, I32EnumAttrCase<"bit_or", 5, "or">, I32EnumAttrCase<"bit_xor", 6, "xor">,
  I32EnumAttrCase<"logaddexp", 7>]>;
def Weft_ReduceKindAttr : Weft_EnumAttr<Weft_ReduceKind, "reduce_kind">;

def Weft_ArgKind : Weft_Enum<"ArgKind", "which extreme is looked for", [
  I32EnumAttrCase<"max", 0>, I32EnumAttrCase<"min", 1>]>;
def Weft_ArgKindAttr : Weft_EnumAttr<Weft_ArgKind, "arg_kind">;

def Weft_Tie : Weft_Enum<"Tie", "which of equal elements wins", [
  I32EnumAttrCase<"first", 0>, I32EnumAttrCase<"last", 1>]>;
def Weft_TieAttr : Weft_EnumAttr<Weft_Tie, "tie">;

def Weft_PadMode : Weft_Enum<"PadMode", "what a padded element is", [
  I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"reflect", 1>, I32EnumAttrCase<"edge", 2>,
  I32EnumAttrCase<"wrap", 3>]>;
def Weft_PadModeAttr : Weft_EnumAttr<Weft_PadMode, "pad_mode">;

def Weft_ScatterKind : Weft_Enum<"ScatterKind", "how an update meets the element it lands on", [
  I32EnumAttrCase<"set", 0>, I32EnumAttrCase<"add", 1>, I32EnumAttrCase<"mul", 2>, I32EnumAttrCase<"max", 3>,
  I32EnumAttrCase<"min", 4>]>;
def Weft_ScatterKindAttr : Weft_EnumAttr<Weft_ScatterKind, "scatter_kind">;

def Weft_Precision : Weft_Enum<"Precision", "how far inputs of a contraction may be rounded", [
  I32EnumAttrCase<"ieee", 0>, I32EnumAttrCase<"tf32", 1>, I32EnumAttrCase<"bf16", 2>]>;
def Weft_PrecisionAttr : Weft_EnumAttr<Weft_Precision, "precision">;

def Weft_Causal : Weft_Enum<"Causal", "the alignment of a causal mask", [
  I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"top_left", 1>, I32EnumAttrCase<"bottom_right", 2>]>;
def Weft_CausalAttr : Weft_EnumAttr<Weft_Causal, "causal">;

def Weft_FftKind : Weft_Enum<"FftKind", "domain and range of a Fourier transform", [
  I32EnumAttrCase<"c2c", 0>, I32EnumAttrCase<"r2c", 1>, I32EnumAttrCase<"c2r", 2>]>;
def Weft_FftKindAttr : Weft_EnumAttr<Weft_FftKind, "fft_kind">;

def Weft_RandomAlgorithm : Weft_Enum<"RandomAlgorithm", "counter-based random bit generator", [
  I32EnumAttrCase<"philox", 0>, I32EnumAttrCase<"threefry", 1>]>;
def Weft_RandomAlgorithmAttr : Weft_EnumAttr<Weft_RandomAlgorithm, "random_algorithm">;

//===-- Op classes -------------------------------------------------------------------------------------------===//

/// Elementwise with unit broadcasting: equal ranks; per dimension equal extents, or static 1 stretches.
def Weft_Elementwise : NativeOpTrait<"Elementwise"> { let cppNamespace = "::weft::ir"; }

class Weft_Op<string mnemonic, list<Trait> traits = []> : Op<Weft_Dialect, mnemonic, traits>;

/// A pure op whose result types follow from operands and attributes. C++: inferReturnTypes over the adaptor.
class Weft_InferredOp<string mnemonic, list<Trait> traits = []>
    : Weft_Op<mnemonic, !listconcat([Pure, InferTypeOpAdaptorWithIsCompatible], traits)>;

#endif // WEFT_DIALECT_WEFT_WEFTBASE_TD
