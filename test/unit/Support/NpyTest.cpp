// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy and .npz: round trips, what NumPy writes, and thousands of damaged files.
#include "weft/Support/Npy.h"

#include "TempDir.h"
#include "weft/Support/File.h"
#include <gtest/gtest.h>
#include <random>
#include <zlib.h>

using namespace weft;

namespace {

std::span<const std::byte> bytesOf(const std::string &text) {
  return std::as_bytes(std::span<const char>(text));
}

/// A .npy with this dictionary.
std::string npy(const std::string &header, const std::string &data, char major = 1) {
  std::string out = "\x93NUMPY";
  out += major;
  out += '\0';
  const size_t size = header.size();
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    out += char(size >> 8 * i);
  return out + header + data;
}

const std::string oneFloat("\0\0\x80\x3f", 4);

TEST(Npy, RoundTripsEveryType) {
  for (const DType type : {DType::F64, DType::F32, DType::F16, DType::I64, DType::I32, DType::I16, DType::I8,
                           DType::UI64, DType::UI32, DType::UI16, DType::UI8, DType::I1})
    for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {3}, {2, 0}, {2, 3, 4}}) {
      HostTensor tensor = *HostTensor::zeros(type, shape);
      for (int64_t i = 0; i < tensor.numElements(); ++i)
        tensor.setDouble(i, double(i % 5));
      const std::string text = *formatNpy(tensor);
      EXPECT_EQ((text.size() - size_t(tensor.numBytes())) % 64, 0u);
      Result<HostTensor> back = parseNpy(bytesOf(text));
      ASSERT_TRUE(back.isOk()) << back.status();
      EXPECT_TRUE(back->bitEquals(tensor)) << tensor.typeString();
    }
}

TEST(Npy, RefusesTypesNumPyLacks) {
  for (const DType type : {DType::BF16, DType::F8E4M3FN, DType::F8E5M2, DType::I4, DType::F4E2M1FN}) {
    const Result<std::string> text = formatNpy(*HostTensor::zeros(type, {2}));
    EXPECT_EQ(text.code(), Code::Unimplemented);
    EXPECT_NE(text.status().message().find(dtypeName(type)), std::string::npos);
  }
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const HostTensor fortran =
      *parseNpy(bytesOf(npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n",
                            std::string("\1\0\4\0\2\0\5\0\3\0\6\0", 12))));
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(fortran.asInt(i), i + 1);
  const HostTensor big = *parseNpy(bytesOf(
      npy("{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }", std::string("\0\0\1\2", 4), 2)));
  EXPECT_EQ(big.asInt(0), 258);
  const HostTensor odd = *parseNpy(
      bytesOf(npy("{\"shape\": (2L,), 'fortran_order':False , 'descr':'|b1'}", std::string("\0\7", 2), 3)));
  EXPECT_EQ(odd.dtype(), DType::I1);
  EXPECT_EQ(odd.data<uint8_t>()[1], 1);
}

TEST(Npy, RefusesWithReasons) {
  const auto message = [](const std::string &text) {
    Result<HostTensor> result = parseNpy(bytesOf(text));
    EXPECT_FALSE(result.isOk());
    return result.status().message();
  };
  EXPECT_NE(message("").find("not a .npy"), std::string::npos);
  EXPECT_NE(message(npy("{'descr': '<c8', 'fortran_order': False, 'shape': ()}", oneFloat)).find("complex"),
            std::string::npos);
  EXPECT_NE(message(npy("{'descr': '|O', 'fortran_order': False, 'shape': ()}", oneFloat)).find("objects"),
            std::string::npos);
  EXPECT_NE(message(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", oneFloat))
                .find("structured"),
            std::string::npos);
  EXPECT_NE(
      message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", oneFloat)).find("wanted 8"),
      std::string::npos);
  EXPECT_NE(
      message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9999999999)}", oneFloat))
          .find("more elements"),
      std::string::npos);
  EXPECT_NE(message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", oneFloat)).find("extent"),
            std::string::npos);
  EXPECT_NE(message(npy("{'descr': '<f4', 'shape': ()}", oneFloat)).find("not all there"), std::string::npos);
  EXPECT_NE(message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", oneFloat)).find("after"),
            std::string::npos);
  NpyOptions small;
  small.maxBytes = 3;
  EXPECT_EQ(
      parseNpy(bytesOf(npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", oneFloat)), small).code(),
      Code::OutOfRange);
}

TEST(Npz, RoundTripsThroughFiles) {
  const TempDir dir;
  const NamedTensors tensors = {{"a", *HostTensor::fromValues<float>({2}, {1, 2})},
                                {"b/c", *HostTensor::fromValues<int64_t>({1, 1}, {-3})}};
  ASSERT_TRUE(writeNpz(dir.file("x.npz"), tensors).isOk());
  Result<NamedTensors> back = readNpz(dir.file("x.npz"));
  ASSERT_TRUE(back.isOk()) << back.status();
  ASSERT_EQ(back->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*back)[i].first, tensors[i].first);
    EXPECT_TRUE((*back)[i].second.bitEquals(tensors[i].second));
  }
  EXPECT_FALSE(formatNpz({tensors[0], tensors[0]}).isOk());
  EXPECT_TRUE(parseNpz(bytesOf(*formatNpz({})))->empty());
  EXPECT_NE(readNpy(dir.file("x.npz")).status().message().find("x.npz"), std::string::npos);
}

/// The .npz of one array, with its entry deflated as savez_compressed does.
std::string deflated(const HostTensor &tensor) {
  std::string zip = *formatNpz({{"a", tensor}});
  const std::string data = *formatNpy(tensor);
  std::string packed(compressBound(data.size()), '\0');
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = uInt(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(packed.data());
  stream.avail_out = uInt(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  const auto put = [](std::string &text, size_t at, uint64_t number, int width) {
    for (int i = 0; i < width; ++i)
      text[at + size_t(i)] = char(number >> 8 * i);
  };
  const size_t dataAt = 30 + 5; // local header, "a.npy"
  std::string directory = zip.substr(dataAt + data.size());
  put(directory, 10, 8, 2);
  put(directory, 20, packed.size(), 4);
  put(directory, directory.size() - 6, dataAt + packed.size(), 4);
  return zip.substr(0, dataAt) + packed + directory;
}

TEST(Npz, InflatesAndDistrusts) {
  const HostTensor tensor = *HostTensor::zeros(DType::F32, {1000});
  std::string zip = deflated(tensor);
  Result<NamedTensors> back = parseNpz(bytesOf(zip));
  ASSERT_TRUE(back.isOk()) << back.status();
  EXPECT_TRUE(back->at(0).second.bitEquals(tensor));
  // A claim of 4 GB in an entry of a few bytes is refused before anything is allocated.
  const size_t sizeAt = zip.size() - 22 - (46 + 5) + 24;
  for (int i = 0; i < 4; ++i)
    zip[sizeAt + size_t(i)] = char(0xfe);
  EXPECT_EQ(parseNpz(bytesOf(zip)).code(), Code::OutOfRange);
  std::string damaged = deflated(tensor);
  damaged[40] = char(damaged[40] ^ 0x55);
  EXPECT_FALSE(parseNpz(bytesOf(damaged)).isOk());
}

/// No mutant crashes (or trips a sanitizer); those that are read are well formed.
TEST(Npy, SurvivesDamage) {
  std::mt19937 random(42);
  const std::vector<std::string> seeds = {
      *formatNpy(*HostTensor::fromValues<float>({2, 2}, {1, 2, 3, 4})),
      npy("{'descr': '>u2', 'fortran_order': True, 'shape': (2, 1, 2), }\n", std::string(8, 'x'), 3),
      *formatNpz({{"a", HostTensor::scalar<int32_t>(1)}, {"b", *HostTensor::zeros(DType::F64, {3})}}),
      deflated(*HostTensor::zeros(DType::UI8, {100}))};
  NpyOptions options;
  options.maxBytes = 1 << 20;
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    const int edits = 1 + int(random() % 4);
    for (int e = 0; e < edits; ++e)
      switch (random() % 4) {
      case 0:
        text[random() % text.size()] = char(random());
        break;
      case 1:
        text[random() % text.size()] ^= char(1 << random() % 8);
        break;
      case 2:
        text.resize(1 + random() % text.size());
        break;
      default:
        text.insert(random() % text.size(), 1, char(random()));
      }
    const Result<HostTensor> tensor = parseNpy(bytesOf(text), options);
    const Result<NamedTensors> tensors = parseNpz(bytesOf(text), options);
    accepted += tensor.isOk() || tensors.isOk();
    if (tensor.isOk()) {
      ASSERT_LE(tensor->numBytes(), int64_t(text.size()));
    }
  }
  EXPECT_GT(accepted, 100); // damage in the elements is not noticed
}

} // namespace
