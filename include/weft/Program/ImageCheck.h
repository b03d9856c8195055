// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks a code image before the dynamic linker sees it. Accepted is a shared object made by our linkers:
// mapped segments that are never writable and executable, symbol and hash tables, relocations without
// symbols. Refused is everything that would run at load time or pull in something else: needed libraries,
// initialisers, imports, TLS, search paths.
#ifndef WEFT_PROGRAM_IMAGECHECK_H
#define WEFT_PROGRAM_IMAGECHECK_H

#include "weft/Support/Status.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace weft::program {

struct ImageInfo {
  std::vector<std::string> functions; ///< names it exports
};

/// The functions it exports, or INVALID_ARGUMENT with what is wrong. The machine must be this one's.
Result<ImageInfo> checkImage(std::span<const std::byte> image);

} // namespace weft::program

#endif // WEFT_PROGRAM_IMAGECHECK_H
