// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The coordinate rules and filters of Resize, written once over an arithmetic: numbers of the importer when
// extents and scales are known, f64 values of the graph when they are not.
#include "ResizeTables.h"
#include "Numeric.h"

#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

//===-- Two arithmetics
//---------------------------------------------------------------------------------------===//

namespace {

/// Tables of numbers, [rows or 1, columns or 1].
class HostArithmetic {
public:
  struct Array {
    int64_t rows = 1, columns = 1;
    std::vector<double> elements;
    double at(int64_t r, int64_t c) const {
      return elements[(rows == 1 ? 0 : r) * columns + (columns == 1 ? 0 : c)];
    }
  };

  explicit HostArithmetic(NodeImporter &node) : node(node) {}

  Array number(const Number &x) { return {1, 1, {*x.known}}; }
  Array number(const Extent &x) { return {1, 1, {double(x.getStatic())}}; }
  /// 0, 1, ... along the rows, along the columns.
  Array rowNumbers(const Extent &count) {
    Array a{std::max<int64_t>(count.getStatic(), 0), 1, {}};
    for (int64_t i = 0; i < a.rows; ++i)
      a.elements.push_back(double(i));
    return a;
  }
  Array columnNumbers(const Extent &count) {
    Array a{1, std::max<int64_t>(count.getStatic(), 0), {}};
    for (int64_t i = 0; i < a.columns; ++i)
      a.elements.push_back(double(i));
    return a;
  }
  /// The same where the count is a whole number among others.
  Array columnNumbers(const Array &count) { return columnNumbers(Extent(int64_t(count.elements[0]))); }
  Array add(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return x + y; });
  }
  Array sub(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return x - y; });
  }
  Array mul(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return x * y; });
  }
  Array div(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return x / y; });
  }
  Array min(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return std::min(x, y); });
  }
  Array max(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return std::max(x, y); });
  }
  /// 1 where a relation holds, else 0.
  Array less(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return double(x < y); });
  }
  Array lessEqual(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return double(x <= y); });
  }
  Array equal(const Array &a, const Array &b) {
    return zip(a, b, [](double x, double y) { return double(x == y); });
  }
  Array select(const Array &p, const Array &a, const Array &b) {
    Array chosen{std::max({p.rows, a.rows, b.rows}), std::max({p.columns, a.columns, b.columns}), {}};
    if (p.rows == 0 || a.rows == 0 || b.rows == 0)
      chosen.rows = 0;
    if (p.columns == 0 || a.columns == 0 || b.columns == 0)
      chosen.columns = 0;
    for (int64_t r = 0; r < chosen.rows; ++r)
      for (int64_t c = 0; c < chosen.columns; ++c)
        chosen.elements.push_back(p.at(r, c) != 0 ? a.at(r, c) : b.at(r, c));
    return chosen;
  }
  Array floor(const Array &a) {
    return zip(a, a, [](double x, double) { return std::floor(x); });
  }
  Array ceil(const Array &a) {
    return zip(a, a, [](double x, double) { return std::ceil(x); });
  }
  Array abs(const Array &a) {
    return zip(a, a, [](double x, double) { return std::fabs(x); });
  }
  Array sumColumns(const Array &a) {
    Array sums{a.rows, 1, std::vector<double>(a.rows, 0)};
    for (int64_t r = 0; r < a.rows; ++r)
      for (int64_t c = 0; c < a.columns; ++c)
        sums.elements[r] += a.at(r, c);
    return sums;
  }
  /// A constant of the element type, of all rows and columns.
  Value toValue(const Array &a, Type type) {
    Result<HostTensor> tensor = HostTensor::uninitialized(toDType(type), {a.rows, a.columns});
    if (!tensor.isOk()) {
      node.error() << "makes a table of " << a.rows << " x " << a.columns
                   << " elements, wanted one that fits in memory";
      return node.unit(type, 2, 0);
    }
    for (int64_t i = 0; i < tensor->numElements(); ++i) {
      if (isFloat(tensor->dtype()))
        tensor->setDouble(i, a.elements[i]);
      else
        tensor->setInt(i, int64_t(a.elements[i]));
    }
    return node.constant(*tensor);
  }

private:
  template <class F> Array zip(const Array &a, const Array &b, F f) {
    Array result{std::max(a.rows, b.rows), std::max(a.columns, b.columns), {}};
    // An extent of 0 wins over the 1 that stretches.
    if (a.rows == 0 || b.rows == 0)
      result.rows = 0;
    if (a.columns == 0 || b.columns == 0)
      result.columns = 0;
    for (int64_t r = 0; r < result.rows; ++r)
      for (int64_t c = 0; c < result.columns; ++c)
        result.elements.push_back(f(a.at(r, c), b.at(r, c)));
    return result;
  }
  NodeImporter &node;
};

/// The same on values: f64 tensors of rank 2.
class GraphArithmetic {
public:
  using Array = Value;

  explicit GraphArithmetic(NodeImporter &node) : node(node), f64(node.b().getF64Type()) {}

  Value number(const Number &x) { return x.known ? node.unit(f64, 2, *x.known) : x.value; }
  Value number(const Extent &x) { return unitOf(node, x, f64, 2); }
  Value rowNumbers(const Extent &count) { return node.iota(f64, {count, Extent(1)}, 0); }
  Value columnNumbers(const Extent &count) { return node.iota(f64, {Extent(1), count}, 1); }
  Value columnNumbers(Value count) {
    return columnNumbers(Extent::of(toScalar(node, node.convert(count, node.i64()))));
  }
  Value add(Value a, Value b) { return node.create<AddOp>(a, b); }
  Value sub(Value a, Value b) { return node.create<SubOp>(a, b); }
  Value mul(Value a, Value b) { return node.create<MulOp>(a, b); }
  Value div(Value a, Value b) { return node.create<DivOp>(a, b); }
  Value min(Value a, Value b) { return node.create<MinOp>(a, b); }
  Value max(Value a, Value b) { return node.create<MaxOp>(a, b); }
  Value less(Value a, Value b) { return node.create<CompareOp>(CompareKind::lt, a, b); }
  Value lessEqual(Value a, Value b) { return node.create<CompareOp>(CompareKind::le, a, b); }
  Value equal(Value a, Value b) { return node.create<CompareOp>(CompareKind::eq, a, b); }
  Value select(Value p, Value a, Value b) { return node.create<SelectOp>(p, a, b); }
  Value floor(Value a) { return node.create<FloorOp>(a); }
  Value ceil(Value a) { return node.create<CeilOp>(a); }
  Value abs(Value a) { return node.create<AbsOp>(a); }
  Value sumColumns(Value a) { return node.reduce(ReduceKind::add, a, {1}, /*keepDims=*/true); }
  Value toValue(Value a, Type type) { return node.convert(a, type); }

private:
  NodeImporter &node;
  Type f64;
};

//===-- The rules
//---------------------------------------------------------------------------------------------===//

template <class A> class TableMaker {
  using Array = typename A::Array;

public:
  TableMaker(A arithmetic, const ResizeRules &rules, const ResizeAxis &axis)
      : a(arithmetic), rules(rules), axis(axis) {}

  /// Weights of `type`, i64 indices (not clamped).
  ResizeTable make(Type type, Type i64) {
    in = a.number(axis.in);
    scale = a.number(axis.scale);
    Array x = originals();
    ResizeTable table;
    if (rules.transform == "tf_crop_and_resize") {
      Array isBelow = a.less(x, c(0)), isAbove = a.less(a.sub(in, c(1)), x);
      Array flag = a.select(isBelow, c(1), a.select(isAbove, c(1), c(0)));
      table.outside = a.toValue(flag, type);
    }
    if (rules.filter == ResizeFilter::Nearest) {
      table.index = a.toValue(nearest(x), i64);
      table.weight = a.toValue(a.add(a.mul(a.rowNumbers(axis.out), c(0)), c(1)), type);
      return table;
    }
    // Neighbours to the left and right: x lies in (first, first + 1].
    Array first = a.sub(a.ceil(x), c(1)), ratio = a.sub(x, first);
    // The filter widens when it shrinks an image and may look at more than its two or four neighbours.
    double reach = rules.filter == ResizeFilter::Linear ? 1 : 2;
    Array stretch = rules.antialias ? a.min(scale, c(1)) : c(1);
    Array before = c(reach - 1), columns = a.columnNumbers(Extent(int64_t(2 * reach)));
    if (rules.antialias) {
      before = a.sub(a.ceil(a.div(c(reach), stretch)), c(1));
      columns = a.columnNumbers(a.add(a.mul(before, c(2)), c(2)));
    }
    Array offset = a.sub(columns, before);
    Array index = a.add(first, offset);
    Array weight = filter(a.mul(stretch, a.abs(a.sub(offset, ratio))));
    if (rules.antialias)
      weight = a.div(weight, a.sumColumns(weight));
    if (rules.excludeOutside) {
      weight = a.select(a.less(index, c(0)), c(0), a.select(a.less(index, in), weight, c(0)));
      Array sum = a.sumColumns(weight);
      weight = a.div(weight, a.select(a.equal(sum, c(0)), c(1), sum));
    }
    table.index = a.toValue(index, i64);
    table.weight = a.toValue(weight, type);
    return table;
  }

private:
  Array c(double value) { return a.number(Number(value)); }

  /// Where each element of the result lies in the image.
  Array originals() {
    Array y = a.rowNumbers(axis.out), out = a.mul(scale, in);
    Array isOne = a.equal(out, c(1));
    const std::string &rule = rules.transform;
    Array shifted = a.div(a.add(y, c(0.5)), scale), half = a.sub(shifted, c(0.5));
    if (rule == "asymmetric")
      return a.div(y, scale);
    if (rule == "tf_half_pixel_for_nn")
      return shifted;
    if (rule == "align_corners") {
      Array steps = a.select(isOne, c(1), a.sub(out, c(1)));
      return a.select(isOne, a.mul(y, c(0)), a.div(a.mul(y, a.sub(in, c(1))), steps));
    }
    if (rule == "tf_crop_and_resize") {
      Array start = a.number(axis.roiStart), last = a.sub(in, c(1));
      Array width = a.mul(a.sub(a.number(axis.roiEnd), start), last);
      Array steps = a.select(isOne, c(1), a.sub(out, c(1)));
      Array within =
          a.select(isOne, a.add(a.mul(y, c(0)), a.div(width, c(2))), a.div(a.mul(y, width), steps));
      return a.add(within, a.mul(start, last));
    }
    if (rule == "pytorch_half_pixel")
      return a.select(isOne, a.add(a.mul(y, c(0)), c(-0.5)), half);
    if (rule == "half_pixel_symmetric") {
      Array adjustment = a.div(a.number(axis.out), out);
      Array offset = a.mul(a.div(in, c(2)), a.sub(c(1), adjustment));
      return a.add(offset, half);
    }
    return half;
  }

  Array nearest(const Array &x) {
    if (rules.nearest == "floor")
      return a.floor(x);
    if (rules.nearest == "ceil")
      return a.ceil(x);
    if (rules.nearest == "round_prefer_ceil")
      return a.floor(a.add(x, c(0.5)));
    // Up to opset 10: down when growing, up when shrinking.
    if (rules.nearest == "simple")
      return a.select(a.less(scale, c(1)), a.ceil(x), a.floor(x));
    return a.ceil(a.sub(x, c(0.5)));
  }

  /// The filter at a distance of 0 or more.
  Array filter(const Array &d) {
    if (rules.filter == ResizeFilter::Linear)
      return a.max(a.sub(c(1), d), c(0));
    double k = rules.cubicA;
    Array near = a.add(a.mul(a.mul(a.sub(a.mul(c(k + 2), d), c(k + 3)), d), d), c(1));
    Array far = a.sub(a.mul(a.add(a.mul(a.sub(a.mul(c(k), d), c(5 * k)), d), c(8 * k)), d), c(4 * k));
    return a.select(a.lessEqual(d, c(1)), near, a.select(a.less(d, c(2)), far, c(0)));
  }

  A a;
  const ResizeRules &rules;
  const ResizeAxis &axis;
  Array in, scale;
};

} // namespace

Value weft::onnx::toUnitValue(NodeImporter &node, const Number &x) { return GraphArithmetic(node).number(x); }

ResizeTable weft::onnx::makeResizeTable(NodeImporter &node, const ResizeRules &rules, const ResizeAxis &axis,
                                        Type type) {
  constexpr int64_t mostRows = int64_t(1) << 18;
  if (axis.out.isStatic() && axis.out.getStatic() < 0)
    node.error() << "resizes dimension " << axis.axis << " to " << axis.out.getStatic()
                 << ", wanted 0 or more";
  if (axis.in.isStatic() && axis.out.isStatic() && axis.scale.known && axis.roiStart.known &&
      axis.roiEnd.known && axis.out.getStatic() < mostRows)
    return TableMaker(HostArithmetic(node), rules, axis).make(type, node.i64());
  return TableMaker(GraphArithmetic(node), rules, axis).make(type, node.i64());
}
