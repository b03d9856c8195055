// A loop that stacks slices of unknown extent: the host stage refuses it.
func.func @main(%h: tensor<8xf32> {weft.name = "h"}, %xs: tensor<3x?xf32, #weft.dims<[_, n]>> {weft.name = "xs"})
    -> (tensor<8xf32> {weft.name = "y"}, tensor<3x?xf32, #weft.dims<[_, n]>> {weft.name = "z"}) {
  %0:2 = weft.scan init(%h) over(%xs) : (tensor<8xf32>, tensor<3x?xf32, #weft.dims<[_, n]>>)
      -> (tensor<8xf32>, tensor<3x?xf32, #weft.dims<[_, n]>>) {
  ^bb0(%c: tensor<8xf32>, %x: tensor<?xf32, #weft.dims<[n]>>):
    %s = weft.neg %c : (tensor<8xf32>) -> tensor<8xf32>
    weft.yield %s, %x : tensor<8xf32>, tensor<?xf32, #weft.dims<[n]>>
  }
  return %0#0, %0#1 : tensor<8xf32>, tensor<3x?xf32, #weft.dims<[_, n]>>
}
