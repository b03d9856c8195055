// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How functions outside the compiler say that something went wrong: Status, Result<T> and the macros that
// pass them on. Codes are gRPC's canonical ones, so the wire keeps them. Nothing throws; each door adds a
// line of context.
#ifndef WEFT_SUPPORT_STATUS_H
#define WEFT_SUPPORT_STATUS_H

#include <cassert>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// gRPC's canonical codes, with their numbers.
enum class Code : int {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

/// "INVALID_ARGUMENT" and so on, as gRPC prints them.
std::string_view codeName(Code code);

/// Prints all parts one after the other into one string.
template <class... Parts> std::string concat(const Parts &...parts) {
  std::ostringstream out;
  (void)(out << ... << parts);
  return std::move(out).str();
}

/// Prints a shape as "2x3x4"; a scalar is "scalar"; a negative extent is "?".
template <class Range> std::string shapeString(const Range &shape) {
  std::string text;
  for (auto extent : shape)
    text += (text.empty() ? "" : "x") + (extent < 0 ? std::string("?") : std::to_string(extent));
  return text.empty() ? "scalar" : text;
}

/// Success, or a code with a message. Copying is cheap; success allocates nothing.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message);

  static Status ok() { return {}; }
  bool isOk() const { return !rep; }
  explicit operator bool() const = delete; // "if (status)" reads both ways: say isOk()
  Code code() const { return rep ? rep->code : Code::Ok; }
  /// Empty on success.
  const std::string &message() const;
  /// "CODE_NAME: message", or "OK".
  std::string toString() const;

  /// The same error with `where` and ": " before its message; success stays success.
  Status context(std::string_view where) const;

private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep;
};

inline std::ostream &operator<<(std::ostream &out, const Status &status) { return out << status.toString(); }

template <class... P> Status invalidArgument(const P &...p) { return {Code::InvalidArgument, concat(p...)}; }
template <class... P> Status notFound(const P &...p) { return {Code::NotFound, concat(p...)}; }
template <class... P> Status alreadyExists(const P &...p) { return {Code::AlreadyExists, concat(p...)}; }
template <class... P> Status permissionDenied(const P &...p) {
  return {Code::PermissionDenied, concat(p...)};
}
template <class... P> Status resourceExhausted(const P &...p) {
  return {Code::ResourceExhausted, concat(p...)};
}
template <class... P> Status failedPrecondition(const P &...p) {
  return {Code::FailedPrecondition, concat(p...)};
}
template <class... P> Status outOfRange(const P &...p) { return {Code::OutOfRange, concat(p...)}; }
template <class... P> Status unimplemented(const P &...p) { return {Code::Unimplemented, concat(p...)}; }
template <class... P> Status internalError(const P &...p) { return {Code::Internal, concat(p...)}; }
template <class... P> Status unavailable(const P &...p) { return {Code::Unavailable, concat(p...)}; }
template <class... P> Status dataLoss(const P &...p) { return {Code::DataLoss, concat(p...)}; }
template <class... P> Status cancelled(const P &...p) { return {Code::Cancelled, concat(p...)}; }

/// A value, or the Status that says why there is none.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)) {}
  template <class U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Status> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U &&from) : value(std::forward<U>(from)) {}
  Result(Status status) : error(std::move(status)) {
    assert(!error.isOk() && "a Result without a value needs an error");
  }

  bool isOk() const { return value.has_value(); }
  Code code() const { return error.code(); }
  const Status &status() const { return error; }
  /// The error with a line of context; see Status::context.
  Result context(std::string_view where) && {
    if (isOk())
      return std::move(*this);
    return error.context(where);
  }

  T &operator*() & { return get(); }
  const T &operator*() const & { return const_cast<Result *>(this)->get(); }
  T &&operator*() && { return std::move(get()); }
  T *operator->() { return &get(); }
  const T *operator->() const { return &const_cast<Result *>(this)->get(); }

private:
  T &get() {
    assert(value && "Result read without looking at its status");
    return *value;
  }
  std::optional<T> value;
  Status error;
};

#define WEFT_CONCAT_(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_(a, b)

/// Returns from the function when `expression` (a Status) is an error.
#define WEFT_RETURN_IF_ERROR(expression)                                                                     \
  do {                                                                                                       \
    if (::weft::Status weftStatus_ = (expression); !weftStatus_.isOk())                                      \
      return weftStatus_;                                                                                    \
  } while (false)

/// Declares or assigns `target` from `expression` (a Result), or returns its error.
#define WEFT_ASSIGN_OR_RETURN(target, expression)                                                            \
  WEFT_ASSIGN_OR_RETURN_(WEFT_CONCAT(weftResult_, __LINE__), target, expression)
#define WEFT_ASSIGN_OR_RETURN_(result, target, expression)                                                   \
  auto result = (expression);                                                                                \
  if (!result.isOk())                                                                                        \
    return result.status();                                                                                  \
  target = *std::move(result)

} // namespace weft

#endif // WEFT_SUPPORT_STATUS_H
