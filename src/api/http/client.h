#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/response.h"
#include "base/status.h"

namespace hoego::http {

struct ClientOptions {
  std::string host = "127.0.0.1";  // a name or an address
  uint16_t port = 0;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{
      30'000};  // for one whole answer; of an event stream: between events
  size_t max_head_bytes = 65536;
  size_t max_body_bytes = size_t{256} << 20;
};

struct ServerEvent {
  std::string event;  // "message" when the stream names none
  std::string data;
  std::string id;
};

// A small blocking HTTP/1.1 client over one keep-alive connection, for commands, the demo and
// tests. Connects again by itself when the server closed the connection between two requests; a
// request is sent twice only when it is GET, HEAD, PUT, DELETE or OPTIONS and not one byte of an
// answer had come.
//
// Threads: one at a time; make one a thread.
class Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit Client(ClientOptions options);
  static Result<Client> Connect(ClientOptions options);  // and says at once when nobody listens
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;

  // Any answer with a status line is ok, also a 404; see Succeeded. Unavailable: not reachable or
  // cut off. A body without a Content-Type among `headers` is sent as application/json.
  Result<Response> Request(std::string_view method, std::string_view target,
                           std::string_view body = {}, const Headers& headers = {});

  // Reads server-sent events until `on_event` says false or the server ends the stream.
  Status Events(std::string_view target, const std::function<bool(const ServerEvent&)>& on_event);

  void set_timeout(std::chrono::milliseconds timeout) { options_.timeout = timeout; }
  void Close();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  struct AnswerHead {
    Response response;
    bool keep_alive = true;
    bool chunked = false;
    bool has_length = false;
    uint64_t length = 0;
  };
  Status Open();
  Status Wait(short events, Deadline deadline);
  Status Write(std::string_view bytes, Deadline deadline);
  Result<bool> Fill(Deadline deadline);  // false: the server closed
  Status Send(std::string_view method, std::string_view target, std::string_view body,
              const Headers& headers, Deadline deadline);
  Result<AnswerHead> ReadHead(Deadline deadline);
  // `renew`: the deadline moves with each read.
  Status ReadBody(const AnswerHead& head, Deadline deadline, bool renew,
                  const std::function<bool(std::string_view)>& take);
  Result<Response> Once(std::string_view method, std::string_view target, std::string_view body,
                        const Headers& headers);

  ClientOptions options_;
  int fd_ = -1;
  std::string in_;
  bool answered_ = false;  // a byte of this answer came
};

// The first header of that name, compared without case; empty when there is none.
std::string_view HeaderOf(const Response& response, std::string_view name);

// The answer when its status is 2xx, else a Status of the nearest code with the problem's detail.
Result<Response> Succeeded(Result<Response> response);

}  // namespace hoego::http
