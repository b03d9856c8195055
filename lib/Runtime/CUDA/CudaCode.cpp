// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context of a GPU; PTX to modules, which the driver compiles; kernels with what they may use.
#include "CudaStream.h"

#include <cstring>

namespace weft::runtime::cuda {

// ---- Context ----

Result<std::shared_ptr<Context>> Context::create(std::shared_ptr<const Driver> driver, CuDevice device) {
  auto context = std::make_shared<Context>();
  WEFT_RETURN_IF_ERROR(
      driver->check(driver->cuDevicePrimaryCtxRetain(&context->handle, device), "cuDevicePrimaryCtxRetain"));
  context->driver = std::move(driver);
  context->device = device;
  return context;
}

Context::~Context() {
  if (driver)
    driver->cuDevicePrimaryCtxRelease(device);
}

Status Context::makeCurrent() const {
  return driver->check(driver->cuCtxSetCurrent(handle), "cuCtxSetCurrent");
}

// ---- Modules ----

/// A log of the driver without the empty lines at its end.
static std::string tidy(const std::vector<char> &log) {
  std::string text(log.data(), ::strnlen(log.data(), log.size()));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

Result<std::shared_ptr<const CudaModule>> CudaModule::load(std::shared_ptr<Context> context,
                                                           std::span<const std::byte> ptx) {
  const Driver &d = *context->driver;
  const std::string text(reinterpret_cast<const char *>(ptx.data()),
                         ptx.size()); // ends in 0, as the driver wants it
  std::vector<char> errors(16384);
  int options[] = {jit::errorLog, jit::errorLogSize};
  void *values[] = {errors.data(), reinterpret_cast<void *>(errors.size())};
  std::shared_ptr<CudaModule> module(new CudaModule);
  const CuResult code = d.cuModuleLoadDataEx(&module->handle, text.c_str(), 2, options, values);
  if (code == result::success) {
    module->context = std::move(context);
    return std::shared_ptr<const CudaModule>(std::move(module));
  }
  std::string message = d.error(code, "the driver refuses the kernels").message();
  if (code == result::unsupportedPtx)
    message += concat("; the driver of version ", d.versionText(), " is too old for this program");
  if (const std::string log = tidy(errors); !log.empty())
    message += "\n" + log;
  return failedPrecondition(message);
}

CudaModule::~CudaModule() {
  if (context && context->makeCurrent().isOk())
    context->driver->cuModuleUnload(handle);
}

// ---- Kernels ----

Result<std::shared_ptr<const DeviceCode>> CudaCode::create(std::shared_ptr<const CudaModule> module,
                                                           const program::Program &program,
                                                           int maxSharedBytes) {
  constexpr int sharedWithoutAsking = 48 << 10, clusterWithoutAsking = 8;
  const Driver &d = *module->context->driver;
  auto code = std::make_shared<CudaCode>();
  code->kernels.resize(program.kernels.size());
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    const program::Kernel &from = program.kernels[i];
    Kernel &to = code->kernels[i];
    const auto prepare = [&]() -> Status {
      WEFT_RETURN_IF_ERROR(d.check(d.cuModuleGetFunction(&to.function, module->handle, from.symbol.c_str()),
                                   "cuModuleGetFunction"));
      int maxThreads = 0;
      WEFT_RETURN_IF_ERROR(
          d.check(d.cuFuncGetAttribute(&maxThreads, functionAttribute::maxThreadsPerBlock, to.function),
                  "cuFuncGetAttribute"));
      if (int64_t(from.threads) > maxThreads)
        return failedPrecondition("blocks of ", from.threads, " threads, at most ", maxThreads, " fit");
      if (int64_t(from.sharedBytes) > maxSharedBytes)
        return failedPrecondition(from.sharedBytes, " bytes of shared memory, a block has at most ",
                                  maxSharedBytes);
      if (from.sharedBytes > sharedWithoutAsking)
        WEFT_RETURN_IF_ERROR(d.check(
            d.cuFuncSetAttribute(to.function, functionAttribute::maxDynamicShared, int(from.sharedBytes)),
            "cuFuncSetAttribute"));
      if (from.cluster > clusterWithoutAsking)
        WEFT_RETURN_IF_ERROR(
            d.check(d.cuFuncSetAttribute(to.function, functionAttribute::nonPortableCluster, 1),
                    "cuFuncSetAttribute"));
      return Status::ok();
    };
    WEFT_RETURN_IF_ERROR(prepare().context(concat("kernel '", from.name, "'")));
    to.config.blockX = from.threads;
    to.config.sharedBytes = unsigned(from.sharedBytes);
    if (from.cluster > 1) {
      to.cluster.id = LaunchAttribute::clusterDimension;
      to.cluster.value.cluster = {from.cluster, 1, 1};
      to.config.attributes = &to.cluster;
      to.config.numAttributes = 1;
    }
  }
  code->module = std::move(module);
  return std::shared_ptr<const DeviceCode>(std::move(code));
}

} // namespace weft::runtime::cuda
