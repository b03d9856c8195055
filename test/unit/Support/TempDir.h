// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder of one test, removed with all that is in it.
#ifndef WEFT_TEST_UNIT_SUPPORT_TEMPDIR_H
#define WEFT_TEST_UNIT_SUPPORT_TEMPDIR_H

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace weft {

class TempDir {
public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
    if (!mkdtemp(name.data()))
      ADD_FAILURE() << "no temporary folder";
    path = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

} // namespace weft

#endif // WEFT_TEST_UNIT_SUPPORT_TEMPDIR_H
