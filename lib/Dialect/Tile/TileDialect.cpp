// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile dialect: registration, and what its ops refuse.
#include "weft/Dialect/Tile/TileDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

#include "weft/Dialect/Tile/TileBase.cpp.inc"

namespace {
/// Prints layouts by short names: types would be hard to read otherwise.
struct LayoutNames : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    if (!isa<BlockedAttr, SliceAttr, SwizzledAttr>(attribute))
      return AliasResult::NoAlias;
    os << (isa<BlockedAttr>(attribute) ? "blocked" : isa<SliceAttr>(attribute) ? "slice" : "swizzled");
    return AliasResult::FinalAlias;
  }
};
} // namespace

void TileDialect::initialize() {
  addInterfaces<LayoutNames>();
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Tile/TileOps.cpp.inc"
      >();
}

static ArrayRef<int64_t> shapeOf(Type tile) { return cast<RankedTensorType>(tile).getShape(); }

LogicalResult RangeOp::verify() {
  if (getType().getRank() != 1 || !getType().getElementType().isIndex())
    return emitOpError("gives ") << getType() << ", wanted a tile of rank 1 of indices";
  return success();
}

LogicalResult BroadcastOp::verify() {
  auto from = getValue().getType(), to = getType();
  auto slice = dyn_cast<SliceAttr>(from.getEncoding());
  if (!slice || slice.getParent() != to.getEncoding() || from.getElementType() != to.getElementType())
    return emitOpError("stretches ") << from << " to " << to
                                     << ", wanted the layout to be a slice of the result's";
  SmallVector<int64_t> kept(to.getShape());
  kept.erase(kept.begin() + slice.getDim());
  if (ArrayRef<int64_t>(kept) != from.getShape())
    return emitOpError("stretches ") << from << " to " << to << ", wanted one shape but for dimension "
                                     << slice.getDim();
  return success();
}

LogicalResult ConvertLayoutOp::verify() {
  auto from = getValue().getType(), to = getType();
  if (from.getShape() != to.getShape() || from.getElementType() != to.getElementType())
    return emitOpError("moves ") << from << " to " << to << ", wanted one shape and element type";
  return success();
}

/// What loads and stores have in common: types of value, offset and mask that belong together.
static LogicalResult verifyAccess(Operation *op, Type value, Type buffer, Type offset, Type mask,
                                  int64_t contiguous) {
  Type element = cast<MemRefType>(buffer).getElementType();
  Type wanted = isTile(offset) ? Type(withElement(offset, element)) : element;
  if (value != wanted)
    return op->emitOpError("moves ") << value << " at offsets " << offset << ", wanted " << wanted;
  Type wantedMask = isTile(offset) ? Type(withElement(offset, IntegerType::get(op->getContext(), 1)))
                                   : Type(IntegerType::get(op->getContext(), 1));
  if (mask && mask != wantedMask)
    return op->emitOpError("has mask ") << mask << ", wanted " << wantedMask;
  if (!cast<MemRefType>(buffer).getLayout().isIdentity())
    return op->emitOpError("reads ") << buffer << ", wanted row-major memory";
  if (contiguous < 1 || !llvm::isPowerOf2_64(contiguous) ||
      (contiguous > 1 && (!isTile(offset) || shapeOf(offset).back() % contiguous != 0)))
    return op->emitOpError("has groups of ")
           << contiguous << " elements, wanted a power of two that divides the "
           << "tile's last extent";
  return success();
}

LogicalResult LoadOp::verify() {
  if (getOther() && getOther().getType() != getType())
    return emitOpError("gives ") << getOther().getType() << " where the mask is false, wanted " << getType();
  return verifyAccess(*this, getType(), getBuffer().getType(), getOffset().getType(),
                      getMask() ? getMask().getType() : Type(), getContiguous());
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getValue().getType(), getBuffer().getType(), getOffset().getType(),
                      getMask() ? getMask().getType() : Type(), getContiguous());
}

/// Whether a tile fits into shared memory, transposed or not.
static LogicalResult verifyLocal(Operation *op, RankedTensorType tile, SharedType buffer, bool transposed) {
  SmallVector<int64_t> shape(tile.getShape());
  if (transposed)
    std::reverse(shape.begin(), shape.end());
  bool fits = shape.size() == buffer.getShape().size() && tile.getElementType() == buffer.getElementType() &&
              shape.size() <= 2 && llvm::all_of(llvm::zip(shape, buffer.getShape()), [](auto pair) {
                return std::get<0>(pair) <= std::get<1>(pair);
              });
  if (!fits)
    return op->emitOpError("moves ")
           << tile << (transposed ? " transposed" : "") << " and " << buffer
           << ", wanted a buffer of the rank 1 or 2 and of the elements of the tile, and "
           << "no smaller";
  return success();
}

LogicalResult LocalStoreOp::verify() {
  return verifyLocal(*this, getValue().getType(), getBuffer().getType(), getTransposed());
}
LogicalResult LocalLoadOp::verify() {
  return verifyLocal(*this, getType(), getBuffer().getType(), getTransposed());
}

LogicalResult ReduceOp::verify() {
  if (getInputs().empty() || getInputs().size() != getResults().size())
    return emitOpError("has ") << getInputs().size() << " operands and " << getResults().size()
                               << " results, wanted as many of each, at least one";
  Block &block = getCombiner().front();
  size_t count = getInputs().size();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (block.getNumArguments() != 2 * count || !yield || yield.getNumOperands() != count)
    return emitOpError("has a combiner of ")
           << block.getNumArguments() << " arguments, wanted two for each operand";
  for (auto [i, pair] : llvm::enumerate(llvm::zip(getInputs(), getResults()))) {
    auto from = cast<RankedTensorType>(std::get<0>(pair).getType()),
         to = cast<RankedTensorType>(std::get<1>(pair).getType());
    Type element = from.getElementType();
    if (block.getArgument(i).getType() != element || block.getArgument(count + i).getType() != element ||
        yield.getOperand(i).getType() != element)
      return emitOpError("combines other types than ") << element << ", wanted those of operand " << i;
    int64_t axis = getAxis();
    if (axis < 0 || axis >= from.getRank())
      return emitOpError("reduces along dimension ") << axis << " of " << from;
    auto slice = dyn_cast<SliceAttr>(to.getEncoding());
    SmallVector<int64_t> kept(from.getShape());
    kept.erase(kept.begin() + axis);
    if (!slice || slice.getDim() != axis || slice.getParent() != from.getEncoding() ||
        ArrayRef<int64_t>(kept) != to.getShape() || element != to.getElementType())
      return emitOpError("reduces ") << from << " to " << to << ", wanted its slice along dimension " << axis;
  }
  return success();
}

LogicalResult MapOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (getInputs().empty() || block.getNumArguments() != getInputs().size() || !yield ||
      yield.getNumOperands() != getResults().size())
    return emitOpError("has a body of ") << block.getNumArguments() << " arguments for " << getInputs().size()
                                         << " operands, wanted one for each and a value for each result";
  Type like = getInputs()[0].getType();
  auto fits = [&](Type tile, Type scalar) { return tile == withElement(like, scalar); };
  for (auto [input, argument] : llvm::zip(getInputs(), block.getArguments()))
    if (!fits(input.getType(), argument.getType()))
      return emitOpError("maps ") << input.getType() << " as " << argument.getType()
                                  << ", wanted tiles of one layout";
  for (auto [result, value] : llvm::zip(getResults(), yield.getOperands()))
    if (!fits(result.getType(), value.getType()))
      return emitOpError("gives ") << value.getType() << " for " << result.getType()
                                   << ", wanted tiles of one layout";
  return success();
}

LogicalResult DotOp::verify() {
  auto a = getA().getType(), b = getB().getType();
  auto accumulator = getAccumulator().getType();
  bool good = a.getShape().size() == 2 && b.getShape().size() == 2 && accumulator.getRank() == 2 &&
              isa<BlockedAttr>(accumulator.getEncoding()) && a.getShape()[0] == b.getShape()[0] &&
              a.getShape()[1] == accumulator.getDimSize(0) && b.getShape()[1] == accumulator.getDimSize(1) &&
              a.getElementType().isF32() && b.getElementType().isF32() &&
              accumulator.getElementType().isF32();
  if (!good)
    return emitOpError("multiplies ") << a << " and " << b << " into " << accumulator
                                      << ", wanted f32: K x M and K x N into a blocked M x N";
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Tile/TileOps.cpp.inc"
