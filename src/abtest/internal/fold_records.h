#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "abtest/test.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "events/types.h"

namespace hoego::abtest::internal {

// For tests: makes log records by hand, each a second after the one before unless told otherwise.
class RecordMaker {
 public:
  static constexpr events::TypeKey kWatch{3};
  static constexpr events::TypeKey kOther{4};

  events::Record Exposure(uint32_t unit, std::string_view test, std::string_view arm) {
    events::Record r = Next(events::RecordKind::kExposure, unit);
    r.exposure = {Keep(test), Keep(arm)};
    return r;
  }
  events::Record Decision(uint32_t unit, std::string_view test, std::string_view arm, uint64_t id,
                          uint32_t latency_us = 1000, bool fallback = false, uint32_t version = 1) {
    events::Record r = Next(events::RecordKind::kDecision, unit);
    r.decision.id = Id(id);
    r.decision.test = Keep(test);
    r.decision.arm = Keep(arm);
    r.decision.model = "films";
    r.decision.version = version;
    r.decision.latency_us = latency_us;
    r.decision.fallback = fallback;
    return r;
  }
  events::Record Event(uint32_t unit, events::TypeKey type, uint64_t decision,
                       std::optional<double> value = {}) {
    events::Record r = Next(events::RecordKind::kEvent, unit);
    r.event.type = type;
    r.event.decision = Id(decision);
    r.event.value = value;
    return r;
  }

  static Uuid Id(uint64_t n) {
    Rng rng(n);
    return Uuid::V7(FromUnixMillis(1'700'000'000'000), rng);
  }
  static std::optional<events::TypeKey> FindType(std::string_view name) {
    return name == "watch" ? std::optional(kWatch) : std::nullopt;
  }

  void Advance(int64_t ms) { now_ += ms; }

 private:
  events::Record Next(events::RecordKind kind, uint32_t unit) {
    now_ += 1000;
    events::Record r;
    r.kind = kind;
    r.at.offset = offset_;
    r.next.offset = ++offset_;
    r.time = FromUnixMillis(now_);
    r.received = r.time;
    r.unit = events::UnitKey(unit);
    return r;
  }
  std::string_view Keep(std::string_view text) { return texts_.emplace_back(text); }

  std::deque<std::string> texts_;  // what the records' views point into
  int64_t now_ = 1'700'000'000'000;
  uint64_t offset_ = 0;
};

inline TestPlan TwoArms(MetricKind kind = MetricKind::kConversion) {
  TestPlan plan;
  plan.name = "t1";
  plan.endpoint = "home";
  plan.arms = {{"control", "films/1", 1}, {"treatment", "films/2", 1}};
  plan.metric.name = "watch_rate";
  plan.metric.kind = kind;
  plan.metric.event = "watch";
  plan.metric.window = std::chrono::hours(1);
  plan.seed = "t1";
  return plan;
}

}  // namespace hoego::abtest::internal
