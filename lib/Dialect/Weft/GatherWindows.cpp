// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows gathered by a table of places, the space being one dimension.
#include "weft/Dialect/Weft/GatherWindows.h"

#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/IndexOps.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;

/// Calls `body` with every place in a box, row by row.
static void forEachPlace(ArrayRef<int64_t> extents, llvm::function_ref<void(ArrayRef<int64_t>)> body) {
  SmallVector<int64_t> at(extents.size(), 0);
  for (int64_t left = llvm::product_of(extents); left > 0; --left) {
    body(at);
    for (int64_t i = extents.size() - 1; i >= 0 && ++at[i] == extents[i]; --i)
      at[i] = 0;
  }
}

/// The extent from the first element of a window to its last.
static int64_t spanOf(int64_t window, int64_t dilation) { return (window - 1) * dilation + 1; }

bool weft::ir::canGatherWindows(ArrayRef<int64_t> space, ArrayRef<int64_t> window, ArrayRef<int64_t> strides,
                                ArrayRef<int64_t> dilations) {
  constexpr double mostPlaces = 1 << 24, mostSpace = 1u << 31;
  double places = 1, elements = 1;
  for (size_t i = 0; i < space.size(); ++i) {
    int64_t left = space[i] - spanOf(window[i], dilations[i]);
    if (window[i] < 1 || left < 0)
      return false;
    places *= double(left / strides[i] + 1) * double(window[i]);
    elements *= double(space[i]);
  }
  return places <= mostPlaces && elements < mostSpace;
}

Value weft::ir::gatherWindows(OpBuilder &b, Location loc, Value x, ArrayRef<int64_t> window,
                              ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  auto type = cast<RankedTensorType>(x.getType());
  int64_t size = window.size(), channels = type.getDimSize(size + 1);
  ArrayRef<int64_t> space = type.getShape().slice(1, size);
  SmallVector<int64_t> counts, steps(size, 1);
  for (int64_t i = 0; i < size; ++i)
    counts.push_back((space[i] - spanOf(window[i], dilations[i])) / strides[i] + 1);
  for (int64_t i = size - 2; i >= 0; --i)
    steps[i] = steps[i + 1] * space[i + 1];
  int64_t taps = llvm::product_of(window);
  if (taps == 1 && ArrayRef<int64_t>(counts) == space)
    return x;

  std::vector<int32_t> places;
  forEachPlace(counts, [&](ArrayRef<int64_t> first) {
    forEachPlace(window, [&](ArrayRef<int64_t> tap) {
      int64_t place = 0;
      for (int64_t i = 0; i < size; ++i)
        place += (first[i] * strides[i] + tap[i] * dilations[i]) * steps[i];
      places.push_back(int32_t(place));
    });
  });
  int64_t positions = llvm::product_of(counts);
  Value index =
      createConstant(b, loc, *HostTensor::fromValues<int32_t>({positions, taps, 1}, std::move(places)));
  auto reshape = [&](Value y, ArrayRef<int64_t> extents) -> Value {
    SmallVector<int64_t> sizes{type.getDimSize(0)};
    llvm::append_range(sizes, extents);
    SmallVector<Value> batch;
    if (type.isDynamicDim(0))
      batch.push_back(DimOp::create(b, loc, x, 0));
    return ReshapeOp::create(b, loc, y, batch, sizes);
  };
  Value rows = reshape(x, {llvm::product_of(space), channels});
  Value gathered = GatherOp::create(b, loc, rows, index, ArrayRef<int64_t>{1}, ArrayRef<int64_t>{},
                                    ArrayRef<int64_t>{}, 1, /*in_bounds=*/true);
  SmallVector<int64_t> extents(counts);
  extents.push_back(taps * channels);
  return reshape(gathered, extents);
}
