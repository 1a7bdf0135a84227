#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "events/internal/carried.h"
#include "events/internal/keeper.h"
#include "events/internal/log_state.h"
#include "events/internal/segment_log.h"
#include "events/internal/summary.h"
#include "events/store.h"

namespace hoego::events {

// Everything a store starts from.
struct Opened {
  std::unique_ptr<LogState> state;
  std::shared_ptr<const Carried> carried;
  std::deque<Keeper::Sealed> sealed;
  SegmentLog::Start start;
};

// Makes a log of a folder: carried records, then each closed segment by its sidecar, then the open
// segment record by record, its torn tail kept beside it and cut. Refuses by name what it does not
// know or cannot trust, and damage to what is known to have been acknowledged; changes nothing of
// that. Life: used once. Threads: one at a time. Cost: the
// sidecars (about 20 bytes an event) and the open segment are read; 10^7 events take well under a
// second.
class Opener {
 public:
  Opener(const StoreOptions& options, Disk& disk, const Clock& clock, Metrics& metrics,
         SegmentSet& segments);
  Result<Opened> Open();

 private:
  std::string PathOf(std::string_view name) const;
  std::string SidecarPath(uint64_t base) const;
  void ReadSettled();
  Status FindSegments();
  Status OpenSegments();
  Status RestoreCarried();
  Status ReadSidecars();
  Status MakeSidecar(const std::shared_ptr<Segment>& segment, uint64_t end);
  void ChooseWindow();
  Result<Summary> ReadSummary(const Keeper::Sealed& sealed) const;
  Status RestoreSealed();
  void InsertIds(const std::vector<IdEntry>& ids, uint64_t base);
  Status Apply(const Summary& summary);
  Status RestoreActive();
  Status CutTail(Segment& active, uint64_t end, uint64_t bytes);
  Status Settle(Segment& active);
  Result<Opened> Finish();

  const StoreOptions& options_;
  Disk& disk_;
  const Clock& clock_;
  Metrics& metrics_;
  SegmentSet& segments_;
  std::vector<uint64_t> bases_;
  Opened opened_;
  uint32_t units_end_ = 0;
  uint64_t settled_ = 0;  // everything before it was synced and answered; 0: nothing is known
};

// Notes that everything before `end` is on disk: the next opening need not write it again, and
// refuses when it is not all there. Pre: every segment was synced up to `end`. Durable when it
// returns ok; else the older note stands, or the new one.
Status WriteSettled(Disk& disk, const std::string& folder, uint64_t end);

}  // namespace hoego::events
