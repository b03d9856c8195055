// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads and stores: global memory, up to 128 bits at once; shared memory with swizzled rows; private slots.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::tile;

namespace {

int64_t bytesOf(Type element) {
  return element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

/// Element types of tiles as they lie in memory: indices take 64 bits.
Value toMemory(OpBuilder &b, Location loc, Value value) {
  return value.getType().isIndex() ? Value(arith::IndexCastOp::create(b, loc, b.getI64Type(), value)) : value;
}
Value fromMemory(OpBuilder &b, Location loc, Value value, Type element) {
  return element.isIndex() ? Value(arith::IndexCastOp::create(b, loc, element, value)) : value;
}

Value registerOr(ValueRange registers, int64_t r) {
  return registers.empty() ? Value() : registers[registers.size() == 1 ? 0 : r];
}

} // namespace

void weft::tile::storeGroup(OpBuilder &b, Location loc, Value address, ValueRange values) {
  Type element = values[0].getType();
  if (values.size() == 1) {
    LLVM::StoreOp::create(b, loc, toMemory(b, loc, values[0]), address, bytesOf(element));
    return;
  }
  int64_t count = values.size();
  Type stored = element.isIndex() ? b.getI64Type() : element;
  Value vector = LLVM::PoisonOp::create(b, loc, VectorType::get({count}, stored));
  for (int64_t i = 0; i < count; ++i) {
    Value at = LLVM::ConstantOp::create(b, loc, b.getI32Type(), i);
    vector = LLVM::InsertElementOp::create(b, loc, vector, toMemory(b, loc, values[i]), at);
  }
  LLVM::StoreOp::create(b, loc, vector, address, count * bytesOf(element));
}

int64_t weft::tile::groupOf(Type tile, Type element, int64_t contiguous) {
  auto type = dyn_cast<RankedTensorType>(tile);
  if (!type)
    return 1;
  int64_t limit = std::min<int64_t>(contiguous, std::max<int64_t>(16 / bytesOf(element), 1));
  return linearLayoutOf(type).contiguous(type.getRank() - 1, limit);
}

SmallVector<Value> weft::tile::loadGroup(OpBuilder &b, Location loc, Value address, Type element,
                                         int64_t count) {
  Type stored = element.isIndex() ? b.getI64Type() : element;
  if (count == 1)
    return {fromMemory(b, loc, LLVM::LoadOp::create(b, loc, stored, address, bytesOf(element)), element)};
  Value vector =
      LLVM::LoadOp::create(b, loc, VectorType::get({count}, stored), address, count * bytesOf(element));
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i) {
    Value at = LLVM::ConstantOp::create(b, loc, b.getI32Type(), i);
    values.push_back(fromMemory(b, loc, LLVM::ExtractElementOp::create(b, loc, vector, at), element));
  }
  return values;
}

Value weft::tile::positionOf(ThreadCode code, SharedType buffer, ArrayRef<Value> point, Value row) {
  if (point.size() == 1)
    return row ? code.add(point[0], row) : point[0];
  Value i = row ? code.add(point[0], row) : point[0], j = point[1];
  int64_t vector = buffer.getLayout().getVector(), phases = buffer.getLayout().getPhases(),
          rows = buffer.getLayout().getRows();
  if (phases > 1) {
    Value phase = rows == 1 ? i : Value(arith::DivUIOp::create(code.b, code.loc, i, code.index(rows)));
    phase = arith::AndIOp::create(code.b, code.loc, phase, code.index(phases - 1));
    j = arith::XOrIOp::create(code.b, code.loc, j, code.scale(phase, vector));
  }
  return code.add(code.scale(i, buffer.getShape()[1]), j);
}

namespace {

struct Load : OpConversionPattern<LoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LoadOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    Type element = getElementTypeOrSelf(op.getType());
    ValueRange offsets = adaptor.getOffset(), masks = adaptor.getMask(), others = adaptor.getOther();
    int64_t group = groupOf(op.getOffset().getType(), element, op.getContiguous());
    SmallVector<Value> registers;
    for (size_t r = 0; r < offsets.size(); r += group) {
      auto access = [&](OpBuilder &b) {
        Value address = ThreadCode(b, loc).address(adaptor.getBuffer()[0], element, offsets[r]);
        return loadGroup(b, loc, address, element, group);
      };
      auto otherwise = [&] {
        SmallVector<Value> values;
        for (int64_t i = 0; i < group; ++i) {
          Value other = registerOr(others, r + i);
          values.push_back(other ? other
                                 : arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(element)));
        }
        return values;
      };
      llvm::append_range(registers, valuesWhere(rewriter, loc, registerOr(masks, r), access, otherwise));
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct Store : OpConversionPattern<StoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    Type element = getElementTypeOrSelf(op.getValue().getType());
    ValueRange values = adaptor.getValue(), offsets = adaptor.getOffset(), masks = adaptor.getMask();
    int64_t group = groupOf(op.getOffset().getType(), element, op.getContiguous());
    // One of the threads that hold an element stores it; what all threads hold, thread 0.
    int64_t copies = -1;
    if (auto tile = dyn_cast<RankedTensorType>(op.getOffset().getType()))
      copies = linearLayoutOf(tile).replicatedThreadBits();
    Value first = code.bitsAreZero(copies == -1 ? 1023 : copies);
    for (size_t r = 0; r < values.size(); r += group) {
      Value mask = registerOr(masks, r);
      if (first)
        mask = mask ? Value(arith::AndIOp::create(rewriter, loc, mask, first)) : first;
      onlyWhere(rewriter, loc, mask, [&](OpBuilder &b) {
        Value address = ThreadCode(b, loc).address(adaptor.getBuffer()[0], element, offsets[r]);
        storeGroup(b, loc, address, values.slice(r, group));
      });
    }
    rewriter.eraseOp(op);
    return success();
  }
};

//===-- Private slots
//----------------------------------------------------------------------------------------===//

struct AllocPrivate : OpConversionPattern<AllocPrivateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AllocPrivateOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType tile = op.getType().getTile();
    int64_t slots = op.getType().getLength() * linearLayoutOf(tile).numRegisters();
    Type element = tile.getElementType().isIndex() ? rewriter.getI64Type() : tile.getElementType();
    Value count = LLVM::ConstantOp::create(rewriter, op.getLoc(), rewriter.getI64Type(), slots);
    rewriter.replaceOpWithNewOp<LLVM::AllocaOp>(op, LLVM::LLVMPointerType::get(rewriter.getContext()),
                                                element, count);
    return success();
  }
};

/// Slot `index` of each register: registers of one slot lie side by side.
Value slotAddress(ThreadCode code, Value base, RankedTensorType tile, ValueRange index, int64_t r) {
  int64_t count = linearLayoutOf(tile).numRegisters();
  Value position = code.add(code.scale(registerOr(index, r), count), code.index(r));
  return code.address(base, tile.getElementType(), position);
}

struct PrivateLoad : OpConversionPattern<PrivateLoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PrivateLoadOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ThreadCode code(rewriter, op.getLoc());
    SmallVector<Value> registers;
    for (int64_t r = 0, e = linearLayoutOf(op.getType()).numRegisters(); r < e; ++r) {
      Value address = slotAddress(code, adaptor.getBuffer()[0], op.getType(), adaptor.getIndex(), r);
      llvm::append_range(registers,
                         loadGroup(rewriter, op.getLoc(), address, op.getType().getElementType(), 1));
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct PrivateStore : OpConversionPattern<PrivateStoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PrivateStoreOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ThreadCode code(rewriter, op.getLoc());
    for (auto [r, value] : llvm::enumerate(adaptor.getValue()))
      storeGroup(rewriter, op.getLoc(),
                 slotAddress(code, adaptor.getBuffer()[0], op.getValue().getType(), adaptor.getIndex(), r),
                 value);
    rewriter.eraseOp(op);
    return success();
  }
};

//===-- Shared memory
//----------------------------------------------------------------------------------------===//

/// Registers of one access to shared memory: neighbours along a row, inside one group of the swizzle.
int64_t sharedGroup(RankedTensorType tile, SharedType buffer, bool transposed) {
  if (transposed && tile.getRank() == 2)
    return linearLayoutOf(tile).contiguous(
        0, std::min<int64_t>(16 / buffer.getElementBytes(),
                             buffer.getLayout().getPhases() > 1 ? buffer.getLayout().getVector() : 16));
  int64_t limit = buffer.getLayout().getPhases() > 1 ? buffer.getLayout().getVector() : 16;
  limit = std::min(limit, std::max<int64_t>(16 / buffer.getElementBytes(), 1));
  if (buffer.getShape().back() % limit != 0)
    limit = 1;
  return linearLayoutOf(tile).contiguous(tile.getRank() - 1, limit);
}

struct LocalStore : OpConversionPattern<LocalStoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LocalStoreOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    RankedTensorType tile = op.getValue().getType();
    SharedType buffer = op.getBuffer().getType();
    int64_t group = sharedGroup(tile, buffer, op.getTransposed());
    Value row = adaptor.getRow().empty() ? Value() : adaptor.getRow()[0];
    ValueRange values = adaptor.getValue();
    auto points = code.coordinates(tile);
    auto storeAll = [&](OpBuilder &b) {
      ThreadCode inner(b, loc);
      for (size_t r = 0; r < points.size(); r += group) {
        SmallVector<Value> point = points[r];
        if (op.getTransposed())
          std::reverse(point.begin(), point.end());
        Value address = inner.address(adaptor.getBuffer()[0], buffer.getElementType(),
                                      positionOf(inner, buffer, point, row));
        storeGroup(b, loc, address, values.slice(r, group));
      }
    };
    if (Value first = code.bitsAreZero(linearLayoutOf(tile).replicatedThreadBits()))
      scf::IfOp::create(rewriter, loc, first, [&](OpBuilder &b, Location) {
        storeAll(b);
        scf::YieldOp::create(b, loc);
      });
    else
      storeAll(rewriter);
    rewriter.eraseOp(op);
    return success();
  }
};

struct LocalLoad : OpConversionPattern<LocalLoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LocalLoadOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ThreadCode code(rewriter, op.getLoc());
    RankedTensorType tile = op.getType();
    if (isa<DotOperandAttr>(tile.getEncoding()))
      return rewriter.notifyMatchFailure(op, "loaded by ldmatrix");
    SharedType buffer = op.getBuffer().getType();
    int64_t group = sharedGroup(tile, buffer, op.getTransposed());
    if (auto at = op.getAt())
      for (; group > 1; group /= 2)
        if (at->back() % group == 0)
          break;
    Value row = adaptor.getRow().empty() ? Value() : adaptor.getRow()[0];
    auto points = code.coordinates(tile);
    SmallVector<Value> registers;
    for (size_t r = 0; r < points.size(); r += group) {
      SmallVector<Value> point = points[r];
      if (op.getTransposed())
        std::reverse(point.begin(), point.end());
      if (auto at = op.getAt())
        for (auto [x, first] : llvm::zip(point, *at))
          x = code.add(x, code.index(first));
      Value address =
          code.address(adaptor.getBuffer()[0], buffer.getElementType(), positionOf(code, buffer, point, row));
      llvm::append_range(registers,
                         loadGroup(rewriter, op.getLoc(), address, buffer.getElementType(), group));
    }
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct GetGlobal : OpConversionPattern<memref::GetGlobalOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(memref::GetGlobalOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::AddressOfOp>(op, LLVM::LLVMPointerType::get(rewriter.getContext()),
                                                   op.getName());
    return success();
  }
};

} // namespace

void weft::tile::populateMemory(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<Load, Store, AllocPrivate, PrivateLoad, PrivateStore, LocalStore, LocalLoad, GetGlobal>(
      converter, patterns.getContext());
}
