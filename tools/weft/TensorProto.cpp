// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a serialised ONNX TensorProto, as the files of ONNX's test data are (input_0.pb), with a reader of
// protobuf's wire format that checks every length. The driver does not need the rest of protobuf.
#include "Commands.h"

#include <cstring>
#include <limits>

using namespace weft;
using namespace weft::driver;

namespace {

using Bytes = std::span<const std::byte>;

enum Wire { Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5 };

/// Walks the fields of one message.
class WireReader {
public:
  explicit WireReader(Bytes bytes) : bytes(bytes) {}
  bool atEnd() const { return at == bytes.size(); }

  bool varint(uint64_t &value) {
    value = 0;
    for (int shift = 0; shift < 70 && at < bytes.size(); shift += 7) {
      auto byte = uint8_t(bytes[at++]);
      if (shift < 64)
        value |= uint64_t(byte & 127) << shift;
      if (!(byte & 128))
        return true;
    }
    return false;
  }
  bool take(size_t size, Bytes &into) {
    if (size > bytes.size() - at)
      return false;
    into = bytes.subspan(at, size);
    at += size;
    return true;
  }
  /// The next field: its number, and its payload (a number for varints, bytes otherwise).
  bool field(uint64_t &number, int &wire, uint64_t &value, Bytes &payload) {
    uint64_t tag;
    if (!varint(tag))
      return false;
    number = tag >> 3;
    wire = int(tag & 7);
    switch (wire) {
    case Varint:
      return number != 0 && varint(value);
    case Fixed64:
      return number != 0 && take(8, payload);
    case Fixed32:
      return number != 0 && take(4, payload);
    case Length: {
      uint64_t size;
      return number != 0 && varint(size) && size <= bytes.size() && take(size_t(size), payload);
    }
    default:
      return false;
    }
  }

private:
  Bytes bytes;
  size_t at = 0;
};

// Numbers of TensorProto's fields.
enum Field {
  Dims = 1,
  DataType = 2,
  Segment = 3,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  RawData = 9,
  DoubleData = 10,
  UInt64Data = 11,
  ExternalData = 13,
  DataLocation = 14,
};

/// ONNX's number of an element type; DType::Invalid for those Weft has not (strings, complex numbers).
DType fromOnnxType(uint64_t type) {
  static constexpr DType types[] = {
      DType::Invalid,   DType::F32,    DType::UI8,     DType::I8,      DType::UI16, DType::I16,
      DType::I32,       DType::I64,    DType::Invalid, DType::I1,      DType::F16,  DType::F64,
      DType::UI32,      DType::UI64,   DType::Invalid, DType::Invalid, DType::BF16, DType::F8E4M3FN,
      DType::Invalid,   DType::F8E5M2, DType::Invalid, DType::UI4,     DType::I4,   DType::F4E2M1FN,
      DType::F8E8M0FNU, DType::UI2,    DType::I2};
  return type < std::size(types) ? types[type] : DType::Invalid;
}

/// What was read of the message.
struct Found {
  std::vector<int64_t> dims;
  uint64_t type = 0;
  Bytes raw;
  bool hasRaw = false;
  std::string numbers; ///< the typed fields' elements, as they lie in memory
  size_t numbersField = 0;

  /// Appends `width` bytes of a number.
  void add(uint64_t number, int width) {
    numbers.append(reinterpret_cast<const char *>(&number), size_t(width));
  }
};

/// Bytes that one entry of int32_data, int64_data ... stands for.
int entryWidth(size_t field, DType type) {
  if (field == Int64Data)
    return 8;
  if (field == UInt64Data)
    return type == DType::UI32 ? 4 : 8;
  return bitWidth(type) < 8 || type == DType::I1 ? 1 : byteWidth(type);
}

} // namespace

Result<HostTensor> weft::driver::parseTensorProto(std::span<const std::byte> bytes) {
  Status damaged =
      invalidArgument("found bytes that are no ONNX TensorProto (truncated, damaged, or another message)");
  Found found;
  // The type says how wide entries are and may stand behind them: it is looked for first.
  uint64_t number = 0, value = 0;
  int wire = 0;
  Bytes payload;
  for (WireReader reader(bytes); !reader.atEnd();) {
    if (!reader.field(number, wire, value, payload))
      return damaged;
    if (number == DataType && wire == Varint)
      found.type = value;
  }
  DType type = fromOnnxType(found.type);
  if (type == DType::Invalid)
    return found.type == 0 ? damaged
                           : unimplemented("found elements of ONNX's type ", found.type,
                                           " (a string, a complex number, or newer than this reader)");
  for (WireReader reader(bytes); !reader.atEnd();) {
    if (!reader.field(number, wire, value, payload))
      return damaged;
    switch (number) {
    case Dims:
    case Int32Data:
    case Int64Data:
    case UInt64Data: {
      if (wire != Varint && wire != Length)
        return damaged;
      auto add = [&](uint64_t entry) {
        if (number == Dims)
          found.dims.push_back(int64_t(entry));
        else
          found.add(entry, entryWidth(number, type));
      };
      if (number != Dims)
        found.numbersField = number;
      if (wire == Varint) {
        add(value);
        break;
      }
      for (WireReader packed(payload); !packed.atEnd();) {
        if (!packed.varint(value))
          return damaged;
        add(value);
      }
      break;
    }
    case FloatData:
    case DoubleData:
      if ((wire != Length && wire != (number == FloatData ? Fixed32 : Fixed64)) ||
          type != (number == FloatData ? DType::F32 : DType::F64))
        return damaged;
      found.numbersField = number;
      found.numbers.append(reinterpret_cast<const char *>(payload.data()), payload.size());
      break;
    case RawData:
      if (wire != Length)
        return damaged;
      found.raw = payload;
      found.hasRaw = true;
      break;
    case Segment:
    case StringData:
      return unimplemented("found ", number == Segment ? "a segment of a tensor" : "strings",
                           ", wanted numbers");
    case ExternalData:
      return unimplemented("found elements in another file, wanted them inside");
    case DataLocation:
      if (wire != Varint)
        return damaged;
      if (value != 0)
        return unimplemented("found elements in another file, wanted them inside");
      break;
    default:
      break;
    }
  }
  WEFT_ASSIGN_OR_RETURN(const int64_t wanted, checkedNumBytes(type, found.dims));
  Bytes elements = found.hasRaw ? found.raw : std::as_bytes(std::span<const char>(found.numbers));
  if (int64_t(elements.size()) != wanted)
    return invalidArgument("found ", elements.size(), " bytes of elements, wanted ", wanted, " for ",
                           dtypeName(type), "[", shapeString(found.dims), "]");
  return HostTensor::copyOf(type, found.dims, elements);
}
