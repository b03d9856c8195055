// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bytes and of bf16 as models have them: with packed weights and with operands that come at run
// time, of every pair of signs, alone and between quantize and dequantize, at odd sizes.
#include "WholeProgram.h"

#include "weft/Support/DType.h"

using namespace weft;

namespace {

struct Product {
  int64_t m, n, k;
  bool aUnsigned, bUnsigned;
};

std::string tensor(std::initializer_list<int64_t> extents, const std::string &type) {
  std::string text = "tensor<";
  for (int64_t extent : extents)
    text += std::to_string(extent) + "x";
  return text + type + ">";
}

/// All bytes there are, extremes more often than others.
HostTensor bytes(bool isUnsigned, const std::vector<int64_t> &shape, unsigned seed) {
  HostTensor values = test::uniform(DType::I32, shape, 0, 1024, seed);
  HostTensor result = *HostTensor::zeros(isUnsigned ? DType::UI8 : DType::I8, shape);
  const int64_t extremes[] = {isUnsigned ? 255 : -128, isUnsigned ? 0 : 127};
  for (int64_t i = 0; i < values.numElements(); ++i) {
    const int64_t value = values.asInt(i);
    result.setInt(i, value < 512 ? extremes[value % 2] : value % 256 - (isUnsigned ? 0 : 128));
  }
  return result;
}

std::vector<Product> products() {
  std::vector<Product> all;
  for (bool a : {false, true})
    for (bool b : {false, true}) {
      all.push_back({17, 31, 64, a, b});
      for (int64_t size : {1, 3, 7, 17, 31, 127}) {
        all.push_back({size, 33, 20, a, b});
        all.push_back({5, size, 20, a, b});
        all.push_back({5, 33, size, a, b});
      }
    }
  return all;
}

std::string nameOf(const Product &p) {
  return std::to_string(p.m) + "x" + std::to_string(p.n) + "x" + std::to_string(p.k) +
         (p.aUnsigned ? " u8" : " s8") + (p.bUnsigned ? " u8" : " s8");
}

std::string dotText(const std::string &a, const std::string &b, const std::string &aType,
                    const std::string &bType, const std::string &type) {
  return "weft.dot_general " + a + ", " + b + " batch [] x [] contract [1] x [0] : (" + aType + ", " + bType +
         ") -> " + type + "\n";
}

/// Many small graphs as one program: linking takes longer than they do.
class Cases {
public:
  explicit Cases(Tolerance tolerance) : tolerance(tolerance) {}
  ~Cases() {
    std::string parameters;
    for (size_t i = 0; i < types.size(); ++i)
      parameters += (i ? ", %in" : "%in") + std::to_string(i) + ": " + types[i];
    test::WholeProgram("func.func @main(" + parameters + ") -> (" + resultTypes + ") {\n" + body + "return " +
                       results + " : " + resultTypes + "\n}\n")
        .expectSame(inputs, tolerance, [&](size_t i) { return labels[i]; });
  }
  std::string input(const HostTensor &value, const std::string &type) {
    inputs.push_back(value);
    types.push_back(type);
    return "%in" + std::to_string(inputs.size() - 1);
  }
  std::string constant(const HostTensor &value, const std::string &type) {
    return define("weft.constant dense<" + test::elementsText(value) + "> : " + type);
  }
  std::string define(const std::string &text) {
    const std::string name = "%v" + std::to_string(numValues++);
    body += name + " = " + text + "\n";
    return name;
  }
  void result(const std::string &value, const std::string &type, const std::string &label) {
    results += (results.empty() ? "" : ", ") + value;
    resultTypes += (resultTypes.empty() ? "" : ", ") + type;
    labels.push_back(label);
  }

private:
  Tolerance tolerance;
  std::vector<HostTensor> inputs;
  std::vector<std::string> types, labels;
  std::string body, results, resultTypes;
  int numValues = 0;
};

TEST(Quantised, ProductsOfBytesAreExact) {
  Cases cases(Tolerance{0, 0});
  for (const Product &p : products())
    for (bool isConstant : {true, false}) {
      const std::string aType = tensor({p.m, p.k}, p.aUnsigned ? "ui8" : "i8"),
                        bType = tensor({p.k, p.n}, p.bUnsigned ? "ui8" : "i8"),
                        type = tensor({p.m, p.n}, "i32");
      const HostTensor b = bytes(p.bUnsigned, {p.k, p.n}, 2);
      const std::string x = cases.input(bytes(p.aUnsigned, {p.m, p.k}, 1), aType),
                        w = isConstant ? cases.constant(b, bType) : cases.input(b, bType);
      cases.result(cases.define(dotText(x, w, aType, bType, type)), type,
                   nameOf(p) + (isConstant ? "" : " at run time"));
    }
}

// Zero points, scales of columns, a bias, requantised: the same but for rounding.
TEST(Quantised, QuantisedLayersAgree) {
  Cases cases(Tolerance{1e-4, 1e-5});
  for (const Product &p : products()) {
    if (p.bUnsigned)
      continue; // weights have no zero point
    const std::string q = p.aUnsigned ? "ui8" : "i8", aType = tensor({p.m, p.k}, q),
                      bType = tensor({p.k, p.n}, "i8"), aFloats = tensor({p.m, p.k}, "f32"),
                      bFloats = tensor({p.k, p.n}, "f32"), floats = tensor({p.m, p.n}, "f32"),
                      columns = tensor({p.n}, "f32"), bias = tensor({1, p.n}, "f32"),
                      zeroType = "tensor<" + q + ">", one = "tensor<f32>";
    const HostTensor zero = p.aUnsigned ? HostTensor::scalar<uint8_t>(131) : HostTensor::scalar<int8_t>(-3);
    const std::string x = cases.input(bytes(p.aUnsigned, {p.m, p.k}, 3), aType),
                      z = cases.input(zero, zeroType),
                      shift = cases.input(test::uniform(DType::F32, {1, p.n}, -1, 1, 6), bias),
                      w = cases.constant(bytes(false, {p.k, p.n}, 4), bType),
                      sx = cases.define("weft.constant dense<0.02> : " + one),
                      sy = cases.define("weft.constant dense<0.25> : " + one),
                      zy = cases.define("weft.constant dense<7> : " + zeroType),
                      sw = cases.constant(test::uniform(DType::F32, {p.n}, 0.001, 0.01, 5), columns);
    const std::string fx = cases.define("weft.dequantize " + x + ", " + sx + ", " + z + " : (" + aType +
                                        ", " + one + ", " + zeroType + ") -> " + aFloats);
    const std::string fw = cases.define("weft.dequantize " + w + ", " + sw + " {axis = 1 : i64} : (" + bType +
                                        ", " + columns + ") -> " + bFloats);
    const std::string product = cases.define(dotText(fx, fw, aFloats, bFloats, floats));
    const std::string y =
        cases.define("weft.add " + product + ", " + shift + " : (" + floats + ", " + bias + ") -> " + floats);
    const std::string packed = cases.define("weft.quantize " + y + ", " + sy + ", " + zy + " : (" + floats +
                                            ", " + one + ", " + zeroType + ") -> " + tensor({p.m, p.n}, q));
    cases.result(y, floats, nameOf(p));
    cases.result(packed, tensor({p.m, p.n}, q), nameOf(p) + " quantised");
  }
}

TEST(Quantised, ProductsOfBF16) {
  Cases cases(Tolerance{0.01, 0.01});
  for (const Product &p : products()) {
    if (p.aUnsigned || p.bUnsigned)
      continue;
    const std::string aType = tensor({p.m, p.k}, "bf16"), bType = tensor({p.k, p.n}, "bf16"),
                      type = tensor({p.m, p.n}, "bf16");
    const std::string x = cases.input(test::uniform(DType::BF16, {p.m, p.k}, -1, 1, 7), aType),
                      w = cases.constant(test::uniform(DType::BF16, {p.k, p.n}, -1, 1, 8), bType);
    cases.result(cases.define(dotText(x, w, aType, bType, type)), type, nameOf(p));
  }
}

} // namespace
