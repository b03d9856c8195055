// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// dot_general: both operands are laid out as stacks of matrices, which are then multiplied in double or, for
// integers, modulo 2^64 (exact in the low bits of any result type). `precision` only allows rounding; the
// judge does not round.
#include "weft/Dialect/Weft/ContractOps.h"
#include "Evaluate.h"
#include "MatrixProduct.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

/// The elements of x with its dimensions in the given order.
template <class T> static std::vector<T> permuted(const HostTensor &x, ArrayRef<int64_t> order) {
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), shape, from;
  for (int64_t d : order) {
    shape.push_back(x.dim(d));
    from.push_back(strides[d]);
  }
  std::vector<T> values(x.numElements());
  Nest<1> nest(shape, {from});
  int64_t at = 0;
  nest.forEachRow([&](const std::array<int64_t, 1> &offset) {
    loadElements(x, offset[0], nest.rowSteps()[0], nest.rowLength(), &values[at]);
    at += nest.rowLength();
  });
  return values;
}

static SmallVector<int64_t> extentsOf(const HostTensor &x, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> extents;
  for (int64_t d : dims)
    extents.push_back(x.dim(d));
  return extents;
}

static SmallVector<int64_t> joined(ArrayRef<int64_t> a, ArrayRef<int64_t> b, ArrayRef<int64_t> c) {
  SmallVector<int64_t> all(a);
  llvm::append_range(all, b);
  llvm::append_range(all, c);
  return all;
}

static FailureOr<HostTensor> evaluateDotGeneral(ir::DotGeneralOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &lhs = operands[0], &rhs = operands[1];
  const SmallVector<int64_t> lhsFree = op.getLhsFree(), rhsFree = op.getRhsFree();
  const SmallVector<int64_t> batch = extentsOf(lhs, op.getLhsBatch()), rows = extentsOf(lhs, lhsFree),
                             depth = extentsOf(lhs, op.getLhsContract()), columns = extentsOf(rhs, rhsFree);
  if (batch != extentsOf(rhs, op.getRhsBatch()) || depth != extentsOf(rhs, op.getRhsContract()))
    return op.emitOpError() << "found operands " << lhs.typeString() << " and " << rhs.typeString()
                            << ", wanted equal extents in batch and contracted dimensions";
  const SmallVector<int64_t> shape = joined(batch, rows, columns);
  const int64_t b = productOf(batch), m = productOf(rows), k = productOf(depth), n = productOf(columns);
  const DType type = resultDType(op);
  auto multiply = [&]<class T>(T) {
    const std::vector<T> l = permuted<T>(lhs, joined(op.getLhsBatch(), lhsFree, op.getLhsContract()));
    const std::vector<T> r = permuted<T>(rhs, joined(op.getRhsBatch(), op.getRhsContract(), rhsFree));
    std::vector<T> product(b * m * n, T(0));
    for (int64_t i = 0; i < b; ++i)
      addMatrixProduct(l.data() + i * m * k, r.data() + i * k * n, product.data() + i * m * n, m, k, n);
    return narrowed(op, type, shape, product);
  };
  return isFloat(lhs.dtype()) ? multiply(double()) : multiply(uint64_t());
}

void reference::attachContractOps(MLIRContext &context) {
  attach<ir::DotGeneralOp, evaluateDotGeneral>(context);
}
