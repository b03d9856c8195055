// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door to the conversion of tiles to one thread's code, and the pass over it; shared memory is laid out
// here.
#include "weft/Conversion/TileToNVVM.h"
#include "Threads.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "weft/Conversion/Passes.h"

using namespace mlir;
using namespace weft;
using namespace weft::tile;

namespace weft {
#define GEN_PASS_DEF_CONVERTTILETONVVMPASS
#include "weft/Conversion/Passes.h.inc"
} // namespace weft

static constexpr StringLiteral sharedName = "smem";

/// Gives each buffer in shared memory a place of its own, and turns it into an address.
static void placeShared(func::FuncOp kernel) {
  SmallVector<AllocSharedOp> buffers;
  kernel.walk([&](AllocSharedOp op) { buffers.push_back(op); });
  int64_t bytes = 0;
  auto module = kernel->getParentOfType<ModuleOp>();
  OpBuilder b(kernel.getContext());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext(), 3);
  for (AllocSharedOp op : buffers) {
    // Permuted lines repeat every 1024 bytes, which wgmma takes for granted.
    bytes = llvm::alignTo(bytes, op.getType().getBytes() >= 1024 ? 1024 : 128);
    b.setInsertionPoint(op);
    Value start = LLVM::AddressOfOp::create(b, op.getLoc(), pointer, sharedName);
    Value address = LLVM::GEPOp::create(b, op.getLoc(), pointer, b.getI8Type(), start,
                                        ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
    Value cast = UnrealizedConversionCastOp::create(b, op.getLoc(), op.getType(), address).getResult(0);
    bytes += op.getType().getBytes();
    op.replaceAllUsesWith(cast);
    op.erase();
  }
  kernel->setAttr(sharedBytesAttrName, b.getI64IntegerAttr(bytes));
  if (bytes == 0 || module.lookupSymbol(sharedName))
    return;
  b.setInsertionPointToStart(module.getBody());
  LLVM::GlobalOp::create(b, kernel.getLoc(), LLVM::LLVMArrayType::get(b.getI8Type(), 0), /*isConstant=*/false,
                         LLVM::Linkage::External, sharedName, Attribute(), /*alignment=*/1024,
                         /*addrSpace=*/3);
}

/// Tables become constants of the module.
static void convertTables(ModuleOp module) {
  for (auto table : llvm::make_early_inc_range(module.getOps<memref::GlobalOp>())) {
    OpBuilder b(table);
    auto elements = cast<DenseElementsAttr>(*table.getInitialValue());
    Type element = elements.getElementType();
    auto type =
        LLVM::LLVMArrayType::get(element.isIndex() ? b.getI64Type() : element, elements.getNumElements());
    if (element.isIndex())
      elements = elements.mapValues(b.getI64Type(), [](const APInt &x) { return x; });
    LLVM::GlobalOp::create(b, table.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                           table.getSymName(), elements, /*alignment=*/16);
    table.erase();
  }
}

/// Whether nothing is stored at addresses made from this pointer.
static bool isReadOnly(Value pointer) {
  return llvm::all_of(pointer.getUses(), [](OpOperand &use) {
    if (isa<LLVM::GEPOp, LLVM::AddrSpaceCastOp>(use.getOwner()))
      return isReadOnly(use.getOwner()->getResult(0));
    return isa<LLVM::LoadOp, NVVM::CpAsyncOp>(use.getOwner());
  });
}

/// The function as a kernel: pointers, then extents as i64, last the fault record.
static void toKernel(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  OpBuilder b(function);
  Location loc = function.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Block &entry = function.getBody().front();
  b.setInsertionPointToStart(&entry);
  for (BlockArgument argument : entry.getArguments())
    if (argument.getType().isIndex()) {
      argument.setType(b.getI64Type());
      auto cast = arith::IndexCastOp::create(b, loc, b.getIndexType(), argument);
      argument.replaceAllUsesExcept(cast, cast);
    }
  entry.addArgument(pointer, loc);
  function.walk([](func::ReturnOp op) {
    OpBuilder end(op);
    LLVM::ReturnOp::create(end, op.getLoc(), ValueRange());
    op.erase();
  });
  b.setInsertionPoint(function);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          llvm::to_vector(entry.getArgumentTypes()));
  auto kernel = LLVM::LLVMFuncOp::create(b, loc, function.getSymName(), type);
  for (BlockArgument argument : entry.getArguments().drop_back()) {
    if (argument.getType() != pointer)
      continue;
    unsigned number = argument.getArgNumber();
    kernel.setArgAttr(number, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    kernel.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    if (isReadOnly(argument))
      kernel.setArgAttr(number, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
  }
  kernel.getBody().takeBody(function.getBody());
  for (StringRef name : {TileDialect::getThreadsAttrName(), sharedBytesAttrName})
    kernel->setAttr(name, function->getAttr(name));
  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  int64_t threads = function->getAttrOfType<IntegerAttr>(TileDialect::getThreadsAttrName()).getInt();
  kernel->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), b.getDenseI32ArrayAttr({int32_t(threads)}));
  function.erase();
}

/// A product and a sum may become one operation inside a kernel.
static void allowFusion(ModuleOp module) {
  module.walk([](Operation *op) {
    if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op)) {
      auto math = cast<arith::ArithFastMathInterface>(op);
      auto flags = math.getFastMathFlagsAttr().getValue() | arith::FastMathFlags::contract;
      op->setAttr(math.getFastMathAttrName(), arith::FastMathFlagsAttr::get(op->getContext(), flags));
    }
  });
}

LogicalResult weft::convertTileToThreads(ModuleOp module) {
  MLIRContext *context = module.getContext();
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttrOfType<IntegerAttr>(TileDialect::getThreadsAttrName()))
      return kernel.emitOpError("has no attribute ")
             << TileDialect::getThreadsAttrName() << ", wanted a kernel";
    placeShared(kernel);
  }
  convertTables(module);
  ThreadTypeConverter converter;
  RewritePatternSet patterns(context);
  ConversionTarget target(*context);
  populateElementwise(patterns, converter);
  populateMemory(patterns, converter);
  populateExchange(patterns, converter);
  populateCopy(patterns, converter);
  populateMatrix(patterns, converter);
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
  target.addDynamicallyLegalOp<func::FuncOp>(
      [&](func::FuncOp op) { return converter.isSignatureLegal(op.getFunctionType()); });
  target.addIllegalDialect<TileDialect>();
  target.addIllegalOp<memref::GetGlobalOp>();
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  target.addLegalOp<UnrealizedConversionCastOp>();
  auto hasNoTile = [](Operation *op) {
    return llvm::none_of(op->getOperandTypes(), isTile) && llvm::none_of(op->getResultTypes(), isTile);
  };
  target.addDynamicallyLegalDialect<arith::ArithDialect, math::MathDialect>(hasNoTile);
  if (failed(applyPartialConversion(module, target, std::move(patterns))))
    return failure();
  // Addresses of shared memory went through casts.
  SmallVector<UnrealizedConversionCastOp> casts;
  module.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  for (UnrealizedConversionCastOp cast : casts)
    if (auto before = cast.getOperand(0).getDefiningOp<UnrealizedConversionCastOp>();
        before && cast.getNumOperands() == 1 && cast.getNumResults() == 1 && before.getNumOperands() == 1 &&
        before.getOperand(0).getType() == cast.getType(0))
      cast.getResult(0).replaceAllUsesWith(before.getOperand(0));
  for (UnrealizedConversionCastOp cast : llvm::reverse(casts))
    if (cast.use_empty())
      cast.erase();
  for (auto kernel : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    toKernel(kernel);
  allowFusion(module);
  return success();
}

namespace {
struct ConvertTileToNvvmPass : weft::impl::ConvertTileToNvvmPassBase<ConvertTileToNvvmPass> {
  void runOnOperation() override {
    if (failed(convertTileToThreads(getOperation())))
      signalPassFailure();
  }
};
} // namespace
