// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dimensions of a model's inputs: which are numbers, which are symbols of which bounds. A dimension is
// called by the model's text for it ("batch", "past + seq"), or <input>_d<i> where the model says nothing.
#include "GraphImporter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using onnx_wire::ValueInfoProto;

/// No extent is larger: more elements of even one byte do not fit any memory.
static constexpr int64_t maxExtent = int64_t(1) << 48;

static const onnx_wire::TypeProto::Tensor &tensorType(const ValueInfoProto &input) {
  return input.type().has_tensor_type() ? input.type().tensor_type()
                                        : input.type().optional_type().elem_type().tensor_type();
}

/// What dimension i of an input is called, or nothing when it is a number.
static std::optional<std::string> dimText(const ValueInfoProto &input, int i) {
  const onnx_wire::TensorShapeProto::Dimension &dim = tensorType(input).shape().dim(i);
  if (dim.has_dim_value() && dim.dim_value() >= 0)
    return std::nullopt;
  if (dim.has_dim_param() && !dim.dim_param().empty())
    return dim.dim_param();
  return input.name() + "_d" + std::to_string(i);
}

static bool isIdentifier(StringRef text) {
  return !text.empty() && text != "_" && (llvm::isAlpha(text[0]) || text[0] == '_') &&
         llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; }) && text != "floordiv" &&
         text != "ceildiv" && text != "mod";
}

namespace {
/// Reads sums, differences and products of names and numbers.
class DimParser {
public:
  DimParser(StringRef text, llvm::function_ref<std::optional<ir::Dim>(StringRef)> lookup)
      : rest(text), lookup(lookup) {}
  std::optional<ir::Dim> parse() {
    std::optional<ir::Dim> dim = sum();
    return rest.trim().empty() ? dim : std::nullopt;
  }

private:
  bool take(char c) {
    rest = rest.ltrim();
    return rest.consume_front(StringRef(&c, 1));
  }
  std::optional<ir::Dim> sum() {
    std::optional<ir::Dim> left = product();
    while (left) {
      bool plus = take('+');
      if (!plus && !take('-'))
        break;
      std::optional<ir::Dim> right = product();
      if (!right)
        return std::nullopt;
      left = plus ? *left + *right : *left - *right;
    }
    return left;
  }
  std::optional<ir::Dim> product() {
    std::optional<ir::Dim> left = factor();
    while (left && take('*')) {
      std::optional<ir::Dim> right = factor();
      if (!right)
        return std::nullopt;
      left = *left * *right;
    }
    return left;
  }
  std::optional<ir::Dim> factor() {
    rest = rest.ltrim();
    StringRef word = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    rest = rest.drop_front(word.size());
    int64_t number;
    if (!word.getAsInteger(10, number))
      return number < maxExtent ? std::optional<ir::Dim>(ir::Dim(number)) : std::nullopt;
    return lookup(word);
  }
  StringRef rest;
  llvm::function_ref<std::optional<ir::Dim>(StringRef)> lookup;
};
} // namespace

LogicalResult ModelImporter::collectDims(ArrayRef<const ValueInfoProto *> inputs) {
  llvm::StringSet<> known;        // texts that name a dimension
  llvm::StringMap<int64_t> fixed; // those that become numbers
  auto checkExtent = [&](int64_t extent, StringRef what) -> LogicalResult {
    if (extent >= 0 && extent < maxExtent)
      return success();
    return error() << "found extent " << extent << " for " << what << ", wanted 0 or more";
  };
  for (const ValueInfoProto *input : inputs) {
    if (!tensorType(*input).has_shape())
      continue;
    auto shape = options.specialise.find(input->name());
    int rank = tensorType(*input).shape().dim_size();
    if (shape != options.specialise.end() && int(shape->second.size()) != rank)
      return error() << "found rank " << shape->second.size() << " for input '" << input->name()
                     << "', wanted " << rank;
    for (int i = 0; i < rank; ++i) {
      std::optional<std::string> text = dimText(*input, i);
      if (text)
        known.insert(*text);
      if (shape == options.specialise.end())
        continue;
      int64_t extent = shape->second[i];
      if (extent == -1)
        continue;
      if (failed(checkExtent(extent, "dimension " + std::to_string(i) + " of input '" + input->name() + "'")))
        return failure();
      int64_t number = text ? extent : tensorType(*input).shape().dim(i).dim_value();
      if (text && !options.dynamicDims.contains(*text))
        number = fixed.try_emplace(*text, extent).first->second;
      if (number != extent)
        return error() << "found extent " << extent << " for dimension " << i << " of input '"
                       << input->name() << "', wanted " << number
                       << (text ? " as where '" + *text + "' stands elsewhere" : "");
    }
  }
  auto checkKnown = [&](StringRef text) -> LogicalResult {
    if (known.contains(text))
      return success();
    SmallVector<StringRef> names;
    for (const auto &entry : known)
      names.push_back(entry.getKey());
    llvm::sort(names);
    return error() << "found no dimension '" << text << "' among those of the inputs, wanted one of: "
                   << (names.empty() ? "(none is dynamic)" : llvm::join(names, ", "));
  };
  for (const auto &entry : options.dims) {
    if (failed(checkKnown(entry.getKey())) || failed(checkExtent(entry.getValue(), entry.getKey())))
      return failure();
    if (!options.dynamicDims.contains(entry.getKey()))
      fixed.try_emplace(entry.getKey(), entry.getValue());
  }
  for (const auto &entry : options.specialise)
    if (llvm::none_of(inputs, [&](const ValueInfoProto *input) { return input->name() == entry.getKey(); }))
      return error() << "found a shape for '" << entry.getKey() << "', which is no input of the model";
  for (const auto &entry : options.dynamicDims) {
    DimBounds bound = entry.getValue();
    if (failed(checkKnown(entry.getKey())) || failed(checkExtent(bound.lower, entry.getKey())))
      return failure();
    if (bound.upper != -1 && (bound.upper < bound.lower || bound.upper >= maxExtent))
      return error() << "found bounds " << bound.lower << " to " << bound.upper << " for '" << entry.getKey()
                     << "', wanted the lower not above the upper";
    if (bound.lower == bound.upper)
      fixed[entry.getKey()] = bound.lower;
  }

  // Numbers, then plain names, then expressions of those, then texts that only look like one.
  SmallVector<StringRef> texts;
  for (const auto &entry : known)
    texts.push_back(entry.getKey());
  llvm::sort(texts);
  for (StringRef text : texts) {
    if (auto number = fixed.find(text); number != fixed.end())
      dims[text] = ir::Dim(number->second);
    else if (isIdentifier(text))
      dims[text] = addSymbol(text, text);
  }
  for (StringRef text : texts) {
    if (dims.contains(text))
      continue;
    auto lookup = [&](StringRef word) -> std::optional<ir::Dim> {
      auto dim = dims.find(word);
      return dim == dims.end() ? std::nullopt : std::optional<ir::Dim>(dim->second);
    };
    std::optional<ir::Dim> expression;
    if (!options.dynamicDims.contains(text))
      expression = DimParser(text, lookup).parse();
    if (!expression || expression->isUnknown() || rangeOf(Extent::of(*expression, nullptr)).second < 0)
      expression = addSymbol(text, text);
    dims[text] = *expression;
  }
  return success();
}

ir::Dim ModelImporter::addSymbol(StringRef text, StringRef wanted) {
  std::string symbol;
  for (char c : wanted)
    symbol.push_back(llvm::isAlnum(c) ? c : '_');
  if (!isIdentifier(symbol))
    symbol = "d_" + symbol;
  while (bounds.count(symbol))
    symbol += "_";
  auto bound = options.dynamicDims.find(text);
  bounds[symbol] = bound == options.dynamicDims.end() ? DimBounds() : bound->second;
  return ir::Dim::symbol(builder.getStringAttr(symbol));
}

FailureOr<SmallVector<ir::Dim>> ModelImporter::inputDims(const ValueInfoProto &input) {
  SmallVector<ir::Dim> extents;
  if (!tensorType(input).has_shape()) {
    auto shape = options.specialise.find(input.name());
    if (shape == options.specialise.end())
      return error() << "found input '" << input.name() << "' without a shape, wanted its rank";
    for (int64_t extent : shape->second) {
      if (extent < 0 || extent >= maxExtent)
        return error() << "found extent " << extent << " for input '" << input.name()
                       << "', wanted 0 or more";
      extents.push_back(ir::Dim(extent));
    }
    return extents;
  }
  for (int i = 0; i < tensorType(input).shape().dim_size(); ++i) {
    std::optional<std::string> text = dimText(input, i);
    int64_t number = tensorType(input).shape().dim(i).dim_value();
    if (!text && number >= maxExtent)
      return error() << "found extent " << number << " of input '" << input.name() << "', wanted less than "
                     << maxExtent;
    extents.push_back(text ? dims[*text] : ir::Dim(number));
  }
  return extents;
}

//===-- Ranges
//-------------------------------------------------------------------------------------------------===//

static int64_t clampExtent(__int128 value) {
  return int64_t(std::clamp<__int128>(value, -__int128(maxExtent), __int128(maxExtent)));
}

using Interval = std::pair<int64_t, int64_t>;

static Interval rangeOfExpr(AffineExpr expr, ArrayRef<Interval> symbols, int depth) {
  Interval everything = {-maxExtent, maxExtent};
  if (depth > 32)
    return everything;
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return {clampExtent(number.getValue()), clampExtent(number.getValue())};
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < symbols.size() ? symbols[symbol.getPosition()] : everything;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return everything;
  Interval a = rangeOfExpr(binary.getLHS(), symbols, depth + 1),
           b = rangeOfExpr(binary.getRHS(), symbols, depth + 1);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {clampExtent(__int128(a.first) + b.first), clampExtent(__int128(a.second) + b.second)};
  case AffineExprKind::Mul: {
    __int128 products[] = {__int128(a.first) * b.first, __int128(a.first) * b.second,
                           __int128(a.second) * b.first, __int128(a.second) * b.second};
    return {clampExtent(*std::min_element(products, products + 4)),
            clampExtent(*std::max_element(products, products + 4))};
  }
  case AffineExprKind::FloorDiv:
    if (a.first >= 0 && b.first > 0)
      return {a.first / b.second, a.second / b.first};
    return everything;
  default:
    return everything;
  }
}

Interval ModelImporter::rangeOf(const Extent &extent) const {
  if (extent.dim.isStatic())
    return {extent.dim.getStatic(), extent.dim.getStatic()};
  if (extent.dim.isUnknown()) {
    bool isExtent = extent.value && extent.value.getDefiningOp<ir::DimOp>();
    return {isExtent ? 0 : -maxExtent, maxExtent};
  }
  SmallVector<Interval> symbols;
  for (StringAttr symbol : extent.dim.getSymbols()) {
    auto bound = bounds.find(symbol.getValue().str());
    DimBounds found = bound == bounds.end() ? DimBounds() : bound->second;
    symbols.push_back({found.lower, found.upper < 0 ? maxExtent : found.upper});
  }
  return rangeOfExpr(extent.dim.getExpr(), symbols, 0);
}
