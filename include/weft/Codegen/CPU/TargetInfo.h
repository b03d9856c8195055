// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation knows of the machine it generates for: LLVM's names for it, the width and number of
// vector registers, the caches. Tile sizes and pipelines follow from this page alone.
#ifndef WEFT_CODEGEN_CPU_TARGETINFO_H
#define WEFT_CODEGEN_CPU_TARGETINFO_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace weft::cpu {

struct TargetInfo {
  std::string triple;   ///< e.g. x86_64-unknown-linux-gnu
  std::string cpu;      ///< LLVM's name: znver5, x86-64-v3, cortex-a76
  std::string features; ///< +a,-b of a detected host, else empty: what the name implies
  bool isX86 = true;
  bool hasAvx512 = false;
  bool hasBF16Dot = false; ///< dot products of bf16 that are faster than f32 arithmetic
  bool hasI8Dot = false;   ///< dot products of 8-bit integers, at the width of vectors
  unsigned vectorBits = 256;
  unsigned vectorRegisters = 16;
  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10, l3Bytes = 16 << 20; ///< data; L2 of a core, L3 shared

  /// Elements of a native vector: 8 or 16 for f32.
  unsigned lanes(unsigned elementBits = 32) const { return vectorBits / elementBits; }
  /// All of the above in one line: part of every cache key.
  std::string key() const;

  /// The target of `cpu`: "native" (or empty) detects the host, "x86-64-v3" and "x86-64-v4" are the portable
  /// levels, anything else is a CPU name of LLVM, and "aarch64" or "aarch64:<cpu>" is the other architecture.
  /// An unknown name, or a CPU without the least that kernels are made of (AVX2 and FMA, or NEON), is an
  /// error.
  static llvm::Expected<TargetInfo> get(llvm::StringRef cpu = "native");
};

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_TARGETINFO_H
