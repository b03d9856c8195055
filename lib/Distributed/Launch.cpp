// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Processes, their pipes and their ends. A thread waits for output; each child is a process group, so that
// what it starts ends with it.
#include "weft/Distributed/Launch.h"

#include "weft/Support/File.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace weft::distributed {

using Clock = std::chrono::steady_clock;

struct Launcher::Impl {
  struct Pipe {
    int fd = -1;
    std::string pending; ///< a line that has not ended
  };
  struct Child {
    pid_t pid = -1;
    Pipe out, error;
    bool hasEnded = false, wasEndedHere = false;
    Clock::time_point stoppedSince = Clock::time_point::max();
    bool wasStopped = false; ///< too long
    int code = 0;            ///< 0, or what it counts as
  };
  LaunchOptions options;
  std::vector<Child> children;
  int jobCode = 0;
  bool hasFailed = false;
  Clock::time_point deadline = Clock::time_point::max(); ///< when the others are ended
  std::atomic<bool> isStopping{false};

  Status start(uint32_t rank);
  void readFrom(uint32_t rank, Pipe &pipe, bool isError);
  void emit(uint32_t rank, bool isError, std::string_view line);
  void reap();
  void signalAll(int signal);
  bool isRunning() const {
    return std::any_of(children.begin(), children.end(), [](const Child &child) {
      return child.pid > 0 && (!child.hasEnded || child.out.fd >= 0 || child.error.fd >= 0);
    });
  }
};

Status Launcher::Impl::start(uint32_t rank) {
  int out[2], error[2], failed[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(error, O_CLOEXEC) != 0 || ::pipe2(failed, O_CLOEXEC) != 0)
    return errnoStatus(errno, "cannot make a pipe");
  std::vector<std::string> variables;
  std::vector<std::pair<std::string, std::string>> added = {
      {"WEFT_RANK", std::to_string(rank)}, {"WEFT_WORLD_SIZE", std::to_string(options.numRanks)}};
  if (options.environment)
    for (auto &variable : options.environment(rank))
      added.push_back(std::move(variable));
  for (char **variable = environ; *variable; ++variable) {
    const std::string_view text(*variable), name = text.substr(0, text.find('='));
    if (std::none_of(added.begin(), added.end(), [&](const auto &other) { return other.first == name; }))
      variables.emplace_back(text);
  }
  for (const auto &[name, value] : added)
    variables.push_back(name + "=" + value);
  std::vector<char *> environment, arguments;
  for (std::string &variable : variables)
    environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::vector<std::string> command = options.command;
  for (std::string &argument : command)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0)
    return errnoStatus(errno, "cannot start a process");
  if (pid == 0) { // only what is safe between fork and exec
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
      ::_exit(127);
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(out[1], 1);
    ::dup2(error[1], 2);
    ::execvpe(arguments[0], arguments.data(), environment.data());
    const int code = errno;
    (void)!::write(failed[1], &code, sizeof code);
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(error[1]);
  ::close(failed[1]);
  int code = 0;
  const bool isFailed = ::read(failed[0], &code, sizeof code) == ssize_t(sizeof code);
  ::close(failed[0]);
  Child &child = children[rank];
  child.pid = pid;
  child.out.fd = out[0];
  child.error.fd = error[0];
  return isFailed ? errnoStatus(code, concat("cannot start '", options.command[0], "'")) : Status::ok();
}

void Launcher::Impl::emit(uint32_t rank, bool isError, std::string_view line) {
  if (options.line)
    return options.line(rank, isError, line);
  std::FILE *to = isError ? stderr : stdout;
  std::fprintf(to, "[%u] %.*s\n", rank, int(line.size()), line.data());
  std::fflush(to);
}

void Launcher::Impl::readFrom(uint32_t rank, Pipe &pipe, bool isError) {
  char bytes[65536];
  const ssize_t size = ::read(pipe.fd, bytes, sizeof bytes);
  if (size > 0) {
    pipe.pending.append(bytes, size_t(size));
    size_t begin = 0;
    for (size_t end; (end = pipe.pending.find('\n', begin)) != std::string::npos; begin = end + 1)
      emit(rank, isError, std::string_view(pipe.pending).substr(begin, end - begin));
    pipe.pending.erase(0, begin);
    return;
  }
  if (size < 0 && errno == EINTR)
    return;
  if (!pipe.pending.empty())
    emit(rank, isError, pipe.pending);
  pipe.pending.clear();
  ::close(std::exchange(pipe.fd, -1));
}

void Launcher::Impl::signalAll(int signal) {
  for (Child &child : children)
    if (child.pid > 0 && !child.hasEnded) {
      child.wasEndedHere = true;
      ::kill(-child.pid, signal);
      ::kill(child.pid, signal); // before it has its group
    }
}

void Launcher::Impl::reap() {
  for (uint32_t rank = 0; rank < children.size(); ++rank) {
    Child &child = children[rank];
    int status = 0;
    if (child.pid <= 0 || child.hasEnded)
      continue;
    if (::waitpid(child.pid, &status, WNOHANG | WUNTRACED | WCONTINUED) != child.pid) {
      if (options.stoppedAfter.count() > 0 && Clock::now() > child.stoppedSince &&
          Clock::now() - child.stoppedSince > options.stoppedAfter && !child.wasStopped) {
        child.wasStopped = true;
        ::kill(-child.pid, SIGKILL);
      }
      continue;
    }
    if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
      child.stoppedSince = WIFSTOPPED(status) ? Clock::now() : Clock::time_point::max();
      continue;
    }
    child.hasEnded = true;
    ::kill(-child.pid, SIGKILL); // what it may have left
    std::string how;
    if (child.wasEndedHere) {
      child.code = 75;
      how = "was ended, as another rank has failed";
    } else if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
      child.code = WEXITSTATUS(status);
      how = concat("exited with code ", child.code);
    } else if (child.wasStopped) {
      child.code = 75;
      how = concat("was stopped for ", double(options.stoppedAfter.count()) / 1000, " s, and then ended");
    } else if (WIFSIGNALED(status)) {
      child.code = 75;
      how = concat("was killed by signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")");
    }
    if (options.ended)
      options.ended(rank, how);
    if (child.code == 0)
      continue;
    if (!child.wasEndedHere && (!hasFailed || child.code == 78))
      jobCode = jobCode == 78 ? 78 : child.code;
    if (!hasFailed)
      deadline = Clock::now() + options.grace;
    hasFailed = true;
  }
}

Launcher::Launcher(std::unique_ptr<Impl> impl) : pimpl(std::move(impl)) {}

Result<std::unique_ptr<Launcher>> Launcher::start(const LaunchOptions &options) {
  if (options.command.empty())
    return invalidArgument("no command to start");
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->children.resize(options.numRanks);
  std::unique_ptr<Launcher> launcher(new Launcher(std::move(impl)));
  for (uint32_t rank = 0; rank < options.numRanks; ++rank)
    WEFT_RETURN_IF_ERROR(launcher->pimpl->start(rank));
  return launcher;
}

Launcher::~Launcher() {
  pimpl->signalAll(SIGKILL);
  for (Impl::Child &child : pimpl->children) {
    if (child.pid > 0 && !child.hasEnded)
      ::waitpid(child.pid, nullptr, 0);
    for (Impl::Pipe *pipe : {&child.out, &child.error})
      if (pipe->fd >= 0)
        ::close(pipe->fd);
  }
}

void Launcher::stop() { pimpl->isStopping = true; }

int Launcher::wait() {
  Impl &impl = *pimpl;
  constexpr std::chrono::milliseconds untilKilled(3000);
  bool isAsked = false, isKilled = false;
  while (impl.isRunning()) {
    std::vector<pollfd> polls;
    std::vector<std::pair<uint32_t, bool>> owners; // rank, standard error
    for (uint32_t rank = 0; rank < impl.children.size(); ++rank)
      for (const bool isError : {false, true})
        if (const int fd = isError ? impl.children[rank].error.fd : impl.children[rank].out.fd; fd >= 0) {
          polls.push_back({fd, POLLIN, 0});
          owners.emplace_back(rank, isError);
        }
    ::poll(polls.data(), nfds_t(polls.size()), 20);
    for (size_t i = 0; i < polls.size(); ++i)
      if (polls[i].revents) {
        const auto [rank, isError] = owners[i];
        impl.readFrom(rank, isError ? impl.children[rank].error : impl.children[rank].out, isError);
      }
    impl.reap();
    const Clock::time_point now = Clock::now();
    if (impl.isStopping && !isAsked) {
      impl.signalAll(SIGTERM);
      impl.deadline = now + untilKilled;
      isAsked = true;
    }
    if (now > impl.deadline && !isKilled) {
      impl.signalAll(SIGKILL);
      isKilled = true;
    }
  }
  if (impl.isStopping && impl.jobCode == 0)
    impl.jobCode = 75;
  return impl.jobCode;
}

Result<JobFolder> JobFolder::make() {
  const char *base = std::getenv("TMPDIR");
  std::string name = concat(base && *base ? base : "/tmp", "/weft-job-XXXXXX");
  if (!::mkdtemp(name.data())) // with mode 0700
    return errnoStatus(errno, concat("cannot make a folder '", name, "'"));
  return JobFolder(name);
}

JobFolder::~JobFolder() {
  std::error_code ignored;
  if (!folder.empty())
    std::filesystem::remove_all(folder, ignored);
}

} // namespace weft::distributed
