// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler library as the Api room sees it: opened once per process, on first need.
#ifndef WEFT_LIB_API_COMPILER_H
#define WEFT_LIB_API_COMPILER_H

#include "weft/Program/CompilerApi.h"
#include "weft/Support/Status.h"

#include <string>

namespace weft {

/// The compiler's functions. NOT_FOUND names the places that were looked at.
Result<const WeftCompilerApi *> openCompiler();
/// Path of the compiler library, without opening it.
Result<std::string> findCompiler();
/// What differs between any two builds of the compiler: the library's ELF build id. Read from the file.
Result<std::string> compilerBuildId();

inline WeftText toText(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view toView(WeftText text) { return {text.data, text.size}; }

} // namespace weft

#endif // WEFT_LIB_API_COMPILER_H
