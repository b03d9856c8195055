// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a generated kernel, and short names for what its body is made of.
#include "KernelBuilder.h"

#include "weft/Codegen/GPU/LowerToNVVM.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace weft::gpu;

KernelBuilder::KernelBuilder(Location loc, const std::string &name, int64_t threads, ArrayRef<Buffer> buffers,
                             unsigned numResults)
    : KernelFunction(loc, buffers), name(name), threads(threads) {
  MLIRContext *context = loc.getContext();
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  LLVM::GlobalOp::create(b, loc, bytes, /*isConstant=*/false, LLVM::Linkage::External, kSharedName,
                         Attribute(),
                         /*alignment=*/1024, /*addrSpace=*/3);
  auto pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> types(buffers.size(), pointer);
  types.append(numDynamicExtents(buffers.size()), b.getI64Type());
  types.push_back(pointer); // the fault record
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  auto function = LLVM::LLVMFuncOp::create(b, loc, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), b.getDenseI32ArrayAttr({int32_t(threads)}));
  for (unsigned i = 0; i < buffers.size(); ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    if (i + numResults < buffers.size())
      function.setArgAttr(i, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
  }
  entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  sharedBase = LLVM::AddressOfOp::create(b, loc, LLVM::LLVMPointerType::get(context, 3), kSharedName);
}

FailureOr<GpuKernel> KernelBuilder::finish(int64_t sharedBytes, cpu::ChunkCount blocks) {
  LLVM::ReturnOp::create(b, loc, ValueRange());
  if (failed(lowerToNVVM(*module)))
    return failure();
  GpuKernel kernel;
  kernel.module = std::move(module);
  kernel.name = name;
  kernel.threads = threads;
  kernel.sharedBytes = sharedBytes;
  kernel.blocks = std::move(blocks);
  return kernel;
}

V KernelBuilder::threadId() { return wrap(NVVM::ThreadIdXOp::create(b, loc, b.getI32Type())); }
V KernelBuilder::blockId() { return wrap(NVVM::BlockIdXOp::create(b, loc, b.getI32Type())); }
V KernelBuilder::numBlocks() { return wrap(NVVM::GridDimXOp::create(b, loc, b.getI32Type())); }

Value KernelBuilder::global(unsigned buffer, V offset) {
  auto space = LLVM::LLVMPointerType::get(loc.getContext(), 1);
  Value base = LLVM::AddrSpaceCastOp::create(b, loc, space, entry->getArgument(buffer));
  return LLVM::GEPOp::create(b, loc, space, buffers[buffer].type, base, ArrayRef<LLVM::GEPArg>{offset.value});
}

Value KernelBuilder::shared(V offset) {
  return LLVM::GEPOp::create(b, loc, sharedBase.getType(), b.getI8Type(), sharedBase,
                             ArrayRef<LLVM::GEPArg>{offset.value});
}

static unsigned bytesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8 * (vector ? vector.getNumElements() : 1);
}

V KernelBuilder::load(Type type, Value address) {
  return wrap(LLVM::LoadOp::create(b, loc, type, address, bytesOf(type)));
}

void KernelBuilder::store(V value, Value address) {
  LLVM::StoreOp::create(b, loc, value.value, address, bytesOf(value.type()));
}

V KernelBuilder::when(std::optional<V> condition, llvm::function_ref<V()> then,
                      llvm::function_ref<V()> otherwise) {
  if (!condition)
    return then();
  auto choice = scf::IfOp::create(
      b, loc, condition->value, [&](OpBuilder &, Location) { scf::YieldOp::create(b, loc, then().value); },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, loc, otherwise().value); });
  return wrap(choice.getResult(0));
}

void KernelBuilder::when(std::optional<V> condition, llvm::function_ref<void()> then) {
  if (!condition)
    return then();
  auto choice = scf::IfOp::create(b, loc, condition->value, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  then();
}

void KernelBuilder::barrier() { NVVM::Barrier0Op::create(b, loc); }

void KernelBuilder::loop(V from, V to, V step, llvm::function_ref<void(V)> body) {
  auto loop = scf::ForOp::create(b, loc, from.value, to.value, step.value);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(wrap(loop.getInductionVar()));
}

static SmallVector<Value> valuesOf(ArrayRef<V> numbers) {
  return llvm::map_to_vector(numbers, [](V number) { return number.value; });
}
static SmallVector<V> wrapAll(KernelBuilder &k, ValueRange values) {
  return llvm::map_to_vector(values, [&](Value value) { return k.wrap(value); });
}

SmallVector<V> KernelBuilder::loop(V from, V to, V step, ArrayRef<V> carried,
                                   llvm::function_ref<SmallVector<V>(V, ArrayRef<V>)> body) {
  auto loop = scf::ForOp::create(b, loc, from.value, to.value, step.value, valuesOf(carried));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<V> next = body(wrap(loop.getInductionVar()), wrapAll(*this, loop.getRegionIterArgs()));
    scf::YieldOp::create(b, loc, valuesOf(next));
  }
  return wrapAll(*this, loop.getResults());
}

SmallVector<V> KernelBuilder::loopWhile(ArrayRef<V> carried, llvm::function_ref<V(ArrayRef<V>)> condition,
                                        llvm::function_ref<SmallVector<V>(ArrayRef<V>)> body) {
  SmallVector<Value> initial = valuesOf(carried);
  auto loop = scf::WhileOp::create(
      b, loc, ValueRange(initial).getTypes(), initial,
      [&](OpBuilder &, Location, ValueRange values) {
        V holds = condition(wrapAll(*this, values));
        scf::ConditionOp::create(b, loc, holds.value, values);
      },
      [&](OpBuilder &, Location, ValueRange values) {
        scf::YieldOp::create(b, loc, valuesOf(body(wrapAll(*this, values))));
      });
  return wrapAll(*this, loop.getResults());
}
