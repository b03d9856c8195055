// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a .weft file from the outside in: header, hash and manifest, sections, constants, then the program
// itself.
#include "weft/Program/Reader.h"

#include "Format.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>

namespace weft::program {
namespace {

using Bytes = std::span<const std::byte>;

/// Sections lie one after the other, aligned, and end with the file.
Status checkSections(const Layout &layout, uint64_t base, uint64_t fileSize) {
  uint64_t end = 0;
  bool hasConstants = false, hasDebug = false;
  const uint64_t room = fileSize > base ? fileSize - base : 0;
  for (size_t i = 0; i < layout.sections.size(); ++i) {
    const SectionRecord &section = layout.sections[i];
    if (section.offset != alignUp(end, sectionAlignment) || section.offset > room ||
        section.size > room - section.offset)
      return invalidArgument("section ", i, " of ", section.size, " bytes at ", section.offset,
                             " in a file of ", fileSize, ": wanted it at ", alignUp(end, sectionAlignment),
                             ", inside the file");
    end = section.offset + section.size;
    bool &seen = section.kind == SectionKind::Constants ? hasConstants : hasDebug;
    if (section.kind != SectionKind::Code && std::exchange(seen, true))
      return invalidArgument("two sections of the same kind");
  }
  if (!layout.sections.empty() && end != room)
    return invalidArgument("found ", room - end, " bytes behind the last section");
  return Status::ok();
}

/// Opens files of external constants, each once.
class ExternalFiles {
public:
  ExternalFiles(const ReadOptions &options, LoadedProgram &loaded) : options(options), loaded(loaded) {}

  Result<HostTensor> value(const Constant &constant) {
    const ExternalData &external = *constant.external;
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, open(external.path));
    if (file->size() != external.fileSize)
      return dataLoss("'", external.path, "' has ", file->size(), " bytes, wanted ", external.fileSize,
                      ": it is not the file the program was compiled with");
    const std::byte *data = file->data() + external.offset;
    if (options.verifyConstants || file->modificationTime() != external.modificationTime)
      if (sha256(data, external.size) != constant.sha256)
        return dataLoss("'", external.path, "' changed since the program was compiled");
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::view(constant.dtype, constant.dims, data, file));
    // Kernels rely on 64-byte alignment; a model's own file need not have it.
    return reinterpret_cast<uintptr_t>(data) % constantAlignment == 0 ? tensor : tensor.clone();
  }

private:
  Result<std::shared_ptr<const MappedFile>> open(const std::string &path) {
    const std::string full =
        path[0] == '/' || options.baseDirectory.empty() ? path : options.baseDirectory + "/" + path;
    std::shared_ptr<const MappedFile> &file = files[full];
    if (!file) {
      WEFT_ASSIGN_OR_RETURN(file, MappedFile::open(full));
      loaded.files.push_back(file);
    }
    return file;
  }

  const ReadOptions &options;
  LoadedProgram &loaded;
  std::map<std::string, std::shared_ptr<const MappedFile>> files;
};

Status readConstants(LoadedProgram &loaded, const Layout &layout, Bytes section,
                     const std::shared_ptr<const void> &owner, const ReadOptions &options) {
  ExternalFiles external(options, loaded);
  for (size_t i = 0; i < loaded.program.constants.size(); ++i) {
    Constant &constant = loaded.program.constants[i];
    const auto read = [&]() -> Status {
      if (constant.external) {
        if (options.resolveExternal) {
          WEFT_ASSIGN_OR_RETURN(constant.value, external.value(constant));
        }
        return Status::ok();
      }
      WEFT_ASSIGN_OR_RETURN(const int64_t size, checkedNumBytes(constant.dtype, constant.dims));
      const uint64_t offset = layout.constantOffsets[i];
      if (offset % constantAlignment || offset > section.size() || uint64_t(size) > section.size() - offset)
        return invalidArgument(size, " bytes at ", offset, " are outside the section of ", section.size(),
                               ", or not aligned");
      const std::byte *data = section.data() + offset;
      if (options.verifyConstants && constant.sha256 == Sha256Digest{})
        return failedPrecondition("has no hash: programs in the cache are kept without");
      if (options.verifyConstants && sha256(data, size_t(size)) != constant.sha256)
        return dataLoss("its bytes do not have the hash in the manifest");
      WEFT_ASSIGN_OR_RETURN(constant.value, HostTensor::view(constant.dtype, constant.dims, data, owner));
      return Status::ok();
    };
    WEFT_RETURN_IF_ERROR(read().context(concat("constant '", constant.name, "'")));
  }
  return Status::ok();
}

Result<LoadedProgram> readChecked(Bytes file, const std::shared_ptr<const void> &owner,
                                  const ReadOptions &options) {
  LoadedProgram loaded;
  loaded.fileSize = file.size();
  WEFT_ASSIGN_OR_RETURN(const Bytes manifest, findManifest(file, programContainer));
  loaded.id = toHex(std::span(reinterpret_cast<const uint8_t *>(file.data()) + hashAt, 32));
  Layout layout;
  WEFT_RETURN_IF_ERROR(decodeManifest(manifest, loaded.program, layout));
  const uint64_t base = alignUp(headerSize + manifest.size(), sectionAlignment);
  WEFT_RETURN_IF_ERROR(checkSections(layout, base, file.size()));
  static constexpr std::byte nothing[64] = {};
  Bytes constants(nothing, 0);
  for (const SectionRecord &section : layout.sections) {
    const Bytes bytes = section.size ? file.subspan(base + section.offset, section.size) : Bytes(nothing, 0);
    if (section.sha256 && sha256(bytes.data(), bytes.size()) != *section.sha256)
      return dataLoss(section.kind == SectionKind::Code ? "the code" : "the debug section",
                      " does not have the hash in the manifest");
    if (section.kind == SectionKind::Code)
      loaded.program.images.push_back({section.isa, section.features, {bytes, owner}});
    else if (section.kind == SectionKind::Constants)
      constants = bytes;
    else
      loaded.program.debug = {bytes, owner};
  }
  WEFT_RETURN_IF_ERROR(checkProgram(loaded.program));
  WEFT_RETURN_IF_ERROR(readConstants(loaded, layout, constants, owner, options));
  return loaded;
}

} // namespace

bool looksLikeProgram(Bytes bytes) { return hasMagic(bytes, programContainer); }

Result<LoadedProgram> readProgram(Bytes bytes, std::shared_ptr<const void> owner,
                                  const ReadOptions &options) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % constantAlignment != 0 || !owner) {
    std::shared_ptr<std::byte> copy = allocateAligned(bytes.size());
    if (!copy)
      return resourceExhausted("no memory for a program of ", bytes.size(), " bytes");
    if (!bytes.empty())
      std::memcpy(copy.get(), bytes.data(), bytes.size());
    bytes = {copy.get(), bytes.size()};
    owner = std::move(copy);
  }
  try { // a manifest may ask for more memory than there is
    return readChecked(bytes, owner, options).context("cannot read the program");
  } catch (const std::bad_alloc &) {
    return resourceExhausted("cannot read the program: no memory for its manifest");
  }
}

Result<LoadedProgram> readProgramFile(const std::string &path, ReadOptions options) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  if (options.baseDirectory.empty()) {
    const size_t slash = path.find_last_of('/');
    options.baseDirectory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  }
  Result<LoadedProgram> loaded = readProgram(file->bytes(), file, options).context(path);
  if (file->faulted())
    return dataLoss(path, ": the file became shorter while it was read");
  if (loaded.isOk())
    loaded->files.push_back(file);
  return loaded;
}

} // namespace weft::program
