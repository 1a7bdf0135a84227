#include "api/http/internal/core.h"

#include <algorithm>
#include <string>

namespace hoego::http::internal {

Figures::Figures(Metrics& metrics, const std::vector<RouteInfo>& routes)
    : active_requests(metrics.gauge("http_server_active_requests",
                                    "Requests whose handler has not answered yet")),
      open_connections(metrics.gauge("hoego_http_open_connections", "Connections now open")),
      connections(metrics.counter("hoego_http_connections_total", "Connections accepted")),
      received_bytes(metrics.counter("hoego_http_received_bytes_total", "Bytes read from clients")),
      sent_bytes(metrics.counter("hoego_http_sent_bytes_total", "Bytes written to clients")),
      metrics_(metrics),
      durations_(routes.size() + 1) {}

Histogram& Figures::Duration(std::string_view method, std::string_view route, size_t status_class) {
  return metrics_.histogram("http_server_request_duration_seconds",
                            "From the end of a request's head to its answer",
                            {{"http_request_method", std::string(method)},
                             {"http_route", std::string(route)},
                             {"http_response_status_class", std::to_string(status_class) + "xx"}});
}

void Figures::Answered(const RouteInfo* route, size_t index, int status,
                       std::chrono::nanoseconds took) {
  const auto status_class = static_cast<size_t>(std::clamp(status / 100, 1, 5));
  PerClass& row = route != nullptr ? durations_[index] : durations_.back();
  Histogram* histogram = row[status_class].load(std::memory_order_acquire);
  if (histogram == nullptr) {
    histogram = route != nullptr ? &Duration(route->method, route->pattern, status_class)
                                 : &Duration("_OTHER", "(unmatched)", status_class);
    row[status_class].store(histogram, std::memory_order_release);
  }
  histogram->Observe(took);
}

void Figures::Refused(const char* reason) {
  metrics_
      .counter("hoego_http_connections_refused_total", "Connections closed unread",
               {{"reason", reason}})
      .Add();
}

void Figures::TimedOut(const char* waiting_for) {
  metrics_
      .counter("hoego_http_timeouts_total", "Connections ended because a wait was too long",
               {{"waiting_for", waiting_for}})
      .Add();
}

namespace {

ReaderLimits MakeReaderLimits(const ServerOptions& options) {
  ReaderLimits limits;
  limits.max_header_bytes = options.max_header_bytes;
  limits.max_header_fields = options.max_header_fields;
  limits.chunks.max_chunks = options.max_chunks;
  return limits;
}

}  // namespace

Core::Core(const ServerOptions& o, const Router& r, Metrics& metrics)
    : options(o),
      router(r),
      guard(o),
      reader_limits(MakeReaderLimits(o)),
      figures(metrics, r.routes()) {}

bool Core::Charge(size_t bytes) {
  if (body_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
      options.max_in_flight_body_bytes) {
    return true;
  }
  Uncharge(bytes);
  return false;
}

size_t Core::body_bytes_left() const {
  const size_t used = body_bytes_.load(std::memory_order_relaxed);
  return options.max_in_flight_body_bytes - std::min(used, options.max_in_flight_body_bytes);
}

void Core::ConnectionOpened() {
  connections_.fetch_add(1, std::memory_order_relaxed);
  figures.connections.Add();
  figures.open_connections.Add(1);
}

void Core::ConnectionClosed() {
  figures.open_connections.Add(-1);
  MutexLock lock(mu_);
  connections_.fetch_sub(1, std::memory_order_relaxed);
  fewer_.NotifyAll();
}

bool Core::WaitForNoConnections(std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  MutexLock lock(mu_);
  while (connections_.load(std::memory_order_relaxed) > 0) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) {
      return false;
    }
    fewer_.WaitFor(mu_, left);
  }
  return true;
}

}  // namespace hoego::http::internal
