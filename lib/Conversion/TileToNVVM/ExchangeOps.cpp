// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What threads exchange: reductions over lanes by shuffles, over warps by shared memory, barriers, products
// of tiles.
#include "Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace weft::tile;

namespace {

bool isZero(const Coordinates &basis) {
  return llvm::all_of(basis, [](int64_t x) { return x == 0; });
}

/// The value of the lane whose number differs in the bits of `mask`.
Value shuffle(OpBuilder &b, Location loc, Value value, int64_t mask) {
  Type type = value.getType(), i32 = b.getI32Type(), i64 = b.getI64Type();
  auto constant = [&](int64_t x) { return LLVM::ConstantOp::create(b, loc, i32, x); };
  auto exchange = [&](Value word) -> Value {
    return NVVM::ShflOp::create(b, loc, word.getType(), constant(-1), word, constant(mask), constant(31),
                                NVVM::ShflKind::bfly, UnitAttr());
  };
  if (type.isInteger(32) || type.isF32())
    return exchange(value);
  if (type.isIndex())
    return arith::IndexCastOp::create(b, loc, type,
                                      shuffle(b, loc, arith::IndexCastOp::create(b, loc, i64, value), mask));
  if (isa<FloatType>(type)) {
    Type bits = b.getIntegerType(type.getIntOrFloatBitWidth());
    return arith::BitcastOp::create(b, loc, type,
                                    shuffle(b, loc, arith::BitcastOp::create(b, loc, bits, value), mask));
  }
  if (type.isInteger(64)) {
    Value low = arith::TruncIOp::create(b, loc, i32, value);
    Value high = arith::TruncIOp::create(
        b, loc, i32, arith::ShRUIOp::create(b, loc, value, arith::ConstantIntOp::create(b, loc, i64, 32)));
    low = arith::ExtUIOp::create(b, loc, i64, exchange(low));
    high = arith::ExtUIOp::create(b, loc, i64, exchange(high));
    high = arith::ShLIOp::create(b, loc, high, arith::ConstantIntOp::create(b, loc, i64, 32));
    return arith::OrIOp::create(b, loc, high, low);
  }
  return arith::TruncIOp::create(b, loc, type, exchange(arith::ExtUIOp::create(b, loc, i32, value)));
}

/// Combines registers and lanes along `axis`; per register of the reduced tile a value for each operand.
SmallVector<SmallVector<Value>> reduceInWarp(OpBuilder &b, Location loc, RankedTensorType tile, int64_t axis,
                                             ArrayRef<ValueRange> inputs, Region &combiner) {
  LinearLayout layout = linearLayoutOf(tile), rest = layout.without(axis);
  SmallVector<SmallVector<Value>> sums(rest.numRegisters());
  for (int64_t r = 0; r < layout.numRegisters(); ++r) {
    Coordinates kept = layout.ofRegister(r);
    if (!kept.empty())
      kept.erase(kept.begin() + axis);
    auto all = llvm::seq<int64_t>(0, rest.numRegisters());
    int64_t target = *llvm::find_if(all, [&](int64_t s) {
      Coordinates found = rest.ofRegister(s);
      found.resize(kept.size(), 0);
      return found == kept;
    });
    SmallVector<Value> values = llvm::map_to_vector(inputs, [&](ValueRange input) { return input[r]; });
    sums[target] = sums[target].empty() ? values : inlineCombiner(b, combiner, sums[target], values);
  }
  for (auto [bit, basis] : llvm::enumerate(layout.lanes)) {
    if (basis[axis] == 0)
      continue;
    for (SmallVector<Value> &sum : sums) {
      SmallVector<Value> other =
          llvm::map_to_vector(sum, [&](Value value) { return shuffle(b, loc, value, int64_t(1) << bit); });
      sum = inlineCombiner(b, combiner, sum, other);
    }
  }
  return sums;
}

SmallVector<SmallVector<Value>> transposed(ArrayRef<SmallVector<Value>> lists, size_t count) {
  SmallVector<SmallVector<Value>> result(count);
  for (const SmallVector<Value> &list : lists)
    for (auto [all, value] : llvm::zip(result, list))
      all.push_back(value);
  return result;
}

struct Reduce : OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ReduceOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto tile = cast<RankedTensorType>(op.getInputs()[0].getType());
    for (const Coordinates &basis : linearLayoutOf(tile).warps)
      if (basis[op.getAxis()] != 0)
        return op.emitOpError("combines several warps; wanted --tile-expand-exchanges before");
    SmallVector<ValueRange> inputs(adaptor.getInputs());
    auto sums = reduceInWarp(rewriter, op.getLoc(), tile, op.getAxis(), inputs, op.getCombiner());
    rewriter.replaceOpWithMultiple(op, transposed(sums, op.getNumResults()));
    return success();
  }
};

struct StorePartials : OpConversionPattern<StorePartialsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(StorePartialsOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto tile = cast<RankedTensorType>(op.getInputs()[0].getType());
    int64_t axis = op.getAxis();
    SmallVector<ValueRange> inputs(adaptor.getInputs());
    auto sums = reduceInWarp(rewriter, loc, tile, axis, inputs, op.getCombiner());
    LinearLayout layout = linearLayoutOf(tile), rest = layout.without(axis);
    // One lane for each element, and of warps that hold the same all but one keep still.
    int64_t silent = 0, numLanes = layout.lanes.size();
    for (auto [bit, basis] : llvm::enumerate(rest.lanes))
      if (isZero(basis))
        silent |= int64_t(1) << bit;
    for (auto [bit, basis] : llvm::enumerate(layout.warps))
      if (isZero(basis))
        silent |= int64_t(1) << (numLanes + bit);
    ThreadCode code(rewriter, loc);
    // The number of the warp along the axis.
    Value warp;
    int64_t next = 0;
    for (auto [bit, basis] : llvm::enumerate(layout.warps)) {
      if (basis[axis] == 0)
        continue;
      Value part = code.scale(code.threadBits(numLanes + bit, 1), int64_t(1) << next++);
      warp = warp ? Value(arith::OrIOp::create(rewriter, loc, warp, part)) : part;
    }
    SmallVector<int64_t> shape(tile.getShape());
    shape.erase(shape.begin() + axis);
    auto points = code.coordinates(RankedTensorType::get(
        shape, tile.getElementType(), SliceAttr::get(getContext(), axis, tile.getEncoding())));
    onlyWhere(rewriter, loc, code.bitsAreZero(silent), [&](OpBuilder &b) {
      ThreadCode inner(b, loc);
      for (auto [r, sum] : llvm::enumerate(sums))
        for (auto [k, value] : llvm::enumerate(sum)) {
          auto type = cast<SharedType>(op.getScratch()[k].getType());
          Value position = inner.scale(points[r][0], type.getShape()[1]);
          if (warp)
            position = inner.add(position, warp);
          Value address = inner.address(adaptor.getScratch()[k][0], type.getElementType(), position);
          LLVM::StoreOp::create(b, loc, value, address);
        }
    });
    rewriter.eraseOp(op);
    return success();
  }
};

struct CombinePartials : OpConversionPattern<CombinePartialsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(CombinePartialsOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ThreadCode code(rewriter, loc);
    auto tile = cast<RankedTensorType>(op.getResult(0).getType());
    SmallVector<SmallVector<Value>> sums;
    for (ArrayRef<Value> point : code.coordinates(tile)) {
      SmallVector<Value> sum;
      int64_t count = cast<SharedType>(op.getScratch()[0].getType()).getShape()[1];
      for (int64_t w = 0; w < count; ++w) {
        SmallVector<Value> values;
        for (auto [k, scratch] : llvm::enumerate(op.getScratch())) {
          auto type = cast<SharedType>(scratch.getType());
          Value position = code.add(code.scale(point[0], count), code.index(w));
          Value address = code.address(adaptor.getScratch()[k][0], type.getElementType(), position);
          values.push_back(LLVM::LoadOp::create(rewriter, loc, type.getElementType(), address));
        }
        sum = sum.empty() ? values : inlineCombiner(rewriter, op.getCombiner(), sum, values);
      }
      sums.push_back(sum);
    }
    rewriter.replaceOpWithMultiple(op, transposed(sums, op.getNumResults()));
    return success();
  }
};

struct Barrier : OpConversionPattern<BarrierOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BarrierOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::Barrier0Op>(op);
    return success();
  }
};

/// A factor of tile.dot in shared memory as one thread reads it: neighbours together, each group once.
class Factor {
public:
  /// Of accumulators of `layout` along `dim`.
  Factor(ThreadCode code, SharedType buffer, Value memory, bool transposed, int64_t dim,
         const LinearLayout &layout)
      : code(code), buffer(buffer), transposed(transposed),
        addresses(code, memory, layout.mapped([&](const Coordinates &basis) {
          return Coordinates{byteOf(0, basis[dim])};
        })) {
    // What a row's permutation keeps together, and the thread's registers or K offer.
    int64_t most = std::min<int64_t>(4, buffer.getShape()[1]);
    if (buffer.getLayout().getPhases() > 1)
      most = std::min(most, buffer.getLayout().getVector());
    Coordinates next(2, 0);
    for (next[dim] = 1; run < most && (transposed || llvm::is_contained(layout.registers, next));
         next[dim] = run)
      run *= 2;
  }

  /// Number `k` of row or column `outer`, as the register's number contributes it.
  Value at(int64_t k, int64_t outer) {
    auto [found, isNew] = elements.try_emplace({k, outer});
    if (!isNew)
      return found->second;
    int64_t &along = transposed ? k : outer, wanted = along;
    along = along / run * run;
    for (Value value :
         loadGroup(code.b, code.loc, addresses.at(byteOf(k, outer)), buffer.getElementType(), run)) {
      elements[{k, outer}] = value;
      ++along;
    }
    along = wanted;
    return elements[{k, outer}];
  }

private:
  int64_t byteOf(int64_t k, int64_t outer) const {
    return transposed ? buffer.byteOf({outer, k}) : buffer.byteOf({k, outer});
  }

  ThreadCode code;
  SharedType buffer;
  bool transposed;
  SharedAddresses addresses;
  int64_t run = 1; ///< elements of a load
  llvm::DenseMap<std::pair<int64_t, int64_t>, Value> elements;
};

/// Number by number along K: a thread reads what it needs of both factors and adds the outer product.
struct Dot : OpConversionPattern<DotOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(DotOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ThreadCode code(rewriter, op.getLoc());
    LinearLayout layout = linearLayoutOf(op.getType());
    SharedType a = op.getA().getType();
    Factor left(code, a, adaptor.getA()[0], op.getTransposedA(), 0, layout);
    Factor right(code, op.getB().getType(), adaptor.getB()[0], op.getTransposedB(), 1, layout);
    SmallVector<Value> sums(adaptor.getAccumulator());
    for (int64_t k = 0, depth = a.getShape()[op.getTransposedA() ? 1 : 0]; k < depth; ++k)
      for (auto [r, sum] : llvm::enumerate(sums)) {
        Coordinates own = layout.ofRegister(r);
        own.resize(2, 0);
        sum = math::FmaOp::create(rewriter, op.getLoc(), left.at(k, own[0]), right.at(k, own[1]), sum);
      }
    rewriter.replaceOpWithMultiple(op, {sums});
    return success();
  }
};

} // namespace

void weft::tile::populateExchange(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<Reduce, StorePartials, CombinePartials, Barrier, Dot>(converter, patterns.getContext());
}
