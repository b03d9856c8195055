// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes calls of the emulator's functions into a kernel: what every file of this folder builds with.
#ifndef WEFT_LIB_CODEGEN_EMULATOR_EMIT_H
#define WEFT_LIB_CODEGEN_EMULATOR_EMIT_H

#include "weft/Program/EmulatorAbi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <cstddef>

/// The place of a function in the table, for Emit::call.
#define WEFT_FUNCTION(name) offsetof(WeftEmulatorFunctions, name)

namespace weft::emulator {

/// A builder in front of an op, inside a function whose first argument is the WeftEmulator.
class Emit {
public:
  Emit(mlir::Operation *op, mlir::SymbolTable &symbols)
      : b(op), loc(op->getLoc()), op(op), symbols(symbols) {}

  mlir::OpBuilder b;
  mlir::Location loc;

  mlir::Type i1() { return b.getI1Type(); }
  mlir::Type i32() { return b.getI32Type(); }
  mlir::Type i64() { return b.getI64Type(); }
  mlir::Type pointer() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::Value constant32(int64_t value);
  mlir::Value constant64(int64_t value);
  /// An optional i32 operand, or a constant.
  mlir::Value orConstant(mlir::Value value, int64_t otherwise) {
    return value ? value : constant32(otherwise);
  }
  mlir::Value toI1(mlir::Value value);
  mlir::Value toI32(mlir::Value value);

  /// The WeftEmulator of this thread.
  mlir::Value emulator();
  /// A field of it; the fields never change while a kernel runs.
  mlir::Value field(mlir::Type type, size_t offset);
  /// Calls a function of the table with the emulator, `args` and the site of the op. No type: no result.
  mlir::Value call(size_t function, mlir::Type result, mlir::ValueRange args);
  /// The same of functions that take no site.
  mlir::Value callWithoutSite(size_t function, mlir::Type result, mlir::ValueRange args);

  /// Memory of the thread's stack for one value.
  mlir::Value slot(mlir::Type type);
  /// The values, all of one type, as an array in memory.
  mlir::Value spill(mlir::ValueRange values);
  mlir::Value load(mlir::Type type, mlir::Value address);
  mlir::Value loadAt(mlir::Type type, mlir::Value base, int64_t offset, bool isInvariant = false);
  /// Bytes that never change, in the image.
  mlir::Value bytes(llvm::StringRef name, llvm::StringRef content, unsigned alignment = 1);

private:
  mlir::Value site();
  mlir::Value callTable(size_t function, mlir::Type result, llvm::ArrayRef<mlir::Value> args);

  mlir::Operation *op;
  mlir::SymbolTable &symbols;
};

/// Where an op comes from, as errors and the access lint name it: "file:line:column", a node's name, or both.
std::string describeLocation(mlir::Location loc);

/// Bytes that a value of the type takes in memory.
uint64_t storeSize(mlir::Type type, mlir::Operation *scope);

} // namespace weft::emulator

#endif // WEFT_LIB_CODEGEN_EMULATOR_EMIT_H
