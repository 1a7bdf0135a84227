#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include "api/http/internal/host_guard.h"
#include "api/http/internal/request_reader.h"
#include "api/http/router.h"
#include "api/http/server.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace hoego::http::internal {

// What the server counts, under OpenTelemetry's names where there is one. Threads: any.
class Figures {
 public:
  Figures(Metrics& metrics, const std::vector<RouteInfo>& routes);

  // Of one answered request. `route` is null for a fallback and for the server's own refusals.
  void Answered(const RouteInfo* route, size_t index, int status, std::chrono::nanoseconds took);
  void Refused(const char* reason);  // a connection, before it was read
  void TimedOut(const char* waiting_for);

  Gauge& active_requests;
  Gauge& open_connections;
  Counter& connections;
  Counter& received_bytes;
  Counter& sent_bytes;

 private:
  Histogram& Duration(std::string_view method, std::string_view route, size_t status_class);

  Metrics& metrics_;
  using PerClass = std::array<std::atomic<Histogram*>, 6>;
  std::vector<PerClass>
      durations_;  // a route each, then one for what matched none; made on first use
};

// What the threads of one server share. Life: until the last connection object is gone.
class Core {
 public:
  Core(const ServerOptions& options, const Router& router, Metrics& metrics);

  const ServerOptions options;
  const Router router;
  const HostGuard guard;
  const ReaderLimits reader_limits;
  Figures figures;

  // The budget of body bytes held at once. False: over it, and nothing was taken.
  bool Charge(size_t bytes);
  void Uncharge(size_t bytes) { body_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t body_bytes_left() const;

  void ConnectionOpened();
  void ConnectionClosed();
  int connections() const { return connections_.load(std::memory_order_relaxed); }
  // False when some were still open at the end of that time.
  bool WaitForNoConnections(std::chrono::milliseconds at_most);

 private:
  std::atomic<size_t> body_bytes_{0};
  std::atomic<int> connections_{0};
  Mutex mu_;
  CondVar fewer_;
};

}  // namespace hoego::http::internal
