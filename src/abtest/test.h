#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/assignment.h"
#include "base/json.h"
#include "base/status.h"
#include "serving/route.h"

namespace hoego::abtest {

// What a test will measure, decide and when it will end, written down before it starts. Plain data;
// pure functions.

enum class MetricKind : uint8_t {
  kConversion =
      1,       // "conversion": share of exposed units with at least one event; watch_rate is one
  kMean = 2,   // "mean": events (or their values) per exposed unit
  kRatio = 3,  // "ratio": events (or their values) per answer, over exposed units; delta method
};

// Only events that name a decision of this test count, when both their times lie within `window`
// after that decision.
struct Metric {
  std::string name;
  MetricKind kind = MetricKind::kConversion;
  std::string event;    // an event type
  bool values = false;  // "of":"value" sums the events' values, "of":"events" (default) counts them
  bool decrease = false;  // "direction":"decrease": less is better
  std::chrono::milliseconds window{std::chrono::hours(24)};
};

enum class GuardrailKind : uint8_t {
  kErrorRate = 1,  // "error_rate": answers that were a fallback ÷ answers; margin in absolute share
  kP50 = 2,        // "p50", "p99": latency of answers; margin relative, 0.2 = a fifth slower
  kP99 = 3,
};

struct Guardrail {
  GuardrailKind kind = GuardrailKind::kErrorRate;
  double margin = 0;
};
std::string_view GuardrailName(GuardrailKind kind);

struct TestPlan {
  std::string name;
  std::string endpoint;
  std::vector<serving::Arm> arms;  // 2..8; the first is the control
  Metric metric;
  std::vector<Guardrail> guardrails;

  bool always_valid = true;
  double alpha = 0.05;  // shared among the treatments when there are several
  double power = 0.8;   // that needed_units is for
  double min_effect = 0.05;
  bool min_effect_relative = true;

  // Who gets which arm. Fixed once the test has started.
  std::string seed;  // default: the name; changing it draws anew who gets what
  int hash_version = 2;
  double coverage = 1;  // share of the endpoint's units that take part

  // The horizon: when it ends at the latest, besides a decision. 0: no such bound; a test by a
  // fixed horizon needs one.
  uint64_t max_units = 0;  // exposed units, all arms
  std::chrono::milliseconds max_duration{0};
  uint64_t min_units = 100;  // an arm; below it nothing is decided: the intervals are asymptotic

  // What was known when it was planned, and what follows from it.
  std::optional<double> baseline;  // the control's expected metric
  std::optional<double>
      variance;                 // of one unit's outcome; a conversion's follows from its baseline
  uint64_t expected_units = 0;  // all arms; 0: unknown
  uint64_t needed_units = 0;    // all arms, for `power` at min_effect; 0: unknown
  std::optional<double> expected_power;  // at expected_units (else max_units)
  double tuning =
      5000;  // where the always-valid interval is tightest: needed_units, else expected_units

  Assignment assignment() const;
  double arm_share(size_t arm) const;  // weight / sum of weights
};

// The body of POST /v1/tests: {"name","endpoint","kind":"ab","arms":[{"name","model","weight"}],
// "metric":{"name","kind","event","window","of","direction"},"guardrails":[{"metric","margin"}],
// "method":{"always_valid","alpha","power","tuning"},"min_effect","min_effect_scale":"relative|absolute",
// "seed","hash_version","coverage","stop":{"max_units","max_duration"},"min_units","baseline","variance","expected_units"}.
// InvalidArgument names the field and what was expected; Unimplemented names a kind or guardrail
// that is not supported yet.
Result<TestPlan> ParsePlan(JsonRef json);
Result<TestPlan> ParsePlan(std::string_view json);

// The plan with everything filled in; ParsePlan reads it back to the same plan. Adds "power":{…}
// for the reader.
std::string PlanJson(const TestPlan& plan);

//             start            stop             ship
//   planned ────────► running ──────► stopped ────────► shipped
//      │                                │ roll_back
//      └──────────── stop ─────────────►└─────────────► rolled_back
//
// planned: may still be withdrawn (stop). running: assigns units; seed, hash, weights and arms are
// fixed. stopped: assigns nobody, its figures are final. shipped: the treatment's version was put
// in charge. rolled_back: the control's was kept.
enum class TestState : uint8_t {
  kPlanned = 1,
  kRunning = 2,
  kStopped = 3,
  kShipped = 4,
  kRolledBack = 5
};
inline constexpr TestState kAllTestStates[] = {TestState::kPlanned, TestState::kRunning,
                                               TestState::kStopped, TestState::kShipped,
                                               TestState::kRolledBack};

constexpr bool CanMove(TestState from, TestState to) {
  switch (from) {
    case TestState::kPlanned:
      return to == TestState::kRunning || to == TestState::kStopped;
    case TestState::kRunning:
      return to == TestState::kStopped;
    case TestState::kStopped:
      return to == TestState::kShipped || to == TestState::kRolledBack;
    case TestState::kShipped:
    case TestState::kRolledBack:
      return false;
  }
  return false;
}

std::string_view StateName(TestState state);
std::optional<TestState> ParseState(std::string_view name);

// A test as the log holds it: the record Definition{"test", plan.name, json} of every change of it.
struct TestDefinition {
  TestPlan plan;
  TestState state = TestState::kPlanned;
  std::string reason;  // of the last change; may be empty
  Time changed;
};
Result<TestDefinition> ParseDefinition(std::string_view json);
std::string DefinitionJson(
    const TestDefinition& definition);  // {"format":1,"plan":{…},"state","reason","changed"}

}  // namespace hoego::abtest
