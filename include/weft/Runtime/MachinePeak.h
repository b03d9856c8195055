// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this machine can do at best, measured: the roofline that profiles hold kernels against.
#ifndef WEFT_RUNTIME_MACHINEPEAK_H
#define WEFT_RUNTIME_MACHINEPEAK_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weft::runtime {

struct MachinePeak {
  int threads = 1;
  std::string vectors;       ///< the widest the host has: "avx512f", "avx2", or "" for the compiler's own
  double flopsPerSecond = 0; ///< f32; a multiply-add counts two
  /// How fast memory is read and written again and again, by how much of it there is: caches, then main
  /// memory.
  struct Level {
    int64_t bytes = 0; ///< of all threads together
    double bytesPerSecond = 0;
  };
  std::vector<Level> memory; ///< by rising size

  /// Between the sizes measured, in proportion to the logarithm of the size.
  double bytesPerSecondAt(int64_t bytes) const;
  /// Nobody can do it in fewer seconds: the roofline.
  double leastSeconds(int64_t flops, int64_t bytes) const;
  /// Whether arithmetic, not memory, is what takes these seconds.
  bool isBoundByCompute(int64_t flops, int64_t bytes) const;
};

/// Keeps `threads` threads busy for about a fifth of a second. What else runs on the machine makes the result
/// smaller; the best of several tries counts.
MachinePeak measureMachinePeak(int threads, const std::function<void(int64_t done, int64_t total)> &progress);

} // namespace weft::runtime

#endif // WEFT_RUNTIME_MACHINEPEAK_H
