// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two faces of a kernel: outside the one C signature of Program/Abi.h, inside a function of plain
// pointers that LLVM knows to be distinct and aligned. The wrapper between them is never inlined, for noalias
// would be lost.
#include "Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::cpu;

FailureOr<func::FuncOp> weft::cpu::findKernel(ModuleOp module) {
  func::FuncOp kernel;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (kernel) {
      func.emitError("a second function in a kernel module; wanted one");
      return failure();
    }
    kernel = func;
  }
  if (!kernel) {
    module.emitError("a kernel module without a function");
    return failure();
  }
  if (kernel.isExternal()) {
    kernel.emitError("a kernel without a body");
    return failure();
  }
  auto type = kernel.getFunctionType();
  unsigned n = type.getNumInputs();
  auto scratch = n >= 3 ? dyn_cast<MemRefType>(type.getInput(n - 3)) : MemRefType();
  bool goodTail = scratch && scratch.getRank() == 1 && scratch.isDynamicDim(0) &&
                  scratch.getElementType().isInteger(8) && type.getInput(n - 2).isIndex() &&
                  type.getInput(n - 1).isIndex();
  bool goodResult =
      type.getNumResults() == 0 || (type.getNumResults() == 1 && type.getResult(0).isInteger(32));
  if (!goodTail || !goodResult) {
    kernel.emitError("kernel of type ")
        << type << "; wanted memrefs, then memref<?xi8>, index, index, returning nothing or i32";
    return failure();
  }
  for (unsigned k = 0; k + 3 < n; ++k) {
    auto memref = dyn_cast<MemRefType>(type.getInput(k));
    if (!memref || !memref.getLayout().isIdentity() || memref.getElementType().isInteger(1)) {
      kernel.emitError("kernel argument ")
          << k << " of type " << type.getInput(k) << "; wanted a memref with the identity layout and no i1";
      return failure();
    }
  }
  return kernel;
}

void weft::cpu::rewriteSignature(func::FuncOp kernel) {
  MLIRContext *context = kernel.getContext();
  OpBuilder b(context);
  Location loc = kernel.getLoc();
  Block &entry = kernel.getBody().front();
  b.setInsertionPointToStart(&entry);
  Type ptr = LLVM::LLVMPointerType::get(context), i64 = b.getI64Type();
  unsigned numOld = entry.getNumArguments(), numBuffers = numOld - 3;

  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  auto pointerAttributes = [&](MemRefType type) {
    NamedAttrList list;
    list.append(LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    list.append(LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    list.append(LLVM::LLVMDialect::getNonNullAttrName(), b.getUnitAttr());
    if (type.hasStaticShape()) {
      int64_t bytes = type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
      if (bytes > 0)
        list.append(LLVM::LLVMDialect::getDereferenceableAttrName(), b.getI64IntegerAttr(bytes));
    }
    return list.getDictionary(context);
  };
  SmallVector<MemRefType> memrefs;
  unsigned numDims = 0;
  for (unsigned k = 0; k < numOld - 2; ++k)
    memrefs.push_back(cast<MemRefType>(entry.getArgument(k).getType()));
  for (unsigned k = 0; k < numBuffers; ++k) {
    types.push_back(ptr);
    attributes.push_back(pointerAttributes(memrefs[k]));
    numDims += memrefs[k].getNumDynamicDims();
  }
  for (unsigned k = 0; k < numDims; ++k) {
    types.push_back(i64);
    attributes.push_back(b.getDictionaryAttr({}));
  }
  types.push_back(ptr); // scratch
  attributes.push_back(pointerAttributes(memrefs[numBuffers]));
  types.append(2, b.getIndexType());
  attributes.append(2, b.getDictionaryAttr({}));

  SmallVector<Value> args;
  for (Type type : types)
    args.push_back(entry.addArgument(type, loc));
  // Memref descriptors of constants, extents and the pointers; LLVM folds their packing and unpacking.
  LLVMTypeConverter converter(context);
  unsigned dim = numBuffers;
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(value));
  };
  for (unsigned k = 0; k <= numBuffers; ++k) {
    bool isScratch = k == numBuffers;
    Value pointer = args[isScratch ? numBuffers + numDims : k];
    MemRefType type = memrefs[k];
    SmallVector<Value> sizes;
    for (int64_t extent : type.getShape())
      sizes.push_back(!ShapedType::isDynamic(extent) ? constant(extent)
                      : isScratch                    ? constant(int64_t(1) << 62)
                                                     : args[dim++]);
    SmallVector<Value> strides(sizes.size());
    Value stride = constant(1);
    std::optional<int64_t> known = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
      strides[d] = known ? constant(*known) : stride;
      if (known && !type.isDynamicDim(d)) {
        known = *known * type.getDimSize(d);
        stride = constant(*known);
      } else {
        Value base = known ? constant(*known) : stride;
        stride = LLVM::MulOp::create(b, loc, base, sizes[d], LLVM::IntegerOverflowFlags::nsw);
        known.reset();
      }
    }
    SmallVector<Value> values = {pointer, pointer, constant(0)};
    llvm::append_range(values, sizes);
    llvm::append_range(values, strides);
    Value descriptor = MemRefDescriptor::pack(b, loc, converter, type, values);
    Value memref = UnrealizedConversionCastOp::create(b, loc, type, descriptor).getResult(0);
    entry.getArgument(k).replaceAllUsesWith(memref);
  }
  entry.getArgument(numOld - 2).replaceAllUsesWith(args[args.size() - 2]);
  entry.getArgument(numOld - 1).replaceAllUsesWith(args.back());
  entry.eraseArguments(0, numOld);

  kernel.walk([&](func::ReturnOp op) {
    if (op.getNumOperands() == 0) {
      b.setInsertionPoint(op);
      Value zero = arith::ConstantIntOp::create(b, op.getLoc(), b.getI32Type(), 0);
      op->setOperands(zero);
    }
  });
  kernel.setFunctionType(b.getFunctionType(types, {b.getI32Type()}));
  kernel.setAllArgAttrs(attributes);
  kernel.removeResAttrsAttr();
  kernel.setSymName((kernel.getSymName() + ".body").str());
  kernel.setPrivate();
}

/// When `code` is not 0, copies what the kernel left at the start of its scratch memory to the fault record,
/// unless another thread was first. Goes on after it.
static void fillFaultRecord(OpBuilder &b, Location loc, Block &entry, Value code, Value scratch) {
  Type ptr = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type(), i8 = b.getI8Type();
  Region &body = *entry.getParent();
  Block *claim = b.createBlock(&body), *fill = b.createBlock(&body), *done = b.createBlock(&body);
  auto at = [&](Value base, int32_t offset) -> Value {
    return LLVM::GEPOp::create(b, loc, ptr, i8, base, ArrayRef<LLVM::GEPArg>{offset});
  };
  b.setInsertionPointToEnd(&entry);
  Value zero = LLVM::ConstantOp::create(b, loc, b.getI32Type(), b.getI32IntegerAttr(0));
  Value failed = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, code, zero);
  LLVM::CondBrOp::create(b, loc, failed, claim, done);
  b.setInsertionPointToEnd(claim);
  Value fault = LLVM::LoadOp::create(b, loc, ptr, at(entry.getArgument(0), 24));
  Value swapped = LLVM::AtomicCmpXchgOp::create(b, loc, fault, zero, code, LLVM::AtomicOrdering::acq_rel,
                                                LLVM::AtomicOrdering::monotonic);
  Value first = LLVM::ExtractValueOp::create(b, loc, swapped, ArrayRef<int64_t>{1});
  LLVM::CondBrOp::create(b, loc, first, fill, done);
  b.setInsertionPointToEnd(fill);
  for (int32_t i = 0; i < 3; ++i) // found, limit, at
    LLVM::StoreOp::create(b, loc, LLVM::LoadOp::create(b, loc, i64, at(scratch, 8 * i)),
                          at(fault, 8 + 8 * i));
  LLVM::BrOp::create(b, loc, done);
  b.setInsertionPointToEnd(done);
}

void weft::cpu::addEntry(ModuleOp module, const KernelInfo &info) {
  auto body = module.lookupSymbol<LLVM::LLVMFuncOp>(info.name + ".body");
  body.setLinkage(LLVM::Linkage::Internal);
  body.setSymVisibility(std::nullopt);
  body.setNoInlineAttr(UnitAttr::get(module.getContext()));
  body.setDsoLocal(true);
  if (info.streamed) {
    Builder text(module.getContext());
    Attribute entry = text.getStrArrayAttr({streamedAttrName, std::to_string(*info.streamed)});
    body.setPassthroughAttr(text.getArrayAttr(entry));
  }

  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  Location loc = body.getLoc();
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = b.getI64Type(), i32 = b.getI32Type(),
       i8 = b.getI8Type();
  auto entry = LLVM::LLVMFuncOp::create(b, loc, info.name, LLVM::LLVMFunctionType::get(i32, {ptr, i64, i64}));
  Block *block = entry.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  auto load = [&](Type type, Value base, int64_t offset) -> Value {
    Value address =
        LLVM::GEPOp::create(b, loc, ptr, i8, base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
    return LLVM::LoadOp::create(b, loc, type, address);
  };
  Value call = block->getArgument(0); // WeftCall: buf, dim, scratch, fault, follows
  Value buffers = load(ptr, call, 0);
  SmallVector<Value> args;
  for (unsigned k = 0; k < info.numBuffers; ++k)
    args.push_back(load(ptr, buffers, 8 * k));
  if (info.numDims) {
    Value dims = load(ptr, call, 8);
    for (unsigned k = 0; k < info.numDims; ++k)
      args.push_back(load(i64, dims, 8 * k));
  }
  args.push_back(load(ptr, call, 16));
  if (info.asksFollows)
    LLVM::StoreOp::create(b, loc, load(i64, call, 32), args.back());
  args.push_back(block->getArgument(1));
  args.push_back(block->getArgument(2));
  Value result = LLVM::CallOp::create(b, loc, body, args).getResult();
  if (info.tellsFault)
    fillFaultRecord(b, loc, *block, result, args[args.size() - 3]);
  LLVM::ReturnOp::create(b, loc, result);
}
