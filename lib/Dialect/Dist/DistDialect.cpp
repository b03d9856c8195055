// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dist dialect: registration, its attributes' syntax, and shardings as the partitioner computes with
// them.
#include "weft/Dialect/Dist/DistDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

#include "weft/Dialect/Dist/DistDialect.cpp.inc"
#include "weft/Dialect/Dist/DistEnums.cpp.inc"
#include "weft/Dialect/Dist/DistInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Dist/DistAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "weft/Dialect/Dist/DistTypes.cpp.inc"

void DistDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/Dialect/Dist/DistAttrs.cpp.inc"
      >();
}

void DistDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "weft/Dialect/Dist/DistTypes.cpp.inc"
      >();
}

void DistDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Dist/DistOps.cpp.inc"
      >();
}

MeshAttr dist::getMesh(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto mesh = op->getAttrOfType<MeshAttr>(DistDialect::getMeshAttrName()))
      return mesh;
  return {};
}

int64_t dist::getStage(Operation *op) {
  auto stage = op->getAttrOfType<IntegerAttr>(DistDialect::getStageAttrName());
  return stage ? stage.getInt() : 0;
}

//===-- #dist.mesh
//-------------------------------------------------------------------------------------------===//

Attribute MeshAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  SmallVector<int64_t> sizes;
  auto axis = [&]() -> ParseResult {
    StringRef name;
    int64_t size;
    if (parser.parseKeyword(&name) || parser.parseEqual() || parser.parseInteger(size))
      return failure();
    names.push_back(StringAttr::get(parser.getContext(), name));
    sizes.push_back(size);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, axis, " in the mesh"))
    return {};
  return parser.getChecked<MeshAttr>(parser.getContext(), names, sizes);
}

void MeshAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(llvm::zip(getNames(), getSizes()), printer, [&](auto axis) {
    printer << std::get<0>(axis).getValue() << " = " << std::get<1>(axis);
  });
  printer << ">";
}

/// More workers than this are a mistake in a mesh, not a cluster.
static constexpr int64_t mostWorkers = 1 << 20;

LogicalResult MeshAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<StringAttr> names,
                               ArrayRef<int64_t> sizes) {
  if (names.size() != sizes.size())
    return emitError() << "mesh has " << names.size() << " names for " << sizes.size() << " sizes";
  int64_t workers = 1;
  for (auto [i, name, size] : llvm::enumerate(names, sizes)) {
    if (size < 1)
      return emitError() << "axis '" << name.getValue() << "' of the mesh has size " << size
                         << ", wanted at least 1";
    if (llvm::is_contained(names.take_front(i), name))
      return emitError() << "mesh has two axes '" << name.getValue() << "'";
    if (llvm::MulOverflow(workers, size, workers) || workers > mostWorkers)
      return emitError() << "mesh has more than " << mostWorkers << " workers";
  }
  return success();
}

int MeshAttr::find(StringRef name) const {
  for (auto [i, known] : llvm::enumerate(getNames()))
    if (known == name)
      return i;
  return -1;
}

int64_t MeshAttr::product(ArrayRef<int> axes) const {
  int64_t parts = 1;
  for (int axis : axes)
    parts *= getSizes()[axis];
  return parts;
}

int64_t MeshAttr::getNumWorkers() const {
  int64_t workers = 1;
  for (int64_t size : getSizes())
    workers *= size;
  return workers;
}

std::string MeshAttr::namesText() const {
  std::string text;
  for (StringAttr name : getNames())
    text += (text.empty() ? "" : ", ") + name.str();
  return text;
}

//===-- #dist.sharding
//---------------------------------------------------------------------------------------===//

/// `{data, model}`.
static ParseResult parseAxes(AsmParser &parser, SmallVectorImpl<StringAttr> &axes) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, [&]() -> ParseResult {
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    axes.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  });
}

Attribute ShardingAttr::parse(AsmParser &parser, Type) {
  MLIRContext *context = parser.getContext();
  SmallVector<ArrayAttr> dims;
  SmallVector<StringAttr> partial;
  Combine combine = Combine::sum;
  int64_t holder = -1;
  auto dim = [&]() -> ParseResult {
    SmallVector<StringAttr> axes;
    if (parseAxes(parser, axes))
      return failure();
    dims.push_back(ArrayAttr::get(context, SmallVector<Attribute>(axes.begin(), axes.end())));
    return success();
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, dim, " in the sharding"))
    return {};
  if (succeeded(parser.parseOptionalKeyword("partial"))) {
    StringRef word;
    SMLoc place = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return {};
    auto kind = symbolizeCombine(word);
    if (!kind) {
      parser.emitError(place) << "partial '" << word << "', wanted sum, max, min or prod";
      return {};
    }
    combine = *kind;
    if (parseAxes(parser, partial))
      return {};
  } else if (succeeded(parser.parseOptionalKeyword("held"))) {
    if (parser.parseKeyword("by") || parser.parseInteger(holder) || parseAxes(parser, partial))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return ShardingAttr::get(context, dims, combine, partial, holder);
}

void ShardingAttr::print(AsmPrinter &printer) const {
  auto axes = [&](auto list) {
    printer << "{";
    llvm::interleaveComma(list, printer,
                          [&](Attribute axis) { printer << cast<StringAttr>(axis).getValue(); });
    printer << "}";
  };
  printer << "<[";
  llvm::interleaveComma(getDims(), printer, axes);
  printer << "]";
  if (!getPartial().empty()) {
    if (getHolder() < 0)
      printer << " partial " << stringifyCombine(getCombine()) << " ";
    else
      printer << " held by " << getHolder() << " ";
    axes(getPartial());
  }
  printer << ">";
}

Sharding Sharding::get(ShardingAttr attr, MeshAttr mesh) {
  Sharding sharding;
  for (ArrayAttr dim : attr.getDims())
    sharding.dims.push_back(
        Axes(llvm::map_range(dim.getAsRange<StringAttr>(), [&](StringAttr a) { return mesh.find(a); })));
  for (StringAttr axis : attr.getPartial())
    sharding.partial.push_back(mesh.find(axis));
  sharding.combine = attr.getCombine();
  sharding.holder = attr.getHolder();
  return sharding;
}

ShardingAttr Sharding::toAttr(MeshAttr mesh) const {
  SmallVector<ArrayAttr> lists;
  for (const Axes &dim : dims)
    lists.push_back(ArrayAttr::get(mesh.getContext(), llvm::map_to_vector(dim, [&](int axis) -> Attribute {
                                     return mesh.getNames()[axis];
                                   })));
  auto names = llvm::map_to_vector(partial, [&](int axis) { return mesh.getNames()[axis]; });
  return ShardingAttr::get(mesh.getContext(), lists, partial.empty() ? Combine::sum : combine, names,
                           partial.empty() ? -1 : holder);
}

bool Sharding::isWhole() const {
  return partial.empty() && llvm::all_of(dims, [](const Axes &dim) { return dim.empty(); });
}

bool Sharding::uses(int axis) const {
  return llvm::is_contained(partial, axis) ||
         llvm::any_of(dims, [&](const Axes &dim) { return llvm::is_contained(dim, axis); });
}

bool Sharding::operator==(const Sharding &other) const {
  return dims == other.dims && partial == other.partial &&
         (partial.empty() || (combine == other.combine && holder == other.holder));
}

RankedTensorType dist::localType(Type whole, const Sharding &sharding, MeshAttr mesh) {
  SmallVector<ir::Dim> dims = ir::getDims(whole);
  for (auto [dim, axes] : llvm::zip_equal(dims, sharding.dims))
    if (!axes.empty())
      dim = dim.floorDiv(ir::Dim(mesh.product(axes)));
  return ir::makeTensorType(dims, cast<RankedTensorType>(whole).getElementType());
}

std::string dist::toText(const Sharding &sharding, MeshAttr mesh) {
  std::string text = "[";
  auto join = [&](ArrayRef<int> axes) {
    std::string list;
    for (int axis : axes)
      list += (list.empty() ? "" : "+") + mesh.getNames()[axis].str();
    return list.empty() ? "_" : list;
  };
  for (auto [i, dim] : llvm::enumerate(sharding.dims))
    text += (i ? ", " : "") + join(dim);
  text += "]";
  if (!sharding.partial.empty() && sharding.holder >= 0)
    text += " held by " + std::to_string(sharding.holder) + " of " + join(sharding.partial);
  else if (!sharding.partial.empty())
    text += " partial " + stringifyCombine(sharding.combine).str() + " over " + join(sharding.partial);
  return text;
}
