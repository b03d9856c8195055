// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample: one weft.resample per axis that changes, with a table of indices and weights per axis.
#include "Resize.h"
#include "Numeric.h"
#include "ResizeTables.h"

#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {

class ResizeImporter {
public:
  ResizeImporter(NodeImporter &node, ResizeRules rules) : node(node), rules(std::move(rules)) {}

  /// Reads extents and scales; exactly one of `scales` and `sizes` is there.
  LogicalResult readAxes(Value x, ArrayRef<int64_t> which, Value scales, ArrayRef<double> knownScales,
                         Value sizes, Value roi, StringRef policy);
  LogicalResult run(Value x);

private:
  /// Element i of a rank-1 float tensor.
  Number element(Value list, int64_t i);
  /// floor(x) as an extent.
  Extent floorOf(const Number &x);
  Number product(const Number &x, const Extent &extent);
  bool isIdentity(const ResizeAxis &axis) const;
  Value resample(Value x, const ResizeAxis &axis, const ResizeTable &table);

  NodeImporter &node;
  ResizeRules rules;
  SmallVector<ResizeAxis> axes;
};

Number ResizeImporter::element(Value list, int64_t i) {
  if (std::optional<HostTensor> tensor = node.getConstant(list))
    if (i < tensor->numElements())
      return Number(tensor->asDouble(i));
  return Number(toUnit(node, node.convert(node.sliceAxis(list, 0, i, 1), node.b().getF64Type()), 2));
}

Number ResizeImporter::product(const Number &x, const Extent &extent) {
  if (x.known && extent.isStatic())
    return *x.known * double(extent.getStatic());
  return Number(node.create<MulOp>(toUnitValue(node, x), unitOf(node, extent, node.b().getF64Type(), 2)));
}

Extent ResizeImporter::floorOf(const Number &x) {
  if (x.known)
    return Extent(int64_t(std::clamp(std::floor(*x.known), 0.0, 9e15)));
  return Extent::of(toScalar(node, node.convert(node.create<FloorOp>(x.value), node.i64())));
}

LogicalResult ResizeImporter::readAxes(Value x, ArrayRef<int64_t> which, Value scales,
                                       ArrayRef<double> knownScales, Value sizes, Value roi,
                                       StringRef policy) {
  int64_t count = which.size();
  Extents wanted;
  if (sizes) {
    FailureOr<Extents> contents = node.readContents(sizes);
    if (failed(contents))
      return failure();
    wanted = *contents;
  }
  auto lengthOf = [&](Value list) { return node.rankOf(list) == 1 ? getDim(list, 0) : Dim(-1); };
  if (sizes    ? int64_t(wanted.size()) != count
      : scales ? lengthOf(scales).conflictsWith(Dim(count))
               : int64_t(knownScales.size()) != count)
    return node.error() << "has sizes or scales of another number than the " << count
                        << " axes resized, wanted one for each";
  if (roi && lengthOf(roi).conflictsWith(Dim(2 * count)))
    return node.error() << "has a crop box of " << lengthOf(roi).str() << " numbers, wanted " << 2 * count;

  for (int64_t i = 0; i < count; ++i) {
    ResizeAxis axis;
    axis.axis = which[i];
    axis.in = node.extent(x, which[i]);
    if (sizes) {
      axis.out = wanted[i];
      if (axis.out.isStatic() && axis.in.isStatic() && axis.in.getStatic() > 0) {
        axis.scale = double(axis.out.getStatic()) / double(axis.in.getStatic());
      } else {
        Type f64 = node.b().getF64Type();
        axis.scale =
            Number(node.create<DivOp>(unitOf(node, axis.out, f64, 2), unitOf(node, axis.in, f64, 2)));
      }
    } else {
      axis.scale = scales ? element(scales, i) : Number(knownScales[i]);
      double known = axis.scale.known.value_or(1);
      if (!(known >= 1e-6 && known <= 1e9))
        return node.error() << "has scale " << known << ", wanted a number from 1e-6 to 1e9";
      // Whole factors keep what is known of symbolic extents.
      if (axis.scale.known && known == std::floor(known) && known < 1e9)
        axis.out = node.mul(axis.in, int64_t(known));
      else if (axis.scale.known && 1 / known == std::floor(1 / known) && 1 / known < 1e9)
        axis.out = node.floorDiv(axis.in, int64_t(1 / known));
      else
        axis.out = floorOf(product(axis.scale, axis.in));
    }
    if (roi) {
      axis.roiStart = element(roi, i);
      axis.roiEnd = element(roi, count + i);
    }
    axes.push_back(axis);
  }
  if (!sizes || policy == "stretch")
    return success();

  // One scale for all axes, the least or the greatest; extents are rounded.
  if (policy != "not_larger" && policy != "not_smaller")
    return node.error() << "has keep_aspect_ratio_policy '" << policy
                        << "', wanted stretch, not_larger or not_smaller";
  bool isLeast = policy == "not_larger";
  Number common = axes.front().scale;
  for (const ResizeAxis &axis : ArrayRef(axes).drop_front()) {
    if (common.known && axis.scale.known) {
      common =
          isLeast ? std::min(*common.known, *axis.scale.known) : std::max(*common.known, *axis.scale.known);
      continue;
    }
    Value l = toUnitValue(node, common), r = toUnitValue(node, axis.scale);
    common = Number(isLeast ? node.create<MinOp>(l, r) : node.create<MaxOp>(l, r));
  }
  for (ResizeAxis &axis : axes) {
    axis.scale = common;
    Number exact = product(common, axis.in);
    if (exact.known)
      exact = *exact.known + 0.5;
    else
      exact = Number(node.create<AddOp>(exact.value, node.like(exact.value, 0.5)));
    axis.out = floorOf(exact);
  }
  return success();
}

bool ResizeImporter::isIdentity(const ResizeAxis &axis) const {
  bool isWholeBox = axis.roiStart.known == 0.0 && axis.roiEnd.known == 1.0;
  return axis.scale.known && std::fabs(*axis.scale.known - 1) <= 1e-9 && axis.out == axis.in &&
         (isWholeBox || rules.transform != "tf_crop_and_resize");
}

Value ResizeImporter::resample(Value x, const ResizeAxis &axis, const ResizeTable &table) {
  Value y;
  if (rules.filter == ResizeFilter::Nearest && !node.isFloat(x)) {
    // Nothing to weigh: any element type.
    y = node.gather(x, table.index, {axis.axis}, {}, {}, axis.axis);
  } else {
    y = node.create<ResampleOp>(x, table.index, table.weight, axis.axis);
  }
  if (!table.outside)
    return y;
  int64_t rank = node.rankOf(y);
  SmallVector<int64_t> units;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis.axis)
      units.push_back(i);
  Value outside = node.convert(node.unsqueeze(node.squeeze(table.outside, {1}), units), node.i1());
  return node.create<SelectOp>(outside, node.like(y, rules.extrapolation), y);
}

LogicalResult ResizeImporter::run(Value x) {
  Type type = node.elementTypeOf(x);
  bool mustCompute = rules.filter != ResizeFilter::Nearest;
  Value y = mustCompute ? toFloat(node, x) : widen(node, x);
  Type weightType = node.isFloat(y) ? node.elementTypeOf(y) : node.f32();
  for (const ResizeAxis &axis : axes) {
    if (node.failed())
      return failure();
    if (isIdentity(axis))
      continue;
    y = resample(y, axis, makeResizeTable(node, rules, axis, weightType));
  }
  if (mustCompute && !isa<FloatType>(type))
    y = node.create<RoundOp>(y, RoundKind::even);
  return node.setResult(node.refineToDeclared(0, node.convert(y, type)));
}

/// The operand, unless it is absent or has no elements (older models write an empty tensor for none).
Value operandWithElements(NodeImporter &node, int i) {
  if (!node.hasOperand(i))
    return nullptr;
  Value x = node.operand(i);
  return node.rankOf(x) == 1 && getDim(x, 0).is(0) ? Value() : x;
}

std::optional<ResizeFilter> parseFilter(StringRef mode) {
  if (mode == "nearest")
    return ResizeFilter::Nearest;
  if (mode == "linear" || mode == "bilinear")
    return ResizeFilter::Linear;
  if (mode == "cubic")
    return ResizeFilter::Cubic;
  return std::nullopt;
}

} // namespace

LogicalResult weft::onnx::importResize(NodeImporter &node) {
  Value x = node.operand(0);
  std::string mode = node.getString("mode", "nearest");
  std::optional<ResizeFilter> filter = parseFilter(mode);
  if (!filter)
    return node.error() << "has mode '" << mode << "', wanted nearest, linear or cubic";
  ResizeRules rules;
  rules.filter = *filter;
  if (node.getOpset() < 11) {
    rules.transform = "asymmetric";
    rules.nearest = "simple";
    if (!node.hasOperand(1))
      return node.error() << "lacks the input scales";
    ResizeImporter importer(node, rules);
    if (failed(importer.readAxes(x, rangeOf(0, node.rankOf(x)), node.operand(1), {}, nullptr, nullptr,
                                 "stretch")))
      return failure();
    return importer.run(x);
  }
  rules.transform = node.getString("coordinate_transformation_mode", "half_pixel");
  rules.nearest = node.getString("nearest_mode", "round_prefer_floor");
  rules.antialias = node.getInt("antialias", 0) != 0;
  rules.excludeOutside = node.getInt("exclude_outside", 0) != 0;
  rules.cubicA = node.getFloat("cubic_coeff_a", -0.75);
  rules.extrapolation = node.getFloat("extrapolation_value", 0);
  static constexpr StringLiteral transforms[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
      "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
  static constexpr StringLiteral nearestModes[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                                   "ceil"};
  if (!llvm::is_contained(transforms, rules.transform))
    return node.error()
           << "has coordinate_transformation_mode '" << rules.transform << "', wanted half_pixel, "
           << "half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric or tf_crop_and_resize";
  if (!llvm::is_contained(nearestModes, rules.nearest))
    return node.error() << "has nearest_mode '" << rules.nearest
                        << "', wanted round_prefer_floor, round_prefer_ceil, floor or ceil";

  SmallVector<int64_t> axes = rangeOf(0, node.rankOf(x));
  if (node.hasAttribute("axes")) {
    axes.clear();
    for (int64_t axis : node.getInts("axes")) {
      FailureOr<int64_t> normal = node.normalizeAxis(axis, node.rankOf(x));
      if (failed(normal))
        return failure();
      if (llvm::is_contained(axes, *normal))
        return node.error() << "has axis " << axis << " twice in 'axes', wanted it once";
      axes.push_back(*normal);
    }
  }
  Value scales = operandWithElements(node, 2), sizes = operandWithElements(node, 3);
  Value roi = rules.transform == "tf_crop_and_resize" ? operandWithElements(node, 1) : Value();
  if (bool(scales) == bool(sizes))
    return node.error() << "has " << (scales ? "both" : "neither")
                        << " of scales and sizes, wanted one of them";
  if (rules.transform == "tf_crop_and_resize" && !roi)
    return node.error() << "lacks the crop box that tf_crop_and_resize needs";
  ResizeImporter importer(node, rules);
  std::string policy = node.getString("keep_aspect_ratio_policy", "stretch");
  if (failed(importer.readAxes(x, axes, scales, {}, sizes, roi, policy)))
    return failure();
  return importer.run(x);
}

LogicalResult weft::onnx::importUpsample(NodeImporter &node) {
  Value x = node.operand(0);
  std::string mode = node.getString("mode", "nearest");
  std::optional<ResizeFilter> filter = parseFilter(mode);
  if (!filter || *filter == ResizeFilter::Cubic)
    return node.error() << "has mode '" << mode << "', wanted nearest or linear";
  ResizeRules rules;
  rules.filter = *filter;
  rules.transform = "asymmetric";
  rules.nearest = "floor";
  SmallVector<double> known = node.getFloats("scales");
  Value scales = node.hasOperand(1) ? node.operand(1) : Value();
  if (!scales && known.empty())
    return node.error() << "lacks scales";
  ResizeImporter importer(node, rules);
  if (failed(importer.readAxes(x, rangeOf(0, node.rankOf(x)), scales, known, nullptr, nullptr, "stretch")))
    return failure();
  return importer.run(x);
}
