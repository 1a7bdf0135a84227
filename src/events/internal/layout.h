#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "events/internal/bytes.h"
#include "events/types.h"

// How a segment's bytes lie on disk; docs/formats/segment.md is the specification.
namespace hoego::events {

inline constexpr uint32_t kSegmentFormat = 1;
inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr std::chrono::minutes kFutureTolerance{5};

enum RecordFlag : uint8_t {
  kFlagFuture = 1,   // time was more than 5 minutes ahead of received
  kFlagChained = 2,  // an event with an item: `prev` links the unit's events
};

struct SegmentHeader {
  uint64_t base = 0;  // position of the header's first byte in the whole log
  int64_t created_ms = 0;
  uint64_t log_id = 0;  // the same in every file of one log
};
std::string EncodeSegmentHeader(const SegmentHeader& header);
// DataLoss when it is none, FailedPrecondition when a newer program wrote it.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);
std::string SegmentName(uint64_t base, std::string_view suffix = ".seg");
// The base in a file name of this shape, or nothing.
std::optional<uint64_t> ParseSegmentName(std::string_view name, std::string_view suffix = ".seg");

// One record as its bytes say, the body not looked into.
struct RawRecord {
  uint64_t at = 0;      // position of its first byte
  uint32_t length = 0;  // of the whole record
  uint8_t kind = 0;     // a RecordKind, or one this program does not know
  uint8_t flags = 0;
  uint32_t unit = UINT32_MAX;
  int64_t received = 0;
  int64_t time = 0;
  uint64_t prev = 0;  // position of the unit's event with an item before this one; 0: none
  std::string_view body;
  std::string_view bytes;  // the whole record

  RecordKind known_kind() const { return static_cast<RecordKind>(kind); }
  uint64_t next() const { return at + length; }
};

enum class ParseOutcome {
  kRecord,
  kShort,  // the bytes end before the record does
  kEnd,    // a zero length: nothing was written here
  kBad,    // length out of bounds or checksum wrong
};
// Reads the record at the front of `bytes`. Views in `out` point into them.
ParseOutcome ParseRecord(std::string_view bytes, uint64_t at, RawRecord& out);
// The same without a look at the checksum. Pre: the bytes came from this program and hold a whole
// record.
void ViewRecord(std::string_view bytes, uint64_t at, RawRecord& out);
// The length the record at the front claims, or 0 when fewer than four bytes are there.
uint32_t PeekLength(std::string_view bytes);

// Appends a record header with what is known before its place is; returns where it begins in `out`.
size_t BeginRecord(std::string& out, RecordKind kind, uint32_t unit, int64_t time_ms);
// Says that the unit's events are linked through this one.
void MarkChained(char* record);
// Fixes the length of the record that began at `begin` and ends at the end of `out`.
void EndRecord(std::string& out, size_t begin);
// Fills in what sequencing decides and the checksum. Pre: `record` is one whole record.
void StampRecord(char* record, uint32_t length, int64_t received_ms, bool take_received_as_time,
                 uint64_t prev);

}  // namespace hoego::events
