// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays a program out as a .weft file and writes it in one pass. Constants with equal bytes are stored once.
#include "weft/Program/Writer.h"

#include "Format.h"
#include "weft/Support/Sha256Each.h"

#include <cstring>
#include <map>
#include <utility>

namespace weft::program {
namespace {

/// Passes bytes on and knows how many there were.
class Output {
public:
  explicit Output(const FileSink &sink) : sink(sink) {}
  Status write(std::span<const std::byte> bytes) {
    position += bytes.size();
    return bytes.empty() ? Status::ok() : sink(bytes);
  }
  Status padTo(uint64_t wanted) {
    static constexpr std::byte zeros[sectionAlignment] = {};
    while (position < wanted)
      WEFT_RETURN_IF_ERROR(write({zeros, size_t(std::min<uint64_t>(wanted - position, sizeof zeros))}));
    return Status::ok();
  }

private:
  const FileSink &sink;
  uint64_t position = 0;
};

bool isZero(const Sha256Digest &digest) { return digest == Sha256Digest{}; }

/// How many bytes of a constant that is to be made are made at once: what a cache holds, where it has pieces.
size_t madeAtOnce(const Constant &constant) {
  constexpr size_t cached = 256 << 10;
  const size_t all = size_t(constant.numBytes());
  if (!constant.pieceBytes)
    return all;
  return std::min(std::max(cached / constant.pieceBytes, size_t(1)) * constant.pieceBytes, all);
}

/// The bytes of constants, those that are to be made in one room for all: however large the program, no more
/// of it stands in memory.
class Bytes {
public:
  /// Takes the memory for it.
  Status prepare(const Program &program) {
    size_t most = 0;
    for (const Constant &constant : program.constants)
      if (constant.make)
        most = std::max(most, madeAtOnce(constant));
    room = most ? allocateAligned(most) : nullptr;
    return room || !most ? Status::ok() : resourceExhausted("no memory for a constant of ", most, " bytes");
  }
  /// Passes all bytes on, piece by piece.
  Status pass(const Constant &constant, const FileSink &to) const {
    if (!constant.make)
      return to(constant.value.bytes());
    const size_t size = size_t(constant.numBytes()), step = madeAtOnce(constant);
    for (size_t first = 0; first < size; first += step) {
      const std::span<std::byte> made(room.get(), std::min(step, size - first));
      constant.make(first, made);
      WEFT_RETURN_IF_ERROR(to(made));
    }
    return Status::ok();
  }

private:
  std::shared_ptr<std::byte> room;
};

/// Gives constants that have none their hash. Those that are to be made are made for it, and once more when
/// they are written.
Status hashConstants(Program &program, const Bytes &bytes) {
  std::vector<std::span<const std::byte>> values;
  std::vector<Constant *> wanted;
  for (Constant &constant : program.constants) {
    if (!isZero(constant.sha256))
      continue;
    if (constant.make) {
      Sha256 digest;
      WEFT_RETURN_IF_ERROR(bytes.pass(constant, [&](std::span<const std::byte> piece) {
        digest.update(piece.data(), piece.size());
        return Status::ok();
      }));
      constant.sha256 = digest.finish();
    } else if (constant.value.isValid()) {
      values.push_back(constant.value.bytes());
      wanted.push_back(&constant);
    }
  }
  const std::vector<Sha256Digest> digests = sha256Each(values);
  for (size_t i = 0; i < wanted.size(); ++i)
    wanted[i]->sha256 = digests[i];
  return Status::ok();
}

} // namespace

Status writeProgram(const Program &original, const FileSink &sink, const WriteOptions &options) {
  WEFT_RETURN_IF_ERROR(checkProgram(original).context("cannot write the program"));
  Program program = original; // tensors and code are shared, not copied
  Layout layout;
  uint64_t end = 0; // of the sections so far
  const auto addSection = [&](SectionRecord section) {
    section.offset = alignUp(end, sectionAlignment);
    end = section.offset + section.size;
    layout.sections.push_back(std::move(section));
  };
  for (const CodeImage &image : program.images)
    addSection({SectionKind::Code, 0, image.bytes.bytes.size(),
                sha256(image.bytes.bytes.data(), image.bytes.bytes.size()), image.isa, image.features});

  Bytes bytes;
  WEFT_RETURN_IF_ERROR(bytes.prepare(program));
  if (options.hashConstants)
    WEFT_RETURN_IF_ERROR(hashConstants(program, bytes));
  // What is stored, in order: the first of each set of equal constants.
  std::vector<std::pair<uint64_t, ConstantId>> stored;
  std::map<std::pair<Sha256Digest, int64_t>, uint64_t> offsets;
  uint64_t constantsSize = 0;
  for (ConstantId i = 0; i < program.constants.size(); ++i) {
    Constant &constant = program.constants[i];
    if (!constant.value.isValid() && !constant.make && (!constant.external || isZero(constant.sha256)))
      return invalidArgument("cannot write the program: constant '", constant.name, "' has no value");
    if (constant.external) {
      layout.constantOffsets.push_back(0);
      continue;
    }
    const uint64_t next = alignUp(constantsSize, constantAlignment);
    uint64_t offset = next;
    if (!isZero(constant.sha256))
      offset = offsets.try_emplace({constant.sha256, constant.numBytes()}, next).first->second;
    layout.constantOffsets.push_back(offset);
    if (offset == next) {
      stored.emplace_back(offset, i);
      constantsSize = offset + uint64_t(constant.numBytes());
    }
  }
  if (constantsSize)
    addSection({SectionKind::Constants, 0, constantsSize, std::nullopt, {}, {}});
  if (!program.debug.bytes.empty())
    addSection({SectionKind::Debug,
                0,
                program.debug.bytes.size(),
                sha256(program.debug.bytes.data(), program.debug.bytes.size()),
                {},
                {}});

  WEFT_ASSIGN_OR_RETURN(const std::string manifest, encodeManifest(program, layout));
  Output out(sink);
  WEFT_RETURN_IF_ERROR(out.write(makeHeader(programContainer, manifest)));
  WEFT_RETURN_IF_ERROR(out.write(std::as_bytes(std::span<const char>(manifest))));
  const uint64_t base = alignUp(headerSize + manifest.size(), sectionAlignment);
  size_t image = 0;
  for (const SectionRecord &section : layout.sections) {
    WEFT_RETURN_IF_ERROR(out.padTo(base + section.offset));
    switch (section.kind) {
    case SectionKind::Code:
      WEFT_RETURN_IF_ERROR(out.write(program.images[image++].bytes.bytes));
      break;
    case SectionKind::Constants:
      for (const auto &[offset, id] : stored) {
        WEFT_RETURN_IF_ERROR(out.padTo(base + section.offset + offset));
        WEFT_RETURN_IF_ERROR(bytes.pass(program.constants[id],
                                        [&](std::span<const std::byte> piece) { return out.write(piece); }));
      }
      break;
    case SectionKind::Debug:
      WEFT_RETURN_IF_ERROR(out.write(program.debug.bytes));
      break;
    }
  }
  return Status::ok();
}

Result<std::string> serializeProgram(const Program &program) {
  std::string file;
  WEFT_RETURN_IF_ERROR(writeProgram(program, [&](std::span<const std::byte> bytes) {
    file.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    return Status::ok();
  }));
  return file;
}

Status writeProgramFile(const Program &program, const std::string &path) {
  return writeFileAtomically(path, [&](const FileSink &sink) { return writeProgram(program, sink); });
}

} // namespace weft::program
