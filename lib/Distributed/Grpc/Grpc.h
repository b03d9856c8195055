// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files of this folder share: credentials, metadata, and Status from and to gRPC's.
#ifndef WEFT_LIB_DISTRIBUTED_GRPC_GRPC_H
#define WEFT_LIB_DISTRIBUTED_GRPC_GRPC_H

#include "weft/Distributed/Rpc.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

namespace weft::distributed {

inline Status fromGrpc(const grpc::Status &status) {
  return status.ok() ? Status::ok() : Status(Code(status.error_code()), status.error_message());
}
inline grpc::Status toGrpc(const Status &status) {
  return status.isOk() ? grpc::Status::OK : grpc::Status(grpc::StatusCode(status.code()), status.message());
}

/// Server and client credentials; TLS when there are certificates. The name in certificates is the job's, not
/// the host's: ranks come and go on any host.
std::shared_ptr<grpc::ServerCredentials> serverCredentials(const RpcCredentials &credentials);
std::shared_ptr<grpc::Channel> makeChannel(const std::string &address, const RpcCredentials &credentials);
/// The name that every certificate of a job carries.
constexpr const char *certificateName = "weft-job";

/// Puts the token into a call.
void addToken(grpc::ClientContext &context, const RpcCredentials &credentials);
/// UNAUTHENTICATED unless the call carries the token.
Status checkToken(const grpc::ServerContextBase &context, const RpcCredentials &credentials);
/// PERMISSION_DENIED when there are certificates and the caller's does not name this rank.
Status checkCertificate(const grpc::ServerContextBase &context, const RpcCredentials &credentials,
                        uint32_t rank);
/// The first value of a metadata key; empty when there is none.
std::string metadataOf(const grpc::ServerContextBase &context, const std::string &key);

/// Serves one generic service; INVALID_ARGUMENT or UNAVAILABLE when it cannot listen.
struct Listening {
  std::unique_ptr<grpc::Server> server;
  std::string address;
};
Result<Listening> listen(const std::string &address, const RpcCredentials &credentials,
                         grpc::CallbackGenericService &service);

Result<std::unique_ptr<RpcServer>> makeServer(const std::string &address, const RpcCredentials &credentials,
                                              RpcHandler handler);
Result<std::unique_ptr<RpcChannel>> makeRpcChannel(const std::string &address,
                                                   const RpcCredentials &credentials);
Result<std::unique_ptr<GrpcTransport>> makeGrpcTransport(const GrpcTransportOptions &options);

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_GRPC_GRPC_H
