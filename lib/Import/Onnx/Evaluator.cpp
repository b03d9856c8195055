// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds ops of small constants while importing: the arithmetic on shapes and sizes that decides what the
// graph is. Not a judge of numerics (that is the reference evaluator): floats only where one rounding of a
// double is exact.
#include "GraphImporter.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using Operands = ArrayRef<HostTensor>;
using Folded = std::optional<HostTensor>;

namespace {
/// Row-major walk over the coordinates of a shape.
class Coordinates {
public:
  explicit Coordinates(ArrayRef<int64_t> shape) : shape(shape), at(shape.size(), 0) {}
  ArrayRef<int64_t> operator*() const { return at; }
  void next() {
    for (size_t i = at.size(); i-- > 0;) {
      if (++at[i] < shape[i])
        return;
      at[i] = 0;
    }
  }

private:
  SmallVector<int64_t> shape, at;
};
} // namespace

/// Where coordinates lie in a tensor; extents of 1 take any coordinate.
static int64_t offsetOf(const HostTensor &tensor, ArrayRef<int64_t> at) {
  int64_t offset = 0;
  for (int64_t i = 0; i < tensor.rank(); ++i)
    offset = offset * tensor.dim(i) + (tensor.dim(i) == 1 ? 0 : at[i]);
  return offset;
}

static Folded makeResult(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  DType dtype = ir::toDType(type.getElementType());
  if (!type.hasStaticShape() || dtype == DType::Invalid)
    return std::nullopt;
  auto tensor = HostTensor::zeros(dtype, type.getShape().vec());
  return tensor.isOk() ? Folded(*tensor) : std::nullopt;
}

/// Copies one element between tensors of the same type.
static void copyElement(HostTensor &to, int64_t i, const HostTensor &from, int64_t j) {
  size_t width = byteWidth(to.dtype());
  if (width == 0)
    to.setInt(i, from.asInt(j));
  else
    std::memcpy(to.mutableBytes().data() + size_t(i) * width, from.bytes().data() + size_t(j) * width, width);
}

/// A result whose elements are elements of the operands: `source` gives tensor and place.
static Folded
rearrange(Operation *op,
          llvm::function_ref<std::pair<const HostTensor *, int64_t>(ArrayRef<int64_t>)> source) {
  Folded result = makeResult(op);
  if (!result || (byteWidth(result->dtype()) == 0 && isFloat(result->dtype())))
    return std::nullopt;
  Coordinates at(result->shape());
  for (int64_t i = 0; i < result->numElements(); ++i, at.next()) {
    auto [from, place] = source(*at);
    if (!from || place < 0 || place >= from->numElements() || from->dtype() != result->dtype())
      return std::nullopt;
    copyElement(*result, i, *from, place);
  }
  return result;
}

static int64_t wrapSum(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
static int64_t wrapProduct(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

/// One integer element; the result wraps to its type when it is stored. Nothing: not folded.
static std::optional<int64_t> integerOf(Operation *op, ArrayRef<int64_t> in, bool isUnsigned) {
  if (isUnsigned && llvm::any_of(in, [](int64_t x) { return x < 0; }))
    return std::nullopt; // numbers of 2^63 and more
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case<ir::AddOp>([&](auto) { return wrapSum(in[0], in[1]); })
      .Case<ir::SubOp>([&](auto) { return wrapSum(in[0], wrapProduct(-1, in[1])); })
      .Case<ir::MulOp>([&](auto) { return wrapProduct(in[0], in[1]); })
      .Case<ir::NegOp>([&](auto) { return wrapProduct(-1, in[0]); })
      .Case<ir::MaxOp>([&](auto) { return std::max(in[0], in[1]); })
      .Case<ir::MinOp>([&](auto) { return std::min(in[0], in[1]); })
      .Case<ir::AbsOp>([&](auto) { return in[0] < 0 ? wrapProduct(-1, in[0]) : in[0]; })
      .Case<ir::ReluOp>([&](auto) { return std::max<int64_t>(in[0], 0); })
      .Case<ir::SignOp>([&](auto) { return int64_t(in[0] > 0) - int64_t(in[0] < 0); })
      .Case<ir::DivOp>([&](auto) -> std::optional<int64_t> {
        return in[1] == 0 || in[1] == -1 ? std::nullopt : std::optional<int64_t>(in[0] / in[1]);
      })
      .Case<ir::RemOp>([&](auto) -> std::optional<int64_t> {
        return in[1] == 0 || in[1] == -1 ? std::nullopt : std::optional<int64_t>(in[0] % in[1]);
      })
      .Case<ir::AndOp>([&](auto) { return in[0] & in[1]; })
      .Case<ir::OrOp>([&](auto) { return in[0] | in[1]; })
      .Case<ir::XorOp>([&](auto) { return in[0] ^ in[1]; })
      .Case<ir::NotOp>([&](auto) {
        return cast<RankedTensorType>(op->getResult(0).getType()).getElementType().isInteger(1) ? in[0] ^ 1
                                                                                                : ~in[0];
      })
      .Case<ir::ClampOp>([&](auto) { return std::min(std::max(in[1], in[0]), in[2]); })
      .Default([](Operation *) { return std::nullopt; });
}

/// One float element, exact when rounded once to the result's type.
static std::optional<double> floatOf(Operation *op, ArrayRef<double> in, DType type) {
  if (llvm::any_of(in, [](double x) { return std::isnan(x); }))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
      .Case<ir::AddOp>([&](auto) { return in[0] + in[1]; })
      .Case<ir::SubOp>([&](auto) { return in[0] - in[1]; })
      .Case<ir::MulOp>([&](auto) { return in[0] * in[1]; })
      .Case<ir::DivOp>([&](auto) { return in[0] / in[1]; })
      .Case<ir::NegOp>([&](auto) { return -in[0]; })
      .Case<ir::AbsOp>([&](auto) { return std::fabs(in[0]); })
      .Case<ir::MaxOp>([&](auto) { return std::max(in[0], in[1]); })
      .Case<ir::MinOp>([&](auto) { return std::min(in[0], in[1]); })
      .Case<ir::PowOp>([&](auto) -> std::optional<double> {
        // A double's error is far below half a unit of f32.
        return type == DType::F32 && in[0] >= 0 ? std::optional<double>(std::pow(in[0], in[1]))
                                                : std::nullopt;
      })
      .Case<ir::FloorOp>([&](auto) { return std::floor(in[0]); })
      .Case<ir::CeilOp>([&](auto) { return std::ceil(in[0]); })
      .Case<ir::TruncOp>([&](auto) { return std::trunc(in[0]); })
      .Case<ir::SqrtOp>([&](auto) { return std::sqrt(in[0]); })
      .Case<ir::RoundOp>([&](ir::RoundOp round) {
        return round.getHalves() == ir::RoundKind::even ? std::nearbyint(in[0]) : std::round(in[0]);
      })
      .Default([](Operation *) { return std::nullopt; });
}

template <class T> static bool holds(ir::CompareKind kind, T a, T b) {
  switch (kind) {
  case ir::CompareKind::eq:
    return a == b;
  case ir::CompareKind::ne:
    return a != b;
  case ir::CompareKind::lt:
    return a < b;
  case ir::CompareKind::le:
    return a <= b;
  case ir::CompareKind::gt:
    return a > b;
  case ir::CompareKind::ge:
    return a >= b;
  }
  return false;
}

static Folded foldElementwise(Operation *op, Operands operands) {
  Folded result = makeResult(op);
  if (!result)
    return std::nullopt;
  DType type = operands[0].dtype();
  if (isStorageType(type) || isStorageType(result->dtype()))
    return std::nullopt;
  bool ofFloats = isFloat(type);
  Coordinates at(result->shape());
  for (int64_t i = 0; i < result->numElements(); ++i, at.next()) {
    SmallVector<int64_t, 3> places;
    for (const HostTensor &operand : operands)
      places.push_back(offsetOf(operand, *at));
    if (auto select = dyn_cast<ir::SelectOp>(op)) {
      size_t arm = operands[0].asInt(places[0]) ? 1 : 2;
      copyElement(*result, i, operands[arm], places[arm]);
      continue;
    }
    if (auto compare = dyn_cast<ir::CompareOp>(op)) {
      if (!ofFloats && type == DType::UI64)
        return std::nullopt;
      bool truth =
          ofFloats
              ? holds(compare.getRelation(), operands[0].asDouble(places[0]), operands[1].asDouble(places[1]))
              : holds(compare.getRelation(), operands[0].asInt(places[0]), operands[1].asInt(places[1]));
      result->setInt(i, truth);
      continue;
    }
    if (isa<ir::ConvertOp>(op)) {
      DType to = result->dtype();
      if (ofFloats && isFloat(to)) {
        result->setDouble(i, operands[0].asDouble(places[0]));
      } else if (ofFloats) {
        double value = operands[0].asDouble(places[0]);
        if (!(std::fabs(value) < 100)) // no question of saturation
          if (to != DType::I64 || !(std::fabs(value) < 9e18))
            return std::nullopt;
        if (to == DType::I1 ? false : isUnsignedInteger(to) && value < 0)
          return std::nullopt;
        result->setInt(i, to == DType::I1 ? int64_t(value != 0) : int64_t(value));
      } else if (isFloat(to)) {
        int64_t value = operands[0].asInt(places[0]);
        if (value >= int64_t(1) << 52 || value <= -(int64_t(1) << 52))
          return std::nullopt;
        result->setDouble(i, double(value));
      } else {
        int64_t value = operands[0].asInt(places[0]);
        result->setInt(i, to == DType::I1 ? int64_t(value != 0) : value);
      }
      continue;
    }
    if (ofFloats) {
      if (type != DType::F32 && type != DType::F64)
        return std::nullopt;
      SmallVector<double, 3> in;
      for (auto [operand, place] : llvm::zip_equal(operands, places))
        in.push_back(operand.asDouble(place));
      std::optional<double> value = floatOf(op, in, type);
      if (!value)
        return std::nullopt;
      result->setDouble(i, *value);
    } else {
      SmallVector<int64_t, 3> in;
      for (auto [operand, place] : llvm::zip_equal(operands, places))
        in.push_back(operand.asInt(place));
      std::optional<int64_t> value = integerOf(op, in, isUnsignedInteger(type));
      if (!value)
        return std::nullopt;
      result->setInt(i, *value);
    }
  }
  return result;
}

static Folded foldReduce(ir::ReduceOp reduce, const HostTensor &x) {
  Folded result = makeResult(reduce);
  ir::ReduceKind kind = reduce.getKind();
  if (!result || (!isInteger(x.dtype()) && x.dtype() != DType::I1) || isStorageType(x.dtype()) ||
      x.dtype() == DType::UI64 || x.numElements() == 0)
    return std::nullopt;
  SmallVector<int64_t> sums(result->numElements());
  SmallVector<bool> seen(result->numElements(), false);
  Coordinates at(x.shape());
  for (int64_t i = 0; i < x.numElements(); ++i, at.next()) {
    int64_t place = 0;
    for (int64_t d = 0; d < x.rank(); ++d)
      if (!llvm::is_contained(reduce.getAxes(), d))
        place = place * x.dim(d) + (*at)[d];
    int64_t value = x.asInt(i);
    int64_t &sum = sums[place];
    if (!seen[place])
      sum = value;
    else if (kind == ir::ReduceKind::add)
      sum = wrapSum(sum, value);
    else if (kind == ir::ReduceKind::mul)
      sum = wrapProduct(sum, value);
    else if (kind == ir::ReduceKind::max)
      sum = std::max(sum, value);
    else if (kind == ir::ReduceKind::min)
      sum = std::min(sum, value);
    else
      return std::nullopt;
    seen[place] = true;
  }
  for (int64_t i = 0; i < result->numElements(); ++i)
    result->setInt(i, sums[i]);
  return result;
}

static Folded foldConcat(ir::ConcatOp concat, Operands operands) {
  int64_t axis = int64_t(concat.getAxis());
  return rearrange(concat, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
    SmallVector<int64_t> inside(at);
    for (const HostTensor &operand : operands) {
      if (inside[axis] < operand.dim(axis))
        return {&operand, offsetOf(operand, inside)};
      inside[axis] -= operand.dim(axis);
    }
    return {nullptr, 0};
  });
}

static Folded foldGather(ir::GatherOp gather, const HostTensor &x, const HostTensor &index) {
  if (!gather.getBatchDims().empty() || index.rank() < 1 || x.numElements() == 0)
    return std::nullopt;
  ArrayRef<int64_t> dims = gather.getDims();
  int64_t indexRank = index.rank() - 1, insert = int64_t(gather.getAt());
  return rearrange(gather, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
    int64_t row = 0;
    for (int64_t i = 0; i < indexRank; ++i)
      row = row * index.dim(i) + at[insert + i];
    int64_t place = 0, rest = 0;
    for (int64_t d = 0; d < x.rank(); ++d) {
      const auto *addressed = llvm::find(dims, d);
      int64_t coordinate;
      if (addressed != dims.end()) {
        coordinate = index.asInt(row * int64_t(dims.size()) + (addressed - dims.begin()));
        coordinate = std::clamp<int64_t>(coordinate, 0, x.dim(d) - 1);
      } else {
        coordinate = at[rest < insert ? rest : rest + indexRank];
        ++rest;
      }
      place = place * x.dim(d) + coordinate;
    }
    return {&x, place};
  });
}

Folded onnx::evaluateOp(Operation *op, Operands operands) {
  return llvm::TypeSwitch<Operation *, Folded>(op)
      .Case<ir::ReshapeOp>([&](ir::ReshapeOp reshape) -> Folded {
        auto type = reshape.getType();
        if (operands.size() != 1 || !type.hasStaticShape())
          return std::nullopt;
        auto result = operands[0].reshaped(type.getShape().vec());
        return result.isOk() ? Folded(*result) : std::nullopt;
      })
      .Case<ir::TransposeOp>([&](ir::TransposeOp transpose) {
        return rearrange(op, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
          SmallVector<int64_t> from(at.size());
          for (auto [i, axis] : llvm::enumerate(transpose.getPermutation()))
            from[axis] = at[i];
          return {&operands[0], offsetOf(operands[0], from)};
        });
      })
      .Case<ir::BroadcastOp>([&](ir::BroadcastOp broadcast) -> Folded {
        if (operands.size() != 1)
          return std::nullopt;
        return rearrange(op, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
          SmallVector<int64_t> from;
          for (int64_t dim : broadcast.getDims())
            from.push_back(at[dim]);
          return {&operands[0], offsetOf(operands[0], from)};
        });
      })
      .Case<ir::SliceOp>([&](ir::SliceOp slice) -> Folded {
        if (operands.size() != 1)
          return std::nullopt;
        return rearrange(op, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
          int64_t place = 0;
          for (size_t i = 0; i < at.size(); ++i)
            place = place * operands[0].dim(int64_t(i)) + slice.getStaticStarts()[i] +
                    at[i] * slice.getStrides()[i];
          return {&operands[0], place};
        });
      })
      .Case<ir::ReverseOp>([&](ir::ReverseOp reverse) {
        return rearrange(op, [&](ArrayRef<int64_t> at) -> std::pair<const HostTensor *, int64_t> {
          SmallVector<int64_t> from(at);
          for (int64_t axis : reverse.getAxes())
            from[axis] = operands[0].dim(axis) - 1 - from[axis];
          return {&operands[0], offsetOf(operands[0], from)};
        });
      })
      .Case<ir::ConcatOp>([&](ir::ConcatOp concat) { return foldConcat(concat, operands); })
      .Case<ir::GatherOp>([&](ir::GatherOp gather) { return foldGather(gather, operands[0], operands[1]); })
      .Case<ir::ReduceOp>([&](ir::ReduceOp reduce) { return foldReduce(reduce, operands[0]); })
      .Case<ir::IotaOp>([&](ir::IotaOp iota) -> Folded {
        Folded result = makeResult(op);
        if (!result || !operands.empty() || isStorageType(result->dtype()))
          return std::nullopt;
        Coordinates at(result->shape());
        for (int64_t i = 0; i < result->numElements(); ++i, at.next()) {
          if (isFloat(result->dtype()))
            result->setDouble(i, double((*at)[iota.getAxis()]));
          else
            result->setInt(i, (*at)[iota.getAxis()]);
        }
        return result;
      })
      .Default([&](Operation *op) -> Folded {
        if (!op->hasTrait<ir::Elementwise>() || op->getNumOperands() == 0)
          return std::nullopt;
        return foldElementwise(op, operands);
      });
}
