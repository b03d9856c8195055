// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factorisations and triangular systems of the last two dimensions, by the textbook loops in the 80-bit type,
// so that even ill-conditioned f64 systems are judged fairly.
#include "Evaluate.h"
#include "weft/Dialect/Weft/ContractOps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

namespace {
/// A matrix inside a vector; `transposed` swaps what row and column mean.
struct Matrix {
  long double *data;
  int64_t columns;
  bool transposed = false;
  long double &operator()(int64_t i, int64_t j) const {
    return transposed ? data[j * columns + i] : data[i * columns + j];
  }
};
} // namespace

static std::vector<long double> loadExtended(const HostTensor &x) {
  std::vector<double> values = loadAll<double>(x);
  return {values.begin(), values.end()};
}

static FailureOr<HostTensor> storeExtended(Operation *op, ArrayRef<int64_t> shape,
                                           const std::vector<long double> &values) {
  return narrowed(op, resultDType(op), shape, std::vector<double>(values.begin(), values.end()));
}

static FailureOr<HostTensor> evaluateCholesky(ir::CholeskyOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const int64_t n = x.dim(x.rank() - 1), size = n * n;
  if (x.dim(x.rank() - 2) != n)
    return op.emitOpError() << "found " << x.typeString() << ", wanted square matrices";
  std::vector<long double> a = loadExtended(x), result(a.size(), 0.0L);
  for (int64_t base = 0; base < int64_t(a.size()); base += size) {
    // The upper factor is the lower one of the other triangle, transposed.
    Matrix in{&a[base], n, !op.getLower()}, out{&result[base], n, !op.getLower()};
    bool definite = true;
    for (int64_t j = 0; j < n && definite; ++j) {
      for (int64_t i = j; i < n; ++i) {
        long double sum = in(i, j);
        for (int64_t k = 0; k < j; ++k)
          sum -= out(i, k) * out(j, k);
        if (i == j) {
          definite = sum > 0;
          out(j, j) = std::sqrt(sum);
        } else {
          out(i, j) = sum / out(j, j);
        }
      }
    }
    for (int64_t i = 0; i < n && !definite; ++i)
      for (int64_t j = 0; j <= i; ++j)
        out(i, j) = std::numeric_limits<long double>::quiet_NaN();
  }
  return storeExtended(op, x.shape(), result);
}

static FailureOr<HostTensor> evaluateTriangularSolve(ir::TriangularSolveOp op,
                                                     ArrayRef<HostTensor> operands) {
  const HostTensor &a = operands[0], &b = operands[1];
  const int64_t rank = a.rank(), n = a.dim(rank - 1), rows = b.dim(rank - 2), columns = b.dim(rank - 1);
  std::span<const int64_t> aBatch(a.shape().data(), rank - 2), bBatch(b.shape().data(), rank - 2);
  if (a.dim(rank - 2) != n || (op.getLeft() ? rows : columns) != n || !std::ranges::equal(aBatch, bBatch))
    return op.emitOpError() << "found " << a.typeString() << " and " << b.typeString()
                            << ", wanted square matrices and right sides that fit them";
  std::vector<long double> matrix = loadExtended(a), x = loadExtended(b);
  const int64_t systems = productOf(ArrayRef(a.shape()).drop_back(2));
  for (int64_t s = 0; s < systems; ++s) {
    // x · op(a) = b is op(a)ᵀ · xᵀ = bᵀ.
    const bool transposed = op.getTranspose() == op.getLeft();
    Matrix m{&matrix[s * n * n], n, transposed}, solution{&x[s * rows * columns], columns, !op.getLeft()};
    const int64_t sides = op.getLeft() ? columns : rows;
    const bool lower = op.getLower() != transposed;
    for (int64_t side = 0; side < sides; ++side)
      for (int64_t step = 0; step < n; ++step) {
        const int64_t i = lower ? step : n - 1 - step;
        long double sum = solution(i, side);
        for (int64_t k = lower ? 0 : i + 1; k < (lower ? i : n); ++k)
          sum -= m(i, k) * solution(k, side);
        solution(i, side) = op.getUnitDiagonal() ? sum : sum / m(i, i);
      }
  }
  return storeExtended(op, b.shape(), x);
}

static FailureOr<Tensors> evaluateLu(ir::LuOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const int64_t rank = x.rank(), m = x.dim(rank - 2), n = x.dim(rank - 1), steps = std::min(m, n);
  ArrayRef<int64_t> batch = ArrayRef(x.shape()).drop_back(2);
  const int64_t count = productOf(batch);
  std::vector<long double> factors = loadExtended(x);
  std::vector<int64_t> pivots(count * steps), permutation(count * m);
  for (int64_t s = 0; s < count; ++s) {
    Matrix a{factors.data() + s * m * n, n};
    int64_t *order = permutation.data() + s * m;
    std::iota(order, order + m, 0);
    for (int64_t k = 0; k < steps; ++k) {
      int64_t pivot = k;
      for (int64_t i = k; i < m; ++i) {
        if (std::isnan(a(i, k))) {
          pivot = i; // the first NaN counts as largest
          break;
        }
        if (std::fabs(a(i, k)) > std::fabs(a(pivot, k)))
          pivot = i;
      }
      pivots[s * steps + k] = pivot;
      if (pivot != k) {
        std::swap(order[k], order[pivot]);
        for (int64_t j = 0; j < n; ++j)
          std::swap(a(k, j), a(pivot, j));
      }
      if (a(k, k) == 0)
        continue; // the column is zero below as well: nothing to eliminate
      for (int64_t i = k + 1; i < m; ++i) {
        a(i, k) /= a(k, k);
        for (int64_t j = k + 1; j < n; ++j)
          a(i, j) -= a(i, k) * a(k, j);
      }
    }
  }
  SmallVector<int64_t> shape(batch);
  shape.push_back(steps);
  auto lu = storeExtended(op, x.shape(), factors);
  auto pivotTensor = narrowed(op, DType::I32, shape, pivots);
  shape.back() = m;
  auto permutationTensor = narrowed(op, DType::I32, shape, permutation);
  if (failed(lu) || failed(pivotTensor) || failed(permutationTensor))
    return failure();
  return Tensors{std::move(*lu), std::move(*pivotTensor), std::move(*permutationTensor)};
}

void reference::attachLinearAlgebra(MLIRContext &context) {
  attach<ir::CholeskyOp, evaluateCholesky>(context);
  attach<ir::TriangularSolveOp, evaluateTriangularSolve>(context);
  attach<ir::LuOp, evaluateLu>(context);
}
