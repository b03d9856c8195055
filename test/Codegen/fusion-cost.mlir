// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What several kernels read: stored, or computed again in each of them; and why.
// RUN: weft-opt %s --weft-outline-kernels --split-input-file | FileCheck %s
// RUN: weft-opt %s --weft-outline-kernels --split-input-file --mlir-print-debuginfo | FileCheck %s --check-prefix=WHY
// RUN: weft-opt %s --weft-outline-kernels=gpu=true --split-input-file | FileCheck %s --check-prefix=GPU

// A difference costs less than writing it and reading it twice.
// CHECK-LABEL: func.func @again(
// CHECK-NEXT: host.launch @sub_reduce(%arg0, %arg1)
// CHECK-NEXT: host.launch @sub_reduce_0(%arg0, %arg1)
// CHECK-NEXT: return
// WHY-LABEL: func.func @again(
// WHY: "computed sub 'centred' by each of 2 readers instead of stored: writing and reading 12.583 MB takes about {{.*}}; computing it again, 1.0 operations an element and reading 8.397 MB, about
// GPU-LABEL: func.func @again(
// GPU-NEXT: host.launch @sub_reduce(
// GPU-NEXT: host.launch @sub_reduce_0(
func.func @again(%x: tensor<1024x1024xf32>, %m: tensor<1024x1xf32>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.sub %x, %m : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32> loc("centred")
  %1 = weft.reduce add %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %2 = weft.reduce max %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %1, %2 : tensor<1024xf32>, tensor<1024xf32>
}

// -----

// Exponentials that stay in a cache are read from there.
// CHECK-LABEL: func.func @stored(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK-NEXT: host.launch @neg(%[[E]])
// CHECK-NEXT: host.launch @abs(%[[E]])
// WHY-LABEL: func.func @stored(
// WHY: "not fused with exp 'grown', 0.262 MB: stored for 2 readers: writing and reading 0.786 MB takes about {{.*}} us; computing it again, 16.0 operations an element and reading 0.524 MB, about {{.*}}"
func.func @stored(%x: tensor<64x1024xf32>) -> (tensor<64x1024xf32>, tensor<64x1024xf32>) {
  %0 = weft.exp %x : (tensor<64x1024xf32>) -> tensor<64x1024xf32> loc("grown")
  %1 = weft.neg %0 : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  %2 = weft.abs %0 : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  return %1, %2 : tensor<64x1024xf32>, tensor<64x1024xf32>
}

// -----

// A sum of floats has the same bits as before: what would change its loop is not computed in it.
// CHECK-LABEL: func.func @sums(
// CHECK-NEXT: %[[E:.*]] = host.launch @sqrt(%arg0)
// CHECK-NEXT: host.launch @reduce(%[[E]])
// CHECK-NEXT: host.launch @abs(%[[E]])
// WHY-LABEL: func.func @sums(
// WHY: others read it, too; in its kernel reduce would add in another order; computing it again takes
func.func @sums(%x: tensor<8192x8192xf32>) -> (tensor<8192xf32>, tensor<8192x8192xf32>) {
  %0 = weft.sqrt %x : (tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<8192x8192xf32>) -> tensor<8192xf32>
  %2 = weft.abs %0 : (tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  return %1, %2 : tensor<8192xf32>, tensor<8192x8192xf32>
}

// -----

// So is what would split the loop over several axes.
// CHECK-LABEL: func.func @split_sums(
// CHECK-NEXT: %[[M:.*]] = host.launch @mul(%arg0, %arg1)
// CHECK-NEXT: host.launch @reduce(%[[M]])
func.func @split_sums(%x: tensor<64x64x64xf32>, %s: tensor<1x64x1xf32>) -> (tensor<64xf32>, tensor<64x64x64xf32>) {
  %0 = weft.mul %x, %s : (tensor<64x64x64xf32>, tensor<1x64x1xf32>) -> tensor<64x64x64xf32>
  %1 = weft.reduce add %0 axes [1, 2] : (tensor<64x64x64xf32>) -> tensor<64xf32>
  %2 = weft.abs %0 : (tensor<64x64x64xf32>) -> tensor<64x64x64xf32>
  return %1, %2 : tensor<64xf32>, tensor<64x64x64xf32>
}

// -----

// One operand is read instead of one value; of two that are as large it takes longer.
// CHECK-LABEL: func.func @large_operands(
// CHECK-NEXT: %[[A:.*]] = host.launch @add_add_add(%arg0, %arg1, %arg2, %arg3)
// CHECK-NEXT: host.launch @reduce(%[[A]])
// CHECK-NEXT: host.launch @reduce_0(%[[A]])
func.func @large_operands(%x: tensor<1024x1024xf32>, %y: tensor<1024x1024xf32>, %z: tensor<1024x1024xf32>,
                          %w: tensor<1024x1024xf32>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.add %x, %y : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.add %0, %z : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %2 = weft.add %1, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %3 = weft.reduce add %2 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %4 = weft.reduce max %2 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %3, %4 : tensor<1024xf32>, tensor<1024xf32>
}

// -----

// A mask is a byte an element. Who reads what it is made of anyway makes it again.
// CHECK-LABEL: func.func @mask(
// CHECK-NEXT: host.launch @compare_select(%arg0)
// CHECK-NEXT: host.launch @compare_select_0(%arg0, %arg1)
func.func @mask(%x: tensor<1024x1024xf32>, %y: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %c = weft.constant dense<0.0> : tensor<1x1xf32>
  %0 = weft.compare gt %x, %c : (tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xi1>
  %1 = weft.select %0, %x, %c : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xf32>
  %2 = weft.select %0, %x, %y : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %1, %2 : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// For others, four bytes are more than one.
// CHECK-LABEL: func.func @foreign_mask(
// CHECK-NEXT: %[[M:.*]] = host.launch @compare(%arg0)
// CHECK-NEXT: host.launch @select(%[[M]], %arg1)
func.func @foreign_mask(%x: tensor<1024x1024xf32>, %a: tensor<1024x1024xf32>, %b: tensor<1024x1024xf32>,
    %d: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %c = weft.constant dense<0.0> : tensor<1x1xf32>
  %0 = weft.compare gt %x, %c : (tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xi1>
  %1 = weft.select %0, %a, %c : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xf32>
  %2 = weft.select %0, %b, %c : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xf32>
  %3 = weft.select %0, %d, %c : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<1x1xf32>) -> tensor<1024x1024xf32>
  return %1, %2, %3 : tensor<1024x1024xf32>, tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// Extents with names: by the element.
// CHECK-LABEL: func.func @dynamic(
// CHECK-NEXT: host.launch @mul_reduce(%arg0)
// CHECK-NEXT: host.launch @mul_reduce_0(%arg0)
// WHY-LABEL: func.func @dynamic(
// WHY: by each of 2 readers instead of stored: writing and reading 12.0 bytes an element takes about {{.*}} ns; computing it again, 1.0 operations an element
func.func @dynamic(%x: tensor<?x?xf32, #weft.dims<[n, m]>>) -> (tensor<?xf32, #weft.dims<[n]>>, tensor<?xf32, #weft.dims<[n]>>) {
  %0 = weft.mul %x, %x : (tensor<?x?xf32, #weft.dims<[n, m]>>, tensor<?x?xf32, #weft.dims<[n, m]>>) -> tensor<?x?xf32, #weft.dims<[n, m]>>
  %1 = weft.reduce add %0 axes [1] : (tensor<?x?xf32, #weft.dims<[n, m]>>) -> tensor<?xf32, #weft.dims<[n]>>
  %2 = weft.reduce max %0 axes [1] : (tensor<?x?xf32, #weft.dims<[n, m]>>) -> tensor<?xf32, #weft.dims<[n]>>
  return %1, %2 : tensor<?xf32, #weft.dims<[n]>>, tensor<?xf32, #weft.dims<[n]>>
}

// -----

// Chains grow into their readers: so does what they read.
// CHECK-LABEL: func.func @chain(
// CHECK-NEXT: host.launch @neg_mul_reduce(%arg0)
// CHECK-NEXT: host.launch @neg_mul_reduce_0(%arg0)
// CHECK-NEXT: host.launch @neg_reduce(%arg0)
// CHECK-NEXT: return
func.func @chain(%x: tensor<1024x1024xf32>) -> (tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.neg %x : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.mul %0, %x : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %2 = weft.reduce add %1 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %3 = weft.reduce max %1 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %4 = weft.reduce max %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %2, %3, %4 : tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>
}

// -----

// An epilogue takes what has its shape.
// CHECK-LABEL: func.func @epilogues(
// CHECK-NEXT: host.launch @{{.*}}dot_general{{.*}}(
// CHECK-NEXT: host.launch @{{.*}}dot_general{{.*}}(
// CHECK-NEXT: return
func.func @epilogues(%x: tensor<64x64xf32>, %v: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64x64xf32>) {
  %0 = weft.neg %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = weft.dot_general %v, %w batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %2 = weft.add %1, %0 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %3 = weft.dot_general %w, %v batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %4 = weft.add %3, %0 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %2, %4 : tensor<64x64xf32>, tensor<64x64xf32>
}

// -----

// A result of the function is stored in any case.
// CHECK-LABEL: func.func @returned(
// CHECK-NEXT: %[[N:.*]] = host.launch @neg(%arg0)
// CHECK-NEXT: host.launch @reduce(%[[N]])
// WHY-LABEL: func.func @returned(
// WHY: "not fused with neg 'turned', 4.194 MB: others read it, too; return reads it from memory; computing it again takes 1.049 MFLOP"
func.func @returned(%x: tensor<1024x1024xf32>) -> (tensor<1024xf32>, tensor<1024x1024xf32>) {
  %0 = weft.neg %x : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32> loc("turned")
  %1 = weft.reduce add %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %1, %0 : tensor<1024xf32>, tensor<1024x1024xf32>
}

// -----

// So is what a contraction reads, many times.
// CHECK-LABEL: func.func @contracted(
// CHECK-NEXT: %[[N:.*]] = host.launch @neg(%arg0)
// CHECK-NEXT: host.launch @reduce(%[[N]])
// CHECK-NEXT: host.launch @dot_general(%[[N]], %arg1)
// WHY-LABEL: func.func @contracted(
// WHY: dot_general takes nothing before it; computing it again takes
func.func @contracted(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<64xf32>, tensor<64x64xf32>) {
  %0 = weft.neg %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %2 = weft.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %1, %2 : tensor<64xf32>, tensor<64x64xf32>
}

// -----

// A region is another block.
// CHECK-LABEL: func.func @region(
// CHECK-NEXT: %[[N:.*]] = host.launch @neg(%arg1)
// CHECK: weft.if
// CHECK-NEXT: host.launch @reduce{{.*}}(%[[N]])
func.func @region(%p: tensor<i1>, %x: tensor<1024x1024xf32>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.neg %x : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.reduce max %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %2 = weft.if %p : (tensor<i1>) -> tensor<1024xf32> {
    %3 = weft.reduce add %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
    weft.yield %3 : tensor<1024xf32>
  } else {
    weft.yield %1 : tensor<1024xf32>
  }
  return %1, %2 : tensor<1024xf32>, tensor<1024xf32>
}

// -----

// A sum of 16 bits is rounded where it is stored, and would not be in a kernel.
// CHECK-LABEL: func.func @narrow(
// CHECK-NEXT: %[[N:.*]] = host.launch @add(%arg0, %arg1)
// CHECK-NEXT: host.launch @mul(%[[N]])
// CHECK-NEXT: host.launch @sub(%[[N]], %arg1)
// WHY-LABEL: func.func @narrow(
// WHY: floats of 16 bits are rounded where they are stored
func.func @narrow(%x: tensor<1024x1024xbf16>, %y: tensor<1024x1024xbf16>) -> (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) {
  %0 = weft.add %x, %y : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %1 = weft.mul %0, %0 : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %2 = weft.sub %0, %y : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  return %1, %2 : tensor<1024x1024xbf16>, tensor<1024x1024xbf16>
}

// -----

// What becomes wide is exact, and twice as large as what it is made from.
// CHECK-LABEL: func.func @widened(
// CHECK-NEXT: host.launch @convert_reduce(%arg0)
// CHECK-NEXT: host.launch @convert_reduce_0(%arg0)
func.func @widened(%x: tensor<1024x1024xbf16>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.convert %x : (tensor<1024x1024xbf16>) -> tensor<1024x1024xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %2 = weft.reduce max %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %1, %2 : tensor<1024xf32>, tensor<1024xf32>
}

// -----

// CHECK-LABEL: func.func @random(
// CHECK-NEXT: %[[B:.*]] = host.launch @random_bits(%arg0, %arg1)
// CHECK-NEXT: host.launch @reduce(%[[B]])
// WHY-LABEL: func.func @random(
// WHY: random bits are drawn once
func.func @random(%k: tensor<2xui32>, %c: tensor<1024x1024xui64>) -> (tensor<1024xui32>, tensor<1024xui32>) {
  %0 = weft.random_bits %k, %c : (tensor<2xui32>, tensor<1024x1024xui64>) -> tensor<1024x1024xui32>
  %1 = weft.reduce max %0 axes [1] : (tensor<1024x1024xui32>) -> tensor<1024xui32>
  %2 = weft.reduce min %0 axes [1] : (tensor<1024x1024xui32>) -> tensor<1024xui32>
  return %1, %2 : tensor<1024xui32>, tensor<1024xui32>
}

// -----

// CHECK-LABEL: func.func @transposed(
// CHECK-NEXT: %[[T:.*]] = host.launch @transpose(%arg0)
// CHECK-NEXT: host.launch @reduce(%[[T]])
// WHY-LABEL: func.func @transposed(
// WHY: it is read against the order of memory
func.func @transposed(%x: tensor<1024x1024xf32>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = weft.transpose %x by [1, 0] : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.reduce max %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %2 = weft.reduce min %0 axes [1] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %1, %2 : tensor<1024xf32>, tensor<1024xf32>
}

// -----

// One reader, but each row would compute the exponentials of all columns.
// CHECK-LABEL: func.func @stretched(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg1)
// CHECK-NEXT: host.launch @add(%arg0, %[[E]])
// WHY-LABEL: func.func @stretched(
// WHY: "not fused with exp 'row', 0.004 MB: it would be computed for each element that it is stretched to; writing and reading 0.008 MB takes about {{.*}} us; computing it again, 16384.0 operations an element
func.func @stretched(%x: tensor<1024x1024xf32>, %b: tensor<1x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = weft.exp %b : (tensor<1x1024xf32>) -> tensor<1x1024xf32> loc("row")
  %1 = weft.add %x, %0 : (tensor<1024x1024xf32>, tensor<1x1024xf32>) -> tensor<1024x1024xf32>
  return %1 : tensor<1024x1024xf32>
}

// -----

// The same with a broadcast between.
// CHECK-LABEL: func.func @broadcast(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg1)
// CHECK-NEXT: host.launch @broadcast_add(
func.func @broadcast(%x: tensor<1024x1024xf32>, %b: tensor<1024xf32>) -> tensor<1024x1024xf32> {
  %0 = weft.exp %b : (tensor<1024xf32>) -> tensor<1024xf32>
  %1 = weft.broadcast %0 sizes [1024, 1024] dims [1] : (tensor<1024xf32>) -> tensor<1024x1024xf32>
  %2 = weft.add %x, %1 : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %2 : tensor<1024x1024xf32>
}

// -----

// One for each row is computed outside the loop over it. Threads of a GPU have no such loop.
// CHECK-LABEL: func.func @column(
// CHECK-NEXT: host.launch @atan_add(%arg1, %arg0)
// GPU-LABEL: func.func @column(
// GPU-NEXT: %[[E:.*]] = host.launch @atan(%arg1)
// GPU-NEXT: host.launch @add(%arg0, %[[E]])
func.func @column(%x: tensor<8192x8192xf32>, %b: tensor<8192x1xf32>) -> tensor<8192x8192xf32> {
  %0 = weft.atan %b : (tensor<8192x1xf32>) -> tensor<8192x1xf32>
  %1 = weft.add %x, %0 : (tensor<8192x8192xf32>, tensor<8192x1xf32>) -> tensor<8192x8192xf32>
  return %1 : tensor<8192x8192xf32>
}

// -----

// An addition for each element hides behind the way to memory.
// CHECK-LABEL: func.func @cheap(
// CHECK-NEXT: host.launch @add_add(%arg1, %arg2, %arg0)
func.func @cheap(%x: tensor<1024x1024xf32>, %b: tensor<1x1024xf32>, %c: tensor<1x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = weft.add %b, %c : (tensor<1x1024xf32>, tensor<1x1024xf32>) -> tensor<1x1024xf32>
  %1 = weft.add %x, %0 : (tensor<1024x1024xf32>, tensor<1x1024xf32>) -> tensor<1024x1024xf32>
  return %1 : tensor<1024x1024xf32>
}

// -----

// Nothing is computed again for who waits for it by another way: the slice is read from memory, so is what it reads.
// CHECK-LABEL: func.func @around(
// CHECK-NEXT: %[[N:.*]] = host.launch @neg(%arg0)
// CHECK-NEXT: %[[S:.*]] = host.launch @slice(%[[N]])
// CHECK-NEXT: host.launch @add(%[[N]], %[[S]])
// CHECK-NEXT: host.launch @mul(%[[N]])
func.func @around(%x: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %0 = weft.neg %x : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.slice %0 starts [3, 0] sizes [1, 1024] strides [1, 1] : (tensor<1024x1024xf32>) -> tensor<1x1024xf32>
  %2 = weft.add %0, %1 : (tensor<1024x1024xf32>, tensor<1x1024xf32>) -> tensor<1024x1024xf32>
  %3 = weft.mul %0, %0 : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %2, %3 : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// A reader may wait for another: the sum of what is shared, and what is shared less that sum.
// CHECK-LABEL: func.func @one_after_another(
// CHECK-NEXT: %[[S:.*]] = host.launch @neg_reduce(%arg0)
// CHECK-NEXT: %[[V:.*]] = weft.reshape %[[S]]
// CHECK-NEXT: host.launch @neg_sub(%arg0, %[[V]])
// CHECK-NEXT: return
func.func @one_after_another(%x: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = weft.neg %x : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %sum = weft.reduce add %0 axes [0] : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  %1 = weft.reshape %sum sizes [1, 1024] : (tensor<1024xf32>) -> tensor<1x1024xf32>
  %2 = weft.sub %0, %1 : (tensor<1024x1024xf32>, tensor<1x1024xf32>) -> tensor<1024x1024xf32>
  return %2 : tensor<1024x1024xf32>
}
