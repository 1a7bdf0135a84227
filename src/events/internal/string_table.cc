#include "events/internal/string_table.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "events/internal/bytes.h"

namespace hoego::events {
namespace {
constexpr size_t kBlockBytes = 64u << 10;
constexpr size_t kFewestSlots = 64;
}  // namespace

StringTable::Hashed StringTable::HashOf(std::string_view text) const {
  const uint64_t h = HashBytes(text, seed_);
  return {h & (slots_.size() - 1), static_cast<uint32_t>(h >> 32)};
}

std::string_view StringTable::TextAt(uint32_t index) const {
  const char* const p = texts_[index];
  return {p + 2, LoadLe<uint16_t>(p)};
}

std::optional<uint32_t> StringTable::Probe(std::string_view text) const {
  return slots_.empty() ? std::nullopt : ProbeFrom(text, HashOf(text));
}

std::optional<uint32_t> StringTable::ProbeFrom(std::string_view text, const Hashed& h) const {
  for (size_t i = h.home;; i = (i + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[i];
    if (slot.index_plus_one == 0) {
      return std::nullopt;
    }
    if (slot.tag == h.tag && TextAt(slot.index_plus_one - 1) == text) {
      return slot.index_plus_one - 1;
    }
  }
}

// A look-up is three dependent misses (slot, place of the text, text): a block of them is taken
// through each in turn.
void StringTable::FindManyAssigned(std::span<const std::string_view> texts,
                                   std::span<uint32_t> found) const {
  constexpr size_t kBlock = 16;
  std::array<Hashed, kBlock> hashes;
  MutexLock lock(mu_);
  for (size_t begin = 0; begin < texts.size(); begin += kBlock) {
    const size_t n = std::min(kBlock, texts.size() - begin);
    if (slots_.empty()) {
      std::fill_n(found.begin() + static_cast<std::ptrdiff_t>(begin), n, UINT32_MAX);
      continue;
    }
    for (size_t i = 0; i < n; ++i) {
      hashes[i] = HashOf(texts[begin + i]);
      __builtin_prefetch(&slots_[hashes[i].home]);
    }
    for (size_t i = 0; i < n; ++i) {
      const Slot& slot = slots_[hashes[i].home];
      if (slot.index_plus_one != 0) {
        __builtin_prefetch(&texts_[slot.index_plus_one - 1]);
      }
    }
    for (size_t i = 0; i < n; ++i) {
      const Slot& slot = slots_[hashes[i].home];
      if (slot.index_plus_one != 0) {
        __builtin_prefetch(texts_[slot.index_plus_one - 1]);
      }
    }
    for (size_t i = 0; i < n; ++i) {
      found[begin + i] = ProbeFrom(texts[begin + i], hashes[i]).value_or(UINT32_MAX);
    }
  }
}

std::optional<uint32_t> StringTable::Find(std::string_view text) const {
  MutexLock lock(mu_);
  const auto index = Probe(text);
  return index && *index < published_ ? index : std::nullopt;
}

std::optional<uint32_t> StringTable::FindAssigned(std::string_view text) const {
  MutexLock lock(mu_);
  return Probe(text);
}

uint32_t StringTable::Assign(std::string_view text) {
  MutexLock lock(mu_);
  const auto index = static_cast<uint32_t>(texts_.size());
  HOEGO_CHECK(text.size() <= UINT16_MAX && index != UINT32_MAX);
  texts_.push_back(Store(text));
  if (texts_.size() * 4 > slots_.size() * 3) {
    Grow();
  } else {
    Insert(text, index);
  }
  return index;
}

void StringTable::Publish(uint32_t count) {
  MutexLock lock(mu_);
  HOEGO_CHECK(count <= texts_.size());
  published_ = count;
}

void StringTable::TruncateTo(uint32_t count) {
  MutexLock lock(mu_);
  HOEGO_CHECK(count >= published_);
  while (texts_.size() > count) {
    const auto index = static_cast<uint32_t>(texts_.size() - 1);
    Erase(TextAt(index), index);
    texts_.pop_back();  // its bytes stay in their block: this happens only after a failed write
  }
}

std::string StringTable::At(uint32_t index) const {
  MutexLock lock(mu_);
  HOEGO_CHECK(index < texts_.size());
  return std::string(TextAt(index));
}

uint32_t StringTable::published() const {
  MutexLock lock(mu_);
  return published_;
}

uint32_t StringTable::assigned() const {
  MutexLock lock(mu_);
  return static_cast<uint32_t>(texts_.size());
}

uint64_t StringTable::MemoryBytes() const {
  MutexLock lock(mu_);
  return slots_.size() * sizeof(Slot) + texts_.size() * sizeof(char*) +
         blocks_.size() * kBlockBytes;
}

void StringTable::Insert(std::string_view text, uint32_t index) {
  const Hashed h = HashOf(text);
  size_t i = h.home;
  while (slots_[i].index_plus_one != 0) {
    i = (i + 1) & (slots_.size() - 1);
  }
  slots_[i] = {index + 1, h.tag};
}

// Linear probing without tombstones: what follows in the run moves back over the hole (Knuth 6.4,
// algorithm R).
void StringTable::Erase(std::string_view text, uint32_t index) {
  const size_t mask = slots_.size() - 1;
  size_t hole = HashOf(text).home;
  while (slots_[hole].index_plus_one != index + 1) {
    HOEGO_CHECK(slots_[hole].index_plus_one != 0);
    hole = (hole + 1) & mask;
  }
  for (size_t i = (hole + 1) & mask; slots_[i].index_plus_one != 0; i = (i + 1) & mask) {
    const size_t home = HashOf(TextAt(slots_[i].index_plus_one - 1)).home;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {};
}

void StringTable::Grow() {
  slots_.assign(slots_.empty() ? kFewestSlots : slots_.size() * 2, Slot{});
  for (uint32_t i = 0; i < texts_.size(); ++i) {
    Insert(TextAt(i), i);
  }
}

const char* StringTable::Store(std::string_view text) {
  const size_t bytes = text.size() + 2;
  if (blocks_.empty() || block_used_ + bytes > kBlockBytes) {
    blocks_.push_back(std::make_unique<char[]>(bytes > kBlockBytes ? bytes : kBlockBytes));
    block_used_ = 0;
  }
  char* const at = blocks_.back().get() + block_used_;
  block_used_ += bytes;
  StoreLe(at, static_cast<uint16_t>(text.size()));
  std::memcpy(at + 2, text.data(), text.size());
  return at;
}

}  // namespace hoego::events
