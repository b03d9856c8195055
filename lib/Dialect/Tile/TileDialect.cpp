// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile dialect: registration, and what its ops refuse.
#include "weft/Dialect/Tile/TileDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

#include "weft/Dialect/Tile/TileBase.cpp.inc"

namespace {
/// Prints layouts by short names: types would be hard to read otherwise.
struct LayoutNames : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    StringRef name = llvm::TypeSwitch<Attribute, StringRef>(attribute)
                         .Case<BlockedAttr>([](auto) { return "blocked"; })
                         .Case<SliceAttr>([](auto) { return "slice"; })
                         .Case<MmaAttr>([](auto) { return "mma"; })
                         .Case<DotOperandAttr>([](auto) { return "operand"; })
                         .Case<SwizzledAttr>([](auto) { return "swizzled"; })
                         .Default([](auto) { return ""; });
    if (name.empty())
      return AliasResult::NoAlias;
    os << name;
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
  SharedType buffer = getBuffer().getType();
  if (failed(verifyLocal(*this, getType(), buffer, getTransposed())))
    return failure();
  if (auto at = getAt()) {
    SmallVector<int64_t> shape(getType().getShape());
    if (getTransposed())
      std::reverse(shape.begin(), shape.end());
    if (at->size() != shape.size() || llvm::any_of(llvm::zip(*at, shape, buffer.getShape()), [](auto part) {
          auto [first, extent, whole] = part;
          return first < 0 || first + extent > whole;
        }))
      return emitOpError("loads ") << getType() << " at [" << *at << "] of " << buffer
                                   << ", wanted a part of the buffer";
  }
  auto operand = dyn_cast<DotOperandAttr>(getType().getEncoding());
  if (!operand)
    return success();
  if (operand.getWidth() * buffer.getElementBytes() != 4 || getRow() ||
      !llvm::all_of(buffer.getShape(), llvm::isPowerOf2_64))
    return emitOpError("loads ") << getType() << " from " << buffer
                                 << ", wanted extents that are powers of two and registers of 32 bits";
  // What runs along the rows of memory: K, unless the operand is turned.
  if ((operand.getOperand() == 1) != getTransposed() && operand.getWidth() != 2)
    return emitOpError("loads ") << getType() << " from rows of M or N, wanted rows of K: only elements of "
                                 << "16 bits can be turned";
  return success();
}

LogicalResult SlotOp::verify() {
  SharedType ring = getRing().getType(), slot = getResult().getType();
  if (ring.getShape().size() != 3 || ring.getShape().drop_front() != slot.getShape() ||
      ring.getElementType() != slot.getElementType() || ring.getLayout() != slot.getLayout())
    return emitOpError("takes ") << slot << " from " << ring << ", wanted one of a ring of such buffers";
  if (getAhead() < 0)
    return emitOpError("looks ") << getAhead() << " steps ahead, wanted none or more";
  return success();
}

LogicalResult AsyncCopyOp::verify() {
  auto offset = getOffset().getType();
  SharedType target = getTarget().getType();
  if (target.getShape() != offset.getShape() ||
      target.getElementType() != cast<MemRefType>(getSource().getType()).getElementType() ||
      !llvm::all_of(target.getShape(), llvm::isPowerOf2_64))
    return emitOpError("copies from ")
           << getSource().getType() << " at " << offset << " to " << target
           << ", wanted a buffer of the tile's shape and of the source's elements";
  return verifyAccess(*this, withElement(offset, target.getElementType()), getSource().getType(), offset,
                      getMask() ? getMask().getType() : Type(), getContiguous());
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
  auto isFactor = [&](SharedType buffer, bool transposed, int64_t outer) {
    ArrayRef<int64_t> shape = buffer.getShape();
    return shape.size() == 2 && shape[transposed ? 0 : 1] == outer && llvm::isPowerOf2_64(shape[1]) &&
           buffer.getElementType().isF32();
  };
  bool good = accumulator.getRank() == 2 && isa<BlockedAttr>(accumulator.getEncoding()) &&
              accumulator.getElementType().isF32() &&
              isFactor(a, getTransposedA(), accumulator.getDimSize(0)) &&
              isFactor(b, getTransposedB(), accumulator.getDimSize(1)) &&
              a.getShape()[getTransposedA() ? 1 : 0] == b.getShape()[getTransposedB() ? 1 : 0];
  if (!good)
    return emitOpError("multiplies ") << a << " and " << b << " into " << accumulator
                                      << ", wanted f32: K x M and K x N into a blocked M x N, rows of "
                                         "powers of two";
  return success();
}

LogicalResult MmaOp::verify() {
  auto a = getA().getType(), b = getB().getType(), sum = getAccumulator().getType();
  auto factor = [&](RankedTensorType tile, int64_t number) {
    auto layout = dyn_cast<DotOperandAttr>(tile.getEncoding());
    Type element = tile.getElementType();
    return layout && layout.getOperand() == number && layout.getParent() == sum.getEncoding() &&
           element == a.getElementType() && (element.isF16() || element.isBF16() || element.isF32()) &&
           layout.getWidth() * element.getIntOrFloatBitWidth() == 32;
  };
  bool good = isa<MmaAttr>(sum.getEncoding()) && factor(a, 0) && factor(b, 1) &&
              sum.getElementType().isF32() && a.getDimSize(1) == b.getDimSize(0) &&
              a.getDimSize(0) == sum.getDimSize(0) && b.getDimSize(1) == sum.getDimSize(1);
  if (!good)
    return emitOpError("multiplies ") << a << " and " << b << " into " << sum
                                      << ", wanted factors M x K and K x N of the accumulators' layout, of "
                                      << "f16, bf16 or f32, and sums in f32";
  return success();
}

LogicalResult WarpgroupMmaOp::verify() {
  SharedType a = getA().getType(), b = getB().getType();
  auto sum = getAccumulator().getType();
  auto layout = dyn_cast<MmaAttr>(sum.getEncoding());
  auto factor = [&](SharedType buffer, int64_t outer) {
    return buffer.getShape() == ArrayRef<int64_t>{outer, 64} &&
           buffer.getElementType() == a.getElementType() &&
           buffer.getLayout() == SwizzledAttr::forRows(getContext(), 128, 2);
  };
  bool good = layout && layout.getWarps()[0] % 4 == 0 && layout.getWarps()[1] == 1 &&
              sum.getDimSize(0) == 16 * layout.getWarps()[0] && sum.getDimSize(1) >= 8 &&
              sum.getDimSize(1) <= 256 && sum.getElementType().isF32() &&
              (a.getElementType().isF16() || a.getElementType().isBF16()) && factor(a, sum.getDimSize(0)) &&
              factor(b, sum.getDimSize(1));
  if (!good)
    return emitOpError("multiplies ")
           << a << " and " << b << " into " << sum
           << ", wanted M x 64 and N x 64 of f16 or bf16, swizzled in lines of 128 "
           << "bytes, 16 rows for each warp and 8 to 256 columns";
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Tile/TileOps.cpp.inc"
