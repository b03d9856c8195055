// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on MLIR values that reads like C. A V is a scalar, a vector or a tile of any shape; every
// operator is elementwise, and a number beside a V is the constant of its type.
#ifndef WEFT_CODEGEN_MATH_VALUEMATH_H
#define WEFT_CODEGEN_MATH_VALUEMATH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

#include <limits>
#include <type_traits>

namespace weft::codegen {

inline mlir::Type elementOf(mlir::Type type) { return mlir::getElementTypeOrSelf(type); }
/// `type` with another element type and the same shape.
inline mlir::Type withElement(mlir::Type type, mlir::Type element) {
  if (auto shaped = llvm::dyn_cast<mlir::ShapedType>(type))
    return shaped.clone(element);
  return element;
}

struct V {
  mlir::OpBuilder *builder;
  mlir::Location loc;
  mlir::Value value;

  V(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value)
      : builder(&builder), loc(loc), value(value) {}
  mlir::Type type() const { return value.getType(); }
  mlir::Type element() const { return elementOf(type()); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element()); }
  unsigned bits() const { return element().getIntOrFloatBitWidth(); }
  bool is64() const { return bits() == 64; }
  V with(mlir::Value other) const { return V(*builder, loc, other); }

  /// The constant `x` of this value's float type.
  V c(double x) const {
    auto floatType = llvm::cast<mlir::FloatType>(element());
    return constant(mlir::FloatAttr::get(floatType, x));
  }
  /// The constant `x` of this value's integer type, cut to its width.
  V i(uint64_t x) const {
    return constant(mlir::IntegerAttr::get(element(), llvm::APInt(bits(), x, false, true)));
  }
  V constant(mlir::TypedAttr scalar) const {
    if (auto shaped = llvm::dyn_cast<mlir::ShapedType>(type()))
      scalar = mlir::DenseElementsAttr::get(shaped.clone(scalar.getType()), mlir::Attribute(scalar));
    return with(mlir::arith::ConstantOp::create(*builder, loc, scalar));
  }
  V inf() const { return c(std::numeric_limits<double>::infinity()); }
  V nan() const { return c(std::numeric_limits<double>::quiet_NaN()); }
};

template <typename Op, typename... Args> V make(V like, Args... args) {
  return like.with(Op::create(*like.builder, like.loc, args.value...));
}

inline V operator+(V a, V b) {
  return a.isFloat() ? make<mlir::arith::AddFOp>(a, a, b) : make<mlir::arith::AddIOp>(a, a, b);
}
inline V operator-(V a, V b) {
  return a.isFloat() ? make<mlir::arith::SubFOp>(a, a, b) : make<mlir::arith::SubIOp>(a, a, b);
}
inline V operator*(V a, V b) {
  return a.isFloat() ? make<mlir::arith::MulFOp>(a, a, b) : make<mlir::arith::MulIOp>(a, a, b);
}
inline V operator/(V a, V b) { return make<mlir::arith::DivFOp>(a, a, b); }
inline V operator-(V a) { return a.isFloat() ? make<mlir::arith::NegFOp>(a, a) : a.i(0) - a; }
inline V operator&(V a, V b) { return make<mlir::arith::AndIOp>(a, a, b); }
inline V operator|(V a, V b) { return make<mlir::arith::OrIOp>(a, a, b); }
inline V operator^(V a, V b) { return make<mlir::arith::XOrIOp>(a, a, b); }
inline V operator<<(V a, V b) { return make<mlir::arith::ShLIOp>(a, a, b); }
/// Of unsigned integers.
inline V divui(V a, V b) { return make<mlir::arith::DivUIOp>(a, a, b); }
inline V remui(V a, V b) { return make<mlir::arith::RemUIOp>(a, a, b); }
/// Logical; `sar` is the arithmetic one.
inline V operator>>(V a, V b) { return make<mlir::arith::ShRUIOp>(a, a, b); }
inline V sar(V a, V b) { return make<mlir::arith::ShRSIOp>(a, a, b); }

/// A plain number as the constant that fits beside `like`.
template <typename T> V lift(V like, T x) {
  if (like.isFloat())
    return like.c(static_cast<double>(x));
  return like.i(static_cast<uint64_t>(static_cast<int64_t>(x)));
}
#define WEFT_NUMBER_OPERATOR(op)                                                                             \
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>> V operator op(V a, T x) {      \
    return a op lift(a, x);                                                                                  \
  }                                                                                                          \
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>> V operator op(T x, V a) {      \
    return lift(a, x) op a;                                                                                  \
  }
WEFT_NUMBER_OPERATOR(+)
WEFT_NUMBER_OPERATOR(-)
WEFT_NUMBER_OPERATOR(*)
WEFT_NUMBER_OPERATOR(/)
WEFT_NUMBER_OPERATOR(&)
WEFT_NUMBER_OPERATOR(|)
WEFT_NUMBER_OPERATOR(^)
WEFT_NUMBER_OPERATOR(<<)
WEFT_NUMBER_OPERATOR(>>)
#undef WEFT_NUMBER_OPERATOR

inline V compare(mlir::arith::CmpFPredicate predicate, V a, V b) {
  return a.with(mlir::arith::CmpFOp::create(*a.builder, a.loc, predicate, a.value, b.value));
}
inline V compare(mlir::arith::CmpIPredicate predicate, V a, V b) {
  return a.with(mlir::arith::CmpIOp::create(*a.builder, a.loc, predicate, a.value, b.value));
}
/// Ordered comparisons of floats (false with NaN), signed ones of integers.
#define WEFT_COMPARE(name, F, I)                                                                             \
  inline V name(V a, V b) {                                                                                  \
    return a.isFloat() ? compare(mlir::arith::CmpFPredicate::F, a, b)                                        \
                       : compare(mlir::arith::CmpIPredicate::I, a, b);                                       \
  }                                                                                                          \
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>> V name(V a, T x) {             \
    return name(a, lift(a, x));                                                                              \
  }
WEFT_COMPARE(lt, OLT, slt)
WEFT_COMPARE(le, OLE, sle)
WEFT_COMPARE(gt, OGT, sgt)
WEFT_COMPARE(ge, OGE, sge)
WEFT_COMPARE(eq, OEQ, eq)
WEFT_COMPARE(ne, UNE, ne)
#undef WEFT_COMPARE
inline V isNaN(V a) { return compare(mlir::arith::CmpFPredicate::UNO, a, a); }
inline V select(V c, V a, V b) {
  return a.with(mlir::arith::SelectOp::create(*a.builder, a.loc, c.value, a.value, b.value));
}

inline V fma(V a, V b, V c) { return make<mlir::math::FmaOp>(a, a, b, c); }
inline V fma(V a, double b, V c) { return fma(a, a.c(b), c); }
inline V fma(V a, V b, double c) { return fma(a, b, a.c(c)); }
inline V abs(V a) { return make<mlir::math::AbsFOp>(a, a); }
inline V sqrt(V a) { return make<mlir::math::SqrtOp>(a, a); }
inline V trunc(V a) { return make<mlir::math::TruncOp>(a, a); }
inline V copysign(V magnitude, V sign) { return make<mlir::math::CopySignOp>(magnitude, magnitude, sign); }

/// The same bits as integers, and back as floats.
inline V asInt(V a) {
  auto type = withElement(a.type(), a.builder->getIntegerType(a.bits()));
  return a.with(mlir::arith::BitcastOp::create(*a.builder, a.loc, type, a.value));
}
inline V asFloat(V a) {
  mlir::Type element = a.bits() == 64 ? mlir::Type(a.builder->getF64Type()) : a.builder->getF32Type();
  return a.with(mlir::arith::BitcastOp::create(*a.builder, a.loc, withElement(a.type(), element), a.value));
}
template <typename Op> V convertTo(V a, mlir::Type element) {
  return a.with(Op::create(*a.builder, a.loc, withElement(a.type(), element), a.value));
}
inline V toF64(V a) { return a.is64() ? a : convertTo<mlir::arith::ExtFOp>(a, a.builder->getF64Type()); }
inline V toF32(V a) { return a.is64() ? convertTo<mlir::arith::TruncFOp>(a, a.builder->getF32Type()) : a; }
/// Signed integers to the float type of their width.
inline V toFloat(V a) {
  mlir::Type element = a.bits() == 64 ? mlir::Type(a.builder->getF64Type()) : a.builder->getF32Type();
  return convertTo<mlir::arith::SIToFPOp>(a, element);
}

/// c[0] + x (c[1] + x (c[2] + ...)).
template <size_t N> V horner(V x, const double (&c)[N]) {
  V p = x.c(c[N - 1]);
  for (size_t k = N - 1; k-- > 0;)
    p = fma(p, x, x.c(c[k]));
  return p;
}

/// 1.5 * 2^mantissa: added to a small number, it leaves the nearest integer in the low bits.
constexpr double roundingMagic(bool is64) { return is64 ? 0x1.8p52 : 0x1.8p23; }

/// The nearest integer of a small t, as a float and as an integer.
struct Rounded {
  V real, integer;
};
inline Rounded roundFma(V x, double factor) {
  double magic = roundingMagic(x.is64());
  V t = fma(x, factor, x.c(magic));
  return {t - magic, asInt(t) - asInt(x.c(magic))};
}

/// 2^n for n within the exponent range of normal numbers; n has the integer type of the float's width.
inline V exp2i(V n) { return n.bits() == 64 ? asFloat((n + 1023) << 52) : asFloat((n + 127) << 23); }
/// p * 2^n, rounded once, for n up to twice the exponent range: overflows and denormals come out right. By
/// integer arithmetic and two products.
inline V scaleInSteps(V p, V n) {
  V half = sar(n, n.i(1));
  return p * exp2i(half) * exp2i(n - half);
}
/// The same by a call of llvm.ldexp, which expandMath replaces where the target has no instruction for it.
inline V scaleBy(V p, V n) {
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(p.type()); vector && vector.getRank() > 1)
    return scaleInSteps(p, n);
  mlir::StringAttr name = p.builder->getStringAttr("llvm.ldexp");
  mlir::Value operands[] = {p.value, n.value};
  return p.with(
      mlir::LLVM::CallIntrinsicOp::create(*p.builder, p.loc, p.type(), name, operands).getResult(0));
}

} // namespace weft::codegen

#endif // WEFT_CODEGEN_MATH_VALUEMATH_H
