// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing and reading .weft files: what is written is read again, and no damaged file crashes or slips
// through.
#include "weft/Program/Reader.h"

#include "Program/SamplePrograms.h"
#include "Support/TempDir.h"
#include "weft/Program/Writer.h"
#include "weft/Support/File.h"
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace weft;
using namespace weft::program;

namespace {

using Maker = Program (*)();
Program onGpu() {
  Program program = samples::onGpu(samples::branchProgram());
  program.kernels[0].cluster = 4;
  program.images.push_back({"emu-native", {"avx2"}, samples::kernelImage()});
  return program;
}
constexpr Maker makers[] = {onGpu,
                            samples::staticProgram,
                            samples::dynamicProgram,
                            samples::gatherProgram,
                            samples::variableProgram,
                            samples::loopProgram,
                            samples::branchProgram,
                            samples::nonZeroProgram,
                            samples::twoRankProgram};

std::span<const std::byte> bytesOf(const std::string &text) {
  return std::as_bytes(std::span<const char>(text));
}

Result<LoadedProgram> read(const std::string &file, const ReadOptions &options = {}) {
  return readProgram(bytesOf(file), nullptr, options);
}

/// The file with a manifest hash that fits its (damaged) manifest.
void fixHash(std::string &file) {
  uint64_t size = 0;
  if (file.size() < 128)
    return;
  std::memcpy(&size, file.data() + 24, 8);
  if (size > file.size() - 128)
    return;
  const Sha256Digest hash = sha256(file.data() + 128, size);
  std::memcpy(file.data() + 32, hash.data(), hash.size());
}

TEST(Reader, ReadsWhatWasWritten) {
  for (const Maker make : makers) {
    const std::string file = *serializeProgram(make());
    Result<LoadedProgram> loaded = read(file);
    ASSERT_TRUE(loaded.isOk()) << loaded.status();
    EXPECT_EQ(loaded->id, toHex(sha256(file.data() + 128, [&] {
                uint64_t size;
                std::memcpy(&size, file.data() + 24, 8);
                return size_t(size);
              }())));
    // Everything survived: the same bytes come out again.
    EXPECT_EQ(*serializeProgram(loaded->program), file);
  }
}

TEST(Reader, KeepsEveryKindOfField) {
  Program program = samples::staticProgram();
  program.metadata = {{"model", "m\xff.onnx"}};
  program.debug = Blob::fromString("debug");
  program.images.push_back({"x86-64-v4", {"avx512f", "avx512vl"}, samples::kernelImage()});
  program.kernels[0].checks = {"a", "b"};
  const ExprId n = program.exprs.constant(200);
  Function extra;
  extra.name = "extra";
  extra.inputs = {{"x", DType::F32, {n}}};
  const BufferId x = samples::addBuffer(extra, BufferKind::Input, program.exprs.constant(800));
  extra.commands = {{"p", "where",
                     Host{"print",
                          {{x, DType::F32, {n}, false}},
                          {{"message", std::string("hi")},
                           {"i", int64_t(-3)},
                           {"f", 2.5},
                           {"list", std::vector<int64_t>{1, -2}}}}},
                    {"c", "", Check{x, "is zero"}},
                    {"s", "", ShapeCheck{n, n, Relation::Divides, "divides"}}};
  program.functions.push_back(extra);
  const LoadedProgram loaded = *read(*serializeProgram(program));
  const Program &back = loaded.program;
  EXPECT_EQ(back.metadata, program.metadata);
  EXPECT_EQ(back.images[1].features, program.images[1].features);
  EXPECT_EQ(back.debug.bytes.size(), 5u);
  EXPECT_EQ(back.kernels[0].checks, program.kernels[0].checks);
  const auto &host = std::get<Host>(back.functions[1].commands[0].what);
  EXPECT_EQ(std::get<std::string>(host.attributes[0].value), "hi");
  EXPECT_EQ(std::get<int64_t>(host.attributes[1].value), -3);
  EXPECT_EQ(std::get<double>(host.attributes[2].value), 2.5);
  EXPECT_EQ(std::get<std::vector<int64_t>>(host.attributes[3].value), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(back.functions[1].commands[0].location, "where");
  EXPECT_EQ(std::get<Launch>(back.functions[0].commands[0].what).flops, noId);
  EXPECT_EQ(std::get<Launch>(back.functions[0].commands[1].what).flops, n);
  EXPECT_EQ(back.functions[0].commands[1].notes, program.functions[0].commands[1].notes);
  EXPECT_EQ(std::get<ShapeCheck>(back.functions[1].commands[2].what).relation, Relation::Divides);
  EXPECT_TRUE(back.constants[0].value.bitEquals(program.constants[0].value));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(back.constants[0].value.raw()) % 64, 0u);
}

TEST(Reader, StoresEqualConstantsOnce) {
  Program program = samples::staticProgram();
  const HostTensor large = *HostTensor::zeros(DType::F32, {100000});
  const size_t before = serializeProgram(program)->size();
  for (const char *name : {"p", "q", "r"})
    program.constants.push_back({name, DType::F32, {100000}, large, {}, 0, {}, {}});
  EXPECT_LT(serializeProgram(program)->size(), before + 500000);
}

TEST(Reader, ConstantsAreMadeAsTheyAreWritten) {
  Program program = samples::staticProgram();
  std::vector<float> numbers(300001 * 3);
  std::iota(numbers.begin(), numbers.end(), 0.f);
  Constant &large = program.constants.emplace_back("large", DType::F32, std::vector<int64_t>{300001, 3});
  large.value = *HostTensor::copyOf(large.dtype, large.dims, std::as_bytes(std::span(numbers)));
  const std::string wanted = *serializeProgram(program);
  size_t most = 0; // at once
  for (Constant &constant : program.constants)
    constant.make = [&most, value = std::exchange(constant.value, {})](size_t first,
                                                                       std::span<std::byte> to) {
      most = std::max(most, to.size());
      std::ranges::copy(value.bytes().subspan(first, to.size()), to.begin());
    };
  program.constants.back().pieceBytes = 3 * sizeof(float);
  EXPECT_EQ(*serializeProgram(program), wanted);
  EXPECT_EQ(most % 12, 0u);
  EXPECT_LT(most, numbers.size() * sizeof(float) / 2);

  std::string file;
  const auto sink = [&](std::span<const std::byte> bytes) {
    file.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    return Status::ok();
  };
  most = 0;
  ASSERT_TRUE(writeProgram(program, sink, {.hashConstants = false}).isOk());
  EXPECT_EQ(most % 12, 0u);
  EXPECT_LT(most, numbers.size() * sizeof(float) / 2);
  const auto loaded = read(file), hashed = read(wanted);
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  ASSERT_EQ(loaded->program.constants.size(), hashed->program.constants.size());
  for (size_t i = 0; i < hashed->program.constants.size(); ++i) {
    EXPECT_TRUE(loaded->program.constants[i].value.bitEquals(hashed->program.constants[i].value));
    EXPECT_EQ(loaded->program.constants[i].sha256, Sha256Digest{});
  }
  ReadOptions verify;
  verify.verifyConstants = true;
  EXPECT_NE(read(file, verify).status().message().find("has no hash"), std::string::npos);
}

TEST(Reader, FilesAreMappedAndNamed) {
  const TempDir dir;
  ASSERT_TRUE(writeProgramFile(samples::staticProgram(), dir.file("p.weft")).isOk());
  const LoadedProgram loaded = *readProgramFile(dir.file("p.weft"));
  ASSERT_EQ(loaded.files.size(), 1u);
  const auto *value = static_cast<const std::byte *>(loaded.program.constants[0].value.raw());
  EXPECT_TRUE(value > loaded.files[0]->data() && value < loaded.files[0]->data() + loaded.files[0]->size());
  ASSERT_TRUE(writeFileAtomically(dir.file("bad.weft"), "WEFT").isOk());
  EXPECT_NE(readProgramFile(dir.file("bad.weft")).status().message().find("bad.weft"), std::string::npos);
  EXPECT_EQ(readProgramFile(dir.file("none.weft")).code(), Code::NotFound);
}

TEST(Reader, ExternalConstants) {
  const TempDir dir;
  const std::vector<float> values(200, 3.0f);
  std::string data(4, 'x'); // misaligned: it must be copied
  data.append(reinterpret_cast<const char *>(values.data()), 800);
  ASSERT_TRUE(writeFileAtomically(dir.file("w.bin"), data).isOk());
  Program program = samples::staticProgram();
  const auto file = *MappedFile::open(dir.file("w.bin"));
  Constant &constant = program.constants[0];
  constant.value = *HostTensor::fromValues<float>({200}, values);
  constant.external = ExternalData{"w.bin", 4, 800, data.size(), file->modificationTime()};
  ASSERT_TRUE(writeProgramFile(program, dir.file("p.weft")).isOk());
  Result<LoadedProgram> loaded = readProgramFile(dir.file("p.weft"));
  ASSERT_TRUE(loaded.isOk()) << loaded.status();
  EXPECT_TRUE(loaded->program.constants[0].value.bitEquals(constant.value));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(loaded->program.constants[0].value.raw()) % 64, 0u);

  // Touched but equal: read. Changed, shortened, gone: refused.
  ASSERT_TRUE(writeFileAtomically(dir.file("w.bin"), data).isOk());
  EXPECT_TRUE(readProgramFile(dir.file("p.weft")).isOk());
  data[100] ^= 1;
  ASSERT_TRUE(writeFileAtomically(dir.file("w.bin"), data).isOk());
  EXPECT_EQ(readProgramFile(dir.file("p.weft")).code(), Code::DataLoss);
  ASSERT_TRUE(writeFileAtomically(dir.file("w.bin"), "short").isOk());
  EXPECT_EQ(readProgramFile(dir.file("p.weft")).code(), Code::DataLoss);
  std::filesystem::remove(dir.file("w.bin"));
  EXPECT_EQ(readProgramFile(dir.file("p.weft")).code(), Code::NotFound);
}

TEST(Reader, RefusesVersionsByNumber) {
  const std::string good = *serializeProgram(samples::staticProgram());
  std::string file = good;
  file[8] = 2;
  EXPECT_NE(read(file).status().message().find("version 2, wanted 1"), std::string::npos);
  file = good;
  file[12] = 1;
  EXPECT_EQ(read(file).code(), Code::Unimplemented);
  file = good;
  file[100] = 1;
  EXPECT_FALSE(read(file).isOk());
  file = good;
  file[129] = 99; // the value of field 1, the format
  fixHash(file);
  EXPECT_NE(read(file).status().message().find("format 99"), std::string::npos);
  EXPECT_FALSE(read(good + "x").isOk());
  EXPECT_FALSE(read(good.substr(0, good.size() - 1)).isOk());
}

TEST(Reader, VerifiesHashes) {
  std::string file = *serializeProgram(samples::staticProgram());
  file[file.size() - 1] ^= 1; // in the constants
  EXPECT_TRUE(read(file).isOk());
  ReadOptions options;
  options.verifyConstants = true;
  EXPECT_EQ(read(file, options).code(), Code::DataLoss);
  file = *serializeProgram(samples::staticProgram());
  file[4096 + 64] ^= 1; // in the code
  EXPECT_EQ(read(file).code(), Code::DataLoss);
  file = *serializeProgram(samples::staticProgram());
  file[200] ^= 1; // in the manifest
  EXPECT_EQ(read(file).code(), Code::DataLoss);
}

/// Mutants with right hashes, so that what lies behind the hashes is reached. None crashes; what is accepted
/// passes the checks again and can be written.
TEST(Reader, SurvivesDamage) {
  std::mt19937 random(2024);
  std::vector<std::string> seeds;
  for (const Maker make : makers)
    seeds.push_back(*serializeProgram(make()));
  int accepted = 0, refused = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string file = seeds[size_t(i) % seeds.size()];
    uint64_t manifest = 0;
    std::memcpy(&manifest, file.data() + 24, 8);
    const int edits = 1 + int(random() % 3);
    for (int e = 0; e < edits; ++e) {
      const size_t at = random() % 10 ? 128 + random() % manifest : random() % 128;
      if (random() % 2)
        file[at] = char(random());
      else
        file[at] = char(file[at] ^ 1 << random() % 8);
    }
    if (random() % 20 == 0)
      file.resize(random() % file.size());
    fixHash(file);
    const Result<LoadedProgram> loaded = read(file);
    if (!loaded.isOk()) {
      ++refused;
      ASSERT_FALSE(loaded.status().message().empty());
      continue;
    }
    ++accepted;
    const Result<std::string> again = serializeProgram(loaded->program);
    ASSERT_TRUE(again.isOk()) << again.status();
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 100); // names, messages, extents
}

} // namespace
