// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel's way to machine code. Stage: kernel. The kernel is cloned into a module of its own as a
// function on tensors, then: generator, or linalg -> loops; then LLVM -> object.
#include "weft/Pipeline/CompileKernel.h"

#include "CloneKernel.h"
#include "GenerateKernel.h"
#include "KernelCache.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Conversion/LinalgToLoops.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Support/Sha256.h"
#include "weft/Transforms/Decompose.h"

using namespace mlir;
using namespace weft;

OwningOpRef<ModuleOp> weft::cloneAsFunction(host::KernelOp kernel) {
  OpBuilder builder(kernel.getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  builder.setInsertionPointToStart(module->getBody());
  auto function =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), kernel.getFunctionType());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(kernel.getBody().getArguments(), entry->getArguments()))
    mapping.map(from, to);
  for (Operation &op : kernel.getBody().front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value result : kernel.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(result));
  func::ReturnOp::create(builder, kernel.getLoc(), results);
  return module;
}

namespace {

/// Writes all that an op is made of but locations, so that equal texts are equal ops: in a third of the time
/// that printing them for readers takes.
class Serializer {
public:
  explicit Serializer(std::string &text) : text(text) {}

  void add(Operation &op) {
    addOnce(op.getName().getAsOpaquePointer(), [&] { return op.getName().getStringRef().str(); });
    addNumber(op.getNumOperands());
    for (Value operand : op.getOperands())
      addNumber(values.at(operand));
    addNumber(op.getNumResults());
    for (Value result : op.getResults())
      define(result);
    addPrinted(Attribute(op.getAttrDictionary()));
    addNumber(op.getNumSuccessors());
    for (Block *successor : op.getSuccessors())
      addNumber(blocks.at(successor));
    addNumber(op.getNumRegions());
    for (Region &region : op.getRegions()) {
      addNumber(region.getBlocks().size());
      for (Block &block : region) {
        blocks.try_emplace(&block, blocks.size());
        addNumber(block.getNumArguments());
        for (Value argument : block.getArguments())
          define(argument);
      }
      for (Block &block : region) {
        addNumber(block.getOperations().size());
        for (Operation &inner : block)
          add(inner);
      }
    }
  }

private:
  void addNumber(uint64_t number) {
    for (; number >= 0x80; number >>= 7)
      text += char(number | 0x80);
    text += char(number);
  }
  /// The text at its first use, the number of that use ever after.
  void addOnce(const void *thing, llvm::function_ref<std::string()> spell) {
    auto [number, isNew] = things.try_emplace(thing, things.size());
    addNumber(number->second);
    if (!isNew)
      return;
    std::string spelled = spell();
    addNumber(spelled.size());
    text += spelled;
  }
  /// A type or an attribute.
  template <typename T> void addPrinted(T thing) {
    addOnce(thing.getAsOpaquePointer(), [&] {
      std::string printed;
      llvm::raw_string_ostream os(printed);
      thing.print(os);
      return printed;
    });
  }
  void define(Value value) {
    values.try_emplace(value, values.size());
    addPrinted(value.getType());
  }

  std::string &text;
  llvm::DenseMap<Value, uint64_t> values;
  llvm::DenseMap<Block *, uint64_t> blocks;
  llvm::DenseMap<const void *, uint64_t> things;
};

} // namespace

/// Names the function and its machine code by what they are made from, so that equal kernels of all models
/// have equal objects; returns the hash of that.
static std::string nameByContents(ModuleOp module, cpu::Pipeline pipeline, const KernelOptions &options,
                                  std::string &name) {
  auto function = *module.getOps<func::FuncOp>().begin();
  std::string word = StringRef(name).rtrim("0123456789").rtrim('_').str();
  function.setSymName(word);
  std::string text =
      options.target.key() + (options.fast ? " fast " : " ") + std::to_string(int(pipeline)) + "\n";
  Serializer(text).add(*function);
  std::string hash = sha256Hex(text);
  name = word + "_" + hash.substr(0, 16);
  function.setSymName(name);
  return hash;
}

/// Makes the function of a check return what its assertion tells (see locateFailure), as any kernel returns
/// values.
static void openCheck(func::FuncOp function, ir::AssertOp check, SmallVectorImpl<std::string> &checks) {
  std::string text = check.getMessage().str();
  text += check.getFound() ? ": found {found} at element {at}" : "";
  text += check.getLimit() ? ", the limit is {limit}" : "";
  checks.push_back(text);
  SmallVector<Value> told = locateFailure(check);
  check.erase();
  Operation *terminator = function.getBody().front().getTerminator();
  terminator->setOperands(told);
  function.setFunctionType(
      FunctionType::get(function.getContext(), function.getArgumentTypes(), ValueRange(told).getTypes()));
}

/// The same after loops were written: the three results move to the start of the scratch memory, in the order
/// of WeftFault, and the kernel returns 1 when there is a position.
static void closeCheck(func::FuncOp kernel) {
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  Location loc = kernel.getLoc();
  unsigned first = kernel.getNumArguments() - 6; // position, found, limit, scratch, low, high
  Value scratch = kernel.getArgument(first + 3);
  Value position;
  const int64_t offsets[] = {16, 0, 8};
  for (auto [i, offset] : llvm::enumerate(offsets)) {
    Value result = kernel.getArgument(first + i);
    Value start = arith::ConstantIndexOp::create(b, loc, offset);
    Value view =
        memref::ViewOp::create(b, loc, cast<MemRefType>(result.getType()), scratch, start, ValueRange());
    result.replaceAllUsesWith(view);
    if (i == 0)
      position = view;
  }
  llvm::BitVector results(kernel.getNumArguments());
  results.set(first, first + 3);
  (void)kernel.eraseArguments(results);
  kernel->setAttr("weft.scratch_used", b.getI64IntegerAttr(24));
  kernel->setAttr("weft.tells_fault", b.getUnitAttr());
  kernel.walk([&](func::ReturnOp op) {
    b.setInsertionPoint(op);
    Value at = memref::LoadOp::create(b, loc, position);
    Value none = arith::ConstantIntOp::create(b, loc, std::numeric_limits<int64_t>::max(), 64);
    Value fails = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, at, none);
    op->setOperands(Value(arith::ExtUIOp::create(b, loc, b.getI32Type(), fails)));
  });
  kernel.setFunctionType(b.getFunctionType(kernel.getArgumentTypes(), {b.getI32Type()}));
}

namespace {

/// Passes on what a source knows, and remembers it.
class Overheard : public cpu::TilingSource {
public:
  explicit Overheard(const cpu::TilingSource &source) : source(source) {}
  std::optional<std::string> find(const std::string &kernel, const std::string &own,
                                  Neighbours neighbours) const override {
    std::optional<std::string> found = source.find(kernel, own, neighbours);
    tiling = found.value_or("");
    return found;
  }
  mutable std::string tiling;

private:
  const cpu::TilingSource &source;
};

} // namespace

FailureOr<CompiledKernel> weft::compileKernel(host::KernelOp kernel, const KernelOperands &operands,
                                              const KernelOptions &options) {
  CompiledKernel compiled;
  compiled.name = kernel.getSymName().str();
  auto observe = [&](StringRef stage, ModuleOp module) {
    if (options.observe)
      options.observe(stage, kernel.getSymName(), module);
  };

  OwningOpRef<ModuleOp> module;
  cpu::Pipeline pipeline = cpu::Pipeline::Loops;
  std::optional<Overheard> tilings;
  if (options.tilings)
    tilings.emplace(*options.tilings);
  FailureOr<std::optional<GeneratedFor>> generated =
      generateKernel(kernel, operands, options.target, options.strict, tilings ? &*tilings : nullptr);
  if (failed(generated))
    return failure();
  if (tilings)
    compiled.tuned = std::move(tilings->tiling);
  if (*generated) {
    module = std::move((*generated)->kernel.module);
    pipeline = (*generated)->kernel.pipeline;
    compiled.chunks = (*generated)->kernel.chunks;
    compiled.arguments = std::move((*generated)->arguments);
    compiled.packed = std::move((*generated)->packed);
  } else {
    module = cloneAsFunction(kernel);
    auto function = *module->getOps<func::FuncOp>().begin();
    auto checks = llvm::to_vector(function.getOps<ir::AssertOp>());
    if (!checks.empty())
      openCheck(function, checks.front(), compiled.checks);
    if (failed(convertWeftToLinalg(function)))
      return failure();
    observe("tensor", *module);
    FailureOr<cpu::ChunkCount> chunks = lowerTensorKernelToLoops(function);
    if (failed(chunks))
      return failure();
    compiled.chunks = *chunks;
    auto loops = *module->getOps<func::FuncOp>().begin();
    if (!checks.empty())
      closeCheck(loops);
    // Products take longer than their results' way to memory; of all else that way is the most part.
    auto result = kernel.getResultTypes().empty() ? RankedTensorType()
                                                  : cast<RankedTensorType>(kernel.getResultTypes().front());
    if (kernel->hasAttr(host::streamedAttrName) && result.hasStaticShape() &&
        result.getNumElements() * (result.getElementTypeBitWidth() / 8) > options.target.l2Bytes)
      loops->setAttr(cpu::streamedAttrName, UnitAttr::get(kernel.getContext()));
    // The result lies where the operand lies: one pointer for both, which LLVM knows to be one.
    if (auto operand = kernel->getAttrOfType<IntegerAttr>(host::inPlaceAttrName))
      loops.getArgument(kernel.getArgumentTypes().size())
          .replaceAllUsesWith(loops.getArgument(operand.getInt()));
  }
  observe("loops", *module);

  std::string contents;
  if (!options.wantText) {
    contents = nameByContents(*module, pipeline, options, compiled.name);
    if (options.cache && !options.observe)
      if (std::optional<KernelCache::Entry> entry = options.cache->find(contents)) {
        compiled.scratchBytes = entry->scratchBytes;
        compiled.object = std::move(entry->object);
        return compiled;
      }
  }

  cpu::LowerOptions lowerOptions;
  lowerOptions.verify = options.verify;
  lowerOptions.fast = options.fast;
  FailureOr<cpu::KernelInfo> info = cpu::lowerKernelToLLVM(*module, options.target, lowerOptions);
  if (failed(info))
    return failure();
  compiled.scratchBytes = info->scratchBytes;
  observe("llvm", *module);
  if (options.wantText)
    for (auto [kind, name] :
         {std::pair(cpu::TextKind::LLVM, "llvm"), std::pair(cpu::TextKind::Assembly, "asm")}) {
      auto text = cpu::emitText(*module, options.target, pipeline, kind);
      if (!text)
        return emitError(kernel.getLoc()) << llvm::toString(text.takeError());
      options.observeText(name, kernel.getSymName(), *text);
    }
  auto object = cpu::emitObject(*module, options.target, pipeline);
  if (!object)
    return emitError(kernel.getLoc())
           << "kernel @" << kernel.getSymName() << ": " << llvm::toString(object.takeError());
  compiled.object = std::move(*object);
  if (options.cache && !contents.empty())
    options.cache->put(contents, {compiled.scratchBytes, compiled.object});
  return compiled;
}
