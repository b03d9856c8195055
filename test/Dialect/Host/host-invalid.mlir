// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the host dialect refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @unknown_kernel(%x: tensor<4xf32>) {
  // expected-error@+1 {{launches @nobody, which is not a host.kernel}}
  %0 = host.launch @nobody(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func private @function(tensor<4xf32>) -> tensor<4xf32>
func.func @not_a_kernel(%x: tensor<4xf32>) {
  // expected-error@+1 {{launches @function, which is not a host.kernel}}
  %0 = host.launch @function(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

host.kernel @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  host.return %x : tensor<4xf32>
}
func.func @too_many(%x: tensor<4xf32>) {
  // expected-error@+1 {{passes 2 operands for 1 results, wanted 1 for 1 as @one takes them}}
  %0 = host.launch @one(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

host.kernel @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  host.return %x : tensor<4xf32>
}
func.func @no_result(%x: tensor<4xf32>) {
  // expected-error@+1 {{passes 1 operands for 0 results, wanted 1 for 1 as @one takes them}}
  host.launch @one(%x) : (tensor<4xf32>) -> ()
  return
}

// -----

host.kernel @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  host.return %x : tensor<4xf32>
}
func.func @element_type(%x: tensor<4xi32>) {
  // expected-error@+1 {{passes operand 0 as 'tensor<4xi32>', wanted 'tensor<4xf32>' as @one takes it}}
  %0 = host.launch @one(%x) : (tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

host.kernel @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  host.return %x : tensor<4xf32>
}
func.func @shape(%x: tensor<4xf32>) {
  // expected-error@+1 {{has result 0 as 'tensor<5xf32>', wanted 'tensor<4xf32>' as @one gives it}}
  %0 = host.launch @one(%x) : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

host.kernel @returns_less(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // expected-error@+1 {{returns 'tensor<4xf32>', wanted 'tensor<4xf32>', 'tensor<4xf32>'}}
  host.return %x : tensor<4xf32>
}

// -----

host.kernel @returns_other(%x: tensor<4xf32>) -> tensor<4xi32> {
  // expected-error@+1 {{returns 'tensor<4xf32>', wanted 'tensor<4xi32>'}}
  host.return %x : tensor<4xf32>
}

// -----

func.func @return_outside(%x: tensor<4xf32>) {
  // expected-error@+1 {{expects parent op 'host.kernel'}}
  host.return %x : tensor<4xf32>
}
