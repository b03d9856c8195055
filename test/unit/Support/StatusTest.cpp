// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Status, Result and their macros.
#include "weft/Support/Status.h"

#include <gtest/gtest.h>

using namespace weft;

namespace {

Result<int> half(int number) {
  if (number % 2)
    return invalidArgument(number, " is odd");
  return number / 2;
}

Status addHalf(int number, int &sum) {
  WEFT_ASSIGN_OR_RETURN(const int h, half(number));
  sum += h;
  return Status::ok();
}

Status outer(int number, int &sum) {
  WEFT_RETURN_IF_ERROR(addHalf(number, sum).context("outer"));
  return Status::ok();
}

TEST(Status, CarriesCodeMessageAndContext) {
  EXPECT_TRUE(Status::ok().isOk());
  EXPECT_EQ(Status::ok().toString(), "OK");
  EXPECT_EQ(Status::ok().context("x").toString(), "OK");
  const Status status = outOfRange("found ", 3, ", wanted ", 2).context("inner").context("file");
  EXPECT_EQ(status.code(), Code::OutOfRange);
  EXPECT_EQ(status.toString(), "OUT_OF_RANGE: file: inner: found 3, wanted 2");
  EXPECT_EQ(codeName(Code::Unauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(codeName(Code(99)), "UNKNOWN");
}

TEST(Status, MacrosPassErrorsOn) {
  int sum = 1;
  EXPECT_TRUE(outer(6, sum).isOk());
  EXPECT_EQ(sum, 4);
  EXPECT_EQ(outer(7, sum).message(), "outer: 7 is odd");
  EXPECT_EQ(sum, 4);
}

TEST(Result, HoldsMoveOnlyValues) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  Result<std::unique_ptr<int>> result = make();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(**result, 5);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
  const Result<std::unique_ptr<int>> error = notFound("gone");
  EXPECT_FALSE(error.isOk());
  EXPECT_EQ(error.code(), Code::NotFound);
}

TEST(Status, PrintsShapes) {
  EXPECT_EQ(shapeString(std::vector<int64_t>{}), "scalar");
  EXPECT_EQ(shapeString(std::vector<int64_t>{2, -1, 0}), "2x?x0");
}

} // namespace
