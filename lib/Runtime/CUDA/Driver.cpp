// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the driver. Functions are asked for by their plain names through cuGetProcAddress, which knows the
// variant
// (_v2, _ptsz) that belongs to the version asked for.
#include "Driver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>

namespace weft::runtime::cuda {
namespace {

constexpr const char *standardName = "libcuda.so.1";

/// cuGetProcAddress as of 12.0; the last parameter says why a name was not found.
using GetProcAddress = CuResult (*)(const char *name, void **function, int version, uint64_t flags, int *why);

std::string versionText(int version) { return concat(version / 1000, ".", version % 1000 / 10); }

} // namespace

Status Driver::load(const std::string &path) {
  void *library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = ::dlerror();
    return failedPrecondition(
        "no CUDA driver: ", why ? why : path,
        "; install NVIDIA's driver, or run the same kernels on the CPU with --target=cuda-emu");
  }
  // The library stays open: the driver does not take being closed, and a failure is told once per process at
  // most.
  const auto query = reinterpret_cast<GetProcAddress>(::dlsym(library, "cuGetProcAddress_v2"));
  const auto versionOf = reinterpret_cast<CuResult (*)(int *)>(::dlsym(library, "cuDriverGetVersion"));
  if (versionOf && versionOf(&version) == result::success && version < wantedVersion)
    return failedPrecondition("the CUDA driver (", path, ") is of version ", cuda::versionText(version),
                              ", wanted ", cuda::versionText(wantedVersion), " or newer");
  if (!query)
    return failedPrecondition(path, " has no cuGetProcAddress_v2: it is no CUDA driver of version ",
                              cuda::versionText(wantedVersion), " or newer");
  std::string missing;
  const auto find = [&](const char *name, bool isRequired) {
    void *function = nullptr;
    int why = 0;
    const CuResult code = query(name, &function, wantedVersion, 0, &why);
    if (code == result::stubLibrary) // the toolkit's stub has the names and nothing behind them
      function = ::dlsym(library, name);
    else if (code != result::success)
      function = nullptr;
    if (!function && isRequired)
      missing += concat(missing.empty() ? "" : ", ", name);
    return function;
  };
#define WEFT_CUDA_REQUIRED(name, parameters)                                                                 \
  name = reinterpret_cast<CuResult(*) parameters>(find(#name, true));
#define WEFT_CUDA_OPTIONAL(name, parameters)                                                                 \
  name = reinterpret_cast<CuResult(*) parameters>(find(#name, false));
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_REQUIRED, WEFT_CUDA_OPTIONAL)
#undef WEFT_CUDA_REQUIRED
#undef WEFT_CUDA_OPTIONAL
  if (!missing.empty())
    return failedPrecondition("the CUDA driver (", path, ", version ", cuda::versionText(version), ") lacks ",
                              missing);
  const CuResult code = cuInit(0);
  if (code == result::stubLibrary)
    return failedPrecondition(path, " is the toolkit's stub, not a driver");
  if (code == result::noDevice)
    return failedPrecondition("the CUDA driver (version ", cuda::versionText(version), ") finds no GPU");
  WEFT_RETURN_IF_ERROR(check(code, "cuInit"));
  return check(cuDriverGetVersion(&version), "cuDriverGetVersion");
}

Result<std::shared_ptr<const Driver>> Driver::open() {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Driver>> drivers;
  const char *named = std::getenv("WEFT_CUDA_DRIVER");
  const std::string path = named && *named ? named : standardName;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const Driver> &known = drivers[path];
  if (!known) {
    std::shared_ptr<Driver> driver(new Driver);
    WEFT_RETURN_IF_ERROR(driver->load(path));
    known = std::move(driver);
  }
  return known;
}

std::string Driver::versionText() const { return cuda::versionText(version); }

std::string Driver::nameOf(CuResult code) const {
  const char *name = nullptr;
  return cuGetErrorName(code, &name) == result::success && name ? name : concat("error ", code);
}

Status Driver::error(CuResult code, const char *what) const {
  const char *text = nullptr;
  const bool isKnown = cuGetErrorString(code, &text) == result::success && text;
  const std::string message = concat(what, ": ", nameOf(code), isKnown ? concat(" (", text, ")") : "");
  return code == result::outOfMemory ? resourceExhausted(message) : internalError(message);
}

} // namespace weft::runtime::cuda
