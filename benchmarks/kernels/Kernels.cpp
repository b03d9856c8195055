// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times generated kernels on one thread, in CPU time: best and median of many runs.
//   weft-bench-kernels conv H W Ci Co kernel stride [groups] [cpu=] [emit=asm]
//   weft-bench-kernels map math.exp N [cpu=] [emit=asm]
//   weft-bench-kernels gemm M N K [packed|row|transposed] [rows= panel= kblock= tiles= panels= once= unroll=]
//   [cpu=] [emit=asm]
#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/LinkImage.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Program/Abi.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <vector>

using namespace weft;

namespace {

double cpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

float *buffer(int64_t count) {
  auto *p = static_cast<float *>(std::aligned_alloc(4096, (count * 4 + 8191) / 4096 * 4096));
  for (int64_t i = 0; i < count; ++i)
    p[i] = static_cast<float>((i * 2654435761u >> 16) % 1000) / 1000.0f - 0.5f;
  return p;
}

/// Compiles and loads; the entry point stays valid until the process ends.
WeftKernel load(cpu::GeneratedKernel &kernel, const cpu::TargetInfo &target, cpu::KernelInfo &info,
                double &compileMs, const std::string &emit) {
  double t0 = cpuSeconds();
  auto lowered = cpu::lowerKernelToLLVM(*kernel.module, target);
  if (mlir::failed(lowered))
    std::exit(1);
  info = *lowered;
  if (!emit.empty()) {
    auto text = cpu::emitText(*kernel.module, target, kernel.pipeline,
                              emit == "asm" ? cpu::TextKind::Assembly : cpu::TextKind::LLVM);
    llvm::outs() << llvm::cantFail(std::move(text));
    std::exit(0);
  }
  auto object = llvm::cantFail(cpu::emitObject(*kernel.module, target, kernel.pipeline));
  compileMs = (cpuSeconds() - t0) * 1e3;
  auto image = llvm::cantFail(cpu::linkImage({llvm::StringRef(object.data(), object.size())}));
  int fd = memfd_create("kernel", 0);
  if (write(fd, image.data(), image.size()) != static_cast<ssize_t>(image.size()))
    std::exit(1);
  void *library =
      dlopen(("/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd)).c_str(), RTLD_NOW);
  return reinterpret_cast<WeftKernel>(dlsym(library, info.name.c_str()));
}

void time(const std::string &name, WeftKernel entry, std::vector<void *> buffers, const cpu::KernelInfo &info,
          int64_t chunks, double flops, double compileMs) {
  void *scratch = buffer(info.scratchBytes / 4 + 16);
  WeftFault fault = {};
  WeftCall call = {buffers.data(), nullptr, scratch, &fault, 0};
  std::vector<double> times;
  double start = cpuSeconds();
  while (times.size() < 5 || (cpuSeconds() - start < 0.7 && times.size() < 2000)) {
    double t = cpuSeconds();
    entry(&call, 0, chunks);
    times.push_back(cpuSeconds() - t);
  }
  std::sort(times.begin(), times.end());
  double best = times.front(), median = times[times.size() / 2];
  printf("%-44s %8.3f ms best %8.3f median  %6.1f GFLOP/s best %6.1f median  chunks %lld scratch %lld "
         "compile %.0f ms\n",
         name.c_str(), best * 1e3, median * 1e3, flops / best * 1e-9, flops / median * 1e-9,
         static_cast<long long>(chunks), static_cast<long long>(info.scratchBytes), compileMs);
  fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s gemm|conv|map NUMBERS... [option=value...]\n", argv[0]);
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  cpu::loadCpuCodegen(context);
  std::map<std::string, std::string> options;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i)
    if (const char *equals = std::strchr(argv[i], '='))
      options[std::string(argv[i], equals - argv[i])] = equals + 1;
    else
      words.push_back(argv[i]);
  auto option = [&](const char *name, int64_t &value) {
    if (options.count(name))
      value = std::stoll(options[name]);
  };
  auto target = cpu::TargetInfo::get(options.count("cpu") ? options["cpu"] : "native");
  if (!target) {
    fprintf(stderr, "%s\n", llvm::toString(target.takeError()).c_str());
    return 2;
  }
  mlir::OpBuilder builder(&context);
  if (words[0] == "gemm" && words.size() >= 4) {
    cpu::GemmSpec spec;
    spec.m = std::stoll(words[1]), spec.n = std::stoll(words[2]), spec.k = std::stoll(words[3]);
    spec.b = words.size() > 4 && words[4] == "row"          ? cpu::GemmB::RowMajor
             : words.size() > 4 && words[4] == "transposed" ? cpu::GemmB::Transposed
                                                            : cpu::GemmB::Packed;
    spec.aType = spec.bType = spec.cType = builder.getF32Type();
    cpu::GemmTiling tiling = cpu::chooseGemmTiling(spec, *target);
    option("rows", tiling.rows), option("panel", tiling.panelWidth), option("kblock", tiling.kBlock),
        option("tiles", tiling.blockTiles);
    option("panels", tiling.blockPanels), option("once", tiling.panelsAtOnce),
        option("unroll", tiling.unroll);
    auto kernel = cpu::generateGemm(builder.getUnknownLoc(), spec, *target, tiling);
    if (mlir::failed(kernel))
      return 1;
    cpu::KernelInfo info;
    double compileMs;
    WeftKernel entry = load(*kernel, *target, info, compileMs, options["emit"]);
    std::vector<void *> buffers = {buffer(spec.m * spec.k), buffer((spec.n + 128) * spec.k),
                                   buffer(spec.m * spec.n)};
    std::string name = words[1] + "x" + words[2] + "x" + words[3] + " rows " + std::to_string(tiling.rows) +
                       " panel " + std::to_string(tiling.panelWidth) + " k " + std::to_string(tiling.kBlock) +
                       " tiles " + std::to_string(tiling.blockTiles) + " panels " +
                       std::to_string(tiling.blockPanels);
    time(name, entry, buffers, info, *kernel->chunks.fixed(), 2.0 * spec.m * spec.n * spec.k, compileMs);
    return 0;
  }
  // conv H W Ci Co kernel stride [groups]: padding as for "same", bias left out.
  if (words[0] == "conv" && words.size() >= 7) {
    cpu::ConvSpec spec;
    int64_t kernel = std::stoll(words[5]), stride = std::stoll(words[6]), pad = (kernel - 1) / 2;
    spec.space = {{std::stoll(words[1]), kernel, stride, 1, pad, pad},
                  {std::stoll(words[2]), kernel, stride, 1, pad, pad}};
    spec.ci = std::stoll(words[3]), spec.co = std::stoll(words[4]);
    spec.groups = words.size() > 7 ? std::stoll(words[7]) : 1;
    spec.xType = spec.wType = spec.yType = builder.getF32Type();
    auto kernelModule = cpu::generateConv(builder.getUnknownLoc(), spec, *target);
    if (mlir::failed(kernelModule))
      return 1;
    cpu::KernelInfo info;
    double compileMs;
    WeftKernel entry = load(*kernelModule, *target, info, compileMs, options["emit"]);
    int64_t out = spec.space[0].out() * spec.space[1].out(), weights = 1;
    for (int64_t e : cpu::packedConvShape(spec, *target))
      weights *= e;
    std::vector<void *> buffers = {buffer(spec.space[0].in * spec.space[1].in * spec.ci), buffer(weights),
                                   buffer(out * spec.co)};
    std::string name = "conv";
    for (size_t i = 1; i < words.size(); ++i)
      name += " " + words[i];
    time(name, entry, buffers, info, *kernelModule->chunks.fixed(),
         2.0 * out * kernel * kernel * spec.co * spec.ci / spec.groups, compileMs);
    return 0;
  }
  // map OP N: y[i] = OP x[i] as a scalar loop in chunks of 4096; FLOP are elements here.
  if (words[0] == "map" && words.size() >= 3) {
    int64_t count = std::stoll(words[2]);
    std::string type = "memref<" + words[2] + "xf32>";
    std::string text =
        "func.func @map(%x: " + type + ", %y: " + type +
        ", %s: memref<?xi8>, %lo: index, %hi: index) {\n"
        "%c0 = arith.constant 0 : index %c1 = arith.constant 1 : index %n = arith.constant 4096 : index\n"
        "scf.for %c = %lo to %hi step %c1 {\n%base = arith.muli %c, %n : index\nscf.for %j = %c0 to %n step "
        "%c1 {\n"
        "%i = arith.addi %base, %j : index\n%v = memref.load %x[%i] : " +
        type + "\n%r = " + words[1] + " %v : f32\nmemref.store %r, %y[%i] : " + type + "\n}\n}\nreturn\n}\n";
    cpu::GeneratedKernel kernel;
    kernel.module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!kernel.module)
      return 1;
    kernel.pipeline = cpu::Pipeline::Loops;
    cpu::KernelInfo info;
    double compileMs;
    WeftKernel entry = load(kernel, *target, info, compileMs, options["emit"]);
    time(words[1], entry, {buffer(count), buffer(count)}, info, count / 4096, static_cast<double>(count),
         compileMs);
    return 0;
  }
  fprintf(stderr, "unknown kernel '%s'\n", words[0].c_str());
  return 2;
}
