// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of all ops that can be imported, filled once by the families.
#include "NodeImporter.h"

using namespace weft::onnx;

static std::string keyOf(llvm::StringRef domain, llvm::StringRef opType) {
  return domain.empty() ? opType.str() : (domain + "." + opType).str();
}

void OpTable::add(llvm::StringRef opType, int minInputs, int maxInputs, ImportFunction function,
                  llvm::StringRef domain) {
  [[maybe_unused]] bool inserted =
      entries.try_emplace(keyOf(domain, opType), OpEntry{function, minInputs, maxInputs}).second;
  assert(inserted && "op registered twice");
}

const OpEntry *OpTable::find(llvm::StringRef domain, llvm::StringRef opType) const {
  auto entry = entries.find(keyOf(domain, opType));
  return entry == entries.end() ? nullptr : &entry->second;
}

std::vector<std::string> OpTable::names() const {
  std::vector<std::string> names;
  for (const auto &entry : entries)
    names.push_back(entry.getKey().str());
  std::sort(names.begin(), names.end());
  return names;
}

const OpTable &weft::onnx::getOpTable() {
  static const OpTable table = [] {
    OpTable table;
    registerElementwiseOps(table);
    registerActivationOps(table);
    registerShapeOps(table);
    registerArrangeOps(table);
    registerGenerateOps(table);
    registerIndexOps(table);
    registerControlOps(table);
    registerSequenceOps(table);
    registerContractOps(table);
    registerConvOps(table);
    registerPoolOps(table);
    registerReduceOps(table);
    registerNormOps(table);
    registerAttentionOps(table);
    registerRecurrentOps(table);
    registerQuantOps(table);
    registerRandomOps(table);
    registerOtherOps(table);
    return table;
  }();
  return table;
}
