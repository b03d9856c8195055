// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix units of the nvvm dialect (ldmatrix, stmatrix, mma.sync, wgmma) and conversions to packed elements,
// as calls of the emulator's table. Fragments go through the thread's stack, in the order of the registers.
#include "Lower.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::emulator;

static Lowered refuse(Operation *op, const Twine &what) {
  op->emitError("no emulation for ") << what << " of '" << op->getName() << "'";
  return Lowered::Failed;
}

static std::optional<uint8_t> elementType(NVVM::MMATypes type) {
  switch (type) {
  case NVVM::MMATypes::f16:
    return WEFT_F16;
  case NVVM::MMATypes::f32:
    return WEFT_F32;
  case NVVM::MMATypes::tf32:
    return WEFT_TF32;
  case NVVM::MMATypes::bf16:
    return WEFT_BF16;
  case NVVM::MMATypes::f64:
    return WEFT_F64;
  case NVVM::MMATypes::u8:
    return WEFT_U8;
  case NVVM::MMATypes::s8:
    return WEFT_S8;
  case NVVM::MMATypes::s32:
    return WEFT_S32;
  case NVVM::MMATypes::e4m3:
    return WEFT_E4M3;
  case NVVM::MMATypes::e5m2:
    return WEFT_E5M2;
  default:
    return std::nullopt;
  }
}

static std::optional<uint8_t> elementType(NVVM::WGMMATypes type) {
  switch (type) {
  case NVVM::WGMMATypes::f16:
    return WEFT_F16;
  case NVVM::WGMMATypes::tf32:
    return WEFT_TF32;
  case NVVM::WGMMATypes::u8:
    return WEFT_U8;
  case NVVM::WGMMATypes::s8:
    return WEFT_S8;
  case NVVM::WGMMATypes::bf16:
    return WEFT_BF16;
  case NVVM::WGMMATypes::e4m3:
    return WEFT_E4M3;
  case NVVM::WGMMATypes::e5m2:
    return WEFT_E5M2;
  case NVVM::WGMMATypes::f32:
    return WEFT_F32;
  case NVVM::WGMMATypes::s32:
    return WEFT_S32;
  case NVVM::WGMMATypes::b1:
    return std::nullopt;
  }
  return std::nullopt;
}

/// A description of plain bytes as a constant of the image.
template <class T> static Value constantBytes(Emit &emit, StringRef name, const T &value) {
  return emit.bytes(name, StringRef(reinterpret_cast<const char *>(&value), sizeof value), alignof(T));
}

static Lowered lowerLdMatrix(NVVM::LdMatrixOp op, Emit &emit) {
  if (op.getShape().getM() != 8 || op.getShape().getN() != 8 ||
      op.getEltType() != NVVM::LdStMatrixEltType::B16)
    return refuse(op, "shapes other than 8x8 of 16 bits");
  Value result = emit.slot(op.getType());
  emit.call(WEFT_FUNCTION(ldmatrix), Type(),
            {op.getPtr(), emit.constant32(op.getNum()),
             emit.constant32(op.getLayout() == NVVM::MMALayout::col), result});
  replaceOp(op, emit.load(op.getType(), result));
  return Lowered::Done;
}

static Lowered lowerStMatrix(NVVM::StMatrixOp op, Emit &emit) {
  if (op.getShape().getM() != 8 || op.getShape().getN() != 8 ||
      op.getEltType() != NVVM::LdStMatrixEltType::B16)
    return refuse(op, "shapes other than 8x8 of 16 bits");
  emit.call(WEFT_FUNCTION(stmatrix), Type(),
            {op.getPtr(), emit.constant32(static_cast<int64_t>(op.getSources().size())),
             emit.constant32(op.getLayout() == NVVM::MMALayout::col), emit.spill(op.getSources())});
  op.erase();
  return Lowered::Done;
}

static bool isKnownShape(const WeftMma &shape) {
  auto is = [&](int m, int n, int k) { return shape.m == m && shape.n == n && shape.k == k; };
  switch (shape.a) {
  case WEFT_F16:
  case WEFT_BF16:
    return is(16, 8, 16) || is(16, 8, 8);
  case WEFT_TF32:
    return is(16, 8, 8) || is(16, 8, 4);
  case WEFT_S8:
  case WEFT_U8:
    return is(16, 8, 32) || is(16, 8, 16);
  case WEFT_E4M3:
  case WEFT_E5M2:
    return is(16, 8, 32);
  case WEFT_F64:
    return is(8, 8, 4);
  default:
    return false;
  }
}

static Lowered lowerMma(NVVM::MmaOp op, Emit &emit) {
  if (op.getB1Op())
    return refuse(op, "products of bits");
  auto typeOf = [](std::optional<NVVM::MMATypes> known, Type operand) {
    if (!known)
      known = NVVM::MmaOp::inferOperandMMAType(operand, /*isAccumulator=*/false);
    return known ? elementType(*known) : std::nullopt;
  };
  auto a = typeOf(op.getMultiplicandAPtxType(), op.getOperandA()[0].getType());
  auto b = typeOf(op.getMultiplicandBPtxType(), op.getOperandB()[0].getType());
  auto c = elementType(op.accumPtxType()), d = elementType(op.resultPtxType());
  if (!a || !b || !c || !d)
    return refuse(op, "these element types");
  WeftMma shape = {};
  shape.m = static_cast<uint16_t>(op.getShape().getM());
  shape.n = static_cast<uint16_t>(op.getShape().getN());
  shape.k = static_cast<uint16_t>(op.getShape().getK());
  shape.a = *a;
  shape.b = *b;
  shape.c = *c;
  shape.d = *d;
  shape.saturate = op.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite;
  if (!isKnownShape(shape))
    return refuse(op, "this shape");
  Value result = emit.slot(op.getType());
  emit.call(WEFT_FUNCTION(mma), Type(),
            {constantBytes(emit, "mma", shape), emit.spill(op.getOperandA()), emit.spill(op.getOperandB()),
             emit.spill(op.getOperandC()), result});
  replaceOp(op, emit.load(op.getType(), result));
  return Lowered::Done;
}

static Lowered lowerWgmma(NVVM::WgmmaMmaAsyncOp op, Emit &emit) {
  auto a = elementType(op.getTypeA()), b = elementType(op.getTypeB()), d = elementType(op.getTypeD());
  if (!a || !b || !d)
    return refuse(op, "these element types");
  WeftWgmma shape = {};
  shape.m = static_cast<uint16_t>(op.getShape().getM());
  shape.n = static_cast<uint16_t>(op.getShape().getN());
  shape.k = static_cast<uint16_t>(op.getShape().getK());
  shape.a = *a;
  shape.b = *b;
  shape.d = *d;
  shape.useD = op.getScaleD() == NVVM::WGMMAScaleOut::one;
  shape.negateA = op.getScaleA() == NVVM::WGMMAScaleIn::neg;
  shape.negateB = op.getScaleB() == NVVM::WGMMAScaleIn::neg;
  shape.transposeA = op.getLayoutA() == NVVM::MMALayout::col;
  shape.transposeB = op.getLayoutB() == NVVM::MMALayout::row;
  shape.saturate = op.getSatfinite() == NVVM::MMAIntOverflow::satfinite;
  Value accumulators = emit.slot(op.getInouts().getType());
  LLVM::StoreOp::create(emit.b, emit.loc, op.getInouts(), accumulators);
  Value none = LLVM::ZeroOp::create(emit.b, emit.loc, emit.pointer());
  emit.call(
      WEFT_FUNCTION(wgmma), Type(),
      {constantBytes(emit, "wgmma", shape), op.getDescriptorA(), none, op.getDescriptorB(), accumulators});
  replaceOp(op, emit.load(op.getType(), accumulators));
  return Lowered::Done;
}

/// f32 to the 19 bits of tf32, in a register of 32: to nearest, ties away from zero (rna) or to even.
static Lowered lowerToTF32(NVVM::ConvertFloatToTF32Op op, Emit &emit) {
  if (op.getRelu() || op.getSat() != NVVM::SaturationMode::NONE ||
      (op.getRnd() != NVVM::FPRoundingMode::RN && op.getRnd() != NVVM::FPRoundingMode::RNA))
    return refuse(op, "this rounding");
  OpBuilder &b = emit.b;
  Location loc = emit.loc;
  Value bits = LLVM::BitcastOp::create(b, loc, emit.i32(), op.getSrc());
  Value bias = emit.constant32(0x1000);
  if (op.getRnd() == NVVM::FPRoundingMode::RN) {
    Value last = LLVM::LShrOp::create(b, loc, bits, emit.constant32(13));
    Value odd = LLVM::AndOp::create(b, loc, last, emit.constant32(1));
    bias = LLVM::AddOp::create(b, loc, odd, emit.constant32(0xfff));
  }
  Value sum = LLVM::AddOp::create(b, loc, bits, bias);
  Value rounded = LLVM::AndOp::create(b, loc, sum, emit.constant32(~0x1fff));
  // Infinities and NaN have nothing to round.
  Value exponent = LLVM::AndOp::create(b, loc, bits, emit.constant32(0x7f800000));
  Value special =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, exponent, emit.constant32(0x7f800000));
  replaceOp(op, LLVM::SelectOp::create(b, loc, special, bits, rounded));
  return Lowered::Done;
}

static Value emitPair(Emit &emit, uint32_t type, bool saturate, Value high, Value low) {
  return emit.callWithoutSite(WEFT_FUNCTION(convertPair), emit.i32(),
                              {emit.constant32(type), emit.constant32(saturate), high, low});
}

static Lowered lowerToF8x2(NVVM::ConvertF32x2ToF8x2Op op, Emit &emit) {
  bool isE4M3 = isa<Float8E4M3FNType>(op.getDstTy());
  if (op.getRelu() || (!isE4M3 && !isa<Float8E5M2Type>(op.getDstTy())))
    return refuse(op, "this form");
  Value pair = emitPair(emit, isE4M3 ? WEFT_E4M3 : WEFT_E5M2, true, op.getA(), op.getB());
  Value half = LLVM::TruncOp::create(emit.b, emit.loc, emit.b.getI16Type(), pair);
  replaceOp(op, LLVM::BitcastOp::create(emit.b, emit.loc, op.getType(), half));
  return Lowered::Done;
}

template <class Op> static Lowered lowerTo16x2(Op op, uint32_t type, Emit &emit) {
  if (op.getRelu() || op.getRnd() != NVVM::FPRoundingMode::RN)
    return refuse(op, "this rounding");
  Value pair = emitPair(emit, type, op.getSat() != NVVM::SaturationMode::NONE, op.getSrcHi(), op.getSrcLo());
  replaceOp(op, LLVM::BitcastOp::create(emit.b, emit.loc, op.getType(), pair));
  return Lowered::Done;
}

Lowered weft::emulator::lowerMatrixOp(Operation *op, SymbolTable &symbols) {
  Emit emit(op, symbols);
  auto done = [&] {
    op->erase();
    return Lowered::Done;
  };
  return llvm::TypeSwitch<Operation *, Lowered>(op)
      .Case([&](NVVM::LdMatrixOp load) { return lowerLdMatrix(load, emit); })
      .Case([&](NVVM::StMatrixOp store) { return lowerStMatrix(store, emit); })
      .Case([&](NVVM::MmaOp mma) { return lowerMma(mma, emit); })
      .Case([&](NVVM::WgmmaMmaAsyncOp wgmma) { return lowerWgmma(wgmma, emit); })
      .Case([&](NVVM::WgmmaFenceAlignedOp) {
        emit.call(WEFT_FUNCTION(wgmmaFence), Type(), {});
        return done();
      })
      .Case([&](NVVM::WgmmaGroupSyncAlignedOp) {
        emit.call(WEFT_FUNCTION(wgmmaCommit), Type(), {});
        return done();
      })
      .Case([&](NVVM::WgmmaWaitGroupSyncOp wait) {
        emit.call(WEFT_FUNCTION(wgmmaWait), Type(), {emit.constant32(static_cast<int64_t>(wait.getGroup()))});
        return done();
      })
      .Case([&](NVVM::RcpApproxFtzF32Op rcp) {
        Value one =
            LLVM::ConstantOp::create(emit.b, emit.loc, emit.b.getF32Type(), emit.b.getF32FloatAttr(1));
        replaceOp(op, LLVM::FDivOp::create(emit.b, emit.loc, one, rcp.getArg()));
        return Lowered::Done;
      })
      .Case([&](NVVM::ConvertFloatToTF32Op convert) { return lowerToTF32(convert, emit); })
      .Case([&](NVVM::ConvertF32x2ToF8x2Op convert) { return lowerToF8x2(convert, emit); })
      .Case([&](NVVM::ConvertF32x2ToF16x2Op convert) { return lowerTo16x2(convert, WEFT_F16, emit); })
      .Case([&](NVVM::ConvertF32x2ToBF16x2Op convert) { return lowerTo16x2(convert, WEFT_BF16, emit); })
      .Default([](Operation *) { return Lowered::Unknown; });
}
