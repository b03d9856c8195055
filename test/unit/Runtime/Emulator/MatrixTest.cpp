// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix units against plain sums: fragments are filled as the PTX manual words it, a case per shape, and
// operands in shared memory as TMA would lay them. All numbers are small integers, so sums are exact.
#include "HandKernels.h"

#include "weft/Runtime/Emulator/TensorMap.h"
#include "weft/Support/DType.h"

#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <random>

using namespace weft;
using namespace weft::runtime::emulator;

namespace {

uint64_t encode(uint8_t type, int value) {
  switch (type) {
  case WEFT_F16:
    return floatToF16(value);
  case WEFT_BF16:
    return floatToBF16(value);
  case WEFT_E4M3:
    return floatToF8E4M3FN(value);
  case WEFT_E5M2:
    return floatToF8E5M2(value);
  case WEFT_S8:
  case WEFT_U8:
    return uint8_t(value);
  case WEFT_S32:
    return uint32_t(value);
  case WEFT_F64:
    return floatToBits(DType::F64, value);
  default:
    return floatToBits(DType::F32, value);
  }
}

double decode(uint8_t type, const void *at) {
  switch (type) {
  case WEFT_F16: {
    uint16_t bits;
    std::memcpy(&bits, at, 2);
    return f16ToFloat(bits);
  }
  case WEFT_S32: {
    int32_t value;
    std::memcpy(&value, at, 4);
    return value;
  }
  case WEFT_F64: {
    double value;
    std::memcpy(&value, at, 8);
    return value;
  }
  default: {
    float value;
    std::memcpy(&value, at, 4);
    return value;
  }
  }
}

void put(void *to, uint8_t type, int value) {
  uint64_t bits = encode(type, value);
  std::memcpy(to, &bits, elementBytesOf(WeftElementType(type)));
}

struct Matrices {
  int m, n, k;
  std::vector<int> a, b, c; ///< row-major; b is [k, n]

  Matrices(int m, int n, int k, bool isUnsigned, uint64_t seed) : m(m), n(n), k(k) {
    std::mt19937 random(static_cast<unsigned>(seed));
    auto fill = [&](std::vector<int> &v, int count) {
      for (int i = 0; i < count; ++i)
        v.push_back(isUnsigned ? int(random() % 8) : int(random() % 9) - 4);
    };
    fill(a, m * k);
    fill(b, k * n);
    fill(c, m * n);
  }
  int wanted(int row, int column, bool addC = true) const {
    int sum = addC ? c[size_t(row * n + column)] : 0;
    for (int p = 0; p < k; ++p)
      sum += a[size_t(row * k + p)] * b[size_t(p * n + column)];
    return sum;
  }
};

using Place = std::function<std::pair<int, int>(int group, int thread, int i)>;
struct MmaCase {
  WeftMma shape;
  int countA, countB, countC;
  Place a, b;
};

/// The tables of the manual, section by section.
std::vector<MmaCase> mmaCases() {
  std::vector<MmaCase> cases;
  auto add = [&](int m, int n, int k, std::vector<uint8_t> types, uint8_t c, int countA, int countB,
                 int countC, Place a, Place b) {
    for (uint8_t type : types)
      cases.push_back(
          {{uint16_t(m), uint16_t(n), uint16_t(k), type, type, c, c, 0}, countA, countB, countC, a, b});
  };
  auto halfK16 = [](int g, int t, int i) {
    return std::pair(i < 2 || (i >= 4 && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i >= 4 ? 8 : 0));
  };
  auto halfK16B = [](int g, int t, int i) { return std::pair(t * 2 + (i & 1) + (i >= 2 ? 8 : 0), g); };
  for (uint8_t c : {WEFT_F32, WEFT_F16})
    add(16, 8, 16, {WEFT_F16}, c, 8, 4, 4, halfK16, halfK16B);
  add(16, 8, 16, {WEFT_BF16}, WEFT_F32, 8, 4, 4, halfK16, halfK16B);
  add(
      16, 8, 8, {WEFT_F16, WEFT_BF16}, WEFT_F32, 4, 2, 4,
      [](int g, int t, int i) { return std::pair(i < 2 ? g : g + 8, t * 2 + (i & 1)); },
      [](int g, int t, int i) { return std::pair(t * 2 + i, g); });
  add(
      16, 8, 8, {WEFT_TF32}, WEFT_F32, 4, 2, 4,
      [](int g, int t, int i) { return std::pair(i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4); },
      [](int g, int t, int i) { return std::pair(i == 0 ? t : t + 4, g); });
  add(
      16, 8, 4, {WEFT_TF32}, WEFT_F32, 2, 1, 4,
      [](int g, int t, int i) { return std::pair(i == 0 ? g : g + 8, t); },
      [](int g, int t, int) { return std::pair(t, g); });
  auto byteK32 = [](int g, int t, int i) {
    return std::pair(i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16));
  };
  auto byteK32B = [](int g, int t, int i) { return std::pair(t * 4 + (i & 3) + (i < 4 ? 0 : 16), g); };
  add(16, 8, 32, {WEFT_S8, WEFT_U8}, WEFT_S32, 16, 8, 4, byteK32, byteK32B);
  add(16, 8, 32, {WEFT_E4M3, WEFT_E5M2}, WEFT_F32, 16, 8, 4, byteK32, byteK32B);
  add(
      16, 8, 16, {WEFT_S8, WEFT_U8}, WEFT_S32, 8, 4, 4,
      [](int g, int t, int i) { return std::pair(i < 4 ? g : g + 8, t * 4 + (i & 3)); },
      [](int g, int t, int i) { return std::pair(t * 4 + i, g); });
  add(
      8, 8, 4, {WEFT_F64}, WEFT_F64, 1, 1, 2, [](int g, int t, int) { return std::pair(g, t); },
      [](int g, int t, int) { return std::pair(t, g); });
  return cases;
}

struct MmaCall {
  const WeftMma *shape;
  char a[32][64], b[32][32], c[32][32], d[32][32];
};

void mmaKernel(E e, void *const *params) {
  auto *call = parameter<MmaCall *>(params, 0);
  uint32_t lane = tid(e);
  e->functions->mma(e, call->shape, call->a[lane], call->b[lane], call->c[lane], call->d[lane],
                    WEFT_SITE("mma"));
}

TEST(Matrix, MultipliesAsTheManualSays) {
  uint64_t seed = 1;
  for (const MmaCase &one : mmaCases()) {
    SCOPED_TRACE(testing::Message() << one.shape.m << "x" << one.shape.n << "x" << one.shape.k << " of type "
                                    << int(one.shape.a));
    Matrices matrices(one.shape.m, one.shape.n, one.shape.k, one.shape.a == WEFT_U8, ++seed);
    MmaCall call = {};
    call.shape = &one.shape;
    const size_t sizeA = elementBytesOf(WeftElementType(one.shape.a)),
                 sizeC = elementBytesOf(WeftElementType(one.shape.c));
    auto placeC = [](int g, int t, int i) { return std::pair(g + 8 * (i / 2), t * 2 + (i & 1)); };
    for (int lane = 0; lane < 32; ++lane) {
      int g = lane / 4, t = lane % 4;
      for (int i = 0; i < one.countA; ++i) {
        auto [row, k] = one.a(g, t, i);
        put(call.a[lane] + size_t(i) * sizeA, one.shape.a, matrices.a[size_t(row * matrices.k + k)]);
      }
      for (int i = 0; i < one.countB; ++i) {
        auto [k, column] = one.b(g, t, i);
        put(call.b[lane] + size_t(i) * sizeA, one.shape.b, matrices.b[size_t(k * matrices.n + column)]);
      }
      for (int i = 0; i < one.countC; ++i) {
        auto [row, column] = placeC(g, t, i);
        put(call.c[lane] + size_t(i) * sizeC, one.shape.c, matrices.c[size_t(row * matrices.n + column)]);
      }
    }
    Device device;
    Status status = device.launch(mmaKernel, 1, 32, {bits(&call)});
    ASSERT_TRUE(status.isOk()) << status;
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < one.countC; ++i) {
        auto [row, column] = placeC(lane / 4, lane % 4, i);
        EXPECT_EQ(decode(one.shape.d, call.d[lane] + size_t(i) * sizeC), matrices.wanted(row, column));
      }
  }
}

TEST(Matrix, IntegersSaturateOrWrap) {
  for (uint8_t saturate : {0, 1}) {
    WeftMma shape = {16, 8, 32, WEFT_S8, WEFT_S8, WEFT_S32, WEFT_S32, saturate};
    MmaCall call = {};
    call.shape = &shape;
    std::memset(call.a, 127, sizeof call.a);
    std::memset(call.b, 127, sizeof call.b);
    for (auto &lane : call.c)
      for (int i = 0; i < 4; ++i)
        put(lane + i * 4, WEFT_S32, 2147483647 - 1000);
    Device device;
    ASSERT_TRUE(device.launch(mmaKernel, 1, 32, {bits(&call)}).isOk());
    int64_t exact = 2147483647ll - 1000 + 32 * 127 * 127;
    EXPECT_EQ(decode(WEFT_S32, call.d[0]), saturate ? 2147483647 : double(int32_t(exact)));
  }
}

struct WgmmaCall {
  WeftWgmma shape;
  const uint8_t *image; ///< what shared memory holds
  uint32_t imageBytes;
  uint64_t descriptorA, descriptorB;
  bool fromRegisters;
  char registersA[128][64];
  char accumulators[128][512];
};

void wgmmaKernel(E e, void *const *params) {
  auto *call = parameter<WgmmaCall *>(params, 0);
  const WeftEmulatorFunctions *f = e->functions;
  for (uint32_t i = tid(e); i < call->imageBytes; i += 128)
    storeTo(e, e->shared + i, loadFrom(e, call->image + i, WEFT_SITE("load")), WEFT_SITE("store"));
  f->fence(e, WEFT_FENCE_PROXY_ASYNC, WEFT_SITE("fence"));
  f->barrier(e, 0, 0, WEFT_SITE("barrier"));
  f->wgmmaFence(e, WEFT_SITE("fence"));
  f->wgmma(e, &call->shape, call->descriptorA, call->fromRegisters ? call->registersA[tid(e)] : nullptr,
           call->descriptorB, call->accumulators[tid(e)], WEFT_SITE("wgmma"));
  f->wgmmaCommit(e, WEFT_SITE("commit"));
  f->wgmmaWait(e, 0, WEFT_SITE("wait"));
}

uint64_t descriptor(uint64_t start, uint64_t leading, uint64_t stride, Swizzle swizzle) {
  static constexpr uint64_t modes[] = {0, 3, 2, 1};
  return start >> 4 | (leading >> 4) << 16 | (stride >> 4) << 32 | modes[int(swizzle)] << 62;
}

/// Lays a matrix of [rows, k] into the image at `start` as TMA would: boxes as wide as the swizzle (16 bytes
/// without), one after the other. Returns its descriptor. K-major: boxes run along k; else along the rows.
uint64_t layOut(std::vector<uint8_t> &image, uint64_t start, int rows, int k, uint8_t type, Swizzle swizzle,
                bool isMnMajor, const std::function<int(int row, int k)> &value) {
  const uint64_t span = swizzle == Swizzle::None ? 16 : 16u << unsigned(swizzle);
  const uint64_t size = elementBytesOf(WeftElementType(type)), perRow = span / size;
  const uint64_t boxRows = uint64_t(isMnMajor ? k : rows);
  for (int row = 0; row < rows; ++row)
    for (int p = 0; p < k; ++p) {
      uint64_t along = uint64_t(isMnMajor ? row : p), across = uint64_t(isMnMajor ? p : row);
      uint64_t offset = along / perRow * boxRows * span + across * span + along % perRow * size;
      put(image.data() + swizzleOffset(swizzle, start + offset), type, value(row, p));
    }
  // From one box to the next, and from 8 lines of a box to the next 8.
  uint64_t box = boxRows * span, lines = 8 * span;
  bool isPlainMn = isMnMajor && swizzle == Swizzle::None;
  return descriptor(start, isPlainMn ? lines : box, isPlainMn ? box : lines, swizzle);
}

struct WgmmaCase {
  uint8_t type, d;
  int k;
};

TEST(Wgmma, MultipliesEveryTypeAndLayout) {
  uint64_t seed = 100;
  for (WgmmaCase one : {WgmmaCase{WEFT_F16, WEFT_F32, 16}, WgmmaCase{WEFT_F16, WEFT_F16, 16},
                        WgmmaCase{WEFT_BF16, WEFT_F32, 16}, WgmmaCase{WEFT_TF32, WEFT_F32, 8},
                        WgmmaCase{WEFT_E4M3, WEFT_F32, 32}, WgmmaCase{WEFT_E5M2, WEFT_F32, 32},
                        WgmmaCase{WEFT_S8, WEFT_S32, 32}, WgmmaCase{WEFT_U8, WEFT_S32, 32}})
    for (Swizzle swizzle : {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128})
      for (bool transposeA : {false, true})
        for (bool transposeB : {false, true})
          for (bool fromRegisters : {false, true}) {
            bool isHalf = one.type == WEFT_F16 || one.type == WEFT_BF16;
            if ((!isHalf && (transposeA || transposeB)) || (fromRegisters && transposeA))
              continue;
            const int n = 64; // as wide as the widest swizzle of 16-bit elements
            SCOPED_TRACE(testing::Message()
                         << "type " << int(one.type) << " to " << int(one.d) << ", swizzle " << int(swizzle)
                         << (transposeA ? ", A transposed" : "") << (transposeB ? ", B transposed" : "")
                         << (fromRegisters ? ", A in registers" : ""));
            Matrices matrices(64, n, one.k, one.type == WEFT_U8, ++seed);
            auto call = std::make_unique<WgmmaCall>();
            *call = WgmmaCall();
            call->shape = {64, uint16_t(n), uint16_t(one.k), one.type,   one.type, one.d, 1,
                           0,  0,           transposeA,      transposeB, 0};
            call->fromRegisters = fromRegisters;
            std::vector<uint8_t> image(32768);
            call->descriptorA = layOut(image, 0, 64, one.k, one.type, swizzle, transposeA,
                                       [&](int row, int k) { return matrices.a[size_t(row * one.k + k)]; });
            call->descriptorB = layOut(image, 16384, n, one.k, one.type, swizzle, transposeB,
                                       [&](int row, int k) { return matrices.b[size_t(k * n + row)]; });
            const size_t size = elementBytesOf(WeftElementType(one.type)), perRegister = 4 / size;
            const size_t sizeD = elementBytesOf(WeftElementType(one.d));
            auto placeD = [](int id, int i) {
              return std::pair(id / 32 * 16 + id % 32 / 4 + (i & 2 ? 8 : 0),
                               i / 4 * 8 + id % 4 * 2 + (i & 1));
            };
            for (int id = 0; id < 128; ++id) {
              for (int i = 0; i < one.k / 2; ++i) {
                int reg = i / int(perRegister), row = id / 32 * 16 + id % 32 / 4 + (reg & 1 ? 8 : 0);
                int k = id % 4 * int(perRegister) + i % int(perRegister) + (reg >> 1) * 4 * int(perRegister);
                put(call->registersA[id] + size_t(i) * size, one.type, matrices.a[size_t(row * one.k + k)]);
              }
              for (int i = 0; i < n / 2; ++i) {
                auto [row, column] = placeD(id, i);
                put(call->accumulators[id] + size_t(i) * sizeD, one.d, matrices.c[size_t(row * n + column)]);
              }
            }
            Device device;
            call->image = device.array(image, "image");
            call->imageBytes = uint32_t(image.size());
            Status status = device.launch(wgmmaKernel, 1, 128, {bits(call.get())}, image.size());
            ASSERT_TRUE(status.isOk()) << status;
            for (int id = 0; id < 128; ++id)
              for (int i = 0; i < n / 2; ++i) {
                auto [row, column] = placeD(id, i);
                ASSERT_EQ(decode(one.d, call->accumulators[id] + size_t(i) * sizeD),
                          matrices.wanted(row, column))
                    << row << ", " << column;
              }
          }
}

} // namespace
