// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses a model without copying its weights. Protobuf copies every `bytes` field, so the file is first
// rewritten into a skeleton that lacks the large raw_data fields of the main graph's initializers; where they
// lie is noted. Bytes that are not well-formed go to protobuf as they are, which refuses them.
#include "WireFile.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include <limits>
#include <optional>

using namespace weft;
using namespace weft::onnx;

/// raw_data of at least this many bytes stays in the file.
static constexpr size_t minBytesLeft = 4096;
/// Messages may nest this deep: subgraphs take three levels each.
static constexpr int maxDepth = 100;

namespace {
using Bytes = std::span<const std::byte>;

/// One field of a message on the wire.
struct Field {
  uint32_t number = 0;
  uint32_t wireType = 0;
  Bytes all;     // tag and value
  Bytes content; // of a length-delimited field
};

/// Reads the fields of a message one by one.
class Fields {
public:
  explicit Fields(Bytes bytes) : rest(bytes) {}
  bool atEnd() const { return rest.empty(); }
  std::optional<Field> next() {
    Bytes start = rest;
    std::optional<uint64_t> tag = varint();
    if (!tag || *tag >> 32)
      return std::nullopt;
    Field field;
    field.number = uint32_t(*tag >> 3);
    field.wireType = *tag & 7;
    uint64_t skip = 0;
    if (field.wireType == 0) {
      if (!varint())
        return std::nullopt;
    } else if (field.wireType == 1) {
      skip = 8;
    } else if (field.wireType == 5) {
      skip = 4;
    } else if (field.wireType == 2) {
      std::optional<uint64_t> length = varint();
      if (!length)
        return std::nullopt;
      skip = *length;
    } else {
      return std::nullopt;
    }
    if (skip > rest.size())
      return std::nullopt;
    if (field.wireType == 2)
      field.content = rest.first(skip);
    rest = rest.subspan(skip);
    field.all = start.first(start.size() - rest.size());
    return field;
  }

private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && i < rest.size(); ++i) {
      uint64_t byte = uint64_t(rest[i]);
      value |= (byte & 0x7f) << (7 * i);
      if (!(byte & 0x80)) {
        rest = rest.subspan(i + 1);
        return value;
      }
    }
    return std::nullopt;
  }
  Bytes rest;
};

void append(std::string &out, Bytes bytes) {
  out.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(char(value | 0x80));
  out.push_back(char(value));
}

void appendMessage(std::string &out, uint32_t number, const std::string &content) {
  appendVarint(out, uint64_t(number) << 3 | 2);
  appendVarint(out, content.size());
  out += content;
}

/// The file without its large weights, and for each initializer what was left out.
struct Skeleton {
  std::string bytes;
  std::vector<Bytes> left;

  bool build(Bytes model) {
    for (Fields fields(model); !fields.atEnd();) {
      std::optional<Field> field = fields.next();
      if (!field)
        return false;
      constexpr uint32_t graph = onnx_wire::ModelProto::kGraphFieldNumber;
      if (field->number != graph || field->wireType != 2) {
        append(bytes, field->all);
        continue;
      }
      std::string content;
      if (!buildGraph(field->content, content))
        return false;
      appendMessage(bytes, graph, content);
    }
    return true;
  }

private:
  bool buildGraph(Bytes graph, std::string &out) {
    for (Fields fields(graph); !fields.atEnd();) {
      std::optional<Field> field = fields.next();
      if (!field)
        return false;
      constexpr uint32_t initializer = onnx_wire::GraphProto::kInitializerFieldNumber;
      if (field->number != initializer || field->wireType != 2) {
        append(out, field->all);
        continue;
      }
      std::string content;
      Bytes raw;
      for (Fields parts(field->content); !parts.atEnd();) {
        std::optional<Field> part = parts.next();
        if (!part)
          return false;
        if (part->number == onnx_wire::TensorProto::kRawDataFieldNumber && part->wireType == 2) {
          raw = {}; // the last one counts
          if (part->content.size() >= minBytesLeft) {
            raw = part->content;
            // An empty field in its place undoes an earlier small one.
            appendMessage(content, part->number, "");
            continue;
          }
        }
        append(content, part->all);
      }
      left.push_back(raw);
      appendMessage(out, initializer, content);
    }
    return true;
  }
};
} // namespace

Result<std::unique_ptr<WireFile>> WireFile::parse(Bytes bytes, std::shared_ptr<const void> owner) {
  auto file = std::make_unique<WireFile>();
  file->keeper = std::move(owner);
  Skeleton skeleton;
  Bytes text = bytes;
  if (skeleton.build(bytes)) {
    text = std::as_bytes(std::span(skeleton.bytes));
    file->left = std::move(skeleton.left);
  }
  if (text.size() > size_t(std::numeric_limits<int32_t>::max()))
    return outOfRange("found ", text.size(), " bytes beside the weights, wanted less than 2 GiB");
  google::protobuf::io::ArrayInputStream array(text.data(), int(text.size()));
  google::protobuf::io::CodedInputStream stream(&array);
  stream.SetRecursionLimit(maxDepth);
  if (!file->proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    return invalidArgument("found bytes that are no ONNX model (truncated, damaged, or of another format)");
  if (!file->proto.has_graph())
    return invalidArgument("found no graph, wanted an ONNX model");
  return file;
}

Bytes WireFile::rawData(int i) const {
  if (i >= 0 && size_t(i) < left.size() && !left[i].empty())
    return left[i];
  return std::as_bytes(std::span(proto.graph().initializer(i).raw_data()));
}

std::shared_ptr<const void> WireFile::ownerOf(int i) const {
  bool inFile = i >= 0 && size_t(i) < left.size() && !left[i].empty();
  return inFile ? keeper : nullptr;
}
