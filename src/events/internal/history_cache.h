#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "events/history.h"
#include "events/internal/head_table.h"
#include "events/internal/segments.h"

namespace hoego::events {

// UnitHistory by following each unit's chain of records back from its newest durable one. A Get
// reads only what came since the last Get of that unit, and adds it in place unless a reader still
// holds the old list; nothing is done while events are appended. The least recently asked units
// leave when the cache is full.
//
// Threads: any; units are spread over 16 locks, and reading a unit's records holds one of them.
class HistoryCache final : public UnitHistory {
 public:
  HistoryCache(const SegmentSet& segments, const HeadTable& heads, uint64_t most_bytes,
               Metrics& metrics);
  ~HistoryCache() override;

  std::shared_ptr<const std::vector<HistoryEntry>> Get(UnitKey unit) const override;
  void Drop(UnitKey unit);
  void DropAll();  // after retention: what a list may start with is gone

 private:
  using List = std::vector<HistoryEntry>;
  struct Held;
  struct Lease;
  struct Shard {
    Mutex mu;
    // Most recently asked first.
    std::list<std::pair<uint32_t, std::shared_ptr<Held>>> order GUARDED_BY(mu);
    std::unordered_map<uint32_t, decltype(order)::iterator> places GUARDED_BY(mu);
    uint64_t bytes GUARDED_BY(mu) = 0;
  };
  static constexpr size_t kShards = 16;

  // Entries from `head` back to (not including) `until`, newest first; false when one could not be
  // read.
  bool Walk(uint64_t head, uint64_t until, List& newest_first) const;
  struct Extension {
    std::shared_ptr<Held> held;
    bool whole = true;
  };
  Extension Extended(const std::shared_ptr<Held>& old, uint64_t head) const;
  void Forget(Shard& shard, uint32_t unit) const REQUIRES(shard.mu);
  void Shrink(Shard& shard) const REQUIRES(shard.mu);
  Shard& ShardOf(UnitKey unit) const { return shards_[unit.value() % kShards]; }

  const SegmentSet& segments_;
  const HeadTable& heads_;
  const uint64_t most_bytes_a_shard_;
  Counter& hits_;
  Counter& misses_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace hoego::events
