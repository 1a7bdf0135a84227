#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "api/http/internal/byte_buffer.h"
#include "api/http/internal/head.h"
#include "api/http/request.h"
#include "api/http/response.h"
#include "api/http/router.h"

namespace hoego::http::internal {

class EventFeed;
using SteadyTime = std::chrono::steady_clock::time_point;

// One request and its answer, on its way through a connection. Reused for the next one, with its
// memory.
//
//   kReading ──▶ kHandling ──▶ kReady ──▶ (written, reused)
//       │            └───────▶ kStreaming ──▶ (written, reused)
//       └─ refused ──────────▶ kReady
//
// Threads: the connection's; `request` may be read by whoever holds the Responder while kHandling.
struct Exchange {
  enum class State { kReading, kHandling, kReady, kStreaming };

  State state = State::kReading;
  ByteBuffer block;  // the head's bytes, in which most views lie
  Head head;
  ByteBuffer body;
  std::string unpacked;  // the body, where it came gzipped
  Request request;
  Router::Match match;
  Response response;
  std::shared_ptr<EventFeed> feed;  // of kStreaming
  SteadyTime started{};             // when its head was complete
  SteadyTime handed{};              // when its handler was called
  size_t max_body = 0;
  size_t charged = 0;  // bytes of the server's body budget
  bool close = false;  // the connection ends with this answer
  bool wants_continue = false;
  bool counted = false;    // in http_server_active_requests
  bool head_sent = false;  // of kStreaming

  // Ready for the next request; keeps at most `keep` bytes of body memory.
  void Reset(size_t keep) {
    state = State::kReading;
    body.Clear(keep);
    unpacked = std::string();
    match = {};
    response = {};
    feed.reset();
    started = handed = {};
    max_body = charged = 0;
    close = wants_continue = counted = head_sent = false;
    request.request_id.clear();
    request.params.clear();
    request.method = request.target = request.path = request.body = {};
    request.route_label = request.allow = {};
    request.headers = {};
  }
};

}  // namespace hoego::http::internal
