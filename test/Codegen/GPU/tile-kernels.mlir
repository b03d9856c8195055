// The main schedules as PTX: 128-bit accesses, shuffles, barriers only where warps meet, nothing in local memory.
// RUN: split-file %s %t
// RUN: weft-opt %t/elementwise.mlir --convert-weft-to-linalg --convert-linalg-to-tile --cse --tile-expand-exchanges --tile-insert-barriers --convert-tile-to-nvvm > %t/elementwise.nvvm
// RUN: weft-ptx %t/elementwise.nvvm | FileCheck %s --check-prefix=ELEMENTWISE --implicit-check-not=.local --implicit-check-not=bar.sync
// RUN: weft-opt %t/softmax.mlir --convert-weft-to-linalg --convert-linalg-to-tile --cse --tile-expand-exchanges --tile-insert-barriers --convert-tile-to-nvvm > %t/softmax.nvvm
// RUN: weft-ptx %t/softmax.nvvm | FileCheck %s --check-prefix=SOFTMAX --implicit-check-not=.local --implicit-check-not=bar.sync
// RUN: weft-opt %t/long.mlir --convert-weft-to-linalg --convert-linalg-to-tile --cse --tile-expand-exchanges --tile-insert-barriers --convert-tile-to-nvvm > %t/long.nvvm
// RUN: weft-ptx %t/long.nvvm --target=sm_90a | FileCheck %s --check-prefix=LONG --implicit-check-not=.local
// RUN: weft-opt %t/norm.mlir --convert-weft-to-linalg --convert-linalg-to-tile --cse --tile-expand-exchanges --tile-insert-barriers --convert-tile-to-nvvm > %t/norm.nvvm
// RUN: weft-ptx %t/norm.nvvm | FileCheck %s --check-prefix=NORM --implicit-check-not=.local
// RUN: weft-opt %t/product.mlir --convert-weft-to-linalg --convert-linalg-to-tile --cse --tile-expand-exchanges --tile-insert-barriers --convert-tile-to-nvvm > %t/product.nvvm
// RUN: weft-ptx %t/product.nvvm | FileCheck %s --check-prefix=PRODUCT --implicit-check-not=.local

//--- elementwise.mlir
func.func @elementwise(%x: tensor<1000x64xf32>, %b: tensor<1x64xf32>) -> tensor<1000x64xf32> {
  %0 = weft.add %x, %b : (tensor<1000x64xf32>, tensor<1x64xf32>) -> tensor<1000x64xf32>
  %1 = weft.relu %0 : (tensor<1000x64xf32>) -> tensor<1000x64xf32>
  return %1 : tensor<1000x64xf32>
}
// ELEMENTWISE: .entry elementwise
// ELEMENTWISE: .maxntid 256
// ELEMENTWISE-COUNT-2: ld.global.nc.v4
// ELEMENTWISE-NOT: ld.global
// ELEMENTWISE: st.global.v4

//--- softmax.mlir
func.func @softmax(%x: tensor<100x1024xf32>) -> tensor<100x1024xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<100x1024xf32>) -> tensor<100x1024xf32>
  return %0 : tensor<100x1024xf32>
}
// A row in a warp: 1024 elements are 8 loads of each lane; two reductions of 5 shuffles.
// SOFTMAX-COUNT-8: ld.global.nc.v4
// SOFTMAX-NOT: ld.global
// SOFTMAX-COUNT-10: shfl.sync.bfly
// SOFTMAX-COUNT-8: st.global.v4

//--- long.mlir
func.func @long(%x: tensor<3x8192xf32>) -> tensor<3x8192xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<3x8192xf32>) -> tensor<3x8192xf32>
  return %0 : tensor<3x8192xf32>
}
// A row in a block: warps meet in shared memory.
// LONG: .target sm_90a
// LONG-COUNT-8: ld.global.nc.v4
// LONG: st.shared
// LONG: bar.sync
// LONG: ld.shared
// LONG: st.shared
// LONG: bar.sync
// LONG: ld.shared
// LONG-COUNT-8: st.global.v4

//--- norm.mlir
func.func @norm(%x: tensor<64x256xf32>) -> (tensor<64x256xf32>, tensor<64x1xf32>, tensor<64x1xf32>) {
  %0:3 = weft.normalize %x axes [1] epsilon 1.0e-5 : (tensor<64x256xf32>) -> (tensor<64x256xf32>, tensor<64x1xf32>, tensor<64x1xf32>)
  return %0#0, %0#1, %0#2 : tensor<64x256xf32>, tensor<64x1xf32>, tensor<64x1xf32>
}
// NORM-COUNT-2: ld.global.nc.v4
// NORM-NOT: ld.global
// NORM: shfl.sync.bfly
// NORM: st.global.v4

//--- product.mlir
func.func @product(%x: tensor<200x96xf32>, %w: tensor<96x132xf32>, %b: tensor<1x132xf32>) -> tensor<200x132xf32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<200x96xf32>, tensor<96x132xf32>) -> tensor<200x132xf32>
  %1 = weft.add %0, %b : (tensor<200x132xf32>, tensor<1x132xf32>) -> tensor<200x132xf32>
  return %1 : tensor<200x132xf32>
}
// 64 x 64 of the result in a block: 16 steps of 16 sums for each thread between two barriers.
// PRODUCT: .maxntid 256
// PRODUCT: bar.sync
// PRODUCT: ld.shared.v4
// PRODUCT-COUNT-256: fma.rn.f32
// PRODUCT-NOT: fma.rn.f32
// PRODUCT: st.global.v4
