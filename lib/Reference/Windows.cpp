// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents and positions of sliding windows.
#include "Windows.h"

using namespace weft;
using namespace weft::reference;

static int64_t dilated(int64_t extent, int64_t dilation) {
  return extent == 0 ? 0 : (extent - 1) * dilation + 1;
}

int64_t WindowAxis::outputExtent(int64_t extent) const {
  int64_t room = dilated(extent, baseDilation) + low + high - dilated(window, windowDilation);
  return room < 0 ? 0 : room / stride + 1;
}

TapPositions reference::tapPositions(const WindowAxis &axis, int64_t extent) {
  const int64_t outputs = axis.outputExtent(extent);
  TapPositions positions(axis.window, std::vector<int64_t>(outputs, -1));
  for (int64_t tap = 0; tap < axis.window; ++tap) {
    const int64_t step = axis.reversed ? axis.window - 1 - tap : tap;
    for (int64_t o = 0; o < outputs; ++o) {
      int64_t at = o * axis.stride - axis.low + step * axis.windowDilation;
      if (at >= 0 && at % axis.baseDilation == 0 && at / axis.baseDilation < extent)
        positions[tap][o] = at / axis.baseDilation;
    }
  }
  return positions;
}

void reference::forEachTap(llvm::ArrayRef<TapPositions> dims, llvm::ArrayRef<int64_t> strides,
                           llvm::function_ref<void(const TapRows &, int64_t)> visit) {
  int64_t taps = 1;
  for (const TapPositions &dim : dims)
    taps *= int64_t(dim.size());
  TapRows rows{llvm::SmallVector<const std::vector<int64_t> *>(dims.size()), strides};
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t left = tap;
    for (size_t d = dims.size(); d > 0; --d) {
      rows.positions[d - 1] = &dims[d - 1][left % dims[d - 1].size()];
      left /= int64_t(dims[d - 1].size());
    }
    visit(rows, tap);
  }
}
