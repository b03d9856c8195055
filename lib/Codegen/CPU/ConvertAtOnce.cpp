// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From branches, buffers and vectors of one dimension to the LLVM dialect in one conversion. Stage: code.
// This is what generators write; the passes for all else walk a kernel a dozen times and take three times as
// long.
#include "Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/EraseUnused.h"

using namespace mlir;

/// An op of the vector dialect that is one instruction, or that expandOps makes one.
static bool isSimpleVectorOp(Operation *op) {
  if (!isa<vector::LoadOp, vector::StoreOp, vector::MaskedLoadOp, vector::MaskedStoreOp, vector::BroadcastOp,
           vector::FMAOp, vector::ShuffleOp, vector::ExtractOp, vector::InsertOp, vector::BitCastOp,
           vector::ReductionOp, vector::ExtractStridedSliceOp>(op))
    return false;
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op);
      broadcast && isa<VectorType>(broadcast.getSourceType()))
    return false;
  auto isFlat = [](Type type) {
    auto vector = dyn_cast<VectorType>(type);
    return !vector || (vector.getRank() == 1 && !vector.isScalable());
  };
  return llvm::all_of(op->getOperandTypes(), isFlat) && llvm::all_of(op->getResultTypes(), isFlat);
}

bool weft::cpu::convertsAtOnce(ModuleOp module) {
  auto result = module.walk([](Operation *op) {
    Dialect *dialect = op->getDialect();
    bool isOther = isa_and_nonnull<affine::AffineDialect>(dialect) ||
                   (isa_and_nonnull<vector::VectorDialect>(dialect) && !isSimpleVectorOp(op));
    return isOther ? WalkResult::interrupt() : WalkResult::advance();
  });
  return !result.wasInterrupted();
}

/// Views become base and strides, pieces of vectors shuffles.
static void expandOps(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<memref::SubViewOp, memref::CollapseShapeOp, memref::ExpandShapeOp, vector::ExtractStridedSliceOp>(
            op))
      ops.push_back(op);
  });
  if (ops.empty())
    return;
  RewritePatternSet patterns(module.getContext());
  memref::populateExpandStridedMetadataPatterns(patterns);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  (void)applyOpPatternsGreedily(ops, std::move(patterns), config);
}

/// The pointer to a buffer's elements, of a descriptor as rewriteSignature packs them; none where the
/// descriptor comes from elsewhere.
static Value packedPointer(Value descriptor) {
  while (auto cast = descriptor.getDefiningOp<UnrealizedConversionCastOp>()) {
    if (cast.getNumOperands() != 1)
      return {};
    descriptor = cast.getOperand(0);
  }
  constexpr int64_t alignedPointer = 1;
  while (auto insert = descriptor.getDefiningOp<LLVM::InsertValueOp>()) {
    if (insert.getPosition() == ArrayRef(alignedPointer))
      return insert.getValue();
    descriptor = insert.getContainer();
  }
  return {};
}

namespace {

/// Addresses of elements, as few ops as they need: what two accesses of a block share is written once, and
/// numbers are added up here. LLVM would find the same, after it has read them all.
class AddressWriter {
public:
  /// The address of the element at `indices` of a buffer of `type` that starts at `base`.
  Value address(OpBuilder &b, Location loc, MemRefType type, ArrayRef<int64_t> strides, Value base,
                ValueRange indices);

private:
  /// An op of two operands, or of a value and a number, in a block.
  using Key = std::tuple<Block *, unsigned, Value, Value, int64_t>;
  enum : unsigned { Product, Sum, Element };
  Value once(OpBuilder &b, unsigned kind, Value x, Value y, int64_t number,
             llvm::function_ref<Value()> make) {
    Value &known = made[{b.getInsertionBlock(), kind, x, y, number}];
    if (!known)
      known = make();
    return known;
  }
  llvm::DenseMap<Key, Value> made;
};

/// A load or store of whole buffers' elements. Upstream's patterns, which serve what this one leaves, ask
/// affine maps for strides up to three times an access, which is half of the time of this conversion.
template <typename Op> class ConvertAccess : public ConvertOpToLLVMPattern<Op> {
public:
  ConvertAccess(const LLVMTypeConverter &converter, AddressWriter &writer, PatternBenefit benefit)
      : ConvertOpToLLVMPattern<Op>(converter, benefit), writer(writer) {}
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    constexpr bool isVector = std::is_same_v<Op, vector::LoadOp> || std::is_same_v<Op, vector::StoreOp>;
    constexpr bool isLoad = std::is_same_v<Op, vector::LoadOp> || std::is_same_v<Op, memref::LoadOp>;
    Value base;
    if constexpr (isVector)
      base = adaptor.getBase();
    else
      base = adaptor.getMemref();
    MemRefType type = op.getMemRefType();
    Type element = type.getElementType();
    if (!type.getLayout().isIdentity() || type.getMemorySpace() || !element.isIntOrFloat() ||
        element.getIntOrFloatBitWidth() % 8 != 0 || op.getNontemporal() || op.getAlignment())
      return failure();
    Location loc = op.getLoc();
    int64_t stride = 1;
    SmallVector<int64_t> strides(type.getRank());
    for (int64_t d = type.getRank(); d-- > 0; stride *= type.getDimSize(d)) {
      strides[d] = stride;
      if (d > 0 && type.isDynamicDim(d))
        return failure();
    }
    Value start = packedPointer(base);
    if (!start)
      start = MemRefDescriptor(base).alignedPtr(b, loc);
    Value address = writer.address(b, loc, type, strides, start, adaptor.getIndices());
    unsigned alignment = isVector ? element.getIntOrFloatBitWidth() / 8 : 0;
    if constexpr (isLoad) {
      Type loaded = this->typeConverter->convertType(op.getType());
      b.replaceOpWithNewOp<LLVM::LoadOp>(op, loaded, address, alignment);
    } else {
      b.replaceOpWithNewOp<LLVM::StoreOp>(op, adaptor.getOperands().front(), address, alignment);
    }
    return success();
  }

private:
  AddressWriter &writer;
};

} // namespace

Value AddressWriter::address(OpBuilder &b, Location loc, MemRefType type, ArrayRef<int64_t> strides,
                             Value base, ValueRange indices) {
  Type i64 = b.getI64Type(), pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto number = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, loc, i64, b.getIndexAttr(value));
  };
  Value index;
  int64_t constant = 0;
  for (auto [term, stride] : llvm::zip(indices, strides)) {
    Value value = term;
    for (auto add = value.getDefiningOp<LLVM::AddOp>(); add; add = value.getDefiningOp<LLVM::AddOp>()) {
      std::optional<int64_t> known = getConstantIntValue(add.getRhs());
      if (!known)
        break;
      constant += *known * stride;
      value = add.getLhs();
    }
    if (std::optional<int64_t> known = getConstantIntValue(value)) {
      constant += *known * stride;
      continue;
    }
    if (stride != 1)
      value = once(b, Product, value, {}, stride,
                   [&] { return LLVM::MulOp::create(b, loc, value, number(stride)); });
    index = !index ? value
                   : once(b, Sum, index, value, 0, [&] { return LLVM::AddOp::create(b, loc, index, value); });
  }
  Type element = type.getElementType();
  if (index)
    base = once(b, Element, base, index, 0,
                [&] { return LLVM::GEPOp::create(b, loc, pointer, element, base, index); });
  if (constant != 0)
    base = once(b, Element, base, {}, constant,
                [&] { return LLVM::GEPOp::create(b, loc, pointer, element, base, number(constant)); });
  return base;
}

LogicalResult weft::cpu::convertAtOnce(ModuleOp module) {
  expandOps(module);
  MLIRContext *context = module.getContext();
  LLVMTypeConverter converter(context, LowerToLLVMOptions(context));
  RewritePatternSet patterns(context);
  populateAffineToStdConversionPatterns(patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns, /*reassociateFPReductions=*/true,
                                         /*force32BitVectorIndices=*/true);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  AddressWriter writer;
  patterns.add<ConvertAccess<vector::LoadOp>, ConvertAccess<vector::StoreOp>, ConvertAccess<memref::LoadOp>,
               ConvertAccess<memref::StoreOp>>(converter, writer, /*benefit=*/2);
  LLVMConversionTarget target(*context);
  ConversionConfig config;
  config.allowPatternRollback = false; // nothing fails halfway, and remembering how to go back takes time
  if (failed(applyPartialConversion(module, target, std::move(patterns), config)))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  module.walk([&](UnrealizedConversionCastOp op) { casts.push_back(op); });
  reconcileUnrealizedCasts(casts);
  eraseUnused(module); // such as descriptors of buffers that are only read by their pointers
  return success();
}
