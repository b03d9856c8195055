// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of the runtime that programs call by name (the Host command): sorting and what else is not worth
// generating code for. Arguments are typed buffers, in the order of the command: operands, then results
// (isResult).
//
// name       operands -> results; attributes
// sort       keys..., payloads... -> the same types and shapes, sorted along an axis. axis (int); num_keys
// (int): the
//            first so many operands are keys, compared one after the other; descending (ints, one 0 or 1 per
//            key; an int stands for all keys). Stable, descending too. NaN of either sign is largest; -0
//            equals +0.
// top_k      x -> values, indices (i64). axis (int); largest (int, 1 or 0). k is the results' extent at the
// axis. Sorted;
//            of equal elements the lower index first; NaN is largest.
// non_zero   x -> indices (i64 [bound, rank]), count (i64 scalar). Row-major order of the non-zero elements;
// rows from
//            count on are left as they are. Not enough rows is an error. NaN is not zero.
// cholesky   a -> factor of its type and shape. lower (int). Matrices are the last two dimensions, of any
// float type. triangular_solve
//            a, b -> x like b. left, lower, transpose, unit_diagonal (ints).
// lu         a -> factors like a, pivots (i32), permutation (i32).
// print      x -> nothing. message (string). One line on standard error: message, type, elements (the first
// 1,000). All element types; i4 and other storage types only in print.
#ifndef WEFT_RUNTIME_HOSTFUNCTIONS_H
#define WEFT_RUNTIME_HOSTFUNCTIONS_H

#include "weft/Program/Program.h"
#include "weft/Support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

/// One argument during a call.
struct HostBuffer {
  DType dtype = DType::Invalid;
  std::span<const int64_t> dims;
  void *data = nullptr; ///< at least dims x dtype bytes; results only may be written
  bool isResult = false;
};

/// The attributes of one Host command.
class HostAttributes {
public:
  explicit HostAttributes(std::span<const program::Attribute> attributes) : attributes(attributes) {}
  /// The attribute, or `otherwise` when it is absent or of another kind.
  int64_t getInt(std::string_view name, int64_t otherwise) const;
  double getFloat(std::string_view name, double otherwise) const;
  std::string_view getString(std::string_view name) const;
  /// A list, or an int as a list of one; empty when absent.
  std::vector<int64_t> getInts(std::string_view name) const;

private:
  std::span<const program::Attribute> attributes;
};

/// A function must check what it is given (arity, types, extents): a program may come from anybody.
using HostFunction = Status (*)(std::span<const HostBuffer> args, const HostAttributes &attributes);

/// The function of that name; null when there is none.
HostFunction findHostFunction(std::string_view name);
/// Adds or replaces a function for the process. Executables resolve names when they are loaded.
void registerHostFunction(std::string name, HostFunction function);

} // namespace weft::runtime

#endif // WEFT_RUNTIME_HOSTFUNCTIONS_H
