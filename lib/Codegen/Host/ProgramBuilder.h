// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the functions of a program share: expressions, symbols, constants, kernels, variables.
#ifndef WEFT_LIB_CODEGEN_HOST_PROGRAMBUILDER_H
#define WEFT_LIB_CODEGEN_HOST_PROGRAMBUILDER_H

#include "MeshTables.h"

#include "weft/Codegen/CompiledKernel.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// The names a location holds, "Conv_3, Relu_4"; without any, the places in files, "net.mlir:5:3".
std::string locationText(mlir::Location loc);

/// State of the whole program.
class ProgramBuilder {
public:
  ProgramBuilder(mlir::ModuleOp module, const llvm::StringMap<CompiledKernel> &kernels)
      : module(module), kernels(kernels) {}

  mlir::FailureOr<program::Program> build();

  mlir::LogicalResult buildFunction(llvm::StringRef name, mlir::Block &block,
                                    llvm::ArrayRef<mlir::Value> inputs, mlir::ValueRange outputs,
                                    llvm::ArrayRef<llvm::StringRef> inputNames,
                                    llvm::ArrayRef<llvm::StringRef> outputNames, program::FunctionId &id);

  // Expressions.
  program::SymbolId symbolOf(mlir::StringAttr name);
  program::ExprId exprOf(mlir::AffineExpr expr, llvm::ArrayRef<mlir::StringAttr> symbols);
  /// The expression of an extent; fails for an unknown one, naming the value.
  mlir::FailureOr<program::ExprId> exprOf(const ir::Dim &dim, mlir::Value value, int64_t axis);
  mlir::FailureOr<llvm::SmallVector<program::ExprId>> dimExprs(mlir::Value value);
  mlir::FailureOr<program::ExprId> byteSize(mlir::Value value);
  /// The greatest number of a symbol in an expression; -1 without.
  int64_t lastSymbol(program::ExprId id);

  // Variables, constants and kernels.
  mlir::LogicalResult buildVariable(ir::VariableOp op);
  /// The constant of what `key` says, which is `constant` if there is none yet.
  program::ConstantId addConstant(llvm::StringRef key, program::Constant constant);
  mlir::FailureOr<program::ConstantId> constantOf(ir::ConstantOp op, const PackedOperand *packing);
  /// The values of all workers one after the other, each at a multiple of `stride` bytes.
  mlir::FailureOr<program::ConstantId> partsOf(dist::ConstantOp op, const PackedOperand *packing,
                                               int64_t &stride, int64_t &size);
  /// The symbol that holds this worker's place along an axis.
  program::SymbolId placeSymbol(mlir::StringAttr axis);
  program::KernelId kernelOf(const CompiledKernel &kernel, host::LaunchOp launch, unsigned numBuffers,
                             unsigned numDims);

  mlir::ModuleOp module;
  const llvm::StringMap<CompiledKernel> &kernels;
  mlir::SymbolTable kernelOps{module};
  program::Program out;
  MeshTables mesh{module, out};
  llvm::StringMap<program::SymbolId> symbols;
  llvm::StringMap<program::KernelId> kernelIds;
  llvm::StringMap<program::ConstantId> constantIds;
  Sha256 origins; ///< of what constants are made from, in order
  llvm::StringMap<program::VariableId> variableIds;
};

/// Writes the commands of a block, of a function or of a region, to `function`.
mlir::LogicalResult buildCommands(ProgramBuilder &owner, program::Function &function, mlir::Block &block,
                                  llvm::ArrayRef<mlir::Value> inputs, mlir::ValueRange outputs);

} // namespace weft

#endif // WEFT_LIB_CODEGEN_HOST_PROGRAMBUILDER_H
