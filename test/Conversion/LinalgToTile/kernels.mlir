// How kernels spread over threads.
// RUN: weft-opt %s --split-input-file --convert-weft-to-linalg --convert-linalg-to-tile --cse | FileCheck %s

// Neighbours together, four to a thread; the last block is masked.
// CHECK: #[[L:.*]] = #tile.blocked<per_thread[1, 4], lanes[32, 1], warps[8, 1], order[1, 0]>
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: tile.threads = 256
func.func @elementwise(%x: tensor<1000x64xf32>, %b: tensor<1x64xf32>) -> tensor<1000x64xf32> {
  // CHECK: tile.load %arg0{{.*}} mask {{.*}} {contiguous = 4 : i64}
  // CHECK: tile.load %arg1{{.*}} {contiguous = 4 : i64}
  // CHECK: math.exp {{.*}} : tensor<256x4xf32, #[[L]]>
  // CHECK: tile.store {{.*}} {contiguous = 4 : i64}
  %0 = weft.add %x, %b : (tensor<1000x64xf32>, tensor<1x64xf32>) -> tensor<1000x64xf32>
  %1 = weft.exp %0 : (tensor<1000x64xf32>) -> tensor<1000x64xf32>
  return %1 : tensor<1000x64xf32>
}

// -----

// A warp for each row: the row is loaded once and its exponentials computed once.
// CHECK-LABEL: func.func @softmax
// CHECK: tile.load
// CHECK-NOT: tile.load
// CHECK: tile.reduce {{.*}} axis 1
// CHECK: math.exp
// CHECK-NOT: math.exp
// CHECK: tile.reduce {{.*}} axis 1
// CHECK: tile.store
func.func @softmax(%x: tensor<100x1000xf32>) -> tensor<100x1000xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<100x1000xf32>) -> tensor<100x1000xf32>
  return %0 : tensor<100x1000xf32>
}

// -----

// Along contiguous columns each thread sums its own.
// CHECK-LABEL: func.func @sum_columns
// CHECK: scf.for {{.*}} iter_args
// CHECK-NOT: tile.reduce
func.func @sum_columns(%x: tensor<70x100xf32>) -> tensor<100xf32> {
  %0 = weft.reduce add %x axes [0] : (tensor<70x100xf32>) -> tensor<100xf32>
  return %0 : tensor<100xf32>
}

// -----

// Where extents are known only when running, blocks take tiles in turn.
// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: %arg2: index, %arg3: index
// CHECK: %[[N:.*]] = tile.num_programs
// CHECK: scf.for {{.*}} step %[[N]]
func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = weft.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Positions are conditions on elements: masks, no branches.
// CHECK-LABEL: func.func @concat
// CHECK-NOT: scf.if
// CHECK-COUNT-2: tile.store
func.func @concat(%x: tensor<3xf32>, %y: tensor<5xf32>) -> tensor<8xf32> {
  %0 = weft.concat %x, %y axis 0 : (tensor<3xf32>, tensor<5xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Operands have one batch, whichever buffer tells it: its points are spread over threads too, not run in turn by each.
// CHECK-LABEL: func.func @concat_batches
// CHECK: %[[N:.*]] = tile.num_programs
// CHECK: scf.for {{.*}} step %[[N]]
// CHECK-NOT: scf.for
// CHECK-COUNT-3: tile.store
// CHECK-NOT: scf.for
// CHECK: return
func.func @concat_batches(%x: tensor<?x14x16xf32>, %y: tensor<?x14x24xf32>, %z: tensor<?x14x8xf32>) -> tensor<?x14x48xf32> {
  %0 = weft.concat %x, %y, %z axis 2 : (tensor<?x14x16xf32>, tensor<?x14x24xf32>, tensor<?x14x8xf32>) -> tensor<?x14x48xf32>
  return %0 : tensor<?x14x48xf32>
}

// -----

// A product goes block by block through shared memory; its epilogue reads the sums where they are.
// CHECK-LABEL: func.func @product
// CHECK-SAME: tile.threads = 256
// CHECK-DAG: tile.alloc_shared : <16x64xf32
// CHECK: scf.for {{.*}} iter_args
// CHECK: tile.load %arg0{{.*}} {contiguous = 4 : i64}
// CHECK: tile.local_store {{.*}} transposed
// CHECK: tile.load %arg1{{.*}} {contiguous = 4 : i64}
// CHECK: tile.local_store
// CHECK: tile.dot
// CHECK: arith.maximumf
// CHECK: tile.store
func.func @product(%x: tensor<200x96xf32>, %w: tensor<96x132xf32>) -> tensor<200x132xf32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<200x96xf32>, tensor<96x132xf32>) -> tensor<200x132xf32>
  %1 = weft.relu %0 : (tensor<200x132xf32>) -> tensor<200x132xf32>
  return %1 : tensor<200x132xf32>
}

// -----

// Lanes find the extremes of their columns; of two the better one wins, with its place.
// CHECK-LABEL: func.func @arg_max
// CHECK: tile.reduce %{{.*}}, %{{.*}} axis 1 : (tensor<{{.*}}xf32, {{.*}}>, tensor<{{.*}}xi64, {{.*}}>)
// CHECK: arith.cmpi slt
// CHECK: arith.cmpf ogt
// CHECK: tile.store
func.func @arg_max(%x: tensor<20x1000xf32>) -> tensor<20xi64> {
  %0 = weft.arg_reduce max %x axis 1 : (tensor<20x1000xf32>) -> tensor<20xi64>
  return %0 : tensor<20xi64>
}
