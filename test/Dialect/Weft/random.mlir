// Random bits.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @bits
func.func @bits(%key: tensor<2xui32>, %counter: tensor<3x?xui64, #weft.dims<[_, n]>>) {
  // CHECK: weft.random_bits %{{.*}}, %{{.*}} : (tensor<2xui32>, tensor<3x?xui64, #weft.dims<[_, n]>>) -> tensor<3x?xui32, #weft.dims<[_, n]>>
  weft.random_bits %key, %counter : (tensor<2xui32>, tensor<3x?xui64, #weft.dims<[_, n]>>) -> tensor<3x?xui32, #weft.dims<[_, n]>>
  // CHECK: weft.random_bits %{{.*}}, %{{.*}} {algorithm = #weft<random_algorithm threefry>} :
  weft.random_bits %key, %counter {algorithm = #weft<random_algorithm threefry>} : (tensor<2xui32>, tensor<3x?xui64, #weft.dims<[_, n]>>) -> tensor<3x?xui32, #weft.dims<[_, n]>>
  return
}
