// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise convolutions of tensors that have their channels in front: each channel is a plane, vectors run
// along its rows. For a convolution whose neighbours want that layout, where two transpositions would take
// longer than the convolution. A few output rows are made at once, so that each input vector is loaded once
// for all of them; vectors that reach over the image's edge are loaded inside of it and shifted, so that no
// lane reads outside the buffer.
#include "Conv.h"

using namespace mlir;
using namespace weft::cpu;

namespace {

class PlanesGenerator : KernelBuilder {
public:
  PlanesGenerator(Location loc, const ConvSpec &spec, const TargetInfo &target)
      : KernelBuilder(loc, target), spec(spec), s(spec), height(s.dims[1]), wide(s.dims[2]) {}
  GeneratedKernel generate();

private:
  /// Output columns [column + offset, + width) of a row: `offset` is static, so that is known which taps
  /// leave the image. In a loop `column` is its variable, and no tap does.
  struct Piece {
    Value column;
    int64_t offset = 0, width = 1;
  };
  /// `count` output rows from `oh` on, by taps [tapLow, tapHigh) of the vertical dimension.
  void rows(Value oh, int64_t count, Value tapLow, Value tapHigh);
  void piece(const Piece &piece, Value oh, int64_t count, Value tapLow, Value tapHigh);
  /// Elements of input row `ih` under the piece for horizontal tap `kw`; nothing when all are padding.
  Value input(const Piece &piece, Value ih, int64_t kw);
  SmallVector<Value> at(Value row, Value column) {
    SmallVector<Value> indices = {image, channel};
    if (spec.space.size() > 1)
      indices.push_back(row);
    indices.push_back(column);
    return indices;
  }

  const ConvSpec &spec;
  Conv3 s;
  const ConvDim &height, &wide;
  Value x, y, weights, image, channel;
  ValueRange extras;
};

} // namespace

Value PlanesGenerator::input(const Piece &piece, Value ih, int64_t kw) {
  int64_t shift = kw * wide.dilation - wide.padLow;
  if (piece.column)
    return loadPiece(x, at(ih, add(piece.column, piece.offset + shift)), piece.width);
  int64_t from = piece.offset + shift, inside = std::clamp<int64_t>(from, 0, wide.in - piece.width);
  int64_t moved = from - inside;
  if (moved <= -piece.width || moved >= piece.width)
    return {};
  Value loaded = loadPiece(x, at(ih, c(inside)), piece.width);
  if (moved == 0)
    return loaded;
  SmallVector<int64_t> lanesOf;
  for (int64_t l = 0; l < piece.width; ++l) {
    int64_t source = l + moved;
    lanesOf.push_back(source >= 0 && source < piece.width ? source : piece.width);
  }
  return vector::ShuffleOp::create(b, loc, loaded, zero(piece.width), lanesOf);
}

void PlanesGenerator::piece(const Piece &piece, Value oh, int64_t count, Value tapLow, Value tapHigh) {
  Value top = sub(mul(oh, height.stride), c(height.padLow));
  auto multiply = [&](SmallVector<Value> &sums, int64_t r, Value tap, int64_t kw, Value value) {
    Value w = load(weights, {channel, add(mul(tap, wide.kernel), kw)});
    if (piece.width > 1)
      w = vector::BroadcastOp::create(b, loc, vec(piece.width), w);
    sums[r] = multiplyAdd(value, w, sums[r]);
  };
  SmallVector<Value> sums(count, zero(piece.width));
  if (tapLow) {
    sums = loop(tapLow, tapHigh, 1, sums, [&](Value tap, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t kw = 0; kw < wide.kernel; ++kw)
        if (Value value = input(piece, add(top, mul(tap, height.dilation)), kw))
          multiply(next, 0, tap, kw, value);
      return next;
    });
  } else {
    // Each input row once, for all output rows that it is a tap of.
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> loaded;
    for (int64_t tap = 0; tap < height.kernel; ++tap)
      for (int64_t r = 0; r < count; ++r)
        for (int64_t kw = 0; kw < wide.kernel; ++kw) {
          int64_t row = r * height.stride + tap * height.dilation;
          auto [found, isNew] = loaded.try_emplace({row, kw});
          if (isNew)
            found->second = input(piece, add(top, row), kw);
          if (found->second)
            multiply(sums, r, c(tap), kw, found->second);
        }
  }
  Value column = piece.column ? add(piece.column, piece.offset) : c(piece.offset);
  for (int64_t r = 0; r < count; ++r) {
    SmallVector<Value> where = at(add(oh, r), column);
    Value sum = sums[r];
    if (spec.epilogue.emit)
      sum = spec.epilogue.emit(b, loc, sum, {where, piece.width}, extras);
    store(sum, y, where);
  }
}

void PlanesGenerator::rows(Value oh, int64_t count, Value tapLow, Value tapHigh) {
  int64_t out = s.out[2], reach = (wide.kernel - 1) * wide.dilation;
  auto isInside = [&](int64_t column) {
    return column >= wide.padLow && column - wide.padLow + reach + lanes <= wide.in;
  };
  int64_t column = 0;
  while (column < out) {
    int64_t whole = 0;
    while (column + (whole + 1) * lanes <= out && isInside(column + whole * lanes))
      ++whole;
    if (whole > 1) {
      loop(c(column), c(column + whole * lanes), lanes,
           [&](Value at) { piece({at, 0, lanes}, oh, count, tapLow, tapHigh); });
      column += whole * lanes;
      continue;
    }
    int64_t width = lanes;
    while (width > out - column || width > wide.in)
      width /= 2;
    piece({{}, column, width}, oh, count, tapLow, tapHigh);
    column += width;
  }
}

GeneratedKernel PlanesGenerator::generate() {
  SmallVector<MemRefType> buffers = convBuffers(spec, packedConvShape(spec, target));
  begin(spec.name, buffers);
  x = args[0];
  weights = args[1];
  y = args.back();
  extras = args.slice(2, buffers.size() - 3);

  // Output rows [first, last) have all their taps inside; so have all of them where nothing is padded.
  int64_t out = s.out[1], reach = (height.kernel - 1) * height.dilation, taps = height.kernel * wide.kernel;
  int64_t first = std::min(out, ceilDivide(height.padLow, height.stride));
  int64_t last = height.in + height.padLow - reach - 1 < 0
                     ? first
                     : std::clamp((height.in + height.padLow - reach - 1) / height.stride + 1, first, out);
  // More code than this gains nothing: such windows loop over their taps in every row.
  constexpr int64_t mostProducts = 64;
  if (taps > mostProducts)
    first = last = out;

  double flops = 2.0 * out * s.out[2] * spec.co * taps;
  // Bound by memory more than by arithmetic: count a product as four.
  int64_t block = ceilDivide(spec.co, std::min(wantedChunks(4 * flops), spec.co));
  GeneratedKernel kernel;
  unsigned yIndex = buffers.size() - 1;
  kernel.chunks.terms.push_back({yIndex, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({yIndex, 1, spec.co, block});
  int64_t blocks = ceilDivide(spec.co, block);
  loop(low, high, 1, [&](Value index) {
    Value begin = mul(rem(index, c(blocks)), block);
    image = div(index, blocks);
    loop(begin, min(add(begin, block), c(spec.co)), 1, [&](Value plane) {
      channel = plane;
      auto byLoop = [&](int64_t from, int64_t to) {
        if (from < to)
          loop(c(from), c(to), 1, [&](Value oh) {
            auto [tapLow, tapHigh] = tapsInside(*this, height, oh);
            rows(oh, 1, tapLow, tapHigh);
          });
      };
      byLoop(0, first);
      if (int64_t inside = last - first; inside > 0) {
        int64_t tiles = ceilDivide(inside, std::min<int64_t>(4, mostProducts / taps));
        int64_t size = ceilDivide(inside, tiles), large = tiles - (tiles * size - inside);
        int64_t middle = first + large * size;
        loop(c(first), c(middle), size, [&](Value oh) { rows(oh, size, {}, {}); });
        if (middle < last)
          loop(c(middle), c(last), size - 1, [&](Value oh) { rows(oh, size - 1, {}, {}); });
      }
      byLoop(last, out);
    });
  });
  kernel.module = end();
  return kernel;
}

GeneratedKernel weft::cpu::generateDepthwisePlanes(Location loc, const ConvSpec &spec,
                                                   const TargetInfo &target) {
  return PlanesGenerator(loc, spec, target).generate();
}
