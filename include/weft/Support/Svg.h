// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures as text: boxes, lines and words in SVG. Names come from models and may hold anything.
#ifndef WEFT_SUPPORT_SVG_H
#define WEFT_SUPPORT_SVG_H

#include <cstddef>
#include <string>
#include <string_view>

namespace weft {

/// The text as it stands in XML; what is not UTF-8, or a character that XML does not have, becomes "?".
std::string escapeXml(std::string_view text);
/// At most `count` characters, the last of them an ellipsis where some are left out.
std::string shortened(std::string_view text, size_t count);

/// A picture that grows by what is drawn over what is there.
class Svg {
public:
  /// `style` says in CSS how the classes look that shapes name; `arrow` paths end in a head.
  Svg(int width, int height, std::string_view style);

  void text(std::string_view cls, int x, int y, std::string_view text, bool isCentred = false);
  /// A box, with round corners unless it is narrow. `fill`: a colour other than the class's; `tip`: what a
  /// pointer over it shows.
  void box(std::string_view cls, int x, int y, int width, int height, std::string_view fill = {},
           std::string_view tip = {});
  /// `d`: "M0,0 H10"
  void path(std::string_view cls, std::string_view d);
  /// The file; nothing can be drawn any more.
  std::string finish();

private:
  std::string out;
};

} // namespace weft

#endif // WEFT_SUPPORT_SVG_H
