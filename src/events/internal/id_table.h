#pragma once

#include <cstdint>
#include <vector>

#include "events/internal/siphash.h"

namespace hoego::events {

// One id as a sidecar lists it.
struct IdEntry {
  uint64_t key = 0;    // IdTable::KeyOf
  uint32_t place = 0;  // of its record, from the segment's base
};

// Which records the ids of the window belong to: an open-addressing table of 48 bits of an id's
// hash and the 48-bit position of its record. Whether an id is really the same is for the caller to
// see in the record itself; unequal ids share 48 bits once in 2^48 pairs. Ids whose hashes ascend
// lie in ascending slots, so a sorted list loads fast.
//
// Threads: one at a time. Cost: 12 bytes a slot, at most 7 of 10 used; one cache miss a look-up
// (Prefetch hides it).
class IdTable {
 public:
  static constexpr int kHashBits = 48;
  static uint64_t KeyOf(const IdHash& hash) { return hash.low >> (64 - kHashBits); }

  void Reserve(size_t ids);
  void Prefetch(uint64_t key) const {
    if (!slots_.empty()) {
      __builtin_prefetch(&slots_[Home(key)]);
    }
  }

  // The position of the first entry with this key for which same(position) holds, or 0.
  template <class Same>
  uint64_t Find(uint64_t key, const Same& same) const {
    if (slots_.empty()) {
      return 0;
    }
    for (size_t i = Home(key); slots_[i].used(); i = Next(i)) {
      if (slots_[i].key() == key && same(slots_[i].position())) {
        return slots_[i].position();
      }
    }
    return 0;
  }
  void Insert(uint64_t key, uint64_t position);  // Pre: 0 < position < 2^48, not in the table
  bool Erase(uint64_t key, uint64_t position);   // false when it was not there
  size_t size() const { return used_; }
  uint64_t MemoryBytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t key_low = 0;
    uint16_t key_high = 0;
    uint16_t position_high = 0;
    uint32_t position_low = 0;

    bool used() const { return (position_low | position_high) != 0; }
    uint64_t key() const { return uint64_t{key_high} << 32 | key_low; }
    uint64_t position() const { return uint64_t{position_high} << 32 | position_low; }
  };
  size_t Home(uint64_t key) const { return static_cast<size_t>(key >> (kHashBits - bits_)); }
  size_t Next(size_t i) const { return (i + 1) & (slots_.size() - 1); }
  void Place(uint64_t key, uint64_t position);
  void Resize(int bits);

  int bits_ = 0;
  size_t used_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace hoego::events
