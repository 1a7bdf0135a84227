#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/disk.h"
#include "base/status.h"
#include "events/internal/segments.h"

namespace hoego::events {

// How many kept tails may lie in a folder. The newest is kept whatever its size.
struct TailLimits {
  size_t files = 8;
  uint64_t bytes = 64u << 20;
};

// Copies what the segment's file holds from `position` on into a file of its own beside it, so that
// cutting the segment there loses nothing that a person may still want to look at. Durable when it
// returns. The same bytes are kept once, also when an opening ended between keeping and cutting.
// Returns the file's path; empty when all bytes are zero and nothing was kept. Then removes the
// oldest kept tails beyond the limits.
//
// Name: <base>.<position>.<nth>.cut, docs/formats/segment.md. Threads: one at a time. Cost: the
// tail is read twice and written once, a MiB at a time.
Result<std::string> KeepTail(Disk& disk, const std::string& folder, const Segment& segment,
                             uint64_t position, const TailLimits& limits = {});

}  // namespace hoego::events
