#include "api/http/internal/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hoego::http::internal {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr int kRefusing =
    64;  // connections beyond the limit that are told so; more are just closed

}  // namespace

Listener::Listener(std::vector<std::shared_ptr<Loop>> loops)
    : loops_(std::move(loops)), acceptor_(loops_.front()->io()) {}

Listener::~Listener() {
  if (spare_ >= 0) {
    ::close(spare_);
  }
}

Status Listener::Open(const std::string& address, uint16_t port) {
  error_code error;
  const auto ip =
      boost::asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) {
    return Status::InvalidArgument(
        fmt::format("http address \"{}\": expected an IP address or localhost", address));
  }
  const tcp::endpoint wanted(ip, port);
  acceptor_.open(wanted.protocol(), error);
  if (!error) {
    acceptor_.set_option(Acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(wanted, error);
  }
  if (!error) {
    acceptor_.listen(kBacklog, error);
  }
  if (!error) {
    acceptor_.non_blocking(true, error);
  }
  if (!error) {
    endpoint_ = acceptor_.local_endpoint(error);
  }
  if (error) {
    const std::string what =
        fmt::format("listen on {} port {}: {}", address, port, error.message());
    return error == boost::asio::error::address_in_use  ? Status::AlreadyExists(what)
           : error == boost::asio::error::access_denied ? Status::PermissionDenied(what)
                                                        : Status::Unavailable(what);
  }
  spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return {};
}

void Listener::Start() {
  WaitForMore();
}

void Listener::Close() {
  error_code error;
  acceptor_.close(error);
}

void Listener::WaitForMore() {
  acceptor_.async_wait(Acceptor::wait_read, [this](const error_code& error) {
    if (!error && acceptor_.is_open()) {
      AcceptAll();
      WaitForMore();
    }
  });
}

void Listener::AcceptAll() {
  while (true) {
    const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      Deal(fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      ShedOne();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void Listener::Deal(int fd) {
  Core& core = loops_.front()->core();
  const int most = core.options.max_connections;
  const int open = core.connections();
  if (open >= most + kRefusing) {
    core.figures.Refused("limit");
    ::close(fd);
    return;
  }
  const bool over_limit = open >= most;
  if (over_limit) {
    core.figures.Refused("limit");
  }
  core.ConnectionOpened();
  Loop& loop = *loops_[next_++ % loops_.size()];
  if (!loop.Post([&loop, fd, over_limit] { loop.Adopt(fd, over_limit); })) {
    ::close(fd);
    core.ConnectionClosed();
  }
}

void Listener::ShedOne() {
  loops_.front()->core().figures.Refused("descriptors");
  if (spare_ < 0) {
    return;
  }
  ::close(spare_);
  const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    ::close(fd);
  }
  spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace hoego::http::internal
