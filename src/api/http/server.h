#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/http/router.h"
#include "base/metrics.h"
#include "base/status.h"

namespace hoego::http {

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address, or "localhost"
  uint16_t port = 0;                  // 0: any free one
  bool allow_public = false;  // without it only loopback addresses are bound: no token, no network
  int threads = 0;            // 1..64; 0: one a usable core. A connection stays on its thread

  size_t max_header_bytes = 16384;           // 1 KiB..1 MiB; beyond it 431, or 414 for the target
  size_t max_header_fields = 100;            // 431
  size_t max_body_bytes = size_t{64} << 20;  // after gunzip; a route may set less: 413
  size_t max_in_flight_body_bytes = size_t{512} << 20;  // of all requests together: 503
  size_t max_chunks = size_t{1} << 20;                  // of one chunked body: 400
  int max_connections = 1000;                           // one more is answered 503 and closed
  int max_pipelined = 16;                       // requests of one connection at once; then it waits
  size_t max_unsent_bytes = size_t{1} << 20;    // answers a client has not read; then it waits
  size_t max_stream_bytes = size_t{256} << 10;  // events a client has not read; then Send says no

  std::chrono::milliseconds header_timeout{
      10'000};  // from the first byte (or accept) to the end: 408
  std::chrono::milliseconds body_timeout{
      15'000};                   // for a body, plus its bytes / min_body_rate: 408
  size_t min_body_rate = 16384;  // bytes a second that a body must keep up
  std::chrono::milliseconds idle_timeout{75'000};   // between requests: closed without a word
  std::chrono::milliseconds write_timeout{20'000};  // without the client reading a byte: closed
  std::chrono::milliseconds answer_timeout{
      60'000};  // for a handler: 504, and the connection closes
  std::chrono::milliseconds stream_heartbeat{15'000};  // a comment line on a quiet event stream

  // Names that Host may carry besides loopback names and the address that was connected to; "*":
  // any.
  std::vector<std::string> allowed_hosts;
  // Origins ("https://app.example") that may send POST, PUT, … besides our own host.
  std::vector<std::string> allowed_origins;

  Status Validate() const;  // names the first wrong field and its range
};

// An HTTP/1.1 server: keep-alive, pipelining, chunked bodies, gzip both ways, server-sent events.
// What it checks before a handler runs: framing (RFC 9112, strictly), limits, Host (421), Origin of
// state-changing methods (403), then the router's gate. Its own refusals are problem JSON.
//
// Life: the router's table is shared, `metrics` must outlive the server. The destructor drains for
// 0 ms. Threads: handlers run on the server's threads; Drain from any other.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, const Router& router,
                                               Metrics& metrics);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  const std::string& address() const;  // as numbers, without the port
  int open_connections() const;

  // Stops accepting, answers what is in flight, ends event streams, closes each connection after
  // its answer, waits at most that long for all of it, then cuts what is left and joins the
  // threads. Handlers that run on are not waited for; their answers are dropped. A second call does
  // nothing.
  void Drain(std::chrono::milliseconds at_most);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoego::http
