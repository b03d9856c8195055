// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .weft files from bytes, as they are and with the manifest's hash made right, so that what lies behind it is
// reached. A program that is accepted is planned, its code images are checked, and it can be written again.
#include "Container.h"

#include "weft/Program/ImageCheck.h"
#include "weft/Program/MemoryPlan.h"
#include "weft/Program/Reader.h"
#include "weft/Program/Writer.h"

#include <cstdint>
#include <cstdlib>

using namespace weft;
using namespace weft::program;

static void readAndUse(std::span<const std::byte> bytes) {
  ReadOptions options;
  options.resolveExternal = false; // no files of this machine
  const Result<LoadedProgram> loaded = readProgram(bytes, nullptr, options);
  if (!loaded.isOk())
    return;
  const Program &program = loaded->program;
  for (const CodeImage &image : program.images)
    (void)checkImage(image.bytes.bytes);
  const std::vector<int64_t> symbols(program.symbols.size(), 7);
  std::vector<int64_t> values;
  program.exprs.evaluate(symbols, values);
  (void)planArenas(program, values);
  const std::vector<std::string> names(program.symbols.size(), "s");
  for (ExprId e = 0; e < program.exprs.size(); ++e)
    (void)program.exprs.toString(e, names);
  bool isComplete = true;
  for (const Constant &constant : program.constants)
    isComplete &= constant.value.isValid();
  if (isComplete && !serializeProgram(program).isOk())
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::useWithRightHash(data, size, readAndUse);
  return 0;
}
