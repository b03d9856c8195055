// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factorisations and triangular systems of the last two dimensions. Every type is computed in f64 and rounded
// once at the end. The innermost loops run along rows, where memory is contiguous.
#include "LinearAlgebra.h"

#include "weft/Support/HostTensor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace weft::runtime {
namespace {

Result<HostTensor> viewOf(const HostBuffer &buffer) {
  return HostTensor::view(buffer.dtype, {buffer.dims.begin(), buffer.dims.end()}, buffer.data, nullptr,
                          buffer.isResult);
}

/// The elements as f64.
Result<std::vector<double>> load(const HostBuffer &buffer) {
  WEFT_ASSIGN_OR_RETURN(const HostTensor tensor, viewOf(buffer));
  std::vector<double> values(static_cast<size_t>(tensor.numElements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = tensor.asDouble(int64_t(i));
  return values;
}

Status store(const HostBuffer &buffer, const std::vector<double> &values) {
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, viewOf(buffer));
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setDouble(int64_t(i), values[i]);
  return Status::ok();
}

bool isMatrixOf(const HostBuffer &buffer, DType type) {
  return buffer.dims.size() >= 2 && buffer.dtype == type;
}
bool isFactorable(DType type) {
  return type == DType::F64 || type == DType::F32 || type == DType::F16 || type == DType::BF16;
}

/// Matrices before the last two dimensions.
int64_t countOf(std::span<const int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end() - 2, int64_t(1), std::multiplies<>());
}

/// The lower factor of one matrix in place, from its lower triangle; NaN where it is not positive definite.
void factorLower(double *a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    double *row = a + i * n;
    for (int64_t j = 0; j <= i; ++j) {
      const double *other = a + j * n;
      double sum = row[j];
      for (int64_t k = 0; k < j; ++k)
        sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum / other[j];
      } else if (sum > 0) {
        row[i] = std::sqrt(sum);
      } else {
        for (int64_t r = 0; r < n; ++r)
          std::fill_n(a + r * n, r + 1, std::numeric_limits<double>::quiet_NaN());
        i = n;
        break;
      }
    }
  }
  for (int64_t i = 0; i < n; ++i)
    std::fill(a + i * n + i + 1, a + (i + 1) * n, 0.0);
}

void transpose(double *a, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j)
      std::swap(a[i * n + j], a[j * n + i]);
}

/// rows x columns to columns x rows.
std::vector<double> transposed(const double *a, int64_t rows, int64_t columns) {
  std::vector<double> result(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[size_t(j * rows + i)] = a[i * columns + j];
  return result;
}

/// a x = b for triangular a of n rows, b of `sides` columns, in place: rows of b are eliminated from one
/// another.
void solve(const double *a, double *b, int64_t n, int64_t sides, bool lower, bool unit) {
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = lower ? step : n - 1 - step;
    double *row = b + i * sides;
    for (int64_t k = lower ? 0 : i + 1; k < (lower ? i : n); ++k) {
      const double factor = a[i * n + k];
      const double *other = b + k * sides;
      for (int64_t j = 0; j < sides; ++j)
        row[j] -= factor * other[j];
    }
    if (!unit)
      for (int64_t j = 0; j < sides; ++j)
        row[j] /= a[i * n + i];
  }
}

/// Partial pivoting; the first largest wins, the first NaN counts as largest.
void factor(double *a, int64_t m, int64_t n, int32_t *pivots, int32_t *order) {
  std::iota(order, order + m, 0);
  for (int64_t k = 0; k < std::min(m, n); ++k) {
    int64_t pivot = k;
    for (int64_t i = k; i < m; ++i) {
      if (std::isnan(a[i * n + k])) {
        pivot = i;
        break;
      }
      if (std::fabs(a[i * n + k]) > std::fabs(a[pivot * n + k]))
        pivot = i;
    }
    pivots[k] = int32_t(pivot);
    if (pivot != k) {
      std::swap(order[k], order[pivot]);
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + pivot * n);
    }
    const double *top = a + k * n;
    if (top[k] == 0)
      continue; // the column is zero below as well
    for (int64_t i = k + 1; i < m; ++i) {
      double *row = a + i * n;
      row[k] /= top[k];
      for (int64_t j = k + 1; j < n; ++j)
        row[j] -= row[k] * top[j];
    }
  }
}

} // namespace

Status cholesky(std::span<const HostBuffer> args, const HostAttributes &attributes) {
  if (args.size() != 2 || args[0].isResult || !args[1].isResult || !isFactorable(args[0].dtype) ||
      !isMatrixOf(args[0], args[1].dtype) || !std::ranges::equal(args[0].dims, args[1].dims) ||
      args[0].dims.back() != args[0].dims[args[0].dims.size() - 2])
    return invalidArgument(
        "wanted one operand of square matrices of floats, and a result of its type and shape");
  WEFT_ASSIGN_OR_RETURN(std::vector<double> a, load(args[0]));
  const int64_t n = args[0].dims.back();
  const bool lower = attributes.getInt("lower", 1) != 0;
  if (!a.empty())
    for (int64_t s = 0; s < countOf(args[0].dims); ++s) {
      double *matrix = a.data() + s * n * n;
      if (!lower)
        transpose(matrix, n);
      factorLower(matrix, n);
      if (!lower)
        transpose(matrix, n);
    }
  return store(args[1], a);
}

Status triangularSolve(std::span<const HostBuffer> args, const HostAttributes &attributes) {
  const bool left = attributes.getInt("left", 1) != 0;
  if (args.size() != 3 || args[0].isResult || args[1].isResult || !args[2].isResult ||
      !isFactorable(args[0].dtype) || !isMatrixOf(args[1], args[0].dtype) ||
      !isMatrixOf(args[2], args[0].dtype) || args[0].dims.size() < 2 ||
      !std::ranges::equal(args[1].dims, args[2].dims) || args[0].dims.size() != args[1].dims.size() ||
      !std::ranges::equal(args[0].dims.first(args[0].dims.size() - 2),
                          args[1].dims.first(args[1].dims.size() - 2)))
    return invalidArgument(
        "wanted triangular matrices and right sides of one type of floats, and a result like these");
  const size_t rank = args[0].dims.size();
  const int64_t n = args[0].dims[rank - 1], rows = args[1].dims[rank - 2], columns = args[1].dims[rank - 1];
  if (args[0].dims[rank - 2] != n || (left ? rows : columns) != n)
    return invalidArgument("found matrices of ", args[0].dims[rank - 2], "x", n, " for right sides of ", rows,
                           "x", columns);
  WEFT_ASSIGN_OR_RETURN(const std::vector<double> a, load(args[0]));
  WEFT_ASSIGN_OR_RETURN(std::vector<double> b, load(args[1]));
  // x op(a) = b is op(a)' x' = b'.
  const bool swap = (attributes.getInt("transpose", 0) != 0) == left;
  const bool lower = (attributes.getInt("lower", 1) != 0) != swap,
             unit = attributes.getInt("unit_diagonal", 0) != 0;
  if (!b.empty())
    for (int64_t s = 0; s < countOf(args[0].dims); ++s) {
      std::vector<double> matrix(a.begin() + s * n * n, a.begin() + (s + 1) * n * n);
      if (swap)
        transpose(matrix.data(), n);
      double *side = b.data() + s * rows * columns;
      if (left) {
        solve(matrix.data(), side, n, columns, lower, unit);
      } else {
        std::vector<double> turned = transposed(side, rows, columns);
        solve(matrix.data(), turned.data(), n, rows, lower, unit);
        std::ranges::copy(transposed(turned.data(), columns, rows), side);
      }
    }
  return store(args[2], b);
}

Status lu(std::span<const HostBuffer> args, const HostAttributes &) {
  const auto hasDims = [&](const HostBuffer &buffer, int64_t last) {
    const size_t rank = args[0].dims.size();
    return buffer.isResult && buffer.dtype == DType::I32 && buffer.dims.size() + 1 == rank &&
           std::ranges::equal(buffer.dims.first(rank - 2), args[0].dims.first(rank - 2)) &&
           buffer.dims.back() == last;
  };
  if (args.size() != 4 || args[0].isResult || !args[1].isResult || !isFactorable(args[0].dtype) ||
      !isMatrixOf(args[0], args[1].dtype) || !std::ranges::equal(args[0].dims, args[1].dims))
    return invalidArgument("wanted one operand of matrices of floats, and factors of its type and shape");
  const size_t rank = args[0].dims.size();
  const int64_t m = args[0].dims[rank - 2], n = args[0].dims[rank - 1];
  if (!hasDims(args[2], std::min(m, n)) || !hasDims(args[3], m))
    return invalidArgument("wanted i32 pivots, one for each step, and an i32 permutation of the rows");
  WEFT_ASSIGN_OR_RETURN(std::vector<double> a, load(args[0]));
  auto *pivots = static_cast<int32_t *>(args[2].data), *order = static_cast<int32_t *>(args[3].data);
  if (m > 0)
    for (int64_t s = 0; s < countOf(args[0].dims); ++s)
      factor(a.data() + s * m * n, m, n, pivots + s * std::min(m, n), order + s * m);
  return store(args[1], a);
}

} // namespace weft::runtime
