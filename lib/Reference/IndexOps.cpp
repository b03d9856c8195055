// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that address elements by computed indices, and the orders of sort and top_k.
#include "weft/Dialect/Weft/IndexOps.h"
#include "Combine.h"
#include "Moves.h"

#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

//===-- gather, scatter
//--------------------------------------------------------------------------------------===//

namespace {
/// How a gather or scatter addresses x. The gathered shape is R[0:at] ++ I ++ R[at:].
struct Addressing {
  SmallVector<int64_t> gathered;         // shape
  SmallVector<int64_t> indexShape;       // I
  SmallVector<int64_t> restShape;        // R
  SmallVector<int64_t> restFrom, restTo; // strides of R in x and in the gathered tensor
  SmallVector<int64_t> indexTo;          // strides of I in the gathered tensor
  SmallVector<int64_t> batchFrom; // per dimension of I: stride in x of the batch dimension it pairs with
  SmallVector<int64_t> extents, strides;          // of the addressed dimensions of x
  std::vector<int64_t> index;                     // [I, k]
  size_t count() const { return extents.size(); } // k
};
} // namespace

template <class OpTy>
static FailureOr<Addressing> addressingOf(OpTy op, const HostTensor &x, const HostTensor &index) {
  Addressing a;
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  ArrayRef<int64_t> dims = op.getDims(), batchDims = op.getBatchDims(),
                    indexBatchDims = op.getIndexBatchDims();
  if (index.rank() == 0 || index.dim(index.rank() - 1) != int64_t(dims.size())) {
    op.emitOpError() << "found indices " << index.typeString() << ", wanted a last extent of " << dims.size();
    return failure();
  }
  a.indexShape.assign(index.shape().begin(), index.shape().end() - 1);
  for (int64_t d : dims) {
    a.extents.push_back(x.dim(d));
    a.strides.push_back(strides[d]);
  }
  a.batchFrom.assign(a.indexShape.size(), 0);
  for (auto [from, to] : llvm::zip_equal(batchDims, indexBatchDims)) {
    if (x.dim(from) != a.indexShape[to]) {
      op.emitOpError() << "found extents " << x.dim(from) << " and " << a.indexShape[to]
                       << " of paired batch dimensions, wanted equal extents";
      return failure();
    }
    a.batchFrom[to] = strides[from];
  }
  for (int64_t d = 0; d < x.rank(); ++d) {
    if (llvm::is_contained(dims, d) || llvm::is_contained(batchDims, d))
      continue;
    a.restShape.push_back(x.dim(d));
    a.restFrom.push_back(strides[d]);
  }
  const size_t at = op.getAt();
  a.gathered.assign(a.restShape.begin(), a.restShape.begin() + at);
  llvm::append_range(a.gathered, a.indexShape);
  a.gathered.append(a.restShape.begin() + at, a.restShape.end());
  SmallVector<int64_t> to = rowMajorStrides(a.gathered);
  a.indexTo.assign(to.begin() + at, to.begin() + at + a.indexShape.size());
  to.erase(to.begin() + at, to.begin() + at + a.indexShape.size());
  a.restTo = std::move(to);
  a.index = loadAll<int64_t>(index);
  return a;
}

/// visit(tuple of indices, offset of its batch in x, its offset in the gathered tensor) in row-major order of
/// I.
template <class Visit> static void forEachIndex(const Addressing &a, Visit visit) {
  SmallVector<int64_t> order = rowMajorStrides(a.indexShape);
  Nest<3> nest(a.indexShape, {order, a.batchFrom, a.indexTo});
  const auto steps = nest.rowSteps();
  nest.forEachRow([&](const std::array<int64_t, 3> &at) {
    for (int64_t i = 0; i < nest.rowLength(); ++i)
      visit(a.index.data() + (at[0] + i * steps[0]) * int64_t(a.count()), at[1] + i * steps[1],
            at[2] + i * steps[2]);
  });
}

static FailureOr<HostTensor> evaluateGather(ir::GatherOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  auto a = addressingOf(op, x, operands[1]);
  if (failed(a))
    return failure();
  if (llvm::is_contained(a->extents, 0) && productOf(a->gathered) != 0)
    return op.emitOpError() << "found " << x.typeString() << ", wanted elements to gather";
  Nest<2> rest(a->restShape, {a->restFrom, a->restTo});
  return moveElements(op, x.dtype(), x, a->gathered, [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    if (result.numElements() == 0)
      return;
    withWidth(result, [&]<class T>(T) {
      const T *from = reinterpret_cast<const T *>(xs[0].raw());
      T *to = result.mutableData<T>();
      const auto steps = rest.rowSteps();
      forEachIndex(*a, [&](const int64_t *tuple, int64_t source, int64_t target) {
        for (size_t i = 0; i < a->count(); ++i)
          source += std::clamp<int64_t>(tuple[i], 0, a->extents[i] - 1) * a->strides[i];
        rest.forEachRow([&](const std::array<int64_t, 2> &at) {
          for (int64_t i = 0; i < rest.rowLength(); ++i)
            to[target + at[1] + i * steps[1]] = from[source + at[0] + i * steps[0]];
        });
      });
    });
  });
}

/// meet(position in x, position in update) for every element of an update that lands inside x, in row-major
/// order of the updates as far as they can meet: those of different R never do.
template <class Meet> static void forEachUpdate(const Addressing &a, Meet meet) {
  Nest<2> rest(a.restShape, {a.restFrom, a.restTo});
  const auto steps = rest.rowSteps();
  forEachIndex(a, [&](const int64_t *tuple, int64_t target, int64_t source) {
    for (size_t i = 0; i < a.count(); ++i) {
      if (tuple[i] < 0 || tuple[i] >= a.extents[i])
        return;
      target += tuple[i] * a.strides[i];
    }
    rest.forEachRow([&](const std::array<int64_t, 2> &at) {
      for (int64_t i = 0; i < rest.rowLength(); ++i)
        meet(target + at[0] + i * steps[0], source + at[1] + i * steps[1]);
    });
  });
}

static FailureOr<HostTensor> evaluateScatter(ir::ScatterOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0], &update = operands[2];
  auto a = addressingOf(op, x, operands[1]);
  if (failed(a))
    return failure();
  if (ArrayRef(update.shape()) != ArrayRef(a->gathered))
    return op.emitOpError() << "found an update " << update.typeString() << ", wanted extents "
                            << shapeString(a->gathered);
  if (op.getKind() == ir::ScatterKind::set)
    return moveElements(
        op, x.dtype(), {x, update}, x.shape(), [&](ArrayRef<HostTensor> xs, HostTensor &result) {
          withWidth(result, [&]<class T>(T) {
            T *to = result.mutableData<T>();
            std::copy_n(reinterpret_cast<const T *>(xs[0].raw()), result.numElements(), to);
            const T *from = reinterpret_cast<const T *>(xs[1].raw());
            forEachUpdate(*a, [&](int64_t target, int64_t source) { to[target] = from[source]; });
          });
        });

  auto kind = [&] {
    switch (op.getKind()) {
    case ir::ScatterKind::mul:
      return ir::ReduceKind::mul;
    case ir::ScatterKind::max:
      return ir::ReduceKind::max;
    case ir::ScatterKind::min:
      return ir::ReduceKind::min;
    default:
      return ir::ReduceKind::add;
    }
  }();
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    std::vector<T> result = loadAll<T>(x);
    const std::vector<T> updates = loadAll<T>(update);
    withCombiner<T>(kind, [&](auto combine) {
      forEachUpdate(*a, [&](int64_t target, int64_t source) {
        result[target] = combine(result[target], updates[source]);
      });
    });
    return narrowed(op, x.dtype(), x.shape(), result);
  });
}

//===-- sort, top_k, non_zero
//--------------------------------------------------------------------------------===//

/// A stable order of the lines of keys along an axis: order[line][i] is the position of the i-th element.
/// visit(offset of the line's first element, stride, order) for each line.
template <class Visit>
static void forEachSortedLine(ArrayRef<std::vector<uint64_t>> keys, AxisView view, bool descending,
                              Visit visit) {
  std::vector<int64_t> order(view.extent);
  for (int64_t line = 0; line < view.outer * view.inner; ++line) {
    const int64_t base = line / view.inner * view.extent * view.inner + line % view.inner;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      for (const std::vector<uint64_t> &key : keys) {
        uint64_t x = key[base + a * view.inner], y = key[base + b * view.inner];
        if (x != y)
          return descending ? x > y : x < y;
      }
      return false;
    });
    visit(base, view.inner, std::as_const(order));
  }
}

static FailureOr<Tensors> evaluateSort(ir::SortOp op, ArrayRef<HostTensor> operands) {
  ArrayRef<int64_t> shape = operands[0].shape();
  for (const HostTensor &x : operands)
    if (ArrayRef(x.shape()) != shape)
      return op.emitOpError() << "found operands " << operands[0].typeString() << " and " << x.typeString()
                              << ", wanted equal extents";
  SmallVector<std::vector<uint64_t>> keys;
  for (const HostTensor &x : operands.take_front(op.getNumKeys()))
    keys.push_back(orderedKeys(x));
  Tensors results;
  for (const HostTensor &x : operands) {
    auto result = allocate(op, x.dtype(), shape);
    if (failed(result))
      return failure();
    results.push_back(std::move(*result));
  }
  forEachSortedLine(keys, AxisView(shape, op.getAxis()), op.getDescending(),
                    [&](int64_t base, int64_t stride, const std::vector<int64_t> &order) {
                      for (auto [x, result] : llvm::zip_equal(operands, results))
                        withWidth(result, [&]<class T>(T) {
                          const T *from = reinterpret_cast<const T *>(x.raw()) + base;
                          T *to = result.template mutableData<T>() + base;
                          for (size_t i = 0; i < order.size(); ++i)
                            to[int64_t(i) * stride] = from[order[i] * stride];
                        });
                    });
  return results;
}

static FailureOr<Tensors> evaluateTopK(ir::TopKOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const int64_t axis = op.getAxis(), k = mixedValues(op.getStaticK(), operands.drop_front())[0];
  if (k < 0 || k > x.dim(axis))
    return op.emitOpError() << "found k = " << k << ", wanted 0 to " << x.dim(axis) << ", the extent of axis "
                            << axis;
  SmallVector<int64_t> shape(ArrayRef<int64_t>(x.shape()));
  shape[axis] = k;
  auto values = allocate(op, x.dtype(), shape);
  auto indices = allocate(op, DType::I64, shape);
  if (failed(values) || failed(indices))
    return failure();
  AxisView view(x.shape(), axis);
  int64_t line = 0;
  forEachSortedLine(orderedKeys(x), view, op.getLargest(),
                    [&](int64_t base, int64_t stride, const std::vector<int64_t> &order) {
                      const int64_t target = line / view.inner * k * view.inner + line % view.inner;
                      ++line;
                      withWidth(x, [&]<class T>(T) {
                        const T *from = reinterpret_cast<const T *>(x.raw()) + base;
                        for (int64_t i = 0; i < k; ++i) {
                          values->mutableData<T>()[target + i * stride] = from[order[i] * stride];
                          indices->mutableData<int64_t>()[target + i * stride] = order[i];
                        }
                      });
                    });
  return Tensors{std::move(*values), std::move(*indices)};
}

static FailureOr<HostTensor> evaluateNonZero(ir::NonZeroOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  std::vector<int64_t> positions;
  int64_t count = 0;
  withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> values = loadAll<T>(x);
    for (int64_t i = 0; i < x.numElements(); ++i) {
      if (values[i] == 0)
        continue;
      ++count;
      for (int64_t d = 0; d < x.rank(); ++d)
        positions.push_back(i / strides[d] % x.dim(d));
    }
  });
  return narrowed(op, DType::I64, {count, x.rank()}, positions);
}

void reference::attachIndexOps(MLIRContext &context) {
  attach<ir::GatherOp, evaluateGather>(context);
  attach<ir::ScatterOp, evaluateScatter>(context);
  attach<ir::SortOp, evaluateSort>(context);
  attach<ir::TopKOp, evaluateTopK>(context);
  attach<ir::NonZeroOp, evaluateNonZero>(context);
}
