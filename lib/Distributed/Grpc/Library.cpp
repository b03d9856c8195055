// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Credentials and addresses, and what libWeftGrpc.so exports.
#include "Grpc.h"

#include "GrpcModule.h"
#include "weft/Support/File.h"
#include "weft/Support/Log.h"
#include "weft/Support/Sha256.h"

#include <cerrno>
#include <grpc/support/log.h>
#include <sys/stat.h>

namespace weft::distributed {
namespace {

constexpr const char *tokenKey = "weft-token";

std::string tokenText(const RpcCredentials &credentials) {
  return toHex(std::span<const uint8_t>(credentials.token));
}

class Library final : public GrpcLibrary {
public:
  Result<std::unique_ptr<RpcServer>> serve(const std::string &address, const RpcCredentials &credentials,
                                           RpcHandler handler) const override {
    return makeServer(address, credentials, std::move(handler));
  }
  Result<std::unique_ptr<RpcChannel>> connect(const std::string &address,
                                              const RpcCredentials &credentials) const override {
    return makeRpcChannel(address, credentials);
  }
  Result<std::unique_ptr<GrpcTransport>> makeTransport(const GrpcTransportOptions &options) const override {
    return makeGrpcTransport(options);
  }
};

} // namespace

std::shared_ptr<grpc::ServerCredentials> serverCredentials(const RpcCredentials &credentials) {
  const Certificates &certificates = credentials.certificates;
  if (certificates.isEmpty())
    return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = certificates.authority;
  options.pem_key_cert_pairs.push_back({certificates.key, certificates.certificate});
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::Channel> makeChannel(const std::string &address, const RpcCredentials &credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  const Certificates &certificates = credentials.certificates;
  if (certificates.isEmpty())
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  arguments.SetSslTargetNameOverride(certificateName);
  return grpc::CreateCustomChannel(
      address, grpc::SslCredentials({certificates.authority, certificates.key, certificates.certificate}),
      arguments);
}

void addToken(grpc::ClientContext &context, const RpcCredentials &credentials) {
  if (credentials.token != Token{})
    context.AddMetadata(tokenKey, tokenText(credentials));
}

std::string metadataOf(const grpc::ServerContextBase &context, const std::string &key) {
  const auto it = context.client_metadata().find(key);
  return it == context.client_metadata().end() ? std::string()
                                               : std::string(it->second.data(), it->second.size());
}

Status checkToken(const grpc::ServerContextBase &context, const RpcCredentials &credentials) {
  const std::string found = metadataOf(context, tokenKey), wanted = tokenText(credentials);
  if (found.empty())
    return Status(Code::Unauthenticated, "the call carries no job token");
  unsigned difference = found.size() != wanted.size();
  for (size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) // in the same time wherever they differ
    difference |= unsigned(found[i]) ^ unsigned(wanted[i]);
  return difference == 0 ? Status::ok()
                         : Status(Code::Unauthenticated, "the call carries another job's token");
}

Status checkCertificate(const grpc::ServerContextBase &context, const RpcCredentials &credentials,
                        uint32_t rank) {
  if (credentials.certificates.isEmpty())
    return Status::ok();
  const std::string wanted = concat("weft://job/rank/", rank);
  for (const grpc::string_ref &name :
       context.auth_context()->FindPropertyValues("x509_subject_alternative_name"))
    if (std::string_view(name.data(), name.size()) == wanted)
      return Status::ok();
  return permissionDenied("the caller's certificate is not rank ", rank, "'s");
}

Result<Listening> listen(const std::string &address, const RpcCredentials &credentials,
                         grpc::CallbackGenericService &service) {
  WEFT_RETURN_IF_ERROR(checkAddress(address, credentials));
  if (credentials.token == Token{})
    return invalidArgument("a server needs a job's token");
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, serverCredentials(credentials), &port);
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(4 << 20);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0); // a port in use is an error
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 2000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  Listening listening;
  listening.server = builder.BuildAndStart();
  if (!listening.server || port == 0)
    return unavailable("cannot listen at '", address,
                       "': the port is in use, or the address is not this host's");
  const std::string_view unixScheme = "unix:";
  if (address.rfind(unixScheme, 0) != 0) {
    listening.address = concat(address.substr(0, address.rfind(':')), ":", port);
    return listening;
  }
  // The kernel then lets no other user connect, in whatever folder it lies; what came before needs the token.
  const std::string path = address.substr(unixScheme.size());
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
    return errnoStatus(errno, concat("cannot keep '", path, "' to this user"));
  listening.address = address;
  return listening;
}

} // namespace weft::distributed

extern "C" __attribute__((visibility("default"))) const weft::distributed::GrpcLibrary *
weftGrpcLibrary(uint32_t version) {
  static const weft::distributed::Library library;
  // What goes wrong comes back as a Status; gRPC's own lines are for those who look for a bug in it.
  gpr_set_log_function([](gpr_log_func_args *line) { weft::logDebug("grpc: ", line->message); });
  return version == weft::distributed::grpcModuleVersion ? &library : nullptr;
}
