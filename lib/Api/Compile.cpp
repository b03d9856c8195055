// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests to the compiler, and the cache of programs before them. The key of a program is made without
// opening the compiler: contents of the model, options, this CPU, build of the compiler.
#include "weft/Api/Compile.h"

#include "Compiler.h"
#include "weft/Api/Graph.h"
#include "weft/Program/Target.h"
#include "weft/Runtime/HostCpu.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/File.h"
#include "weft/Support/Log.h"
#include "weft/Support/Sha256Each.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <set>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
  const FileSink &sink;
  std::string errors;
  std::set<std::string, std::less<>> told;
  Status written;

  static void diagnostic(void *user, int32_t severity, WeftText message) {
    auto *self = static_cast<Listener *>(user);
    // A pattern that is tried again says the same again.
    if (severity == WEFT_ERROR && self->told.emplace(toView(message)).second)
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
    auto *self = static_cast<Listener *>(user);
    if (self->written.isOk())
      self->written = self->sink(std::span(static_cast<const std::byte *>(data), size));
  }
};

/// What is compiled.
struct Source {
  int32_t kind = WEFT_INPUT_ONNX;
  std::string path;
  WeftGraphHandle *graph = nullptr;
};

/// Who gets the program: whoever is given the file, or this machine alone, which trusts its memory and its
/// cache and does not pay for hashes of constants.
enum class Reader { Anyone, ThisMachine };

/// Compiles; the result goes to `sink` piece by piece.
Status request(const Source &source, const CompileOptions &options, Reader reader, const FileSink &sink) {
  WEFT_RETURN_IF_ERROR(program::parseTarget(options.target).status());
  WEFT_ASSIGN_OR_RETURN(const WeftCompilerApi *api, openCompiler());
  Listener listener{options, sink, {}, {}, {}};
  WeftCompileRequest request = {};
  request.inputKind = source.kind;
  request.path = toText(source.path);
  request.graph = source.graph;
  request.target = toText(options.target);
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
  request.dataFile = toText(options.dataFile);
  request.dumpDir = toText(options.dumpDir);
  request.reproducer = toText(options.reproducer);
  std::string cacheDir, build;
  if (options.useCache) {
    WEFT_ASSIGN_OR_RETURN(const CacheDir cache, CacheDir::open());
    cacheDir = cache.path();
    WEFT_ASSIGN_OR_RETURN(build, compilerBuildId());
  }
  request.cacheDir = toText(cacheDir);
  request.buildId = toText(build);
  request.tuneSeconds = options.tuneSeconds;
  request.threads = options.threads;
  request.verify = options.verify;
  request.hashConstants = reader == Reader::Anyone;
  request.boundedOnly = options.boundedOnly;
  request.allowFallback = options.allowFallback;
  std::vector<WeftText> shards;
  for (const std::string &shard : options.shards)
    shards.push_back(toText(shard));
  request.mesh = toText(options.mesh);
  request.shards = shards.data();
  request.numShards = shards.size();
  std::vector<WeftText> cuts;
  for (const std::string &cut : options.cuts)
    cuts.push_back(toText(cut));
  request.cuts = cuts.data();
  request.numCuts = cuts.size();
  std::vector<WeftText> rankTargets;
  for (const std::string &target : options.rankTargets)
    rankTargets.push_back(toText(target));
  request.rankTargets = rankTargets.data();
  request.numRankTargets = rankTargets.size();
  request.stages = options.stages;
  request.explain = options.explain;
  request.svgFile = toText(options.svgFile);
  request.user = &listener;
  request.diagnostic = Listener::diagnostic;
  request.progress = Listener::progress;
  request.stageTime = Listener::stageTime;
  request.output = Listener::output;
  if (const int32_t code = api->compile(&request); code != 0)
    return Status(code == int32_t(Code::Unimplemented) || code == int32_t(Code::Internal) ||
                          code == int32_t(Code::NotFound)
                      ? Code(code)
                      : Code::InvalidArgument,
                  listener.errors);
  return listener.written;
}

/// The same into memory.
Result<std::string> requestBytes(const Source &source, const CompileOptions &options) {
  std::string bytes;
  WEFT_RETURN_IF_ERROR(request(source, options, Reader::Anyone, [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char *>(piece.data()), piece.size());
    return Status::ok();
  }));
  return bytes;
}

/// The same into anonymous memory that is mapped once it is complete: a large program is there only once.
Result<std::shared_ptr<const runtime::Executable>> requestExecutable(const Source &source,
                                                                     const CompileOptions &options) {
  int fd = memfd_create("weft-program", MFD_CLOEXEC);
  if (fd < 0)
    return errnoStatus(errno, "memory for the program");
  size_t total = 0;
  Status status = request(source, options, Reader::ThisMachine, [&](std::span<const std::byte> piece) {
    while (!piece.empty()) {
      ssize_t count = write(fd, piece.data(), piece.size());
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return errnoStatus(errno, "memory for the program");
      piece = piece.subspan(size_t(count));
      total += size_t(count);
    }
    return Status::ok();
  });
  void *base = status.isOk() && total ? mmap(nullptr, total, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  int error = errno;
  close(fd);
  WEFT_RETURN_IF_ERROR(status);
  if (base == MAP_FAILED)
    return errnoStatus(error, "memory for the program");
  std::shared_ptr<const void> owner(
      base, [total](const void *memory) { munmap(const_cast<void *>(memory), total); });
  return runtime::Executable::load(std::span(static_cast<const std::byte *>(base), total), owner);
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

/// Hash of what the model is: its bytes, and external data by size and time when it may have some. The hash
/// of the bytes is remembered by the file's size and time.
Result<std::string> contentKey(const std::string &path, const CacheDir &cache) {
  WEFT_ASSIGN_OR_RETURN(std::string stat, statKey(path));
  std::string remembered;
  if (auto entry = cache.get("models", stat))
    remembered = std::string(entry->text());
  if (remembered.size() != 65) {
    WEFT_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
    static constexpr std::string_view word = "location";
    bool external = file->size() && memmem(file->data(), file->size(), word.data(), word.size());
    remembered = toHex(sha256OfHalves(file->bytes())) + (external ? "x" : ".");
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

/// What was found by tuning, on this machine and others that share the folder.
void addTuning(Sha256 &hash, const CacheDir &cache) {
  const std::string folder = cache.path() + "/tuning";
  std::vector<std::string> texts;
  if (DIR *dir = opendir(folder.c_str())) {
    while (dirent *entry = readdir(dir))
      if (entry->d_name[0] != '.')
        if (Result<std::string> text = readFile(folder + "/" + entry->d_name); text.isOk())
          texts.push_back(*std::move(text));
    closedir(dir);
  }
  std::sort(texts.begin(), texts.end());
  for (const std::string &text : texts)
    hash.updateField(text);
}

Result<std::string> programKey(const std::string &path, const CompileOptions &options,
                               const CacheDir &cache) {
  WEFT_ASSIGN_OR_RETURN(std::string build, compilerBuildId());
  WEFT_ASSIGN_OR_RETURN(std::string content, contentKey(path, cache));
  Sha256 hash;
  hash.updateField(build).updateField(content).updateField(options.target).updateField(options.targetCpu);
  hash.updateField(options.numerics).updateInt(options.boundedOnly).updateInt(options.allowFallback);
  hash.updateInt(options.dynamicDims.size());
  for (const std::string &dim : options.dynamicDims)
    hash.updateField(dim);
  hash.updateInt(options.shapes.size());
  for (const std::string &shape : options.shapes)
    hash.updateField(shape);
  for (const std::string &feature : runtime::hostFeatures())
    hash.updateField(feature);
  if (options.tuneSeconds != 0)
    addTuning(hash, cache);
  return hash.finishHex();
}

/// CPU time of this process and of the children it has waited for.
double cpuMilliseconds() {
  timespec own = {};
  rusage children = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return double(own.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1e3 +
         double(own.tv_nsec) * 1e-6 + double(children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1e-3;
}

/// Tells how long the compilation took when it goes out of scope.
struct Stopwatch {
  explicit Stopwatch(CompiledInfo &info) : info(info) {}
  ~Stopwatch() {
    info.milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    info.cpuMilliseconds = cpuMilliseconds() - startCpu;
  }
  CompiledInfo &info;
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  const double startCpu = cpuMilliseconds();
};

} // namespace

/// The source that a file is; an error when it is no model.
static Result<Source> sourceOf(const std::string &path) {
  switch (modelKindOf(path)) {
  case ModelKind::Onnx:
    return Source{WEFT_INPUT_ONNX, path, nullptr};
  case ModelKind::Mlir:
    return Source{WEFT_INPUT_MLIR, path, nullptr};
  case ModelKind::Program:
    return invalidArgument(path, ": already compiled, wanted a model (.onnx or .mlir)");
  default:
    return invalidArgument(path,
                           ": what kind of model this is cannot be told by its name, wanted .onnx or .mlir");
  }
}

Result<std::string> weft::compileToBytes(const std::string &path, const CompileOptions &options) {
  WEFT_ASSIGN_OR_RETURN(Source source, sourceOf(path));
  return requestBytes(source, options);
}

Status weft::compileTo(const std::string &path, const CompileOptions &options,
                       const std::function<Status(std::span<const std::byte>)> &sink) {
  WEFT_ASSIGN_OR_RETURN(Source source, sourceOf(path));
  return request(source, options, Reader::Anyone, sink);
}

Result<std::string> weft::compileForEmulator(const std::string &path, const CompileOptions &options) {
  return requestBytes({WEFT_INPUT_NVVM, path, nullptr}, options);
}

Result<std::string> weft::compileToBytes(const Graph &graph, const CompileOptions &options) {
  WEFT_RETURN_IF_ERROR(graph.status());
  return requestBytes({WEFT_INPUT_GRAPH, "graph", graph.handle()}, options);
}

Result<std::shared_ptr<const runtime::Executable>>
weft::compile(const std::string &path, const CompileOptions &options, CompiledInfo *info) {
  CompiledInfo ignored;
  CompiledInfo &told = info ? *info : ignored;
  told = {};
  Stopwatch stopwatch(told);
  if (modelKindOf(path) == ModelKind::Program)
    return runtime::Executable::loadFile(path);
  WEFT_ASSIGN_OR_RETURN(Source source, sourceOf(path));
  CacheDir cache = CacheDir::disabled();
  bool cacheable = options.useCache && options.from.empty() && options.to.empty() && options.emit.empty() &&
                   options.dumpDir.empty() && options.reproducer.empty() && !options.stageTime &&
                   options.tuneSeconds <= 0;
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
        return loaded;
      }
      logWarning("cached program is unusable, compiling again: ", loaded.status().message());
      cache.remove("programs", key);
    }
  }
  if (cache.isEnabled()) {
    // Straight into the cache's file, from which the constants stay mapped.
    Status compiled;
    bool stored = cache.put("programs", key, [&](const FileSink &sink) {
      return compiled = request(source, options, Reader::ThisMachine, sink);
    });
    if (std::optional<std::string> file = stored ? cache.find("programs", key) : std::nullopt)
      return runtime::Executable::loadFile(*file);
    if (compiled.code() == Code::InvalidArgument || compiled.code() == Code::Unimplemented)
      return compiled;
    logInfo("the program could not be kept in the cache folder ", cache.path());
  }
  return requestExecutable(source, options);
}

Result<std::shared_ptr<const runtime::Executable>>
weft::compile(const Graph &graph, const CompileOptions &options, CompiledInfo *info) {
  WEFT_RETURN_IF_ERROR(graph.status());
  CompiledInfo ignored;
  CompiledInfo &told = info ? *info : ignored;
  told = {};
  Stopwatch stopwatch(told);
  return requestExecutable({WEFT_INPUT_GRAPH, "graph", graph.handle()}, options);
}
