#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoego {

// Labels in a fixed order; values from small closed sets (an endpoint, a version), never a unit or
// a request.
using Labels = std::vector<std::pair<std::string, std::string>>;

// Only goes up. Threads: any; an increment is one relaxed atomic add, on one of eight cells that
// threads take in turn.
class Counter {
 public:
  void Add(uint64_t n = 1) { slots_[Slot()].value.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const;

 private:
  struct alignas(64) Cell {
    std::atomic<uint64_t> value{0};
  };
  static size_t Slot();
  std::array<Cell, 8> slots_;
};

// Goes up and down. Threads: any.
class Gauge {
 public:
  void Set(double v) { value_.store(v, std::memory_order_relaxed); }
  void Add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Buckets of seconds: OpenTelemetry's for HTTP with 10 us..2.5 ms in front (tiny models take
// microseconds). Threads: any; an observation is two relaxed atomic adds. The figures read while
// others observe may be of slightly different moments; count() is always the sum of the buckets.
class Histogram {
 public:
  // Upper bounds in seconds, ascending; +Inf is implied.
  static const std::vector<double>& Bounds();
  void Observe(std::chrono::nanoseconds d);
  uint64_t count() const;
  double sum_seconds() const;
  // Linear inside its bucket, as Prometheus does; beyond 10 s it answers 10. NaN when empty.
  double Quantile(double q) const;
  std::vector<uint64_t> bucket_counts() const;  // per bucket, not cumulative; the last is +Inf

 private:
  std::array<std::atomic<uint64_t>, 32> counts_{};
  std::atomic<uint64_t> nanos_{0};
};

// Names every figure once. Asking again with the same name and labels gives the same object, which
// lives as long as the registry. Names follow OpenTelemetry turned into Prometheus form: base
// units, _total on counters. Pre: a name is used for one kind of figure and fits Prometheus'
// grammar. Threads: any; look-ups lock, so keep the reference.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});
  // A gauge asked for its value when scraped. The function must not block nor use this registry. A
  // later function replaces it; an empty one takes it away, and once that returns the old one is no
  // longer running.
  void Observe(std::string_view name, std::string_view help, Labels labels,
               std::function<double()> read);
  std::string PrometheusText() const;  // text format 0.0.4

  static Metrics& Global();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoego
