// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the host's part of a function: buffers with size expressions, commands in the order of the block,
// views as aliases of what they view. A variable is a buffer that lives across runs: it is read where it lies
// unless it is written before the last who reads, and written where it lies when nobody reads it any more.
// Stage: program.
#include "LaunchCost.h"
#include "ProgramBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Dialect/Unsupported.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using program::BufferId;
using program::BufferKind;
using program::ExprId;

namespace {

/// State of one function.
class FunctionBuilder {
public:
  FunctionBuilder(ProgramBuilder &owner, program::Function &function) : owner(owner), function(function) {}

  LogicalResult run(Block &block, ArrayRef<Value> inputs, ValueRange outputs);

private:
  LogicalResult buildOp(Operation *op);
  LogicalResult buildLaunch(host::LaunchOp launch);
  /// Sets what the launch computes and touches; `values` are those of its buffers.
  void addCost(host::LaunchOp launch, ArrayRef<unsigned> values, program::Launch &command);
  /// The buffer of a launch's operand: the constant's packed form where the kernel wants one.
  FailureOr<BufferId> operandBuffer(const CompiledKernel &kernel, Value operand, unsigned number);
  LogicalResult buildCall(host::CallOp call);
  FailureOr<ExprId> roomForRows(Operation *op);
  LogicalResult nameRows(Operation *op, ExprId most);
  LogicalResult buildNonZero(host::CallOp call);
  /// Binds a name to an element that has just been computed; it is never more than `bound`.
  void setSymbol(Operation *op, StringAttr name, ExprId bound, BufferId buffer) {
    program::SymbolId symbol = owner.symbolOf(name);
    // A bound speaks of symbols before its own; another is none, and memory is planned for a guess.
    owner.out.symbols[symbol].bound =
        owner.lastSymbol(bound) < int64_t(symbol) ? bound : owner.out.exprs.constant(-1);
    emit(op, "set " + name.str(), program::SetSymbol{symbol, buffer});
  }
  LogicalResult buildIf(IfOp op);
  LogicalResult buildWhile(WhileOp op);
  LogicalResult buildView(Operation *op);
  LogicalResult buildCastShape(CastShapeOp op);
  LogicalResult checkCount(ReshapeOp op);
  LogicalResult buildRead(ReadOp op);
  LogicalResult buildWrite(WriteOp op);
  FailureOr<BufferId> variableBuffer(StringRef name, Value like);
  /// Starts of communication, waits for it, and this worker's place.
  LogicalResult buildCommunication(Operation *op);
  /// Reads this worker's place along the axes that parts of constants are chosen by.
  void readPlaces(Block &block);
  /// This worker's part of a constant.
  FailureOr<BufferId> partBuffer(dist::ConstantOp op, const PackedOperand *packing);

  FailureOr<BufferId> bufferOf(Value value);
  /// A buffer for a new value: an output's when the value is returned, else of the arena.
  FailureOr<BufferId> define(Value value);
  LogicalResult defineAll(ValueRange values, std::vector<BufferId> &ids);
  LogicalResult lookUpAll(ValueRange values, std::vector<BufferId> &ids);
  FailureOr<program::HostArgument> argumentOf(Value value, BufferId buffer, bool isResult);
  BufferId addBuffer(BufferKind kind, uint32_t index, ExprId size);
  template <typename What> void emit(Operation *op, StringRef name, What what) {
    program::Command command;
    command.name = name.str();
    command.location = locationText(op->getLoc());
    command.what = std::move(what);
    // What the outliner had to say of a launch.
    if (auto fused = dyn_cast<FusedLoc>(op->getLoc()); fused && isa<host::LaunchOp>(op))
      if (auto notes = dyn_cast_or_null<ArrayAttr>(fused.getMetadata()))
        for (auto note : notes.getAsRange<StringAttr>())
          command.notes.push_back(note.str());
    function.commands.push_back(std::move(command));
  }

  ProgramBuilder &owner;
  program::Function &function;
  llvm::DenseMap<Value, BufferId> buffers;
  llvm::DenseMap<Value, uint32_t> outputOf;    // values that are written straight into an output
  llvm::DenseMap<Value, StringRef> variableOf; // values that are written straight into a variable
};

} // namespace

//===-- Buffers
//-----------------------------------------------------------------------------------------------===//

BufferId FunctionBuilder::addBuffer(BufferKind kind, uint32_t index, ExprId size) {
  program::Buffer buffer;
  buffer.kind = kind;
  buffer.index = index;
  buffer.size = size;
  function.buffers.push_back(buffer);
  return function.buffers.size() - 1;
}

FailureOr<BufferId> FunctionBuilder::bufferOf(Value value) {
  if (auto entry = buffers.find(value); entry != buffers.end())
    return entry->second;
  if (auto constant = value.getDefiningOp<ConstantOp>()) {
    FailureOr<program::ConstantId> id = owner.constantOf(constant, nullptr);
    FailureOr<ExprId> size = owner.byteSize(value);
    if (failed(id) || failed(size))
      return failure();
    return buffers[value] = addBuffer(BufferKind::Constant, *id, *size);
  }
  if (auto constant = value.getDefiningOp<dist::ConstantOp>()) {
    FailureOr<BufferId> id = partBuffer(constant, nullptr);
    if (succeeded(id))
      buffers[value] = *id;
    return id;
  }
  return emitError(value.getLoc(), "value of ") << value.getType() << " is not in the program";
}

FailureOr<BufferId> FunctionBuilder::define(Value value) {
  if (auto variable = variableOf.find(value); variable != variableOf.end()) {
    FailureOr<BufferId> buffer = variableBuffer(variable->second, value);
    if (failed(buffer))
      return failure();
    return buffers[value] = *buffer;
  }
  FailureOr<ExprId> size = owner.byteSize(value);
  if (failed(size))
    return failure();
  auto output = outputOf.find(value);
  BufferId id = output == outputOf.end() ? addBuffer(BufferKind::Arena, 0, *size)
                                         : addBuffer(BufferKind::Output, output->second, *size);
  return buffers[value] = id;
}

LogicalResult FunctionBuilder::defineAll(ValueRange values, std::vector<BufferId> &ids) {
  for (Value value : values) {
    FailureOr<BufferId> id = define(value);
    if (failed(id))
      return failure();
    ids.push_back(*id);
  }
  return success();
}

LogicalResult FunctionBuilder::lookUpAll(ValueRange values, std::vector<BufferId> &ids) {
  for (Value value : values) {
    FailureOr<BufferId> id = bufferOf(value);
    if (failed(id))
      return failure();
    ids.push_back(*id);
  }
  return success();
}

//===-- Commands
//----------------------------------------------------------------------------------------------===//

LogicalResult FunctionBuilder::buildLaunch(host::LaunchOp launch) {
  auto entry = owner.kernels.find(launch.getKernel());
  if (entry == owner.kernels.end())
    return launch.emitOpError("launches @") << launch.getKernel() << ", which was not compiled";
  const CompiledKernel &kernel = entry->second;
  unsigned numOperands = launch.getNumOperands();
  SmallVector<Value> values(launch.getOperands());
  llvm::append_range(values, launch.getResults());

  SmallVector<KernelArgument> arguments = kernel.arguments;
  if (arguments.empty())
    for (auto [i, value] : llvm::enumerate(values)) {
      KernelArgument argument;
      argument.value = i;
      for (int64_t axis = 0; axis < cast<RankedTensorType>(value.getType()).getRank(); ++axis)
        argument.dims.push_back({axis});
      arguments.push_back(argument);
    }

  auto inPlace = launch->getAttrOfType<IntegerAttr>(host::inPlaceAttrName);
  ExprId mostRows = 0;
  if (launch->hasAttr(host::countsRowsAttrName)) {
    FailureOr<ExprId> most = roomForRows(launch);
    if (failed(most))
      return failure();
    mostRows = *most;
  }
  program::Launch command;
  command.numResults = launch.getNumResults();
  // Extents as the kernel sees them, and of these the ones its types do not hold, in the order of the ABI.
  SmallVector<SmallVector<ExprId>> extents(arguments.size());
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    Value value = values[argument.value];
    FailureOr<BufferId> id = argument.value < numOperands ? operandBuffer(kernel, value, argument.value)
                             : inPlace                    ? bufferOf(launch.getOperand(inPlace.getInt()))
                             : buffers.contains(value)    ? bufferOf(value) // rows, which have their room
                                                          : define(value);
    if (inPlace && argument.value >= numOperands && succeeded(id))
      buffers[value] = *id;
    FailureOr<SmallVector<ExprId>> dims = owner.dimExprs(value);
    if (failed(id) || failed(dims))
      return failure();
    command.buffers.push_back(*id);
    for (ArrayRef<int64_t> merged : argument.dims) {
      ExprId extent = owner.out.exprs.constant(1);
      bool isDynamic = false;
      for (int64_t axis : merged) {
        extent = owner.out.exprs.mul(extent, (*dims)[axis]);
        isDynamic |= cast<RankedTensorType>(value.getType()).isDynamicDim(axis);
      }
      extents[i].push_back(extent);
      if (isDynamic)
        command.dims.push_back(extent);
    }
  }
  command.chunks = owner.out.exprs.constant(1);
  for (const cpu::ChunkCount::Term &term : kernel.chunks.terms) {
    ExprId extent = ShapedType::isDynamic(term.extent) ? extents[term.buffer][term.dim]
                                                       : owner.out.exprs.constant(term.extent);
    command.chunks = owner.out.exprs.mul(
        command.chunks, owner.out.exprs.ceilDiv(extent, owner.out.exprs.constant(term.block)));
  }
  command.scratch = owner.out.exprs.constant(kernel.scratchBytes);
  command.kernel = owner.kernelOf(kernel, launch, command.buffers.size(), command.dims.size());
  addCost(launch,
          llvm::map_to_vector(arguments, [](const KernelArgument &argument) { return argument.value; }),
          command);
  emit(launch, kernel.checks.empty() ? launch.getKernel() : StringRef("check"), std::move(command));
  if (!kernel.tuned.empty())
    function.commands.back().notes.push_back("tuned: " + kernel.tuned);
  return launch->hasAttr(host::countsRowsAttrName) ? nameRows(launch, mostRows) : success();
}

void FunctionBuilder::addCost(host::LaunchOp launch, ArrayRef<unsigned> values, program::Launch &command) {
  auto exprOf = [&](const Dim &dim) {
    return dim.isUnknown()  ? program::noId
           : dim.isStatic() ? owner.out.exprs.constant(dim.getStatic())
                            : owner.exprOf(dim.getExpr(), dim.getSymbols());
  };
  LaunchCost cost(owner.kernelOps.lookup<host::KernelOp>(launch.getKernel()), owner.out.exprs, exprOf);
  command.flops = cost.flops();
  command.bytes = owner.out.exprs.constant(0);
  for (auto [value, buffer] : llvm::zip(values, command.buffers))
    command.bytes = owner.out.exprs.add(command.bytes, cost.bytes(value, function.buffers[buffer].size));
}

FailureOr<BufferId> FunctionBuilder::operandBuffer(const CompiledKernel &kernel, Value operand,
                                                   unsigned number) {
  for (const PackedOperand &packed : kernel.packed)
    if (packed.operand == number) {
      if (auto parts = operand.getDefiningOp<dist::ConstantOp>())
        return partBuffer(parts, &packed);
      FailureOr<program::ConstantId> id = owner.constantOf(operand.getDefiningOp<ConstantOp>(), &packed);
      if (failed(id))
        return failure();
      return addBuffer(BufferKind::Constant, *id,
                       owner.out.exprs.constant(owner.out.constants[*id].numBytes()));
    }
  return bufferOf(operand);
}

FailureOr<program::HostArgument> FunctionBuilder::argumentOf(Value value, BufferId buffer, bool isResult) {
  FailureOr<SmallVector<ExprId>> dims = owner.dimExprs(value);
  if (failed(dims))
    return failure();
  program::HostArgument argument;
  argument.buffer = buffer;
  argument.dtype = toDType(cast<RankedTensorType>(value.getType()).getElementType());
  argument.dims.assign(dims->begin(), dims->end());
  argument.isResult = isResult;
  return argument;
}

/// Gives the first result of non_zero a buffer: as many rows as the operand has elements, which is returned.
/// Those found come first.
FailureOr<ExprId> FunctionBuilder::roomForRows(Operation *op) {
  FailureOr<SmallVector<ExprId>> dims = owner.dimExprs(op->getOperand(0));
  if (failed(dims) || !getDim(op->getResult(0), 0).isSymbolic())
    return op->emitOpError("has no name for the number of elements"), failure();
  ExprId most = owner.out.exprs.constant(1);
  for (ExprId dim : *dims)
    most = owner.out.exprs.mul(most, dim);
  ExprId bytes = owner.out.exprs.constant(8 * dims->size());
  buffers[op->getResult(0)] = addBuffer(BufferKind::Arena, 0, owner.out.exprs.mul(most, bytes));
  return most;
}

/// Reads the second result, how many rows there are, into the name of that extent.
LogicalResult FunctionBuilder::nameRows(Operation *op, ExprId most) {
  FailureOr<BufferId> counter = bufferOf(op->getResult(1));
  if (failed(counter))
    return failure();
  setSymbol(op, getDim(op->getResult(0), 0).getSymbols()[0], most, *counter);
  return success();
}

LogicalResult FunctionBuilder::buildNonZero(host::CallOp call) {
  Value x = call.getOperands()[0], count = call.getResults()[1];
  FailureOr<BufferId> from = bufferOf(x);
  FailureOr<ExprId> most = roomForRows(call);
  FailureOr<BufferId> counter = define(count);
  if (failed(from) || failed(most) || failed(counter))
    return failure();
  FailureOr<program::HostArgument> operand = argumentOf(x, *from, false);
  if (failed(operand))
    return failure();
  ExprId rank = owner.out.exprs.constant(cast<RankedTensorType>(x.getType()).getRank());
  program::Host command;
  command.function = "non_zero";
  command.args.push_back(*operand);
  command.args.push_back({buffers.lookup(call.getResults()[0]), DType::I64, {*most, rank}, true});
  command.args.push_back({*counter, DType::I64, {}, true});
  emit(call, "non_zero", std::move(command));
  return nameRows(call, *most);
}

LogicalResult FunctionBuilder::buildCall(host::CallOp call) {
  if (call.getFunction() == "non_zero")
    return buildNonZero(call);
  program::Host command;
  command.function = call.getFunction().str();
  auto add = [&](Value value, FailureOr<BufferId> id, bool isWritten) -> LogicalResult {
    if (failed(id))
      return failure();
    FailureOr<program::HostArgument> argument = argumentOf(value, *id, isWritten);
    if (succeeded(argument))
      command.args.push_back(*argument);
    return argument;
  };
  for (Value operand : call.getOperands())
    if (failed(add(operand, bufferOf(operand), false)))
      return failure();
  for (Value result : call.getResults())
    if (failed(add(result, define(result), true)))
      return failure();
  for (NamedAttribute attr : call.getConfig()) {
    program::Attribute attribute;
    attribute.name = attr.getName().str();
    if (auto flag = dyn_cast<BoolAttr>(attr.getValue()))
      attribute.value = int64_t(flag.getValue());
    else if (auto real = dyn_cast<FloatAttr>(attr.getValue()))
      attribute.value = real.getValueAsDouble();
    else if (auto number = dyn_cast<IntegerAttr>(attr.getValue()))
      attribute.value = number.getValue().getSExtValue();
    else if (auto text = dyn_cast<StringAttr>(attr.getValue()))
      attribute.value = text.str();
    else if (auto list = dyn_cast<DenseI64ArrayAttr>(attr.getValue()))
      attribute.value = std::vector<int64_t>(list.asArrayRef());
    else
      return call.emitOpError("has attribute ") << attr.getName() << " of a kind that programs do not hold";
    command.attributes.push_back(std::move(attribute));
  }
  emit(call, call.getFunction(), std::move(command));
  return success();
}

/// Values of outside that the regions of `op` read.
static llvm::SetVector<Value> capturesOf(Operation *op) {
  llvm::SetVector<Value> captures;
  op->walk([&](Operation *inner) {
    if (inner == op)
      return;
    for (Value operand : inner->getOperands())
      if (!op->isAncestor(operand.getParentBlock()->getParentOp()) && !operand.getDefiningOp<ConstantOp>())
        captures.insert(operand);
  });
  return captures;
}

LogicalResult FunctionBuilder::buildIf(IfOp op) {
  llvm::SetVector<Value> captures = capturesOf(op);
  program::If command;
  FailureOr<BufferId> condition = bufferOf(op.getCondition());
  if (failed(condition))
    return failure();
  command.condition = *condition;
  auto branch = [&](Region &region, StringRef name, program::FunctionId &id) {
    return owner.buildFunction(name, region.front(), captures.getArrayRef(),
                               region.front().getTerminator()->getOperands(), {}, {}, id);
  };
  if (failed(branch(op.getThenRegion(), "then", command.thenFunction)) ||
      failed(branch(op.getElseRegion(), "else", command.elseFunction)) ||
      failed(lookUpAll(captures.getArrayRef(), command.args)) ||
      failed(defineAll(op.getResults(), command.results)))
    return failure();
  emit(op, "if", std::move(command));
  return success();
}

LogicalResult FunctionBuilder::buildWhile(WhileOp op) {
  llvm::SetVector<Value> captures = capturesOf(op);
  program::While command;
  auto part = [&](Region &region, StringRef name, program::FunctionId &id) {
    SmallVector<Value> inputs(region.getArguments());
    llvm::append_range(inputs, captures);
    return owner.buildFunction(name, region.front(), inputs, region.front().getTerminator()->getOperands(),
                               {}, {}, id);
  };
  if (failed(part(op.getCond(), "cond", command.condFunction)) ||
      failed(part(op.getBody(), "body", command.bodyFunction)) ||
      failed(lookUpAll(op.getInit(), command.args)) ||
      failed(lookUpAll(captures.getArrayRef(), command.captures)) ||
      failed(defineAll(op.getResults(), command.results)))
    return failure();
  command.condition = addBuffer(BufferKind::Arena, 0, owner.out.exprs.constant(1));
  for (Value result : op.getResults()) {
    FailureOr<ExprId> size = owner.byteSize(result);
    if (failed(size))
      return failure();
    command.temporaries.push_back(addBuffer(BufferKind::Arena, 0, *size));
  }
  emit(op, "while", std::move(command));
  return success();
}

LogicalResult FunctionBuilder::buildView(Operation *op) {
  for (auto [operand, result] : llvm::zip(op->getOperands(), op->getResults())) {
    FailureOr<BufferId> id = bufferOf(operand);
    if (failed(id))
      return failure();
    buffers[result] = *id;
  }
  return success();
}

LogicalResult FunctionBuilder::buildCastShape(CastShapeOp op) {
  auto from = getDims(op.getX().getType()), to = getDims(op.getType());
  for (size_t axis = 0; axis < from.size(); ++axis) {
    if (from[axis] == to[axis] || to[axis].isUnknown() || from[axis].isUnknown())
      continue;
    FailureOr<ExprId> found = owner.exprOf(from[axis], op.getX(), axis);
    FailureOr<ExprId> wanted = owner.exprOf(to[axis], op.getResult(), axis);
    if (failed(found) || failed(wanted))
      return failure();
    program::ShapeCheck check;
    check.lhs = *found;
    check.rhs = *wanted;
    check.message = "extent of dimension " + std::to_string(axis) + " differs from what the graph says";
    emit(op, "cast_shape", std::move(check));
  }
  return buildView(op);
}

/// A reshape is a view of as many elements: checked when the program runs unless it is known.
LogicalResult FunctionBuilder::checkCount(ReshapeOp op) {
  SmallVector<Dim> from = getDims(op.getX()), to = getDims(op.getResult());
  auto isOpen = [](const Dim &dim) { return dim.isUnknown(); };
  if (llvm::any_of(from, isOpen) || llvm::any_of(to, isOpen) || productOf(from) == productOf(to))
    return success();
  auto count = [&](Value value) -> FailureOr<ExprId> {
    FailureOr<SmallVector<ExprId>> dims = owner.dimExprs(value);
    if (failed(dims))
      return failure();
    ExprId product = owner.out.exprs.constant(1);
    for (ExprId dim : *dims)
      product = owner.out.exprs.mul(product, dim);
    return product;
  };
  FailureOr<ExprId> found = count(op.getX()), wanted = count(op.getResult());
  if (failed(found) || failed(wanted))
    return failure();
  program::ShapeCheck check;
  check.lhs = *found;
  check.rhs = *wanted;
  check.message = "number of elements to reshape";
  emit(op, "reshape", std::move(check));
  return success();
}

//===-- Variables
//-----------------------------------------------------------------------------------------===//

FailureOr<BufferId> FunctionBuilder::variableBuffer(StringRef name, Value like) {
  FailureOr<ExprId> size = owner.byteSize(like);
  auto id = owner.variableIds.find(name);
  if (failed(size) || id == owner.variableIds.end())
    return emitError(like.getLoc(), "variable '") << name << "' is not in the program";
  return addBuffer(BufferKind::Variable, id->second, *size);
}

/// Whether an op or what is inside of it writes the variable.
static bool writes(Operation *op, StringRef variable) {
  return op
      ->walk([&](WriteOp write) {
        return write.getVariable() == variable ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The last op of the value's block that reads it or a view of it; the terminator when it is returned.
static Operation *lastReader(Value value, Block &block) {
  Operation *last = value.getDefiningOp();
  SmallVector<Value> same{value};
  while (!same.empty()) {
    Value view = same.pop_back_val();
    for (Operation *user : view.getUsers()) {
      Operation *own = block.findAncestorOpInBlock(*user);
      if (!own || (last && own->isBeforeInBlock(last)))
        own = last;
      last = own;
      if (isa<ReshapeOp, CastShapeOp, StopGradientOp, BarrierOp, NameExtentOp>(user))
        llvm::append_range(same, user->getResults());
    }
  }
  return last;
}

/// The value of the variable at this point. It is read where it lies when nothing writes it before the last
/// reader.
LogicalResult FunctionBuilder::buildRead(ReadOp op) {
  FailureOr<BufferId> from = variableBuffer(op.getVariable(), op.getResult());
  if (failed(from))
    return failure();
  Operation *last = lastReader(op.getResult(), *op->getBlock());
  bool changes = false;
  for (Operation *next = op->getNextNode(); next && next != last; next = next->getNextNode())
    changes |= writes(next, op.getVariable());
  if (last != op && writes(last, op.getVariable()))
    // A write of the value itself changes nothing; a loop may read after it wrote.
    changes |= !isa<WriteOp>(last);
  // Who runs a branch or a loop may read later than what its block shows.
  changes |= last == op->getBlock()->getTerminator() && !isa<func::FuncOp>(op->getParentOp());
  if (!changes) {
    buffers[op.getResult()] = *from;
    return success();
  }
  FailureOr<BufferId> copy = define(op.getResult());
  if (failed(copy))
    return failure();
  emit(op, "read " + op.getVariable().str(), program::Copy{*copy, *from, function.buffers[*from].size});
  return success();
}

LogicalResult FunctionBuilder::buildWrite(WriteOp op) {
  if (variableOf.contains(op.getValue()))
    return success(); // the kernel has written it
  FailureOr<BufferId> from = bufferOf(op.getValue());
  FailureOr<BufferId> to = variableBuffer(op.getVariable(), op.getValue());
  if (failed(from) || failed(to))
    return failure();
  emit(op, "write " + op.getVariable().str(), program::Copy{*to, *from, function.buffers[*to].size});
  return success();
}

/// Whether a launch may write its result straight into the variable of a write behind it: nobody else wants
/// the result later than the write, and between the two nobody (the launch neither) looks at the variable.
static bool mayWriteVariable(WriteOp write) {
  auto launch = write.getValue().getDefiningOp<host::LaunchOp>();
  Block *block = write->getBlock();
  if (!launch || launch->getBlock() != block || lastReader(write.getValue(), *block) != write)
    return false;
  for (Operation *op = launch->getNextNode(); op != write; op = op->getNextNode())
    if (op->walk([&](Operation *inner) {
            return isa<ReadOp, WriteOp>(inner) ? WalkResult::interrupt() : WalkResult::advance();
          }).wasInterrupted())
      return false;
  // Values read from the variable, wherever they are still wanted.
  for (Operation &op : *block) {
    auto read = dyn_cast<ReadOp>(&op);
    if (!read || read.getVariable() != write.getVariable() || !read->isBeforeInBlock(launch))
      continue;
    if (!lastReader(read.getResult(), *block)->isBeforeInBlock(launch))
      return false;
  }
  // Outside of this block a value of the variable may be alive.
  return isa<func::FuncOp>(block->getParentOp());
}

//===-- Workers
//-----------------------------------------------------------------------------------------------===//

void FunctionBuilder::readPlaces(Block &block) {
  llvm::SetVector<Attribute> axes;
  if (isa<func::FuncOp>(block.getParentOp()))
    block.walk([&](dist::ConstantOp op) { axes.insert(op.getAxes().begin(), op.getAxes().end()); });
  for (Attribute attr : axes) {
    auto axis = cast<StringAttr>(attr);
    BufferId place = addBuffer(BufferKind::Arena, 0, owner.out.exprs.constant(8));
    emit(block.getParentOp(), "place along " + axis.str(),
         program::MeshCoordinate{owner.mesh.axisOf(axis), place});
    emit(block.getParentOp(), "set place along " + axis.str(),
         program::SetSymbol{owner.placeSymbol(axis), place});
  }
}

FailureOr<BufferId> FunctionBuilder::partBuffer(dist::ConstantOp op, const PackedOperand *packing) {
  int64_t stride = 0, size = 0;
  FailureOr<program::ConstantId> id = owner.partsOf(op, packing, stride, size);
  if (failed(id))
    return failure();
  auto &exprs = owner.out.exprs;
  ExprId part = exprs.constant(0);
  for (auto axis : op.getAxes().getAsRange<StringAttr>())
    part = exprs.add(exprs.mul(part, exprs.constant(owner.mesh.sizeOf(axis))),
                     exprs.symbol(owner.placeSymbol(axis)));
  BufferId all =
      addBuffer(BufferKind::Constant, *id, exprs.constant(stride * int64_t(op.getValues().size())));
  BufferId own = addBuffer(BufferKind::Alias, all, exprs.constant(size));
  function.buffers[own].aliasOffset = exprs.mul(part, exprs.constant(stride));
  return own;
}

static program::Combine combineOf(dist::Combine combine) {
  switch (combine) {
  case dist::Combine::sum:
    return program::Combine::Sum;
  case dist::Combine::max:
    return program::Combine::Max;
  case dist::Combine::min:
    return program::Combine::Min;
  case dist::Combine::prod:
    return program::Combine::Prod;
  }
  return program::Combine::Sum;
}

LogicalResult FunctionBuilder::buildCommunication(Operation *op) {
  if (auto place = dyn_cast<dist::CoordinateOp>(op)) {
    FailureOr<BufferId> id = define(place.getResult());
    if (failed(id))
      return failure();
    emit(op, "coordinate", program::MeshCoordinate{owner.mesh.axisOf(place.getAxis()), *id});
    return success();
  }
  auto channelOf = [](Operation *start) {
    return uint32_t(start->getAttrOfType<IntegerAttr>("channel").getInt());
  };
  if (auto done = dyn_cast<dist::DoneOp>(op)) {
    Operation *start = done.getToken().getDefiningOp();
    emit(op, "wait for " + start->getName().stripDialect().str(), program::Wait{channelOf(start)});
    return success();
  }
  if (!dist::isStart(op))
    return op->emitOpError("is not lowered: --dist-lower-collectives does");
  BufferId from = 0, to = 0;
  ExprId size = 0;
  if (op->getNumOperands() > 0) {
    FailureOr<BufferId> id = bufferOf(op->getOperand(0));
    FailureOr<ExprId> bytes = owner.byteSize(op->getOperand(0));
    if (failed(id) || failed(bytes))
      return failure();
    from = *id;
    size = *bytes;
  }
  // What arrives has its buffer from the start on.
  for (Operation *user : op->getResult(0).getUsers())
    if (auto done = dyn_cast<dist::DoneOp>(user); done && done.getResult()) {
      FailureOr<BufferId> id = define(done.getResult());
      FailureOr<ExprId> bytes = owner.byteSize(done.getResult());
      if (failed(id) || failed(bytes))
        return failure();
      to = *id;
      if (op->getNumOperands() == 0)
        size = *bytes;
    }
  std::string name = op->getName().stripDialect().drop_back(StringRef("_start").size()).str();
  uint32_t channel = channelOf(op);
  if (auto send = dyn_cast<dist::SendStartOp>(op)) {
    emit(op, name, program::Send{channel, owner.mesh.routeTo(send.getStage()), from, size});
    return success();
  }
  if (auto recv = dyn_cast<dist::RecvStartOp>(op)) {
    emit(op, name, program::Recv{channel, owner.mesh.routeTo(recv.getStage()), to, size});
    return success();
  }
  auto dim = op->getAttrOfType<IntegerAttr>(isa<dist::AllToAllStartOp>(op) ? "split" : "dim");
  auto concat = op->getAttrOfType<IntegerAttr>("concat");
  if ((dim && dim.getInt() != 0) || (concat && concat.getInt() != 0))
    return op->emitOpError("is not along dimension 0: --dist-lower-collectives brings it there");
  program::CollectiveStart command;
  command.kind =
      llvm::TypeSwitch<Operation *, program::Collective>(op)
          .Case<dist::AllGatherStartOp>([](auto) { return program::Collective::AllGather; })
          .Case<dist::ReduceScatterStartOp>([](auto) { return program::Collective::ReduceScatter; })
          .Case<dist::AllToAllStartOp>([](auto) { return program::Collective::AllToAll; })
          .Case<dist::BroadcastStartOp>([](auto) { return program::Collective::Broadcast; })
          .Default([](auto) { return program::Collective::AllReduce; });
  if (auto combine = op->getAttrOfType<dist::CombineAttr>("combine"))
    command.combine = combineOf(combine.getValue());
  command.dtype = toDType(getElementTypeOrSelf(op->getOperand(0)));
  auto broadcast = dyn_cast<dist::BroadcastStartOp>(op); // from the first of a group
  command.group =
      owner.mesh.groupOf(op->getAttrOfType<ArrayAttr>("axes"), broadcast ? broadcast.getMember() : 0);
  command.channel = channel;
  command.from = from;
  command.to = to;
  FailureOr<SmallVector<ExprId>> dims = owner.dimExprs(op->getOperand(0));
  if (failed(dims))
    return failure();
  command.count = owner.out.exprs.constant(1);
  for (ExprId extent : *dims)
    command.count = owner.out.exprs.mul(command.count, extent);
  emit(op, name, std::move(command));
  return success();
}

LogicalResult FunctionBuilder::buildOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<ConstantOp, dist::ConstantOp, YieldOp, func::ReturnOp>([](auto) { return success(); })
      .Case<host::LaunchOp>([&](auto launch) { return buildLaunch(launch); })
      .Case<host::CallOp>([&](auto call) { return buildCall(call); })
      .Case<IfOp>([&](auto branch) { return buildIf(branch); })
      .Case<WhileOp>([&](auto loop) { return buildWhile(loop); })
      .Case<CastShapeOp>([&](auto cast) { return buildCastShape(cast); })
      .Case<ReshapeOp>([&](auto reshape) -> LogicalResult {
        FailureOr<BufferId> id = bufferOf(reshape.getX());
        if (failed(id) || failed(checkCount(reshape)))
          return failure();
        buffers[reshape.getResult()] = *id;
        return success();
      })
      .Case<StopGradientOp, BarrierOp>([&](auto) { return buildView(op); })
      .Case<ReadOp>([&](auto read) { return buildRead(read); })
      .Case<WriteOp>([&](auto write) { return buildWrite(write); })
      .Case<NameExtentOp>([&](auto named) -> LogicalResult {
        FailureOr<BufferId> id = bufferOf(named.getValue());
        if (failed(id))
          return failure();
        buffers[named.getResult()] = *id;
        // Nothing bounds it beforehand: -1.
        setSymbol(op, named.getNameAttr(), owner.out.exprs.constant(-1), *id);
        return success();
      })
      .Case<AssertOp>([&](auto check) -> LogicalResult {
        FailureOr<BufferId> id = bufferOf(check.getPredicate());
        if (failed(id))
          return failure();
        emit(op, "assert", program::Check{*id, check.getMessage().str()});
        return success();
      })
      .Default([&](Operation *other) -> LogicalResult {
        if (other->getDialect() && isa<dist::DistDialect>(other->getDialect()))
          return buildCommunication(other);
        // Arithmetic on extents that only types and kernels used.
        if (other->use_empty() && isPure(other))
          return success();
        bool onlyExtents = llvm::all_of(other->getResults(), [](Value value) {
          return llvm::all_of(value.getUsers(), [&](Operation *user) {
            return isa<ReshapeOp, DimOp, AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp>(user);
          });
        });
        if (onlyExtents)
          return success();
        return unsupported(other->emitOpError(
            "cannot be compiled for this target yet: no kernel and no function of the runtime"));
      });
}

/// Whether a value is computed with the extents its type says; the rows of non_zero are computed with room to
/// spare.
static bool hasExactSize(Value value) {
  if (auto launch = value.getDefiningOp<host::LaunchOp>())
    return !launch->hasAttr(host::countsRowsAttrName);
  auto call = value.getDefiningOp<host::CallOp>();
  return !call || call.getFunction() != "non_zero";
}

LogicalResult FunctionBuilder::run(Block &block, ArrayRef<Value> inputs, ValueRange outputs) {
  for (auto [i, input] : llvm::enumerate(inputs)) {
    FailureOr<ExprId> size = owner.byteSize(input);
    if (failed(size))
      return failure();
    buffers[input] = addBuffer(BufferKind::Input, i, *size);
  }
  // A value that is returned once, and made here, is written straight into its output. Views are looked
  // through.
  SmallVector<Value> roots;
  for (Value output : outputs) {
    Value root = output;
    while (Operation *op = root.getDefiningOp()) {
      if (op->getBlock() != &block || !isa<ReshapeOp, CastShapeOp, StopGradientOp>(op))
        break;
      root = op->getOperand(0);
    }
    roots.push_back(root);
  }
  for (auto [i, root] : llvm::enumerate(roots))
    if (Operation *op = root.getDefiningOp(); op && op->getBlock() == &block &&
                                              isa<host::LaunchOp, host::CallOp, dist::DoneOp>(op) &&
                                              hasExactSize(root))
      outputOf.try_emplace(root, i);

  for (WriteOp write : block.getOps<WriteOp>())
    if (!outputOf.contains(write.getValue()) && mayWriteVariable(write))
      variableOf.try_emplace(write.getValue(), write.getVariable());

  readPlaces(block);
  for (Operation &op : block)
    if (failed(buildOp(&op)))
      return failure();

  for (auto [i, output] : llvm::enumerate(outputs)) {
    if (auto direct = outputOf.find(roots[i]); direct != outputOf.end() && direct->second == i)
      continue;
    FailureOr<BufferId> from = bufferOf(output);
    FailureOr<ExprId> size = owner.byteSize(output);
    if (failed(from) || failed(size))
      return failure();
    program::Copy copy;
    copy.to = addBuffer(BufferKind::Output, i, *size);
    copy.from = *from;
    copy.size = *size;
    emit(block.getParentOp(), "copy", copy);
  }
  return success();
}

LogicalResult weft::buildCommands(ProgramBuilder &owner, program::Function &function, Block &block,
                                  ArrayRef<Value> inputs, ValueRange outputs) {
  return FunctionBuilder(owner, function).run(block, inputs, outputs);
}
