// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor cores: factors loaded by ldmatrix, mma.sync, and wgmma, which reads shared memory by descriptors.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

namespace {

LLVM::LLVMStructType structOf(Type element, int64_t count) {
  return LLVM::LLVMStructType::getLiteral(element.getContext(), SmallVector<Type>(count, element));
}

SmallVector<Value> unpack(OpBuilder &b, Location loc, Value all, int64_t count) {
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
  return values;
}

struct LoadOperand : OpConversionPattern<LocalLoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LocalLoadOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType tile = op.getType();
    auto operand = dyn_cast<DotOperandAttr>(tile.getEncoding());
    if (!operand)
      return rewriter.notifyMatchFailure(op, "no factor of a matrix instruction");
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    SharedType buffer = op.getBuffer().getType();
    // Whether rows of memory run along M or N.
    bool turned = (operand.getOperand() == 1) != op.getTransposed();
    LinearLayout rows = operand.toLdmatrix(tile.getShape(), turned);
    SharedAddresses addresses(code, adaptor.getBuffer()[0], placesIn(buffer, rows, op.getTransposed()));
    int64_t start = op.getAt() ? buffer.byteOf(*op.getAt()) : 0;
    Type i32 = rewriter.getI32Type(), element = tile.getElementType();
    Type packed = operand.getWidth() > 1 ? Type(VectorType::get({operand.getWidth()}, element)) : element;
    auto layout = turned ? NVVM::MMALayout::col : NVVM::MMALayout::row;
    auto shape = NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8);
    SmallVector<Value> registers;
    for (int64_t r = 0; r < rows.numRegisters(); ++r) {
      int64_t part = r == 0 ? 0 : placeOf(buffer, rows.ofRegister(r), op.getTransposed());
      Value four = NVVM::LdMatrixOp::create(rewriter, loc, structOf(i32, 4), addresses.at(start ^ part), 4,
                                            layout, shape, NVVM::LdStMatrixEltType::B16);
      for (Value word : unpack(rewriter, loc, four, 4))
        registers.push_back(LLVM::BitcastOp::create(rewriter, loc, packed, word));
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }

  static int64_t placeOf(SharedType buffer, const Coordinates &point, bool transposed) {
    return transposed ? buffer.byteOf({point[1], point[0]}) : buffer.byteOf(point);
  }
};

/// A warp's pieces of 16 x 8, one instruction for each and each 32 bytes of K.
struct Mma : OpConversionPattern<MmaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MmaOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto a = op.getA().getType(), sum = op.getType();
    Type element = a.getElementType();
    auto words = [&](ValueRange registers) {
      SmallVector<Value> operands(registers);
      for (Value &v : operands)
        if (element.isBF16())
          v = LLVM::BitcastOp::create(rewriter, loc, rewriter.getI32Type(), v);
        else if (element.isF32())
          v = NVVM::ConvertFloatToTF32Op::create(rewriter, loc, rewriter.getI32Type(), v,
                                                 NVVM::FPRoundingMode::RNA);
      return operands;
    };
    SmallVector<Value> left = words(adaptor.getA()), right = words(adaptor.getB()),
                       sums(adaptor.getAccumulator());
    int64_t depth = 32 / (element.getIntOrFloatBitWidth() / 8), steps = a.getDimSize(1) / depth;
    auto warps = cast<MmaAttr>(sum.getEncoding()).getWarps();
    int64_t down = sum.getDimSize(0) / warps[0] / 16, along = sum.getDimSize(1) / warps[1] / 8;
    NVVM::MMATypes ptx = element.isF16()   ? NVVM::MMATypes::f16
                         : element.isF32() ? NVVM::MMATypes::tf32
                                           : NVVM::MMATypes::bf16;
    for (int64_t k = 0; k < steps; ++k)
      for (int64_t i = 0; i < down; ++i)
        for (int64_t j = 0; j < along; ++j) {
          auto piece = MutableArrayRef<Value>(sums).slice((i * along + j) * 4, 4);
          Value all = NVVM::MmaOp::create(
              rewriter, loc, structOf(rewriter.getF32Type(), 4), ArrayRef(left).slice((i * steps + k) * 4, 4),
              ArrayRef(right).slice((j * steps + k) * 2, 2), piece, {16, 8, depth}, std::nullopt,
              std::nullopt, std::array{ptx, ptx}, std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
          llvm::copy(unpack(rewriter, loc, all, 4), piece.begin());
        }
    rewriter.replaceOpWithMultiple(op, {sums});
    return success();
  }
};

/// What a descriptor says besides the address: rows permuted in lines of 128 bytes, eight rows of them 1024
/// bytes apart (in units of 16 bytes); the other distance has no meaning then, 1 is usual.
constexpr uint64_t descriptorBits = uint64_t(1) << 62 | uint64_t(1024 / 16) << 32 | uint64_t(1) << 16;
/// Bytes of a row of a factor, and of what an instruction takes of it.
constexpr int64_t rowBytes = 128, stepBytes = 32;

struct WarpgroupMma : OpConversionPattern<WarpgroupMmaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WarpgroupMmaOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type i32 = rewriter.getI32Type(), i64 = rewriter.getI64Type();
    auto constant = [&](Type type, uint64_t x) {
      return arith::ConstantOp::create(rewriter, loc, rewriter.getIntegerAttr(type, x));
    };
    auto descriptor = [&](Value address) -> Value {
      Value bits = arith::AndIOp::create(rewriter, loc, address, constant(i32, 0x3ffff));
      bits = arith::ShRUIOp::create(rewriter, loc, bits, constant(i32, 4));
      bits = arith::ExtUIOp::create(rewriter, loc, i64, bits);
      return arith::OrIOp::create(rewriter, loc, bits, constant(i64, descriptorBits));
    };
    Value a = LLVM::PtrToIntOp::create(rewriter, loc, i32, adaptor.getA()[0]);
    Value b = LLVM::PtrToIntOp::create(rewriter, loc, i32, adaptor.getB()[0]);
    // A warpgroup of 128 threads has 64 rows.
    Value group = NVVM::ThreadIdXOp::create(rewriter, loc, i32);
    group = arith::ShRUIOp::create(rewriter, loc, group, constant(i32, 7));
    Value rows = arith::MulIOp::create(rewriter, loc, group, constant(i32, 64 * rowBytes));
    Value descriptorA = descriptor(arith::AddIOp::create(rewriter, loc, a, rows)),
          descriptorB = descriptor(b);

    auto sum = op.getType();
    int64_t count = adaptor.getAccumulator().size();
    auto type = structOf(rewriter.getF32Type(), count);
    auto element =
        op.getA().getType().getElementType().isF16() ? NVVM::WGMMATypes::f16 : NVVM::WGMMATypes::bf16;
    auto shape = NVVM::MMAShapeAttr::get(getContext(), 64, sum.getDimSize(1), 16);
    Value sums = LLVM::PoisonOp::create(rewriter, loc, type);
    for (auto [i, value] : llvm::enumerate(adaptor.getAccumulator()))
      sums = LLVM::InsertValueOp::create(rewriter, loc, sums, value, i);
    NVVM::WgmmaFenceAlignedOp::create(rewriter, loc);
    for (int64_t byte = 0; byte < rowBytes; byte += stepBytes) {
      auto advanced = [&](Value from) -> Value {
        return byte == 0 ? from : arith::AddIOp::create(rewriter, loc, from, constant(i64, byte / 16));
      };
      sums = NVVM::WgmmaMmaAsyncOp::create(
          rewriter, loc, type, sums, advanced(descriptorA), advanced(descriptorB), shape, element, element,
          NVVM::WGMMATypes::f32, NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
          NVVM::MMALayout::row, NVVM::MMALayout::col, nullptr);
    }
    NVVM::WgmmaGroupSyncAlignedOp::create(rewriter, loc);
    rewriter.replaceOpWithMultiple(op, {unpack(rewriter, loc, sums, count)});
    return success();
  }
};

struct WarpgroupWait : OpConversionPattern<WarpgroupWaitOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(WarpgroupWaitOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::WgmmaWaitGroupSyncOp>(op, 0);
    return success();
  }
};

struct ProxyFence : OpConversionPattern<ProxyFenceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ProxyFenceOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto space = NVVM::SharedSpaceAttr::get(getContext(), NVVM::SharedSpace::shared_cta);
    rewriter.replaceOpWithNewOp<NVVM::FenceProxyOp>(op, NVVM::ProxyKind::async_shared, space);
    return success();
  }
};

} // namespace

void weft::tile::populateMatrix(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<LoadOperand, Mma, WarpgroupMma, WarpgroupWait, ProxyFence>(converter, patterns.getContext());
}
