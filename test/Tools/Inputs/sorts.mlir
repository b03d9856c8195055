// Two calls that only the runtime has functions for.
func.func @main(%x: tensor<4x6xf32> {weft.name = "x"}) -> (tensor<4x6xf32> {weft.name = "rows"}, tensor<4x6xf32> {weft.name = "columns"}) {
  %twice = weft.add %x, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %rows = weft.custom_call "sort"(%twice) {config = {axis = 1 : i64}} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %columns = weft.custom_call "sort"(%twice) {config = {axis = 0 : i64}} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %rows, %columns : tensor<4x6xf32>, tensor<4x6xf32>
}
