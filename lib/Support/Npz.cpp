// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The .npz format: a zip file of .npy files. Reads the central directory (with zip64 extras), stored and
// deflated entries; writes stored ones.
#include "weft/Support/Npy.h"

#include "weft/Support/File.h"

#include <cstring>
#include <set>
#include <zlib.h>

namespace weft {
namespace {

constexpr uint32_t localMagic = 0x04034b50, centralMagic = 0x02014b50, endMagic = 0x06054b50;
constexpr uint32_t zip64EndMagic = 0x06064b50, zip64LocatorMagic = 0x07064b50;

/// Bytes with little-endian numbers in them; reads outside give 0 and set `failed`.
struct View {
  std::span<const std::byte> bytes;
  mutable bool failed = false;

  uint64_t number(uint64_t at, int width) const {
    if (at > bytes.size() || bytes.size() - at < uint64_t(width)) {
      failed = true;
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, size_t(width));
    return value;
  }
  uint16_t u16(uint64_t at) const { return uint16_t(number(at, 2)); }
  uint32_t u32(uint64_t at) const { return uint32_t(number(at, 4)); }
  uint64_t u64(uint64_t at) const { return number(at, 8); }
  std::span<const std::byte> part(uint64_t at, uint64_t size) const {
    if (at > bytes.size() || bytes.size() - at < size) {
      failed = true;
      return {};
    }
    return bytes.subspan(at, size);
  }
};

struct Directory {
  uint64_t offset = 0, size = 0, entries = 0;
};

Result<Directory> findDirectory(const View &zip) {
  const uint64_t size = zip.bytes.size();
  // The end record is last, but for a comment of at most 65,535 bytes.
  for (uint64_t back = 22; back <= size && back <= 22 + 65535; ++back) {
    const uint64_t end = size - back;
    if (zip.u32(end) != endMagic || zip.u16(end + 20) != back - 22)
      continue;
    Directory directory{zip.u32(end + 16), zip.u32(end + 12), zip.u16(end + 10)};
    if (end >= 20 && zip.u32(end - 20) == zip64LocatorMagic) {
      const uint64_t record = zip.u64(end - 20 + 8);
      if (zip.u32(record) != zip64EndMagic)
        return invalidArgument("damaged .npz: no zip64 end record where the locator points");
      directory = {zip.u64(record + 48), zip.u64(record + 40), zip.u64(record + 32)};
    }
    if (zip.failed || directory.offset > end || directory.size > end - directory.offset ||
        directory.entries > directory.size / 46)
      return invalidArgument("damaged .npz: its directory is outside the file");
    return directory;
  }
  return invalidArgument("not a .npz file: it has no zip directory");
}

struct Entry {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t stored = 0, size = 0, offset = 0;
};

/// Reads the entry at `at` of the directory and moves `at` past it.
Result<Entry> readEntry(const View &zip, uint64_t &at) {
  Entry entry;
  if (zip.u32(at) != centralMagic)
    return invalidArgument("damaged .npz: bad directory entry");
  entry.flags = zip.u16(at + 8);
  entry.method = zip.u16(at + 10);
  entry.crc = zip.u32(at + 16);
  entry.stored = zip.u32(at + 20);
  entry.size = zip.u32(at + 24);
  entry.offset = zip.u32(at + 42);
  const uint64_t nameSize = zip.u16(at + 28), extraSize = zip.u16(at + 30), commentSize = zip.u16(at + 32);
  const std::span<const std::byte> name = zip.part(at + 46, nameSize);
  entry.name.assign(reinterpret_cast<const char *>(name.data()), name.size());
  // Numbers that do not fit 32 bits follow, in this order, in the extra field with id 1.
  const uint64_t extraEnd = at + 46 + nameSize + extraSize;
  for (uint64_t extra = at + 46 + nameSize; extra + 4 <= extraEnd;) {
    const uint16_t id = zip.u16(extra), length = zip.u16(extra + 2);
    uint64_t field = extra + 4;
    extra = field + length;
    if (id != 1)
      continue;
    for (uint64_t *number : {&entry.size, &entry.stored, &entry.offset})
      if (*number == 0xffffffff && field + 8 <= extra) {
        *number = zip.u64(field);
        field += 8;
      }
  }
  at = extraEnd + commentSize;
  if (zip.failed)
    return invalidArgument("damaged .npz: its directory is truncated");
  return entry;
}

Result<std::string> inflateEntry(std::span<const std::byte> stored, uint64_t size) {
  std::string out;
  out.resize(size);
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return resourceExhausted("no memory to inflate");
  uint64_t in = 0, made = 0;
  int state = Z_OK;
  // zlib counts in 32 bits: feed it in pieces.
  while (state == Z_OK) {
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<std::byte *>(stored.data() + in));
    stream.avail_in = uInt(std::min<uint64_t>(stored.size() - in, 1 << 30));
    stream.next_out = reinterpret_cast<Bytef *>(out.data() + made);
    stream.avail_out = uInt(std::min<uint64_t>(size - made, 1 << 30));
    const uInt inBefore = stream.avail_in, outBefore = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    in += inBefore - stream.avail_in;
    made += outBefore - stream.avail_out;
    if (state == Z_OK && inBefore == stream.avail_in && outBefore == stream.avail_out)
      state = Z_BUF_ERROR;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || made != size)
    return invalidArgument("damaged deflate stream: found ", made, " bytes, wanted ", size);
  return out;
}

Result<HostTensor> readArray(const View &zip, const Entry &entry, const NpyOptions &options) {
  if (entry.flags & 1)
    return unimplemented("the entry is encrypted");
  if (zip.u32(entry.offset) != localMagic)
    return invalidArgument("no local header where the directory points");
  const uint64_t data = entry.offset + 30 + zip.u16(entry.offset + 26) + zip.u16(entry.offset + 28);
  const std::span<const std::byte> stored = zip.part(data, entry.stored);
  if (zip.failed)
    return invalidArgument("the entry lies outside the file");
  std::string inflated;
  std::span<const std::byte> bytes = stored;
  if (entry.method == 8) {
    // Deflate makes at most 1032 bytes of one.
    if (entry.size / 1032 > entry.stored || entry.size > uint64_t(options.maxBytes) + 65536)
      return outOfRange("an entry of ", entry.stored, " bytes claims to inflate to ", entry.size);
    WEFT_ASSIGN_OR_RETURN(inflated, inflateEntry(stored, entry.size));
    bytes = std::as_bytes(std::span<const char>(inflated));
  } else if (entry.method != 0) {
    return unimplemented("compression method ", entry.method, ", wanted 0 (stored) or 8 (deflated)");
  } else if (entry.size != entry.stored) {
    return invalidArgument("a stored entry of ", entry.stored, " bytes claims to be ", entry.size);
  }
  if (crc32_z(0, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size()) != entry.crc)
    return dataLoss("the checksum does not match");
  return parseNpy(bytes, options);
}

void append(std::string &out, uint64_t number, int width) {
  for (int i = 0; i < width; ++i)
    out += char(number >> 8 * i);
}

} // namespace

Result<NamedTensors> parseNpz(std::span<const std::byte> bytes, const NpyOptions &options) {
  const View zip{bytes};
  WEFT_ASSIGN_OR_RETURN(const Directory directory, findDirectory(zip));
  NamedTensors tensors;
  std::set<std::string> names;
  uint64_t at = directory.offset, total = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    WEFT_ASSIGN_OR_RETURN(Entry entry, readEntry(zip, at));
    if (!entry.name.ends_with(".npy"))
      return invalidArgument("entry '", entry.name, "' of the .npz is not a .npy");
    std::string name = entry.name.substr(0, entry.name.size() - 4);
    if (!names.insert(name).second)
      return invalidArgument("the .npz has two arrays '", name, "'");
    // Entries may share bytes: the sum is what must stay within bounds.
    total += std::min(entry.size, uint64_t(1) << 62);
    if (total > uint64_t(options.maxBytes))
      return outOfRange("the arrays of the .npz have more than the ", options.maxBytes, " bytes allowed");
    WEFT_ASSIGN_OR_RETURN(HostTensor tensor,
                          readArray(zip, entry, options).context(concat("array '", name, "'")));
    tensors.emplace_back(std::move(name), std::move(tensor));
  }
  return tensors;
}

Result<NamedTensors> readNpz(const std::string &path, const NpyOptions &options) {
  WEFT_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  Result<NamedTensors> tensors = parseNpz(file->bytes(), options).context(path);
  if (tensors.isOk() && file->faulted())
    return dataLoss(path, ": the file became shorter while it was read");
  return tensors;
}

Result<std::string> formatNpz(const NamedTensors &tensors) {
  std::string out, directory;
  std::set<std::string> names;
  for (const auto &[name, tensor] : tensors) {
    if (name.empty() || name.size() > 65000 || !names.insert(name).second)
      return invalidArgument("'", name, "' cannot name an array of a .npz: empty, too long or used twice");
    WEFT_ASSIGN_OR_RETURN(const std::string npy, formatNpy(tensor).context(concat("array '", name, "'")));
    const std::string file = name + ".npy";
    if (out.size() + npy.size() + file.size() + 30 > 0xfffffffe || names.size() > 65534)
      return unimplemented("a .npz of 4 GiB or more than 65,534 arrays: write separate .npy files");
    const uint64_t offset = out.size(),
                   crc = crc32_z(0, reinterpret_cast<const Bytef *>(npy.data()), npy.size());
    std::string
        common; // what the local header and the directory share: version 2.0, UTF-8 name, stored, 1980-01-01
    append(common, 20, 2);
    append(common, 0x800, 2);
    append(common, 0, 2);
    append(common, 0x00210000, 4);
    append(common, crc, 4);
    append(common, npy.size(), 4);
    append(common, npy.size(), 4);
    append(common, file.size(), 2);
    append(common, 0, 2);
    append(out, localMagic, 4);
    out += common + file + npy;
    append(directory, centralMagic, 4);
    append(directory, 20, 2);
    directory += common;
    directory.append(10, '\0'); // no comment, disk 0, no attributes
    append(directory, offset, 4);
    directory += file;
  }
  const uint64_t offset = out.size();
  if (offset + directory.size() > 0xfffffffe)
    return unimplemented("a .npz of 4 GiB: write separate .npy files");
  out += directory;
  append(out, endMagic, 4);
  append(out, 0, 4);
  append(out, tensors.size(), 2);
  append(out, tensors.size(), 2);
  append(out, directory.size(), 4);
  append(out, offset, 4);
  append(out, 0, 2);
  return out;
}

Status writeNpz(const std::string &path, const NamedTensors &tensors) {
  WEFT_ASSIGN_OR_RETURN(const std::string bytes, formatNpz(tensors));
  return writeFileAtomically(path, bytes);
}

} // namespace weft
