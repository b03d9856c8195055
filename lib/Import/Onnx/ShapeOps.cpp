// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's ops on shapes: those that ask for extents, and those that change them without touching the elements.
// Sizes may be numbers, follow from extents of other tensors, or be known only at run time.
#include "NodeImporter.h"

#include "GraphImporter.h"
#include <numeric>

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

static LogicalResult importIdentity(NodeImporter &node) {
  Imported value = node.imported(0);
  if (value.kind == Imported::Kind::Absent)
    return node.error() << "found no input, wanted one";
  return node.setImported(0, value);
}

//===-- Asking for extents
//-------------------------------------------------------------------------------------===//

static LogicalResult importShape(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x);
  auto bound = [&](const char *name, int64_t defaultValue) {
    int64_t at = node.getInt(name, defaultValue);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = bound("start", 0), end = bound("end", rank);
  Extents sizes = node.extents(x);
  ArrayRef<Extent> part =
      start < end ? ArrayRef<Extent>(sizes).slice(start, end - start) : ArrayRef<Extent>();
  return node.setResult(node.toTensor(part));
}

static LogicalResult importSize(NodeImporter &node) {
  return node.setResult(node.toValue(node.product(node.extents(node.operand(0)))));
}

//===-- Reshape
//------------------------------------------------------------------------------------------------===//

/// product(numerator) / product(denominator), whose quotient is whole; equal extents and common factors
/// cancel.
static Extent quotient(NodeImporter &node, Extents numerator, Extents denominator) {
  for (Extent &factor : denominator)
    for (Extent &other : numerator)
      if (!factor.is(1) && factor == other) {
        factor = other = Extent(1);
        break;
      }
  // One number each; numbers cancel too.
  auto takeNumbers = [](Extents &extents) {
    int64_t number = 1;
    for (Extent &extent : extents)
      if (extent.isStatic()) {
        number = int64_t(uint64_t(number) * uint64_t(extent.getStatic()));
        extent = Extent(1);
      }
    return number;
  };
  int64_t above = takeNumbers(numerator), below = takeNumbers(denominator);
  if (int64_t common = above == 0 || below == 0 ? 0 : std::gcd(above, below); common > 1) {
    above /= common;
    below /= common;
  }
  Extent over = node.mul(node.product(numerator), Extent(above));
  Extent under = node.mul(node.product(denominator), Extent(below));
  if (under.is(0))
    return Extent(0);
  return node.floorDiv(over, under);
}

/// Whether the extent may be the marks 0 or -1 of Reshape at run time. Extents of tensors are never meant as
/// marks.
static bool mayBeMark(NodeImporter &node, const Extent &extent) {
  return !extent.isStatic() && extent.dim.isUnknown() && node.getGraph().model.rangeOf(extent).first <= 0 &&
         !(extent.value && extent.value.getDefiningOp<ir::DimOp>());
}

static LogicalResult importReshape(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Extents> contents = node.readContents(node.operand(1));
  if (failed(contents))
    return failure();
  bool allowZero = node.getInt("allowzero", 0) != 0;
  Extents own = node.extents(x), sizes = *contents;
  std::optional<size_t> inferred;
  bool marks = false;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    marks |= mayBeMark(node, size);
    if (size.is(-1)) {
      if (inferred)
        return node.error() << "found two extents to infer, wanted at most one -1";
      inferred = i;
    } else if (size.is(0) && !allowZero) {
      if (i >= own.size())
        return node.error() << "found 0 as extent " << i << ", wanted one of the input's " << own.size()
                            << " dimensions";
      size = own[i];
    } else if (size.isStatic() && size.getStatic() < 0) {
      return node.error() << "found extent " << size.getStatic() << ", wanted -1, 0 or more";
    }
  }
  if (!marks) {
    if (inferred) {
      Extents others = sizes;
      others[*inferred] = Extent(1);
      sizes[*inferred] = quotient(node, own, others);
    }
    return node.setResult(node.refineToDeclared(0, node.reshape(x, sizes)));
  }
  // The marks themselves come at run time.
  Extent known(1);
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (!allowZero && i < own.size())
      size = node.selectEqual(size, Extent(0), own[i], size);
    known = node.mul(known, node.selectEqual(size, Extent(-1), Extent(1), size));
  }
  Extent total = node.product(own);
  // Division by 0 gives -1 in the dialect, so an empty tensor needs a divisor of 1.
  Extent rest = node.floorDiv(total, node.max(known, Extent(1)));
  for (Extent &size : sizes)
    size = node.selectEqual(size, Extent(-1), rest, size);
  return node.setResult(node.refineToDeclared(0, node.reshape(x, sizes)));
}

static LogicalResult importFlatten(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error() << "found axis " << axis << ", wanted " << -rank << " to " << rank;
  if (axis < 0)
    axis += rank;
  Extents sizes = node.extents(x);
  Extent rows = node.product(ArrayRef<Extent>(sizes).take_front(axis));
  Extent columns = node.product(ArrayRef<Extent>(sizes).drop_front(axis));
  return node.setResult(node.reshape(x, {rows, columns}));
}

/// The declared shape of result 0, if all of it is numbers.
static std::optional<SmallVector<int64_t>> declaredShape(NodeImporter &node) {
  std::optional<SmallVector<ir::Dim>> dims = node.getDeclaredDims(0);
  if (!dims || llvm::any_of(*dims, [](const ir::Dim &dim) { return !dim.isStatic(); }))
    return std::nullopt;
  SmallVector<int64_t> shape;
  for (const ir::Dim &dim : *dims)
    shape.push_back(dim.getStatic());
  return shape;
}

/// Squeeze and Unsqueeze whose axes come at run time: the declared result says what they must be.
static bool axesAreRunTime(NodeImporter &node) {
  return node.hasOperand(1) && !node.getConstant(node.operand(1));
}

static LogicalResult importSqueeze(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x);
  if (axesAreRunTime(node))
    if (std::optional<SmallVector<int64_t>> shape = declaredShape(node))
      return node.setResult(node.reshape(x, ArrayRef<int64_t>(*shape)));
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getOptionalInts(1, "axes");
  if (failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (*given) {
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(**given, rank);
    if (failed(normal))
      return failure();
    axes = *normal;
  } else {
    for (int64_t i = 0; i < rank; ++i) {
      ir::Dim dim = ir::getDim(x, i);
      if (!dim.isStatic())
        return node.error() << "found no axes and an extent " << dim.str() << " of dimension " << i
                            << ", wanted axes or static extents";
      if (dim.is(1))
        axes.push_back(i);
    }
  }
  return node.setResult(node.squeeze(x, axes));
}

static LogicalResult importUnsqueeze(NodeImporter &node) {
  Value x = node.operand(0);
  if (axesAreRunTime(node))
    if (std::optional<SmallVector<int64_t>> shape = declaredShape(node))
      return node.setResult(node.reshape(x, ArrayRef<int64_t>(*shape)));
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getOptionalInts(1, "axes");
  if (failed(given))
    return failure();
  if (!*given)
    return node.error() << "found no axes";
  FailureOr<SmallVector<int64_t>> axes =
      node.normalizeAxes(**given, NodeImporter::rankOf(x) + int64_t((*given)->size()));
  if (failed(axes))
    return failure();
  return node.setResult(node.unsqueeze(x, *axes));
}

//===-- Stretching, joining, cutting
//---------------------------------------------------------------------------===//

static LogicalResult importExpand(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Extents> wanted = node.readContents(node.operand(1));
  if (failed(wanted))
    return failure();
  FailureOr<Extents> sizes = node.broadcastExtents({node.extents(x), *wanted});
  if (failed(sizes))
    return failure();
  return node.setResult(node.refineToDeclared(0, node.broadcastTo(x, *sizes)));
}

static LogicalResult importTile(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Extents> repeats = node.readContents(node.operand(1));
  if (failed(repeats))
    return failure();
  int64_t rank = NodeImporter::rankOf(x);
  if (int64_t(repeats->size()) != rank)
    return node.error() << "found " << repeats->size() << " repeats, wanted " << rank;
  Extents own = node.extents(x), inner, stretched, result;
  for (int64_t i = 0; i < rank; ++i) {
    const Extent &count = (*repeats)[i];
    if (count.isStatic() && count.getStatic() < 0)
      return node.error() << "found " << count.getStatic() << " repeats, wanted 0 or more";
    result.push_back(node.mul(own[i], count));
    if (!count.is(1)) {
      inner.push_back(Extent(1));
      stretched.push_back(count);
    }
    inner.push_back(own[i]);
    stretched.push_back(own[i]);
  }
  if (inner.size() == own.size())
    return node.setResult(x);
  Value stacked = node.broadcastTo(node.reshape(x, inner), stretched);
  return node.setResult(node.refineToDeclared(0, node.reshape(stacked, result)));
}

static LogicalResult importTranspose(NodeImporter &node) {
  Value x = node.operand(0);
  SmallVector<int64_t> permutation = node.getInts("perm");
  int64_t rank = NodeImporter::rankOf(x);
  if (!node.hasAttribute("perm"))
    for (int64_t i = rank; i-- > 0;)
      permutation.push_back(i);
  FailureOr<SmallVector<int64_t>> sorted = node.normalizeAxes(permutation, rank);
  if (failed(sorted))
    return failure();
  if (int64_t(sorted->size()) != rank)
    return node.error() << "found " << permutation.size() << " dimensions in perm, wanted " << rank;
  for (int64_t &axis : permutation)
    axis = axis < 0 ? axis + rank : axis;
  return node.setResult(node.transpose(x, permutation));
}

static LogicalResult importConcat(NodeImporter &node) {
  SmallVector<Value> values = node.operands();
  if (llvm::is_contained(values, Value()))
    return node.error() << "found a missing input, wanted all of them";
  for (Value value : values)
    if (NodeImporter::rankOf(value) != NodeImporter::rankOf(values[0]))
      return node.error() << "found ranks " << NodeImporter::rankOf(values[0]) << " and "
                          << NodeImporter::rankOf(value) << ", wanted equal ones";
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 1), NodeImporter::rankOf(values[0]));
  if (failed(axis))
    return failure();
  return node.setResult(node.concat(values, *axis));
}

static LogicalResult importSplit(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
  if (failed(axis))
    return failure();
  Extent total = node.extent(x, *axis);
  int64_t count = node.getProto().output_size();
  Extents sizes;
  if (node.hasOperand(1)) {
    FailureOr<Extents> given = node.readContents(node.operand(1));
    if (failed(given))
      return failure();
    sizes = *given;
  } else if (node.hasAttribute("split")) {
    sizes = toExtents(node.getInts("split"));
  } else {
    count = node.getInt("num_outputs", count);
    if (count < 1 || count < node.getProto().output_size())
      return node.error() << "found " << count << " parts, wanted " << node.getProto().output_size();
    Extent part = node.ceilDiv(total, Extent(count)), left = total;
    for (int64_t i = 0; i < node.getProto().output_size(); ++i) {
      sizes.push_back(i + 1 == count ? left : node.min(part, left));
      left = node.sub(left, sizes.back());
    }
  }
  if (int64_t(sizes.size()) < node.getProto().output_size())
    return node.error() << "found " << sizes.size() << " parts, wanted " << node.getProto().output_size();
  if (std::optional<SmallVector<int64_t>> numbers = toNumbers(sizes);
      numbers && total.isStatic() && (node.hasOperand(1) || node.hasAttribute("split"))) {
    __int128 sum = 0;
    for (int64_t number : *numbers)
      sum += number < 0 ? __int128(1) << 100 : number;
    if (sum != total.getStatic())
      return node.error() << "found parts that are not " << total.getStatic() << " together";
  }
  Extent start(0);
  for (int64_t i = 0; i < node.getProto().output_size() && !node.failed(); ++i) {
    Value part = node.refineToDeclared(int(i), node.sliceAxis(x, *axis, start, sizes[i]));
    if (failed(node.setResult(int(i), part)))
      return failure();
    start = node.add(start, sizes[i]);
  }
  return success();
}

void weft::onnx::registerShapeOps(OpTable &table) {
  table.add("Identity", 0, 1, importIdentity);
  table.add("Shape", 1, 1, importShape);
  table.add("Size", 1, 1, importSize);
  table.add("Reshape", 2, 2, importReshape);
  table.add("Flatten", 1, 1, importFlatten);
  table.add("Squeeze", 1, 2, importSqueeze);
  table.add("Unsqueeze", 1, 2, importUnsqueeze);
  table.add("Expand", 2, 2, importExpand);
  table.add("Tile", 2, 2, importTile);
  table.add("Transpose", 1, 1, importTranspose);
  table.add("Concat", 1, -1, importConcat);
  table.add("Split", 1, 2, importSplit);
}
