// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// random_bits.
#include "weft/Dialect/Weft/RandomOps.h"
#include "Evaluate.h"
#include "weft/Reference/RandomBits.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static FailureOr<HostTensor> evaluateRandomBits(ir::RandomBitsOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &keyTensor = operands[0], &counter = operands[1];
  if (keyTensor.numElements() != 2)
    return op.emitOpError() << "found a key " << keyTensor.typeString() << ", wanted two numbers";
  const std::array<uint32_t, 2> key = {keyTensor.data<uint32_t>()[0], keyTensor.data<uint32_t>()[1]};
  auto result = allocate(op, DType::UI32, counter.shape());
  if (failed(result))
    return failure();
  const uint64_t *in = counter.data<uint64_t>();
  uint32_t *out = result->mutableData<uint32_t>();
  const bool philox = op.getAlgorithm() == ir::RandomAlgorithm::philox;
  for (int64_t i = 0; i < counter.numElements(); ++i)
    out[i] = philox ? philoxWord(key, in[i]) : threefryWord(key, in[i]);
  return result;
}

void reference::attachRandomOps(MLIRContext &context) {
  attach<ir::RandomBitsOp, evaluateRandomBits>(context);
}
