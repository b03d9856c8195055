// A Fourier transform of unknown length: the graph stage refuses it.
func.func @main(%x: tensor<?xf32, #weft.dims<[n]>> {weft.name = "x"})
    -> (tensor<?xf32> {weft.name = "re"}, tensor<?xf32> {weft.name = "im"}) {
  %0:2 = weft.fft r2c %x axes [0] : (tensor<?xf32, #weft.dims<[n]>>) -> (tensor<?xf32>, tensor<?xf32>)
  return %0#0, %0#1 : tensor<?xf32>, tensor<?xf32>
}
