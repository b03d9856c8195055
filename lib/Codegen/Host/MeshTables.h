// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mesh of a program: which ranks meet in a collective, and to whom a route leads.
#ifndef WEFT_LIB_CODEGEN_HOST_MESHTABLES_H
#define WEFT_LIB_CODEGEN_HOST_MESHTABLES_H

#include "mlir/IR/BuiltinOps.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Program/Program.h"

namespace weft {

/// Fills in mesh, groups and routes of a program from the attributes of its module. The axis `stage` comes
/// first where there are several.
class MeshTables {
public:
  MeshTables(mlir::ModuleOp module, program::Program &out);

  /// The group of the ranks that differ along these axes alone, in the order of their places, the first axis
  /// the slowest; from member `first` on, then around.
  uint32_t groupOf(mlir::ArrayAttr axes, int64_t first = 0);
  /// The route between this module's stage and another.
  uint32_t routeTo(int64_t stage);
  uint32_t axisOf(llvm::StringRef name) const;
  int64_t sizeOf(llvm::StringRef name) const { return out.mesh[axisOf(name)].size; }

private:
  program::Program &out;
  int64_t stage = 0;
  llvm::DenseMap<std::pair<mlir::Attribute, int64_t>, uint32_t> groups; ///< by axes and first member
  std::vector<std::pair<int64_t, uint32_t>> routes;
};

} // namespace weft

#endif // WEFT_LIB_CODEGEN_HOST_MESHTABLES_H
