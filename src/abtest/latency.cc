#include "abtest/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "abtest/internal/bytes.h"

namespace hoego::abtest {
namespace {

constexpr uint32_t kPerOctave = 32;
constexpr size_t kBuckets = 28 * kPerOctave;

size_t BucketOf(uint32_t v) {
  if (v < 2 * kPerOctave) {
    return v;
  }
  const auto shift = static_cast<uint32_t>(std::bit_width(v)) - 6;
  return static_cast<size_t>(shift) * kPerOctave + (v >> shift);
}

// The largest value of the bucket.
double UpperEnd(size_t bucket) {
  if (bucket < 2 * kPerOctave) {
    return static_cast<double>(bucket);
  }
  const size_t shift = bucket / kPerOctave - 1;
  const size_t top = bucket - shift * kPerOctave;
  return static_cast<double>((static_cast<uint64_t>(top) + 1) << shift) - 1;
}

}  // namespace

void LatencyCounts::Add(uint32_t microseconds) {
  const size_t bucket = BucketOf(microseconds);
  if (bucket >= counts_.size()) {
    counts_.resize(bucket + 1);
  }
  ++counts_[bucket];
  ++total_;
}

void LatencyCounts::Merge(const LatencyCounts& other) {
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (size_t i = 0; i < other.counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  total_ += other.total_;
}

double LatencyCounts::Quantile(double q) const {
  const double rank = std::ceil(q * static_cast<double>(total_));
  uint64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    if (static_cast<double>(below) >= std::max(1.0, rank)) {
      return UpperEnd(i);
    }
  }
  return 0;
}

void LatencyCounts::AppendTo(std::string& out) const {
  internal::AppendNumber(out, static_cast<uint64_t>(counts_.size()));
  for (const uint64_t c : counts_) {
    internal::AppendNumber(out, c);
  }
}

Status LatencyCounts::ReadFrom(std::string_view& in) {
  internal::ByteReader reader(in);
  const uint64_t size = reader.Count(8);
  if (size > kBuckets) {
    return Status::DataLoss("latency counts have more buckets than there are");
  }
  counts_.assign(size, 0);
  total_ = 0;
  for (uint64_t& c : counts_) {
    c = reader.Number<uint64_t>();
    total_ += c;
  }
  in = reader.rest();
  return reader.status();
}

}  // namespace hoego::abtest
