#include "events/internal/row_counts.h"

#include <algorithm>
#include <utility>

#include "events/internal/siphash.h"

namespace hoego::events {
namespace {

constexpr size_t kFirstSlots = 16;

// A fixed key: the same file gives the same counts in every process.
uint64_t HashOf(std::string_view text) {
  return std::max<uint64_t>(SipHash128(SipKey{}, text).low, 1);
}

}  // namespace

size_t RowCounts::Part::Find(uint64_t hash) const {
  size_t at = hash % hashes.size();
  while (hashes[at] != 0 && hashes[at] != hash) {
    at = at + 1 == hashes.size() ? 0 : at + 1;
  }
  return at;
}

// By a fifth each time, so that at least three of four slots are used: 12 bytes a slot make at most
// 16 a text.
void RowCounts::Part::Grow() {
  Part next;
  const size_t slots = std::max(kFirstSlots, hashes.size() + hashes.size() / 5);
  next.hashes.resize(slots);
  next.counts.resize(slots);
  next.used = used;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] != 0) {
      const size_t at = next.Find(hashes[i]);
      next.hashes[at] = hashes[i];
      next.counts[at] = counts[i];
    }
  }
  *this = std::move(next);
}

uint32_t RowCounts::Add(std::string_view text) {
  const uint64_t hash = HashOf(text);
  Part& part = parts_[hash >> (64 - kPartBits)];
  if (part.hashes.empty()) {
    part.Grow();
  }
  size_t at = part.Find(hash);
  if (part.hashes[at] == 0) {
    if ((part.used + 1) * 10 > part.hashes.size() * 9) {
      part.Grow();
      at = part.Find(hash);
    }
    part.hashes[at] = hash;
    ++part.used;
  }
  const uint32_t before = part.counts[at];
  part.counts[at] += before < UINT32_MAX ? 1 : 0;
  return before;
}

uint64_t RowCounts::MemoryBytes() const {
  uint64_t bytes = 0;
  for (const Part& part : parts_) {
    bytes += part.hashes.capacity() * sizeof(uint64_t) + part.counts.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

}  // namespace hoego::events
