// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One worker's life: it greets the coordinator, gets its program (from its cache where it has it), connects
// to its peers, runs the job's steps and gives its outputs. And where a process learns its rank from whatever
// started it.
#ifndef WEFT_DISTRIBUTED_WORKER_H
#define WEFT_DISTRIBUTED_WORKER_H

#include "weft/Distributed/Rpc.h"

#include <optional>

namespace weft::distributed {

struct WorkerOptions {
  std::string coordinator; ///< its address
  RpcCredentials credentials;
  uint32_t rank = 0;
  uint32_t numRanks = 0; ///< as whatever started it says; 0: not known
  std::chrono::milliseconds connectTimeout{30000};
  bool useCache = true; ///< keep programs for the next job
  /// A file in which whatever started the ranks writes that one of them has failed; empty: none. Ranks that
  /// have not met yet learn it in no other way.
  std::string note;
};

/// Runs until the job is done or has failed; errors name rank, step and op.
Status runWorker(const WorkerOptions &options);

struct Placement {
  uint32_t rank = 0;
  uint32_t numRanks = 0; ///< 0: not known
  std::string startedBy; ///< "weft launch", "Slurm", "Open MPI", "Kubernetes"
};
/// From WEFT_RANK, SLURM_PROCID, OMPI_COMM_WORLD_RANK or JOB_COMPLETION_INDEX; nothing where none is set.
/// INVALID_ARGUMENT when one is no number.
Result<std::optional<Placement>> placementFromEnvironment();

/// 32 hex digits to a token and back.
Result<Token> parseToken(std::string_view text);
std::string tokenText(const Token &token);
/// 128 random bits.
Result<Token> makeToken();
/// The file that WEFT_NOTE names, which weft launch sets; empty: none.
std::string noteFromEnvironment();
/// Where the coordinator is and how to speak with it: WEFT_COORDINATOR, WEFT_TOKEN (or the file
/// WEFT_TOKEN_FILE), WEFT_CERTIFICATES (a folder with ca.pem, cert.pem, key.pem).
Result<std::string> coordinatorFromEnvironment(RpcCredentials &credentials);

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_WORKER_H
