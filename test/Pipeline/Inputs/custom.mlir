func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.custom_call "no_such"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
