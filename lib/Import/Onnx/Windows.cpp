// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where windows lie. See the header.
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

/// Windows, strides and paddings beyond this are mistakes; sums and products of two of them stay in 64 bits.
static constexpr int64_t maxWindowNumber = int64_t(1) << 31;

FailureOr<SmallVector<int64_t>> weft::onnx::readPerDim(NodeImporter &node, StringRef name, int64_t size,
                                                       int64_t defaultValue, int64_t least) {
  SmallVector<int64_t> numbers = node.getInts(name);
  if (numbers.empty())
    return SmallVector<int64_t>(size, defaultValue);
  if (int64_t(numbers.size()) != size)
    return node.error() << "has " << numbers.size() << " numbers in '" << name << "', wanted " << size
                        << ", one per spatial dimension";
  for (int64_t number : numbers)
    if (number < least || number >= maxWindowNumber)
      return node.error() << "has " << number << " in '" << name << "', wanted " << least
                          << " or more, below 2^31";
  return numbers;
}

FailureOr<SmallVector<int64_t>> weft::onnx::readPads(NodeImporter &node, int64_t size) {
  SmallVector<int64_t> pads = node.getInts("pads");
  if (pads.empty())
    return SmallVector<int64_t>(2 * size, 0);
  if (int64_t(pads.size()) != 2 * size)
    return node.error() << "has " << pads.size() << " numbers in 'pads', wanted " << 2 * size
                        << ", two per spatial dimension";
  for (int64_t pad : pads)
    if (pad <= -maxWindowNumber || pad >= maxWindowNumber)
      return node.error() << "has " << pad << " in 'pads', wanted a magnitude below 2^31";
  return pads;
}

FailureOr<Windows> weft::onnx::readWindows(NodeImporter &node, Value x, ArrayRef<int64_t> kernel) {
  int64_t size = node.rankOf(x) - 2;
  if (size < 1)
    return node.error() << "has an input of rank " << node.rankOf(x)
                        << ", wanted [batch, channel, spatial...]";
  Windows windows;
  auto strides = readPerDim(node, "strides", size, 1, 1),
       dilations = readPerDim(node, "dilations", size, 1, 1);
  auto attribute = readPerDim(node, "kernel_shape", size, ShapedType::kDynamic, 1);
  auto pads = readPads(node, size);
  if (failed(strides) || failed(dilations) || failed(attribute) || failed(pads))
    return failure();
  windows.strides = *strides;
  windows.dilations = *dilations;
  windows.kernel = *attribute;
  for (auto [i, extent] : llvm::enumerate(kernel)) {
    if (ShapedType::isDynamic(extent))
      continue;
    if (!ShapedType::isDynamic(windows.kernel[i]) && windows.kernel[i] != extent)
      return node.error() << "has kernel_shape " << windows.kernel[i] << " in spatial dimension " << i
                          << ", wanted " << extent << ", the extent of the weight";
    windows.kernel[i] = extent;
  }
  if (kernel.empty() && !node.hasAttribute("kernel_shape"))
    return node.error() << "lacks the attribute 'kernel_shape'";

  std::string autoPad = node.getString("auto_pad", "NOTSET");
  bool isUpper = autoPad == "SAME_UPPER", isSame = isUpper || autoPad == "SAME_LOWER";
  if (!isSame && autoPad != "NOTSET" && autoPad != "VALID" && !autoPad.empty())
    return node.error() << "has auto_pad '" << autoPad << "', wanted NOTSET, SAME_UPPER, SAME_LOWER or VALID";
  bool isCeil = node.getInt("ceil_mode", 0) && !isSame;
  for (int64_t i = 0; i < size; ++i) {
    if ((isSame || isCeil) && ShapedType::isDynamic(windows.kernel[i]))
      return node.error() << "has a window of unknown extent, wanted a constant for auto_pad '" << autoPad
                          << "'";
    int64_t stride = windows.strides[i];
    Extent low(0), high(0);
    if (isSame) {
      // As many windows as strides fit: ceil(extent / stride).
      Extent total(windows.span(i) - 1);
      if (stride != 1) {
        Extent extent = node.extent(x, i + 2);
        Extent lastStart = node.mul(node.sub(node.ceilDiv(extent, stride), 1), stride);
        total = node.max(node.sub(node.add(lastStart, windows.span(i)), extent), 0);
      }
      Extent less = node.floorDiv(total, 2), more = node.sub(total, less);
      low = isUpper ? less : more;
      high = isUpper ? more : less;
    } else if (autoPad != "VALID") {
      low = (*pads)[i];
      high = (*pads)[size + i];
    }
    // The last window may hang over the end but starts inside the image or the padding in front of it: the
    // lesser of what rounding up needs and what that allows.
    int64_t extra = 0;
    if (isCeil)
      extra = std::max<int64_t>(std::min(stride - 1, windows.span(i) - 1 - high.getStatic()), 0);
    windows.low.push_back(low);
    windows.high.push_back(high);
    windows.ceilExtra.push_back(extra);
  }
  if (node.failed())
    return failure();
  return windows;
}

StaticPadding weft::onnx::makePaddingStatic(NodeImporter &node, const Windows &windows, Value &x,
                                            Value value) {
  StaticPadding padding;
  padding.moved.assign(windows.size(), Extent(0));
  auto low = toNumbers(windows.low), high = toNumbers(windows.high);
  if (low && high) {
    padding.low = *low;
    padding.high = *high;
  } else {
    Extents allLow = {0, 0}, allHigh = {0, 0};
    allLow.append(windows.low);
    allHigh.append(windows.high);
    x = node.pad(x, allLow, allHigh, value);
    padding.low.assign(windows.size(), 0);
    padding.high.assign(windows.size(), 0);
    padding.moved = windows.low;
  }
  for (int64_t i = 0; i < windows.size(); ++i)
    padding.high[i] += windows.ceilExtra[i];
  return padding;
}
