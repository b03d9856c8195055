// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a sliding window reads, for pooling and convolution.
#ifndef WEFT_LIB_CONVERSION_WEFTTOLINALG_WINDOWS_H
#define WEFT_LIB_CONVERSION_WEFTTOLINALG_WINDOWS_H

#include "Lowering.h"

namespace weft::lowering {

/// One dimension of a window.
struct WindowDim {
  int64_t size, stride, low, high, baseDilation, windowDilation;
};

/// Index in the input of element `k` of window `o`, and whether there is one (null: always).
inline std::pair<Value, Value> windowRead(const Scalars &s, const WindowDim &window, Value o, Value k,
                                          Value extent) {
  auto scaled = [&](Value v, int64_t factor) { return factor == 1 ? v : s.mul(v, s.index(factor)); };
  Value position = s.add(scaled(o, window.stride), scaled(k, window.windowDilation));
  if (window.low != 0)
    position = s.sub(position, s.index(window.low));
  Value inside;
  auto require = [&](Value condition) { inside = inside ? s.conjunction(inside, condition) : condition; };
  if (window.low > 0)
    require(s.compare(ir::CompareKind::ge, position, s.index(0)));
  if (window.baseDilation != 1) {
    Value rest = arith::RemSIOp::create(s.b, s.loc, position, s.index(window.baseDilation));
    require(s.compare(ir::CompareKind::eq, rest, s.index(0)));
    position = arith::DivSIOp::create(s.b, s.loc, position, s.index(window.baseDilation));
  }
  if (window.high > 0)
    require(s.compare(ir::CompareKind::lt, position, extent));
  return {position, inside};
}

/// `inside ? x[index] : otherwise`, without reading where not inside.
inline Value readIf(const Scalars &s, Value inside, Value x, ArrayRef<Value> index, Value otherwise) {
  if (!inside)
    return tensor::ExtractOp::create(s.b, s.loc, x, index);
  auto choice = scf::IfOp::create(
      s.b, s.loc, inside,
      [&](OpBuilder &b, Location loc) {
        scf::YieldOp::create(b, loc, Value(tensor::ExtractOp::create(b, loc, x, index)));
      },
      [&](OpBuilder &b, Location loc) { scf::YieldOp::create(b, loc, otherwise); });
  return choice.getResult(0);
}

} // namespace weft::lowering

#endif // WEFT_LIB_CONVERSION_WEFTTOLINALG_WINDOWS_H
