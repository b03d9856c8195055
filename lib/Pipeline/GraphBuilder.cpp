// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds graphs through the C table: any op of the weft dialect by name, its attributes by name, its result
// types by the op's own inference, so that a new op needs nothing here.
#include "GraphBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Pipeline/Register.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

struct WeftGraphHandle {
  WeftGraphHandle() : builder(&context) {
    DialectRegistry registry;
    registerWeftDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = ModuleOp::create(UnknownLoc::get(&context));
    builder.setInsertionPointToStart(module->getBody());
    function =
        func::FuncOp::create(builder, builder.getUnknownLoc(), "main", builder.getFunctionType({}, {}));
    body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module, finished;
  func::FuncOp function;
  Block *body;
  SmallVector<Value> values;
  SmallVector<std::pair<std::string, Value>> outputs;
  SmallVector<std::string> inputNames;
  std::string error;
};

static StringRef toRef(WeftText text) { return StringRef(text.data, text.size); }

/// Runs `action` with its diagnostics gathered into the graph's error.
template <typename Action> static int32_t guarded(WeftGraphHandle *graph, Action action) {
  std::string messages;
  ScopedDiagnosticHandler handler(&graph->context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      messages += (messages.empty() ? "" : "; ") + diagnostic.str();
  });
  if (succeeded(action()))
    return 0;
  graph->error = messages.empty() ? "failed" : messages;
  return 1;
}

static LogicalResult refuse(WeftGraphHandle *graph, const Twine &message) {
  return emitError(UnknownLoc::get(&graph->context)) << message;
}

static int32_t graphInput(WeftGraphHandle *graph, WeftText name, int32_t dtype, const int64_t *dims,
                          const WeftText *dimNames, size_t rank, int64_t *value) {
  return guarded(graph, [&]() -> LogicalResult {
    if (!isValidDType(dtype))
      return refuse(graph, "input '" + toRef(name) + "': no element type has the number " + Twine(dtype));
    SmallVector<Dim> extents;
    for (size_t i = 0; i < rank; ++i) {
      if (dims[i] >= 0)
        extents.push_back(Dim(dims[i]));
      else if (dimNames && dimNames[i].size)
        extents.push_back(Dim::symbol(graph->builder.getStringAttr(toRef(dimNames[i]))));
      else
        return refuse(graph,
                      "input '" + toRef(name) + "': dimension " + Twine(i) + " has neither extent nor name");
    }
    Type element = toElementType(DType(dtype), &graph->context);
    graph->values.push_back(
        graph->body->addArgument(makeTensorType(extents, element), graph->builder.getUnknownLoc()));
    graph->inputNames.push_back(toRef(name).str());
    *value = graph->values.size() - 1;
    return success();
  });
}

static int32_t graphConstant(WeftGraphHandle *graph, int32_t dtype, const int64_t *dims, size_t rank,
                             const void *bytes, size_t numBytes, int64_t *value) {
  return guarded(graph, [&]() -> LogicalResult {
    if (!isValidDType(dtype))
      return refuse(graph, "constant: no element type has the number " + Twine(dtype));
    Result<HostTensor> tensor =
        HostTensor::copyOf(DType(dtype), std::vector<int64_t>(dims, dims + rank),
                           std::span(static_cast<const std::byte *>(bytes), numBytes));
    if (!tensor.isOk())
      return refuse(graph, "constant: " + tensor.status().message());
    graph->values.push_back(createConstant(graph->builder, graph->builder.getUnknownLoc(), *tensor));
    *value = graph->values.size() - 1;
    return success();
  });
}

/// The attribute as the op wants it: enum cases are tried by name for each enum of the dialect that has the
/// spelling.
static Attribute toAttribute(WeftGraphHandle *graph, StringRef op, const WeftOpAttribute &attribute) {
  Builder &b = graph->builder;
  StringRef name = toRef(attribute.name), text = toRef(attribute.text);
  switch (attribute.kind) {
  case WEFT_ATTR_INT:
    return b.getI64IntegerAttr(attribute.number);
  case WEFT_ATTR_FLOAT:
    return b.getF64FloatAttr(attribute.real);
  case WEFT_ATTR_INTS:
    return b.getDenseI64ArrayAttr(ArrayRef(attribute.list, attribute.numList));
  case WEFT_ATTR_BOOL:
    return attribute.number ? Attribute(b.getBoolAttr(true)) : Attribute(b.getBoolAttr(false));
  default:
    break;
  }
  MLIRContext *context = &graph->context;
  auto as = [&](auto symbolized, auto make) -> Attribute {
    return symbolized ? Attribute(make(*symbolized)) : Attribute();
  };
  if (name == "relation")
    return as(symbolizeCompareKind(text), [&](CompareKind k) { return CompareKindAttr::get(context, k); });
  if (name == "halves")
    return as(symbolizeRoundKind(text), [&](RoundKind k) { return RoundKindAttr::get(context, k); });
  if (name == "tie")
    return as(symbolizeTie(text), [&](Tie k) { return TieAttr::get(context, k); });
  if (name == "mode")
    return as(symbolizePadMode(text), [&](PadMode k) { return PadModeAttr::get(context, k); });
  if (name == "precision")
    return as(symbolizePrecision(text), [&](Precision k) { return PrecisionAttr::get(context, k); });
  if (name == "causal")
    return as(symbolizeCausal(text), [&](Causal k) { return CausalAttr::get(context, k); });
  if (name == "algorithm")
    return as(symbolizeRandomAlgorithm(text),
              [&](RandomAlgorithm k) { return RandomAlgorithmAttr::get(context, k); });
  if (name == "kind" && (op == "arg_reduce" || op == "window_arg"))
    return as(symbolizeArgKind(text), [&](ArgKind k) { return ArgKindAttr::get(context, k); });
  if (name == "kind" && op == "scatter")
    return as(symbolizeScatterKind(text), [&](ScatterKind k) { return ScatterKindAttr::get(context, k); });
  if (name == "kind" && op == "fft")
    return as(symbolizeFftKind(text), [&](FftKind k) { return FftKindAttr::get(context, k); });
  if (name == "kind")
    return as(symbolizeReduceKind(text), [&](ReduceKind k) { return ReduceKindAttr::get(context, k); });
  return b.getStringAttr(text);
}

/// Fewest and most operands of an op, as its definition says; -1: no limit.
static std::pair<int64_t, int64_t> operandLimits(RegisteredOperationName info) {
  if (info.hasTrait<OpTrait::ZeroOperands>())
    return {0, 0};
  if (info.hasTrait<OpTrait::OneOperand>())
    return {1, 1};
  if (info.hasTrait<OpTrait::NOperands<2>::Impl>())
    return {2, 2};
  if (info.hasTrait<OpTrait::NOperands<3>::Impl>())
    return {3, 3};
  if (info.hasTrait<OpTrait::NOperands<4>::Impl>())
    return {4, 4};
  if (info.hasTrait<OpTrait::NOperands<5>::Impl>())
    return {5, 5};
  if (info.hasTrait<OpTrait::AtLeastNOperands<1>::Impl>())
    return {1, -1};
  if (info.hasTrait<OpTrait::AtLeastNOperands<2>::Impl>())
    return {2, -1};
  if (info.hasTrait<OpTrait::AtLeastNOperands<3>::Impl>())
    return {3, -1};
  return {0, -1};
}

/// Operands of the op's groups: one each for the first ones, unless the caller says how many.
static LogicalResult setSegments(WeftGraphHandle *graph, StringRef op, size_t numOperands,
                                 NamedAttrList &list) {
  constexpr StringLiteral name = "operandSegmentSizes";
  size_t groups = op == "attention" ? 6 : op == "pad" ? 4 : 3;
  SmallVector<int32_t> sizes(groups, 0);
  if (auto given = dyn_cast_or_null<DenseI64ArrayAttr>(list.get(name))) {
    int64_t sum = 0;
    for (int64_t size : given.asArrayRef())
      sum = size < 0 || size > int64_t(numOperands) ? -1 : sum < 0 ? sum : sum + size;
    if (size_t(given.size()) != groups || sum != int64_t(numOperands))
      return refuse(graph, "'" + op + "': " + name + " has " + Twine(given.size()) +
                               " numbers with the sum " + Twine(sum) + ", wanted " + Twine(groups) +
                               " with the sum " + Twine(numOperands));
    llvm::copy(given.asArrayRef(), sizes.begin());
  } else {
    if (numOperands > groups)
      return refuse(graph, "'" + op + "': found " + Twine(numOperands) + " operands, wanted at most " +
                               Twine(groups) + " unless " + name + " says how many are in each group");
    std::fill_n(sizes.begin(), numOperands, 1);
  }
  list.set(name, DenseI32ArrayAttr::get(&graph->context, sizes));
  return success();
}

/// Refuses what the inference of result types takes for granted: the number of operands, attributes of the
/// right kind.
static LogicalResult checkDefinition(WeftGraphHandle *graph, StringRef op, RegisteredOperationName info,
                                     OperationState &state, const NamedAttrList &list) {
  auto [fewest, most] = operandLimits(info);
  int64_t found = state.operands.size();
  if (found < fewest || (most >= 0 && found > most))
    return refuse(graph, "'" + op + "': found " + Twine(found) + " operands, wanted " +
                             (fewest == most ? "" : "at least ") + Twine(fewest));
  for (NamedAttribute attribute : list)
    if (!llvm::is_contained(info.getAttributeNames(), attribute.getName()))
      return refuse(graph, "'" + op + "' has no attribute '" + attribute.getName().getValue() + "'");
  // The verifier says which attributes are missing or of another kind; of the results it knows nothing yet.
  Type any = found ? state.operands[0].getType() : RankedTensorType::get({}, graph->builder.getF32Type());
  unsigned results = info.hasTrait<OpTrait::OneResult>()           ? 1
                     : info.hasTrait<OpTrait::NResults<2>::Impl>() ? 2
                     : info.hasTrait<OpTrait::NResults<3>::Impl>() ? 3
                                                                   : 0;
  Operation *probe = Operation::create(state.location, info, SmallVector<Type>(results, any), state.operands,
                                       list.getDictionary(&graph->context), nullptr, {}, 0);
  std::string missing;
  {
    ScopedDiagnosticHandler handler(&graph->context, [&](Diagnostic &diagnostic) {
      std::string text = diagnostic.str();
      if (missing.empty() && StringRef(text).contains("attribute '"))
        missing = text;
    });
    (void)info.verifyInvariants(probe);
  }
  probe->destroy();
  return missing.empty() ? success() : refuse(graph, missing);
}

static int32_t graphOp(WeftGraphHandle *graph, WeftText op, const int64_t *operands, size_t numOperands,
                       const WeftOpAttribute *attributes, size_t numAttributes, int32_t resultDtype,
                       int64_t *results, size_t maxResults, size_t *numResults) {
  return guarded(graph, [&]() -> LogicalResult {
    std::string name = ("weft." + toRef(op)).str();
    std::optional<RegisteredOperationName> info = RegisteredOperationName::lookup(name, &graph->context);
    if (!info)
      return refuse(graph, "'" + toRef(op) + "' is no op of the weft dialect");
    if (!info->hasTrait<OpTrait::ZeroRegions>() || info->hasTrait<OpTrait::IsTerminator>())
      return refuse(graph, "'" + toRef(op) + "' has regions, or ends one: it cannot be built by its name");
    OperationState state(graph->builder.getUnknownLoc(), *info);
    for (size_t i = 0; i < numOperands; ++i) {
      if (operands[i] < 0 || operands[i] >= int64_t(graph->values.size()))
        return refuse(graph, "'" + toRef(op) + "': operand " + Twine(i) + " is not a value of this graph");
      state.addOperands(graph->values[operands[i]]);
    }
    NamedAttrList list;
    for (size_t i = 0; i < numAttributes; ++i) {
      Attribute value = toAttribute(graph, toRef(op), attributes[i]);
      if (!value)
        return refuse(graph, "'" + toRef(op) + "': attribute '" + toRef(attributes[i].name) +
                                 "' cannot be '" + toRef(attributes[i].text) + "'");
      // A unit attribute is there or not.
      if (attributes[i].kind == WEFT_ATTR_BOOL &&
          llvm::is_contained({"in_bounds", "unique", "saturate", "effects"}, toRef(attributes[i].name))) {
        if (!attributes[i].number)
          continue;
        value = graph->builder.getUnitAttr();
      }
      list.set(toRef(attributes[i].name), value);
    }
    if (info->hasTrait<OpTrait::AttrSizedOperandSegments>() &&
        failed(setSegments(graph, toRef(op), numOperands, list)))
      return failure();
    if (failed(checkDefinition(graph, toRef(op), *info, state, list)))
      return failure();
    state.addAttributes(list);
    if (auto *infer = info->getInterface<InferTypeOpInterface>()) {
      // Attributes become properties before inference reads them.
      Operation *probe = Operation::create(state.location, *info, {}, state.operands,
                                           state.attributes.getDictionary(&graph->context), nullptr, {}, 0);
      SmallVector<Type> types;
      LogicalResult inferred = infer->inferReturnTypes(&graph->context, state.location, state.operands,
                                                       state.attributes.getDictionary(&graph->context),
                                                       probe->getPropertiesStorage(), {}, types);
      probe->destroy();
      if (failed(inferred))
        return failure();
      state.addTypes(types);
    } else {
      if (!isValidDType(resultDtype) || numOperands == 0)
        return refuse(graph, "'" + toRef(op) + "' does not infer its result: name the result's element type");
      Type element = toElementType(DType(resultDtype), &graph->context);
      if (name == DotGeneralOp::getOperationName() && numOperands == 2) {
        auto axes = [&](StringRef which) {
          auto numbers = dyn_cast_or_null<DenseI64ArrayAttr>(list.get(which));
          return numbers ? numbers.asArrayRef() : ArrayRef<int64_t>();
        };
        OperationState typed(state.location, *info);
        DotGeneralOp::build(graph->builder, typed, state.operands[0], state.operands[1], axes("lhs_batch"),
                            axes("rhs_batch"), axes("lhs_contract"), axes("rhs_contract"), element);
        state.addTypes(typed.types);
      } else
        state.addTypes(withElementType(state.operands[0].getType(), element));
    }
    Operation *created = graph->builder.create(state);
    if (failed(verify(created))) {
      created->erase();
      return failure();
    }
    *numResults = created->getNumResults();
    for (auto [i, result] : llvm::enumerate(created->getResults())) {
      graph->values.push_back(result);
      if (i < maxResults)
        results[i] = graph->values.size() - 1;
    }
    return success();
  });
}

static int32_t graphOutput(WeftGraphHandle *graph, WeftText name, int64_t value) {
  return guarded(graph, [&]() -> LogicalResult {
    if (value < 0 || value >= int64_t(graph->values.size()))
      return refuse(graph, "output '" + toRef(name) + "' is not a value of this graph");
    graph->outputs.emplace_back(toRef(name).str(), graph->values[value]);
    return success();
  });
}

static int32_t graphType(WeftGraphHandle *graph, int64_t value, int32_t *dtype, int64_t *dims, size_t *rank) {
  return guarded(graph, [&]() -> LogicalResult {
    if (value < 0 || value >= int64_t(graph->values.size()))
      return refuse(graph, "value " + Twine(value) + " is not of this graph");
    auto type = cast<RankedTensorType>(graph->values[value].getType());
    if (type.getRank() > 32)
      return refuse(graph, "rank " + Twine(type.getRank()) + ", wanted at most 32");
    *dtype = int32_t(toDType(type.getElementType()));
    *rank = type.getRank();
    for (auto [i, extent] : llvm::enumerate(type.getShape()))
      dims[i] = ShapedType::isDynamic(extent) ? -1 : extent;
    return success();
  });
}

MLIRContext &weft::graphContext(WeftGraphHandle *graph) { return graph->context; }

ModuleOp weft::graphModule(WeftGraphHandle *graph) {
  if (graph->outputs.empty()) {
    emitError(graph->builder.getUnknownLoc()) << "the graph has no output";
    return nullptr;
  }
  graph->finished = graph->module->clone();
  auto function = *graph->finished->getOps<func::FuncOp>().begin();
  // The clone's values are found by their place: ops are cloned in order.
  SmallVector<Value> results;
  for (auto &[name, value] : graph->outputs) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      results.push_back(function.getArgument(argument.getArgNumber()));
      continue;
    }
    auto place = std::distance(graph->body->begin(), value.getDefiningOp()->getIterator());
    Operation &op = *std::next(function.getBody().front().begin(), place);
    results.push_back(op.getResult(cast<OpResult>(value).getResultNumber()));
  }
  OpBuilder builder(&graph->context);
  builder.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  function.setType(
      builder.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, name] : llvm::enumerate(graph->inputNames))
    function.setArgAttr(i, "weft.name", builder.getStringAttr(name));
  for (auto [i, output] : llvm::enumerate(graph->outputs))
    function.setResultAttr(i, "weft.name", builder.getStringAttr(output.first));
  if (failed(verify(*graph->finished)))
    return nullptr;
  return *graph->finished;
}

static int32_t graphText(WeftGraphHandle *graph, void *user, void (*output)(void *, const void *, size_t)) {
  return guarded(graph, [&]() -> LogicalResult {
    ModuleOp module = graphModule(graph);
    if (!module)
      return failure();
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    output(user, text.data(), text.size());
    return success();
  });
}

void weft::fillGraphApi(WeftCompilerApi &api) {
  api.graphCreate = []() { return new WeftGraphHandle; };
  api.graphDestroy = [](WeftGraphHandle *graph) { delete graph; };
  api.graphError = [](WeftGraphHandle *graph) { return WeftText{graph->error.data(), graph->error.size()}; };
  api.graphInput = graphInput;
  api.graphConstant = graphConstant;
  api.graphOp = graphOp;
  api.graphOutput = graphOutput;
  api.graphType = graphType;
  api.graphText = graphText;
}
