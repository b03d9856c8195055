// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU: its context, its memory and the modules loaded into it.
#include "CudaDevice.h"

#include "CudaStream.h"
#include "weft/Support/Sha256.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>

namespace weft::runtime::cuda {
namespace {

/// "sm_90a" of an image's ISA, taken apart.
struct Architecture {
  int number = 0;
  bool isExact = false; ///< with a letter: runs on that architecture alone
};

Architecture architectureOf(const program::CodeImage &image) {
  Architecture result;
  std::string_view text = image.isa;
  if (!text.starts_with("ptx-sm_"))
    return result;
  text.remove_prefix(7);
  const char *end = std::from_chars(text.data(), text.data() + text.size(), result.number).ptr;
  result.isExact = end != text.data() + text.size();
  return result;
}

/// A GPU that is open.
class CudaDevice final : public Device, public std::enable_shared_from_this<CudaDevice> {
public:
  static Result<std::shared_ptr<Device>> open(std::shared_ptr<const Driver> driver, int number);
  ~CudaDevice() override;

  const std::string &name() const override { return label; }
  std::string description() const override {
    return concat(label, " (", model, ", sm_", architecture, ", ", totalBytes >> 20, " MiB, driver ",
                  context->driver->versionText(), ")");
  }
  Result<std::byte *> allocate(int64_t bytes) override;
  void release(std::byte *memory) override;
  Result<std::shared_ptr<const DeviceCode>> load(const program::Program &program) override;
  Result<std::unique_ptr<DeviceStream>> createStream(const EmulatorMode &) override {
    return CudaStream::create(context);
  }

private:
  Result<int> attribute(int which) const;
  Result<const program::CodeImage *> chooseImage(const program::Program &program) const;

  std::shared_ptr<Context> context;
  std::string label, model;
  int architecture = 0;
  size_t totalBytes = 0;
  bool hasPools = false;
  CuStream memoryStream = nullptr; // allocations from the pool, in order
  // Modules by the hash of their PTX: Sessions of one program share them.
  std::mutex mutex;
  std::map<Sha256Digest, std::weak_ptr<const CudaModule>> modules;
};

Result<int> CudaDevice::attribute(int which) const {
  int value = 0;
  WEFT_RETURN_IF_ERROR(context->driver->check(
      context->driver->cuDeviceGetAttribute(&value, which, context->device), "cuDeviceGetAttribute"));
  return value;
}

Result<std::shared_ptr<Device>> CudaDevice::open(std::shared_ptr<const Driver> driver, int number) {
  const Driver &d = *driver;
  int count = 0;
  WEFT_RETURN_IF_ERROR(d.check(d.cuDeviceGetCount(&count), "cuDeviceGetCount"));
  const auto nameOf = [&](int which) {
    char text[256] = "";
    CuDevice device = 0;
    if (d.cuDeviceGet(&device, which) != result::success ||
        d.cuDeviceGetName(text, int(sizeof text), device) != result::success)
      return std::string("unknown");
    return std::string(text);
  };
  if (count == 0)
    return failedPrecondition("the CUDA driver (version ", d.versionText(), ") finds no GPU");
  if (number < 0 || number >= count) {
    std::string there;
    for (int i = 0; i < count; ++i)
      there += concat(i ? ", " : "", i, " (", nameOf(i), ")");
    return notFound("no CUDA device ", number, "; there is ", there);
  }
  auto opened = std::make_shared<CudaDevice>();
  opened->label = concat("cuda:", number);
  opened->model = nameOf(number);
  CuDevice device = 0;
  WEFT_RETURN_IF_ERROR(d.check(d.cuDeviceGet(&device, number), "cuDeviceGet"));
  WEFT_ASSIGN_OR_RETURN(opened->context, Context::create(std::move(driver), device));
  WEFT_ASSIGN_OR_RETURN(const int major, opened->attribute(deviceAttribute::computeMajor));
  WEFT_ASSIGN_OR_RETURN(const int minor, opened->attribute(deviceAttribute::computeMinor));
  opened->architecture = 10 * major + minor;
  WEFT_RETURN_IF_ERROR(d.check(d.cuDeviceTotalMem(&opened->totalBytes, device), "cuDeviceTotalMem"));
  WEFT_RETURN_IF_ERROR(opened->context->makeCurrent());
  WEFT_ASSIGN_OR_RETURN(const int pools, opened->attribute(deviceAttribute::memoryPools));
  CuPool pool = nullptr;
  if (pools && d.cuMemAllocAsync && d.cuMemFreeAsync && d.cuDeviceGetDefaultMemPool &&
      d.cuMemPoolSetAttribute && d.cuDeviceGetDefaultMemPool(&pool, device) == result::success) {
    // Memory that Sessions give back stays in the pool for the next.
    uint64_t keep = UINT64_MAX;
    WEFT_RETURN_IF_ERROR(
        d.check(d.cuMemPoolSetAttribute(pool, poolReleaseThreshold, &keep), "cuMemPoolSetAttribute"));
    WEFT_RETURN_IF_ERROR(
        d.check(d.cuStreamCreate(&opened->memoryStream, streamNonBlocking), "cuStreamCreate"));
    opened->hasPools = true;
  }
  return std::shared_ptr<Device>(std::move(opened));
}

CudaDevice::~CudaDevice() {
  if (context && memoryStream && context->makeCurrent().isOk())
    context->driver->cuStreamDestroy(memoryStream);
}

Result<std::byte *> CudaDevice::allocate(int64_t bytes) {
  const Driver &d = *context->driver;
  WEFT_RETURN_IF_ERROR(context->makeCurrent());
  CuPointer memory = 0;
  const char *what = hasPools ? "cuMemAllocAsync" : "cuMemAlloc";
  CuResult code = hasPools ? d.cuMemAllocAsync(&memory, size_t(bytes), memoryStream)
                           : d.cuMemAlloc(&memory, size_t(bytes));
  if (code == result::success && hasPools) // other streams use it from now on
    code = d.cuStreamSynchronize(memoryStream);
  if (code == result::outOfMemory) {
    size_t free = 0, total = 0;
    d.cuMemGetInfo(&free, &total);
    return resourceExhausted(label, " has no memory for ", bytes, " bytes: ", free, " of ", total,
                             " are free");
  }
  WEFT_RETURN_IF_ERROR(d.check(code, what).context(label));
  return reinterpret_cast<std::byte *>(memory);
}

void CudaDevice::release(std::byte *memory) {
  const Driver &d = *context->driver;
  if (!context->makeCurrent().isOk())
    return; // the driver is shutting down, and takes the memory with it
  const auto pointer = reinterpret_cast<CuPointer>(memory);
  if (hasPools)
    d.cuMemFreeAsync(pointer, memoryStream);
  else
    d.cuMemFree(pointer);
}

Result<const program::CodeImage *> CudaDevice::chooseImage(const program::Program &program) const {
  const program::CodeImage *best = nullptr;
  int bestNumber = 0;
  std::string others;
  for (const program::CodeImage &image : program.images) {
    if (program::deviceOfImage(image) != program::device::cuda)
      continue;
    const Architecture needs = architectureOf(image);
    const bool fits =
        needs.isExact ? needs.number == architecture : needs.number > 0 && needs.number <= architecture;
    // Code for exactly this architecture may use what it alone has.
    if (fits && (!best || 2 * needs.number + needs.isExact > bestNumber)) {
      best = &image;
      bestNumber = 2 * needs.number + needs.isExact;
    }
    others += concat(others.empty() ? "" : ", ", image.isa.substr(4));
  }
  if (!best)
    return failedPrecondition(others.empty() ? "the program has no code for CUDA devices"
                                             : concat("the program has code for ", others),
                              "; ", label, " (", model, ") is of architecture sm_", architecture,
                              ": wanted code for that or an older one (--target=cuda:sm_80)");
  return best;
}

Result<std::shared_ptr<const DeviceCode>> CudaDevice::load(const program::Program &program) {
  WEFT_ASSIGN_OR_RETURN(const program::CodeImage *image, chooseImage(program));
  WEFT_RETURN_IF_ERROR(context->makeCurrent());
  const std::span<const std::byte> ptx = image->bytes.bytes;
  const Sha256Digest key = sha256(ptx.data(), ptx.size());
  const std::lock_guard<std::mutex> lock(mutex);
  std::erase_if(modules, [](const auto &entry) { return entry.second.expired(); });
  std::shared_ptr<const CudaModule> module = modules[key].lock();
  if (!module) {
    WEFT_ASSIGN_OR_RETURN(module, CudaModule::load(context, ptx).context(concat(label, ": ", image->isa)));
    modules[key] = module;
  }
  WEFT_ASSIGN_OR_RETURN(const int maxShared, attribute(deviceAttribute::maxSharedOptIn));
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const DeviceCode> code,
                        CudaCode::create(std::move(module), program, maxShared).context(label));
  return code;
}

} // namespace

Result<std::shared_ptr<Device>> openCudaDevice(int number) {
  static std::mutex mutex;
  static std::map<std::pair<const Driver *, int>, std::weak_ptr<Device>> devices;
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Driver> driver, Driver::open());
  const std::lock_guard<std::mutex> lock(mutex);
  std::weak_ptr<Device> &known = devices[{driver.get(), number}];
  std::shared_ptr<Device> device = known.lock();
  if (!device) {
    WEFT_ASSIGN_OR_RETURN(device, CudaDevice::open(std::move(driver), number));
    known = device;
  }
  return device;
}

} // namespace weft::runtime::cuda
