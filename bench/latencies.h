#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hoego::bench {

// Latencies in buckets of 1/64 of a power of two: a quantile is at most 1.6 % off. Threads: one;
// then Add.
class Latencies {
 public:
  void Record(std::chrono::nanoseconds d) {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(d.count(), 1));
    const auto log = static_cast<uint64_t>(std::bit_width(ns) - 1);
    const uint64_t sub = log < 6 ? ns << (6 - log) : ns >> (log - 6);
    ++counts_[log * 64 + (sub & 63)];
    ++count_;
    max_ = std::max(max_, ns);
  }
  void Add(const Latencies& other) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      counts_[i] += other.counts_[i];
    }
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  double Micros(double quantile) const {
    auto left = static_cast<uint64_t>(quantile * static_cast<double>(count_));
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (left < counts_[i]) {
        const double base = static_cast<double>(uint64_t{1} << (i / 64));
        return base * (1.0 + (static_cast<double>(i % 64) + 0.5) / 64) / 1000;
      }
      left -= counts_[i];
    }
    return static_cast<double>(max_) / 1000;
  }
  double max_micros() const { return static_cast<double>(max_) / 1000; }
  uint64_t count() const { return count_; }

 private:
  std::array<uint64_t, 64 * 64> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace hoego::bench
