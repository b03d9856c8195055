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

//===-- Matrix instructions
//----------------------------------------------------------------------------------===//

/// A warp's part of dimension `dim`, as many numbers as `warps` leaves of the extent.
static int64_t perWarp(ArrayRef<int64_t> warps, int64_t dim, int64_t extent) {
  return std::max<int64_t>(extent / warps[dim], 1);
}

/// Collects bases along two dimensions; a tile that is smaller than a piece repeats it.
namespace {
struct Bases {
  ArrayRef<int64_t> shape;
  /// Bits of `dim` from `first` up to below `end`.
  void add(SmallVectorImpl<Coordinates> &bases, int64_t dim, int64_t first, int64_t end,
           bool keepEmpty) const {
    for (int64_t bit = first; bit < end; bit *= 2) {
      Coordinates basis(shape.size(), 0);
      if (bit < shape[dim])
        basis[dim] = bit;
      else if (!keepEmpty)
        continue;
      bases.push_back(basis);
    }
  }
};
} // namespace

LogicalResult MmaAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> warps) {
  if (warps.size() != 2 ||
      llvm::any_of(warps, [](int64_t number) { return number <= 0 || !llvm::isPowerOf2_64(number); }))
    return emitError() << "found a matrix layout of " << warps.size()
                       << " numbers of warps, wanted two powers of two";
  return success();
}

LogicalResult MmaAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                      function_ref<InFlightDiagnostic()> emitError) const {
  if (failed(verifyTile(shape, getRank(), emitError)))
    return failure();
  if (shape[0] < 16 * getWarps()[0] || shape[1] < 8 * getWarps()[1])
    return emitError() << "found accumulators of " << shape[0] << " x " << shape[1]
                       << ", wanted 16 x 8 for each warp";
  return success();
}

int64_t MmaAttr::getRank() const { return 2; }
int64_t MmaAttr::getNumWarps() const { return llvm::product_of(getWarps()); }

LinearLayout MmaAttr::toLinear(ArrayRef<int64_t> shape) const {
  LinearLayout layout;
  Bases bases{shape};
  int64_t rows = perWarp(getWarps(), 0, shape[0]), columns = perWarp(getWarps(), 1, shape[1]);
  bases.add(layout.registers, 1, 1, 2, /*keepEmpty=*/false);
  bases.add(layout.registers, 0, 8, 16, false);
  bases.add(layout.registers, 1, 8, columns, false);
  bases.add(layout.registers, 0, 16, rows, false);
  bases.add(layout.lanes, 1, 2, 8, /*keepEmpty=*/true);
  bases.add(layout.lanes, 0, 1, 8, true);
  bases.add(layout.warps, 0, rows, rows * getWarps()[0], true);
  bases.add(layout.warps, 1, columns, columns * getWarps()[1], true);
  return layout;
}

LogicalResult DotOperandAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t operand,
                                     int64_t width, Attribute parent) {
  if (operand < 0 || operand > 1 || (width != 1 && width != 2))
    return emitError() << "found operand " << operand << " of width " << width
                       << ", wanted 0 or 1 of width 1 or 2";
  if (!isa_and_nonnull<MmaAttr>(parent))
    return emitError() << "found a factor of " << parent << ", wanted one of a matrix layout";
  return success();
}

LogicalResult DotOperandAttr::verifyEncoding(ArrayRef<int64_t> shape, Type element,
                                             function_ref<InFlightDiagnostic()> emitError) const {
  if (failed(verifyTile(shape, getRank(), emitError)))
    return failure();
  ArrayRef<int64_t> warps = cast<MmaAttr>(getParent()).getWarps();
  int64_t outer = getOperand() == 0 ? 0 : 1;
  // Four registers are loaded at once.
  if (shape[1 - outer] < 8 * getWidth() || shape[outer] < 16 * warps[outer])
    return emitError() << "found a factor of " << shape[0] << " x " << shape[1]
                       << ", wanted 16 rows or columns for each warp and " << 8 * getWidth() << " of K";
  return success();
}

int64_t DotOperandAttr::getRank() const { return 2; }
int64_t DotOperandAttr::getNumWarps() const { return cast<MmaAttr>(getParent()).getNumWarps(); }

LinearLayout DotOperandAttr::toLinear(ArrayRef<int64_t> shape) const {
  LinearLayout layout;
  Bases bases{shape};
  ArrayRef<int64_t> warps = cast<MmaAttr>(getParent()).getWarps();
  bool left = getOperand() == 0;
  int64_t outer = left ? 0 : 1, depth = 1 - outer, width = getWidth();
  int64_t mine = perWarp(warps, outer, shape[outer]);
  bases.add(layout.registers, depth, 1, width, /*keepEmpty=*/false);
  if (left)
    bases.add(layout.registers, outer, 8, 16, false);
  bases.add(layout.registers, depth, 4 * width, shape[depth], false);
  bases.add(layout.registers, outer, left ? 16 : 8, mine, false);
  bases.add(layout.lanes, depth, width, 4 * width, /*keepEmpty=*/true);
  bases.add(layout.lanes, outer, 1, 8, true);
  for (int64_t dim = 0; dim < 2; ++dim)
    for (int64_t warp = 1; warp < warps[dim]; warp *= 2) {
      Coordinates basis(2, 0);
      if (dim == outer)
        basis[dim] = mine * warp;
      layout.warps.push_back(basis);
    }
  return layout;
}

LinearLayout DotOperandAttr::toLdmatrix(ArrayRef<int64_t> shape, bool transposed) const {
  LinearLayout own = toLinear(shape), result;
  int64_t inRegister = llvm::Log2_64(getWidth());
  // Rows of a matrix run along K, or along M or N: then the numbers of K are its rows.
  if (transposed) {
    llvm::append_range(result.lanes, ArrayRef(own.registers).take_front(inRegister));
    llvm::append_range(result.lanes, ArrayRef(own.lanes).take_front(2));
  } else {
    llvm::append_range(result.lanes, ArrayRef(own.lanes).drop_front(2));
  }
  llvm::append_range(result.lanes, ArrayRef(own.registers).slice(inRegister, 2));
  llvm::append_range(result.registers, ArrayRef(own.registers).drop_front(inRegister + 2));
  result.warps = own.warps;
  return result;
}

//===-- Memory
//-----------------------------------------------------------------------------------------------===//

LogicalResult SwizzledAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t vector,
                                   int64_t phases, int64_t rows) {
  for (int64_t number : {vector, phases, rows})
    if (number <= 0 || !llvm::isPowerOf2_64(number))
      return emitError() << "found a swizzle of vector " << vector << ", phases " << phases << " and rows "
                         << rows << ", wanted powers of two";
  return success();
}

SwizzledAttr SwizzledAttr::forRows(MLIRContext *context, int64_t rowBytes, int64_t elementBytes) {
  // Banks repeat every 128 bytes: shorter rows lie side by side there.
  constexpr int64_t line = 128, group = 16;
  return get(context, group / elementBytes, std::min(rowBytes, line) / group,
             std::max<int64_t>(line / rowBytes, 1));
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

int64_t SharedType::byteOf(ArrayRef<int64_t> point) const {
  SwizzledAttr swizzle = getLayout();
  int64_t phase = point[0] / swizzle.getRows() % swizzle.getPhases();
  return (point[0] * getShape().back() + (point[1] ^ phase * swizzle.getVector())) * getElementBytes();
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
