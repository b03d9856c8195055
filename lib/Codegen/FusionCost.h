// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What it costs to store a value that several kernels read, and to compute it again in each of them. Times
// are nanoseconds of one core, or of a whole GPU: more threads divide both sides alike. Extents that have
// names count as 64: both sides grow with them.
#ifndef WEFT_LIB_CODEGEN_FUSIONCOST_H
#define WEFT_LIB_CODEGEN_FUSIONCOST_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace weft {

/// What the model knows of the machine.
struct FusionTarget {
  double operations; ///< additions of f32 per ns, in loops that compute elementwise ops
  /// Bytes per ns that a kernel reads and writes: of values of up to nearBytes (L2 of a core), of up to
  /// sharedBytes (L3), of larger ones.
  double nearRate, sharedRate, memoryRate;
  double nearBytes, sharedBytes;
  double launch; ///< ns that one more kernel takes to start and end
  double lanes;  ///< elements that one instruction computes: a lone one costs as much
  /// Whether what does not change in an inner loop is computed outside it. Threads of a GPU have no such
  /// loop.
  bool hoists;

  static FusionTarget cpu(int64_t lanes, int64_t l2Bytes, int64_t l3Bytes);
  static FusionTarget gpu();
};

/// Additions of f32 that take the time of one element of the op's result; 0 for what only moves elements.
double operationsOf(mlir::Operation *op);

/// Both sides of the decision, beyond what the readers take in any case.
struct FusionVerdict {
  double stored = 0, again = 0; ///< ns
  double bytes = 0;             ///< of the value, written once and read by each reader
  double readAgain = 0;         ///< bytes of its operands that readers then read instead
  double operations = 0;        ///< that computing it takes in a reader, on average
  double elements = 0;          ///< of the value
  bool perElement = false;      ///< extents have names: words are of one element

  bool isStored() const { return stored <= again; }
  /// "writing and reading 6.291 MB takes about 0.40 ms; computing it again, 12.0 operations an element, about
  /// 1.10 ms"
  std::string str() const;
};

class FusionCost {
public:
  using Ops = llvm::ArrayRef<mlir::Operation *>;
  explicit FusionCost(const FusionTarget &target) : target(target) {}

  /// Of the one value that the ops of `producer` compute for others: to store it for the kernels `readers`,
  /// or to compute all of `producer` in each of them. A kernel takes as long as its way to memory or its
  /// arithmetic, whichever is longer: either hides the other.
  FusionVerdict weigh(Ops producer, llvm::ArrayRef<Ops> readers) const;

private:
  double timeToMove(mlir::Value value) const;
  FusionTarget target;
};

} // namespace weft

#endif // WEFT_LIB_CODEGEN_FUSIONCOST_H
