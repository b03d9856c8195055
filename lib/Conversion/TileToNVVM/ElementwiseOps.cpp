// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that need nothing of other threads: arith and math on tiles, ranges, splats, broadcasts, maps.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weft::tile;

namespace {

/// An op of arith or math: one for each register.
struct ScalarOps : ConversionPattern {
  ScalarOps(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) || op->getNumRegions() != 0 ||
        op->getNumResults() == 0)
      return failure();
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto elements = dyn_cast<SplatElementsAttr>(constant.getValue());
      if (!elements)
        return rewriter.notifyMatchFailure(op, "wanted one number for all elements");
      Value scalar = arith::ConstantOp::create(rewriter, op->getLoc(),
                                               cast<TypedAttr>(elements.getSplatValue<Attribute>()));
      auto type = cast<RankedTensorType>(constant.getType());
      if (isa<DotOperandAttr>(type.getEncoding()))
        return rewriter.notifyMatchFailure(op, "wanted registers of one element");
      size_t count = linearLayoutOf(type).numRegisters();
      rewriter.replaceOpWithMultiple(op, {SmallVector<Value>(count, scalar)});
      return success();
    }
    size_t count = 1;
    for (ValueRange operand : operands)
      count = std::max(count, operand.size());
    SmallVector<SmallVector<Value>> results(op->getNumResults());
    for (size_t r = 0; r < count; ++r) {
      OperationState state(op->getLoc(), op->getName());
      for (ValueRange operand : operands)
        state.addOperands(operand.size() == 1 ? operand[0] : operand[r]);
      for (Type type : op->getResultTypes()) {
        SmallVector<Type> registers;
        if (failed(getTypeConverter()->convertType(type, registers)))
          return failure();
        state.addTypes(registers[0]);
      }
      state.propertiesAttr = op->getPropertiesAsAttribute();
      Operation *scalar = rewriter.create(state);
      for (auto [all, one] : llvm::zip(results, scalar->getResults()))
        all.push_back(one);
    }
    rewriter.replaceOpWithMultiple(op, results);
    return success();
  }
};

struct ProgramIdLowering : OpConversionPattern<ProgramIdOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ProgramIdOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value number = NVVM::BlockIdXOp::create(rewriter, op.getLoc(), rewriter.getI32Type());
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, rewriter.getIndexType(), number);
    return success();
  }
};

struct NumProgramsLowering : OpConversionPattern<NumProgramsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(NumProgramsOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value number = NVVM::GridDimXOp::create(rewriter, op.getLoc(), rewriter.getI32Type());
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, rewriter.getIndexType(), number);
    return success();
  }
};

struct RangeLowering : OpConversionPattern<RangeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RangeOp op, OneToNOpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> registers;
    for (ArrayRef<Value> point : ThreadCode(rewriter, op.getLoc()).coordinates(op.getType()))
      registers.push_back(point[0]);
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct SplatLowering : OpConversionPattern<SplatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SplatOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    size_t count = linearLayoutOf(op.getType()).numRegisters();
    rewriter.replaceOpWithMultiple(op, {SmallVector<Value>(count, adaptor.getValue()[0])});
    return success();
  }
};

struct BroadcastLowering : OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BroadcastOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinearLayout from = linearLayoutOf(op.getValue().getType()), to = linearLayoutOf(op.getType());
    int64_t dim = cast<SliceAttr>(op.getValue().getType().getEncoding()).getDim();
    SmallVector<Value> registers;
    for (int64_t r = 0; r < to.numRegisters(); ++r) {
      Coordinates wanted = to.ofRegister(r);
      if (!wanted.empty())
        wanted.erase(wanted.begin() + dim);
      auto isThere = [&](int64_t s) {
        Coordinates found = from.ofRegister(s);
        found.resize(wanted.size(), 0);
        return found == wanted;
      };
      auto all = llvm::seq<int64_t>(0, from.numRegisters());
      auto source = llvm::find_if(all, isThere);
      if (source == all.end())
        return rewriter.notifyMatchFailure(op, "wanted a slice that holds the parent's elements");
      registers.push_back(adaptor.getValue()[*source]);
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

/// A change of layout in which every thread keeps its elements: other names, and pairs in factors of matrix
/// instructions.
struct ConvertLayoutLowering : OpConversionPattern<ConvertLayoutOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ConvertLayoutOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinearLayout from = linearLayoutOf(op.getValue().getType()), to = linearLayoutOf(op.getType());
    if (!from.holdsAlike(to) || isa<DotOperandAttr>(op.getValue().getType().getEncoding()))
      return op.emitOpError("moves elements between threads; wanted --tile-expand-exchanges before");
    SmallVector<Value> registers;
    auto all = llvm::seq<int64_t>(0, from.numRegisters());
    for (int64_t r = 0; r < to.numRegisters(); ++r)
      registers.push_back(adaptor.getValue()[*llvm::find_if(
          all, [&](int64_t s) { return from.ofRegister(s) == to.ofRegister(r); })]);
    if (auto factor = dyn_cast<DotOperandAttr>(op.getType().getEncoding()); factor && factor.getWidth() > 1) {
      auto pair = VectorType::get({factor.getWidth()}, op.getType().getElementType());
      SmallVector<Value> packed;
      for (size_t r = 0; r < registers.size(); r += factor.getWidth()) {
        packed.push_back(LLVM::PoisonOp::create(rewriter, op.getLoc(), pair));
        for (int64_t i = 0; i < factor.getWidth(); ++i) {
          Value at = LLVM::ConstantOp::create(rewriter, op.getLoc(), rewriter.getI32Type(), i);
          packed.back() =
              LLVM::InsertElementOp::create(rewriter, op.getLoc(), packed.back(), registers[r + i], at);
        }
      }
      registers = packed;
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct MapLowering : OpConversionPattern<MapOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MapOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Block &body = op.getBody().front();
    SmallVector<SmallVector<Value>> results(op.getNumResults());
    for (size_t r = 0; r < adaptor.getInputs()[0].size(); ++r) {
      IRMapping mapping;
      for (auto [argument, input] : llvm::zip(body.getArguments(), adaptor.getInputs()))
        mapping.map(argument, input[r]);
      for (Operation &nested : body.without_terminator())
        rewriter.clone(nested, mapping);
      for (auto [all, value] : llvm::zip(results, body.getTerminator()->getOperands()))
        all.push_back(mapping.lookupOrDefault(value));
    }
    rewriter.replaceOpWithMultiple(op, results);
    return success();
  }
};

} // namespace

void weft::tile::populateElementwise(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ScalarOps, ProgramIdLowering, NumProgramsLowering, RangeLowering, SplatLowering,
               BroadcastLowering, ConvertLayoutLowering, MapLowering>(converter, patterns.getContext());
}
