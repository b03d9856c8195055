// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products and determinants: MatMul and its integer forms, Gemm, Det. NumPy's broadcasting of batch
// dimensions becomes batch and free dimensions of weft.dot_general wherever the extents say how.
#include "ContractOps.h"
#include "Numeric.h"
#include "weft/Dialect/Weft/Quantised.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

//===-- NumPy's matmul
//----------------------------------------------------------------------------------------===//

/// The product over the last dimension of `lhs` and the last but one of `rhs`, both of rank 2 or more.
static Value multiplyBatches(NodeImporter &node, Value lhs, Value rhs, Type elementType) {
  int64_t numLhs = node.rankOf(lhs) - 2, numRhs = node.rankOf(rhs) - 2;
  int64_t numBatch = std::max(numLhs, numRhs);
  // A batch dimension of the result comes from both operands (and they agree), or from one: then it is a free
  // dimension of that one, and the other is without it.
  enum Source { Both, OnlyLhs, OnlyRhs };
  SmallVector<Source> sources(numBatch);
  SmallVector<int64_t> lhsUnits, rhsUnits, unequal;
  for (int64_t i = 0; i < numBatch; ++i) {
    int64_t l = i - (numBatch - numLhs), r = i - (numBatch - numRhs);
    Extent a = l >= 0 ? node.extent(lhs, l) : Extent(1), b = r >= 0 ? node.extent(rhs, r) : Extent(1);
    if (l < 0 || (r >= 0 && a.is(1) && !b.is(1))) {
      sources[i] = OnlyRhs;
      if (l >= 0)
        lhsUnits.push_back(l);
    } else if (r < 0 || (b.is(1) && !a.is(1))) {
      sources[i] = OnlyLhs;
      if (r >= 0)
        rhsUnits.push_back(r);
    } else {
      sources[i] = Both;
      if (!(a == b))
        unequal.push_back(i);
    }
  }
  if (!unequal.empty()) {
    Extents lhsSizes = node.extents(lhs), rhsSizes = node.extents(rhs);
    for (int64_t i : unequal) {
      int64_t l = i - (numBatch - numLhs), r = i - (numBatch - numRhs);
      FailureOr<Extents> common = node.broadcastExtents({Extents{lhsSizes[l]}, Extents{rhsSizes[r]}});
      if (failed(common))
        return lhs;
      lhsSizes[l] = rhsSizes[r] = common->front();
    }
    lhs = node.broadcastTo(lhs, lhsSizes);
    rhs = node.broadcastTo(rhs, rhsSizes);
  }
  lhs = node.squeeze(lhs, lhsUnits);
  rhs = node.squeeze(rhs, rhsUnits);

  // Dimensions of the result: batch, the free ones of lhs with its rows last, those of rhs with its columns
  // last.
  SmallVector<int64_t> lhsBatch, rhsBatch, permutation(numBatch + 2);
  int64_t numBoth = llvm::count(sources, Both), numOnlyLhs = llvm::count(sources, OnlyLhs);
  int64_t l = 0, r = 0, both = 0, onlyLhs = numBoth, onlyRhs = numBoth + numOnlyLhs + 1;
  for (int64_t i = 0; i < numBatch; ++i) {
    if (sources[i] == Both) {
      lhsBatch.push_back(l++);
      rhsBatch.push_back(r++);
      permutation[i] = both++;
    } else if (sources[i] == OnlyLhs) {
      l++;
      permutation[i] = onlyLhs++;
    } else {
      r++;
      permutation[i] = onlyRhs++;
    }
  }
  permutation[numBatch] = onlyLhs;
  permutation[numBatch + 1] = onlyRhs;
  Value product = node.dotGeneral(lhs, rhs, lhsBatch, rhsBatch, {l + 1}, {r}, elementType);
  return node.transpose(product, permutation);
}

/// NumPy's matmul: a rank-1 lhs is a row, a rank-1 rhs a column, and the dimension added is dropped again.
static Value multiply(NodeImporter &node, Value lhs, Value rhs, Type elementType = nullptr) {
  int64_t lhsRank = node.rankOf(lhs), rhsRank = node.rankOf(rhs);
  if (lhsRank == 0 || rhsRank == 0) {
    node.error() << "has an operand of rank 0, wanted rank 1 or more";
    return lhs;
  }
  if (lhsRank == 1)
    lhs = node.unsqueeze(lhs, {0});
  if (rhsRank == 1)
    rhs = node.unsqueeze(rhs, {1});
  if (node.failed())
    return lhs;
  Value product = multiplyBatches(node, lhs, rhs, elementType);
  if (node.failed())
    return product;
  int64_t rank = node.rankOf(product);
  SmallVector<int64_t> added;
  if (lhsRank == 1)
    added.push_back(rank - 2);
  if (rhsRank == 1)
    added.push_back(rank - 1);
  return node.squeeze(product, added);
}

static LogicalResult importMatMul(NodeImporter &node) {
  return node.setResult(multiply(node, node.operand(0), node.operand(1)));
}

/// A scale or zero point of a left operand, one per row, as something that broadcasts against it; one element
/// stays as it is.
static Value alongRows(NodeImporter &node, Value x) {
  return x && node.rankOf(x) == 1 && !getDim(x, 0).is(1) ? node.unsqueeze(x, {1}) : x;
}

/// x - zeroPoint as a constant of i8, where both are constants (of bytes; one zero point, or one for each
/// column) and all differences are in range; else null.
static Value absorbZeroPoint(NodeImporter &node, Value x, Value zeroPoint) {
  std::optional<HostTensor> bytes = node.getConstant(x), zeros = node.getConstant(zeroPoint);
  if (!bytes || !zeros || bytes->rank() == 0)
    return nullptr;
  int64_t columns = bytes->dim(bytes->rank() - 1), count = zeros->numElements();
  if (count != 1 && (count != columns || zeros->dim(zeros->rank() - 1) != columns))
    return nullptr;
  bool isSigned = bytes->dtype() == DType::I8;
  std::vector<int8_t> shifted(bytes->numElements());
  std::span<const std::byte> from = bytes->bytes();
  for (size_t i = 0; i < shifted.size(); ++i) {
    int value = isSigned ? int(int8_t(from[i])) : int(uint8_t(from[i]));
    value -= int(zeros->asInt(count == 1 ? 0 : int64_t(i) % columns));
    if (value < -128 || value > 127)
      return nullptr;
    shifted[i] = int8_t(value);
  }
  return node.constant(*HostTensor::fromValues<int8_t>(bytes->shape(), std::move(shifted)));
}

/// The sums over k of `b` [.., K, N], as [.., 1, N] in i32: a product with ones, which folds when b is a
/// constant.
static Value sumColumns(NodeImporter &node, Value b) {
  Extent depth = node.extent(b, node.rankOf(b) - 2);
  Type type = node.elementTypeOf(b);
  Value ones = depth.isStatic() ? createSplat(node.b(), node.getLoc(),
                                              RankedTensorType::get({1, depth.getStatic()}, type), 1)
                                : node.full(type, {Extent(1), depth}, 1);
  return multiply(node, ones, b, node.b().getI32Type());
}

Value weft::onnx::multiplyBytes(NodeImporter &node, Value a, Value aZero, Value b, Value bZero) {
  Type i32 = node.b().getI32Type();
  if (isZeroPointZero(node, aZero))
    aZero = nullptr;
  if (isZeroPointZero(node, bZero))
    bZero = nullptr;
  if (Value shifted = bZero ? absorbZeroPoint(node, b, bZero) : Value()) {
    b = shifted;
    bZero = nullptr;
  }
  Value product = multiply(node, a, b, i32);
  if (aZero) {
    Value columns = sumColumns(node, b);
    if (bZero) {
      Value depth = unitOf(node, node.extent(b, node.rankOf(b) - 2), i32, node.rankOf(b));
      columns = node.sub(columns, node.mul(depth, node.convert(bZero, i32)));
    }
    product = node.sub(product, node.mul(node.convert(aZero, i32), columns));
  }
  if (bZero) {
    Value rows = node.reduce(ReduceKind::add, node.convert(a, i32), {node.rankOf(a) - 1},
                             /*keepDims=*/true);
    product = node.sub(product, node.mul(rows, node.convert(bZero, i32)));
  }
  return product;
}

/// The product of quantised operands, each less its zero point: i32, or f32 for 8-bit floats.
static Value multiplyQuantised(NodeImporter &node, Value a, Value aZero, Value b, Value bZero) {
  aZero = alongRows(node, aZero);
  auto isByteMatrix = [&](Value x) { return isByte(node.elementTypeOf(x)) && node.rankOf(x) >= 2; };
  if (isByteMatrix(a) && isByteMatrix(b))
    return multiplyBytes(node, a, aZero, b, bZero);
  return multiply(node, lessZeroPoint(node, a, aZero), lessZeroPoint(node, b, bZero));
}

static LogicalResult importMatMulInteger(NodeImporter &node) {
  return node.setResult(multiplyQuantised(node, node.operand(0),
                                          node.hasOperand(2) ? node.operand(2) : nullptr, node.operand(1),
                                          node.hasOperand(3) ? node.operand(3) : nullptr));
}

static LogicalResult importQLinearMatMul(NodeImporter &node) {
  Value product = node.convert(
      multiplyQuantised(node, node.operand(0), node.operand(2), node.operand(3), node.operand(5)),
      node.f32());
  Value scale = node.mul(node.convert(alongRows(node, node.operand(1)), node.f32()),
                         node.convert(node.operand(4), node.f32()));
  Value scaled = node.mul(product, scale);
  return node.setResult(requantize(node, scaled, node.operand(6), node.operand(7),
                                   std::max<int64_t>(node.rankOf(scaled) - 2, 0)));
}

static LogicalResult importGemm(NodeImporter &node) {
  Value a = node.operand(0), b = node.operand(1);
  if (node.rankOf(a) != 2 || node.rankOf(b) != 2)
    return node.error() << "multiplies rank " << node.rankOf(a) << " and " << node.rankOf(b)
                        << ", wanted rank 2";
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  Value y =
      node.dotGeneral(a, b, {}, {}, {node.getInt("transA", 0) ? 0 : 1}, {node.getInt("transB", 0) ? 1 : 0});
  if (alpha != 1)
    y = node.create<MulOp>(y, node.like(y, alpha));
  if (node.hasOperand(2) && beta != 0) {
    Value c = node.operand(2);
    if (beta != 1)
      c = node.create<MulOp>(c, node.like(c, beta));
    y = node.add(y, c);
  }
  return node.setResult(y);
}

//===-- Determinant
//-------------------------------------------------------------------------------------------===//

static LogicalResult importDet(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rankOf(x);
  if (rank < 2)
    return node.error() << "has rank " << rank << ", wanted 2 or more";
  Type type = node.elementTypeOf(x);
  SmallVector<Value> lu = node.createMulti<LuOp>(widen(node, x));
  if (node.failed())
    return failure();
  Value factors = lu[0], pivots = lu[1];

  // The product of the diagonal of the factors: everything else counts as 1.
  Extents square(rank, Extent(1));
  square[rank - 2] = node.extent(x, rank - 2);
  Value row = node.iota(node.i64(), square, rank - 2);
  square[rank - 2] = Extent(1);
  square[rank - 1] = node.extent(x, rank - 1);
  Value column = node.iota(node.i64(), square, rank - 1);
  Value onDiagonal = node.create<CompareOp>(CompareKind::eq, row, column);
  Value diagonal = node.create<SelectOp>(onDiagonal, factors, node.like(factors, 1));
  Value product = node.reduce(ReduceKind::mul, diagonal, {rank - 2, rank - 1});

  // Each row that was swapped with another turns the sign.
  Extents line(rank - 1, Extent(1));
  line[rank - 2] = node.extent(pivots, rank - 2);
  Value own = node.iota(node.elementTypeOf(pivots), line, rank - 2);
  Value isSwapped = node.create<CompareOp>(CompareKind::ne, pivots, own);
  Type factorType = node.elementTypeOf(factors);
  Value sign = node.create<SelectOp>(isSwapped, node.unit(factorType, rank - 1, -1),
                                     node.unit(factorType, rank - 1, 1));
  Value signs = node.reduce(ReduceKind::mul, sign, {rank - 2});
  return node.setResult(node.convert(node.create<MulOp>(product, signs), type));
}

void weft::onnx::registerContractOps(OpTable &table) {
  table.add("MatMul", 2, 2, importMatMul);
  table.add("MatMulInteger", 2, 4, importMatMulInteger);
  table.add("QLinearMatMul", 8, 8, importQLinearMatMul);
  table.add("Gemm", 2, 3, importGemm);
  table.add("Det", 1, 1, importDet);
  table.add("Einsum", 1, -1, importEinsum);
  table.add("DFT", 1, 3, importDft);
  table.add("STFT", 2, 4, importStft);
}
