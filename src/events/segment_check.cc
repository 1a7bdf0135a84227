#include "events/segment_check.h"

#include "events/internal/bodies.h"
#include "events/internal/layout.h"

namespace hoego::events {

Result<SegmentContents> CheckSegmentBytes(std::string_view file) {
  HOEGO_TRY_ASSIGN(const SegmentHeader header, DecodeSegmentHeader(file));
  SegmentContents contents;
  contents.base = header.base;
  contents.bytes = kSegmentHeaderBytes;
  RawRecord raw;
  Record record;
  while (ParseRecord(file.substr(contents.bytes), header.base + contents.bytes, raw) ==
         ParseOutcome::kRecord) {
    contents.bytes += raw.length;
    ++contents.records;
    if (IsKnownKind(raw.kind)) {
      HOEGO_TRY(DecodeRecord(raw, record));
    } else {
      ++contents.unknown;
    }
  }
  return contents;
}

}  // namespace hoego::events
