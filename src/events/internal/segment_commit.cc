// The committing thread: how sequenced groups become durable and visible.
#include <utility>

#include "base/log.h"
#include "events/internal/bodies.h"
#include "events/internal/segment_log.h"

namespace hoego::events {

namespace {

constexpr std::chrono::seconds kReopenPause{1};

}  // namespace

void SegmentLog::CommitLoop() {
  while (true) {
    bool reopen = false;
    {
      MutexLock lock(mu_);
      while (open_.empty() && !stopping_ && !reopen_wanted_) {
        work_.Wait(mu_);
      }
      reopen = open_.empty() && !stopping_;
      if (open_.empty() && stopping_) {
        return;
      }
      if (!reopen) {
        std::swap(open_, committing_);
        open_.base = committing_.end();
      }
    }
    if (reopen) {
      const Status reopened = Reopen();
      MutexLock lock(mu_);
      reopen_wanted_ = false;
      if (!reopened.ok()) {
        reopen_from_ = clock_.Monotonic() + kReopenPause;
        Log(LogLevel::kDebug, "events", "the log cannot be reopened yet",
            {{"why", reopened.message()}});
      }
      continue;
    }
    Status written;
    {
      MutexLock files(commit_mu_);
      const auto begun = clock_.Monotonic();
      written = committing_.bytes.empty() ? Status{} : Write(committing_);
      commit_seconds_.Observe(clock_.Monotonic() - begun);
    }
    if (!written.ok()) {
      Poison(written);
      continue;
    }
    const bool new_units = Show(committing_);
    std::vector<Group::Waiter> waiters;
    bool rolled = false;
    {
      MutexLock lock(mu_);
      waiters = std::move(committing_.waiters);
      rolled = !committing_.rolls.empty();
      committing_.base = committing_.end();
      committing_.bytes.clear();
      committing_.rolls.clear();
      committing_.waiters.clear();
      idle_.NotifyAll();
    }
    for (const Group::Waiter& waiter : waiters) {
      waiter.done(waiter.result);
    }
    if (rolled || new_units) {
      MutexLock lock(housekeeping_mu_);
      if (housekeeping_) {
        housekeeping_();
      }
    }
  }
}

// Segment by segment: the old one is whole on disk before the next one's name exists.
Status SegmentLog::Write(const Group& group) {
  const std::string_view bytes = group.bytes;
  size_t from = 0;
  for (const size_t roll : group.rolls) {
    HOEGO_TRY(
        active_->file->WriteAt(group.base + from - active_->base, bytes.substr(from, roll - from)));
    HOEGO_TRY(active_->file->Sync());
    from = roll + kSegmentHeaderBytes;
    HOEGO_TRY(StartSegment(group.base + roll, bytes.substr(roll, kSegmentHeaderBytes)));
  }
  HOEGO_TRY(active_->file->WriteAt(group.base + from - active_->base, bytes.substr(from)));
  HOEGO_TRY(active_->file->Sync());
  commits_.Add();
  return {};
}

Status SegmentLog::StartSegment(uint64_t base, std::string_view header) {
  HOEGO_TRY_ASSIGN(std::shared_ptr<Segment> next,
                   CreateSegment(disk_, options_.folder, base, header));
  segments_.Add(next);
  active_ = std::move(next);
  return {};
}

bool SegmentLog::Show(const Group& group) {
  const uint32_t units = state_.units->published();
  group.ForEachRecord(0, [this](const RawRecord& raw) { state_.Apply(raw); });
  const Status behind = state_.Publish();
  if (!behind.ok()) {
    Log(LogLevel::kWarning, "events", "unit keys not written yet; they are kept and tried again",
        {{"why", behind.message()}});
  }
  MutexLock lock(end_mu_);
  durable_end_.store(group.end(), std::memory_order_release);
  moved_.NotifyAll();
  return state_.units->published() != units;
}

void SegmentLog::Fail(const Status& why) {
  failure_ = Status::Unavailable(
      fmt::format("event log takes nothing until it is reopened: {}", why.message()));
  reopen_from_ = clock_.Monotonic() + kReopenPause;
  healthy_.Set(0);
}

void SegmentLog::WantReopen() {
  if (!reopen_wanted_ && clock_.Monotonic() >= reopen_from_) {
    reopen_wanted_ = true;
    work_.NotifyOne();
  }
}

// Nothing of the groups was acknowledged: memory goes back to the durable end at once, the file
// with Reopen.
void SegmentLog::Poison(const Status& why) {
  Log(LogLevel::kError, "events", "appending failed; the log takes nothing until it is reopened",
      {{"why", why.ToString()}});
  Status failure;
  std::vector<Group::Waiter> waiters;
  {
    MutexLock files(commit_mu_);
    {
      MutexLock lock(mu_);
      Fail(why);
      failure = failure_;
      for (Group* group : {&open_, &committing_}) {
        Undo(*group, 0);
        for (Group::Waiter& waiter : group->waiters) {
          waiters.push_back(std::move(waiter));
        }
        *group = Group{};
        group->base = durable_end_.load();
      }
      idle_.NotifyAll();
    }
    const Status cut = CutBack();
    if (!cut.ok()) {
      Log(LogLevel::kWarning, "events", "the failed tail stays until the log is reopened",
          {{"why", cut.message()}});
    }
  }
  for (const Group::Waiter& waiter : waiters) {
    waiter.done(failure);
  }
}

// Removes what lies beyond the durable end: the segments that a failed group began, and only when
// they are gone for good the tail of the one before, so that at every moment each segment ends
// where the next begins.
Status SegmentLog::CutBack() {
  const uint64_t end = durable_end_.load();
  HOEGO_TRY_ASSIGN(const std::vector<std::string> names, disk_.List(options_.folder));
  for (const std::string& name : names) {
    if (const auto base = ParseSegmentName(name); base && *base >= end) {
      HOEGO_TRY(disk_.Remove(JoinPath(options_.folder, name)));
    }
  }
  HOEGO_TRY(disk_.SyncFolder(options_.folder));
  while (segments_.last()->base >= end) {
    segments_.RemoveLast();
  }
  active_ = segments_.last();
  HOEGO_TRY(active_->file->Truncate(end - active_->base));
  HOEGO_TRY(active_->file->Sync());
  MutexLock lock(mu_);
  segment_base_ = active_->base;
  return {};
}

// Every record of the active segment must lie there unharmed up to exactly the durable end.
Status SegmentLog::CheckTail(uint64_t end) const {
  SegmentScanner scanner(active_);
  RawRecord raw;
  uint64_t at = active_->first();
  while (at < end) {
    HOEGO_TRY_ASSIGN(const ParseOutcome outcome, scanner.ReadAt(at, end, raw));
    if (outcome != ParseOutcome::kRecord) {
      return Status::DataLoss(
          fmt::format("{}: an acknowledged record cannot be read back", active_->NamePlace(at)));
    }
    at = raw.next();
  }
  return {};
}

Status SegmentLog::Reopen() {
  {
    MutexLock lock(mu_);
    if (failure_.ok()) {
      return {};
    }
    while (!open_.empty() || !committing_.empty()) {  // sequenced before the failure
      if (std::this_thread::get_id() == committer_.get_id()) {
        return Status::Unavailable("groups wait to be written");  // by this thread, so first that
      }
      idle_.Wait(mu_);
    }
  }
  MutexLock files(commit_mu_);
  HOEGO_TRY(CutBack().Within("reopen the event log"));
  HOEGO_TRY(CheckTail(durable_end_.load()).Within("reopen the event log"));
  MutexLock lock(mu_);
  failure_ = {};
  healthy_.Set(1);
  Log(LogLevel::kInfo, "events", "the log was reopened", {{"end", durable_end_.load()}});
  return {};
}

bool SegmentLog::WaitBeyond(Cut cut, const std::stop_token& stop) const {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(end_mu_);
    moved_.NotifyAll();
  });
  MutexLock lock(end_mu_);
  while (end() <= cut && !stop.stop_requested()) {
    moved_.Wait(end_mu_);
  }
  return end() > cut;
}

Result<AppendResult> AppendAndWait(EventLog& log, std::span<const NewRecord> batch) {
  struct Answer {
    Mutex mu;
    CondVar given;
    std::optional<Result<AppendResult>> result GUARDED_BY(mu);
  };
  // Shared, so that the waker may still touch it when the waiter has gone on.
  const auto answer = std::make_shared<Answer>();
  log.Append(batch, [answer](const Result<AppendResult>& result) {
    {
      MutexLock lock(answer->mu);
      answer->result = result;
    }
    answer->given.NotifyOne();  // not under the lock, where the waiter would run into it
  });
  MutexLock lock(answer->mu);
  while (!answer->result) {
    answer->given.Wait(answer->mu);
  }
  return *answer->result;
}

}  // namespace hoego::events
