// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantize and dequantize. The quotient of quantize is rounded to f32 (f64 where x is f64) before it is
// rounded to an integer: a tie of the f32 quotient is a tie, as in every kernel that divides in f32.
#include "weft/Dialect/Weft/QuantOps.h"
#include "Evaluate.h"

#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

/// Strides under which a scale or zero point of rank 0, of rank 1 (along axis) or of the rank of x (per block
/// along axis) is read at an element of x; the index along `axis` counts blocks.
static FailureOr<SmallVector<int64_t>> parameterStrides(Operation *op, StringRef name,
                                                        const HostTensor &parameter, ArrayRef<int64_t> shape,
                                                        int64_t axis, int64_t block) {
  SmallVector<int64_t> strides(shape.size(), 0), blocked(shape);
  if (parameter.rank() == 0)
    return strides;
  if (block > 0) {
    blocked[axis] = (shape[axis] + block - 1) / block;
    if (ArrayRef(parameter.shape()) == ArrayRef(blocked))
      return rowMajorStrides(blocked);
  } else if (parameter.rank() == 1 && axis < int64_t(shape.size()) && parameter.dim(0) == shape[axis]) {
    strides[axis] = 1;
    return strides;
  } else if (parameter.numElements() == 1) {
    return strides;
  }
  return op->emitOpError() << "found " << name << " " << parameter.typeString() << ", wanted one per "
                           << (block > 0 ? "block" : "extent") << " of axis " << axis << " of "
                           << shapeString(shape);
}

/// visit(element of x, its scale's element, its zero point's element).
template <class Visit>
static LogicalResult forEachElement(Operation *op, const HostTensor &x, const HostTensor &scale,
                                    const HostTensor *zeroPoint, int64_t axis, int64_t block, Visit visit) {
  ArrayRef<int64_t> shape = x.shape();
  auto scaleStrides = parameterStrides(op, "scale", scale, shape, axis, block);
  if (failed(scaleStrides))
    return failure();
  SmallVector<int64_t> zeroStrides(shape.size(), 0);
  if (zeroPoint) {
    auto strides = parameterStrides(op, "zero point", *zeroPoint, shape, axis, block);
    if (failed(strides))
      return failure();
    zeroStrides = *strides;
  }
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t i = 0, e = x.numElements(); i < e; ++i) {
    int64_t scaleAt = 0, zeroAt = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t position = block > 0 && int64_t(d) == axis ? index[d] / block : index[d];
      scaleAt += position * (*scaleStrides)[d];
      zeroAt += position * zeroStrides[d];
    }
    visit(i, scaleAt, zeroAt);
    for (size_t d = shape.size(); d > 0 && ++index[d - 1] == shape[d - 1]; --d)
      index[d - 1] = 0;
  }
  return success();
}

static FailureOr<HostTensor> evaluateQuantize(ir::QuantizeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0], &scaleTensor = operands[1];
  const HostTensor *zeroPoint = optionalOperand(op, operands, 2);
  const DType type = resultDType(op);
  const std::vector<double> values = loadAll<double>(x), scales = loadAll<double>(scaleTensor);
  auto result = allocate(op, type, x.shape());
  if (failed(result))
    return failure();
  auto quotient = [&](int64_t i, int64_t s) {
    double q = values[i] / scales[s];
    return x.dtype() == DType::F64 ? q : double(float(q));
  };
  LogicalResult done = success();
  if (isFloat(type)) {
    std::vector<double> zeros = zeroPoint ? loadAll<double>(*zeroPoint) : std::vector<double>{0};
    done = forEachElement(op, x, scaleTensor, zeroPoint, op.getAxis(), op.getBlock(),
                          [&](int64_t i, int64_t s, int64_t z) {
                            double q = quotient(i, s) + zeros[z];
                            storeElements(*result, i, 1, &q, /*saturate=*/true);
                          });
  } else {
    std::vector<int64_t> zeros = zeroPoint ? loadAll<int64_t>(*zeroPoint) : std::vector<int64_t>{0};
    const double lowest = double(lowestInteger(type)), highest = double(highestInteger(type));
    done = forEachElement(op, x, scaleTensor, zeroPoint, op.getAxis(), op.getBlock(),
                          [&](int64_t i, int64_t s, int64_t z) {
                            double q = std::nearbyint(quotient(i, s));
                            q = std::isnan(q) ? double(zeros[z]) : q + double(zeros[z]);
                            int64_t stored = int64_t(std::clamp(q, lowest, highest));
                            storeElements(*result, i, 1, &stored);
                          });
  }
  if (failed(done))
    return failure();
  return result;
}

static FailureOr<HostTensor> evaluateDequantize(ir::DequantizeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0], &scaleTensor = operands[1];
  const HostTensor *zeroPoint = optionalOperand(op, operands, 2);
  const std::vector<double> scales = loadAll<double>(scaleTensor);
  std::vector<double> result(x.numElements());
  auto evaluate = [&]<class T>(T, auto difference) {
    const std::vector<T> values = loadAll<T>(x);
    const std::vector<T> zeros = zeroPoint ? loadAll<T>(*zeroPoint) : std::vector<T>{0};
    return forEachElement(
        op, x, scaleTensor, zeroPoint, op.getAxis(), op.getBlock(),
        [&](int64_t i, int64_t s, int64_t z) { result[i] = difference(values[i], zeros[z]) * scales[s]; });
  };
  LogicalResult done = isFloat(x.dtype()) ? evaluate(double(), [](double q, double z) { return q - z; })
                                          : evaluate(int64_t(), [](int64_t q, int64_t z) {
                                              return double(int32_t(uint32_t(q) - uint32_t(z)));
                                            });
  if (failed(done))
    return failure();
  return narrowed(op, resultDType(op), x.shape(), result);
}

void reference::attachQuantOps(MLIRContext &context) {
  attach<ir::QuantizeOp, evaluateQuantize>(context);
  attach<ir::DequantizeOp, evaluateDequantize>(context);
}
