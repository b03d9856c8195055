// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The .npy format: magic, version, a Python dictionary as text, then the elements.
#include "weft/Support/Npy.h"

#include "weft/Support/File.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace weft {
namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr size_t maxRank = 64; // NumPy's own limit

/// What the dictionary says.
struct Header {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};

/// Reads the subset of Python literals that NumPy writes: {'key': 'text' | True | False | (1, 2, ), ...}.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  Result<Header> parse() {
    Header header;
    if (!eat('{'))
      return bad("wanted '{'");
    while (!eat('}')) {
      std::string key;
      if (!parseString(key) || !eat(':'))
        return bad("wanted a quoted key and ':'");
      if (key == "descr") {
        if (peek() == '[')
          return unimplemented("structured .npy arrays (a list as 'descr') are not supported");
        if (header.hasDescr || !parseString(header.descr))
          return bad("wanted one quoted 'descr'");
        header.hasDescr = true;
      } else if (key == "fortran_order") {
        if (header.hasOrder || !(eatWord("True") ? (header.fortranOrder = true) : eatWord("False")))
          return bad("wanted one True or False as 'fortran_order'");
        header.hasOrder = true;
      } else if (key == "shape") {
        if (header.hasShape)
          return bad("two shapes");
        WEFT_RETURN_IF_ERROR(parseShape(header.shape));
        header.hasShape = true;
      } else {
        return bad("unknown key '" + key.substr(0, 32) + "'");
      }
      if (!eat(',') && peek() != '}')
        return bad("wanted ',' or '}'");
    }
    if (!header.hasDescr || !header.hasOrder || !header.hasShape)
      return bad("'descr', 'fortran_order' and 'shape' are not all there");
    if (peek() != '\0')
      return bad("text after '}'");
    return header;
  }

private:
  static Status bad(std::string_view what) { return invalidArgument("bad .npy header: ", what); }

  char peek() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n' || rest[0] == '\t' || rest[0] == '\r'))
      rest.remove_prefix(1);
    return rest.empty() ? '\0' : rest[0];
  }
  bool eat(char wanted) {
    if (peek() != wanted || rest.empty())
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool eatWord(std::string_view word) {
    peek();
    if (!rest.starts_with(word))
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  bool parseString(std::string &text) {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      return false;
    const size_t end = rest.find(quote, 1);
    if (end == std::string_view::npos)
      return false;
    text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return text.find('\\') == std::string::npos;
  }
  Status parseShape(std::vector<int64_t> &shape) {
    if (!eat('('))
      return bad("wanted '(' before the shape");
    while (!eat(')')) {
      peek();
      int64_t extent = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
      if (error != std::errc() || extent < 0)
        return bad("an extent is not a number from 0 to 2^63 - 1");
      rest.remove_prefix(size_t(end - rest.data()));
      if (!rest.empty() && rest[0] == 'L') // as Python 2 wrote it
        rest.remove_prefix(1);
      shape.push_back(extent);
      if (shape.size() > maxRank)
        return bad("more than 64 dimensions");
      if (!eat(',') && peek() != ')')
        return bad("wanted ',' or ')' in the shape");
    }
    return Status::ok();
  }

  std::string_view rest;
};

/// Element type of a 'descr' such as "<f4", and whether its bytes are in the other order.
Result<DType> parseDescr(std::string_view descr, bool &swapBytes) {
  std::string_view type = descr;
  char order = '=';
  if (!type.empty() && std::string_view("<>=|").find(type[0]) != std::string_view::npos) {
    order = type[0];
    type.remove_prefix(1);
  }
  swapBytes = order == '>';
  static constexpr std::pair<std::string_view, DType> types[] = {
      {"f8", DType::F64}, {"f4", DType::F32}, {"f2", DType::F16},  {"i8", DType::I64},  {"i4", DType::I32},
      {"i2", DType::I16}, {"i1", DType::I8},  {"u8", DType::UI64}, {"u4", DType::UI32}, {"u2", DType::UI16},
      {"u1", DType::UI8}, {"b1", DType::I1},  {"?", DType::I1}};
  for (const auto &[name, dtype] : types)
    if (name == type)
      return dtype;
  const char kind = type.empty() ? '\0' : type[0];
  const char *what = kind == 'c'                  ? "complex numbers"
                     : kind == 'O'                ? "Python objects"
                     : kind == 'S' || kind == 'U' ? "strings"
                     : kind == 'V' ? "raw bytes (perhaps bfloat16 or an 8-bit float: convert them first)"
                     : kind == 'M' || kind == 'm' ? "dates"
                                                  : "an unknown type";
  return unimplemented(".npy arrays of ", what, " ('", descr.substr(0, 32), "') are not supported");
}

void swapElements(std::byte *data, int64_t count, int width) {
  for (int64_t i = 0; i < count; ++i)
    std::reverse(data + i * width, data + (i + 1) * width);
}

/// Column-major elements to row-major ones.
void fromFortranOrder(std::byte *to, const std::byte *from, std::span<const int64_t> shape, int64_t count,
                      size_t width) {
  std::vector<int64_t> index(shape.size(), 0), stride(shape.size(), 1);
  for (size_t d = 1; d < shape.size(); ++d)
    stride[d] = stride[d - 1] * shape[d - 1];
  int64_t source = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + size_t(i) * width, from + size_t(source) * width, width);
    for (size_t d = shape.size(); d-- > 0;) {
      source += stride[d];
      if (++index[d] < shape[d])
        break;
      source -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
}

} // namespace

Result<HostTensor> parseNpy(std::span<const std::byte> bytes, const NpyOptions &options) {
  const auto at = [&](size_t i) { return size_t(bytes[i]); };
  if (bytes.size() < 10 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return invalidArgument("not a .npy file");
  const size_t major = at(6);
  if (major < 1 || major > 3 || at(7) != 0)
    return unimplemented(".npy version ", major, ".", at(7), ", wanted 1.0, 2.0 or 3.0");
  size_t begin = 10, length = at(8) | at(9) << 8;
  if (major > 1) {
    if (bytes.size() < 12)
      return invalidArgument("truncated .npy header");
    begin = 12;
    length |= at(10) << 16 | at(11) << 24;
  }
  if (length > bytes.size() - begin)
    return invalidArgument("truncated .npy header: found ", bytes.size() - begin, " bytes, wanted ", length);
  const std::string_view text(reinterpret_cast<const char *>(bytes.data()) + begin, length);
  WEFT_ASSIGN_OR_RETURN(Header header, HeaderParser(text).parse());
  bool swapBytes = false;
  WEFT_ASSIGN_OR_RETURN(const DType dtype, parseDescr(header.descr, swapBytes));
  WEFT_ASSIGN_OR_RETURN(const int64_t size, checkedNumBytes(dtype, header.shape));
  if (size > options.maxBytes)
    return outOfRange("a .npy array of ", shapeString(header.shape), " has ", size, " bytes, more than the ",
                      options.maxBytes, " allowed");
  const std::span<const std::byte> elements = bytes.subspan(begin + length);
  if (uint64_t(size) > elements.size())
    return invalidArgument("truncated .npy file: found ", elements.size(), " bytes of elements, wanted ",
                           size, " for ", shapeString(header.shape));
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::uninitialized(dtype, header.shape));
  const auto width = size_t(byteWidth(dtype));
  std::byte *data = tensor.mutableBytes().data();
  if (header.fortranOrder && tensor.rank() > 1)
    fromFortranOrder(data, elements.data(), tensor.shape(), tensor.numElements(), width);
  else if (size)
    std::memcpy(data, elements.data(), size_t(size));
  if (swapBytes)
    swapElements(data, tensor.numElements(), int(width));
  if (dtype == DType::I1) // any byte but 0 is true
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      data[i] = std::byte(data[i] != std::byte(0));
  return tensor;
}

Result<HostTensor> readNpy(const std::string &path, const NpyOptions &options) {
  WEFT_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  Result<HostTensor> tensor = parseNpy(file->bytes(), options).context(path);
  if (tensor.isOk() && file->faulted())
    return dataLoss(path, ": the file became shorter while it was read");
  return tensor;
}

Result<std::string> formatNpy(const HostTensor &tensor) {
  static_assert(std::endian::native == std::endian::little, "elements are written as they are");
  std::string_view descr;
  switch (tensor.dtype()) {
  case DType::F64:
    descr = "<f8";
    break;
  case DType::F32:
    descr = "<f4";
    break;
  case DType::F16:
    descr = "<f2";
    break;
  case DType::I64:
    descr = "<i8";
    break;
  case DType::I32:
    descr = "<i4";
    break;
  case DType::I16:
    descr = "<i2";
    break;
  case DType::I8:
    descr = "|i1";
    break;
  case DType::UI64:
    descr = "<u8";
    break;
  case DType::UI32:
    descr = "<u4";
    break;
  case DType::UI16:
    descr = "<u2";
    break;
  case DType::UI8:
    descr = "|u1";
    break;
  case DType::I1:
    descr = "|b1";
    break;
  default:
    return unimplemented("NumPy has no type for ", tensor.dtype(),
                         ": convert the tensor to f32 before writing .npy");
  }
  if (tensor.shape().size() > maxRank)
    return invalidArgument("a tensor of rank ", tensor.rank(),
                           " cannot be written as .npy, which has at most ", maxRank);
  std::string header = concat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (");
  for (int64_t extent : tensor.shape())
    header += std::to_string(extent) + ",";
  if (tensor.rank() > 1)
    header.pop_back();
  header += "), }";
  // The elements begin at a multiple of 64, after spaces and a line feed. 64 extents of 19 digits fit
  // version 1.0.
  header.append(63 - (magic.size() + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::string out(magic);
  out += {char(1), char(0), char(header.size() & 0xff), char(header.size() >> 8)};
  out += header;
  out.append(reinterpret_cast<const char *>(tensor.raw()), size_t(tensor.numBytes()));
  return out;
}

Status writeNpy(const std::string &path, const HostTensor &tensor) {
  WEFT_ASSIGN_OR_RETURN(const std::string bytes, formatNpy(tensor));
  return writeFileAtomically(path, bytes);
}

} // namespace weft
