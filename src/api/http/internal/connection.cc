#include "api/http/internal/connection.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/http/internal/event_feed.h"

namespace hoego::http::internal {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReadBytes = 4096;          // room a read is given at least
constexpr size_t kDirectBytes = 256 << 10;   // most of a long body that is made room for at once
constexpr size_t kMaxLingerBytes = 1 << 20;  // thrown away after the last answer
constexpr std::chrono::milliseconds kMaxLinger{1000};

// An IPv4 address in its IPv6 clothes counts as what it is.
std::string AddressText(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
        .to_string();
  }
  return address.to_string();
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, int fd, bool is_v6)
    : loop_(std::move(loop)),
      core_(loop_->core()),
      socket_(loop_->io()),
      reader_(core_.reader_limits) {
  error_code error;
  socket_.assign(is_v6 ? tcp::v6() : tcp::v4(), fd, error);
  open_ = !error;
  if (error) {
    ::close(fd);
  }
}

Connection::~Connection() {
  for (const auto& exchange : queue_) {
    core_.Uncharge(exchange->charged);
  }
}

void Connection::Start(bool over_limit) {
  now_ = idle_since_ = head_since_ = std::chrono::steady_clock::now();
  error_code error;
  socket_.non_blocking(true, error);
  socket_.set_option(tcp::no_delay(true), error);
  const tcp::endpoint remote = socket_.remote_endpoint(error);
  const tcp::endpoint local = error ? tcp::endpoint() : socket_.local_endpoint(error);
  if (!open_ || error) {
    Close();
    return;
  }
  remote_ = AddressText(remote.address());
  local_ = AddressText(local.address());
  if (over_limit) {
    AnswerAndClose(Problem(Status::Unavailable("the server has all the connections it takes")));
    return;
  }
  StartRead();
}

void Connection::StartRead() {
  if (reading_ || eof_ || !open_) {
    return;
  }
  const bool direct = current_ != nullptr && unread().empty() && reader_.direct_left() > 0;
  const bool throwing_away = lingering_ || stop_taking_;
  if (throwing_away ? linger_bytes_ > kMaxLingerBytes
                    : current_ == nullptr && !discarding_ && !HasRoom()) {
    return;
  }
  ByteBuffer& target = direct ? current_->body : in_;
  if (direct) {
    if (target.room() == 0) {
      target.Reserve(static_cast<size_t>(std::min<uint64_t>(reader_.direct_left(), kDirectBytes)));
    }
  } else {
    in_.DropFront(std::exchange(in_begin_, 0));
    target.Reserve(kReadBytes);
  }
  const uint64_t most = direct ? reader_.direct_left() : target.room();
  const auto room = static_cast<size_t>(std::min<uint64_t>(most, target.room()));
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(target.tail(), room),
                          [self = shared_from_this(), direct](const error_code& error, size_t n) {
                            self->OnRead(error, n, direct);
                          });
}

void Connection::OnRead(const error_code& error, size_t n, bool direct) {
  reading_ = false;
  if (!open_) {
    return;
  }
  now_ = std::chrono::steady_clock::now();
  if (error) {
    if (error == boost::asio::error::eof) {
      OnEof();
    } else {
      Close();
    }
    return;
  }
  core_.figures.received_bytes.Add(n);
  if (lingering_ || stop_taking_) {
    linger_bytes_ += n;
    in_begin_ = in_.size();
    if (lingering_ && linger_bytes_ > kMaxLingerBytes) {
      Close();
    } else {
      StartRead();
    }
    return;
  }
  if (direct) {
    current_->body.Grew(n);
    reader_.TookDirectly(n);
    body_bytes_ += n;
    if (!ChargeBody(*current_, n)) {
      Refuse(*current_, Problem(Status::Unavailable("too many request bodies at once")), true);
    }
  } else {
    if (unread().empty() && reader_.in_head()) {
      head_since_ = now_;
    }
    in_.Grew(n);
  }
  Advance();
}

// The client will send nothing more. It may still read, so what is under way is answered.
void Connection::OnEof() {
  eof_ = true;
  stop_taking_ = true;
  gone_.store(true, std::memory_order_release);
  if (current_ != nullptr) {  // its body will never be whole
    core_.Uncharge(std::exchange(current_->charged, 0));
    current_ = nullptr;
    queue_.pop_back();
  }
  const bool streaming = !queue_.empty() && queue_.front()->state == Exchange::State::kStreaming;
  if (lingering_ || streaming || (queue_.empty() && out_.empty())) {
    Close();
    return;
  }
  Flush();
}

void Connection::WriteOut() {
  while (!out_.empty() && !write_waits_) {
    std::array<std::string_view, 16> pieces;
    std::array<boost::asio::const_buffer, 16> buffers;
    const size_t count = out_.Gather(pieces);
    for (size_t i = 0; i < count; ++i) {
      buffers[i] = boost::asio::const_buffer(pieces[i].data(), pieces[i].size());
    }
    error_code error;
    const size_t n = count == 1 ? socket_.write_some(boost::asio::buffer(buffers[0]), error)
                                : socket_.write_some(std::span(buffers.data(), count), error);
    if (error == boost::asio::error::would_block || error == boost::asio::error::try_again) {
      write_waits_ = true;
      socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& e) {
        self->write_waits_ = false;
        if (!self->open_) {
          return;
        }
        if (e) {
          self->Close();
          return;
        }
        self->now_ = std::chrono::steady_clock::now();
        self->Advance();
      });
      return;
    }
    if (error) {
      Close();
      return;
    }
    core_.figures.sent_bytes.Add(n);
    out_.Sent(n);
    write_since_ = now_;
  }
  if (closing_ && out_.empty() && !lingering_) {
    BeginLinger();
  }
}

void Connection::BeginLinger() {
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error || eof_) {
    Close();
    return;
  }
  lingering_ = true;
  linger_since_ = now_;
  StartRead();
}

void Connection::Close() {
  if (slot == kNoSlot) {
    return;
  }
  open_ = false;
  gone_.store(true, std::memory_order_release);
  error_code error;
  socket_.close(error);
  for (const auto& exchange : queue_) {
    if (exchange->feed != nullptr) {
      exchange->feed->Cut();
      exchange->feed.reset();
    }
    if (std::exchange(exchange->counted, false)) {
      core_.figures.active_requests.Add(-1);
    }
  }
  core_.ConnectionClosed();
  loop_->Remove(*this);  // may end this object
}

void Connection::Tick(SteadyTime now) {
  now_ = now;
  const ServerOptions& o = core_.options;
  if (lingering_) {
    if (now - linger_since_ > std::min(kMaxLinger, o.write_timeout)) {
      Close();
    }
    return;
  }
  if (!out_.empty()) {
    if (now - write_since_ > o.write_timeout) {
      core_.figures.TimedOut("write");
      Close();
    }
    return;
  }
  if (!queue_.empty() && queue_.front()->state != Exchange::State::kReading) {
    TickAnswering(now);
  } else {
    TickReading(now);
  }
}

void Connection::TickReading(SteadyTime now) {
  const ServerOptions& o = core_.options;
  if (current_ != nullptr) {
    const std::chrono::duration<double> earned(static_cast<double>(body_bytes_) /
                                               static_cast<double>(o.min_body_rate));
    if (now - body_since_ > o.body_timeout + earned) {
      core_.figures.TimedOut("body");
      Refuse(*current_, Problem(408, Status::DeadlineExceeded("the body came too slowly")), true);
      Flush();
    }
    return;
  }
  if (fresh_ != nullptr && !unread().empty()) {
    if (now - head_since_ > o.header_timeout) {
      core_.figures.TimedOut("header");
      RefuseHead({408, "the request head came too slowly"});
      Flush();
    }
    return;
  }
  if (draining_) {
    Close();
  } else if (now - idle_since_ > (served_ ? o.idle_timeout : o.header_timeout)) {
    core_.figures.TimedOut(served_ ? "idle" : "header");
    Close();
  }
}

void Connection::TickAnswering(SteadyTime now) {
  Exchange& front = *queue_.front();
  if (front.state == Exchange::State::kStreaming) {
    if (now - fed_at_ > core_.options.stream_heartbeat) {
      front.feed->Send({}, {}, {});
    }
    return;
  }
  if (front.state == Exchange::State::kHandling &&
      now - front.handed > core_.options.answer_timeout) {
    core_.figures.TimedOut("answer");
    AnswerAndClose(Problem(Status::DeadlineExceeded("no answer in time")));
  }
}

void Connection::BeginDrain() {
  draining_ = true;
  if (!open_ || lingering_ || closing_) {
    return;
  }
  for (const auto& exchange : queue_) {
    if (exchange->feed != nullptr) {
      exchange->feed->Drain();
    }
  }
  if (queue_.empty() && unread().empty() && out_.empty()) {
    error_code error;
    if (socket_.available(error) == 0 || error) {
      Close();  // a request that is in the kernel already is read by the pending read, then
                // answered
    }
    return;
  }
  if (current_ == nullptr && unread().empty()) {
    stop_taking_ = true;
  }
}

}  // namespace hoego::http::internal
