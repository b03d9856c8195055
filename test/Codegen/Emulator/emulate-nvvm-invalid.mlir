// RUN: weft-opt %s --weft-emulate-nvvm --split-input-file --verify-diagnostics
// An op without emulation is an error that names it.
llvm.func @k(%p: !llvm.ptr) attributes {nvvm.kernel} {
  // expected-error @below {{no emulation for 'nvvm.read.ptx.sreg.clock'; wanted ops of llvm and nvvm that it knows}}
  %t = nvvm.read.ptx.sreg.clock : i32
  llvm.return
}

// -----

llvm.func @helper(f32) -> f32
llvm.func @k(%p: !llvm.ptr, %x: f32) attributes {nvvm.kernel} {
  // expected-error @below {{no emulation for a call of 'helper', which the module does not define}}
  %y = llvm.call @helper(%x) : (f32) -> f32
  llvm.store %y, %p : f32, !llvm.ptr
  llvm.return
}

// -----

llvm.func @k(%p: !llvm.ptr, %x: f32) attributes {nvvm.kernel} {
  // expected-error @below {{no emulation for the assembly 'rcp.rn.f64 $0, $1;'}}
  %y = llvm.inline_asm "rcp.rn.f64 $0, $1;", "=d,d" %x : (f32) -> f32
  llvm.store %y, %p : f32, !llvm.ptr
  llvm.return
}

// -----

llvm.func @k(%p: !llvm.ptr) attributes {nvvm.kernel} {
  // expected-error @below {{no emulation for 'arith.constant'}}
  %c = arith.constant 1 : i32
  llvm.store %c, %p : i32, !llvm.ptr
  llvm.return
}

// -----

// expected-error @below {{no kernel in the module; wanted an llvm.func with the attribute nvvm.kernel}}
module {
  llvm.func @f(%p: !llvm.ptr) {
    llvm.return
  }
}
