// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products. The loops, outside in:
//   chunk -> (batch, block of rows, block of panels)
//   panel of NR columns of B (several at once when all rows fit one register tile)
//     block of k, so that the piece of the panel stays in L1
//       register tile of rows: accumulators in registers over the k loop
// With one block of k and whole panels the sums go from registers through the epilogue to C. Otherwise they
// collect in a scratch buffer of block rows x NR, and a small loop over its rows applies the epilogue; this
// keeps the number of micro-kernels, and with it compile time, low. Rows of static M are dealt into tiles
// that differ by one row at most; what is left of a dynamic M runs in tiles of 8, 4, 2 and 1.
#include "weft/Codegen/CPU/GenerateGemm.h"

#include "MatrixTile.h"
#include "MultiplyStep.h"

using namespace mlir;
using namespace weft::cpu;

static bool isDynamic(int64_t extent) { return ShapedType::isDynamic(extent); }

namespace {

class GemmGenerator : KernelBuilder {
public:
  GemmGenerator(Location loc, const GemmSpec &spec, const TargetInfo &target, const GemmTiling &tiling)
      : KernelBuilder(loc, target), spec(spec), t(tiling), vectors(tiling.panelWidth / lanes),
        step(MultiplyStep::choose(spec, target)), sumType(step.sumType(b)) {}

  FailureOr<GeneratedKernel> generate();

private:
  /// One chunk's view of the operands: indices of the batch dimensions in front of everything.
  struct Block {
    SmallVector<Value> a, b, c;
    Value firstTile, lastTile;
  };

  void chunk(Value index);
  /// All panels of a chunk. `widened`: of a packed B, block by block, as they are multiplied.
  void panelsOf(const Block &block, Value columnBlock, bool widened);
  /// `count` panels from `panel` on, of which `valid` columns are stored (static), or `dynamicValid` (a tail
  /// of dynamic N).
  void panels(const Block &block, Value panel, int64_t count, int64_t valid, Value dynamicValid, bool isTail,
              bool widened);
  /// Runs body(rows, first row, row within the block) for each register tile of the block.
  void forTiles(const Block &block, llvm::function_ref<void(int64_t, Value, Value)> body);
  /// The sums of a tile of a panel in matrix registers, from and to the partial buffer.
  void matrixTile(const Block &block, Value panel, int64_t rows, Value row, Value local, Value kLow,
                  Value kHigh, Value isFirst);
  /// Copies the block's rows of A to where the step reads them.
  void prepareA(const Block &block);
  /// What the sums of a panel's vector begin with.
  Value firstSum(Value panel, int64_t v);
  Value zeroSum() {
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(VectorType::get({lanes}, sumType)));
  }
  void packPanel(const Block &block, Value panel, Value kLow, Value kHigh, Value valid);
  /// Where a tile prefetches while it computes: each k step asks for `step` elements of the flat panel
  /// `panel`, from `start` on, so that the tiles of a block together ask for all of it. No panel: nothing.
  struct Prefetch {
    Value panel, start;
    int64_t step = 0;
  };
  Prefetch prefetchNext(Value panel, int64_t count, int64_t rows, Value local);
  /// Asks for what a panel of packed B holds some way ahead of step k.
  void prefetchAhead(Value panel, Value k);
  SmallVector<Value> indexA(const Block &block, Value row, Value k) {
    SmallVector<Value> at(block.a);
    at.push_back(spec.transposedA ? k : row);
    at.push_back(spec.transposedA ? row : k);
    return at;
  }

  const GemmSpec &spec;
  const GemmTiling &t;
  int64_t vectors;
  MultiplyStep step;
  Type sumType;
  Value bufferA, bufferB, flatB, bufferC, partial, packed, prepared, config, m, n, numPanels, numTiles;
  Value k; ///< in steps
  ValueRange extras;
  int64_t tileRows = 0, largeTiles = 0; ///< static M: tiles of tileRows, then of tileRows - 1
  bool packWhole = false;               ///< all panels of a run-time B are packed, not only the tail
  bool widensMany = false;              ///< panels of a packed B are widened for blocks of many rows
  bool singleBlock = false;             ///< one block of k: sums stay in registers
  bool streamsB = false;                ///< packed panels are read once, by the only tile of rows
};

} // namespace

void GemmGenerator::forTiles(const Block &block, llvm::function_ref<void(int64_t, Value, Value)> body) {
  if (!isDynamic(spec.m)) {
    auto run = [&](Value from, Value to, int64_t rows, int64_t offset) {
      auto at = [&](Value tile) {
        Value row = add(mul(tile, rows), offset);
        // Rows before the block in its own numbering: tiles of the block are at most tileRows apart.
        Value local = mul(sub(tile, block.firstTile), tileRows);
        body(rows, row, local);
      };
      loop(from, to, 1, at);
    };
    int64_t tiles = ceilDivide(spec.m, t.rows);
    if (largeTiles > 0)
      run(block.firstTile, min(block.lastTile, c(largeTiles)), tileRows, 0);
    if (largeTiles < tiles)
      run(max(block.firstTile, c(largeTiles)), block.lastTile, tileRows - 1, largeTiles);
    return;
  }
  Value first = mul(block.firstTile, t.rows), last = min(mul(block.lastTile, t.rows), m);
  Value whole = mul(div(sub(last, first), t.rows), t.rows);
  Value middle = add(first, whole);
  loop(first, middle, t.rows, [&](Value row) { body(t.rows, row, sub(row, first)); });
  Value row = middle;
  for (int64_t rows = 8; rows >= 1; rows /= 2) {
    if (rows >= t.rows)
      continue;
    // At most one tile of each of these sizes, except the largest: 13 left of 14 are 8 + 4 + 1.
    Value count = div(sub(last, row), rows);
    Value end = add(row, mul(count, rows));
    loop(row, end, rows, [&](Value r) { body(rows, r, sub(r, first)); });
    row = end;
  }
}

void GemmGenerator::packPanel(const Block &block, Value panel, Value kLow, Value kHigh, Value valid) {
  if (spec.b == GemmB::Packed) {
    loop(kLow, kHigh, 1, [&](Value row) {
      for (int64_t v = 0; v < vectors; ++v)
        store(step.loadB(*this, bufferB, {panel, row}, v * lanes), packed,
              {sub(row, kLow), c(v * lanes * step.group)});
    });
    return;
  }
  Value column = mul(panel, t.panelWidth);
  if (spec.b == GemmB::RowMajor) {
    loop(kLow, kHigh, 1, [&](Value row) {
      SmallVector<Value> from(block.b);
      from.append({row, column});
      Value to = sub(row, kLow);
      if (!valid) {
        for (int64_t v = 0; v < vectors; ++v) {
          from.back() = add(column, v * lanes);
          store(loadVector(bufferB, from, lanes), packed, {to, c(v * lanes)});
        }
        return;
      }
      for (int64_t v = 0; v < vectors; ++v)
        store(zeroVector(), packed, {to, c(v * lanes)});
      loop(c(0), valid, 1, [&](Value j) {
        from.back() = add(column, j);
        store(load(bufferB, from), packed, {to, j});
      });
    });
    return;
  }
  // [N, K]: squares of lanes x lanes are transposed in registers; rows beyond N stay zero.
  auto scalarColumns = [&](Value from, Value to) {
    loop(from, to, 1, [&](Value row) {
      loop(c(0), valid ? valid : c(t.panelWidth), 1, [&](Value j) {
        SmallVector<Value> at(block.b);
        at.append({add(column, j), row});
        store(load(bufferB, at), packed, {sub(row, kLow), j});
      });
    });
  };
  if (valid) {
    loop(kLow, kHigh, 1, [&](Value row) {
      for (int64_t v = 0; v < vectors; ++v)
        store(zeroVector(), packed, {sub(row, kLow), c(v * lanes)});
    });
    scalarColumns(kLow, kHigh);
    return;
  }
  Value middle = add(kLow, mul(div(sub(kHigh, kLow), lanes), lanes));
  loop(kLow, middle, lanes, [&](Value row) {
    Value to = sub(row, kLow);
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<Value> square;
      for (int64_t l = 0; l < lanes; ++l) {
        SmallVector<Value> at(block.b);
        at.append({add(column, v * lanes + l), row});
        square.push_back(loadVector(bufferB, at, lanes));
      }
      transpose(square);
      for (int64_t l = 0; l < lanes; ++l)
        store(square[l], packed, {add(to, l), c(v * lanes)});
    }
  });
  scalarColumns(middle, kHigh);
}

/// Packed weights come from memory once per run: the first tile of a panel would wait for every line of it.
GemmGenerator::Prefetch GemmGenerator::prefetchNext(Value panel, int64_t count, int64_t rows, Value local) {
  Prefetch next;
  int64_t blockRows = t.blockTiles * (isDynamic(spec.m) ? t.rows : tileRows);
  if (!flatB || blockRows <= rows)
    return next; // one tile: it streams
  int64_t row = t.panelWidth * step.group, whole = step.steps(spec.k) * row;
  next.step = ceilDivide(row * rows, blockRows); // rounded up: no line is left out between two tiles
  next.panel = min(add(panel, count), sub(numPanels, c(1)));
  next.start = mul(local, whole / blockRows);
  return next;
}

/// One tile of rows uses each element of B once. The hardware's prefetchers begin anew on every page of 4
/// KiB, and one stream alone does not keep memory busy: lines are asked for 16 KiB ahead into L2, from there
/// 1 KiB ahead into L1. A Zen gains nothing by two requests, and asks once, about as far ahead as memory
/// sends while it takes to answer. What lies behind the last panel is not read, only asked for.
void GemmGenerator::prefetchAhead(Value panel, Value k) {
  const int64_t size = spec.bType.getIntOrFloatBitWidth() / 8, row = t.panelWidth * step.group,
                line = 64 / size;
  auto ask = [&](int64_t bytes, bool intoL1) {
    for (int64_t at = 0; at < row; at += line)
      prefetch(flatB, {panel, add(mul(k, row), bytes / size + at)}, intoL1);
  };
  if (StringRef(target.cpu).starts_with("znver"))
    return ask(2 << 10, /*intoL1=*/true);
  ask(16 << 10, /*intoL1=*/false);
  ask(1 << 10, /*intoL1=*/true);
}

void GemmGenerator::prepareA(const Block &block) {
  forTiles(block, [&](int64_t rows, Value row, Value local) {
    loop(c(0), c(rows), 1, [&](Value r) {
      step.prepareRow(*this, bufferA, spec.transposedA, prepared, add(local, r), spec.k,
                      [&](Value k) { return indexA(block, add(row, r), k); });
    });
  });
}

void GemmGenerator::matrixTile(const Block &block, Value panel, int64_t rows, Value row, Value local,
                               Value kLow, Value kHigh, Value isFirst) {
  auto a = [&](int64_t r, Value k) -> MatrixPlace {
    Value element = mul(k, step.group);
    if (prepared)
      return {prepared, {add(local, r), element}};
    return {bufferA, indexA(block, add(row, r), element)};
  };
  auto columns = [&](Value k, int64_t column) -> MatrixPlace {
    return {bufferB, {panel, k, c(column * step.group)}};
  };
  auto sums = [&](int64_t r, int64_t column) -> MatrixPlace { return {partial, {add(local, r), c(column)}}; };
  MatrixTile(*this, step, rows, vectors).multiply(config, kLow, kHigh, isFirst, a, columns, sums);
}

Value GemmGenerator::firstSum(Value panel, int64_t v) {
  if (step.correction() == 0)
    return zeroSum();
  int64_t lastRow = packedB(spec, target).shape()[1] - 1;
  SmallVector<Value> at = {add(panel, v / vectors), c(lastRow), c(v % vectors * lanes * step.group)};
  auto bytes = VectorType::get({lanes * step.group}, b.getI8Type());
  return vector::BitCastOp::create(b, loc, VectorType::get({lanes}, sumType),
                                   vector::LoadOp::create(b, loc, bytes, bufferB, at));
}

void GemmGenerator::panels(const Block &block, Value panel, int64_t count, int64_t valid, Value dynamicValid,
                           bool isTail, bool widened) {
  Value column = mul(panel, t.panelWidth);
  bool mustPack = spec.b == GemmB::Packed ? widened : isTail || packWhole;
  Value tailWidth = !isTail ? Value() : dynamicValid ? dynamicValid : c(valid);
  auto micro = [&](int64_t rows, Value row, Value local, Value kLow, Value kHigh, ArrayRef<Value> init) {
    auto a = [&](int64_t r, Value k) {
      if (prepared)
        return step.loadA(*this, prepared, add(local, r), k);
      if (step.kind == MultiplyStep::Float)
        return broadcast(load(bufferA, indexA(block, add(row, r), k)));
      SmallVector<Value> at(block.a);
      at.push_back(add(row, r));
      return step.loadA(*this, bufferA, at, k);
    };
    // Of a dynamic M what is left is often all there is: the one token of a decoder's step.
    const bool isRest = isDynamic(spec.m) && flatB && rows < t.rows && !mustPack;
    const bool streams = streamsB || isRest;
    Prefetch next = isRest ? Prefetch() : prefetchNext(panel, count, rows, local);
    auto bVector = [&](int64_t v, Value k) -> Value {
      if (v % vectors == 0 && streams)
        prefetchAhead(add(panel, v / vectors), k);
      if (v == 0 && next.panel)
        prefetch(flatB, {next.panel, add(next.start, mul(k, next.step))});
      if (mustPack)
        return step.loadB(*this, packed, {sub(k, kLow)}, v * lanes);
      SmallVector<Value> at(block.b);
      if (spec.b == GemmB::Packed) {
        at.append({add(panel, v / vectors), k});
        return step.loadB(*this, bufferB, at, v % vectors * lanes);
      }
      at.append({k, add(column, v * lanes)});
      return loadVector(bufferB, at, lanes);
    };
    return tile(step, rows, count * vectors, kLow, kHigh, t.unroll, init, a, bVector);
  };
  auto pack = [&](Value kLow, Value kHigh) {
    if (mustPack)
      packPanel(block, panel, kLow, kHigh, tailWidth);
  };
  SmallVector<Value> at(block.c);
  at.append(2, Value());

  if (singleBlock && !isTail && !isDynamic(spec.m) && !step.inTiles()) {
    pack(c(0), k);
    forTiles(block, [&](int64_t rows, Value row, Value local) {
      SmallVector<Value> first, init;
      for (int64_t v = 0; v < count * vectors; ++v)
        first.push_back(firstSum(panel, v));
      for (int64_t r = 0; r < rows; ++r)
        llvm::append_range(init, first);
      SmallVector<Value> sums = micro(rows, row, local, c(0), k, init);
      at.back() = column;
      for (int64_t r = 0, size = count * vectors; r < rows; ++r) {
        at[at.size() - 2] = add(row, r);
        finishRow(spec.epilogue, extras, ArrayRef(sums).slice(r * size, size), bufferC, at, size * lanes);
      }
    });
    return;
  }

  // Collect in the partial buffer; panels come one at a time here.
  Value kBlock = singleBlock ? k : c(t.kBlock);
  Value blocks = singleBlock ? c(1) : ceilDiv(k, t.kBlock);
  loop(c(0), blocks, 1, [&](Value index) {
    Value kLow = singleBlock ? c(0) : mul(index, kBlock);
    Value kHigh = singleBlock ? k : min(add(kLow, kBlock), k);
    pack(kLow, kHigh);
    Value isFirst = equal(index, c(0));
    forTiles(block, [&](int64_t rows, Value row, Value local) {
      if (step.inTiles()) {
        matrixTile(block, panel, rows, row, local, kLow, kHigh, singleBlock ? Value() : isFirst);
        return;
      }
      SmallVector<Value> first, init;
      for (int64_t v = 0; v < vectors; ++v)
        first.push_back(firstSum(panel, v));
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          if (singleBlock) {
            init.push_back(first[v]);
            continue;
          }
          Value sum = loadVector(partial, {add(local, r), c(v * lanes)}, lanes);
          init.push_back(arith::SelectOp::create(b, loc, isFirst, first[v], sum));
        }
      SmallVector<Value> sums = micro(rows, row, local, kLow, kHigh, init);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          store(sums[r * vectors + v], partial, {add(local, r), c(v * lanes)});
    });
  });
  // K = 0 leaves nothing in the buffer: the sums are zero.
  if (isDynamic(spec.k) && !singleBlock) {
    Value none = equal(k, c(0));
    ifThen(none, [&] {
      loop(c(0), c(t.blockTiles * t.rows), 1, [&](Value r) {
        for (int64_t v = 0; v < vectors; ++v)
          store(zeroSum(), partial, {r, c(v * lanes)});
      });
    });
  }
  auto flush = [&](Value row, Value local) {
    at[at.size() - 2] = row;
    if (dynamicValid) {
      loop(c(0), dynamicValid, 1, [&](Value j) {
        at.back() = add(column, j);
        finishScalar(spec.epilogue, extras, load(partial, {local, j}), bufferC, at);
      });
      return;
    }
    SmallVector<Value> sums;
    for (int64_t v = 0; v < vectors && v * lanes < valid; ++v)
      sums.push_back(loadVector(partial, {local, c(v * lanes)}, lanes));
    at.back() = column;
    finishRow(spec.epilogue, extras, sums, bufferC, at, valid);
  };
  if (isDynamic(spec.m)) {
    Value first = mul(block.firstTile, t.rows), last = min(mul(block.lastTile, t.rows), m);
    loop(first, last, 1, [&](Value row) { flush(row, sub(row, first)); });
    return;
  }
  // The buffer holds tiles tileRows apart; the smaller ones leave their last row unused.
  int64_t tiles = ceilDivide(spec.m, t.rows);
  auto run = [&](Value from, Value to, int64_t rows, int64_t offset) {
    loop(from, to, 1, [&](Value tile) {
      loop(c(0), c(rows), 1, [&](Value r) {
        flush(add(add(mul(tile, rows), offset), r), add(mul(sub(tile, block.firstTile), tileRows), r));
      });
    });
  };
  if (largeTiles > 0)
    run(block.firstTile, min(block.lastTile, c(largeTiles)), tileRows, 0);
  if (largeTiles < tiles)
    run(max(block.firstTile, c(largeTiles)), block.lastTile, tileRows - 1, largeTiles);
}

void GemmGenerator::chunk(Value index) {
  Value rowBlocks = ceilDiv(numTiles, t.blockTiles), columnBlocks = ceilDiv(numPanels, t.blockPanels);
  // Neighbouring chunks share their rows of A, which then stay in L2 while panels of B stream past.
  Value columnBlock = rem(index, columnBlocks), rest = div(index, columnBlocks);
  Value rowBlock = rem(rest, rowBlocks);
  rest = div(rest, rowBlocks);
  Block block;
  SmallVector<Value> batch(spec.batch.size());
  for (size_t d = spec.batch.size(); d-- > 0;) {
    Value e = isDynamic(spec.batch[d]) ? extent(bufferC, d) : c(spec.batch[d]);
    batch[d] = d == 0 ? rest : rem(rest, e);
    if (d)
      rest = div(rest, e);
  }
  auto indices = [&](ArrayRef<int64_t> extents) {
    SmallVector<Value> at;
    for (size_t d = 0; d < extents.size(); ++d)
      at.push_back(extents[d] == 1 && spec.batch[d] != 1 ? c(0) : batch[d]);
    return at;
  };
  block.a = indices(spec.aBatch);
  block.b = indices(spec.bBatch);
  block.c = batch;
  block.firstTile = mul(rowBlock, t.blockTiles);
  block.lastTile = min(add(block.firstTile, t.blockTiles), numTiles);
  if (prepared)
    ifThen(mustPrepare(index, columnBlock), [&] { prepareA(block); });

  if (!widensMany || !isDynamic(spec.m)) {
    panelsOf(block, columnBlock, widensMany);
    return;
  }
  ifThen(
      less(c(2 * t.rows), m), [&] { panelsOf(block, columnBlock, true); },
      [&] { panelsOf(block, columnBlock, false); });
}

void GemmGenerator::panelsOf(const Block &block, Value columnBlock, bool widened) {
  Value first = mul(columnBlock, t.blockPanels), last = min(add(first, t.blockPanels), numPanels);
  Value wholePanels = div(n, t.panelWidth);
  Value lastWhole = min(last, wholePanels);
  if (isDynamic(spec.n) || spec.n >= t.panelWidth) {
    Value middle = first;
    // Sums that stay in registers: a partial buffer holds one panel's.
    if (t.panelsAtOnce > 1 && singleBlock && !isDynamic(spec.m)) {
      Value span = max(sub(lastWhole, first), c(0));
      middle = add(first, mul(div(span, t.panelsAtOnce), t.panelsAtOnce));
      loop(first, middle, t.panelsAtOnce, [&](Value panel) {
        panels(block, panel, t.panelsAtOnce, t.panelsAtOnce * t.panelWidth, {}, false, widened);
      });
    }
    loop(middle, lastWhole, 1,
         [&](Value panel) { panels(block, panel, 1, t.panelWidth, {}, false, widened); });
  }
  if (isDynamic(spec.n)) {
    Value width = rem(n, c(t.panelWidth));
    Value from = max(first, wholePanels);
    loop(from, last, 1, [&](Value panel) { panels(block, panel, 1, 0, width, true, widened); });
  } else if (spec.n % t.panelWidth) {
    Value from = max(first, wholePanels);
    loop(from, last, 1,
         [&](Value panel) { panels(block, panel, 1, spec.n % t.panelWidth, {}, true, widened); });
  }
}

FailureOr<GeneratedKernel> GemmGenerator::generate() {
  auto bad = [&](const Twine &what) -> FailureOr<GeneratedKernel> {
    emitError(loc) << "matrix product: " << what;
    return failure();
  };
  auto isFloat = [](Type type) { return type && (type.isF32() || type.isF16() || type.isBF16()); };
  if (!step.isInteger())
    for (Type type : {spec.aType, spec.bType})
      if (!isFloat(type))
        return bad("elements of a type that is not f32, f16 or bf16");
  if (!isFloat(spec.cType) && !(step.isInteger() && spec.cType.isIntOrFloat()))
    return bad("a result of a type that its sums do not become");
  if (spec.b == GemmB::Packed && (isDynamic(spec.n) || isDynamic(spec.k)))
    return bad("dynamic extents of a packed operand; wanted static K and N");
  for (const auto *batch : {&spec.aBatch, &spec.bBatch}) {
    if (!batch->empty() && batch->size() != spec.batch.size())
      return bad("batch dimensions that differ in number from the result's");
    for (size_t d = 0; d < batch->size(); ++d)
      if ((*batch)[d] != spec.batch[d] && (*batch)[d] != 1)
        return bad("a batch extent that is neither the result's nor 1");
  }

  auto shape = [](ArrayRef<int64_t> batch, ArrayRef<int64_t> tail) {
    SmallVector<int64_t> s(batch);
    s.append(tail.begin(), tail.end());
    return s;
  };
  SmallVector<int64_t> aTail =
      spec.transposedA ? SmallVector<int64_t>{spec.k, spec.m} : SmallVector<int64_t>{spec.m, spec.k};
  SmallVector<int64_t> bTail = {spec.k, spec.n};
  if (spec.b == GemmB::Transposed)
    bTail = {spec.n, spec.k};
  else if (spec.b == GemmB::Packed)
    bTail = packedB(spec, target).shape();
  SmallVector<MemRefType> buffers = {MemRefType::get(shape(spec.aBatch, aTail), spec.aType),
                                     MemRefType::get(shape(spec.bBatch, bTail), spec.bType)};
  llvm::append_range(buffers, spec.epilogue.operands);
  buffers.push_back(MemRefType::get(shape(spec.batch, {spec.m, spec.n}), spec.cType));
  begin(spec.name, buffers);
  bufferA = args[0];
  bufferB = args[1];
  bufferC = args.back();
  if (spec.b == GemmB::Packed && spec.n > t.panelWidth)
    flatB = memref::CollapseShapeOp::create(b, loc, bufferB, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  extras = args.slice(2, buffers.size() - 3);
  unsigned cRank = spec.batch.size() + 2;
  m = isDynamic(spec.m) ? extent(bufferC, cRank - 2) : c(spec.m);
  n = isDynamic(spec.n) ? extent(bufferC, cRank - 1) : c(spec.n);
  k = isDynamic(spec.k) ? extent(bufferA, spec.aBatch.size() + (spec.transposedA ? 0 : 1))
                        : c(step.steps(spec.k));
  numTiles = ceilDiv(m, t.rows);
  numPanels = ceilDiv(n, t.panelWidth);
  if (!isDynamic(spec.m) && spec.m > 0) {
    int64_t tiles = ceilDivide(spec.m, t.rows);
    tileRows = ceilDivide(spec.m, tiles);
    largeTiles = tiles - (tiles * tileRows - spec.m);
  }

  bool runtimeB = spec.b != GemmB::Packed;
  bool oneTile = !isDynamic(spec.m) && spec.m <= t.rows;
  bool tail = isDynamic(spec.n) || spec.n % t.panelWidth != 0;
  // A row-major B is packed when that pays (many rows, too large for L1's comfort) and where columns end.
  bool smallB = !isDynamic(spec.k) && !isDynamic(spec.n) && spec.k * spec.n * 4 <= target.l2Bytes / 4;
  bool fewRows = !isDynamic(spec.m) && spec.m <= 2 * t.rows;
  bool packAll = spec.b == GemmB::Transposed || (spec.b == GemmB::RowMajor && !smallB && !fewRows);
  widensMany = step.widensB && !fewRows;
  bool needsPacking = runtimeB ? packAll || tail : widensMany;
  // Blocks of k pay when a panel is used again by the next tile. A packing buffer has a fixed size in any
  // case.
  singleBlock = !isDynamic(spec.k) && (step.steps(spec.k) <= t.kBlock * 3 / 2 || (oneTile && !needsPacking));
  if (isDynamic(spec.k) && oneTile && !needsPacking)
    singleBlock = true;
  if (needsPacking)
    packed =
        scratch({singleBlock ? step.steps(spec.k) : t.kBlock, t.panelWidth * step.group}, step.heldType(b));
  if (step.inTiles())
    config = scratch({64}, b.getI8Type());
  if (step.inTiles() || !(singleBlock && !tail && !isDynamic(spec.m)))
    partial = scratch({std::max<int64_t>(1, t.blockTiles * t.rows), t.panelWidth}, sumType);
  if (!step.readsInPlace(spec))
    prepared = scratch({std::max<int64_t>(1, t.blockTiles * t.rows), step.steps(spec.k) * step.group},
                       step.heldType(b));
  packWhole = packAll;
  // Three panels at once are streams enough.
  streamsB = flatB && oneTile && !needsPacking && !step.inTiles() && t.panelsAtOnce <= 2 &&
             spec.n * spec.k * spec.bType.getIntOrFloatBitWidth() / 8 > target.l1Bytes;

  ChunkCount chunks;
  unsigned cIndex = buffers.size() - 1;
  bool empty = spec.m == 0 || spec.n == 0;
  for (size_t d = 0; d < spec.batch.size(); ++d)
    chunks.terms.push_back({cIndex, static_cast<unsigned>(d), spec.batch[d], 1});
  chunks.terms.push_back({cIndex, cRank - 1, spec.n, t.blockPanels * t.panelWidth});
  chunks.terms.push_back({cIndex, cRank - 2, spec.m, t.blockTiles * t.rows});
  if (!empty)
    loop(low, high, 1, [&](Value index) { chunk(index); });
  if (step.inTiles() && !empty)
    MatrixTile::release(*this);
  GeneratedKernel kernel;
  kernel.module = end();
  kernel.chunks = chunks;
  return kernel;
}

FailureOr<GeneratedKernel> weft::cpu::generateGemm(Location loc, const GemmSpec &spec,
                                                   const TargetInfo &target, const GemmTiling &tiling) {
  return GemmGenerator(loc, spec, target, tiling).generate();
}

FailureOr<GeneratedKernel> weft::cpu::generateGemm(Location loc, const GemmSpec &spec,
                                                   const TargetInfo &target) {
  return generateGemm(loc, spec, target, chooseGemmTiling(spec, target));
}
