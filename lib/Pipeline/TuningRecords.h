// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tuner found, a line for each kernel, in a text file of the cache folder. The file belongs to one
// build of the compiler, one target and one machine; any other is not read.
#ifndef WEFT_LIB_PIPELINE_TUNINGRECORDS_H
#define WEFT_LIB_PIPELINE_TUNINGRECORDS_H

#include "weft/Codegen/CPU/TargetInfo.h"
#include "weft/Codegen/CPU/Tiling.h"
#include "weft/Support/Status.h"

#include <atomic>
#include <map>

namespace weft {

class TuningRecords : public cpu::TilingSource {
public:
  struct Record {
    std::string tiling;
    double ms = 0, ownMs = 0; ///< with this tiling, and with the generator's own
  };
  /// What a file is for, a text of one line each.
  struct Owner {
    std::string build, target, machine;
    /// The file's name in the cache folder.
    std::string key() const;
  };

  explicit TuningRecords(Owner owner) : owner(std::move(owner)) {}

  /// Takes the records of `text`. An error that says what is wrong, and no record taken, when it is broken or
  /// another owner's.
  Status parse(llvm::StringRef text);
  std::string print() const;

  /// The same from and to the cache folder `folder`. No file is no error. What another process stored
  /// meanwhile is kept.
  Status load(const std::string &folder);
  void store(const std::string &folder) const;

  void add(const std::string &kernel, Record record) { records[kernel] = std::move(record); }
  /// The record of a kernel, or null.
  const Record *get(const std::string &kernel) const {
    auto found = records.find(kernel);
    return found == records.end() ? nullptr : &found->second;
  }
  /// Kernels that were given a tiling other than their generator's own: one that is not possible is not.
  int64_t numUsed() const { return used; }

  std::optional<std::string> find(const std::string &kernel, const std::string &own,
                                  Neighbours neighbours) const override;

private:
  Owner owner;
  std::map<std::string, Record> records;
  mutable std::atomic<int64_t> used = 0;
};

} // namespace weft

#endif // WEFT_LIB_PIPELINE_TUNINGRECORDS_H
