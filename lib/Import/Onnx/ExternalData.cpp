// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens external data beneath the model's folder. The kernel holds the path inside (openat2 with
// RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS); kernels without openat2 get a walk component by component that
// follows no link.
#include "ExternalData.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace weft;
using namespace weft::onnx;

namespace {
class Descriptor {
public:
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(Descriptor &&other) : fd(other.fd) { other.fd = -1; }
  Descriptor &operator=(Descriptor &&other) {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
  int get() const { return fd; }

private:
  int fd;
};
} // namespace

/// The parts of a relative path that stays inside its folder, or nothing.
static std::vector<std::string> splitPath(const std::string &path) {
  std::vector<std::string> parts;
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string::npos)
    return {};
  for (size_t start = 0; start <= path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string part = path.substr(start, end - start);
    if (part == "..")
      return {};
    if (!part.empty() && part != ".")
      parts.push_back(part);
    start = end + 1;
  }
  return parts;
}

/// For kernels without openat2.
static int openStepwise(int folder, const std::vector<std::string> &parts) {
  Descriptor at(::dup(folder));
  for (size_t i = 0; i < parts.size(); ++i) {
    bool last = i + 1 == parts.size();
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    Descriptor next(::openat(at.get(), parts[i].c_str(), flags));
    if (next.get() < 0)
      return -1;
    at = std::move(next);
  }
  return ::dup(at.get());
}

Result<std::shared_ptr<const MappedFile>> ExternalData::open(const std::string &location) {
  if (auto known = files.find(location); known != files.end())
    return known->second;
  std::vector<std::string> parts = splitPath(location);
  if (parts.empty())
    return permissionDenied("found external data at '", location,
                            "', wanted a file below the model's folder");
  if (folder.empty())
    return failedPrecondition("found external data at '", location,
                              "', but the model was not read from a file: there is no folder to look in");
  Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0)
    return errnoStatus(errno, folder);
  std::string relative;
  for (const std::string &part : parts)
    relative += (relative.empty() ? "" : "/") + part;
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  Descriptor file(int(::syscall(SYS_openat2, root.get(), relative.c_str(), &how, sizeof how)));
  if (file.get() < 0 && (errno == ENOSYS || errno == EPERM))
    file = Descriptor(openStepwise(root.get(), parts));
  if (file.get() < 0) {
    if (errno == ELOOP || errno == EXDEV)
      return permissionDenied("found external data at '", location,
                              "' behind a symbolic link, wanted a file below the model's folder");
    return errnoStatus(errno, "external data '" + location + "'");
  }
  struct stat info;
  if (::fstat(file.get(), &info) != 0)
    return errnoStatus(errno, "external data '" + location + "'");
  if (!S_ISREG(info.st_mode))
    return invalidArgument("found that external data '", location, "' is not a regular file");
  auto mapped = MappedFile::open("/proc/self/fd/" + std::to_string(file.get()));
  if (!mapped.isOk())
    return mapped.status().context("external data '" + location + "'");
  files[location] = *mapped;
  return *mapped;
}

/// A nonnegative decimal number.
static std::optional<uint64_t> parseNumber(const std::string &text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return number;
}

Result<ExternalData::Region> ExternalData::find(const onnx_wire::TensorProto &tensor, int64_t size) {
  std::string location;
  uint64_t offset = 0, length = uint64_t(size);
  for (const onnx_wire::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      std::optional<uint64_t> number = parseNumber(entry.value());
      if (!number)
        return invalidArgument("found external data with ", entry.key(), " '", entry.value(),
                               "', wanted a number");
      (entry.key() == "offset" ? offset : length) = *number;
    }
  }
  if (length != uint64_t(size))
    return invalidArgument("found external data of ", length, " bytes, wanted ", size);
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, open(location));
  if (offset > file->size() || length > file->size() - offset)
    return outOfRange("found external data at bytes ", offset, " to ", offset + length, " of '", location,
                      "', which has ", file->size());
  return Region{file->bytes().subspan(offset, length), file};
}
