#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/request.h"

namespace hoego::http::internal {

// A socket that tests write any bytes to. Reads wait at most 5 s, so that a hanging server fails a
// test. Threads: one at a time.
class RawPeer {
 public:
  explicit RawPeer(uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const void* raw = &address;
    connected_ = ::connect(fd_, static_cast<const sockaddr*>(raw), sizeof address) == 0;
  }
  ~RawPeer() { Close(); }
  RawPeer(RawPeer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        in_(std::move(other.in_)) {}
  RawPeer& operator=(RawPeer&&) = delete;

  bool connected() const { return connected_; }
  void Close() {
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
    }
  }
  // Closes with a reset instead of a goodbye.
  void Reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Close();
  }
  void ShutdownWrite() { ::shutdown(fd_, SHUT_WR); }

  // False once the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  struct Answer {
    int status = 0;  // 0: the connection ended, or nothing came in time
    std::string head;
    std::string body;
    bool closed = false;  // says Connection: close
    std::string_view field(std::string_view name) const {
      for (size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
        const std::string_view line = std::string_view(head).substr(at + 2);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            EqualsIgnoringCase(line.substr(0, name.size()), name)) {
          const std::string_view value = line.substr(name.size() + 2);
          return value.substr(0, value.find("\r\n"));
        }
      }
      return {};
    }
  };
  // The next answer, with a body of Content-Length bytes (none after HEAD, 1xx, 204, 304).
  Answer Read(bool head_only = false) {
    Answer answer;
    while (in_.find("\r\n\r\n") == std::string::npos) {
      if (!Fill()) {
        return answer;
      }
    }
    const size_t end = in_.find("\r\n\r\n") + 4;
    answer.head = in_.substr(0, end);
    in_.erase(0, end);
    answer.status = std::atoi(answer.head.c_str() + 9);
    answer.closed = answer.field("Connection") == "close";
    const std::string length(answer.field("Content-Length"));
    const size_t n = head_only || length.empty() ? 0 : std::stoul(length);
    while (in_.size() < n) {
      if (!Fill()) {
        answer.status = 0;
        return answer;
      }
    }
    answer.body = in_.substr(0, n);
    in_.erase(0, n);
    return answer;
  }
  // Everything until the server closes.
  std::string ReadToEnd() {
    while (Fill()) {
    }
    return std::exchange(in_, {});
  }
  // Reads until that text was seen; false when the connection ended first.
  bool ReadUntil(std::string_view text) {
    while (in_.find(text) == std::string::npos) {
      if (!Fill()) {
        return false;
      }
    }
    in_.erase(0, in_.find(text) + text.size());
    return true;
  }
  // True when the server has closed and nothing more comes.
  bool AtEnd() { return in_.empty() && !Fill() && ended_; }

 private:
  bool Fill() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 5000) <= 0) {
      return false;
    }
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    in_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string in_;
};

}  // namespace hoego::http::internal
