// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marks diagnostics that refuse something right that is not done yet, so that the C seam can tell it
// (UNIMPLEMENTED) from a mistake of the user's (INVALID_ARGUMENT).
#ifndef WEFT_DIALECT_UNSUPPORTED_H
#define WEFT_DIALECT_UNSUPPORTED_H

#include "mlir/IR/Diagnostics.h"

namespace weft {

namespace detail {
constexpr llvm::StringLiteral unsupportedMark = "weft.unsupported";
} // namespace detail

/// The diagnostic with the mark: `return unsupported(op.emitOpError("...")) << ...`.
inline mlir::InFlightDiagnostic unsupported(mlir::InFlightDiagnostic diagnostic) {
  if (mlir::Diagnostic *underlying = diagnostic.getUnderlyingDiagnostic())
    underlying->getMetadata().push_back(mlir::DiagnosticArgument(llvm::StringRef(detail::unsupportedMark)));
  return diagnostic;
}

/// Whether a diagnostic has the mark.
inline bool isUnsupported(mlir::Diagnostic &diagnostic) {
  return llvm::any_of(diagnostic.getMetadata(), [](const mlir::DiagnosticArgument &argument) {
    return argument.getKind() == mlir::DiagnosticArgument::DiagnosticArgumentKind::String &&
           argument.getAsString() == detail::unsupportedMark;
  });
}

} // namespace weft

#endif // WEFT_DIALECT_UNSUPPORTED_H
