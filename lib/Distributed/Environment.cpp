// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rank, address and secrets of a process, from its environment.
#include "weft/Distributed/Worker.h"

#include "weft/Distributed/Certificates.h"
#include "weft/Support/File.h"
#include "weft/Support/Sha256.h"

#include <charconv>
#include <cstdlib>
#include <sys/random.h>
#include <unistd.h>

namespace weft::distributed {

static Result<uint32_t> numberOf(const char *name, std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return invalidArgument(name, "='", text, "' is no number");
  return number;
}

Result<std::optional<Placement>> placementFromEnvironment() {
  struct Source {
    const char *rank, *count, *name;
  };
  for (const Source &source : {Source{"WEFT_RANK", "WEFT_WORLD_SIZE", "weft launch"},
                               Source{"SLURM_PROCID", "SLURM_NTASKS", "Slurm"},
                               Source{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI"},
                               Source{"JOB_COMPLETION_INDEX", "WEFT_WORLD_SIZE", "Kubernetes"}}) {
    const char *rank = std::getenv(source.rank), *count = std::getenv(source.count);
    if (!rank || !*rank)
      continue;
    Placement placement;
    placement.startedBy = source.name;
    WEFT_ASSIGN_OR_RETURN(placement.rank, numberOf(source.rank, rank));
    if (count && *count) {
      WEFT_ASSIGN_OR_RETURN(placement.numRanks, numberOf(source.count, count));
    }
    return std::optional(placement);
  }
  return std::optional<Placement>();
}

Result<Token> parseToken(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  Token token{};
  bool good = text.size() == 2 * token.size();
  for (size_t i = 0; good && i < token.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, token[i], 16);
    good = error == std::errc() && end == text.data() + 2 * i + 2;
  }
  if (!good)
    return invalidArgument("a job's token has 32 hex digits, found ", text.size(), " characters");
  return token;
}

std::string tokenText(const Token &token) { return toHex(std::span<const uint8_t>(token)); }

Result<Token> makeToken() {
  Token token{};
  if (::getrandom(token.data(), token.size(), 0) != ssize_t(token.size()))
    return errnoStatus(errno, "cannot make a token");
  return token;
}

std::string noteFromEnvironment() {
  const char *path = std::getenv("WEFT_NOTE");
  return path ? path : "";
}

Result<std::string> coordinatorFromEnvironment(RpcCredentials &credentials) {
  const auto get = [](const char *name) {
    const char *text = std::getenv(name);
    return std::string(text ? text : "");
  };
  const std::string address = get("WEFT_COORDINATOR"), token = get("WEFT_TOKEN"),
                    file = get("WEFT_TOKEN_FILE"), folder = get("WEFT_CERTIFICATES");
  if (address.empty())
    return invalidArgument(
        "where the coordinator is is not said: set WEFT_COORDINATOR (unix:/path or host:port) "
        "for all ranks, or start them with weft launch");
  if (!token.empty()) {
    WEFT_ASSIGN_OR_RETURN(credentials.token, parseToken(token).context("WEFT_TOKEN"));
  } else if (!file.empty()) {
    WEFT_ASSIGN_OR_RETURN(const std::string text, readFile(file, 4096));
    WEFT_ASSIGN_OR_RETURN(credentials.token, parseToken(text).context(file));
  } else {
    return invalidArgument("the job's token is not said: set WEFT_TOKEN (32 hex digits) or WEFT_TOKEN_FILE");
  }
  if (!folder.empty()) {
    // A folder for each rank, or one rank's own.
    WEFT_ASSIGN_OR_RETURN(const std::optional<Placement> placement, placementFromEnvironment());
    const std::string own = placement ? concat(folder, "/", placement->rank) : folder;
    const bool hasOwn = ::access((own + "/cert.pem").c_str(), R_OK) == 0;
    WEFT_ASSIGN_OR_RETURN(credentials.certificates, readCertificates(hasOwn ? own : folder));
  }
  return address;
}

} // namespace weft::distributed
