// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Translates lowered kernels to LLVM IR, joins them, optimises, and writes PTX. Stage: code. LLVM ends the
// process on what it cannot select; here that is caught (one emission at a time, since the handlers are the
// process's) and becomes an error that names the kernel.
#include "weft/Codegen/GPU/EmitPTX.h"

#include "Requirements.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>
#include <set>

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

using namespace llvm;
using namespace weft::gpu;

namespace {

enum class Form { IR, PTX };

/// Where this thread's fatal errors of LLVM go while it emits.
thread_local std::string *fatalMessage = nullptr;

void onFatalError(void *, const char *reason, bool) {
  if (CrashRecoveryContext *context = CrashRecoveryContext::GetCurrent(); context && fatalMessage) {
    *fatalMessage = reason;
    context->HandleExit(1);
  }
  errs() << "LLVM ERROR: " << reason << "\n"; // another thread's: as without a handler
}

/// Runs `work`; what it would have died of, or nothing. A thread at a time: handlers are the process's.
std::optional<std::string> runGuarded(function_ref<void()> work) {
  static std::mutex one;
  std::lock_guard<std::mutex> lock(one);
  std::string message;
  fatalMessage = &message;
  ScopedFatalErrorHandler handler(onFatalError);
  CrashRecoveryContext::Enable();
  bool ran = false;
  {
    CrashRecoveryContext guard;
    ran = guard.RunSafely(work);
  }
  CrashRecoveryContext::Disable();
  fatalMessage = nullptr;
  if (ran)
    return std::nullopt;
  return message.empty() ? "LLVM crashed" : message;
}

/// Keeps errors that LLVM reports to the context and would exit on.
struct CollectErrors : DiagnosticHandler {
  explicit CollectErrors(std::string &text) : text(text) {}
  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() != DS_Error)
      return true;
    raw_string_ostream stream(text);
    DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    stream << "\n";
    return true;
  }
  std::string &text;
};

Expected<std::unique_ptr<TargetMachine>> machineFor(const GpuTarget &target) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  Triple triple("nvptx64-nvidia-cuda");
  std::string message;
  const Target *t = TargetRegistry::lookupTarget(triple, message);
  if (!t)
    return createStringError("this LLVM writes no PTX: " + message);
  return std::unique_ptr<TargetMachine>(t->createTargetMachine(
      triple, target.chip(), target.features(), {}, std::nullopt, std::nullopt, CodeGenOptLevel::Aggressive));
}

/// LLVM's own O3, so that the target takes part: address spaces are inferred, loops unrolled by its costs.
void optimise(Module &module, TargetMachine &machine) {
  PassBuilder builder(&machine);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
}

/// A kernel as LLVM IR in `context`.
Expected<std::unique_ptr<Module>> translate(const GpuKernel &kernel, LLVMContext &context) {
  // Ops that are PTX text become inline assembly; the kernel itself stays, for the emulator.
  mlir::OwningOpRef<mlir::ModuleOp> copy(kernel.module.get().clone());
  mlir::PassManager passes(copy->getContext(), mlir::ModuleOp::getOperationName());
  passes.addPass(mlir::createConvertNVVMToLLVMPass());
  std::unique_ptr<Module> module;
  if (mlir::succeeded(passes.run(*copy)))
    module = mlir::translateModuleToLLVMIR(*copy, context, "weft");
  if (!module)
    return createStringError("kernel '" + kernel.name +
                             "': translation to LLVM IR failed; the diagnostics say why");
  return module;
}

/// The first function outside that the PTX text calls, or nothing.
StringRef firstExternal(StringRef ptx) {
  size_t at = ptx.find(".extern .func");
  if (at == StringRef::npos)
    return {};
  StringRef rest = ptx.substr(at + StringRef(".extern .func").size()).ltrim();
  if (rest.starts_with("(")) // the result
    rest = rest.substr(rest.find(')') + 1).ltrim();
  return rest.take_until([](char c) { return c == '(' || isSpace(c); });
}

Expected<std::string> emit(ArrayRef<const GpuKernel *> kernels, const GpuTarget &target, Form form) {
  // Owned by pointers that are let go after a crash: LLVM's state is not to be trusted then.
  auto context = std::make_unique<LLVMContext>();
  std::string complaints, text;
  context->setDiagnosticHandler(std::make_unique<CollectErrors>(complaints));
  std::unique_ptr<Module> whole;
  for (const GpuKernel *kernel : kernels) {
    auto module = translate(*kernel, *context);
    if (!module)
      return module.takeError();
    if (!whole)
      whole = std::move(*module);
    else if (Linker::linkModules(*whole, std::move(*module)))
      return createStringError("kernel '" + kernel->name +
                               "' cannot be joined with the others: " + StringRef(complaints).trim());
  }
  std::unique_ptr<TargetMachine> machine;
  Error failure = Error::success();
  auto work = [&] {
    auto made = machineFor(target);
    if (!made) {
      failure = joinErrors(std::move(failure), made.takeError());
      return;
    }
    machine = std::move(*made);
    whole->setDataLayout(machine->createDataLayout());
    whole->setTargetTriple(machine->getTargetTriple());
    optimise(*whole, *machine);
    raw_string_ostream stream(text);
    if (form == Form::IR) {
      whole->print(stream, nullptr);
      return;
    }
    SmallString<0> bytes;
    raw_svector_ostream out(bytes);
    legacy::PassManager passes;
    machine->addPassesToEmitFile(passes, out, nullptr, CodeGenFileType::AssemblyFile);
    passes.run(*whole);
    stream << bytes;
  };
  std::optional<std::string> died = runGuarded(work);
  if (failure)
    return std::move(failure);
  if (!died && complaints.empty())
    return text;
  if (died) {
    whole.release();
    machine.release();
    context.release();
  }
  return createStringError(StringRef(died ? *died : complaints).trim());
}

Expected<std::string> emitChecked(ArrayRef<const GpuKernel *> kernels, const GpuTarget &target, Form form) {
  if (Error error = target.check())
    return std::move(error);
  std::set<StringRef> names;
  for (const GpuKernel *kernel : kernels) {
    if (!names.insert(kernel->name).second)
      return createStringError("two kernels are named '" + kernel->name + "'");
    if (Error error = checkRequirements(kernel->module.get(), kernel->name, target))
      return std::move(error);
  }
  auto text = emit(kernels, target, form);
  if (!text) {
    std::string message = toString(text.takeError());
    if (kernels.size() == 1)
      return createStringError("kernel '" + kernels.front()->name + "' on " + target.chip() + ": " + message);
    // Which one: each by itself.
    for (const GpuKernel *kernel : kernels) {
      auto alone = emitChecked({kernel}, target, form);
      if (!alone)
        return alone.takeError();
    }
    return createStringError(message);
  }
  if (StringRef name = firstExternal(*text); form == Form::PTX && !name.empty())
    return createStringError("a kernel calls " + name + "; kernels may call nothing");
  return text;
}

} // namespace

Expected<std::string> weft::gpu::emitPTX(ArrayRef<const GpuKernel *> kernels, const GpuTarget &target) {
  return emitChecked(kernels, target, Form::PTX);
}

Expected<std::string> weft::gpu::emitNvptxIR(ArrayRef<const GpuKernel *> kernels, const GpuTarget &target) {
  return emitChecked(kernels, target, Form::IR);
}
