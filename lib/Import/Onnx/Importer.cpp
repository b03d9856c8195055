// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole of an import: opens and parses the file, reads the signature, walks the main graph, writes the
// report of what is not supported, and hands over a verified module. Stage: import.
#include "weft/Import/Onnx/Importer.h"

#include "GraphImporter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "weft/Dialect/EraseUnused.h"
#include "weft/Dialect/Unsupported.h"
#include "weft/Support/File.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using onnx_wire::FunctionProto;
using onnx_wire::NodeProto;
using onnx_wire::ValueInfoProto;

/// Nodes that one import may make after inlining functions: beyond it a small file could take all memory.
static constexpr int64_t maxNodes = int64_t(1) << 20;
/// How many node names the report shows for an op.
static constexpr size_t maxNamesShown = 3;
/// Subgraphs and functions deeper than this are refused.
static constexpr int maxScanDepth = 64;

//===-- Shared state
//-------------------------------------------------------------------------------------------===//

static std::string functionKey(const std::string &domain, const std::string &name,
                               const std::string &overload) {
  return canonicalDomain(domain) + '\0' + name + '\0' + overload;
}

static std::string qualifiedName(const NodeProto &node) {
  std::string domain = canonicalDomain(node.domain());
  return domain.empty() ? node.op_type() : domain + "." + node.op_type();
}

ModelImporter::ModelImporter(const WireFile &file, StringRef name, std::string folder, MLIRContext &context,
                             const ImportOptions &options)
    : context(&context), builder(&context), external(std::move(folder)), file(file), options(options),
      name(name.str()) {
  for (const FunctionProto &function : file.model().functions())
    functions.try_emplace(functionKey(function.domain(), function.name(), function.overload()), &function);
}

Location ModelImporter::locOf(StringRef what, unsigned line) const {
  Location place = FileLineColLoc::get(context, name, line, 0);
  return what.empty() ? place : Location(NameLoc::get(StringAttr::get(context, what), place));
}

InFlightDiagnostic ModelImporter::error() { return mlir::emitError(locOf("")); }

const FunctionProto *ModelImporter::findFunction(const NodeProto &node) const {
  auto function = functions.find(functionKey(node.domain(), node.op_type(), node.overload()));
  return function == functions.end() ? nullptr : function->second;
}

std::optional<std::pair<Value, int64_t>> ModelImporter::findSymbol(StringAttr symbol) const {
  auto source = symbolSources.find(symbol.str());
  if (source == symbolSources.end())
    return std::nullopt;
  return source->second;
}

LogicalResult ModelImporter::countNode(Location loc) {
  if (++numNodes <= maxNodes)
    return success();
  return mlir::emitError(loc, "found more than ") << maxNodes << " nodes after inlining functions";
}

//===-- Opsets and the report
//----------------------------------------------------------------------------------===//

LogicalResult ModelImporter::checkOpsets() {
  for (const onnx_wire::OperatorSetIdProto &opset : file.model().opset_import())
    opsets[canonicalDomain(opset.domain())] = opset.version();
  auto standard = opsets.find("");
  if (standard == opsets.end()) {
    // A model of nothing but its own functions may go without.
    opsets[""] = newestOpset;
    return success();
  }
  if (standard->second < oldestOpset || standard->second > newestOpset)
    return error() << "found opset " << standard->second << ", wanted " << oldestOpset << " to "
                   << newestOpset;
  return success();
}

void ModelImporter::reportUnsupported(const std::string &op, StringRef node) {
  Unsupported &entry = unsupported[op];
  ++entry.count;
  if (entry.nodes.size() < maxNamesShown && !node.empty())
    entry.nodes.push_back(node.str());
}

void ModelImporter::findUnsupported(const google::protobuf::RepeatedPtrField<NodeProto> &nodes, int depth) {
  if (depth > maxScanDepth)
    return; // refused when it is imported
  for (const NodeProto &node : nodes) {
    if (!getOpTable().find(canonicalDomain(node.domain()), node.op_type())) {
      const FunctionProto *function = findFunction(node);
      if (!function)
        reportUnsupported(qualifiedName(node), node.name());
      else if (scanned.insert(function).second)
        findUnsupported(function->node(), depth + 1);
    }
    for (const onnx_wire::AttributeProto &attribute : node.attribute()) {
      findUnsupported(attribute.g().node(), depth + 1);
      for (const onnx_wire::GraphProto &graph : attribute.graphs())
        findUnsupported(graph.node(), depth + 1);
    }
  }
}

LogicalResult ModelImporter::emitReport() {
  if (unsupported.empty())
    return success();
  int64_t total = 0;
  for (const auto &[op, entry] : unsupported)
    total += entry.count;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "found " << total << (total == 1 ? " node" : " nodes") << " with " << unsupported.size()
      << (unsupported.size() == 1 ? " op" : " ops") << " that " << (unsupported.size() == 1 ? "is" : "are")
      << " not supported:";
  for (const auto &[op, entry] : unsupported) {
    out << "\n  " << op << ": " << entry.count;
    for (size_t i = 0; i < entry.nodes.size(); ++i)
      out << (i ? ", '" : " ('") << entry.nodes[i] << "'";
    if (!entry.nodes.empty())
      out << (entry.count > int64_t(entry.nodes.size()) ? ", ...)" : ")");
  }
  return weft::unsupported(error()) << text;
}

//===-- The module
//---------------------------------------------------------------------------------------------===//

/// The tensor type inside of a type; an optional tensor counts as the tensor.
static const onnx_wire::TypeProto::Tensor *getTensorType(const onnx_wire::TypeProto &type) {
  if (type.has_tensor_type())
    return &type.tensor_type();
  if (type.has_optional_type() && type.optional_type().elem_type().has_tensor_type())
    return &type.optional_type().elem_type().tensor_type();
  return nullptr;
}

FailureOr<Type> ModelImporter::inputType(const ValueInfoProto &input) {
  const onnx_wire::TypeProto::Tensor *tensor = getTensorType(input.type());
  FailureOr<SmallVector<ir::Dim>> extents = inputDims(input);
  if (failed(extents))
    return failure();
  Type elementType = ir::toElementType(dtypeOf(tensor->elem_type()), context);
  return Type(ir::makeTensorType(*extents, elementType));
}

FailureOr<OwningOpRef<ModuleOp>> ModelImporter::run() {
  const onnx_wire::GraphProto &graph = file.model().graph();
  if (failed(checkOpsets()))
    return failure();
  findUnsupported(graph.node(), 0);

  llvm::StringSet<> initialized;
  for (const onnx_wire::TensorProto &tensor : graph.initializer())
    initialized.insert(tensor.name());
  for (const onnx_wire::SparseTensorProto &tensor : graph.sparse_initializer())
    initialized.insert(tensor.values().name());
  SmallVector<const ValueInfoProto *> inputs;
  for (const ValueInfoProto &input : graph.input()) {
    if (initialized.contains(input.name()))
      continue;
    const onnx_wire::TypeProto::Tensor *tensor = getTensorType(input.type());
    if (!tensor)
      reportUnsupported("an input that is no tensor", input.name());
    else if (dtypeOf(tensor->elem_type()) == DType::Invalid)
      reportUnsupported("an input of " + onnxTypeName(tensor->elem_type()), input.name());
    else
      inputs.push_back(&input);
  }
  bool signatureIsWhole = unsupported.empty();
  if (failed(collectDims(inputs)))
    return failure();

  OwningOpRef<ModuleOp> module(ModuleOp::create(builder, locOf("")));
  builder.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> types;
  SmallVector<Attribute> argAttrs, resultAttrs;
  StringAttr nameAttr = builder.getStringAttr("weft.name");
  auto named = [&](const std::string &text) {
    return builder.getDictionaryAttr(builder.getNamedAttr(nameAttr, builder.getStringAttr(text)));
  };
  for (const ValueInfoProto *input : inputs) {
    FailureOr<Type> type = inputType(*input);
    if (failed(type))
      return failure();
    types.push_back(*type);
    argAttrs.push_back(named(input->name()));
  }
  auto function =
      func::FuncOp::create(builder, locOf(graph.name()), "main", builder.getFunctionType(types, {}));
  Block *entry = builder.createBlock(&function.getBody());
  GraphImporter importer(*this, nullptr, opsets, nullptr, std::nullopt);
  for (auto [input, type] : llvm::zip_equal(inputs, types)) {
    if (importer.lookup(input->name()))
      return error() << "input '" << input->name() << "' is defined twice";
    Value argument = entry->addArgument(type, locOf(input->name()));
    importer.define(input->name(), Imported(argument));
    for (auto [axis, dim] : llvm::enumerate(ir::getDims(argument)))
      if (dim.isSymbolic() && isa<AffineSymbolExpr>(dim.getExpr()))
        symbolSources.try_emplace(dim.getSymbols().front().str(), argument, int64_t(axis));
  }
  for (const ValueInfoProto &input : graph.input())
    if (!initialized.contains(input.name()) && !importer.lookup(input.name()))
      importer.define(input.name(), Imported::poison());

  bool imported = succeeded(importer.importGraph(graph, /*isMain=*/true));
  SmallVector<Value> results;
  if (imported) {
    FailureOr<std::vector<Imported>> outputs = importer.getOutputs(graph);
    imported = succeeded(outputs);
    for (size_t i = 0; imported && i < outputs->size(); ++i) {
      const ValueInfoProto &output = graph.output(int(i));
      const Imported &value = (*outputs)[i];
      if (value.kind == Imported::Kind::Poison)
        continue;
      if (!value.isTensor()) {
        reportUnsupported("an output that is " + value.describe(), output.name());
        continue;
      }
      results.push_back(value.tensor);
      resultAttrs.push_back(named(output.name()));
    }
  }
  if (failed(emitReport()) || !imported)
    return failure();
  assert(signatureIsWhole && "an unsupported input without a report");
  (void)signatureIsWhole;

  func::ReturnOp::create(builder, locOf(""), results);
  function.setFunctionType(builder.getFunctionType(types, ValueRange(results).getTypes()));
  function.setAllArgAttrs(argAttrs);
  function.setAllResultAttrs(resultAttrs);
  SmallVector<NamedAttribute> declared;
  for (const auto &[symbol, bound] : bounds)
    declared.push_back(
        builder.getNamedAttr(symbol, builder.getDenseI64ArrayAttr({bound.lower, bound.upper})));
  if (!declared.empty())
    module.get()->setAttr(ir::WeftDialect::getDimsAttrName(), builder.getDictionaryAttr(declared));
  eraseUnused(*module); // what only served to follow shapes
  if (failed(mlir::verify(*module)))
    return failure();
  return module;
}

//===-- The doors
//----------------------------------------------------------------------------------------------===//

FailureOr<OwningOpRef<ModuleOp>> onnx::importOnnxBytes(std::span<const std::byte> bytes, StringRef name,
                                                       MLIRContext &context, const ImportOptions &options,
                                                       StringRef folder, std::shared_ptr<const void> owner) {
  context.loadDialect<ir::WeftDialect, func::FuncDialect>();
  Result<std::unique_ptr<WireFile>> file = WireFile::parse(bytes, std::move(owner));
  if (!file.isOk()) {
    mlir::emitError(FileLineColLoc::get(&context, name, 0, 0)) << file.status().message();
    return failure();
  }
  return ModelImporter(**file, name, folder.str(), context, options).run();
}

FailureOr<OwningOpRef<ModuleOp>> onnx::importOnnxFile(StringRef path, MLIRContext &context,
                                                      const ImportOptions &options) {
  auto file = MappedFile::open(path.str());
  if (!file.isOk()) {
    mlir::emitError(UnknownLoc::get(&context)) << file.status().message();
    return failure();
  }
  size_t slash = path.rfind('/');
  StringRef folder = slash == StringRef::npos ? "." : slash == 0 ? "/" : path.take_front(slash);
  auto module = importOnnxBytes((*file)->bytes(), path, context, options, folder, *file);
  if (Status status = (*file)->checkUnchanged(); succeeded(module) && !status.isOk()) {
    mlir::emitError(FileLineColLoc::get(&context, path, 0, 0)) << status.message();
    return failure();
  }
  return module;
}

std::vector<std::string> onnx::getSupportedOnnxOps() { return getOpTable().names(); }
