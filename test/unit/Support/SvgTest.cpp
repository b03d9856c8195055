// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures hold any name.
#include "weft/Support/Svg.h"

#include <gtest/gtest.h>

using namespace weft;

namespace {

TEST(Svg, EscapesNames) {
  EXPECT_EQ(escapeXml("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
  EXPECT_EQ(escapeXml("\u00e9 \u20ac \U0001d54a"), "\u00e9 \u20ac \U0001d54a");
  // Control characters, lone and missing continuation bytes, overlong forms, surrogates, U+FFFF.
  EXPECT_EQ(escapeXml("\x01"), "?");
  EXPECT_EQ(escapeXml("\x80x"), "?x");
  EXPECT_EQ(escapeXml("\xe2\x82"), "??");
  EXPECT_EQ(escapeXml("\xc0\x80"), "??");
  EXPECT_EQ(escapeXml("\xe0\x80\x80"), "???");
  EXPECT_EQ(escapeXml("\xed\xa0\x80"), "???");
  EXPECT_EQ(escapeXml("\xef\xbf\xbf"), "???");
}

TEST(Svg, ShortensByCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "ab\u2026");
  EXPECT_EQ(shortened("\u00e9\u00e9\u00e9\u00e9", 3), "\u00e9\u00e9\u2026");
  EXPECT_EQ(shortened("", 3), "");
}

TEST(Svg, WritesShapes) {
  Svg svg(10, 20, ".a{fill:red}");
  svg.box("a", 1, 2, 30, 4, "#123456", "tip & more");
  svg.text("a", 1, 2, "<", true);
  svg.path("a", "M0,0 H10");
  const std::string file = svg.finish();
  EXPECT_NE(file.find("style=\"fill:#123456\"><title>tip &amp; more</title></rect>"), std::string::npos);
  EXPECT_NE(file.find("text-anchor=\"middle\">&lt;</text>"), std::string::npos);
  EXPECT_NE(file.find("<path class=\"a\" d=\"M0,0 H10\"/>\n</svg>\n"), std::string::npos);
}

} // namespace
