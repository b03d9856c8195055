// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that lie in other files beside the model.
#ifndef WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H
#define WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H

#include "OnnxWire.pb.h"
#include "weft/Support/File.h"
#include <map>

namespace weft::onnx {

/// Opens and maps the files that a model names, only below the model's folder: no absolute paths, no "..", no
/// links.
class ExternalData {
public:
  /// `folder`: where the model lies; empty: external data is refused.
  explicit ExternalData(std::string folder) : folder(std::move(folder)) {}

  struct Region {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  /// The bytes of a tensor whose elements take `size` bytes.
  Result<Region> find(const onnx_wire::TensorProto &tensor, int64_t size);

private:
  Result<std::shared_ptr<const MappedFile>> open(const std::string &location);

  std::string folder;
  std::map<std::string, std::shared_ptr<const MappedFile>> files;
};

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H
