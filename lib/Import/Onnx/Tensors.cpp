// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads TensorProto. Its elements lie in raw_data (little-endian, as Weft's own), in one of the typed lists,
// or in another file. Every size is checked against the shape before a byte is read.
#include "Tensors.h"

#include <limits>

using namespace weft;
using namespace weft::onnx;
using onnx_wire::TensorProto;

/// A dense tensor made from a sparse one may take this many bytes: the file alone does not bound it.
static constexpr int64_t maxSparseBytes = int64_t(1) << 30;

DType onnx::dtypeOf(int64_t type) {
  switch (type) {
  case TensorProto::FLOAT:
    return DType::F32;
  case TensorProto::UINT8:
    return DType::UI8;
  case TensorProto::INT8:
    return DType::I8;
  case TensorProto::UINT16:
    return DType::UI16;
  case TensorProto::INT16:
    return DType::I16;
  case TensorProto::INT32:
    return DType::I32;
  case TensorProto::INT64:
    return DType::I64;
  case TensorProto::BOOL:
    return DType::I1;
  case TensorProto::FLOAT16:
    return DType::F16;
  case TensorProto::DOUBLE:
    return DType::F64;
  case TensorProto::UINT32:
    return DType::UI32;
  case TensorProto::UINT64:
    return DType::UI64;
  case TensorProto::BFLOAT16:
    return DType::BF16;
  case TensorProto::FLOAT8E4M3FN:
    return DType::F8E4M3FN;
  case TensorProto::FLOAT8E5M2:
    return DType::F8E5M2;
  case TensorProto::UINT4:
    return DType::UI4;
  case TensorProto::INT4:
    return DType::I4;
  case TensorProto::FLOAT4E2M1:
    return DType::F4E2M1FN;
  case TensorProto::FLOAT8E8M0:
    return DType::F8E8M0FNU;
  case TensorProto::UINT2:
    return DType::UI2;
  case TensorProto::INT2:
    return DType::I2;
  default:
    return DType::Invalid;
  }
}

std::string onnx::onnxTypeName(int64_t type) {
  if (DType dtype = dtypeOf(type); dtype != DType::Invalid)
    return std::string(dtypeName(dtype));
  switch (type) {
  case TensorProto::STRING:
    return "string";
  case TensorProto::COMPLEX64:
    return "complex64";
  case TensorProto::COMPLEX128:
    return "complex128";
  case TensorProto::FLOAT8E4M3FNUZ:
    return "float8e4m3fnuz";
  case TensorProto::FLOAT8E5M2FNUZ:
    return "float8e5m2fnuz";
  default:
    return "type number " + std::to_string(type);
  }
}

/// Booleans of a file may be any byte; Weft's are 0 and 1.
static void normalizeBools(HostTensor &tensor) {
  for (std::byte &element : tensor.mutableBytes())
    element = std::byte(element != std::byte(0));
}

/// Elements of a typed list. Types narrower than a byte hold packed bytes there, one to a number.
template <class List>
static Result<HostTensor> fromList(DType type, std::vector<int64_t> shape, const List &list) {
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::uninitialized(type, std::move(shape)));
  bool packed = byteWidth(type) == 0;
  int64_t wanted = packed ? tensor.numBytes() : tensor.numElements();
  if (list.size() != wanted)
    return invalidArgument("found ", list.size(), " numbers, wanted ", wanted, " for ", tensor.typeString());
  auto *bytes = tensor.mutableBytes().data();
  for (int64_t i = 0; i < wanted; ++i) {
    auto number = list.Get(int(i));
    if (type == DType::F32 || type == DType::F64 || type == DType::I64 || type == DType::UI64 ||
        type == DType::I32) {
      std::memcpy(bytes + i * int64_t(sizeof number), &number, sizeof number);
    } else if (packed || byteWidth(type) == 1) {
      bytes[i] = std::byte(uint8_t(int64_t(number)));
    } else if (byteWidth(type) == 2) {
      auto half = uint16_t(int64_t(number));
      std::memcpy(bytes + 2 * i, &half, 2);
    } else {
      auto word = uint32_t(uint64_t(number));
      std::memcpy(bytes + 4 * i, &word, 4);
    }
  }
  if (type == DType::I1)
    normalizeBools(tensor);
  return tensor;
}

/// A view of the bytes where somebody keeps them alive and they lie well, else a copy.
static Result<HostTensor> fromBytes(DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes,
                                    const std::shared_ptr<const void> &owner) {
  WEFT_ASSIGN_OR_RETURN(int64_t wanted, checkedNumBytes(type, shape));
  if (int64_t(bytes.size()) != wanted)
    return invalidArgument("found ", bytes.size(), " bytes, wanted ", wanted, " for ", dtypeName(type), "[",
                           shapeString(shape), "]");
  size_t alignment = std::max(byteWidth(type), 1);
  if (owner && type != DType::I1 && reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0)
    return HostTensor::view(type, std::move(shape), bytes.data(), owner);
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::copyOf(type, std::move(shape), bytes));
  if (type == DType::I1)
    normalizeBools(tensor);
  return tensor;
}

Result<HostTensor> onnx::readTensor(const TensorProto &proto, ExternalData &external,
                                    std::span<const std::byte> raw,
                                    const std::shared_ptr<const void> &owner) {
  DType type = dtypeOf(proto.data_type());
  if (type == DType::Invalid)
    return unimplemented("found a tensor of ", onnxTypeName(proto.data_type()),
                         ", wanted numbers or booleans");
  if (proto.has_segment())
    return unimplemented("found a tensor in segments, wanted a whole one");
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  WEFT_RETURN_IF_ERROR(checkedNumBytes(type, shape).status());
  if (proto.data_location() == TensorProto::EXTERNAL) {
    WEFT_ASSIGN_OR_RETURN(ExternalData::Region region, external.find(proto, *checkedNumBytes(type, shape)));
    return fromBytes(type, std::move(shape), region.bytes, region.owner);
  }
  if (!raw.empty() || proto.has_raw_data())
    return fromBytes(type, std::move(shape), raw, owner);
  switch (type) {
  case DType::F32:
    return fromList(type, std::move(shape), proto.float_data());
  case DType::F64:
    return fromList(type, std::move(shape), proto.double_data());
  case DType::I64:
    return fromList(type, std::move(shape), proto.int64_data());
  case DType::UI64:
  case DType::UI32:
    return fromList(type, std::move(shape), proto.uint64_data());
  default:
    return fromList(type, std::move(shape), proto.int32_data());
  }
}

Result<HostTensor> onnx::readSparseTensor(const onnx_wire::SparseTensorProto &proto, ExternalData &external) {
  WEFT_ASSIGN_OR_RETURN(HostTensor values, readTensor(proto.values(), external));
  WEFT_ASSIGN_OR_RETURN(HostTensor indices, readTensor(proto.indices(), external));
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  WEFT_ASSIGN_OR_RETURN(int64_t size, checkedNumBytes(values.dtype(), shape));
  if (size > maxSparseBytes)
    return resourceExhausted("found a sparse tensor of ", size, " bytes, wanted at most ", maxSparseBytes);
  if (values.rank() != 1 || indices.dtype() != DType::I64 || indices.rank() < 1 || indices.rank() > 2 ||
      indices.dim(0) != values.dim(0) || (indices.rank() == 2 && indices.dim(1) != int64_t(shape.size())))
    return invalidArgument("found sparse values ", values.typeString(), " and indices ", indices.typeString(),
                           ", wanted n values and i64 indices [n] or [n, rank]");
  WEFT_ASSIGN_OR_RETURN(HostTensor dense, HostTensor::zeros(values.dtype(), shape));
  size_t width = byteWidth(values.dtype());
  if (width == 0)
    return unimplemented("found a sparse tensor of ", dtypeName(values.dtype()));
  for (int64_t i = 0; i < values.numElements(); ++i) {
    int64_t place = 0;
    if (indices.rank() == 1) {
      place = indices.asInt(i);
    } else {
      for (size_t d = 0; d < shape.size(); ++d) {
        int64_t index = indices.asInt(i * int64_t(shape.size()) + int64_t(d));
        if (index < 0 || index >= shape[d])
          return outOfRange("found a sparse index ", index, ", wanted 0 to ", shape[d] - 1);
        place = place * shape[d] + index;
      }
    }
    if (place < 0 || place >= dense.numElements())
      return outOfRange("found a sparse index ", place, ", wanted 0 to ", dense.numElements() - 1);
    std::memcpy(dense.mutableBytes().data() + size_t(place) * width,
                values.bytes().data() + size_t(i) * width, width);
  }
  return dense;
}
