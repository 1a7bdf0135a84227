#include "http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

namespace hoego::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

std::string MakeRequest(std::string_view method, std::string_view target, std::string_view body,
                        std::string_view more_headers) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!body.empty()) {
    out.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n");
  }
  return out.append(more_headers).append("\r\n").append(body);
}

namespace {

// The connections of one thread, on one epoll.
class LoadThread {
 public:
  LoadThread(const LoadOptions& options, int connections, double rate, LoadWork& work)
      : o_(options), rate_(rate), work_(work), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < connections; ++i) {
      Open();
    }
  }
  ~LoadThread() {
    for (Peer& peer : peers_) {
      Drop(peer);
    }
    ::close(epoll_);
  }

  LoadResult Run() {
    const auto now = std::chrono::steady_clock::now;
    const SteadyTime start = now();
    measured_from_ = start + o_.warm_up;
    const SteadyTime end = measured_from_ + o_.duration;
    next_due_ = start;
    std::array<epoll_event, 256> events;
    SteadyTime t = start;
    if (rate_ <= 0) {
      for (Peer& peer : peers_) {
        Fill(peer, start);
      }
    }
    while (t < end && live_ > 0 && (o_.most == 0 || result_.latencies.count() < o_.most)) {
      SendDue(t);
      const auto wait = rate_ > 0 && next_due_ > t
                            ? std::min<std::chrono::nanoseconds>(next_due_ - t, end - t)
                            : std::chrono::nanoseconds(std::chrono::milliseconds(20));
      const timespec timeout{static_cast<time_t>(wait.count() / 1'000'000'000),
                             static_cast<long>(wait.count() % 1'000'000'000)};
      const int n =
          epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      t = now();
      for (int i = 0; i < n; ++i) {
        Serve(peers_[events[static_cast<size_t>(i)].data.u64], t);
      }
    }
    result_.seconds = std::chrono::duration<double>(t - std::min(t, measured_from_)).count();
    Drain(t + o_.drain);
    return std::move(result_);
  }

 private:
  struct Asked {
    uint64_t number;
    SteadyTime due;
  };
  struct Peer {
    int fd = -1;
    std::string out;
    std::string in;
    std::deque<Asked> asked;
  };

  void Drain(SteadyTime until) {
    ending_ = true;
    const auto waits = [](const Peer& peer) { return peer.fd >= 0 && !peer.asked.empty(); };
    std::array<epoll_event, 256> events;
    for (SteadyTime t = std::chrono::steady_clock::now();
         t < until && std::any_of(peers_.begin(), peers_.end(), waits);
         t = std::chrono::steady_clock::now()) {
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20);
      for (int i = 0; i < n; ++i) {
        Serve(peers_[events[static_cast<size_t>(i)].data.u64], t);
      }
    }
  }

  void Open() {
    Peer peer;
    peer.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(o_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const void* raw = &address;
    const int on = 1;
    setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(peer.fd, static_cast<const sockaddr*>(raw), sizeof address) != 0) {
      ++result_.broken;
      ::close(peer.fd);
      return;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = peers_.size();
    epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.fd, &event);
    peers_.push_back(std::move(peer));
    ++live_;
  }

  void Drop(Peer& peer) {
    if (peer.fd >= 0) {
      ::close(peer.fd);
      peer.fd = -1;
      --live_;
    }
  }

  bool HasRoom(const Peer& peer) const {
    return peer.fd >= 0 && peer.asked.size() < static_cast<size_t>(o_.pipeline);
  }

  // Open loop: sends what is due, each to the next connection with room; what finds none stays due.
  void SendDue(SteadyTime now) {
    if (rate_ <= 0) {
      return;
    }
    const auto step = std::chrono::nanoseconds(static_cast<int64_t>(1e9 / rate_));
    size_t tried = 0;
    while (next_due_ <= now && tried < peers_.size()) {
      Peer& peer = peers_[turn_++ % peers_.size()];
      if (!HasRoom(peer)) {
        ++tried;
        continue;
      }
      tried = 0;
      Ask(peer, next_due_);
      Flush(peer);
      next_due_ += step;
    }
  }

  void Fill(Peer& peer, SteadyTime now) {
    const bool any = HasRoom(peer);
    while (HasRoom(peer)) {
      Ask(peer, now);
    }
    if (any) {
      Flush(peer);
    }
  }

  void Ask(Peer& peer, SteadyTime due) {
    peer.asked.push_back({number_, due});
    work_.Next(number_++, peer.out);
  }

  void Flush(Peer& peer) {
    while (!peer.out.empty() && peer.fd >= 0) {
      const ssize_t n =
          ::send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        peer.out.erase(0, static_cast<size_t>(n));
      } else if (errno == EAGAIN) {
        break;
      } else if (errno != EINTR) {
        ++result_.broken;
        Drop(peer);
        return;
      }
    }
    Watch(peer, peer.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  void Watch(Peer& peer, uint32_t wanted) {
    if (peer.fd < 0 || (wanted == EPOLLIN && !writing_)) {
      return;  // the usual case costs no system call
    }
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = static_cast<uint64_t>(&peer - peers_.data());
    epoll_ctl(epoll_, EPOLL_CTL_MOD, peer.fd, &event);
    writing_ = writing_ || wanted != EPOLLIN;
  }

  void Serve(Peer& peer, SteadyTime now) {
    if (peer.fd < 0) {
      return;
    }
    if (!peer.out.empty()) {
      Flush(peer);
    }
    const ssize_t n = ::recv(peer.fd, received_.data(), received_.size(), MSG_DONTWAIT);
    const bool again = n < 0 && (errno == EAGAIN || errno == EINTR);
    peer.in.append(received_.data(), static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n <= 0 && !again) {
      ++result_.broken;
      Drop(peer);
      return;
    }
    size_t used = 0;
    while (TakeAnswer(peer, used, now)) {
    }
    peer.in.erase(0, used);
    if (rate_ <= 0 && !ending_) {
      Fill(peer, now);
    }
  }

  // Answers need a Content-Length, as our own server's all have.
  bool TakeAnswer(Peer& peer, size_t& used, SteadyTime now) {
    const std::string_view rest = std::string_view(peer.in).substr(used);
    const size_t head = rest.find("\r\n\r\n");
    if (head == std::string_view::npos || peer.asked.empty()) {
      return false;
    }
    size_t length = 0;
    const size_t field = rest.substr(0, head).find("\r\nContent-Length: ");
    if (field != std::string_view::npos) {
      std::from_chars(rest.data() + field + 18, rest.data() + head, length);
    }
    if (rest.size() < head + 4 + length) {
      return false;
    }
    int status = 0;
    std::from_chars(rest.data() + 9, rest.data() + 12, status);
    const Asked asked = peer.asked.front();
    peer.asked.pop_front();
    const bool right = work_.Check(asked.number, status, rest.substr(head + 4, length));
    if (now >= measured_from_) {
      if (!ending_) {
        result_.latencies.Record(now - asked.due);
      }
      result_.wrong += right ? 0 : 1;
    }
    used += head + 4 + length;
    return true;
  }

  const LoadOptions& o_;
  const double rate_;
  LoadWork& work_;
  const int epoll_;
  std::vector<Peer> peers_;
  size_t live_ = 0;
  size_t turn_ = 0;
  bool writing_ = false;
  bool ending_ = false;  // nothing more is asked
  std::array<char, 65536> received_;
  uint64_t number_ = 0;
  SteadyTime measured_from_;
  SteadyTime next_due_;
  LoadResult result_;
};

}  // namespace

LoadResult RunLoad(const LoadOptions& options, const WorkFactory& factory) {
  const int threads = std::clamp(options.threads, 1, std::max(options.connections, 1));
  std::vector<LoadResult> results(static_cast<size_t>(threads));
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    const int share = options.connections / threads + (i < options.connections % threads ? 1 : 0);
    running.emplace_back([&, i, share] {
      const auto work = factory(i);
      results[static_cast<size_t>(i)] =
          LoadThread(options, share, options.rate / threads, *work).Run();
    });
  }
  LoadResult sum;
  for (int i = 0; i < threads; ++i) {
    running[static_cast<size_t>(i)].join();
    const LoadResult& one = results[static_cast<size_t>(i)];
    sum.latencies.Add(one.latencies);
    sum.wrong += one.wrong;
    sum.broken += one.broken;
    sum.seconds = std::max(sum.seconds, one.seconds);
  }
  return sum;
}

double CpuSeconds(int pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return -1;
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

}  // namespace hoego::bench
