#include "datasets/internal/builder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "datasets/internal/body.h"

namespace hoego::datasets::internal {

uint32_t Builder::Row(uint32_t unit_key) {
  const auto next = static_cast<uint32_t>(unit_keys_.size());
  const auto [it, is_new] = rows_.try_emplace(unit_key, next);
  if (is_new) {
    unit_keys_.push_back(unit_key);
  }
  return it->second;
}

uint32_t Builder::Column(std::string_view item) {
  const auto it = columns_.find(item);
  if (it != columns_.end()) {
    return it->second;
  }
  HOEGO_CHECK(items_.size() < std::numeric_limits<uint32_t>::max());
  const auto column = static_cast<uint32_t>(items_.size());
  items_.emplace_back(item);
  columns_.emplace(std::string(item), column);
  return column;
}

void Builder::Add(uint32_t row, uint32_t column, float weight, int64_t time_ms) {
  samples_.push_back({row, column, weight, time_ms});
}

void Builder::Add(uint32_t row, uint32_t column, float weight, int64_t time_ms, Part part) {
  Add(row, column, weight, time_ms);
  parts_.push_back(part);
}

Dataset Builder::Finish(std::string source_json) {
  HOEGO_CHECK(parts_.empty() || parts_.size() == samples_.size());
  // A counting sort by unit keeps arrival order; then each unit by time, which is mostly in order
  // already.
  std::vector<uint64_t> begin(unit_keys_.size() + 1, 0);
  for (const Sample& s : samples_) {
    ++begin[s.unit + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<uint64_t> order(samples_.size());
  std::vector<uint64_t> next(begin.begin(), begin.end() - 1);
  for (uint64_t i = 0; i < samples_.size(); ++i) {
    order[next[samples_[i].unit]++] = i;
  }
  for (size_t u = 0; u + 1 < begin.size(); ++u) {
    const auto first = order.begin() + static_cast<ptrdiff_t>(begin[u]);
    const auto last = order.begin() + static_cast<ptrdiff_t>(begin[u + 1]);
    const auto earlier = [this](uint64_t a, uint64_t b) {
      return std::pair(samples_[a].time_ms, a) < std::pair(samples_[b].time_ms, b);
    };
    if (!std::is_sorted(first, last, earlier)) {
      std::sort(first, last, earlier);
    }
  }
  Dataset out;
  out.items = std::move(items_);
  out.unit_keys = std::move(unit_keys_);
  out.source_json = std::move(source_json);
  out.samples.reserve(samples_.size());
  out.given_parts.reserve(parts_.size());
  for (const uint64_t i : order) {
    out.samples.push_back(samples_[i]);
    if (!parts_.empty()) {
      out.given_parts.push_back(parts_[i]);
    }
  }
  out.digest = DigestOf(out);
  return out;
}

}  // namespace hoego::datasets::internal
