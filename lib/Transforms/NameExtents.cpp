// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives names to extents that depend on data. Stage: host, before outlining: the program sizes buffers by
// names. Ops are visited in order, so that what follows from a named extent is inferred before it is looked
// at.
#include "weft/Transforms/Passes.h"

#include "RefineTypes.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_NAMEEXTENTSPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

struct NameExtents : impl::NameExtentsPassBase<NameExtents> {
  void runOnOperation() override {
    // Names in use: those the module declares, and those already given.
    if (auto dims = getOperation()->getAttrOfType<DictionaryAttr>(WeftDialect::getDimsAttrName()))
      for (NamedAttribute dim : dims)
        used.insert(dim.getName().getValue());
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto named = dyn_cast<NameExtentOp>(op))
        used.insert(named.getName());
      ops.push_back(op);
    });
    for (Operation *op : ops)
      visit(op);
    updateFunctionTypes(getOperation());
  }

  void visit(Operation *op) {
    refineResultTypes(op); // what follows from operands that are better known now
    llvm::TypeSwitch<Operation *>(op)
        .Case<ReshapeOp, BroadcastOp, IotaOp>([&](auto sized) {
          nameSizes(op, sized.getStaticSizes(), sized.getSizesMutable(), op->getResult(0));
        })
        .Case<TopKOp>([&](TopKOp top) {
          if (isUnknown(top.getValues(), top.getAxis()) && !top.getK().empty()) {
            Value k = name(op, top.getK()[0]);
            top.getKMutable().assign(k);
            setDim(top.getValues(), top.getAxis(), getDimOf(k));
            setDim(top.getIndices(), top.getAxis(), getDimOf(k));
          }
        })
        .Case<NonZeroOp>([&](NonZeroOp nonZero) {
          // The count is not a value of the graph: the call that finds it names it.
          if (isUnknown(nonZero.getResult(), 0))
            setDim(nonZero.getResult(), 0, Dim::symbol(StringAttr::get(&getContext(), freshName())));
        })
        .Case<SliceOp>([&](SliceOp slice) { nameSlice(slice); })
        .Case<WhileOp>([&](WhileOp loop) { nameCarried(loop); })
        .Case<DotGeneralOp>([&](DotGeneralOp dot) { agree(dot); })
        .Case<ConvOp>([&](ConvOp conv) { agree(conv); })
        .Case<PadOp>([&](PadOp pad) { namePad(pad); });
  }

  /// Extents that must be equal get one form, by a cast that is checked when the program runs: kernels rely
  /// on it.
  void agree(DotGeneralOp dot) {
    SmallVector<Dim> lhs = getDims(dot.getLhs()), rhs = getDims(dot.getRhs());
    for (auto [left, right] : {std::pair(dot.getLhsBatch(), dot.getRhsBatch()),
                               std::pair(dot.getLhsContract(), dot.getRhsContract())})
      for (auto [a, b] : llvm::zip_equal(left, right))
        lhs[a] = rhs[b] = moreKnown(lhs[a], rhs[b]);
    castOperand(dot, dot.getLhsMutable(), lhs);
    castOperand(dot, dot.getRhsMutable(), rhs);
  }
  void agree(ConvOp conv) {
    SmallVector<Dim> x = getDims(conv.getX());
    Dim wanted = getDim(conv.getW(), conv.getWDims()[1]) * Dim(int64_t(conv.getFeatureGroups()));
    Dim &found = x[conv.getXDims()[1]];
    if (wanted.isUnknown() || found.isStatic())
      return;
    found = wanted;
    castOperand(conv, conv.getXMutable(), x);
  }
  void castOperand(Operation *op, OpOperand &operand, ArrayRef<Dim> dims) {
    Value value = operand.get();
    Type type = makeTensorType(dims, cast<RankedTensorType>(value.getType()).getElementType());
    if (type == value.getType())
      return;
    OpBuilder builder(op);
    operand.set(CastShapeOp::create(builder, op->getLoc(), type, value));
    refineResultTypes(op);
  }

  /// What a loop carries keeps its type, which may leave extents open that never change: those are the
  /// extents it starts with. That is supposed, and dropped where the body gives something else, on a copy of
  /// the loop.
  void nameCarried(WhileOp loop) {
    SmallVector<SmallVector<Dim>> wanted;
    bool isOpen = false;
    for (auto [init, result] : llvm::zip_equal(loop.getInit(), loop.getResults())) {
      SmallVector<Dim> dims = getDims(result);
      for (auto [dim, start] : llvm::zip_equal(dims, getDims(init)))
        if (dim.isUnknown() && !start.isUnknown()) {
          dim = start;
          isOpen = true;
        }
      wanted.push_back(dims);
    }
    while (isOpen) {
      OpBuilder builder(loop);
      auto copy = cast<WhileOp>(builder.clone(*loop));
      setCarried(copy, wanted);
      copy.getBody().walk<WalkOrder::PreOrder>([](Operation *op) { refineResultTypes(op); });
      bool holds = true;
      isOpen = false;
      Operation *yield = copy.getBody().front().getTerminator();
      for (auto [i, dims] : llvm::enumerate(wanted)) {
        SmallVector<Dim> given = getDims(uncast(yield->getOperand(i))), own = getDims(loop.getResult(i));
        for (auto [axis, dim] : llvm::enumerate(dims)) {
          if (dim == own[axis] || own[axis].isStatic())
            continue;
          if (dim == given[axis]) {
            isOpen |= own[axis].isUnknown();
            continue;
          }
          holds &= dim.isUnknown();
          dim = own[axis];
        }
      }
      copy.erase();
      if (!holds)
        continue;
      if (isOpen)
        setCarried(loop, wanted);
      return;
    }
  }

  /// The value below casts that only forget.
  static Value uncast(Value value) {
    while (auto cast = value.getDefiningOp<CastShapeOp>())
      value = cast.getX();
    return value;
  }

  /// Gives all that a loop carries these extents.
  void setCarried(WhileOp loop, ArrayRef<SmallVector<Dim>> dims) {
    auto adapt = [](OpBuilder &builder, OpOperand &use, Type type) {
      if (use.get().getType() == type)
        return;
      Value below = uncast(use.get());
      use.set(below.getType() == type
                  ? below
                  : CastShapeOp::create(builder, use.getOwner()->getLoc(), type, use.get()));
    };
    OpBuilder outside(loop);
    Operation *yield = loop.getBody().front().getTerminator();
    OpBuilder inside(yield);
    for (auto [i, extents] : llvm::enumerate(dims)) {
      Value result = loop.getResult(i);
      Type type = makeTensorType(extents, cast<RankedTensorType>(result.getType()).getElementType());
      if (type == result.getType())
        continue;
      result.setType(type);
      loop.getCond().getArgument(i).setType(type);
      loop.getBody().getArgument(i).setType(type);
      adapt(outside, loop->getOpOperand(i), type);
      adapt(inside, yield->getOpOperand(i), type);
    }
  }
  void setDim(Value value, int64_t axis, const Dim &dim) {
    SmallVector<Dim> dims = getDims(value);
    dims[axis] = dim;
    setExtents(value, dims);
  }
  static bool isUnknown(Value value, int64_t axis) { return getDim(value, axis).isUnknown(); }

  std::string freshName() {
    std::string text;
    do
      text = "data_" + std::to_string(next++);
    while (!used.insert(text).second);
    return text;
  }

  /// `extent` with a name, before `op`; as it is when its extent is known.
  Value name(Operation *op, Value extent) {
    if (!getDimOf(extent).isUnknown())
      return extent;
    if (Value known = names.lookup(extent))
      return known;
    std::string text = freshName();
    OpBuilder builder(op);
    // Right after the value, for all who read it.
    if (Operation *producer = extent.getDefiningOp())
      builder.setInsertionPointAfter(producer);
    else
      builder.setInsertionPointToStart(extent.getParentBlock());
    return names[extent] = NameExtentOp::create(builder, op->getLoc(), extent, text);
  }

  /// Sizes in a mixed list, one for one with the dimensions of the result.
  void nameSizes(Operation *op, ArrayRef<int64_t> statics, MutableOperandRange sizes, Value result) {
    unsigned place = 0;
    for (auto [axis, size] : llvm::enumerate(statics)) {
      if (!ShapedType::isDynamic(size))
        continue;
      OpOperand &operand = sizes[place++];
      if (!isUnknown(result, axis))
        continue;
      operand.set(name(op, operand.get()));
      setDim(result, axis, getDimOf(operand.get()));
    }
  }

  /// A slice's size is clamped to the extent: the clamped size gets the name.
  void nameSlice(SliceOp slice) {
    unsigned place = 0;
    Location loc = slice.getLoc();
    for (auto [axis, size] : llvm::enumerate(slice.getStaticSizes())) {
      if (!ShapedType::isDynamic(size))
        continue;
      OpOperand &operand = slice.getSizesMutable()[place++];
      if (!isUnknown(slice.getResult(), axis))
        continue;
      OpBuilder builder(slice);
      // As many elements as fit: those at 0, stride, 2 * stride ... below the extent.
      Value extent = DimOp::create(builder, loc, slice.getX(), axis);
      int64_t stride = slice.getStrides()[axis];
      if (stride != 1)
        extent = DivOp::create(
            builder, loc, AddOp::create(builder, loc, extent, createShapeValue(builder, loc, stride - 1)),
            createShapeValue(builder, loc, stride));
      Value clamped = MaxOp::create(builder, loc, MinOp::create(builder, loc, operand.get(), extent),
                                    createShapeValue(builder, loc, 0));
      operand.set(name(slice, clamped));
      setDim(slice.getResult(), axis, getDimOf(operand.get()));
    }
  }

  /// max(low + extent + (extent - 1) * interior + high, 0).
  void namePad(PadOp pad) {
    Location loc = pad.getLoc();
    unsigned lowPlace = 0, highPlace = 0;
    for (int64_t axis = 0; axis < pad.getType().getRank(); ++axis) {
      OpBuilder builder(pad);
      auto width = [&](ArrayRef<int64_t> statics, ValueRange values, unsigned &place) -> Value {
        if (ShapedType::isDynamic(statics[axis]))
          return values[place++];
        return createShapeValue(builder, loc, statics[axis]);
      };
      Value low = width(pad.getStaticLow(), pad.getLow(), lowPlace);
      Value high = width(pad.getStaticHigh(), pad.getHigh(), highPlace);
      if (!isUnknown(pad.getResult(), axis))
        continue;
      Value extent = DimOp::create(builder, loc, pad.getX(), axis);
      if (int64_t interior = pad.getInterior()[axis]) {
        Value one = createShapeValue(builder, loc, 1), zero = createShapeValue(builder, loc, 0);
        Value gaps = MaxOp::create(builder, loc, SubOp::create(builder, loc, extent, one), zero);
        extent = AddOp::create(builder, loc, extent,
                               MulOp::create(builder, loc, gaps, createShapeValue(builder, loc, interior)));
      }
      Value total = AddOp::create(builder, loc, AddOp::create(builder, loc, low, extent), high);
      total = MaxOp::create(builder, loc, total, createShapeValue(builder, loc, 0));
      setDim(pad.getResult(), axis, getDimOf(name(pad, total)));
    }
  }

  llvm::StringSet<> used;
  llvm::DenseMap<Value, Value> names;
  int64_t next = 0;
};

} // namespace
} // namespace weft
