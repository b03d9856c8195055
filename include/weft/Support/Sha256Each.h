// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256 of several messages, two at a time: one message alone waits for each of its rounds.
#ifndef WEFT_SUPPORT_SHA256EACH_H
#define WEFT_SUPPORT_SHA256EACH_H

#include "weft/Support/Sha256.h"

#include <vector>

namespace weft {

/// The digest of each message.
std::vector<Sha256Digest> sha256Each(std::span<const std::span<const std::byte>> messages);
/// The digest of the digests of both halves of `bytes`: names long contents in less time than sha256.
Sha256Digest sha256OfHalves(std::span<const std::byte> bytes);

} // namespace weft

#endif // WEFT_SUPPORT_SHA256EACH_H
