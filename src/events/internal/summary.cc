#include "events/internal/summary.h"

#include <algorithm>

#include "base/log.h"
#include "events/internal/bodies.h"

namespace hoego::events {
namespace {

// Of entries in log order the last of each unit, by unit.
std::vector<UnitPlace> NewestOfEach(std::vector<UnitPlace> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const UnitPlace& a, const UnitPlace& b) { return a.unit < b.unit; });
  size_t kept = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + 1 == entries.size() || entries[i + 1].unit != entries[i].unit) {
      entries[kept++] = entries[i];
    }
  }
  entries.resize(kept);
  return entries;
}

}  // namespace

SummaryBuilder::SummaryBuilder(uint64_t base, const UnitKeys& units) : units_(units) {
  summary_.head.base = base;
  summary_.head.end = base + kSegmentHeaderBytes;
  summary_.head.log_id = units.log_id();
}

void SummaryBuilder::Add(const RawRecord& record) {
  Summary& s = summary_;
  s.head.end = record.next();
  s.head.last_received = std::max(s.head.last_received, record.received);
  const auto place = static_cast<uint32_t>(record.at - s.head.base);
  if (s.times.empty() || record.at >= s.times.back().position + TimeIndex::kStepBytes) {
    s.times.push_back({record.received, record.at});
  }
  switch (record.known_kind()) {
    case RecordKind::kEvent:
      if (const auto id = EventIdOf(record)) {
        s.ids.push_back({IdTable::KeyOf(*id), place});
      }
      if ((record.flags & kFlagChained) != 0) {
        heads_.push_back({record.unit, place});
      }
      break;
    case RecordKind::kDecision:
      if (const auto id = DecisionIdOf(record)) {
        s.ids.push_back({IdTable::KeyOf(units_.HashDecisionId(*id)), place});
      }
      break;
    case RecordKind::kUnitChange:
      attributes_.push_back({record.unit, place});
      break;
    case RecordKind::kDefinition: {
      s.definitions.push_back(record.at);
      Record decoded;
      if (DecodeRecord(record, decoded).ok() && decoded.definition.kind == "event_type") {
        PutPlaced(s.kept, record);
      }
      break;
    }
    case RecordKind::kUnitKey:
      s.head.units_end = record.unit + 1;
      break;
    case RecordKind::kItemKey:
    case RecordKind::kTypeKey:
    case RecordKind::kItemChange:
    case RecordKind::kForget:
      PutPlaced(s.kept, record);
      break;
    case RecordKind::kExposure:
      break;
  }
}

Summary SummaryBuilder::Finish(bool sort_ids) {
  summary_.head.ids = summary_.ids.size();
  if (sort_ids) {
    std::sort(summary_.ids.begin(), summary_.ids.end(), [](const IdEntry& a, const IdEntry& b) {
      return a.key != b.key ? a.key < b.key : a.place < b.place;
    });
  }
  summary_.heads = NewestOfEach(std::move(heads_));
  summary_.attributes = NewestOfEach(std::move(attributes_));
  return std::move(summary_);
}

void PutPlaced(std::string& out, const RawRecord& record) {
  PutLe(out, record.at);
  out.append(record.bytes);
}

Status ForEachPlaced(std::string_view bytes, const std::function<Status(const RawRecord&)>& visit) {
  RawRecord raw;
  while (!bytes.empty()) {
    ByteReader reader(bytes);
    const auto at = reader.Take<uint64_t>();
    if (!reader.ok() || ParseRecord(reader.rest(), at, raw) != ParseOutcome::kRecord) {
      return Status::DataLoss("a list of records is damaged");
    }
    HOEGO_TRY(visit(raw));
    bytes.remove_prefix(sizeof(at) + raw.length);
  }
  return {};
}

Result<Scan> ScanSegment(const std::shared_ptr<const Segment>& segment, uint64_t size,
                         const std::function<Status(const RawRecord&)>& visit) {
  SegmentScanner scanner(segment);
  RawRecord raw;
  Scan scan;
  scan.end = segment->first();
  const uint64_t stop = segment->base + size;
  while (true) {
    HOEGO_TRY_ASSIGN(scan.outcome, scanner.ReadAt(scan.end, stop, raw));
    if (scan.outcome != ParseOutcome::kRecord) {
      return scan;
    }
    HOEGO_TRY(visit(raw));
    scan.end = raw.next();
  }
}

Result<Summary> Summarise(const std::shared_ptr<const Segment>& segment, uint64_t end,
                          const UnitKeys& units,
                          const std::function<Status(const RawRecord&)>& also) {
  SummaryBuilder builder(segment->base, units);
  HOEGO_TRY_ASSIGN(const Scan scan, ScanSegment(segment, end - segment->base,
                                                [&](const RawRecord& record) -> Status {
                                                  builder.Add(record);
                                                  return also ? also(record) : Status{};
                                                }));
  if (scan.end != end) {
    return Status::DataLoss(
        fmt::format("{}: no whole record starts here, and the segment is closed at {}",
                    segment->NamePlace(scan.end), end - segment->base));
  }
  return builder.Finish();
}

}  // namespace hoego::events
