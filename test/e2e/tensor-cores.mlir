// Products and convolutions of 16-bit floats on tensor cores of the emulated GPU, with all its checks: the CPU's numbers,
// for mma.sync and for wgmma. f32 goes there only with --numerics=fast.
// RUN: weft run %s --input random:1 --no-cache --output output0=@%t.0.npy --output output1=@%t.1.npy --output output2=@%t.2.npy
// RUN: weft run %s --input random:1 --no-cache --target=cuda-emu:sm_80 --emulator=lifo --rtol 0.01 --atol 0.01 --expected output0=@%t.0.npy --expected output1=@%t.1.npy --expected output2=@%t.2.npy
// RUN: weft run %s --input random:1 --no-cache --target=cuda-emu:sm_90a --emulator=random:3 --rtol 0.01 --atol 0.01 --expected output0=@%t.0.npy --expected output1=@%t.1.npy --expected output2=@%t.2.npy
// RUN: weft run %s --input random:1 --no-cache --target=cuda-emu:sm_80 --numerics=fast --rtol 0.01 --atol 0.01 --expected output0=@%t.0.npy --expected output1=@%t.1.npy --expected output2=@%t.2.npy
// RUN: weft compile %s --target=cuda:sm_80 --emit=ptx --no-cache -o %t.80.ptx
// RUN: FileCheck %s --implicit-check-not=tf32 < %t.80.ptx
// RUN: weft compile %s --target=cuda:sm_90a --emit=ptx --no-cache -o %t.90.ptx
// RUN: FileCheck %s --check-prefix=WGMMA < %t.90.ptx
// RUN: weft compile %s --target=cuda:sm_80 --numerics=fast --emit=ptx --no-cache -o %t.fast.ptx
// RUN: FileCheck %s --check-prefix=FAST < %t.fast.ptx
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// WGMMA: wgmma.mma_async
// FAST: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
func.func @main(%x: tensor<2x9x7x4xbf16>, %a: tensor<70x56xf16>, %b: tensor<72x56xf16>, %bias: tensor<1x72xf16>,
                %c: tensor<40x36xf32>, %d: tensor<24x36xf32>)
    -> (tensor<2x9x7x12xf32>, tensor<70x72xf16>, tensor<40x24xf32>) {
  %w = weft.constant dense<"0x7B3EF73E173F623FF53E583F71BF8CBD623F983E4D3F46BF7DBD01BFB33D173E79BF11BFE1BE553F083F2EBF183F38BF703E3FBF7FBF3E3F14BF11BF763F3E3FD7BE6C3FA03DB63E17BF613FC33E6E3F493FCEBE8EBE2BBF35BF5EBFCBBE533E7EBFB63EA5BEC2BE233F1DBDBCBE19BDD13E62BF733F74BFFF3E303F76BF133F89BE203E7BBF68BF23BF693F1BBF023F5B3F623F9FBE94BE4A3D0D3F48BFFE3E183F383F6DBF643F51BFA3BE623E563FA3BE593FB83DC0BEBBBE25BF57BF33BFC13E7E3F2DBF67BF793F893D40BE06BF403E273FB5BD20BE63BF553F6FBF52BC2D3F3DBFED3E663F853E133F49BF06BE33BF303FD2BEBFBD7F3F343F733FBEBDC2BCEB3E2BBDD5BE45BE34BF7BBE7A3F6B3F823EB1BAA5BE52BFE9BE103F3C3F8EBE123F0C3FC73EA73E043F8BBED13EE0BEEABC0A3FC33ED3BE643F993E253E7ABFC03DFFBEAF3E97BD223F963E183F9BBE933EF33E283F99BE2F3F3D3FC03E733F693F143D703D2ABF2C3F5F3F3ABDC43EE03EEB3E28BF0F3F253EA93E22BE7D3E0C3F8C3EE13E71BF2EBFF1BD993E0FBFBE3E863E6ABF68BD0CBF64BF3BBFBBBE23BF1CBF6DBF8EBD75BE643E383E06BF4E3F7FBF41BEE2BE38BE45BF293F81BE6DBF683E4FBFB93DA4BE253E6A3F233F25BE203F913E85BE37BF443E023E6A3F6F3F5E3E98BE493F7FBF48BF063E6B3E37BF843E483F7EBE0BBE0CBFD5BE713F76BE6C3F533F443EF5BE763FF2BB2DBEB9BE773F87BCDABE3CBD41BF793EE7BDD3BE103F273F79BF853DE7BE5E3F103F02BFEDBE30BF7A3FD3BE5D3E4FBD943E543EF93E43BF053FCCBE893DA7BED0BE743D92BD8EBEFA3E393E6DBFFDBEB5BD553F463FBA3D78BF0E3F14BE1A3ED53E873E14BD523F6ABE5DBE343F1BBFD0BE283F5EBF2C3FC73E09BEDABE0F3F523F36BF30BDC93D97BBADBE31BF2F3E1F3F5CBF0ABF233F153FA73E72BFE33E753F7F3FCE3E66BF2F3F0FBF953E673FD93E3BBFD4BE563F33BF623E30BE2DBF7A3E69BF48BF77BE5BBF62BF1A3EF83E413F3BBF0BBEBDBE4D3EAABC603F80BE63BFCA3E32BF863E3F3C523FE03D773EF2BED33DFBBE003F0B3D3BBF07BF83BEF23E24BFDA3E9E3E54BFAB3E51BF40BF403E05BF403F20BDB4BE173F70BFE63E64BF32BF673FB93E0DBF44BF723FA93E243F38BF7F3E95BE07BFAABE683E9ABE69BE3ABF293F973E1B3F08BE343F0F3D"> : tensor<12x4x3x3xbf16>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 0, 1, 2, 3>,
      y_dims = array<i64: 0, 3, 1, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>}
      : (tensor<2x9x7x4xbf16>, tensor<12x4x3x3xbf16>) -> tensor<2x9x7x12xbf16>
  %1 = weft.dot_general %a, %b batch [] x [] contract [1] x [1] : (tensor<70x56xf16>, tensor<72x56xf16>) -> tensor<70x72xf16>
  %2 = weft.add %1, %bias : (tensor<70x72xf16>, tensor<1x72xf16>) -> tensor<70x72xf16>
  %3 = weft.relu %2 : (tensor<70x72xf16>) -> tensor<70x72xf16>
  %4 = weft.dot_general %c, %d batch [] x [] contract [1] x [1] : (tensor<40x36xf32>, tensor<24x36xf32>) -> tensor<40x24xf32>
  %5 = weft.convert %0 : (tensor<2x9x7x12xbf16>) -> tensor<2x9x7x12xf32>
  return %5, %3, %4 : tensor<2x9x7x12xf32>, tensor<70x72xf16>, tensor<40x24xf32>
}
