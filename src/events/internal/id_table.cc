#include "events/internal/id_table.h"

#include <utility>

#include "base/check.h"

namespace hoego::events {
namespace {
constexpr int kFewestBits = 10;
bool TooFull(size_t ids, int bits) {
  return ids * 10 > (size_t{1} << bits) * 7;
}
}  // namespace

void IdTable::Reserve(size_t ids) {
  int bits = bits_ == 0 ? kFewestBits : bits_;
  while (TooFull(ids, bits)) {
    ++bits;
  }
  if (bits != bits_) {
    Resize(bits);
  }
}

void IdTable::Insert(uint64_t key, uint64_t position) {
  HOEGO_CHECK(position != 0 && position >> 48 == 0);
  if (slots_.empty() || TooFull(used_ + 1, bits_)) {
    Resize(slots_.empty() ? kFewestBits : bits_ + 1);
  }
  Place(key, position);
  ++used_;
}

void IdTable::Place(uint64_t key, uint64_t position) {
  size_t i = Home(key);
  while (slots_[i].used()) {
    i = Next(i);
  }
  slots_[i] = {static_cast<uint32_t>(key), static_cast<uint16_t>(key >> 32),
               static_cast<uint16_t>(position >> 32), static_cast<uint32_t>(position)};
}

// What follows in the run moves back over the hole (Knuth 6.4, algorithm R), so there are no
// tombstones to sweep.
bool IdTable::Erase(uint64_t key, uint64_t position) {
  if (slots_.empty()) {
    return false;
  }
  const size_t mask = slots_.size() - 1;
  size_t hole = Home(key);
  while (slots_[hole].used() &&
         (slots_[hole].position() != position || slots_[hole].key() != key)) {
    hole = Next(hole);
  }
  if (!slots_[hole].used()) {
    return false;
  }
  for (size_t i = Next(hole); slots_[i].used(); i = Next(i)) {
    const size_t home = Home(slots_[i].key());
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {};
  --used_;
  return true;
}

void IdTable::Resize(int bits) {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(size_t{1} << bits));
  bits_ = bits;
  for (const Slot& slot : old) {
    if (slot.used()) {
      Place(slot.key(), slot.position());
    }
  }
}

}  // namespace hoego::events
