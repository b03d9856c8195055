// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bytes-bench: 1 MiB chunks over a gRPC stream as slices of the caller's memory, and as a protobuf `bytes`
// field; bytes per second of CPU time, both ends together. What is received is copied once into memory of the
// receiver. Each is measured twice: as gRPC comes, and with glibc keeping freed memory, as Weft's transport
// has it.
#include "bytes.grpc.pb.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace weft::bench;

namespace {

constexpr size_t chunk = size_t(1) << 20;
std::vector<char> memory(size_t(64) << 20);

/// Takes raw messages; answers with one when the caller has sent all.
class RawReceiver final : public grpc::ServerGenericBidiReactor {
public:
  RawReceiver() { StartRead(&in); }
  void OnReadDone(bool ok) override {
    if (!ok)
      return Finish(grpc::Status::OK);
    std::vector<grpc::Slice> slices;
    (void)in.Dump(&slices);
    for (const grpc::Slice &slice : slices) {
      std::memcpy(memory.data() + at % (memory.size() - chunk), slice.begin(), slice.size());
      at += slice.size();
    }
    in.Clear();
    StartRead(&in);
  }
  void OnDone() override { delete this; }

private:
  grpc::ByteBuffer in;
  size_t at = 0;
};
class RawService final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *) override {
    return new RawReceiver;
  }
};

class BytesReceiver final : public grpc::ServerReadReactor<Chunk> {
public:
  BytesReceiver() { StartRead(&in); }
  void OnReadDone(bool ok) override {
    if (!ok)
      return Finish(grpc::Status::OK);
    std::memcpy(memory.data() + at % (memory.size() - chunk), in.data().data(), in.data().size());
    at += in.data().size();
    StartRead(&in);
  }
  void OnDone() override { delete this; }

private:
  Chunk in;
  size_t at = 0;
};
class BytesService final : public Bytes::CallbackService {
  grpc::ServerReadReactor<Chunk> *Push(grpc::CallbackServerContext *, Chunk *) override {
    return new BytesReceiver;
  }
};

double cpuSeconds(int who) {
  rusage usage;
  getrusage(who, &usage);
  const auto seconds = [](const timeval &time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Sends `count` chunks and waits until all have arrived.
void sendRaw(const std::shared_ptr<grpc::Channel> &channel, int count) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  void *tag;
  bool ok;
  auto stream = stub.PrepareCall(&context, "/weft.bench.Raw/Push", &queue);
  stream->StartCall(nullptr);
  queue.Next(&tag, &ok);
  for (int i = 0; i < count; ++i) {
    const grpc::Slice slice(memory.data(), chunk, grpc::Slice::STATIC_SLICE);
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    queue.Next(&tag, &ok);
  }
  grpc::Status status;
  stream->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  stream->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
}
void sendBytes(const std::shared_ptr<grpc::Channel> &channel, int count) {
  auto stub = Bytes::NewStub(channel);
  grpc::ClientContext context;
  Chunk reply;
  auto stream = stub->Push(&context, &reply);
  for (int i = 0; i < count; ++i) {
    Chunk message;
    message.set_data(memory.data(), chunk);
    stream->Write(message);
  }
  stream->WritesDone();
  (void)stream->Finish();
}

/// CPU seconds of both ends.
double measure(bool isRaw, bool keepsMemory, const std::string &address, int count) {
  if (keepsMemory) { // before the other end is forked: both have it
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
  }
  int ready[2], stop[2];
  if (pipe(ready) != 0 || pipe(stop) != 0)
    std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    RawService raw;
    BytesService bytes;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    if (isRaw)
      builder.RegisterCallbackGenericService(&raw);
    else
      builder.RegisterService(&bytes);
    const auto server = builder.BuildAndStart();
    char byte = 1;
    (void)!write(ready[1], &byte, 1);
    (void)!read(stop[0], &byte, 1);
    std::_Exit(0);
  }
  char byte = 1;
  (void)!read(ready[0], &byte, 1);
  const double before = cpuSeconds(RUSAGE_SELF), childrenBefore = cpuSeconds(RUSAGE_CHILDREN);
  {
    const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    isRaw ? sendRaw(channel, count) : sendBytes(channel, count);
  }
  const double own = cpuSeconds(RUSAGE_SELF) - before;
  (void)!write(stop[1], &byte, 1);
  waitpid(child, nullptr, 0);
  return own + cpuSeconds(RUSAGE_CHILDREN) - childrenBefore;
}

} // namespace

int main(int argc, char **argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 1024;
  if (argc > 4) { // one measurement in a process of its own: gRPC does not survive a fork
    std::printf("%.6f\n",
                measure(std::string(argv[2]) == "raw", std::string(argv[3]) == "kept", argv[4], count));
    return 0;
  }
  std::string program = argv[0];
  for (const std::string address : {"127.0.0.1:47320", "unix:/tmp/weft-bytes-bench"}) {
    double rates[2][2];
    for (const bool isRaw : {false, true})
      for (const bool keepsMemory : {false, true}) {
        std::vector<double> each;
        for (int repeat = 0; repeat < 5; ++repeat) {
          const std::string command = program + " " + std::to_string(count) + (isRaw ? " raw" : " bytes") +
                                      (keepsMemory ? " kept " : " plain ") + address;
          FILE *out = popen(command.c_str(), "r");
          double seconds = 0;
          if (!out || fscanf(out, "%lf", &seconds) != 1)
            return 1;
          pclose(out);
          each.push_back(seconds);
        }
        std::sort(each.begin(), each.end());
        rates[isRaw][keepsMemory] = double(chunk) * count / each[each.size() / 2] / 1e9;
      }
    std::printf("%-28s GB/s per core: raw slices %.2f, with kept memory %.2f; protobuf bytes %.2f, with kept "
                "memory %.2f; Weft's way against gRPC's: %.2f times\n",
                address.c_str(), rates[1][0], rates[1][1], rates[0][0], rates[0][1],
                rates[1][1] / rates[0][0]);
  }
  return 0;
}
