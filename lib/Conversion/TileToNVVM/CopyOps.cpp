// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies into shared memory that run by themselves, their groups and waits, and the slots they go to.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

namespace {

struct Slot : OpConversionPattern<SlotOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SlotOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ThreadCode code(rewriter, op.getLoc());
    int64_t stages = op.getRing().getType().getShape()[0];
    Value number = op.getAhead() ? code.add(adaptor.getStep(), code.index(op.getAhead())) : adaptor.getStep();
    number = llvm::isPowerOf2_64(stages)
                 ? Value(arith::AndIOp::create(rewriter, op.getLoc(), number, code.index(stages - 1)))
                 : Value(arith::RemUIOp::create(rewriter, op.getLoc(), number, code.index(stages)));
    Value byte = code.scale(number, op.getResult().getType().getBytes());
    rewriter.replaceOp(op, code.address(adaptor.getRing(), rewriter.getI8Type(), byte));
    return success();
  }
};

/// Groups of 4 to 16 bytes; of nothing where the mask is false: the instruction fills the rest with zeros.
/// There is none of less than 4 bytes: those are loaded and stored.
struct AsyncCopy : OpConversionPattern<AsyncCopyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AsyncCopyOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    SharedType target = op.getTarget().getType();
    Type element = target.getElementType();
    LinearLayout layout = linearLayoutOf(op.getOffset().getType());
    if (layout.replicatedThreadBits())
      return op.emitOpError("copies ")
             << op.getOffset().getType() << ", wanted an element or more for each thread";
    SharedAddresses to(code, adaptor.getTarget()[0], placesIn(target, layout, /*transposed=*/false));
    ValueRange offsets = adaptor.getOffset(), masks = adaptor.getMask();
    int64_t group = groupOf(op.getOffset().getType(), element,
                            std::min<int64_t>(op.getContiguous(), target.getLayout().getVector()));
    int64_t bytes = group * target.getElementBytes();
    for (size_t r = 0; r < offsets.size(); r += group) {
      Value mask = masks.empty() ? Value() : masks[r];
      Value from = code.address(adaptor.getSource()[0], element, offsets[r]);
      if (bytes >= 4)
        copy(rewriter, loc, from, to.ofRegister(r), bytes, mask);
      else
        storeGroup(rewriter, loc, to.ofRegister(r), load(rewriter, loc, from, element, group, mask));
    }
    rewriter.eraseOp(op);
    return success();
  }

  static void copy(OpBuilder &b, Location loc, Value from, Value to, int64_t bytes, Value mask) {
    auto constant = [&](int64_t x) { return arith::ConstantIntOp::create(b, loc, b.getI32Type(), x); };
    Value size;
    if (mask)
      size = arith::SelectOp::create(b, loc, mask, constant(bytes), constant(0));
    Value global = LLVM::AddrSpaceCastOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext(), 1), from);
    auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
    NVVM::CpAsyncOp::create(b, loc, to, global, bytes, cache, size);
  }

  static SmallVector<Value> load(OpBuilder &b, Location loc, Value from, Type element, int64_t group,
                                 Value mask) {
    return valuesWhere(
        b, loc, mask, [&](OpBuilder &inner) { return loadGroup(inner, loc, from, element, group); },
        [&] { return SmallVector<Value>(group, arith::ConstantOp::create(b, loc, b.getZeroAttr(element))); });
  }
};

struct AsyncCommit : OpConversionPattern<AsyncCommitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AsyncCommitOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncCommitGroupOp>(op);
    return success();
  }
};

struct AsyncWait : OpConversionPattern<AsyncWaitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AsyncWaitOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncWaitGroupOp>(op, op.getPending());
    return success();
  }
};

} // namespace

void weft::tile::populateCopy(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<Slot, AsyncCopy, AsyncCommit, AsyncWait>(converter, patterns.getContext());
}
