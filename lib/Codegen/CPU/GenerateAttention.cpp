// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with online softmax (Milakov and Gimelshein, arXiv 1805.02867; tiled as in FlashAttention, arXiv
// 2205.14135). The loops, outside in:
//   chunk -> (batch, head, block of queries)
//   block of keys, packed transposed once: [panel of NR keys][depth][NR]; values, and the queries of a block
//   below, are copied where their rows are apart, so that they fall into all sets of L1
//     some queries, whose scores with the block fit L2
//       scores by register tiles; per row maximum, exponentials, sum; products with v by register tiles
// Scores are kept in units of log2, so that each exponential is one exp2. When one block holds all keys, sums
// go straight to y; otherwise they collect in a scratch buffer, rescaled when a row's maximum grows.
#include "weft/Codegen/CPU/GenerateAttention.h"

#include "MicroKernel.h"

#include "weft/Dialect/Marks.h"

#include <cmath>

using namespace mlir;
using namespace weft::cpu;

static constexpr double kLog2e = 1.4426950408889634;

namespace {

class AttentionGenerator : KernelBuilder {
public:
  AttentionGenerator(Location loc, const AttentionSpec &spec, const TargetInfo &target)
      : KernelBuilder(loc, target), spec(spec) {}
  GeneratedKernel generate();

private:
  static unsigned rowsDim(const AttentionSpec::Place &place) { return place.rowsFirst ? 1 : 2; }
  void plan();
  void chunk(Value index);
  void packKeys(Value firstKey, Value count);
  /// Copies rows [first, first + count) of a head of `x`, which lies at `place`, to the rows of `to`.
  void copyRows(Value x, const AttentionSpec::Place &place, Value ofHead, Value first, Value count,
                int64_t depth, Value to);
  /// Scores of the queries [row, rowEnd) with the keys [firstKey, firstKey + count).
  void scores(Value row, Value rowEnd, Value firstKey, Value count);
  /// Turns a row of scores into exponentials; keeps maximum and sum of the row up to date.
  void softmaxRow(Value row, Value local, Value firstKey, Value count);
  void weightValues(Value row, Value rowEnd, Value firstKey, Value count);
  void finishRows(Value first, Value last);

  /// Runs body(rows, first row) for the register tiles of [first, last).
  void forTiles(Value first, Value last, llvm::function_ref<void(int64_t, Value)> body);
  Value scalar(double value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value)); }
  Value larger(Value x, Value y) {
    Value isLarger = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
    return arith::SelectOp::create(b, loc, isLarger, x, y);
  }
  Value mulf(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  /// A score as it is compared and exponentiated, where scaling was not left to the exponential. `at`: its
  /// column, `width`: 0 for a scalar.
  Value prepare(Value score, Value row, Value column, int64_t width);
  /// 2^x, or 0 where that is almost denormal: beside the largest weight, 1, it is nothing, and products with
  /// denormals are slow.
  Value weight(Value x) {
    auto power = math::Exp2Op::create(b, loc, x);
    power->setAttr(weft::nonPositiveMark, b.getUnitAttr());
    power->setAttr(weft::flushesMark, b.getUnitAttr());
    return power;
  }
  /// Where an element of an operand or the result is. `depth` may be null, to be filled in.
  SmallVector<Value> at(const AttentionSpec::Place &place, Value ofHead, Value row, Value depth) {
    ofHead = add(ofHead, place.firstHead);
    return place.rowsFirst ? SmallVector<Value>{batch, row, ofHead, depth}
                           : SmallVector<Value>{batch, ofHead, row, depth};
  }
  MemRefType bufferType(const AttentionSpec::Place &place, int64_t heads, int64_t rows, int64_t depth) {
    heads = place.heads ? place.heads : heads;
    return MemRefType::get(place.rowsFirst ? ArrayRef<int64_t>{spec.batch, rows, heads, depth}
                                           : ArrayRef<int64_t>{spec.batch, heads, rows, depth},
                           spec.type);
  }
  int64_t extentOr(int64_t extent, int64_t otherwise) {
    return ShapedType::isDynamic(extent) ? otherwise : extent;
  }

  const AttentionSpec &spec;
  int64_t tileRows = 0, vectors = 0, panel = 0; ///< the register tile; panel: keys of it
  int64_t chunkQueries = 0;                     ///< queries of a chunk
  int64_t blockQueries = 0;                     ///< whose scores are held at once
  int64_t blockKeys = 0, paddedValues = 0;
  bool singleBlock = false; ///< all keys in one block
  bool scalesInExp = false; ///< scores stay raw until the exponential
  bool topsInTiles = false; ///< rows' maxima are taken from the sums while they are in registers
  double factor = 1;        ///< scale * log2(e)
  Value q, k, v, mask, y;
  Value packedKeys, packedValues, copiedQueries, score, sums,
      state, ///< per query of the chunk, maximum, sum, correction
      tops;  ///< per query of the block, the largest score of each lane
  Value numQueries, numKeys;
  Value batch, head, group, firstQuery; ///< of the chunk
};

} // namespace

void AttentionGenerator::plan() {
  panel = spec.keys > 0 && spec.keys <= lanes ? lanes : 2 * lanes;
  vectors = panel / lanes;
  tileRows = target.vectorRegisters >= 32 ? 14 : 6;
  int64_t queries = extentOr(spec.queries, 256);
  chunkQueries = ceilDivide(queries, ceilDivide(queries, 256));
  blockQueries = std::min(ceilDivide(56, tileRows) * tileRows, ceilDivide(chunkQueries, tileRows) * tileRows);
  // Scores and packed keys of a block share L2.
  int64_t most = target.l2Bytes >= (1 << 20) ? 1024 : 512;
  int64_t keys = extentOr(spec.keys, most);
  singleBlock = !ShapedType::isDynamic(spec.keys) && spec.keys <= most;
  blockKeys = ceilDivide(std::min(keys, most), panel) * panel;
  paddedValues = ceilDivide(spec.values, lanes) * lanes;
  factor = spec.scale * kLog2e;
  scalesInExp = !spec.mask && factor > 0;
  topsInTiles = scalesInExp && spec.causal == AttentionSpec::Causal::None;
}

void AttentionGenerator::forTiles(Value first, Value last, llvm::function_ref<void(int64_t, Value)> body) {
  Value row = first;
  for (int64_t rows = tileRows; rows >= 1; rows = rows == tileRows ? 8 : rows / 2) {
    if (rows > tileRows)
      continue;
    Value end = add(row, mul(div(sub(last, row), rows), rows));
    loop(row, end, rows, [&](Value r) { body(rows, r); });
    row = end;
  }
}

/// Squares of lanes x lanes are transposed in registers; columns beyond the keys repeat the last key, whose
/// scores change no maximum.
void AttentionGenerator::packKeys(Value firstKey, Value count) {
  Value whole = mul(div(count, lanes), lanes);
  auto target = [&](Value key, Value depth) -> SmallVector<Value> {
    return {div(key, panel), depth, rem(key, c(panel))};
  };
  int64_t squares = spec.depth / lanes * lanes;
  loop(c(0), whole, lanes, [&](Value key) {
    loop(c(0), c(squares), lanes, [&](Value depth) {
      SmallVector<Value> square;
      for (int64_t l = 0; l < lanes; ++l)
        square.push_back(loadVector(k, at(spec.kPlace, group, add(add(firstKey, key), l), depth), lanes));
      transpose(square);
      for (int64_t l = 0; l < lanes; ++l)
        store(square[l], packedKeys, target(key, add(depth, l)));
    });
    loop(c(squares), c(spec.depth), 1, [&](Value depth) {
      for (int64_t l = 0; l < lanes; ++l)
        store(load(k, at(spec.kPlace, group, add(add(firstKey, key), l), depth)), packedKeys,
              target(add(key, l), depth));
    });
  });
  Value padded = mul(ceilDiv(count, panel), panel);
  loop(whole, padded, 1, [&](Value key) {
    Value from = add(firstKey, min(key, sub(count, c(1))));
    loop(c(0), c(spec.depth), 1, [&](Value depth) {
      store(load(k, at(spec.kPlace, group, from, depth)), packedKeys, target(key, depth));
    });
  });
}

/// Rows are filled up with zeros where those of `to` are longer.
void AttentionGenerator::copyRows(Value x, const AttentionSpec::Place &place, Value ofHead, Value first,
                                  Value count, int64_t depth, Value to) {
  int64_t whole = depth / lanes * lanes;
  bool isPadded = cast<MemRefType>(to.getType()).getDimSize(1) > depth;
  loop(c(0), count, 1, [&](Value row) {
    SmallVector<Value> from = at(place, ofHead, add(first, row), Value());
    loop(c(0), c(whole), lanes, [&](Value column) {
      from.back() = column;
      store(loadVector(x, from, lanes), to, {row, column});
    });
    if (isPadded)
      store(zeroVector(), to, {row, c(whole)});
    loop(c(whole), c(depth), 1, [&](Value column) {
      from.back() = column;
      store(load(x, from), to, {row, column});
    });
  });
}

void AttentionGenerator::scores(Value row, Value rowEnd, Value firstKey, Value count) {
  if (topsInTiles)
    loop(c(0), sub(rowEnd, row), 1,
         [&](Value local) { store(broadcast(scalar(-INFINITY)), tops, {local, c(0)}); });
  loop(c(0), ceilDiv(count, panel), 1, [&](Value p) {
    forTiles(row, rowEnd, [&](int64_t rows, Value first) {
      auto a = [&](int64_t r, Value depth) {
        return copiedQueries ? load(copiedQueries, {add(sub(first, row), r), depth})
                             : load(q, at(spec.qPlace, head, add(first, r), depth));
      };
      auto keys = [&](int64_t vector, Value depth) {
        return loadVector(packedKeys, {p, depth, c(vector * lanes)}, lanes);
      };
      SmallVector<Value> acc = tile(rows, vectors, c(0), c(spec.depth), spec.depth % 2 ? 1 : 2,
                                    SmallVector<Value>(rows * vectors, zeroVector()), a, keys);
      Value local = sub(first, row);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t n = 0; n < vectors; ++n)
          store(acc[r * vectors + n], score, {add(local, r), add(mul(p, panel), n * lanes)});
        if (!topsInTiles)
          continue;
        Value top = loadVector(tops, {add(local, r), c(0)}, lanes);
        for (int64_t n = 0; n < vectors; ++n)
          top = larger(acc[r * vectors + n], top);
        store(top, tops, {add(local, r), c(0)});
      }
    });
  });
}

Value AttentionGenerator::prepare(Value value, Value row, Value column, int64_t width) {
  auto all = [&](Value x) { return width ? broadcast(x) : x; };
  value = mulf(value, all(scalar(factor)));
  if (!spec.mask)
    return value;
  SmallVector<Value> at = {batch, head, row, column};
  for (auto [index, extent] : llvm::zip(at, spec.mask.getShape()))
    if (extent == 1)
      index = c(0);
  bool varies = width && spec.mask.getShape().back() != 1;
  if (spec.mask.getElementType().isInteger(8)) {
    Type type = varies ? Type(VectorType::get({width}, b.getI8Type())) : b.getI8Type();
    Value seen = varies ? vector::LoadOp::create(b, loc, cast<VectorType>(type), mask, at).getResult()
                        : memref::LoadOp::create(b, loc, mask, at).getResult();
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    seen = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, seen, zero);
    return arith::SelectOp::create(b, loc, seen, value, all(scalar(-INFINITY)));
  }
  Value added = varies ? loadVector(mask, at, width) : all(load(mask, at));
  return math::FmaOp::create(b, loc, added, all(scalar(kLog2e)), value);
}

void AttentionGenerator::softmaxRow(Value row, Value local, Value firstKey, Value count) {
  // What the row sees of the block: its first `seen` keys.
  Value seen = count;
  if (spec.causal != AttentionSpec::Causal::None) {
    Value limit = add(sub(row, firstKey), 1);
    if (spec.causal == AttentionSpec::Causal::BottomRight)
      limit = add(limit, sub(numKeys, numQueries));
    seen = min(max(limit, c(0)), count);
  }
  Value whole = mul(div(seen, lanes), lanes), end = mul(ceilDiv(seen, lanes), lanes);
  auto absolute = [&](Value column) { return add(firstKey, column); };

  Value top;
  if (topsInTiles)
    top = loadVector(tops, {local, c(0)}, lanes);
  else
    top = loop(c(0), whole, lanes, broadcast(scalar(-INFINITY)), [&](Value column, ValueRange carried) {
      Value x = loadVector(score, {local, column}, lanes);
      if (!scalesInExp) {
        x = prepare(x, row, absolute(column), lanes);
        store(x, score, {local, column});
      }
      return SmallVector<Value>{larger(x, carried[0])};
    })[0];
  // The last vector holds some keys and nothing.
  if (!scalesInExp)
    loop(whole, seen, 1, [&](Value column) {
      store(prepare(load(score, {local, column}), row, absolute(column), 0), score, {local, column});
    });
  loop(seen, end, 1, [&](Value column) { store(scalar(-INFINITY), score, {local, column}); });
  if (!topsInTiles)
    top = loop(whole, end, lanes, top, [&](Value column, ValueRange carried) {
      return SmallVector<Value>{larger(loadVector(score, {local, column}, lanes), carried[0])};
    })[0];

  Value slot = sub(row, firstQuery);
  Value highest = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, top);
  if (scalesInExp)
    highest = mulf(highest, scalar(factor));
  Value before = load(state, {slot, c(0)});
  Value now = larger(highest, before);
  // A row that has seen no key yet keeps -inf; its exponentials are 0 all the same.
  Value isLowest = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, now, scalar(-INFINITY));
  Value shift = arith::SelectOp::create(b, loc, isLowest, scalar(0), now);
  Value shifts = broadcast(arith::NegFOp::create(b, loc, shift));
  SmallVector<Value> sum = loop(c(0), end, lanes, zeroVector(), [&](Value column, ValueRange carried) {
    Value x = loadVector(score, {local, column}, lanes);
    if (scalesInExp)
      x = math::FmaOp::create(b, loc, x, broadcast(scalar(factor)), shifts);
    else
      x = arith::AddFOp::create(b, loc, x, shifts);
    x = weight(x);
    store(x, score, {local, column});
    return SmallVector<Value>{arith::AddFOp::create(b, loc, carried[0], x)};
  });
  loop(end, count, lanes, [&](Value column) { store(zeroVector(), score, {local, column}); });
  Value total = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, sum[0]);
  if (!singleBlock) {
    Value correction = math::Exp2Op::create(b, loc, arith::SubFOp::create(b, loc, before, shift));
    total = math::FmaOp::create(b, loc, load(state, {slot, c(1)}), correction, total);
    store(correction, state, {slot, c(2)});
    store(now, state, {slot, c(0)});
  }
  store(total, state, {slot, c(1)});
}

void AttentionGenerator::weightValues(Value row, Value rowEnd, Value firstKey, Value count) {
  for (int64_t column = 0; column < paddedValues; column += panel) {
    int64_t width = std::min(vectors, (paddedValues - column) / lanes);
    forTiles(row, rowEnd, [&](int64_t rows, Value first) {
      Value local = sub(first, row), slot = sub(first, firstQuery);
      SmallVector<Value> acc(rows * width, zeroVector());
      if (!singleBlock)
        for (int64_t r = 0; r < rows; ++r) {
          Value correction = broadcast(load(state, {add(slot, r), c(2)}));
          for (int64_t n = 0; n < width; ++n)
            acc[r * width + n] =
                mulf(correction, loadVector(sums, {add(slot, r), c(column + n * lanes)}, lanes));
        }
      auto a = [&](int64_t r, Value key) { return load(score, {add(local, r), key}); };
      auto values = [&](int64_t n, Value key) {
        if (packedValues)
          return loadVector(packedValues, {key, c(column + n * lanes)}, lanes);
        return loadVector(v, at(spec.vPlace, group, add(firstKey, key), c(column + n * lanes)), lanes);
      };
      acc = tile(rows, width, c(0), count, 2, acc, a, values);
      for (int64_t r = 0; r < rows; ++r) {
        if (!singleBlock) {
          for (int64_t n = 0; n < width; ++n)
            store(acc[r * width + n], sums, {add(slot, r), c(column + n * lanes)});
          continue;
        }
        Value inverse = broadcast(load(state, {add(slot, r), c(2)}));
        for (int64_t n = 0; n < width; ++n)
          finish({}, {}, mulf(acc[r * width + n], inverse), y,
                 at(spec.yPlace, head, add(first, r), c(column + n * lanes)),
                 std::min(lanes, spec.values - column - n * lanes));
      }
    });
  }
}

/// state[.., 2] = 1 / sum, or 0 where every key is hidden.
void AttentionGenerator::finishRows(Value first, Value last) {
  loop(first, last, 1, [&](Value row) {
    Value slot = sub(row, firstQuery);
    Value sum = load(state, {slot, c(1)});
    Value isNone = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, sum, scalar(0));
    Value inverse = arith::DivFOp::create(b, loc, scalar(1), sum);
    inverse = arith::SelectOp::create(b, loc, isNone, scalar(0), inverse);
    if (singleBlock) {
      store(inverse, state, {slot, c(2)});
      return;
    }
    for (int64_t column = 0; column < paddedValues; column += lanes)
      finish({}, {}, mulf(loadVector(sums, {slot, c(column)}, lanes), broadcast(inverse)), y,
             at(spec.yPlace, head, row, c(column)), std::min(lanes, spec.values - column));
  });
}

void AttentionGenerator::chunk(Value index) {
  Value blocks = ceilDiv(numQueries, chunkQueries);
  Value block = rem(index, blocks), rest = div(index, blocks);
  head = rem(rest, c(spec.heads));
  batch = div(rest, spec.heads);
  group = div(head, spec.heads / spec.kvHeads);
  firstQuery = mul(block, chunkQueries);
  Value lastQuery = min(add(firstQuery, chunkQueries), numQueries);
  loop(firstQuery, lastQuery, 1, [&](Value row) {
    Value slot = sub(row, firstQuery);
    store(scalar(-INFINITY), state, {slot, c(0)});
    store(scalar(0), state, {slot, c(1)});
    if (!singleBlock)
      for (int64_t column = 0; column < paddedValues; column += lanes)
        store(zeroVector(), sums, {slot, c(column)});
  });
  auto keys = [&](Value firstKey) {
    bool evenBlocks = !ShapedType::isDynamic(spec.keys) && spec.keys % blockKeys == 0;
    Value count = evenBlocks ? c(blockKeys) : min(sub(numKeys, firstKey), c(blockKeys));
    auto pack = [&] {
      packKeys(firstKey, count);
      if (packedValues)
        copyRows(v, spec.vPlace, group, firstKey, count, spec.values, packedValues);
    };
    // All blocks of queries of all heads that share their keys find the same in one block.
    if (singleBlock)
      ifThen(mustPrepare(index, rem(index, mul(blocks, spec.heads / spec.kvHeads))), pack);
    else
      pack();
    loop(firstQuery, lastQuery, blockQueries, [&](Value row) {
      Value rowEnd = min(add(row, blockQueries), lastQuery);
      if (copiedQueries)
        copyRows(q, spec.qPlace, head, row, sub(rowEnd, row), spec.depth, copiedQueries);
      Value used = count;
      if (spec.causal != AttentionSpec::Causal::None) {
        // Keys that no query of the block sees are left out.
        Value limit = sub(rowEnd, firstKey);
        if (spec.causal == AttentionSpec::Causal::BottomRight)
          limit = add(limit, sub(numKeys, numQueries));
        used = min(max(limit, c(0)), count);
      }
      scores(row, rowEnd, firstKey, used);
      loop(row, rowEnd, 1, [&](Value r) { softmaxRow(r, sub(r, row), firstKey, used); });
      if (singleBlock)
        finishRows(row, rowEnd);
      weightValues(row, rowEnd, firstKey, used);
    });
  };
  if (singleBlock) {
    keys(c(0));
    return;
  }
  loop(c(0), numKeys, blockKeys, keys);
  finishRows(firstQuery, lastQuery);
}

GeneratedKernel AttentionGenerator::generate() {
  plan();
  SmallVector<MemRefType> buffers = {bufferType(spec.qPlace, spec.heads, spec.queries, spec.depth),
                                     bufferType(spec.kPlace, spec.kvHeads, spec.keys, spec.depth),
                                     bufferType(spec.vPlace, spec.kvHeads, spec.keys, spec.values)};
  if (spec.mask)
    buffers.push_back(spec.mask);
  buffers.push_back(bufferType(spec.yPlace, spec.heads, spec.queries, spec.values));
  begin(spec.name, buffers);
  q = args[0];
  k = args[1];
  v = args[2];
  if (spec.mask)
    mask = args[3];
  y = args.back();
  numQueries = ShapedType::isDynamic(spec.queries) ? extent(q, rowsDim(spec.qPlace)) : c(spec.queries);
  numKeys = ShapedType::isDynamic(spec.keys) ? extent(k, rowsDim(spec.kPlace)) : c(spec.keys);
  packedKeys = scratch({blockKeys / panel, spec.depth, panel});
  // Rows of scores are a line more than a power of two apart.
  score = scratch({blockQueries, blockKeys + lanes});
  state = scratch({chunkQueries, 3});
  if (topsInTiles)
    tops = scratch({blockQueries, lanes});
  if (!singleBlock)
    sums = scratch({chunkQueries, paddedValues});
  // Where rows of v do not end with a whole vector, or lie apart; queries where they lie apart.
  if (spec.values != paddedValues || spec.vPlace.rowsFirst)
    packedValues = scratch({blockKeys, paddedValues});
  if (spec.qPlace.rowsFirst)
    copiedQueries = scratch({blockQueries, spec.depth});
  GeneratedKernel kernel;
  unsigned result = buffers.size() - 1;
  kernel.chunks.terms.push_back({result, 0, spec.batch, 1});
  kernel.chunks.terms.push_back({result, spec.yPlace.rowsFirst ? 2u : 1u, spec.heads, 1});
  kernel.chunks.terms.push_back({result, rowsDim(spec.yPlace), spec.queries, chunkQueries});
  loop(low, high, 1, [&](Value index) { chunk(index); });
  kernel.module = end();
  return kernel;
}

LogicalResult weft::cpu::checkAttention(Location loc, const AttentionSpec &spec) {
  auto bad = [&](const Twine &what) -> LogicalResult { return emitError(loc) << "attention: " << what; };
  if (!spec.type || !(spec.type.isF32() || spec.type.isF16() || spec.type.isBF16()))
    return bad("elements of a type that is not f32, f16 or bf16");
  if (spec.depth < 1 || spec.values < 1)
    return bad("depth " + Twine(spec.depth) + " and values " + Twine(spec.values) + "; wanted at least 1");
  if (spec.heads < 1 || spec.kvHeads < 1 || spec.heads % spec.kvHeads)
    return bad(Twine(spec.kvHeads) + " groups that do not divide " + Twine(spec.heads) + " heads");
  if (spec.queries == 0 || spec.keys == 0 || spec.batch == 0)
    return bad("an empty operand");
  if (spec.mask && spec.mask.getRank() != 4)
    return bad("a mask of rank " + Twine(spec.mask.getRank()) + ", wanted 4");
  return success();
}

FailureOr<GeneratedKernel> weft::cpu::generateAttention(Location loc, const AttentionSpec &spec,
                                                        const TargetInfo &target) {
  if (failed(checkAttention(loc, spec)))
    return failure();
  return AttentionGenerator(loc, spec, target).generate();
}
