// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unary calls of bytes: the server's side and the caller's.
#include "Grpc.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

namespace weft::distributed {
namespace {

std::string textOf(const grpc::ByteBuffer &buffer) {
  std::vector<grpc::Slice> slices;
  if (buffer.Valid() && buffer.Dump(&slices).ok()) {
    std::string text;
    text.reserve(buffer.Length());
    for (const grpc::Slice &slice : slices)
      text.append(reinterpret_cast<const char *>(slice.begin()), slice.size());
    return text;
  }
  return {};
}

grpc::ByteBuffer bufferOf(std::string_view text) {
  const grpc::Slice slice(text.data(), text.size());
  return {&slice, 1};
}

class Server;

/// One call. gRPC owns it until OnDone; the handler may keep a Handle longer.
class Reactor final : public grpc::ServerGenericBidiReactor {
public:
  Reactor(Server &server, grpc::GenericCallbackServerContext &context);
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool) override { Finish(grpc::Status::OK); }
  void OnCancel() override;
  void OnDone() override;

  /// What the handler holds: the call while it lives.
  struct Handle final : RpcCall {
    std::mutex mutex;
    Reactor *reactor = nullptr; ///< null: over, or answered
    std::function<void()> listener;
    bool isCancelled = false;
    std::string methodText, requestText;

    const std::string &method() const override { return methodText; }
    const std::string &request() const override { return requestText; }
    void reply(const Status &status, std::string response) override {
      std::lock_guard lock(mutex);
      if (Reactor *open = std::exchange(reactor, nullptr))
        open->answer(status, response);
      listener = nullptr;
    }
    void onCancelled(std::function<void()> told) override {
      {
        std::lock_guard lock(mutex);
        if (!isCancelled) {
          listener = std::move(told);
          return;
        }
      }
      told();
    }
    void cancel() {
      std::function<void()> told;
      {
        std::lock_guard lock(mutex);
        isCancelled = true;
        if (Reactor *open = std::exchange(reactor, nullptr)) {
          told = std::move(listener);
          open->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone"));
        }
      }
      if (told)
        told();
    }
  };

private:
  void answer(const Status &status, const std::string &response) {
    if (!status.isOk())
      return Finish(toGrpc(status));
    out = bufferOf(response);
    StartWriteAndFinish(&out, grpc::WriteOptions(), grpc::Status::OK);
  }

  Server &server;
  std::shared_ptr<Handle> handle = std::make_shared<Handle>();
  grpc::ByteBuffer in, out;
};

class Server final : public RpcServer, grpc::CallbackGenericService {
public:
  Server(const RpcCredentials &credentials, RpcHandler handler)
      : credentials(credentials), handler(std::move(handler)) {}
  ~Server() override { shutdown(); }

  Status start(const std::string &address) {
    WEFT_ASSIGN_OR_RETURN(listening, listen(address, credentials, *this));
    return Status::ok();
  }
  std::string address() const override { return listening.address; }
  void shutdown() override {
    if (!listening.server)
      return;
    // Answers that are on their way still arrive; calls that wait for one are ended.
    constexpr std::chrono::milliseconds grace(200);
    listening.server->Shutdown(std::chrono::system_clock::now() + grace);
    listening.server->Wait();
    std::unique_lock lock(mutex);
    idle.wait(lock, [this] { return numCalls == 0; });
    listening.server.reset();
  }

  grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *context) override {
    {
      std::lock_guard lock(mutex);
      ++numCalls;
    }
    return new Reactor(*this, *context);
  }
  void done() {
    std::lock_guard lock(mutex);
    if (--numCalls == 0)
      idle.notify_all();
  }

  const RpcCredentials credentials;
  const RpcHandler handler;

private:
  Listening listening;
  std::mutex mutex;
  std::condition_variable idle;
  int numCalls = 0;
};

Reactor::Reactor(Server &server, grpc::GenericCallbackServerContext &context) : server(server) {
  handle->methodText = context.method();
  if (const Status status = checkToken(context, server.credentials); !status.isOk()) {
    Finish(toGrpc(status));
    return;
  }
  handle->reactor = this;
  StartRead(&in);
}

void Reactor::OnReadDone(bool ok) {
  if (!ok)
    return handle->cancel();
  handle->requestText = textOf(in);
  in.Clear();
  server.handler(handle);
}

void Reactor::OnCancel() { handle->cancel(); }

void Reactor::OnDone() {
  {
    std::lock_guard lock(handle->mutex);
    handle->reactor = nullptr;
  }
  server.done();
  delete this;
}

class Channel final : public RpcChannel {
public:
  Channel(const std::string &address, const RpcCredentials &credentials)
      : address(address), credentials(credentials), stub(makeChannel(address, credentials)) {}

  Result<std::string> call(const std::string &method, std::string_view request,
                           std::chrono::milliseconds deadline) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    context.set_wait_for_ready(true);
    addToken(context, credentials);
    {
      std::lock_guard lock(mutex);
      if (isCancelled)
        return cancelled("the connection to ", address, " was given up");
      open.insert(&context);
    }
    const grpc::ByteBuffer in = bufferOf(request);
    grpc::ByteBuffer out;
    std::mutex doneMutex;
    std::condition_variable doneCondition;
    bool isDone = false;
    grpc::Status status;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &in, &out, [&](grpc::Status result) {
      std::lock_guard lock(doneMutex);
      status = std::move(result);
      isDone = true;
      doneCondition.notify_one();
    });
    {
      std::unique_lock lock(doneMutex);
      doneCondition.wait(lock, [&] { return isDone; });
    }
    {
      std::lock_guard lock(mutex);
      open.erase(&context);
    }
    if (!status.ok())
      return fromGrpc(status).context(concat(method.substr(method.rfind('/') + 1), " at ", address));
    return textOf(out);
  }

  void cancel() override {
    std::lock_guard lock(mutex);
    isCancelled = true;
    for (grpc::ClientContext *context : open)
      context->TryCancel();
  }

private:
  const std::string address;
  const RpcCredentials credentials;
  grpc::GenericStub stub;
  std::mutex mutex;
  std::set<grpc::ClientContext *> open;
  bool isCancelled = false;
};

} // namespace

Result<std::unique_ptr<RpcServer>> makeServer(const std::string &address, const RpcCredentials &credentials,
                                              RpcHandler handler) {
  auto server = std::make_unique<Server>(credentials, std::move(handler));
  WEFT_RETURN_IF_ERROR(server->start(address));
  return std::unique_ptr<RpcServer>(std::move(server));
}

Result<std::unique_ptr<RpcChannel>> makeRpcChannel(const std::string &address,
                                                   const RpcCredentials &credentials) {
  WEFT_RETURN_IF_ERROR(checkAddress(address, credentials));
  return std::unique_ptr<RpcChannel>(std::make_unique<Channel>(address, credentials));
}

} // namespace weft::distributed
