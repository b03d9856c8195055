// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks the ops of a kernel against the architecture, and that they are of the llvm and nvvm dialects at
// all.
#include "Requirements.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

struct Requirement {
  int sm = 0;
  bool accelerated = false;
  std::string chip() const { return "sm_" + std::to_string(sm) + (accelerated ? "a" : ""); }
};

/// By the beginning of an op's name, the dialect's left off; the first that fits counts.
struct Entry {
  StringLiteral prefix;
  Requirement needs;
};
const Entry kEntries[] = {
    {"wgmma.", {90, true}},
    {"setmaxregister", {90, true}},
    {"cp.async.bulk", {90}},
    {"cluster.", {90}},
    {"elect.sync", {90}},
    {"fence.mbarrier.init", {90}},
    {"fence.sc.cluster", {90}},
    {"griddepcontrol", {90}},
    {"mapa", {90}},
    {"mbarrier.arrive.expect_tx", {90}},
    {"mbarrier.complete_tx", {90}},
    {"mbarrier.expect_tx", {90}},
    {"mbarrier.try_wait", {90}},
    {"stmatrix", {90}},
    {"tcgen05.", {100, true}},
};

Requirement requirementOf(Operation *op) {
  if (auto stated = dyn_cast<NVVM::RequiresSMInterface>(op)) {
    NVVM::NVVMCheckSMVersion version = stated.getRequiredMinSMVersion();
    return {version.smVersionList.front(), version.archAccelerated};
  }
  StringRef name = op->getName().stripDialect();
  for (const Entry &entry : kEntries)
    if (name.starts_with(entry.prefix))
      return entry.needs;
  return {};
}

/// "file:line:column" or the name of a node; nothing when the location says neither.
std::string placeOf(Location location) {
  std::string place;
  location->walk([&](Location part) {
    if (auto file = dyn_cast<FileLineColLoc>(part))
      place = file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" +
              std::to_string(file.getColumn());
    else if (auto name = dyn_cast<NameLoc>(part))
      place = name.getName().str();
    return place.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return place.empty() ? place : " at " + place;
}

} // namespace

llvm::Error weft::gpu::checkRequirements(ModuleOp module, StringRef kernel, const GpuTarget &target) {
  std::string problem;
  module.walk([&](Operation *op) {
    if (isa<ModuleOp>(op))
      return WalkResult::advance();
    if (!isa_and_nonnull<LLVM::LLVMDialect, NVVM::NVVMDialect>(op->getDialect())) {
      problem = "'" + op->getName().getStringRef().str() + "'" + placeOf(op->getLoc()) +
                " is not lowered, wanted ops of llvm and nvvm only";
    } else if (isa<NVVM::NVVMDialect>(op->getDialect())) {
      Requirement needs = requirementOf(op);
      bool has = needs.accelerated ? target.accelerated && target.sm == needs.sm : target.sm >= needs.sm;
      if (!has)
        problem = "'" + op->getName().getStringRef().str() + "'" + placeOf(op->getLoc()) + " needs " +
                  needs.chip() + ", the target is " + target.chip();
    }
    return problem.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (problem.empty())
    return llvm::Error::success();
  return llvm::createStringError("kernel '" + kernel + "': " + problem);
}
