// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links objects with a spawned ld.lld inside a private temporary folder, which is removed afterwards.
#include "weft/Codegen/CPU/LinkImage.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

/// ld.lld beside the LLVM that Weft was configured with, else from PATH.
static std::string findLinker() {
#ifdef WEFT_LLVM_TOOLS_DIR
  std::string beside = std::string(WEFT_LLVM_TOOLS_DIR) + "/ld.lld";
  if (sys::fs::can_execute(beside))
    return beside;
#endif
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return "";
}

static Error writeFile(StringRef path, StringRef bytes) {
  std::error_code code;
  raw_fd_ostream stream(path, code);
  if (code)
    return createStringError(path + ": " + code.message());
  stream << bytes;
  stream.close();
  if (stream.has_error()) {
    code = stream.error();
    stream.clear_error();
    return createStringError(path + ": " + code.message());
  }
  return Error::success();
}

static Expected<SmallVector<char, 0>> link(ArrayRef<StringRef> objects, ArrayRef<StringRef> flags) {
  std::string linker = findLinker();
  if (linker.empty())
    return createStringError(
        "ld.lld not found beside LLVM or on PATH; it makes the image of compiled kernels (Debian: lld-22)");
  SmallString<128> folder;
  if (std::error_code code = sys::fs::createUniqueDirectory("weft-link", folder))
    return createStringError("no temporary folder for linking: " + code.message());
  auto cleanup = make_scope_exit([&] { sys::fs::remove_directories(folder); });
  auto inFolder = [&](const Twine &name) { return (Twine(folder) + "/" + name).str(); };

  std::vector<std::string> files;
  for (auto [index, object] : enumerate(objects)) {
    files.push_back(inFolder(Twine(index) + ".o"));
    if (Error error = writeFile(files.back(), object))
      return error;
  }
  std::string image = inFolder("image.so"), log = inFolder("log");
  std::vector<StringRef> args = {linker, "--build-id=none", "--strip-debug", "--threads=1", "-o", image};
  args.insert(args.end(), flags.begin(), flags.end());
  args.insert(args.end(), files.begin(), files.end());
  std::string message;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  int code = sys::ExecuteAndWait(linker, args, std::nullopt, redirects, 0, 0, &message);
  if (code != 0) {
    if (auto text = MemoryBuffer::getFile(log))
      message += (*text)->getBuffer().trim();
    return createStringError(linker + " failed (" + Twine(code).str() + "): " + message);
  }
  auto bytes = MemoryBuffer::getFile(image, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!bytes)
    return createStringError("the linked image is missing: " + bytes.getError().message());
  return SmallVector<char, 0>((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
}

Expected<SmallVector<char, 0>> weft::cpu::linkImage(ArrayRef<StringRef> objects) {
  return link(objects, {"-shared", "--hash-style=gnu", "-Bsymbolic", "--no-undefined", "--gc-sections"});
}

Expected<SmallVector<char, 0>> weft::cpu::linkRelocatable(ArrayRef<StringRef> objects) {
  return link(objects, {"-r"});
}
