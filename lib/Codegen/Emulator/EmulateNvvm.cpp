// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns GPU kernels (nvvm and llvm dialects) into host code that runs one GPU thread of them. Stage: code.
// Ops of the nvvm dialect become calls of the emulator's table, which arrives as a hidden first argument;
// shared memory becomes the block's window; address spaces vanish, since all memory is the host's. Each
// kernel gets two bodies, one that asks before every access and one that does not, behind one entry that
// looks which is wanted. An op without emulation is an error that names it, never left out.
#include "Lower.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "weft/Codegen/Emulator/EmitEmulated.h"
#include "weft/Codegen/Passes.h"
#include "llvm/ADT/StringSet.h"

namespace weft {
#define GEN_PASS_DEF_EMULATENVVMPASS
#include "weft/Codegen/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft::emulator;

namespace {

constexpr unsigned sharedSpace = 3, clusterSpace = 7;

unsigned addressSpace(Type type) {
  auto pointer = dyn_cast<LLVM::LLVMPointerType>(type);
  return pointer ? pointer.getAddressSpace() : 0;
}

bool isShared(Type type) { return addressSpace(type) == sharedSpace || addressSpace(type) == clusterSpace; }

/// Where the module's shared arrays lie: those with a size first, then the dynamic one.
struct SharedLayout {
  llvm::StringMap<int64_t> offsets;
  int64_t staticBytes = 0;
};

class Emulation {
public:
  explicit Emulation(ModuleOp module) : module(module), symbols(module) {}

  LogicalResult run() {
    weft::emulator::flattenGpuModules(module);
    symbols = SymbolTable(module);
    layOutShared();
    if (failed(addEmulatorArguments()))
      return failure();
    bool isGood = true;
    for (LLVM::LLVMFuncOp function : functions)
      isGood &= succeeded(lowerFunction(function));
    if (!isGood)
      return failure();
    for (LLVM::LLVMFuncOp function : functions) {
      contractProducts(function);
      makeBodies(function);
    }
    for (LLVM::LLVMFuncOp function : functions) {
      if (kernels.contains(function.getName()))
        makeEntry(function);
      symbols.erase(function);
    }
    for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (global.getAddrSpace() == sharedSpace)
        global.erase();
    eraseGpuTypes();
    return success();
  }

private:
  void layOutShared() {
    DataLayout layout(module);
    auto place = [&](bool isDynamic) {
      for (auto global : module.getOps<LLVM::GlobalOp>()) {
        if (global.getAddrSpace() != sharedSpace)
          continue;
        auto size = static_cast<int64_t>(layout.getTypeSize(global.getGlobalType()).getFixedValue());
        if ((size == 0) != isDynamic)
          continue;
        auto alignment = static_cast<int64_t>(global.getAlignment().value_or(16));
        shared.staticBytes = llvm::alignTo(shared.staticBytes, alignment);
        shared.offsets[global.getSymName()] = shared.staticBytes;
        shared.staticBytes += size;
      }
    };
    place(false);
    place(true);
  }

  /// Makes the WeftEmulator the first argument of every function and call.
  LogicalResult addEmulatorArguments() {
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      if (function.isExternal())
        continue;
      if (function->hasAttr("nvvm.kernel") || function->hasAttr("gpu.kernel")) {
        kernels.insert(function.getName());
        function->setAttr("nvvm.kernel", UnitAttr::get(module.getContext()));
      }
      functions.push_back(function);
    }
    if (kernels.empty())
      return module.emitError("no kernel in the module; wanted an llvm.func with the attribute nvvm.kernel");
    for (LLVM::LLVMFuncOp function : functions)
      prependArgument(function);
    for (LLVM::LLVMFuncOp function : functions)
      function.walk([&](LLVM::CallOp call) {
        auto callee = call.getCallee();
        if (callee && isDefined(*callee))
          call.getCalleeOperandsMutable().assign(withEmulator(function, call.getCalleeOperands()));
      });
    return success();
  }

  static void prependArgument(LLVM::LLVMFuncOp function) {
    auto pointer = LLVM::LLVMPointerType::get(function.getContext());
    SmallVector<Type> types = {pointer};
    llvm::append_range(types, function.getArgumentTypes());
    SmallVector<Attribute> attributes = {DictionaryAttr()};
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      attributes.push_back(function.getArgAttrDict(i));
    LLVM::LLVMFunctionType type = function.getFunctionType();
    function.setFunctionType(LLVM::LLVMFunctionType::get(type.getReturnType(), types, type.isVarArg()));
    function.getBody().front().insertArgument(0u, pointer, function.getLoc());
    for (Attribute &attribute : attributes)
      if (!attribute)
        attribute = DictionaryAttr::get(function.getContext());
    function.setArgAttrsAttr(ArrayAttr::get(function.getContext(), attributes));
  }

  bool isDefined(StringRef name) const {
    return llvm::any_of(functions, [&](LLVM::LLVMFuncOp function) { return function.getName() == name; });
  }

  static SmallVector<Value> withEmulator(LLVM::LLVMFuncOp caller, ValueRange operands) {
    SmallVector<Value> all = {caller.getArgument(0)};
    all.append(operands.begin(), operands.end());
    return all;
  }

  LogicalResult lowerFunction(LLVM::LLVMFuncOp function) {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    bool isGood = true;
    for (Operation *op : ops)
      isGood &= lowerOp(op) != Lowered::Failed;
    return success(isGood);
  }

  Lowered lowerOp(Operation *op) {
    if (op->getDialect() && op->getDialect()->getNamespace() == "nvvm") {
      for (auto lower : {lowerThreadOp, lowerCopyOp, lowerMatrixOp, lowerInlineAssembly})
        if (Lowered lowered = lower(op, symbols); lowered != Lowered::Unknown)
          return lowered;
    } else if (isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect())) {
      if (lowerSharedAddress(op))
        return Lowered::Done;
      for (auto lower : {lowerInlineAssembly, lowerLibraryOp})
        if (Lowered lowered = lower(op, symbols); lowered != Lowered::Unknown)
          return lowered;
      auto call = dyn_cast<LLVM::CallOp>(op);
      if (!call || (call.getCallee() && isDefined(*call.getCallee())))
        return Lowered::Done;
      op->emitError("no emulation for a call of ")
          << (call.getCallee() ? "'" + *call.getCallee() + "', which the module does not define"
                               : StringRef("a function by its address"));
      return Lowered::Failed;
    }
    op->emitError("no emulation for '") << op->getName() << "'; wanted ops of llvm and nvvm that it knows";
    return Lowered::Failed;
  }

  /// Addresses in shared memory: of its arrays, and as numbers (descriptors are built from them).
  bool lowerSharedAddress(Operation *op) {
    Emit emit(op, symbols);
    if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
      auto found = shared.offsets.find(address.getGlobalName());
      if (found == shared.offsets.end())
        return false;
      Value base = emit.field(emit.pointer(), offsetof(WeftEmulator, shared));
      Value at = LLVM::GEPOp::create(emit.b, emit.loc, emit.pointer(), emit.b.getI8Type(), base,
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(found->second)});
      replaceOp(op, LLVM::AddrSpaceCastOp::create(emit.b, emit.loc, address.getType(), at));
      return true;
    }
    if (auto cast = dyn_cast<LLVM::PtrToIntOp>(op); cast && isShared(cast.getArg().getType())) {
      Value offset = emit.callWithoutSite(WEFT_FUNCTION(sharedOffset), emit.i64(), {cast.getArg()});
      if (cast.getType() != emit.i64())
        offset = LLVM::TruncOp::create(emit.b, emit.loc, cast.getType(), offset);
      replaceOp(op, offset);
      return true;
    }
    if (auto cast = dyn_cast<LLVM::IntToPtrOp>(op); cast && isShared(cast.getType())) {
      Value offset = cast.getArg();
      if (offset.getType() != emit.i64())
        offset = LLVM::ZExtOp::create(emit.b, emit.loc, emit.i64(), offset);
      replaceOp(op, emit.callWithoutSite(WEFT_FUNCTION(sharedAddress), cast.getType(), {offset}));
      return true;
    }
    return false;
  }

  static std::string bodyName(StringRef name, bool checked) {
    return (name + (checked ? ".checked" : ".fast")).str();
  }

  /// Copies a lowered function twice; the copies call each other's kind.
  void makeBodies(LLVM::LLVMFuncOp function) {
    for (bool checked : {true, false}) {
      auto body = cast<LLVM::LLVMFuncOp>(function->clone());
      body.setName(bodyName(function.getName(), checked));
      symbols.insert(body, std::next(Block::iterator(function)));
      body.setLinkage(LLVM::Linkage::Internal);
      body.setDsoLocal(true);
      body.walk([&](LLVM::CallOp call) {
        if (auto callee = call.getCallee())
          call.setCallee(bodyName(*callee, checked));
      });
      if (checked)
        checkAccesses(body, symbols);
      dropGpuAttributes(body);
    }
  }

  /// What only a GPU reads, and promises about pointers that a host optimiser must not take: other threads
  /// write while this one waits.
  static void dropGpuAttributes(LLVM::LLVMFuncOp function) {
    SmallVector<StringAttr> dropped;
    for (NamedAttribute attribute : function->getDiscardableAttrs())
      dropped.push_back(attribute.getName());
    for (StringAttr name : dropped)
      function->removeDiscardableAttr(name);
    function.removeArgAttrsAttr();
    function.removeResAttrsAttr();
    function.removeMemoryEffectsAttr();
  }

  /// The letter of WeftEmulatedKernelInfo::parameters.
  static char parameterLetter(LLVM::LLVMFuncOp kernel, unsigned index) {
    if (kernel.getArgAttr(index, "llvm.byval"))
      return 'm';
    Type type = kernel.getArgumentTypes()[index];
    if (isa<LLVM::LLVMPointerType>(type))
      return 'p';
    if (type.isF64())
      return 'd';
    if (type.isF32())
      return 'f';
    if (type.isF16() || type.isBF16())
      return 'h';
    switch (type.isInteger() ? type.getIntOrFloatBitWidth() : 0) {
    case 64:
      return 'l';
    case 32:
      return 'i';
    case 16:
      return 's';
    case 8:
    case 1:
      return 'b';
    }
    return 'm'; // a struct: its bytes
  }

  /// `NAME(emulator, params)`: loads the parameters and runs the body that is wanted.
  void makeEntry(LLVM::LLVMFuncOp kernel) {
    Location loc = kernel.getLoc();
    OpBuilder b(kernel);
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, pointer});
    std::string name = kernel.getName().str();
    auto entry = LLVM::LLVMFuncOp::create(b, loc, "entry", type);
    Block *block = entry.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    LLVM::ReturnOp::create(b, loc, ValueRange());
    Emit emit(block->getTerminator(), symbols);
    SmallVector<Value> args = {entry.getArgument(0)};
    for (unsigned i = 1; i < kernel.getNumArguments(); ++i) {
      Value at = emit.loadAt(pointer, entry.getArgument(1), 8 * (i - 1));
      bool byAddress = static_cast<bool>(kernel.getArgAttr(i, "llvm.byval"));
      args.push_back(byAddress ? at : emit.load(kernel.getArgumentTypes()[i], at));
    }
    Value checks = emit.toI1(emit.field(emit.i32(), offsetof(WeftEmulator, checks)));
    Block *end = block->splitBlock(block->getTerminator());
    Block *bodies[2];
    for (bool checked : {true, false}) {
      bodies[checked] = b.createBlock(end);
      b.setInsertionPointToStart(bodies[checked]);
      LLVM::CallOp::create(b, loc, TypeRange(), bodyName(name, checked), args);
      LLVM::BrOp::create(b, loc, ValueRange(), end);
    }
    b.setInsertionPointToEnd(block);
    LLVM::CondBrOp::create(b, loc, checks, bodies[true], bodies[false]);
    writeInfo(kernel, emit);
    symbols.remove(kernel);
    kernel.setName(name + ".source");
    symbols.insert(kernel);
    entry.setName(name);
    symbols.insert(entry);
  }

  /// The product of an array attribute of the kernel; 0 when it has none.
  static uint32_t product(LLVM::LLVMFuncOp kernel, StringRef name) {
    auto array = kernel->getAttrOfType<DenseI32ArrayAttr>(name);
    if (!array)
      return 0;
    uint32_t value = 1;
    for (int32_t extent : array.asArrayRef())
      value *= static_cast<uint32_t>(extent);
    return value;
  }

  void writeInfo(LLVM::LLVMFuncOp kernel, Emit &emit) {
    WeftEmulatedKernelInfo info = {};
    info.abi = WEFT_EMULATOR_ABI;
    info.maxThreads = product(kernel, "nvvm.reqntid");
    if (!info.maxThreads)
      info.maxThreads = product(kernel, "nvvm.maxntid");
    info.clusterBlocks = product(kernel, "nvvm.cluster_dim");
    info.numParameters = kernel.getNumArguments() - 1;
    info.staticShared = static_cast<uint64_t>(shared.staticBytes);
    for (unsigned i = 0; i < info.numParameters && i + 1 < sizeof info.parameters; ++i)
      info.parameters[i] = parameterLetter(kernel, i + 1);
    OpBuilder b(kernel);
    StringRef content(reinterpret_cast<const char *>(&info), sizeof info);
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), content.size());
    auto global = LLVM::GlobalOp::create(b, emit.loc, type, /*isConstant=*/true, LLVM::Linkage::External,
                                         (kernel.getName() + ".info").str(), b.getStringAttr(content),
                                         /*alignment=*/8);
    symbols.insert(global);
  }

  /// All memory is the host's; values of bf16 are only moved by now, and as i16 the host's code generator
  /// leaves them alone.
  void eraseGpuTypes() {
    Type i16 = IntegerType::get(module.getContext(), 16);
    module.walk([&](LLVM::ConstantOp op) {
      if (!getElementTypeOrSelf(op.getType()).isBF16())
        return;
      auto bits = [](const APFloat &value) { return value.bitcastToAPInt(); };
      if (auto scalar = dyn_cast<FloatAttr>(op.getValue()))
        op.setValueAttr(IntegerAttr::get(i16, bits(scalar.getValue())));
      else if (auto dense = dyn_cast<DenseFPElementsAttr>(op.getValue()))
        op.setValueAttr(dense.mapValues(i16, bits));
    });
    AttrTypeReplacer replacer;
    replacer.addReplacement([](LLVM::LLVMPointerType type) -> std::optional<Type> {
      return LLVM::LLVMPointerType::get(type.getContext());
    });
    replacer.addReplacement([&](BFloat16Type) -> Type { return i16; });
    for (auto global : module.getOps<LLVM::GlobalOp>())
      global.setAddrSpace(0);
    replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    module.walk([](LLVM::AddrSpaceCastOp cast) { replaceOp(cast, cast.getArg()); });
  }

  ModuleOp module;
  SymbolTable symbols;
  SmallVector<LLVM::LLVMFuncOp> functions;
  llvm::StringSet<> kernels;
  SharedLayout shared;
};

class EmulateNvvmPass : public weft::impl::EmulateNvvmPassBase<EmulateNvvmPass> {
  void runOnOperation() override {
    if (failed(Emulation(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
