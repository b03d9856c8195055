// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of steps from a kernel to the LLVM dialect. Stage: code.
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Codegen/Math/ExpandMath.h"

#include "Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/VectorInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::cpu;

/// What becomes loops and arithmetic first: transfers of vectors, and affine ops.
static void addFirstPasses(OpPassManager &passes) {
  OpPassManager &function = passes.nest<func::FuncOp>();
  VectorTransferToSCFOptions transfers;
  transfers.enableFullUnroll();
  function.addPass(createConvertVectorToSCFPass(transfers));
  function.addPass(createLowerAffinePass());
}

/// Down to branches and straight-line code.
static void addLoopPasses(OpPassManager &passes) {
  OpPassManager &function = passes.nest<func::FuncOp>();
  function.addPass(createCSEPass());
  function.addPass(createLoopInvariantCodeMotionPass());
  passes.addPass(createSCFToControlFlowPass());
}

/// The canonicalizer with the patterns of the dialects at hand: those of all dialects take longer to collect
/// than a kernel to rewrite.
static void canonicalize(ModuleOp module) {
  MLIRContext *context = module.getContext();
  llvm::SmallSetVector<Dialect *, 8> dialects;
  dialects.insert(context->getOrLoadDialect<arith::ArithDialect>());
  module.walk([&](Operation *op) {
    if (Dialect *dialect = op->getDialect())
      dialects.insert(dialect);
  });
  RewritePatternSet patterns(context);
  for (Dialect *dialect : dialects)
    dialect->getCanonicalizationPatterns(patterns);
  for (RegisteredOperationName op : context->getRegisteredOperations())
    if (dialects.contains(&op.getDialect()))
      op.getCanonicalizationPatterns(patterns, context);
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal();
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled); // loops still, not branches
  (void)applyPatternsGreedily(module, std::move(patterns), config);
}

/// Dialect by dialect to LLVM's.
static void addLLVMPasses(OpPassManager &passes) {
  ConvertVectorToLLVMPassOptions vectors;
  vectors.reassociateFPReductions = true;
  vectors.vectorTransposeLowering = vector::VectorTransposeLowering::Shuffle1D;
  vectors.vectorContractLowering = vector::VectorContractLowering::OuterProduct;
  passes.addPass(createConvertVectorToLLVMPass(vectors));
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertIndexToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createUBToLLVMConversionPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
}

void weft::cpu::registerCpuCodegen(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                  index::IndexDialect, LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect,
                  scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  // What upstream's passes want besides: loaded by them, but not safely when several threads run.
  OpPassManager passes(ModuleOp::getOperationName());
  addFirstPasses(passes);
  addLoopPasses(passes);
  addLLVMPasses(passes);
  passes.getDependentDialects(registry);
}

void weft::cpu::loadCpuCodegen(MLIRContext &context) {
  DialectRegistry registry;
  registerCpuCodegen(registry);
  context.appendDialectRegistry(registry);
  for (StringRef name : registry.getDialectNames())
    context.getOrLoadDialect(name);
}

/// Index arithmetic computes addresses and loop counters inside buffers: it never wraps, and LLVM's loop
/// passes need to hear it.
static void markIndexArithmetic(ModuleOp module) {
  module.walk([](Operation *op) {
    if (op->getNumResults() != 1 || !op->getResult(0).getType().isIndex())
      return;
    auto nsw = arith::IntegerOverflowFlags::nsw;
    if (auto add = dyn_cast<arith::AddIOp>(op))
      add.setOverflowFlags(nsw);
    else if (auto sub = dyn_cast<arith::SubIOp>(op))
      sub.setOverflowFlags(nsw);
    else if (auto mul = dyn_cast<arith::MulIOp>(op))
      mul.setOverflowFlags(nsw);
  });
}

/// No arithmetic on bf16 is left: its values are only moved. As i16 they stay that; LLVM would widen a bf16
/// vector that lives across blocks to f32 and call a function to narrow it.
static void moveBF16AsIntegers(ModuleOp module) {
  auto isBF16 = [](Type type) { return isa<BFloat16Type>(getElementTypeOrSelf(type)); };
  auto any = module.walk([&](Operation *op) {
    bool found = llvm::any_of(op->getOperandTypes(), isBF16) || llvm::any_of(op->getResultTypes(), isBF16);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (!any.wasInterrupted())
    return;
  MLIRContext *context = module.getContext();
  Type i16 = IntegerType::get(context, 16);
  module.walk([&](LLVM::ConstantOp op) {
    if (!isa<BFloat16Type>(getElementTypeOrSelf(op.getType())))
      return;
    auto bits = [&](const APFloat &value) { return value.bitcastToAPInt(); };
    if (auto scalar = dyn_cast<FloatAttr>(op.getValue()))
      op.setValueAttr(IntegerAttr::get(i16, bits(scalar.getValue())));
    else if (auto dense = dyn_cast<DenseFPElementsAttr>(op.getValue()))
      op.setValueAttr(dense.mapValues(i16, bits));
  });
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](BFloat16Type) -> Type { return i16; });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  // The instruction that multiplies them takes them as what they are.
  module.walk([&](LLVM::CallIntrinsicOp op) {
    if (!op.getIntrin().starts_with("llvm.x86.avx512bf16.dpbf16ps"))
      return;
    OpBuilder builder(op);
    for (OpOperand &factor : op->getOpOperands().drop_front()) {
      Type type = cast<VectorType>(factor.get().getType()).clone(builder.getBF16Type());
      factor.set(LLVM::BitcastOp::create(builder, op.getLoc(), type, factor.get()));
    }
  });
}

static bool hasTransfersOrAffine(ModuleOp module) {
  auto result = module.walk([](Operation *op) {
    bool found =
        isa<VectorTransferOpInterface>(op) || isa_and_nonnull<affine::AffineDialect>(op->getDialect());
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result.wasInterrupted();
}

FailureOr<KernelInfo> weft::cpu::lowerKernelToLLVM(ModuleOp module, const TargetInfo &target,
                                                   const LowerOptions &options) {
  MLIRContext *context = module.getContext();
  FailureOr<func::FuncOp> kernel = findKernel(module);
  if (failed(kernel))
    return failure();
  KernelInfo info;
  info.name = kernel->getSymName().str();
  info.tellsFault = kernel->getOperation()->hasAttr("weft.tells_fault");
  info.asksFollows = kernel->getOperation()->hasAttr(asksFollowsAttrName);
  if (info.tellsFault && info.asksFollows) {
    kernel->emitError("tells of faults and asks for WeftCall::follows; wanted one at the start of scratch");
    return failure();
  }
  for (Type type : kernel->getArgumentTypes().drop_back(3)) {
    ++info.numBuffers;
    info.numDims += cast<MemRefType>(type).getNumDynamicDims();
  }
  if (kernel->getOperation()->hasAttr(streamedAttrName))
    info.streamed = info.numBuffers - 1;
  FailureOr<int64_t> scratch = placeScratch(module);
  if (failed(scratch) || failed(lowerLeftovers(module, target)))
    return failure();
  if (options.fast)
    codegen::relaxArithmetic(module);
  codegen::ExpandMathOptions math;
  math.approximate = options.fast;
  math.nativeLdexp = target.hasAvx512;
  if (failed(codegen::expandMath(module, math)))
    return failure();
  info.scratchBytes = *scratch;

  auto run = [&](void (*add)(OpPassManager &)) {
    PassManager passes(context, ModuleOp::getOperationName());
    passes.enableVerifier(options.verify);
    add(passes);
    return passes.run(module);
  };
  if (hasTransfersOrAffine(module) && failed(run(addFirstPasses)))
    return failure();
  canonicalize(module);
  if (failed(run(addLoopPasses)))
    return failure();
  markIndexArithmetic(module);
  rewriteSignature(*findKernel(module));
  if (convertsAtOnce(module)) {
    if (failed(convertAtOnce(module)) || (options.verify && failed(verify(module))))
      return failure();
  } else if (failed(run(addLLVMPasses))) {
    return failure();
  }
  Operation *left = nullptr;
  module.walk([&](Operation *op) {
    if (!isa<ModuleOp>(op) && !isa<LLVM::LLVMDialect>(op->getDialect()) && !left)
      left = op;
  });
  if (left) {
    left->emitError("kernel '")
        << info.name
        << "': no way from this op to machine code; wanted an op of arith, math, memref, scf, vector";
    return failure();
  }
  moveBF16AsIntegers(module);
  addEntry(module, info);
  return info;
}
