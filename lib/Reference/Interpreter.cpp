// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function op by op. Ops that have ReferenceOpInterface evaluate themselves; those with regions, with
// effects or with symbols are run here. A value is dropped after the last op of its block that uses it.
#include "weft/Reference/Interpreter.h"
#include "Moves.h"
#include "PoolOps.h"
#include "PrintTensor.h"
#include "weft/Dialect/Weft/ControlOps.h"
#include "weft/Dialect/Weft/ShapeOps.h"
#include "weft/Dialect/Weft/StateOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

namespace {

using Frame = llvm::DenseMap<Value, HostTensor>;

/// The extents of named dims. Expressions over names that are not bound are unknown.
class NamedDims {
public:
  std::optional<int64_t> valueOf(const ir::Dim &dim) const {
    if (dim.isStatic())
      return dim.getStatic();
    if (dim.isUnknown())
      return std::nullopt;
    MLIRContext *context = dim.getExpr().getContext();
    SmallVector<AffineExpr> numbers;
    for (StringAttr name : dim.getSymbols()) {
      auto found = extents.find(name);
      if (found == extents.end())
        return std::nullopt;
      numbers.push_back(getAffineConstantExpr(found->second, context));
    }
    AffineExpr expr = dim.getExpr().replaceSymbols(numbers);
    auto constant = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(expr, 0, 0));
    return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
  }
  /// The name that `dim` is, when it is nothing but an unbound name.
  StringAttr unboundName(const ir::Dim &dim) const {
    if (!dim.isSymbolic() || !isa<AffineSymbolExpr>(dim.getExpr()) || extents.contains(dim.getSymbols()[0]))
      return {};
    return dim.getSymbols()[0];
  }
  void bind(StringAttr name, int64_t extent) { extents[name] = extent; }

private:
  llvm::DenseMap<StringAttr, int64_t> extents;
};

class Interpreter {
public:
  explicit Interpreter(const InterpreterOptions &options, ModuleOp module)
      : options(options), module(module) {}

  FailureOr<Tensors> runFunction(func::FuncOp function, ArrayRef<HostTensor> inputs, Operation *caller);

private:
  FailureOr<Tensors> runBlock(Block &block, ArrayRef<HostTensor> arguments, Frame &frame);
  FailureOr<Tensors> runOp(Operation *op, ArrayRef<HostTensor> operands, Frame &frame);
  FailureOr<Tensors> runCall(func::CallOp op, ArrayRef<HostTensor> operands);
  FailureOr<Tensors> runWhile(ir::WhileOp op, ArrayRef<HostTensor> operands, Frame &frame);
  FailureOr<Tensors> runScan(ir::ScanOp op, ArrayRef<HostTensor> operands, Frame &frame);
  FailureOr<Tensors> runRead(ir::ReadOp op);
  FailureOr<Tensors> runAssert(ir::AssertOp op, ArrayRef<HostTensor> operands);
  FailureOr<Tensors> runWindowScatter(ir::WindowScatterOp op, ArrayRef<HostTensor> operands);

  LogicalResult bindInputs(func::FuncOp function, ArrayRef<HostTensor> inputs, Operation *where);
  LogicalResult checkType(Operation *op, const Twine &what, const HostTensor &tensor, Type type);
  const llvm::DenseMap<Operation *, SmallVector<Value>> &lastUses(Block &block);

  const InterpreterOptions &options;
  ModuleOp module;
  NamedDims dims;
  std::map<std::string, HostTensor> ownVariables;
  SymbolTableCollection symbols;
  llvm::DenseMap<Block *, llvm::DenseMap<Operation *, SmallVector<Value>>> lastUsesOf;
  int depth = 0;
};

} // namespace

/// Element type, rank and every extent that is known are those of the type.
LogicalResult Interpreter::checkType(Operation *op, const Twine &what, const HostTensor &tensor, Type type) {
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType)
    return op->emitOpError() << what << " has type " << type << ", wanted a ranked tensor";
  if (tensor.dtype() != ir::toDType(tensorType.getElementType()) || tensor.rank() != tensorType.getRank())
    return op->emitOpError() << what << " is " << tensor.typeString() << ", wanted " << type;
  for (auto [i, dim] : llvm::enumerate(ir::getDims(type))) {
    std::optional<int64_t> wanted = dims.valueOf(dim);
    if (wanted && *wanted != tensor.dim(i))
      return op->emitOpError() << what << " has extent " << tensor.dim(i) << " in dimension " << i
                               << ", wanted " << *wanted
                               << (dim.isSymbolic() ? " = " + dim.str() : std::string());
  }
  return success();
}

/// Binds the names that inputs carry alone, holds them against their bounds, and checks all extents.
LogicalResult Interpreter::bindInputs(func::FuncOp function, ArrayRef<HostTensor> inputs, Operation *where) {
  ArrayRef<Type> types = function.getArgumentTypes();
  if (inputs.size() != types.size())
    return where->emitOpError() << "found " << inputs.size() << " inputs for @" << function.getSymName()
                                << ", wanted " << types.size();
  auto bounds = module ? module->getAttrOfType<DictionaryAttr>(ir::WeftDialect::getDimsAttrName()) : nullptr;
  for (auto [i, input, type] : llvm::enumerate(inputs, types)) {
    auto tensorType = dyn_cast<RankedTensorType>(type);
    if (!tensorType || tensorType.getRank() != input.rank())
      continue; // refused below
    for (auto [d, dim] : llvm::enumerate(ir::getDims(type))) {
      StringAttr name = dims.unboundName(dim);
      if (!name)
        continue;
      const int64_t extent = input.dim(d);
      if (auto range = bounds ? bounds.getAs<DenseI64ArrayAttr>(name) : nullptr; range && range.size() == 2)
        if (extent < range[0] || (range[1] >= 0 && extent > range[1]))
          return where->emitOpError() << "input #" << i << " has extent " << extent << " in dimension " << d
                                      << ", wanted " << name.getValue() << " in [" << range[0] << ", "
                                      << (range[1] < 0 ? "unbounded" : std::to_string(range[1])) << "]";
      dims.bind(name, extent);
    }
  }
  for (auto [i, input, type] : llvm::enumerate(inputs, types))
    if (failed(checkType(where, "input #" + Twine(i), input, type)))
      return failure();
  return success();
}

/// For each op of the block the values of the block that nothing after it uses.
const llvm::DenseMap<Operation *, SmallVector<Value>> &Interpreter::lastUses(Block &block) {
  auto [entry, isNew] = lastUsesOf.try_emplace(&block);
  if (!isNew)
    return entry->second;
  llvm::DenseMap<Operation *, SmallVector<Value>> uses;
  auto note = [&](Value value, Operation *definition) {
    Operation *last = definition;
    for (Operation *user : value.getUsers())
      if (Operation *own = block.findAncestorOpInBlock(*user); own && (!last || last->isBeforeInBlock(own)))
        last = own;
    if (last)
      uses[last].push_back(value);
  };
  for (Value argument : block.getArguments())
    note(argument, nullptr);
  for (Operation &op : block)
    for (Value result : op.getResults())
      note(result, &op);
  return lastUsesOf[&block] = std::move(uses);
}

FailureOr<Tensors> Interpreter::runFunction(func::FuncOp function, ArrayRef<HostTensor> inputs,
                                            Operation *caller) {
  Operation *where = caller ? caller : function.getOperation();
  if (function.isExternal())
    return where->emitOpError() << "found no body of @" << function.getSymName() << ", wanted one to run";
  if (!function.getBody().hasOneBlock())
    return where->emitOpError() << "found several blocks in @" << function.getSymName() << ", wanted one";
  constexpr int limit = 200;
  if (depth == limit)
    return where->emitOpError() << "found more than " << limit << " nested calls, wanted fewer";
  if (failed(bindInputs(function, inputs, where)))
    return failure();
  ++depth;
  Frame frame;
  auto results = runBlock(function.getBody().front(), inputs, frame);
  --depth;
  if (failed(results))
    return failure();
  for (auto [i, result, type] : llvm::enumerate(*results, function.getResultTypes()))
    if (failed(checkType(function, "result #" + Twine(i), result, type)))
      return failure();
  return results;
}

FailureOr<Tensors> Interpreter::runBlock(Block &block, ArrayRef<HostTensor> arguments, Frame &frame) {
  for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
    frame[argument] = tensor;
  for (Operation &op : block) {
    Tensors operands;
    for (Value operand : op.getOperands())
      operands.push_back(frame.lookup(operand));
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      for (Value dead : lastUses(block).lookup(&op))
        frame.erase(dead);
      return operands;
    }
    auto results = runOp(&op, operands, frame);
    if (failed(results))
      return failure();
    if (results->size() != op.getNumResults())
      return op.emitOpError() << "gave " << results->size() << " values, wanted " << op.getNumResults();
    for (auto [i, value, tensor] : llvm::enumerate(op.getResults(), *results)) {
      if (failed(checkType(&op, "result #" + Twine(i), tensor, value.getType())))
        return failure();
      frame[value] = tensor;
    }
    if (options.observer)
      options.observer(&op, *results);
    for (Value dead : lastUses(block).lookup(&op))
      frame.erase(dead);
  }
  block.getParentOp()->emitOpError() << "found a block without a terminator, wanted one";
  return failure();
}

FailureOr<Tensors> Interpreter::runCall(func::CallOp op, ArrayRef<HostTensor> operands) {
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  if (!callee)
    return op.emitOpError() << "found no function @" << op.getCallee() << ", wanted one to call";
  return runFunction(callee, operands, op);
}

FailureOr<Tensors> Interpreter::runWhile(ir::WhileOp op, ArrayRef<HostTensor> operands, Frame &frame) {
  Tensors carried(operands);
  while (true) {
    auto condition = runBlock(op.getCond().front(), carried, frame);
    if (failed(condition))
      return failure();
    if ((*condition)[0].asInt(0) == 0)
      return carried;
    auto next = runBlock(op.getBody().front(), carried, frame);
    if (failed(next))
      return failure();
    carried = std::move(*next);
  }
}

FailureOr<Tensors> Interpreter::runScan(ir::ScanOp op, ArrayRef<HostTensor> operands, Frame &frame) {
  ArrayRef<HostTensor> xs = operandGroup(op, operands, 1), length = operandGroup(op, operands, 2);
  Tensors carried(operandGroup(op, operands, 0));
  const size_t numCarried = carried.size();
  const int64_t steps = xs.empty() ? length[0].asInt(0) : xs[0].dim(0);
  for (const HostTensor &x : xs)
    if (x.dim(0) != steps)
      return op.emitOpError() << "found inputs of lengths " << steps << " and " << x.dim(0)
                              << ", wanted equal lengths";
  if (steps < 0)
    return op.emitOpError() << "found length " << steps << ", wanted at least 0";

  SmallVector<Tensors> slices(op->getNumResults() - numCarried);
  for (Tensors &stack : slices)
    stack.resize(steps);
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t at = op.getReverse() ? steps - 1 - step : step;
    Tensors arguments(carried);
    for (const HostTensor &x : xs) {
      SmallVector<int64_t> shape(ArrayRef(x.shape()).drop_front());
      const int64_t offset = at * productOf(shape);
      auto slice = moveElements(op, x.dtype(), x, shape, [&](ArrayRef<HostTensor> from, HostTensor &to) {
        copyStrided(shape, from[0], offset, rowMajorStrides(shape), to, 0, rowMajorStrides(shape));
      });
      if (failed(slice))
        return failure();
      arguments.push_back(std::move(*slice));
    }
    auto yielded = runBlock(op.getBody().front(), arguments, frame);
    if (failed(yielded))
      return failure();
    carried.assign(yielded->begin(), yielded->begin() + numCarried);
    for (size_t i = 0; i < slices.size(); ++i)
      slices[i][at] = (*yielded)[numCarried + i];
  }

  Tensors results(carried);
  for (size_t i = 0; i < slices.size(); ++i) {
    SmallVector<int64_t> shape;
    if (steps > 0) {
      shape.assign(slices[i][0].shape().begin(), slices[i][0].shape().end());
    } else {
      // No step tells the extents; what the type leaves open is 0 like the number of slices.
      const SmallVector<ir::Dim> extents = ir::getDims(op->getResult(numCarried + i));
      for (const ir::Dim &dim : llvm::drop_begin(extents))
        shape.push_back(dims.valueOf(dim).value_or(0));
    }
    for (const HostTensor &slice : slices[i])
      if (ArrayRef(slice.shape()) != ArrayRef(shape))
        return op.emitOpError() << "found slices of extents " << shapeString(shape) << " and "
                                << shapeString(slice.shape()) << " to stack, wanted equal extents";
    const int64_t size = productOf(shape);
    SmallVector<int64_t> stacked(shape);
    stacked.insert(stacked.begin(), steps);
    auto result = moveElements(op, resultDType(op, numCarried + i), slices[i], stacked,
                               [&](ArrayRef<HostTensor> from, HostTensor &to) {
                                 for (auto [at, slice] : llvm::enumerate(from))
                                   copyStrided(shape, slice, 0, rowMajorStrides(shape), to,
                                               int64_t(at) * size, rowMajorStrides(shape));
                               });
    if (failed(result))
      return failure();
    results.push_back(std::move(*result));
  }
  return results;
}

FailureOr<Tensors> Interpreter::runRead(ir::ReadOp op) {
  auto &variables = options.variables ? *options.variables : ownVariables;
  std::string name = op.getVariable().str();
  if (auto found = variables.find(name); found != variables.end())
    return Tensors{found->second};
  auto variable = symbols.lookupNearestSymbolFrom<ir::VariableOp>(op, op.getVariableAttr());
  if (!variable || !variable.getInitialAttr())
    return op.emitOpError() << "found no value of @" << name << ", wanted it written or initialised";
  auto initial = ir::toHostTensor(variable.getInitialAttr());
  if (failed(initial))
    return op.emitOpError() << "found the initial value of @" << name
                            << " missing from the data store, wanted it stored";
  variables[name] = *initial;
  return Tensors{*initial};
}

FailureOr<Tensors> Interpreter::runAssert(ir::AssertOp op, ArrayRef<HostTensor> operands) {
  if (!options.assertions)
    return Tensors();
  const HostTensor &predicate = operands[0];
  for (int64_t i = 0; i < predicate.numElements(); ++i)
    if (predicate.asInt(i) == 0) {
      InFlightDiagnostic error = op.emitOpError() << "failed: " << op.getMessage();
      if (op.getFound())
        error << ": found " << operands[1].asInt(i) << " at element " << i;
      if (op.getLimit())
        error << ", the limit is " << operands[2].asInt(i % operands[2].numElements());
      return error;
    }
  return Tensors();
}

/// The extents of the result are in its type alone, perhaps as names.
FailureOr<Tensors> Interpreter::runWindowScatter(ir::WindowScatterOp op, ArrayRef<HostTensor> operands) {
  SmallVector<int64_t> wanted;
  for (const ir::Dim &dim : ir::getDims(op.getResult()))
    wanted.push_back(dims.valueOf(dim).value_or(ShapedType::kDynamic));
  return asTensors(evaluateWindowScatter(op, operands, wanted));
}

FailureOr<Tensors> Interpreter::runOp(Operation *op, ArrayRef<HostTensor> operands, Frame &frame) {
  if (auto scatter = dyn_cast<ir::WindowScatterOp>(op))
    return runWindowScatter(scatter, operands);
  if (auto evaluable = dyn_cast<ir::ReferenceOpInterface>(op))
    return evaluable.evaluate(operands);
  if (auto call = dyn_cast<func::CallOp>(op))
    return runCall(call, operands);
  if (auto branch = dyn_cast<ir::IfOp>(op))
    return runBlock((operands[0].asInt(0) ? branch.getThenRegion() : branch.getElseRegion()).front(), {},
                    frame);
  if (auto loop = dyn_cast<ir::WhileOp>(op))
    return runWhile(loop, operands, frame);
  if (auto scan = dyn_cast<ir::ScanOp>(op))
    return runScan(scan, operands, frame);
  if (auto read = dyn_cast<ir::ReadOp>(op))
    return runRead(read);
  if (auto write = dyn_cast<ir::WriteOp>(op)) {
    (options.variables ? *options.variables : ownVariables)[write.getVariable().str()] = operands[0];
    return Tensors();
  }
  if (auto assertion = dyn_cast<ir::AssertOp>(op))
    return runAssert(assertion, operands);
  if (auto print = dyn_cast<ir::PrintOp>(op)) {
    llvm::raw_ostream &out = options.output ? *options.output : llvm::outs();
    out << print.getMessage() << ": ";
    printTensor(out, operands[0]);
    out << "\n";
    return Tensors();
  }
  if (auto call = dyn_cast<ir::CustomCallOp>(op)) {
    // What the extension computes is unknown here, unless it says so in ops of the dialect.
    if (call.getDecompositionAttr())
      if (auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, call.getDecompositionAttr()))
        return runFunction(callee, operands, op);
    return op->emitOpError() << "found the host function '" << call.getTarget()
                             << "', wanted one with a decomposition";
  }
  return op->emitOpError()
         << "found an op that the reference cannot evaluate, wanted ops of the weft dialect";
}

FailureOr<SmallVector<HostTensor>> reference::interpret(func::FuncOp function, ArrayRef<HostTensor> inputs,
                                                        const InterpreterOptions &options) {
  return Interpreter(options, function->getParentOfType<ModuleOp>()).runFunction(function, inputs, nullptr);
}
