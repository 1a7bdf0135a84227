#pragma once

#include <cstdint>
#include <span>

#include "models/model.h"

namespace hoego::models::internal {

// A history in ascending order of item, entries of weight zero left out: so that the order in which
// a caller lists it does not change a bit of the answer.
struct SortedHistory {
  std::span<const uint32_t> items;
  std::span<const float> weights;
};

// Valid until the next call on this thread. Stops the program when an item is not below `items`,
// which is a bug of the caller. Threads: any, each has its own buffers.
SortedHistory SortHistory(std::span<const Interaction> history, uint32_t items);

}  // namespace hoego::models::internal
