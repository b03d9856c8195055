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
      std::string result = std::string(axes) == "[0]" ? "5x33xf32" : std::string(axes) == "[1]" ? "3x33xf32" : std::string(axes) == "[2]" ? "3x5xf32"
                           : std::string(axes) == "[0, 2]" ? "5xf32" : std::string(axes) == "[1, 2]" ? "3xf32" : "f32";
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes " + axes, {uniform(DType::F32, {3, 5, 33}, 0.5, 1.5)}, {result}, nearly);
    }
}

TEST(ReduceKernel, EdgesAndTypes) {
  for (const char *kind : {"max", "min"})
    for (const char *axes : {"[0]", "[1]"})
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes " + axes, {sample(DType::F32, {19, 19}, 1, true)}, {"19xf32"});
  expectSameOp("weft.reduce add %0 axes [1]", {sample(DType::BF16, {7, 300}, 1)}, {"7xbf16"}, {1e-2, 1e-2});
  for (DType type : {DType::I32, DType::UI8, DType::I64})
    for (const char *kind : {"add", "mul", "max", "min", "and", "or", "xor"})
      expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [1]", {sample(type, {4, 17}, 1, true)}, {"4x" + std::string(dtypeName(type))});
  for (const char *kind : {"and", "or", "xor", "max"})
    expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [0]", {sample(DType::I1, {6, 5}, 1)}, {"5xi1"});
  for (const char *kind : {"add", "mul", "max", "min"})
    expectSameOp(std::string("weft.reduce ") + kind + " %0 axes [1]", {sample(DType::F32, {4, 0}, 1)}, {"4xf32"});
  expectSameOp("weft.reduce add %0 axes [1]", {sample(DType::F32, {70, 100}, 1)}, {"?xf32"}, nearly, {"?x?xf32"});
  expectSameOp("weft.reduce add %0 axes [0]", {sample(DType::F32, {70, 100}, 1)}, {"?xf32"}, nearly, {"?x?xf32"});
}

TEST(ReduceKernel, Arg) {
  for (const char *kind : {"max", "min"})
    for (const char *tie : {"", " tie last"})
      for (int axis : {0, 1})
        for (DType type : {DType::F32, DType::I8, DType::UI8, DType::I1})
          expectSameOp(std::string("weft.arg_reduce ") + kind + " %0 axis " + std::to_string(axis) + tie, {sample(type, {21, 21}, 3, true)}, {"21xi64"});
}

TEST(ReduceKernel, Cumulative) {
  for (const char *attributes : {"", " {reverse = true}", " {exclusive = true}", " {reverse = true, exclusive = true}"})
    for (int axis : {0, 1, 2})
      expectSameOp("weft.cumulative add %0 axis " + std::to_string(axis) + attributes, {sample(DType::F32, {3, 9, 5}, 3)}, {"3x9x5xf32"}, nearly);
  for (const char *kind : {"mul", "max", "min", "logaddexp"})
    expectSameOp(std::string("weft.cumulative ") + kind + " %0 axis 1", {uniform(DType::F32, {3, 9}, -1, 1)}, {"3x9xf32"}, nearly);
  expectSameOp("weft.cumulative add %0 axis 0", {sample(DType::I32, {40}, 3, true)}, {"40xi32"});
}

TEST(ReduceKernel, Contract) {
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {sample(DType::F64, {13, 7}, 1), sample(DType::F64, {7, 9}, 2)}, {"13x9xf64"}, nearly);
  expectSameOp("weft.dot_general %0, %1 batch [0] x [1] contract [2] x [2]", {sample(DType::F32, {3, 13, 7}, 1), sample(DType::F32, {5, 3, 7}, 2)}, {"3x13x5xf32"}, nearly);
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {sample(DType::I8, {4, 7}, 1, true), sample(DType::I8, {7, 9}, 2, true)}, {"4x9xi32"});
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {sample(DType::BF16, {4, 17}, 1), sample(DType::BF16, {17, 9}, 2)}, {"4x9xbf16"}, {1e-2, 1e-2});
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [0, 1] x [0, 1]", {sample(DType::F32, {4, 7}, 1), sample(DType::F32, {4, 7}, 2)}, {"f32"}, nearly);
}

TEST(ReduceKernel, Normalisations) {
  for (int axis : {0, 1, 2})
    expectSameOp("weft.softmax %0 axis " + std::to_string(axis), {sample(DType::F32, {3, 17, 40}, 1)}, {"3x17x40xf32"}, nearly);
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::BF16, {3, 50}, 1)}, {"3x50xbf16"}, {1e-2, 1e-3});
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::F32, {30, 50}, 1)}, {"?x50xf32"}, nearly, {"?x50xf32"});
  expectSameOp("weft.softmax %0 axis 1", {sample(DType::F32, {30, 50}, 1)}, {"?x?xf32"}, nearly, {"?x?xf32"});
  for (const char *center : {"", " {center = false}"})
    for (const char *axes : {"[2]", "[1, 2]", "[0]", "[0, 2]"}) {
      std::string a = axes, kept = a == "[2]" ? "4x6x1xf32" : a == "[1, 2]" ? "4x1x1xf32" : a == "[0]" ? "1x6x35xf32" : "1x6x1xf32";
      expectSameOp("weft.normalize %0 axes " + a + " epsilon 1.0e-5" + center, {sample(DType::F32, {4, 6, 35}, 1)}, {"4x6x35xf32", kept, kept}, {1e-4, 1e-4});
    }
}
