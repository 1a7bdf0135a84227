#include "models/internal/history.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace hoego::models::internal {

SortedHistory SortHistory(std::span<const Interaction> history, uint32_t items) {
  thread_local std::vector<Interaction> sorted;
  thread_local std::vector<uint32_t> indices;
  thread_local std::vector<float> weights;
  sorted.assign(history.begin(), history.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Interaction& a, const Interaction& b) { return a.item < b.item; });
  indices.clear();
  weights.clear();
  for (const Interaction& event : sorted) {
    HOEGO_CHECK(event.item < items);
    if (event.weight != 0) {
      indices.push_back(event.item);
      weights.push_back(event.weight);
    }
  }
  return {indices, weights};
}

}  // namespace hoego::models::internal
