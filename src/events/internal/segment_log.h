#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "events/event_log.h"
#include "events/internal/draft.h"
#include "events/internal/id_table.h"
#include "events/internal/log_state.h"
#include "events/internal/segments.h"
#include "events/store.h"

namespace hoego::events {

// Records that go to disk together: what was sequenced while the group before it was being written
// and synced. A segment that begins inside it has its header among the bytes.
struct Group {
  struct Waiter {
    EventLog::Done done;
    AppendResult result;
  };
  uint64_t base = 0;  // position of bytes[0]
  std::string bytes;
  std::vector<size_t> rolls;  // where in `bytes` a segment's header stands
  std::vector<Waiter> waiters;

  uint64_t end() const { return base + bytes.size(); }
  bool empty() const { return bytes.empty() && waiters.empty(); }
  // Visits the records from `from` on. Pre: `from` is where one starts. The checksums are not
  // looked at again.
  void ForEachRecord(size_t from, const std::function<void(const RawRecord&)>& visit) const;
};

// The embedded log. Append puts a batch in order under one lock (duplicates dropped, keys and
// places given) into the open group; one committing thread takes the group, writes it, syncs once
// for all its batches, makes it visible to readers, and answers. So readers see durable records
// alone.
//
//            Append                     committing thread
//   healthy ---------> open group ----> write, sync ----> visible, answered
//                                           | fails
//                                           v
//   poisoned: everything not yet durable is taken back and refused; appends answer Unavailable
//       | Reopen: the file is cut to its durable end and checked. The committing thread tries it by
//       | itself when an append comes, at most once a second: a disk that was full may be so no
//       more.
//       v
//   healthy
//
// Threads: every method from any thread. Lock order: commit_mu_, mu_, then those of the tables.
class SegmentLog final : public EventLog {
 public:
  struct Parts {
    const StoreOptions& options;
    Disk& disk;
    const Clock& clock;
    Metrics& metrics;
    SegmentSet& segments;
    LogState& state;
  };
  // What opening found.
  struct Start {
    uint64_t end = 0;
    int64_t last_received = 0;
    IdTable ids;
  };
  SegmentLog(Parts parts, Start start);
  ~SegmentLog() override;  // as Close
  // Writes and answers what was sequenced and ends the committing thread; true when nothing had
  // failed. Pre: no appends any more.
  bool Close();
  // Called on the committing thread when a segment was closed or new units came; empty: no longer.
  // Returns once no call to the one before is running.
  void SetHousekeeping(std::function<void()> due);

  void Append(std::span<const NewRecord> batch, Done done) override;
  std::unique_ptr<Cursor> Read(Cut from) const override;
  Cut begin() const override;
  Cut end() const override { return Cut{durable_end_.load(std::memory_order_acquire)}; }
  bool WaitBeyond(Cut cut, const std::stop_token& stop) const override;
  Result<Cut> CutAt(Time received) const override;
  Status health() const override;
  Status Reopen() override;

  // Appends a kForget record; the unit's id leaves the table at once.
  void AppendForget(uint32_t unit, Done done);
  // Where the decision lies, if it is durable and in the window of ids.
  std::optional<uint64_t> FindDecision(const Uuid& id) const;
  // Drops these ids of the segment at `base` from the window.
  void DropIds(std::span<const IdEntry> ids, uint64_t base);
  size_t id_count() const;

 private:
  Status Sequence(std::span<const NewRecord> batch, Draft& draft, Done& done) REQUIRES(mu_);
  Status MakeRoom(const Draft& draft) REQUIRES(mu_);
  Status SequenceLines(std::span<const NewRecord> batch, Draft& draft, AppendResult& result)
      REQUIRES(mu_);
  Status EncodeOpen(const NewRecord& record, Draft& draft, Draft::Line& line) REQUIRES(mu_);
  uint32_t KeyOf(StringTable& table, RecordKind kind, std::string_view text) REQUIRES(mu_);
  uint64_t Place(std::string_view record, bool takes_received, uint64_t prev) REQUIRES(mu_);
  void RollIfFull() REQUIRES(mu_);
  uint64_t FindId(const IdHash& id, bool decision) const REQUIRES(mu_);  // its position, or 0
  bool IsDuplicate(const IdHash& id, bool decision) const REQUIRES(mu_);
  bool HasId(uint64_t position, const IdHash& id, bool decision) const REQUIRES(mu_);
  bool ReadPending(uint64_t position, RawRecord& out) const REQUIRES(mu_);
  void Undo(const Group& group, size_t from) REQUIRES(mu_);

  void CommitLoop();
  void Fail(const Status& why) REQUIRES(mu_);
  void WantReopen() REQUIRES(mu_);
  Status Write(const Group& group) REQUIRES(commit_mu_);
  Status StartSegment(uint64_t base, std::string_view header) REQUIRES(commit_mu_);
  bool Show(const Group& group);  // true when new units came
  void Poison(const Status& why);
  Status CutBack() REQUIRES(commit_mu_);
  Status CheckTail(uint64_t end) const REQUIRES(commit_mu_);

  const StoreOptions options_;
  Disk& disk_;
  const Clock& clock_;
  SegmentSet& segments_;
  LogState& state_;
  Counter& accepted_;
  Counter& duplicates_;
  Counter& commits_;
  Gauge& healthy_;
  Histogram& commit_seconds_;
  NonceSource nonces_;
  DraftPool drafts_;

  mutable Mutex
      commit_mu_;  // held while the files are changed: by the committing thread, and by Reopen
  std::shared_ptr<Segment> active_ GUARDED_BY(commit_mu_);

  mutable Mutex mu_;
  CondVar work_;
  CondVar idle_;  // both groups are empty
  Group open_ GUARDED_BY(mu_);
  Group committing_;  // changed under mu_ by the committing thread; it alone reads it without
  IdTable ids_ GUARDED_BY(mu_);
  uint64_t segment_base_ GUARDED_BY(mu_);  // of the segment that the next record goes to
  int64_t last_received_ GUARDED_BY(mu_);
  Status failure_ GUARDED_BY(mu_);
  std::chrono::nanoseconds reopen_from_ GUARDED_BY(mu_){0};  // not tried again before
  bool reopen_wanted_ GUARDED_BY(mu_) = false;
  bool stopping_ GUARDED_BY(mu_) = false;

  mutable Mutex end_mu_;
  mutable CondVar moved_;
  std::atomic<uint64_t> durable_end_;

  Mutex housekeeping_mu_;
  std::function<void()> housekeeping_ GUARDED_BY(housekeeping_mu_);

  std::jthread committer_;  // last: it uses all of the above
};

}  // namespace hoego::events
