// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops: the result's shape is the unit broadcast of the operands.
#ifndef WEFT_DIALECT_WEFT_ELEMENTWISEOPS_TD
#define WEFT_DIALECT_WEFT_ELEMENTWISEOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

class Weft_UnaryOp<string mnemonic, Type type, string what, string details, list<Trait> traits = []>
    : Weft_InferredOp<mnemonic, !listconcat([Weft_Elementwise, SameOperandsAndResultElementType], traits)> {
  let summary = what;
  let description = details;
  let arguments = (ins type:$operand);
  let results = (outs type:$result);
  let assemblyFormat = "$operand attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

class Weft_BinaryOp<string mnemonic, Type type, string what, string details, list<Trait> traits = []>
    : Weft_InferredOp<mnemonic, !listconcat([Weft_Elementwise, SameOperandsAndResultElementType], traits)> {
  let summary = what;
  let description = details;
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Weft_AbsOp : Weft_UnaryOp<"abs", Weft_NumberTensor, "absolute value", "Integers wrap: abs of the least value is itself. NaN stays NaN.">;
def Weft_NegOp : Weft_UnaryOp<"neg", Weft_NumberTensor, "negation", "Integers wrap.">;
def Weft_SignOp : Weft_UnaryOp<"sign", Weft_NumberTensor, "sign", "-1, 0 or 1; NaN gives NaN, zeros keep their sign.">;
def Weft_CeilOp : Weft_UnaryOp<"ceil", Weft_FloatTensor, "least integer not below", "">;
def Weft_FloorOp : Weft_UnaryOp<"floor", Weft_FloatTensor, "greatest integer not above", "">;
def Weft_TruncOp : Weft_UnaryOp<"trunc", Weft_FloatTensor, "integer towards zero", "">;
def Weft_ExpOp : Weft_UnaryOp<"exp", Weft_FloatTensor, "exponential", "At most 2 ulp; exp(-inf) is 0 exactly.">;
def Weft_Expm1Op : Weft_UnaryOp<"expm1", Weft_FloatTensor, "exp(x) - 1", "Accurate near 0.">;
def Weft_LogOp : Weft_UnaryOp<"log", Weft_FloatTensor, "natural logarithm", "log(0) is -inf; negative arguments give NaN.">;
def Weft_Log1pOp : Weft_UnaryOp<"log1p", Weft_FloatTensor, "log(1 + x)", "Accurate near 0.">;
def Weft_SqrtOp : Weft_UnaryOp<"sqrt", Weft_FloatTensor, "square root", "Negative arguments give NaN.">;
def Weft_RsqrtOp : Weft_UnaryOp<"rsqrt", Weft_FloatTensor, "reciprocal square root", "rsqrt(0) is inf.">;
def Weft_CbrtOp : Weft_UnaryOp<"cbrt", Weft_FloatTensor, "cube root", "Odd: cbrt(-x) = -cbrt(x).">;
def Weft_SinOp : Weft_UnaryOp<"sin", Weft_FloatTensor, "sine", "Full range reduction.">;
def Weft_CosOp : Weft_UnaryOp<"cos", Weft_FloatTensor, "cosine", "Full range reduction.">;
def Weft_TanOp : Weft_UnaryOp<"tan", Weft_FloatTensor, "tangent", "Full range reduction.">;
def Weft_AsinOp : Weft_UnaryOp<"asin", Weft_FloatTensor, "inverse sine", "">;
def Weft_AcosOp : Weft_UnaryOp<"acos", Weft_FloatTensor, "inverse cosine", "">;
def Weft_AtanOp : Weft_UnaryOp<"atan", Weft_FloatTensor, "inverse tangent", "">;
def Weft_SinhOp : Weft_UnaryOp<"sinh", Weft_FloatTensor, "hyperbolic sine", "">;
def Weft_CoshOp : Weft_UnaryOp<"cosh", Weft_FloatTensor, "hyperbolic cosine", "">;
def Weft_TanhOp : Weft_UnaryOp<"tanh", Weft_FloatTensor, "hyperbolic tangent", "">;
def Weft_AsinhOp : Weft_UnaryOp<"asinh", Weft_FloatTensor, "inverse hyperbolic sine", "">;
def Weft_AcoshOp : Weft_UnaryOp<"acosh", Weft_FloatTensor, "inverse hyperbolic cosine", "">;
def Weft_AtanhOp : Weft_UnaryOp<"atanh", Weft_FloatTensor, "inverse hyperbolic tangent", "">;
def Weft_ErfOp : Weft_UnaryOp<"erf", Weft_FloatTensor, "error function", "">;
def Weft_ErfcOp : Weft_UnaryOp<"erfc", Weft_FloatTensor, "complementary error function", "">;
def Weft_ErfInvOp : Weft_UnaryOp<"erf_inv", Weft_FloatTensor, "inverse error function", "erf_inv(±1) is ±inf; outside [-1, 1] NaN.">;
def Weft_LogisticOp : Weft_UnaryOp<"logistic", Weft_FloatTensor, "logistic function 1 / (1 + exp(-x))", "">;
def Weft_LgammaOp : Weft_UnaryOp<"lgamma", Weft_FloatTensor, "logarithm of the absolute value of the gamma function", "">;
def Weft_ReluOp : Weft_UnaryOp<"relu", Weft_NumberTensor, "max(x, 0)", "NaN stays NaN; the sign of a zero result is unspecified; its derivative at 0 is 0.">;
def Weft_NotOp : Weft_UnaryOp<"not", Weft_IntOrBoolTensor, "bitwise complement", "On booleans, logical not.">;
def Weft_PopcntOp : Weft_UnaryOp<"popcnt", Weft_IntTensor, "number of one bits", "">;
def Weft_ClzOp : Weft_UnaryOp<"clz", Weft_IntTensor, "number of leading zero bits", "">;

def Weft_AddOp : Weft_BinaryOp<"add", Weft_NumberTensor, "sum", "Integers wrap.", [Commutative]>;
def Weft_SubOp : Weft_BinaryOp<"sub", Weft_NumberTensor, "difference", "Integers wrap.">;
def Weft_MulOp : Weft_BinaryOp<"mul", Weft_NumberTensor, "product", "Integers wrap.", [Commutative]>;
def Weft_DivOp : Weft_BinaryOp<"div", Weft_NumberTensor, "quotient", "Integers truncate; x/0 is all ones, least/-1 is least: nothing traps.">;
def Weft_RemOp : Weft_BinaryOp<"rem", Weft_NumberTensor, "remainder of the truncated quotient", "Floats: C's fmod, exact, the dividend's sign. Integers: x rem 0 = x.">;
def Weft_PowOp : Weft_BinaryOp<"pow", Weft_NumberTensor, "power", "Integers wrap; a negative exponent gives 1 for base 1, ±1 for base -1, else 0.">;
def Weft_MaxOp : Weft_BinaryOp<"max", Weft_NumberTensor, "greater of two", "NaN propagates; the sign of a zero result is unspecified.", [Commutative]>;
def Weft_MinOp : Weft_BinaryOp<"min", Weft_NumberTensor, "lesser of two", "NaN propagates; the sign of a zero result is unspecified.", [Commutative]>;
def Weft_Atan2Op : Weft_BinaryOp<"atan2", Weft_FloatTensor, "angle of the point (rhs, lhs)", "">;
def Weft_AndOp : Weft_BinaryOp<"and", Weft_IntOrBoolTensor, "bitwise and", "", [Commutative]>;
def Weft_OrOp : Weft_BinaryOp<"or", Weft_IntOrBoolTensor, "bitwise or", "", [Commutative]>;
def Weft_XorOp : Weft_BinaryOp<"xor", Weft_IntOrBoolTensor, "bitwise exclusive or", "", [Commutative]>;
def Weft_ShlOp : Weft_BinaryOp<"shl", Weft_IntTensor, "shift left", "The count is read as unsigned; a count of the width or more gives 0.">;
def Weft_ShrOp : Weft_BinaryOp<"shr", Weft_IntTensor, "shift right", "Arithmetic on signed, logical on unsigned types; a count of the width or more gives 0, or the sign.">;

def Weft_RoundOp : Weft_InferredOp<"round", [Weft_Elementwise, SameOperandsAndResultElementType]> {
  let summary = "nearest integer";
  let description = "Halves go to the even neighbour (`even`) or away from zero (`away`).";
  let arguments = (ins Weft_FloatTensor:$operand, DefaultValuedAttr<Weft_RoundKindAttr, "RoundKind::even">:$halves);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$halves $operand attr-dict `:` functional-type(operands, results)";
}

def Weft_PolygammaOp : Weft_InferredOp<"polygamma", [Weft_Elementwise, SameOperandsAndResultElementType]> {
  let summary = "n-th derivative of the digamma function";
  let arguments = (ins Weft_FloatTensor:$operand, I64Attr:$n);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$n $operand attr-dict `:` functional-type(operands, results)";
}

def Weft_CompareOp : Weft_InferredOp<"compare", [Weft_Elementwise]> {
  let summary = "elementwise relation";
  let description = "With a NaN only `ne` is true. Booleans: false is less than true.";
  let arguments = (ins Weft_CompareKindAttr:$relation, Weft_Tensor:$lhs, Weft_Tensor:$rhs);
  let results = (outs Weft_BoolTensor:$result);
  let assemblyFormat = "$relation $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Weft_SelectOp : Weft_InferredOp<"select", [Weft_Elementwise]> {
  let summary = "elementwise choice";
  let description = "The element of `on_true` where `predicate` holds, else that of `on_false`.";
  let arguments = (ins Weft_BoolTensor:$predicate, Weft_AnyTensor:$on_true, Weft_AnyTensor:$on_false);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$predicate `,` $on_true `,` $on_false attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Weft_ClampOp : Weft_InferredOp<"clamp", [Weft_Elementwise, SameOperandsAndResultElementType]> {
  let summary = "min(max(x, low), high)";
  let description = "`high` wins where low > high. NaN propagates.";
  let arguments = (ins Weft_NumberTensor:$low, Weft_NumberTensor:$operand, Weft_NumberTensor:$high);
  let results = (outs Weft_NumberTensor:$result);
  let assemblyFormat = "$low `,` $operand `,` $high attr-dict `:` functional-type(operands, results)";
}

def Weft_ConvertOp : Weft_Op<"convert", [Pure, Weft_Elementwise, SameOperandsAndResultShape]> {
  let summary = "value conversion to another element type";
  let description = [{
    Float to integer truncates and saturates, NaN gives 0; integer to integer wraps; to i1 is x != 0 (NaN is true);
    float to float rounds to nearest even and overflows to infinity. `saturate`: overflow to the 8-bit and
    4-bit float types gives their largest finite value.
  }];
  let arguments = (ins Weft_AnyTensor:$operand, UnitAttr:$saturate);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$operand (`saturate` $saturate^)? attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Weft_BitcastConvertOp : Weft_Op<"bitcast_convert", [Pure]> {
  let summary = "the same bits as another element type";
  let description = [{
    Equal widths keep the shape. A narrower result adds a trailing dimension of width(from)/width(to); a wider one
    drops it.
  }];
  let arguments = (ins Weft_AnyTensor:$operand);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_ELEMENTWISEOPS_TD
