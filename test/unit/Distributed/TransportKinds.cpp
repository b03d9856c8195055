// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The transports that this build has.
#include "Ranks.h"
#include "Support/TempDir.h"
#include "weft/Distributed/Rpc.h"

namespace weft::distributed::test {
namespace {

std::vector<std::unique_ptr<Transport>> makeSharedMemory(uint32_t numRanks) {
  static std::vector<std::unique_ptr<TempDir>> folders; // as long as the process: ranks may still listen
  folders.push_back(std::make_unique<TempDir>());
  std::vector<std::unique_ptr<Transport>> transports;
  for (uint32_t rank = 0; rank < numRanks; ++rank) {
    SharedMemoryOptions options;
    options.rank = rank;
    options.numRanks = numRanks;
    options.directory = folders.back()->path;
    options.ringBytes = size_t(1) << 20; // wraps often
    auto transport = makeSharedMemoryTransport(options);
    EXPECT_TRUE(transport.isOk()) << transport.status();
    transports.push_back(*std::move(transport));
  }
  return transports;
}

std::vector<std::unique_ptr<Transport>> makeGrpc(const std::string &listen, uint32_t numRanks) {
  std::vector<std::unique_ptr<GrpcTransport>> made;
  std::vector<std::string> addresses;
  for (uint32_t rank = 0; rank < numRanks; ++rank) {
    GrpcTransportOptions options;
    options.rank = rank;
    options.numRanks = numRanks;
    options.listen = listen;
    options.credentials.token[0] = 1;
    auto transport = (*grpcLibrary())->makeTransport(options);
    EXPECT_TRUE(transport.isOk()) << transport.status();
    made.push_back(*std::move(transport));
    addresses.push_back(made.back()->address());
  }
  std::vector<std::unique_ptr<Transport>> transports;
  for (auto &transport : made) {
    transport->setPeers(addresses);
    transports.push_back(std::move(transport));
  }
  return transports;
}

} // namespace

std::vector<TransportKind> transportKinds() {
  std::vector<TransportKind> kinds = {{"inprocess", makeInProcessTransports}, {"shm", makeSharedMemory}};
#ifdef WEFT_TEST_GRPC
  kinds.push_back({"grpc", [](uint32_t numRanks) { return makeGrpc("127.0.0.1:0", numRanks); }});
#endif
  return kinds;
}

} // namespace weft::distributed::test
