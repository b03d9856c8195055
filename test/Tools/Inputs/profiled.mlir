// A kernel of each way to count: rows of a table, a slice, a loop whose body runs three times, a sort.
func.func @main(%ids: tensor<6xi64> {weft.name = "ids"}, %x: tensor<100x8xf32> {weft.name = "x"})
    -> (tensor<6x8xf32> {weft.name = "rows"}, tensor<2x8xf32> {weft.name = "part"}, tensor<4x8xf32> {weft.name = "sums"},
        tensor<100x8xf32> {weft.name = "sorted"}) {
  %index = weft.reshape %ids sizes [6, 1] : (tensor<6xi64>) -> tensor<6x1xi64>
  %rows = weft.gather %x at %index {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0 : i64} : (tensor<100x8xf32>, tensor<6x1xi64>) -> tensor<6x8xf32>
  %part = weft.slice %x starts [10, 0] sizes [2, 8] strides [1, 1] : (tensor<100x8xf32>) -> tensor<2x8xf32>
  %four = weft.slice %x starts [0, 0] sizes [4, 8] strides [1, 1] : (tensor<100x8xf32>) -> tensor<4x8xf32>
  %zero = weft.constant dense<0> : tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %three = weft.constant dense<3> : tensor<i64>
  %sums:2 = weft.while %zero, %four : (tensor<i64>, tensor<4x8xf32>) -> (tensor<i64>, tensor<4x8xf32>) {
  ^bb0(%i: tensor<i64>, %sum: tensor<4x8xf32>):
    %more = weft.compare lt %i, %three : (tensor<i64>, tensor<i64>) -> tensor<i1>
    weft.yield %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<i64>, %sum: tensor<4x8xf32>):
    %next = weft.add %i, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %twice = weft.add %sum, %sum : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    weft.yield %next, %twice : tensor<i64>, tensor<4x8xf32>
  }
  %sorted = weft.sort %x axis 0 : (tensor<100x8xf32>) -> (tensor<100x8xf32>)
  return %rows, %part, %sums#1, %sorted : tensor<6x8xf32>, tensor<2x8xf32>, tensor<4x8xf32>, tensor<100x8xf32>
}
