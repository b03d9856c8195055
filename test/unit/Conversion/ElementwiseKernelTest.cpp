// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled elementwise ops against the reference, over types, edge values and unit broadcasting.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

static const Tolerance nearly = {4e-6, 1e-6};

/// Several ops of the same operands in one kernel, a result each.
static void expectSameOps(const std::vector<std::string> &ops, const std::vector<HostTensor> &inputs,
                          const std::string &result, Tolerance tolerance = {}) {
  std::string type(dtypeName(inputs[0].dtype())), shape, arguments, operands, types, body, names;
  for (int64_t extent : inputs[0].shape())
    shape += std::to_string(extent) + "x";
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string comma = i ? ", " : "";
    arguments += comma + "%" + std::to_string(i) + ": tensor<" + shape + type + ">";
    operands += comma + "tensor<" + shape + type + ">";
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    std::string comma = i ? ", " : "", name = "%r" + std::to_string(i);
    body += "  " + name + " = weft." + ops[i] + (inputs.size() == 1 ? " %0" : " %0, %1") + " : (" + operands +
            ") -> tensor<" + shape + result + ">\n";
    names += comma + name;
    types += comma + "tensor<" + shape + result + ">";
  }
  expectSame("func.func @k(" + arguments + ") -> (" + types + ") {\n" + body + "  return " + names + " : " +
                 types + "\n}",
             inputs, tolerance);
}

TEST(ElementwiseKernel, FloatBinary) {
  for (const char *op : {"add", "sub", "mul", "div", "max", "min"})
    expectSameOp(std::string("weft.") + op + " %0, %1",
                 {sample(DType::F32, {5, 67}, 1, true), sample(DType::F32, {5, 67}, 2, true)}, {"5x67xf32"},
                 {1e-7, 0});
  for (const char *op : {"pow", "atan2"})
    expectSameOp(std::string("weft.") + op + " %0, %1",
                 {uniform(DType::F32, {37}, 0.1, 4), sample(DType::F32, {37}, 2)}, {"37xf32"}, nearly);
  expectSameOp("weft.rem %0, %1", {sample(DType::F32, {64}, 1), sample(DType::F32, {64}, 5)}, {"64xf32"},
               {0, 0});
  expectSameOp("weft.add %0, %1", {sample(DType::F64, {7}, 1, true), sample(DType::F64, {7}, 2, true)},
               {"7xf64"});
}

TEST(ElementwiseKernel, SixteenBits) {
  for (DType type : {DType::F16, DType::BF16})
    for (const char *op : {"add", "mul", "max"}) {
      std::string name(type == DType::F16 ? "f16" : "bf16");
      expectSameOp(std::string("weft.") + op + " %0, %1",
                   {sample(type, {3, 21}, 1, true), sample(type, {3, 21}, 2, true)}, {"3x21x" + name},
                   {0, 0});
    }
}

TEST(ElementwiseKernel, IntegerBinary) {
  for (DType type : {DType::I8, DType::I32, DType::I64, DType::UI8, DType::UI32, DType::UI64, DType::I16})
    expectSameOps({"add", "mul", "div", "rem", "max", "min", "shl", "shr", "pow", "and", "xor", "or", "sub"},
                  {sample(type, {61}, 1, true), sample(type, {61}, 2, true)}, std::string(dtypeName(type)));
}

TEST(ElementwiseKernel, Unary) {
  expectSameOps({"abs", "neg", "sign", "ceil", "floor", "trunc", "relu", "round even", "round away"},
                {sample(DType::F32, {91}, 3, true)}, "f32");
  expectSameOps({"exp", "expm1", "sin", "cos", "tanh", "erf", "erfc", "logistic", "atan", "cbrt", "sinh",
                 "cosh", "asinh", "tan"},
                {sample(DType::F32, {91}, 4)}, "f32", nearly);
  expectSameOps({"log", "sqrt", "rsqrt", "lgamma", "log1p", "polygamma 0", "polygamma 2"},
                {uniform(DType::F32, {91}, 0.05, 9)}, "f32", nearly);
  expectSameOps({"asin", "acos", "atanh", "erf_inv"}, {uniform(DType::F32, {91}, -0.99, 0.99)}, "f32",
                nearly);
  expectSameOps({"acosh"}, {uniform(DType::F32, {31}, 1, 9)}, "f32", nearly);
  expectSameOps({"lgamma", "erf_inv", "logistic", "exp", "log", "tanh"}, {sample(DType::F32, {91}, 8, true)},
                "f32", {2e-5, 2e-6});
  for (DType type : {DType::I8, DType::I32, DType::UI16, DType::I64})
    expectSameOps({"abs", "neg", "sign", "popcnt", "clz", "not", "relu"}, {sample(type, {40}, 3, true)},
                  std::string(dtypeName(type)));
}

TEST(ElementwiseKernel, Convert) {
  for (DType to : {DType::I8, DType::UI8, DType::I32, DType::UI32, DType::I64, DType::UI64, DType::I1,
                   DType::F16, DType::BF16, DType::F64, DType::F8E4M3FN, DType::F8E5M2})
    for (DType from : {DType::F32, DType::F64, DType::I32, DType::UI8, DType::I1, DType::BF16})
      expectSameOp("weft.convert %0", {sample(from, {73}, 5, true)}, {"73x" + std::string(dtypeName(to))});
  for (DType from : {DType::F8E4M3FN, DType::F8E5M2, DType::F16})
    expectSameOp("weft.convert %0", {sample(from, {73}, 5)}, {"73xf32"});
  expectSameOp("weft.bitcast_convert %0", {sample(DType::F32, {3, 5}, 5)}, {"3x5xi32"});
  expectSameOp("weft.bitcast_convert %0", {sample(DType::F32, {3, 5}, 5)}, {"3x5x4xi8"});
  expectSameOp("weft.bitcast_convert %0", {sample(DType::UI8, {3, 4}, 5)}, {"3xf32"});
}

TEST(ElementwiseKernel, BooleansAndBroadcast) {
  HostTensor x = sample(DType::F32, {4, 1, 7}, 1, true), y = sample(DType::F32, {1, 5, 1}, 2, true);
  for (const char *op : {"eq", "ne", "lt", "le", "gt", "ge"})
    expectSameOp(std::string("weft.compare ") + op + " %0, %1", {x, y}, {"4x5x7xi1"});
  for (const char *op : {"lt", "eq"})
    expectSameOp(std::string("weft.compare ") + op + " %0, %1",
                 {sample(DType::UI8, {33}, 1, true), sample(DType::UI8, {33}, 2, true)}, {"33xi1"});
  expectSameOp("weft.select %0, %1, %2", {sample(DType::I1, {4, 5, 1}, 3), x, y}, {"4x5x7xf32"});
  expectSameOp("weft.clamp %0, %1, %2", {sample(DType::F32, {1, 1, 1}, 3), x, y}, {"4x5x7xf32"});
  expectSameOp("weft.not %0", {sample(DType::I1, {9}, 3)}, {"9xi1"});
  expectSameOp("weft.add %0, %1", {sample(DType::F32, {0, 3}, 3), sample(DType::F32, {1, 3}, 4)},
               {"0x3xf32"});
  expectSameOp("weft.add %0, %1", {sample(DType::F32, {}, 3), sample(DType::F32, {}, 4)}, {"f32"});
}

TEST(ElementwiseKernel, Dynamic) {
  expectSameOp("weft.add %0, %1", {sample(DType::F32, {6, 33}, 3), sample(DType::F32, {1, 33}, 4)},
               {"?x33xf32"}, {}, {"?x33xf32", "1x33xf32"});
  expectSameOp("weft.mul %0, %1", {sample(DType::F32, {6, 33, 2}, 3), sample(DType::F32, {6, 33, 2}, 4)},
               {"?x?x2xf32"}, {}, {"?x?x2xf32", "?x?x2xf32"});
}
