// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise convolutions, and pools, which are the same with another step than multiply and add: channel
// vectors innermost, a few output pixels at once so that weights and inputs are used several times. There is
// no padded copy: kernel rows outside the image are skipped by the bounds of their loop, and the few output
// columns whose window leaves the image have a loop of their own with such bounds.
#include "Conv.h"

using namespace mlir;
using namespace weft::cpu;

namespace {

class DepthwiseGenerator : KernelBuilder {
public:
  DepthwiseGenerator(Location loc, const ConvSpec &spec, const TargetInfo &target,
                     std::optional<PoolKind> pool = std::nullopt)
      : KernelBuilder(loc, target), spec(spec), s(spec), pool(pool) {}
  GeneratedKernel generate();

private:
  void row(Value image, Value plane, Value oh);
  /// `count` output pixels from `ow` on whose windows are inside horizontally.
  void interior(Value image, Value plane, Value oh, Value ow, int64_t count);
  void border(Value image, Value plane, Value oh, Value ow);
  /// The channels in native vectors, then what is left in smaller ones: body(first channel, width).
  void forChannels(int64_t atOnce, llvm::function_ref<void(Value, int64_t, int64_t)> body);
  Value input(Value image, Value id, Value ih, Value iw, Value channel, int64_t width) {
    Value all[3] = {id, ih, iw};
    SmallVector<Value> at = {image};
    for (size_t d = 3 - spec.space.size(); d < 3; ++d)
      at.push_back(all[d]);
    at.push_back(channel);
    return loadPiece(x, at, width);
  }
  /// Null for pools.
  Value weight(Value tap, Value channel, int64_t width) {
    return pool ? Value() : loadPiece(weights, {tap, channel}, width);
  }
  /// What a window begins with.
  Value initial(int64_t width);
  Value step(Value value, Value weight, Value acc);
  void put(Value acc, Value image, Value plane, Value oh, Value ow, Value channel, int64_t width);

  const ConvSpec &spec;
  Conv3 s;
  const std::optional<PoolKind> pool;
  Value x, y, weights;
  ValueRange extras;
  int64_t pixels = 4, vectors = 1; ///< of output at once
  int64_t rowBlock = 1;
};

} // namespace

Value DepthwiseGenerator::initial(int64_t width) {
  if (!pool || *pool == PoolKind::Add)
    return zero(width);
  const APFloat worst = APFloat::getInf(APFloat::IEEEsingle(), /*Negative=*/*pool == PoolKind::Max);
  Value scalar = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(worst.convertToFloat()));
  return width == 1 ? scalar : vector::BroadcastOp::create(b, loc, vec(width), scalar);
}

Value DepthwiseGenerator::step(Value value, Value weight, Value acc) {
  if (!pool)
    return multiplyAdd(value, weight, acc);
  // Of zeros either sign will do, as in the loops of other pools.
  constexpr auto anyZero = arith::FastMathFlags::nsz;
  switch (*pool) {
  case PoolKind::Add:
    return arith::AddFOp::create(b, loc, acc, value);
  case PoolKind::Max:
    return arith::MaximumFOp::create(b, loc, acc, value, anyZero);
  case PoolKind::Min:
    return arith::MinimumFOp::create(b, loc, acc, value, anyZero);
  }
  llvm_unreachable("all kinds are handled");
}

void DepthwiseGenerator::forChannels(int64_t atOnce, llvm::function_ref<void(Value, int64_t, int64_t)> body) {
  int64_t done = 0;
  if (atOnce > 1) {
    int64_t step = atOnce * lanes;
    done = spec.co / step * step;
    if (done > 0)
      loop(c(0), c(done), step, [&](Value channel) { body(channel, lanes, atOnce); });
  }
  for (int64_t width = lanes; width >= 1; width /= 2) {
    int64_t end = done + (spec.co - done) / width * width;
    if (end > done)
      loop(c(done), c(end), width, [&](Value channel) { body(channel, width, 1); });
    done = end;
  }
}

void DepthwiseGenerator::put(Value acc, Value image, Value plane, Value oh, Value ow, Value channel,
                             int64_t width) {
  Value all[3] = {plane, oh, ow};
  SmallVector<Value> at = {image};
  for (size_t d = 3 - spec.space.size(); d < 3; ++d)
    at.push_back(all[d]);
  at.push_back(channel);
  if (spec.epilogue.emit)
    acc = spec.epilogue.emit(b, loc, acc, {at, width}, extras);
  store(acc, y, at);
}

void DepthwiseGenerator::interior(Value image, Value plane, Value oh, Value ow, int64_t count) {
  const ConvDim &depth = s.dims[0], &height = s.dims[1], &wide = s.dims[2];
  auto [kdLow, kdHigh] = tapsInside(*this, s.dims[0], plane);
  auto [khLow, khHigh] = tapsInside(*this, s.dims[1], oh);
  Value left = sub(mul(ow, wide.stride), c(wide.padLow));
  forChannels(vectors, [&, kdLow = kdLow, kdHigh = kdHigh, khLow = khLow,
                        khHigh = khHigh](Value channel, int64_t width, int64_t atOnce) {
    SmallVector<Value> acc(count * atOnce, initial(width));
    acc = loop(kdLow, kdHigh, 1, acc, [&](Value kd, ValueRange accD) {
      Value id = sub(add(mul(plane, depth.stride), mul(kd, depth.dilation)), c(depth.padLow));
      return loop(khLow, khHigh, 1, accD, [&](Value kh, ValueRange accH) {
        Value ih = sub(add(mul(oh, height.stride), mul(kh, height.dilation)), c(height.padLow));
        Value firstTap = mul(add(mul(kd, height.kernel), kh), wide.kernel);
        SmallVector<Value> next(accH);
        for (int64_t q = 0; q < atOnce; ++q) {
          Value at = add(channel, q * width);
          llvm::DenseMap<int64_t, Value> loaded; // each input position once
          for (int64_t kw = 0; kw < wide.kernel; ++kw) {
            Value w = weight(add(firstTap, kw), at, width);
            for (int64_t p = 0; p < count; ++p) {
              int64_t position = p * wide.stride + kw * wide.dilation;
              Value &value = loaded[position];
              if (!value)
                value = input(image, id, ih, add(left, position), at, width);
              Value &sum = next[q * count + p];
              sum = step(value, w, sum);
            }
          }
        }
        return next;
      });
    });
    for (int64_t q = 0; q < atOnce; ++q)
      for (int64_t p = 0; p < count; ++p)
        put(acc[q * count + p], image, plane, oh, add(ow, p), add(channel, q * width), width);
  });
}

void DepthwiseGenerator::border(Value image, Value plane, Value oh, Value ow) {
  const ConvDim &depth = s.dims[0], &height = s.dims[1], &wide = s.dims[2];
  auto ranges = std::array{tapsInside(*this, s.dims[0], plane), tapsInside(*this, s.dims[1], oh),
                           tapsInside(*this, s.dims[2], ow)};
  forChannels(4, [&](Value channel, int64_t width, int64_t atOnce) {
    SmallVector<Value> acc(atOnce, initial(width));
    acc = loop(ranges[0].first, ranges[0].second, 1, acc, [&](Value kd, ValueRange accD) {
      Value id = sub(add(mul(plane, depth.stride), mul(kd, depth.dilation)), c(depth.padLow));
      return loop(ranges[1].first, ranges[1].second, 1, accD, [&](Value kh, ValueRange accH) {
        Value ih = sub(add(mul(oh, height.stride), mul(kh, height.dilation)), c(height.padLow));
        return loop(ranges[2].first, ranges[2].second, 1, accH, [&](Value kw, ValueRange accW) {
          Value iw = sub(add(mul(ow, wide.stride), mul(kw, wide.dilation)), c(wide.padLow));
          Value tap = add(mul(add(mul(kd, height.kernel), kh), wide.kernel), kw);
          SmallVector<Value> next;
          for (int64_t q = 0; q < atOnce; ++q) {
            Value at = add(channel, q * width);
            next.push_back(step(input(image, id, ih, iw, at, width), weight(tap, at, width), accW[q]));
          }
          return next;
        });
      });
    });
    for (int64_t q = 0; q < atOnce; ++q)
      put(acc[q], image, plane, oh, ow, add(channel, q * width), width);
  });
}

void DepthwiseGenerator::row(Value image, Value plane, Value oh) {
  const ConvDim &wide = s.dims[2];
  // Output columns [left, right) have their whole window inside.
  int64_t out = s.out[2], span = (wide.kernel - 1) * wide.dilation;
  int64_t left = std::min(out, ceilDivide(wide.padLow, wide.stride));
  int64_t right = wide.in + wide.padLow - span - 1 < 0
                      ? left
                      : std::min(out, (wide.in + wide.padLow - span - 1) / wide.stride + 1);
  right = std::max(left, right);
  if (left > 0)
    loop(c(0), c(left), 1, [&](Value ow) { border(image, plane, oh, ow); });
  int64_t inside = right - left;
  if (inside > 0) {
    int64_t tiles = ceilDivide(inside, pixels), size = ceilDivide(inside, tiles),
            large = tiles - (tiles * size - inside);
    if (large > 0)
      loop(c(left), c(left + large * size), size, [&](Value ow) { interior(image, plane, oh, ow, size); });
    if (large < tiles)
      loop(c(left + large * size), c(right), size - 1,
           [&](Value ow) { interior(image, plane, oh, ow, size - 1); });
  }
  if (right < out)
    loop(c(right), c(out), 1, [&](Value ow) { border(image, plane, oh, ow); });
}

GeneratedKernel DepthwiseGenerator::generate() {
  pixels = target.vectorRegisters >= 32 ? 8 : 4;
  SmallVector<MemRefType> buffers = convBuffers(spec, packedConvShape(spec, target));
  if (pool) {
    buffers.erase(buffers.begin() + 1);
    // Caches like to be read along channels, and no weights want to be used several times.
    pixels = 2, vectors = 4;
  }
  begin(spec.name, buffers);
  x = args[0];
  y = args.back();
  extras = args.drop_front().drop_back();
  if (!pool) {
    weights = extras.front();
    extras = extras.drop_front();
  }
  double flops = 2.0 * s.out[0] * s.out[1] * s.out[2] * spec.co;
  for (const ConvDim &d : s.dims)
    flops *= d.kernel;
  // Bound by memory more than by arithmetic: count a product as four.
  int64_t wanted = std::max<int64_t>(1, wantedChunks(4 * flops) / s.out[0]);
  rowBlock = ceilDivide(s.out[1], std::min(wanted, s.out[1]));
  rowBlock = evenBlock(s.out[1], ceilDivide(rowBlock, 2), rowBlock);
  GeneratedKernel kernel;
  unsigned yIndex = buffers.size() - 1, rank = spec.space.size();
  kernel.chunks.terms.push_back({yIndex, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({yIndex, rank + 1, s.out[0], 1});
  kernel.chunks.terms.push_back({yIndex, rank + 1, s.out[1], rowBlock});
  loop(low, high, 1, [&](Value index) {
    Value rowBlocks = c(ceilDivide(s.out[1], rowBlock));
    Value block = rem(index, rowBlocks), rest = div(index, rowBlocks);
    Value plane = rem(rest, c(s.out[0])), image = div(rest, s.out[0]);
    Value first = mul(block, rowBlock);
    loop(first, min(add(first, rowBlock), c(s.out[1])), 1, [&](Value oh) { row(image, plane, oh); });
  });
  kernel.module = end();
  return kernel;
}

GeneratedKernel weft::cpu::generateDepthwise(Location loc, const ConvSpec &spec, const TargetInfo &target) {
  return DepthwiseGenerator(loc, spec, target).generate();
}

bool weft::cpu::hasPool(const ConvSpec &spec) {
  constexpr int64_t mostUnrolled = 8;
  return spec.xType.isF32() && spec.yType.isF32() && spec.space.back().kernel <= mostUnrolled;
}

GeneratedKernel weft::cpu::generatePool(Location loc, const ConvSpec &spec, PoolKind kind,
                                        const TargetInfo &target) {
  return DepthwiseGenerator(loc, spec, target, kind).generate();
}
