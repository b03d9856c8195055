// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the reference share: tensors from numbers, ops from text, results as numbers.
#ifndef WEFT_TEST_UNIT_REFERENCE_HARNESS_H
#define WEFT_TEST_UNIT_REFERENCE_HARNESS_H

#include "weft/Reference/Interpreter.h"
#include "weft/Support/HostTensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace weft::test {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

/// A tensor of `numbers` rounded to the type.
HostTensor tensor(DType type, std::vector<int64_t> shape, const std::vector<double> &numbers);
/// One of rank 1.
HostTensor vec(DType type, const std::vector<double> &numbers);
inline HostTensor f32(const std::vector<double> &numbers) { return vec(DType::F32, numbers); }
inline HostTensor i64(const std::vector<double> &numbers) { return vec(DType::I64, numbers); }
/// Rank-0 i64.
inline HostTensor shapeValue(int64_t value) { return HostTensor::scalar<int64_t>(value); }
/// 0, 1, 2, ...
HostTensor count(DType type, std::vector<int64_t> shape);

/// "tensor<2x3xf32>".
std::string typeOf(const HostTensor &x);

/// Runs @main of a module on inputs. A failure gives no tensors and its diagnostics in `errors`.
struct Outcome {
  std::vector<HostTensor> results;
  std::string errors;
};
Outcome runModule(const std::string &text, const std::vector<HostTensor> &inputs,
                  const reference::InterpreterOptions &options = {});

/// Evaluates one op written with %0, %1, .. for `operands` and without its type: evaluate("weft.add %0, %1",
/// {a, b},
/// {"2xf32"}). Result types are as between tensor< and >; operand types those of the tensors, or
/// `operandTypes`.
Outcome evaluateAll(const std::string &op, const std::vector<HostTensor> &operands,
                    const std::vector<std::string> &resultTypes,
                    const std::vector<std::string> &operandTypes = {});
/// Its only result; a failure of the test when there is none.
HostTensor evaluate(const std::string &op, const std::vector<HostTensor> &operands,
                    const std::string &resultType, const std::vector<std::string> &operandTypes = {});
/// An elementwise op of one operand, or of two of the same shape and type.
HostTensor unary(const std::string &op, const HostTensor &x);
HostTensor binary(const std::string &op, const HostTensor &x, const HostTensor &y);

/// The elements as doubles.
std::vector<double> numbers(const HostTensor &x);
/// The elements of an integer tensor; ui64 by its bits.
std::vector<int64_t> integers(const HostTensor &x);

/// All elements equal (NaN equals NaN), or within `relative` of the wanted number.
void expectNumbers(const HostTensor &x, const std::vector<double> &wanted, double relative = 0);

} // namespace weft::test

#endif // WEFT_TEST_UNIT_REFERENCE_HARNESS_H
