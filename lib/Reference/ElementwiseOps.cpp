// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops by rows: operands are loaded widened, one function works on the row, the result is stored
// narrowed. Transcendental functions of f64 go through the 80-bit type; exactly rounded ones must not (they
// would round twice).
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "Evaluate.h"
#include "Moves.h"
#include "SpecialFunctions.h"

#include <bit>
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static constexpr int64_t chunk = 512;

/// The unit broadcast of the operands: only an extent that is 1 by its type stretches.
static FailureOr<SmallVector<int64_t>> broadcastShape(Operation *op, ArrayRef<HostTensor> operands) {
  int64_t rank = operands[0].rank();
  SmallVector<int64_t> shape(rank, 1);
  auto stretches = [&](size_t i, int64_t d) {
    return operands[i].dim(d) == 1 && cast<ShapedType>(op->getOperand(i).getType()).getDimSize(d) == 1;
  };
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].rank() != rank)
      return op->emitOpError() << "found operands of ranks " << rank << " and " << operands[i].rank()
                               << ", wanted equal ranks";
    for (int64_t d = 0; d < rank; ++d)
      if (!stretches(i, d))
        shape[d] = operands[i].dim(d);
  }
  for (size_t i = 0; i < operands.size(); ++i)
    for (int64_t d = 0; d < rank; ++d)
      if (!stretches(i, d) && operands[i].dim(d) != shape[d])
        return op->emitOpError() << "found extents " << operands[i].dim(d) << " and " << shape[d]
                                 << " in dimension " << d
                                 << ", wanted equal extents (only a static 1 stretches)";
  return shape;
}

static SmallVector<int64_t> broadcastStrides(const HostTensor &x, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  for (size_t d = 0; d < shape.size(); ++d)
    if (x.dim(d) != shape[d])
      strides[d] = 0;
  return strides;
}

/// Calls row(offsets of the operands, their steps, offset in the result, count) over the broadcast operands
/// in pieces of at most `chunk` elements.
template <size_t N, class Row>
static FailureOr<HostTensor> mapRows(Operation *op, ArrayRef<HostTensor> operands, Row row) {
  auto shape = broadcastShape(op, operands);
  if (failed(shape))
    return failure();
  auto result = allocate(op, resultDType(op), *shape);
  if (failed(result))
    return failure();
  std::array<SmallVector<int64_t>, N> strides;
  std::array<ArrayRef<int64_t>, N> views;
  for (size_t i = 0; i < N; ++i)
    views[i] = strides[i] = broadcastStrides(operands[i], *shape);
  Nest<N> nest(*shape, views);
  int64_t at = 0;
  nest.forEachRow([&](std::array<int64_t, N> offsets) {
    for (int64_t left = nest.rowLength(); left > 0; left -= chunk) {
      int64_t count = std::min(left, chunk);
      row(offsets, nest.rowSteps(), *result, at, count);
      at += count;
      for (size_t i = 0; i < N; ++i)
        offsets[i] += nest.rowSteps()[i] * count;
    }
  });
  return result;
}

/// f(T...) -> T or bool over N operands of one element type, T being double, int64_t or uint64_t.
template <class T, size_t N, class F>
static FailureOr<HostTensor> mapAs(Operation *op, ArrayRef<HostTensor> operands, F f) {
  return mapRows<N>(op, operands,
                    [&](const std::array<int64_t, N> &offsets, const std::array<int64_t, N> &steps,
                        HostTensor &result, int64_t at, int64_t count) {
                      T in[N][chunk];
                      for (size_t i = 0; i < N; ++i)
                        loadElements(operands[i], offsets[i], steps[i], count, in[i]);
                      auto apply = [&](int64_t i) {
                        if constexpr (N == 1)
                          return f(in[0][i]);
                        else if constexpr (N == 2)
                          return f(in[0][i], in[1][i]);
                        else
                          return f(in[0][i], in[1][i], in[2][i]);
                      };
                      using Out = std::conditional_t<std::is_same_v<decltype(apply(0)), bool>, uint64_t, T>;
                      Out out[chunk];
                      for (int64_t i = 0; i < count; ++i)
                        out[i] = apply(i);
                      storeElements(result, at, count, out);
                    });
}

// F is a function object; ops of all types, of floats, of integers (i1 counts as unsigned).
template <size_t N, class F>
static FailureOr<HostTensor> evaluateAny(Operation *op, ArrayRef<HostTensor> operands) {
  return withDomain(domainOf(operands.back().dtype()),
                    [&]<class T>(T) { return mapAs<T, N>(op, operands, F()); });
}
template <size_t N, class F>
static FailureOr<HostTensor> evaluateReal(Operation *op, ArrayRef<HostTensor> operands) {
  return mapAs<double, N>(op, operands, F());
}
template <size_t N, class F>
static FailureOr<HostTensor> evaluateInteger(Operation *op, ArrayRef<HostTensor> operands) {
  if (domainOf(operands[0].dtype()) == Domain::Signed)
    return mapAs<int64_t, N>(op, operands, F());
  return mapAs<uint64_t, N>(op, operands, F());
}

/// A transcendental function: for f64 by the 80-bit one.
template <double (*f)(double), long double (*extended)(long double)>
static FailureOr<HostTensor> evaluateFunction(Operation *op, ArrayRef<HostTensor> operands) {
  if (operands[0].dtype() == DType::F64)
    return mapAs<double, 1>(op, operands, [](double x) { return double(extended(x)); });
  return mapAs<double, 1>(op, operands, f);
}
/// One that only exists in the 80-bit type.
template <long double (*extended)(long double)>
static FailureOr<HostTensor> evaluateExtended(Operation *op, ArrayRef<HostTensor> operands) {
  return mapAs<double, 1>(op, operands, [](double x) { return double(extended(x)); });
}
/// A transcendental function of two operands.
template <double (*f)(double, double), long double (*extended)(long double, long double)>
static FailureOr<HostTensor> evaluateFunction2(Operation *op, ArrayRef<HostTensor> operands) {
  if (operands[0].dtype() == DType::F64)
    return mapAs<double, 2>(op, operands, [](double x, double y) { return double(extended(x, y)); });
  return mapAs<double, 2>(op, operands, f);
}

//===-- Arithmetic
//-------------------------------------------------------------------------------------------===//

template <class T> static constexpr bool isReal = std::is_same_v<T, double>;

// Integers are added and multiplied as uint64_t: wrapping is defined there.
namespace {
struct Add {
  template <class T> T operator()(T a, T b) const {
    if constexpr (isReal<T>)
      return a + b;
    else
      return T(uint64_t(a) + uint64_t(b));
  }
};
struct Sub {
  template <class T> T operator()(T a, T b) const {
    if constexpr (isReal<T>)
      return a - b;
    else
      return T(uint64_t(a) - uint64_t(b));
  }
};
struct Mul {
  template <class T> T operator()(T a, T b) const {
    if constexpr (isReal<T>)
      return a * b;
    else
      return T(uint64_t(a) * uint64_t(b));
  }
};
struct Div {
  template <class T> T operator()(T a, T b) const {
    if constexpr (isReal<T>)
      return a / b;
    else if (b == 0)
      return T(~uint64_t(0));
    else if (std::is_signed_v<T> && b == T(-1))
      return T(uint64_t(0) - uint64_t(a));
    else
      return a / b;
  }
};
struct Rem {
  template <class T> T operator()(T a, T b) const {
    if constexpr (isReal<T>)
      return std::fmod(a, b);
    else if (b == 0)
      return a;
    else if (std::is_signed_v<T> && b == T(-1))
      return 0;
    else
      return a % b;
  }
};
struct IntegerPow {
  template <class T> T operator()(T base, T exponent) const {
    if (std::is_signed_v<T> && exponent < 0) {
      if (base == T(1))
        return 1;
      if (base == T(-1))
        return exponent % 2 ? T(-1) : T(1);
      return 0;
    }
    uint64_t result = 1, square = uint64_t(base);
    for (uint64_t left = uint64_t(exponent); left; left >>= 1) {
      if (left & 1)
        result *= square;
      square *= square;
    }
    return T(result);
  }
};
struct Max {
  template <class T> T operator()(T a, T b) const { return a != a || a > b ? a : b; }
};
struct Min {
  template <class T> T operator()(T a, T b) const { return a != a || a < b ? a : b; }
};
struct Clamp {
  template <class T> T operator()(T low, T x, T high) const { return Min()(Max()(x, low), high); }
};
struct Abs {
  template <class T> T operator()(T x) const {
    if constexpr (isReal<T>)
      return std::fabs(x);
    else if constexpr (std::is_signed_v<T>)
      return x < 0 ? T(uint64_t(0) - uint64_t(x)) : x;
    else
      return x;
  }
};
struct Neg {
  template <class T> T operator()(T x) const {
    if constexpr (isReal<T>)
      return -x;
    else
      return T(uint64_t(0) - uint64_t(x));
  }
};
struct Sign {
  template <class T> T operator()(T x) const {
    if (x > 0)
      return 1;
    if constexpr (std::is_signed_v<T>)
      if (x < 0)
        return T(-1);
    return x; // zeros with their sign, and NaN
  }
};
struct Relu {
  template <class T> T operator()(T x) const { return x != x || x > 0 ? x : T(0); }
};
struct RoundEven {
  double operator()(double x) const { return std::nearbyint(x); }
};
struct RoundAway {
  double operator()(double x) const { return std::round(x); }
};
struct Ceil {
  double operator()(double x) const { return std::ceil(x); }
};
struct Floor {
  double operator()(double x) const { return std::floor(x); }
};
struct Trunc {
  double operator()(double x) const { return std::trunc(x); }
};
struct Sqrt {
  double operator()(double x) const { return std::sqrt(x); }
};

//===-- Bits
//-------------------------------------------------------------------------------------------------===//

struct And {
  template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) const { return a ^ b; }
};
struct Not {
  template <class T> T operator()(T x) const { return ~x; }
};
struct Shl {
  // A count of the element's width or more leaves nothing of it in its low bits.
  template <class T> T operator()(T x, T count) const {
    return uint64_t(count) < 64 ? T(uint64_t(x) << uint64_t(count)) : T(0);
  }
};
struct Shr {
  // Elements are widened by their sign, so a count between their width and 64 gives 0 or the sign too.
  template <class T> T operator()(T x, T count) const {
    if (uint64_t(count) < 64)
      return x >> uint64_t(count);
    return std::is_signed_v<T> && x < 0 ? T(-1) : T(0);
  }
};
} // namespace

static FailureOr<HostTensor> evaluatePow(Operation *op, ArrayRef<HostTensor> operands) {
  if (isFloat(operands[0].dtype()))
    return evaluateFunction2<std::pow, std::pow>(op, operands);
  return evaluateInteger<2, IntegerPow>(op, operands);
}

static FailureOr<HostTensor> evaluateRound(ir::RoundOp op, ArrayRef<HostTensor> operands) {
  if (op.getHalves() == ir::RoundKind::even)
    return evaluateReal<1, RoundEven>(op, operands);
  return evaluateReal<1, RoundAway>(op, operands);
}

static FailureOr<HostTensor> evaluatePolygamma(ir::PolygammaOp op, ArrayRef<HostTensor> operands) {
  int64_t n = op.getN();
  return mapAs<double, 1>(op, operands, [n](double x) { return double(polygamma(n, x)); });
}

static FailureOr<HostTensor> evaluatePopcnt(Operation *op, ArrayRef<HostTensor> operands) {
  uint64_t mask = ~uint64_t(0) >> (64 - significantBits(operands[0].dtype()));
  return mapAs<uint64_t, 1>(op, operands, [mask](uint64_t x) { return uint64_t(std::popcount(x & mask)); });
}

static FailureOr<HostTensor> evaluateClz(Operation *op, ArrayRef<HostTensor> operands) {
  int unused = 64 - significantBits(operands[0].dtype());
  uint64_t mask = ~uint64_t(0) >> unused;
  return mapAs<uint64_t, 1>(op, operands,
                            [=](uint64_t x) { return uint64_t(std::countl_zero(x & mask) - unused); });
}

static FailureOr<HostTensor> evaluateCompare(ir::CompareOp op, ArrayRef<HostTensor> operands) {
  return withDomain(domainOf(operands[0].dtype()), [&]<class T>(T) -> FailureOr<HostTensor> {
    switch (op.getRelation()) {
    case ir::CompareKind::eq:
      return mapAs<T, 2>(op, operands, [](T a, T b) { return a == b; });
    case ir::CompareKind::ne:
      return mapAs<T, 2>(op, operands, [](T a, T b) { return a != b; });
    case ir::CompareKind::lt:
      return mapAs<T, 2>(op, operands, [](T a, T b) { return a < b; });
    case ir::CompareKind::le:
      return mapAs<T, 2>(op, operands, [](T a, T b) { return a <= b; });
    case ir::CompareKind::gt:
      return mapAs<T, 2>(op, operands, [](T a, T b) { return a > b; });
    case ir::CompareKind::ge:
      break;
    }
    return mapAs<T, 2>(op, operands, [](T a, T b) { return a >= b; });
  });
}

static FailureOr<HostTensor> evaluateSelect(Operation *op, ArrayRef<HostTensor> operands) {
  auto shape = broadcastShape(op, operands);
  if (failed(shape))
    return failure();
  const HostTensor &predicate = operands[0];
  SmallVector<int64_t> which = broadcastStrides(predicate, *shape),
                       onTrue = broadcastStrides(operands[1], *shape),
                       onFalse = broadcastStrides(operands[2], *shape), to = rowMajorStrides(*shape);
  Nest<4> nest(*shape, {which, onTrue, onFalse, to});
  return moveElements(op, resultDType(op), operands.drop_front(), *shape,
                      [&](ArrayRef<HostTensor> xs, HostTensor &result) {
                        withWidth(result, [&]<class T>(T) {
                          const T *a = reinterpret_cast<const T *>(xs[0].raw());
                          const T *b = reinterpret_cast<const T *>(xs[1].raw());
                          const uint8_t *p = predicate.data<uint8_t>();
                          T *out = result.mutableData<T>();
                          const auto steps = nest.rowSteps();
                          nest.forEachRow([&](const std::array<int64_t, 4> &at) {
                            for (int64_t i = 0, count = nest.rowLength(); i < count; ++i)
                              out[at[3] + i * steps[3]] =
                                  p[at[0] + i * steps[0]] ? a[at[1] + i * steps[1]] : b[at[2] + i * steps[2]];
                          });
                        });
                      });
}

void reference::attachElementwiseOps(MLIRContext &context) {
  attach<ir::AddOp, evaluateAny<2, Add>>(context);
  attach<ir::SubOp, evaluateAny<2, Sub>>(context);
  attach<ir::MulOp, evaluateAny<2, Mul>>(context);
  attach<ir::DivOp, evaluateAny<2, Div>>(context);
  attach<ir::RemOp, evaluateAny<2, Rem>>(context);
  attach<ir::PowOp, evaluatePow>(context);
  attach<ir::MaxOp, evaluateAny<2, Max>>(context);
  attach<ir::MinOp, evaluateAny<2, Min>>(context);
  attach<ir::ClampOp, evaluateAny<3, Clamp>>(context);
  attach<ir::AbsOp, evaluateAny<1, Abs>>(context);
  attach<ir::NegOp, evaluateAny<1, Neg>>(context);
  attach<ir::SignOp, evaluateAny<1, Sign>>(context);
  attach<ir::ReluOp, evaluateAny<1, Relu>>(context);
  attach<ir::CompareOp, evaluateCompare>(context);
  attach<ir::SelectOp, evaluateSelect>(context);

  attach<ir::AndOp, evaluateInteger<2, And>>(context);
  attach<ir::OrOp, evaluateInteger<2, Or>>(context);
  attach<ir::XorOp, evaluateInteger<2, Xor>>(context);
  attach<ir::NotOp, evaluateInteger<1, Not>>(context);
  attach<ir::ShlOp, evaluateInteger<2, Shl>>(context);
  attach<ir::ShrOp, evaluateInteger<2, Shr>>(context);
  attach<ir::PopcntOp, evaluatePopcnt>(context);
  attach<ir::ClzOp, evaluateClz>(context);

  attach<ir::CeilOp, evaluateReal<1, Ceil>>(context);
  attach<ir::FloorOp, evaluateReal<1, Floor>>(context);
  attach<ir::TruncOp, evaluateReal<1, Trunc>>(context);
  attach<ir::RoundOp, evaluateRound>(context);
  attach<ir::SqrtOp, evaluateReal<1, Sqrt>>(context);

  attach<ir::ExpOp, evaluateFunction<std::exp, std::exp>>(context);
  attach<ir::Expm1Op, evaluateFunction<std::expm1, std::expm1>>(context);
  attach<ir::LogOp, evaluateFunction<std::log, std::log>>(context);
  attach<ir::Log1pOp, evaluateFunction<std::log1p, std::log1p>>(context);
  attach<ir::CbrtOp, evaluateFunction<std::cbrt, std::cbrt>>(context);
  attach<ir::SinOp, evaluateFunction<std::sin, std::sin>>(context);
  attach<ir::CosOp, evaluateFunction<std::cos, std::cos>>(context);
  attach<ir::TanOp, evaluateFunction<std::tan, std::tan>>(context);
  attach<ir::AsinOp, evaluateFunction<std::asin, std::asin>>(context);
  attach<ir::AcosOp, evaluateFunction<std::acos, std::acos>>(context);
  attach<ir::AtanOp, evaluateFunction<std::atan, std::atan>>(context);
  attach<ir::SinhOp, evaluateFunction<std::sinh, std::sinh>>(context);
  attach<ir::CoshOp, evaluateFunction<std::cosh, std::cosh>>(context);
  attach<ir::TanhOp, evaluateFunction<std::tanh, std::tanh>>(context);
  attach<ir::AsinhOp, evaluateFunction<std::asinh, std::asinh>>(context);
  attach<ir::AcoshOp, evaluateFunction<std::acosh, std::acosh>>(context);
  attach<ir::AtanhOp, evaluateFunction<std::atanh, std::atanh>>(context);
  attach<ir::ErfOp, evaluateFunction<std::erf, std::erf>>(context);
  attach<ir::ErfcOp, evaluateFunction<std::erfc, std::erfc>>(context);
  attach<ir::Atan2Op, evaluateFunction2<std::atan2, std::atan2>>(context);
  attach<ir::RsqrtOp, evaluateExtended<reciprocalSqrt>>(context);
  attach<ir::LogisticOp, evaluateExtended<logistic>>(context);
  attach<ir::ErfInvOp, evaluateExtended<erfInv>>(context);
  attach<ir::LgammaOp, evaluateExtended<logGamma>>(context);
  attach<ir::PolygammaOp, evaluatePolygamma>(context);
}
