// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random bits.
#ifndef WEFT_DIALECT_WEFT_RANDOMOPS_TD
#define WEFT_DIALECT_WEFT_RANDOMOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_RandomBitsOp : Weft_InferredOp<"random_bits"> {
  let summary = "pseudo-random bits as a pure function of key and counter";
  let description = [{
    Elementwise on the counter. Philox4x32-10: counter c is word c mod 4 of block c div 4; Threefry2x32-20: word c mod 2
    of block c div 2.
  }];
  let arguments = (ins Weft_TensorOf<[UI32]>:$key, Weft_TensorOf<[UI64]>:$counter,
                       DefaultValuedAttr<Weft_RandomAlgorithmAttr, "RandomAlgorithm::philox">:$algorithm);
  let results = (outs Weft_TensorOf<[UI32]>:$result);
  let assemblyFormat = "$key `,` $counter attr-dict `:` functional-type(operands, results)";
}

#endif // WEFT_DIALECT_WEFT_RANDOMOPS_TD
