#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace hoego::events {

// What the bytes of a segment file hold.
struct SegmentContents {
  uint64_t base = 0;     // position of the file's first byte in the log
  uint64_t records = 0;  // whole ones, from the first on
  uint64_t unknown = 0;  // of these, of kinds that this program does not know
  uint64_t bytes = 0;    // header and whole records; what follows is torn or damaged
};

// Reads every whole record as a reader of the log would, without a log. DataLoss when the header is
// none or a record does not hold what its kind needs, FailedPrecondition for a newer format.
// Threads: any.
Result<SegmentContents> CheckSegmentBytes(std::string_view file);

}  // namespace hoego::events
