// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files mapped for reading, and what keeps a file that shrinks underneath from killing the process: a handler
// of SIGBUS that puts a page of zeros where the file has none any more and marks the mapping. Faults
// elsewhere go to the handler that was there before.
#include "weft/Support/File.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {
namespace {

/// Mappings the handler looks through. Entries are claimed by setting `begin`; the handler reads them at any
/// time.
struct Slot {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> faulted{false};
};
std::array<Slot, 4096> slots;
struct sigaction previous;
uintptr_t pageSize = 4096;

void onBusError(int signal, siginfo_t *info, void *context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Slot &slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load(std::memory_order_acquire))
      continue;
    const int savedErrno = errno;
    void *page = reinterpret_cast<void *>(address & ~(pageSize - 1));
    void *mapped = ::mmap(page, pageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = savedErrno;
    if (mapped == MAP_FAILED)
      break;
    slot.faulted.store(true, std::memory_order_release);
    return;
  }
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGBUS, &standard,
                nullptr); // the access is tried again, and ends the process as it would have
  }
}

int claimSlot(uintptr_t begin, uintptr_t end) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  static const bool installed = [] {
    pageSize = uintptr_t(::sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return ::sigaction(SIGBUS, &action, &previous) == 0;
  }();
  if (!installed)
    return -1;
  for (size_t i = 0; i < slots.size(); ++i)
    if (slots[i].begin.load() == 0) {
      slots[i].faulted = false;
      slots[i].end = end;
      slots[i].begin = begin;
      return int(i);
    }
  return -1;
}

} // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string &path) {
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->name = path;
  // O_NONBLOCK: opening a pipe must not wait for its writer; it is refused below.
  file->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->fd < 0)
    return errnoStatus(errno, concat("cannot open '", path, "'"));
  struct stat info;
  if (::fstat(file->fd, &info) != 0)
    return errnoStatus(errno, concat("cannot read '", path, "'"));
  if (!S_ISREG(info.st_mode))
    return invalidArgument("cannot map '", path, "': it is not a regular file");
  file->mtime = int64_t(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
  const auto length = size_t(info.st_size);
  if (length == 0)
    return std::shared_ptr<const MappedFile>(std::move(file));
  void *base = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file->fd, 0);
  if (base == MAP_FAILED)
    return errnoStatus(errno, concat("cannot map '", path, "'"));
  file->base = static_cast<const std::byte *>(base);
  file->length = length;
  const auto begin = reinterpret_cast<uintptr_t>(base);
  file->slot = claimSlot(begin, begin + length);
  if (file->slot < 0)
    return resourceExhausted("cannot map '", path, "': more than ", slots.size(), " files are mapped");
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (base)
    ::munmap(const_cast<std::byte *>(base), length);
  if (slot >= 0)
    slots[size_t(slot)].begin = 0;
  if (fd >= 0)
    ::close(fd);
}

bool MappedFile::faulted() const {
  return slot >= 0 && slots[size_t(slot)].faulted.load(std::memory_order_acquire);
}

Status MappedFile::checkUnchanged() const {
  struct stat info;
  if (::fstat(fd, &info) != 0)
    return errnoStatus(errno, concat("cannot read '", name, "'"));
  if (uint64_t(info.st_size) != length)
    return dataLoss("'", name, "' changed while in use: it has ", info.st_size, " bytes, wanted ", length);
  if (int64_t(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec != mtime)
    return dataLoss("'", name, "' was written to while in use");
  if (faulted())
    return dataLoss("'", name, "' could not be read in full");
  return Status::ok();
}

} // namespace weft
