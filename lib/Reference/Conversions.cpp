// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between element types, of values and of bits.
#include "Evaluate.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"

#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

/// Integers wrap when they are stored.
template <class T, class From> static T toInteger(From value, DType) { return T(value); }
/// Floats are truncated; what does not fit becomes the nearest integer that does; NaN gives 0.
template <class T> static T toInteger(double value, DType type) {
  if (std::isnan(value))
    return 0;
  value = std::trunc(value);
  // The highest integers of 64-bit types are no doubles: compare with the power of two above them.
  if (value >= std::ldexp(1.0, significantBits(type) - (std::is_signed_v<T> ? 1 : 0)))
    return T(highestInteger(type));
  if (value <= double(lowestInteger(type)))
    return T(lowestInteger(type));
  return T(value);
}

/// One chunk of values of T to the elements of `result` from `at` on.
template <class T>
static void convertChunk(const T *in, int64_t count, HostTensor &result, int64_t at, bool saturate) {
  const DType type = result.dtype();
  auto store = [&]<class To>(To, auto convert) {
    SmallVector<To> out(count);
    for (int64_t i = 0; i < count; ++i)
      out[i] = convert(in[i]);
    storeElements(result, at, count, out.data(), saturate);
  };
  if (type == DType::I1)
    return store(uint64_t(), [](T value) { return uint64_t(value != 0); });
  switch (domainOf(type)) {
  case Domain::Real:
    if constexpr (std::is_same_v<T, double>)
      return storeElements(result, at, count, in, saturate);
    if (type == DType::F64)
      return store(double(), [](T value) { return double(value); });
    return store(double(), [](T value) {
      if constexpr (std::is_same_v<T, double>)
        return value;
      else
        return roundToOdd(value);
    });
  case Domain::Signed:
    return store(int64_t(), [&](T value) { return toInteger<int64_t>(value, type); });
  case Domain::Unsigned:
    return store(uint64_t(), [&](T value) { return toInteger<uint64_t>(value, type); });
  }
}

static FailureOr<HostTensor> evaluateConvert(ir::ConvertOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const DType type = resultDType(op);
  if (type == x.dtype())
    return x;
  auto result = allocate(op, type, x.shape());
  if (failed(result))
    return failure();
  constexpr int64_t chunk = 1024;
  withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    std::vector<T> in(chunk);
    for (int64_t at = 0; at < x.numElements(); at += chunk) {
      int64_t count = std::min(chunk, x.numElements() - at);
      loadElements(x, at, 1, count, in.data());
      convertChunk(in.data(), count, *result, at, op.getSaturate());
    }
  });
  return result;
}

static FailureOr<HostTensor> evaluateBitcastConvert(ir::BitcastConvertOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const DType type = resultDType(op);
  const int from = bitWidth(x.dtype()), to = bitWidth(type);
  SmallVector<int64_t> shape(ArrayRef<int64_t>(x.shape()));
  if (to < from) {
    shape.push_back(from / to);
  } else if (to > from) {
    if (shape.empty() || shape.back() != to / from)
      return op.emitOpError() << "found " << x.typeString() << ", wanted a last extent of " << to / from
                              << " to make " << dtypeName(type);
    shape.pop_back();
  }
  // Elements lie densely in row-major order, little end first, so the bytes are the same.
  std::vector<int64_t> extents(shape.begin(), shape.end());
  auto result = HostTensor::copyOf(type, std::move(extents), x.bytes());
  if (!result.isOk())
    return op.emitOpError() << result.status().message();
  return *std::move(result);
}

void reference::attachConversions(MLIRContext &context) {
  attach<ir::ConvertOp, evaluateConvert>(context);
  attach<ir::BitcastConvertOp, evaluateBitcastConvert>(context);
}
