#pragma once

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "events/internal/carried.h"
#include "events/internal/history_cache.h"
#include "events/internal/log_state.h"
#include "events/internal/segment_log.h"
#include "events/internal/summary.h"
#include "events/store.h"

namespace hoego::events {

// What is done behind the writers' backs: sidecars for closed segments, the window of ids kept to
// its size, retention, the stock of unit secrets. A failure is logged, counted, and tried again
// with the next segment; the log goes on.
//
// Life: made after the log is open, ended before it closes. Threads: every method from any thread.
class Keeper {
 public:
  struct Sealed {
    Summary::Head head;
    bool in_window = false;  // its ids are in the log's table
  };
  struct Parts {
    const StoreOptions& options;
    Disk& disk;
    const Clock& clock;
    Metrics& metrics;
    SegmentSet& segments;
    LogState& state;
    HistoryCache& history;
    SegmentLog& log;
  };
  Keeper(Parts parts, std::deque<Sealed> sealed, std::shared_ptr<const Carried> carried);
  ~Keeper();

  void Wake();  // something was closed or used up; returns at once
  // Does what is due now. `at_once`: retention without waiting until it pays to rewrite what is
  // carried. Returns the bytes that retention freed.
  Result<uint64_t> Tend(bool at_once);
  std::shared_ptr<const Carried> carried() const;
  // Checks what lies on disk against what is made from the segments; findings as text.
  Result<std::vector<std::string>> Check();

 private:
  void Loop();
  Status Seal() REQUIRES(keep_mu_);
  Status ShrinkWindow() REQUIRES(keep_mu_);
  Status DropIds(Sealed& sealed) REQUIRES(keep_mu_);
  Result<uint64_t> Retain(bool at_once) REQUIRES(keep_mu_);
  size_t CountToRemove() const REQUIRES(keep_mu_);
  Status Remove(size_t count) REQUIRES(keep_mu_);
  Status CheckSegment(const std::shared_ptr<Segment>& segment, uint64_t end, bool sealed,
                      std::vector<std::string>& findings);
  std::string SidecarPath(uint64_t base) const;

  const Parts parts_;
  Counter& failures_;
  Gauge& bytes_;
  Gauge& segments_;
  Gauge& ids_;

  Mutex keep_mu_;  // one at a time tends; before every other lock of the store
  std::deque<Sealed> sealed_ GUARDED_BY(keep_mu_);

  mutable Mutex carried_mu_;
  std::shared_ptr<const Carried> carried_ GUARDED_BY(carried_mu_);

  Mutex mu_;
  CondVar woken_;
  bool due_ GUARDED_BY(mu_) = false;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::jthread thread_;
};

inline constexpr std::string_view kSidecarSuffix = ".idx";
inline constexpr std::string_view kCarriedName = "carried.rec";
inline constexpr std::string_view kUnitKeysName = "units.keys";

}  // namespace hoego::events
