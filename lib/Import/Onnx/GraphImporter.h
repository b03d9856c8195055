// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a model: what its names stand for, scope by scope, and what all scopes share.
#ifndef WEFT_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
#define WEFT_LIB_IMPORT_ONNX_GRAPHIMPORTER_H

#include "NodeImporter.h"
#include "Tensors.h"
#include "WireFile.h"
#include "weft/Import/Onnx/Importer.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include <map>
#include <set>

namespace weft::onnx {

/// What a name of the model stands for.
struct Imported {
  enum class Kind {
    Absent,   // an input that was left out
    Poison,   // the result of a node that is reported as unsupported
    None,     // an empty optional
    Tensor,   // (an optional that holds a tensor is the tensor)
    Sequence, // of a known number of elements
  };
  Imported() = default;
  Imported(mlir::Value tensor) : kind(tensor ? Kind::Tensor : Kind::Absent), tensor(tensor) {}
  static Imported poison() { return Imported(Kind::Poison); }
  static Imported none() { return Imported(Kind::None); }
  static Imported sequence(std::vector<Imported> elements, mlir::Type elementType = nullptr) {
    Imported imported(Kind::Sequence);
    imported.elements = std::make_shared<const std::vector<Imported>>(std::move(elements));
    imported.elementType = elementType;
    return imported;
  }
  bool isTensor() const { return kind == Kind::Tensor; }
  bool isSequence() const { return kind == Kind::Sequence; }
  /// "a tensor", "a sequence of 3", ... for messages.
  std::string describe() const;

  Kind kind = Kind::Absent;
  mlir::Value tensor;
  std::shared_ptr<const std::vector<Imported>> elements;
  mlir::Type elementType; // of an empty sequence, when the model says

private:
  explicit Imported(Kind kind) : kind(kind) {}
};

/// Domain to version; the default domain is "".
using OpsetMap = std::map<std::string, int64_t>;
/// Attributes that a function's nodes may refer to, by name. (Null: the call leaves it out.)
using FunctionAttributes = std::map<std::string, const onnx_wire::AttributeProto *>;

/// "ai.onnx" is the default domain's other name.
inline std::string canonicalDomain(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

/// What all scopes of one import share.
class ModelImporter {
public:
  ModelImporter(const WireFile &file, llvm::StringRef name, std::string folder, mlir::MLIRContext &context,
                const ImportOptions &options);

  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> run();

  mlir::InFlightDiagnostic error();
  mlir::Location locOf(llvm::StringRef what, unsigned line = 0) const;
  const onnx_wire::FunctionProto *findFunction(const onnx_wire::NodeProto &node) const;
  /// A node, or a part of it, that is not supported: into the report.
  void reportUnsupported(const std::string &op, llvm::StringRef node);
  /// The least and greatest an extent can be, from the bounds of the symbols in it.
  std::pair<int64_t, int64_t> rangeOf(const Extent &extent) const;
  /// Counts a node that is about to be imported; fails when inlining makes them too many.
  mlir::LogicalResult countNode(mlir::Location loc);

  mlir::MLIRContext *context;
  mlir::OpBuilder builder;
  ExternalData external;
  const WireFile &file;
  /// Where a named dimension can be read: an argument of main and its axis.
  std::optional<std::pair<mlir::Value, int64_t>> findSymbol(mlir::StringAttr name) const;

  /// Functions being inlined, to refuse recursion.
  llvm::SmallVector<const onnx_wire::FunctionProto *> inlining;

private:
  mlir::LogicalResult checkOpsets();
  void findUnsupported(const google::protobuf::RepeatedPtrField<onnx_wire::NodeProto> &nodes, int depth);
  mlir::LogicalResult emitReport();
  /// The extents of an input, after options.
  mlir::FailureOr<llvm::SmallVector<ir::Dim>> inputDims(const onnx_wire::ValueInfoProto &input);
  mlir::FailureOr<mlir::Type> inputType(const onnx_wire::ValueInfoProto &input);
  mlir::LogicalResult collectDims(llvm::ArrayRef<const onnx_wire::ValueInfoProto *> inputs);
  /// A symbol for the dimension that the model calls `text`.
  ir::Dim addSymbol(llvm::StringRef text, llvm::StringRef wanted);

  const ImportOptions &options;
  std::string name;
  OpsetMap opsets;
  std::map<std::string, const onnx_wire::FunctionProto *> functions;
  /// op -> how often, first node names
  struct Unsupported {
    int64_t count = 0;
    llvm::SmallVector<std::string> nodes;
  };
  std::map<std::string, Unsupported> unsupported;
  std::set<const onnx_wire::FunctionProto *> scanned;
  /// The model's text of a dimension to what it is.
  llvm::StringMap<ir::Dim> dims;
  /// Symbol name to bounds, for those that stay symbols.
  std::map<std::string, DimBounds> bounds;
  std::map<std::string, std::pair<mlir::Value, int64_t>> symbolSources;
  int64_t numNodes = 0;
};

/// One graph, subgraph or function body.
class GraphImporter {
public:
  GraphImporter(ModelImporter &model, GraphImporter *parent, const OpsetMap &opsets,
                const FunctionAttributes *attributes, std::optional<mlir::Location> callSite);

  void define(llvm::StringRef name, Imported value) { values[name] = std::move(value); }
  /// What a name stands for here or in an outer scope; nothing when it is not defined.
  std::optional<Imported> lookup(llvm::StringRef name) const;
  /// The initializers of the graph, then its nodes.
  mlir::LogicalResult importGraph(const onnx_wire::GraphProto &graph, bool isMain);
  mlir::LogicalResult importNodes(const google::protobuf::RepeatedPtrField<onnx_wire::NodeProto> &nodes);
  /// The graph's outputs.
  mlir::FailureOr<std::vector<Imported>> getOutputs(const onnx_wire::GraphProto &graph);

  /// Imports a graph attribute of a node of this graph, at the builder, with these inputs. `args` may be
  /// fewer than the graph's inputs only if they are none.
  mlir::FailureOr<std::vector<Imported>> importSubgraph(const onnx_wire::GraphProto &graph,
                                                        llvm::ArrayRef<Imported> args, mlir::Location loc);
  int64_t getOpset(const std::string &domain) const;
  const onnx_wire::TypeProto *getDeclaredType(llvm::StringRef name) const;
  /// The attribute, through the function call when it refers to one.
  const onnx_wire::AttributeProto *getAttribute(const onnx_wire::NodeProto &node, llvm::StringRef name) const;

  ModelImporter &model;
  const OpsetMap &opsets;

private:
  friend class NodeImporter;
  mlir::LogicalResult importNode(const onnx_wire::NodeProto &node, int position);
  mlir::LogicalResult importTableNode(NodeImporter &node, const OpEntry &entry);
  mlir::LogicalResult inlineFunction(NodeImporter &node, const onnx_wire::FunctionProto &function);
  void poisonResults(const onnx_wire::NodeProto &node);

  GraphImporter *parent;
  const FunctionAttributes *attributes;
  std::optional<mlir::Location> callSite;
  llvm::StringMap<Imported> values;
  llvm::StringMap<const onnx_wire::TypeProto *> declared;
  int depth = 0;
};

/// Elements of a small integer tensor, from the ops that made it; see NodeImporter::getContents.
std::optional<Extents> traceContents(NodeImporter &node, mlir::Value value);

/// The value of an op of constant operands; nothing when it is not known how, or not small.
std::optional<HostTensor> evaluateOp(mlir::Operation *op, llvm::ArrayRef<HostTensor> operands);

/// An extent of x as something its producer was given, or weft.dim.
Extent traceExtent(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x, int64_t axis);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
