// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who is refused: for each RPC of each service in control.proto (which this test reads), a caller without the
// job's token, with another job's, without a certificate, and with one of another authority.
#include "Ranks.h"
#include "Support/TempDir.h"
#include "weft/Distributed/Certificates.h"
#include "weft/Distributed/Worker.h"
#include "weft/Support/File.h"

#include <regex>

using namespace weft;
using namespace weft::distributed;
using namespace weft::distributed::test;
using namespace std::chrono_literals;

namespace {

/// "/weft.v1.Coordinator/Hello" and so on.
std::vector<std::string> allMethods() {
  const std::string text = *readFile(WEFT_CONTROL_PROTO);
  std::vector<std::string> methods;
  const std::regex pattern("^service (\\w+)|^  rpc (\\w+)\\(", std::regex::multiline);
  std::string service;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
    if ((*it)[1].matched)
      service = (*it)[1];
    else
      methods.push_back(concat("/weft.v1.", service, "/", (*it)[2].str()));
  return methods;
}

RpcCredentials secret() {
  RpcCredentials credentials;
  credentials.token = *makeToken();
  return credentials;
}

class Security : public testing::Test {
protected:
  /// How a call of the method ends.
  Status call(const std::string &address, const RpcCredentials &credentials, const std::string &method) {
    const auto channel = (*grpcLibrary())->connect(address, credentials);
    return channel.isOk() ? (*channel)->call(method, "", deadline).status() : channel.status();
  }
  /// A server of each kind: of calls, and of a transport's streams. All that gets through is answered OK.
  void withServers(const std::string &address, const RpcCredentials &credentials,
                   const std::function<void(const std::string &)> &f) {
    const auto server = *(*grpcLibrary())->serve(address, credentials, [this](std::shared_ptr<RpcCall> call) {
      ++numServed;
      call->reply(Status::ok(), {});
    });
    f(server->address());
    const auto transport = *(*grpcLibrary())->makeTransport({0, 2, address, credentials});
    f(transport->address());
  }
  std::atomic<int> numServed{0};
  std::chrono::milliseconds deadline{2000};
};

TEST_F(Security, EveryMethodIsFound) {
  const std::vector<std::string> methods = allMethods();
  EXPECT_GE(methods.size(), 11u);
  EXPECT_NE(std::find(methods.begin(), methods.end(), "/weft.v1.Data/Exchange"), methods.end());
}

TEST_F(Security, WithoutTheTokenNothingIsServed) {
  const Watchdog watchdog(120);
  const RpcCredentials credentials = secret();
  withServers("127.0.0.1:0", credentials, [&](const std::string &address) {
    for (const std::string &method : allMethods()) {
      Status status = call(address, {}, method);
      EXPECT_EQ(status.code(), Code::Unauthenticated) << method << ": " << status;
      EXPECT_NE(status.message().find("carries no job token"), std::string::npos) << status;
      status = call(address, secret(), method);
      EXPECT_EQ(status.code(), Code::Unauthenticated) << method << ": " << status;
      EXPECT_NE(status.message().find("another job's token"), std::string::npos) << status;
    }
  });
  EXPECT_EQ(numServed, 0);
}

TEST_F(Security, ServersWithoutATokenDoNotStart) {
  EXPECT_EQ((*grpcLibrary())->serve("127.0.0.1:0", {}, [](const auto &) {}).code(), Code::InvalidArgument);
  EXPECT_EQ((*grpcLibrary())->makeTransport({0, 2, "127.0.0.1:0", {}}).code(), Code::InvalidArgument);
}

TEST_F(Security, WithoutTheJobsCertificateNothingIsServed) {
  const Watchdog watchdog(300);
  const TempDir folder;
  const Status made = makeCertificates(folder.file("job"), 2);
  if (made.code() == Code::NotFound)
    GTEST_SKIP() << made.message();
  ASSERT_TRUE(made.isOk()) << made;
  ASSERT_TRUE(makeCertificates(folder.file("other"), 1).isOk());
  EXPECT_EQ(readFile(folder.file("job/ca-key.pem")).code(), Code::NotFound) << "the authority's key stays";
  RpcCredentials credentials = secret();
  credentials.certificates = *readCertificates(folder.file("job/0"));
  RpcCredentials peer = credentials, stranger = credentials, bare = credentials;
  peer.certificates = *readCertificates(folder.file("job/1"));
  stranger.certificates = *readCertificates(folder.file("other/0"));
  bare.certificates = {};
  deadline = 100ms; // they try again and again
  withServers("127.0.0.1:0", credentials, [&](const std::string &address) {
    for (const std::string &method : allMethods()) {
      // They know the token; the connection does not come to stand.
      EXPECT_FALSE(call(address, bare, method).isOk()) << method;
      EXPECT_FALSE(call(address, stranger, method).isOk()) << method;
    }
  });
  EXPECT_EQ(numServed, 0);
  deadline = 2000ms;
  withServers("127.0.0.1:0", credentials,
              [&](const std::string &address) { (void)call(address, peer, "/weft.v1.Coordinator/Hello"); });
  EXPECT_EQ(numServed, 1);
}

TEST_F(Security, ARankMayOnlyBeItself) {
  const Watchdog watchdog(120);
  const TempDir folder;
  const Status made = makeCertificates(folder.file("job"), 3);
  if (made.code() == Code::NotFound)
    GTEST_SKIP() << made.message();
  const RpcCredentials common = secret();
  for (const uint32_t shown : {1u, 2u}) { // rank 1, with its own certificate, then with rank 2's
    std::vector<std::unique_ptr<Transport>> transports;
    std::vector<std::string> addresses;
    std::vector<std::unique_ptr<GrpcTransport>> open;
    for (uint32_t rank = 0; rank < 2; ++rank) {
      RpcCredentials credentials = common;
      credentials.certificates = *readCertificates(folder.file(concat("job/", rank == 1 ? shown : 0)));
      open.push_back(*(*grpcLibrary())->makeTransport({rank, 2, "127.0.0.1:0", credentials}));
      addresses.push_back(open.back()->address());
    }
    std::vector<Status> statuses(2);
    onAllRanks(2, [&](uint32_t rank) {
      open[rank]->setPeers(addresses);
      CommunicatorOptions options;
      options.connectTimeout = 2000ms;
      auto communicator = GroupCommunicator::create(std::move(open[rank]), options);
      statuses[rank] = communicator.status();
    });
    EXPECT_EQ(statuses[0].isOk() && statuses[1].isOk(), shown == 1) << statuses[0] << ", " << statuses[1];
    if (shown == 2)
      EXPECT_NE(statuses[1].message().find("certificate is not rank 1's"), std::string::npos) << statuses[1];
  }
}

TEST_F(Security, UnixSocketsAreTheirUsersAlone) {
  const TempDir folder;
  for (const char *name : {"calls", "stream"}) {
    const std::string path = folder.file(name);
    std::unique_ptr<RpcServer> server;
    std::unique_ptr<Transport> transport;
    if (name == std::string("calls"))
      server = *(*grpcLibrary())->serve("unix:" + path, secret(), [](std::shared_ptr<RpcCall>) {});
    else
      transport = *(*grpcLibrary())->makeTransport({0, 2, "unix:" + path, secret()});
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

} // namespace
