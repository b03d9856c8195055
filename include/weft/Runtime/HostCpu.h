// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the CPU under this process can do, in LLVM's names of features. The loader picks a code image by it.
#ifndef WEFT_RUNTIME_HOSTCPU_H
#define WEFT_RUNTIME_HOSTCPU_H

#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

/// The CPU has the feature and the system saves its registers ("avx2", "avx512f", "fma"). Unknown names:
/// false.
bool hostHasFeature(std::string_view feature);
/// All features that are known here and present, sorted.
std::vector<std::string> hostFeatures();
/// "x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64"; another machine: its name.
std::string hostIsa();
/// The features that an ISA level stands for; empty for an unknown one.
std::vector<std::string> featuresOfIsa(std::string_view isa);

} // namespace weft::runtime

#endif // WEFT_RUNTIME_HOSTCPU_H
