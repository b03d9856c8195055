// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests to the compiler, and the cache of programs before them. The key of a program is made without opening the
// compiler: contents of the model, options, this CPU, build of the compiler.
#include "weft/Api/Compile.h"

#include "Compiler.h"
#include "weft/Api/Graph.h"
#include "weft/Runtime/HostCpu.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/File.h"
#include "weft/Support/Log.h"
#include "weft/Support/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <dirent.h>
#include <sys/stat.h>

using namespace weft;

ModelKind weft::modelKindOf(const std::string &path) {
  auto endsWith = [&](std::string_view tail) { return path.size() >= tail.size() && path.ends_with(tail); };
  if (endsWith(".onnx"))
    return ModelKind::Onnx;
  if (endsWith(".mlir"))
    return ModelKind::Mlir;
  if (endsWith(".weft"))
    return ModelKind::Program;
  return ModelKind::Unknown;
}

namespace {

/// Gathers what a request says.
struct Listener {
  const CompileOptions &options;
  std::string bytes, errors;

  static void diagnostic(void *user, int32_t severity, WeftText message) {
    auto *self = static_cast<Listener *>(user);
    if (severity == WEFT_ERROR)
      self->errors += (self->errors.empty() ? "" : "\n") + std::string(toView(message));
    if (self->options.diagnostic)
      self->options.diagnostic(Severity(severity), toView(message));
  }
  static void progress(void *user, WeftText stage, int64_t done, int64_t total) {
    auto *self = static_cast<Listener *>(user);
    if (self->options.progress)
      self->options.progress(toView(stage), done, total);
  }
  static void stageTime(void *user, WeftText stage, double wallMs, double cpuMs) {
    auto *self = static_cast<Listener *>(user);
    if (self->options.stageTime)
      self->options.stageTime(toView(stage), wallMs, cpuMs);
  }
  static void output(void *user, const void *data, size_t size) {
    static_cast<Listener *>(user)->bytes.append(static_cast<const char *>(data), size);
  }
};

Status checkTarget(const CompileOptions &options) {
  if (options.target != "cpu")
    return unimplemented("target '", options.target, "', wanted cpu");
  return Status::ok();
}

Result<std::string> request(int32_t kind, const std::string &path, WeftGraphHandle *graph,
                            const CompileOptions &options) {
  WEFT_RETURN_IF_ERROR(checkTarget(options));
  WEFT_ASSIGN_OR_RETURN(const WeftCompilerApi *api, openCompiler());
  Listener listener{options, {}, {}};
  WeftCompileRequest request = {};
  request.inputKind = kind;
  request.path = toText(path);
  request.graph = graph;
  request.targetCpu = toText(options.targetCpu);
  std::vector<WeftText> dims;
  for (const std::string &dim : options.dynamicDims)
    dims.push_back(toText(dim));
  std::vector<WeftText> shapes;
  for (const std::string &shape : options.shapes)
    shapes.push_back(toText(shape));
  request.dynamicDims = dims.data();
  request.numDynamicDims = dims.size();
  request.shapes = shapes.data();
  request.numShapes = shapes.size();
  request.numerics = toText(options.numerics);
  request.from = toText(options.from);
  request.to = toText(options.to);
  request.emit = toText(options.emit);
  request.dumpDir = toText(options.dumpDir);
  request.reproducer = toText(options.reproducer);
  request.threads = options.threads;
  request.verify = options.verify;
  request.user = &listener;
  request.diagnostic = Listener::diagnostic;
  request.progress = Listener::progress;
  request.stageTime = Listener::stageTime;
  request.output = Listener::output;
  if (api->compile(&request) != 0)
    return invalidArgument(listener.errors);
  return std::move(listener.bytes);
}

/// Names the file as it is now: path, size, time, inode.
Result<std::string> statKey(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return errnoStatus(errno, path);
  Sha256 hash;
  hash.updateField(path).updateInt(info.st_size).updateInt(info.st_ino).updateInt(info.st_dev);
  hash.updateInt(info.st_mtim.tv_sec).updateInt(info.st_mtim.tv_nsec);
  return hash.finishHex();
}

/// Sizes and times of all files in the model's folder: external data may be any of them.
void addFolder(Sha256 &hash, const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  std::vector<std::string> keys;
  if (DIR *dir = opendir(folder.c_str())) {
    while (dirent *entry = readdir(dir))
      if (Result<std::string> key = statKey(folder + "/" + entry->d_name);
          key.isOk() && entry->d_type != DT_DIR)
        keys.push_back(*key);
    closedir(dir);
  }
  std::sort(keys.begin(), keys.end());
  for (const std::string &key : keys)
    hash.updateField(key);
}

/// Hash of what the model is: its bytes, and external data by size and time when it may have some. The hash of the
/// bytes is remembered by the file's size and time.
Result<std::string> contentKey(const std::string &path, const CacheDir &cache) {
  WEFT_ASSIGN_OR_RETURN(std::string stat, statKey(path));
  std::string remembered;
  if (auto entry = cache.get("models", stat))
    remembered = std::string(entry->text());
  if (remembered.size() != 65) {
    WEFT_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
    static constexpr std::string_view word = "location";
    bool external = file->size() && memmem(file->data(), file->size(), word.data(), word.size());
    remembered = sha256Hex(file->text()) + (external ? "x" : ".");
    WEFT_RETURN_IF_ERROR(file->checkUnchanged());
    cache.put("models", stat, remembered);
  }
  if (remembered.back() == '.')
    return remembered.substr(0, 64);
  Sha256 hash;
  hash.updateField(remembered);
  addFolder(hash, path);
  return hash.finishHex();
}

Result<std::string> programKey(const std::string &path, const CompileOptions &options, const CacheDir &cache) {
  WEFT_ASSIGN_OR_RETURN(std::string build, compilerBuildId());
  WEFT_ASSIGN_OR_RETURN(std::string content, contentKey(path, cache));
  Sha256 hash;
  hash.updateField(build).updateField(content).updateField(options.target).updateField(options.targetCpu);
  hash.updateField(options.numerics);
  hash.updateInt(options.dynamicDims.size());
  for (const std::string &dim : options.dynamicDims)
    hash.updateField(dim);
  hash.updateInt(options.shapes.size());
  for (const std::string &shape : options.shapes)
    hash.updateField(shape);
  for (const std::string &feature : runtime::hostFeatures())
    hash.updateField(feature);
  return hash.finishHex();
}

double millisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

Result<std::string> weft::compileToBytes(const std::string &path, const CompileOptions &options) {
  switch (modelKindOf(path)) {
  case ModelKind::Onnx:
    return request(WEFT_INPUT_ONNX, path, nullptr, options);
  case ModelKind::Mlir:
    return request(WEFT_INPUT_MLIR, path, nullptr, options);
  case ModelKind::Program:
    return invalidArgument(path, ": already compiled, wanted a model (.onnx or .mlir)");
  default:
    return invalidArgument(path, ": what kind of model this is cannot be told by its name, wanted .onnx or .mlir");
  }
}

Result<std::string> weft::compileToBytes(const Graph &graph, const CompileOptions &options) {
  WEFT_RETURN_IF_ERROR(graph.status());
  return request(WEFT_INPUT_GRAPH, "graph", graph.handle(), options);
}

Result<std::shared_ptr<const runtime::Executable>> weft::compile(const std::string &path,
                                                                 const CompileOptions &options, CompiledInfo *info) {
  auto start = std::chrono::steady_clock::now();
  CompiledInfo ignored;
  CompiledInfo &told = info ? *info : ignored;
  told = {};
  if (modelKindOf(path) == ModelKind::Program) {
    auto loaded = runtime::Executable::loadFile(path);
    told.milliseconds = millisecondsSince(start);
    return loaded;
  }
  CacheDir cache = CacheDir::disabled();
  bool cacheable = options.useCache && options.from.empty() && options.to.empty() && options.emit.empty() &&
                   options.dumpDir.empty() && !options.stageTime;
  if (cacheable) {
    WEFT_ASSIGN_OR_RETURN(cache, CacheDir::open());
  }
  std::string key;
  if (cache.isEnabled()) {
    WEFT_ASSIGN_OR_RETURN(key, programKey(path, options, cache));
    if (std::optional<std::string> file = cache.find("programs", key)) {
      auto loaded = runtime::Executable::loadFile(*file);
      if (loaded.isOk()) {
        told.fromCache = true;
        told.milliseconds = millisecondsSince(start);
        return loaded;
      }
      logWarning("cached program is unusable, compiling again: ", loaded.status().message());
      cache.remove("programs", key);
    }
  }
  WEFT_ASSIGN_OR_RETURN(std::string bytes, compileToBytes(path, options));
  // Loaded from the cache's file, the constants stay mapped instead of in memory.
  if (cache.isEnabled() && cache.put("programs", key, bytes))
    if (std::optional<std::string> file = cache.find("programs", key)) {
      auto loaded = runtime::Executable::loadFile(*file);
      if (loaded.isOk()) {
        told.milliseconds = millisecondsSince(start);
        return loaded;
      }
    }
  auto owner = std::make_shared<std::string>(std::move(bytes));
  auto loaded = runtime::Executable::load(std::as_bytes(std::span(owner->data(), owner->size())), owner);
  told.milliseconds = millisecondsSince(start);
  return loaded;
}

Result<std::shared_ptr<const runtime::Executable>> weft::compile(const Graph &graph, const CompileOptions &options,
                                                                 CompiledInfo *info) {
  auto start = std::chrono::steady_clock::now();
  WEFT_ASSIGN_OR_RETURN(std::string bytes, compileToBytes(graph, options));
  auto owner = std::make_shared<std::string>(std::move(bytes));
  auto loaded = runtime::Executable::load(std::as_bytes(std::span(owner->data(), owner->size())), owner);
  if (info)
    *info = {false, millisecondsSince(start)};
  return loaded;
}
