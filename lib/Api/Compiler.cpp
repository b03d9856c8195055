// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds and opens libWeftCompiler.so: $WEFT_COMPILER, beside the running library or program, ../lib of it,
// then the system's search path. RTLD_LOCAL keeps its LLVM to itself.
#include "Compiler.h"

#include "weft/Support/File.h"
#include "weft/Support/Sha256.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <mutex>
#include <unistd.h>

using namespace weft;

static constexpr const char *libraryName = "libWeftCompiler.so";

Result<std::string> weft::findCompiler() {
  if (const char *path = std::getenv("WEFT_COMPILER"); path && *path)
    return std::string(path);
  Dl_info info;
  std::string folder;
  if (dladdr(reinterpret_cast<void *>(&findCompiler), &info) && info.dli_fname) {
    // A program started by its bare name, from $PATH, has no folder in that name.
    char *real = realpath(std::strchr(info.dli_fname, '/') ? info.dli_fname : "/proc/self/exe", nullptr);
    folder = real ? real : info.dli_fname;
    std::free(real);
    folder = folder.substr(0, folder.rfind('/'));
  }
  std::string looked;
  for (const char *place : {"/", "/../lib/", "/../lib/weft/"}) {
    std::string path = folder + place + libraryName;
    if (access(path.c_str(), R_OK) == 0)
      return path;
    looked += "\n  " + path;
  }
  return notFound("the compiler library was not found; looked at $WEFT_COMPILER and", looked);
}

/// Refuses a library that was cut short: the dynamic linker maps what the headers say and dies by SIGBUS
/// behind the end.
static Status checkWhole(const std::string &path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  Elf64_Ehdr header;
  if (bytes.size() < sizeof header)
    return dataLoss(path, ": has ", bytes.size(), " bytes, wanted a shared library");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return failedPrecondition(path, ": not a shared library");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const uint64_t at = header.e_phoff + uint64_t(i) * sizeof segment;
    uint64_t end = at + sizeof segment;
    if (at <= bytes.size() && end <= bytes.size()) {
      std::memcpy(&segment, bytes.data() + at, sizeof segment);
      end = segment.p_offset + segment.p_filesz;
    }
    if (end > bytes.size())
      return dataLoss(path, ": was cut short: has ", bytes.size(), " bytes, wanted at least ", end);
  }
  return Status::ok();
}

Result<const WeftCompilerApi *> weft::openCompiler() {
  static std::mutex mutex;
  static const WeftCompilerApi *api = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (api)
    return api;
  WEFT_ASSIGN_OR_RETURN(std::string path, findCompiler());
  WEFT_RETURN_IF_ERROR(checkWhole(path));
  void *library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!library)
    return notFound("the compiler library cannot be opened: ", dlerror());
  auto function = reinterpret_cast<WeftCompilerApiFunction>(dlsym(library, "weftCompilerApi"));
  if (!function)
    return failedPrecondition(path, ": not a compiler library of Weft");
  api = function(WEFT_COMPILER_API_VERSION);
  if (!api)
    return failedPrecondition(path, ": another version than this one, which speaks version ",
                              WEFT_COMPILER_API_VERSION, " of the interface");
  return api;
}

/// The NT_GNU_BUILD_ID note of an ELF file.
static std::string readBuildId(std::span<const std::byte> file) {
  auto at = [&](size_t offset, size_t size) -> const std::byte * {
    return offset <= file.size() && size <= file.size() - offset ? file.data() + offset : nullptr;
  };
  auto *header = reinterpret_cast<const Elf64_Ehdr *>(at(0, sizeof(Elf64_Ehdr)));
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return {};
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    Elf64_Phdr segment;
    auto *raw = at(header->e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
    if (!raw)
      return {};
    std::memcpy(&segment, raw, sizeof(segment));
    if (segment.p_type != PT_NOTE)
      continue;
    size_t offset = segment.p_offset, end = segment.p_offset + segment.p_filesz;
    while (offset + sizeof(Elf64_Nhdr) <= end) {
      Elf64_Nhdr note;
      auto *rawNote = at(offset, sizeof(note));
      if (!rawNote)
        return {};
      std::memcpy(&note, rawNote, sizeof(note));
      size_t name = offset + sizeof(note), bytes = name + ((note.n_namesz + 3) & ~3u);
      if (note.n_type == NT_GNU_BUILD_ID)
        if (auto *id = at(bytes, note.n_descsz))
          return toHex(std::span(reinterpret_cast<const uint8_t *>(id), note.n_descsz));
      offset = bytes + ((note.n_descsz + 3) & ~3u);
    }
  }
  return {};
}

Result<std::string> weft::compilerBuildId() {
  WEFT_ASSIGN_OR_RETURN(std::string path, findCompiler());
  WEFT_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  std::string id = readBuildId(file->bytes());
  if (id.empty())
    return failedPrecondition(path, ": no build id");
  return id;
}
