// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Describes the target CPU: detects the host, or looks a name up in LLVM's tables. Cache sizes come from
// sysfs for the host and are modest constants for a named CPU, so that code for a name is the same wherever
// it is made.
#include "weft/Codegen/CPU/TargetInfo.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace llvm;
using namespace weft::cpu;

static void initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

static std::string readLine(const Twine &path) {
  auto buffer = MemoryBuffer::getFileAsStream(path);
  return buffer ? StringRef((*buffer)->getBuffer()).trim().str() : std::string();
}

/// Data and unified caches of CPU 0; sizes that sysfs does not tell stay as they are.
static void readCaches(TargetInfo &info) {
  for (int index = 0; index < 6; ++index) {
    std::string base = ("/sys/devices/system/cpu/cpu0/cache/index" + Twine(index) + "/").str();
    std::string type = readLine(base + "type");
    StringRef size = StringRef();
    std::string sizeText = readLine(base + "size");
    size = sizeText;
    if (type.empty() || type == "Instruction" || size.empty())
      continue;
    int64_t unit = size.consume_back("K") ? 1 << 10 : size.consume_back("M") ? 1 << 20 : 1;
    int64_t value = 0;
    if (size.getAsInteger(10, value) || value <= 0)
      continue;
    std::string level = readLine(base + "level");
    if (level == "1")
      info.l1Bytes = value * unit;
    else if (level == "2")
      info.l2Bytes = value * unit;
    else if (level == "3")
      info.l3Bytes = value * unit;
  }
}

/// Linux gives matrix registers to processes that ask, and may refuse. The runtime asks again in its process.
static bool mayUseTiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long requestPermission = 0x1023, tileData = 18;
  static const bool granted = syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
  return granted;
#else
  return false;
#endif
}

std::string TargetInfo::key() const {
  return triple + "/" + cpu + "/" + features + "/v" + std::to_string(vectorBits) + "x" +
         std::to_string(vectorRegisters) + "/c" + std::to_string(l1Bytes) + "," + std::to_string(l2Bytes) +
         "," + std::to_string(l3Bytes);
}

Expected<TargetInfo> TargetInfo::get(StringRef name) {
  initialiseTargets();
  TargetInfo info;
  Triple host(sys::getDefaultTargetTriple());
  bool native = name.empty() || name == "native";
  info.triple = host.str();
  if (native) {
    info.cpu = sys::getHostCPUName().str();
    for (const auto &feature : sys::getHostCPUFeatures()) {
      bool has = feature.second && !(feature.first().starts_with("amx") && !mayUseTiles());
      info.features +=
          (info.features.empty() ? "" : ",") + std::string(has ? "+" : "-") + feature.first().str();
    }
    readCaches(info);
  } else if (name == "aarch64" || name.starts_with("aarch64:")) {
    info.triple = "aarch64-unknown-linux-gnu";
    info.cpu = name == "aarch64" ? "generic" : name.substr(8).str();
  } else {
    info.cpu = name.str();
    if (host.getArch() != Triple::x86_64 && name.starts_with("x86-64"))
      info.triple = "x86_64-unknown-linux-gnu";
  }

  Triple triple(info.triple);
  std::string message;
  const Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target || (triple.getArch() != Triple::x86_64 && triple.getArch() != Triple::aarch64))
    return createStringError("no code generation for " + info.triple + "; wanted x86-64 or AArch64");
  info.isX86 = triple.getArch() == Triple::x86_64;
  std::unique_ptr<MCSubtargetInfo> subtarget(target->createMCSubtargetInfo(triple, "", ""));
  if (!subtarget->isCPUStringValid(info.cpu))
    return createStringError("unknown target CPU '" + info.cpu +
                             "'; wanted native, x86-64-v3, x86-64-v4, aarch64, or a CPU name "
                             "that LLVM knows");
  subtarget.reset(target->createMCSubtargetInfo(triple, info.cpu, info.features));
  auto has = [&](const char *feature) { return subtarget->checkFeatures(std::string("+") + feature); };
  if (info.isX86) {
    if (!has("avx2") || !has("fma") || !has("f16c"))
      return createStringError("target CPU '" + info.cpu +
                               "' lacks AVX2, FMA or F16C; the least that Weft generates for is x86-64-v3");
    info.hasAvx512 =
        has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq") && has("avx512cd");
    // Intel's cores with AMX run vdpbf16ps at a quarter of the rate of multiply-adds, for twice the work.
    info.hasBF16Dot = info.hasAvx512 && has("avx512bf16") && !has("amx-bf16");
    info.hasI8Dot = info.hasAvx512 ? has("avx512vnni") : has("avxvnni");
    info.vectorBits = info.hasAvx512 ? 512 : 256;
    info.vectorRegisters = info.hasAvx512 ? 32 : 16;
    if (!native && info.hasAvx512)
      info.l2Bytes = 1 << 20;
  } else {
    if (!has("neon"))
      return createStringError("target CPU '" + info.cpu + "' lacks NEON");
    info.vectorBits = 128;
    info.vectorRegisters = 32;
  }
  return info;
}
