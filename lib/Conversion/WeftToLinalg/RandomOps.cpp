// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// random_bits: Philox4x32-10 and Threefry2x32-20 as integer arithmetic per element. Stage: tensor. Each
// element computes its whole block and takes one word, so that any tiling yields the same bits.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

Value word(const Scalars &s, int64_t value) { return s.integer(s.b.getI32Type(), value); }

/// Words 0 to 3 of a Philox block.
SmallVector<Value> philox(const Scalars &s, Value block, Value key0, Value key1) {
  Type i32 = s.b.getI32Type(), i64 = s.b.getI64Type();
  Value high = arith::ShRUIOp::create(s.b, s.loc, block, s.integer(i64, 32));
  SmallVector<Value> c{arith::TruncIOp::create(s.b, s.loc, i32, block),
                       arith::TruncIOp::create(s.b, s.loc, i32, high), word(s, 0), word(s, 0)};
  for (int round = 0; round < 10; ++round) {
    auto product0 = arith::MulUIExtendedOp::create(s.b, s.loc, c[0], word(s, 0xD2511F53));
    auto product1 = arith::MulUIExtendedOp::create(s.b, s.loc, c[2], word(s, 0xCD9E8D57));
    auto mix = [&](Value x, Value y, Value z) -> Value {
      return arith::XOrIOp::create(s.b, s.loc, arith::XOrIOp::create(s.b, s.loc, x, y), z);
    };
    c = {mix(product1.getHigh(), c[1], key0), product1.getLow(), mix(product0.getHigh(), c[3], key1),
         product0.getLow()};
    key0 = s.add(key0, word(s, 0x9E3779B9));
    key1 = s.add(key1, word(s, 0xBB67AE85));
  }
  return c;
}

/// Both words of a Threefry block.
SmallVector<Value> threefry(const Scalars &s, Value block, Value key0, Value key1) {
  Type i32 = s.b.getI32Type(), i64 = s.b.getI64Type();
  Value high = arith::ShRUIOp::create(s.b, s.loc, block, s.integer(i64, 32));
  Value x0 = arith::TruncIOp::create(s.b, s.loc, i32, block),
        x1 = arith::TruncIOp::create(s.b, s.loc, i32, high);
  Value parity =
      arith::XOrIOp::create(s.b, s.loc, arith::XOrIOp::create(s.b, s.loc, key0, key1), word(s, 0x1BD11BDA));
  Value keys[3] = {key0, key1, parity};
  static constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  x0 = s.add(x0, keys[0]);
  x1 = s.add(x1, keys[1]);
  for (int group = 0; group < 5; ++group) {
    for (int rotation : rotations[group % 2]) {
      x0 = s.add(x0, x1);
      Value left = arith::ShLIOp::create(s.b, s.loc, x1, word(s, rotation));
      Value right = arith::ShRUIOp::create(s.b, s.loc, x1, word(s, 32 - rotation));
      x1 = arith::XOrIOp::create(s.b, s.loc, arith::OrIOp::create(s.b, s.loc, left, right), x0);
    }
    x0 = s.add(x0, keys[(group + 1) % 3]);
    x1 = s.add(s.add(x1, keys[(group + 2) % 3]), word(s, group + 1));
  }
  return {x0, x1};
}

class RandomBitsLowering : public OpConversionPattern<ir::RandomBitsOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::RandomBitsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value counter = adaptor.getCounter();
    int64_t rank = cast<RankedTensorType>(counter.getType()).getRank();
    Scalars outer(b, loc);
    Value key0 = tensor::ExtractOp::create(b, loc, adaptor.getKey(), ValueRange{outer.index(0)});
    Value key1 = tensor::ExtractOp::create(b, loc, adaptor.getKey(), ValueRange{outer.index(1)});
    bool isPhilox = op.getAlgorithm() == ir::RandomAlgorithm::philox;
    AffineMap map = b.getMultiDimIdentityMap(rank);
    Value empty = createEmpty(b, loc, getSizes(b, loc, counter), b.getI32Type());
    auto generic =
        createGeneric(b, loc, counter, empty, {map, map}, {}, [&](const Scalars &s, ValueRange args) {
          Type i64 = s.b.getI64Type();
          Value block = arith::ShRUIOp::create(s.b, s.loc, args[0], s.integer(i64, isPhilox ? 2 : 1));
          Value which = arith::AndIOp::create(s.b, s.loc, args[0], s.integer(i64, isPhilox ? 3 : 1));
          SmallVector<Value> words = isPhilox ? philox(s, block, key0, key1) : threefry(s, block, key0, key1);
          Value result = words[0];
          for (size_t i = 1; i < words.size(); ++i)
            result = s.select(s.compare(CompareKind::eq, which, s.integer(i64, i)), words[i], result);
          return SmallVector<Value>{result};
        });
    b.replaceOp(
        op, castTo(b, loc, generic.getResult(0), getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }
};

} // namespace

void lowering::populateRandom(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<RandomBitsLowering>(converter, patterns.getContext());
}
