// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The built-in host functions and their registry. Keys of a sort become unsigned integers of the same order,
// so that one comparison serves all types: NaN largest, -0 equal to +0, descending by complement (which keeps
// stability).
#include "weft/Runtime/HostFunctions.h"

#include "LinearAlgebra.h"
#include "weft/Support/HostTensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>

namespace weft::runtime {
namespace {

uint64_t sortable(double value) {
  if (std::isnan(value))
    return UINT64_MAX;
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return bits >> 63 ? ~bits : bits | uint64_t(1) << 63;
}
uint64_t sortable(int64_t value) { return uint64_t(value) ^ uint64_t(1) << 63; }

/// Calls use(load) where load(i) is element i as an unsigned integer of the same order. False for storage
/// types.
template <class Use> bool withSortable(DType type, const void *data, Use &&use) {
  const auto typed = [&]<class T>(const T *elements, auto convert) {
    use([=](int64_t i) { return convert(elements[i]); });
    return true;
  };
  const auto direct = [](auto value) -> uint64_t {
    if constexpr (std::is_floating_point_v<decltype(value)>)
      return sortable(double(value));
    else if constexpr (std::is_signed_v<decltype(value)>)
      return sortable(int64_t(value));
    else
      return value;
  };
  switch (type) {
  case DType::F64:
    return typed(static_cast<const double *>(data), direct);
  case DType::F32:
    return typed(static_cast<const float *>(data), direct);
  case DType::BF16:
    return typed(static_cast<const uint16_t *>(data),
                 [](uint16_t bits) { return sortable(double(bf16ToFloat(bits))); });
  case DType::F16:
    return typed(static_cast<const uint16_t *>(data),
                 [](uint16_t bits) { return sortable(double(f16ToFloat(bits))); });
  case DType::I64:
    return typed(static_cast<const int64_t *>(data), direct);
  case DType::I32:
    return typed(static_cast<const int32_t *>(data), direct);
  case DType::I16:
    return typed(static_cast<const int16_t *>(data), direct);
  case DType::I8:
    return typed(static_cast<const int8_t *>(data), direct);
  case DType::UI64:
    return typed(static_cast<const uint64_t *>(data), direct);
  case DType::UI32:
    return typed(static_cast<const uint32_t *>(data), direct);
  case DType::UI16:
    return typed(static_cast<const uint16_t *>(data), direct);
  case DType::UI8:
    return typed(static_cast<const uint8_t *>(data), direct);
  case DType::I1:
    return typed(static_cast<const uint8_t *>(data), [](uint8_t value) -> uint64_t { return value != 0; });
  default:
    return false;
  }
}

/// A tensor seen as lanes along one axis.
struct Lanes {
  int64_t outer = 1, length = 1, inner = 1;
  int64_t base(int64_t lane) const { return lane / inner * length * inner + lane % inner; }
  int64_t count() const { return outer * inner; }
};

Result<Lanes> lanesOf(std::span<const int64_t> dims, int64_t axis) {
  if (axis < 0 || axis >= int64_t(dims.size()))
    return invalidArgument("axis ", axis, " of a tensor of rank ", dims.size());
  WEFT_ASSIGN_OR_RETURN(const int64_t elements, checkedNumElements(dims));
  if (elements == 0) // other extents may be huge
    return Lanes{0, 0, 0};
  Lanes lanes;
  for (size_t d = 0; d < dims.size(); ++d)
    (int64_t(d) < axis ? lanes.outer : int64_t(d) > axis ? lanes.inner : lanes.length) *= dims[d];
  return lanes;
}

void moveLane(const Lanes &lanes, int64_t base, const std::vector<int64_t> &order, const void *from, void *to,
              size_t width, std::vector<std::byte> &room) {
  room.resize(size_t(lanes.length) * width); // the result may be the operand itself
  const auto *source = static_cast<const std::byte *>(from);
  for (int64_t i = 0; i < lanes.length; ++i)
    std::memcpy(room.data() + size_t(i) * width,
                source + size_t(base + order[size_t(i)] * lanes.inner) * width, width);
  auto *target = static_cast<std::byte *>(to);
  for (int64_t i = 0; i < lanes.length; ++i)
    std::memcpy(target + size_t(base + i * lanes.inner) * width, room.data() + size_t(i) * width, width);
}

Status sortFunction(std::span<const HostBuffer> args, const HostAttributes &attributes) {
  const size_t operands = args.size() / 2;
  const int64_t numKeys = attributes.getInt("num_keys", 1);
  if (args.size() % 2 || operands == 0 || numKeys < 1 || numKeys > int64_t(operands))
    return invalidArgument("found ", args.size(), " arguments and ", numKeys,
                           " keys, wanted operands, as many results, and a key");
  for (size_t i = 0; i < args.size(); ++i) {
    if (!std::ranges::equal(args[i].dims, args[0].dims) || args[i].dtype != args[i % operands].dtype ||
        args[i].isResult != (i >= operands))
      return invalidArgument("argument ", i, " is not shaped and typed as operand ", i % operands);
    if (isStorageType(args[i].dtype))
      return unimplemented("sorting ", args[i].dtype);
  }
  WEFT_ASSIGN_OR_RETURN(const Lanes lanes, lanesOf(args[0].dims, attributes.getInt("axis", -1)));
  const std::vector<int64_t> descending = attributes.getInts("descending");
  const auto isDescending = [&](size_t key) {
    return descending.size() == 1 ? descending[0] != 0 : key < descending.size() && descending[key] != 0;
  };
  std::vector<std::vector<uint64_t>> keys(static_cast<size_t>(numKeys),
                                          std::vector<uint64_t>(size_t(lanes.length)));
  std::vector<int64_t> order(static_cast<size_t>(lanes.length));
  std::vector<std::byte> room;
  for (int64_t lane = 0; lane < lanes.count(); ++lane) {
    const int64_t base = lanes.base(lane);
    for (size_t k = 0; k < keys.size(); ++k) {
      const uint64_t flip = isDescending(k) ? UINT64_MAX : 0;
      withSortable(args[k].dtype, args[k].data, [&](auto load) {
        for (int64_t i = 0; i < lanes.length; ++i)
          keys[k][size_t(i)] = load(base + i * lanes.inner) ^ flip;
      });
    }
    std::iota(order.begin(), order.end(), int64_t(0));
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      for (const std::vector<uint64_t> &key : keys)
        if (key[size_t(a)] != key[size_t(b)])
          return key[size_t(a)] < key[size_t(b)];
      return false;
    });
    for (size_t i = 0; i < operands; ++i)
      moveLane(lanes, base, order, args[i].data, args[operands + i].data, size_t(byteWidth(args[i].dtype)),
               room);
  }
  return Status::ok();
}

Status topK(std::span<const HostBuffer> args, const HostAttributes &attributes) {
  if (args.size() != 3 || args[0].isResult || !args[1].isResult || !args[2].isResult ||
      args[1].dtype != args[0].dtype || args[2].dtype != DType::I64 ||
      args[1].dims.size() != args[0].dims.size() || !std::ranges::equal(args[1].dims, args[2].dims))
    return invalidArgument("wanted one operand, values of its type and i64 indices of the same shape");
  const int64_t axis = attributes.getInt("axis", -1);
  WEFT_ASSIGN_OR_RETURN(const Lanes from, lanesOf(args[0].dims, axis));
  WEFT_ASSIGN_OR_RETURN(const Lanes to, lanesOf(args[1].dims, axis));
  const int64_t k = to.length;
  bool fits = args[1].dims[size_t(axis)] <= args[0].dims[size_t(axis)];
  for (size_t d = 0; d < args[0].dims.size(); ++d)
    fits &= int64_t(d) == axis || args[0].dims[d] == args[1].dims[d];
  if (!fits)
    return invalidArgument("the results of shape ", shapeString(args[1].dims), " are no first elements of ",
                           shapeString(args[0].dims), " along axis ", axis);
  const uint64_t flip = attributes.getInt("largest", 1) ? UINT64_MAX : 0;
  const auto width = size_t(byteWidth(args[0].dtype));
  auto *indices = static_cast<int64_t *>(args[2].data);
  const auto *source = static_cast<const std::byte *>(args[0].data);
  auto *values = static_cast<std::byte *>(args[1].data);
  std::vector<std::pair<uint64_t, int64_t>> lane(
      static_cast<size_t>(from.length)); // equal keys: lower index first
  const bool isSupported = withSortable(args[0].dtype, args[0].data, [&](auto load) {
    for (int64_t l = 0; l < from.count() && k > 0; ++l) {
      const int64_t base = from.base(l), target = to.base(l);
      for (int64_t i = 0; i < from.length; ++i)
        lane[size_t(i)] = {load(base + i * from.inner) ^ flip, i};
      if (k < from.length)
        std::nth_element(lane.begin(), lane.begin() + k, lane.end());
      std::sort(lane.begin(), lane.begin() + k);
      for (int64_t i = 0; i < k; ++i) {
        const int64_t index = lane[size_t(i)].second, at = target + i * to.inner;
        indices[at] = index;
        std::memcpy(values + size_t(at) * width, source + size_t(base + index * from.inner) * width, width);
      }
    }
  });
  return isSupported ? Status::ok() : unimplemented("top_k of ", args[0].dtype);
}

Status nonZero(std::span<const HostBuffer> args, const HostAttributes &) {
  if (args.size() != 3 || args[0].isResult || !args[1].isResult || !args[2].isResult ||
      args[1].dtype != DType::I64 || args[2].dtype != DType::I64 || !args[2].dims.empty() ||
      args[1].dims.size() != 2 || args[1].dims[1] != int64_t(args[0].dims.size()))
    return invalidArgument("wanted one operand, i64 indices [bound, rank] and an i64 scalar count");
  const std::span<const int64_t> dims = args[0].dims;
  WEFT_ASSIGN_OR_RETURN(const int64_t elements, checkedNumElements(dims));
  const int64_t rows = args[1].dims[0];
  auto *indices = static_cast<int64_t *>(args[1].data);
  std::vector<int64_t> index(dims.size(), 0);
  int64_t count = 0;
  bool isFull = false;
  const bool isSupported = withSortable(args[0].dtype, args[0].data, [&](auto load) {
    static constexpr double zero = 0; // of any type: its order is that of +0 in that family
    const uint64_t key = isFloat(args[0].dtype)           ? sortable(zero)
                         : isSignedInteger(args[0].dtype) ? sortable(int64_t(0))
                                                          : 0;
    for (int64_t i = 0; i < elements; ++i) {
      if (load(i) != key) {
        if (count == rows) {
          isFull = true;
          return;
        }
        std::copy(index.begin(), index.end(), indices + count * int64_t(dims.size()));
        ++count;
      }
      for (size_t d = dims.size(); d-- > 0;) {
        if (++index[d] < dims[d])
          break;
        index[d] = 0;
      }
    }
  });
  if (!isSupported)
    return unimplemented("non_zero of ", args[0].dtype);
  if (isFull)
    return outOfRange("more than ", rows, " elements are not zero");
  *static_cast<int64_t *>(args[2].data) = count;
  return Status::ok();
}

Status print(std::span<const HostBuffer> args, const HostAttributes &attributes) {
  if (args.size() != 1 || args[0].isResult)
    return invalidArgument("wanted one operand");
  WEFT_ASSIGN_OR_RETURN(
      const HostTensor tensor,
      HostTensor::view(args[0].dtype, {args[0].dims.begin(), args[0].dims.end()}, args[0].data, nullptr));
  constexpr int64_t most = 1000;
  std::ostringstream out;
  out.precision(isFloat(tensor.dtype()) && bitWidth(tensor.dtype()) == 64 ? 17 : 9);
  out << attributes.getString("message") << (attributes.getString("message").empty() ? "" : " ")
      << tensor.typeString() << " =";
  for (int64_t i = 0; i < std::min(tensor.numElements(), most); ++i) {
    out << ' ';
    if (isFloat(tensor.dtype()))
      out << tensor.asDouble(i);
    else if (tensor.dtype() == DType::UI64)
      out << uint64_t(tensor.asInt(i));
    else
      out << tensor.asInt(i);
  }
  if (tensor.numElements() > most)
    out << " ... (" << tensor.numElements() - most << " more)";
  out << '\n';
  const std::string line = std::move(out).str();
  std::fwrite(line.data(), 1, line.size(), stderr); // one call: lines of several threads do not mix
  return Status::ok();
}

struct Registry {
  std::mutex mutex;
  std::map<std::string, HostFunction, std::less<>> functions{{"sort", sortFunction},
                                                             {"top_k", topK},
                                                             {"non_zero", nonZero},
                                                             {"print", print},
                                                             {"cholesky", cholesky},
                                                             {"triangular_solve", triangularSolve},
                                                             {"lu", lu}};
};

Registry &registry() {
  static auto *instance = new Registry;
  return *instance;
}

const program::AttributeValue *findAttribute(std::span<const program::Attribute> attributes,
                                             std::string_view name) {
  for (const program::Attribute &attribute : attributes)
    if (attribute.name == name)
      return &attribute.value;
  return nullptr;
}

} // namespace

int64_t HostAttributes::getInt(std::string_view name, int64_t otherwise) const {
  const program::AttributeValue *value = findAttribute(attributes, name);
  const auto *number = value ? std::get_if<int64_t>(value) : nullptr;
  return number ? *number : otherwise;
}

double HostAttributes::getFloat(std::string_view name, double otherwise) const {
  const program::AttributeValue *value = findAttribute(attributes, name);
  const auto *number = value ? std::get_if<double>(value) : nullptr;
  return number ? *number : otherwise;
}

std::string_view HostAttributes::getString(std::string_view name) const {
  const program::AttributeValue *value = findAttribute(attributes, name);
  const auto *text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

std::vector<int64_t> HostAttributes::getInts(std::string_view name) const {
  const program::AttributeValue *value = findAttribute(attributes, name);
  if (const auto *numbers = value ? std::get_if<std::vector<int64_t>>(value) : nullptr)
    return *numbers;
  if (const auto *number = value ? std::get_if<int64_t>(value) : nullptr)
    return {*number};
  return {};
}

HostFunction findHostFunction(std::string_view name) {
  Registry &all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto it = all.functions.find(name);
  return it == all.functions.end() ? nullptr : it->second;
}

void registerHostFunction(std::string name, HostFunction function) {
  Registry &all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.functions[std::move(name)] = function;
}

} // namespace weft::runtime
