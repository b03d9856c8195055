// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256 against the published vectors, and both implementations against each other.
#include "weft/Support/Sha256Each.h"

#include <gtest/gtest.h>
#include <random>

using namespace weft;

namespace {

TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PortableAndInstructionsAgreeHoweverCut) {
  std::mt19937 random(7);
  std::string text;
  for (int size = 0; size < 300; ++size) {
    Sha256 portable, pieces;
    portable.usePortable();
    portable.update(text);
    for (size_t at = 0; at < text.size();) {
      const size_t part = std::min<size_t>(1 + random() % 90, text.size() - at);
      pieces.update(text.data() + at, part);
      at += part;
    }
    ASSERT_EQ(portable.finishHex(), sha256Hex(text));
    ASSERT_EQ(pieces.finishHex(), sha256Hex(text));
    text += char(random());
  }
}

TEST(Sha256, EachOfSeveralIsHashedAsAlone) {
  std::mt19937 random(8);
  std::vector<std::string> texts;
  for (size_t size : {0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 5000, 64, 0, 200000, 3})
    texts.emplace_back(size, char(random()));
  for (std::string &text : texts)
    for (char &c : text)
      c = char(random());
  for (size_t count = 0; count <= texts.size(); ++count) {
    std::vector<std::span<const std::byte>> messages;
    for (size_t i = 0; i < count; ++i)
      messages.push_back(std::as_bytes(std::span<const char>(texts[i])));
    const std::vector<Sha256Digest> digests = sha256Each(messages);
    ASSERT_EQ(digests.size(), count);
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(digests[i], sha256(texts[i].data(), texts[i].size())) << i << " of " << count;
  }
}

TEST(Sha256, HalvesAreHashedInOrder) {
  const std::string text = "abcdefg";
  const Sha256Digest first = sha256("abc", 3), second = sha256("defg", 4);
  EXPECT_EQ(sha256OfHalves(std::as_bytes(std::span<const char>(text))),
            Sha256().update(first.data(), 32).update(second.data(), 32).finish());
}

TEST(Sha256, HexRoundTrips) {
  const Sha256Digest digest = sha256("x", 1);
  EXPECT_EQ(digestFromHex(toHex(digest)), digest);
  EXPECT_EQ(digestFromHex("zz"), std::nullopt);
  EXPECT_EQ(digestFromHex(std::string(64, 'g')), std::nullopt);
  EXPECT_NE(Sha256().updateField("ab").updateField("c").finishHex(),
            Sha256().updateField("a").updateField("bc").finishHex());
}

} // namespace
