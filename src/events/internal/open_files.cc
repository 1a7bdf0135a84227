// How a folder becomes a log again: docs/formats/segment.md, "Opening".
#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "events/internal/bodies.h"
#include "events/internal/cut_tail.h"
#include "events/internal/opener.h"

namespace hoego::events {
namespace {

constexpr std::string_view kSettledName =
    "settled";  // where the log ended when it was last opened, or closed in order

// The bases in the names of this shape, ascending.
std::vector<uint64_t> BasesOf(const std::vector<std::string>& names, std::string_view suffix) {
  std::vector<uint64_t> bases;
  for (const std::string& name : names) {
    if (const auto base = ParseSegmentName(name, suffix)) {
      bases.push_back(*base);
    }
  }
  std::sort(bases.begin(), bases.end());
  return bases;
}

}  // namespace

Opener::Opener(const StoreOptions& options, Disk& disk, const Clock& clock, Metrics& metrics,
               SegmentSet& segments)
    : options_(options), disk_(disk), clock_(clock), metrics_(metrics), segments_(segments) {}

Result<Opened> Opener::Open() {
  HOEGO_TRY(disk_.MakeFolder(options_.folder));
  HOEGO_TRY_ASSIGN(opened_.carried, Carried::Open(disk_, PathOf(kCarriedName)));
  ReadSettled();
  HOEGO_TRY(FindSegments());
  HOEGO_TRY_ASSIGN(
      std::unique_ptr<UnitKeys> units,
      UnitKeys::Open(disk_, PathOf(kUnitKeysName), !bases_.empty() || opened_.carried != nullptr));
  opened_.state = std::make_unique<LogState>(std::move(units), metrics_);
  HOEGO_TRY(OpenSegments());
  if (opened_.carried != nullptr) {
    HOEGO_TRY(RestoreCarried());
  }
  HOEGO_TRY(ReadSidecars());
  HOEGO_TRY(RestoreSealed());
  HOEGO_TRY(RestoreActive());
  return Finish();
}

std::string Opener::SidecarPath(uint64_t base) const {
  return PathOf(SegmentName(base, kSidecarSuffix));
}

std::string Opener::PathOf(std::string_view name) const {
  return JoinPath(options_.folder, name);
}

// The note can be made anew, so a missing or damaged one stops nothing: it only can no longer tell
// damage from a torn tail.
void Opener::ReadSettled() {
  const Result<std::string> text = ReadWholeFile(disk_, PathOf(kSettledName));
  if (text.status().code() == Code::kNotFound) {
    return;
  }
  const auto end = text.ok() && text->ends_with('\n')
                       ? ParseInt(std::string_view(*text).substr(0, text->size() - 1))
                       : std::nullopt;
  if (end && *end >= 0) {
    settled_ = static_cast<uint64_t>(*end);
    return;
  }
  Log(LogLevel::kWarning, "events", "the note of what was synced cannot be read; it is made anew",
      {{"file", PathOf(kSettledName)}});
}

// What segments there are, without those that retention was about to remove, and without a last one
// that never got its header: its first record would have waited for that.
Status Opener::FindSegments() {
  HOEGO_TRY_ASSIGN(const std::vector<std::string> names, disk_.List(options_.folder));
  bases_ = BasesOf(names, ".seg");
  const uint64_t upto = opened_.carried == nullptr ? 0 : opened_.carried->head().upto;
  while (!bases_.empty() && bases_.front() < upto) {
    HOEGO_TRY(disk_.Remove(PathOf(SegmentName(bases_.front()))));
    bases_.erase(bases_.begin());
  }
  for (const uint64_t base : BasesOf(names, kSidecarSuffix)) {
    if (!std::binary_search(bases_.begin(), bases_.end(), base)) {
      HOEGO_TRY(disk_.Remove(SidecarPath(base)));
    }
  }
  if (!bases_.empty()) {
    const std::string path = PathOf(SegmentName(bases_.back()));
    HOEGO_TRY_ASSIGN(const auto file, disk_.Open(path, Disk::Mode::kRead));
    HOEGO_TRY_ASSIGN(const uint64_t size, file->Size());
    std::string header(kSegmentHeaderBytes, '\0');
    HOEGO_TRY_ASSIGN(const size_t got, file->ReadAt(0, header));
    if (size <= kSegmentHeaderBytes &&
        DecodeSegmentHeader(std::string_view(header).substr(0, got)).status().code() ==
            Code::kDataLoss) {
      if (settled_ > bases_.back()) {
        return Status::DataLoss(fmt::format(
            "{}: {} bytes and no whole header, but everything before position {} was acknowledged",
            path, size, settled_));
      }
      HOEGO_TRY(disk_.Remove(path));
      bases_.pop_back();
    }
  }
  HOEGO_TRY(disk_.SyncFolder(
      options_.folder));  // no removed segment may come back beside what is written next
  if (bases_.empty() && settled_ > upto) {
    return Status::DataLoss(fmt::format(
        "{}: the segment is missing, but everything before position {} was acknowledged",
        PathOf(SegmentName(upto)), settled_));
  }
  if (!bases_.empty() && bases_.front() != upto) {
    return Status::DataLoss(fmt::format("{}: the segment at {} is missing", options_.folder, upto));
  }
  return {};
}

Status Opener::OpenSegments() {
  const uint64_t log_id = opened_.state->units->log_id();
  if (bases_.empty()) {
    const uint64_t base = opened_.carried == nullptr ? 0 : opened_.carried->head().upto;
    const std::string header = EncodeSegmentHeader({base, ToUnixMillis(clock_.Now()), log_id});
    HOEGO_TRY_ASSIGN(std::shared_ptr<Segment> first,
                     CreateSegment(disk_, options_.folder, base, header));
    segments_.Add(std::move(first));
    return {};
  }
  for (size_t i = 0; i < bases_.size(); ++i) {
    auto segment = std::make_shared<Segment>();
    segment->base = bases_[i];
    segment->path = PathOf(SegmentName(bases_[i]));
    HOEGO_TRY_ASSIGN(segment->file, disk_.Open(segment->path, Disk::Mode::kReadWrite));
    std::string bytes(kSegmentHeaderBytes, '\0');
    HOEGO_TRY_ASSIGN(const size_t got, segment->file->ReadAt(0, bytes));
    Result<SegmentHeader> header = DecodeSegmentHeader(std::string_view(bytes).substr(0, got));
    if (!header.ok()) {
      return header.status().Within(segment->path);
    }
    if (header->base != segment->base || header->log_id != log_id) {
      return Status::DataLoss(
          fmt::format("{}: belongs to another place or another log", segment->path));
    }
    if (i + 1 < bases_.size()) {
      HOEGO_TRY_ASSIGN(const uint64_t size, segment->file->Size());
      if (segment->base + size != bases_[i + 1]) {
        return Status::DataLoss(fmt::format("{}: {} bytes, but the next segment begins at {}",
                                            segment->path, size, bases_[i + 1] - bases_[i]));
      }
    }
    segments_.Add(std::move(segment));
  }
  return {};
}

Status Opener::RestoreCarried() {
  units_end_ = opened_.carried->head().units_end;
  opened_.start.last_received = opened_.carried->head().last_received;
  return opened_.carried->ForEach(
      [this](const RawRecord& record) { return opened_.state->Restore(record); });
}

// A sidecar for every closed segment; one that is missing or damaged is made from its segment.
Status Opener::ReadSidecars() {
  const auto segments = segments_.all();
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const uint64_t end = segments[i + 1]->base;
    const Result<Sidecar> sidecar = Sidecar::Open(disk_, SidecarPath(segments[i]->base));
    if (sidecar.ok() && sidecar->head().base == segments[i]->base && sidecar->head().end == end &&
        sidecar->head().log_id == opened_.state->units->log_id()) {
      opened_.sealed.push_back({sidecar->head(), false});
      continue;
    }
    HOEGO_TRY(MakeSidecar(segments[i], end));
  }
  return {};
}

Status Opener::MakeSidecar(const std::shared_ptr<Segment>& segment, uint64_t end) {
  UnitKeys& units = *opened_.state->units;
  HOEGO_TRY_ASSIGN(
      const Summary summary, Summarise(segment, end, units, [&](const RawRecord& record) {
        return record.known_kind() == RecordKind::kUnitKey ? units.Restore(record) : Status{};
      }));
  HOEGO_TRY(units.Sync());
  HOEGO_TRY(WriteFileAtomically(disk_, SidecarPath(segment->base), EncodeSummary(summary)));
  opened_.sealed.push_back({summary.head, false});
  return {};
}

// Which of the closed segments' ids a repeated record must be compared with: the newest that fill
// the window.
void Opener::ChooseWindow() {
  const int64_t oldest = ToUnixMillis(clock_.Now() - options_.dedup_age);
  uint64_t ids = 0;
  for (auto sealed = opened_.sealed.rbegin(); sealed != opened_.sealed.rend(); ++sealed) {
    if (ids >= options_.dedup_ids || sealed->head.last_received < oldest) {
      break;
    }
    sealed->in_window = true;
    ids += sealed->head.ids;
  }
  opened_.start.ids.Reserve(static_cast<size_t>(ids + ids / 16));
}

Result<Summary> Opener::ReadSummary(const Keeper::Sealed& sealed) const {
  const std::string path = SidecarPath(sealed.head.base);
  HOEGO_TRY_ASSIGN(const Sidecar sidecar, Sidecar::Open(disk_, path));
  Result<Summary> summary = sidecar.Read(sealed.in_window);
  if (summary.ok()) {
    return summary;
  }
  Log(LogLevel::kWarning, "events", "a sidecar is damaged and is made anew",
      {{"why", summary.status().message()}});
  summary = Summarise(segments_.Find(sealed.head.base), sealed.head.end, *opened_.state->units);
  if (summary.ok()) {
    HOEGO_TRY(WriteFileAtomically(disk_, path, EncodeSummary(*summary)));
  }
  return summary;
}

// While one sidecar's ids go into the table on another thread, the rest of it is applied here and
// the next one is read: the two touch nothing in common.
Status Opener::RestoreSealed() {
  ChooseWindow();
  std::vector<IdEntry> ids;
  std::jthread insert;
  for (const Keeper::Sealed& sealed : opened_.sealed) {
    HOEGO_TRY_ASSIGN(Summary summary, ReadSummary(sealed));
    if (insert.joinable()) {
      insert.join();
    }
    if (sealed.in_window) {
      ids = std::move(summary.ids);
      insert = std::jthread([&ids, base = sealed.head.base, this] { InsertIds(ids, base); });
    }
    HOEGO_TRY(Apply(summary));
  }
  return {};
}

void Opener::InsertIds(const std::vector<IdEntry>& ids, uint64_t base) {
  constexpr size_t kAhead = 16;
  IdTable& table = opened_.start.ids;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) {
      table.Prefetch(ids[i + kAhead].key);
    }
    table.Insert(ids[i].key, base + ids[i].place);
  }
}

Status Opener::Apply(const Summary& summary) {
  LogState& state = *opened_.state;
  const Summary::Head& head = summary.head;
  units_end_ = std::max(units_end_, head.units_end);
  opened_.start.last_received = std::max(opened_.start.last_received, head.last_received);
  for (const UnitPlace& p : summary.heads) {
    if (p.unit < HeadTable::kMostUnits) {
      state.heads.Set(p.unit, head.base + p.place);
    }
  }
  for (const UnitPlace& p : summary.attributes) {
    state.attributes.Set(p.unit, head.base + p.place);
  }
  for (const TimeIndex::Entry& e : summary.times) {
    state.times.Note(e.received, e.position);
  }
  HOEGO_TRY(ForEachPlaced(summary.kept, [&](const RawRecord& record) {
    // The positions of definitions are in a list of their own.
    return record.known_kind() == RecordKind::kDefinition ? state.RestoreEventType(record)
                                                          : state.Restore(record);
  }));
  for (const uint64_t position : summary.definitions) {
    state.definitions.Add(position);
  }
  return {};
}

// The open segment is read whole. Whatever is not whole before the settled position is damage;
// what follows the last whole record behind it was torn by the end of a process, and is cut.
Status Opener::RestoreActive() {
  const auto active = segments_.last();
  LogState& state = *opened_.state;
  SummaryBuilder builder(active->base, *state.units);
  HOEGO_TRY_ASSIGN(const uint64_t size, active->file->Size());
  HOEGO_TRY_ASSIGN(
      const Scan scan, ScanSegment(active, size, [&](const RawRecord& record) -> Status {
        builder.Add(record);
        return record.known_kind() == RecordKind::kUnitKey ? state.units->Restore(record)
                                                           : Status{};
      }));
  if (scan.end < settled_) {
    return Status::DataLoss(fmt::format(
        "{}: no whole record starts here, but everything before position {} was acknowledged",
        active->NamePlace(scan.end), settled_));
  }
  const Summary summary = builder.Finish(false);
  InsertIds(summary.ids, active->base);
  HOEGO_TRY(Apply(summary));
  opened_.start.end = scan.end;
  if (scan.end - active->base < size) {
    HOEGO_TRY(CutTail(*active, scan.end, active->base + size - scan.end));
  }
  return Settle(*active);
}

// A torn write and a damaged record look alike here, and behind the settled position nobody knows
// what was answered. So the bytes are kept.
Status Opener::CutTail(Segment& active, uint64_t end, uint64_t bytes) {
  Result<std::string> kept = KeepTail(disk_, options_.folder, active, end);
  if (!kept.ok()) {
    return kept.status().Within(fmt::format("keep the torn tail at {}", active.NamePlace(end)));
  }
  if (kept->empty()) {
    Log(LogLevel::kWarning, "events", "a torn tail of zeros was cut",
        {{"segment", active.path}, {"offset", end - active.base}, {"bytes", bytes}});
  } else {
    Log(LogLevel::kWarning, "events",
        "a torn tail was cut; it was not known to be acknowledged, and its bytes are kept",
        {{"segment", active.path},
         {"offset", end - active.base},
         {"bytes", bytes},
         {"kept", *kept}});
  }
  return active.file->Truncate(end - active.base);
}

// What was read may only lie in memory, left there by a process that died, or by a sync that
// failed: such pages are not written again by a later sync. So they are written again here, unless
// all of it is settled already; then it is.
Status Opener::Settle(Segment& active) {
  if (settled_ == opened_.start.end) {
    return {};
  }
  constexpr size_t kPart = 1u << 20;
  std::string part(kPart, '\0');
  const uint64_t size = opened_.start.end - active.base;
  for (uint64_t at = 0; at < size; at += kPart) {
    const std::span<char> here(part.data(),
                               static_cast<size_t>(std::min<uint64_t>(kPart, size - at)));
    HOEGO_TRY_ASSIGN(const size_t got, active.file->ReadAt(at, here));
    HOEGO_TRY(active.file->WriteAt(at, {here.data(), got}));
  }
  HOEGO_TRY(active.file->Sync());
  HOEGO_TRY(disk_.SyncFolder(options_.folder));
  const Status noted = WriteSettled(disk_, options_.folder, opened_.start.end);
  if (!noted.ok()) {  // a full disk, say: the log can be read all the same
    Log(LogLevel::kWarning, "events", "what was synced cannot be noted; an older note stands",
        {{"why", noted.message()}});
  }
  return {};
}

Result<Opened> Opener::Finish() {
  LogState& state = *opened_.state;
  HOEGO_TRY(state.units->FinishOpen(units_end_));
  HOEGO_TRY(state.units->EraseForgotten());
  for (uint32_t unit = 0; unit < units_end_; ++unit) {
    state.units->At(unit)->head = state.heads.Get(unit);
  }
  HOEGO_TRY(state.Publish());
  state.items.Publish(state.items.assigned());
  state.types.Publish(state.types.assigned());
  state.times.DropBefore(segments_.begin());
  return std::move(opened_);
}

Status WriteSettled(Disk& disk, const std::string& folder, uint64_t end) {
  return WriteFileAtomically(disk, JoinPath(folder, kSettledName), fmt::format("{}\n", end));
}

}  // namespace hoego::events
