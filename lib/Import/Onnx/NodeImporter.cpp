// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A node as its family's function sees it: operands, attributes, results, what is known of values, errors.
#include "NodeImporter.h"

#include "GraphImporter.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using onnx_wire::AttributeProto;

/// Elements that readContents reads at run time, and that traced contents may have.
static constexpr int64_t maxContents = 64;
/// Constants larger than this are not looked into while importing.
static constexpr int64_t maxConstantElements = int64_t(1) << 24;

NodeImporter::NodeImporter(GraphImporter &graph, const onnx_wire::NodeProto &proto, Location loc,
                           StringRef name)
    : graph(graph), proto(proto), loc(loc), name(name.str()) {}

StringRef NodeImporter::getOpType() const { return proto.op_type(); }
int64_t NodeImporter::getOpset() const { return graph.getOpset(canonicalDomain(proto.domain())); }
OpBuilder &NodeImporter::b() const { return graph.model.builder; }
MLIRContext *NodeImporter::getContext() const { return graph.model.context; }
Type NodeImporter::i64() const { return b().getI64Type(); }
Type NodeImporter::f32() const { return b().getF32Type(); }
Type NodeImporter::i1() const { return b().getI1Type(); }

InFlightDiagnostic NodeImporter::error() {
  InFlightDiagnostic diagnostic = mlir::emitError(loc, "node '") << name << "' (" << proto.op_type() << "): ";
  if (hasFailed)
    diagnostic.abandon();
  hasFailed = true;
  return diagnostic;
}

LogicalResult NodeImporter::unsupported(const Twine &what) {
  if (!hasFailed) {
    graph.model.reportUnsupported((proto.op_type() + " (" + what + ")").str(), name);
    isUnsupported = true;
  }
  hasFailed = true;
  return failure();
}

//===-- Operands and results
//-----------------------------------------------------------------------------------===//

int NodeImporter::getNumOperands() const { return proto.input_size(); }

Imported NodeImporter::imported(int i) const {
  if (i < 0 || i >= proto.input_size() || proto.input(i).empty())
    return Imported();
  return graph.lookup(proto.input(i)).value_or(Imported());
}

bool NodeImporter::hasOperand(int i) const {
  Imported::Kind kind = imported(i).kind;
  return kind != Imported::Kind::Absent && kind != Imported::Kind::None;
}

Value NodeImporter::operand(int i) { return imported(i).tensor; }

SmallVector<Value> NodeImporter::operands() {
  SmallVector<Value> values;
  for (int i = 0; i < getNumOperands(); ++i)
    values.push_back(operand(i));
  return values;
}

int NodeImporter::getNumResults() const {
  int count = proto.output_size();
  while (count > 0 && proto.output(count - 1).empty())
    --count;
  return count;
}

bool NodeImporter::isResultUsed(int i) const { return i < proto.output_size() && !proto.output(i).empty(); }

std::optional<SmallVector<ir::Dim>> NodeImporter::getDeclaredDims(int i) const {
  const onnx_wire::TypeProto *type = isResultUsed(i) ? graph.getDeclaredType(proto.output(i)) : nullptr;
  if (!type || !type->has_tensor_type() || !type->tensor_type().has_shape())
    return std::nullopt;
  SmallVector<ir::Dim> dims;
  for (const onnx_wire::TensorShapeProto::Dimension &dim : type->tensor_type().shape().dim())
    dims.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? ir::Dim(dim.dim_value())
                                                               : ir::Dim::unknown());
  return dims;
}

Type NodeImporter::getDeclaredElementType(int i) const {
  const onnx_wire::TypeProto *type = isResultUsed(i) ? graph.getDeclaredType(proto.output(i)) : nullptr;
  if (!type || !type->has_tensor_type())
    return {};
  return ir::toElementType(dtypeOf(type->tensor_type().elem_type()), getContext());
}

LogicalResult NodeImporter::setResult(int i, Value value) {
  if (hasFailed)
    return failure();
  assert(value && "a result without a value");
  if (!isResultUsed(i))
    return success();
  // Small integer tensors whose elements turn out to be known become constants.
  if (typeOf(value).getRank() <= 1 && isa<IntegerType>(elementTypeOf(value)) &&
      typeOf(value).hasStaticShape() && typeOf(value).getNumElements() <= maxContents &&
      !value.getDefiningOp<ir::ConstantOp>()) {
    std::optional<Extents> contents = getContents(value);
    std::optional<SmallVector<int64_t>> numbers = contents ? toNumbers(*contents) : std::nullopt;
    auto tensor = HostTensor::zeros(ir::toDType(elementTypeOf(value)), typeOf(value).getShape().vec());
    if (numbers && tensor.isOk() && int64_t(numbers->size()) == tensor->numElements()) {
      for (auto [index, number] : llvm::enumerate(*numbers))
        tensor->setInt(int64_t(index), number);
      value = constant(*tensor);
    }
  }
  return setImported(i, Imported(value));
}

LogicalResult NodeImporter::setImported(int i, Imported value) {
  if (hasFailed)
    return failure();
  if (isResultUsed(i))
    graph.define(proto.output(i), std::move(value));
  return success();
}

//===-- Attributes
//---------------------------------------------------------------------------------------------===//

const AttributeProto *NodeImporter::getAttribute(StringRef attribute) const {
  return graph.getAttribute(proto, attribute);
}

bool NodeImporter::hasAttribute(StringRef attribute) const { return getAttribute(attribute) != nullptr; }

/// The attribute when it has this type (files of the first IR versions leave the type out), else an error.
static const AttributeProto *getTyped(NodeImporter &node, StringRef name, AttributeProto::AttributeType type,
                                      const char *wanted) {
  const AttributeProto *attribute = node.getAttribute(name);
  if (!attribute || attribute->type() == type || attribute->type() == AttributeProto::UNDEFINED)
    return attribute;
  node.error() << "found attribute '" << name << "' of type " << int(attribute->type()) << ", wanted "
               << wanted;
  return nullptr;
}

int64_t NodeImporter::getInt(StringRef name, int64_t defaultValue) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::INT, "an integer");
  return attribute ? attribute->i() : defaultValue;
}

double NodeImporter::getFloat(StringRef name, double defaultValue) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::FLOAT, "a float");
  return attribute ? double(attribute->f()) : defaultValue;
}

std::string NodeImporter::getString(StringRef name, StringRef defaultValue) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::STRING, "a string");
  return attribute ? attribute->s() : defaultValue.str();
}

SmallVector<int64_t> NodeImporter::getInts(StringRef name, ArrayRef<int64_t> defaultValue) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::INTS, "integers");
  return attribute ? SmallVector<int64_t>(attribute->ints().begin(), attribute->ints().end())
                   : SmallVector<int64_t>(defaultValue);
}

SmallVector<double> NodeImporter::getFloats(StringRef name, ArrayRef<double> defaultValue) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::FLOATS, "floats");
  return attribute ? SmallVector<double>(attribute->floats().begin(), attribute->floats().end())
                   : SmallVector<double>(defaultValue);
}

SmallVector<std::string> NodeImporter::getStrings(StringRef name) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::STRINGS, "strings");
  if (!attribute)
    return {};
  return SmallVector<std::string>(attribute->strings().begin(), attribute->strings().end());
}

std::optional<HostTensor> NodeImporter::getTensor(StringRef name) {
  const AttributeProto *attribute = getTyped(*this, name, AttributeProto::TENSOR, "a tensor");
  if (!attribute)
    return std::nullopt;
  Result<HostTensor> tensor = readTensor(attribute->t(), graph.model.external);
  if (tensor.isOk())
    return *tensor;
  if (tensor.code() == Code::Unimplemented)
    (void)unsupported("attribute '" + name + "': " + tensor.status().message());
  else
    error() << "attribute '" << name << "': " << tensor.status().message();
  return std::nullopt;
}

Type NodeImporter::getElementTypeOf(int64_t onnxDataType) {
  if (Type type = ir::toElementType(dtypeOf(onnxDataType), getContext()))
    return type;
  (void)unsupported("elements of " + onnxTypeName(onnxDataType));
  return {};
}

//===-- What is known of values
//--------------------------------------------------------------------------------===//

std::optional<HostTensor> NodeImporter::getConstant(Value value) const {
  if (!value || !value.getDefiningOp<ir::ConstantOp>() || !typeOf(value).hasStaticShape() ||
      typeOf(value).getNumElements() > maxConstantElements)
    return std::nullopt;
  return ir::getConstantTensor(value);
}

std::optional<SmallVector<int64_t>> NodeImporter::getConstantInts(Value value) const {
  if (!value || !isa<IntegerType>(elementTypeOf(value)))
    return std::nullopt;
  std::optional<HostTensor> tensor = getConstant(value);
  if (!tensor)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (int64_t i = 0; i < tensor->numElements(); ++i)
    numbers.push_back(tensor->asInt(i));
  return numbers;
}

std::optional<double> NodeImporter::getConstantScalar(Value value) const {
  if (!value || !value.getDefiningOp<ir::ConstantOp>() || !typeOf(value).hasStaticShape() ||
      typeOf(value).getNumElements() != 1)
    return std::nullopt;
  std::optional<HostTensor> tensor = getConstant(value);
  return tensor ? std::optional<double>(tensor->asDouble(0)) : std::nullopt;
}

std::optional<Extents> NodeImporter::getContents(Value value) const {
  if (!value)
    return std::nullopt;
  return traceContents(const_cast<NodeImporter &>(*this), value);
}

FailureOr<Extents> NodeImporter::readContents(Value value) {
  if (std::optional<Extents> contents = getContents(value))
    return *contents;
  RankedTensorType type = typeOf(value);
  if (type.getRank() > 1 || !isa<IntegerType>(type.getElementType())) {
    error() << "found " << type << ", wanted integers of rank 0 or 1";
    return failure();
  }
  if (!type.hasStaticShape() || type.getNumElements() > maxContents) {
    error() << "found " << type << " computed at run time, wanted a known number of at most " << maxContents
            << " elements";
    return failure();
  }
  Value wide = convert(value, i64());
  Extents contents;
  if (type.getRank() == 0) {
    contents.push_back(Extent::of(wide));
    return contents;
  }
  for (int64_t i = 0; i < type.getDimSize(0); ++i)
    contents.push_back(Extent::of(reshape(slice(wide, {Extent(i)}, {Extent(1)}), ArrayRef<int64_t>())));
  return contents;
}

FailureOr<Extent> NodeImporter::readScalar(Value value) {
  FailureOr<Extents> contents =
      readContents(rankOf(value) == 0 ? value : reshape(value, ArrayRef<int64_t>()));
  if (llvm::failed(contents) || hasFailed)
    return failure();
  return contents->front();
}

FailureOr<SmallVector<int64_t>> NodeImporter::requireInts(int i, StringRef what) {
  Value value = operand(i);
  if (std::optional<SmallVector<int64_t>> numbers = getConstantInts(value))
    return *numbers;
  if (value && isa<IntegerType>(elementTypeOf(value)))
    if (std::optional<Extents> contents = getContents(value))
      if (std::optional<SmallVector<int64_t>> numbers = toNumbers(*contents))
        return *numbers;
  error() << "found " << what << (value ? " computed at run time" : " left out")
          << ", needs a constant of integers";
  return failure();
}

FailureOr<HostTensor> NodeImporter::requireConstant(int i, StringRef what) {
  if (std::optional<HostTensor> tensor = getConstant(operand(i)))
    return *tensor;
  error() << "found " << what << (operand(i) ? " computed at run time" : " left out") << ", needs a constant";
  return failure();
}

FailureOr<int64_t> NodeImporter::requireInt(int i, StringRef what) {
  FailureOr<SmallVector<int64_t>> numbers = requireInts(i, what);
  if (llvm::failed(numbers))
    return failure();
  if (numbers->size() == 1)
    return numbers->front();
  error() << "found " << numbers->size() << " numbers as " << what << ", wanted one";
  return failure();
}

FailureOr<std::optional<SmallVector<int64_t>>> NodeImporter::getOptionalInts(int i, StringRef attribute) {
  if (hasOperand(i)) {
    FailureOr<SmallVector<int64_t>> numbers = requireInts(i, attribute);
    if (llvm::failed(numbers))
      return failure();
    return std::optional<SmallVector<int64_t>>(*numbers);
  }
  if (hasAttribute(attribute)) {
    SmallVector<int64_t> numbers = getInts(attribute);
    if (hasFailed)
      return failure();
    return std::optional<SmallVector<int64_t>>(numbers);
  }
  return std::optional<SmallVector<int64_t>>();
}

//===-- Axes
//---------------------------------------------------------------------------------------------------===//

FailureOr<int64_t> NodeImporter::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  error() << "found axis " << axis << ", wanted " << -rank << " to " << rank - 1;
  return failure();
}

FailureOr<SmallVector<int64_t>> NodeImporter::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> normal;
  for (int64_t axis : axes) {
    FailureOr<int64_t> one = normalizeAxis(axis, rank);
    if (llvm::failed(one))
      return failure();
    normal.push_back(*one);
  }
  llvm::sort(normal);
  if (std::adjacent_find(normal.begin(), normal.end()) == normal.end())
    return normal;
  error() << "found axis " << *std::adjacent_find(normal.begin(), normal.end())
          << " twice, wanted each axis once";
  return failure();
}
