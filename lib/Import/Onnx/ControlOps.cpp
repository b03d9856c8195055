// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If, Loop and Scan. What is decided now vanishes: a constant condition leaves one branch, a loop over
// sequences or over changing ranks is unrolled. A loop that runs its whole count is a scan; any other is a
// while, whose scan outputs grow in buffers as long as the trip count.
#include "NodeImporter.h"

#include "GraphImporter.h"
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using onnx_wire::GraphProto;

/// A loop of at most this many steps may be unrolled.
static constexpr int64_t maxUnrolled = 1024;
/// How often the extents of carried values may be widened before a loop is given up.
static constexpr int maxWidenings = 8;

/// The graph of an attribute, or null and an error.
static const GraphProto *getGraph(NodeImporter &node, StringRef name) {
  const onnx_wire::AttributeProto *attribute = node.getAttribute(name);
  if (attribute && attribute->has_g())
    return &attribute->g();
  node.error() << "found no graph '" << name << "'";
  return nullptr;
}

/// Imports a subgraph; its failures are the node's.
static FailureOr<std::vector<Imported>> importBody(NodeImporter &node, const GraphProto &graph,
                                                   ArrayRef<Imported> args) {
  FailureOr<std::vector<Imported>> outputs = node.getGraph().importSubgraph(graph, args, node.getLoc());
  if (failed(outputs)) {
    (void)node.fail();
    return failure();
  }
  for (const Imported &output : *outputs)
    if (output.kind == Imported::Kind::Poison) {
      (void)node.poison();
      return failure();
    }
  return outputs;
}

static LogicalResult setAll(NodeImporter &node, ArrayRef<Imported> values) {
  for (auto [i, value] : llvm::enumerate(values))
    if (failed(value.isTensor() ? node.setResult(int(i), value.tensor) : node.setImported(int(i), value)))
      return failure();
  return success();
}

/// The tensor type that values of both types have; null when element types or ranks differ.
static RankedTensorType commonType(Type a, Type b) {
  auto left = cast<RankedTensorType>(a), right = cast<RankedTensorType>(b);
  if (left.getElementType() != right.getElementType() || left.getRank() != right.getRank())
    return {};
  SmallVector<ir::Dim> dims = ir::getDims(left);
  for (auto [dim, other] : llvm::zip_equal(dims, ir::getDims(right)))
    if (dim != other)
      dim = ir::Dim::unknown();
  return ir::makeTensorType(dims, left.getElementType());
}

//===-- If
//-----------------------------------------------------------------------------------------------------===//

static LogicalResult importIf(NodeImporter &node) {
  const GraphProto *branches[] = {getGraph(node, "then_branch"), getGraph(node, "else_branch")};
  Value condition = toScalar(node, node.operand(0));
  if (node.failed())
    return failure();
  if (!NodeImporter::isBool(condition))
    return node.error() << "found a condition " << NodeImporter::typeOf(condition) << ", wanted a boolean";
  if (std::optional<SmallVector<int64_t>> known = node.getConstantInts(condition); known && !known->empty()) {
    FailureOr<std::vector<Imported>> outputs = importBody(node, *branches[known->front() ? 0 : 1], {});
    return failed(outputs) ? failure() : setAll(node, *outputs);
  }
  OpBuilder &builder = node.b();
  Region regions[2];
  std::vector<Imported> outputs[2];
  for (int i : {0, 1}) {
    OpBuilder::InsertionGuard guard(builder);
    regions[i].push_back(new Block);
    builder.setInsertionPointToStart(&regions[i].front());
    FailureOr<std::vector<Imported>> made = importBody(node, *branches[i], {});
    if (failed(made))
      return failure();
    outputs[i] = *made;
  }
  if (outputs[0].size() != outputs[1].size())
    return node.error() << "found branches of " << outputs[0].size() << " and " << outputs[1].size()
                        << " outputs, wanted equal numbers";
  SmallVector<Type> types;
  for (auto [onTrue, onFalse] : llvm::zip_equal(outputs[0], outputs[1])) {
    if (!onTrue.isTensor() || !onFalse.isTensor())
      return node.unsupported("a sequence or optional that is chosen at run time");
    RankedTensorType type = commonType(onTrue.tensor.getType(), onFalse.tensor.getType());
    if (!type)
      return node.unsupported("branches whose results differ in rank or element type");
    types.push_back(type);
  }
  for (int i : {0, 1}) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(&regions[i].front());
    SmallVector<Value> values;
    for (auto [output, type] : llvm::zip_equal(outputs[i], types))
      values.push_back(node.castTo(output.tensor, type));
    ir::YieldOp::create(builder, node.getLoc(), values);
  }
  if (node.failed())
    return failure();
  auto op = ir::IfOp::create(builder, node.getLoc(), TypeRange(types), condition);
  op.getThenRegion().takeBody(regions[0]);
  op.getElseRegion().takeBody(regions[1]);
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (failed(node.setResult(int(i), node.refineToDeclared(int(i), result))))
      return failure();
  return success();
}

//===-- Loop
//---------------------------------------------------------------------------------------------------===//

namespace {
class LoopImporter {
public:
  explicit LoopImporter(NodeImporter &node) : node(node), builder(node.b()) {}

  LogicalResult run() {
    graph = getGraph(node, "body");
    if (!graph || failed(readOperands()))
      return failure();
    bool hasSequences = llvm::any_of(initial, [](const Imported &value) { return !value.isTensor(); });
    if (hasSequences)
      return unroll();
    // First as if it ran its whole count; what the body does to the condition shows whether it does.
    bool whole = trips && startsTrue;
    for (int round = 0; round < maxWidenings; ++round) {
      Region region;
      FailureOr<std::vector<Imported>> outputs = importInto(region, whole);
      if (failed(outputs))
        return failure();
      if (llvm::any_of(*outputs, [](const Imported &value) { return !value.isTensor(); }))
        return unroll();
      if (whole && !isTrue(outputs->front().tensor)) {
        whole = false;
        continue;
      }
      bool widened = false;
      for (size_t i = 0; i < initial.size(); ++i) {
        RankedTensorType common = commonType(types[i], (*outputs)[i + 1].tensor.getType());
        if (!common)
          return unroll();
        widened |= common != types[i];
        types[i] = common;
      }
      if (widened)
        continue;
      return whole ? makeScan(region, *outputs) : makeWhile(region, *outputs);
    }
    return node.unsupported("carried values whose shapes do not settle");
  }

private:
  static bool isTrue(Value condition) {
    std::optional<int64_t> known = ir::getConstantInt(condition);
    return known && *known != 0;
  }

  LogicalResult readOperands() {
    if (node.hasOperand(0)) {
      if (!node.operand(0))
        return node.error() << "found " << node.imported(0).describe() << " as trip count, wanted a tensor";
      FailureOr<Extent> count = node.readScalar(node.operand(0));
      if (failed(count))
        return failure();
      trips = node.max(*count, Extent(0));
    }
    if (node.hasOperand(1)) {
      if (!node.operand(1))
        return node.error() << "found " << node.imported(1).describe() << " as condition, wanted a tensor";
      condition = toScalar(node, node.operand(1));
      if (node.failed() || !NodeImporter::isBool(condition))
        return node.error() << "found a condition that is no boolean";
      startsTrue = isTrue(condition);
      if (std::optional<int64_t> known = ir::getConstantInt(condition);
          !node.failed() && known && *known == 0) {
        trips = Extent(0);
        startsTrue = true;
      }
    }
    for (int i = 2; i < node.getNumOperands(); ++i) {
      initial.push_back(node.imported(i));
      if (initial.back().kind == Imported::Kind::Absent)
        return node.error() << "found no initial value " << i - 2;
      types.push_back(initial.back().isTensor() ? initial.back().tensor.getType() : Type());
    }
    if (graph->input_size() != int(initial.size()) + 2 || graph->output_size() < int(initial.size()) + 1)
      return node.error() << "found a body of " << graph->input_size() << " inputs and "
                          << graph->output_size() << " outputs for " << initial.size() << " carried values";
    return success();
  }

  Value makeTrue() { return node.constant(HostTensor::scalar(true)); }
  Type scalarType(Type element) { return RankedTensorType::get({}, element); }

  /// The body in a block whose arguments are: the step, then (unless the condition is known to hold) the
  /// condition, then the carried values.
  FailureOr<std::vector<Imported>> importInto(Region &region, bool whole) {
    OpBuilder::InsertionGuard guard(builder);
    auto *block = new Block;
    region.push_back(block);
    builder.setInsertionPointToStart(block);
    std::vector<Imported> args;
    args.push_back(Imported(block->addArgument(scalarType(node.i64()), node.getLoc())));
    args.push_back(Imported(whole ? makeTrue() : block->addArgument(scalarType(node.i1()), node.getLoc())));
    for (Type type : types)
      args.push_back(Imported(block->addArgument(type, node.getLoc())));
    FailureOr<std::vector<Imported>> outputs = importBody(node, *graph, args);
    if (succeeded(outputs) && outputs->front().isTensor()) {
      Value next = toScalar(node, outputs->front().tensor);
      if (node.failed() || !NodeImporter::isBool(next)) {
        node.error() << "found a body whose first output is no boolean";
        return failure();
      }
      outputs->front() = Imported(next);
    }
    return outputs;
  }

  SmallVector<Value> castInitial() {
    SmallVector<Value> values;
    for (auto [value, type] : llvm::zip_equal(initial, types))
      values.push_back(node.castTo(value.tensor, type));
    return values;
  }

  LogicalResult makeScan(Region &region, ArrayRef<Imported> outputs) {
    Block &block = region.front();
    SmallVector<Value> init = castInitial(), xs, yielded;
    SmallVector<Type> results(types.begin(), types.end());
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(&block);
      for (auto [i, output] : llvm::enumerate(outputs.drop_front()))
        yielded.push_back(i < types.size() ? node.castTo(output.tensor, types[i]) : output.tensor);
      ir::YieldOp::create(builder, node.getLoc(), yielded);
    }
    for (Value stacked : ArrayRef<Value>(yielded).drop_front(types.size())) {
      SmallVector<ir::Dim> dims = ir::getDims(stacked);
      dims.insert(dims.begin(), trips->dim);
      results.push_back(ir::makeTensorType(dims, NodeImporter::elementTypeOf(stacked)));
    }
    // The step's number comes last among the arguments, if anybody asks for it.
    BlockArgument step = block.getArgument(0);
    Value length;
    if (step.use_empty()) {
      length = node.toValue(*trips);
    } else {
      xs.push_back(node.iota(node.i64(), {*trips}, 0));
      step.replaceAllUsesWith(block.addArgument(step.getType(), node.getLoc()));
    }
    block.eraseArgument(0);
    if (node.failed())
      return failure();
    auto op = ir::ScanOp::create(builder, node.getLoc(), TypeRange(results), ValueRange(init), ValueRange(xs),
                                 length, false);
    op.getBody().takeBody(region);
    return setResults(op->getResults());
  }

  LogicalResult makeWhile(Region &region, ArrayRef<Imported> outputs) {
    Block &block = region.front();
    Location loc = node.getLoc();
    SmallVector<Value> init = {node.scalarI64(0), condition ? condition : makeTrue()}, next;
    llvm::append_range(init, castInitial());
    size_t numCarried = initial.size();
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(&block);
      next = {node.add(block.getArgument(0), node.scalarI64(1)), outputs[0].tensor};
      for (size_t i = 0; i < numCarried; ++i)
        next.push_back(node.castTo(outputs[i + 1].tensor, types[i]));
    }
    for (const Imported &output : outputs.drop_front(numCarried + 1)) {
      if (!trips)
        return node.unsupported("scan outputs without a trip count");
      if (!NodeImporter::typeOf(output.tensor).hasStaticShape())
        return node.unsupported("scan outputs of extents known only at run time");
      Extents sizes = node.extents(output.tensor);
      sizes.insert(sizes.begin(), *trips);
      Value buffer = node.full(NodeImporter::elementTypeOf(output.tensor), sizes, 0);
      init.push_back(buffer);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(&block);
      Value inside = block.addArgument(buffer.getType(), loc);
      Extents starts(sizes.size(), Extent(0));
      starts[0] = Extent::of(block.getArgument(0));
      MixedList list(starts);
      next.push_back(node.create<ir::UpdateSliceOp>(inside, node.unsqueeze(output.tensor, {0}),
                                                    ValueRange(list.values),
                                                    ArrayRef<int64_t>(list.statics)));
    }
    if (node.failed())
      return failure();
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(&block);
      ir::YieldOp::create(builder, loc, next);
    }
    SmallVector<Type> carried(ValueRange(init).getTypes());
    auto op = ir::WhileOp::create(builder, loc, TypeRange(carried), ValueRange(init));
    op.getBody().takeBody(region);
    {
      OpBuilder::InsertionGuard guard(builder);
      SmallVector<Location> places(carried.size(), loc);
      Block *check = builder.createBlock(&op.getCond(), {}, carried, places);
      Value holds = check->getArgument(1);
      if (trips)
        holds = node.binary<ir::AndOp>(
            holds, node.compare(ir::CompareKind::lt, check->getArgument(0), node.toValue(*trips)));
      ir::YieldOp::create(builder, loc, holds);
    }
    SmallVector<Value> results(op->getResults().drop_front(2));
    // The buffers are as long as the trip count: cut what was not written.
    for (size_t i = numCarried; i < results.size(); ++i)
      results[i] = node.sliceAxis(results[i], 0, Extent(0), Extent::of(op->getResult(0)));
    return setResults(results);
  }

  LogicalResult setResults(ValueRange results) {
    for (auto [i, result] : llvm::enumerate(results))
      if (failed(node.setResult(int(i), node.refineToDeclared(int(i), result))))
        return failure();
    return success();
  }

  LogicalResult unroll() {
    if (!trips || !trips->isStatic() || trips->getStatic() > maxUnrolled || !startsTrue)
      return node.unsupported(
          "sequences or changing shapes carried for a number of steps known only at run time");
    std::vector<Imported> carried = initial;
    std::vector<SmallVector<Value>> stacks(graph->output_size() - 1 - initial.size());
    for (int64_t step = 0; step < trips->getStatic(); ++step) {
      std::vector<Imported> args = {Imported(node.scalarI64(step)), Imported(makeTrue())};
      args.insert(args.end(), carried.begin(), carried.end());
      FailureOr<std::vector<Imported>> outputs = importBody(node, *graph, args);
      if (failed(outputs))
        return failure();
      for (size_t i = 0; i < carried.size(); ++i)
        carried[i] = (*outputs)[i + 1];
      for (size_t i = 0; i < stacks.size(); ++i) {
        const Imported &output = (*outputs)[i + 1 + carried.size()];
        if (!output.isTensor())
          return node.error() << "found " << output.describe() << " as a scan output, wanted a tensor";
        stacks[i].push_back(node.unsqueeze(output.tensor, {0}));
      }
      const Imported &next = outputs->front();
      std::optional<int64_t> goesOn = next.isTensor() ? ir::getConstantInt(next.tensor) : std::nullopt;
      if (!goesOn)
        return node.unsupported("sequences or changing shapes in a loop that ends by a run-time condition");
      if (*goesOn == 0)
        break;
    }
    for (SmallVector<Value> &stack : stacks) {
      if (stack.empty())
        return node.unsupported("scan outputs of an unrolled loop of no steps");
      carried.push_back(Imported(node.concat(stack, 0)));
    }
    return setAll(node, carried);
  }

  NodeImporter &node;
  OpBuilder &builder;
  const GraphProto *graph = nullptr;
  std::optional<Extent> trips;
  Value condition;
  bool startsTrue = true;
  std::vector<Imported> initial;
  SmallVector<Type> types;
};
} // namespace

static LogicalResult importLoop(NodeImporter &node) { return LoopImporter(node).run(); }

//===-- Scan
//---------------------------------------------------------------------------------------------------===//

/// One scan of the body over axis 0 of the inputs.
static SmallVector<Value> scanBody(NodeImporter &node, const GraphProto &graph, ArrayRef<Value> states,
                                   ArrayRef<Value> xs) {
  return node.scan(states, xs, std::nullopt, false,
                   [&](ValueRange carries, ValueRange slices, SmallVectorImpl<Value> &next,
                       SmallVectorImpl<Value> &stacked) {
                     std::vector<Imported> args;
                     for (Value value : carries)
                       args.push_back(Imported(value));
                     for (Value value : slices)
                       args.push_back(Imported(value));
                     FailureOr<std::vector<Imported>> outputs = importBody(node, graph, args);
                     if (failed(outputs))
                       return;
                     if (outputs->size() < states.size()) {
                       node.error() << "found a body of " << outputs->size() << " outputs, wanted at least "
                                    << states.size();
                       return;
                     }
                     for (auto [i, output] : llvm::enumerate(*outputs)) {
                       if (!output.isTensor()) {
                         (void)node.unsupported("sequences in a scan");
                         return;
                       }
                       (i < states.size() ? next : stacked).push_back(output.tensor);
                     }
                   });
}

/// Dimension `from` moved to `to`.
static Value moveAxis(NodeImporter &node, Value x, int64_t from, int64_t to) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < NodeImporter::rankOf(x); ++i)
    if (i != from)
      order.push_back(i);
  order.insert(order.begin() + to, from);
  return node.transpose(x, order);
}

/// Scan-8: everything has a leading batch dimension, and every batch is a scan of its own.
static LogicalResult importBatchedScan(NodeImporter &node, const GraphProto &graph, int64_t numXs) {
  if (node.hasOperand(0))
    return node.unsupported("sequence_lens");
  SmallVector<Value> operands = node.operands();
  operands.erase(operands.begin());
  size_t numStates = operands.size() - size_t(numXs);
  SmallVector<int64_t> directions = node.getInts("directions", SmallVector<int64_t>(numXs, 0));
  if (int64_t(directions.size()) != numXs)
    return node.error() << "found " << directions.size() << " directions, wanted " << numXs;
  for (int64_t i = 0; i < numXs; ++i)
    if (directions[i] != 0)
      operands[numStates + i] = node.reverse(operands[numStates + i], {1});
  SmallVector<Value> results = node.scan(
      {}, operands, std::nullopt, false,
      [&](ValueRange, ValueRange slices, SmallVectorImpl<Value> &, SmallVectorImpl<Value> &stacked) {
        SmallVector<Value> states(slices.take_front(numStates)), xs(slices.drop_front(numStates));
        stacked = scanBody(node, graph, states, xs);
      });
  for (auto [i, result] : llvm::enumerate(results))
    if (failed(node.setResult(int(i), result)))
      return failure();
  return success();
}

static LogicalResult importScan(NodeImporter &node) {
  const GraphProto *graph = getGraph(node, "body");
  if (!graph)
    return failure();
  int64_t numXs = node.getInt("num_scan_inputs", 0), given = node.getNumOperands();
  bool batched = node.getOpset() < 9;
  if (numXs < 1 || numXs > given - (batched ? 1 : 0))
    return node.error() << "found " << numXs << " scan inputs, wanted 1 to " << given;
  for (int i = batched ? 1 : 0; i < given; ++i)
    if (!node.hasOperand(i) || !node.operand(i))
      return node.error() << "found no tensor as input " << i;
  if (batched)
    return importBatchedScan(node, *graph, numXs);
  SmallVector<Value> operands = node.operands();
  SmallVector<Value> states(operands.begin(), operands.end() - numXs),
      xs(operands.end() - numXs, operands.end());
  size_t numStacked = size_t(std::max<int64_t>(0, int64_t(graph->output_size()) - int64_t(states.size())));
  auto flags = [&](const char *name, size_t count) {
    SmallVector<int64_t> values = node.getInts(name, SmallVector<int64_t>(count, 0));
    if (values.size() != count)
      node.error() << "found " << values.size() << " " << name << ", wanted " << count;
    values.resize(count, 0);
    return values;
  };
  SmallVector<int64_t> inputAxes = flags("scan_input_axes", xs.size()),
                       inputDirections = flags("scan_input_directions", xs.size()),
                       outputAxes = flags("scan_output_axes", numStacked),
                       outputDirections = flags("scan_output_directions", numStacked);
  for (size_t i = 0; i < xs.size(); ++i) {
    FailureOr<int64_t> axis = node.normalizeAxis(inputAxes[i], NodeImporter::rankOf(xs[i]));
    if (failed(axis))
      return failure();
    xs[i] = moveAxis(node, xs[i], *axis, 0);
    if (inputDirections[i] != 0)
      xs[i] = node.reverse(xs[i], {0});
  }
  SmallVector<Value> results = scanBody(node, *graph, states, xs);
  if (node.failed())
    return failure();
  for (auto [i, result] : llvm::enumerate(results)) {
    if (i >= states.size()) {
      size_t stack = i - states.size();
      FailureOr<int64_t> axis = node.normalizeAxis(outputAxes[stack], NodeImporter::rankOf(result));
      if (failed(axis))
        return failure();
      if (outputDirections[stack] != 0)
        result = node.reverse(result, {0});
      result = moveAxis(node, result, 0, *axis);
    }
    if (failed(node.setResult(int(i), result)))
      return failure();
  }
  return success();
}

void weft::onnx::registerControlOps(OpTable &table) {
  table.add("If", 1, 1, importIf);
  table.add("Loop", 0, -1, importLoop);
  table.add("Scan", 0, -1, importScan);
}
