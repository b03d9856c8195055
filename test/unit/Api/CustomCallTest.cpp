// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extensions: a custom call runs the host function of its name with its attributes, or the ops of its
// decomposition.
#include "SmallGraph.h"

#include "weft/Runtime/HostFunctions.h"

#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

using namespace weft;
using namespace weft::test;

namespace {

Result<std::vector<HostTensor>> runText(const std::string &text, const std::vector<HostTensor> &inputs) {
  std::string path = testing::TempDir() + "/custom-" + std::to_string(::getpid()) + ".mlir";
  std::ofstream(path) << text;
  CompileOptions options;
  options.useCache = false;
  auto executable = compile(path, options);
  std::remove(path.c_str());
  WEFT_RETURN_IF_ERROR(executable.status());
  WEFT_ASSIGN_OR_RETURN(auto session, Session::create(*executable));
  return session->run(inputs);
}

/// y = factor x + shift[0], as many times as `again` says.
Status scaleAndShift(std::span<const runtime::HostBuffer> args, const runtime::HostAttributes &attributes) {
  if (args.size() != 2 || args[0].dtype != DType::F32 || !args[1].isResult)
    return invalidArgument("wanted one f32 operand");
  const auto *from = static_cast<const float *>(args[0].data);
  auto *to = static_cast<float *>(args[1].data);
  const std::vector<int64_t> shift = attributes.getInts("shift");
  for (int64_t i = 0; i < args[0].dims[0]; ++i)
    to[i] = from[i] * float(attributes.getFloat("factor", 0)) * float(attributes.getInt("again", 0)) +
            float(shift.at(0));
  return attributes.getString("name") == "scale" ? Status::ok() : internalError("the name is lost");
}

TEST(CustomCall, RunsTheHostFunctionOfItsName) {
  runtime::registerHostFunction("test.scale_and_shift", scaleAndShift);
  auto results = runText(R"(
    func.func @main(%x: tensor<3xf32> {weft.name = "x"}) -> (tensor<3xf32> {weft.name = "y"}) {
      %0 = weft.neg %x : (tensor<3xf32>) -> tensor<3xf32>
      %1 = weft.custom_call "test.scale_and_shift"(%0) {config = {factor = 0.5 : f32, again = true, name = "scale",
        shift = array<i64: 7, 8>}} : (tensor<3xf32>) -> tensor<3xf32>
      %2 = weft.add %1, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      return %2 : tensor<3xf32>
    })",
                         {*HostTensor::fromValues<float>({3}, {2, 4, 6})});
  ASSERT_TRUE(results.isOk()) << results.status();
  EXPECT_THAT(std::vector<float>((*results)[0].data<float>(), (*results)[0].data<float>() + 3),
              testing::ElementsAre(8, 9, 10));
}

TEST(CustomCall, IsItsDecomposition) {
  const char *text = R"(
    func.func private @twice(%a: tensor<3xf32>) -> tensor<3xf32> {
      %0 = weft.add %a, %a : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      return %0 : tensor<3xf32>
    }
    func.func @main(%x: tensor<3xf32> {weft.name = "x"}) -> (tensor<3xf32> {weft.name = "y"}) {
      %0 = weft.custom_call "nobody.has_this"(%x) {decomposition = @twice} : (tensor<3xf32>) -> tensor<3xf32>
      return %0 : tensor<3xf32>
    })";
  auto results = runText(text, {*HostTensor::fromValues<float>({3}, {2, 4, 6})});
  ASSERT_TRUE(results.isOk()) << results.status();
  EXPECT_THAT(std::vector<float>((*results)[0].data<float>(), (*results)[0].data<float>() + 3),
              testing::ElementsAre(4, 8, 12));
}

TEST(CustomCall, IsRefusedWhereNobodyHasIt) {
  auto results = runText(R"(
    func.func @main(%x: tensor<3xf32> {weft.name = "x"}) -> (tensor<3xf32> {weft.name = "y"}) {
      %0 = weft.custom_call "nobody.has_this"(%x) : (tensor<3xf32>) -> tensor<3xf32>
      return %0 : tensor<3xf32>
    })",
                         {*HostTensor::fromValues<float>({3}, {2, 4, 6})});
  EXPECT_EQ(results.code(), Code::Unimplemented);
  EXPECT_THAT(results.status().message(), testing::HasSubstr("'nobody.has_this'"));
}

} // namespace
