// How batches are put in order. What happens to them then is in segment_commit.cc.
#include "events/internal/segment_log.h"

#include <algorithm>
#include <utility>

#include "events/internal/bodies.h"
#include "events/internal/log_cursor.h"
#include "events/limits.h"

namespace hoego::events {
namespace {

// Positions in the table of ids are 48 bits wide.
constexpr uint64_t kLastPosition = (uint64_t{1} << 48) - (uint64_t{4} << 30);
constexpr uint32_t kMostTypes = UINT16_MAX;
constexpr uint64_t kMostBatchBytes = 1u << 30;

}  // namespace

void Group::ForEachRecord(size_t from, const std::function<void(const RawRecord&)>& visit) const {
  auto roll = std::lower_bound(rolls.begin(), rolls.end(), from);
  RawRecord raw;
  for (size_t at = from; at < bytes.size();) {
    if (roll != rolls.end() && *roll == at) {
      at += kSegmentHeaderBytes;
      ++roll;
      continue;
    }
    ViewRecord(std::string_view(bytes).substr(at), base + at, raw);
    visit(raw);
    at += raw.length;
  }
}

SegmentLog::SegmentLog(Parts parts, Start start)
    : options_(parts.options),
      disk_(parts.disk),
      clock_(parts.clock),
      segments_(parts.segments),
      state_(parts.state),
      accepted_(parts.metrics.counter("hoego_event_log_records_total", "Records of batches.",
                                      {{"as", "accepted"}})),
      duplicates_(parts.metrics.counter("hoego_event_log_records_total", "Records of batches.",
                                        {{"as", "duplicate"}})),
      commits_(
          parts.metrics.counter("hoego_event_log_commits_total", "Groups written and synced.")),
      healthy_(parts.metrics.gauge("hoego_event_log_healthy",
                                   "1 while appends are taken, 0 after a failed write.")),
      commit_seconds_(parts.metrics.histogram("hoego_event_log_commit_seconds",
                                              "Write and sync of one group.")),
      active_(segments_.last()),
      ids_(std::move(start.ids)),
      segment_base_(active_->base),
      last_received_(start.last_received),
      durable_end_(start.end) {
  open_.base = start.end;
  healthy_.Set(1);
  committer_ = std::jthread([this] { CommitLoop(); });
}

SegmentLog::~SegmentLog() {
  Close();
}

bool SegmentLog::Close() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    work_.NotifyAll();
  }
  if (committer_.joinable()) {
    committer_.join();
  }
  return health().ok();
}

void SegmentLog::SetHousekeeping(std::function<void()> due) {
  MutexLock lock(housekeeping_mu_);
  housekeeping_ = std::move(due);
}

void SegmentLog::Append(std::span<const NewRecord> batch, Done done) {
  if (batch.size() > kMaxBatchRecords) {
    done(Status::InvalidArgument(
        fmt::format("batch: {} records, at most {}", batch.size(), kMaxBatchRecords)));
    return;
  }
  std::unique_ptr<Draft> draft = drafts_.Take();
  Status refused = draft->Prepare(batch, state_, nonces_, clock_.Now(),
                                  std::min(options_.max_pending_bytes, kMostBatchBytes));
  if (refused.ok()) {
    MutexLock lock(mu_);
    refused = Sequence(batch, *draft, done);
  }
  drafts_.GiveBack(std::move(draft));
  if (!refused.ok()) {
    done(refused);
  }
}

// Takes `done` over when it returns ok.
Status SegmentLog::Sequence(std::span<const NewRecord> batch, Draft& draft, Done& done) {
  if (!failure_.ok()) {
    WantReopen();
    return failure_;
  }
  const uint64_t pending = open_.bytes.size() + committing_.bytes.size();
  if (pending > options_.max_pending_bytes) {
    return Status::ResourceExhausted(fmt::format(
        "event log: {} bytes wait for the disk, at most {}", pending, options_.max_pending_bytes));
  }
  if (open_.end() > kLastPosition) {
    return Status::ResourceExhausted("event log: it has reached its largest size, 256 TiB");
  }
  if (draft.generation() != state_.units->generation()) {
    draft.Distrust();
  }
  HOEGO_TRY(MakeRoom(draft));
  const size_t begin = open_.bytes.size();
  const size_t rolls = open_.rolls.size();
  const uint64_t base = segment_base_;
  AppendResult result;
  const Status sequenced = SequenceLines(batch, draft, result);
  if (!sequenced.ok()) {
    Undo(open_, begin);
    open_.bytes.resize(begin);
    open_.rolls.resize(rolls);
    segment_base_ = base;
    return sequenced;
  }
  accepted_.Add(result.accepted);
  duplicates_.Add(result.duplicates);
  result.cut = Cut{open_.end()};
  open_.waiters.push_back({std::move(done), result});
  work_.NotifyOne();
  return {};
}

// Keys for what the draft may name for the first time. Failing to write new unit secrets is a
// failed write like any other.
Status SegmentLog::MakeRoom(const Draft& draft) {
  const auto lines = static_cast<uint32_t>(draft.open_lines());
  if (lines == 0) {
    return {};
  }
  if (state_.items.assigned() > UINT32_MAX - 1 - lines) {
    return Status::ResourceExhausted("event log: no key is left for a new item");
  }
  const Status room = state_.units->EnsureFree(lines);
  if (!room.ok()) {
    Fail(room);
    return failure_;
  }
  return {};
}

Status SegmentLog::SequenceLines(std::span<const NewRecord> batch, Draft& draft,
                                 AppendResult& result) {
  constexpr size_t kAhead = 8;
  last_received_ = std::max(last_received_, ToUnixMillis(clock_.Now()));
  const std::span<Draft::Line> lines = draft.lines();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i + kAhead < lines.size()) {
      ids_.Prefetch(IdTable::KeyOf(lines[i + kAhead].id));
    }
    Draft::Line& line = lines[i];
    const bool decision = std::holds_alternative<NewDecision>(batch[i]);
    if (line.has_id && IsDuplicate(line.id, decision)) {
      ++result.duplicates;
      continue;
    }
    if (line.length == 0) {
      HOEGO_TRY(EncodeOpen(batch[i], draft, line).Within(fmt::format("record {}", i)));
    }
    const std::string_view record = std::string_view(draft.bytes()).substr(line.begin, line.length);
    const uint64_t at = Place(record, line.takes_received, line.chained ? line.unit.unit->head : 0);
    if (line.chained) {
      line.unit.unit->head = at;
    }
    if (line.has_id) {
      ids_.Insert(IdTable::KeyOf(line.id), at);
    }
    ++result.accepted;
  }
  return {};
}

// A record that named something new when it was drafted: the names get their keys, each in a record
// before this one.
Status SegmentLog::EncodeOpen(const NewRecord& record, Draft& draft, Draft::Line& line) {
  RecordKeys keys;
  std::string& bytes = draft.bytes();
  if (const std::string_view type = TypeOf(record); !type.empty()) {
    if (state_.types.assigned() == kMostTypes && !state_.types.FindAssigned(type)) {
      return Status::ResourceExhausted(
          fmt::format("field \"type\": at most {} event types", kMostTypes));
    }
    keys.type = static_cast<uint16_t>(KeyOf(state_.types, RecordKind::kTypeKey, type));
  }
  if (const std::string_view item = ItemOf(record); !item.empty()) {
    keys.item = KeyOf(state_.items, RecordKind::kItemKey, item);
  }
  if (const std::string_view unit = UnitOf(record); !unit.empty()) {
    state_.units->FindMany({&line.unit_hash, 1}, {&line.unit, 1});
    if (line.unit.unit == nullptr) {
      line.unit = state_.units->Assign(line.unit_hash);
      std::string& made = draft.scratch();
      made.clear();
      EncodeUnitKey(made, line.unit.key, unit, line.unit.secret, nonces_.Next());
      Place(made, true, 0);
    }
  }
  keys.unit = line.unit.key;
  keys.secret = &line.unit.secret;
  keys.id = line.id;
  keys.nonce = nonces_.Next();
  line.begin = static_cast<uint32_t>(bytes.size());
  EncodeRecord(bytes, record, line.event_id, keys, draft.scratch());
  line.length = static_cast<uint32_t>(bytes.size() - line.begin);
  return {};
}

uint32_t SegmentLog::KeyOf(StringTable& table, RecordKind kind, std::string_view text) {
  if (const auto known = table.FindAssigned(text)) {
    return *known;
  }
  const uint32_t key = table.Assign(text);
  std::string record;
  EncodeNamedKey(record, kind, key, text);
  Place(record, true, 0);
  return key;
}

// Gives the record its place at the end of the open group.
uint64_t SegmentLog::Place(std::string_view record, bool takes_received, uint64_t prev) {
  RollIfFull();
  const size_t at = open_.bytes.size();
  open_.bytes.append(record);
  StampRecord(open_.bytes.data() + at, static_cast<uint32_t>(record.size()), last_received_,
              takes_received, prev);
  return open_.base + at;
}

void SegmentLog::RollIfFull() {
  if (open_.end() - segment_base_ < options_.segment_bytes) {
    return;
  }
  segment_base_ = open_.end();
  open_.rolls.push_back(open_.bytes.size());
  open_.bytes += EncodeSegmentHeader({segment_base_, last_received_, state_.units->log_id()});
}

// The analysis does not look through the call: the caller holds mu_, as REQUIRES says.
uint64_t SegmentLog::FindId(const IdHash& id, bool decision) const {
  return ids_.Find(IdTable::KeyOf(id), [&](uint64_t position) HOEGO_TSA(no_thread_safety_analysis) {
    return HasId(position, id, decision);
  });
}

bool SegmentLog::IsDuplicate(const IdHash& id, bool decision) const {
  return FindId(id, decision) != 0;
}

bool SegmentLog::HasId(uint64_t position, const IdHash& id, bool decision) const {
  RawRecord raw;
  std::string buffer;
  if (!ReadPending(position, raw) && !ReadRecordAt(segments_, position, buffer, raw).ok()) {
    // The record cannot be read to compare all 128 bits, only the 48 that are equal already. Taking
    // a new id for a known one happens once in 10^14 then; taking a known one for new would count
    // an event twice.
    return true;
  }
  if (decision) {
    const auto stored = DecisionIdOf(raw);
    return stored && state_.units->HashDecisionId(*stored) == id;
  }
  const auto stored = EventIdOf(raw);
  return stored && *stored == id;
}

bool SegmentLog::ReadPending(uint64_t position, RawRecord& out) const {
  for (const Group* group : {&open_, &committing_}) {
    if (position >= group->base && position < group->end()) {
      ViewRecord(std::string_view(group->bytes).substr(position - group->base), position, out);
      return true;
    }
  }
  return false;
}

// Takes back what sequencing the group's records from `from` on did, newest first.
void SegmentLog::Undo(const Group& group, size_t from) {
  std::vector<RawRecord> records;
  group.ForEachRecord(from, [&](const RawRecord& raw) { records.push_back(raw); });
  uint32_t units = state_.units->assigned();
  uint32_t items = state_.items.assigned();
  uint32_t types = state_.types.assigned();
  for (auto raw = records.rbegin(); raw != records.rend(); ++raw) {
    switch (raw->known_kind()) {
      case RecordKind::kEvent:
        ids_.Erase(IdTable::KeyOf(*EventIdOf(*raw)), raw->at);
        break;
      case RecordKind::kDecision:
        ids_.Erase(IdTable::KeyOf(state_.units->HashDecisionId(*DecisionIdOf(*raw))), raw->at);
        break;
      case RecordKind::kUnitKey:
        units = raw->unit;
        break;
      case RecordKind::kItemKey:
        items = TakeNamedKey(raw->kind, raw->body).key;
        break;
      case RecordKind::kTypeKey:
        types = TakeNamedKey(raw->kind, raw->body).key;
        break;
      case RecordKind::kForget:
        state_.units->UndoForget(raw->unit);
        break;
      default:
        break;
    }
    if ((raw->flags & kFlagChained) != 0) {
      state_.units->At(raw->unit)->head = raw->prev;
    }
  }
  state_.units->TruncateTo(units);
  state_.items.TruncateTo(items);
  state_.types.TruncateTo(types);
}

void SegmentLog::AppendForget(uint32_t unit, Done done) {
  std::string record;
  EncodeForget(record, unit);
  Status refused;
  {
    MutexLock lock(mu_);
    refused = failure_;
    if (refused.ok()) {
      last_received_ = std::max(last_received_, ToUnixMillis(clock_.Now()));
      state_.units->BeginForget(unit);
      Place(record, true, 0);
      open_.waiters.push_back({std::move(done), AppendResult{1, 0, Cut{open_.end()}}});
      work_.NotifyOne();
    }
  }
  if (!refused.ok()) {
    done(refused);
  }
}

std::optional<uint64_t> SegmentLog::FindDecision(const Uuid& id) const {
  const IdHash hash = state_.units->HashDecisionId(id);
  MutexLock lock(mu_);
  const uint64_t at = FindId(hash, true);
  return at != 0 && at < end().offset ? std::optional(at) : std::nullopt;
}

void SegmentLog::DropIds(std::span<const IdEntry> ids, uint64_t base) {
  constexpr size_t kAtOnce = 1024;  // writers get in between
  while (!ids.empty()) {
    MutexLock lock(mu_);
    const std::span<const IdEntry> some = ids.first(std::min(kAtOnce, ids.size()));
    for (const IdEntry& id : some) {
      ids_.Erase(id.key, base + id.place);
    }
    ids = ids.subspan(some.size());
  }
}

size_t SegmentLog::id_count() const {
  MutexLock lock(mu_);
  return ids_.size();
}

std::unique_ptr<Cursor> SegmentLog::Read(Cut from) const {
  return std::make_unique<LogCursor>(
      segments_, [this] { return end().offset; }, from.offset);
}

Cut SegmentLog::begin() const {
  return Cut{segments_.begin()};
}

Result<Cut> SegmentLog::CutAt(Time received) const {
  const int64_t wanted = ToUnixMillis(received);
  const auto cursor = Read(std::max(Cut{state_.times.LastBefore(wanted)}, begin()));
  while (true) {
    HOEGO_TRY_ASSIGN(const Record* record, cursor->Next());
    if (record == nullptr) {
      return cursor->position();
    }
    if (ToUnixMillis(record->received) >= wanted) {
      return record->at;
    }
  }
}

Status SegmentLog::health() const {
  MutexLock lock(mu_);
  return failure_;
}

}  // namespace hoego::events
