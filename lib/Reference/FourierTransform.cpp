// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The discrete Fourier transform, one axis after the other, in the 80-bit type. A line of n points is split
// by the smallest prime factor of n; a prime length is summed as the definition says.
#include "Evaluate.h"
#include "weft/Dialect/Weft/ContractOps.h"

#include <cmath>
#include <complex>
#include <numbers>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

using Complex = std::complex<long double>;

static int64_t smallestFactor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p)
    if (n % p == 0)
      return p;
  return n;
}

/// out[k] = sum over j of in[j * stride] * root^(j k), roots[i] being root^i of the whole line and `spread`
/// the index of this part's root in it.
static void transformLine(const Complex *in, int64_t stride, int64_t n, const std::vector<Complex> &roots,
                          int64_t spread, Complex *out) {
  if (n == 1) {
    *out = *in;
    return;
  }
  const int64_t whole = int64_t(roots.size()), p = smallestFactor(n), m = n / p;
  std::vector<Complex> parts(n);
  for (int64_t r = 0; r < p; ++r)
    if (m == 1)
      parts[r] = in[r * stride];
    else
      transformLine(in + r * stride, stride * p, m, roots, spread * p, &parts[r * m]);
  for (int64_t k = 0; k < n; ++k) {
    Complex sum = 0;
    for (int64_t r = 0; r < p; ++r)
      sum += parts[r * m + k % m] * roots[r * k % n * spread % whole];
    out[k] = sum;
  }
}

/// Transforms every line along the axis in place.
static void transformAxis(std::vector<Complex> &values, AxisView view, bool inverse) {
  const int64_t n = view.extent;
  if (n == 0)
    return;
  std::vector<Complex> roots(n), line(n);
  for (int64_t i = 0; i < n; ++i) {
    long double angle = (inverse ? 2 : -2) * std::numbers::pi_v<long double> * i / n;
    roots[i] = {std::cos(angle), std::sin(angle)};
  }
  for (int64_t i = 0; i < view.outer * view.inner; ++i) {
    Complex *first = values.data() + i / view.inner * n * view.inner + i % view.inner;
    transformLine(first, view.inner, n, roots, 1, line.data());
    for (int64_t k = 0; k < n; ++k)
      first[k * view.inner] = inverse ? line[k] / (long double)(n) : line[k];
  }
}

static FailureOr<Tensors> evaluateFft(ir::FftOp op, ArrayRef<HostTensor> operands) {
  const bool inverse = op.getInverse();
  ArrayRef<int64_t> axes = op.getAxes();
  const int64_t last = axes.back();
  SmallVector<int64_t> shape(ArrayRef<int64_t>(operands[0].shape()));
  const std::vector<double> re = loadAll<double>(operands[0]);
  std::vector<double> im(re.size(), 0.0);
  if (operands.size() > 1) {
    if (operands[1].shape() != operands[0].shape())
      return op.emitOpError() << "found " << operands[0].typeString() << " and " << operands[1].typeString()
                              << ", wanted equal extents";
    im = loadAll<double>(operands[1]);
  }
  std::vector<Complex> values(re.size());
  for (size_t i = 0; i < re.size(); ++i)
    values[i] = {re[i], im[i]};

  if (op.getKind() != ir::FftKind::c2r)
    transformAxis(values, AxisView(shape, last), inverse);
  for (int64_t axis : axes.drop_back())
    transformAxis(values, AxisView(shape, axis), inverse);

  if (op.getKind() == ir::FftKind::r2c) {
    // The first half of the last axis; the rest are its conjugates.
    const int64_t n = shape[last], half = n / 2 + 1, lines = productOf(shape) / std::max<int64_t>(n, 1);
    if (n == 0)
      return op.emitOpError() << "found no points along axis " << last << ", wanted at least one";
    std::vector<Complex> kept;
    for (int64_t i = 0; i < lines; ++i)
      kept.insert(kept.end(), values.begin() + i * n, values.begin() + i * n + half);
    values = std::move(kept);
    shape[last] = half;
  } else if (op.getKind() == ir::FftKind::c2r) {
    // The other half of the last axis is made of conjugates; a real result ignores the imaginary parts of its
    // ends.
    const int64_t n = *op.getLength(), half = shape[last];
    if (half != n / 2 + 1)
      return op.emitOpError() << "found " << half << " points along axis " << last << ", wanted "
                              << n / 2 + 1;
    const int64_t lines = productOf(shape) / half;
    std::vector<Complex> full(lines * n);
    for (int64_t i = 0; i < lines; ++i)
      for (int64_t k = 0; k < n; ++k)
        full[i * n + k] = k < half ? values[i * half + k] : std::conj(values[i * half + n - k]);
    values = std::move(full);
    shape[last] = n;
    transformAxis(values, AxisView(shape, last), inverse);
  }

  Tensors results;
  for (unsigned part = 0; part < op->getNumResults(); ++part) {
    std::vector<double> numbers(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      numbers[i] = double(part == 0 ? values[i].real() : values[i].imag());
    auto tensor = narrowed(op, resultDType(op, part), shape, numbers);
    if (failed(tensor))
      return failure();
    results.push_back(std::move(*tensor));
  }
  return results;
}

void reference::attachFourierTransform(MLIRContext &context) { attach<ir::FftOp, evaluateFft>(context); }
