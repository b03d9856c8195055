// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of rings, and futexes across processes.
#include "Ring.h"

#include "weft/Support/File.h"

#include <cerrno>
#include <climits>
#include <ctime>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::distributed {

constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Result<std::unique_ptr<SharedMapping>> SharedMapping::create(size_t headBytes, size_t ringBytes) {
  std::unique_ptr<SharedMapping> made(new SharedMapping());
  made->headBytes = headBytes;
  made->ringBytes = ringBytes;
  made->fd = ::memfd_create("weft-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (made->fd < 0 || ::ftruncate(made->fd, off_t(headBytes + ringBytes)) != 0 ||
      ::fcntl(made->fd, F_ADD_SEALS, seals) != 0)
    return errnoStatus(errno, "cannot make shared memory");
  WEFT_RETURN_IF_ERROR(made->map());
  return made;
}

Result<std::unique_ptr<SharedMapping>> SharedMapping::adopt(int fd, size_t headBytes, size_t ringBytes) {
  std::unique_ptr<SharedMapping> made(new SharedMapping());
  made->headBytes = headBytes;
  made->ringBytes = ringBytes;
  made->fd = fd;
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_size != off_t(headBytes + ringBytes) ||
      (::fcntl(fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
    return invalidArgument("a peer's shared memory has ", status.st_size, " bytes or no seals, wanted ",
                           headBytes + ringBytes);
  WEFT_RETURN_IF_ERROR(made->map());
  return made;
}

Status SharedMapping::map() {
  void *room = ::mmap(nullptr, headBytes + 2 * ringBytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    return errnoStatus(errno, "cannot map shared memory");
  base = static_cast<std::byte *>(room);
  const auto place = [&](std::byte *at, size_t size, size_t offset) {
    return size == 0 ||
           ::mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, off_t(offset)) == at;
  };
  if (!place(base, headBytes + ringBytes, 0) || !place(base + headBytes + ringBytes, ringBytes, headBytes))
    return errnoStatus(errno, "cannot map shared memory");
  return Status::ok();
}

SharedMapping::~SharedMapping() {
  if (base)
    ::munmap(base, headBytes + 2 * ringBytes);
  if (fd >= 0)
    ::close(fd);
}

void Bell::ring() {
  rung.fetch_add(1);
  if (sleepers.load() > 0)
    ::syscall(SYS_futex, reinterpret_cast<uint32_t *>(&rung), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void Bell::wait(uint32_t value, int milliseconds) {
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  ::syscall(SYS_futex, reinterpret_cast<uint32_t *>(&rung), FUTEX_WAIT, value, &limit, nullptr, 0);
}

} // namespace weft::distributed
