// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that writes composite ops with smaller ones.
#ifndef WEFT_TRANSFORMS_DECOMPOSE_TD
#define WEFT_TRANSFORMS_DECOMPOSE_TD
include "mlir/Pass/PassBase.td"

def DecomposePass : Pass<"weft-decompose"> {
  let summary = "composite ops are written with smaller ops of the dialect";
  let description = [{
    Replaces every op that has a decomposition, or those named by `ops`, once: what comes of it is decomposed too. A
    `custom_call` with a decomposition becomes the body of that function.

    Before:
    ```mlir
    %y = weft.softmax %x axis 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
    After:
    ```mlir
    %m = weft.reduce max %x axes [1] ...
    %k = weft.reshape %m sizes [4, 1] ...
    %d = weft.sub %x, %k ...
    %e = weft.exp %d ...
    %s = weft.reduce add %e axes [1] ...
    %t = weft.reshape %s sizes [4, 1] ...
    %r = weft.div %one, %t ...
    %y = weft.mul %e, %r ...
    ```
  }];
  let options = [ListOption<"ops", "ops", "std::string", "names of ops to decompose, without the dialect; none: all">];
}

#endif // WEFT_TRANSFORMS_DECOMPOSE_TD
