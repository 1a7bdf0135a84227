#include "api/http/server.h"

#include <utility>

#include "api/http/internal/asio.h"
#include "api/http/internal/listener.h"
#include "base/log.h"
#include "base/thread_pool.h"

namespace hoego::http {
namespace {

using std::chrono::milliseconds;

template <class T>
Status CheckRange(std::string_view name, T value, T least, T most) {
  if (value >= least && value <= most) {
    return {};
  }
  return Status::InvalidArgument(fmt::format("{}: {} is not in {}..{}", name, value, least, most));
}

Status CheckWait(std::string_view name, milliseconds value) {
  return CheckRange<int64_t>(fmt::format("{} (ms)", name), value.count(), 1, 86'400'000);
}

}  // namespace

Status ServerOptions::Validate() const {
  boost::system::error_code error;
  const auto ip =
      boost::asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) {
    return Status::InvalidArgument(
        fmt::format("address: expected an IP address or localhost, got \"{}\"", address));
  }
  if (!allow_public && !ip.is_loopback()) {
    return Status::FailedPrecondition(fmt::format(
        "address: {} is reachable from the network, which needs tokens; without them only loopback "
        "addresses are served",
        address));
  }
  constexpr size_t kMiB = size_t{1} << 20;
  constexpr size_t kGiB = size_t{1} << 30;
  HOEGO_TRY(CheckRange("threads", threads, 0, 64));
  HOEGO_TRY(CheckRange<size_t>("max_header_bytes", max_header_bytes, 1024, kMiB));
  HOEGO_TRY(CheckRange<size_t>("max_header_fields", max_header_fields, 4, 10'000));
  HOEGO_TRY(CheckRange<size_t>("max_body_bytes", max_body_bytes, 0, 16 * kGiB));
  HOEGO_TRY(CheckRange<size_t>("max_in_flight_body_bytes", max_in_flight_body_bytes, max_body_bytes,
                               256 * kGiB));
  HOEGO_TRY(CheckRange<size_t>("max_chunks", max_chunks, 1, size_t{1} << 32));
  HOEGO_TRY(CheckRange("max_connections", max_connections, 1, 100'000));
  HOEGO_TRY(CheckRange("max_pipelined", max_pipelined, 1, 1024));
  HOEGO_TRY(CheckRange<size_t>("max_unsent_bytes", max_unsent_bytes, 4096, kGiB));
  HOEGO_TRY(CheckRange<size_t>("max_stream_bytes", max_stream_bytes, 1024, kGiB));
  HOEGO_TRY(CheckRange<size_t>("min_body_rate", min_body_rate, 1, kGiB));
  HOEGO_TRY(CheckWait("header_timeout", header_timeout));
  HOEGO_TRY(CheckWait("body_timeout", body_timeout));
  HOEGO_TRY(CheckWait("idle_timeout", idle_timeout));
  HOEGO_TRY(CheckWait("write_timeout", write_timeout));
  HOEGO_TRY(CheckWait("answer_timeout", answer_timeout));
  return CheckWait("stream_heartbeat", stream_heartbeat);
}

struct Server::Impl {
  std::shared_ptr<internal::Core> core;
  std::vector<std::shared_ptr<internal::Loop>> loops;
  std::unique_ptr<internal::Listener> listener;
  std::string address;
  bool drained = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  Drain(milliseconds(0));
}

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, const Router& router,
                                              Metrics& metrics) {
  HOEGO_TRY(options.Validate());
  auto impl = std::make_unique<Impl>();
  impl->core = std::make_shared<internal::Core>(options, router, metrics);
  const int threads = options.threads != 0 ? options.threads : static_cast<int>(UsableCores());
  for (int i = 0; i < threads; ++i) {
    impl->loops.push_back(std::make_shared<internal::Loop>(impl->core, i));
  }
  impl->listener = std::make_unique<internal::Listener>(impl->loops);
  HOEGO_TRY(impl->listener->Open(options.address, options.port));
  impl->address = impl->listener->endpoint().address().to_string();
  impl->listener->Start();
  for (const auto& loop : impl->loops) {
    loop->Start();
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const {
  return impl_->listener->endpoint().port();
}

const std::string& Server::address() const {
  return impl_->address;
}

int Server::open_connections() const {
  return impl_->core->connections();
}

void Server::Drain(milliseconds at_most) {
  if (std::exchange(impl_->drained, true)) {
    return;
  }
  internal::Listener* listener = impl_->listener.get();
  impl_->loops.front()->Post([listener] { listener->Close(); });
  for (const auto& loop : impl_->loops) {
    loop->Post([raw = loop.get()] { raw->BeginDrain(); });
  }
  if (!impl_->core->WaitForNoConnections(at_most) && at_most > milliseconds(0)) {
    Log(LogLevel::kWarning, "http", "some connections were cut at the end of the drain");
  }
  for (const auto& loop : impl_->loops) {
    loop->Stop();
  }
}

}  // namespace hoego::http
