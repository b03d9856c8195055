// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls between processes, by gRPC, and frames over gRPC streams. Messages are bytes here: control.proto says
// what is in them. gRPC lives in a library of its own, libWeftGrpc.so, opened when it is first needed: a
// program that runs alone does not pay for starting it.
//
// Who may call: on loopback addresses and Unix sockets a caller must know the job's token; on any other
// address both ends must also show a certificate that the job's own authority has signed (mTLS), or nothing
// is served.
#ifndef WEFT_DISTRIBUTED_RPC_H
#define WEFT_DISTRIBUTED_RPC_H

#include "weft/Distributed/SharedMemory.h"

#include <functional>

namespace weft::distributed {

/// PEM texts; all empty: no TLS.
struct Certificates {
  std::string authority, certificate, key;
  bool isEmpty() const { return authority.empty() && certificate.empty() && key.empty(); }
};

struct RpcCredentials {
  Token token{};
  Certificates certificates;
};

/// "unix:/path", "127.0.0.1:0", "localhost:0", "[::1]:0": no other host can reach it.
bool isLocalAddress(const std::string &address);
/// PERMISSION_DENIED when the address needs certificates that are not there.
Status checkAddress(const std::string &address, const RpcCredentials &credentials);

/// Answers one call; may be kept and answered later. Not answered when it is dropped: the caller's deadline
/// ends it.
class RpcCall {
public:
  virtual ~RpcCall() = default;
  virtual const std::string &method() const = 0; ///< "/weft.v1.Coordinator/Hello"
  virtual const std::string &request() const = 0;
  virtual void reply(const Status &status, std::string response) = 0;
  /// Called once when the caller is gone before it was answered. Set it within the handler.
  virtual void onCancelled(std::function<void()> listener) = 0;
};

class RpcServer {
public:
  virtual ~RpcServer() = default;
  /// With the port that was chosen for port 0.
  virtual std::string address() const = 0;
  /// Ends all calls; returns when no handler runs any more.
  virtual void shutdown() = 0;
};
using RpcHandler = std::function<void(std::shared_ptr<RpcCall>)>;

class RpcChannel {
public:
  virtual ~RpcChannel() = default;
  /// Blocks; never longer than `deadline`.
  virtual Result<std::string> call(const std::string &method, std::string_view request,
                                   std::chrono::milliseconds deadline) = 0;
  /// Ends calls in progress, and fails later ones.
  virtual void cancel() = 0;
};

/// Frames between processes of any host.
class GrpcTransport : public Transport {
public:
  /// Where this rank listens.
  virtual std::string address() const = 0;
  /// Where all ranks listen, in their order. Before open.
  virtual void setPeers(std::vector<std::string> addresses) = 0;
};
struct GrpcTransportOptions {
  uint32_t rank = 0, numRanks = 1;
  std::string listen; ///< "unix:/path", "127.0.0.1:0"
  RpcCredentials credentials;
};

/// What libWeftGrpc.so gives.
class GrpcLibrary {
public:
  virtual ~GrpcLibrary() = default;
  /// The handler is called from threads of gRPC and must not block.
  virtual Result<std::unique_ptr<RpcServer>>
  serve(const std::string &address, const RpcCredentials &credentials, RpcHandler handler) const = 0;
  virtual Result<std::unique_ptr<RpcChannel>> connect(const std::string &address,
                                                      const RpcCredentials &credentials) const = 0;
  virtual Result<std::unique_ptr<GrpcTransport>> makeTransport(const GrpcTransportOptions &options) const = 0;
};

/// Opens the library: $WEFT_GRPC, beside the running program, or in ../lib of it. NOT_FOUND when this
/// installation has none.
Result<const GrpcLibrary *> grpcLibrary();

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_RPC_H
