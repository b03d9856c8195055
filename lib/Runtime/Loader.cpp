// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens code images with dlopen, from a sealed memfd or from a file. A memfd's name is /proc/<pid>/fd/<n>:
// not /proc/self (a debugger would open its own), and the descriptor stays open while the image is loaded,
// because dlopen takes an equal name for the image it already has.
#include "weft/Runtime/Loader.h"

#include "weft/Program/ImageCheck.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/Log.h"
#include "weft/Support/Sha256.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U // Linux 6.3: says that the file may be executed; older kernels refuse the flag
#endif

namespace weft::runtime {
namespace {

std::string linkerMessage() {
  const char *message = ::dlerror();
  return message ? message : "unknown error of the dynamic linker";
}

/// The image in a sealed memfd, opened; the reason when that is forbidden here.
Status openFromMemory(std::span<const std::byte> image, void *&handle, int &descriptor) {
  int fd = ::memfd_create("weft", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL)
    fd = ::memfd_create("weft", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return errnoStatus(errno, "cannot make memory for code");
  for (size_t done = 0; done < image.size();) {
    const ssize_t written = ::write(fd, image.data() + done, image.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      const int error = errno;
      ::close(fd);
      return errnoStatus(error, "cannot make memory for code");
    }
    done += size_t(written);
  }
  (void)::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  handle = ::dlopen(concat("/proc/", ::getpid(), "/fd/", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const std::string message = linkerMessage();
    ::close(fd);
    return failedPrecondition("cannot load code from memory: ", message);
  }
  descriptor = fd;
  return Status::ok();
}

Result<void *> openFile(const std::string &path) {
  char resolved[PATH_MAX]; // a name without a slash would be searched for
  if (!::realpath(path.c_str(), resolved))
    return errnoStatus(errno, concat("cannot load code from '", path, "'"));
  void *handle = ::dlopen(resolved, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return failedPrecondition("cannot load code from '", path, "': ", linkerMessage());
  return handle;
}

} // namespace

Result<std::shared_ptr<const CodeLibrary>> CodeLibrary::load(std::span<const std::byte> image,
                                                             const std::string &keepCodeDir) {
  WEFT_RETURN_IF_ERROR(program::checkImage(image).status());
  std::shared_ptr<CodeLibrary> library(new CodeLibrary());
  const std::string_view text(reinterpret_cast<const char *>(image.data()), image.size());
  if (!keepCodeDir.empty()) {
    WEFT_RETURN_IF_ERROR(createDirectories(keepCodeDir));
    const std::string path = concat(keepCodeDir, "/", sha256Hex(text), ".so");
    // The same code may be loaded from there already: leave the file it is mapped from alone.
    if (Result<std::string> old = readFile(path); !old.isOk() || *old != text)
      WEFT_RETURN_IF_ERROR(writeFileAtomically(path, text, 0755));
    WEFT_ASSIGN_OR_RETURN(library->handle, openFile(path));
    return std::shared_ptr<const CodeLibrary>(std::move(library));
  }
  const Status status = openFromMemory(image, library->handle, library->descriptor);
  if (status.isOk())
    return std::shared_ptr<const CodeLibrary>(std::move(library));
  // Some systems forbid code in a memfd, or have no /proc: a file in the cache folder does instead.
  WEFT_ASSIGN_OR_RETURN(const CacheDir cache, CacheDir::open());
  const std::string key = sha256Hex(text) + ".so";
  if (!cache.find("code", key) && !cache.put("code", key, text))
    return status;
  const std::optional<std::string> path = cache.find("code", key);
  if (!path)
    return status;
  logDebug(status.message(), "; loading '", *path, "' instead");
  WEFT_ASSIGN_OR_RETURN(library->handle, openFile(*path));
  return std::shared_ptr<const CodeLibrary>(std::move(library));
}

CodeLibrary::~CodeLibrary() {
  if (handle)
    ::dlclose(handle);
  if (descriptor >= 0)
    ::close(descriptor);
}

Result<void *> CodeLibrary::symbol(const std::string &name) const {
  void *address = ::dlsym(handle, name.c_str());
  if (!address)
    return notFound("the code has no kernel '", name, "'");
  return address;
}

Result<WeftKernel> CodeLibrary::kernel(const std::string &symbol) const {
  WEFT_ASSIGN_OR_RETURN(void *const address, this->symbol(symbol));
  return reinterpret_cast<WeftKernel>(address);
}

} // namespace weft::runtime
