// Two ops that the runtime does and no GPU kernel.
func.func @main(%x: tensor<4x6xf32> {weft.name = "x"}) -> (tensor<4x6xf32> {weft.name = "rows"}, tensor<4x6xf32> {weft.name = "columns"}) {
  %twice = weft.add %x, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %rows = weft.sort %twice axis 1 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %columns = weft.sort %twice axis 0 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %rows, %columns : tensor<4x6xf32>, tensor<4x6xf32>
}
