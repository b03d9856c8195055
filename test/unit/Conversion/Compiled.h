// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds kernels compiled by way of linalg and loops against the reference.
#ifndef WEFT_TEST_UNIT_CONVERSION_COMPILED_H
#define WEFT_TEST_UNIT_CONVERSION_COMPILED_H

#include "weft/Support/HostTensor.h"
#include "weft/Support/TensorCompare.h"
#include <gtest/gtest.h>

namespace weft::test {

/// A tensor of ordinary numbers (repeatable by `seed`), mixed with infinities, NaN, zeros and extremes of the
/// type when `edges`.
HostTensor sample(DType type, std::vector<int64_t> shape, unsigned seed = 1, bool edges = false);
/// Uniform numbers in [low, high).
HostTensor uniform(DType type, std::vector<int64_t> shape, double low, double high, unsigned seed = 1);

/// Compiles @k of `module`, runs all its chunks and compares every result with the reference.
void expectSame(const std::string &module, const std::vector<HostTensor> &inputs, Tolerance tolerance = {});
/// Runs @k of `module` on the emulator under every order of threads: the bits must be the same.
void expectSameBitsInEveryOrder(const std::string &module, const std::vector<HostTensor> &inputs);
/// The same as expectSame for one op written with %0, %1, ... and without its type: operand types are the
/// inputs' (or `operandTypes`), as between tensor< and >.
void expectSameOp(const std::string &op, const std::vector<HostTensor> &inputs,
                  const std::vector<std::string> &results, Tolerance tolerance = {},
                  std::vector<std::string> operandTypes = {});

} // namespace weft::test

#endif // WEFT_TEST_UNIT_CONVERSION_COMPILED_H
