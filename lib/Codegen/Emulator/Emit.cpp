// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds calls through the emulator's table. Tables and state are loaded as invariant memory, so LLVM loads a
// pointer once per kernel, not once per call.
#include "Emit.h"

#include "mlir/Interfaces/DataLayoutInterfaces.h"

using namespace mlir;
using namespace weft::emulator;

std::string weft::emulator::describeLocation(Location loc) {
  std::string name, file;
  loc->walk([&](Location part) {
    if (auto named = dyn_cast<NameLoc>(part); named && name.empty())
      name = named.getName().str();
    if (auto place = dyn_cast<FileLineColLoc>(part); place && file.empty() && place.getLine())
      file = place.getFilename().str() + ":" + std::to_string(place.getLine()) + ":" +
             std::to_string(place.getColumn());
    return WalkResult::advance();
  });
  if (file.empty())
    return name;
  return name.empty() ? file : file + " (" + name + ")";
}

uint64_t weft::emulator::storeSize(Type type, Operation *scope) {
  return DataLayout::closest(scope).getTypeSize(type).getFixedValue();
}

Value Emit::constant32(int64_t value) {
  return LLVM::ConstantOp::create(b, loc, i32(), b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value Emit::constant64(int64_t value) {
  return LLVM::ConstantOp::create(b, loc, i64(), b.getI64IntegerAttr(value));
}

Value Emit::toI1(Value value) {
  return LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, value,
                              LLVM::ConstantOp::create(b, loc, value.getType(), 0));
}

Value Emit::toI32(Value value) {
  if (value.getType() == i32())
    return value;
  if (value.getType().getIntOrFloatBitWidth() == 32)
    return LLVM::BitcastOp::create(b, loc, i32(), value);
  return LLVM::ZExtOp::create(b, loc, i32(), value);
}

Value Emit::emulator() { return op->getParentOfType<LLVM::LLVMFuncOp>().getArgument(0); }

Value Emit::loadAt(Type type, Value base, int64_t offset, bool isInvariant) {
  Value address = LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base,
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
  return LLVM::LoadOp::create(b, loc, type, address, /*alignment=*/0, /*isVolatile=*/false,
                              /*isNonTemporal=*/false, isInvariant);
}

Value Emit::field(Type type, size_t offset) {
  return loadAt(type, emulator(), static_cast<int64_t>(offset), /*isInvariant=*/true);
}

Value Emit::load(Type type, Value address) { return LLVM::LoadOp::create(b, loc, type, address); }

Value Emit::slot(Type type) {
  Block &entry = op->getParentOfType<LLVM::LLVMFuncOp>().getBody().front();
  OpBuilder at = OpBuilder::atBlockBegin(&entry);
  Value one = LLVM::ConstantOp::create(at, loc, at.getI32Type(), at.getI32IntegerAttr(1));
  return LLVM::AllocaOp::create(at, loc, pointer(), type, one, /*alignment=*/16);
}

Value Emit::spill(ValueRange values) {
  Type type = values.front().getType();
  Value array = slot(LLVM::LLVMArrayType::get(type, values.size()));
  for (auto [index, value] : llvm::enumerate(values)) {
    Value at = LLVM::GEPOp::create(b, loc, pointer(), type, array,
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
    LLVM::StoreOp::create(b, loc, value, at);
  }
  return array;
}

Value Emit::bytes(StringRef name, StringRef content, unsigned alignment) {
  auto module = op->getParentOfType<ModuleOp>();
  OpBuilder at = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(at.getI8Type(), content.size());
  auto global = LLVM::GlobalOp::create(at, loc, type, /*isConstant=*/true, LLVM::Linkage::Private, name,
                                       at.getStringAttr(content), alignment);
  symbols.insert(global);
  return LLVM::AddressOfOp::create(b, loc, pointer(), global.getSymName());
}

Value Emit::site() {
  std::string where = describeLocation(loc);
  if (where.empty())
    where = "kernel '" + op->getParentOfType<LLVM::LLVMFuncOp>().getName().str() + "'";
  where.push_back('\0');
  where += op->getName().getStringRef();
  where.push_back('\0');
  return bytes("site", where);
}

Value Emit::callTable(size_t function, Type result, ArrayRef<Value> args) {
  Value table = field(pointer(), offsetof(WeftEmulator, functions));
  Value callee = loadAt(pointer(), table, static_cast<int64_t>(function), /*isInvariant=*/true);
  SmallVector<Type> types;
  for (Value arg : args)
    types.push_back(arg.getType());
  Type returned = result ? result : LLVM::LLVMVoidType::get(b.getContext());
  SmallVector<Value> operands = {callee};
  operands.append(args.begin(), args.end());
  auto call = LLVM::CallOp::create(b, loc, LLVM::LLVMFunctionType::get(returned, types), operands);
  return result ? call.getResult() : Value();
}

Value Emit::call(size_t function, Type result, ValueRange args) {
  SmallVector<Value> all = {emulator()};
  all.append(args.begin(), args.end());
  all.push_back(site());
  return callTable(function, result, all);
}

Value Emit::callWithoutSite(size_t function, Type result, ValueRange args) {
  SmallVector<Value> all = {emulator()};
  all.append(args.begin(), args.end());
  return callTable(function, result, all);
}
