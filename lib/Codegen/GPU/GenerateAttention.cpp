// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with online softmax (Milakov and Gimelshein, arXiv 1805.02867; tiled as in FlashAttention, arXiv
// 2205.14135). A block has 64 queries of one head, in shared memory, and goes through the keys step by step
// while the keys and values of the next step are copied. Scores are in units of log2, so that each
// exponential is one exp2; a row's maximum so far, the sum of its exponentials and the weighted values are in
// registers.
//
// On tensor cores the scores of a step are parts of 16 keys: what a thread holds of the exponentials of such
// a part is what it has to hold of the left factor of the next product, so they go there without an exchange.
// Multiply-adds read both factors from shared memory, and the exponentials take that way.
#include "weft/Codegen/GPU/GenerateAttention.h"

#include "MmaTile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace weft::gpu;
using weft::cpu::AttentionSpec;

namespace {

constexpr double log2OfE = 1.4426950408889634;
/// Of a block; each warp has 16 queries.
constexpr int64_t blockQueries = 64, warps = 4;
/// Keys of a part of the scores on tensor cores: K of one instruction.
constexpr int64_t partKeys = 16;

/// Rows of an operand in global memory, and a buffer in shared memory they are copied into. The columns are
/// padded with zeros to a power of two.
class Rows {
public:
  Rows(TileBuilder &k, unsigned buffer, int64_t rows) : k(k), buffer(buffer), type(k.getBuffer(buffer).type) {
    OpBuilder &b = k.builder();
    own = k.getBuffer(buffer).shape.back();
    int64_t bytes = mmaElementBytes(type);
    while (vector < 16 / bytes && own % (2 * vector) == 0)
      vector *= 2;
    space.rows = rows;
    space.columns = std::max<int64_t>(llvm::PowerOf2Ceil(own), 16);
    int64_t perRow = space.columns / vector, lanes = std::min(perRow, weft::tile::warpSize),
            along = std::min(perRow / lanes, warps);
    space.layout = weft::tile::BlockedAttr::get(
        b.getContext(), {1, vector}, {weft::tile::warpSize / lanes, lanes}, {warps / along, along}, {1, 0});
    auto swizzle = weft::tile::SwizzledAttr::forRows(b.getContext(), space.columns * bytes, bytes);
    shared = weft::tile::AllocSharedOp::create(
        b, k.location(), weft::tile::SharedType::get(b.getContext(), {rows, space.columns}, type, swizzle));
  }

  /// Copies the rows from `first` on, of `count` that lie one after another from element `start` (i64).
  void copy(V start, V first, V count) {
    V rows = k.rowNumbers(space), columns = k.columnNumbers(space);
    rows = k.like(first, rows) + rows;
    V wide = k.widen(rows);
    V place = k.spread(k.like(start, wide) + wide * own, space) + k.spread(k.widen(columns), space);
    V inside = k.spread(weft::codegen::lt(rows, k.like(count, rows)), space);
    if (own != space.columns)
      inside = inside & k.spread(weft::codegen::lt(columns, own), space);
    weft::tile::AsyncCopyOp::create(k.builder(), k.location(), k.buffer(buffer), k.asIndex(place),
                                    inside.value, shared, vector);
  }

  /// As factor number `operand` of accumulators: 16 numbers of K; `rowsOfK`: along the rows. From element
  /// `at` on.
  Value factor(int64_t operand, Attribute accumulators, bool rowsOfK, ArrayRef<int64_t> at, int64_t outer) {
    OpBuilder &b = k.builder();
    SmallVector<int64_t> shape{outer, partKeys};
    if (operand == 1)
      std::swap(shape[0], shape[1]);
    auto layout = weft::tile::DotOperandAttr::get(b.getContext(), operand, 2, accumulators);
    return weft::tile::LocalLoadOp::create(b, k.location(), RankedTensorType::get(shape, type, layout),
                                           shared, Value(), rowsOfK == (operand == 1),
                                           b.getDenseI64ArrayAttr(at));
  }

  Value inShared() const { return shared; }
  int64_t columns() const { return space.columns; }

private:
  TileBuilder &k;
  unsigned buffer;
  Type type;
  int64_t own = 0, vector = 1;
  TileSpace space;
  Value shared;
};

class Attention {
public:
  Attention(Location loc, const AttentionSpec &spec)
      : spec(spec), k(loc, spec.name, warps * weft::tile::warpSize, buffersOf(spec)), b(k.builder()),
        loc(loc), f32(b.getF32Type()), fma(spec.type.isF32()), stepKeys(keysOfStep(spec)) {}

  TiledKernel emit();

private:
  static SmallVector<TileBuilder::Buffer> buffersOf(const AttentionSpec &spec) {
    SmallVector<TileBuilder::Buffer> buffers{{spec.type, {spec.batch, spec.heads, spec.queries, spec.depth}},
                                             {spec.type, {spec.batch, spec.kvHeads, spec.keys, spec.depth}},
                                             {spec.type, {spec.batch, spec.kvHeads, spec.keys, spec.values}}};
    if (spec.mask)
      buffers.push_back({spec.mask.getElementType(), SmallVector<int64_t>(spec.mask.getShape())});
    buffers.push_back({spec.type, {spec.batch, spec.heads, spec.queries, spec.values}});
    return buffers;
  }

  /// As many as leave all buffers together below 96 KiB, which a block has on every GPU from sm_80 on.
  static int64_t keysOfStep(const AttentionSpec &spec) {
    if (!spec.type.isF32())
      return 64;
    return spec.depth > 64 && spec.values > 64 ? 16 : 32;
  }

  void placeBlock();
  /// Rows are of the scores in the layout of another space: every thread has the same ones.
  V along(V rows, const TileSpace &space);
  V zeros(RankedTensorType type) {
    return k.wrap(arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, 0.0f)));
  }
  V larger(V x, V y) { return weft::codegen::make<arith::MaximumFOp>(x, x, y); }
  V exp2(V x) { return weft::codegen::make<math::Exp2Op>(x, x); }
  template <typename Op> V reduce(V values);

  /// Scores of the block's queries and the step's keys, part by part.
  SmallVector<V> products(Rows &q, Rows &keys);
  /// Scaled, masked, in units of log2; -inf where the key is hidden.
  V prepare(V score, V firstKey);
  V loadMask(V rows, V columns);
  /// sums + weights * values.
  V weighted(ArrayRef<V> weights, Rows &values, V sums);
  void store(V result);

  const AttentionSpec &spec;
  TileBuilder k;
  OpBuilder &b;
  Location loc;
  Type f32;
  bool fma;
  int64_t stepKeys;
  TileSpace scores, results; ///< scores: of a part
  Value weightsInShared;     ///< multiply-adds only
  std::optional<V> numQueries, numKeys, batch, head, group, firstQuery;
};

} // namespace

/// The block's number is that of a batch, a head, and a block of its queries.
void Attention::placeBlock() {
  numQueries = k.narrow(k.extent(0, 2));
  numKeys = k.narrow(k.extent(1, 2));
  V block = k.blockId(), perHead = k.ceilDiv(*numQueries, blockQueries);
  firstQuery = remui(block, perHead) * blockQueries;
  V rest = divui(block, perHead);
  head = remui(rest, k.i32(spec.heads));
  batch = divui(rest, k.i32(spec.heads));
  group = divui(*head, k.i32(spec.heads / spec.kvHeads));
}

V Attention::along(V rows, const TileSpace &space) {
  RankedTensorType wanted = space.alongRows(rows.element());
  if (rows.type() != wanted)
    rows = k.wrap(weft::tile::ConvertLayoutOp::create(b, loc, wanted, rows.value));
  return k.spread(rows, space);
}

template <typename Op> V Attention::reduce(V values) {
  auto op = weft::tile::ReduceOp::create(b, loc, TypeRange(scores.alongRows(f32)), ValueRange(values.value),
                                         b.getI64IntegerAttr(1));
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&op.getCombiner(), {}, {f32, f32}, {loc, loc});
  Value both = Op::create(b, loc, body->getArgument(0), body->getArgument(1));
  weft::tile::YieldOp::create(b, loc, both);
  return k.wrap(op.getResult(0));
}

SmallVector<V> Attention::products(Rows &q, Rows &keys) {
  V zero = zeros(scores.full(f32));
  if (fma) {
    Value sums = weft::tile::DotOp::create(b, loc, zero.type(), q.inShared(), keys.inShared(), zero.value,
                                           /*transposed_a=*/true, /*transposed_b=*/true);
    return {k.wrap(sums)};
  }
  SmallVector<V> parts(stepKeys / partKeys, zero);
  for (int64_t depth = 0; depth < q.columns(); depth += partKeys) {
    Value left = q.factor(0, scores.layout, /*rowsOfK=*/true, {0, depth}, blockQueries);
    for (auto [i, part] : llvm::enumerate(parts)) {
      int64_t key = i * partKeys;
      Value right = keys.factor(1, scores.layout, /*rowsOfK=*/true, {key, depth}, partKeys);
      part = k.wrap(weft::tile::MmaOp::create(b, loc, left, right, part.value));
    }
  }
  return parts;
}

/// The mask at rows and columns: as little as there is, then spread. Floats as f32; others whether they are
/// not 0.
V Attention::loadMask(V rows, V columns) {
  constexpr unsigned buffer = 3;
  ArrayRef<int64_t> shape = spec.mask.getShape();
  V place = shape[0] != 1 ? k.widen(*batch) : k.i64(0);
  place = place * k.extent(buffer, 1);
  if (shape[1] != 1)
    place = place + k.widen(*head);
  place = place * k.extent(buffer, 2);
  std::optional<V> inside;
  if (shape[2] != 1) {
    place = k.like(place, rows) + k.widen(rows);
    inside = weft::codegen::lt(rows, k.like(*numQueries, rows));
  }
  V stride = k.extent(buffer, 3);
  place = place * (isa<RankedTensorType>(place.type()) ? k.like(stride, rows) : stride);
  if (shape[3] != 1) {
    V known = weft::codegen::lt(columns, k.like(*numKeys, columns));
    if (inside) {
      inside = k.spread(*inside, scores) & k.spread(known, scores);
      place = k.spread(place, scores) + k.spread(k.widen(columns), scores);
    } else {
      inside = known;
      place = k.like(place, columns) + k.widen(columns);
    }
  }
  Type element = spec.mask.getElementType();
  V loaded = k.wrap(weft::tile::LoadOp::create(b, loc, weft::codegen::withElement(place.type(), element),
                                               k.buffer(buffer), k.asIndex(place),
                                               inside ? inside->value : Value(), /*other=*/Value(),
                                               /*contiguous=*/1));
  if (!loaded.isFloat())
    loaded = weft::codegen::ne(loaded, 0);
  else if (!element.isF32())
    loaded = weft::codegen::convertTo<arith::ExtFOp>(loaded, f32);
  return k.spread(loaded, scores);
}

V Attention::prepare(V score, V firstKey) {
  V rows = k.rowNumbers(scores), columns = k.columnNumbers(scores);
  rows = k.like(*firstQuery, rows) + rows;
  columns = k.like(firstKey, columns) + columns;
  score = score * (spec.scale * log2OfE);
  std::optional<V> seen;
  if (ShapedType::isDynamic(spec.keys) || spec.keys % stepKeys)
    seen = k.spread(weft::codegen::lt(columns, k.like(*numKeys, columns)), scores);
  if (spec.causal != AttentionSpec::Causal::None) {
    V last = rows;
    if (spec.causal == AttentionSpec::Causal::BottomRight)
      last = last + k.like(*numKeys - *numQueries, last);
    seen = k.both(seen, weft::codegen::le(k.spread(columns, scores), k.spread(last, scores)));
  }
  if (spec.mask) {
    V mask = loadMask(rows, columns);
    if (mask.isFloat())
      score = weft::codegen::fma(mask, log2OfE, score);
    else
      seen = k.both(seen, mask);
  }
  return seen ? select(*seen, score, score.c(-INFINITY)) : score;
}

V Attention::weighted(ArrayRef<V> weights, Rows &values, V sums) {
  if (fma) {
    weft::tile::LocalStoreOp::create(b, loc, weights[0].value, weightsInShared, Value(),
                                     /*transposed=*/false);
    return k.wrap(weft::tile::DotOp::create(b, loc, sums.type(), weightsInShared, values.inShared(),
                                            sums.value,
                                            /*transposed_a=*/true, /*transposed_b=*/false));
  }
  for (auto [i, part] : llvm::enumerate(weights)) {
    Value narrow = weft::codegen::convertTo<arith::TruncFOp>(part, spec.type).value;
    auto layout = weft::tile::DotOperandAttr::get(b.getContext(), 0, 2, scores.layout);
    Value left = weft::tile::ConvertLayoutOp::create(
        b, loc, RankedTensorType::get({blockQueries, partKeys}, spec.type, layout), narrow);
    int64_t key = i * partKeys;
    Value right = values.factor(1, results.layout, /*rowsOfK=*/false, {key, 0}, values.columns());
    sums = k.wrap(weft::tile::MmaOp::create(b, loc, left, right, sums.value));
  }
  return sums;
}

void Attention::store(V result) {
  unsigned y = k.numBuffers() - 1;
  V rows = k.rowNumbers(results), columns = k.columnNumbers(results);
  rows = k.like(*firstQuery, rows) + rows;
  V start = (k.widen(*batch) * spec.heads + k.widen(*head)) * k.extent(y, 2) * spec.values;
  V down = k.widen(rows);
  V place = k.spread(k.like(start, down) + down * spec.values, results) + k.spread(k.widen(columns), results);
  V inside = k.spread(weft::codegen::lt(rows, k.like(*numQueries, rows)), results);
  if (spec.values != results.columns)
    inside = inside & k.spread(weft::codegen::lt(columns, spec.values), results);
  if (!fma)
    result = weft::codegen::convertTo<arith::TruncFOp>(result, spec.type);
  int64_t together = 1;
  while (together < (fma ? 4 : 2) && spec.values % (2 * together) == 0)
    together *= 2;
  weft::tile::StoreOp::create(b, loc, result.value, k.buffer(y), k.asIndex(place), inside.value, together);
}

TiledKernel Attention::emit() {
  placeBlock();
  Rows q(k, 0, blockQueries), keys(k, 1, stepKeys), values(k, 2, stepKeys);
  MLIRContext *context = b.getContext();
  scores = {weft::tile::MmaAttr::get(context, {warps, 1}), blockQueries, partKeys};
  results = {scores.layout, blockQueries, values.columns()};
  if (fma) {
    // Lanes take neighbouring keys, whose rows they read; of the values four neighbours each.
    auto blocked = [&](int64_t together) {
      return weft::tile::BlockedAttr::get(context, {1, together}, {4, 8}, {warps, 1}, {1, 0});
    };
    scores = {blocked(1), blockQueries, stepKeys};
    results.layout = blocked(results.columns >= 32 ? 4 : results.columns / 8);
    auto swizzle = weft::tile::SwizzledAttr::forRows(context, stepKeys * 4, 4);
    weightsInShared = weft::tile::AllocSharedOp::create(
        b, loc, weft::tile::SharedType::get(context, {blockQueries, stepKeys}, f32, swizzle));
  }
  auto startOf = [&](unsigned buffer, V ofBatch, int64_t heads) {
    return (k.widen(*batch) * heads + k.widen(ofBatch)) * k.extent(buffer, 2) * k.extent(buffer, 3);
  };
  q.copy(startOf(0, *head, spec.heads), *firstQuery, *numQueries);

  // Keys that no query of the block sees are left out.
  V seen = *numKeys;
  if (spec.causal != AttentionSpec::Causal::None) {
    V last = *firstQuery + blockQueries;
    if (spec.causal == AttentionSpec::Causal::BottomRight)
      last = last + (*numKeys - *numQueries);
    seen = select(weft::codegen::lt(last, seen), last, seen);
    seen = select(weft::codegen::lt(seen, 0), seen.i(0), seen);
  }
  V keyStart = startOf(1, *group, spec.kvHeads), valueStart = startOf(2, *group, spec.kvHeads);
  V lowest = zeros(scores.alongRows(f32)).c(-INFINITY);
  SmallVector<Value> state{lowest.value, zeros(scores.full(f32)).value, zeros(results.full(f32)).value};
  auto number = [&](int64_t x) { return arith::ConstantIndexOp::create(b, loc, x); };
  auto loop = scf::ForOp::create(b, loc, number(0), k.asIndex(k.ceilDiv(seen, stepKeys)), number(1), state);
  loop->setAttr(weft::tile::TileDialect::getStagesAttrName(), b.getI64IntegerAttr(2));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    V firstKey = k.narrow(k.wrap(loop.getInductionVar())) * stepKeys;
    keys.copy(keyStart, firstKey, *numKeys);
    values.copy(valueStart, firstKey, *numKeys);
    V before = k.wrap(loop.getRegionIterArg(0)), sum = k.wrap(loop.getRegionIterArg(1)),
      result = k.wrap(loop.getRegionIterArg(2));
    SmallVector<V> parts = products(q, keys);
    for (auto [i, part] : llvm::enumerate(parts))
      part = prepare(part, firstKey + int64_t(i) * scores.columns);
    V highest = parts[0];
    for (V part : ArrayRef(parts).drop_front())
      highest = larger(highest, part);
    V now = larger(before, reduce<arith::MaximumFOp>(highest));
    // A row that has seen no key yet keeps -inf; its exponentials are 0 all the same.
    V shift = select(weft::codegen::eq(now, now.c(-INFINITY)), now.c(0), now);
    V correction = exp2(before - shift);
    sum = sum * along(correction, scores);
    V shifts = along(shift, scores);
    for (V &part : parts) {
      part = exp2(part - shifts);
      sum = sum + part;
    }
    result = weighted(parts, values, result * along(correction, results));
    scf::YieldOp::create(b, loc, ValueRange{now.value, sum.value, result.value});
  }
  V sum = reduce<arith::AddFOp>(k.wrap(loop.getResult(1)));
  V inverse = select(weft::codegen::eq(sum, 0), sum.c(0), 1.0 / sum);
  store(k.wrap(loop.getResult(2)) * along(inverse, results));

  unsigned y = k.numBuffers() - 1;
  weft::cpu::ChunkCount blocks;
  blocks.terms.push_back({y, 0, spec.batch, 1});
  blocks.terms.push_back({y, 1, spec.heads, 1});
  blocks.terms.push_back({y, 2, spec.queries, blockQueries});
  return k.finish(std::move(blocks));
}

FailureOr<TiledKernel> weft::gpu::generateAttention(Location loc, const AttentionSpec &spec) {
  if (failed(cpu::checkAttention(loc, spec)))
    return failure();
  if (spec.depth > mostAttentionDepth || spec.values > mostAttentionDepth)
    return emitError(loc) << "attention: depth " << spec.depth << " and values " << spec.values
                          << ", wanted at most " << mostAttentionDepth;
  return Attention(loc, spec).emit();
}
