#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "events/event_log.h"
#include "events/types.h"

namespace hoego::serving {

// The built-in model "popular": how often each item was named by events lately, an event of age a
// counting 2^(-a/half_life). It needs no training, so it answers for a service that has none yet
// and when every other model cannot. It follows the log by itself, reading what was received within
// the last `window` first.
//
// A count is kept as the sum of 2^((time - origin)/half_life) over the item's events ("forward
// decay": Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009, section 3), so that nothing has to be
// touched as time passes; all sums are rescaled when the origin lies too far back, during which a
// reader may see some items on the old scale for a moment.
//
// Life: its destructor stops the thread.
//
// Threads: every method from any thread; one own thread writes. Memory: 8 bytes for each item of
// the log.
class Popularity {
 public:
  struct Options {
    std::chrono::hours window{24 * 30};
    std::chrono::hours half_life{24 * 7};
  };

  // Pre: all outlive this.
  Popularity(events::EventLog& log, const Clock& clock, Metrics& metrics, Options options);
  ~Popularity();
  Popularity(const Popularity&) = delete;
  Popularity& operator=(const Popularity&) = delete;

  // Items that have a score: keys below this.
  uint32_t size() const { return size_.load(std::memory_order_acquire); }
  // scores[key] = the item's decayed count as of now.   scores: size() at most, written
  void Score(std::span<float> scores) const;
  // Everything of the log before this was counted.
  events::Cut position() const;
  // Waits until everything before the cut was counted; false when stopped first.
  bool WaitUntil(events::Cut cut) const;

 private:
  using Cell = std::atomic<double>;
  static constexpr uint32_t kChunk = 1u << 16;
  static constexpr uint32_t kChunks = 1u << 16;

  void Run(Time since, const std::stop_token& stop);
  bool CatchUp(events::Cursor& cursor, const std::stop_token& stop);
  void SetPosition(events::Cut cut, bool stopped) EXCLUDES(mu_);
  void Count(const events::Record& record);
  double Weight(Time at);
  void Rescale(double factor);
  Cell& CellOf(uint32_t key);

  events::EventLog& log_;
  const Clock& clock_;
  Metrics& metrics_;
  const Options options_;

  // Written by the own thread, read by all. Chunks appear before size_ covers them and stay.
  std::vector<std::atomic<Cell*>> chunks_;
  std::atomic<uint32_t> size_{0};
  std::atomic<int64_t> origin_ms_{0};
  std::vector<std::unique_ptr<Cell[]>> owned_;  // the own thread only

  mutable Mutex mu_;
  mutable CondVar moved_;
  events::Cut position_ GUARDED_BY(mu_);
  bool stopped_ GUARDED_BY(mu_) = false;
  std::jthread thread_;
};

}  // namespace hoego::serving
