// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of elements by width.
#include "Moves.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

FailureOr<HostTensor>
reference::moveElements(Operation *op, DType type, ArrayRef<HostTensor> xs, ArrayRef<int64_t> shape,
                        llvm::function_ref<void(ArrayRef<HostTensor>, HostTensor &)> move) {
  auto result = allocate(op, type, shape);
  if (failed(result))
    return failure();
  if (byteWidth(type) != 0) {
    move(xs, *result);
    return result;
  }
  Tensors spread;
  for (const HostTensor &x : xs) {
    auto bytes = allocate(op, DType::UI8, x.shape());
    if (failed(bytes))
      return failure();
    std::vector<uint64_t> bits(x.numElements());
    const uint8_t *data = x.data<uint8_t>();
    int width = bitWidth(type);
    for (int64_t i = 0; i < x.numElements(); ++i)
      bits[i] = (data[i * width / 8] >> (i * width % 8)) & ((1u << width) - 1);
    storeElements(*bytes, 0, x.numElements(), bits.data());
    spread.push_back(std::move(*bytes));
  }
  auto bytes = allocate(op, DType::UI8, shape);
  if (failed(bytes))
    return failure();
  move(spread, *bytes);
  uint8_t *packed = result->mutableData<uint8_t>();
  const uint8_t *data = bytes->data<uint8_t>();
  int width = bitWidth(type);
  for (int64_t i = 0; i < bytes->numElements(); ++i)
    packed[i * width / 8] |= uint8_t(data[i] << (i * width % 8));
  return result;
}

void reference::copyStrided(ArrayRef<int64_t> extents, const HostTensor &x, int64_t fromOffset,
                            ArrayRef<int64_t> fromStrides, HostTensor &y, int64_t toOffset,
                            ArrayRef<int64_t> toStrides) {
  Nest<2> nest(extents, {fromStrides, toStrides});
  withWidth(y, [&]<class T>(T) {
    const T *from = reinterpret_cast<const T *>(x.raw()) + fromOffset;
    T *to = y.mutableData<T>() + toOffset;
    auto [fromStep, toStep] = nest.rowSteps();
    nest.forEachRow([&](const std::array<int64_t, 2> &at) {
      const T *source = from + at[0];
      T *target = to + at[1];
      for (int64_t i = 0, count = nest.rowLength(); i < count; ++i)
        target[i * toStep] = source[i * fromStep];
    });
  });
}

template <class T>
static void copyFrom(const T *x, ArrayRef<int64_t> strides, ArrayRef<std::vector<int64_t>> positions, T *y,
                     ArrayRef<int64_t> yStrides) {
  if (positions.empty()) {
    *y = *x;
    return;
  }
  for (size_t i = 0; i < positions[0].size(); ++i)
    if (int64_t position = positions[0][i]; position >= 0)
      copyFrom(x + position * strides[0], strides.drop_front(), positions.drop_front(), y + i * yStrides[0],
               yStrides.drop_front());
}

void reference::copyPositions(const HostTensor &x, ArrayRef<std::vector<int64_t>> positions, HostTensor &y) {
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), yStrides = rowMajorStrides(y.shape());
  withWidth(y, [&]<class T>(T) {
    copyFrom<T>(reinterpret_cast<const T *>(x.raw()), strides, positions, y.mutableData<T>(), yStrides);
  });
}

void reference::fillWith(const HostTensor &x, HostTensor &y) {
  withWidth(y, [&]<class T>(T) {
    std::fill_n(y.mutableData<T>(), y.numElements(), *reinterpret_cast<const T *>(x.raw()));
  });
}
