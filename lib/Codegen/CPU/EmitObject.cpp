// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Translates a lowered kernel to LLVM IR, optimises it, and writes an object or text. Stage: code.
#include "weft/Codegen/CPU/EmitObject.h"

#include "Passes.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace weft::cpu;

/// Loops of scalar code: simplify, rotate, hoist, vectorise, unroll, clean up. LLVM's O2 without inlining,
/// SLP, idiom recognition (it would call memset) and the passes for whole programs; with passes of ours.
static const char *loopPipeline =
    "function(sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop-mssa(loop-rotate<header-duplication>,licm,simple-loop-unswitch),simplifycfg,instcombine<no-verify-"
    "fixpoint>,"
    "loop(indvars,loop-deletion),gvn,sroa,instcombine<no-verify-fixpoint>,loop-mssa(licm),"
    "loop-simplify,lcssa,weft-interleave-math,loop-vectorize,loop-load-elim,instcombine<no-verify-fixpoint>,"
    "simplifycfg<bonus-inst-threshold=1;forward-switch-cond;switch-to-lookup;no-keep-loops;hoist-common-"
    "insts;sink-common-insts>,"
    "loop-unroll<O2>,instcombine<no-verify-fixpoint>,loop-mssa(licm),early-cse,div-rem-pairs,simplifycfg,"
    "weft-prefetch-rows)";

static Error optimise(Module &module, TargetMachine &machine, const TargetInfo &target, Pipeline pipeline) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.LoopInterleaving = true;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.registerPipelineParsingCallback(
      [&](StringRef name, FunctionPassManager &own, ArrayRef<PassBuilder::PipelineElement>) {
        if (name == "weft-interleave-math")
          own.addPass(InterleaveMathPass());
        else if (name == "weft-prefetch-rows")
          own.addPass(PrefetchRowsPass(target.l2Bytes, target.l1Bytes));
        else
          return false;
        return true;
      });
  ModulePassManager passes;
  if (Error error = builder.parsePassPipeline(passes, pipeline == Pipeline::Vectorized ? "function(early-cse)"
                                                                                       : loopPipeline))
    return error;
  passes.run(module, modules);
  return Error::success();
}

/// Whether addresses are written as x86 takes them: what generators unroll, that is; loops that LLVM unrolls
/// it also knows best how to step through.
static bool hasFactoredAddresses(const TargetInfo &target, Pipeline pipeline) {
  return target.isX86 && pipeline == Pipeline::Vectorized;
}

namespace {
/// The passes of code generation, without what never finds work in kernels. Matrix registers are named by
/// generators (MatrixTile.h), so that nothing allocates or configures them. Where addresses have been
/// factored nothing is left for loop strength reduction, whose search takes half of the time of all passes.
class CodegenPasses : public legacy::PassManager {
public:
  explicit CodegenPasses(bool isFactored) : isFactored(isFactored) {}
  void add(Pass *pass) override {
    if (isLeftOut(pass->getPassName()))
      delete pass;
    else
      legacy::PassManager::add(pass);
  }

private:
  bool isLeftOut(StringRef name) {
    if (name == "Tile Register Pre-configure")
      return tilesAreNext = true;
    if (name == "Greedy Register Allocator") // for tiles first, then for all else
      return std::exchange(tilesAreNext, false);
    return name == "Tile Register Configure" ||
           (isFactored &&
            (name == "Loop Strength Reduction" || name == "Canonicalize Freeze Instructions in Loops"));
  }

  bool isFactored, tilesAreNext = false;
};

/// The passes that write a module as a file, and where the file goes.
struct FilePasses {
  static Expected<std::unique_ptr<FilePasses>> make(TargetMachine &machine, bool isFactored,
                                                    CodeGenFileType type);
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream{bytes};
  CodegenPasses passes;

private:
  explicit FilePasses(bool isFactored) : passes(isFactored) {}
};

/// What a thread emits kernels with. Making the machine takes longer than emitting a small kernel, and adding
/// the passes as long as a tenth of what they do: one serves many kernels, all of one target.
class Backend {
public:
  /// That of this thread.
  static Expected<Backend *> get(const TargetInfo &target);
  Expected<SmallVector<char, 0>> writeObject(Module &module, bool isFactored);

  LLVMContext context; ///< keeps the constants of all its modules
  std::unique_ptr<TargetMachine> machine;

private:
  static constexpr unsigned mostKernels = 256; // so that the context does not grow forever
  std::string key;
  unsigned numKernels = 0;
  std::unique_ptr<FilePasses> objectPasses[2];
};
} // namespace

Expected<Backend *> Backend::get(const TargetInfo &target) {
  thread_local std::unique_ptr<Backend> known;
  std::string key = target.triple + "/" + target.cpu + "/" + target.features;
  if (known && known->key == key && known->numKernels++ < mostKernels)
    return known.get();
  Triple triple(target.triple);
  std::string message;
  const Target *t = TargetRegistry::lookupTarget(triple, message);
  if (!t)
    return createStringError("no code generation for " + target.triple + ": " + message);
  TargetOptions options;
  options.FunctionSections = true;
  auto made = std::make_unique<Backend>();
  made->key = std::move(key);
  made->machine.reset(t->createTargetMachine(triple, target.cpu, target.features, options, Reloc::PIC_,
                                             CodeModel::Small, CodeGenOptLevel::Default));
  if (!made->machine)
    return createStringError("no target machine for " + target.cpu);
  known = std::move(made);
  return known.get();
}

Expected<std::unique_ptr<FilePasses>> FilePasses::make(TargetMachine &machine, bool isFactored,
                                                       CodeGenFileType type) {
  std::unique_ptr<FilePasses> made(new FilePasses(isFactored));
  TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  made->passes.add(new TargetLibraryInfoWrapperPass(library));
  if (machine.addPassesToEmitFile(made->passes, made->stream, nullptr, type, /*DisableVerify=*/true))
    return createStringError("the target cannot write objects or assembly");
  return made;
}

Expected<SmallVector<char, 0>> Backend::writeObject(Module &module, bool isFactored) {
  std::unique_ptr<FilePasses> &writer = objectPasses[isFactored];
  if (!writer) {
    auto made = FilePasses::make(*machine, isFactored, CodeGenFileType::ObjectFile);
    if (!made)
      return made.takeError();
    writer = std::move(*made);
  }
  writer->bytes.clear();
  writer->passes.run(module);
  return writer->bytes;
}

static Expected<std::unique_ptr<Module>> translate(mlir::ModuleOp source, const TargetInfo &target,
                                                   Backend &backend, Pipeline pipeline) {
  TargetMachine &machine = *backend.machine;
  std::unique_ptr<Module> module =
      mlir::translateModuleToLLVMIR(source, backend.context, "weft", /*disableVerification=*/true);
  if (!module)
    return createStringError("translation to LLVM IR failed; the diagnostics say why");
  module->setDataLayout(machine.createDataLayout());
  module->setTargetTriple(machine.getTargetTriple());
  std::string width = std::to_string(target.vectorBits);
  for (Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
    function.addFnAttr("no-builtins");
    function.addFnAttr(Attribute::NoUnwind);
    function.addFnAttr(Attribute::MustProgress);
    function.addFnAttr(Attribute::WillReturn);
  }
  if (Error error = optimise(*module, machine, target, pipeline))
    return error;
  if (target.isX86)
    for (Function &function : *module)
      if (function.hasFnAttribute(streamedAttrName))
        streamStores(function, function.getFnAttributeAsParsedInteger(streamedAttrName), target.vectorBits);
  if (target.hasAvx512)
    for (Function &function : *module)
      useScalef(function);
  if (hasFactoredAddresses(target, pipeline))
    for (Function &function : *module)
      if (!function.isDeclaration())
        factorAddresses(function);
  return module;
}

/// Names of undefined symbols, as text.
static Expected<std::string> undefinedSymbols(StringRef object) {
  auto file = object::ObjectFile::createObjectFile(MemoryBufferRef(object, "kernel"));
  if (!file)
    return file.takeError();
  std::string names;
  for (const object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name) {
      consumeError(flags ? Error::success() : flags.takeError());
      consumeError(name ? Error::success() : name.takeError());
      continue;
    }
    if ((*flags & object::SymbolRef::SF_Undefined) && !name->empty() && *name != "_GLOBAL_OFFSET_TABLE_")
      names += (names.empty() ? "'" : ", '") + name->str() + "'";
  }
  return names;
}

static std::string kernelName(const Module &module) {
  for (const Function &function : module)
    if (!function.isDeclaration() && function.hasExternalLinkage())
      return function.getName().str();
  return "?";
}

Expected<SmallVector<char, 0>> weft::cpu::emitObject(mlir::ModuleOp source, const TargetInfo &target,
                                                     Pipeline pipeline) {
  auto backend = Backend::get(target);
  if (!backend)
    return backend.takeError();
  auto module = translate(source, target, **backend, pipeline);
  if (!module)
    return module.takeError();
  std::string name = kernelName(**module);
  auto bytes = (*backend)->writeObject(**module, hasFactoredAddresses(target, pipeline));
  if (!bytes)
    return bytes.takeError();
  auto undefined = undefinedSymbols(StringRef(bytes->data(), bytes->size()));
  if (!undefined)
    return undefined.takeError();
  if (!undefined->empty())
    return createStringError("kernel '" + name + "' calls " + *undefined + "; kernels may call nothing");
  return bytes;
}

Expected<std::string> weft::cpu::emitText(mlir::ModuleOp source, const TargetInfo &target, Pipeline pipeline,
                                          TextKind kind) {
  auto backend = Backend::get(target);
  if (!backend)
    return backend.takeError();
  auto module = translate(source, target, **backend, pipeline);
  if (!module)
    return module.takeError();
  std::string text;
  if (kind == TextKind::LLVM) {
    raw_string_ostream stream(text);
    (*module)->print(stream, nullptr);
    return text;
  }
  auto writer = FilePasses::make(*(*backend)->machine, hasFactoredAddresses(target, pipeline),
                                 CodeGenFileType::AssemblyFile);
  if (!writer)
    return writer.takeError();
  (*writer)->passes.run(**module);
  return std::string((*writer)->bytes.begin(), (*writer)->bytes.end());
}
