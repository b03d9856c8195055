// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled reductions, running reductions, contractions and normalisations against the reference.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

static const Tolerance nearly = {1e-5, 1e-5};

TEST(ReduceKernel, Kinds) {
  for (const char *kind : {"add", "mul", "max", "min", "logaddexp"})
    for (const char *axes : {"[0]", "[1]", "[2]", "[0, 2]", "[0, 1, 2]", "[1, 2]"}) {
      std::string result = std::string(axes) == "[0]"      ? "5x33xf32"
                           : std::string(axes) == "[1]"    ? "3x33xf32"
                           : std::string(axes) == "[2]"    ? "3x5xf32"
                           : std::string(axes) == "[0, 2]" ? "5xf32"
                           : std::string(axes) == "[1, 2]" ? "3xf32"
                                                           : "f32";
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes " + axes,
                   {uniform(DType::F32, {3, 5, 33}, 0.5, 1.5)}, {result}, nearly);
    }
}

TEST(ReduceKernel, EdgesAndTypes) {
  for (const char *kind : {"max", "min"})
    for (const char *axes : {"[0]", "[1]"})
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes " + axes,
                   {sample(DType::F32, {19, 19}, 1, true)}, {"19xf32"});
  expectSameOp("weft.reduce add %0 axes [1]", {sample(DType::BF16, {7, 300}, 1)}, {"7xbf16"}, {1e-2, 1e-2});
  for (DType type : {DType::I32, DType::UI8, DType::I64})
    for (const char *kind : {"add", "mul", "max", "min", "and", "or", "xor"})
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [1]", {sample(type, {4, 17}, 1, true)},
                   {"4x" + std::string(dtypeName(type))});
  for (const char *kind : {"and", "or", "xor"})
    expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [0]", {sample(DType::I1, {6, 5}, 1)},
                 {"5xi1"});
  for (const char *kind : {"add", "mul", "max", "min"})
    expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [1]", {sample(DType::F32, {4, 0}, 1)},
                 {"4xf32"});
  expectSameOp("weft.reduce add %0 axes [1]", {sample(DType::F32, {70, 100}, 1)}, {"?xf32"}, nearly,
               {"?x?xf32"});
  expectSameOp("weft.reduce add %0 axes [0]", {sample(DType::F32, {70, 100}, 1)}, {"?xf32"}, nearly,
               {"?x?xf32"});
}

TEST(ReduceKernel, Arg) {
  for (const char *kind : {"max", "min"})
    for (const char *tie : {"", " tie last"})
      for (int axis : {0, 1})
        for (DType type : {DType::F32, DType::I8, DType::UI8, DType::I1})
          expectSameOp(std::string("weft.arg_reduce ") + kind + " %0 axis " + std::to_string(axis) + tie,
                       {sample(type, {21, 21}, 3, true)}, {"21xi64"});
}

TEST(ReduceKernel, Cumulative) {
  for (const char *attributes :
       {"", " {reverse = true}", " {exclusive = true}", " {reverse = true, exclusive = true}"})
    for (int axis : {0, 1, 2})
      expectSameOp("weft.cumulative add %0 axis " + std::to_string(axis) + attributes,
                   {sample(DType::F32, {3, 9, 5}, 3)}, {"3x9x5xf32"}, nearly);
  for (const char *kind : {"mul", "max", "min", "logaddexp"})
    expectSameOp(std::string("weft.cumulative ") + kind + " %0 axis 1", {uniform(DType::F32, {3, 9}, -1, 1)},
                 {"3x9xf32"}, nearly);
  expectSameOp("weft.cumulative add %0 axis 0", {sample(DType::I32, {40}, 3, true)}, {"40xi32"});
}

TEST(ReduceKernel, Contract) {
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
               {sample(DType::F64, {13, 7}, 1), sample(DType::F64, {7, 9}, 2)}, {"13x9xf64"}, nearly);
  expectSameOp("weft.dot_general %0, %1 batch [0] x [1] contract [2] x [2]",
               {sample(DType::F32, {3, 13, 7}, 1), sample(DType::F32, {5, 3, 7}, 2)}, {"3x13x5xf32"}, nearly);
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
               {sample(DType::I8, {4, 7}, 1, true), sample(DType::I8, {7, 9}, 2, true)}, {"4x9xi32"});
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
               {sample(DType::BF16, {4, 17}, 1), sample(DType::BF16, {17, 9}, 2)}, {"4x9xbf16"},
               {1e-2, 1e-2});
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [0, 1] x [0, 1]",
               {sample(DType::F32, {4, 7}, 1), sample(DType::F32, {4, 7}, 2)}, {"f32"}, nearly);
}

TEST(ReduceKernel, Normalisations) {
  for (int axis : {0, 1, 2})
    expectSameOp("weft.softmax %0 axis " + std::to_string(axis), {sample(DType::F32, {3, 17, 40}, 1)},
                 {"3x17x40xf32"}, nearly);
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::BF16, {3, 50}, 1)}, {"3x50xbf16"}, {1e-2, 1e-3});
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::F32, {30, 50}, 1)}, {"?x50xf32"}, nearly,
               {"?x50xf32"});
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::F32, {30, 50}, 1)}, {"?x?xf32"}, nearly, {"?x?xf32"});
  for (const char *center : {"", " {center = false}"})
    for (const char *axes : {"[2]", "[1, 2]", "[0]", "[0, 2]"}) {
      std::string a = axes, kept = a == "[2]"      ? "4x6x1xf32"
                                   : a == "[1, 2]" ? "4x1x1xf32"
                                   : a == "[0]"    ? "1x6x35xf32"
                                                   : "1x6x1xf32";
      expectSameOp("weft.normalize %0 axes " + a + " epsilon 1.0e-5" + center,
                   {sample(DType::F32, {4, 6, 35}, 1)}, {"4x6x35xf32", kept, kept}, {1e-4, 1e-4});
    }
}

TEST(ReduceKernel, Attention) {
  HostTensor q = sample(DType::F32, {2, 4, 5, 8}, 1), k = sample(DType::F32, {2, 2, 7, 8}, 2),
             v = sample(DType::F32, {2, 2, 7, 6}, 3);
  std::vector<std::string> results = {"2x4x5x6xf32", "2x4x5xf32"};
  Tolerance loose = {1e-4, 1e-5};
  std::string text = "weft.attention %0, %1, %2 {scale = 0.3";
  expectSameOp(text + "}", {q, k, v}, results, loose);
  expectSameOp(text + ", softcap = 2.0, window_left = 1 : i64}", {q, k, v}, results, loose);
  for (const char *causal : {"top_left", "bottom_right"})
    expectSameOp(text + ", causal = #weft<causal " + causal + ">}", {q, k, v}, results, loose);
  expectSameOp("weft.attention %0, %1, %2 mask %3 {scale = 0.3}",
               {q, k, v, sample(DType::I1, {2, 1, 5, 7}, 4)}, results, loose);
  expectSameOp("weft.attention %0, %1, %2 mask %3 {scale = 0.3}",
               {q, k, v, sample(DType::F32, {1, 1, 5, 7}, 4)}, results, loose);
  expectSameOp("weft.attention %0, %1, %2 kv_length %3 {scale = 0.3, causal = #weft<causal bottom_right>}",
               {q, k, v, uniform(DType::I64, {2}, 2, 8)}, results, loose);
  expectSameOp("weft.attention %0, %1, %2 rng %3 {scale = 0.3, dropout = 0.25}",
               {q, k, v, sample(DType::UI32, {2}, 4)}, results, loose);
}

TEST(ReduceKernel, Fft) {
  for (const char *inverse : {"", " {inverse = true}"})
    expectSameOp(std::string("weft.fft c2c %0, %1 axes [1]") + inverse,
                 {sample(DType::F32, {3, 6}, 1), sample(DType::F32, {3, 6}, 2)}, {"3x6xf32", "3x6xf32"},
                 nearly);
  for (const char *shape : {"6", "5"}) {
    int64_t n = shape[0] - '0';
    expectSameOp("weft.fft r2c %0 axes [0, 1]", {sample(DType::F32, {4, n}, 1)},
                 {std::string("4x") + (n == 6 ? "4" : "3") + "xf32",
                  std::string("4x") + (n == 6 ? "4" : "3") + "xf32"},
                 nearly);
  }
  for (int64_t n : {6, 7}) {
    std::vector<int64_t> half = {3, n / 2 + 1};
    expectSameOp("weft.fft c2r %0, %1 axes [1] {inverse = true, length = " + std::to_string(n) + " : i64}",
                 {sample(DType::F32, half, 1), sample(DType::F32, half, 2)},
                 {"3x" + std::to_string(n) + "xf32"}, nearly);
  }
}
