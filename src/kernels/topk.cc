#include "kernels/topk.h"

#include <algorithm>
#include <utility>

#include "kernels/internal/table.h"

namespace hoego::kernels {

TopKCollector::TopKCollector(size_t k) : k_(k), limit_(std::max<size_t>(2 * k, k + 64)) {
  // A caller may ask for more than there is: the memory follows what is offered, not k.
  entries_.reserve(std::min<size_t>(limit_, 4096));
}

void TopKCollector::Shrink() {
  const auto kth = entries_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(entries_.begin(), kth, entries_.end(), RanksBefore);
  // Later entries have higher indices, so one that only equals the k-th score ranks behind it.
  threshold_ = kth->score;
  entries_.resize(k_);
}

std::vector<Ranked> TopKCollector::Take() {
  std::sort(entries_.begin(), entries_.end(), RanksBefore);
  if (entries_.size() > k_) {
    entries_.resize(k_);
  }
  return std::exchange(entries_, {});
}

namespace internal {

size_t IndicesAbove(std::span<const float> scores, size_t begin, size_t n, float threshold,
                    uint32_t* out) {
  return Table().above(scores.data() + begin, n, threshold, static_cast<uint32_t>(begin), out);
}

}  // namespace internal
}  // namespace hoego::kernels
