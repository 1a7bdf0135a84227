#include "events/internal/keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "events/internal/bodies.h"
#include "events/internal/seal.h"

namespace hoego::events {

Keeper::Keeper(Parts parts, std::deque<Sealed> sealed, std::shared_ptr<const Carried> carried)
    : parts_(parts),
      failures_(parts.metrics.counter(
          "hoego_event_log_housekeeping_failures_total",
          "Sidecars, retention or key stock that failed and will be tried again.")),
      bytes_(parts.metrics.gauge("hoego_event_log_bytes", "Kept segments.")),
      segments_(
          parts.metrics.gauge("hoego_event_log_segments", "Kept segments, the open one included.")),
      ids_(parts.metrics.gauge("hoego_event_log_window_ids",
                               "Ids that a repeated record is recognised by.")),
      sealed_(std::move(sealed)),
      carried_(std::move(carried)) {
  thread_ = std::jthread([this] { Loop(); });
}

Keeper::~Keeper() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    woken_.NotifyAll();
  }
  thread_.join();
}

void Keeper::Wake() {
  MutexLock lock(mu_);
  due_ = true;
  woken_.NotifyOne();
}

void Keeper::Loop() {
  while (true) {
    {
      MutexLock lock(mu_);
      while (!due_ && !stopping_) {
        woken_.Wait(mu_);
      }
      if (stopping_) {
        return;
      }
      due_ = false;
    }
    const Result<uint64_t> tended = Tend(false);
    if (!tended.ok()) {
      failures_.Add();
      Log(LogLevel::kWarning, "events", "housekeeping failed and will be tried again",
          {{"why", tended.status().message()}});
    }
  }
}

Result<uint64_t> Keeper::Tend(bool at_once) {
  MutexLock lock(keep_mu_);
  HOEGO_TRY(parts_.state.units->Replenish().Within("make unit keys"));
  HOEGO_TRY(Seal().Within("write a sidecar"));
  HOEGO_TRY(ShrinkWindow().Within("shorten the window of ids"));
  Result<uint64_t> freed = Retain(at_once);
  bytes_.Set(static_cast<double>(parts_.log.end().offset - parts_.segments.begin()));
  segments_.Set(static_cast<double>(sealed_.size() + 1));
  ids_.Set(static_cast<double>(parts_.log.id_count()));
  return freed.ok() ? freed : freed.status().Within("retention");
}

std::string Keeper::SidecarPath(uint64_t base) const {
  return JoinPath(parts_.options.folder, SegmentName(base, kSidecarSuffix));
}

// A segment with a sidecar is not scanned at the next opening, so what scanning would repair is
// synced first.
Status Keeper::Seal() {
  const auto segments = parts_.segments.all();
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const uint64_t base = segments[i]->base;
    if (!sealed_.empty() && base <= sealed_.back().head.base) {
      continue;
    }
    if (segments[i + 1]->first() > parts_.log.end().offset) {
      return {};  // the segment after it may still be taken back
    }
    HOEGO_TRY(parts_.state.units->Sync());
    HOEGO_TRY_ASSIGN(const Summary summary,
                     Summarise(segments[i], segments[i + 1]->base, *parts_.state.units));
    HOEGO_TRY(WriteFileAtomically(parts_.disk, SidecarPath(base), EncodeSummary(summary)));
    sealed_.push_back({summary.head, true});
  }
  return {};
}

// The oldest segment's ids leave when those behind it fill the window alone, or when it is older
// than the window.
Status Keeper::ShrinkWindow() {
  const int64_t oldest = ToUnixMillis(parts_.clock.Now() - parts_.options.dedup_age);
  uint64_t ids = parts_.log.id_count();
  for (Sealed& sealed : sealed_) {
    if (!sealed.in_window) {
      continue;
    }
    const bool full = ids >= sealed.head.ids && ids - sealed.head.ids >= parts_.options.dedup_ids;
    if (!full && sealed.head.last_received >= oldest) {
      return {};
    }
    HOEGO_TRY(DropIds(sealed));
    ids -= std::min(ids, sealed.head.ids);
  }
  return {};
}

Status Keeper::DropIds(Sealed& sealed) {
  if (!sealed.in_window) {
    return {};
  }
  const Summary::Head& head = sealed.head;
  const Result<Sidecar> sidecar = Sidecar::Open(parts_.disk, SidecarPath(head.base));
  Result<Summary> summary = sidecar.ok() ? sidecar->Read(true) : Result<Summary>(sidecar.status());
  if (!summary.ok()) {
    summary = Summarise(parts_.segments.Find(head.base), head.end, *parts_.state.units);
  }
  HOEGO_TRY(summary.status());
  parts_.log.DropIds(summary->ids, head.base);
  sealed.in_window = false;
  return {};
}

size_t Keeper::CountToRemove() const {
  const int64_t oldest = ToUnixMillis(parts_.clock.Now() - parts_.options.retain_age);
  uint64_t bytes = parts_.log.end().offset - parts_.segments.begin();
  size_t count = 0;
  for (const Sealed& sealed : sealed_) {
    const bool too_much = parts_.options.retain_bytes > 0 && bytes > parts_.options.retain_bytes;
    const bool too_old =
        parts_.options.retain_age.count() > 0 && sealed.head.last_received < oldest;
    if (!too_much && !too_old) {
      break;
    }
    bytes -= std::min(bytes, sealed.head.end - sealed.head.base);
    ++count;
  }
  return count;
}

Result<uint64_t> Keeper::Retain(bool at_once) {
  const size_t count = CountToRemove();
  if (count == 0) {
    return uint64_t{0};
  }
  const uint64_t freed = sealed_[count - 1].head.end - sealed_.front().head.base;
  const auto carried_now = carried();
  if (!at_once && carried_now != nullptr && freed < carried_now->head().bytes) {
    return uint64_t{0};  // rewriting what is carried would cost more than it frees
  }
  HOEGO_TRY(Remove(count));
  return freed;
}

// First what must outlive the segments, then their names, oldest first; an end in between is
// finished at opening.
Status Keeper::Remove(size_t count) {
  const auto segments = parts_.segments.all();
  const std::vector<std::shared_ptr<Segment>> leaving(
      segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(count));
  const uint64_t upto = segments[count]->base;
  for (size_t i = 0; i < count; ++i) {
    HOEGO_TRY(DropIds(sealed_[i]));  // they could no longer be compared
  }
  const auto old = carried();
  HOEGO_TRY_ASSIGN(std::shared_ptr<const Carried> next,
                   Carried::Replace(parts_.disk, JoinPath(parts_.options.folder, kCarriedName),
                                    old.get(), leaving, upto, parts_.state));
  {
    MutexLock lock(carried_mu_);
    carried_ = std::move(next);
  }
  for (const auto& segment : leaving) {
    parts_.segments.RemoveFront();
    sealed_.pop_front();
    HOEGO_TRY(parts_.disk.Remove(segment->path));
    const Status sidecar = parts_.disk.Remove(SidecarPath(segment->base));
    if (!sidecar.ok() && sidecar.code() != Code::kNotFound) {
      return sidecar;
    }
  }
  parts_.state.times.DropBefore(parts_.segments.begin());
  parts_.history.DropAll();
  return parts_.disk.SyncFolder(parts_.options.folder);
}

std::shared_ptr<const Carried> Keeper::carried() const {
  MutexLock lock(carried_mu_);
  return carried_;
}

Result<std::vector<std::string>> Keeper::Check() {
  MutexLock lock(keep_mu_);
  HOEGO_TRY_ASSIGN(std::vector<std::string> findings, parts_.state.units->CheckFile());
  const uint64_t end = parts_.log.end().offset;
  const auto segments = parts_.segments.all();
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size() || segments[i + 1]->first() > end;
    HOEGO_TRY(CheckSegment(segments[i], last ? end : segments[i + 1]->base, i < sealed_.size(),
                           findings));
    if (last) {
      break;
    }
  }
  if (const auto now = carried(); now != nullptr) {
    const Status read = now->ForEach([](const RawRecord&) { return Status{}; });
    if (!read.ok()) {
      findings.emplace_back(read.message());
    }
  }
  return findings;
}

Status Keeper::CheckSegment(const std::shared_ptr<Segment>& segment, uint64_t end, bool sealed,
                            std::vector<std::string>& findings) {
  std::string header(kSegmentHeaderBytes, '\0');
  HOEGO_TRY(segment->Read(segment->base, header).status());
  const Result<SegmentHeader> decoded = DecodeSegmentHeader(header);
  if (!decoded.ok()) {
    findings.push_back(fmt::format("{}: {}", segment->path, decoded.status().message()));
  }
  SummaryBuilder builder(segment->base, *parts_.state.units);
  int64_t received = 0;
  HOEGO_TRY_ASSIGN(
      const Scan scan,
      ScanSegment(segment, end - segment->base, [&](const RawRecord& record) -> Status {
        Record view;
        const Status body = IsKnownKind(record.kind) ? DecodeRecord(record, view) : Status{};
        if (!body.ok()) {
          findings.push_back(fmt::format("{}: {}", segment->NamePlace(record.at), body.message()));
        }
        if (record.received < received) {
          findings.push_back(fmt::format("{}: received before the record in front of it",
                                         segment->NamePlace(record.at)));
        }
        received = record.received;
        builder.Add(record);
        return {};
      }));
  if (scan.end != end) {
    findings.push_back(fmt::format("{}: a record is damaged; {} bytes behind it cannot be read",
                                   segment->NamePlace(scan.end), end - scan.end));
  } else if (sealed) {
    const auto stored = ReadWholeFile(parts_.disk, SidecarPath(segment->base));
    if (!stored.ok() || *stored != EncodeSummary(builder.Finish())) {
      findings.push_back(
          fmt::format("{}: does not say what its segment does; delete it and it is made anew",
                      SidecarPath(segment->base)));
    }
  }
  return {};
}

}  // namespace hoego::events
