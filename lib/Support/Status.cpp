// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of codes, and context added to errors on their way up.
#include "weft/Support/Status.h"

namespace weft {

std::string_view codeName(Code code) {
  static constexpr std::string_view names[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  size_t number = size_t(code);
  return number < std::size(names) ? names[number] : "UNKNOWN";
}

Status::Status(Code code, std::string message) {
  if (code != Code::Ok)
    rep = std::make_shared<const Rep>(Rep{code, std::move(message)});
}

const std::string &Status::message() const {
  static const std::string none;
  return rep ? rep->message : none;
}

std::string Status::toString() const {
  return isOk() ? "OK" : concat(codeName(rep->code), ": ", rep->message);
}

Status Status::context(std::string_view where) const {
  return isOk() ? *this : Status(rep->code, concat(where, ": ", rep->message));
}

} // namespace weft
