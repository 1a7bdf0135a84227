// The file behind UnitKeys; docs/formats/units-keys.md is the specification.
#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"
#include "events/internal/head_table.h"
#include "events/internal/seal.h"
#include "events/internal/unit_keys.h"

namespace hoego::events {
namespace {

constexpr std::string_view kMagic = "HOEGOKEY";
constexpr uint32_t kFormat = 1;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kSlotBytes = 64;
constexpr uint32_t kSlotLive = 1;
constexpr uint32_t kSlotErased = 2;
constexpr uint32_t kFewestFree = 1024;
constexpr uint32_t kMostFree = 128u << 10;

uint64_t OffsetOf(uint32_t key) {
  return kHeaderBytes + uint64_t{key} * kSlotBytes;
}

}  // namespace

Result<std::unique_ptr<UnitKeys>> UnitKeys::Open(Disk& disk, const std::string& path,
                                                 bool log_exists) {
  if (log_exists && !disk.Exists(path)) {
    return Status::DataLoss(fmt::format("{}: missing, so nothing in this log can be read", path));
  }
  HOEGO_TRY_ASSIGN(std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kCreate));
  HOEGO_TRY_ASSIGN(const uint64_t size, file->Size());
  std::unique_ptr<UnitKeys> keys(new UnitKeys(disk, path, std::move(file)));
  const Status loaded =
      size < kHeaderBytes ? Status::DataLoss(fmt::format("{}: no header", path)) : keys->Load();
  if (loaded.code() == Code::kDataLoss && !log_exists) {
    HOEGO_TRY(keys->Create());  // half made when the power went: nothing was sealed under it yet
    return keys;
  }
  HOEGO_TRY(loaded);
  return keys;
}

Status UnitKeys::Create() {
  std::array<uint8_t, 40> random{};
  RandomBytes(random);
  const ByteReader all(
      std::string_view(reinterpret_cast<const char*>(random.data()), random.size()));
  ByteReader reader = all;
  log_id_ = reader.Take<uint64_t>();
  unit_salt_ = {reader.Take<uint64_t>(), reader.Take<uint64_t>()};
  event_salt_ = {reader.Take<uint64_t>(), reader.Take<uint64_t>()};
  std::string header(kMagic);
  PutLe(header, kFormat);
  PutLe(header, static_cast<uint32_t>(kSlotBytes));
  header.append(all.rest());
  header.resize(kHeaderBytes - 4);
  PutLe(header, Crc32c(header));
  {
    MutexLock io(io_mu_);
    HOEGO_TRY(file_->Truncate(0));
    HOEGO_TRY(file_->WriteAt(0, header));
    HOEGO_TRY(Extend(kFewestFree));
  }
  const size_t slash = path_.find_last_of('/');
  return slash == std::string::npos ? Status{} : disk_.SyncFolder(path_.substr(0, slash));
}

Status UnitKeys::Load() {
  std::string header(kHeaderBytes, '\0');
  HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(0, header));
  if (got < kHeaderBytes || !header.starts_with(kMagic)) {
    return Status::DataLoss(fmt::format("{}: not a file of unit keys", path_));
  }
  const auto format = LoadLe<uint32_t>(header.data() + 8);
  if (format > kFormat) {
    return Status::FailedPrecondition(
        fmt::format("{}: format {}, the newest this program reads is {}", path_, format, kFormat));
  }
  const std::string_view covered = std::string_view(header).substr(0, kHeaderBytes - 4);
  if (LoadLe<uint32_t>(header.data() + covered.size()) != Crc32c(covered)) {
    return Status::DataLoss(fmt::format("{}: header with a wrong checksum", path_));
  }
  ByteReader reader(covered.substr(16));
  log_id_ = reader.Take<uint64_t>();
  unit_salt_ = {reader.Take<uint64_t>(), reader.Take<uint64_t>()};
  event_salt_ = {reader.Take<uint64_t>(), reader.Take<uint64_t>()};
  HOEGO_TRY_ASSIGN(const uint64_t size, file_->Size());
  return LoadSlots(static_cast<uint32_t>((size - kHeaderBytes) / kSlotBytes));
}

Status UnitKeys::LoadSlots(uint32_t count) {
  MutexLock lock(mu_);
  std::string buffer(kChunkUnits * kSlotBytes, '\0');
  AddCapacity(count);
  for (uint32_t key = 0; key < count; key += kChunkUnits) {
    HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(OffsetOf(key), buffer));
    const uint32_t here = std::min(count - key, static_cast<uint32_t>(got / kSlotBytes));
    for (uint32_t i = 0; i < here; ++i) {
      const std::string_view slot = std::string_view(buffer).substr(i * kSlotBytes, kSlotBytes);
      ByteReader reader(slot);
      Unit& unit = UnitAt(key + i);
      unit.secret = reader.Take<AesKey>();
      unit.hash.low = reader.Take<uint64_t>();
      unit.hash.high = reader.Take<uint64_t>();
      unit.record_at = reader.Take<uint64_t>();
      const auto state = reader.Take<uint32_t>();
      const bool good = reader.Take<uint32_t>() == Crc32c(slot.substr(0, kSlotBytes - 4));
      StateAt(key + i) = !good                  ? State::kDamaged
                         : state == kSlotErased ? State::kErased
                                                : State::kLive;
    }
  }
  return {};
}

// The sealed id tells whether the secret is the right one: a slot that was half written still has
// it. Also a slot that is right may lie in memory only, left there by a process that died, so it is
// written again with the next sync.
Status UnitKeys::Restore(const RawRecord& record) {
  MutexLock io(io_mu_);
  MarkUnsynced(record.unit, 1);
  rewrite_ = true;
  MutexLock lock(mu_);
  if (record.unit >= capacity_) {
    return Status::DataLoss(fmt::format("{}: no slot {}, which the log uses", path_, record.unit));
  }
  Unit& unit = UnitAt(record.unit);
  State& state = StateAt(record.unit);
  if (state == State::kErased || (state == State::kLive && unit.record_at == record.at)) {
    return {};
  }
  const Result<std::string> id =
      OpenSealed(unit.secret, record.kind, record.unit, SealedPart(record));
  state = id.ok() ? State::kLive : State::kDamaged;
  if (id.ok()) {
    unit.hash = HashUnit(*id);
    unit.record_at = record.at;
  }
  return {};
}

Status UnitKeys::FinishOpen(uint32_t assigned) {
  MutexLock io(io_mu_);
  {
    MutexLock lock(mu_);
    if (assigned > capacity_) {
      return Status::DataLoss(
          fmt::format("{}: {} slots, but the log has {} units", path_, capacity_, assigned));
    }
    assigned_ = published_ = assigned;
    GrowTable(assigned);
    for (uint32_t key = 0; key < assigned; ++key) {
      const bool forgotten =
          std::find(forgetting_.begin(), forgetting_.end(), key) != forgetting_.end();
      if (StateAt(key) == State::kLive && UnitAt(key).record_at != 0) {
        if (!forgotten) {
          InsertLocked(UnitAt(key).hash, key);
        }
      } else if (StateAt(key) != State::kErased && !forgotten) {
        StateAt(key) = State::kDamaged;
        ++damaged_;
      }
    }
    for (uint32_t key = assigned; key < capacity_; ++key) {  // never used by a record that counts
      Unit& unit = UnitAt(key);
      if (StateAt(key) != State::kLive) {
        RandomBytes(unit.secret);
        StateAt(key) = State::kLive;
      }
      unit.hash = {};
      unit.record_at = 0;
    }
    if (damaged_ > 0) {
      Log(LogLevel::kError, "events",
          "unit keys are damaged: what was sealed under them cannot be read",
          {{"file", path_}, {"units", damaged_}});
    }
    MarkUnsynced(assigned, capacity_ - assigned);
  }
  rewrite_ = true;
  return SyncFile();
}

void UnitKeys::AddCapacity(uint32_t n) {
  capacity_ += n;
  while (chunks_.size() * kChunkUnits < capacity_) {
    chunks_.push_back(std::make_unique<Chunk>());
  }
}

Status UnitKeys::EnsureFree(uint32_t n) {
  MutexLock io(io_mu_);
  uint32_t missing = 0;
  {
    MutexLock lock(mu_);
    const uint32_t free = capacity_ - assigned_;
    missing = free < n ? n - free : 0;
  }
  return missing == 0 ? Status{} : Extend(std::max(missing, kFewestFree));
}

Status UnitKeys::Replenish() {
  MutexLock io(io_mu_);
  uint32_t missing = 0;
  {
    MutexLock lock(mu_);
    const uint32_t wanted = std::clamp(assigned_, kFewestFree, kMostFree);
    const uint32_t free = capacity_ - assigned_;
    missing = free < wanted / 2 ? wanted - free : 0;
  }
  return missing == 0 ? Status{} : Extend(missing);
}

// Makes n more secrets; they may be used once they are synced.
Status UnitKeys::Extend(uint32_t n) {
  uint32_t first = 0;
  {
    MutexLock lock(mu_);
    first = capacity_;
  }
  if (n > HeadTable::kMostUnits - first) {
    return Status::ResourceExhausted(
        fmt::format("{}: at most {} units", path_, HeadTable::kMostUnits));
  }
  std::vector<AesKey> secrets(n);
  RandomBytes({secrets.front().data(), size_t{n} * sizeof(AesKey)});
  std::string bytes;
  bytes.reserve(size_t{n} * kSlotBytes);
  for (const AesKey& secret : secrets) {
    const size_t begin = bytes.size();
    PutLe(bytes, secret);
    bytes.resize(begin + 56);
    PutLe(bytes, kSlotLive);
    PutLe(bytes, Crc32c(std::string_view(bytes).substr(begin)));
  }
  HOEGO_TRY(file_->WriteAt(OffsetOf(first), bytes));
  HOEGO_TRY(SyncFile());
  MutexLock lock(mu_);
  AddCapacity(n);
  for (uint32_t i = 0; i < n; ++i) {
    UnitAt(first + i).secret = secrets[i];
    StateAt(first + i) = State::kLive;
  }
  return {};
}

std::string UnitKeys::EncodeSlots(uint32_t first, uint32_t count) const {
  std::string bytes;
  bytes.reserve(size_t{count} * kSlotBytes);
  for (uint32_t key = first; key < first + count; ++key) {
    const size_t begin = bytes.size();
    if (StateAt(key) == State::kErased) {
      bytes.resize(begin + 48);
      PutLe(bytes, UnitAt(key).record_at);
      PutLe(bytes, kSlotErased);
    } else {
      const Unit& unit = UnitAt(key);
      PutLe(bytes, unit.secret);
      PutLe(bytes, unit.hash.low);
      PutLe(bytes, unit.hash.high);
      PutLe(bytes, unit.record_at);
      PutLe(bytes, kSlotLive);
    }
    // What was found damaged stays so, also when its slot is written again.
    const uint32_t crc = Crc32c(std::string_view(bytes).substr(begin));
    PutLe(bytes, StateAt(key) == State::kDamaged ? ~crc : crc);
  }
  return bytes;
}

Status UnitKeys::WriteSlots(uint32_t first, uint32_t count) {
  std::string bytes;
  {
    MutexLock lock(mu_);
    bytes = EncodeSlots(first, count);
  }
  return file_->WriteAt(OffsetOf(first), bytes);
}

Result<std::vector<std::string>> UnitKeys::CheckFile() const {
  std::vector<std::string> findings;
  const uint32_t count = published();
  std::string slot(kSlotBytes, '\0');
  for (uint32_t key = 0; key < count; ++key) {
    HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(OffsetOf(key), slot));
    const std::string_view covered = std::string_view(slot).substr(0, kSlotBytes - 4);
    if (got < kSlotBytes || LoadLe<uint32_t>(slot.data() + covered.size()) != Crc32c(covered)) {
      findings.push_back(
          fmt::format("{}: slot {} has a wrong checksum: its unit cannot be read", path_, key));
    }
  }
  return findings;
}

}  // namespace hoego::events
