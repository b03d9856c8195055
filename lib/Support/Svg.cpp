// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes SVG.
#include "weft/Support/Svg.h"

#include "weft/Support/Status.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weft {

/// The bytes of the character that begins the text, or 0 when it is not one of UTF-8.
static size_t characterLength(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80)
    return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length)
    return 0;
  uint32_t code = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (next & 0x3f);
  }
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool isSurrogate = code >= 0xd800 && code < 0xe000, isNone = (code & 0xfffe) == 0xfffe;
  return code < least[length] || code > 0x10ffff || isSurrogate || isNone ? 0 : length;
}

std::string escapeXml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = characterLength(text);
    const char first = text[0];
    if (length == 0 || (static_cast<unsigned char>(first) < 0x20 && first != '\n' && first != '\t'))
      out += '?';
    else if (first == '<')
      out += "&lt;";
    else if (first == '>')
      out += "&gt;";
    else if (first == '&')
      out += "&amp;";
    else if (first == '"')
      out += "&quot;";
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string shortened(std::string_view text, size_t count) {
  size_t at = 0, kept = 0;
  for (size_t n = 0; at < text.size(); ++n) {
    if (n + 1 == count)
      kept = at;
    if (n == count)
      return std::string(text.substr(0, kept)) + "\u2026";
    at += std::max<size_t>(characterLength(text.substr(at)), 1);
  }
  return std::string(text);
}

Svg::Svg(int width, int height, std::string_view style)
    : out(concat(
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height,
          "\" viewBox=\"0 0 ", width, " ", height, "\">\n<style>text{font:13px sans-serif;fill:#1f2430}",
          style,
          "</style>\n<defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" "
          "refY=\"4\" orient=\"auto\"><path d=\"M0,0 L9,4 L0,8 z\" fill=\"#8a3b00\"/></marker></defs>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n")) {}

void Svg::text(std::string_view cls, int x, int y, std::string_view text, bool isCentred) {
  out += concat("<text class=\"", cls, "\" x=\"", x, "\" y=\"", y, "\"",
                isCentred ? " text-anchor=\"middle\">" : ">", escapeXml(text), "</text>\n");
}

void Svg::box(std::string_view cls, int x, int y, int width, int height, std::string_view fill,
              std::string_view tip) {
  out += concat("<rect class=\"", cls, "\" rx=\"", width < 20 ? 0 : 6, "\" x=\"", x, "\" y=\"", y,
                "\" width=\"", width, "\" height=\"", height, "\"");
  if (!fill.empty())
    out += concat(" style=\"fill:", fill, "\"");
  out += tip.empty() ? "/>\n" : concat("><title>", escapeXml(tip), "</title></rect>\n");
}

void Svg::path(std::string_view cls, std::string_view d) {
  out += concat("<path class=\"", cls, "\" d=\"", d, "\"/>\n");
}

std::string Svg::finish() { return std::exchange(out, {}) + "</svg>\n"; }

} // namespace weft
