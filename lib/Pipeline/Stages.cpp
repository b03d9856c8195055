// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of each stage, in order, and why each stands where it stands.
#include "weft/Pipeline/Stages.h"

#include "GenerateKernel.h"
#include "KernelParts.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Codegen/Passes.h"
#include "weft/Partition/Passes.h"
#include "weft/Transforms/Decompose.h"
#include "weft/Transforms/Passes.h"

using namespace weft;

static constexpr std::pair<Stage, llvm::StringLiteral> names[] = {{Stage::Import, "import"},
                                                                  {Stage::Graph, "graph"},
                                                                  {Stage::Host, "host"},
                                                                  {Stage::Kernel, "kernel"},
                                                                  {Stage::Program, "program"}};

llvm::StringRef weft::stageName(Stage stage) {
  for (auto [s, name] : names)
    if (s == stage)
      return name;
  return {};
}

std::optional<Stage> weft::parseStage(llvm::StringRef text) {
  for (auto [s, name] : names)
    if (name == text)
      return s;
  return std::nullopt;
}

std::string weft::stageNames() {
  std::string text;
  for (auto [s, name] : names)
    text += (text.empty() ? "" : ", ") + name.str();
  return text;
}

void weft::buildPlaceStage(mlir::OpPassManager &passes, const StageOptions &options, int64_t stages) {
  // What annotations speak of is the model as it was written: shapes and values are made known, layouts are
  // left, and composite ops stay whole, since their rules know more than those of their parts.
  passes.addPass(createInferShapesPass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  // What becomes one op in the whole graph does so before the graph is cut: the parts would round
  // differently.
  if (options.numerics != Numerics::Strict)
    passes.addPass(createFuseAttentionPass());
  passes.addPass(createFoldConstantsPass());
  passes.addPass(createFoldBatchNormPass());
  passes.addPass(createFoldConstantsPass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(createInferShapesPass());
  passes.addPass(dist::createChooseShardingsPass());
  passes.addPass(dist::createPropagatePass());
  passes.addPass(dist::createReshardPass());
  // Costs are those of one rank's part, moves included.
  passes.addPass(dist::createAssignStagesPass({stages}));
}

void weft::buildSplitStage(mlir::OpPassManager &passes) {
  passes.addPass(dist::createSplitPass());
  passes.addPass(dist::createVerifySchedulePass());
}

void weft::buildCollectivesStage(mlir::OpPassManager &passes) {
  passes.addPass(dist::createLowerCollectivesPass());
}

void weft::buildGraphStage(mlir::OpPassManager &passes, const StageOptions &options) {
  // Shapes first: folds and layouts ask for extents.
  passes.addPass(createInferShapesPass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  // What no generator takes: its parts make better kernels than it would whole. Matrix products have
  // generators, tables are constants.
  bool keepsAttention = options.numerics != Numerics::Strict;
  if (keepsAttention)
    passes.addPass(createFuseAttentionPass());
  // Before constants fold: the sums of columns that it asks for are constants.
  if (!options.forGpu)
    passes.addPass(createLowerQuantizationPass({options.numerics == Numerics::Strict}));
  DecomposePassOptions wholes;
  wholes.ops = {"attention", "fft", "custom_call"};
  passes.addPass(createDecomposePass(wholes, [keepsAttention, forGpu = options.forGpu](mlir::Operation *op) {
    auto attention = llvm::dyn_cast<ir::AttentionOp>(op);
    return attention && keepsAttention && hasAttentionGenerator(attention, forGpu);
  }));
  if (!options.forGpu)
    passes.addPass(createMergeProjectionsPass());
  passes.addPass(createFoldConstantsPass());
  // Scales into weights while the graph still has the layouts of the model.
  passes.addPass(createFoldBatchNormPass());
  passes.addPass(createFoldConstantsPass());
  passes.addPass(options.forGpu ? createAssignLayoutsPass() : createAssignLayoutsPass(takesChannelsFirst));
  // What the layouts made constant (transposed biases), and transpositions that met their inverse.
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(createFoldConstantsPass());
  passes.addPass(mlir::createCSEPass());
  passes.addPass(createInferShapesPass());
}

void weft::buildHostStage(mlir::OpPassManager &passes, const StageOptions &options) {
  // The host knows one kind of loop.
  passes.addPass(createLowerScanPass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(createInferShapesPass());
  // Buffers are sized by expressions over names: what is still nameless depends on data.
  passes.addPass(createNameExtentsPass());
  OutlineKernelsPassOptions outline;
  outline.checks = !options.forGpu;
  outline.gpu = options.forGpu;
  outline.lanes = options.lanes;
  outline.l2Bytes = options.l2Bytes;
  outline.l3Bytes = options.l3Bytes;
  passes.addPass(createOutlineKernelsPass(outline));
  if (options.forGpu)
    passes.addPass(createOutlineCallsPass());
  // While each launch has a kernel of its own.
  passes.addPass(createPackOperandsPass({options.panelWidth}));
  passes.addPass(createMarkInPlacePass());
  if (!options.forGpu)
    passes.addPass(createMarkStreamedPass());
  passes.addPass(createDeduplicateKernelsPass());
}
