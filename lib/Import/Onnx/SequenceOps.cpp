// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences and optionals. They are no types of the dialect: a sequence is the list of its elements, which
// the import knows; positions must therefore be constants.
#include "NodeImporter.h"

#include "GraphImporter.h"
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

/// Sequences may have at most this many elements.
static constexpr int64_t maxLength = 4096;

/// Operand i as the elements of a sequence, or null and an error.
static const std::vector<Imported> *getSequence(NodeImporter &node, int i, Imported &keeper) {
  keeper = node.imported(i);
  if (keeper.isSequence())
    return keeper.elements.get();
  node.error() << "found " << keeper.describe() << " as input " << i << ", wanted a sequence";
  return nullptr;
}

static Value getTensor(NodeImporter &node, int i) {
  Imported value = node.imported(i);
  if (!value.isTensor())
    node.error() << "found " << value.describe() << " as input " << i << ", wanted a tensor";
  return value.tensor;
}

/// A constant position from -length to length (less one unless `past`), counted from the front.
static FailureOr<int64_t> getPosition(NodeImporter &node, int i, int64_t length, bool past) {
  if (!getTensor(node, i))
    return failure();
  FailureOr<int64_t> at = node.requireInt(i, "a position");
  if (failed(at))
    return failure();
  int64_t last = past ? length : length - 1;
  if (*at < -length || *at > last) {
    node.error() << "found position " << *at << ", wanted " << -length << " to " << last;
    return failure();
  }
  return *at < 0 ? *at + length : *at;
}

static LogicalResult setSequence(NodeImporter &node, std::vector<Imported> elements,
                                 Type elementType = nullptr) {
  if (int64_t(elements.size()) > maxLength)
    return node.error() << "found a sequence of " << elements.size() << ", wanted at most " << maxLength;
  return node.setImported(0, Imported::sequence(std::move(elements), elementType));
}

static LogicalResult importSequenceConstruct(NodeImporter &node) {
  std::vector<Imported> elements;
  for (int i = 0; i < node.getNumOperands(); ++i) {
    elements.push_back(node.imported(i));
    if (!elements.back().isTensor())
      return node.error() << "found " << elements.back().describe() << " as input " << i
                          << ", wanted a tensor";
  }
  return setSequence(node, std::move(elements));
}

static LogicalResult importSequenceEmpty(NodeImporter &node) {
  Type type = node.getElementTypeOf(node.getInt("dtype", onnx_wire::TensorProto::FLOAT));
  return type ? setSequence(node, {}, type) : failure();
}

static LogicalResult importSequenceAt(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  if (!elements)
    return failure();
  FailureOr<int64_t> at = getPosition(node, 1, int64_t(elements->size()), false);
  return failed(at) ? failure() : node.setImported(0, (*elements)[*at]);
}

static LogicalResult importSequenceInsert(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  Value tensor = elements ? getTensor(node, 1) : Value();
  if (!tensor)
    return failure();
  auto at = int64_t(elements->size());
  if (node.hasOperand(2)) {
    FailureOr<int64_t> given = getPosition(node, 2, at, true);
    if (failed(given))
      return failure();
    at = *given;
  }
  std::vector<Imported> longer = *elements;
  longer.insert(longer.begin() + at, Imported(tensor));
  return setSequence(node, std::move(longer));
}

static LogicalResult importSequenceErase(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  if (!elements)
    return failure();
  int64_t at = int64_t(elements->size()) - 1;
  if (node.hasOperand(1)) {
    FailureOr<int64_t> given = getPosition(node, 1, int64_t(elements->size()), false);
    if (failed(given))
      return failure();
    at = *given;
  }
  if (at < 0)
    return node.error() << "found an empty sequence, wanted an element to erase";
  std::vector<Imported> shorter = *elements;
  shorter.erase(shorter.begin() + at);
  return setSequence(node, std::move(shorter), keeper.elementType);
}

static LogicalResult importSequenceLength(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  return elements ? node.setResult(node.scalarI64(int64_t(elements->size()))) : failure();
}

static LogicalResult importConcatFromSequence(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  if (!elements)
    return failure();
  if (elements->empty())
    return node.error() << "found an empty sequence, wanted elements to join";
  bool newAxis = node.getInt("new_axis", 0) != 0;
  SmallVector<Value> values;
  for (const Imported &element : *elements)
    values.push_back(element.tensor);
  int64_t rank = NodeImporter::rankOf(values[0]) + (newAxis ? 1 : 0);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  if (failed(axis))
    return failure();
  for (Value &value : values) {
    if (NodeImporter::rankOf(value) + (newAxis ? 1 : 0) != rank)
      return node.error() << "found elements of different ranks, wanted equal ones";
    if (newAxis)
      value = node.unsqueeze(value, {*axis});
  }
  return node.setResult(node.concat(values, *axis));
}

static LogicalResult importSplitToSequence(NodeImporter &node) {
  Value x = getTensor(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
  if (failed(axis))
    return failure();
  Extent extent = node.extent(x, *axis);
  if (!extent.isStatic())
    return node.unsupported("an extent known only at run time");
  int64_t total = extent.getStatic();
  SmallVector<int64_t> sizes;
  bool dropAxis = !node.hasOperand(1) && node.getInt("keepdims", 1) == 0;
  if (!node.hasOperand(1)) {
    sizes.assign(std::min(total, maxLength + 1), 1);
  } else {
    FailureOr<SmallVector<int64_t>> given = node.requireInts(1, "split");
    if (failed(given))
      return failure();
    sizes = *given;
    if (NodeImporter::rankOf(node.operand(1)) == 0) {
      int64_t step = sizes[0];
      if (step < 1 || total / step > maxLength)
        return node.error() << "found parts of " << step << " elements, wanted positive ones, not too many";
      sizes.clear();
      for (int64_t start = 0; start < total; start += step)
        sizes.push_back(std::min(step, total - start));
    }
  }
  std::vector<Imported> elements;
  int64_t start = 0;
  if (int64_t(sizes.size()) > maxLength)
    return node.error() << "found " << total << " parts, wanted at most " << maxLength;
  for (int64_t size : sizes) {
    if (size < 0 || size > total - start)
      return node.error() << "found parts that are not " << total << " together";
    Value part = node.sliceAxis(x, *axis, Extent(start), Extent(size));
    elements.push_back(Imported(dropAxis ? node.squeeze(part, {*axis}) : part));
    start += size;
  }
  return setSequence(node, std::move(elements), NodeImporter::elementTypeOf(x));
}

/// The body for each element in turn; inputs that are tensors are the same for all.
static LogicalResult importSequenceMap(NodeImporter &node) {
  Imported keeper;
  const std::vector<Imported> *elements = getSequence(node, 0, keeper);
  const onnx_wire::AttributeProto *body = node.getAttribute("body");
  if (!elements)
    return failure();
  if (!body || !body->has_g())
    return node.error() << "found no graph 'body'";
  std::vector<std::vector<Imported>> results(body->g().output_size());
  for (size_t i = 0; i < elements->size(); ++i) {
    std::vector<Imported> args;
    for (int input = 0; input < node.getNumOperands(); ++input) {
      Imported value = node.imported(input);
      if (value.isSequence() && i >= value.elements->size())
        return node.error() << "found sequences of different lengths, wanted equal ones";
      args.push_back(value.isSequence() ? (*value.elements)[i] : value);
    }
    FailureOr<std::vector<Imported>> outputs = node.getGraph().importSubgraph(body->g(), args, node.getLoc());
    if (failed(outputs))
      return node.fail();
    for (size_t k = 0; k < outputs->size(); ++k) {
      if ((*outputs)[k].kind == Imported::Kind::Poison)
        return node.poison();
      results[k].push_back((*outputs)[k]);
    }
  }
  for (size_t k = 0; k < results.size(); ++k)
    if (failed(node.setImported(int(k), Imported::sequence(std::move(results[k])))))
      return failure();
  return success();
}

static LogicalResult importOptional(NodeImporter &node) {
  Imported value = node.imported(0);
  return node.setImported(0, value.kind == Imported::Kind::Absent ? Imported::none() : value);
}

static LogicalResult importOptionalHasElement(NodeImporter &node) {
  Imported::Kind kind = node.imported(0).kind;
  bool has = kind == Imported::Kind::Tensor || kind == Imported::Kind::Sequence;
  return node.setResult(node.constant(HostTensor::scalar(has)));
}

static LogicalResult importOptionalGetElement(NodeImporter &node) {
  Imported value = node.imported(0);
  if (!value.isTensor() && !value.isSequence())
    return node.error() << "found " << value.describe() << ", wanted an optional that holds something";
  return node.setImported(0, value);
}

void weft::onnx::registerSequenceOps(OpTable &table) {
  table.add("SequenceConstruct", 0, -1, importSequenceConstruct);
  table.add("SequenceEmpty", 0, 0, importSequenceEmpty);
  table.add("SequenceAt", 0, 2, importSequenceAt);
  table.add("SequenceInsert", 0, 3, importSequenceInsert);
  table.add("SequenceErase", 0, 2, importSequenceErase);
  table.add("SequenceLength", 0, 1, importSequenceLength);
  table.add("ConcatFromSequence", 0, 1, importConcatFromSequence);
  table.add("SplitToSequence", 0, 2, importSplitToSequence);
  table.add("SequenceMap", 0, -1, importSequenceMap);
  table.add("Optional", 0, 1, importOptional);
  table.add("OptionalHasElement", 0, 1, importOptionalHasElement);
  table.add("OptionalGetElement", 0, 1, importOptionalGetElement);
}
