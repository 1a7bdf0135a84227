#pragma once

// A stand-in for the event log, for this room's tests only.

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "events/event_log.h"

namespace hoego::serving::testing {

// A log that keeps what was appended as counts and decisions, in memory. Appends succeed unless
// told otherwise.
class FakeLog final : public events::EventLog {
 public:
  struct Decision {
    Uuid id;
    std::string endpoint, unit, test, arm, model;
    uint32_t version = 0;
    uint32_t candidates = 0;
    uint64_t revision = 0;
    bool fallback = false;
    std::vector<events::ChosenItem> items;
  };

  void Append(std::span<const events::NewRecord> batch, Done done) override {
    Status status;
    {
      MutexLock lock(mu_);
      ++appends_;
      appended_.NotifyAll();
      while (held_) {
        released_.Wait(mu_);
      }
      status = health_;
      if (status.ok()) {
        for (const events::NewRecord& record : batch) {
          if (const auto* d = std::get_if<events::NewDecision>(&record)) {
            Keep(*d);
          }
        }
      }
    }
    if (status.ok()) {
      done(events::AppendResult{batch.size(), 0, {}});
    } else {
      done(status);
    }
  }
  std::unique_ptr<events::Cursor> Read(events::Cut from) const override {
    return std::make_unique<Reader>(*this, from.offset);
  }
  events::Cut begin() const override { return {}; }
  events::Cut end() const override {
    MutexLock lock(mu_);
    return {records_.size()};
  }
  bool WaitBeyond(events::Cut cut, const std::stop_token& stop) const override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mu_);
      grown_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (records_.size() <= cut.offset && !stop.stop_requested()) {
      grown_.Wait(mu_);
    }
    return records_.size() > cut.offset;
  }
  Result<events::Cut> CutAt(Time received) const override {
    MutexLock lock(mu_);
    uint64_t at = 0;
    while (at < records_.size() && records_[at].received < received) {
      ++at;
    }
    return events::Cut{at};
  }
  // An event that readers of the log see; an offset is a count of records.
  void Add(events::ItemKey item, Time time, Time received) {
    MutexLock lock(mu_);
    events::Record record;
    record.event.item = item;
    record.time = time;
    record.received = received;
    records_.push_back(record);
    grown_.NotifyAll();
  }
  Status health() const override {
    MutexLock lock(mu_);
    return health_;
  }
  Status Reopen() override { return {}; }

  // Appends wait while held.
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    released_.NotifyAll();
  }
  void Break(Status status) {
    MutexLock lock(mu_);
    health_ = std::move(status);
  }
  void WaitForAppends(size_t n) {
    MutexLock lock(mu_);
    while (appends_ < n) {
      appended_.Wait(mu_);
    }
  }
  std::vector<Decision> decisions() const {
    MutexLock lock(mu_);
    return decisions_;
  }
  size_t appends() const {
    MutexLock lock(mu_);
    return appends_;
  }

 private:
  class Reader final : public events::Cursor {
   public:
    Reader(const FakeLog& log, uint64_t at) : log_(log), at_(at) {}
    Result<const events::Record*> Next() override {
      MutexLock lock(log_.mu_);
      if (at_ >= log_.records_.size()) {
        return static_cast<const events::Record*>(nullptr);
      }
      now_ = log_.records_[at_++];
      return static_cast<const events::Record*>(&now_);
    }
    events::Cut position() const override { return {at_}; }

   private:
    const FakeLog& log_;
    uint64_t at_;
    events::Record now_;
  };

  void Keep(const events::NewDecision& d) REQUIRES(mu_) {
    Decision kept;
    kept.id = d.id;
    kept.endpoint = d.endpoint;
    kept.unit = d.unit;
    kept.test = d.test;
    kept.arm = d.arm;
    kept.model = d.model;
    kept.version = d.version;
    kept.candidates = d.candidates;
    kept.revision = d.route_revision;
    kept.fallback = d.fallback;
    kept.items.assign(d.items.begin(), d.items.end());
    decisions_.push_back(std::move(kept));
  }

  mutable Mutex mu_;
  CondVar released_;
  CondVar appended_;
  mutable CondVar grown_;
  std::vector<events::Record> records_ GUARDED_BY(mu_);
  bool held_ GUARDED_BY(mu_) = false;
  size_t appends_ GUARDED_BY(mu_) = 0;
  Status health_ GUARDED_BY(mu_);
  std::vector<Decision> decisions_ GUARDED_BY(mu_);
};

}  // namespace hoego::serving::testing
