// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the nodes of one graph, subgraph or function body in order. A node goes to its family's function by
// the table, or is replaced by the body of the model's function of that name. Results of what is not
// supported are poison: nodes that read poison are passed over, so that one report can name everything.
#include "GraphImporter.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using onnx_wire::AttributeProto;
using onnx_wire::FunctionProto;
using onnx_wire::GraphProto;
using onnx_wire::NodeProto;

/// Graphs within graphs.
static constexpr int maxGraphDepth = 64;
/// Functions within functions.
static constexpr size_t maxInlineDepth = 32;

std::string Imported::describe() const {
  switch (kind) {
  case Kind::Absent:
    return "nothing";
  case Kind::Poison:
    return "not supported";
  case Kind::None:
    return "an empty optional";
  case Kind::Tensor:
    return "a tensor";
  case Kind::Sequence:
    return "a sequence of " + std::to_string(elements->size());
  }
  return "";
}

GraphImporter::GraphImporter(ModelImporter &model, GraphImporter *parent, const OpsetMap &opsets,
                             const FunctionAttributes *attributes, std::optional<Location> callSite)
    : model(model), opsets(opsets), parent(parent), attributes(attributes), callSite(callSite),
      depth(parent ? parent->depth + 1 : 0) {}

std::optional<Imported> GraphImporter::lookup(StringRef name) const {
  for (const GraphImporter *scope = this; scope; scope = scope->parent)
    if (auto found = scope->values.find(name); found != scope->values.end())
      return found->second;
  return std::nullopt;
}

int64_t GraphImporter::getOpset(const std::string &domain) const {
  auto opset = opsets.find(domain);
  return opset == opsets.end() ? 1 : opset->second;
}

const onnx_wire::TypeProto *GraphImporter::getDeclaredType(StringRef name) const {
  auto type = declared.find(name);
  return type == declared.end() ? nullptr : type->second;
}

const AttributeProto *GraphImporter::getAttribute(const NodeProto &node, StringRef name) const {
  for (const AttributeProto &attribute : node.attribute()) {
    if (name != attribute.name())
      continue;
    if (attribute.ref_attr_name().empty())
      return &attribute;
    if (!attributes)
      return nullptr;
    auto given = attributes->find(attribute.ref_attr_name());
    return given == attributes->end() ? nullptr : given->second;
  }
  return nullptr;
}

//===-- Graphs
//-------------------------------------------------------------------------------------------------===//

LogicalResult GraphImporter::importGraph(const GraphProto &graph, bool isMain) {
  if (depth > maxGraphDepth)
    return model.error() << "found graphs nested more than " << maxGraphDepth << " deep";
  for (const auto *infos : {&graph.value_info(), &graph.output()})
    for (const onnx_wire::ValueInfoProto &info : *infos)
      declared[info.name()] = &info.type();
  auto defineTensor = [&](const std::string &name, const Result<HostTensor> &tensor) -> LogicalResult {
    if (!tensor.isOk() && tensor.code() == Code::Unimplemented) {
      model.reportUnsupported("an initializer: " + tensor.status().message(), name);
      define(name, Imported::poison());
      return success();
    }
    if (!tensor.isOk())
      return model.error() << "initializer '" << name << "': " << tensor.status().message();
    if (values.contains(name))
      return model.error() << "initializer '" << name << "' is defined twice";
    define(name, Imported(ir::createConstant(model.builder, model.locOf(name), *tensor)));
    return success();
  };
  for (int i = 0; i < graph.initializer_size(); ++i) {
    const onnx_wire::TensorProto &tensor = graph.initializer(i);
    Result<HostTensor> read =
        isMain ? readTensor(tensor, model.external, model.file.rawData(i), model.file.ownerOf(i))
               : readTensor(tensor, model.external);
    if (failed(defineTensor(tensor.name(), read)))
      return failure();
  }
  for (const onnx_wire::SparseTensorProto &tensor : graph.sparse_initializer())
    if (failed(defineTensor(tensor.values().name(), readSparseTensor(tensor, model.external))))
      return failure();
  return importNodes(graph.node());
}

LogicalResult GraphImporter::importNodes(const google::protobuf::RepeatedPtrField<NodeProto> &nodes) {
  for (int i = 0; i < nodes.size(); ++i)
    if (failed(importNode(nodes[i], i)))
      return failure();
  return success();
}

/// The value under the extents that are declared for it, where its own are unknown; checked at run time.
static Value refine(OpBuilder &builder, Location loc, Value value, const onnx_wire::TypeProto &type) {
  SmallVector<ir::Dim> dims = ir::getDims(value);
  if (!type.has_tensor_type() || type.tensor_type().shape().dim_size() != int(dims.size()))
    return value;
  bool better = false;
  for (size_t i = 0; i < dims.size(); ++i) {
    const onnx_wire::TensorShapeProto::Dimension &declared = type.tensor_type().shape().dim(int(i));
    if (!dims[i].isUnknown() || !declared.has_dim_value() || declared.dim_value() < 0)
      continue;
    dims[i] = ir::Dim(declared.dim_value());
    better = true;
  }
  if (!better)
    return value;
  Type refined = ir::makeTensorType(dims, NodeImporter::elementTypeOf(value));
  return ir::CastShapeOp::create(builder, loc, refined, value);
}

FailureOr<std::vector<Imported>> GraphImporter::getOutputs(const GraphProto &graph) {
  std::vector<Imported> outputs;
  for (const onnx_wire::ValueInfoProto &output : graph.output()) {
    std::optional<Imported> value = lookup(output.name());
    if (!value || value->kind == Imported::Kind::Absent)
      return model.error() << "output '" << output.name() << "' is not defined by any node";
    if (value->isTensor())
      value->tensor = refine(model.builder, model.locOf(output.name()), value->tensor, output.type());
    outputs.push_back(*value);
  }
  return outputs;
}

FailureOr<std::vector<Imported>> GraphImporter::importSubgraph(const GraphProto &graph,
                                                               ArrayRef<Imported> args, Location loc) {
  if (int(args.size()) != graph.input_size())
    return mlir::emitError(loc, "found a subgraph '")
           << graph.name() << "' with " << graph.input_size() << " inputs, wanted " << args.size();
  GraphImporter scope(model, this, opsets, attributes, callSite);
  for (size_t i = 0; i < args.size(); ++i)
    scope.define(graph.input(int(i)).name(), args[i]);
  if (failed(scope.importGraph(graph, /*isMain=*/false)))
    return failure();
  return scope.getOutputs(graph);
}

//===-- Nodes
//--------------------------------------------------------------------------------------------------===//

void GraphImporter::poisonResults(const NodeProto &node) {
  for (const std::string &output : node.output())
    if (!output.empty())
      define(output, Imported::poison());
}

LogicalResult GraphImporter::importNode(const NodeProto &proto, int position) {
  std::string domain = canonicalDomain(proto.domain());
  const OpEntry *entry = getOpTable().find(domain, proto.op_type());
  const FunctionProto *function = entry ? nullptr : model.findFunction(proto);
  std::string shown = proto.name().empty() ? proto.op_type() + "_" + std::to_string(position) : proto.name();
  Location loc = model.locOf(shown, unsigned(position) + 1);
  if (callSite)
    loc = CallSiteLoc::get(loc, *callSite);
  NodeImporter node(*this, proto, loc, shown);

  bool reads = entry || function; // what is neither is in the report
  for (const std::string &input : proto.input()) {
    if (input.empty())
      continue;
    std::optional<Imported> value = lookup(input);
    if (!value)
      return node.error() << "input '" << input
                          << "' is not defined by an input, an initializer or an earlier node";
    reads &= value->kind != Imported::Kind::Poison;
  }
  for (const std::string &output : proto.output())
    if (!output.empty() && values.contains(output))
      return node.error() << "output '" << output << "' is defined twice";
  if (!reads) {
    poisonResults(proto);
    return success();
  }
  if (failed(model.countNode(loc)))
    return failure();

  bool imported = succeeded(entry ? importTableNode(node, *entry) : inlineFunction(node, *function));
  if (node.isUnsupported) {
    for (const std::string &output : proto.output())
      values.erase(output);
    poisonResults(proto);
    return success();
  }
  if (!imported || node.failed()) {
    node.error() << "could not be imported"; // says nothing when something has been said
    return failure();
  }
  for (const std::string &output : proto.output())
    if (!output.empty() && !values.contains(output))
      return node.error() << "found a result '" << output << "' that the op does not have";
  return success();
}

LogicalResult GraphImporter::importTableNode(NodeImporter &node, const OpEntry &entry) {
  int given = node.getNumOperands();
  while (given > 0 && node.proto.input(given - 1).empty())
    --given;
  if (entry.maxInputs >= 0 && given > entry.maxInputs)
    return node.error() << "found " << given << " inputs, wanted at most " << entry.maxInputs;
  for (int i = 0; i < entry.minInputs; ++i) {
    if (!node.hasOperand(i))
      return node.error() << "found no input " << i << ", wanted at least " << entry.minInputs << " inputs";
  }
  if (entry.minInputs > 0)
    for (int i = 0; i < given; ++i)
      if (Imported value = node.imported(i); value.kind != Imported::Kind::Absent && !value.isTensor())
        return node.error() << "found " << value.describe() << " as input " << i << ", wanted a tensor";
  return entry.function(node);
}

LogicalResult GraphImporter::inlineFunction(NodeImporter &node, const FunctionProto &function) {
  if (llvm::is_contained(model.inlining, &function))
    return node.error() << "found a function that calls itself: '" << function.name() << "'";
  if (model.inlining.size() >= maxInlineDepth)
    return node.error() << "found functions nested more than " << maxInlineDepth << " deep";
  if (node.proto.input_size() > function.input_size())
    return node.error() << "found " << node.proto.input_size() << " inputs, wanted at most "
                        << function.input_size() << " for function '" << function.name() << "'";
  OpsetMap functionOpsets;
  for (const onnx_wire::OperatorSetIdProto &opset : function.opset_import())
    functionOpsets[canonicalDomain(opset.domain())] = opset.version();
  for (const auto &[domain, version] : opsets)
    functionOpsets.try_emplace(domain, version);
  FunctionAttributes given;
  for (const std::string &name : function.attribute())
    given[name] = getAttribute(node.proto, name);
  for (const AttributeProto &attribute : function.attribute_proto()) {
    const AttributeProto *own = getAttribute(node.proto, attribute.name());
    given[attribute.name()] = own ? own : &attribute;
  }
  GraphImporter body(model, nullptr, functionOpsets, &given, node.getLoc());
  body.depth = depth + 1;
  for (int i = 0; i < function.input_size(); ++i)
    body.define(function.input(i), node.imported(i));
  model.inlining.push_back(&function);
  LogicalResult imported = body.importNodes(function.node());
  model.inlining.pop_back();
  if (failed(imported)) {
    node.hasFailed = true; // said at the body's node
    return failure();
  }
  for (int i = 0; i < std::min(function.output_size(), node.proto.output_size()); ++i) {
    std::optional<Imported> value = body.lookup(function.output(i));
    if (!value || value->kind == Imported::Kind::Absent) {
      if (node.isResultUsed(i))
        return node.error() << "function '" << function.name() << "' does not define its output '"
                            << function.output(i) << "'";
      continue;
    }
    if (failed(node.setImported(i, *value)))
      return failure();
  }
  return success();
}
