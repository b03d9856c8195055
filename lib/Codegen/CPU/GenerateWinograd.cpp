// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 3x3 convolutions by minimal filtering (Winograd; Lavin and Gray, arXiv 1509.09308): output tiles of m x m
// from input tiles of (m + 2) x (m + 2), with (m + 2)^2 products for each instead of 9 m^2. m = 4 takes 4
// times fewer multiplications than the direct way and errs 2 to 5 times as much; m = 2 takes 2.25 times fewer
// and errs less. The loops, outside in:
//   chunk -> (image, block of tile rows, block of panels)
//   copy of the input rows into a zero-bordered scratch
//   input transform: V[position in the tile][tile][input channel]
//   position: panel of NR output channels: register tiles of V times the panel: M[position][tile][channel]
//   output transform of a tile and a vector of channels, through the epilogue to the result
// A block whose panels are spread over chunks is transformed once by every thread that takes part.
#include "Conv.h"

using namespace mlir;
using namespace weft::cpu;

static int64_t panelWidthOf(const ConvSpec &spec, const TargetInfo &target) {
  if (spec.panelWidth)
    return spec.panelWidth;
  return spec.co <= target.lanes() ? target.lanes() : 2 * target.lanes();
}

std::optional<WinogradPlan> weft::cpu::planWinograd(const ConvSpec &spec, const TargetInfo &target) {
  int64_t lanes = target.lanes();
  if (!spec.allowWinograd || spec.space.size() != 2 || spec.groups != 1 || spec.ci < 32 || spec.ci % lanes ||
      spec.co % lanes || !spec.xType.isF32() || !spec.wType.isF32() || !spec.yType.isF32())
    return std::nullopt;
  for (const ConvDim &d : spec.space)
    if (d.kernel != 3 || d.stride != 1 || d.dilation != 1)
      return std::nullopt;
  // Cycles for each output channel: products at two vectors a cycle, weights that come from memory at 6 bytes
  // a cycle, transforms as for equally many channels in and out. The number of output channels plays no part,
  // so that workers that share them go the way of the whole.
  double height = spec.space[0].out(), width = spec.space[1].out();
  double products = double(spec.ci) / (2 * lanes), bytes = double(spec.ci) * 4 / 6;
  double best = 0.85 * 9 * (height * width * products + bytes);
  WinogradPlan plan;
  // m = 4 has to be clearly faster than m = 2, which errs less.
  for (int64_t m : {2, 4}) {
    double positions = double(m + 2) * (m + 2);
    double tiles = std::ceil(height / m) * std::ceil(width / m);
    double transforms = tiles * 2 / lanes * (m == 4 ? 90 : 40);
    double cost = positions * (tiles * products + bytes) + transforms;
    if (cost < (plan.m == 2 ? 0.8 : 1) * best) {
      best = cost;
      plan.m = m;
    }
  }
  if (plan.m == 0)
    return std::nullopt;
  plan.width = panelWidthOf(spec, target);
  plan.panels = ceilDivide(spec.co, plan.width);
  plan.tileRows = ceilDivide(spec.space[0].out(), plan.m);
  plan.tileColumns = ceilDivide(spec.space[1].out(), plan.m);
  return plan;
}

SmallVector<int64_t> weft::cpu::winogradShape(const ConvSpec &spec, const WinogradPlan &plan) {
  return {plan.positions() * plan.panels, spec.ci, plan.width};
}

namespace {

class WinogradGenerator : KernelBuilder {
public:
  WinogradGenerator(Location loc, const ConvSpec &spec, const WinogradPlan &plan, const TargetInfo &target,
                    const ConvTiling &tiling)
      : KernelBuilder(loc, target), spec(spec), p(plan), t(tiling), a(plan.m + 2),
        tiles(tiling.blockRows * plan.tileColumns), copyWidth(plan.tileColumns * plan.m + 2),
        vectors(plan.width / lanes) {}
  GeneratedKernel generate();

private:
  void chunk(Value index);
  void copyInput(Value image, Value firstTileRow);
  void transformInput();
  void multiply(Value firstPanel, Value lastPanel);
  void transformOutput(Value image, Value firstTileRow, Value firstPanel, Value lastPanel);

  /// The one-dimensional transforms; both are applied to columns, then to rows.
  SmallVector<Value> inputTransform(ArrayRef<Value> d);
  SmallVector<Value> outputTransform(ArrayRef<Value> d);
  using Transform = SmallVector<Value> (WinogradGenerator::*)(ArrayRef<Value>);
  SmallVector<Value> both(Transform transform, ArrayRef<Value> square);

  Value plus(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value minus(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  /// factor * x + y.
  Value scaled(double factor, Value x, Value y) {
    Value f = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vec(lanes), float(factor)));
    return vector::FMAOp::create(b, loc, f, x, y);
  }

  const ConvSpec &spec;
  const WinogradPlan &p;
  const ConvTiling &t;
  int64_t a, tiles, copyWidth, vectors;
  Value x, weights, flatWeights, y, padded, v, product, pixels;
  ValueRange extras;
};

} // namespace

SmallVector<Value> WinogradGenerator::inputTransform(ArrayRef<Value> d) {
  if (p.m == 2)
    return {minus(d[0], d[2]), plus(d[1], d[2]), minus(d[2], d[1]), minus(d[1], d[3])};
  Value even = scaled(-4, d[2], d[4]), odd = scaled(-4, d[1], d[3]), outer = minus(d[4], d[2]),
        inner = minus(d[3], d[1]);
  return {scaled(4, d[0], scaled(-5, d[2], d[4])),
          plus(even, odd),
          minus(even, odd),
          scaled(2, inner, outer),
          scaled(-2, inner, outer),
          scaled(4, d[1], scaled(-5, d[3], d[5]))};
}

SmallVector<Value> WinogradGenerator::outputTransform(ArrayRef<Value> d) {
  Value sum = plus(d[1], d[2]), difference = minus(d[1], d[2]);
  if (p.m == 2)
    return {plus(d[0], sum), minus(difference, d[3])};
  Value sum2 = plus(d[3], d[4]), difference2 = minus(d[3], d[4]);
  return {plus(plus(d[0], sum), sum2), scaled(2, difference2, difference), scaled(4, sum2, sum),
          plus(scaled(8, difference2, difference), d[5])};
}

SmallVector<Value> WinogradGenerator::both(Transform transform, ArrayRef<Value> square) {
  SmallVector<SmallVector<Value>> columns;
  for (int64_t j = 0; j < a; ++j) {
    SmallVector<Value> column;
    for (int64_t i = 0; i < a; ++i)
      column.push_back(square[i * a + j]);
    columns.push_back((this->*transform)(column));
  }
  SmallVector<Value> result;
  for (size_t i = 0; i < columns[0].size(); ++i) {
    SmallVector<Value> row;
    for (int64_t j = 0; j < a; ++j)
      row.push_back(columns[j][i]);
    llvm::append_range(result, (this->*transform)(row));
  }
  return result;
}

void WinogradGenerator::copyInput(Value image, Value firstTileRow) {
  const ConvDim &height = spec.space[0], &wide = spec.space[1];
  int64_t left = std::min(wide.padLow, copyWidth), used = std::clamp<int64_t>(copyWidth - left, 0, wide.in);
  auto zero = [&](Value row, int64_t from, int64_t to) {
    loop(c(from), c(to), 1, [&](Value column) {
      loop(c(0), c(spec.ci), lanes, [&](Value i) { store(zeroVector(), padded, {row, column, i}); });
    });
  };
  loop(c(0), c(t.blockRows * p.m + 2), 1, [&](Value row) {
    Value from = sub(add(mul(firstTileRow, p.m), row), c(height.padLow));
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, from, c(height.in));
    auto branch = scf::IfOp::create(b, loc, inside, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    zero(row, 0, left);
    loop(c(0), c(used), 1, [&](Value column) {
      loop(c(0), c(spec.ci), lanes, [&](Value i) {
        store(loadVector(x, {image, from, column, i}, lanes), padded, {row, add(column, left), i});
      });
    });
    zero(row, left + used, copyWidth);
    b.setInsertionPointToStart(branch.elseBlock());
    zero(row, 0, copyWidth);
  });
}

void WinogradGenerator::transformInput() {
  loop(c(0), c(t.blockRows), 1, [&](Value tileRow) {
    loop(c(0), c(p.tileColumns), 1, [&](Value tileColumn) {
      Value tile = add(mul(tileRow, p.tileColumns), tileColumn);
      loop(c(0), c(spec.ci), lanes, [&](Value channel) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < a; ++i)
          for (int64_t j = 0; j < a; ++j)
            square.push_back(loadVector(
                padded, {add(mul(tileRow, p.m), i), add(mul(tileColumn, p.m), j), channel}, lanes));
        for (auto [position, value] : llvm::enumerate(both(&WinogradGenerator::inputTransform, square)))
          store(value, v, {c(position), tile, channel});
      });
    });
  });
}

void WinogradGenerator::multiply(Value firstPanel, Value lastPanel) {
  int64_t count = ceilDivide(tiles, t.pixels), size = ceilDivide(tiles, count);
  int64_t large = count - (count * size - tiles);
  loop(c(0), c(p.positions()), 1, [&](Value position) {
    loop(firstPanel, lastPanel, 1, [&](Value panel) {
      Value index = add(mul(position, p.panels), panel);
      // While it computes, a tile asks for its share of the panel that comes next.
      Value isLast = equal(add(panel, 1), lastPanel);
      Value after = arith::SelectOp::create(b, loc, isLast, add(mul(add(position, 1), p.panels), firstPanel),
                                            add(index, 1));
      Value next = min(after, c(p.positions() * p.panels - 1));
      auto tileAt = [&](Value first, int64_t rows) {
        int64_t step = tiles > rows ? ceilDivide(p.width * rows, tiles) : 0;
        Value start = mul(first, spec.ci * p.width / tiles);
        auto loadA = [&](int64_t r, Value k) { return load(v, {position, add(first, r), k}); };
        auto loadB = [&](int64_t n, Value k) {
          if (n == 0 && step > 0)
            prefetch(flatWeights, {next, add(start, mul(k, step))});
          return loadVector(weights, {index, k, c(n * lanes)}, lanes);
        };
        SmallVector<Value> sums = tile(rows, vectors, c(0), c(spec.ci), t.unroll,
                                       SmallVector<Value>(rows * vectors, zeroVector()), loadA, loadB);
        Value column = mul(sub(panel, firstPanel), p.width);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t n = 0; n < vectors; ++n)
            store(sums[r * vectors + n], product, {position, add(first, r), add(column, n * lanes)});
      };
      loop(c(0), c(large), 1, [&](Value i) { tileAt(mul(i, size), size); });
      if (large < count)
        loop(c(large), c(count), 1, [&](Value i) { tileAt(add(mul(i, size - 1), large), size - 1); });
    });
  });
}

void WinogradGenerator::transformOutput(Value image, Value firstTileRow, Value firstPanel, Value lastPanel) {
  Value firstColumn = mul(firstPanel, p.width);
  Value columns = sub(min(mul(lastPanel, p.width), c(spec.co)), firstColumn);
  loop(c(0), c(t.blockRows), 1, [&](Value tileRow) {
    Value row = mul(add(firstTileRow, tileRow), p.m);
    Value rows = min(sub(c(spec.space[0].out()), row), c(p.m));
    loop(c(0), c(p.tileColumns), 1, [&](Value tileColumn) {
      Value tile = add(mul(tileRow, p.tileColumns), tileColumn);
      Value column = mul(tileColumn, p.m);
      Value width = min(sub(c(spec.space[1].out()), column), c(p.m));
      loop(c(0), columns, lanes, [&](Value channel) {
        SmallVector<Value> square;
        for (int64_t position = 0; position < a * a; ++position)
          square.push_back(loadVector(product, {c(position), tile, channel}, lanes));
        for (auto [i, value] : llvm::enumerate(both(&WinogradGenerator::outputTransform, square)))
          store(value, pixels, {c(i / p.m), c(i % p.m), c(0)});
        // One copy of the epilogue for all pixels; at the border there are fewer of them.
        loop(c(0), rows, 1, [&](Value i) {
          loop(c(0), width, 1, [&](Value j) {
            finish(spec.epilogue, extras, loadVector(pixels, {i, j, c(0)}, lanes), y,
                   {image, add(row, i), add(column, j), add(firstColumn, channel)}, lanes);
          });
        });
      });
    });
  });
}

void WinogradGenerator::chunk(Value index) {
  Value panelBlocks = c(ceilDivide(p.panels, t.blockPanels)),
        rowBlocks = c(ceilDivide(p.tileRows, t.blockRows));
  Value block = rem(index, panelBlocks), rest = div(index, panelBlocks);
  Value firstTileRow = mul(rem(rest, rowBlocks), t.blockRows), image = div(rest, rowBlocks);
  Value firstPanel = mul(block, t.blockPanels), lastPanel = min(add(firstPanel, t.blockPanels), c(p.panels));
  ifThen(mustPrepare(index, block), [&] {
    copyInput(image, firstTileRow);
    transformInput();
  });
  multiply(firstPanel, lastPanel);
  transformOutput(image, firstTileRow, firstPanel, lastPanel);
}

GeneratedKernel WinogradGenerator::generate() {
  SmallVector<MemRefType> buffers = convBuffers(spec, winogradShape(spec, p));
  begin(spec.name, buffers);
  x = args[0];
  weights = args[1];
  y = args.back();
  extras = args.slice(2, buffers.size() - 3);
  flatWeights = memref::CollapseShapeOp::create(b, loc, weights, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  padded = scratch({t.blockRows * p.m + 2, copyWidth, spec.ci});
  // Rows a line more than a power of two apart.
  v = scratch({p.positions(), tiles, spec.ci + lanes});
  product = scratch({p.positions(), tiles, t.blockPanels * p.width + lanes});
  pixels = scratch({p.m, p.m, lanes});
  GeneratedKernel kernel;
  unsigned yIndex = buffers.size() - 1;
  kernel.chunks.terms.push_back({yIndex, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({yIndex, 1, p.tileRows, t.blockRows});
  kernel.chunks.terms.push_back({yIndex, 3, p.panels, t.blockPanels});
  loop(low, high, 1, [&](Value index) { chunk(index); });
  kernel.module = end();
  return kernel;
}

GeneratedKernel weft::cpu::generateWinograd(Location loc, const ConvSpec &spec, const WinogradPlan &plan,
                                            const TargetInfo &target, const ConvTiling &tiling) {
  return WinogradGenerator(loc, spec, plan, target, tiling).generate();
}
