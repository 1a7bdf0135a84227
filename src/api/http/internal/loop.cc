#include "api/http/internal/loop.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "api/http/internal/answer.h"
#include "api/http/internal/connection.h"
#include "base/log.h"

namespace hoego::http::internal {
namespace {

constexpr size_t kPooled = 64;              // exchanges kept for reuse
constexpr size_t kPooledBytes = 256 << 10;  // body memory each keeps

thread_local const Loop* here = nullptr;

// How often the waits are looked at: a quarter of the shortest, so that none is overrun by much.
std::chrono::milliseconds TickOf(const ServerOptions& o) {
  const auto shortest = std::min({o.header_timeout, o.body_timeout, o.idle_timeout, o.write_timeout,
                                  o.answer_timeout, o.stream_heartbeat});
  return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(500));
}

}  // namespace

// The descriptors of a loop are touched by its own thread alone, so the reactor needs no locks;
// posting from other threads keeps them (BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO promises just that).
Loop::Loop(std::shared_ptr<Core> core, int number)
    : core_(std::move(core)),
      number_(number),
      tick_(TickOf(core_->options)),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(io_.get_executor()),
      timer_(io_) {}

Loop::~Loop() = default;

void Loop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Loop::Run() {
  here = this;
  pthread_setname_np(pthread_self(), ("http-" + std::to_string(number_)).c_str());
  while (true) {
    // The top of a thread: only running out of memory throws here, and ends one connection's step.
    try {
      io_.run();
      break;
    } catch (const std::exception& e) {
      Log(LogLevel::kError, "http", "a connection's step failed", {{"what", e.what()}});
    }
  }
  here = nullptr;
}

bool Loop::IsHere() const {
  return here == this;
}

bool Loop::Post(std::function<void()> work) {
  {
    MutexLock lock(mu_);
    if (stopped_) {
      return false;
    }
    inbox_.push_back(std::move(work));
    if (inbox_.size() > 1) {
      return true;  // the thread was already told
    }
  }
  boost::asio::post(io_, [this] { RunInbox(); });
  return true;
}

void Loop::RunInbox() {
  std::vector<std::function<void()>> taken;
  {
    MutexLock lock(mu_);
    taken.swap(inbox_);
  }
  for (const auto& work : taken) {
    work();
  }
}

void Loop::Stop() {
  Post([this] {
    {
      MutexLock lock(mu_);
      stopped_ = true;
      inbox_.clear();
    }
    while (!connections_.empty()) {
      const std::shared_ptr<Connection> last = connections_.back();
      last->Close();
    }
    timer_.cancel();
    work_.reset();  // run() returns when the cancelled operations have ended
  });
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Loop::Adopt(int fd, bool over_limit) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  void* raw = &address;
  const bool known = getsockname(fd, static_cast<sockaddr*>(raw), &length) == 0;
  auto connection =
      std::make_shared<Connection>(shared_from_this(), fd, known && address.ss_family == AF_INET6);
  connection->slot = connections_.size();
  connections_.push_back(connection);
  connection->Start(over_limit);
  if (draining_) {
    connection->BeginDrain();
  }
  StartTicking();
}

void Loop::Remove(Connection& connection) {
  const size_t slot = std::exchange(connection.slot, Connection::kNoSlot);
  connections_[slot].swap(connections_.back());
  connections_[slot]->slot = slot;
  const std::shared_ptr<Connection> removed = std::move(connections_.back());
  connections_.pop_back();
  removed->slot = Connection::kNoSlot;
}

void Loop::BeginDrain() {
  draining_ = true;
  const std::vector<std::shared_ptr<Connection>> all = connections_;
  for (const auto& connection : all) {
    connection->BeginDrain();
  }
}

void Loop::StartTicking() {
  if (std::exchange(ticking_, true)) {
    return;
  }
  timer_.expires_after(tick_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    ticking_ = false;
    if (!error) {
      Tick();
    }
  });
}

void Loop::Tick() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (size_t i = connections_.size(); i > 0; --i) {
    if (i <= connections_.size()) {
      const std::shared_ptr<Connection> connection = connections_[i - 1];
      connection->Tick(now);
    }
  }
  if (!connections_.empty()) {
    StartTicking();
  }
}

std::unique_ptr<Exchange> Loop::TakeExchange() {
  if (pool_.empty()) {
    return std::make_unique<Exchange>();
  }
  std::unique_ptr<Exchange> exchange = std::move(pool_.back());
  pool_.pop_back();
  return exchange;
}

void Loop::GiveBack(std::unique_ptr<Exchange> exchange) {
  if (pool_.size() < kPooled) {
    exchange->Reset(kPooledBytes);
    pool_.push_back(std::move(exchange));
  }
}

std::string_view Loop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    date_ = HttpDate(now);
  }
  return date_;
}

}  // namespace hoego::http::internal
