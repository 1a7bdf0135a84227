#include "events/internal/layout.h"

#include <charconv>

#include "base/crc32c.h"
#include "events/limits.h"

namespace hoego::events {
namespace {

constexpr std::string_view kMagic = "HOEGOSEG";

// Offsets in a record header.
constexpr size_t kLengthAt = 0;
constexpr size_t kCrcAt = 4;
constexpr size_t kKindAt = 8;
constexpr size_t kFlagsAt = 9;
constexpr size_t kBodyOffsetAt = 10;
constexpr size_t kUnitAt = 12;
constexpr size_t kReceivedAt = 16;
constexpr size_t kTimeAt = 24;
constexpr size_t kPrevAt = 32;

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string out(kMagic);
  PutLe(out, kSegmentFormat);
  PutLe(out, static_cast<uint32_t>(kSegmentHeaderBytes));
  PutLe(out, header.base);
  PutLe(out, header.created_ms);
  PutLe(out, header.log_id);
  out.resize(kSegmentHeaderBytes - 4);
  PutLe(out, Crc32c(out));
  return out;
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) {
    return Status::DataLoss(
        fmt::format("segment header: {} bytes, expected {}", bytes.size(), kSegmentHeaderBytes));
  }
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  if (!bytes.starts_with(kMagic)) {
    return Status::DataLoss("segment header: does not start with HOEGOSEG");
  }
  const auto format = LoadLe<uint32_t>(bytes.data() + 8);
  if (format > kSegmentFormat) {
    return Status::FailedPrecondition(fmt::format(
        "segment format {}: the newest this program reads is {}", format, kSegmentFormat));
  }
  const auto crc = LoadLe<uint32_t>(bytes.data() + kSegmentHeaderBytes - 4);
  if (format == 0 || crc != Crc32c(bytes.substr(0, kSegmentHeaderBytes - 4))) {
    return Status::DataLoss("segment header: wrong checksum");
  }
  SegmentHeader header;
  header.base = LoadLe<uint64_t>(bytes.data() + 16);
  header.created_ms = LoadLe<int64_t>(bytes.data() + 24);
  header.log_id = LoadLe<uint64_t>(bytes.data() + 32);
  return header;
}

std::string SegmentName(uint64_t base, std::string_view suffix) {
  return fmt::format("{:020}{}", base, suffix);
}

std::optional<uint64_t> ParseSegmentName(std::string_view name, std::string_view suffix) {
  if (name.size() != 20 + suffix.size() || !name.ends_with(suffix)) {
    return std::nullopt;
  }
  uint64_t base = 0;
  const auto [end, ec] = std::from_chars(name.data(), name.data() + 20, base);
  if (ec != std::errc() || end != name.data() + 20) {
    return std::nullopt;
  }
  return base;
}

uint32_t PeekLength(std::string_view bytes) {
  return bytes.size() < sizeof(uint32_t) ? 0 : LoadLe<uint32_t>(bytes.data());
}

void ViewRecord(std::string_view bytes, uint64_t at, RawRecord& out) {
  const char* const p = bytes.data();
  out.at = at;
  out.length = LoadLe<uint32_t>(p + kLengthAt);
  out.kind = LoadLe<uint8_t>(p + kKindAt);
  out.flags = LoadLe<uint8_t>(p + kFlagsAt);
  out.unit = LoadLe<uint32_t>(p + kUnitAt);
  out.received = LoadLe<int64_t>(p + kReceivedAt);
  out.time = LoadLe<int64_t>(p + kTimeAt);
  out.prev = LoadLe<uint64_t>(p + kPrevAt);
  out.bytes = bytes.substr(0, out.length);
  out.body = out.bytes.substr(LoadLe<uint16_t>(p + kBodyOffsetAt));
}

ParseOutcome ParseRecord(std::string_view bytes, uint64_t at, RawRecord& out) {
  if (bytes.size() < sizeof(uint32_t)) {
    return ParseOutcome::kShort;
  }
  const auto length = LoadLe<uint32_t>(bytes.data());
  if (length == 0) {
    return ParseOutcome::kEnd;
  }
  if (length < kRecordHeaderBytes || length > kMaxRecordBytes) {
    return ParseOutcome::kBad;
  }
  if (bytes.size() < length) {
    return ParseOutcome::kShort;
  }
  const char* const p = bytes.data();
  const auto body_offset = LoadLe<uint16_t>(p + kBodyOffsetAt);
  const uint32_t crc = Crc32c(bytes.substr(kKindAt, length - kKindAt));
  if (crc != LoadLe<uint32_t>(p + kCrcAt) || body_offset < kRecordHeaderBytes ||
      body_offset > length) {
    return ParseOutcome::kBad;
  }
  ViewRecord(bytes, at, out);
  return ParseOutcome::kRecord;
}

size_t BeginRecord(std::string& out, RecordKind kind, uint32_t unit, int64_t time_ms) {
  const size_t begin = out.size();
  out.resize(begin + kRecordHeaderBytes);
  char* const p = out.data() + begin;
  StoreLe(p + kKindAt, static_cast<uint8_t>(kind));
  StoreLe(p + kFlagsAt, uint8_t{0});
  StoreLe(p + kBodyOffsetAt, static_cast<uint16_t>(kRecordHeaderBytes));
  StoreLe(p + kUnitAt, unit);
  StoreLe(p + kTimeAt, time_ms);
  return begin;
}

void MarkChained(char* record) {
  record[kFlagsAt] = static_cast<char>(record[kFlagsAt] | kFlagChained);
}

void EndRecord(std::string& out, size_t begin) {
  StoreLe(out.data() + begin + kLengthAt, static_cast<uint32_t>(out.size() - begin));
}

void StampRecord(char* record, uint32_t length, int64_t received_ms, bool take_received_as_time,
                 uint64_t prev) {
  if (take_received_as_time) {
    StoreLe(record + kTimeAt, received_ms);
  }
  const auto time = LoadLe<int64_t>(record + kTimeAt);
  constexpr int64_t kAhead = std::chrono::milliseconds(kFutureTolerance).count();
  if (time > received_ms + kAhead) {
    record[kFlagsAt] = static_cast<char>(record[kFlagsAt] | kFlagFuture);
  }
  StoreLe(record + kReceivedAt, received_ms);
  StoreLe(record + kPrevAt, prev);
  StoreLe(record + kCrcAt, Crc32c(std::string_view(record + kKindAt, length - kKindAt)));
}

}  // namespace hoego::events
