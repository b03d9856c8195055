// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the functions of a program share, and the functions one after the other. Stage: program. Where arena
// buffers lie is Program/MemoryPlan's decision.
#include "weft/Codegen/Host/BuildProgram.h"
#include "ProgramBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Dialect/Unsupported.h"
#include "weft/Program/MemoryPlan.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using program::ExprId;

std::string weft::locationText(Location loc) {
  llvm::SetVector<StringRef> names;
  SmallVector<FileLineColLoc> places;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.insert(name.getName().getValue());
    else if (auto place = dyn_cast<FileLineColLoc>(part); place && !llvm::is_contained(places, place))
      places.push_back(place);
    return WalkResult::advance();
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  if (names.empty() && places.empty())
    loc.print(os);
  else if (names.empty())
    llvm::interleaveComma(places, os, [&](FileLineColLoc place) {
      os << place.getFilename().getValue() << ":" << place.getLine() << ":" << place.getColumn();
    });
  else
    llvm::interleaveComma(names, os);
  return text;
}

//===-- Expressions
//-------------------------------------------------------------------------------------------===//

program::SymbolId ProgramBuilder::symbolOf(StringAttr name) {
  auto [entry, isNew] = symbols.try_emplace(name.getValue(), out.symbols.size());
  if (isNew) {
    program::Symbol symbol;
    symbol.name = name.str();
    if (auto bounds = module->getAttrOfType<DictionaryAttr>(WeftDialect::getDimsAttrName()))
      if (auto range = bounds.getAs<DenseI64ArrayAttr>(name.getValue()); range && range.size() == 2) {
        symbol.lower = range[0];
        symbol.upper = range[1];
      }
    out.symbols.push_back(symbol);
  }
  return entry->second;
}

ExprId ProgramBuilder::exprOf(AffineExpr expr, ArrayRef<StringAttr> names) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return out.exprs.constant(number.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return out.exprs.symbol(symbolOf(names[symbol.getPosition()]));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  ExprId lhs = exprOf(binary.getLHS(), names), rhs = exprOf(binary.getRHS(), names);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return out.exprs.add(lhs, rhs);
  case AffineExprKind::Mul:
    return out.exprs.mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return out.exprs.floorDiv(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return out.exprs.ceilDiv(lhs, rhs);
  default:
    return out.exprs.mod(lhs, rhs);
  }
}

FailureOr<ExprId> ProgramBuilder::exprOf(const Dim &dim, Value value, int64_t axis) {
  if (dim.isStatic())
    return out.exprs.constant(dim.getStatic());
  if (dim.isUnknown())
    return unsupported(emitError(value.getLoc(), "extent of dimension "))
           << axis << " of " << value.getType()
           << " depends on data, wanted a number or an expression over named dimensions";
  return exprOf(dim.getExpr(), dim.getSymbols());
}

FailureOr<SmallVector<ExprId>> ProgramBuilder::dimExprs(Value value) {
  SmallVector<ExprId> ids;
  for (auto [axis, dim] : llvm::enumerate(getDims(value))) {
    FailureOr<ExprId> id = exprOf(dim, value, axis);
    if (failed(id))
      return failure();
    ids.push_back(*id);
  }
  return ids;
}

/// Bytes of one element in memory times `count`; sub-byte types are packed.
FailureOr<ExprId> ProgramBuilder::byteSize(Value value) {
  FailureOr<SmallVector<ExprId>> dims = dimExprs(value);
  if (failed(dims))
    return failure();
  DType type = toDType(cast<RankedTensorType>(value.getType()).getElementType());
  if (type == DType::Invalid)
    return emitError(value.getLoc(), "element type of ") << value.getType() << " cannot be stored";
  ExprId count = out.exprs.constant(1);
  for (ExprId dim : *dims)
    count = out.exprs.mul(count, dim);
  if (type == DType::I1)
    return count;
  int bits = bitWidth(type);
  return bits >= 8 ? out.exprs.mul(count, out.exprs.constant(bits / 8))
                   : out.exprs.ceilDiv(count, out.exprs.constant(8 / bits));
}

int64_t ProgramBuilder::lastSymbol(ExprId id) {
  const program::Expr &expr = out.exprs[id];
  if (expr.op == program::ExprOp::Constant)
    return -1;
  if (expr.op == program::ExprOp::Symbol)
    return expr.value;
  return std::max(lastSymbol(expr.lhs), lastSymbol(expr.rhs));
}

//===-- Constants and kernels
//---------------------------------------------------------------------------------===//

program::ConstantId ProgramBuilder::addConstant(StringRef key, program::Constant constant) {
  auto [entry, isNew] = constantIds.try_emplace(key, out.constants.size());
  if (isNew) {
    origins.updateField(std::string_view(key));
    out.constants.push_back(std::move(constant));
  }
  return entry->second;
}

FailureOr<program::ConstantId> ProgramBuilder::constantOf(ConstantOp op, const PackedOperand *packing) {
  FailureOr<HostTensor> tensor = toHostTensor(op.getValue());
  if (failed(tensor))
    return op.emitOpError("has no elements in the data store");
  std::string key;
  llvm::raw_string_ostream(key) << op.getValue() << (packing ? packing->key : "");
  program::Constant constant;
  constant.name = locationText(op.getLoc());
  constant.dtype = tensor->dtype();
  if (packing) {
    constant.dims.assign(packing->shape.begin(), packing->shape.end());
    constant.make = [pack = packing->pack, from = *tensor](size_t first, std::span<std::byte> to) {
      pack(from.bytes(), first, to);
    };
    constant.pieceBytes = packing->pieceBytes;
  } else {
    constant.dims = tensor->shape();
    constant.value = *tensor;
  }
  return addConstant(key, std::move(constant));
}

program::KernelId ProgramBuilder::kernelOf(const CompiledKernel &kernel, host::LaunchOp launch,
                                           unsigned numBuffers, unsigned numDims) {
  auto [entry, isNew] = kernelIds.try_emplace(kernel.name, out.kernels.size());
  if (isNew) {
    program::Kernel k;
    k.symbol = kernel.name;
    k.name = launch.getKernel().str();
    k.location = locationText(launch.getLoc());
    k.numBuffers = numBuffers;
    k.numDims = numDims;
    k.checks.assign(kernel.checks.begin(), kernel.checks.end());
    k.threads = kernel.threads;
    k.sharedBytes = kernel.sharedBytes;
    k.cluster = kernel.cluster;
    out.kernels.push_back(std::move(k));
  }
  return entry->second;
}

FailureOr<program::ConstantId> ProgramBuilder::partsOf(dist::ConstantOp op, const PackedOperand *packing,
                                                       int64_t &stride, int64_t &size) {
  std::vector<HostTensor> parts;
  for (Attribute value : op.getValues()) {
    FailureOr<HostTensor> part = toHostTensor(cast<TypedAttr>(value));
    if (failed(part))
      return op.emitOpError("has no elements in the data store");
    parts.push_back(*part);
  }
  Result<int64_t> partSize = packing ? checkedNumBytes(parts.front().dtype(), packing->shape)
                                     : Result<int64_t>(parts.front().numBytes());
  if (!partSize.isOk())
    return op.emitOpError(partSize.status().message());
  size = *partSize;
  stride = llvm::alignTo(size, 64);
  std::string key;
  llvm::raw_string_ostream(key) << op.getValues() << (packing ? packing->key : "");
  program::Constant constant;
  constant.name = locationText(op.getLoc());
  constant.dtype = DType::UI8;
  constant.dims = {stride * int64_t(parts.size())};
  constant.make = [parts = std::move(parts), pack = packing ? packing->pack : nullptr, stride,
                   size](size_t, std::span<std::byte> to) {
    for (auto [i, part] : llvm::enumerate(parts)) {
      std::span<std::byte> own = to.subspan(i * stride, stride);
      if (pack)
        pack(part.bytes(), 0, own.first(size));
      else
        llvm::copy(part.bytes(), own.begin());
      std::ranges::fill(own.subspan(size), std::byte(0));
    }
  };
  return addConstant(key, std::move(constant));
}

program::SymbolId ProgramBuilder::placeSymbol(StringAttr axis) {
  program::SymbolId symbol = symbolOf(StringAttr::get(axis.getContext(), "place." + axis.str()));
  out.symbols[symbol].bound = out.exprs.constant(mesh.sizeOf(axis) - 1);
  return symbol;
}

//===-- Variables and functions
//--------------------------------------------------------------------------------===//

LogicalResult ProgramBuilder::buildVariable(VariableOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.hasStaticShape())
    return unsupported(op.emitOpError("has type ")) << type << ", wanted extents that are numbers";
  program::Variable variable;
  variable.name = op.getSymName().str();
  variable.dtype = toDType(type.getElementType());
  variable.dims = type.getShape().vec();
  variable.trainable = op.getTrainable();
  if (auto initial = op.getInitial()) {
    FailureOr<HostTensor> value = toHostTensor(*initial);
    if (failed(value))
      return op.emitOpError("has no elements in the data store");
    program::Constant constant;
    constant.name = variable.name;
    constant.dtype = variable.dtype;
    constant.dims = variable.dims;
    constant.value = *value;
    std::string key;
    llvm::raw_string_ostream(key) << "variable " << op.getSymName() << " " << *initial;
    variable.initial = addConstant(key, std::move(constant));
  }
  variableIds[op.getSymName()] = out.variables.size();
  out.variables.push_back(std::move(variable));
  return success();
}

LogicalResult ProgramBuilder::buildFunction(StringRef name, Block &block, ArrayRef<Value> inputs,
                                            ValueRange outputs, ArrayRef<StringRef> inputNames,
                                            ArrayRef<StringRef> outputNames, program::FunctionId &id) {
  program::Function function;
  function.name = name.str();
  auto describe = [&](Value value, size_t i, ArrayRef<StringRef> names, const char *kind,
                      std::vector<program::Value> &into) -> LogicalResult {
    FailureOr<SmallVector<ExprId>> dims = dimExprs(value);
    if (failed(dims))
      return failure();
    program::Value described;
    described.name = i < names.size() ? names[i].str() : kind + std::to_string(i);
    described.dtype = toDType(cast<RankedTensorType>(value.getType()).getElementType());
    described.dims.assign(dims->begin(), dims->end());
    into.push_back(std::move(described));
    return success();
  };
  for (auto [i, input] : llvm::enumerate(inputs))
    if (failed(describe(input, i, inputNames, "input", function.inputs)))
      return failure();
  for (auto [i, output] : llvm::enumerate(outputs))
    if (failed(describe(output, i, outputNames, "output", function.outputs)))
      return failure();
  if (failed(buildCommands(*this, function, block, inputs, outputs)))
    return failure();
  id = out.functions.size();
  // Called functions carry a number: names of functions are unique.
  if (out.findFunction(function.name) != program::noId || name != "main")
    function.name += "." + std::to_string(id);
  out.functions.push_back(std::move(function));
  return success();
}

FailureOr<program::Program> ProgramBuilder::build() {
  for (auto variable : module.getOps<VariableOp>())
    if (failed(buildVariable(variable)))
      return failure();
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return function.emitOpError("has no body of one block");
    SmallVector<StringRef> inputNames, outputNames;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto name = function.getArgAttrOfType<StringAttr>(i, "weft.name"))
        inputNames.push_back(name.getValue());
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (auto name = function.getResultAttrOfType<StringAttr>(i, "weft.name"))
        outputNames.push_back(name.getValue());
    if (inputNames.size() != function.getNumArguments())
      inputNames.clear();
    if (outputNames.size() != function.getNumResults())
      outputNames.clear();
    Block &body = function.getBody().front();
    program::FunctionId id;
    SmallVector<Value> inputs(body.getArguments());
    if (failed(buildFunction(function.getSymName(), body, inputs, body.getTerminator()->getOperands(),
                             inputNames, outputNames, id)))
      return failure();
    out.functions[id].name = function.getSymName().str();
  }
  if (Status status = program::planStatically(out); !status.isOk())
    return module.emitError("memory plan: ") << status.message();
  // Programs that differ in constants alone have different manifests, hashed constants or not.
  out.metadata.emplace_back("constants", origins.finishHex());
  return std::move(out);
}

FailureOr<program::Program> weft::buildProgram(ModuleOp module,
                                               const llvm::StringMap<CompiledKernel> &kernels) {
  return ProgramBuilder(module, kernels).build();
}
