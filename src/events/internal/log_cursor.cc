#include "events/internal/log_cursor.h"

#include <algorithm>

#include "events/internal/bodies.h"

namespace hoego::events {

LogCursor::LogCursor(const SegmentSet& segments, std::function<uint64_t()> durable_end,
                     uint64_t from)
    : segments_(segments), durable_end_(std::move(durable_end)), position_(from) {
  position_ = std::max(position_, segments_.begin());
}

// Makes scanner_ the segment that position_ lies in; false when there is nothing more to read now.
// A segment beyond the durable end may be taken back again, so it is not looked at.
bool LogCursor::FindSegment(uint64_t end) {
  const auto end_of = [&](const Segment& segment) {
    const auto after = segments_.After(segment.base);
    return after == nullptr || after->base >= end ? 0 : after->base;
  };
  if (position_ >= end) {
    return false;
  }
  if (scanner_ != nullptr && segment_end_ == 0) {
    segment_end_ = end_of(scanner_->segment());
  }
  if (scanner_ == nullptr || (segment_end_ != 0 && position_ >= segment_end_)) {
    std::shared_ptr<Segment> segment;
    while (segment == nullptr) {  // null when retention removed it just now
      position_ = std::max(position_, segments_.begin());
      segment = segments_.Find(position_);
    }
    segment_end_ = end_of(*segment);
    position_ = std::max(position_, segment->first());
    scanner_ = std::make_unique<SegmentScanner>(std::move(segment), kReadBytes);
  }
  return position_ < end;
}

Result<const RawRecord*> LogCursor::NextRaw() {
  const uint64_t end = durable_end_();
  if (!FindSegment(end)) {
    return nullptr;
  }
  const uint64_t stop = segment_end_ == 0 ? end : std::min(end, segment_end_);
  HOEGO_TRY_ASSIGN(const ParseOutcome outcome, scanner_->ReadAt(position_, stop, raw_));
  if (outcome != ParseOutcome::kRecord) {
    return Status::DataLoss(
        fmt::format("{}: no whole record starts here", scanner_->segment().NamePlace(position_)));
  }
  position_ = raw_.next();
  return &raw_;
}

Result<const Record*> LogCursor::Next() {
  while (true) {
    HOEGO_TRY_ASSIGN(const RawRecord* raw, NextRaw());
    if (raw == nullptr) {
      return nullptr;
    }
    if (IsKnownKind(raw->kind)) {
      HOEGO_TRY(DecodeRecord(*raw, record_));
      return &record_;
    }
  }
}

}  // namespace hoego::events
