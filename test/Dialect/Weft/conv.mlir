// Convolution: layouts, strides, paddings, dilations, groups, named and unknown extents.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @nchw
func.func @nchw(%x: tensor<?x3x224x224xf32, #weft.dims<[batch, _, _, _]>>, %w: tensor<64x3x7x7xf32>) {
  // CHECK: weft.conv %{{.*}}, %{{.*}} {
  // CHECK-SAME: strides = array<i64: 2, 2>
  // CHECK-SAME: -> tensor<?x64x112x112xf32, #weft.dims<[batch, _, _, _]>>
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 2, 2>, padding_low = array<i64: 3, 3>, padding_high = array<i64: 3, 3>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>}
    : (tensor<?x3x224x224xf32, #weft.dims<[batch, _, _, _]>>, tensor<64x3x7x7xf32>) -> tensor<?x64x112x112xf32, #weft.dims<[batch, _, _, _]>>
  return
}

// Depthwise in NHWC with an i32 result.
// CHECK-LABEL: func @nhwc_depthwise
func.func @nhwc_depthwise(%x: tensor<1x8x8x16xi8>, %w: tensor<3x3x1x16xi8>) {
  // CHECK: weft.conv
  // CHECK-SAME: element_type = i32, feature_groups = 16 : i64
  // CHECK-SAME: -> tensor<1x6x6x16xi32>
  weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>, feature_groups = 16, element_type = i32}
    : (tensor<1x8x8x16xi8>, tensor<3x3x1x16xi8>) -> tensor<1x6x6x16xi32>
  return
}

// A transposed convolution: the input is dilated and the window reversed.
// CHECK-LABEL: func @transposed
func.func @transposed(%x: tensor<1x4x5xf32>, %w: tensor<2x4x3xf32>) {
  // CHECK: weft.conv
  // CHECK-SAME: input_dilation = array<i64: 2>
  // CHECK-SAME: precision = #weft<precision tf32>
  // CHECK-SAME: reverse = array<i1: true>
  // CHECK-SAME: -> tensor<1x2x11xf32>
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>,
    strides = array<i64: 1>, padding_low = array<i64: 2>, padding_high = array<i64: 2>,
    input_dilation = array<i64: 2>, kernel_dilation = array<i64: 1>, reverse = array<i1: true>,
    precision = #weft<precision tf32>}
    : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x11xf32>
  return
}

// A window larger than what it slides over gives no elements; negative padding crops; no spatial dimensions: a product.
// CHECK-LABEL: func @corners
func.func @corners(%x: tensor<1x1x2xf32>, %w: tensor<1x1x3xf32>, %p: tensor<4x3xf32>, %q: tensor<5x3xf32>) {
  // CHECK: weft.conv {{.*}} -> tensor<1x1x0xf32>
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>,
    strides = array<i64: 1>, padding_low = array<i64: -1>, padding_high = array<i64: 0>,
    input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<1x1x3xf32>) -> tensor<1x1x0xf32>
  // CHECK: weft.conv {{.*}} -> tensor<4x5xf32>
  weft.conv %p, %q {x_dims = array<i64: 0, 1>, w_dims = array<i64: 0, 1>, y_dims = array<i64: 0, 1>,
    strides = array<i64>, padding_low = array<i64>, padding_high = array<i64>,
    input_dilation = array<i64>, kernel_dilation = array<i64>}
    : (tensor<4x3xf32>, tensor<5x3xf32>) -> tensor<4x5xf32>
  return
}
