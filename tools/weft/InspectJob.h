// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What weft inspect says of a .weftjob file.
#ifndef WEFT_TOOLS_WEFT_INSPECTJOB_H
#define WEFT_TOOLS_WEFT_INSPECTJOB_H

#include "weft/Program/Job.h"

#include <string>

namespace weft::driver {

/// The file ends in .weftjob.
bool isJobFile(const std::string &file);
/// Text for people, or one JSON object. `verify`: hash the constants of the roles' programs too.
Result<std::string> describeJob(const std::string &file, bool verify, bool json);
/// "1.5 KiB"; "?" when it is not known (negative).
std::string bytesText(int64_t bytes);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_INSPECTJOB_H
