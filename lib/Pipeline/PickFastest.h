// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which of several ways to do the same is fastest, when each measurement is disturbed by what else the
// machine does.
#ifndef WEFT_LIB_PIPELINE_PICKFASTEST_H
#define WEFT_LIB_PIPELINE_PICKFASTEST_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstddef>

namespace weft {

struct Picked {
  size_t way = 0;
  double ms = 0, firstMs = 0; ///< least times of that way and of way 0
};

/// Times `ways` ways in turn: `timeOf(i)` does way i once and tells how long it took, in ms. What is far
/// behind is left out after some rounds. Another way than the first is picked only when it is better by
/// `margin` (a share of the first's time) then and in rounds against the first alone, so that luck does not
/// win. `mayGoOn()` is asked before each round; without the time for the last ones, way 0 is picked.
Picked pickFastest(size_t ways, double margin, llvm::function_ref<double(size_t)> timeOf,
                   llvm::function_ref<bool()> mayGoOn);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_PICKFASTEST_H
