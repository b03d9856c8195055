// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// classify MODEL PICTURES.npy: the best class of each picture, by a model whose first output is a score per
// class.
#include <weft/Support/Npy.h>
#include <weft/Weft.h>

#include <algorithm>
#include <cstdio>

static int fail(const weft::Status &status) {
  std::fprintf(stderr, "classify: %s\n", status.message().c_str());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL PICTURES.npy\n");
    return 2;
  }
  auto pictures = weft::readNpy(argv[2]);
  if (!pictures.isOk())
    return fail(pictures.status());
  // Compiled once; the next start finds the program in the cache.
  auto executable = weft::compile(argv[1]);
  if (!executable.isOk())
    return fail(executable.status());
  auto session = weft::Session::create(*executable);
  if (!session.isOk())
    return fail(session.status());
  auto results = (*session)->run(std::vector<weft::HostTensor>{*pictures});
  if (!results.isOk())
    return fail(results.status());
  const weft::HostTensor &scores = (*results)[0];
  if (scores.dtype() != weft::DType::F32 || scores.rank() != 2 || scores.dim(1) < 1)
    return fail(
        weft::invalidArgument("the model gives ", scores.typeString(), ", wanted f32[pictures x classes]"));
  for (int64_t i = 0; i < scores.dim(0); ++i) {
    const float *row = scores.data<float>() + i * scores.dim(1);
    std::printf("picture %lld: class %lld\n", (long long)i,
                (long long)(std::max_element(row, row + scores.dim(1)) - row));
  }
  return 0;
}
