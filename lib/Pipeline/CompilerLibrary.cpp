// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C table of the compiler library (Program/CompilerApi.h) over Compile.h. Every request has a context of
// its own.
#include "GraphBuilder.h"
#include "weft/Dialect/Unsupported.h"
#include "weft/Dialect/Weft/WeftDialect.h"
#include "weft/Pipeline/Compile.h"
#include "weft/Pipeline/Register.h"
#include "weft/Program/CompilerApi.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Threading.h"
#include <mutex>

using namespace mlir;
using namespace weft;

static StringRef toRef(WeftText text) { return StringRef(text.data, text.size); }
static WeftText toText(StringRef text) { return {text.data(), text.size()}; }

/// Where a diagnostic points: names of nodes first, then file positions.
static void printLocation(llvm::raw_ostream &os, Location loc) {
  SmallVector<StringRef> names;
  std::string file;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.push_back(name.getName().getValue());
    if (auto place = dyn_cast<FileLineColLoc>(part); place && file.empty()) {
      file = place.getFilename().str();
      if (place.getLine())
        file += ":" + std::to_string(place.getLine()) + ":" + std::to_string(place.getColumn());
    }
    return WalkResult::advance();
  });
  if (!file.empty())
    os << file << ": ";
  if (!names.empty())
    os << names.front() << ": ";
}

/// "name:lo:hi" or "name".
static LogicalResult parseDynamicDim(StringRef text, llvm::StringMap<onnx::DimBounds> &into) {
  SmallVector<StringRef> parts;
  text.split(parts, ':');
  onnx::DimBounds bounds;
  if (parts.size() == 3 &&
      (parts[1].getAsInteger(10, bounds.lower) || parts[2].getAsInteger(10, bounds.upper) ||
       bounds.lower < 0 || bounds.upper < bounds.lower))
    return failure();
  if (parts[0].empty() || (parts.size() != 1 && parts.size() != 3))
    return failure();
  into[parts[0]] = bounds;
  return success();
}

/// "image=1x3x224x224"; "x=" is a scalar; ? leaves a dimension as the model has it.
static LogicalResult parseShape(StringRef text, llvm::StringMap<std::vector<int64_t>> &into) {
  size_t at = text.rfind('=');
  if (at == StringRef::npos || at == 0)
    return failure();
  std::vector<int64_t> shape;
  SmallVector<StringRef> parts;
  if (at + 1 < text.size())
    text.drop_front(at + 1).split(parts, 'x');
  for (StringRef part : parts) {
    int64_t extent = -1;
    if (part != "?" && (part.getAsInteger(10, extent) || extent < 0))
      return failure();
    shape.push_back(extent);
  }
  into[text.take_front(at)] = shape;
  return success();
}

/// Fills in the options; a message when the request is wrong.
static std::optional<std::string> toOptions(const WeftCompileRequest &request, CompileOptions &options) {
  auto quoted = [](WeftText text) { return "'" + toRef(text).str() + "'"; };
  options.input = request.inputKind == WEFT_INPUT_MLIR    ? InputKind::Mlir
                  : request.inputKind == WEFT_INPUT_GRAPH ? InputKind::Graph
                  : request.inputKind == WEFT_INPUT_NVVM  ? InputKind::Nvvm
                                                          : InputKind::Onnx;
  options.path = toRef(request.path);
  if (request.bytes)
    options.bytes = std::span(static_cast<const std::byte *>(request.bytes), request.numBytes);
  for (size_t i = 0; i < request.numDynamicDims; ++i)
    if (failed(parseDynamicDim(toRef(request.dynamicDims[i]), options.import.dynamicDims)))
      return "dynamic dimension " + quoted(request.dynamicDims[i]) + ", wanted NAME or NAME:LOWER:UPPER";
  for (size_t i = 0; i < request.numShapes; ++i)
    if (failed(parseShape(toRef(request.shapes[i]), options.import.specialise)))
      return "shape " + quoted(request.shapes[i]) + ", wanted NAME=2x3x4";
  if (request.target.size) {
    Result<program::Target> target =
        program::parseTarget(std::string_view(request.target.data, request.target.size));
    if (!target.isOk())
      return target.status().message();
    options.target = *std::move(target);
    options.stages.forGpu = options.target.isForGpu();
  }
  options.allowFallback = request.allowFallback;
  if (request.targetCpu.size)
    options.targetCpu = toRef(request.targetCpu);
  StringRef numerics = toRef(request.numerics);
  if (numerics == "strict")
    options.stages.numerics = Numerics::Strict;
  else if (numerics == "fast")
    options.stages.numerics = Numerics::Fast;
  else if (!numerics.empty() && numerics != "default")
    return "numerics " + quoted(request.numerics) + ", wanted strict, default or fast";
  auto stage = [&](WeftText text, Stage &into) -> bool {
    std::optional<Stage> parsed = text.size ? parseStage(toRef(text)) : into;
    into = parsed.value_or(into);
    return parsed.has_value();
  };
  if (!stage(request.from, options.from))
    return "stage " + quoted(request.from) + ", wanted one of " + stageNames();
  if (!stage(request.to, options.to))
    return "stage " + quoted(request.to) + ", wanted one of " + stageNames();
  if (request.mesh.size) {
    PartitionOptions partition;
    Result<std::vector<program::MeshAxis>> mesh = program::parseMesh(toRef(request.mesh));
    if (!mesh.isOk())
      return mesh.status().message();
    partition.mesh = *mesh;
    for (size_t i = 0; i < request.numShards; ++i) {
      Result<program::ShardSpec> shard = program::parseShard(toRef(request.shards[i]), *mesh);
      if (!shard.isOk())
        return shard.status().message();
      partition.shards.push_back(*shard);
    }
    for (size_t i = 0; i < request.numCuts; ++i)
      partition.cuts.push_back(toRef(request.cuts[i]).str());
    for (size_t i = 0; i < request.numRankTargets; ++i) {
      Result<program::RankTarget> target = program::parseRankTarget(toRef(request.rankTargets[i]));
      if (!target.isOk())
        return target.status().message();
      partition.rankTargets.push_back(*target);
    }
    partition.stages = std::max<int64_t>({request.stages, int64_t(request.numCuts) + 1, 1});
    partition.explain = request.explain;
    partition.svgFile = toRef(request.svgFile);
    options.partition = std::move(partition);
  }
  options.emit = toRef(request.emit);
  if (!options.emit.empty() &&
      !llvm::is_contained({"weft", "linalg", "llvm", "asm", "ptx", "obj", "so", "explain"},
                          StringRef(options.emit)))
    return "cannot emit " + quoted(request.emit) +
           ", wanted one of weft, linalg, llvm, asm, ptx, obj, so, explain";
  if (options.emit == "ptx" && !options.target.has("cuda"))
    return "PTX is code for a GPU, wanted --target=cuda";
  if (options.partition && !options.emit.empty() && options.emit != "explain")
    return "cannot emit " + quoted(request.emit) +
           " of a partitioned model: the roles' modules are what --dump writes";
  if (options.target.isForGpu() && llvm::is_contained({"asm", "obj", "so"}, StringRef(options.emit)))
    return "cannot emit " + quoted(request.emit) + " for a GPU, wanted ptx, llvm or linalg";
  options.dataFile = toRef(request.dataFile);
  options.dumpDir = toRef(request.dumpDir);
  options.reproducer = toRef(request.reproducer);
  options.cacheDir = toRef(request.cacheDir);
  options.buildId = toRef(request.buildId);
  options.tuneSeconds = request.tuneSeconds;
  options.threads =
      request.threads ? request.threads : int(llvm::hardware_concurrency().compute_thread_count());
  options.verify = request.verify;
  options.hashConstants = request.hashConstants;
  options.boundedOnly = request.boundedOnly;
  if (request.progress)
    options.progress = [&request](StringRef stage, int64_t done, int64_t total) {
      request.progress(request.user, toText(stage), done, total);
    };
  if (request.stageTime)
    options.stageTime = [&request](StringRef stage, double wallMs, double cpuMs) {
      request.stageTime(request.user, toText(stage), wallMs, cpuMs);
    };
  if (request.output)
    options.output = [&request](std::span<const std::byte> bytes) {
      request.output(request.user, bytes.data(), bytes.size());
      return Status::ok();
    };
  return std::nullopt;
}

static int32_t compileRequest(const WeftCompileRequest *request) {
  std::mutex mutex;
  auto tell = [&](int32_t severity, StringRef message) {
    std::lock_guard<std::mutex> lock(mutex);
    if (request->diagnostic)
      request->diagnostic(request->user, severity, toText(message));
  };
  CompileOptions options;
  if (std::optional<std::string> wrong = toOptions(*request, options)) {
    tell(WEFT_ERROR, *wrong);
    return int32_t(Code::InvalidArgument);
  }
  std::unique_ptr<MLIRContext> own;
  MLIRContext *context = nullptr;
  if (request->inputKind == WEFT_INPUT_GRAPH) {
    if (!request->graph) {
      tell(WEFT_ERROR, "no graph to compile");
      return int32_t(Code::InvalidArgument);
    }
    context = &graphContext(request->graph);
  } else {
    DialectRegistry registry;
    registerWeftDialects(registry);
    own = std::make_unique<MLIRContext>(registry, options.threads == 1 ? MLIRContext::Threading::DISABLED
                                                                       : MLIRContext::Threading::ENABLED);
    context = own.get();
    context->loadAllAvailableDialects();
  }
  // What is wrong comes before what is missing.
  bool told = false, wrong = false, isWrongUse = false;
  options.note = [&](StringRef text) { tell(WEFT_NOTE, text); };
  options.wrongUse = [&] { isWrongUse = true; };
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    std::string text;
    llvm::raw_string_ostream os(text);
    printLocation(os, diagnostic.getLocation());
    os << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes()) {
      std::string said = note.str();
      // The op in its generic form is for those who debug passes.
      if (options.verify || !StringRef(said).starts_with("see current operation"))
        os << "\n  note: " << said;
    }
    int32_t severity = diagnostic.getSeverity() == DiagnosticSeverity::Error     ? WEFT_ERROR
                       : diagnostic.getSeverity() == DiagnosticSeverity::Warning ? WEFT_WARNING
                       : diagnostic.getSeverity() == DiagnosticSeverity::Remark  ? WEFT_REMARK
                                                                                 : WEFT_NOTE;
    told |= severity == WEFT_ERROR;
    wrong |= severity == WEFT_ERROR && !isUnsupported(diagnostic);
    tell(severity, text);
  });
  ModuleOp graph = request->inputKind == WEFT_INPUT_GRAPH ? graphModule(request->graph) : ModuleOp();
  if (request->inputKind == WEFT_INPUT_GRAPH && !graph)
    return int32_t(Code::InvalidArgument);
  if (succeeded(compile(*context, options, graph)))
    return 0;
  if (!told) {
    tell(WEFT_ERROR, "compilation failed without a message: a bug of the compiler");
    return int32_t(Code::Internal);
  }
  if (isWrongUse)
    return int32_t(Code::NotFound);
  return int32_t(wrong ? Code::InvalidArgument : Code::Unimplemented);
}

extern "C" __attribute__((visibility("default"))) const WeftCompilerApi *weftCompilerApi(uint32_t version) {
  static const WeftCompilerApi api = [] {
    WeftCompilerApi table = {};
    table.version = WEFT_COMPILER_API_VERSION;
    table.buildId = WEFT_VERSION;
    table.compile = compileRequest;
    fillGraphApi(table);
    return table;
  }();
  return version == WEFT_COMPILER_API_VERSION ? &api : nullptr;
}
