// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions and dense linear algebra.
#ifndef WEFT_DIALECT_WEFT_CONTRACTOPS_TD
#define WEFT_DIALECT_WEFT_CONTRACTOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_DotGeneralOp : Weft_Op<"dot_general", [Pure]> {
  let summary = "generalised matrix product";
  let description = [{
    Result dimensions: batch, then the free dimensions of lhs, then those of rhs. 16-bit inputs accumulate in f32 and
    round once; i8 · i8 to i32 is exact. The result's element type may be wider than the operands'.
  }];
  let arguments = (ins Weft_NumberTensor:$lhs, Weft_NumberTensor:$rhs,
                       DenseI64ArrayAttr:$lhs_batch, DenseI64ArrayAttr:$rhs_batch,
                       DenseI64ArrayAttr:$lhs_contract, DenseI64ArrayAttr:$rhs_contract,
                       DefaultValuedAttr<Weft_PrecisionAttr, "Precision::ieee">:$precision);
  let results = (outs Weft_NumberTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` $lhs_batch `x` $rhs_batch `contract` $lhs_contract `x` $rhs_contract
    (`precision` $precision^)? attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs, "::llvm::ArrayRef<int64_t>":$lhsBatch,
    "::llvm::ArrayRef<int64_t>":$rhsBatch, "::llvm::ArrayRef<int64_t>":$lhsContract,
    "::llvm::ArrayRef<int64_t>":$rhsContract, CArg<"::mlir::Type", "{}">:$elementType)>];
  let extraClassDeclaration = [{
    /// Dimensions of an operand that are neither batch nor contracted, in order.
    ::llvm::SmallVector<int64_t> getLhsFree();
    ::llvm::SmallVector<int64_t> getRhsFree();
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Weft_CholeskyOp : Weft_InferredOp<"cholesky"> {
  let summary = "Cholesky factor of the last two dimensions";
  let description = "Reads one triangle and zeros the other; NaN where the matrix is not positive definite.";
  let arguments = (ins Weft_FloatTensor:$operand, DefaultValuedAttr<BoolAttr, "true">:$lower);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` functional-type(operands, results)";
}

def Weft_TriangularSolveOp : Weft_InferredOp<"triangular_solve"> {
  let summary = "solves op(a) · x = b (left) or x · op(a) = b";
  let arguments = (ins Weft_FloatTensor:$a, Weft_FloatTensor:$b, DefaultValuedAttr<BoolAttr, "true">:$left,
                       DefaultValuedAttr<BoolAttr, "true">:$lower, DefaultValuedAttr<BoolAttr, "false">:$transpose,
                       DefaultValuedAttr<BoolAttr, "false">:$unit_diagonal);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}

def Weft_LuOp : Weft_InferredOp<"lu"> {
  let summary = "LU factors with partial pivoting";
  let description = "The first largest pivot wins. Results: packed factors, pivots [.., min(m,n)], permutation [.., m].";
  let arguments = (ins Weft_FloatTensor:$operand);
  let results = (outs Weft_FloatTensor:$factors, Weft_TensorOf<[I32]>:$pivots, Weft_TensorOf<[I32]>:$permutation);
  let assemblyFormat = "$operand attr-dict `:` functional-type(operands, results)";
}

def Weft_FftOp : Weft_InferredOp<"fft"> {
  let summary = "discrete Fourier transform over the last one to three axes";
  let description = [{
    Complex values are pairs of real tensors. Forward is unscaled, inverse divides by the number of points. r2c
    keeps n/2+1 points of the last axis; c2r takes its `length`.
  }];
  let arguments = (ins Weft_FloatTensor:$re, Optional<Weft_FloatTensor>:$im, DenseI64ArrayAttr:$axes,
                       Weft_FftKindAttr:$kind, DefaultValuedAttr<BoolAttr, "false">:$inverse,
                       OptionalAttr<I64Attr>:$length);
  let results = (outs Variadic<Weft_FloatTensor>:$results);
  let assemblyFormat = [{
    $kind $re (`,` $im^)? `axes` $axes attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WEFT_DIALECT_WEFT_CONTRACTOPS_TD
