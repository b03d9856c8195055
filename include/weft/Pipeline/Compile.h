// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole way from a model to the bytes of a program, stage by stage.
#ifndef WEFT_PIPELINE_COMPILE_H
#define WEFT_PIPELINE_COMPILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "weft/Import/Onnx/Importer.h"
#include "weft/Pipeline/Stages.h"
#include "weft/Program/MeshSpec.h"
#include "weft/Program/Target.h"
#include <functional>
#include <span>
#include <string>

namespace weft {

/// Nvvm: GPU kernels, compiled to an image for the emulator.
enum class InputKind { Onnx, Mlir, Graph, Nvvm };

/// Over which workers a model is split.
struct PartitionOptions {
  std::vector<program::MeshAxis> mesh; ///< of one stage
  std::vector<program::ShardSpec> shards;
  int64_t stages = 1;
  std::vector<std::string> cuts;                ///< nodes that a stage begins at; none: stages of equal cost
  std::vector<program::RankTarget> rankTargets; ///< of ranks whose target is not that of the rest
  bool explain = false;                         ///< with emit = "explain": say why each transfer is there
  std::string svgFile;                          ///< a picture of roles and transfers
};

struct CompileOptions {
  InputKind input = InputKind::Onnx;
  std::string path;
  std::optional<std::span<const std::byte>> bytes; ///< else `path` is read
  onnx::ImportOptions import;
  program::Target target;
  std::string targetCpu = "native"; ///< of code for the CPU, the emulator's too
  bool allowFallback = false;       ///< for a GPU: what has no kernel there may run on the CPU
  StageOptions stages;
  Stage from = Stage::Import, to = Stage::Program;
  std::string emit;       ///< "", weft, linalg, llvm, asm, ptx, obj, so
  std::string dataFile;   ///< for large constants of text; empty: they are left out
  std::string dumpDir;    ///< IR after each stage
  std::string reproducer; ///< crash reproducer
  std::string cacheDir;   ///< where machine code of kernels is kept; empty: nowhere
  std::string buildId;    ///< of the compiler: part of what that code is found by
  /// Seconds to try other tilings of kernels in, on this machine. 0: earlier results are left out too;
  /// negative: they are used.
  double tuneSeconds = -1;
  int threads = 0;
  bool verify = false;
  bool hashConstants = true; ///< in the program: program::WriteOptions
  bool boundedOnly = false; ///< refuse dimensions without an upper bound unless import.dynamicDims names them
  /// While tuning, `stage` is "tune: " and words about it.
  std::function<void(llvm::StringRef stage, int64_t done, int64_t total)> progress;
  std::function<void(llvm::StringRef stage, double wallMs, double cpuMs)> stageTime;
  std::function<void(llvm::StringRef)> note; ///< what was done of what was asked for
  std::optional<PartitionOptions> partition; ///< the result is a .weftjob file
  std::function<void()> wrongUse; ///< called when what fails is a name or sharding that the caller gave
  std::function<Status(std::span<const std::byte>)> output; ///< pieces of the result
};

/// Compiles; the result (a .weft file, or what `emit` or `to` ask for) goes to `output`. Errors are
/// diagnostics of `context` and a failed result. `graph` is the module of InputKind::Graph.
mlir::LogicalResult compile(mlir::MLIRContext &context, const CompileOptions &options,
                            mlir::ModuleOp graph = nullptr);

} // namespace weft

#endif // WEFT_PIPELINE_COMPILE_H
