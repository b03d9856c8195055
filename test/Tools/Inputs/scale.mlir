// y = s * x over n elements.
llvm.func @scale(%x: !llvm.ptr, %y: !llvm.ptr, %n: i64, %s: f32) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 256>} {
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %size = nvvm.read.ptx.sreg.ntid.x : i32
  %start = llvm.mul %block, %size : i32
  %at = llvm.add %start, %tid : i32
  %at64 = llvm.zext %at : i32 to i64
  %inside = llvm.icmp "ult" %at64, %n : i64
  llvm.cond_br %inside, ^body, ^end
^body:
  %from = llvm.getelementptr %x[%at64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %v = llvm.load %from : !llvm.ptr -> f32
  %w = llvm.fmul %v, %s : f32
  %to = llvm.getelementptr %y[%at64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  llvm.store %w, %to : f32, !llvm.ptr
  llvm.br ^end
^end:
  llvm.return
}
