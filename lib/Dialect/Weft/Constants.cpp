// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants between the IR and the host. Elements of up to 1 KiB, and splats, stand in the IR; more goes to
// the data store and is named by its hash.
#include "weft/Dialect/Weft/Constants.h"

#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Support/Sha256Each.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/xxhash.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Elements of at most this many bytes stand in the IR.
static constexpr int64_t maxInlineBytes = 1024;

std::string DataStore::add(const HostTensor &tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  // Weights are gigabytes: a fast hash of them, and equal hashes are looked into.
  const llvm::XXH128_hash_t elements =
      llvm::xxh3_128bits(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  for (uint64_t others = 0;; ++others) {
    Sha256 hash;
    hash.updateField(tensor.typeString());
    hash.updateInt(elements.low64).updateInt(elements.high64).updateInt(others);
    std::string hex = hash.finishHex();
    std::lock_guard<std::mutex> lock(mutex);
    const auto [entry, isNew] = tensors.try_emplace(hex, tensor);
    if (isNew || entry->second.bitEquals(tensor))
      return hex;
  }
}

const HostTensor *DataStore::find(StringRef hash) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto entry = tensors.find(hash);
  return entry == tensors.end() ? nullptr : &entry->second;
}

DType weft::ir::toDType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type)) {
    if (integer.isSigned())
      return DType::Invalid;
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 64:
      return isUnsigned ? DType::UI64 : DType::I64;
    case 32:
      return isUnsigned ? DType::UI32 : DType::I32;
    case 16:
      return isUnsigned ? DType::UI16 : DType::I16;
    case 8:
      return isUnsigned ? DType::UI8 : DType::I8;
    case 4:
      return isUnsigned ? DType::UI4 : DType::I4;
    case 2:
      return isUnsigned ? DType::UI2 : DType::I2;
    case 1:
      return isUnsigned ? DType::Invalid : DType::I1;
    default:
      return DType::Invalid;
    }
  }
  return llvm::TypeSwitch<Type, DType>(type)
      .Case<Float64Type>([](Type) { return DType::F64; })
      .Case<Float32Type>([](Type) { return DType::F32; })
      .Case<BFloat16Type>([](Type) { return DType::BF16; })
      .Case<Float16Type>([](Type) { return DType::F16; })
      .Case<Float8E4M3FNType>([](Type) { return DType::F8E4M3FN; })
      .Case<Float8E5M2Type>([](Type) { return DType::F8E5M2; })
      .Case<Float4E2M1FNType>([](Type) { return DType::F4E2M1FN; })
      .Case<Float8E8M0FNUType>([](Type) { return DType::F8E8M0FNU; })
      .Default([](Type) { return DType::Invalid; });
}

Type weft::ir::toElementType(DType type, MLIRContext *context) {
  auto integer = [&](unsigned width, bool isUnsigned) -> Type {
    return IntegerType::get(context, width, isUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
  };
  switch (type) {
  case DType::F64:
    return Float64Type::get(context);
  case DType::F32:
    return Float32Type::get(context);
  case DType::BF16:
    return BFloat16Type::get(context);
  case DType::F16:
    return Float16Type::get(context);
  case DType::F8E4M3FN:
    return Float8E4M3FNType::get(context);
  case DType::F8E5M2:
    return Float8E5M2Type::get(context);
  case DType::F4E2M1FN:
    return Float4E2M1FNType::get(context);
  case DType::F8E8M0FNU:
    return Float8E8M0FNUType::get(context);
  case DType::I1: // a byte in memory
    return IntegerType::get(context, 1);
  case DType::Invalid:
    return {};
  default:
    return integer(bitWidth(type), isUnsignedInteger(type));
  }
}

/// Whether every element has the bits of the first; sub-byte types are never called splats unless they have
/// one element.
static bool isSplat(const HostTensor &tensor) {
  if (tensor.numElements() <= 0)
    return false;
  if (tensor.numElements() == 1)
    return true;
  if (bitWidth(tensor.dtype()) < 8 && tensor.dtype() != DType::I1)
    return false;
  size_t width = byteWidth(tensor.dtype());
  auto *bytes = static_cast<const char *>(tensor.raw());
  return std::memcmp(bytes, bytes + width, tensor.numBytes() - width) == 0;
}

TypedAttr weft::ir::makeConstantAttr(const HostTensor &tensor, MLIRContext *context) {
  auto type = RankedTensorType::get(tensor.shape(), toElementType(tensor.dtype(), context));
  bool subByte = bitWidth(tensor.dtype()) < 8 && tensor.dtype() != DType::I1;
  auto *bytes = static_cast<const char *>(tensor.raw());
  if (!subByte && isSplat(tensor)) {
    if (tensor.dtype() == DType::I1)
      return DenseElementsAttr::get(type, *bytes != 0);
    return cast<TypedAttr>(
        DenseElementsAttr::getFromRawBuffer(type, ArrayRef<char>(bytes, byteWidth(tensor.dtype()))));
  }
  if (!subByte && tensor.numBytes() <= maxInlineBytes) {
    if (tensor.dtype() == DType::I1) {
      SmallVector<bool> values;
      for (int64_t i = 0; i < tensor.numElements(); ++i)
        values.push_back(bytes[i] != 0);
      return DenseElementsAttr::get(type, values);
    }
    if (tensor.numElements() == 0)
      return DenseElementsAttr::get(type, ArrayRef<Attribute>());
    return DenseElementsAttr::getFromRawBuffer(type, ArrayRef<char>(bytes, tensor.numBytes()));
  }
  auto *dialect = context->getOrLoadDialect<WeftDialect>();
  return DataAttr::get(context, dialect->getDataStore().add(tensor), type);
}

FailureOr<HostTensor> weft::ir::toHostTensor(TypedAttr value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return failure();
  DType dtype = toDType(type.getElementType());
  if (dtype == DType::Invalid)
    return failure();
  if (auto data = dyn_cast<DataAttr>(value)) {
    auto *dialect = value.getContext()->getLoadedDialect<WeftDialect>();
    const HostTensor *tensor = dialect->getDataStore().find(data.getHash());
    if (!tensor || tensor->dtype() != dtype || ArrayRef<int64_t>(tensor->shape()) != type.getShape())
      return failure();
    return *tensor;
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return failure();
  auto created = HostTensor::zeros(dtype, type.getShape().vec());
  if (!created.isOk())
    return failure();
  HostTensor tensor = *std::move(created);
  bool subByte = bitWidth(dtype) < 8;
  if (dtype == DType::I1 || subByte) {
    int64_t i = 0;
    if (isFloat(dtype))
      for (const APFloat &element : dense.getValues<APFloat>())
        tensor.setDouble(i++, element.convertToDouble());
    else
      for (const APInt &element : dense.getValues<APInt>())
        tensor.setInt(i++, dtype == DType::I1 ? int64_t(!element.isZero()) : element.getSExtValue());
    return tensor;
  }
  ArrayRef<char> raw = dense.getRawData();
  auto out = tensor.mutableBytes();
  if (dense.isSplat()) {
    size_t width = byteWidth(dtype);
    if (raw.size() < width)
      return failure();
    for (size_t i = 0; i + width <= out.size(); i += width)
      std::memcpy(out.data() + i, raw.data(), width);
  } else {
    if (raw.size() != out.size())
      return failure();
    llvm::copy(raw, reinterpret_cast<char *>(out.data()));
  }
  return tensor;
}

std::optional<HostTensor> weft::ir::getConstantTensor(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  FailureOr<HostTensor> tensor = toHostTensor(constant.getValue());
  return succeeded(tensor) ? std::optional<HostTensor>(*tensor) : std::nullopt;
}

std::optional<int64_t> weft::ir::getConstantInt(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!constant || !type.hasStaticShape() || type.getNumElements() != 1 ||
      !isa<IntegerType>(type.getElementType()))
    return std::nullopt;
  FailureOr<HostTensor> tensor = toHostTensor(constant.getValue());
  return succeeded(tensor) ? std::optional<int64_t>(tensor->asInt(0)) : std::nullopt;
}

std::optional<HostTensor> weft::ir::getSplat(TypedAttr value) {
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense || !dense.isSplat())
    return std::nullopt;
  auto one = RankedTensorType::get({}, dense.getElementType());
  FailureOr<HostTensor> tensor = toHostTensor(dense.resizeSplat(one));
  return succeeded(tensor) ? std::optional<HostTensor>(*tensor) : std::nullopt;
}

Value weft::ir::createConstant(OpBuilder &builder, Location loc, const HostTensor &tensor) {
  return ConstantOp::create(builder, loc, makeConstantAttr(tensor, builder.getContext()));
}

/// Every element `value`, as a splat attribute.
static TypedAttr makeSplatAttr(RankedTensorType type, double value) {
  type = RankedTensorType::get(type.getShape(), type.getElementType());
  Type element = type.getElementType();
  if (auto floating = dyn_cast<FloatType>(element)) {
    APFloat number(value);
    bool lost;
    number.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
    return DenseElementsAttr::get(type, number);
  }
  unsigned width = element.getIntOrFloatBitWidth();
  if (width == 1)
    return DenseElementsAttr::get(type, value != 0);
  return DenseElementsAttr::get(type, APInt(64, uint64_t(int64_t(value)), true).trunc(width));
}

Value weft::ir::createSplat(OpBuilder &builder, Location loc, RankedTensorType type, double value) {
  return ConstantOp::create(builder, loc, makeSplatAttr(type, value));
}

Value weft::ir::createShapeValue(OpBuilder &builder, Location loc, int64_t value) {
  auto type = RankedTensorType::get({}, builder.getI64Type());
  return ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
}

Value weft::ir::createUnitSplat(OpBuilder &builder, Location loc, Type elementType, int64_t rank,
                                double value) {
  return createSplat(builder, loc, RankedTensorType::get(SmallVector<int64_t>(rank, 1), elementType), value);
}

TypedAttr weft::ir::makeExtremeAttr(RankedTensorType type, bool highest) {
  type = RankedTensorType::get(type.getShape(), type.getElementType());
  Type element = type.getElementType();
  if (auto floating = dyn_cast<FloatType>(element))
    return DenseElementsAttr::get(type, APFloat::getInf(floating.getFloatSemantics(), !highest));
  unsigned width = element.getIntOrFloatBitWidth();
  if (width == 1)
    return DenseElementsAttr::get(type, highest);
  bool isUnsigned = element.isUnsignedInteger();
  APInt value = highest ? (isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width))
                        : (isUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width));
  return DenseElementsAttr::get(type, value);
}

void weft::ir::getMixedSizes(OpBuilder &builder, Location loc, Value x, SmallVectorImpl<int64_t> &statics,
                             SmallVectorImpl<Value> &values) {
  for (auto [i, extent] : llvm::enumerate(cast<RankedTensorType>(x.getType()).getShape())) {
    statics.push_back(extent);
    if (ShapedType::isDynamic(extent))
      values.push_back(DimOp::create(builder, loc, x, i));
  }
}
