// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file of records:
//   weft tuning 1
//   build 5f3c...
//   target x86_64-unknown-linux-gnu/...
//   machine x86_64-unknown-linux-gnu/...
//   gemm 128x768x768 rows f32 packed f32 to f32: rows=8 panel=48 ...: 1.2345 ms, own 1.4567 ms
//   end 1
#include "TuningRecords.h"

#include "weft/Support/CacheDir.h"
#include "weft/Support/Sha256.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace weft;

static constexpr const char *kind = "tuning";
static constexpr llvm::StringLiteral version = "weft tuning 1";

std::string TuningRecords::Owner::key() const {
  Sha256 hash;
  return hash.updateField(build).updateField(target).updateField(machine).finishHex();
}

/// "1.25 ms".
static bool parseMs(llvm::StringRef text, double &ms) {
  return text.consume_back(" ms") && !text.getAsDouble(ms) && std::isfinite(ms) && ms > 0;
}

Status TuningRecords::parse(llvm::StringRef text) {
  size_t number = 0;
  auto next = [&] {
    auto [line, rest] = text.split('\n');
    text = rest;
    ++number;
    return line;
  };
  if (llvm::StringRef line = next(); line != version)
    return dataLoss("line 1: found '", line.take_front(40).str(), "', wanted '", version.str(), "'");
  for (const auto &[name, wanted] : {std::pair("build", owner.build), std::pair("target", owner.target),
                                     std::pair("machine", owner.machine)})
    if (llvm::StringRef line = next(); line != name + (" " + wanted))
      return dataLoss("line ", number, ": found '", line.take_front(80).str(), "', wanted '", name, " ",
                      wanted, "'");
  std::map<std::string, Record> read;
  while (!text.empty()) {
    llvm::StringRef line = next();
    if (line.consume_front("end ")) {
      size_t count = 0;
      if (line.getAsInteger(10, count) || count != read.size() || !text.empty())
        break;
      for (auto &[kernel, record] : read)
        records[kernel] = record;
      return Status::ok();
    }
    llvm::SmallVector<llvm::StringRef> parts;
    line.split(parts, ": ");
    Record record;
    if (parts.size() != 3 || parts[0].empty() || parts[1].empty())
      return dataLoss("line ", number, ": wanted KERNEL: TILING: TIME ms, own TIME ms");
    auto [ms, ownMs] = parts[2].split(", own ");
    if (!parseMs(ms, record.ms) || !parseMs(ownMs, record.ownMs))
      return dataLoss("line ", number, ": wanted two times, as in '1.25 ms, own 1.5 ms'");
    record.tiling = parts[1].str();
    if (!read.emplace(parts[0].str(), record).second)
      return dataLoss("line ", number, ": a second record of '", parts[0].take_front(80).str(), "'");
  }
  return dataLoss("line ", number, ": wanted 'end ", read.size(), "' as the last line");
}

std::string TuningRecords::print() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << version << "\nbuild " << owner.build << "\ntarget " << owner.target << "\nmachine " << owner.machine
     << "\n";
  for (const auto &[kernel, record] : records)
    os << kernel << ": " << record.tiling << ": " << llvm::format("%.9g", record.ms) << " ms, own "
       << llvm::format("%.9g", record.ownMs) << " ms\n";
  os << "end " << records.size() << "\n";
  return text;
}

Status TuningRecords::load(const std::string &folder) {
  WEFT_ASSIGN_OR_RETURN(const CacheDir cache, CacheDir::open(folder));
  std::shared_ptr<const MappedFile> file = cache.get(kind, owner.key());
  if (!file)
    return Status::ok();
  const std::string_view text = file->text();
  return parse({text.data(), text.size()}).context(cache.path() + "/" + kind + "/" + owner.key());
}

void TuningRecords::store(const std::string &folder) const {
  Result<CacheDir> cache = CacheDir::open(folder);
  if (!cache.isOk())
    return;
  TuningRecords all(owner);
  if (!all.load(folder).isOk())
    all.records.clear();
  for (const auto &[kernel, record] : records)
    all.records[kernel] = record;
  cache->put(kind, owner.key(), all.print());
}

std::optional<std::string> TuningRecords::find(const std::string &kernel, const std::string &own,
                                               Neighbours neighbours) const {
  auto found = records.find(kernel);
  if (found == records.end() || found->second.tiling == own || neighbours(found->second.tiling, 0).empty())
    return std::nullopt;
  ++used;
  return found->second.tiling;
}
