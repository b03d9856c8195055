// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The helpers with which a node's function builds weft ops. Each op is checked, folded and, when its operands
// are small constants, evaluated as soon as it is made; what cannot be made becomes a placeholder and an
// error.
#include "GraphImporter.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

/// Constants of at most this many elements are folded while importing.
static constexpr int64_t maxFolded = 4096;

//===-- Making ops
//---------------------------------------------------------------------------------------------===//

/// Results of an op that could not be made: of the first operand's type, so that code that looks at types
/// goes on.
static SmallVector<Value> makePlaceholders(NodeImporter &node, OperationState &state) {
  Type type = RankedTensorType::get({}, node.i64());
  if (!state.operands.empty() && isa<RankedTensorType>(state.operands.front().getType()))
    type = state.operands.front().getType();
  SmallVector<Type> types(std::max<size_t>(3, state.operands.size()), type);
  auto cast = UnrealizedConversionCastOp::create(node.b(), node.getLoc(), types, ValueRange());
  return cast.getResults();
}

static bool isSmall(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return false;
  int64_t count = 1;
  for (int64_t extent : tensor.getShape()) {
    if (extent > maxFolded || (count *= extent) > maxFolded) // stops before it can overflow
      return false;
  }
  return true;
}

SmallVector<Value> NodeImporter::finish(
    OperationState &state,
    llvm::function_ref<LogicalResult(std::optional<Location>, SmallVectorImpl<Type> &)> infer) {
  if (hasFailed)
    return makePlaceholders(*this, state);
  for (Value operand : state.operands)
    if (!operand) {
      error() << "could not be imported: an operand of " << state.name << " is missing";
      state.operands.clear();
      return makePlaceholders(*this, state);
    }
  SmallVector<Type> types;
  if (llvm::failed(infer(loc, types))) {
    error() << "could not be imported: " << state.name << " does not take these operands";
    return makePlaceholders(*this, state);
  }
  state.addTypes(types);
  Operation *op = b().create(state);
  if (llvm::failed(op->getName().verifyInvariants(op))) {
    error() << "could not be imported: " << state.name << " does not take these operands";
    op->erase();
    return makePlaceholders(*this, state);
  }
  OpBuilder::InsertionGuard guard(b());
  b().setInsertionPoint(op);
  SmallVector<Value> folded;
  if (llvm::succeeded(b().tryFold(op, folded)) && !folded.empty()) {
    op->erase();
    return folded;
  }
  if (op->getNumResults() == 1 && op->getNumRegions() == 0 && isSmall(op->getResult(0).getType())) {
    SmallVector<HostTensor> operands;
    for (Value operand : op->getOperands()) {
      std::optional<HostTensor> tensor = isSmall(operand.getType()) ? getConstant(operand) : std::nullopt;
      if (!tensor)
        break;
      operands.push_back(*tensor);
    }
    if (operands.size() == op->getNumOperands())
      if (std::optional<HostTensor> tensor = evaluateOp(op, operands)) {
        Value value = constant(*tensor);
        op->erase();
        return {value};
      }
  }
  return SmallVector<Value>(op->getResults());
}

//===-- Elementwise and constants
//------------------------------------------------------------------------------===//

Value NodeImporter::compare(ir::CompareKind kind, Value a, Value b) {
  SmallVector<Value> values = broadcastTogether({a, b});
  return create<ir::CompareOp>(kind, values[0], values[1]);
}

Value NodeImporter::select(Value predicate, Value onTrue, Value onFalse) {
  SmallVector<Value> values = broadcastTogether({predicate, onTrue, onFalse});
  return create<ir::SelectOp>(values[0], values[1], values[2]);
}

Value NodeImporter::convert(Value x, Type elementType, bool saturate) {
  if (elementTypeOf(x) == elementType || hasFailed)
    return x;
  OperationState state(loc, ir::ConvertOp::getOperationName());
  RankedTensorType type = ir::withElementType(x.getType(), elementType);
  ir::ConvertOp::build(b(), state, type, x, saturate);
  state.types.clear();
  return finish(state,
                [&](std::optional<Location>, SmallVectorImpl<Type> &types) {
                  types.push_back(type);
                  return success();
                })
      .front();
}

Value NodeImporter::like(Value x, double value) { return unit(elementTypeOf(x), rankOf(x), value); }

Value NodeImporter::unit(Type elementType, int64_t rank, double value) {
  return ir::createUnitSplat(b(), loc, elementType, rank, value);
}

Value NodeImporter::constant(const HostTensor &tensor) { return ir::createConstant(b(), loc, tensor); }

Value NodeImporter::constantI64(ArrayRef<int64_t> values) {
  return constant(*HostTensor::fromValues<int64_t>({int64_t(values.size())}, values.vec()));
}

Value NodeImporter::scalarI64(int64_t value) { return ir::createShapeValue(b(), loc, value); }

Value NodeImporter::full(Type elementType, ArrayRef<Extent> sizes, double value) {
  return broadcastTo(unit(elementType, 0, value), sizes);
}

//===-- Shapes
//-------------------------------------------------------------------------------------------------===//

Value NodeImporter::reshape(Value x, ArrayRef<Extent> sizes) {
  if (hasFailed)
    return x;
  MixedList list(sizes);
  if (list.values.empty() && typeOf(x).getShape() == ArrayRef<int64_t>(list.statics))
    return x;
  return create<ir::ReshapeOp>(x, ValueRange(list.values), ArrayRef<int64_t>(list.statics));
}

Value NodeImporter::unsqueeze(Value x, ArrayRef<int64_t> axes) {
  if (axes.empty())
    return x;
  Extents own = extents(x), sizes;
  size_t next = 0;
  for (int64_t i = 0, rank = int64_t(own.size() + axes.size()); i < rank; ++i) {
    bool isNew = llvm::is_contained(axes, i);
    if (!isNew && next == own.size()) {
      error() << "found new dimensions outside of rank " << rank;
      return x;
    }
    sizes.push_back(isNew ? Extent(1) : own[next++]);
  }
  return reshape(x, sizes);
}

Value NodeImporter::squeeze(Value x, ArrayRef<int64_t> axes) {
  Extents sizes;
  for (int64_t i = 0; i < rankOf(x); ++i) {
    if (!llvm::is_contained(axes, i)) {
      sizes.push_back(extent(x, i));
    } else if (Extent own = extent(x, i); own.isStatic() && !own.is(1)) {
      error() << "found extent " << own.getStatic() << " in dimension " << i << ", wanted 1";
      return x;
    }
  }
  return reshape(x, sizes);
}

Value NodeImporter::raiseRank(Value x, int64_t rank) {
  if (rankOf(x) >= rank)
    return x;
  Extents sizes(rank - rankOf(x), Extent(1));
  llvm::append_range(sizes, extents(x));
  return reshape(x, sizes);
}

Value NodeImporter::alongAxis(Value x, int64_t axis, int64_t rank) {
  if (rankOf(x) != 1 || axis < 0 || axis >= rank) {
    error() << "found " << typeOf(x) << ", wanted rank 1 along dimension " << axis << " of " << rank;
    return x;
  }
  Extents sizes(rank, Extent(1));
  sizes[axis] = extent(x, 0);
  return reshape(x, sizes);
}

Value NodeImporter::transpose(Value x, ArrayRef<int64_t> permutation) {
  if (hasFailed)
    return x;
  bool isIdentity = true;
  for (auto [i, axis] : llvm::enumerate(permutation))
    isIdentity &= axis == int64_t(i);
  if (isIdentity && int64_t(permutation.size()) == rankOf(x))
    return x;
  return create<ir::TransposeOp>(x, permutation);
}

Value NodeImporter::broadcastTo(Value x, ArrayRef<Extent> sizes, ArrayRef<int64_t> dims) {
  if (hasFailed)
    return x;
  MixedList list(sizes);
  return create<ir::BroadcastOp>(x, ValueRange(list.values), ArrayRef<int64_t>(list.statics), dims);
}

Value NodeImporter::broadcastTo(Value x, ArrayRef<Extent> sizes) {
  int64_t missing = int64_t(sizes.size()) - rankOf(x);
  if (missing < 0) {
    error() << "found rank " << rankOf(x) << ", wanted at most " << sizes.size();
    return x;
  }
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < rankOf(x); ++i)
    dims.push_back(i + missing);
  return broadcastTo(x, sizes, dims);
}

Value NodeImporter::slice(Value x, ArrayRef<Extent> starts, ArrayRef<Extent> sizes,
                          ArrayRef<int64_t> strides) {
  if (hasFailed)
    return x;
  MixedList start(starts), size(sizes);
  SmallVector<int64_t> steps =
      strides.empty() ? SmallVector<int64_t>(starts.size(), 1) : SmallVector<int64_t>(strides);
  return create<ir::SliceOp>(x, ValueRange(start.values), ValueRange(size.values),
                             ArrayRef<int64_t>(start.statics), ArrayRef<int64_t>(size.statics),
                             ArrayRef<int64_t>(steps));
}

Value NodeImporter::sliceAxis(Value x, int64_t axis, Extent start, Extent size, int64_t stride) {
  Extents starts(rankOf(x), Extent(0)), sizes = extents(x);
  SmallVector<int64_t> strides(rankOf(x), 1);
  if (hasFailed || axis < 0 || axis >= rankOf(x)) {
    error() << "found axis " << axis << ", wanted less than " << rankOf(x);
    return x;
  }
  starts[axis] = start;
  sizes[axis] = size;
  strides[axis] = stride;
  return slice(x, starts, sizes, strides);
}

Value NodeImporter::concat(ArrayRef<Value> values, int64_t axis) {
  return values.size() == 1 ? values.front() : create<ir::ConcatOp>(ValueRange(values), uint64_t(axis));
}

Value NodeImporter::pad(Value x, ArrayRef<Extent> low, ArrayRef<Extent> high, Value value, ir::PadMode mode,
                        ArrayRef<int64_t> interior) {
  if (hasFailed)
    return x;
  if (!value)
    value = unit(elementTypeOf(x), 0, 0);
  MixedList lows(low), highs(high);
  SmallVector<int64_t> inside =
      interior.empty() ? SmallVector<int64_t>(low.size(), 0) : SmallVector<int64_t>(interior);
  return create<ir::PadOp>(x, value, ValueRange(lows.values), ValueRange(highs.values),
                           ArrayRef<int64_t>(lows.statics), ArrayRef<int64_t>(highs.statics),
                           ArrayRef<int64_t>(inside), mode);
}

Value NodeImporter::iota(Type elementType, ArrayRef<Extent> sizes, int64_t axis) {
  MixedList list(sizes);
  SmallVector<ir::Dim> dims;
  for (const Extent &size : sizes)
    dims.push_back(size.dim);
  OperationState state(loc, ir::IotaOp::getOperationName());
  if (axis < 0 || axis >= int64_t(sizes.size()) ||
      llvm::any_of(sizes, [](const Extent &size) { return size.isStatic() && size.getStatic() < 0; })) {
    error() << "found a bad axis or a negative extent, wanted a range";
    return makePlaceholders(*this, state).front();
  }
  RankedTensorType type = ir::makeTensorType(dims, elementType);
  ir::IotaOp::build(b(), state, type, ValueRange(list.values), ArrayRef<int64_t>(list.statics),
                    uint64_t(axis));
  state.types.clear();
  return finish(state,
                [&](std::optional<Location>, SmallVectorImpl<Type> &types) {
                  types.push_back(type);
                  return success();
                })
      .front();
}

Value NodeImporter::reverse(Value x, ArrayRef<int64_t> axes) {
  return axes.empty() ? x : create<ir::ReverseOp>(x, axes);
}

Value NodeImporter::reduce(ir::ReduceKind kind, Value x, ArrayRef<int64_t> axes, bool keepDims) {
  if (hasFailed)
    return x;
  Value result = axes.empty() ? x : create<ir::ReduceOp>(x, kind, axes);
  if (!keepDims || hasFailed)
    return result;
  Extents sizes = extents(x);
  for (int64_t axis : axes)
    sizes[axis] = Extent(1);
  return reshape(result, sizes);
}

Value NodeImporter::gather(Value x, Value index, ArrayRef<int64_t> dims, ArrayRef<int64_t> batchDims,
                           ArrayRef<int64_t> indexBatchDims, int64_t at) {
  return create<ir::GatherOp>(x, index, dims, batchDims, indexBatchDims, uint64_t(at), false);
}

Value NodeImporter::scatter(ir::ScatterKind kind, Value x, Value index, Value update, ArrayRef<int64_t> dims,
                            ArrayRef<int64_t> batchDims, ArrayRef<int64_t> indexBatchDims, int64_t at) {
  return create<ir::ScatterOp>(x, index, update, kind, dims, batchDims, indexBatchDims, uint64_t(at), false,
                               false);
}

Value NodeImporter::wrapIndex(Value index, Extent n) {
  if (hasFailed)
    return index;
  if (!isa<IntegerType>(elementTypeOf(index))) {
    error() << "found indices " << typeOf(index) << ", wanted integers";
    return index;
  }
  if (!elementTypeOf(index).isSignlessInteger(64) && !elementTypeOf(index).isSignlessInteger(32))
    index = convert(index, i64());
  if (std::optional<HostTensor> known = getConstant(index)) {
    bool negative = false;
    for (int64_t i = 0; i < known->numElements(); ++i)
      negative |= known->asInt(i) < 0;
    if (!negative)
      return index;
  }
  index = convert(index, i64());
  Value end = raiseRank(toValue(n), rankOf(index));
  Value isNegative = compare(ir::CompareKind::lt, index, like(index, 0));
  return select(isNegative, add(index, end), index);
}

void NodeImporter::checkIndex(Value index, ArrayRef<Extent> ends) {
  if (hasFailed || ends.empty() || !isa<IntegerType>(elementTypeOf(index)))
    return;
  if (std::optional<HostTensor> known = getConstant(index)) {
    bool proved = true;
    for (int64_t i = 0; i < known->numElements() && !hasFailed; ++i) {
      const Extent &end = ends[i % ends.size()];
      int64_t value = known->asInt(i);
      auto [least, most] = graph.model.rangeOf(end);
      if (value >= most || value < -most)
        error() << "found index " << value << " at element " << i << ", wanted -" << most << " to "
                << most - 1 << " in an axis of extent " << end.dim.str();
      proved &= value < least && value >= -least;
    }
    if (hasFailed || proved)
      return;
  }
  index = convert(index, i64());
  Value end = ends.size() == 1 ? toValue(ends.front()) : toTensor(ends);
  Value wide = raiseRank(end, rankOf(index));
  Value inside = binary<ir::AndOp>(compare(ir::CompareKind::lt, index, wide),
                                   compare(ir::CompareKind::ge, index, create<ir::NegOp>(wide)));
  if (!hasFailed)
    ir::AssertOp::create(b(), loc, inside, "an index is outside of its axis", ValueRange{index, end});
}

Value NodeImporter::dotGeneral(Value lhs, Value rhs, ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                               ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract,
                               Type elementType) {
  OperationState state(loc, ir::DotGeneralOp::getOperationName());
  state.addOperands({lhs, rhs});
  auto bad = [&](const Twine &what) {
    error() << what;
    return makePlaceholders(*this, state).front();
  };
  if (hasFailed)
    return makePlaceholders(*this, state).front();
  SmallVector<ir::Dim> left = ir::getDims(lhs), right = ir::getDims(rhs), result;
  auto inRange = [](ArrayRef<int64_t> axes, int64_t rank) {
    return llvm::all_of(axes, [&](int64_t axis) { return axis >= 0 && axis < rank; });
  };
  if (lhsBatch.size() != rhsBatch.size() || lhsContract.size() != rhsContract.size() ||
      !inRange(lhsBatch, left.size()) || !inRange(lhsContract, left.size()) ||
      !inRange(rhsBatch, right.size()) || !inRange(rhsContract, right.size()))
    return bad("found dimensions of a product that the operands do not have");
  for (auto [axes, others] : {std::pair(lhsBatch, rhsBatch), std::pair(lhsContract, rhsContract)})
    for (auto [a, b] : llvm::zip_equal(axes, others)) {
      if (left[a].conflictsWith(right[b]))
        return bad("found extents " + left[a].str() + " and " + right[b].str() +
                   " in a product, wanted equal ones");
      if (axes.data() == lhsBatch.data())
        result.push_back(ir::moreKnown(left[a], right[b]));
    }
  for (size_t i = 0; i < left.size(); ++i)
    if (!llvm::is_contained(lhsBatch, int64_t(i)) && !llvm::is_contained(lhsContract, int64_t(i)))
      result.push_back(left[i]);
  for (size_t i = 0; i < right.size(); ++i)
    if (!llvm::is_contained(rhsBatch, int64_t(i)) && !llvm::is_contained(rhsContract, int64_t(i)))
      result.push_back(right[i]);
  RankedTensorType type = ir::makeTensorType(result, elementType ? elementType : elementTypeOf(lhs));
  state.operands.clear();
  ir::DotGeneralOp::build(b(), state, TypeRange(type), lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract,
                          ir::Precision::ieee);
  state.types.clear();
  return finish(state,
                [&](std::optional<Location>, SmallVectorImpl<Type> &types) {
                  types.push_back(type);
                  return success();
                })
      .front();
}

Value NodeImporter::castTo(Value x, Type type) {
  if (hasFailed || x.getType() == type)
    return x;
  OperationState state(loc, ir::CastShapeOp::getOperationName());
  ir::CastShapeOp::build(b(), state, type, x);
  state.types.clear();
  return finish(state,
                [&](std::optional<Location>, SmallVectorImpl<Type> &types) {
                  types.push_back(type);
                  return success();
                })
      .front();
}

Value NodeImporter::refineToDeclared(int i, Value x) {
  std::optional<SmallVector<ir::Dim>> declared = getDeclaredDims(i);
  SmallVector<ir::Dim> own = ir::getDims(x);
  if (hasFailed || !declared || declared->size() != own.size())
    return x;
  bool better = false;
  for (auto [dim, wanted] : llvm::zip_equal(own, *declared)) {
    if (dim.isStatic() || !wanted.isStatic())
      continue;
    dim = wanted;
    better = true;
  }
  return better ? castTo(x, ir::makeTensorType(own, elementTypeOf(x))) : x;
}

//===-- Control flow
//-------------------------------------------------------------------------------------------===//

/// Values of a region must have the types they are carried as.
static void castAll(NodeImporter &node, SmallVectorImpl<Value> &values, TypeRange types, StringRef what) {
  if (values.size() != types.size()) {
    node.error() << "found " << values.size() << " " << what << ", wanted " << types.size();
    return;
  }
  for (auto [value, type] : llvm::zip_equal(values, types)) {
    if (value.getType() == type)
      continue;
    auto own = NodeImporter::typeOf(value), wanted = cast<RankedTensorType>(type);
    if (own.getElementType() != wanted.getElementType() || own.getRank() != wanted.getRank()) {
      node.error() << "found " << own << " among the " << what << ", wanted " << wanted;
      return;
    }
    value = node.castTo(value, type);
  }
}

SmallVector<Value> NodeImporter::scan(ArrayRef<Value> init, ArrayRef<Value> xs, std::optional<Extent> length,
                                      bool reverse, ScanBody body) {
  OperationState placeholder(loc, ir::ScanOp::getOperationName());
  placeholder.addOperands(init);
  if (hasFailed)
    return makePlaceholders(*this, placeholder);
  Region region;
  Block *block = new Block;
  region.push_back(block);
  SmallVector<Value> next, stacked;
  Extent steps = length.value_or(Extent(0));
  SmallVector<Value> operands(xs);
  for (Value x : operands) {
    if (rankOf(x) == 0) {
      error() << "found a scalar to scan over, wanted at least rank 1";
      return makePlaceholders(*this, placeholder);
    }
  }
  if (!xs.empty())
    steps = extent(xs.front(), 0);
  for (Value value : init)
    block->addArgument(value.getType(), loc);
  for (Value x : operands) {
    SmallVector<ir::Dim> dims = ir::getDims(x);
    block->addArgument(ir::makeTensorType(ArrayRef<ir::Dim>(dims).drop_front(), elementTypeOf(x)), loc);
  }
  {
    OpBuilder::InsertionGuard guard(b());
    b().setInsertionPointToStart(block);
    ValueRange arguments(block->getArguments());
    body(arguments.take_front(init.size()), arguments.drop_front(init.size()), next, stacked);
    castAll(*this, next, ValueRange(init).getTypes(), "next carries");
    if (!hasFailed) {
      SmallVector<Value> yielded(next);
      llvm::append_range(yielded, stacked);
      ir::YieldOp::create(b(), loc, yielded);
    }
  }
  if (hasFailed)
    return makePlaceholders(*this, placeholder);
  SmallVector<Type> types(ValueRange(init).getTypes());
  for (Value value : stacked) {
    SmallVector<ir::Dim> dims = ir::getDims(value);
    dims.insert(dims.begin(), steps.dim);
    types.push_back(ir::makeTensorType(dims, elementTypeOf(value)));
  }
  Value count = xs.empty() ? toValue(steps) : Value();
  auto op = ir::ScanOp::create(b(), loc, types, init, xs, count, reverse);
  op.getBody().takeBody(region);
  return SmallVector<Value>(op->getResults());
}

SmallVector<Value> NodeImporter::loop(ArrayRef<Value> init, llvm::function_ref<Value(ValueRange)> condition,
                                      llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  OperationState placeholder(loc, ir::WhileOp::getOperationName());
  placeholder.addOperands(init);
  if (hasFailed)
    return makePlaceholders(*this, placeholder);
  TypeRange types = ValueRange(init).getTypes();
  SmallVector<Location> places(init.size(), loc);
  auto op = ir::WhileOp::create(b(), loc, types, init);
  {
    OpBuilder::InsertionGuard guard(b());
    Block *check = b().createBlock(&op.getCond(), {}, types, places);
    SmallVector<Value> holds = {condition(check->getArguments())};
    castAll(*this, holds, {RankedTensorType::get({}, i1())}, "conditions");
    ir::YieldOp::create(b(), loc, holds);
    Block *block = b().createBlock(&op.getBody(), {}, types, places);
    SmallVector<Value> next = body(block->getArguments());
    castAll(*this, next, types, "carried values");
    ir::YieldOp::create(b(), loc, next);
  }
  if (hasFailed) {
    // The module is thrown away; it only must not be looked at as if it were whole.
    return makePlaceholders(*this, placeholder);
  }
  return SmallVector<Value>(op->getResults());
}
