// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a module per worker role, on one rank's parts. Stage: partition. Starts of communication stand where
// the value is there, waits before the first reader; receives are posted first. All roles number their
// channels in the order of the whole graph. Before and after: Passes.td.
#include "weft/Partition/Passes.h"

#include "ConstantParts.h"
#include "Places.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/WeftOps.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft;

namespace weft::dist {
#define GEN_PASS_DEF_SPLITPASS
#include "weft/Partition/Passes.h.inc"

namespace {

/// A value that one stage computes and another reads.
struct Transfer {
  Value value;
  int64_t from, to;
  int64_t channel;
  std::string reason;
};

/// What is the same for all roles.
struct Cut {
  Graph graph;
  Places places;
  int64_t numStages = 1;
  llvm::DenseMap<Value, int64_t> home; ///< the stage that has a value first
  std::vector<Transfer> transfers;
  llvm::DenseMap<Operation *, int64_t> channelOf; ///< of a reshard's first communication

  explicit Cut(Graph graph) : graph(graph), places(graph.mesh) {}

  static bool isConstant(Value value) { return value.getDefiningOp<ir::ConstantOp>() != nullptr; }

  /// What an op reads, in regions too, but constants.
  static llvm::SetVector<Value> inputsOf(Operation *op) {
    llvm::SetVector<Value> inputs(op->operand_begin(), op->operand_end());
    inputs.insert_range(capturesOf(op));
    inputs.remove_if(isConstant);
    return inputs;
  }

  LogicalResult plan() {
    if (failed(places.read(graph)))
      return failure();
    Operation *end = graph.block().getTerminator();
    for (Operation &op : graph.block())
      if (!isa<ir::ConstantOp>(op) && &op != end)
        numStages = std::max(numStages, getStage(&op) + 1);
    for (BlockArgument argument : graph.block().getArguments()) {
      int64_t first = numStages;
      for (Operation *user : argument.getUsers())
        if (Operation *own = graph.block().findAncestorOpInBlock(*user); own && own != end)
          first = std::min(first, getStage(own));
      home[argument] = first == numStages ? 0 : first;
    }
    if (failed(checkVariables()))
      return failure();
    int64_t channel = 0;
    llvm::DenseSet<std::pair<Value, int64_t>> known;
    for (Operation &op : graph.block()) {
      if (isa<ir::ConstantOp>(op) || &op == end)
        continue;
      if (failed(checkLayouts(&op)))
        return failure();
      int64_t stage = getStage(&op);
      for (Value input : inputsOf(&op)) {
        int64_t from = home.lookup(input);
        if (from > stage)
          return op.emitOpError("of stage ") << stage << " reads a value of stage " << from
                                             << ", wanted one of its own stage or an earlier one";
        if (from != stage && known.insert({input, stage}).second)
          transfers.push_back({input, from, stage, channel++,
                               describe(&op) + " of stage " + std::to_string(stage) + " reads it"});
      }
      for (Value result : op.getResults())
        home[result] = stage;
      if (auto reshard = dyn_cast<ReshardOp>(op)) {
        channelOf[&op] = channel;
        for (const ReshardStep &step : stepsOf(reshard))
          channel += step.kind != ReshardStep::Kind::AllSlice;
      }
    }
    return success();
  }

  /// What nobody but assignTravelLayouts writes may still come from a file.
  static LogicalResult checkLayouts(Operation *op) {
    Attribute given = op->getAttr(DistDialect::getLayoutsAttrName());
    auto all = dyn_cast_or_null<ArrayAttr>(given);
    auto isOrderOf = [](auto pair) {
      auto order = dyn_cast<DenseI64ArrayAttr>(std::get<0>(pair));
      int64_t rank = cast<RankedTensorType>(std::get<1>(pair)).getRank();
      return order && (order.empty() || (order.size() == rank && isPermutationVector(order)));
    };
    if (!given || (all && all.size() == op->getNumResults() &&
                   llvm::all_of(llvm::zip(all, op->getResultTypes()), isOrderOf)))
      return success();
    return op->emitOpError("has layouts ")
           << given << ", wanted for each result nothing or each of its dimensions once";
  }

  /// A variable lives in one stage: what another wrote would not be seen.
  LogicalResult checkVariables() {
    llvm::DenseMap<StringAttr, std::pair<int64_t, Operation *>> stageOfVariable;
    for (Operation &top : graph.block()) {
      WalkResult walk = top.walk([&](Operation *op) {
        FlatSymbolRefAttr variable;
        if (auto read = dyn_cast<ir::ReadOp>(op))
          variable = read.getVariableAttr();
        else if (auto write = dyn_cast<ir::WriteOp>(op))
          variable = write.getVariableAttr();
        else
          return WalkResult::advance();
        auto [known, isNew] = stageOfVariable.try_emplace(variable.getAttr(), getStage(&top), op);
        if (isNew || known->second.first == getStage(&top))
          return WalkResult::advance();
        InFlightDiagnostic error = op->emitOpError("of stage ")
                                   << getStage(&top) << " uses " << variable << ", which stage "
                                   << known->second.first << " uses too, wanted one stage for both";
        error.attachNote(known->second.second->getLoc()) << "used here";
        return WalkResult::interrupt();
      });
      if (walk.wasInterrupted())
        return failure();
    }
    return success();
  }

  SmallVector<ReshardStep> stepsOf(ReshardOp op) {
    return planReshard(op.getType(), Sharding::get(op.getFrom(), graph.mesh),
                       Sharding::get(op.getTo(), graph.mesh), graph.mesh);
  }
  RankedTensorType localTypeOf(Value value) {
    return localType(value.getType(), places.sharding(value), graph.mesh);
  }
  /// The order in which a value's dimensions travel to other stages; empty: as they are.
  static ArrayRef<int64_t> travelOrderOf(Value value) {
    auto result = dyn_cast<OpResult>(value);
    auto all =
        result ? result.getOwner()->getAttrOfType<ArrayAttr>(DistDialect::getLayoutsAttrName()) : ArrayAttr();
    return all ? cast<DenseI64ArrayAttr>(all[result.getResultNumber()]).asArrayRef() : ArrayRef<int64_t>();
  }
  /// What travels of a value, of this type in the model's layout.
  RankedTensorType travelTypeOf(Value value) {
    RankedTensorType type = localTypeOf(value);
    ArrayRef<int64_t> order = travelOrderOf(value);
    return order.empty() ? type
                         : type.clone(applyPermutation(type.getShape(), invertPermutationVector(order)));
  }
};

/// Builds one role.
class RoleBuilder {
public:
  RoleBuilder(Cut &cut, int64_t stage, ModuleOp into)
      : cut(cut), stage(stage), into(into), builder(into.getContext()), mesh(cut.graph.mesh) {}

  LogicalResult run() {
    createFunction();
    for (const Transfer &transfer : cut.transfers)
      if (transfer.to == stage)
        pending[transfer.value] = RecvStartOp::create(
            builder, transfer.value.getLoc(),
            TokenType::get(builder.getContext(), cut.travelTypeOf(transfer.value)), transfer.from,
            transfer.channel, builder.getI64IntegerAttr(0), builder.getStringAttr(transfer.reason));
    for (BlockArgument argument : cut.graph.block().getArguments())
      sendOn(argument);
    Operation *end = cut.graph.block().getTerminator();
    for (Operation &op : cut.graph.block()) {
      if (&op == end || isa<ir::ConstantOp>(op) || getStage(&op) != stage)
        continue;
      if (failed(build(&op)))
        return failure();
      for (Value result : op.getResults())
        sendOn(result);
    }
    return finish(end);
  }

private:
  /// The attribute of an argument or result that names it: its own, or made from its number in the whole
  /// graph.
  static StringAttr nameOf(StringAttr own, const char *kind, unsigned i, MLIRContext *context) {
    return own ? own : StringAttr::get(context, kind + std::to_string(i));
  }

  DictionaryAttr describeValue(Value value, StringAttr name) {
    return builder.getDictionaryAttr(
        {builder.getNamedAttr("weft.name", name),
         builder.getNamedAttr(DistDialect::getShardingAttrName(), cut.places.sharding(value).toAttr(mesh)),
         builder.getNamedAttr("dist.whole", TypeAttr::get(value.getType()))});
  }

  void createFunction() {
    SmallVector<Type> types;
    SmallVector<BlockArgument> own;
    for (BlockArgument argument : cut.graph.block().getArguments())
      if (cut.home.lookup(argument) == stage) {
        own.push_back(argument);
        types.push_back(cut.localTypeOf(argument));
      }
    builder.setInsertionPointToEnd(into.getBody());
    function =
        func::FuncOp::create(builder, cut.graph.main.getLoc(), "main", builder.getFunctionType(types, {}));
    Block *body = function.addEntryBlock();
    for (auto [argument, local] : llvm::zip_equal(own, body->getArguments())) {
      unsigned i = argument.getArgNumber();
      auto name = cut.graph.main.getArgAttrOfType<StringAttr>(i, "weft.name");
      function.setArgAttrs(local.getArgNumber(),
                           describeValue(argument, nameOf(name, "input", i, builder.getContext())));
      values[argument] = local;
    }
    builder.setInsertionPointToStart(body);
  }

  LogicalResult finish(Operation *end) {
    SmallVector<Value> results;
    SmallVector<DictionaryAttr> attributes;
    for (auto [i, value] : llvm::enumerate(end->getOperands())) {
      if (homeOf(value) != stage)
        continue;
      FailureOr<Value> local = get(value);
      if (failed(local))
        return failure();
      results.push_back(*local);
      auto name = cut.graph.main.getResultAttrOfType<StringAttr>(i, "weft.name");
      attributes.push_back(describeValue(value, nameOf(name, "output", i, builder.getContext())));
    }
    for (Value token : sent)
      DoneOp::create(builder, token.getLoc(), Type(), token);
    func::ReturnOp::create(builder, end->getLoc(), results);
    function.setType(builder.getFunctionType(
        function.getArgumentTypes(), llvm::map_to_vector(results, [](Value v) { return v.getType(); })));
    for (auto [i, attrs] : llvm::enumerate(attributes))
      function.setResultAttrs(i, attrs);
    return success();
  }

  /// A constant that is returned belongs to the last stage.
  int64_t homeOf(Value value) { return Cut::isConstant(value) ? cut.numStages - 1 : cut.home.lookup(value); }

  /// The local form of a value; waits for it when it is still on its way.
  FailureOr<Value> get(Value value) {
    if (Value known = values.lookup(value))
      return known;
    if (auto token = pending.find(value); token != pending.end()) {
      auto type = cast<TokenType>(token->second.getType()).getValue();
      bool isReceived = isa<RecvStartOp>(token->second.getDefiningOp());
      Value arrived = DoneOp::create(builder, value.getLoc(), type, token->second).getResult();
      if (ArrayRef<int64_t> order = Cut::travelOrderOf(value); isReceived && !order.empty())
        arrived = ir::TransposeOp::create(builder, value.getLoc(), arrived, order);
      pending.erase(token);
      return values[value] = arrived;
    }
    if (auto constant = value.getDefiningOp<ir::ConstantOp>()) {
      FailureOr<Value> part = createPart(builder, constant, cut.places.sharding(value), mesh);
      if (succeeded(part)) {
        clean(part->getDefiningOp());
        values[value] = *part;
      }
      return part;
    }
    return emitError(value.getLoc(), "value of ") << value.getType() << " is not in stage " << stage;
  }

  LogicalResult build(Operation *op) {
    if (auto reshard = dyn_cast<ReshardOp>(op))
      return buildReshard(reshard);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> local = get(operand);
      if (failed(local))
        return failure();
      operands.push_back(*local);
    }
    SmallVector<Value> results;
    if (auto sharded = dyn_cast<ShardingOpInterface>(op)) {
      Placement placement;
      placement.mesh = mesh;
      for (Value operand : op->getOperands())
        placement.operands.push_back(cut.places.sharding(operand));
      for (Value result : op->getResults())
        placement.results.push_back(cut.places.sharding(result));
      FailureOr<SmallVector<Value>> built = sharded.localize(builder, operands, placement);
      if (failed(built))
        return failure();
      results = std::move(*built);
    } else {
      IRMapping mapping;
      mapping.map(op->getOperands(), operands);
      for (Value captured : capturesOf(op)) {
        FailureOr<Value> local = get(captured);
        if (failed(local))
          return failure();
        mapping.map(captured, *local);
      }
      llvm::append_range(results, builder.clone(*op, mapping)->getResults());
    }
    for (auto [whole, local] : llvm::zip_equal(op->getResults(), results)) {
      RankedTensorType wanted = cut.localTypeOf(whole);
      if (!ir::areCompatibleTypes(wanted, local.getType()))
        return op->emitOpError("has a part of type ") << local.getType() << ", wanted " << wanted;
      values[whole] = local;
      clean(local.getDefiningOp());
    }
    if (results.empty())
      clean(&*std::prev(builder.getInsertionPoint()));
    return success();
  }

  /// What the partitioner noted on whole ops is not said of parts.
  static void clean(Operation *op) {
    if (!op)
      return;
    for (NamedAttribute attr : llvm::to_vector(op->getDiscardableAttrs()))
      if (attr.getName().getValue().starts_with("dist."))
        op->removeAttr(attr.getName());
  }

  LogicalResult buildReshard(ReshardOp op) {
    FailureOr<Value> x = get(op.getX());
    if (failed(x))
      return failure();
    int64_t channel = cut.channelOf.lookup(op);
    Value now = *x, token;
    for (const ReshardStep &step : cut.stepsOf(op)) {
      if (token)
        now = DoneOp::create(builder, op.getLoc(), cast<TokenType>(token.getType()).getValue(), token)
                  .getResult();
      RankedTensorType type = localType(op.getType(), step.after, mesh);
      if (step.kind == ReshardStep::Kind::AllSlice) {
        now = AllSliceOp::create(builder, op.getLoc(), type, now, step.dim, axesAttr(step.axes));
        token = {};
        continue;
      }
      token = start(op, step, now, TokenType::get(builder.getContext(), type), channel++);
    }
    if (token)
      pending[op.getResult()] = token;
    else
      values[op.getResult()] = now;
    return success();
  }

  ArrayAttr axesAttr(ArrayRef<int> axes) {
    return builder.getStrArrayAttr(
        llvm::map_to_vector(axes, [&](int axis) { return mesh.getNames()[axis].getValue(); }));
  }

  Value start(ReshardOp op, const ReshardStep &step, Value x, TokenType type, int64_t channel) {
    Location loc = op.getLoc();
    ArrayAttr axes = axesAttr(step.axes);
    IntegerAttr bytes = builder.getI64IntegerAttr(step.bytes);
    StringAttr reason = op.getReasonAttr();
    Combine combine = op.getFrom().getCombine();
    switch (step.kind) {
    case ReshardStep::Kind::AllReduce:
      return AllReduceStartOp::create(builder, loc, type, combine, x, axes, channel, bytes, reason);
    case ReshardStep::Kind::ReduceScatter:
      return ReduceScatterStartOp::create(builder, loc, type, combine, x, step.dim, axes, channel, bytes,
                                          reason);
    case ReshardStep::Kind::AllGather:
      return AllGatherStartOp::create(builder, loc, type, x, step.dim, axes, channel, bytes, reason);
    case ReshardStep::Kind::AllToAll:
      return AllToAllStartOp::create(builder, loc, type, x, step.dim, step.toDim, axes, channel, bytes,
                                     reason);
    case ReshardStep::Kind::Broadcast:
      return BroadcastStartOp::create(builder, loc, type, x, step.member, axes, channel, bytes, reason);
    case ReshardStep::Kind::AllSlice:
      break;
    }
    llvm_unreachable("a slice communicates nothing");
  }

  /// Sends a value to all stages that read it.
  void sendOn(Value value) {
    if (cut.home.lookup(value) != stage)
      return;
    Value given;
    for (const Transfer &transfer : cut.transfers) {
      if (transfer.value != value || transfer.from != stage)
        continue;
      ArrayRef<int64_t> order = Cut::travelOrderOf(value);
      if (!given)
        given = order.empty() ? *get(value)
                              : ir::TransposeOp::create(builder, value.getLoc(), *get(value),
                                                        invertPermutationVector(order));
      sent.push_back(SendStartOp::create(
          builder, value.getLoc(), TokenType::get(builder.getContext(), Type()), given, transfer.to,
          transfer.channel, builder.getI64IntegerAttr(tensorBytes(cut.localTypeOf(value))),
          builder.getStringAttr(transfer.reason)));
    }
  }

  Cut &cut;
  int64_t stage;
  ModuleOp into;
  OpBuilder builder;
  MeshAttr mesh;
  func::FuncOp function;
  llvm::DenseMap<Value, Value> values, pending;
  SmallVector<Value> sent;
};

struct Split : impl::SplitPassBase<Split> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<Graph> graph = getGraph(module);
    if (failed(graph))
      return signalPassFailure();
    Cut cut(*graph);
    if (failed(cut.plan()))
      return signalPassFailure();
    OpBuilder builder(&getContext());
    module->setAttr(DistDialect::getStagesAttrName(), builder.getI64IntegerAttr(cut.numStages));
    SmallVector<ModuleOp> roles;
    for (int64_t stage = 0; stage < cut.numStages; ++stage) {
      std::string name = cut.numStages == 1 ? "worker" : "stage" + std::to_string(stage);
      builder.setInsertionPointToEnd(module.getBody());
      auto role = ModuleOp::create(builder, module.getLoc(), name);
      roles.push_back(role);
      role->setAttr(DistDialect::getStageAttrName(), builder.getI64IntegerAttr(stage));
      if (auto dims = module->getAttr(ir::WeftDialect::getDimsAttrName()))
        role->setAttr(ir::WeftDialect::getDimsAttrName(), dims);
      if (failed(RoleBuilder(cut, stage, role).run()))
        return signalPassFailure();
      // Functions and variables that ops refer to by name.
      builder.setInsertionPointToStart(role.getBody());
      for (Operation &op : *module.getBody())
        if (!isa<ModuleOp>(op) && &op != graph->main)
          builder.clone(op);
    }
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (!llvm::is_contained(roles, dyn_cast<ModuleOp>(op)))
        op.erase();
  }
};

} // namespace
} // namespace weft::dist
