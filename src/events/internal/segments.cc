#include "events/internal/segments.h"

#include <algorithm>

#include "base/check.h"
#include "events/limits.h"

namespace hoego::events {

std::string Segment::NamePlace(uint64_t position) const {
  return fmt::format("{} offset {}", path, position - base);
}

Result<std::shared_ptr<Segment>> CreateSegment(Disk& disk, const std::string& folder, uint64_t base,
                                               std::string_view header) {
  auto segment = std::make_shared<Segment>();
  segment->base = base;
  segment->path = JoinPath(folder, SegmentName(base));
  HOEGO_TRY_ASSIGN(segment->file, disk.Open(segment->path, Disk::Mode::kCreate));
  HOEGO_TRY(segment->file->Truncate(0));  // a file of this name is left over from a failed attempt
  HOEGO_TRY(segment->file->WriteAt(0, header));
  HOEGO_TRY(segment->file->Sync());
  HOEGO_TRY(disk.SyncFolder(folder));
  return segment;
}

void SegmentSet::Add(std::shared_ptr<Segment> segment) {
  MutexLock lock(mu_);
  HOEGO_CHECK(segments_.empty() || segments_.back()->base < segment->base);
  segments_.push_back(std::move(segment));
}

void SegmentSet::RemoveLast() {
  MutexLock lock(mu_);
  segments_.pop_back();
}

void SegmentSet::RemoveFront() {
  MutexLock lock(mu_);
  HOEGO_CHECK(segments_.size() > 1);
  segments_.erase(segments_.begin());
}

std::shared_ptr<Segment> SegmentSet::Find(uint64_t position) const {
  MutexLock lock(mu_);
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), position,
                                      [](uint64_t p, const auto& s) { return p < s->base; });
  return after == segments_.begin() ? nullptr : *std::prev(after);
}

std::shared_ptr<Segment> SegmentSet::After(uint64_t base) const {
  MutexLock lock(mu_);
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), base,
                                      [](uint64_t p, const auto& s) { return p < s->base; });
  return after == segments_.end() ? nullptr : *after;
}

std::vector<std::shared_ptr<Segment>> SegmentSet::all() const {
  MutexLock lock(mu_);
  return segments_;
}

std::shared_ptr<Segment> SegmentSet::last() const {
  MutexLock lock(mu_);
  return segments_.empty() ? nullptr : segments_.back();
}

uint64_t SegmentSet::begin() const {
  MutexLock lock(mu_);
  return segments_.empty() ? 0 : segments_.front()->first();
}

SegmentScanner::SegmentScanner(std::shared_ptr<const Segment> segment, size_t buffer_bytes)
    : segment_(std::move(segment)), buffer_bytes_(buffer_bytes) {}

Status SegmentScanner::Fill(uint64_t position, uint64_t end, size_t at_least) {
  const size_t wanted =
      static_cast<size_t>(std::min<uint64_t>(std::max(buffer_bytes_, at_least), end - position));
  if (buffer_.size() < wanted) {
    buffer_.resize(wanted);
  }
  filled_ = 0;
  buffer_at_ = position;
  HOEGO_TRY_ASSIGN(filled_, segment_->Read(position, std::span<char>(buffer_.data(), wanted)));
  return {};
}

Result<ParseOutcome> SegmentScanner::ReadAt(uint64_t position, uint64_t end, RawRecord& out) {
  if (position >= end) {
    return ParseOutcome::kShort;
  }
  size_t at_least = kRecordHeaderBytes;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (position >= buffer_at_ && position < buffer_at_ + filled_) {
      const std::string_view rest(buffer_.data() + (position - buffer_at_),
                                  buffer_at_ + filled_ - position);
      const ParseOutcome outcome = ParseRecord(rest, position, out);
      const size_t length = PeekLength(rest);
      const bool whole_in_buffer = outcome != ParseOutcome::kShort;
      if (whole_in_buffer) {
        return outcome == ParseOutcome::kRecord && out.next() > end ? ParseOutcome::kShort
                                                                    : outcome;
      }
      at_least = std::max(at_least, length);
    }
    HOEGO_TRY(Fill(position, end, at_least));
    if (filled_ == 0) {
      return ParseOutcome::kShort;
    }
  }
  return ParseOutcome::kShort;
}

Status ReadRecordAt(const SegmentSet& segments, uint64_t position, std::string& buffer,
                    RawRecord& out) {
  constexpr size_t kFirstRead = 512;
  const std::shared_ptr<Segment> segment = segments.Find(position);
  if (segment == nullptr) {
    return Status::NotFound(fmt::format("position {}: before the oldest kept segment", position));
  }
  if (position < segment->first()) {
    return Status::DataLoss(fmt::format("{}: no record starts here", segment->NamePlace(position)));
  }
  buffer.resize(kFirstRead);
  HOEGO_TRY_ASSIGN(size_t got, segment->Read(position, buffer));
  ParseOutcome outcome = ParseRecord(std::string_view(buffer).substr(0, got), position, out);
  if (outcome == ParseOutcome::kShort && got == kFirstRead) {
    buffer.resize(std::min<size_t>(PeekLength(buffer), kMaxRecordBytes));
    HOEGO_TRY_ASSIGN(got, segment->Read(position, buffer));
    outcome = ParseRecord(std::string_view(buffer).substr(0, got), position, out);
  }
  if (outcome != ParseOutcome::kRecord) {
    return Status::DataLoss(
        fmt::format("{}: no whole record starts here", segment->NamePlace(position)));
  }
  return {};
}

}  // namespace hoego::events
