#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "events/store.h"
#include "models/model.h"
#include "registry/registry.h"
#include "serving/item_map.h"
#include "serving/learn_rule.h"

namespace hoego::serving {

// What one scoring takes, as seen lately. It decides before a request is scored whether the
// deadline can be met, so it must not condemn a model for ever: each request that was turned away
// lowers it, until one is let through again.
//
// Threads: every method from any thread; concurrent updates may lose one another, which an estimate
// can bear.
class CostEstimate {
 public:
  std::chrono::nanoseconds value() const {
    return std::chrono::nanoseconds(ns_.load(std::memory_order_relaxed));
  }
  void Observe(std::chrono::nanoseconds took) {
    const int64_t now = ns_.load(std::memory_order_relaxed);
    ns_.store(now + (took.count() - now) / 8, std::memory_order_relaxed);
  }
  void Start(std::chrono::nanoseconds took) { ns_.store(took.count(), std::memory_order_relaxed); }
  void TurnedAway() {
    const int64_t now = ns_.load(std::memory_order_relaxed);
    ns_.store(now - now / 16, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> ns_{0};
};

// What a model may give an item: a number, or -infinity for one that it must never recommend (it
// was not met in training).
inline bool IsScore(float score) {
  return std::isfinite(score) || score == -std::numeric_limits<float>::infinity();
}

// A model version in memory with what serving needs beside it. Made by the loader thread, destroyed
// by the unloader thread.
//
// Threads: const methods from any thread.
struct LoadedVersion {
  LoadedVersion(std::string model_name, uint32_t number, std::shared_ptr<const models::Model> s,
                LearnRule rule, const events::EventStore& store)
      : model(std::move(model_name)),
        version(number),
        scorer(std::move(s)),
        items(scorer->manifest().items, store),
        learn(std::move(rule), store),
        resident_bytes(scorer->resident_bytes() + items.Get()->resident_bytes()) {}

  const std::string model;
  const uint32_t version;
  const std::shared_ptr<const models::Model> scorer;
  const LiveItemMap items;
  const LearnWeights learn;
  const uint64_t resident_bytes;
  mutable CostEstimate cost;
  mutable std::atomic<int64_t> last_used_ns{0};  // Clock::Monotonic
};

}  // namespace hoego::serving
