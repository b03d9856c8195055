// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution as a matrix product of the kernel with the patches of each image and group, in double or, for
// integers, modulo 2^64. Padding and the holes of input dilation are zeros of the patches.
#include "weft/Dialect/Weft/ConvOps.h"
#include "Evaluate.h"
#include "MatrixProduct.h"
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

namespace {
/// The geometry of one convolution, dimensions as [batch, feature, spatial...].
struct Geometry {
  SmallVector<int64_t> xStrides, wStrides, yStrides; // in that order of dimensions
  int64_t batch, groups, inputs, outputs;            // features per group
  SmallVector<int64_t> xSpatial, ySpatial, window;
  SmallVector<TapPositions> taps;
  SmallVector<int64_t> yShape;
};
} // namespace

static FailureOr<Geometry> geometryOf(ir::ConvOp op, const HostTensor &x, const HostTensor &w) {
  Geometry g;
  ArrayRef<int64_t> xDims = op.getXDims(), wDims = op.getWDims(), yDims = op.getYDims();
  SmallVector<int64_t> xStrides = rowMajorStrides(x.shape()), wStrides = rowMajorStrides(w.shape());
  for (int64_t d : xDims)
    g.xStrides.push_back(xStrides[d]);
  for (int64_t d : wDims)
    g.wStrides.push_back(wStrides[d]);
  g.batch = x.dim(xDims[0]);
  g.groups = op.getFeatureGroups();
  g.inputs = w.dim(wDims[1]);
  g.outputs = w.dim(wDims[0]) / g.groups;
  if (x.dim(xDims[1]) != g.inputs * g.groups || w.dim(wDims[0]) != g.outputs * g.groups) {
    op.emitOpError() << "found " << x.dim(xDims[1]) << " input features and a window for " << g.inputs
                     << " of them and " << w.dim(wDims[0]) << " results, wanted numbers that fit " << g.groups
                     << " groups";
    return failure();
  }
  g.yShape.assign(xDims.size(), 0);
  g.yShape[yDims[0]] = g.batch;
  g.yShape[yDims[1]] = g.outputs * g.groups;
  for (int64_t d = 0, e = op.getNumSpatialDims(); d < e; ++d) {
    g.xSpatial.push_back(x.dim(xDims[d + 2]));
    g.window.push_back(w.dim(wDims[d + 2]));
    WindowAxis axis{g.window[d],
                    op.getStrides()[d],
                    op.getPaddingLow()[d],
                    op.getPaddingHigh()[d],
                    op.getInputDilation()[d],
                    op.getKernelDilation()[d],
                    op.isReversed(d)};
    g.ySpatial.push_back(axis.outputExtent(g.xSpatial[d]));
    g.yShape[yDims[d + 2]] = g.ySpatial[d];
    g.taps.push_back(tapPositions(axis, g.xSpatial[d]));
  }
  SmallVector<int64_t> yStrides = rowMajorStrides(g.yShape);
  for (int64_t d : yDims)
    g.yStrides.push_back(yStrides[d]);
  return g;
}

/// The window's elements as [group, output feature, input feature, taps].
template <class T> static std::vector<T> kernelMatrix(const Geometry &g, const HostTensor &w) {
  std::vector<T> matrix;
  matrix.reserve(w.numElements());
  SmallVector<int64_t> shape{g.groups * g.outputs, g.inputs};
  llvm::append_range(shape, g.window);
  Nest<1> nest(shape, {g.wStrides});
  nest.forEachRow([&](const std::array<int64_t, 1> &at) {
    matrix.resize(matrix.size() + nest.rowLength());
    loadElements(w, at[0], nest.rowSteps()[0], nest.rowLength(), &matrix[matrix.size() - nest.rowLength()]);
  });
  return matrix;
}

template <class T>
static FailureOr<HostTensor> convolve(ir::ConvOp op, const Geometry &g, const HostTensor &x,
                                      const HostTensor &w) {
  const std::vector<T> kernel = kernelMatrix<T>(g, w), input = loadAll<T>(x);
  const int64_t taps = productOf(g.window), depth = g.inputs * taps, windows = productOf(g.ySpatial);
  auto y = allocate(op, resultDType(op), g.yShape, /*zeroed=*/true);
  if (failed(y) || y->numElements() == 0 || depth == 0)
    return y;

  // The windows of one image are worked off in slabs of its first spatial dimension, so that the patches stay
  // small.
  const int64_t rows = g.ySpatial.empty() ? 1 : g.ySpatial[0], rowWindows = windows / rows;
  const int64_t slab =
      std::clamp<int64_t>((int64_t(1) << 21) / std::max<int64_t>(1, depth * rowWindows), 1, rows);
  std::vector<T> patches, product;
  for (int64_t row = 0; row < rows; row += slab) {
    const int64_t slabRows = std::min(slab, rows - row), columns = slabRows * rowWindows;
    SmallVector<TapPositions> taken(g.taps);
    if (!taken.empty())
      for (std::vector<int64_t> &positions : taken[0])
        positions = std::vector<int64_t>(positions.begin() + row, positions.begin() + row + slabRows);
    SmallVector<int64_t> slabShape{g.outputs};
    llvm::append_range(slabShape, g.ySpatial);
    if (slabShape.size() > 1)
      slabShape[1] = slabRows;

    for (int64_t n = 0; n < g.batch; ++n) {
      for (int64_t group = 0; group < g.groups; ++group) {
        patches.assign(depth * columns, T(0));
        for (int64_t i = 0; i < g.inputs; ++i) {
          const T *image = &input[n * g.xStrides[0] + (group * g.inputs + i) * g.xStrides[1]];
          forEachTap(taken, ArrayRef(g.xStrides).drop_front(2), [&](const TapRows &tap, int64_t index) {
            T *patch = &patches[(i * taps + index) * columns];
            tap.forEach([&](int64_t window, int64_t offset) { patch[window] = image[offset]; });
          });
        }
        product.assign(g.outputs * columns, T(0));
        addMatrixProduct(kernel.data() + group * g.outputs * depth, patches.data(), product.data(), g.outputs,
                         depth, columns);

        // Into the layout of y.
        SmallVector<int64_t> from = rowMajorStrides(slabShape);
        Nest<2> nest(slabShape, {from, ArrayRef(g.yStrides).drop_front(1)});
        const int64_t base = n * g.yStrides[0] + group * g.outputs * g.yStrides[1] +
                             (g.ySpatial.empty() ? 0 : row * g.yStrides[2]);
        nest.forEachRow([&](const std::array<int64_t, 2> &at) {
          auto [fromStep, toStep] = nest.rowSteps();
          if (fromStep == 1 && toStep == 1)
            return storeElements(*y, base + at[1], nest.rowLength(), &product[at[0]]);
          for (int64_t i = 0; i < nest.rowLength(); ++i)
            storeElements(*y, base + at[1] + i * toStep, 1, &product[at[0] + i * fromStep]);
        });
      }
    }
  }
  return y;
}

static FailureOr<HostTensor> evaluateConv(ir::ConvOp op, ArrayRef<HostTensor> operands) {
  auto geometry = geometryOf(op, operands[0], operands[1]);
  if (failed(geometry))
    return failure();
  if (isFloat(operands[0].dtype()) || isFloat(resultDType(op)))
    return convolve<double>(op, *geometry, operands[0], operands[1]);
  return convolve<uint64_t>(op, *geometry, operands[0], operands[1]);
}

void reference::attachConvOps(MLIRContext &context) { attach<ir::ConvOp, evaluateConv>(context); }
