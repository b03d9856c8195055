// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weft dialect: registration, its attributes' syntax, and what the ops share.
#include "weft/Dialect/Weft/WeftDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::ir;

#include "weft/Dialect/Weft/WeftBase.cpp.inc"
#include "weft/Dialect/Weft/WeftEnums.cpp.inc"
#include "weft/Dialect/Weft/WeftInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Weft/WeftAttrs.cpp.inc"

namespace {
/// Functions of weft ops may be inlined into one another.
struct WeftInliner : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Operation *, bool) const final { return true; }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final { return true; }
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
};
} // namespace

void WeftDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/Dialect/Weft/WeftAttrs.cpp.inc"
      >();
}

void WeftDialect::initialize() {
  dataStore = std::make_shared<DataStore>();
  registerAttributes();
  addInterfaces<WeftInliner>();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ElementwiseOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ContractOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ConvOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/PoolOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ReduceOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/NormOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/AttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ShapeOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/IndexOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/ControlOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/RandomOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/StateOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Weft/QuantOps.cpp.inc"
      >();
}

Operation *WeftDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!typed || !tensor || !tensor.hasStaticShape() || typed.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, typed);
}

//===-- #weft.dims
//--------------------------------------------------------------------------------------------===//

/// extent := sum; sum := product ('+' product)*; product := atom (('*' | 'floordiv' | 'ceildiv' | 'mod')
/// atom)*; atom := integer | name | '(' sum ')'.
namespace {
class DimsParser {
public:
  explicit DimsParser(AsmParser &parser) : parser(parser) {}

  FailureOr<AffineExpr> parseSum() {
    FailureOr<AffineExpr> left = parseProduct();
    while (succeeded(left)) {
      if (failed(parser.parseOptionalPlus()))
        return left;
      FailureOr<AffineExpr> right = parseProduct();
      if (failed(right))
        return failure();
      left = *left + *right;
    }
    return left;
  }

  SmallVector<StringAttr> symbols;

private:
  FailureOr<AffineExpr> parseProduct() {
    FailureOr<AffineExpr> left = parseAtom();
    while (succeeded(left)) {
      StringRef word;
      bool star = succeeded(parser.parseOptionalStar());
      if (!star && failed(parser.parseOptionalKeyword(&word, {"floordiv", "ceildiv", "mod"})))
        return left;
      FailureOr<AffineExpr> right = parseAtom();
      if (failed(right))
        return failure();
      auto number = dyn_cast<AffineConstantExpr>(*right);
      if (!star && (!number || number.getValue() <= 0))
        return parser.emitError(parser.getCurrentLocation(),
                                "divisor of an extent must be a positive number");
      left = star                 ? *left * *right
             : word == "floordiv" ? left->floorDiv(*right)
             : word == "ceildiv"  ? left->ceilDiv(*right)
                                  : *left % *right;
    }
    return left;
  }

  FailureOr<AffineExpr> parseAtom() {
    MLIRContext *context = parser.getContext();
    if (succeeded(parser.parseOptionalLParen())) {
      FailureOr<AffineExpr> sum = parseSum();
      if (failed(sum) || parser.parseRParen())
        return failure();
      return sum;
    }
    int64_t number;
    OptionalParseResult parsed = parser.parseOptionalInteger(number);
    if (parsed.has_value())
      return failed(*parsed) ? FailureOr<AffineExpr>() : getAffineConstantExpr(number, context);
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    auto attr = StringAttr::get(context, name);
    auto *place = llvm::find(symbols, attr);
    if (place == symbols.end()) {
      symbols.push_back(attr);
      place = symbols.end() - 1;
    }
    return getAffineSymbolExpr(place - symbols.begin(), context);
  }

  AsmParser &parser;
};
} // namespace

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  DimsParser dims(parser);
  SmallVector<AffineExpr> extents;
  auto parseExtent = [&]() -> ParseResult {
    if (succeeded(parser.parseOptionalKeyword("_"))) {
      extents.push_back(AffineExpr());
      return success();
    }
    FailureOr<AffineExpr> extent = dims.parseSum();
    if (failed(extent))
      return failure();
    extents.push_back(*extent);
    return success();
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseExtent, " in the extents") ||
      parser.parseGreater())
    return {};
  // Through Dim, so that what is parsed is in canonical form.
  SmallVector<StringAttr> symbols;
  SmallVector<Dim> canonical;
  for (AffineExpr extent : extents) {
    canonical.push_back(extent ? Dim::expression(extent, dims.symbols) : Dim());
    if (extent && !canonical.back().isSymbolic()) {
      parser.emitError(parser.getCurrentLocation(), "extent ")
          << canonical.back().str() << " is a number: write it in the shape and `_` here";
      return {};
    }
  }
  Type element = Float32Type::get(parser.getContext());
  Attribute encoding = makeTensorType(canonical, element).getEncoding();
  if (!encoding)
    parser.emitError(parser.getCurrentLocation(), "no named extent: drop the encoding");
  return encoding;
}

LogicalResult DimsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() == getExtents().size())
    return success();
  return emitError() << "names " << getExtents().size() << " extents, wanted " << shape.size()
                     << ", the rank of the tensor";
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getExtents(), printer, [&](AffineExpr extent) {
    if (extent)
      printer << Dim::expression(extent, getSymbols()).str();
    else
      printer << "_";
  });
  printer << "]>";
}

//===-- What ops share
//----------------------------------------------------------------------------------------===//

FailureOr<RankedTensorType> weft::ir::inferUnitBroadcast(std::optional<Location> loc, ValueRange operands,
                                                         Type elementType) {
  SmallVector<Dim> result;
  for (auto [number, operand] : llvm::enumerate(operands)) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return emitOptionalError(loc, "operand #", number, " is not a ranked tensor");
    SmallVector<Dim> dims = getDims(type);
    if (number == 0) {
      result = dims;
      continue;
    }
    if (dims.size() != result.size())
      return emitOptionalError(loc, "operand #", number, " has rank ", dims.size(), ", wanted ",
                               result.size(), ", the rank of operand #0");
    for (size_t i = 0; i < dims.size(); ++i) {
      if (result[i].conflictsWith(dims[i]) && !result[i].is(1) && !dims[i].is(1))
        return emitOptionalError(loc, "operand #", number, " has extent ", dims[i].str(), " in dimension ", i,
                                 ", wanted ", result[i].str(), " or 1");
      if (result[i].is(1))
        result[i] = dims[i];
      else if (!dims[i].is(1))
        result[i] = moreKnown(result[i], dims[i]);
    }
  }
  return makeTensorType(result, elementType);
}
