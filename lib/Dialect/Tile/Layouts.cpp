// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layouts and memory types of the tile dialect: what they mean as linear maps, and what they refuse.
#include "weft/Dialect/Tile/TileDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

#include "weft/Dialect/Tile/TileInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Tile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "weft/Dialect/Tile/TileTypes.cpp.inc"

void TileDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/Dialect/Tile/TileAttrs.cpp.inc"
      >();
}

void TileDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "weft/Dialect/Tile/TileTypes.cpp.inc"
      >();
}

//===-- Tiles
//------------------------------------------------------------------------------------------------===//

bool weft::tile::isTile(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa_and_nonnull<LayoutInterface>(tensor.getEncoding());
}

LinearLayout weft::tile::linearLayoutOf(RankedTensorType tile) {
  return cast<LayoutInterface>(tile.getEncoding()).toLinear(tile.getShape());
}

RankedTensorType weft::tile::withElement(Type tile, Type element) {
  auto type = cast<RankedTensorType>(tile);
  return RankedTensorType::get(type.getShape(), element, type.getEncoding());
}

/// What every layout asks of a tile.
static LogicalResult verifyTile(ArrayRef<int64_t> shape, int64_t rank,
                                function_ref<InFlightDiagnostic()> emitError) {
  if (int64_t(shape.size()) != rank)
    return emitError() << "found a tile of rank " << shape.size() << " with a layout of rank " << rank;
  for (int64_t extent : shape)
    if (ShapedType::isDynamic(extent) || !llvm::isPowerOf2_64(extent))
      return emitError()
             << "found a tile with an extent that is no power of two, wanted static powers of two";
  return success();
}

//===-- Blocked
//----------------------------------------------------------------------------------------------===//

LogicalResult BlockedAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> perThread,
                                  ArrayRef<int64_t> lanes, ArrayRef<int64_t> warps, ArrayRef<int64_t> order) {
  size_t rank = order.size();
  if (rank == 0 || perThread.size() != rank || lanes.size() != rank || warps.size() != rank)
    return emitError() << "found lists of " << perThread.size() << ", " << lanes.size() << ", "
                       << warps.size() << " and " << rank << " numbers, wanted one length that is not 0";
  for (int64_t number : llvm::concat<const int64_t>(perThread, lanes, warps))
    if (number <= 0 || !llvm::isPowerOf2_64(number))
      return emitError() << "found " << number << " in a blocked layout, wanted powers of two";
  if (llvm::product_of(lanes) != warpSize)
    return emitError() << "found " << llvm::product_of(lanes) << " lanes, wanted " << warpSize;
  SmallVector<int64_t> sorted(order);
  llvm::sort(sorted);
  if (sorted != llvm::to_vector(llvm::seq<int64_t>(rank)))
    return emitError() << "found an order that is no permutation of the dimensions";
  return success();
}

LogicalResult BlockedAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  return verifyTile(shape, getRank(), emitError);
}

int64_t BlockedAttr::getRank() const { return getOrder().size(); }
int64_t BlockedAttr::getNumWarps() const { return llvm::product_of(getWarps()); }

LinearLayout BlockedAttr::toLinear(ArrayRef<int64_t> shape) const {
  LinearLayout layout;
  SmallVector<int64_t> next(shape.size(), 1); // along each dimension, the next bit to give away
  auto give = [&](SmallVectorImpl<Coordinates> &bases, int64_t dim, int64_t count, bool keepEmpty) {
    for (; count > 1; count /= 2) {
      Coordinates basis(shape.size(), 0);
      if (next[dim] < shape[dim]) {
        basis[dim] = next[dim];
        next[dim] *= 2;
      } else if (!keepEmpty) {
        continue;
      }
      bases.push_back(basis);
    }
  };
  for (int64_t dim : getOrder())
    give(layout.registers, dim, getPerThread()[dim], /*keepEmpty=*/false);
  for (int64_t dim : getOrder())
    give(layout.lanes, dim, getLanes()[dim], /*keepEmpty=*/true);
  for (int64_t dim : getOrder())
    give(layout.warps, dim, getWarps()[dim], /*keepEmpty=*/true);
  for (int64_t dim : getOrder())
    give(layout.registers, dim, shape[dim] / next[dim], /*keepEmpty=*/false);
  return layout;
}

//===-- Slice
//------------------------------------------------------------------------------------------------===//

LogicalResult SliceAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t dim, Attribute parent) {
  auto layout = dyn_cast_or_null<LayoutInterface>(parent);
  if (!layout)
    return emitError() << "found a slice of " << parent << ", wanted one of a layout";
  if (dim < 0 || dim >= layout.getRank() || layout.getRank() < 2)
    return emitError() << "found a slice along dimension " << dim << " of a layout of rank "
                       << layout.getRank();
  return success();
}

LogicalResult SliceAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                        function_ref<InFlightDiagnostic()> emitError) const {
  return verifyTile(shape, getRank(), emitError);
}

int64_t SliceAttr::getRank() const { return cast<LayoutInterface>(getParent()).getRank() - 1; }
int64_t SliceAttr::getNumWarps() const { return cast<LayoutInterface>(getParent()).getNumWarps(); }

LinearLayout SliceAttr::toLinear(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> whole(shape);
  whole.insert(whole.begin() + getDim(), 1);
  return cast<LayoutInterface>(getParent()).toLinear(whole).without(getDim());
}

//===-- Memory
//-----------------------------------------------------------------------------------------------===//

LogicalResult SwizzledAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t vector,
                                   int64_t phases) {
  if (vector <= 0 || phases <= 0 || !llvm::isPowerOf2_64(vector) || !llvm::isPowerOf2_64(phases))
    return emitError() << "found a swizzle of vector " << vector << " and phases " << phases
                       << ", wanted powers of two";
  return success();
}

LogicalResult SharedType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                                 Type elementType, SwizzledAttr layout) {
  if (shape.empty() || llvm::any_of(shape, [](int64_t extent) { return extent <= 0; }))
    return emitError() << "found shared memory without elements, wanted static positive extents";
  if (!elementType.isIntOrIndexOrFloat())
    return emitError() << "found shared memory of " << elementType << ", wanted integers or floats";
  if (shape.back() % (layout.getVector() * layout.getPhases()) != 0)
    return emitError() << "found rows of " << shape.back() << " elements, wanted a multiple of vector "
                       << layout.getVector() << " times phases " << layout.getPhases();
  return success();
}

int64_t SharedType::getNumElements() const { return llvm::product_of(getShape()); }
int64_t SharedType::getElementBytes() const {
  return getElementType().isIndex() ? 8 : llvm::divideCeil(getElementType().getIntOrFloatBitWidth(), 8);
}

Type SharedType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type element;
  SwizzledAttr layout;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseComma() || parser.parseAttribute(layout) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<SharedType>(parser.getContext(), shape, element, layout);
}

void SharedType::print(AsmPrinter &printer) const {
  printer << '<';
  for (int64_t extent : getShape())
    printer << extent << 'x';
  printer << getElementType() << ", " << getLayout() << '>';
}

LogicalResult PrivateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t length,
                                  RankedTensorType tile) {
  if (length <= 0 || !isTile(tile))
    return emitError() << "found private memory of " << length << " times " << tile
                       << ", wanted at least one tile";
  return success();
}
