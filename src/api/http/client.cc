#include "api/http/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "api/http/internal/chunk_decoder.h"
#include "api/http/internal/head.h"
#include "api/http/request.h"
#include "api/http/status_map.h"
#include "base/json.h"
#include "base/text.h"

namespace hoego::http {
namespace {

using std::chrono::steady_clock;

Status Failed(std::string_view what, int error) {
  return Status::Unavailable(fmt::format("{}: {}", what, std::strerror(error)));
}

bool MayRepeat(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

// Splits text/event-stream bytes into events (HTML standard, section 9.2.6).
class EventParser {
 public:
  // False once `on_event` said so.
  bool Take(std::string_view bytes, const std::function<bool(const ServerEvent&)>& on_event) {
    for (const char c : bytes) {
      if (c != '\n') {
        line_.push_back(c);
        continue;
      }
      if (line_.ends_with('\r')) {
        line_.pop_back();
      }
      const bool ends = line_.empty();
      if (ends && has_data_) {
        if (event_.event.empty()) {
          event_.event = "message";
        }
        if (!on_event(event_)) {
          return false;
        }
      }
      if (ends) {
        event_.event.clear();
        event_.data.clear();
        has_data_ = false;
      } else {
        TakeLine();
      }
      line_.clear();
    }
    return true;
  }

 private:
  void TakeLine() {
    const size_t colon = std::min(line_.find(':'), line_.size());
    const std::string_view field = std::string_view(line_).substr(0, colon);
    std::string_view value = std::string_view(line_).substr(std::min(colon + 1, line_.size()));
    if (value.starts_with(' ')) {
      value.remove_prefix(1);
    }
    if (field == "data") {
      event_.data.append(has_data_ ? "\n" : "").append(value);
      has_data_ = true;
    } else if (field == "event") {
      event_.event = value;
    } else if (field == "id") {
      event_.id = value;
    }
  }

  std::string line_;
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {}

Result<Client> Client::Connect(ClientOptions options) {
  Client client(std::move(options));
  HOEGO_TRY(client.Open());
  return client;
}

Client::~Client() {
  Close();
}

Client::Client(Client&& other) noexcept
    : options_(std::move(other.options_)),
      fd_(std::exchange(other.fd_, -1)),
      in_(std::move(other.in_)),
      answered_(other.answered_) {}

Client& Client::operator=(Client&& other) noexcept {
  std::swap(options_, other.options_);
  std::swap(fd_, other.fd_);
  std::swap(in_, other.in_);
  std::swap(answered_, other.answered_);
  return *this;
}

void Client::Close() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
  in_.clear();
}

Status Client::Open() {
  Close();
  const auto deadline = steady_clock::now() + options_.connect_timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      getaddrinfo(options_.host.c_str(), std::to_string(options_.port).c_str(), &hints, &found);
  if (failed != 0) {
    return Status::Unavailable(fmt::format("look up {}: {}", options_.host, gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  Status last;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    fd_ = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd_ < 0) {
      last = Failed("socket", errno);
      continue;
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(fd_, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      last = Wait(POLLOUT, deadline);
      socklen_t size = sizeof error;
      error = 0;
      if (last.ok()) {
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0 && last.ok()) {
      return {};
    }
    if (error != 0) {
      last = Failed(fmt::format("connect to {} port {}", options_.host, options_.port), error);
    }
    Close();
  }
  return last;
}

Status Client::Wait(short events, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd waiting{fd_, events, 0};
    const int ready = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready > 0) {
      return {};
    }
    if (ready == 0) {
      return Status::DeadlineExceeded(
          fmt::format("{} port {} did not answer in time", options_.host, options_.port));
    }
    if (errno != EINTR) {
      return Failed("poll", errno);
    }
  }
}

Status Client::Write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      HOEGO_TRY(Wait(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return Failed("send", errno);
    }
  }
  return {};
}

Result<bool> Client::Fill(Deadline deadline) {
  while (true) {
    const size_t had = in_.size();
    in_.resize(had + 16384);
    const ssize_t n = ::recv(fd_, in_.data() + had, in_.size() - had, 0);
    const int error = errno;
    in_.resize(had + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n > 0) {
      answered_ = true;
      return true;
    }
    if (n == 0) {
      return false;
    }
    if (error == EAGAIN) {
      HOEGO_TRY(Wait(POLLIN, deadline));
    } else if (error != EINTR) {
      return Failed("receive", error);
    }
  }
}

Status Client::Send(std::string_view method, std::string_view target, std::string_view body,
                    const Headers& headers, Deadline deadline) {
  const bool v6 = options_.host.find(':') != std::string::npos;
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}{}{}:{}\r\n", method, target,
                                v6 ? "[" : "", options_.host, v6 ? "]" : "", options_.port);
  bool has_type = false;
  for (const auto& [name, value] : headers) {
    has_type = has_type || EqualsIgnoringCase(name, "content-type");
    out.append(name).append(": ").append(value).append("\r\n");
  }
  const bool has_body = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (has_body) {
    out.append(has_type || body.empty() ? "" : "Content-Type: application/json\r\n");
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body.size());
  }
  out.append("\r\n");
  if (body.size() <= 65536) {
    out.append(body);
    return Write(out, deadline);
  }
  HOEGO_TRY(Write(out, deadline));
  return Write(body, deadline);
}

Result<Client::AnswerHead> Client::ReadHead(Deadline deadline) {
  size_t scanned = 0;
  internal::HeadScan scan;
  while ((scan = internal::ScanHead(in_, scanned)).found == internal::HeadScan::Found::kMore) {
    if (in_.size() > options_.max_head_bytes) {
      return Status::OutOfRange("the answer's head is larger than is taken");
    }
    HOEGO_TRY_ASSIGN(const bool more, Fill(deadline));
    if (!more) {
      return Status::Unavailable("the server closed the connection before it answered");
    }
  }
  if (scan.found == internal::HeadScan::Found::kBroken) {
    return Status::DataLoss(fmt::format("the answer's head is malformed: {}", scan.why));
  }
  const std::string block = in_.substr(0, scan.end);
  in_.erase(0, scan.end);
  const auto status =
      ParseInt(std::string_view(block).substr(std::min<size_t>(9, block.size()), 3));
  if (!block.starts_with("HTTP/1.") || !status || *status < 100) {
    return Status::DataLoss("the answer does not start with an HTTP/1 status line");
  }
  AnswerHead head;
  head.keep_alive = block.starts_with("HTTP/1.1");
  head.response.status = static_cast<int>(*status);
  head.response.content_type.clear();
  for (std::string_view line : Split(std::string_view(block).substr(block.find('\n') + 1), '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trim(line.substr(colon + 1));
    if (EqualsIgnoringCase(name, "content-length")) {
      const auto length = ParseInt(value);
      if (!length || *length < 0) {
        return Status::DataLoss("the answer's Content-Length is not a number");
      }
      head.has_length = true;
      head.length = static_cast<uint64_t>(*length);
    } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
      head.chunked = EqualsIgnoringCase(value, "chunked");
    } else if (EqualsIgnoringCase(name, "connection")) {
      head.keep_alive = EqualsIgnoringCase(value, "keep-alive") ||
                        (head.keep_alive && !EqualsIgnoringCase(value, "close"));
    } else if (EqualsIgnoringCase(name, "content-type")) {
      head.response.content_type = value;
    }
    head.response.headers.emplace_back(name, value);
  }
  return head;
}

Status Client::ReadBody(const AnswerHead& head, Deadline deadline, bool renew,
                        const std::function<bool(std::string_view)>& take) {
  uint64_t left = head.length;
  internal::ChunkDecoder chunks;
  const bool to_the_end = !head.chunked && !head.has_length;
  while (true) {
    if (head.chunked) {
      const auto piece = chunks.Next(in_);
      const bool go_on = piece.result != internal::ChunkDecoder::Result::kData || take(piece.data);
      in_.erase(0, piece.used);
      if (piece.result == internal::ChunkDecoder::Result::kEnd || !go_on) {
        return {};
      }
      if (piece.result == internal::ChunkDecoder::Result::kBroken) {
        return Status::DataLoss(fmt::format("the answer's body is malformed: {}", piece.why));
      }
      if (piece.result == internal::ChunkDecoder::Result::kData) {
        continue;
      }
    } else {
      const auto n =
          to_the_end ? in_.size() : static_cast<size_t>(std::min<uint64_t>(left, in_.size()));
      const bool go_on = n == 0 || take(std::string_view(in_).substr(0, n));
      in_.erase(0, n);
      left -= to_the_end ? 0 : n;
      if (!go_on || (!to_the_end && left == 0)) {
        return {};
      }
    }
    HOEGO_TRY_ASSIGN(const bool more,
                     Fill(renew ? steady_clock::now() + options_.timeout : deadline));
    if (!more) {
      return to_the_end ? Status()
                        : Status::Unavailable("the server closed the connection in its answer");
    }
  }
}

Result<Response> Client::Once(std::string_view method, std::string_view target,
                              std::string_view body, const Headers& headers) {
  answered_ = false;
  if (fd_ < 0) {
    HOEGO_TRY(Open());
  }
  const Deadline deadline = steady_clock::now() + options_.timeout;
  const Status sent = Send(method, target, body, headers, deadline);
  if (sent.code() == Code::kDeadlineExceeded) {
    return sent;
  }
  // When sending broke off the server may still have said why.
  AnswerHead head;
  do {
    HOEGO_TRY_ASSIGN(head, ReadHead(deadline));
  } while (head.response.status < 200);
  const int status = head.response.status;
  if (method == "HEAD" || status == 204 || status == 304) {
    head.chunked = false;
    head.has_length = true;
    head.length = 0;
  }
  if (head.length > options_.max_body_bytes) {
    return Status::OutOfRange("the answer is larger than is taken");
  }
  std::string& whole = head.response.body;
  bool too_large = false;
  HOEGO_TRY(ReadBody(head, deadline, false, [&](std::string_view piece) {
    too_large = whole.size() + piece.size() > options_.max_body_bytes;
    whole.append(piece);
    return !too_large;
  }));
  if (too_large) {
    return Status::OutOfRange("the answer is larger than is taken");
  }
  if (!head.keep_alive || !sent.ok() || (!head.chunked && !head.has_length)) {
    Close();
  }
  return std::move(head.response);
}

Result<Response> Client::Request(std::string_view method, std::string_view target,
                                 std::string_view body, const Headers& headers) {
  const bool reused = fd_ >= 0;
  Result<Response> response = Once(method, target, body, headers);
  if (response.ok()) {
    return response;
  }
  Close();
  if (reused && !answered_ && MayRepeat(method) && response.status().code() == Code::kUnavailable) {
    response = Once(method, target, body, headers);
    if (!response.ok()) {
      Close();
    }
  }
  return response;
}

Status Client::Events(std::string_view target,
                      const std::function<bool(const ServerEvent&)>& on_event) {
  HOEGO_TRY(Open());
  const Deadline deadline = steady_clock::now() + options_.timeout;
  HOEGO_TRY(Send("GET", target, {}, {{"Accept", "text/event-stream"}}, deadline));
  HOEGO_TRY_ASSIGN(const AnswerHead head, ReadHead(deadline));
  EventParser parser;
  std::string problem;
  const bool good = head.response.status == 200;
  Status status = ReadBody(head, deadline, good, [&](std::string_view piece) {
    if (!good) {
      problem.append(piece);
      return problem.size() < 65536;
    }
    return parser.Take(piece, on_event);
  });
  Close();
  if (good) {
    return status;
  }
  Response failed = head.response;
  failed.body = std::move(problem);
  return Succeeded(std::move(failed)).status();
}

std::string_view HeaderOf(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (EqualsIgnoringCase(key, name)) {
      return value;
    }
  }
  return {};
}

Result<Response> Succeeded(Result<Response> response) {
  if (!response.ok() || (response->status >= 200 && response->status < 300)) {
    return response;
  }
  JsonParser parser;
  std::string detail;
  if (const auto json = parser.Parse(response->body); json.ok() && json->is_object()) {
    detail = json->StringOr("detail", "").value_or("");
  }
  const Code code = CodeOfHttpStatus(response->status);
  return Status(code == Code::kOk ? Code::kUnknown : code,
                fmt::format("HTTP {} {}{}{}", response->status, ReasonPhrase(response->status),
                            detail.empty() ? "" : ": ", detail));
}

}  // namespace hoego::http
