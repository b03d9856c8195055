// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing files. A write goes to a temporary beside the target and is renamed when all of it is
// on disk.
#include "weft/Support/File.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {
namespace {

/// Closes a descriptor at the end of its scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
};

Status writeAll(int fd, std::span<const std::byte> bytes, const std::string &path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), size_t(1) << 30));
    if (written < 0) {
      if (errno == EINTR)
        continue;
      return errnoStatus(errno, concat("cannot write '", path, "'"));
    }
    bytes = bytes.subspan(size_t(written));
  }
  return Status::ok();
}

std::string parentOf(const std::string &path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Status makeDirectories(const std::string &path, mode_t mode) {
  for (size_t end = 1; end <= path.size(); ++end) {
    if (end < path.size() && path[end] != '/')
      continue;
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), end == path.size() ? mode : 0777) == 0 || errno == EEXIST)
      continue;
    const int error = errno;
    struct stat info;
    if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
      continue; // EROFS and EACCES are also said of folders that exist
    return errnoStatus(error, concat("cannot make folder '", part, "'"));
  }
  struct stat info;
  if (::stat(path.c_str(), &info) != 0)
    return errnoStatus(errno, concat("cannot make folder '", path, "'"));
  if (!S_ISDIR(info.st_mode))
    return failedPrecondition("'", path, "' is not a folder");
  return Status::ok();
}

} // namespace

std::string errnoString(int error) {
  char buffer[256];
  return ::strerror_r(error, buffer, sizeof buffer); // the GNU variant: returns the text
}

Status errnoStatus(int error, std::string_view what) {
  Code code = Code::Unknown;
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    code = Code::NotFound;
    break;
  case EACCES:
  case EPERM:
  case EROFS:
    code = Code::PermissionDenied;
    break;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case ENOMEM:
  case EMFILE:
  case ENFILE:
    code = Code::ResourceExhausted;
    break;
  case EEXIST:
    code = Code::AlreadyExists;
    break;
  case EISDIR:
  case EINVAL:
  case ENAMETOOLONG:
    code = Code::InvalidArgument;
    break;
  case EIO:
    code = Code::DataLoss;
    break;
  default:
    break;
  }
  return {code, concat(what, ": ", errnoString(error))};
}

Result<std::string> readFile(const std::string &path, uint64_t limit) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0)
    return errnoStatus(errno, concat("cannot open '", path, "'"));
  struct stat info;
  if (::fstat(file.fd, &info) != 0)
    return errnoStatus(errno, concat("cannot read '", path, "'"));
  if (S_ISDIR(info.st_mode))
    return invalidArgument("cannot read '", path, "': it is a folder");
  if (S_ISREG(info.st_mode) && uint64_t(info.st_size) > limit)
    return outOfRange("'", path, "' has ", info.st_size, " bytes, more than the ", limit, " allowed");
  std::string text;
  // One byte more than expected, so that the end is seen without another round.
  size_t chunk = S_ISREG(info.st_mode) ? size_t(info.st_size) + 1 : 65536;
  while (true) {
    const size_t filled = text.size();
    text.resize(filled + chunk);
    const ssize_t got = ::read(file.fd, text.data() + filled, chunk);
    if (got < 0 && errno != EINTR)
      return errnoStatus(errno, concat("cannot read '", path, "'"));
    text.resize(filled + size_t(std::max<ssize_t>(got, 0)));
    if (text.size() > limit)
      return outOfRange("'", path, "' has more than the ", limit, " bytes allowed");
    if (got == 0)
      return text;
    chunk = 65536;
  }
}

Status writeFileAtomically(const std::string &path, std::string_view bytes, int mode) {
  return writeFileAtomically(
      path, [&](const FileSink &sink) { return sink(std::as_bytes(std::span<const char>(bytes))); }, mode);
}

Status writeFileAtomically(const std::string &path, const std::function<Status(const FileSink &)> &write,
                           int mode) {
  std::string target = path;
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return invalidArgument("cannot write '", path, "': it is a folder");
    if (!S_ISREG(info.st_mode)) { // a device or a pipe: nothing to rename
      const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
      if (file.fd < 0)
        return errnoStatus(errno, concat("cannot open '", path, "' for writing"));
      return write([&](std::span<const std::byte> bytes) { return writeAll(file.fd, bytes, path); });
    }
    char resolved[PATH_MAX]; // a symbolic link stays, what it points to is replaced
    if (::realpath(path.c_str(), resolved))
      target = resolved;
    // The rename would succeed on a file without write permission; do not surprise its owner.
    if (::access(target.c_str(), W_OK) != 0)
      return errnoStatus(errno, concat("cannot write '", path, "'"));
  }

  static std::atomic<unsigned> counter{0};
  const std::string temporary = concat(target, ".tmp.", ::getpid(), ".", counter.fetch_add(1));
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    return errnoStatus(errno, concat("cannot write '", path, "'"));
  Status status = write([&](std::span<const std::byte> bytes) { return writeAll(fd, bytes, path); });
  if (status.isOk() && ::fsync(fd) != 0 && errno != EINVAL)
    status = errnoStatus(errno, concat("cannot write '", path, "'"));
  if (::close(fd) != 0 && status.isOk())
    status = errnoStatus(errno, concat("cannot write '", path, "'"));
  if (status.isOk() && ::rename(temporary.c_str(), target.c_str()) != 0)
    status = errnoStatus(errno, concat("cannot write '", path, "'"));
  if (!status.isOk()) {
    ::unlink(temporary.c_str());
    return status;
  }
  // The name itself reaches the disk with its folder. Where that cannot be synced, the file is still whole.
  const Descriptor folder{::open(parentOf(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd >= 0)
    (void)::fsync(folder.fd);
  return status;
}

Status createDirectories(const std::string &path) { return makeDirectories(path, 0777); }

Status createPrivateDirectory(const std::string &path) {
  WEFT_RETURN_IF_ERROR(makeDirectories(path, 0700));
  struct stat info;
  if (::stat(path.c_str(), &info) != 0)
    return errnoStatus(errno, concat("cannot use folder '", path, "'"));
  if (info.st_uid != ::geteuid())
    return permissionDenied("folder '", path, "' belongs to user ", info.st_uid, ", wanted ", ::geteuid());
  if (info.st_mode & 077) {
    std::ostringstream mode;
    mode << std::oct << (info.st_mode & 0777);
    return permissionDenied("folder '", path, "' has mode ", mode.str(), ", wanted 700 (closed to others)");
  }
  return Status::ok();
}

} // namespace weft
