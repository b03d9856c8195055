// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which addresses are safe without certificates, and opening libWeftGrpc.so.
#include "weft/Distributed/Rpc.h"

#include "GrpcModule.h"

#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <unistd.h>

namespace weft::distributed {

bool isLocalAddress(const std::string &address) {
  for (const char *local : {"unix:", "127.0.0.1:", "localhost:", "[::1]:"})
    if (address.rfind(local, 0) == 0)
      return true;
  return false;
}

Status checkAddress(const std::string &address, const RpcCredentials &credentials) {
  const Certificates &certificates = credentials.certificates;
  if (!certificates.isEmpty() &&
      (certificates.authority.empty() || certificates.certificate.empty() || certificates.key.empty()))
    return invalidArgument("certificates need an authority, a certificate and a key");
  if (isLocalAddress(address) || !certificates.isEmpty())
    return Status::ok();
  return permissionDenied("'", address,
                          "' can be reached from other hosts: it is served with certificates only (",
                          "weft launch makes them), or use a loopback address or a Unix socket");
}

static std::string folderOfProgram() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string text(path, size > 0 ? size_t(size) : 0);
  return text.substr(0, text.rfind('/'));
}

Result<const GrpcLibrary *> grpcLibrary() {
  static std::mutex mutex;
  static const GrpcLibrary *library = nullptr;
  std::lock_guard lock(mutex);
  if (library)
    return library;
  std::vector<std::string> places;
  if (const char *path = std::getenv("WEFT_GRPC"); path && *path) {
    places.emplace_back(path);
  } else {
    const std::string folder = folderOfProgram();
    for (const char *place : {"/", "/../lib/", "/../lib/weft/", "/../../../lib/"})
      places.push_back(folder + place + grpcModuleName);
  }
  std::string looked;
  for (const std::string &place : places) {
    if (::access(place.c_str(), R_OK) != 0) {
      looked += "\n  " + place;
      continue;
    }
    void *handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return failedPrecondition("cannot open the gRPC library: ", ::dlerror());
    const auto function = reinterpret_cast<GrpcModuleFunction>(::dlsym(handle, grpcModuleSymbol));
    library = function ? function(grpcModuleVersion) : nullptr;
    if (!library)
      return failedPrecondition(place, ": not the gRPC library of this version of Weft");
    return library;
  }
  return notFound("this installation has no gRPC library; looked at $WEFT_GRPC and", looked);
}

} // namespace weft::distributed
