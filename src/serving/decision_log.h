#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/uuid.h"
#include "events/event_log.h"
#include "events/types.h"
#include "serving/route.h"

namespace hoego::serving {

// One answer on its way to the log; owns its text, unlike events::NewDecision.
struct Decision {
  Uuid id;
  Time time;
  events::DecisionKind kind = events::DecisionKind::kRanking;
  std::string endpoint;
  std::string unit;
  RouteChoice choice;
  std::string model;
  uint32_t version = 0;
  uint32_t candidates = 0;
  std::vector<events::ChosenItem> items;
  std::string output_digest;
  uint32_t latency_us = 0;
  bool fallback = false;

  size_t bytes() const;
};

struct DecisionLogOptions {
  size_t max_queued = 65'536;  // decisions, 1..10^7; beyond it answers say logged: false
  size_t max_queued_bytes = 64u << 20;
  size_t max_batch = 512;  // decisions an append, 1..10^5
  std::chrono::milliseconds max_wait{
      10};  // the oldest waits at most this for company, 0..100; a crash may lose it
  Status Validate() const;  // names the first wrong field and its range
};

// Writes decisions to the event log off the caller's path: a bounded queue and one writer thread
// that appends batches, so that one fsync serves many. What is in the queue counts as logged; what
// does not fit, or what the log refuses, is lost and counted in hoego_decisions_lost_total by
// reason. After the commit of a decision made under a test the router is told that the unit met its
// arm.
//
// Life: its destructor writes what is queued, then stops. Threads: every method from any thread.
class DecisionLog {
 public:
  using Logged = std::function<void(bool logged)>;

  // Pre: options.Validate() is ok; all outlive this; `router` may be null.
  DecisionLog(events::EventLog& log, Router* router, Metrics& metrics, DecisionLogOptions options);
  ~DecisionLog();
  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  // True: queued. A crash may lose what was queued in the last max_wait and one commit.
  bool TryLog(Decision decision);
  // Calls `done` on the writer thread after the commit, or at once on the caller's with false when
  // it cannot be queued.
  void LogDurably(Decision decision, Logged done);
  // Waits until everything queued before the call was committed or lost.
  void Flush();

  size_t queued() const;

 private:
  struct Queued {
    Decision decision;
    Logged done;
  };

  bool Push(Queued& entry) EXCLUDES(mu_);
  bool Refuses() EXCLUDES(mu_);
  void Run() EXCLUDES(mu_);
  std::vector<Queued> NextBatch() EXCLUDES(mu_);
  void Write(std::vector<Queued> batch);
  void Lose(std::string_view reason, uint64_t n);

  events::EventLog& log_;
  Router* const router_;
  Metrics& metrics_;
  const DecisionLogOptions options_;
  std::atomic<bool> broken_{false};  // the last append failed

  mutable Mutex mu_;
  CondVar filled_;
  CondVar written_;
  std::deque<Queued> queue_ GUARDED_BY(mu_);
  size_t queued_bytes_ GUARDED_BY(mu_) = 0;
  uint64_t pushed_ GUARDED_BY(mu_) = 0;
  uint64_t settled_ GUARDED_BY(mu_) = 0;  // committed or lost
  bool urgent_ GUARDED_BY(mu_) = false;   // someone waits for the commit
  bool stopping_ GUARDED_BY(mu_) = false;
  std::jthread writer_;
};

}  // namespace hoego::serving
