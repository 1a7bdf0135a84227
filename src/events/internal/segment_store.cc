#include "events/internal/segment_store.h"

#include "base/log.h"
#include "events/internal/bodies.h"
#include "events/internal/opener.h"
#include "events/internal/seal.h"

namespace hoego::events {

SegmentStore::SegmentStore(StoreOptions options, Disk& disk, const Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      disk_(disk),
      clock_(clock),
      metrics_(metrics),
      unreadable_(metrics.counter(
          "hoego_event_log_unreadable_records_total",
          "Records read as erased because their unit's key is damaged (see hoego doctor).")) {}

Result<std::unique_ptr<SegmentStore>> SegmentStore::Open(StoreOptions options, Disk& disk,
                                                         const Clock& clock, Metrics& metrics) {
  std::unique_ptr<SegmentStore> store(new SegmentStore(std::move(options), disk, clock, metrics));
  HOEGO_TRY(store->Start().Within("open the event log"));
  return store;
}

Status SegmentStore::Start() {
  Opener opener(options_, disk_, clock_, metrics_, segments_);
  HOEGO_TRY_ASSIGN(Opened opened, opener.Open());
  state_ = std::move(opened.state);
  history_ = std::make_unique<HistoryCache>(segments_, state_->heads, options_.history_cache_bytes,
                                            metrics_);
  log_ = std::make_unique<SegmentLog>(
      SegmentLog::Parts{options_, disk_, clock_, metrics_, segments_, *state_},
      std::move(opened.start));
  keeper_ = std::make_unique<Keeper>(
      Keeper::Parts{options_, disk_, clock_, metrics_, segments_, *state_, *history_, *log_},
      std::move(opened.sealed), std::move(opened.carried));
  log_->SetHousekeeping([this] { keeper_->Wake(); });
  keeper_->Wake();
  return {};
}

// The keeper goes first, since it uses the log; then the log, which answers what was sequenced.
SegmentStore::~SegmentStore() {
  if (log_ == nullptr) {
    return;
  }
  log_->SetHousekeeping({});
  keeper_.reset();
  const bool healthy = log_->Close();
  const uint64_t end = log_->end().offset;
  log_.reset();
  if (!healthy) {
    return;
  }
  Status settled = state_->units->Sync();
  if (settled.ok()) {
    settled = WriteSettled(disk_, options_.folder, end);
  }
  if (!settled.ok()) {
    Log(LogLevel::kWarning, "events", "the next opening takes a little longer",
        {{"why", settled.message()}});
  }
}

std::optional<UnitKey> SegmentStore::FindUnit(std::string_view unit) const {
  const auto key = state_->units->FindPublished(unit);
  return key ? std::optional(UnitKey(*key)) : std::nullopt;
}

Status SegmentStore::ReadAnywhere(uint64_t position, std::string& buffer, RawRecord& out) const {
  const Status read = ReadRecordAt(segments_, position, buffer, out);
  const auto carried = read.code() == Code::kNotFound ? keeper_->carried() : nullptr;
  return carried == nullptr ? read : carried->ReadAt(position, buffer, out);
}

std::optional<std::string> SegmentStore::UnitId(UnitKey key) const {
  const UnitKeys::Secret secret = state_->units->SecretOf(key.value());
  if (secret.state != UnitKeys::State::kLive) {
    return std::nullopt;
  }
  std::string buffer;
  RawRecord raw;
  if (!ReadAnywhere(secret.record_at, buffer, raw).ok()) {
    return std::nullopt;
  }
  Result<std::string> id = OpenSealed(secret.key, raw.kind, raw.unit, SealedPart(raw));
  return id.ok() ? std::optional(std::move(*id)) : std::nullopt;
}

std::optional<ItemKey> SegmentStore::FindItem(std::string_view item) const {
  const auto key = state_->items.Find(item);
  return key ? std::optional(ItemKey(*key)) : std::nullopt;
}

std::string SegmentStore::ItemId(ItemKey key) const {
  return state_->items.At(key.value());
}

std::string SegmentStore::TypeName(TypeKey key) const {
  return state_->types.At(key.value());
}

std::optional<TypeKey> SegmentStore::FindType(std::string_view name) const {
  const auto key = state_->types.Find(name);
  return key ? std::optional(TypeKey(static_cast<uint16_t>(*key))) : std::nullopt;
}

uint32_t SegmentStore::unit_count() const {
  return state_->units->published();
}
uint32_t SegmentStore::item_count() const {
  return state_->items.published();
}

Result<OpenedEvent> SegmentStore::Open(const Record& record) const {
  const std::string_view sealed = SealedPart(static_cast<uint8_t>(record.kind), record.body);
  if (sealed.empty()) {
    return Status::InvalidArgument(
        fmt::format("record at {}: its kind has no sealed part", record.at.offset));
  }
  const UnitKeys::Secret secret = state_->units->SecretOf(record.unit.value());
  OpenedEvent opened;
  if (secret.state == UnitKeys::State::kErased) {
    opened.erased = true;
    return opened;
  }
  if (secret.state != UnitKeys::State::kLive) {
    // One damaged key costs its own unit; to fail here would end every reader of the whole log.
    NoteUnreadable(record.unit.value());
    opened.erased = true;
    return opened;
  }
  HOEGO_TRY_ASSIGN(std::string plain, OpenSealed(secret.key, static_cast<uint8_t>(record.kind),
                                                 record.unit.value(), sealed));
  opened.unit = UnitId(record.unit).value_or("");
  if (record.kind != RecordKind::kEvent) {
    opened.properties = std::move(plain);
    return opened;
  }
  ByteReader reader(plain);
  opened.id = reader.TakeText16();
  opened.properties = reader.rest();
  if (!reader.ok()) {
    return Status::DataLoss(
        fmt::format("record at {}: its sealed part holds no event", record.at.offset));
  }
  return opened;
}

void SegmentStore::NoteUnreadable(uint32_t unit) const {
  unreadable_.Add();
  {
    MutexLock lock(unreadable_mu_);
    if (!unreadable_units_.insert(unit).second) {
      return;
    }
  }
  Log(LogLevel::kWarning, "events",
      "a unit's key is damaged: its records are read as those of a forgotten unit",
      {{"unit_key", unit}});
}

std::shared_ptr<const Record> SegmentStore::FindDecision(const Uuid& id) const {
  struct Entry {
    std::string bytes;
    Record record;
  };
  const auto at = log_->FindDecision(id);
  if (!at) {
    return nullptr;
  }
  auto entry = std::make_shared<Entry>();
  RawRecord raw;
  if (!ReadRecordAt(segments_, *at, entry->bytes, raw).ok() ||
      !DecodeRecord(raw, entry->record).ok()) {
    return nullptr;
  }
  const Record* const record = &entry->record;
  return {std::move(entry), record};
}

Status SegmentStore::ScanDefinitions(Cut from,
                                     const std::function<Status(const Record&)>& visit) const {
  std::string buffer;
  RawRecord raw;
  Record record;
  for (const uint64_t position : state_->definitions.From(from.offset)) {
    HOEGO_TRY(ReadAnywhere(position, buffer, raw));
    HOEGO_TRY(DecodeRecord(raw, record));
    HOEGO_TRY(visit(record));
  }
  return {};
}

Result<std::string> SegmentStore::UnitAttributes(UnitKey key) const {
  const uint64_t position = state_->attributes.Get(key.value());
  if (position == 0) {
    return std::string("{}");
  }
  std::string buffer;
  RawRecord raw;
  HOEGO_TRY(ReadAnywhere(position, buffer, raw));
  const UnitKeys::Secret secret = state_->units->SecretOf(key.value());
  if (secret.state != UnitKeys::State::kLive) {
    if (secret.state != UnitKeys::State::kErased) {
      NoteUnreadable(key.value());
    }
    return std::string("{}");
  }
  HOEGO_TRY_ASSIGN(std::string attributes,
                   OpenSealed(secret.key, raw.kind, raw.unit, SealedPart(raw)));
  return attributes.empty() ? std::string("{}") : attributes;
}

Status SegmentStore::Forget(std::string_view unit) {
  HOEGO_TRY(state_->units->EraseForgotten().Within("destroy the keys of units forgotten earlier"));
  const auto key = state_->units->FindPublished(unit);
  if (!key) {
    return Status::NotFound("no such unit");
  }
  Mutex mu;
  CondVar answered;
  std::optional<Status> answer;
  log_->AppendForget(*key, [&](const Result<AppendResult>& result) {
    MutexLock lock(mu);
    answer = result.status();
    answered.NotifyOne();
  });
  {
    MutexLock lock(mu);
    while (!answer) {
      answered.Wait(mu);
    }
  }
  HOEGO_TRY(*answer);
  HOEGO_TRY(state_->units->EraseForgotten().Within("destroy the unit's key"));
  history_->Drop(UnitKey(*key));
  return {};
}

Result<std::vector<std::string>> SegmentStore::Doctor() {
  return keeper_->Check();
}

Result<uint64_t> SegmentStore::Retain() {
  return keeper_->Tend(true);
}

}  // namespace hoego::events
