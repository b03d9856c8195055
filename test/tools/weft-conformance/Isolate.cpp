// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A child writes a kind byte, a length and the detail per case into a pipe.
#include "Isolate.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::conformance;

/// A case that asks for memory without end ends itself, not the machine. Sanitizers reserve more than any
/// limit.
static void limitMemory() {
#if !__has_feature(address_sanitizer)
  const rlimit limit = {rlim_t(4) << 30, rlim_t(4) << 30};
  setrlimit(RLIMIT_AS, &limit);
#endif
}

/// Reads exactly `size` bytes, waiting at most `timeoutMs` for each piece. 1: read; 0: the pipe ended; -1:
/// time is up.
static int readFully(int pipe, void *data, size_t size, int timeoutMs) {
  auto *at = static_cast<char *>(data);
  while (size > 0) {
    pollfd wait{pipe, POLLIN, 0};
    int ready = poll(&wait, 1, timeoutMs);
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready == 0)
      return -1;
    ssize_t count = read(pipe, at, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return 0;
    at += count;
    size -= size_t(count);
  }
  return 1;
}

static bool writeFully(int pipe, const void *data, size_t size) {
  auto *at = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t count = write(pipe, at, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    at += count;
    size -= size_t(count);
  }
  return true;
}

[[noreturn]] static void runChild(size_t first, size_t count, int pipe,
                                  const std::function<Verdict(size_t)> &run) {
  for (size_t i = first; i < count; ++i) {
    Verdict verdict = run(i);
    uint32_t header[2] = {uint32_t(verdict.kind), uint32_t(verdict.detail.size())};
    if (!writeFully(pipe, header, sizeof(header)) ||
        !writeFully(pipe, verdict.detail.data(), verdict.detail.size()))
      break;
  }
  // Without destructors: those of libraries belong to the parent.
  _exit(0);
}

Status conformance::runIsolated(size_t count, int timeoutSeconds, const std::function<Verdict(size_t)> &run,
                                const std::function<void(size_t, const Ended &)> &done) {
  size_t next = 0;
  while (next < count) {
    int ends[2];
    if (pipe(ends) != 0)
      return internalError("pipe: ", std::strerror(errno));
    fflush(nullptr);
    pid_t child = fork();
    if (child < 0)
      return internalError("fork: ", std::strerror(errno));
    if (child == 0) {
      close(ends[0]);
      limitMemory();
      runChild(next, count, ends[1], run);
    }
    close(ends[1]);
    bool hung = false;
    while (next < count) {
      uint32_t header[2];
      int got = readFully(ends[0], header, sizeof(header), timeoutSeconds * 1000);
      std::string detail;
      if (got == 1) {
        detail.resize(header[1]);
        got = readFully(ends[0], detail.data(), detail.size(), timeoutSeconds * 1000);
      }
      if (got != 1) {
        hung = got < 0;
        break;
      }
      done(next++, {Verdict{Verdict::Kind(header[0]), detail}, ""});
    }
    close(ends[0]);
    if (hung)
      kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (next == count)
      break;
    done(next++, {std::nullopt, hung                  ? concat("no result within ", timeoutSeconds, " s")
                                : WIFSIGNALED(status) ? concat("signal ", WTERMSIG(status))
                                                      : concat("exit status ", WEXITSTATUS(status))});
  }
  return Status::ok();
}
