// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the stages. Kernels are compiled in parallel, longest first, then linked into one image. See
// Stages.cpp for the passes.
#include "weft/Pipeline/Compile.h"
#include "Partition.h"

#include "CompileEmulated.h"
#include "GpuImages.h"
#include "InParallel.h"
#include "KernelCache.h"
#include "TuneKernels.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/LinkImage.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Codegen/Host/BuildProgram.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/Dims.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Pipeline/CompileGpuKernel.h"
#include "weft/Pipeline/SideFile.h"
#include "weft/Program/Writer.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/File.h"
#include "weft/Support/Sha256.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Threading.h"
#include <chrono>
#include <ctime>

using namespace mlir;
using namespace weft;

namespace {

double cpuMs() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

/// One run of the compiler.
class Compiler {
public:
  Compiler(MLIRContext &context, const CompileOptions &options) : context(context), options(options) {}
  LogicalResult run(ModuleOp graph);

private:
  FailureOr<OwningOpRef<ModuleOp>> import(ModuleOp graph);
  LogicalResult runPasses(Stage stage, void (*build)(OpPassManager &, const StageOptions &));
  LogicalResult compileKernels();
  LogicalResult checkTuning();
  LogicalResult findTilings(llvm::ArrayRef<KernelJob> jobs, KernelOptions &kernelOptions);
  LogicalResult emitProgram();
  LogicalResult emitGpuText();
  SmallVector<StringRef> objects();
  SmallVector<const gpu::GpuKernel *> gpuKernels();
  LogicalResult writeText(llvm::StringRef text) {
    return write(std::as_bytes(std::span(text.data(), text.size())));
  }
  LogicalResult write(std::span<const std::byte> bytes) {
    Status status = options.output ? options.output(bytes) : Status::ok();
    if (!status.isOk())
      return emitError(UnknownLoc::get(&context)) << status.message();
    return success();
  }
  LogicalResult bindDims();
  LogicalResult checkBounds();
  LogicalResult writeModule();
  LogicalResult dump(llvm::StringRef name, Operation *op);
  LogicalResult fail(const Twine &message) { return emitError(UnknownLoc::get(&context)) << message; }
  LogicalResult fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }
  void progress(llvm::StringRef stage, int64_t done, int64_t total) {
    if (options.progress)
      options.progress(stage, done, total);
  }

  /// Reports the time of a stage when it goes out of scope.
  struct Timer {
    Timer(Compiler &owner, llvm::StringRef stage)
        : owner(owner), stage(stage), wall(std::chrono::steady_clock::now()), cpu(cpuMs()) {}
    ~Timer() {
      std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - wall;
      if (owner.options.stageTime)
        owner.options.stageTime(stage, elapsed.count(), cpuMs() - cpu);
    }
    Compiler &owner;
    std::string stage;
    std::chrono::steady_clock::time_point wall;
    double cpu;
  };

  MLIRContext &context;
  const CompileOptions &options;
  OwningOpRef<ModuleOp> module;
  llvm::StringMap<CompiledKernel> kernels;
  std::optional<TuningRecords> tilings;
  cpu::TargetInfo target;
  gpu::GpuTarget gpuTarget;
  std::string emitted; // text of kernels for --emit
};

} // namespace

FailureOr<OwningOpRef<ModuleOp>> Compiler::import(ModuleOp graph) {
  if (options.input == InputKind::Graph)
    return OwningOpRef<ModuleOp>(graph.clone());
  if (options.input == InputKind::Onnx) {
    if (options.bytes)
      return onnx::importOnnxBytes(*options.bytes, options.path, context, options.import);
    return onnx::importOnnxFile(options.path, context, options.import);
  }
  std::string text;
  if (options.bytes) {
    text.assign(reinterpret_cast<const char *>(options.bytes->data()), options.bytes->size());
  } else {
    Result<std::string> file = readFile(options.path);
    if (!file.isOk())
      return fail(file.status().message());
    text = *std::move(file);
  }
  ParserConfig config(&context);
  auto parsed = parseSourceString<ModuleOp>(text, config, options.path);
  if (!parsed)
    return failure();
  if (failed(loadSideFile(*parsed, options.path)))
    return failure();
  return parsed;
}

LogicalResult Compiler::dump(llvm::StringRef name, Operation *op) {
  if (options.dumpDir.empty())
    return success();
  if (Status status = createDirectories(options.dumpDir); !status.isOk())
    return fail(status.message());
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, OpPrintingFlags().enableDebugInfo(true, false).useLocalScope());
  Status status = writeFileAtomically(options.dumpDir + "/" + name.str() + ".mlir", text);
  return status.isOk() ? success() : fail(status.message());
}

LogicalResult Compiler::runPasses(Stage stage, void (*build)(OpPassManager &, const StageOptions &)) {
  if (options.from >= stage || options.to < stage)
    return success();
  progress(stageName(stage), 0, 1);
  {
    Timer timer(*this, stageName(stage));
    PassManager passes(&context);
    passes.enableVerifier(options.verify);
    if (!options.reproducer.empty())
      passes.enableCrashReproducerGeneration(options.reproducer);
    StageOptions stages = options.stages;
    stages.forGpu = options.target.isForGpu();
    // An unknown CPU is an error when kernels are compiled for it.
    if (auto cpu = cpu::TargetInfo::get(options.targetCpu); !cpu)
      llvm::consumeError(cpu.takeError());
    else if (!stages.forGpu) {
      stages.panelWidth = cpu::packedPanelWidth(*cpu, ShapedType::kDynamic);
      stages.lanes = cpu->lanes();
      stages.l2Bytes = cpu->l2Bytes;
      stages.l3Bytes = cpu->l3Bytes;
    }
    build(passes, stages);
    if (failed(passes.run(*module)))
      return failure();
  }
  return dump(std::to_string(int(stage)) + "-" + stageName(stage).str(), *module);
}

/// Gives the named dimensions of text and built graphs the bounds of the options; the importer of ONNX does
/// its own.
LogicalResult Compiler::bindDims() {
  if (options.input == InputKind::Onnx || options.from > Stage::Import)
    return success();
  if (!options.import.specialise.empty())
    return fail(options.path + ": found a shape for '" + options.import.specialise.begin()->getKey() +
                "'; the inputs' extents are those in the file, wanted shapes for ONNX models alone");
  llvm::SetVector<StringAttr> known;
  NamedAttrList bounds;
  if (auto declared = (*module)->getAttrOfType<DictionaryAttr>(ir::WeftDialect::getDimsAttrName()))
    bounds = NamedAttrList(declared);
  for (auto function : module->getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (isa<RankedTensorType>(type))
        for (const ir::Dim &dim : ir::getDims(type))
          for (StringAttr name : dim.getSymbols()) {
            known.insert(name);
            auto given = options.import.dynamicDims.find(name.getValue());
            if (given != options.import.dynamicDims.end())
              bounds.set(name, DenseI64ArrayAttr::get(&context, {given->second.lower, given->second.upper}));
            else if (!bounds.get(name))
              bounds.set(name, DenseI64ArrayAttr::get(&context, {0, -1}));
          }
  for (const auto &given : options.import.dynamicDims)
    if (!known.contains(StringAttr::get(&context, given.getKey()))) {
      std::string wanted;
      for (StringAttr name : known)
        wanted += (wanted.empty() ? "one of: " : ", ") + name.str();
      return fail(options.path + ": found no dimension '" + given.getKey() +
                  "' among those of the inputs, wanted " +
                  (wanted.empty() ? "none: all extents are numbers" : wanted));
    }
  if (!bounds.empty())
    (*module)->setAttr(ir::WeftDialect::getDimsAttrName(), bounds.getDictionary(&context));
  return success();
}

/// Refuses named dimensions without an upper bound that nobody asked for.
LogicalResult Compiler::checkBounds() {
  auto bounds = (*module)->getAttrOfType<DictionaryAttr>(ir::WeftDialect::getDimsAttrName());
  if (!options.boundedOnly || !bounds)
    return success();
  std::string names, flags;
  for (NamedAttribute dim : bounds) {
    auto range = dyn_cast<DenseI64ArrayAttr>(dim.getValue());
    if (!range || range.size() != 2 || range[1] >= 0 || options.import.dynamicDims.contains(dim.getName()))
      continue;
    names += (names.empty() ? "'" : ", '") + dim.getName().str() + "'";
    flags += " --dynamic-dim=" + dim.getName().str() + ":1:64";
  }
  if (names.empty())
    return success();
  return fail(options.path + ": found no bounds for " + names + "; add" + flags +
              " (lower and upper bound), or name one without bounds (--dynamic-dim=NAME), or give extents "
              "(--shape=INPUT=1x3x224x224)");
}

LogicalResult Compiler::writeModule() {
  auto flags = OpPrintingFlags().enableDebugInfo(false);
  if (options.dataFile.empty()) {
    flags.elideLargeElementsAttrs(16);
  } else {
    bool hasData = false;
    module->walk([&](ir::ConstantOp op) { hasData |= isa<ir::DataAttr>(op.getValue()); });
    if (hasData) {
      (*module)->setAttr("weft.data_file",
                         StringAttr::get(&context, llvm::sys::path::filename(options.dataFile)));
      if (failed(saveSideFile(*module, options.dataFile)))
        return failure();
    }
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, flags);
  return writeText(text);
}

LogicalResult Compiler::run(ModuleOp graph) {
  auto found = cpu::TargetInfo::get(options.targetCpu);
  if (!found)
    return fail(found.takeError());
  target = *found;
  if (options.target.isForGpu()) {
    auto architecture = gpu::GpuTarget::get(options.target.architecture);
    if (!architecture)
      return fail(architecture.takeError());
    gpuTarget = *architecture;
  }
  if (failed(checkTuning()))
    return failure();
  if (options.threads == 1)
    context.disableMultithreading();
  {
    progress(stageName(Stage::Import), 0, 1);
    Timer timer(*this, stageName(Stage::Import));
    FailureOr<OwningOpRef<ModuleOp>> imported = import(graph);
    if (failed(imported))
      return failure();
    module = std::move(*imported);
  }
  if (failed(bindDims()))
    return failure();
  if (options.partition)
    return partitionAndCompile(*module, options);
  if (failed(checkBounds()))
    return failure();
  if (failed(dump("0-import", *module)))
    return failure();
  if (failed(runPasses(Stage::Graph, buildGraphStage)))
    return failure();
  if (options.emit == "weft")
    return writeModule();
  if (failed(runPasses(Stage::Host, buildHostStage)))
    return failure();
  if (options.to <= Stage::Host && options.emit.empty())
    return writeModule();
  if (options.target.isForGpu() && !options.allowFallback &&
      failed(refuseFallbacks(*module, options.target.devices.front())))
    return failure();
  if (failed(compileKernels()))
    return failure();
  if (options.to == Stage::Kernel || (!options.emit.empty() && options.emit != "so"))
    return writeText(emitted);
  return emitProgram();
}

//===-- Kernels
//-----------------------------------------------------------------------------------------------===//

static std::vector<KernelJob> collectJobs(ModuleOp module) {
  llvm::MapVector<llvm::StringRef, KernelJob> jobs;
  for (auto kernel : module.getOps<host::KernelOp>()) {
    KernelJob job;
    job.kernel = kernel;
    job.operands.constants.resize(kernel.getArgumentTypes().size(), true);
    job.operands.values.resize(kernel.getArgumentTypes().size());
    kernel.walk([&](Operation *op) { job.weight += isa<ir::ConvOp, ir::DotGeneralOp>(op) ? 50 : 1; });
    jobs[kernel.getSymName()] = job;
  }
  module.walk([&](host::LaunchOp launch) {
    auto *entry = jobs.find(launch.getKernel());
    if (entry == jobs.end())
      return;
    ++entry->second.launches;
    KernelOperands &operands = entry->second.operands;
    for (auto [i, operand] : llvm::enumerate(launch.getOperands())) {
      if (auto constant = operand.getDefiningOp<ir::ConstantOp>())
        operands.values[i].insert(constant.getValue());
      else if (auto parts = operand.getDefiningOp<dist::ConstantOp>())
        operands.values[i].insert_range(parts.getValues());
      else
        operands.constants.reset(i);
    }
  });
  std::vector<KernelJob> list;
  for (auto &[name, job] : jobs)
    list.push_back(job);
  // Longest first, so that the last thread is not left with a long one.
  llvm::stable_sort(list, [](const KernelJob &a, const KernelJob &b) { return a.weight > b.weight; });
  return list;
}

/// Whether code for `target` runs on `host`.
static bool runsOn(const cpu::TargetInfo &target, const cpu::TargetInfo &host) {
  return target.key() == host.key() ||
         (target.triple == host.triple &&
          (target.cpu == "x86-64-v3" || (target.cpu == "x86-64-v4" && host.hasAvx512)));
}

/// Refuses to tune for a machine that is not this one.
LogicalResult Compiler::checkTuning() {
  if (options.tuneSeconds <= 0)
    return success();
  if (options.target.isForGpu())
    return fail("found a GPU as the target; tuning runs kernels on this CPU, wanted --target=cpu");
  auto host = cpu::TargetInfo::get("native");
  if (!host)
    return fail(host.takeError());
  if (!runsOn(target, *host))
    return fail("found " + options.targetCpu + " as the CPU; tuning runs kernels on this machine, wanted " +
                (host->isX86 ? "native, or x86-64-v3 or x86-64-v4 where it has them" : "native"));
  return success();
}

/// Reads what is known of tilings on this machine, and finds out more when asked to.
LogicalResult Compiler::findTilings(llvm::ArrayRef<KernelJob> jobs, KernelOptions &kernelOptions) {
  if (options.tuneSeconds == 0 || (options.tuneSeconds < 0 && options.cacheDir.empty()))
    return success();
  auto host = cpu::TargetInfo::get("native");
  if (!host)
    return fail(host.takeError());
  if (!runsOn(target, *host))
    return success();
  tilings.emplace(TuningRecords::Owner{options.buildId, target.key(), host->key()});
  if (!options.cacheDir.empty())
    if (Status status = tilings->load(options.cacheDir); !status.isOk())
      emitWarning(UnknownLoc::get(&context)) << "results of tuning are left out: " << status.message();
  kernelOptions.tilings = &*tilings;
  if (options.tuneSeconds < 0)
    return success();
  Timer timer(*this, "tune");
  TuneOptions tuning;
  tuning.seconds = options.tuneSeconds;
  tuning.threads = options.threads;
  tuning.progress = [&](int64_t done, int64_t total, const std::string &words) {
    progress("tune: " + words, done, total);
  };
  TuneSummary summary = tuneKernels(jobs, kernelOptions, tuning, *tilings);
  if (!options.cacheDir.empty() && summary.tried > 0)
    tilings->store(options.cacheDir);
  if (options.note)
    options.note(summary.str());
  return success();
}

LogicalResult Compiler::compileKernels() {
  Timer timer(*this, stageName(Stage::Kernel));
  cpu::loadCpuCodegen(context);
  const bool isGpu = options.target.isForGpu(), isEmulated = options.target.has(program::device::cudaEmu);
  if (isGpu)
    gpu::loadGpuCodegen(context);
  std::vector<KernelJob> jobs = collectJobs(*module);
  GpuKernelOptions kernelOptions;
  kernelOptions.target = target;
  kernelOptions.gpu = gpuTarget;
  kernelOptions.verify = options.verify;
  kernelOptions.fast = options.stages.numerics == Numerics::Fast;
  kernelOptions.strict = options.stages.numerics == Numerics::Strict;
  std::optional<KernelCache> cache;
  if (!options.cacheDir.empty()) {
    Result<KernelCache> opened = KernelCache::open(options.cacheDir, options.buildId);
    if (!opened.isOk())
      return fail(opened.status().message());
    cache.emplace(*std::move(opened));
    kernelOptions.cache = &*cache;
  }
  if (!isGpu && failed(findTilings(jobs, kernelOptions)))
    return failure();
  std::mutex mutex;
  bool wantTensor = options.emit == "linalg" || options.to == Stage::Kernel;
  kernelOptions.wantText = options.emit == "llvm" || options.emit == "asm";
  llvm::StringMap<std::string> texts;
  if (wantTensor || !options.dumpDir.empty())
    kernelOptions.observe = [&](llvm::StringRef stage, llvm::StringRef kernel, ModuleOp ir) {
      std::lock_guard<std::mutex> lock(mutex);
      if (wantTensor && stage == (options.emit == "linalg" ? "tensor" : isGpu ? "tile" : "loops"))
        llvm::raw_string_ostream(texts[kernel]) << *ir << "\n";
      if (!options.dumpDir.empty())
        (void)dump("3-kernel-" + kernel.str() + "-" + stage.str(), ir);
    };
  if (kernelOptions.wantText)
    kernelOptions.observeText = [&](llvm::StringRef kind, llvm::StringRef kernel, llvm::StringRef text) {
      std::lock_guard<std::mutex> lock(mutex);
      if (kind == options.emit)
        texts[kernel] = text.str();
    };

  // Handlers keep the diagnostics of the threads in the order of the kernels.
  ParallelDiagnosticHandler diagnostics(&context);
  std::vector<FailureOr<CompiledKernel>> results(jobs.size(), failure());
  std::atomic<int64_t> done = 0;
  inParallel(jobs.size(), options.threads, [&](size_t i) {
    diagnostics.setOrderIDForThread(i);
    results[i] = isGpu ? compileGpuKernel(jobs[i].kernel, jobs[i].operands.constants, kernelOptions)
                       : compileKernel(jobs[i].kernel, jobs[i].operands, kernelOptions);
    if (isEmulated && succeeded(results[i]) &&
        failed(emulateKernel(jobs[i].kernel.getLoc(), *results[i], target)))
      results[i] = failure();
    diagnostics.eraseOrderIDForThread();
    int64_t finished = ++done;
    std::lock_guard<std::mutex> lock(mutex);
    progress(stageName(Stage::Kernel), finished, jobs.size());
  });
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (failed(results[i]))
      return failure();
    kernels[jobs[i].kernel.getSymName()] = std::move(*results[i]);
  }
  if (cache && !jobs.empty())
    emitRemark(UnknownLoc::get(&context))
        << "found " << cache->numFound() << " of " << jobs.size() << " kernels in the cache";
  if (tilings && tilings->numUsed() > 0)
    emitRemark(UnknownLoc::get(&context))
        << tilings->numUsed() << " of " << jobs.size() << " kernels are tuned";
  for (KernelJob &job : jobs) {
    llvm::StringRef name = job.kernel.getSymName();
    emitted += texts.lookup(name);
  }
  if (isGpu && (options.emit == "ptx" || options.emit == "llvm"))
    return emitGpuText();
  if (options.emit != "obj")
    return success();
  if (kernels.empty())
    return fail(options.path + ": has no kernels, and so no object code");
  auto object = cpu::linkRelocatable(objects());
  if (!object)
    return fail(object.takeError());
  emitted.assign(object->begin(), object->end());
  return success();
}

/// The code of all GPU kernels as text.
LogicalResult Compiler::emitGpuText() {
  auto text = gpuText(gpuKernels(), gpuTarget, options.emit == "ptx");
  if (!text)
    return fail(text.takeError());
  emitted = std::move(*text);
  return success();
}

SmallVector<const gpu::GpuKernel *> Compiler::gpuKernels() {
  SmallVector<const gpu::GpuKernel *> list;
  for (auto &entry : kernels)
    list.push_back(entry.second.gpu.get());
  return list;
}

/// The features of a detected host that the loader checks for; a portable level says all by its name.
static std::vector<std::string> requiredFeatures(const cpu::TargetInfo &target) {
  static constexpr llvm::StringLiteral checked[] = {
      "avx2",       "fma",      "f16c",     "bmi",      "bmi2",     "lzcnt",      "movbe",
      "avx512f",    "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512bf16", "avx512vnni",
      "avx512fp16", "avxvnni",  "amx-tile", "amx-int8", "amx-bf16"};
  SmallVector<StringRef> parts;
  StringRef(target.features).split(parts, ',');
  std::vector<std::string> wanted;
  for (StringRef part : parts)
    if (part.consume_front("+") && llvm::is_contained(checked, part))
      wanted.push_back(part.str());
  return wanted;
}

/// The objects of all kernels, in an order that depends on their contents alone. Kernels that differ in text
/// alone share one.
SmallVector<StringRef> Compiler::objects() {
  SmallVector<StringRef> list;
  for (auto &entry : kernels)
    list.push_back(StringRef(entry.second.object.data(), entry.second.object.size()));
  llvm::sort(list);
  list.erase(llvm::unique(list), list.end());
  return list;
}

LogicalResult Compiler::emitProgram() {
  Timer timer(*this, stageName(Stage::Program));
  progress(stageName(Stage::Program), 0, 1);
  SmallVector<char, 0> image; // for this CPU, or for the emulator on it
  const bool isGpu = options.target.isForGpu();
  if (!kernels.empty() && (!isGpu || options.target.has(program::device::cudaEmu))) {
    auto linked = cpu::linkImage(objects());
    if (!linked)
      return fail(linked.takeError());
    image = std::move(*linked);
  }
  if (options.emit == "so")
    return write(std::as_bytes(std::span(image.data(), image.size())));
  FailureOr<program::Program> built = buildProgram(*module, kernels);
  if (failed(built))
    return failure();
  built->producer = "weft " WEFT_VERSION;
  built->metadata.emplace_back("model", options.path);
  built->metadata.emplace_back("target", isGpu ? gpuTarget.chip() : target.key());
  if (tilings && tilings->numUsed() > 0)
    built->metadata.emplace_back("tuned kernels", std::to_string(tilings->numUsed()));
  built->device = options.target.devices.front();
  if (isGpu && options.allowFallback)
    built->metadata.emplace_back("allow_fallback", "yes");
  if (!kernels.empty() && options.target.has(program::device::cuda)) {
    auto ptx = gpuText(gpuKernels(), gpuTarget, true);
    if (!ptx)
      return fail(ptx.takeError());
    built->images.push_back({"ptx-" + gpuTarget.chip(), {gpuTarget.chip()}, program::Blob::fromString(*ptx)});
  }
  if (!image.empty()) {
    program::CodeImage code;
    code.isa = isGpu ? "emu-" : "";
    code.isa += StringRef(target.cpu).starts_with("x86-64-v") ? target.cpu : "native";
    code.features = requiredFeatures(target);
    code.bytes = program::Blob::fromString(std::string(image.begin(), image.end()));
    built->images.push_back(std::move(code));
  }
  Status status = program::writeProgram(
      *built,
      [&](std::span<const std::byte> bytes) { return options.output ? options.output(bytes) : Status::ok(); },
      {.hashConstants = options.hashConstants});
  if (!status.isOk())
    return fail(status.message());
  progress(stageName(Stage::Program), 1, 1);
  return success();
}

LogicalResult weft::compile(MLIRContext &context, const CompileOptions &options, ModuleOp graph) {
  if (options.input == InputKind::Nvvm)
    return compileEmulated(context, options);
  return Compiler(context, options).run(graph);
}
