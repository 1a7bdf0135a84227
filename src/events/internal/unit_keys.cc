#include "events/internal/unit_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "events/internal/head_table.h"
#include "events/internal/seal.h"

namespace hoego::events {

UnitKeys::UnitKeys(Disk& disk, std::string path, std::unique_ptr<File> file)
    : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
UnitKeys::~UnitKeys() = default;

UnitKeys::Unit& UnitKeys::UnitAt(uint32_t key) const {
  return chunks_[key / kChunkUnits]->units[key % kChunkUnits];
}
UnitKeys::State& UnitKeys::StateAt(uint32_t key) const {
  return chunks_[key / kChunkUnits]->states[key % kChunkUnits];
}

IdHash UnitKeys::HashDecisionId(const Uuid& id) const {
  // Another key than for event ids, which are any text: the two kinds cannot meet.
  const SipKey key{event_salt_[0] ^ 0x6465636973696f6eULL, event_salt_[1]};
  return SipHash128(key, {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
}

void UnitKeys::FindMany(std::span<const IdHash> hashes, std::span<Found> found) const {
  MutexLock lock(mu_);
  if (table_.empty()) {
    return;
  }
  constexpr size_t kAhead = 8;
  const size_t mask = table_.size() - 1;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) {
      __builtin_prefetch(&table_[HomeOf(hashes[i + kAhead])]);
    }
    if (i + kAhead / 2 < hashes.size()) {
      const IdHash& soon = hashes[i + kAhead / 2];
      const TableSlot& slot = table_[HomeOf(soon)];
      if (slot.key_plus_one != 0 && slot.tag == static_cast<uint32_t>(soon.high)) {
        __builtin_prefetch(&UnitAt(slot.key_plus_one - 1));
      }
    }
    for (size_t at = HomeOf(hashes[i]); table_[at].key_plus_one != 0; at = (at + 1) & mask) {
      if (table_[at].tag != static_cast<uint32_t>(hashes[i].high)) {
        continue;
      }
      Unit& unit = UnitAt(table_[at].key_plus_one - 1);
      if (unit.hash == hashes[i]) {
        found[i] = {table_[at].key_plus_one - 1, &unit, unit.secret};
        break;
      }
    }
  }
}

std::optional<uint32_t> UnitKeys::FindPublished(std::string_view id) const {
  const IdHash hash = HashUnit(id);
  Found found;
  FindMany({&hash, 1}, {&found, 1});
  MutexLock lock(mu_);
  return found.key < published_ ? std::optional(found.key) : std::nullopt;
}

UnitKeys::Found UnitKeys::Assign(const IdHash& hash) {
  MutexLock lock(mu_);
  HOEGO_CHECK(assigned_ < capacity_);
  const uint32_t key = assigned_++;
  Unit& unit = UnitAt(key);
  unit.hash = hash;
  unit.record_at = 0;
  unit.head = 0;
  StateAt(key) = State::kLive;
  InsertLocked(hash, key);
  return {key, &unit, unit.secret};
}

void UnitKeys::TruncateTo(uint32_t count) {
  MutexLock lock(mu_);
  HOEGO_CHECK(count >= published_ && count <= assigned_);
  while (assigned_ > count) {
    const uint32_t key = --assigned_;
    std::erase(forgetting_, key);
    EraseLocked(UnitAt(key).hash, key);
    UnitAt(key).hash = {};
    StateAt(key) = State::kUnknown;
  }
  ++generation_;
}

Status UnitKeys::Publish(std::span<const uint64_t> positions) {
  if (positions.empty()) {
    return {};
  }
  uint32_t first = 0;
  {
    MutexLock lock(mu_);
    first = published_;
    HOEGO_CHECK(first + positions.size() <= assigned_);
    for (const uint64_t position : positions) {
      UnitAt(published_++).record_at = position;
    }
  }
  MutexLock io(io_mu_);
  MarkUnsynced(first, static_cast<uint32_t>(positions.size()));
  Status written = WriteSlots(first, static_cast<uint32_t>(positions.size()));
  rewrite_ = rewrite_ || !written.ok();
  return written;
}

void UnitKeys::MarkUnsynced(uint32_t first, uint32_t count) {
  unsynced_from_ = std::min(unsynced_from_, first);
  unsynced_to_ = std::max(unsynced_to_, first + count);
}

Status UnitKeys::Sync() {
  MutexLock io(io_mu_);
  return SyncFile();
}

// A sync that failed leaves its pages marked clean: only written again do they reach the disk with
// the next one.
Status UnitKeys::SyncFile() {
  if (rewrite_ && unsynced_from_ < unsynced_to_) {
    HOEGO_TRY(WriteSlots(unsynced_from_, unsynced_to_ - unsynced_from_));
  }
  const Status synced = file_->Sync();
  rewrite_ = !synced.ok();
  if (synced.ok()) {
    unsynced_from_ = UINT32_MAX;
    unsynced_to_ = 0;
  }
  return synced;
}

void UnitKeys::BeginForget(uint32_t key) {
  MutexLock lock(mu_);
  EraseLocked(UnitAt(key).hash, key);
  forgetting_.push_back(key);
  ++generation_;
}

void UnitKeys::UndoForget(uint32_t key) {
  MutexLock lock(mu_);
  if (std::erase(forgetting_, key) > 0) {
    InsertLocked(UnitAt(key).hash, key);
  }
}

Status UnitKeys::MarkForgotten(uint32_t key) {
  MutexLock lock(mu_);
  if (key >= capacity_) {
    return Status::DataLoss(fmt::format("{}: no slot {}, which the log forgets", path_, key));
  }
  if (StateAt(key) != State::kErased) {
    forgetting_.push_back(key);
  }
  return {};
}

// The secrets leave the disk first: a crash in between finds the kForget record and comes here
// again.
Status UnitKeys::EraseForgotten() {
  MutexLock io(io_mu_);
  std::vector<uint32_t> keys;
  {
    MutexLock lock(mu_);
    keys = forgetting_;
    for (const uint32_t key : keys) {
      StateAt(key) = State::kErased;  // its slot is encoded as erased from now on
    }
  }
  if (keys.empty()) {
    return {};
  }
  for (const uint32_t key : keys) {
    HOEGO_TRY(WriteSlots(key, 1));
  }
  HOEGO_TRY(SyncFile());
  MutexLock lock(mu_);
  for (const uint32_t key : keys) {
    Unit& unit = UnitAt(key);
    unit.secret = {};
    unit.hash = {};
    std::erase(forgetting_, key);
  }
  return {};
}

UnitKeys::Secret UnitKeys::SecretOf(uint32_t key) const {
  MutexLock lock(mu_);
  if (key >= published_) {
    return {};
  }
  const Unit& unit = UnitAt(key);
  return {StateAt(key), unit.secret, unit.record_at};
}

UnitKeys::Unit* UnitKeys::At(uint32_t key) {
  MutexLock lock(mu_);
  HOEGO_CHECK(key < assigned_);
  return &UnitAt(key);
}

uint32_t UnitKeys::published() const {
  MutexLock lock(mu_);
  return published_;
}
uint32_t UnitKeys::assigned() const {
  MutexLock lock(mu_);
  return assigned_;
}
uint32_t UnitKeys::damaged() const {
  MutexLock lock(mu_);
  return damaged_;
}
uint64_t UnitKeys::generation() const {
  MutexLock lock(mu_);
  return generation_;
}

void UnitKeys::InsertLocked(const IdHash& hash, uint32_t key) {
  if ((in_table_ + 1) * 4 > table_.size() * 3) {
    GrowTable(in_table_ + 1);
  }
  size_t at = HomeOf(hash);
  while (table_[at].key_plus_one != 0) {
    at = (at + 1) & (table_.size() - 1);
  }
  table_[at] = {key + 1, static_cast<uint32_t>(hash.high)};
  ++in_table_;
}

// As IdTable::Erase: the rest of the run moves back over the hole.
void UnitKeys::EraseLocked(const IdHash& hash, uint32_t key) {
  if (table_.empty()) {
    return;
  }
  const size_t mask = table_.size() - 1;
  size_t hole = HomeOf(hash);
  while (table_[hole].key_plus_one != key + 1) {
    if (table_[hole].key_plus_one == 0) {
      return;  // it had left already: forgotten and taken back in one batch
    }
    hole = (hole + 1) & mask;
  }
  for (size_t i = (hole + 1) & mask; table_[i].key_plus_one != 0; i = (i + 1) & mask) {
    const size_t home = HomeOf(UnitAt(table_[i].key_plus_one - 1).hash);
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      table_[hole] = table_[i];
      hole = i;
    }
  }
  table_[hole] = {};
  --in_table_;
}

void UnitKeys::GrowTable(size_t units) {
  size_t slots = table_.empty() ? 64 : table_.size();
  while (units * 4 > slots * 3) {
    slots *= 2;
  }
  const std::vector<TableSlot> old = std::exchange(table_, std::vector<TableSlot>(slots));
  for (const TableSlot& slot : old) {
    if (slot.key_plus_one != 0) {
      size_t at = HomeOf(UnitAt(slot.key_plus_one - 1).hash);
      while (table_[at].key_plus_one != 0) {
        at = (at + 1) & (table_.size() - 1);
      }
      table_[at] = slot;
    }
  }
}

}  // namespace hoego::events
