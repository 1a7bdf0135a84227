#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "events/event_log.h"

namespace hoego::abtest::internal {

struct PendingExposure {
  std::string test;
  std::string arm;
  std::string unit;
  Time when;
  uint64_t hash = 0;  // of test and unit
};

// Writes exposures to the log off the caller's path, each (test, unit) once. What is full or
// refused by the log is dropped, counted, and tried again at the unit's next answer. Life: Start
// once; Close, or the destructor, writes what is queued. Threads: every method from any thread.
class ExposureLog {
 public:
  // `wanted` is asked on the writing thread whether this exposure has to be written: false when the
  // log has it already.
  using Wanted = std::function<bool(const PendingExposure&)>;
  ExposureLog(events::EventLog& log, size_t capacity, Wanted wanted, Metrics& metrics);
  ~ExposureLog();

  void Start();
  void Take(std::string_view test, std::string_view arm, std::string_view unit,
            Time when);  // waits for nothing
  void WaitWritten();    // until all that was taken before is in the log, or dropped
  void Close();

 private:
  // Which (test, unit) pairs this process has written. A full shard starts anew: `wanted` still
  // knows.
  struct Shard {
    Mutex mu;
    std::unordered_set<uint64_t> hashes GUARDED_BY(mu);
  };
  bool Remember(uint64_t hash);
  void Forget(uint64_t hash);
  void Run();
  void WriteBatch(const std::vector<PendingExposure>& batch);

  events::EventLog& log_;
  const Wanted wanted_;
  Counter& written_total_;
  Counter& dropped_total_;
  std::array<Shard, 16> shards_;
  BoundedQueue<PendingExposure> queue_;
  std::atomic<uint64_t> taken_{0};
  Mutex mu_;
  CondVar moved_;
  uint64_t done_ GUARDED_BY(mu_) = 0;
  std::thread writer_;
};

}  // namespace hoego::abtest::internal
