// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the families' patterns over functions. Stage: tensor. Composite ops without a pattern are decomposed
// first, as often as needed; then a full conversion leaves no weft op, no unsigned or i1 tensor and no
// encoding.
#include "Lowering.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Conversion/Passes.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

namespace weft {
#define GEN_PASS_DEF_CONVERTWEFTTOLINALGPASS
#include "weft/Conversion/Passes.h.inc"
} // namespace weft

static bool hasPattern(Operation *op) {
  if (hasElementwiseLowering(op))
    return true;
  if (auto constant = dyn_cast<ir::ConstantOp>(op))
    return isa<DenseElementsAttr>(constant.getValue());
  return isa<ir::BitcastConvertOp, ir::IotaOp, ir::DimOp, ir::ReshapeOp, ir::TransposeOp, ir::BroadcastOp,
             ir::SliceOp, ir::UpdateSliceOp, ir::ConcatOp, ir::PadOp, ir::ReverseOp, ir::CastShapeOp,
             ir::StopGradientOp, ir::BarrierOp, ir::GatherOp, ir::ScatterOp, ir::ReduceOp, ir::ArgReduceOp,
             ir::CumulativeOp, ir::ReduceWindowOp, ir::WindowArgOp, ir::WindowScatterOp, ir::ResampleOp,
             ir::ConvOp, ir::DotGeneralOp, ir::RandomBitsOp, ir::QuantizeOp, ir::DequantizeOp>(op);
}

bool weft::hasLinalgLowering(Operation *op) { return hasPattern(op) || isa<ir::DecomposableOpInterface>(op); }

/// Decomposes every op under `root` that has no pattern but a decomposition, until there is none.
static LogicalResult decomposeComposites(Operation *root) {
  SmallVector<Operation *> pending;
  auto collect = [&](Operation *scope) {
    scope->walk([&](Operation *op) {
      if (isa<ir::DecomposableOpInterface>(op) && !hasPattern(op))
        pending.push_back(op);
    });
  };
  for (int round = 0; round < 8; ++round) {
    pending.clear();
    collect(root);
    if (pending.empty())
      return success();
    for (Operation *op : pending) {
      OpBuilder b(op);
      FailureOr<SmallVector<Value>> values = cast<ir::DecomposableOpInterface>(op).decompose(b);
      if (failed(values))
        return failure();
      op->replaceAllUsesWith(*values);
      op->erase();
    }
  }
  return pending.front()->emitOpError("does not decompose into ops that have a lowering");
}

LogicalResult weft::convertWeftToLinalg(Operation *root) {
  MLIRContext *context = root->getContext();
  context->loadDialect<linalg::LinalgDialect, tensor::TensorDialect, arith::ArithDialect, math::MathDialect,
                       scf::SCFDialect, func::FuncDialect>();
  if (failed(decomposeComposites(root)))
    return failure();

  TypeConverter converter;
  converter.addConversion([](Type type) { return type; });
  converter.addConversion([](RankedTensorType type) -> Type {
    return RankedTensorType::get(type.getShape(), getMemoryElementType(type.getElementType()));
  });
  auto cast = [](OpBuilder &b, Type type, ValueRange inputs, Location loc) -> Value {
    return UnrealizedConversionCastOp::create(b, loc, type, inputs).getResult(0);
  };
  converter.addSourceMaterialization(cast);
  converter.addTargetMaterialization(cast);

  RewritePatternSet patterns(context);
  populateElementwise(patterns, converter);
  populateShape(patterns, converter);
  populatePad(patterns, converter);
  populateIndex(patterns, converter);
  populateReduce(patterns, converter);
  populatePool(patterns, converter);
  populateContract(patterns, converter);
  populateConv(patterns, converter);
  populateRandom(patterns, converter);
  populateQuant(patterns, converter);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
  populateReturnOpTypeConversionPattern(patterns, converter);

  ConversionTarget target(*context);
  target.addLegalDialect<linalg::LinalgDialect, tensor::TensorDialect, arith::ArithDialect, math::MathDialect,
                         scf::SCFDialect>();
  target.addLegalOp<ModuleOp>();
  target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp func) {
    return converter.isSignatureLegal(func.getFunctionType()) && converter.isLegal(&func.getBody());
  });
  target.addDynamicallyLegalOp<func::ReturnOp>([&](func::ReturnOp op) { return converter.isLegal(op); });
  target.addIllegalDialect<ir::WeftDialect>();
  SmallVector<std::pair<func::FuncOp, FunctionType>> functions;
  root->walk([&](func::FuncOp func) { functions.push_back({func, func.getFunctionType()}); });
  if (failed(applyFullConversion(root, target, std::move(patterns))))
    return failure();
  for (auto [func, original] : functions)
    if (failed(packBoundary(func, original)))
      return failure();

  WalkResult left = root->walk([](Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getEncoding())
        return op->emitOpError("found ") << type << " after the conversion, wanted no encoding",
               WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(left.wasInterrupted());
}

namespace {
struct ConvertWeftToLinalgPass : weft::impl::ConvertWeftToLinalgPassBase<ConvertWeftToLinalgPass> {
  void runOnOperation() override {
    if (failed(convertWeftToLinalg(getOperation())))
      signalPassFailure();
  }
};
} // namespace
