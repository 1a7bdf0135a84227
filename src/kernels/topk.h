#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace hoego::kernels {

// A position in a score array and its score.
struct Ranked {
  uint32_t index = 0;
  float score = 0;
};

// Higher scores first; equal scores by lower index.
constexpr bool RanksBefore(const Ranked& a, const Ranked& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

// Gathers the k best of what is offered in ascending order of index. Holds at most 2k + 64 entries.
// Threads: one thread at a time.
class TopKCollector {
 public:
  explicit TopKCollector(size_t k);

  // What an entry must exceed to have a chance; never falls. At first -infinity, so -infinity
  // itself never enters.
  float threshold() const { return threshold_; }
  // Pre: index is greater than any before; score > threshold().
  void Offer(uint32_t index, float score) {
    entries_.push_back({index, score});
    if (entries_.size() >= limit_) {
      Shrink();
    }
  }
  std::vector<Ranked> Take();  // best first; empties the collector

 private:
  void Shrink();

  size_t k_;
  size_t limit_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<Ranked> entries_;
};

namespace internal {
inline constexpr size_t kTopKBlock = 256;
// Indices in [begin, begin + n) whose score exceeds the threshold; n <= kTopKBlock.
size_t IndicesAbove(std::span<const float> scores, size_t begin, size_t n, float threshold,
                    uint32_t* out);
}  // namespace internal

// The k best scores among the indices that `keep` accepts, best first, ties by lower index: exactly
// the head of a full sort. NaN and -infinity are never returned. `keep(index)` is asked only of
// entries that could enter, in ascending order. scores: n. Cost: one pass, about n/16 compares, and
// few calls of keep when k is small against n.
template <class Keep>
std::vector<Ranked> TopK(std::span<const float> scores, size_t k, const Keep& keep) {
  if (k == 0) {
    return {};
  }
  TopKCollector best(k);
  std::array<uint32_t, internal::kTopKBlock> hits;
  for (size_t begin = 0; begin < scores.size(); begin += internal::kTopKBlock) {
    const size_t n =
        scores.size() - begin < internal::kTopKBlock ? scores.size() - begin : internal::kTopKBlock;
    const size_t found = internal::IndicesAbove(scores, begin, n, best.threshold(), hits.data());
    for (size_t h = 0; h < found; ++h) {
      const uint32_t index = hits[h];
      if (scores[index] > best.threshold() && keep(index)) {
        best.Offer(index, scores[index]);
      }
    }
  }
  return best.Take();
}

inline std::vector<Ranked> TopK(std::span<const float> scores, size_t k) {
  return TopK(scores, k, [](uint32_t /*index*/) { return true; });
}

}  // namespace hoego::kernels
