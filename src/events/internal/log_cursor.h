#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "events/event_log.h"
#include "events/internal/segments.h"

namespace hoego::events {

// Reads segment after segment up to the durable end. A segment that is being read stays readable
// when retention drops it; a cursor that has fallen behind the oldest one goes on there. Threads:
// one at a time.
class LogCursor final : public Cursor {
 public:
  LogCursor(const SegmentSet& segments, std::function<uint64_t()> durable_end, uint64_t from);

  Result<const Record*> Next() override;
  Cut position() const override { return Cut{position_}; }
  // As Next, also for kinds that this program does not know, the body not looked into.
  Result<const RawRecord*> NextRaw();

 private:
  static constexpr size_t kReadBytes = 64u << 10;
  bool FindSegment(uint64_t end);
  const SegmentSet& segments_;
  const std::function<uint64_t()> durable_end_;
  uint64_t position_;
  std::unique_ptr<SegmentScanner> scanner_;
  uint64_t segment_end_ = 0;  // where the segment after the scanner's begins; 0: it is the last
  RawRecord raw_;
  Record record_;
};

}  // namespace hoego::events
