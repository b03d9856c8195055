// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elements of small integer tensors, one extent for each, found by following the ops that made the
// tensor. So Shape, Gather, Concat, Reshape becomes a mixed list of numbers and dims, whatever ONNX ops lay
// between. Booleans count as 0 and 1.
#include "GraphImporter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using Contents = std::optional<Extents>;

/// More elements than this are not followed.
static constexpr int64_t maxElements = 64;
/// Chains longer than this are not followed.
static constexpr int maxDepth = 200;

namespace {
class Tracer {
public:
  explicit Tracer(NodeImporter &node) : node(node) {}

  Contents trace(Value value) {
    if (auto known = memo.find(value); known != memo.end())
      return known->second;
    if (depth >= maxDepth)
      return std::nullopt;
    ++depth;
    Contents contents = compute(value);
    --depth;
    if (contents && int64_t(contents->size()) > maxElements)
      contents = std::nullopt;
    memo[value] = contents;
    return contents;
  }

private:
  Contents compute(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() > 1 || !isa<IntegerType>(type.getElementType()) || !type.hasStaticShape() ||
        type.getNumElements() > maxElements)
      return std::nullopt;
    Operation *op = value.getDefiningOp();
    if (!op)
      return std::nullopt;
    return llvm::TypeSwitch<Operation *, Contents>(op)
        .Case<ir::ConstantOp>([&](ir::ConstantOp) -> Contents {
          std::optional<SmallVector<int64_t>> numbers = node.getConstantInts(value);
          return numbers ? Contents(toExtents(*numbers)) : std::nullopt;
        })
        .Case<ir::DimOp>([&](ir::DimOp dim) -> Contents {
          return Extents{node.extent(dim.getX(), int64_t(dim.getAxis()))};
        })
        .Case<ir::ConvertOp>([&](ir::ConvertOp convert) { return traceConvert(convert); })
        .Case<ir::ReshapeOp>([&](ir::ReshapeOp reshape) { return trace(reshape.getX()); })
        .Case<ir::CastShapeOp>([&](ir::CastShapeOp cast) { return trace(cast.getX()); })
        .Case<ir::ConcatOp>([&](ir::ConcatOp concat) { return traceConcat(concat); })
        .Case<ir::SliceOp>([&](ir::SliceOp slice) { return traceSlice(slice); })
        .Case<ir::GatherOp>([&](ir::GatherOp gather) { return traceGather(gather); })
        .Case<ir::BroadcastOp>([&](ir::BroadcastOp broadcast) -> Contents {
          Contents x = trace(broadcast.getX());
          if (!x || x->empty())
            return x;
          return x->size() == 1 ? Extents(type.getNumElements(), x->front()) : *x;
        })
        .Case<ir::ReverseOp>([&](ir::ReverseOp reverse) -> Contents {
          Contents x = trace(reverse.getX());
          if (x)
            std::reverse(x->begin(), x->end());
          return x;
        })
        .Case<ir::ReduceOp>([&](ir::ReduceOp reduce) { return traceReduce(reduce); })
        .Default([&](Operation *op) -> Contents {
          return op->hasTrait<ir::Elementwise>() ? traceElementwise(op, type) : std::nullopt;
        });
  }

  /// A conversion to fewer bits keeps the number: extents and offsets fit in any type a model uses for them.
  Contents traceConvert(ir::ConvertOp convert) {
    Type from = NodeImporter::elementTypeOf(convert.getOperand());
    Type to = NodeImporter::elementTypeOf(convert.getResult());
    if (!isa<IntegerType>(from))
      return std::nullopt;
    Contents x = trace(convert.getOperand());
    if (!x)
      return std::nullopt;
    if (to.isInteger(1)) {
      for (Extent &extent : *x)
        extent = node.selectEqual(extent, Extent(0), Extent(0), Extent(1));
      return x;
    }
    if (to.getIntOrFloatBitWidth() >= 32 || to.getIntOrFloatBitWidth() >= from.getIntOrFloatBitWidth() ||
        llvm::all_of(*x, [](const Extent &extent) {
          return extent.isStatic() && extent.getStatic() >= 0 && extent.getStatic() < 128;
        }))
      return x;
    return std::nullopt;
  }

  Contents traceConcat(ir::ConcatOp concat) {
    Extents all;
    for (Value part : concat.getXs()) {
      Contents contents = trace(part);
      if (!contents)
        return std::nullopt;
      llvm::append_range(all, *contents);
    }
    return all;
  }

  Contents traceSlice(ir::SliceOp slice) {
    Contents x = trace(slice.getX());
    if (!x || slice.getStaticStarts().size() != 1 || ShapedType::isDynamic(slice.getStaticStarts()[0]) ||
        ShapedType::isDynamic(slice.getStaticSizes()[0]))
      return std::nullopt;
    Extents part;
    for (int64_t i = 0; i < slice.getStaticSizes()[0]; ++i) {
      int64_t place = slice.getStaticStarts()[0] + i * slice.getStrides()[0];
      if (place < 0 || place >= int64_t(x->size()))
        return std::nullopt;
      part.push_back((*x)[place]);
    }
    return part;
  }

  Contents traceGather(ir::GatherOp gather) {
    std::optional<SmallVector<int64_t>> index = node.getConstantInts(gather.getIndex());
    Contents x = trace(gather.getX());
    if (!x || x->empty() || !index || gather.getDims() != ArrayRef<int64_t>{0})
      return std::nullopt;
    Extents part;
    for (int64_t place : *index)
      part.push_back((*x)[std::clamp<int64_t>(place, 0, int64_t(x->size()) - 1)]);
    return part;
  }

  Contents traceReduce(ir::ReduceOp reduce) {
    Contents x = trace(reduce.getX());
    if (!x || x->empty() || reduce.getAxes() != ArrayRef<int64_t>{0} || NodeImporter::isBool(reduce.getX()))
      return std::nullopt;
    Extent all = x->front();
    for (const Extent &extent : ArrayRef<Extent>(*x).drop_front()) {
      switch (reduce.getKind()) {
      case ir::ReduceKind::add:
        all = node.add(all, extent);
        break;
      case ir::ReduceKind::mul:
        all = node.mul(all, extent);
        break;
      case ir::ReduceKind::max:
        all = node.max(all, extent);
        break;
      case ir::ReduceKind::min:
        all = node.min(all, extent);
        break;
      default:
        return std::nullopt;
      }
    }
    return Extents{all};
  }

  Contents traceElementwise(Operation *op, RankedTensorType type) {
    SmallVector<Extents> operands;
    for (Value operand : op->getOperands()) {
      Contents contents = trace(operand);
      if (!contents || contents->empty())
        return type.getNumElements() == 0 ? Contents(Extents()) : std::nullopt;
      operands.push_back(*contents);
    }
    bool isBool = type.getElementType().isInteger(1);
    bool ofBools = llvm::any_of(op->getOperands(), NodeImporter::isBool);
    Extents result;
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      SmallVector<Extent> in;
      for (const Extents &operand : operands)
        in.push_back(operand.size() == 1 ? operand[0] : operand[i]);
      std::optional<Extent> element = isBool                              ? truth(op, in)
                                      : ofBools && !isa<ir::SelectOp>(op) ? std::nullopt
                                                                          : number(op, in);
      if (!element)
        return std::nullopt;
      result.push_back(*element);
    }
    return result;
  }

  std::optional<Extent> number(Operation *op, ArrayRef<Extent> in) {
    return llvm::TypeSwitch<Operation *, std::optional<Extent>>(op)
        .Case<ir::AddOp>([&](auto) { return node.add(in[0], in[1]); })
        .Case<ir::SubOp>([&](auto) { return node.sub(in[0], in[1]); })
        .Case<ir::MulOp>([&](auto) { return node.mul(in[0], in[1]); })
        .Case<ir::MaxOp>([&](auto) { return node.max(in[0], in[1]); })
        .Case<ir::MinOp>([&](auto) { return node.min(in[0], in[1]); })
        .Case<ir::NegOp>([&](auto) { return node.sub(Extent(0), in[0]); })
        .Case<ir::DivOp>([&](auto) -> std::optional<Extent> {
          // Truncation is rounding down only from 0 up.
          auto range = [&](const Extent &extent) { return node.getGraph().model.rangeOf(extent); };
          if (range(in[0]).first < 0 || range(in[1]).first <= 0)
            return std::nullopt;
          return node.floorDiv(in[0], in[1]);
        })
        .Case<ir::SelectOp>([&](auto) { return node.selectEqual(in[0], Extent(0), in[2], in[1]); })
        .Default([](Operation *) { return std::nullopt; });
  }

  std::optional<Extent> truth(Operation *op, ArrayRef<Extent> in) {
    return llvm::TypeSwitch<Operation *, std::optional<Extent>>(op)
        .Case<ir::CompareOp>([&](ir::CompareOp compare) -> std::optional<Extent> {
          Extent yes(1), no(0);
          switch (compare.getRelation()) {
          case ir::CompareKind::eq:
            return node.selectEqual(in[0], in[1], yes, no);
          case ir::CompareKind::ne:
            return node.selectEqual(in[0], in[1], no, yes);
          case ir::CompareKind::lt:
            return node.selectLess(in[0], in[1], yes, no);
          case ir::CompareKind::ge:
            return node.selectLess(in[0], in[1], no, yes);
          case ir::CompareKind::gt:
            return node.selectLess(in[1], in[0], yes, no);
          case ir::CompareKind::le:
            return node.selectLess(in[1], in[0], no, yes);
          }
          return std::nullopt;
        })
        .Case<ir::NotOp>([&](auto) { return node.selectEqual(in[0], Extent(0), Extent(1), Extent(0)); })
        .Case<ir::AndOp>([&](auto) { return node.mul(in[0], in[1]); })
        .Case<ir::OrOp>([&](auto) { return node.max(in[0], in[1]); })
        .Case<ir::SelectOp>([&](auto) { return node.selectEqual(in[0], Extent(0), in[2], in[1]); })
        .Default([](Operation *) { return std::nullopt; });
  }

  NodeImporter &node;
  llvm::DenseMap<Value, Contents> memo;
  int depth = 0;
};
} // namespace

std::optional<Extents> onnx::traceContents(NodeImporter &node, Value value) {
  if (node.failed())
    return std::nullopt;
  Contents contents = Tracer(node).trace(value);
  return node.failed() ? std::nullopt : contents;
}
