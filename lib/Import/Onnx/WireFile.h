// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of a model file: parsed messages, with the weights left where they lie.
#ifndef WEFT_LIB_IMPORT_ONNX_WIREFILE_H
#define WEFT_LIB_IMPORT_ONNX_WIREFILE_H

#include "OnnxWire.pb.h"
#include "weft/Support/Status.h"
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::onnx {

class WireFile {
public:
  /// Parses `bytes`, which `owner` keeps alive (null: the weights are copied, and the caller keeps the bytes
  /// for the length of the import).
  static Result<std::unique_ptr<WireFile>> parse(std::span<const std::byte> bytes,
                                                 std::shared_ptr<const void> owner);

  const onnx_wire::ModelProto &model() const { return proto; }
  /// The raw_data of the main graph's initializer `i`: in the file when it was left there, else in the
  /// message.
  std::span<const std::byte> rawData(int i) const;
  /// Who keeps rawData(i) alive after this object is gone; null when nobody does.
  std::shared_ptr<const void> ownerOf(int i) const;

private:
  onnx_wire::ModelProto proto;
  std::vector<std::span<const std::byte>> left; // per initializer; empty: in the message
  std::shared_ptr<const void> keeper;
};

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_WIREFILE_H
