// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of a model file as host tensors, and ONNX's element types.
#ifndef WEFT_LIB_IMPORT_ONNX_TENSORS_H
#define WEFT_LIB_IMPORT_ONNX_TENSORS_H

#include "ExternalData.h"
#include "OnnxWire.pb.h"
#include "weft/Support/HostTensor.h"

namespace weft::onnx {

/// The DType of a TensorProto.DataType number; Invalid for those Weft does not have (strings, complex, ...).
DType dtypeOf(int64_t onnxDataType);
/// "float32 complex64 string" and so on: what to call a type in a message.
std::string onnxTypeName(int64_t onnxDataType);

/// A tensor of the file. `raw` is its raw_data when that was left in the file, kept alive by `owner` (null:
/// copy).
Result<HostTensor> readTensor(const onnx_wire::TensorProto &proto, ExternalData &external,
                              std::span<const std::byte> raw, const std::shared_ptr<const void> &owner);
inline Result<HostTensor> readTensor(const onnx_wire::TensorProto &proto, ExternalData &external) {
  return readTensor(proto, external, std::as_bytes(std::span(proto.raw_data())), nullptr);
}
/// A sparse tensor, made dense.
Result<HostTensor> readSparseTensor(const onnx_wire::SparseTensorProto &proto, ExternalData &external);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_TENSORS_H
