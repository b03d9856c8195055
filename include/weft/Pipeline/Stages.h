// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler's table of contents: which passes make which stage.
#ifndef WEFT_PIPELINE_STAGES_H
#define WEFT_PIPELINE_STAGES_H

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>

namespace weft {

/// What the IR has become. A file printed after one stage can be read back as that stage (--from).
enum class Stage { Import, Graph, Host, Kernel, Program };

llvm::StringRef stageName(Stage stage);
std::optional<Stage> parseStage(llvm::StringRef name);
/// All names, for messages: "import, graph, host, kernel, program".
std::string stageNames();

enum class Numerics { Strict, Default, Fast };

struct StageOptions {
  Numerics numerics = Numerics::Default;
  /// Kernels are for a GPU: what only the CPU's generators take is decomposed; they can neither fail a check
  /// nor write over an operand.
  bool forGpu = false;
  /// Columns of the panels in which matrix products read their right operand; 0: operands stay as they are.
  int64_t panelWidth = 0;
  /// Elements of f32 in a vector of the CPU, and its caches: a core's second, and the last.
  int64_t lanes = 8;
  int64_t l2Bytes = 512 << 10, l3Bytes = 16 << 20;
};

/// The passes that make `stage` from the one before it. Only Graph and Host are made by passes over the whole
/// module; kernels are compiled one by one (Codegen/CompileKernel.h).
void buildGraphStage(mlir::OpPassManager &passes, const StageOptions &options);
/// With a mesh, between import and graph: places the graph on it, cuts it into `stages`; makes a module per
/// role; writes collectives as the runtime has them. Each role then takes the stages above.
void buildPlaceStage(mlir::OpPassManager &passes, const StageOptions &options, int64_t stages);
void buildSplitStage(mlir::OpPassManager &passes);
void buildCollectivesStage(mlir::OpPassManager &passes);
void buildHostStage(mlir::OpPassManager &passes, const StageOptions &options);

} // namespace weft

#endif // WEFT_PIPELINE_STAGES_H
