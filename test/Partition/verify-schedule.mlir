// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules that can wait for ever are refused with the ops that wait; those that cannot pass.
// RUN: weft-opt %s --split-input-file --dist-verify-schedule="slots=1" --verify-diagnostics

// Two stages that send each other something, each before it waits.
module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %s = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      %r = dist.recv_start from 1 channel 1 : <tensor<4xf32>>
      %0 = dist.done %r : <tensor<4xf32>> -> tensor<4xf32>
      dist.done %s : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %s = dist.send_start %x to 0 channel 1 : tensor<4xf32> -> !dist.token
      %r = dist.recv_start from 0 channel 0 : <tensor<4xf32>>
      %0 = dist.done %r : <tensor<4xf32>> -> tensor<4xf32>
      dist.done %s : !dist.token
      return
    }
  }
}

// -----

// Each waits for the other before it sends.
module attributes {dist.mesh = #dist.mesh<data = 1>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %r = dist.recv_start from 1 channel 1 : <tensor<4xf32>>
      // expected-error@below {{waits for itself: this schedule can deadlock}}
      // expected-note@below {{rank 0 (stage 0, data 0): done of recv_start on channel 1 waits for the next}}
      // expected-note@below {{rank 0 (stage 0, data 0): done of recv_start on channel 1}}
      %0 = dist.done %r : <tensor<4xf32>> -> tensor<4xf32>
      // expected-note@below {{rank 0 (stage 0, data 0): send_start on channel 0 waits for the next}}
      %s = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      dist.done %s : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %r = dist.recv_start from 0 channel 0 : <tensor<4xf32>>
      // expected-note@below {{rank 1 (stage 1, data 0): done of recv_start on channel 0 waits for the next}}
      %0 = dist.done %r : <tensor<4xf32>> -> tensor<4xf32>
      // expected-note@below {{rank 1 (stage 1, data 0): send_start on channel 1 waits for the next}}
      %s = dist.send_start %x to 0 channel 1 : tensor<4xf32> -> !dist.token
      dist.done %s : !dist.token
      return
    }
  }
}

// -----

// With one slot the second message waits until the first has its buffer; the receiver posts that too late.
module attributes {dist.mesh = #dist.mesh<data = 1>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %s0 = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      // expected-error@below {{waits for itself: this schedule can deadlock}}
      // expected-note@below {{send_start on channel 1 waits for the next}}
      // expected-note@below {{send_start on channel 1}}
      %s1 = dist.send_start %x to 1 channel 1 : tensor<4xf32> -> !dist.token
      dist.done %s0 : !dist.token
      dist.done %s1 : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main() {
      %r1 = dist.recv_start from 0 channel 1 : <tensor<4xf32>>
      // expected-note@below {{done of recv_start on channel 1 waits for the next}}
      %1 = dist.done %r1 : <tensor<4xf32>> -> tensor<4xf32>
      // expected-note@below {{recv_start on channel 0 waits for the next}}
      %r0 = dist.recv_start from 0 channel 0 : <tensor<4xf32>>
      %0 = dist.done %r0 : <tensor<4xf32>> -> tensor<4xf32>
      return
    }
  }
}

// -----

// The same with both buffers posted first.
module attributes {dist.mesh = #dist.mesh<data = 1>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %s0 = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      %s1 = dist.send_start %x to 1 channel 1 : tensor<4xf32> -> !dist.token
      dist.done %s0 : !dist.token
      dist.done %s1 : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main() {
      %r0 = dist.recv_start from 0 channel 0 : <tensor<4xf32>>
      %r1 = dist.recv_start from 0 channel 1 : <tensor<4xf32>>
      %1 = dist.done %r1 : <tensor<4xf32>> -> tensor<4xf32>
      %0 = dist.done %r0 : <tensor<4xf32>> -> tensor<4xf32>
      return
    }
  }
}

// -----

// Nobody receives.
module attributes {dist.mesh = #dist.mesh<data = 1>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      // expected-error@below {{on rank 0 (stage 0, data 0) has no recv_start on channel 0 of rank 1 (stage 1, data 0)}}
      %s = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      dist.done %s : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main() {
      return
    }
  }
}

// -----

// What is sent is not what is wanted.
module attributes {dist.mesh = #dist.mesh<data = 1>, dist.stages = 2 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      // expected-error@below {{sends 'tensor<4xf32>', and rank 1 (stage 1, data 0): recv_start on channel 0 wants 'tensor<2xf32>'}}
      %s = dist.send_start %x to 1 channel 0 : tensor<4xf32> -> !dist.token
      dist.done %s : !dist.token
      return
    }
  }
  module @b attributes {dist.stage = 1 : i64} {
    func.func @main() {
      %r = dist.recv_start from 0 channel 0 : <tensor<2xf32>>
      %0 = dist.done %r : <tensor<2xf32>> -> tensor<2xf32>
      return
    }
  }
}

// -----

// A channel used twice.
module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stages = 1 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      %s = dist.all_reduce_start sum %x over ["data"] channel 0 : tensor<4xf32> -> <tensor<4xf32>>
      // expected-error@below {{uses channel 0, which dist.all_reduce_start used before it}}
      %t = dist.all_reduce_start sum %x over ["data"] channel 0 : tensor<4xf32> -> <tensor<4xf32>>
      %0 = dist.done %s : <tensor<4xf32>> -> tensor<4xf32>
      %1 = dist.done %t : <tensor<4xf32>> -> tensor<4xf32>
      return
    }
  }
}

// -----

// Never waited for.
module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stages = 1 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>) {
      // expected-error@below {{is waited for 0 times, wanted once}}
      %s = dist.all_reduce_start sum %x over ["data"] channel 0 : tensor<4xf32> -> <tensor<4xf32>>
      return
    }
  }
}

// -----

// In a branch that only some ranks may take.
module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stages = 1 : i64} {
  module @a attributes {dist.stage = 0 : i64} {
    func.func @main(%x: tensor<4xf32>, %c: tensor<i1>) {
      %0 = weft.if %c : (tensor<i1>) -> tensor<4xf32> {
        // expected-error@below {{stands in a region, wanted it in @main itself}}
        %s = dist.all_reduce_start sum %x over ["data"] channel 0 : tensor<4xf32> -> <tensor<4xf32>>
        %1 = dist.done %s : <tensor<4xf32>> -> tensor<4xf32>
        weft.yield %1 : tensor<4xf32>
      } else {
        weft.yield %x : tensor<4xf32>
      }
      return
    }
  }
}
