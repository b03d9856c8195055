// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RotaryEmbedding, elementwise on slices, and LinearAttention, a weft.scan over the tokens that carries the
// state (a single token needs no loop).
#include "AttentionOps.h"
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

LogicalResult weft::onnx::importRotaryEmbedding(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rankOf(x);
  if (rank != 3 && rank != 4)
    return node.error() << "has an input of rank " << rank << ", wanted 3 or 4";
  // [batch, sequence, heads, size]
  Value heads = x;
  if (rank == 4) {
    heads = node.transpose(x, {0, 2, 1, 3});
  } else {
    int64_t numHeads = node.getInt("num_heads", 0);
    if (numHeads < 1)
      return node.error() << "has num_heads " << numHeads
                          << ", wanted a positive number for an input of rank 3";
    Extent size = node.floorDiv(node.extent(x, 2), numHeads);
    heads = node.reshape(x, {node.extent(x, 0), node.extent(x, 1), Extent(numHeads), size});
  }
  int64_t rotated = node.getInt("rotary_embedding_dim", 0);
  if (rotated < 0 || rotated % 2 != 0)
    return node.error() << "has rotary_embedding_dim " << rotated << ", wanted an even number of 0 or more";
  Extent size = node.extent(heads, 3), rotatedSize = rotated ? Extent(rotated) : size;
  Extent half = node.floorDiv(rotatedSize, 2);

  // The tables, [batch, sequence, 1, half].
  Value tables[2];
  for (int i = 0; i < 2; ++i) {
    Value cache = node.operand(1 + i);
    if (node.hasOperand(3)) {
      if (node.rankOf(cache) != 2 || node.rankOf(node.operand(3)) != 2)
        return node.error() << "has caches of rank " << node.rankOf(cache) << " and positions of rank "
                            << node.rankOf(node.operand(3)) << ", wanted 2 and 2";
      Value positions = node.wrapIndex(node.operand(3), node.extent(cache, 0));
      cache = node.gather(cache, node.unsqueeze(positions, {2}), {0}, {}, {}, 0);
    }
    if (node.rankOf(cache) != 3)
      return node.error() << "has caches of rank " << node.rankOf(cache) << ", wanted 3 without position_ids";
    tables[i] = node.unsqueeze(cache, {2});
  }
  bool interleaved = node.getInt("interleaved", 0) != 0;
  Value first, second;
  if (interleaved) {
    first = node.sliceAxis(heads, 3, 0, half, 2);
    second = node.sliceAxis(heads, 3, 1, half, 2);
  } else {
    first = node.sliceAxis(heads, 3, 0, half);
    second = node.sliceAxis(heads, 3, half, half);
  }
  Value cosine = tables[0], sine = tables[1];
  Value re = node.create<SubOp>(node.create<MulOp>(cosine, first), node.create<MulOp>(sine, second));
  Value im = node.create<AddOp>(node.create<MulOp>(sine, first), node.create<MulOp>(cosine, second));
  Value y;
  if (interleaved) {
    y = node.concat({node.unsqueeze(re, {4}), node.unsqueeze(im, {4})}, 4);
    y = node.reshape(y, {node.extent(heads, 0), node.extent(heads, 1), node.extent(heads, 2), rotatedSize});
  } else {
    y = node.concat({re, im}, 3);
  }
  if (rotated && !(rotatedSize == size))
    y = node.concat({y, node.sliceAxis(heads, 3, rotatedSize, node.sub(size, rotatedSize))}, 3);
  y = rank == 4 ? node.transpose(y, {0, 2, 1, 3}) : node.reshape(y, node.extents(x));
  return node.setResult(node.failed() ? y : node.castTo(y, x.getType()));
}

//===-- LinearAttention
//---------------------------------------------------------------------------------------===//

namespace {
class LinearAttentionImporter {
public:
  explicit LinearAttentionImporter(NodeImporter &node) : node(node) {}
  LogicalResult run();

private:
  /// [batch, token, heads * size] to [token, batch, heads, size], in 32 bits or more.
  Value byToken(Value x, int64_t numHeads);
  /// x whose extent of `axis` is `extent` or 1, which may show at run time only.
  Value stretch(Value x, int64_t axis, const Extent &extent) {
    Extents sizes = node.extents(x);
    if (node.failed() || sizes[axis].is(1) || sizes[axis] == extent)
      return x;
    sizes[axis] = extent;
    return node.broadcastTo(x, sizes);
  }
  /// One token: `parts` are q, k, v, then decay and beta where the rule has them. Returns the next state and
  /// the output [batch, query heads, value size].
  std::pair<Value, Value> step(Value state, ValueRange parts);

  NodeImporter &node;
  int64_t queryHeads = 0, keyHeads = 0;
  Value scale; // [1, 1, 1]
  bool isGated = false, isDelta = false;
};
} // namespace

Value LinearAttentionImporter::byToken(Value x, int64_t numHeads) {
  Extent size = node.floorDiv(node.extent(x, 2), numHeads);
  Value split = node.reshape(widen(node, x), {node.extent(x, 0), node.extent(x, 1), Extent(numHeads), size});
  return node.transpose(split, {1, 0, 2, 3});
}

std::pair<Value, Value> LinearAttentionImporter::step(Value state, ValueRange parts) {
  Value q = parts[0], k = parts[1], v = parts[2];
  if (isGated)
    state = node.create<MulOp>(state, node.unsqueeze(node.create<ExpOp>(parts[3]), {3}));
  if (isDelta) {
    Value retrieved = node.dotGeneral(k, state, {0, 1}, {0, 1}, {2}, {2});
    v = node.create<MulOp>(parts[isGated ? 4 : 3], node.create<SubOp>(v, retrieved));
  }
  Value outer = node.create<MulOp>(node.unsqueeze(k, {3}), node.unsqueeze(v, {2}));
  state = node.create<AddOp>(state, outer);
  // The query heads of a group read the state of their key head.
  Extent batch = node.extent(q, 0);
  Value grouped =
      node.reshape(q, {batch, Extent(keyHeads), Extent(queryHeads / keyHeads), node.extent(q, 2)});
  Value read = node.dotGeneral(grouped, state, {0, 1}, {0, 1}, {3}, {2});
  read = node.reshape(read, {batch, Extent(queryHeads), node.extent(state, 3)});
  return {state, node.create<MulOp>(read, scale)};
}

LogicalResult LinearAttentionImporter::run() {
  Value q = node.operand(0), k = node.operand(1), v = node.operand(2);
  std::string rule = node.getString("update_rule", "gated_delta");
  isGated = rule == "gated" || rule == "gated_delta";
  isDelta = rule == "delta" || rule == "gated_delta";
  if (!isGated && !isDelta && rule != "linear")
    return node.error() << "has update_rule '" << rule << "', wanted linear, gated, delta or gated_delta";
  queryHeads = node.getInt("q_num_heads", 0);
  keyHeads = node.getInt("kv_num_heads", 0);
  if (queryHeads < 1 || keyHeads < 1 || queryHeads % keyHeads != 0)
    return node.error() << "has q_num_heads " << queryHeads << " and kv_num_heads " << keyHeads
                        << ", wanted a positive multiple of a positive number";
  for (int i : {0, 1, 2, 4, 5})
    if (node.hasOperand(i) && node.rankOf(node.operand(i)) != 3)
      return node.error() << "input " << i << " has rank " << node.rankOf(node.operand(i)) << ", wanted 3";
  if (isGated != node.hasOperand(4) || isDelta != node.hasOperand(5))
    return node.error() << "has update_rule '" << rule << "' with " << (node.hasOperand(4) ? "" : "no ")
                        << "decay and " << (node.hasOperand(5) ? "" : "no ")
                        << "beta, wanted decay for the gated rules and beta for the delta rules only";
  Type type = node.elementTypeOf(q);
  SmallVector<Value> xs = {byToken(q, queryHeads), byToken(k, keyHeads), byToken(v, keyHeads)};
  // Per head a number, or one for each row of the state.
  if (isGated) {
    Value decay = byToken(node.operand(4), keyHeads);
    xs.push_back(stretch(decay, 3, node.extent(xs[1], 3)));
  }
  // Per head, or one for all heads.
  if (isDelta) {
    Value beta = node.unsqueeze(node.transpose(widen(node, node.operand(5)), {1, 0, 2}), {3});
    xs.push_back(stretch(beta, 2, Extent(keyHeads)));
  }
  if (node.failed())
    return failure();
  double given = node.getFloat("scale", 0);
  Extent size = node.extent(xs[0], 3);
  scale = given != 0 ? node.unit(node.elementTypeOf(xs[0]), 3, given)
                     : node.create<RsqrtOp>(unitOf(node, size, node.elementTypeOf(xs[0]), 3));

  Value state;
  Type stateType = type;
  Type wide = node.elementTypeOf(xs[0]);
  if (node.hasOperand(3)) {
    stateType = node.elementTypeOf(node.operand(3));
    state = node.convert(node.operand(3), wide);
    if (node.rankOf(state) != 4)
      return node.error() << "has a past_state of rank " << node.rankOf(state) << ", wanted 4";
  } else {
    Extents sizes = {node.extent(k, 0), Extent(keyHeads), node.extent(xs[1], 3), node.extent(xs[2], 3)};
    state = node.full(wide, sizes, 0);
  }
  Value outputs; // [token, batch, heads, size]
  if (getDim(xs[0], 0).is(1)) {
    SmallVector<Value> parts;
    for (Value x : xs)
      parts.push_back(node.squeeze(x, {0}));
    auto [next, output] = step(state, parts);
    state = next;
    outputs = node.unsqueeze(output, {0});
  } else {
    Type carried = state.getType();
    SmallVector<Value> results =
        node.scan({state}, xs, std::nullopt, /*reverse=*/false,
                  [&](ValueRange carries, ValueRange slices, SmallVectorImpl<Value> &next,
                      SmallVectorImpl<Value> &stacked) {
                    auto [after, output] = step(carries[0], slices);
                    next.push_back(node.castTo(after, carried));
                    stacked.push_back(output);
                  });
    if (node.failed() || results.size() != 2)
      return failure();
    state = results[0];
    outputs = results[1];
  }
  Value y = node.transpose(outputs, {1, 0, 2, 3});
  Extents sizes = {node.extent(y, 0), node.extent(y, 1), node.mul(node.extent(y, 2), node.extent(y, 3))};
  if (failed(node.setResult(0, node.convert(node.reshape(y, sizes), type))))
    return failure();
  return node.isResultUsed(1) ? node.setResult(1, node.convert(state, stateType)) : success();
}

LogicalResult weft::onnx::importLinearAttention(NodeImporter &node) {
  return LinearAttentionImporter(node).run();
}
