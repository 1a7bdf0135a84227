#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/disk.h"
#include "base/mutex.h"
#include "base/uuid.h"
#include "events/internal/layout.h"
#include "events/internal/siphash.h"

namespace hoego::events {

// The units: which key an id has, and the secret its ids and properties are sealed under. Kept in
// one file of 64-byte slots, slot number = UnitKey (docs/formats/units-keys.md). Secrets are made
// and synced ahead of their use, so that appending never waits for this file; the rest of a slot is
// a copy of what the log says and is written behind it.
//
// Life: Open, then Restore for the records that were scanned, then FinishOpen; after that in normal
// use. Threads: every method from any thread, except that Assign, BeginForget, UndoForget and
// TruncateTo are ordered by their caller, as is the use of Unit::head. Cost: 64 bytes a unit in
// memory and on disk, 8 bytes a table slot.
class UnitKeys {
 public:
  struct Unit {
    AesKey secret{};
    IdHash hash;
    uint64_t record_at = 0;  // of its kUnitKey record; 0 while not known to be durable
    uint64_t head = 0;       // newest sequenced event with an item; 0: none
  };
  // A unit as a writer needs it: no key when the id is new.
  struct Found {
    uint32_t key = UINT32_MAX;
    Unit* unit = nullptr;
    AesKey secret{};
  };

  ~UnitKeys();
  static Result<std::unique_ptr<UnitKeys>> Open(Disk& disk, const std::string& path,
                                                bool log_exists);

  uint64_t log_id() const { return log_id_; }
  IdHash HashUnit(std::string_view id) const { return SipHash128(unit_salt_, id); }
  IdHash HashEventId(std::string_view id) const { return SipHash128(event_salt_, id); }
  IdHash HashDecisionId(const Uuid& id) const;
  uint64_t table_seed() const { return event_salt_[0] ^ unit_salt_[1]; }

  // What a scanned kUnitKey record says of its slot; repairs a slot whose copy was lost. DataLoss
  // when the file lacks it.
  Status Restore(const RawRecord& record);
  // The log holds units [0, assigned); everything beyond is free again.
  Status FinishOpen(uint32_t assigned);

  // Sequenced units are found here, also those not yet durable.
  void FindMany(std::span<const IdHash> hashes, std::span<Found> found) const;
  // Durable units only.
  std::optional<uint32_t> FindPublished(std::string_view id) const;
  // Makes sure that `n` more units can be assigned; writes and syncs when the stock does not do.
  Status EnsureFree(uint32_t n);
  // Tops the stock up to what the present number of units suggests. For a background thread.
  Status Replenish();
  Found Assign(const IdHash& hash);  // Pre: EnsureFree, not found
  void TruncateTo(uint32_t count);   // takes back the newest, none of them published
  // Units [published, published + positions.size()) have become durable at these positions.
  Status Publish(std::span<const uint64_t> positions);
  Status Sync();  // what was published is on disk

  void BeginForget(uint32_t key);  // its id is free for a new unit
  void UndoForget(uint32_t key);
  Status EraseForgotten();  // destroys the secrets of begun forgettings on disk, then in memory
  Status MarkForgotten(
      uint32_t key);  // at open, for a kForget record: begun, and known to be durable

  enum class State : uint8_t { kLive, kErased, kDamaged, kUnknown };
  struct Secret {
    State state = State::kUnknown;
    AesKey key{};
    uint64_t record_at = 0;
  };
  Secret SecretOf(uint32_t key) const;
  Unit* At(uint32_t key);  // Pre: key < assigned
  uint32_t published() const;
  uint32_t assigned() const;
  uint32_t damaged() const;
  // Changes whenever a unit found earlier may no longer be used: forgotten, or taken back.
  uint64_t generation() const;
  // Every slot's checksum against the file; findings as text. For Doctor.
  Result<std::vector<std::string>> CheckFile() const;

 private:
  static constexpr uint32_t kChunkUnits = 1024;
  struct Chunk {  // never moves, so that a writer may keep a Unit*
    std::array<Unit, kChunkUnits> units;
    std::array<State, kChunkUnits> states;
    Chunk() { states.fill(State::kUnknown); }
  };
  struct TableSlot {
    uint32_t key_plus_one = 0;
    uint32_t tag = 0;
  };

  UnitKeys(Disk& disk, std::string path, std::unique_ptr<File> file);
  Status Create();
  Status Load();
  Status LoadSlots(uint32_t count);
  Status Extend(uint32_t n) REQUIRES(io_mu_);
  std::string EncodeSlots(uint32_t first, uint32_t count) const REQUIRES(mu_);
  Status WriteSlots(uint32_t first, uint32_t count) REQUIRES(io_mu_);
  Status SyncFile() REQUIRES(io_mu_);
  void MarkUnsynced(uint32_t first, uint32_t count) REQUIRES(io_mu_);
  Unit& UnitAt(uint32_t key) const REQUIRES(mu_);
  State& StateAt(uint32_t key) const REQUIRES(mu_);
  void AddCapacity(uint32_t n) REQUIRES(mu_);
  void InsertLocked(const IdHash& hash, uint32_t key) REQUIRES(mu_);
  void EraseLocked(const IdHash& hash, uint32_t key) REQUIRES(mu_);
  void GrowTable(size_t units) REQUIRES(mu_);
  size_t HomeOf(const IdHash& hash) const REQUIRES(mu_) { return hash.low & (table_.size() - 1); }

  Disk& disk_;
  const std::string path_;
  uint64_t log_id_ = 0;
  SipKey unit_salt_{};
  SipKey event_salt_{};

  Mutex io_mu_;  // before mu_: writes of the file, one at a time
  std::unique_ptr<File> file_;
  uint32_t unsynced_from_ GUARDED_BY(io_mu_) =
      UINT32_MAX;  // slots that may not be on disk: [from, to)
  uint32_t unsynced_to_ GUARDED_BY(io_mu_) = 0;
  bool rewrite_ GUARDED_BY(io_mu_) = false;  // they must be written again, not only synced

  mutable Mutex mu_;
  std::vector<std::unique_ptr<Chunk>> chunks_ GUARDED_BY(mu_);
  std::vector<TableSlot> table_ GUARDED_BY(mu_);
  size_t in_table_ GUARDED_BY(mu_) = 0;
  uint32_t capacity_ GUARDED_BY(mu_) = 0;  // slots with a synced secret
  uint32_t assigned_ GUARDED_BY(mu_) = 0;
  uint32_t published_ GUARDED_BY(mu_) = 0;
  uint32_t damaged_ GUARDED_BY(mu_) = 0;
  uint64_t generation_ GUARDED_BY(mu_) = 0;
  std::vector<uint32_t> forgetting_ GUARDED_BY(mu_);
};

}  // namespace hoego::events
