#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego::abtest {

// Latencies counted in buckets of about 3 % width (32 to an octave, exact below 64 us): whole
// numbers, so that adding and merging in any order gives the same quantiles. 7 KiB. Threads: one
// thread at a time.
class LatencyCounts {
 public:
  void Add(uint32_t microseconds);
  void Merge(const LatencyCounts& other);
  uint64_t count() const { return total_; }
  // The upper end, in microseconds, of the bucket in which the share `q` of all latencies is
  // reached; 0 when empty.
  double Quantile(double q) const;
  bool operator==(const LatencyCounts&) const = default;

  void AppendTo(std::string& out) const;
  Status ReadFrom(std::string_view& in);

 private:
  std::vector<uint64_t> counts_;  // grows to the largest bucket met
  uint64_t total_ = 0;
};

}  // namespace hoego::abtest
