// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops of the llvm dialect for which the host's code generator would call a library, which images may not:
// elementary functions (also as libdevice calls and nvvm intrinsics), remainders, copies of memory,
// arithmetic on bf16. Elementary functions are computed exactly rounded by the emulator: what a GPU's
// approximations differ by is not emulated.
#include "Lower.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::emulator;

static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static bool isBF16(Type type) { return getElementTypeOrSelf(type).isBF16(); }

/// Calls `one` for a scalar, or for each element of a vector.
static Value perElement(Emit &emit, ValueRange operands, llvm::function_ref<Value(ValueRange)> one) {
  auto vector = dyn_cast<VectorType>(operands.front().getType());
  if (!vector)
    return one(operands);
  Value result = LLVM::PoisonOp::create(emit.b, emit.loc, vector);
  for (int64_t i = 0; i < vector.getNumElements(); ++i) {
    Value index = emit.constant32(i);
    SmallVector<Value> elements;
    for (Value operand : operands)
      elements.push_back(LLVM::ExtractElementOp::create(emit.b, emit.loc, operand, index));
    result = LLVM::InsertElementOp::create(emit.b, emit.loc, result, one(elements), index);
  }
  return result;
}

/// bf16 to f32 in integer arithmetic.
static Value extendBF16(Emit &emit, Value x) {
  Type i16 = withElement(x.getType(), emit.b.getI16Type()), i32 = withElement(x.getType(), emit.i32()),
       f32 = withElement(x.getType(), emit.b.getF32Type());
  Value bits = LLVM::ZExtOp::create(emit.b, emit.loc, i32, LLVM::BitcastOp::create(emit.b, emit.loc, i16, x));
  Value sixteen = LLVM::ConstantOp::create(
      emit.b, emit.loc, i32,
      isa<VectorType>(i32) ? TypedAttr(DenseElementsAttr::get(cast<ShapedType>(i32), int32_t(16)))
                           : TypedAttr(emit.b.getI32IntegerAttr(16)));
  return LLVM::BitcastOp::create(emit.b, emit.loc, f32, LLVM::ShlOp::create(emit.b, emit.loc, bits, sixteen));
}

/// f32 to bf16: to nearest, ties to even, NaN stays NaN.
static Value truncateToBF16(Emit &emit, Value x) {
  Type i16 = withElement(x.getType(), emit.b.getI16Type()), i32 = withElement(x.getType(), emit.i32()),
       bf16 = withElement(x.getType(), emit.b.getBF16Type());
  auto constant = [&](int32_t value) -> Value {
    return LLVM::ConstantOp::create(emit.b, emit.loc, i32,
                                    isa<VectorType>(i32)
                                        ? TypedAttr(DenseElementsAttr::get(cast<ShapedType>(i32), value))
                                        : TypedAttr(emit.b.getI32IntegerAttr(value)));
  };
  Value bits = LLVM::BitcastOp::create(emit.b, emit.loc, i32, x), sixteen = constant(16);
  Value high = LLVM::LShrOp::create(emit.b, emit.loc, bits, sixteen);
  Value odd = LLVM::AndOp::create(emit.b, emit.loc, high, constant(1));
  Value bias = LLVM::AddOp::create(emit.b, emit.loc, odd, constant(0x7fff));
  Value rounded =
      LLVM::LShrOp::create(emit.b, emit.loc, LLVM::AddOp::create(emit.b, emit.loc, bits, bias), sixteen);
  Value quiet = LLVM::OrOp::create(emit.b, emit.loc, high, constant(0x40));
  Value isNaN = LLVM::FCmpOp::create(emit.b, emit.loc, LLVM::FCmpPredicate::uno, x, x);
  Value chosen = LLVM::SelectOp::create(emit.b, emit.loc, isNaN, quiet, rounded);
  Value narrow = LLVM::TruncOp::create(emit.b, emit.loc, i16, chosen);
  return LLVM::BitcastOp::create(emit.b, emit.loc, bf16, narrow);
}

/// To and from f32 (or f64, which stays).
static Value toWide(Emit &emit, Value x) {
  Type element = getElementTypeOrSelf(x.getType());
  if (element.isBF16())
    return extendBF16(emit, x);
  if (element.isF16())
    return LLVM::FPExtOp::create(emit.b, emit.loc, withElement(x.getType(), emit.b.getF32Type()), x);
  return x;
}

static Value toNarrow(Emit &emit, Value x, Type type) {
  if (x.getType() == type)
    return x;
  return isBF16(type) ? truncateToBF16(emit, x)
                      : LLVM::FPTruncOp::create(emit.b, emit.loc, type, x).getResult();
}

Value weft::emulator::emitMath(Emit &emit, uint32_t function, Value x) {
  Value wide = toWide(emit, x);
  Value result = perElement(emit, wide, [&](ValueRange one) {
    bool isDouble = one[0].getType().isF64();
    return emit.callWithoutSite(isDouble ? WEFT_FUNCTION(mathF64) : WEFT_FUNCTION(mathF32), one[0].getType(),
                                {emit.constant32(function), one[0]});
  });
  return toNarrow(emit, result, x.getType());
}

static Value emitPow(Emit &emit, Value x, Value y) {
  SmallVector<Value> wide = {toWide(emit, x), toWide(emit, y)};
  Value result = perElement(emit, wide, [&](ValueRange both) {
    bool isDouble = both[0].getType().isF64();
    return emit.callWithoutSite(isDouble ? WEFT_FUNCTION(powF64) : WEFT_FUNCTION(powF32), both[0].getType(),
                                both);
  });
  return toNarrow(emit, result, x.getType());
}

static Value emitRemainder(Emit &emit, Value x, Value y) {
  SmallVector<Value> wide = {toWide(emit, x), toWide(emit, y)};
  Type f64 = emit.b.getF64Type();
  Value result = perElement(emit, wide, [&](ValueRange both) -> Value {
    SmallVector<Value> doubles;
    for (Value one : both)
      doubles.push_back(one.getType() == f64 ? one
                                             : LLVM::FPExtOp::create(emit.b, emit.loc, f64, one).getResult());
    // The remainder of two floats is a float: rounding it back is exact.
    Value value = emit.callWithoutSite(WEFT_FUNCTION(remainder), f64, doubles);
    return both[0].getType() == f64
               ? value
               : LLVM::FPTruncOp::create(emit.b, emit.loc, both[0].getType(), value).getResult();
  });
  return toNarrow(emit, result, x.getType());
}

/// The function of an intrinsic's or libdevice function's stem; nothing when it is none of them.
static std::optional<uint32_t> mathFunction(StringRef stem) {
  int function = llvm::StringSwitch<int>(stem)
                     .Case("ex2", WEFT_MATH_EXP2)
                     .Case("lg2", WEFT_MATH_LOG2)
                     .Cases({"exp2f", "fast_exp2f", "exp2"}, WEFT_MATH_EXP2)
                     .Cases({"log2f", "fast_log2f", "log2"}, WEFT_MATH_LOG2)
                     .Cases({"expf", "fast_expf", "exp"}, WEFT_MATH_EXP)
                     .Cases({"logf", "fast_logf", "log"}, WEFT_MATH_LOG)
                     .Cases({"sinf", "fast_sinf", "sin"}, WEFT_MATH_SIN)
                     .Cases({"cosf", "fast_cosf", "cos"}, WEFT_MATH_COS)
                     .Cases({"tanhf", "tanh"}, WEFT_MATH_TANH)
                     .Cases({"rsqrtf", "rsqrt"}, WEFT_MATH_RSQRT)
                     .Default(-1);
  if (function < 0)
    return std::nullopt;
  return static_cast<uint32_t>(function);
}

static Value reciprocal(Emit &emit, Value x) {
  Value one = LLVM::ConstantOp::create(emit.b, emit.loc, x.getType(), emit.b.getFloatAttr(x.getType(), 1.0));
  return LLVM::FDivOp::create(emit.b, emit.loc, one, x);
}

/// What a name without prefix and suffix computes of its operands: "ex2" of nvvm.ex2.approx.f, "fmaf" of
/// __nv_fmaf. Null when it is unknown.
static Value emitNamed(Emit &emit, StringRef stem, bool flush, ValueRange args) {
  if (auto function = mathFunction(stem); function && args.size() == 1)
    return emitMath(emit, *function | (flush ? WEFT_MATH_FLUSH : 0), args[0]);
  if (args.size() == 1 && (stem == "sqrt" || stem == "sqrtf"))
    return LLVM::SqrtOp::create(emit.b, emit.loc, args[0].getType(), args[0]);
  if (args.size() == 1 && stem == "rcp")
    return reciprocal(emit, args[0]);
  if (args.size() == 1 && (stem == "fabs" || stem == "fabsf"))
    return LLVM::FAbsOp::create(emit.b, emit.loc, args[0].getType(), args[0]);
  if (args.size() == 2 && (stem == "pow" || stem == "powf"))
    return emitPow(emit, args[0], args[1]);
  if (args.size() == 2 && (stem == "fmax" || stem == "fmaxf"))
    return LLVM::MaxNumOp::create(emit.b, emit.loc, args[0].getType(), args[0], args[1]);
  if (args.size() == 2 && (stem == "fmin" || stem == "fminf"))
    return LLVM::MinNumOp::create(emit.b, emit.loc, args[0].getType(), args[0], args[1]);
  if (args.size() == 2 && (stem == "fdividef" || stem == "div"))
    return LLVM::FDivOp::create(emit.b, emit.loc, args[0], args[1]);
  if (args.size() == 3 && (stem == "fma" || stem == "fmaf"))
    return LLVM::FMAOp::create(emit.b, emit.loc, args[0].getType(), args[0], args[1], args[2]);
  return Value();
}

/// A PTX instruction on registers: "ex2.approx.ftz.f32 $0, $1;". Names of values are ignored, since the order
/// is result, operands.
static Lowered lowerInstruction(Operation *op, StringRef text, SymbolTable &symbols) {
  Emit emit(op, symbols);
  StringRef mnemonic = text.trim().take_until([](char c) { return c == ' ' || c == '\t'; });
  StringRef stem = mnemonic.take_until([](char c) { return c == '.'; });
  if (text.count(';') == 1 && op->getNumResults() == 1 && mnemonic.ends_with("32"))
    if (Value value = emitNamed(emit, stem, mnemonic.contains(".ftz"), op->getOperands())) {
      replaceOp(op, value);
      return Lowered::Done;
    }
  op->emitError("no emulation for the assembly '") << text.trim() << "'";
  return Lowered::Failed;
}

Lowered weft::emulator::lowerInlineAssembly(Operation *op, SymbolTable &symbols) {
  if (auto assembly = dyn_cast<LLVM::InlineAsmOp>(op))
    return lowerInstruction(op, assembly.getAsmString(), symbols);
  if (op->getName().getStringRef() == "nvvm.inline_ptx")
    return lowerInstruction(op, op->getAttrOfType<StringAttr>("ptxCode").getValue(), symbols);
  return Lowered::Unknown;
}

static Lowered lowerIntrinsic(LLVM::CallIntrinsicOp op, SymbolTable &symbols) {
  StringRef name = op.getIntrin();
  if (!name.consume_front("llvm.nvvm."))
    return Lowered::Unknown;
  Emit emit(op, symbols);
  auto [stem, suffix] = name.split('.');
  Value value =
      op->getNumResults() == 1 ? emitNamed(emit, stem, suffix.contains("ftz"), op.getArgs()) : Value();
  if (!value) {
    op.emitError("no emulation for the intrinsic '") << op.getIntrin() << "'";
    return Lowered::Failed;
  }
  replaceOp(op, value);
  return Lowered::Done;
}

static Lowered lowerMemory(Operation *op, SymbolTable &symbols) {
  Emit emit(op, symbols);
  auto length = [&](Value size) -> Value {
    return size.getType() == emit.i64()
               ? size
               : LLVM::ZExtOp::create(emit.b, emit.loc, emit.i64(), size).getResult();
  };
  if (isa<LLVM::MemcpyOp, LLVM::MemmoveOp>(op)) {
    emit.call(WEFT_FUNCTION(copyMemory), Type(),
              {op->getOperand(0), op->getOperand(1), length(op->getOperand(2))});
  } else {
    emit.call(WEFT_FUNCTION(fillMemory), Type(),
              {op->getOperand(0), emit.toI32(op->getOperand(1)), length(op->getOperand(2))});
  }
  op->erase();
  return Lowered::Done;
}

/// Arithmetic on bf16 is done in f32. Moves of bf16 values stay: their type becomes i16 at the end.
static Lowered lowerBF16(Operation *op, SymbolTable &symbols) {
  bool takes = llvm::any_of(op->getOperandTypes(), isBF16);
  bool gives = llvm::any_of(op->getResultTypes(), isBF16);
  if (!takes && !gives)
    return Lowered::Unknown;
  if (isa<LLVM::AtomicRMWOp>(op)) {
    op->emitError("no emulation for atomic arithmetic on bf16");
    return Lowered::Failed;
  }
  if (!isa<LLVM::FAddOp, LLVM::FSubOp, LLVM::FMulOp, LLVM::FDivOp, LLVM::FNegOp, LLVM::FCmpOp, LLVM::FMAOp,
           LLVM::FMulAddOp, LLVM::MaxNumOp, LLVM::MinNumOp, LLVM::MaximumOp, LLVM::MinimumOp, LLVM::FAbsOp,
           LLVM::SqrtOp, LLVM::CopySignOp, LLVM::FCeilOp, LLVM::FFloorOp, LLVM::FTruncOp, LLVM::RintOp,
           LLVM::RoundEvenOp, LLVM::FPExtOp, LLVM::FPTruncOp, LLVM::SIToFPOp, LLVM::UIToFPOp, LLVM::FPToSIOp,
           LLVM::FPToUIOp>(op))
    return Lowered::Unknown;
  Emit emit(op, symbols);
  Type f32 = emit.b.getF32Type();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isBF16(operand.getType()) ? extendBF16(emit, operand) : operand);
  Type wanted = op->getResult(0).getType();
  Type wide = isBF16(wanted) ? withElement(wanted, f32) : wanted;
  Value result = operands[0];
  // Conversions of floats end in f32 by themselves; everything else is done again on the wide values.
  if (!isa<LLVM::FPExtOp, LLVM::FPTruncOp>(op) || operands[0].getType() != wide) {
    OperationState state(op->getLoc(), op->getName(), operands, {wide}, op->getAttrs());
    result = emit.b.create(state)->getResult(0);
  }
  replaceOp(op, isBF16(wanted) ? truncateToBF16(emit, result) : result);
  return Lowered::Done;
}

/// f64 to f16 in two steps: the host has no instruction for it.
static Lowered lowerTruncation(LLVM::FPTruncOp op, SymbolTable &symbols) {
  if (!getElementTypeOrSelf(op.getArg().getType()).isF64() || !getElementTypeOrSelf(op.getType()).isF16())
    return Lowered::Unknown;
  Emit emit(op, symbols);
  Value middle =
      LLVM::FPTruncOp::create(emit.b, emit.loc, withElement(op.getType(), emit.b.getF32Type()), op.getArg());
  replaceOp(op, LLVM::FPTruncOp::create(emit.b, emit.loc, op.getType(), middle));
  return Lowered::Done;
}

Lowered weft::emulator::lowerLibraryOp(Operation *op, SymbolTable &symbols) {
  // Memory that is reached otherwise than by load and store would not be watched.
  if (isa<LLVM::MaskedLoadOp, LLVM::MaskedStoreOp, LLVM::masked_gather, LLVM::masked_scatter,
          LLVM::masked_expandload, LLVM::masked_compressstore, LLVM::VaArgOp, LLVM::MemcpyInlineOp,
          LLVM::MemsetInlineOp>(op)) {
    op->emitError("no emulation for '") << op->getName() << "'";
    return Lowered::Failed;
  }
  if (isa<LLVM::MemcpyOp, LLVM::MemmoveOp, LLVM::MemsetOp>(op))
    return lowerMemory(op, symbols);
  if (auto intrinsic = dyn_cast<LLVM::CallIntrinsicOp>(op))
    return lowerIntrinsic(intrinsic, symbols);
  Emit emit(op, symbols);
  if (auto call = dyn_cast<LLVM::CallOp>(op)) {
    StringRef name = call.getCallee().value_or("");
    Value value =
        name.consume_front("__nv_") ? emitNamed(emit, name, false, call.getCalleeOperands()) : Value();
    if (!value)
      return Lowered::Unknown;
    replaceOp(op, value);
    return Lowered::Done;
  }
  if (isa<LLVM::FenceOp>(op)) {
    emit.call(WEFT_FUNCTION(fence), Type(), {emit.constant32(WEFT_FENCE_MEMORY)});
    op->erase();
    return Lowered::Done;
  }
  if (isa<LLVM::Trap>(op)) {
    emit.call(WEFT_FUNCTION(trap), Type(), {});
    op->erase();
    return Lowered::Done;
  }
  int function = llvm::TypeSwitch<Operation *, int>(op)
                     .Case([](LLVM::ExpOp) { return WEFT_MATH_EXP; })
                     .Case([](LLVM::Exp2Op) { return WEFT_MATH_EXP2; })
                     .Case([](LLVM::Exp10Op) { return WEFT_MATH_EXP10; })
                     .Case([](LLVM::LogOp) { return WEFT_MATH_LOG; })
                     .Case([](LLVM::Log2Op) { return WEFT_MATH_LOG2; })
                     .Case([](LLVM::Log10Op) { return WEFT_MATH_LOG10; })
                     .Case([](LLVM::SinOp) { return WEFT_MATH_SIN; })
                     .Case([](LLVM::CosOp) { return WEFT_MATH_COS; })
                     .Case([](LLVM::TanhOp) { return WEFT_MATH_TANH; })
                     .Default(-1);
  if (function >= 0) {
    replaceOp(op, emitMath(emit, static_cast<uint32_t>(function), op->getOperand(0)));
    return Lowered::Done;
  }
  if (isa<LLVM::PowOp>(op)) {
    replaceOp(op, emitPow(emit, op->getOperand(0), op->getOperand(1)));
    return Lowered::Done;
  }
  if (isa<LLVM::FRemOp>(op)) {
    replaceOp(op, emitRemainder(emit, op->getOperand(0), op->getOperand(1)));
    return Lowered::Done;
  }
  if (Lowered lowered = lowerBF16(op, symbols); lowered != Lowered::Unknown)
    return lowered;
  if (auto truncation = dyn_cast<LLVM::FPTruncOp>(op))
    return lowerTruncation(truncation, symbols);
  return Lowered::Unknown;
}
