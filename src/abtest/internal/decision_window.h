#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "abtest/internal/bytes.h"
#include "base/random.h"
#include "base/uuid.h"

namespace hoego::abtest::internal {

// 64 bits that stand for a decision's id in our tables.
inline uint64_t DecisionHash(const Uuid& id) {
  uint64_t high = 0;
  for (size_t i = 0; i < 8; ++i) {
    high = high << 8 | id.bytes[i];
  }
  return Mix64(id.low() ^ Mix64(high));
}

// The latest decisions of a test, found by id: a ring that forgets the oldest when full, and a
// table of places in it. 40 bytes a decision. Threads: one thread at a time.
class DecisionWindow {
 public:
  struct Entry {
    uint64_t id = 0;  // DecisionHash
    int64_t time_ms = 0;
    int64_t received_ms = 0;
    uint32_t unit = 0;
    uint8_t arm = 0;
  };

  explicit DecisionWindow(size_t most) : most_(most) {}

  // An id that is already there keeps its first entry.
  void Put(const Entry& entry) {
    if (Find(entry.id) != nullptr) {
      return;
    }
    if (ring_.size() < most_) {
      ring_.push_back(entry);
      if (ring_.size() * 2 > table_.size()) {
        Rehash();
      } else {
        Link(static_cast<uint32_t>(ring_.size() - 1));
      }
      return;
    }
    Unlink(static_cast<uint32_t>(next_));
    ring_[next_] = entry;
    Link(static_cast<uint32_t>(next_));
    next_ = (next_ + 1) % most_;
  }

  const Entry* Find(uint64_t id) const {
    if (table_.empty()) {
      return nullptr;
    }
    for (size_t slot = id & Mask(); table_[slot] != 0; slot = (slot + 1) & Mask()) {
      const Entry& entry = ring_[table_[slot] - 1];
      if (entry.id == id) {
        return &entry;
      }
    }
    return nullptr;
  }

  size_t size() const { return ring_.size(); }

  void Clear() {
    ring_ = {};
    table_ = {};
    next_ = 0;
  }

  void AppendTo(std::string& out) const {
    AppendNumber(out, static_cast<uint64_t>(ring_.size()));
    for (size_t i = 0; i < ring_.size(); ++i) {  // oldest first
      const Entry& e = ring_[(next_ + i) % ring_.size()];
      AppendNumber(out, e.id);
      AppendNumber(out, e.time_ms);
      AppendNumber(out, e.received_ms);
      AppendNumber(out, e.unit);
      AppendNumber(out, e.arm);
    }
  }

  void ReadFrom(ByteReader& in) {
    Clear();
    const uint64_t count = in.Count(29);
    for (uint64_t i = 0; i < count; ++i) {
      Entry e;
      e.id = in.Number<uint64_t>();
      e.time_ms = in.Number<int64_t>();
      e.received_ms = in.Number<int64_t>();
      e.unit = in.Number<uint32_t>();
      e.arm = in.Number<uint8_t>();
      Put(e);
    }
  }

 private:
  size_t Mask() const { return table_.size() - 1; }

  void Link(uint32_t place) {
    size_t slot = ring_[place].id & Mask();
    while (table_[slot] != 0) {
      slot = (slot + 1) & Mask();
    }
    table_[slot] = place + 1;
  }

  // Linear probing's removal: entries behind the hole move up when that brings them nearer to where
  // they belong.
  void Unlink(uint32_t place) {
    size_t hole = ring_[place].id & Mask();
    while (table_[hole] != place + 1) {
      hole = (hole + 1) & Mask();
    }
    table_[hole] = 0;
    for (size_t slot = (hole + 1) & Mask(); table_[slot] != 0; slot = (slot + 1) & Mask()) {
      const size_t home = ring_[table_[slot] - 1].id & Mask();
      if (((slot - home) & Mask()) >= ((slot - hole) & Mask())) {
        table_[hole] = table_[slot];
        table_[slot] = 0;
        hole = slot;
      }
    }
  }

  void Rehash() {
    table_.assign(table_.empty() ? 64 : table_.size() * 2, 0);
    for (uint32_t i = 0; i < ring_.size(); ++i) {
      Link(i);
    }
  }

  const size_t most_;
  std::vector<Entry> ring_;
  std::vector<uint32_t> table_;  // place in ring_ + 1; 0: empty. A power of two, at most half full
  size_t next_ = 0;              // the oldest entry, once full
};

}  // namespace hoego::abtest::internal
