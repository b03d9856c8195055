// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Certificates by the openssl program: elliptic curve P-256, valid for 30 days. A rank's carries the job's
// name, which clients look for, and "weft://job/rank/N", which servers hold against the rank a caller says it
// is.
#include "weft/Distributed/Certificates.h"

#include "weft/Support/File.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::distributed {

/// Runs openssl; its messages come back in the error.
static Status openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  std::vector<char *> pointers;
  for (std::string &argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0)
    return errnoStatus(errno, "cannot make a pipe");
  const pid_t pid = ::fork();
  if (pid < 0)
    return errnoStatus(errno, "cannot start openssl");
  if (pid == 0) {
    ::dup2(out[1], 1);
    ::dup2(out[1], 2);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  ::close(out[1]);
  std::string text;
  char bytes[4096];
  for (ssize_t size; (size = ::read(out[0], bytes, sizeof bytes)) > 0;)
    text.append(bytes, size_t(size));
  ::close(out[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return Status::ok();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return notFound("certificates are made with the program openssl, which is not installed");
  return internalError("openssl ", arguments[1], ": ", text);
}

Status makeCertificates(const std::string &folder, uint32_t numRanks) {
  WEFT_RETURN_IF_ERROR(createPrivateDirectory(folder));
  const mode_t before = ::umask(0077);
  const auto make = [&]() -> Status {
    const std::string ca = folder + "/ca.pem", caKey = folder + "/ca-key.pem";
    const std::vector<std::string> newKey = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                                             "-nodes"};
    const auto with = [&](std::vector<std::string> list, const std::vector<std::string> &more) {
      list.insert(list.end(), newKey.begin(), newKey.end());
      list.insert(list.end(), more.begin(), more.end());
      return list;
    };
    WEFT_RETURN_IF_ERROR(openssl(with(
        {"req", "-x509"}, {"-keyout", caKey, "-out", ca, "-days", "30", "-subj", "/CN=weft-job-authority"})));
    for (uint32_t rank = 0; rank < numRanks; ++rank) {
      const std::string own = concat(folder, "/", rank);
      WEFT_RETURN_IF_ERROR(createPrivateDirectory(own));
      WEFT_RETURN_IF_ERROR(openssl(
          with({"req"}, {"-keyout", own + "/key.pem", "-out", own + "/request.pem", "-subj", "/CN=weft-job",
                         "-addext", concat("subjectAltName=DNS:weft-job,URI:weft://job/rank/", rank)})));
      WEFT_RETURN_IF_ERROR(
          openssl({"x509", "-req", "-in", own + "/request.pem", "-CA", ca, "-CAkey", caKey, "-CAcreateserial",
                   "-days", "30", "-copy_extensions", "copy", "-out", own + "/cert.pem"}));
      ::unlink((own + "/request.pem").c_str());
      WEFT_ASSIGN_OR_RETURN(const std::string text, readFile(ca, 1 << 20));
      WEFT_RETURN_IF_ERROR(writeFileAtomically(own + "/ca.pem", text, 0600));
    }
    for (const char *name : {"/ca-key.pem", "/ca.srl", "/ca.pem"})
      ::unlink((folder + name).c_str());
    return Status::ok();
  };
  const Status status = make();
  ::umask(before);
  return status.context(folder);
}

Result<Certificates> readCertificates(const std::string &folder) {
  constexpr uint64_t most = 1 << 20;
  Certificates certificates;
  WEFT_ASSIGN_OR_RETURN(certificates.authority, readFile(folder + "/ca.pem", most));
  WEFT_ASSIGN_OR_RETURN(certificates.certificate, readFile(folder + "/cert.pem", most));
  WEFT_ASSIGN_OR_RETURN(certificates.key, readFile(folder + "/key.pem", most));
  return certificates;
}

} // namespace weft::distributed
