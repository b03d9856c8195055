// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Resize weighs: for one axis, which elements of the input each element of the output is made of.
#ifndef WEFT_LIB_IMPORT_ONNX_RESIZETABLES_H
#define WEFT_LIB_IMPORT_ONNX_RESIZETABLES_H

#include "NodeImporter.h"

namespace weft::onnx {

/// A float known now, or a tensor [1, 1] of f64.
struct Number {
  Number() = default;
  Number(double known) : known(known) {}
  Number(mlir::Value value) : value(value) {}
  std::optional<double> known;
  mlir::Value value;
};

enum class ResizeFilter { Nearest, Linear, Cubic };

/// The attributes that say how coordinates and weights are found.
struct ResizeRules {
  ResizeFilter filter = ResizeFilter::Nearest;
  std::string transform = "half_pixel", nearest = "round_prefer_floor";
  bool antialias = false, excludeOutside = false;
  double cubicA = -0.75, extrapolation = 0;
};

/// One axis: its extents and the numbers its coordinates depend on.
struct ResizeAxis {
  int64_t axis = 0;
  Extent in, out;
  Number scale;
  Number roiStart = 0.0, roiEnd = 1.0;
};

/// The table of an axis.
struct ResizeTable {
  mlir::Value index, weight;
  mlir::Value outside; // i1 [rows, 1]: where the crop box lies outside of the image; null: nowhere
};

/// The number as a value: [1, 1] of f64.
mlir::Value toUnitValue(NodeImporter &node, const Number &x);

/// The table of an axis, with weights of `type`: constants where extents and scale are known.
ResizeTable makeResizeTable(NodeImporter &node, const ResizeRules &rules, const ResizeAxis &axis,
                            mlir::Type type);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_RESIZETABLES_H
