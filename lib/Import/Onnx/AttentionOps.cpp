// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: weft.attention with the caches concatenated before it. Its own causal masks and windows are used
// where ONNX's alignment is one of them, else the mask is written out. The scores that the fourth result
// shows are computed apart, for nobody but debuggers wants them.
#include "AttentionOps.h"
#include "Numeric.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

static constexpr double negativeInfinity = -std::numeric_limits<double>::infinity();

Value weft::onnx::splitHeads(NodeImporter &node, Value x, int64_t numHeads) {
  Extent size = node.floorDiv(node.extent(x, 2), numHeads);
  Value split = node.reshape(x, {node.extent(x, 0), node.extent(x, 1), Extent(numHeads), size});
  return node.transpose(split, {0, 2, 1, 3});
}

Value weft::onnx::joinHeads(NodeImporter &node, Value x) {
  Value y = node.transpose(x, {0, 2, 1, 3});
  return node.reshape(y,
                      {node.extent(y, 0), node.extent(y, 1), node.mul(node.extent(y, 2), node.extent(y, 3))});
}

namespace {

class AttentionImporter {
public:
  explicit AttentionImporter(NodeImporter &node) : node(node) {}
  LogicalResult run();

private:
  LogicalResult readOperands();
  LogicalResult readMask();
  /// Position of the first query among the keys, [batch or 1, 1, 1, 1] i64.
  Value queryOffset();
  /// i1 [batch or 1, 1, S, T]: what causality and windows let each query see; null: everything.
  Value visibleByPosition(bool causal, bool window);
  /// i1 [batch, 1, 1, T]: keys below nonpad_kv_seqlen; null without.
  Value visibleByLength();
  Value combine(Value a, Value b) { return a && b ? Value(node.create<AndOp>(a, b)) : a ? a : b; }
  Value scores();
  Value scoresResult();

  NodeImporter &node;
  Value q, k, v; // [batch, heads, sequence, size]
  Value mask;    // rank 4, i1 or float, last extent that of the keys; null: none
  Value length;  // [batch] i64; null: none
  Extent numQueries, numKeys, pastLength;
  bool isCausal = false, hasPast = false;
  int64_t windowLeft = -1, windowRight = -1;
  double scale = 0, softcap = 0;
};

LogicalResult AttentionImporter::readOperands() {
  q = node.operand(0);
  k = node.operand(1);
  v = node.operand(2);
  int64_t rank = node.rankOf(q);
  if ((rank != 3 && rank != 4) || node.rankOf(k) != rank || node.rankOf(v) != rank)
    return node.error() << "has Q, K and V of rank " << rank << ", " << node.rankOf(k) << " and "
                        << node.rankOf(v) << ", wanted all 3 or all 4";
  if (rank == 3) {
    int64_t queryHeads = node.getInt("q_num_heads", 0), keyHeads = node.getInt("kv_num_heads", 0);
    if (queryHeads < 1 || keyHeads < 1)
      return node.error() << "has q_num_heads " << queryHeads << " and kv_num_heads " << keyHeads
                          << ", wanted positive numbers for inputs of rank 3";
    q = splitHeads(node, q, queryHeads);
    k = splitHeads(node, k, keyHeads);
    v = splitHeads(node, v, keyHeads);
  }
  hasPast = node.hasOperand(4);
  if (hasPast != node.hasOperand(5))
    return node.error() << "has one of past_key and past_value, wanted both or neither";
  if (hasPast) {
    Value pastKey = node.operand(4), pastValue = node.operand(5);
    if (node.rankOf(pastKey) != 4 || node.rankOf(pastValue) != 4)
      return node.error() << "has a past of rank " << node.rankOf(pastKey) << " and "
                          << node.rankOf(pastValue) << ", wanted 4";
    pastLength = node.extent(pastKey, 2);
    k = node.concat({pastKey, k}, 2);
    v = node.concat({pastValue, v}, 2);
  }
  if (node.failed())
    return failure();
  numQueries = node.extent(q, 2);
  numKeys = node.extent(k, 2);
  if (node.hasOperand(6)) {
    if (hasPast)
      return node.error() << "has nonpad_kv_seqlen and a past, wanted one of them";
    length = node.convert(node.operand(6), node.i64());
    if (node.rankOf(length) != 1)
      return node.error() << "has nonpad_kv_seqlen of rank " << node.rankOf(length) << ", wanted 1";
  }
  isCausal = node.getInt("is_causal", 0) != 0;
  windowLeft = node.getInt("left_window_size", -1);
  windowRight = node.getInt("right_window_size", -1);
  if (windowLeft < -1 || windowRight < -1)
    return node.error() << "has windows of " << windowLeft << " and " << windowRight << ", wanted -1 or more";
  softcap = node.getFloat("softcap", 0);
  if (node.hasAttribute("scale")) {
    scale = node.getFloat("scale", 1);
  } else {
    Dim size = moreKnown(getDim(q, 3), getDim(k, 3));
    if (size.isStatic() && size.getStatic() > 0) {
      scale = 1 / std::sqrt(double(size.getStatic()));
    } else {
      // Known at run time only: the queries take it.
      Value wide = widen(node, q);
      Value factor = node.create<RsqrtOp>(unitOf(node, node.extent(q, 3), node.elementTypeOf(wide), 4));
      q = node.convert(node.create<MulOp>(wide, factor), node.elementTypeOf(q));
      scale = 1;
    }
  }
  return success();
}

LogicalResult AttentionImporter::readMask() {
  if (!node.hasOperand(3))
    return success();
  mask = node.operand(3);
  int64_t rank = node.rankOf(mask);
  if (rank > 4 || rank < 1)
    return node.error() << "has a mask of rank " << rank << ", wanted 1 to 4";
  if (!node.isBool(mask))
    mask = widen(node, mask);
  mask = node.raiseRank(mask, 4);
  // Extents that are not known to be 1 or those of the scores stretch when the program runs.
  Extents wanted = {node.extent(q, 0), node.extent(q, 1), numQueries, node.extent(mask, 3)};
  bool isOpen = false;
  for (int64_t i = 0; i < 3; ++i) {
    Extent own = node.extent(mask, i);
    if (own.is(1))
      wanted[i] = own;
    isOpen |= !own.is(1) && !(own == wanted[i]) && !(own.isStatic() && wanted[i].isStatic());
  }
  if (isOpen)
    mask = node.broadcastTo(mask, wanted);
  // A mask may be shorter than the keys: those behind it are not seen. One of extent 1 stands for all.
  Extent covered = node.extent(mask, 3);
  if (!(covered == numKeys) && !(covered.is(1) && !numKeys.isStatic())) {
    Value fill = node.unit(node.elementTypeOf(mask), 0, node.isBool(mask) ? 0 : negativeInfinity);
    Extent missing = node.sub(numKeys, covered);
    mask = node.pad(mask, Extents(4, Extent(0)), {Extent(0), Extent(0), Extent(0), missing}, fill);
    // Its last extent is that of the keys now, whatever the arithmetic could prove.
    SmallVector<Dim> dims = getDims(mask);
    if (!node.failed()) {
      dims[3] = moreKnown(dims[3], getDim(k, 2));
      mask = node.castTo(mask, makeTensorType(dims, node.elementTypeOf(mask)));
    }
  }
  return success();
}

Value AttentionImporter::queryOffset() {
  if (!length)
    return unitOf(node, hasPast ? pastLength : Extent(0), node.i64(), 4);
  Value valid = node.unsqueeze(length, {1, 2, 3});
  return node.create<SubOp>(valid, unitOf(node, numQueries, node.i64(), 4));
}

Value AttentionImporter::visibleByPosition(bool causal, bool window) {
  Value query = node.iota(node.i64(), {Extent(1), Extent(1), numQueries, Extent(1)}, 2);
  Value position = node.create<AddOp>(query, queryOffset());
  Value key = node.iota(node.i64(), {Extent(1), Extent(1), Extent(1), numKeys}, 3);
  auto plus = [&](Value x, int64_t term) -> Value {
    return node.create<AddOp>(x, node.like(x, double(term)));
  };
  Value visible;
  if (causal)
    visible = node.create<CompareOp>(CompareKind::le, key, position);
  if (window && windowLeft >= 0)
    visible = combine(visible, node.create<CompareOp>(CompareKind::ge, key, plus(position, -windowLeft)));
  if (window && windowRight >= 0)
    visible = combine(visible, node.create<CompareOp>(CompareKind::le, key, plus(position, windowRight)));
  return visible;
}

Value AttentionImporter::visibleByLength() {
  if (!length)
    return nullptr;
  Value key = node.iota(node.i64(), {Extent(1), Extent(1), Extent(1), numKeys}, 3);
  return node.create<CompareOp>(CompareKind::lt, key, node.unsqueeze(length, {1, 2, 3}));
}

/// scale · q kᵀ, [batch, heads, S, T], in f32 for 16-bit inputs.
Value AttentionImporter::scores() {
  Value wideQ = widen(node, q), wideK = widen(node, k);
  Extent batch = node.extent(q, 0), heads = node.extent(q, 1), groups = node.extent(k, 1);
  Value grouped =
      node.reshape(wideQ, {batch, groups, node.floorDiv(heads, groups), numQueries, node.extent(q, 3)});
  Value product = node.dotGeneral(grouped, wideK, {0, 1}, {0, 1}, {4}, {3});
  Value joined = node.reshape(product, {batch, heads, numQueries, numKeys});
  return node.create<MulOp>(joined, node.like(joined, scale));
}

Value AttentionImporter::scoresResult() {
  int64_t mode = node.getInt("qk_matmul_output_mode", 0);
  Value result = scores();
  if (mode == 0)
    return result;
  if (softcap > 0) {
    Value cap = node.like(result, softcap);
    result = node.create<MulOp>(node.create<TanhOp>(node.create<DivOp>(result, cap)), cap);
  }
  if (mode == 1)
    return result;
  // The bias: a float mask as it is, -inf where something is not visible.
  Type type = node.elementTypeOf(result);
  Value visible = combine(visibleByPosition(isCausal, true), visibleByLength());
  Value bias;
  if (mask && node.isBool(mask))
    visible = visible ? node.binary<AndOp>(visible, mask) : mask;
  else if (mask)
    bias = node.convert(mask, type);
  if (visible)
    bias = node.select(visible, bias ? bias : node.unit(type, 4, 0), node.unit(type, 4, negativeInfinity));
  if (bias)
    result = node.add(result, bias);
  if (mode == 2)
    return result;
  Value probability = node.create<SoftmaxOp>(result, int64_t(3));
  if (!bias)
    return probability;
  Value greatest = node.reduce(ReduceKind::max, bias, {3}, /*keepDims=*/true);
  Value isMasked = node.compare(CompareKind::eq, greatest, node.like(greatest, negativeInfinity));
  return node.select(isMasked, node.unit(type, 4, 0), probability);
}

LogicalResult AttentionImporter::run() {
  if (failed(readOperands()) || failed(readMask()))
    return failure();
  int64_t mode = node.getInt("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return node.error() << "has qk_matmul_output_mode " << mode << ", wanted 0 to 3";

  // Query i sees key j <= i + offset. Without a past the offset is 0 (aligned top left); with one it is
  // aligned bottom right if the new keys are as many as the queries; with lengths it always is.
  Causal causal = Causal::none;
  bool writeCausal = false;
  if (isCausal) {
    if (length || (hasPast && node.sub(numKeys, pastLength) == numQueries))
      causal = Causal::bottom_right;
    else if (hasPast)
      writeCausal = true;
    else
      causal = Causal::top_left;
  }
  bool hasWindow = windowLeft >= 0 || windowRight >= 0, writeWindow = hasWindow && (hasPast || length);
  Value attentionMask = mask;
  if (Value visible = visibleByPosition(writeCausal, writeWindow)) {
    if (!mask) {
      attentionMask = visible;
    } else if (node.isBool(mask)) {
      attentionMask = node.binary<AndOp>(visible, mask);
    } else {
      Value hidden = node.unit(node.elementTypeOf(mask), 4, negativeInfinity);
      attentionMask = node.select(visible, mask, hidden);
    }
  }
  bool ownWindow = hasWindow && !writeWindow;
  Value keys = k, values = node.convert(v, node.elementTypeOf(q));
  SmallVector<Value> results = node.createMulti<AttentionOp>(
      q, node.convert(keys, node.elementTypeOf(q)), values, attentionMask, length, Value(),
      llvm::APFloat(scale), causal, ownWindow ? windowLeft : -1, ownWindow ? windowRight : -1,
      llvm::APFloat(softcap), llvm::APFloat(0.0));
  Value y = node.rankOf(node.operand(0)) == 3 ? joinHeads(node, results.front()) : results.front();
  if (failed(node.setResult(0, y)))
    return failure();
  if (node.isResultUsed(1) && failed(node.setResult(1, k)))
    return failure();
  if (node.isResultUsed(2) && failed(node.setResult(2, v)))
    return failure();
  if (!node.isResultUsed(3))
    return success();
  return node.setResult(3, node.convert(scoresResult(), node.elementTypeOf(node.operand(0))));
}

} // namespace

static LogicalResult importAttention(NodeImporter &node) { return AttentionImporter(node).run(); }

void weft::onnx::registerAttentionOps(OpTable &table) {
  table.add("Attention", 3, 7, importAttention);
  table.add("RotaryEmbedding", 3, 4, importRotaryEmbedding);
  table.add("LinearAttention", 3, 6, importLinearAttention);
}
