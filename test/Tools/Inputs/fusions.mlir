// What joins a kernel and what does not.
func.func @main(%x: tensor<256x32xf32>, %w: tensor<32x128xf32>, %b: tensor<1x128xf32>, %i: tensor<4x1xi64>)
    -> (tensor<256x128xf32>, tensor<256xf32>, tensor<4x128xf32>) {
  %product = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x32xf32>, tensor<32x128xf32>) -> tensor<256x128xf32> loc("product")
  %shifted = weft.add %product, %b : (tensor<256x128xf32>, tensor<1x128xf32>) -> tensor<256x128xf32> loc("shifted")
  %row = weft.softmax %shifted axis 1 : (tensor<256x128xf32>) -> tensor<256x128xf32> loc("row")
  %grown = weft.exp %row : (tensor<256x128xf32>) -> tensor<256x128xf32> loc("grown")
  %clipped = weft.relu %shifted : (tensor<256x128xf32>) -> tensor<256x128xf32> loc("clipped")
  %folded = weft.reshape %clipped sizes [256, 2, 64] : (tensor<256x128xf32>) -> tensor<256x2x64xf32>
  %sum = weft.reduce add %folded axes [1, 2] : (tensor<256x2x64xf32>) -> tensor<256xf32> loc("sum")
  %picked = weft.gather %grown at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0 : i64} : (tensor<256x128xf32>, tensor<4x1xi64>) -> tensor<4x128xf32> loc("picked")
  %negated = weft.neg %picked : (tensor<4x128xf32>) -> tensor<4x128xf32> loc("negated")
  return %grown, %sum, %negated : tensor<256x128xf32>, tensor<256xf32>, tensor<4x128xf32>
}
