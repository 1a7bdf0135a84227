#pragma once

#include <cstddef>

#include "base/status.h"
#include "events/types.h"

namespace hoego::events {

// What the log takes. Beyond a limit a record is refused with the field's and the limit's name.
inline constexpr size_t kMaxBatchRecords = 100'000;
inline constexpr size_t kMaxRecordBytes = 1u << 20;
inline constexpr size_t kMaxIdBytes = 256;
inline constexpr size_t kMaxUnitBytes = 512;
inline constexpr size_t kMaxItemBytes = 512;
inline constexpr size_t kMaxTypeBytes = 128;
inline constexpr size_t kMaxNameBytes =
    512;  // endpoint, test, arm, model, definition names, digests, categories
inline constexpr size_t kMaxPropertiesBytes = 64u << 10;  // also attributes
inline constexpr size_t kMaxCategories = 1'000;
inline constexpr size_t kMaxChosenItems = 10'000;
// What RFC 3339 can say: the years 0001 to 9999.
inline constexpr Time kFirstTime = std::chrono::sys_days(std::chrono::year(1) / 1 / 1);
inline constexpr Time kLastTime =
    std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1) - std::chrono::milliseconds(1);

// Whether the log would take this record: lengths, UTF-8, finite numbers, times that can be
// written, required fields. Append checks the same; an edge that must name each bad line asks here
// first. Threads: any. Cost: one pass over the record's text.
Status CheckRecord(const NewRecord& record);

}  // namespace hoego::events
